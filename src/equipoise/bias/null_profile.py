"""Likelihood-profile limits of a null distribution: the region of (mean, sd) that the controls do not contradict.

The region is where twice the log-likelihood lies less than a quantile of chi-squared (1 degree of freedom) below its
maximum. For each sd it is an interval of means around the best one, so that the extremes over the region of the mean,
of the sd and of the expected absolute systematic error, which grows with |mean|, are searches over the sd alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equipoise.bias.magnitude import expected_absolute_error
from equipoise.estimators.tails import normal_quantile
from equipoise.kernels.random_effects import Profile, maximum, profile_of

POINTS = 401
ROUNDS = 12  # each narrows the search by POINTS / 4
DOUBLINGS = 60

Bound = Callable[[Profile, np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The controls (log_estimate, variance float64 (n,)), the lowest log-likelihood inside, and the limits of the sd.

    The upper limit of the sd is infinite for a single control.
    """

    y: np.ndarray
    s2: np.ndarray
    floor: float
    sd: tuple[float, float]

    def mean(self) -> tuple[float, float]:
        """Limits of the mean."""
        return (-self._largest(lambda at, half: half - at.mean), self._largest(lambda at, half: at.mean + half))

    def expected_absolute_error(self) -> tuple[float, float]:
        """Limits of the expected absolute systematic error."""
        if math.isinf(self.sd[1]):
            return (0.0, math.inf)
        low = -self._largest(lambda at, half: -expected_absolute_error(np.maximum(np.abs(at.mean) - half, 0.0), at.tau))
        return (low, self._largest(lambda at, half: expected_absolute_error(np.abs(at.mean) + half, at.tau)))

    def _largest(self, bound: Bound) -> float:
        """The largest of a bound over the region, by a grid of sd that narrows around the best point."""
        low, high = self.sd
        if math.isinf(high):
            return math.inf
        best = -math.inf
        for _ in range(ROUNDS):
            at = profile_of(np.linspace(low, high, POINTS), self.y, self.s2)
            values = bound(at, np.nan_to_num(at.half_widths(self.floor)))
            inside = at.log_likelihood >= self.floor - 1e-9
            values = np.where(inside, values, -math.inf)
            top = int(np.argmax(values))
            best = max(best, float(values[top]))
            low, high = float(at.tau[max(top - 2, 0)]), float(at.tau[min(top + 2, POINTS - 1)])
        return best


def region_of(y: np.ndarray, s2: np.ndarray, conf_level: float) -> Region:
    """The region at a confidence level, for at least one control."""
    best = maximum(y, s2)
    drop = normal_quantile(0.5 + conf_level / 2.0) ** 2 / 2.0
    floor = float(best.log_likelihood[0]) - drop
    return Region(y, s2, floor, _sd_limits(y, s2, float(best.tau[0]), floor))


def _sd_limits(y: np.ndarray, s2: np.ndarray, tau: float, floor: float) -> tuple[float, float]:
    def room(value: float) -> float:
        return float(profile_of(np.array([value]), y, s2).log_likelihood[0]) - floor

    low = 0.0 if room(0.0) >= 0.0 else _crossing(room, tau, 0.0)
    if len(y) < 2:
        return (low, math.inf)
    outside = max(tau, math.sqrt(float(s2.max())))
    for _ in range(DOUBLINGS):
        if room(outside) < 0.0:
            break
        outside *= 2.0
    return (low, _crossing(room, tau, outside))


def _crossing(room: Callable[[float], float], inside: float, outside: float) -> float:
    for _ in range(100):
        middle = 0.5 * (inside + outside)
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if room(middle) >= 0.0 else (inside, middle)
    return inside
