"""Variance components of a linear mixed model: standard deviations and correlations with intervals.

Intervals are Wald's on the scales where they behave: log standard deviation, and Fisher's z of a correlation, from the
observed information in all variance parameters, fixed effects profiled out (as R's nlme::intervals). The information is
carried from the Cholesky factor by the delta method, so it holds on the boundary, too: what lies there has no interval,
and the others are conditional on it.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.fit import Estimate
from equipoise.estimators.tails import normal_quantile
from equipoise.kernels.linear_mixed import Structure
from equipoise.kernels.linear_mixed_scale import Scaled
from equipoise.kernels.linear_mixed_search import Minimum

RESIDUAL = "sd residual"
STANDARD_DEVIATION, CORRELATION = "standard deviation", "correlation"
NEGLIGIBLE = 1e-4  # standard deviations below this share of the residual one, times the column's size, are zero
PERFECT = 1e-7  # a correlation this close to 1 in absolute value, in a fit on the boundary, lies on it
FLAT = 1e-9  # curvature, relative to the largest, of directions in which nothing is known


@dataclass(frozen=True, slots=True)
class Component:
    """One standard deviation or correlation; `spread` is the standard error of its logarithm or of its Fisher z."""

    term: str
    measure: str
    value: float
    spread: float
    reason: Reason | None

    def estimate(self, conf_level: float) -> Estimate:
        """With the standard error on the component's own scale and limits carried back from the other; no p-value."""
        half = normal_quantile(0.5 + conf_level / 2.0) * self.spread
        if self.measure == CORRELATION:
            z = math.atanh(self.value) if abs(self.value) < 1.0 else math.nan
            error, low, high = self.spread * (1.0 - self.value**2), math.tanh(z - half), math.tanh(z + half)
        else:
            error, low, high = self.spread * self.value, self.value * math.exp(-half), self.value * math.exp(half)
        return Estimate(self.term, self.measure, self.value, error, low, high, math.nan, self.reason)


@dataclass(frozen=True, slots=True, eq=False)
class RandomRoot:
    """The minimum in the given units: the random effects' covariance is sigma^2 `relative` `relative`'.

    `change` (d, q, q) are the derivatives of `relative` in theta, `covariance` (d + 1, d + 1) is that of theta and
    2 log sigma.
    """

    relative: np.ndarray
    sigma: float
    change: np.ndarray
    covariance: np.ndarray

    def deviation(self, j: int) -> tuple[float, float]:
        """Standard deviation of random effect j and the standard error of its logarithm."""
        row = self.relative[j]
        size = float(row @ row)
        if size == 0.0:
            return 0.0, math.nan
        slope = np.append(self.change[:, j] @ row / size, 0.5)
        return self.sigma * math.sqrt(size), self._spread(slope)

    def correlation(self, j: int, k: int) -> tuple[float, float]:
        """Correlation of random effects j and k and the standard error of its Fisher z."""
        a, b = self.relative[j], self.relative[k]
        sizes = float(a @ a), float(b @ b)
        if 0.0 in sizes:
            return math.nan, math.nan
        scale = math.sqrt(sizes[0] * sizes[1])
        rho = float(np.clip(a @ b / scale, -1.0, 1.0))
        slope = (self.change[:, j] @ b + self.change[:, k] @ a) / scale
        slope -= rho * (self.change[:, j] @ a / sizes[0] + self.change[:, k] @ b / sizes[1])
        room = 1.0 - rho**2
        return rho, self._spread(np.append(slope / room, 0.0)) if room > 0.0 else math.nan

    def residual(self) -> tuple[float, float]:
        """Sigma and the standard error of its logarithm."""
        slope = np.zeros(len(self.covariance))
        slope[-1] = 0.5
        return self.sigma, self._spread(slope)

    def _spread(self, slope: np.ndarray) -> float:
        return math.sqrt(max(float(slope @ self.covariance @ slope), 0.0))


def random_root(minimum: Minimum, form: Structure, scaled: Scaled) -> RandomRoot:
    """The minimum carried to the given units."""
    change = np.zeros((len(form.rows), form.q, form.q))
    change[np.arange(len(form.rows)), form.rows, form.columns] = 1.0
    return RandomRoot(
        scaled.z_change @ minimum.root,
        scaled.unit * math.sqrt(minimum.at.variance),
        np.einsum("jk,akl->ajl", scaled.z_change, change),
        _inverse(minimum.derivatives.joint / 2.0),
    )


def components(
    root: RandomRoot, terms: tuple[str, ...], form: Structure, sizes: np.ndarray, hidden: np.ndarray, singular: bool
) -> tuple[Component, ...]:
    """Standard deviations of the random effects, their correlations, the residual standard deviation.

    `sizes` (q,) are the root mean squares of the columns of z, `hidden` (q + 1, q + 1) marks what the rows do not
    determine: variances and covariances, the residual variance last.
    """
    out, zero = [], np.zeros(form.q, np.bool_)
    for j, term in enumerate(terms):
        value, spread = root.deviation(j)
        zero[j] = singular and value * sizes[j] < NEGLIGIBLE * root.sigma
        out.append(_component(f"sd {term}", STANDARD_DEVIATION, value, spread, _reason(hidden[j, j], zero[j]), 0.0))
    for j, k in zip(form.columns, form.rows, strict=True):
        if j != k:
            value, spread = root.correlation(j, k)
            unknown = hidden[j, j] or hidden[k, k] or hidden[j, k]
            absent = Reason.NOT_IDENTIFIED if unknown else Reason.NOT_DEFINED if zero[j] or zero[k] else None
            perfect = singular and abs(value) > 1.0 - PERFECT
            reason = absent or (Reason.BOUNDARY if perfect else None)
            out.append(
                _component(f"cor {terms[j]}, {terms[k]}", CORRELATION, value, spread, reason, math.copysign(1.0, value))
            )
    value, spread = root.residual()
    out.append(_component(RESIDUAL, STANDARD_DEVIATION, value, spread, _reason(hidden[-1, -1], False), 0.0))
    return tuple(out)


def absent(term: str, value: float, reason: Reason) -> Component:
    """A standard deviation that there is no answer to, or none but its place on the boundary."""
    return Component(term, STANDARD_DEVIATION, value, math.nan, reason)


def _component(
    term: str, measure: str, value: float, spread: float, reason: Reason | None, on_boundary: float
) -> Component:
    if reason is None:
        return Component(term, measure, value, spread, None)
    return Component(term, measure, on_boundary if reason == Reason.BOUNDARY else math.nan, math.nan, reason)


def _reason(unknown: bool, zero: bool) -> Reason | None:
    return Reason.NOT_IDENTIFIED if unknown else Reason.BOUNDARY if zero else None


def _inverse(information: np.ndarray) -> np.ndarray:
    """The inverse, directions without curvature left out."""
    scale = 1.0 / np.sqrt(np.maximum(information.diagonal(), np.finfo(float).tiny))
    scale = np.where(information.diagonal() > FLAT * information.diagonal().max(), scale, 0.0)
    values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
    inverse = np.where(values > FLAT, 1.0 / np.where(values > FLAT, values, 1.0), 0.0)
    return (vectors * inverse) @ vectors.T * scale[:, None] * scale
