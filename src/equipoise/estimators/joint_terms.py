"""What a joint model reports: its terms by name and scale, and where each stands among the parameters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.joint_estimation import Determined, Solution, causes_of
from equipoise.estimators.joint_problem import FEATURES, Given, Request, hazard_columns
from equipoise.kernels.joint_baseline import WEIBULL, weibull_terms

RATIO, DIFFERENCE, HAZARD, SHAPE = "log hazard ratio", "difference in mean outcome", "log hazard", "log shape"
NOWHERE = -1
ASSOCIATION = "association"


@dataclass(frozen=True, slots=True)
class Term:
    """One reported term; `at` is its place among the parameters, `aliases` are the terms it combines."""

    name: str
    measure: str
    at: int
    reason: Reason | None
    aliases: tuple[str, ...] = ()


def terms_of(found: Given, request: Request, columns: Determined, solution: Solution | None) -> list[Term]:
    """The trajectory's terms, then for each cause covariates, associations and baseline."""
    out = _of_trajectory(found, columns, solution is not None)
    seen, unseen = causes_of(found)
    several = bool(unseen) or len(seen) > 1
    for cause in sorted((*seen, *unseen)):
        place = seen.index(cause) if cause in seen and solution else None
        out += _of_cause(found, request, solution, place, f" {cause}" if several else "", cause in seen)
    return out


def _of_trajectory(found: Given, columns: Determined, solved: bool) -> list[Term]:
    names = [f"trajectory: {term}" for term in found.fixed.terms]
    place = {int(j): k for k, j in enumerate(columns.kept)}
    out = []
    for j, name in enumerate(names):
        reason = columns.reasons[j] or (None if solved else Reason.NOT_IDENTIFIED)
        others = tuple(names[k] for k in columns.aliases.get(j, ()))
        out.append(Term(name, DIFFERENCE, place.get(j, NOWHERE), reason, others))
    return out


def _of_cause(
    found: Given, request: Request, solution: Solution | None, place: int | None, number: str, had_events: bool
) -> list[Term]:
    """Terms of one cause; `place` is its place among the causes of the solution, None where it is not there."""
    features, baseline = FEATURES[request.association], found.baseline
    covariates = hazard_columns(found.hazard, found.w)[1]
    scales = [HAZARD] * len(baseline.names)
    if baseline.kind == WEIBULL:
        scales[1] = SHAPE
    own = [(f"baseline{number}: {name}", scale) for name, scale in zip(baseline.names, scales, strict=True)]
    own += [(f"hazard{number}: {name}", RATIO) for name in covariates]
    own += [(f"{ASSOCIATION}{number}: {name}", RATIO) for name in features]
    if place is None:
        reason = Reason.NOT_IDENTIFIED if had_events else Reason.NO_EVENTS
        rows = [Term(name, scale, NOWHERE, reason) for name, scale in own]
    else:
        rows = _placed(own, solution, place, len(features))
    d, k = len(baseline.names), len(covariates)
    return rows[d : d + k] + rows[d + k :] + rows[:d]


def _placed(own: list[tuple[str, str]], solution: Solution, place: int, features: int) -> list[Term]:
    layout = solution.objective.layout
    first, width = int(layout.cause_start[place]), len(own) - features
    at = [first + j for j in range(width)]
    at += [int(layout.cause_start[-1]) + place * features + a for a in range(features)]
    name_at = dict(zip(at, (name for name, _ in own), strict=True))
    rows = []
    for (name, scale), j in zip(own, at, strict=True):
        reason = solution.hazard_reasons[j]
        others = tuple(name_at[k] for k in solution.hazard_aliases.get(j, ()))
        rows.append(Term(name, scale, layout.at_psi + j, reason, others))
    return rows


def reported(solution: Solution) -> tuple[np.ndarray, np.ndarray]:
    """The parameters (size,) with Weibull hazards as intercept and log shape, and their covariance (size, size)."""
    theta, turn = solution.theta.copy(), np.eye(len(solution.theta))
    if solution.model.baseline.kind == WEIBULL:
        layout = solution.objective.layout
        for first in layout.at_psi + layout.cause_start[:-1]:
            two = slice(first, first + 2)
            theta[two], turn[two, two] = weibull_terms(theta[two])
    return theta, turn @ solution.covariance @ turn.T


def coefficients_of(terms: list[Term], solution: Solution | None) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (p,) and covariance (p, p) of the terms, nan where a reason stands."""
    p = len(terms)
    if solution is None:
        return np.full(p, np.nan), np.full((p, p), np.nan)
    theta, whole = reported(solution)
    at = np.array([max(term.at, 0) for term in terms])
    out = np.array([term.reason is not None for term in terms])
    coefficients, covariance = theta[at], whole[np.ix_(at, at)]
    coefficients[out] = np.nan
    covariance[out] = np.nan
    covariance[:, out] = np.nan
    return coefficients, covariance


def aliases_of(terms: list[Term]) -> Mapping[str, tuple[str, ...]]:
    """For collinear terms the terms they combine."""
    return {term.name: term.aliases for term in terms if term.reason is Reason.COLLINEAR}
