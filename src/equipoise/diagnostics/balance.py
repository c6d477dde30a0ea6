"""Standardized differences between two groups of rows (Austin 2009; Yang & Dalton 2012 for categorical variables)."""

import numpy as np


def standardized_mean_difference(first: np.ndarray, second: np.ndarray) -> float:
    """(mean of first - mean of second) / sqrt((variance of first + variance of second) / 2), variances with n - 1.

    NaN where a group has fewer than two rows or neither varies.

    >>> round(standardized_mean_difference(np.array([1.0, 3.0]), np.array([0.0, 2.0])), 3)
    0.707
    """
    if len(first) < 2 or len(second) < 2:
        return float("nan")
    pooled = (np.var(first, ddof=1) + np.var(second, ddof=1)) / 2
    return float((np.mean(first) - np.mean(second)) / np.sqrt(pooled)) if pooled > 0 else float("nan")


def standardized_categorical_difference(first: np.ndarray, second: np.ndarray, n_levels: int) -> float:
    """Distance between two distributions over levels 0..n_levels-1, never negative; 0 where they agree.

    The Mahalanobis distance of the proportions of all levels but the first, with the mean of the two multinomial
    covariance matrices. For two levels it is |p - q| / sqrt((p(1-p) + q(1-q)) / 2). NaN where a group is empty.
    """
    if not len(first) or not len(second):
        return float("nan")
    p = np.bincount(first, minlength=n_levels)[1:] / len(first)
    q = np.bincount(second, minlength=n_levels)[1:] / len(second)
    covariance = (_multinomial(p) + _multinomial(q)) / 2
    gap = p - q
    if not gap.any():
        return 0.0
    # Levels that nobody has make the matrix singular; the pseudo-inverse leaves them out.
    squared = float(gap @ np.linalg.pinv(covariance, hermitian=True) @ gap)
    return float(np.sqrt(squared)) if squared > 0 else float("nan")


def _multinomial(p: np.ndarray) -> np.ndarray:
    return np.diag(p) - np.outer(p, p)
