"""Which event times every row is at risk at, and sums over risk sets that never subtract.

Purpose    Cox models need, at every event time of a stratum, sums over the rows at risk there, and for every row, sums
           over the event times it is at risk at. Distinct event times within strata are the *groups* 0..T - 1, stratum
           by stratum in order of time; a row is at risk in the groups first..last, both inclusive.
Method     Rows at risk from their stratum's first group on need one entry in a table by group and one running sum. A
           row that enters later is filed under the highest bit in which its first and last group differ. There the
           groups split into blocks with a middle; the row covers the left half from its first group to the middle and
           the right half from the middle to its last, and two entries with running sums towards the middle count it
           exactly once. Nothing is ever taken away again, so no risk set inherits the rounding of a larger one.
Order      rows sorted by level (`RiskSets.order`), None where they need not be moved.
Ties       rows whose time equals an event time are at risk at it; rows that enter at an event time are not.
Cost       one or two table entries a row, and one pass over the table for each level (at most log2 T + 2).
Paper      Breslow, Biometrics 1974;30:89 (risk sets); the splitting is that of a disjoint sparse table.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled

WHOLE, POINT = -1, -2  # levels without a middle: from the stratum's first group on; one group only
LARGE_TABLE = 1 << 18  # groups times columns from which rows are sorted by group, for the processor's cache
DENSE = 8  # cells a row that a table of all times may have


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Where n rows are at risk among T groups of S strata.

    first, last   int32 (n,), groups of the sorted rows; meaningless where `at_risk` is false
    at_risk       bool (n,), false for rows that are at risk at no event time
    bounds        int64 (S + 1,), stratum s holds the groups bounds[s]:bounds[s + 1]
    key           int64 (T,), stratum code times the number of time codes plus the time code, ascending
    bits          levels present: WHOLE, POINT or the bit in which first and last differ
    level         bounds of the levels among the sorted rows, one more than `bits`
    order         int64 (n,), the rows as they came in sorted order, or None
    """

    first: np.ndarray
    last: np.ndarray
    at_risk: np.ndarray
    bounds: np.ndarray
    key: np.ndarray
    bits: tuple[int, ...]
    level: tuple[int, ...]
    order: np.ndarray | None

    @property
    def n_groups(self) -> int:
        return len(self.key)

    def levels(self) -> list[tuple[int, int, int]]:
        """(bit, first row, row after the last) of every level; none where there are no groups."""
        return [] if not len(self.key) else [(bit, self.level[k], self.level[k + 1]) for k, bit in enumerate(self.bits)]

    def add_up(self, table: np.ndarray, bit: int, total: np.ndarray) -> None:
        """Add to `total` (T, q) the sums over rows at risk whose entries by group are `table` (T, q); clear `table`."""
        run = np.empty(table.shape[1])
        if bit == WHOLE:
            _gather_whole(table, self.bounds, run, total)
        elif bit == POINT:
            total += table
            table[:] = 0.0
        else:
            _gather_halves(table, bit, run, total)

    def run_out(self, table: np.ndarray, bit: int) -> None:
        """Turn values by group, of shape (T, q), into sums that rows of the level read at their ends, in place."""
        if bit == WHOLE:
            _forward(table, self.bounds)
        elif bit != POINT:
            _halves(table, bit)

    def over_groups(self, values: np.ndarray) -> np.ndarray:
        """Sums of `values` (T, q) over the groups each sorted row is at risk in: float64 (n, q); zero where in none."""
        out = np.zeros((len(self.last), values.shape[1]))
        for bit, a, b in self.levels():
            table = values.copy()
            self.run_out(table, bit)
            out[a:b] = table[self.last[a:b]]
            if bit >= 0:
                out[a:b] += table[self.first[a:b]]
        out[~self.at_risk] = 0.0
        return out


def risk_sets(
    time: np.ndarray, start: np.ndarray | None, event: np.ndarray, stratum: np.ndarray, n_times: int, columns: int
) -> RiskSets:
    """Find groups, and the groups of every row.

    `time` and `start` are int64 codes 0..n_times - 1 of times in order (n,); `event` bool (n,); `stratum` int64 codes
    from 0 on (n,). A row is at risk after its start and up to its time; without starts, from the beginning on.
    `columns` is the width of the tables to come, and decides whether rows are worth sorting.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.cox_risk_sets import risk_sets
        >>> sets = risk_sets(np.array([2, 0, 1]), None, np.array([True, True, False]), np.zeros(3, np.int64), 3, 1)
        >>> sets.last.tolist(), sets.n_groups
        ([1, 0, 0], 2)
    """
    n_strata = int(stratum.max(initial=0)) + 1
    stop_key = time if n_strata == 1 else stratum * n_times + time
    key, ended = _group_index(stop_key, event, n_strata * n_times)
    bounds = np.searchsorted(key, np.arange(n_strata + 1, dtype=np.int64) * n_times)
    whole = bounds[stratum] if n_strata > 1 else np.zeros(1, np.int64)
    last = ended(stop_key) - 1
    if start is None:
        first = np.broadcast_to(whole, last.shape)
    else:
        first = ended(start if n_strata == 1 else stratum * n_times + start)
        first = np.maximum(first, whole)
    at_risk = last >= first
    top = max(len(key) - 1, 0)
    first, last = np.minimum(first, top), np.clip(last, 0, top)
    first = np.where(at_risk, first, last) if start is not None else first
    level = None if start is None else _levels(first, last, whole)
    order = _order(level, last, len(key), columns)
    return _sorted(first, last, at_risk, bounds, key, level, order)


def _group_index(stop_key, event, width):
    """Sorted keys of the groups, and a function from keys to the number of groups at or before them."""
    if width <= DENSE * len(stop_key) + 4096:
        seen = np.zeros(width, np.bool_)
        seen[stop_key[event]] = True
        count = np.cumsum(seen, dtype=np.int32)
        return np.flatnonzero(seen), lambda keys: count[keys]
    key = np.unique(stop_key[event])
    return key, lambda keys: np.searchsorted(key, keys, side="right")


def _levels(first: np.ndarray, last: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """0 for rows at risk from the start on, 1 for one group, else 2 more than the bit: uint8 (n,)."""
    level = (np.frexp((first ^ last).astype(np.float64))[1] + 1).astype(np.uint8)
    level[first == last] = 1
    level[first == whole] = 0
    return level


def _order(level: np.ndarray | None, last: np.ndarray, n_groups: int, columns: int) -> np.ndarray | None:
    large = n_groups * columns > LARGE_TABLE
    if level is None:
        return np.argsort(last, kind="stable") if large and (np.diff(last) < 0).any() else None
    if not level.any() and not large:
        return None
    key = level * np.int64(n_groups) + last if large else level
    return np.argsort(key, kind="stable")


def _sorted(first, last, at_risk, bounds, key, level, order) -> RiskSets:
    if order is not None:
        first, last, at_risk = first[order], last[order], at_risk[order]
        level = None if level is None else level[order]
    if level is None:
        bits, edges = (WHOLE,), (0, len(last))
    else:
        present, begin = np.unique(level, return_index=True)
        bits = tuple({0: WHOLE, 1: POINT}.get(int(code), int(code) - 2) for code in present)
        edges = (*(int(at) for at in begin), len(level))
    narrow = [np.ascontiguousarray(values, np.int32) for values in (first, last)]
    return RiskSets(*narrow, np.ascontiguousarray(at_risk), bounds.astype(np.int64), key, bits, edges, order)


@compiled
def _gather_whole(table, bounds, run, total):
    """Running sums from each stratum's last group to its first. `run` (q,) is working space."""
    for s in range(bounds.shape[0] - 1):
        for k in range(run.shape[0]):
            run[k] = 0.0
        for g in range(bounds[s + 1] - 1, bounds[s] - 1, -1):
            for k in range(run.shape[0]):
                run[k] += table[g, k]
                total[g, k] += run[k]
                table[g, k] = 0.0


@compiled
def _gather_halves(table, bit, run, total):
    """Running sums within the halves of blocks of 2^(bit + 1) groups, towards their middles."""
    n_groups, half = table.shape[0], 1 << bit
    for begin in range(0, n_groups, half):
        m = min(half, n_groups - begin)
        left = (begin >> bit) % 2 == 0
        for k in range(run.shape[0]):
            run[k] = 0.0
        for j in range(m):
            g = begin + j if left else begin + m - 1 - j
            for k in range(run.shape[0]):
                run[k] += table[g, k]
                total[g, k] += run[k]
                table[g, k] = 0.0


@compiled
def _forward(table, bounds):
    """Running sums from each stratum's first group to its last."""
    for s in range(bounds.shape[0] - 1):
        for g in range(bounds[s] + 1, bounds[s + 1]):
            for k in range(table.shape[1]):
                table[g, k] += table[g - 1, k]


@compiled
def _halves(table, bit):
    """Running sums within the halves of blocks of 2^(bit + 1) groups, away from their middles."""
    n_groups, half = table.shape[0], 1 << bit
    for begin in range(0, n_groups, half):
        end = min(begin + half, n_groups)
        if (begin >> bit) % 2:
            for g in range(begin + 1, end):
                for k in range(table.shape[1]):
                    table[g, k] += table[g - 1, k]
        else:
            for g in range(end - 2, begin - 1, -1):
                for k in range(table.shape[1]):
                    table[g, k] += table[g + 1, k]
