"""The expected absolute systematic error: the mean of |X| for X ~ N(mean, sd^2), a folded normal variable."""

import math

import numpy as np
from scipy.special import ndtr


def expected_absolute_error(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """sd sqrt(2 / pi) exp(-mean^2 / 2 sd^2) + mean (1 - 2 Phi(-mean / sd)), float64 of their shape; |mean| at sd 0.

    >>> float(expected_absolute_error(np.float64(0.0), np.float64(1.0)).round(6))  # sqrt(2 / pi)
    0.797885
    """
    mean, sd = np.asarray(mean, np.float64), np.asarray(sd, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(sd > 0.0, mean / sd, 0.0)
    folded = sd * math.sqrt(2.0 / math.pi) * np.exp(-0.5 * ratio**2) + mean * (1.0 - 2.0 * ndtr(-ratio))
    return np.where(sd > 0.0, folded, np.abs(mean))
