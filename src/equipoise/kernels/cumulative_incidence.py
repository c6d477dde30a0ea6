"""Cumulative incidence of one cause beside others: the Aalen-Johansen estimate of one group.

Purpose    F(t) = sum of S(u-) d / n over the times u <= t, and the cause's cumulative hazard H(t) = sum of d / n, with
           d the weight failing from the cause, n that at risk and S the Kaplan-Meier estimate for any cause.
Variance   Aalen's, for rows without weights: a failure at u moves F(t) by S(u-) / n times
               [of the cause] - (F(t) - F(u)) / S(u),
           so with binomial variance d (1 - (d - 1) / (n - 1)) of the d tied failures of each kind, and
           x = F(u) / S(u), y = 1 / S(u), sums of x^2, x y and y^2 up to t give the variance at every t. The robust
           variance is that of `survival_curve_jackknife`.
Order      that of the curve: increasing times.
Singular   after S has reached 0, F does not move; 1 / S counts as 0 there.
Cost       O(n) to count, O(T) for the rest.
Paper      Aalen, Annals of Statistics 1978;6:534; Aalen, Johansen, Scandinavian Journal of Statistics 1978;5:141;
           Marubini, Valsecchi: Analysing survival data from clinical trials (1995), chapter 10.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.survival_curve import Curve


@dataclass(frozen=True, slots=True)
class Incidence:
    """One cause at a curve's times, float64 (T',): weight failing, F and the cause's cumulative hazard H."""

    failed: np.ndarray
    incidence: np.ndarray
    hazard: np.ndarray


def tally_causes(
    stop: np.ndarray, event: np.ndarray, n_times: int, weight: np.ndarray, group: np.ndarray, n_groups: int, causes: int
) -> np.ndarray:
    """Weight failing by group, cause and time, float64 (G, K, T). Arguments as for `tally`, event 0 to K."""
    out = np.zeros((n_groups, causes, n_times))
    _count(stop, event, weight, group, out)
    return out


def incidence_of(curve: Curve, failed: np.ndarray) -> Incidence:
    """The cumulative incidence of a cause of which `failed` (T',) fail at the times of the any-cause curve.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.cumulative_incidence import incidence_of
        >>> from equipoise.kernels.survival_curve import curve_of, tally
        >>> none = np.empty(0, np.int32)
        >>> stop, failed = np.array([0, 1, 2, 3], np.int32), np.array([1, 1, 0, 1], np.uint8)
        >>> curve = curve_of(tally(stop, failed, 4, none, np.empty(0), none, 1), 0)
        >>> incidence_of(curve, np.array([1.0, 0.0, 0.0, 1.0])).incidence
        array([0.25, 0.25, 0.25, 0.75])
    """
    rate = failed / curve.at_risk
    return Incidence(failed, np.cumsum(_before(curve) * rate), np.cumsum(rate))


def aalen_variance(curve: Curve, cause: Incidence) -> np.ndarray:
    """The variance of F at every time of the curve, float64 (T',)."""
    other = curve.failed - cause.failed
    y = np.divide(1.0, curve.survival, out=np.zeros(len(other)), where=curve.survival > 0.0)
    x = cause.incidence * y
    by_cause, by_other = (_before(curve) ** 2 * _tied(d, curve.at_risk) for d in (cause.failed, other))
    squares = np.cumsum((1.0 + x) ** 2 * by_cause + x**2 * by_other)
    products = np.cumsum((1.0 + x) * y * by_cause + x * y * by_other)
    spread = np.cumsum(y**2 * (by_cause + by_other))
    return np.maximum(squares - 2.0 * cause.incidence * products + cause.incidence**2 * spread, 0.0)


def _before(curve: Curve) -> np.ndarray:
    return np.concatenate([[1.0], curve.survival[:-1]])[: len(curve.survival)]


def _tied(d: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Binomial variance of d / n: d (n - d) / (n - 1) / n^2, of a single failure 1 / n^2."""
    return d * np.where(d > 1.0, 1.0 - (d - 1.0) / np.maximum(n - 1.0, 1.0), 1.0) / n**2


@compiled
def _count(stop, event, weight, group, out):
    for i in range(len(stop)):
        if event[i]:
            out[group[i] if len(group) else 0, event[i] - 1, stop[i]] += weight[i] if len(weight) else 1.0
