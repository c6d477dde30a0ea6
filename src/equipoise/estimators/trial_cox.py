"""Cox marginal structural models of emulated trials: maximum, and a variance robust to persons."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.fit import Convergence
from equipoise.estimators.maximum_likelihood import Solution, solve
from equipoise.estimators.trial_estimation import PERSONS, Expanded, clusters, is_of
from equipoise.estimators.trial_problem import sizes, trial_problem
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.trial_cox import TrialCox


@dataclass(frozen=True, slots=True, eq=False)
class CoxProblem:
    """A partial likelihood of trials as `maximum_likelihood.solve` asks for it; separation shows as no convergence."""

    likelihood: TrialCox
    events: float

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        return self.likelihood.evaluate(beta)

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        return None

    def limit(self, direction: np.ndarray) -> "CoxProblem":
        return self


def cox_parts(expanded: Expanded, words: str, conf_level: float, frame_kind: str) -> dict[str, Any]:
    """The parts of a `Fit` of the expanded rows."""
    found, terms = expanded.found, expanded.columns.terms[1:]
    events, total = float(found.weighted_events.sum()), float(found.weight.sum())
    common = {
        "model": words,
        "measure": "log hazard ratio",
        "direction": "an arm against the reference, a number one unit more",
        "terms": terms,
        "rows": int(found.rows.sum()),
        "events": int(found.events.sum()),
        "persons": clusters(expanded),
        "conf_level": conf_level,
        "variance": "cluster-robust (persons, no factor)",
        "frame_kind": frame_kind,
    }
    if events <= 0.0 or events >= total:
        return common | _nothing(len(terms), Reason.NO_EVENTS if events <= 0.0 else Reason.NO_CONTROLS)
    rows = trial_problem(expanded.columns, expanded.trials, expanded.weights, expanded.y, (events, total)).likelihood
    problem = CoxProblem(TrialCox(rows, found.weighted_events.sum(axis=0)), events)
    solution = solve(problem, sizes(expanded.columns, expanded.trials)[1:])
    arms = expanded.columns.exposure_names
    reasons = tuple(
        Reason.ONE_ARM_EMPTY if why is Reason.CONSTANT and is_of(term, arms) else why
        for term, why in zip(terms, solution.reasons, strict=True)
    )
    steps = solution.maximum.iterations if solution.maximum else 0
    return common | {
        "coefficients": solution.coefficients,
        "covariance": solution.spread(_covariance(problem, solution, expanded.persons)),
        "reasons": reasons,
        "aliases": {terms[j]: tuple(terms[k] for k in ks) for j, ks in solution.identified.aliases.items()},
        "log_likelihood": solution.log_likelihood,
        "log_likelihood_null": solution.null.log_likelihood,
        "rank": len(solution.identified.kept),
        "convergence": Convergence(solution.converged, steps, solution.gradient_norm()),
    }


def _nothing(p: int, reason: Reason) -> dict[str, Any]:
    absent = {"coefficients": np.full(p, np.nan), "covariance": np.full((p, p), np.nan), "reasons": (reason,) * p}
    return absent | {
        "log_likelihood": 0.0,
        "log_likelihood_null": 0.0,
        "rank": 0,
        "convergence": Convergence(True, 0, 0.0),
    }


def _covariance(problem: CoxProblem, solution: Solution, persons: int) -> np.ndarray:
    """Squared influences of persons on the kept terms."""
    kept, meat = solution.kept, np.zeros((len(solution.kept),) * 2)
    if solution.maximum is None:
        return meat
    beta = np.zeros(len(solution.null.score))
    beta[kept] = solution.maximum.beta
    bread = solution.kept_covariance()
    for begin in range(0, persons, PERSONS):
        moved = problem.likelihood.scores(beta, begin, min(begin + PERSONS, persons))[:, kept] @ bread
        meat += moved.T @ moved
    return meat
