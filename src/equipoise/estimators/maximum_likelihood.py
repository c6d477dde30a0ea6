"""Maximum likelihood where some terms may have no finite, or no unique, estimate.

1. The information without effects shows which terms vary and which are combinations of others (`identify`).
2. Newton's method climbs over the rest.
3. Where it does not arrive, or the information has collapsed, a direction in which the likelihood rises for ever is
   looked for and proved (`recession`). If there is one, the limit along it replaces the likelihood, and step 2 follows.
4. Terms that the last limit does not determine are infinite: separation. The others have the limit's estimates.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.identification import Identified, identify, null_space
from equipoise.kernels.newton import Evaluation, Maximum, maximise, solve_information

FIRST_ITERATIONS = 12  # enough where the maximum is finite and ordinary
MAX_ITERATIONS = 100
COLLAPSED = 100.0  # variance relative to that without effects, from which separation is looked for
AT_REST = 1e-3  # last step relative to the largest estimate
UNDETERMINED = 1e-6  # standardised part in a direction the limit says nothing about


class Problem(Protocol):
    """A log-likelihood of all p terms that can say where it rises for ever and what it tends to there."""

    @property
    def events(self) -> int: ...

    def evaluate(self, beta: np.ndarray) -> Evaluation: ...

    def recession(self, scale: np.ndarray) -> np.ndarray | None: ...

    def limit(self, direction: np.ndarray) -> "Problem": ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """A problem seen by the terms at positions `kept` alone; the others are held at `base` (p,)."""

    problem: Problem
    kept: np.ndarray
    base: np.ndarray

    def fill(self, part: np.ndarray) -> np.ndarray:
        beta = self.base.copy()
        beta[self.kept] = part
        return beta

    def evaluate(self, part: np.ndarray) -> Evaluation:
        return self.problem.evaluate(self.fill(part)).part(self.kept)


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the likelihood has its supremum.

    identified      what the data determine at all
    null            the evaluation without effects, all p terms
    limit, kept     the likelihood whose maximum is finite, and the positions of the terms it was climbed over
    maximum         the climb, None where nothing was left to climb over
    infinite        positions of the separated terms
    """

    identified: Identified
    null: Evaluation
    limit: Problem
    kept: np.ndarray
    maximum: Maximum | None
    infinite: frozenset[int]

    @property
    def converged(self) -> bool:
        return self.maximum is None or self.maximum.converged

    @property
    def log_likelihood(self) -> float:
        """At the supremum; the final Newton step's gain, half the decrement, is counted."""
        if self.maximum is None:
            return self.limit.evaluate(np.zeros(len(self.null.score))).log_likelihood
        return self.maximum.at.log_likelihood + (self.maximum.decrement / 2.0 if self.maximum.converged else 0.0)

    @property
    def reasons(self) -> tuple[Reason | None, ...]:
        determined = None if self.converged else Reason.NOT_CONVERGED
        return tuple(
            reason or (Reason.SEPARATION if j in self.infinite else determined)
            for j, reason in enumerate(self.identified.reasons)
        )

    @property
    def finite(self) -> np.ndarray:
        """Positions of the terms that have an estimate."""
        return np.array([j for j, reason in enumerate(self.reasons) if reason is None], np.int64)

    @property
    def coefficients(self) -> np.ndarray:
        """float64 (p,), nan where a reason stands."""
        beta = np.full(len(self.null.score), np.nan)
        if self.maximum is not None:
            beta[self.kept] = self.maximum.beta
            beta[[j for j in range(len(beta)) if self.reasons[j] is not None]] = np.nan
        return beta

    def spread(self, part: np.ndarray) -> np.ndarray:
        """A covariance of the kept terms as one of all p, nan where a reason stands."""
        p = len(self.null.score)
        covariance = np.full((p, p), np.nan)
        at = np.searchsorted(self.kept, self.finite)
        covariance[np.ix_(self.finite, self.finite)] = part[np.ix_(at, at)]
        return covariance

    def kept_covariance(self) -> np.ndarray:
        """The inverse information of the kept terms; empty where there are none."""
        if self.maximum is None:
            return np.empty((0, 0))
        inverse = solve_information(self.maximum.at.information, np.eye(len(self.kept)))
        return np.full((len(self.kept),) * 2, np.nan) if inverse is None else inverse

    def score_statistic(self) -> float:
        """U' I^-1 U without effects, over the identified terms."""
        null = self.null.part(self.identified.kept)
        step = solve_information(null.information, null.score) if len(null.score) else None
        return float("nan") if step is None else float(null.score @ step)

    def gradient_norm(self) -> float:
        """The largest score at the end of the climb, in units of its standard deviation."""
        if self.maximum is None:
            return 0.0
        at = self.maximum.at
        return float(np.max(np.abs(at.score) / np.sqrt(at.information.diagonal())))


def solve(problem: Problem, size: np.ndarray) -> Solution:
    """Find the supremum. `size` (p,) is the magnitude of each column, as for `identify`."""
    null = problem.evaluate(np.zeros(len(size)))
    identified = identify(null.information, size)
    kept, at, infinite = identified.kept, null, frozenset[int]()
    scale = np.zeros(len(size))
    scale[kept] = np.sqrt(null.information.diagonal()[kept] / max(problem.events, 1))
    while len(kept):
        maximum, direction = _climb(problem, kept, at.part(kept), scale)
        if direction is None:
            return Solution(identified, null, problem, kept, maximum, infinite)
        problem = problem.limit(direction)
        at = problem.evaluate(np.zeros(len(size)))
        left = at.part(identified.kept).information
        kept = identified.kept[identify(left, size[identified.kept]).kept]
        open_directions = np.abs(null_space(left)).max(axis=1, initial=0.0)
        infinite = frozenset(int(j) for j in identified.kept[open_directions > UNDETERMINED])
    return Solution(identified, null, problem, kept, None, infinite)


def _climb(
    problem: Problem, kept: np.ndarray, start: Evaluation, scale: np.ndarray
) -> tuple[Maximum, np.ndarray | None]:
    """The maximum over the kept terms, or with it a direction in which there is none."""
    seen = Embedded(problem, kept, np.zeros(len(scale)))
    maximum = maximise(seen.evaluate, np.zeros(len(kept)), start, FIRST_ITERATIONS)
    if maximum.converged and not _has_collapsed(maximum.at.information, start.information):
        return maximum, None
    direction = problem.recession(scale)
    if direction is None and not maximum.converged:
        maximum = maximise(seen.evaluate, maximum.beta, maximum.at, MAX_ITERATIONS)
    if direction is None and not _is_at_rest(maximum, np.sqrt(start.information.diagonal())):
        maximum = replace(maximum, converged=False)
    return maximum, direction


def _is_at_rest(maximum: Maximum, unit: np.ndarray) -> bool:
    """Whether the last step was short beside the estimates, and not only short beside their standard errors.

    `unit` (p,) makes terms comparable. Where a likelihood rises for ever and no direction was found, steps keep their
    length while nothing is gained.
    """
    step = solve_information(maximum.at.information, maximum.at.score)
    return step is not None and bool(np.abs(step * unit).max() <= AT_REST * np.abs(maximum.beta * unit).max())


def _has_collapsed(information: np.ndarray, before: np.ndarray) -> bool:
    """Whether some variance is many times that without effects: separation, or a strong effect."""
    identity = np.eye(len(before))
    after, at_first = solve_information(information, identity), solve_information(before, identity)
    if after is None or at_first is None:
        return True
    return bool((after.diagonal() > COLLAPSED * at_first.diagonal()).any())
