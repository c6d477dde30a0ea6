"""The Kaplan-Meier estimate and the cumulative hazard of one group, from counts by time.

Purpose    survival S, cumulative hazard H and their Greenwood variances at every time.
Order      none for `tally`, which counts rows by group and place on the time grid; a `Tally` is in order of time.
Model      n weight at risk just before a time, d weight failing at it, r = n - d:
           S = prod r / n, var(log S) = sum d / (n r);
           Nelson-Aalen H = sum d / n, var H = sum d / n^2;
           Fleming-Harrington H, with m failing rows of mean weight d / m: sum over j < m of (d / m) / (n - j d / m),
           var H = sum over j < m of (d / m) / (n - j d / m)^2.
Sums       n is built from the last time backwards and r as what is left, never as a difference of the two, so that
           S reaches 0 exactly and huge weights do not swallow small ones. With late entry r is a difference, and
           counts of rows decide whether anybody is left.
Singular   n = 0 adds nothing. r = 0 makes S zero and var(log S) infinite from there on.
Cost       O(n + T).
Paper      Kaplan, Meier, JASA 1958;53:457; Greenwood 1926; Nelson, Technometrics 1972;14:945;
           Fleming, Harrington, Communications in Statistics 1984;13:2469.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled

CENSORED, FAILED, ENTERED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Tally:
    """What happens at each time, by group: `weight` and `rows` float64 (G, T, 3): censored, failed, entered after.

    Where rows have no weights the two are the same array. `late` says whether rows enter late.
    """

    weight: np.ndarray
    rows: np.ndarray
    late: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """The estimate of one group at its T' observed times, all float64 (T',); `place` int64 (T',) is on the grid.

    `left` is r; `log_variance` is var(log S); `hazard` and `hazard_variance` are H and var H of the kind asked for.
    """

    place: np.ndarray
    at_risk: np.ndarray
    failed: np.ndarray
    censored: np.ndarray
    left: np.ndarray
    survival: np.ndarray
    log_variance: np.ndarray
    hazard: np.ndarray
    hazard_variance: np.ndarray

    @property
    def log_variance_steps(self) -> np.ndarray:
        """d / (n r) at each time, 0 where nothing is left."""
        below = self.at_risk * self.left
        return np.divide(self.failed, below, out=np.zeros(len(below)), where=below > 0.0)


def tally(
    stop: np.ndarray,
    failed: np.ndarray,
    n_times: int,
    start: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray,
    n_groups: int,
) -> Tally:
    """Count rows. stop, start int32 places, failed uint8, weight float64, group int32; (0,) where not given."""
    rows = np.zeros((n_groups, n_times, 3))
    _count(stop, failed, start, group, np.empty(0), rows)
    weighted = rows
    if len(weight):
        weighted = np.zeros_like(rows)
        _count(stop, failed, start, group, weight, weighted)
    return Tally(weighted, rows, len(start) > 0)


def curve_of(table: Tally, group: int, fleming_harrington: bool = False) -> Curve:
    """The curve of one group at the times where its rows fail or are censored.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.survival_curve import curve_of, tally
        >>> none = np.empty(0, np.int32)
        >>> stop, failed = np.array([0, 1, 2, 3], np.int32), np.array([1, 0, 1, 1], np.uint8)
        >>> curve_of(tally(stop, failed, 4, none, np.empty(0), none, 1), 0).survival
        array([0.75 , 0.75 , 0.375, 0.   ])
    """
    rows, weight = table.rows[group], table.weight[group]
    place = np.flatnonzero(rows[:, CENSORED] + rows[:, FAILED])
    out = np.empty((8, len(place)))
    _walk_back(weight, rows, table.late, place, out)
    _walk_on(rows, place, fleming_harrington, out)
    return Curve(place, *out)


@compiled
def _count(stop, failed, start, group, weight, out):
    for i in range(len(stop)):
        g = group[i] if len(group) else 0
        w = weight[i] if len(weight) else 1.0
        out[g, stop[i], FAILED if failed[i] else CENSORED] += w
        if len(start):
            out[g, start[i], ENTERED] += w


@compiled
def _walk_back(weight, rows, late, place, out):
    """The first four columns of a curve, from the last time to the first."""
    n, count, j = 0.0, 0.0, len(place) - 1
    for k in range(len(rows) - 1, -1, -1):
        left, count_left = n + weight[k, CENSORED], count + rows[k, CENSORED]
        if late:
            left -= weight[k, ENTERED]
            count_left -= rows[k, ENTERED]
            if count_left == 0.0:
                left = 0.0
        n, count = left + weight[k, FAILED], count_left + rows[k, FAILED]
        if j >= 0 and place[j] == k:
            out[0, j], out[1, j], out[2, j], out[3, j] = n, weight[k, FAILED], weight[k, CENSORED], left
            j -= 1


@compiled
def _walk_on(rows, place, fleming_harrington, out):
    """The last four columns of a curve, from the first time to the last."""
    survival, log_variance, hazard, hazard_variance = 1.0, 0.0, 0.0, 0.0
    for j in range(len(place)):
        n, d, left = out[0, j], out[1, j], out[3, j]
        if d > 0.0:
            survival *= left / n
            log_variance += d / (n * left)
            m = rows[place[j], FAILED] if fleming_harrington else 1.0
            share = d / m
            for i in range(int(m)):
                part = 1.0 / (n - i * share)
                hazard += share * part
                hazard_variance += share * part * part
        out[4, j], out[5, j], out[6, j], out[7, j] = survival, log_variance, hazard, hazard_variance
