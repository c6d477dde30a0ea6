"""From emulated trials to a marginal structural model: maximum, variance by person, and risks that follow from them."""

from dataclasses import dataclass

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.fit import Convergence
from equipoise.estimators.glm_fit import OnTheScaleOfTheData
from equipoise.estimators.maximum_likelihood import Solution, solve
from equipoise.estimators.trial_problem import Columns, TrialProblem, sizes, trial_problem
from equipoise.kernels.trial_risk import HazardModel
from equipoise.kernels.trial_rows import Expansion, Trials, TrialWeights

PERSONS = 4_096  # whose scores are held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Expanded:
    """Trials with weights and columns, ready for one pooled logistic model of the outcome y uint8 (N,)."""

    trials: Trials
    weights: TrialWeights
    columns: Columns
    y: np.ndarray
    found: Expansion
    persons: int


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """A marginal structural model at its estimates. Without a solution, `reason` says why."""

    expanded: Expanded
    problem: TrialProblem | None
    solution: Solution | None
    reason: Reason | None

    @property
    def terms(self) -> tuple[str, ...]:
        return self.expanded.columns.terms

    @property
    def back(self) -> OnTheScaleOfTheData:
        return OnTheScaleOfTheData(self.problem.centre, self.problem.likelihood.shift, self.solution)

    @property
    def reasons(self) -> tuple[Reason | None, ...]:
        """Why a term is absent; a constant term of an arm has one arm empty."""
        if self.solution is None:
            return (self.reason,) * len(self.terms)
        arms = self.expanded.columns.exposure_names
        return tuple(
            Reason.ONE_ARM_EMPTY if why is Reason.CONSTANT and is_of(term, arms) else why
            for term, why in zip(self.terms, self.back.reasons, strict=True)
        )

    @property
    def answers(self) -> Reason | None:
        """Why the model predicts nothing, or None."""
        spoils = [r for r in self.reasons if r in (Reason.SEPARATION, Reason.NOT_CONVERGED, Reason.ONE_ARM_EMPTY)]
        return self.reason or (spoils[0] if spoils else None)

    @property
    def convergence(self) -> Convergence:
        if self.solution is None:
            return Convergence(True, 0, 0.0)
        steps = self.solution.maximum.iterations if self.solution.maximum else 0
        return Convergence(self.solution.converged, steps, self.solution.gradient_norm())

    @property
    def hazard(self) -> HazardModel:
        """The model as it predicts."""
        return HazardModel(self.problem.likelihood, self.back.centred)

    def coefficients(self) -> np.ndarray:
        """float64 (P,), nan where a reason stands."""
        return np.full(len(self.terms), np.nan) if self.solution is None else self.back.coefficients()

    def influence(self, begin: int, end: int) -> np.ndarray:
        """What each person does to the centred estimates, float64 (end - begin, P)."""
        kept = self.solution.kept
        out = np.zeros((end - begin, len(self.terms)))
        if self.solution.maximum is not None:
            scores = self.solution.limit.likelihood.scores(self.back.centred, begin, end)
            out[:, kept] = scores[:, kept] @ self.solution.kept_covariance()
        return out


def estimate(expanded: Expanded) -> Estimated:
    """The pooled logistic model of the expanded rows."""
    total = float(expanded.found.weight.sum())
    events = float(expanded.found.weighted_events.sum())
    if events <= 0.0 or events >= total:
        return Estimated(expanded, None, None, Reason.NO_EVENTS if events <= 0.0 else Reason.NO_CONTROLS)
    problem = trial_problem(expanded.columns, expanded.trials, expanded.weights, expanded.y, (events, total))
    return Estimated(expanded, problem, solve(problem, sizes(expanded.columns, expanded.trials)), None)


def person_covariance(models: list[Estimated]) -> np.ndarray:
    """The covariance of the centred estimates of models together: squared influences of persons, times G / (G - 1)."""
    persons = models[0].expanded.persons
    meat = np.zeros((sum(len(m.terms) for m in models),) * 2)
    for begin in range(0, persons, PERSONS):
        moved = np.hstack([m.influence(begin, min(begin + PERSONS, persons)) for m in models])
        meat += moved.T @ moved
    groups = clusters(models[0].expanded)
    return meat * (groups / (groups - 1)) if groups > 1 else np.full_like(meat, np.nan)


def clusters(expanded: Expanded) -> int:
    """Persons with at least one row in a trial."""
    return int(np.count_nonzero(np.bincount(expanded.trials.person, expanded.trials.length)))


def covariance_of(model: Estimated) -> np.ndarray:
    """The robust covariance of the terms on the scale of the data, nan where a reason stands."""
    if model.solution is None:
        return np.full((len(model.terms),) * 2, np.nan)
    kept = model.solution.kept
    return model.back.covariance(person_covariance([model])[np.ix_(kept, kept)])


def is_of(term: str, arms: tuple[str, ...]) -> bool:
    """Whether a term, or a factor of it, tells arms apart."""
    return bool(set(term.split(":")) & set(arms))
