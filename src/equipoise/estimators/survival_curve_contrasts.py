"""Groups against the first group: differences and ratios of what was estimated for each, with their covariance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.tails import two_sided_p

DIFFERENCE, RATIO = "difference", "ratio"


@dataclass(frozen=True, slots=True)
class Contrast:
    """One number with its limits. A ratio's `std_error` is that of its logarithm."""

    term: str
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    reason: Reason | None = None


def level_of(label: str, estimate: float, variance: float, z: float, reason: Reason | None) -> Contrast:
    """One group's own estimate, with limits on the plain scale and no test."""
    if reason is not None:
        return Contrast(label, *(math.nan,) * 5, reason)
    error = math.sqrt(variance)
    return Contrast(label, estimate, error, estimate - z * error, estimate + z * error, math.nan)


def against_first(
    labels: Sequence[str],
    estimates: np.ndarray,
    covariance: np.ndarray,
    measure: str,
    z: float,
    reasons: Sequence[Reason | None],
) -> list[Contrast]:
    """Every group after the first against it: `estimates` (G,), `covariance` (G, G)."""
    if measure not in (DIFFERENCE, RATIO):
        raise UnsupportedError(Fault("measure", repr(measure), f"{DIFFERENCE}, {RATIO}"))
    rows = []
    for g in range(1, len(labels)):
        pair = np.ix_([g, 0], [g, 0])
        reason = reasons[g] or reasons[0]
        sign = " - " if measure == DIFFERENCE else " / "
        one = _difference if measure == DIFFERENCE else _ratio
        term = f"{labels[g]}{sign}{labels[0]}"
        rows.append(one(term, estimates[[g, 0]], covariance[pair], z, reason))
    return rows


def columns_of(rows: Sequence[Contrast]) -> dict[str, list | np.ndarray]:
    """The contrasts as columns: term, estimate, std_error, conf_low, conf_high, p_value, reason."""
    numbers = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
    columns: dict[str, list | np.ndarray] = {"term": [row.term for row in rows]}
    columns |= {name: np.array([getattr(row, name) for row in rows], np.float64) for name in numbers}
    return columns | {"reason": [row.reason for row in rows]}


def _difference(term: str, pair: np.ndarray, covariance: np.ndarray, z: float, reason: Reason | None) -> Contrast:
    if reason is not None:
        return Contrast(term, *(math.nan,) * 5, reason)
    estimate = float(pair[0] - pair[1])
    error = math.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1], 0.0))
    p_value = two_sided_p(estimate / error) if error > 0.0 else math.nan
    return Contrast(term, estimate, error, estimate - z * error, estimate + z * error, p_value)


def _ratio(term: str, pair: np.ndarray, covariance: np.ndarray, z: float, reason: Reason | None) -> Contrast:
    if reason is None and not (pair > 0.0).all():
        reason = Reason.NOT_DEFINED
    if reason is not None:
        return Contrast(term, *(math.nan,) * 5, reason)
    scaled = covariance / np.outer(pair, pair)
    error = math.sqrt(max(scaled[0, 0] + scaled[1, 1] - 2.0 * scaled[0, 1], 0.0))
    ratio = float(pair[0] / pair[1])
    p_value = two_sided_p(math.log(ratio) / error) if error > 0.0 else math.nan
    return Contrast(term, ratio, error, ratio * math.exp(-z * error), ratio * math.exp(z * error), p_value)
