"""Likelihood-profile limits: the values of one term at which the log-likelihood, maximised over the others, has fallen
by a given amount (Venzon, Moolgavkar, Applied Statistics 1988;37:87).

The signed root r(b) = sqrt(2 (l_max - l_profile(b))) is nearly linear in b, so its crossing is found by safeguarded
secant steps. A side on which the profile never falls far enough has an infinite limit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equipoise.estimators.maximum_likelihood import Embedded, Problem, Solution
from equipoise.kernels.newton import maximise

DOUBLINGS = 30  # from one standard error: beyond 1e9 of them the profile does not fall
PRECISION = 1e-10  # of a limit, in standard errors
CROSSING_STEPS = 100


@dataclass(frozen=True, slots=True)
class LikelihoodProfile:
    """The profile of a solved problem. `problem` is the whole likelihood, `solution` its supremum."""

    problem: Problem
    solution: Solution

    def interval(self, term: int, drop: float) -> tuple[float, float]:
        """Limits of one term: where the profile log-likelihood lies `drop` below the supremum."""
        found = self.solution
        if not found.converged:
            return (math.nan, math.nan)
        if term in found.infinite:
            return self._one_sided(term, drop)
        at = int(np.searchsorted(found.kept, term))
        centre, error = float(found.maximum.beta[at]), math.sqrt(float(found.kept_covariance()[at, at]))
        return tuple(self._limit(term, found.limit, centre, side * error, drop) for side in (-1.0, 1.0))

    def relative(self, term: int, values: np.ndarray) -> np.ndarray:
        """The profile log-likelihood at values of one term less its supremum, zero at most: float64 (k,)."""
        found = self.solution
        if not found.converged:
            return np.full(len(values), math.nan)
        roots = self._fall(term, found.limit if term not in found.infinite else self.problem, 0.0)
        order = np.argsort(np.abs(values), kind="stable")  # outwards, so that each climb begins near the last
        made = np.empty(len(values))
        for at in order:
            made[at] = -(roots(float(values[at])) ** 2) / 2.0
        return made

    def _one_sided(self, term: int, drop: float) -> tuple[float, float]:
        """Limits of an infinite term: the side towards which the likelihood rises has none."""
        null = self.solution.null
        error = 1.0 / math.sqrt(float(null.information[term, term]))
        fall = self._fall(term, self.problem, drop)
        upwards = fall(error) < fall(-error)
        step = error if upwards else -error
        inside = 0.0
        for k in range(DOUBLINGS):
            if fall(inside) < 0.0:
                break
            inside = step * 2.0**k
        limit = self._limit(term, self.problem, inside, -step, drop)
        return (limit, math.inf) if upwards else (-math.inf, limit)

    def _limit(self, term: int, problem: Problem, inside: float, step: float, drop: float) -> float:
        fall = self._fall(term, problem, drop)
        outside = inside + step * math.sqrt(2.0 * drop)
        for k in range(DOUBLINGS):
            if fall(outside) >= 0.0:
                return _crossing(fall, inside, outside, PRECISION * abs(step))
            inside, outside = outside, outside + step * 2.0**k
        return math.copysign(math.inf, step)

    def _fall(self, term: int, problem: Problem, drop: float) -> Callable[[float], float]:
        """b -> r(b) - sqrt(2 drop), negative inside the limits. Successive calls start from the last others found."""
        among = self.solution.kept if problem is self.solution.limit else self.solution.identified.kept
        others = among[among != term]
        last = np.zeros(len(others))
        top, target = self.solution.log_likelihood, math.sqrt(2.0 * drop)

        def fall(value: float) -> float:
            base = np.zeros(len(self.solution.null.score))
            base[term] = value
            if not len(others):
                reached = problem.evaluate(base).log_likelihood
            else:
                found = maximise(Embedded(problem, others, base).evaluate, last)
                last[:] = found.beta
                reached = found.at.log_likelihood + (found.decrement / 2.0 if found.converged else 0.0)
            return math.sqrt(max(0.0, 2.0 * (top - reached))) - target

        return fall


def _crossing(function: Callable[[float], float], inside: float, outside: float, width: float) -> float:
    """The root between two points of opposite sign: false position, with the stale end's value halved (Illinois)."""
    low, high = function(inside), function(outside)
    last = 0
    for _ in range(CROSSING_STEPS):
        if high == 0.0 or abs(outside - inside) <= width:
            break
        middle = (inside * high - outside * low) / (high - low)
        value = function(middle)
        if value >= 0.0:
            moved, outside, high = abs(outside - middle), middle, value
            low = low / 2.0 if last > 0 else low
            last = 1
        else:
            moved, inside, low = abs(middle - inside), middle, value
            high = high / 2.0 if last < 0 else high
            last = -1
        if moved <= width:
            return middle
    return outside
