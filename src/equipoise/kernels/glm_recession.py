"""Separation in logistic and Poisson regression: a direction in which the likelihood rises for ever, and what is left.

Purpose    prove that some coefficients are infinite, and find the rows that still say something in that limit.
Order      any, as in `glm`. z = (1, x - c) is a row with its intercept.
Method     logistic: a direction delta with z' delta >= 0 in every row with the outcome and <= 0 in every row without,
           not zero in all; the rows where it is not zero are fitted perfectly in the limit and leave. Poisson:
           z' delta = 0 in rows with events and <= 0 in rows without; those without where it is negative leave.
           The projection on the cone of such directions is zero exactly where there is none (see `recession`).
Cost       one pass over the rows for each constraint met.
Paper      Albert, Anderson, Biometrika 1984;71:1; Santos Silva, Tenreyro, Economics Letters 2010;107:310;
           Correia, Guimaraes, Zylkin, arXiv:1903.01633 (2019).
"""

import numpy as np

from equipoise.kernels.glm import LOGISTIC, GlmLikelihood
from equipoise.kernels.jit import compiled
from equipoise.kernels.recession import TIE, project_on_cone


def glm_recession(likelihood: GlmLikelihood, scale: np.ndarray) -> np.ndarray | None:
    """A direction (1 + p,) along which the likelihood rises for ever and some row leaves, or None.

    `scale` (1 + p,) divides the columns; zero leaves a column out.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.glm import LOGISTIC, GlmLikelihood
        >>> from equipoise.kernels.glm_recession import glm_recession
        >>> none, x, y = np.empty(0), np.array([[1.0], [2.0], [3.0]]), np.array([0.0, 1.0, 1.0])
        >>> rows = GlmLikelihood(LOGISTIC, x, y, none, none, np.array([2.0]), 0.0)
        >>> bool(glm_recession(rows, np.ones(2))[1] > 0)  # the outcome always follows a larger x
        True
    """
    inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
    x, y, centre, logistic = likelihood.x, likelihood.y, likelihood.centre, likelihood.family == LOGISTIC
    target = np.zeros(len(scale))
    _inward(x, y, centre, logistic, target)

    def worst_row(delta: np.ndarray) -> np.ndarray:
        i, sign = _worst(x, y, centre, logistic, delta * inverse)
        return sign * np.concatenate([[1.0], x[i] - centre]) * inverse if i >= 0 else np.zeros(len(scale))

    found = project_on_cone(target * inverse, worst_row) if len(y) else None
    if found is None:
        return None
    delta = found * inverse
    return None if rows_left(likelihood, delta).all() else delta


def rows_left(likelihood: GlmLikelihood, delta: np.ndarray) -> np.ndarray:
    """Rows that remain in the limit along delta, boolean (n,)."""
    keep = np.zeros(len(likelihood.y), np.bool_)
    _keep(likelihood.x, likelihood.y, likelihood.centre, likelihood.family == LOGISTIC, delta, TIE, keep)
    return keep


@compiled
def _inward(x, y, centre, logistic, out):
    """Minus the sum of the constraints' rows; those with both signs cancel."""
    for i in range(x.shape[0]):
        with_event = 1.0 if logistic else 0.0
        sign = with_event if y[i] > 0.0 else -1.0
        out[0] += sign
        for k in range(x.shape[1]):
            out[k + 1] += sign * (x[i, k] - centre[k])


@compiled
def _along(x, centre, i, delta):
    eta = delta[0]
    for k in range(x.shape[1]):
        eta += (x[i, k] - centre[k]) * delta[k + 1]
    return eta


@compiled
def _worst(x, y, centre, logistic, delta):
    """The row that violates its constraint most, and the sign with which it does."""
    worst, at, sign = -np.inf, -1, 1.0
    for i in range(x.shape[0]):
        eta = _along(x, centre, i, delta)
        towards = -1.0 if y[i] > 0.0 and (logistic or eta < 0.0) else 1.0
        if towards * eta > worst:
            worst, at, sign = towards * eta, i, towards
    return at, sign


@compiled
def _keep(x, y, centre, logistic, delta, tie, keep):
    for i in range(x.shape[0]):
        settled = y[i] > 0.0 and not logistic
        keep[i] = settled or abs(_along(x, centre, i, delta)) <= tie
