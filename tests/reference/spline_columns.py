"""Cubic splines in R's own bases, for the cases whose coefficients belong to those bases."""

import numpy as np
from scipy.interpolate import BSpline

ORDER = 4  # cubic


def _full(inner: list[float], boundary: tuple[float, float]) -> BSpline:
    """All cubic B-splines with these knots, as one function of vector value."""
    knots = np.concatenate([np.full(ORDER, boundary[0]), inner, np.full(ORDER, boundary[1])])
    return BSpline(knots, np.eye(len(knots) - ORDER), ORDER - 1)


def natural_spline(x: np.ndarray, inner: list[float], boundary: tuple[float, float]) -> np.ndarray:
    """Columns of R's `ns` without intercept: B-splines with second derivative 0 at the boundary knots."""
    splines = _full(inner, boundary)
    curvature = splines.derivative(2)(np.array(boundary))[:, 1:]
    complement = np.linalg.qr(curvature.T, mode="complete")[0][:, 2:]
    return splines(x)[:, 1:] @ complement


def cyclic_spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Columns of cubic B-splines on equidistant knots that repeat after the last knot; they add up to 1."""
    period, step = knots[-1] - knots[0], knots[1] - knots[0]
    out = np.zeros((len(x), len(knots) - 1))
    for j in range(len(knots) - 1):
        piece = BSpline.basis_element(knots[0] + step * np.arange(j - ORDER, j + 1), extrapolate=False)
        for turn in (-2, -1, 0, 1):
            out[:, j] += np.nan_to_num(piece(x + turn * period))
    return out
