"""Standard deviations and correlations of a joint model's random effects, from the root of their precision."""

import math

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.linear_mixed_components import CORRELATION, STANDARD_DEVIATION, Component
from equipoise.kernels.joint_rows import Layout

PERFECT = 1e-3  # what a correlation's square leaves of 1, on the way to a singular matrix
VANISHING = 1e-5  # a standard deviation, relative to the residual one's share of the column, that counts as zero


def random_covariance(layout: Layout, theta: np.ndarray) -> np.ndarray:
    """D (q, q)."""
    inverse = np.linalg.inv(layout.unpack(theta).precision_root)
    return inverse @ inverse.T


def components(
    layout: Layout, theta: np.ndarray, covariance: np.ndarray, terms: tuple[str, ...], sizes: np.ndarray
) -> tuple[Component, ...]:
    """Standard deviations, correlations, and the residual standard deviation last.

    covariance (size, size) of theta; `sizes` (q,) are the root mean squares of the columns of z.
    """
    d, change = random_covariance(layout, theta), _derivatives(layout, theta)
    part = covariance[layout.at_root : layout.at_psi, layout.at_root : layout.at_psi]
    sigma = float(np.exp(theta[layout.at_sigma]))
    deviation = np.sqrt(d.diagonal())
    zero = deviation * sizes < VANISHING * sigma
    out = []
    for j, term in enumerate(terms):
        spread = _spread(0.5 * change[:, j, j] / d[j, j], part)
        value = 0.0 if zero[j] else float(deviation[j])
        reason = Reason.BOUNDARY if zero[j] else None
        out.append(Component(f"sd {term}", STANDARD_DEVIATION, value, math.nan if zero[j] else spread, reason))
    for j in range(layout.q):
        for k in range(j + 1, layout.q):
            out.append(_correlation(f"cor {terms[j]}, {terms[k]}", d, change, part, j, k, zero[j] or zero[k]))
    spread = math.sqrt(max(covariance[layout.at_sigma, layout.at_sigma], 0.0))
    return (*out, Component("sd residual", STANDARD_DEVIATION, sigma, spread, None))


def _correlation(
    term: str, d: np.ndarray, change: np.ndarray, part: np.ndarray, j: int, k: int, absent: bool
) -> Component:
    if absent:
        return Component(term, CORRELATION, math.nan, math.nan, Reason.NOT_DEFINED)
    size = math.sqrt(d[j, j] * d[k, k])
    rho = float(np.clip(d[j, k] / size, -1.0, 1.0))
    slope = change[:, j, k] / size - 0.5 * rho * (change[:, j, j] / d[j, j] + change[:, k, k] / d[k, k])
    room = 1.0 - rho**2
    if room < PERFECT:
        return Component(term, CORRELATION, math.copysign(1.0, rho), math.nan, Reason.BOUNDARY)
    return Component(term, CORRELATION, rho, _spread(slope / room, part), None)


def _derivatives(layout: Layout, theta: np.ndarray) -> np.ndarray:
    """The derivatives of D by the entries of R (logarithms on the diagonal), (q (q + 1) / 2, q, q)."""
    root, d = layout.unpack(theta).precision_root, random_covariance(layout, theta)
    rows, columns = np.tril_indices(layout.q)
    out = np.empty((len(rows), layout.q, layout.q))
    for a, (r, c) in enumerate(zip(rows, columns, strict=True)):
        turn = np.zeros((layout.q, layout.q))
        turn[c] = root[r] * (root[r, r] if r == c else 1.0)
        out[a] = -d @ (turn + turn.T) @ d
    return out


def _spread(slope: np.ndarray, covariance: np.ndarray) -> float:
    return math.sqrt(max(float(slope @ covariance @ slope), 0.0))
