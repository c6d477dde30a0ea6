"""How estimating functions move with the coefficients of a logistic propensity model, and persons with them.

Purpose    with z = x - c: D = sum over persons of slope_i z_i u_i' (`moved_by_coefficients`), how the weighted sum of
           scores u moves with the coefficients, and r_i z_i' S (`influence_through`), what each person adds through the
           coefficients, r the residual of its arm and S = I^-1 D.
Order      any. x float64 (n, k), C-contiguous, the intercept among its columns; c is 0 for it.
Cost       n k q multiplications each, and no copy of x.
Paper      Newey, McFadden, Handbook of Econometrics 1994;4:2176.
"""

import numpy as np

from equipoise.kernels.jit import compiled


def moved_by_coefficients(x: np.ndarray, centre: np.ndarray, slope: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """D, float64 (k, q), from x (n, k), centre (k,), slope (n,) and scores (n, q).

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.nuisance_sums import moved_by_coefficients
        >>> moved_by_coefficients(np.array([[1.0, 5.0], [1.0, 7.0]]), np.array([0.0, 6.0]), np.ones(2), np.eye(2))
        array([[ 1.,  1.],
               [-1.,  1.]])
    """
    out = np.zeros((x.shape[1], scores.shape[1]))
    _add_up(x, centre, slope, np.ascontiguousarray(scores), out)
    return out


def influence_through(x: np.ndarray, centre: np.ndarray, residual: np.ndarray, solved: np.ndarray) -> np.ndarray:
    """What each person adds, float64 (n, q), from residual (n,) and S (k, q)."""
    out = np.zeros((len(x), solved.shape[1]))
    _hand_out(x, centre, residual, np.ascontiguousarray(solved), out)
    return out


@compiled
def _add_up(x, centre, slope, scores, out):
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            z = slope[i] * (x[i, k] - centre[k])
            for j in range(scores.shape[1]):
                out[k, j] += z * scores[i, j]


@compiled
def _hand_out(x, centre, residual, solved, out):
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            z = residual[i] * (x[i, k] - centre[k])
            for j in range(solved.shape[1]):
                out[i, j] += z * solved[k, j]
