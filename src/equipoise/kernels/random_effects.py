"""Estimates y_i with standard errors s_i around normally distributed true values: y_i ~ N(mu, s_i^2 + tau^2).

Purpose    the likelihood of the mean mu and the standard deviation tau, its maximum, and its profile over tau.
Method     for a given tau the best mu is the mean of y with weights w_i = 1 / (s_i^2 + tau^2), and the log-likelihood
           is quadratic in mu with curvature W = sum w_i. What is left is one-dimensional: the score of tau^2 is
           (sum w_i^2 (y_i - mu)^2 - sum w_i) / 2. Its sign is looked up on a grid, since the profile may have several
           maxima, and each downward crossing is bisected; tau = 0 competes.
Input      float64 y, s2 = s^2 > 0, each (n,), finite, n >= 1.
Ties, zero weight  none; identical estimates give tau = 0.
Cost       512 n to look, 60 n for each crossing.
Paper      Schuemie et al., Stat Med 2014;33:209; Hardy, Thompson, Stat Med 1996;15:619.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DesignError, Fault

GRID = 512
HALVINGS = 100
SMALLEST = 1e-9  # of tau^2, relative to the least variance of an estimate: below it tau changes nothing
LOG_2_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Profile:
    """At each of k values of tau: the best mean, the log-likelihood there, and the curvature W, float64 (k,)."""

    tau: np.ndarray
    mean: np.ndarray
    log_likelihood: np.ndarray
    curvature: np.ndarray

    def half_widths(self, floor: float) -> np.ndarray:
        """How far mu may move from `mean` until the log-likelihood falls to `floor`; nan where it lies below it."""
        room = self.log_likelihood - floor
        return np.sqrt(np.where(room >= 0.0, 2.0 * room / self.curvature, np.nan))


def profile_of(tau: np.ndarray, y: np.ndarray, s2: np.ndarray) -> Profile:
    """The profile at the values of tau, float64 (k,).

    >>> profile_of(np.array([0.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0])).mean
    array([0.5])
    """
    weight = 1.0 / (s2 + (tau**2)[:, None])
    total = weight.sum(axis=1)
    mean = (weight @ y) / total
    squares = (weight * (y - mean[:, None]) ** 2).sum(axis=1)
    value = 0.5 * (np.log(weight).sum(axis=1) - squares - len(y) * LOG_2_PI)
    return Profile(tau, mean, value, total)


def maximum(y: np.ndarray, s2: np.ndarray) -> Profile:
    """The profile at the tau that maximises the likelihood: arrays of length 1.

    >>> maximum(np.array([-1.0, 1.0]), np.array([0.5, 0.5])).tau ** 2  # the variance 1 less 0.5
    array([0.5])
    """
    if not len(y):
        raise DesignError(Fault("estimates", "none", "at least one"))
    top = float(np.ptp(y)) ** 2
    lowest = SMALLEST * float(s2.min())
    candidates = [0.0]
    if top > lowest:
        grid = np.concatenate([[0.0], np.geomspace(lowest, top, GRID)])
        sign = _scores(grid, y, s2) > 0.0
        candidates += [_crossing(grid[k], grid[k + 1], y, s2) for k in np.flatnonzero(sign[:-1] & ~sign[1:])]
    found = profile_of(np.sqrt(np.array(candidates)), y, s2)
    best = slice(int(np.argmax(found.log_likelihood)), int(np.argmax(found.log_likelihood)) + 1)
    return Profile(found.tau[best], found.mean[best], found.log_likelihood[best], found.curvature[best])


def _scores(squared: np.ndarray, y: np.ndarray, s2: np.ndarray) -> np.ndarray:
    """Twice the score of tau^2 on the profile."""
    weight = 1.0 / (s2 + squared[:, None])
    mean = (weight @ y) / weight.sum(axis=1)
    return (weight**2 * (y - mean[:, None]) ** 2 - weight).sum(axis=1)


def _crossing(low: float, high: float, y: np.ndarray, s2: np.ndarray) -> float:
    """The tau^2 between two at which the score falls through zero."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _scores(np.array([middle]), y, s2)[0] > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
