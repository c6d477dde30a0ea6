"""The linear mixed model by dense n x n matrices, one obvious line a formula, and small data to hold the kernel to."""

import numpy as np

from equipoise.kernels.person_statistics import PersonRows, person_rows


def small_rows(seed: int = 1, persons: int = 7, q: int = 2, p: int = 3) -> PersonRows:
    """Between 1 and 6 rows a person, in any order of rows."""
    rng = np.random.default_rng(seed)
    person = rng.permutation(np.repeat(np.arange(persons) * 3, rng.integers(1, 7, persons)))
    n = len(person)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    z = np.column_stack([np.ones(n), rng.normal(size=(n, q - 1))])
    effects = rng.normal(size=(persons, q))[person // 3]
    y = x @ np.arange(1.0, p + 1) + (z * effects).sum(axis=1) + rng.normal(size=n)
    return person_rows(y, x, z, person)


def dense_covariance(rows: PersonRows, d: np.ndarray, variance: float) -> np.ndarray:
    """V of all rows, (n, n)."""
    same = rows.person[:, None] == rows.person
    return variance * np.eye(len(rows.y)) + same * (rows.z @ d @ rows.z.T)


def dense_deviance(rows: PersonRows, d: np.ndarray, variance: float, reml: bool) -> float:
    """Twice the negative (restricted) log-likelihood, beta at its generalised least-squares value."""
    v = dense_covariance(rows, d, variance)
    inverse = np.linalg.inv(v)
    information = rows.x.T @ inverse @ rows.x
    residual = rows.y - rows.x @ np.linalg.solve(information, rows.x.T @ inverse @ rows.y)
    n, p = rows.x.shape
    out = np.linalg.slogdet(v)[1] + residual @ inverse @ residual + (n - p * reml) * np.log(2 * np.pi)
    return float(out + reml * np.linalg.slogdet(information)[1])
