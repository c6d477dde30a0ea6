"""Times as places on a common grid, with times that differ by rounding alone made equal.

Purpose    map stop times, and start times where rows enter late, to whole-number places, so that every later step is
           counting by place instead of sorting.
Returned   `TimeGrid`: increasing times (T,), the place of each stop (n,) and of each start (n,), or of shape (0,).
           A row is at risk at places k with start < k <= stop. Some grid times may belong to no row.
Ties       distinct times, in order, that differ from the one before by at most 1.5e-8, or by 1.5e-8 of the mean
           absolute time, are one time: the first of such a chain. These are the rules of `timefix` in R's survival.
Cost       whole numbers within a modest range: two passes, no sort. Otherwise a sort of the times.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled

TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))
WHOLE_RANGE = 65_536  # places spent on whole times however few rows there are
WHOLE_LARGEST = 2.0**25  # beyond it whole times could tie under the relative rule
EMPTY = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Places of times: `times` float64 (T,), `stop` int32 (n,), `start` int32 (n,) or (0,) where nobody enters late.

    `gap` is the largest difference that counts as rounding.
    """

    times: np.ndarray
    stop: np.ndarray
    start: np.ndarray
    gap: float = TOLERANCE

    def place_at(self, time: np.ndarray | float) -> np.ndarray:
        """The last place at or before each time, -1 where there is none."""
        return np.searchsorted(self.times, np.asarray(time, np.float64) + self.gap, side="right") - 1

    def place_from(self, time: np.ndarray | float) -> np.ndarray:
        """The first place at or after each time, T where there is none."""
        return np.searchsorted(self.times, np.asarray(time, np.float64) - self.gap, side="left")


def time_grid(stop: np.ndarray, start: np.ndarray | None = None) -> TimeGrid:
    """Place finite float64 times on their common grid.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.survival_curve_times import time_grid
        >>> time_grid(np.array([0.3, 0.1 + 0.2, 0.5])).stop
        array([0, 0, 1], dtype=int32)
    """
    stop = np.ascontiguousarray(stop, np.float64)
    n = len(stop)
    pooled = stop if start is None else np.concatenate([stop, np.asarray(start, np.float64)])
    if not n:
        return TimeGrid(np.empty(0), EMPTY, EMPTY)
    low, high, whole = _range(pooled)
    if whole and high - low < max(4 * n, WHOLE_RANGE) and max(abs(low), abs(high)) < WHOLE_LARGEST:
        times, place, gap = np.arange(low, high + 1.0), _offsets(pooled, low), TOLERANCE
    else:
        times, place, gap = _places(pooled)
    return TimeGrid(times, place[:n], place[n:] if start is not None else EMPTY, gap)


def _places(pooled: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    order = np.argsort(pooled)
    ordered = pooled[order]
    new = np.empty(len(ordered), np.bool_)
    new[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    distinct = ordered[new]
    gap = max(TOLERANCE, TOLERANCE * float(np.abs(distinct).mean()))
    apart = np.ones(len(distinct), np.bool_)
    np.greater(np.diff(distinct), gap, out=apart[1:])
    return distinct[apart], _scatter(order, new, apart), gap


@compiled
def _range(values):
    """Smallest and largest value, and whether all are whole numbers."""
    low, high, whole = values[0], values[0], True
    for value in values:
        low = min(low, value)
        high = max(high, value)
        whole &= np.floor(value) == value
    return low, high, whole


@compiled
def _offsets(values, low):
    out = np.empty(len(values), np.int32)
    for i in range(len(values)):
        out[i] = np.int32(values[i] - low)
    return out


@compiled
def _scatter(order, new, apart):
    """Places in row order: a place begins where a time is new and apart from the one before."""
    out = np.empty(len(order), np.int32)
    place, seen = -1, -1
    for j in range(len(order)):
        if new[j]:
            seen += 1
            if apart[seen]:
                place += 1
        out[order[j]] = place
    return out
