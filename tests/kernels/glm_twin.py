"""Plain NumPy twins of the likelihoods of logistic, Poisson and case series models, and numeric derivatives."""

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, xlogy

from equipoise.kernels.glm import LOGISTIC


def twin_log_likelihood(
    family: int, x: np.ndarray, y: np.ndarray, weight: np.ndarray, offset: np.ndarray, beta: np.ndarray
) -> float:
    """l at beta (1 + p,), the intercept first; weight and offset are (n,)."""
    eta = offset + beta[0] + x @ beta[1:]
    if family == LOGISTIC:
        return float(weight @ (y * eta - np.logaddexp(0.0, eta)))
    return float(weight @ (y * eta - np.exp(eta) - gammaln(y + 1.0)))


def twin_conditional(x: np.ndarray, y: np.ndarray, offset: np.ndarray, person: np.ndarray, beta: np.ndarray) -> float:
    """The sum of y log p over the rows of each person, p the multinomial probabilities."""
    total, eta = 0.0, offset + x @ beta
    for one in np.unique(person):
        rows = person == one
        p = np.exp(eta[rows] - eta[rows].max())
        total += float(xlogy(y[rows], p / p.sum()).sum())
    return total


def gradient(function: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences, accurate to about 1e-9 of the function's scale."""
    out = np.empty(len(at))
    for k in range(len(at)):
        move = np.zeros(len(at))
        move[k] = step
        out[k] = (function(at + move) - function(at - move)) / (2.0 * step)
    return out
