"""Gray's test that the cumulative incidence of a cause is the same in several groups.

Purpose    scores z (G,) and their covariance V (G, G), to be added over strata; z' V^- z is chi-squared.
Model      of group k: r at risk, d failing from the cause and e from others; S and F its Kaplan-Meier estimate for any
           cause and its cumulative incidence, u- meaning before the time u. R = r (1 - F(u-)) / S(u-) are those at risk
           in the subdistribution; h = r / S(u-); pooled: D = sum of d, F. = sum of D / sum of h, W = (1 - F.(u-))^rho.
Method     1. z_i = sum over u of W (d_i - D R_i / sum of R);
           2. a_ik = W h_i ([i = k] - h_k / sum of h), c_ik(u) = sum of a_ik D / (sum of h (1 - F.(u-))) up to u;
           3. failures of group k from the cause enter z_i with a_ik + (1 - g)(c_ik(end) - c_ik(u)), those from other
              causes with -g (c_ik(end) - c_ik(u)), g = (1 - F.(u)) / S_k(u);
           4. V adds their squares times S(u-) D / (r sum of h) and S(u-)^2 e / r^2, both reduced for ties.
Order      rows in any order; everybody is at risk from the start. Ties are failures of one time.
Singular   a group without rows has z = 0 and a zero row in V. g counts as 0 where S_k(u) = 0.
Cost       O(n) and O(T G^2) for T times with failures.
Paper      Gray, Annals of Statistics 1988;16:1141.
"""

from dataclasses import dataclass

import numpy as np

SPARSE = 8  # places a row from which a sort costs less than a table of all places


@dataclass(frozen=True, slots=True)
class GrayScores:
    """z (G,) and V (G, G)."""

    score: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, slots=True)
class _Groups:
    """Counts and curves by time and group, float64 (T, G), at the times with failures."""

    at_risk: np.ndarray
    of_cause: np.ndarray
    of_other: np.ndarray
    before: np.ndarray
    after: np.ndarray
    incidence_before: np.ndarray


@dataclass(frozen=True, slots=True)
class _Pooled:
    """Sums over groups by time, float64 (T,): `weight` is W, `h` (T, G)."""

    h: np.ndarray
    h_sum: np.ndarray
    failed: np.ndarray
    free_before: np.ndarray
    free_after: np.ndarray
    weight: np.ndarray


def gray_scores(
    stop: np.ndarray, event: np.ndarray, group: np.ndarray, n_groups: int, cause: int, rho: float
) -> GrayScores:
    """stop int32 places, event uint8 (0 censored), group int32 codes from 0; one stratum."""
    groups = _groups(stop, event, group, n_groups, cause)
    pooled = _pooled(groups, rho)
    free = pooled.h * (1.0 - groups.incidence_before)
    total = free.sum(axis=1)
    share = np.divide(pooled.failed, total, out=np.zeros(len(total)), where=total > 0.0)
    score = pooled.weight @ (groups.of_cause - share[:, None] * free)
    covariance = np.zeros((n_groups, n_groups))
    for k in range(n_groups):
        _add_group(groups, pooled, k, covariance)
    return GrayScores(score, covariance)


def _groups(stop: np.ndarray, event: np.ndarray, group: np.ndarray, n_groups: int, cause: int) -> _Groups:
    n_places, at = _dense(stop)
    cell, shape = at * n_groups + group, (n_places, n_groups)

    def counted(rows: np.ndarray | slice) -> np.ndarray:
        return np.bincount(cell[rows], minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    at_risk = np.cumsum(counted(slice(None))[::-1], axis=0)[::-1]
    of_cause, failed = counted(event == cause), counted(event > 0)
    kept = failed.any(axis=1)
    at_risk, of_cause, failed = at_risk[kept], of_cause[kept], failed[kept]
    rate = np.divide(1.0, at_risk, out=np.zeros(at_risk.shape), where=at_risk > 0.0)
    after = np.cumprod((at_risk - failed) * rate + (at_risk == 0.0), axis=0)
    before = _lagged(after, 1.0)
    incidence = np.cumsum(before * of_cause * rate, axis=0)
    return _Groups(at_risk, of_cause, failed - of_cause, before, after, _lagged(incidence, 0.0))


def _dense(stop: np.ndarray) -> tuple[int, np.ndarray]:
    """How many places occur, and each row's position among them."""
    if int(stop.max(initial=0)) > SPARSE * len(stop):
        places, at = np.unique(stop, return_inverse=True)
        return len(places), at
    occurs = np.bincount(stop) > 0
    return int(np.count_nonzero(occurs)), (np.cumsum(occurs) - 1)[stop]


def _pooled(groups: _Groups, rho: float) -> _Pooled:
    h = np.divide(groups.at_risk, groups.before, out=np.zeros(groups.before.shape), where=groups.at_risk > 0.0)
    h_sum, failed = h.sum(axis=1), groups.of_cause.sum(axis=1)
    after = 1.0 - np.cumsum(failed / h_sum)
    before = _lagged(after, 1.0)
    return _Pooled(h, h_sum, failed, before, after, np.maximum(before, 0.0) ** rho)


def _add_group(groups: _Groups, pooled: _Pooled, k: int, covariance: np.ndarray) -> None:
    """Add to V what the failures of group k bring (steps 2 to 4)."""
    at_risk, before, after = groups.at_risk[:, k], groups.before[:, k], groups.after[:, k]
    own = np.zeros(groups.at_risk.shape[1])
    own[k] = 1.0
    a = pooled.weight[:, None] * pooled.h * (own - (pooled.h[:, k] / pooled.h_sum)[:, None])
    c = np.cumsum(a * (pooled.failed / (pooled.h_sum * pooled.free_before))[:, None], axis=0)
    ahead = c[-1:] - c
    g = np.divide(pooled.free_after, after, out=np.zeros(len(after)), where=after > 0.0)
    of_cause = a + (1.0 - g)[:, None] * ahead
    of_other = g[:, None] * ahead
    here = at_risk > 0.0
    scaled = np.divide(before, at_risk, out=np.zeros(len(before)), where=here)
    expected = _untied(pooled.failed, pooled.h_sum * before) * scaled / pooled.h_sum
    _add_squares(of_cause, expected, covariance)
    _add_squares(of_other, _untied(groups.of_other[:, k], at_risk) * scaled**2, covariance)


def _add_squares(change: np.ndarray, variance: np.ndarray, covariance: np.ndarray) -> None:
    covariance += change.T @ (change * variance[:, None])


def _untied(d: np.ndarray, n: np.ndarray) -> np.ndarray:
    """d failures among n as a variance: reduced where several happen at once."""
    return np.where(d > 1.0, d * (1.0 - (d - 1.0) / np.where(n > 1.0, n - 1.0, 1.0)), d)


def _lagged(values: np.ndarray, first: float) -> np.ndarray:
    """The values just before each time; `first` before the first."""
    return np.concatenate([np.full((1, *values.shape[1:]), first), values])[:-1]
