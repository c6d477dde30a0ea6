"""Log baseline hazards that are linear in their parameters: piecewise constant, Weibull, B-splines.

Purpose    the columns B(t) of log h0(t) = B(t) psi, at any times.
Piecewise  one indicator an interval; a time equal to a cut belongs to the interval that ends there.
Weibull    columns 1 and log t. With shape k and intercept a: log h0(t) = a + log k + (k - 1) log t, so that
           psi = (a + log k, k - 1).
B-splines  of a stated degree with knots inside a boundary. Outside the boundary the outer polynomials go on.
Cost       O(n) for n times.
Paper      de Boor: A Practical Guide to Splines (2001), chapter IX.
"""

import math

import numpy as np

PIECEWISE, WEIBULL, SPLINE = "piecewise", "weibull", "spline"


def piecewise_columns(times: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Indicators (n, len(cuts) + 1) of the interval a time lies in; cuts rise."""
    out = np.zeros((len(times), len(cuts) + 1))
    out[np.arange(len(times)), np.searchsorted(cuts, times, side="left")] = 1.0
    return out


def weibull_columns(times: np.ndarray) -> np.ndarray:
    """Columns 1 and log t, (n, 2), for times above 0."""
    return np.column_stack([np.ones(len(times)), np.log(times)])


def spline_columns(times: np.ndarray, inner: np.ndarray, boundary: tuple[float, float], degree: int = 3) -> np.ndarray:
    """B-splines (n, len(inner) + degree + 1) with knots `inner`, rising, inside `boundary`; they add up to 1.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.joint_baseline import spline_columns
        >>> spline_columns(np.array([0.0, 1.0, 2.0]), np.array([1.0]), (0.0, 2.0), degree=1)
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]])
    """
    knots = np.concatenate([[boundary[0]] * (degree + 1), inner, [boundary[1]] * (degree + 1)])
    n_basis = len(inner) + degree + 1
    span = np.clip(np.searchsorted(knots, times, side="right") - 1, degree, n_basis - 1)
    local = [np.ones(len(times))]
    for order in range(1, degree + 1):
        local = _raised(local, times, knots, span, order)
    out = np.zeros((len(times), n_basis))
    rows = np.arange(len(times))
    for k, values in enumerate(local):
        out[rows, span - degree + k] = values
    return out


def _raised(
    local: list[np.ndarray], times: np.ndarray, knots: np.ndarray, span: np.ndarray, order: int
) -> list[np.ndarray]:
    """The splines of one order that are not zero on each time's span, from those of the order below."""
    out = [np.zeros(len(times)) for _ in range(order + 1)]
    for k, values in enumerate(local):
        right, left = knots[span + k + 1], knots[span + k + 1 - order]
        share = values / (right - left)
        out[k] += (right - times) * share
        out[k + 1] += (times - left) * share
    return out


def weibull_terms(psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and log shape from psi, each (2,), and their derivatives (2, 2) with respect to psi."""
    shape = 1.0 + psi[1]
    if not shape > 0.0:
        return np.full(2, math.nan), np.full((2, 2), math.nan)
    return np.array([psi[0] - math.log(shape), math.log(shape)]), np.array([[1.0, -1.0 / shape], [0.0, 1.0 / shape]])
