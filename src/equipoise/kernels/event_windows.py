"""Exposure windows: what of a person's dispensings falls into each window before an index date.

Purpose: for every member of every matched set and one exposure, counts of distinct days and sums of their quantities
in all windows, and the days on which use is first seen, in one pass over the person's events.
Order: the events of a row are a run of the event arrays with strictly ascending days (a day with several dispensings
is one event); rows may come in any order and may share a run.
Time: a window is [index + lo, index + hi], both ends included; `lo=UNBOUNDED` has no beginning. Days before
`observable_from` never count. "Before index" means index - 1 and earlier.
Missing values: nan is unknown; sums are over the known ones and say how many those were.
Cost: one step for each event and window of a row; no memory beyond the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DesignError, Fault
from equipoise.kernels.jit import compiled
from equipoise.kernels.spans import DAY_MAX, DAY_MIN, as_codes, as_days

UNBOUNDED = DAY_MIN  # as `lo`: the window has no beginning
NO_DAY = DAY_MIN  # in a result: there is no such day


@dataclass(frozen=True, slots=True)
class ValueSums:
    """One quantity in each window: `total` float64 and `known` int32, both (n_rows, n_windows).

    total is the sum over the `known` events whose value is known, 0 where there is none.
    """

    total: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, slots=True)
class EventWindows:
    """What n_rows persons did before their index dates, in n_windows windows.

    days        int32 (n_rows, n_windows): distinct event days inside the window and observable time
    sums        for each quantity asked for, its sums over those days
    days_before int32 (n_rows,): distinct observable event days before index
    first_day   int32 (n_rows,): the first of them, NO_DAY where there is none
    kth_day     int32 (n_rows,): the k-th of them, NO_DAY where there are fewer than k
    prevalent   bool (n_rows,): an event before index lies before the end of the run-in, recorded ones from before
                observable time included
    """

    days: np.ndarray
    sums: Mapping[str, ValueSums]
    days_before: np.ndarray
    first_day: np.ndarray
    kth_day: np.ndarray
    prevalent: np.ndarray

    def __len__(self) -> int:
        return len(self.days_before)


def count_event_windows(
    first_event: ArrayLike,
    last_event: ArrayLike,
    event_days: ArrayLike,
    index_day: ArrayLike,
    observable_from: ArrayLike,
    *,
    lo: ArrayLike,
    hi: ArrayLike,
    k: int = 1,
    run_in: int = 0,
    values: Mapping[str, ArrayLike] | None = None,
) -> EventWindows:
    """Counts and sums of events in windows relative to index, for every row.

    first_event, last_event    (n_rows,): row r owns events first_event[r] up to, not including, last_event[r] (with
                               compressed rows by person: offsets[person] and offsets[person + 1])
    event_days                 (n_events,): days since 1970-01-01, strictly ascending within each row
    index_day, observable_from (n_rows,) or one for all: index date, first day on which an event could be seen
    lo, hi                     (n_windows,): days relative to index, -365 and -1 for the year before it
    k                          which event `kth_day` reports
    run_in                     days from observable_from during which a user counts as prevalent
    values                     quantities such as days_supply, quantity or dose, float64 (n_events,), nan unknown

    A window that ends before it begins, k < 1, a run-in below 0, event runs outside the event arrays and days that do
    not ascend raise `DesignError`.

    >>> found = count_event_windows([0], [3], [10, 40, 95], [100], [20], lo=[UNBOUNDED, -30], hi=[-1, -1], run_in=30)
    >>> found.days.tolist(), found.first_day.tolist(), found.prevalent.tolist()
    ([[2, 1]], [40], [True])
    """
    n_rows = len(np.asarray(first_event))
    days = as_days("event days", event_days)
    rows = (
        as_codes("first event of rows", first_event, len(days) + 1),
        as_codes("last event of rows", last_event, len(days) + 1),
        as_days("index days", index_day, n_rows),
        as_days("observable from", observable_from, n_rows),
    )
    windows = as_days("lo of windows", lo), as_days("hi of windows", hi)
    _check(rows, windows, k, run_in)
    if not _ascends(rows[0], rows[1], days):
        raise DesignError(Fault("event days", "not strictly ascending within a row", "distinct days in order"))
    names = tuple(values or ())
    table = _table(values or {}, len(days))
    counts, total, known, *firsts = _count(*rows, days, *windows, k, run_in, table)
    sums = {name: ValueSums(total[v], known[v]) for v, name in enumerate(names)}
    return EventWindows(counts, sums, *firsts)


def _check(rows: tuple[np.ndarray, ...], windows: tuple[np.ndarray, np.ndarray], k: int, run_in: int) -> None:
    faults = []
    first, last = rows[0], rows[1]
    if first.shape != last.shape or np.any(first > last):
        faults.append(Fault("events of rows", "runs that end before they begin", "first_event <= last_event"))
    lo, hi = windows
    if lo.ndim != 1 or lo.shape != hi.shape or np.any(lo > hi):
        faults.append(Fault("windows", "lo and hi do not bound windows", "as many lo as hi, lo <= hi"))
    if k < 1:
        faults.append(Fault("k", f"{k}", "1 or more"))
    if not 0 <= run_in <= DAY_MAX:
        faults.append(Fault("run-in", f"{run_in} days", "0 or more"))
    if faults:
        raise DesignError(faults)


def _table(values: Mapping[str, ArrayLike], n_events: int) -> np.ndarray:
    """The quantities as float64 (n_values, n_events)."""
    table = np.empty((len(values), n_events), dtype=np.float64)
    for row, (name, column) in enumerate(values.items()):
        found = np.asarray(column)
        if found.shape != (n_events,) or found.dtype.kind not in "iuf":
            raise DesignError(Fault(name, f"{found.dtype} of shape {found.shape}", f"{n_events} numbers"))
        table[row] = found
    return table


@compiled
def _ascends(first_event, last_event, event_days):
    for r in range(len(first_event)):
        for i in range(first_event[r] + 1, last_event[r]):
            if event_days[i] <= event_days[i - 1]:
                return False
    return True


@compiled
def _count(first_event, last_event, index_day, observable_from, event_days, lo, hi, k, run_in, values):
    n_rows, n_windows, n_values = len(first_event), len(lo), len(values)
    days = np.zeros((n_rows, n_windows), dtype=np.int32)
    total = np.zeros((n_values, n_rows, n_windows), dtype=np.float64)
    known = np.zeros((n_values, n_rows, n_windows), dtype=np.int32)
    days_before = np.zeros(n_rows, dtype=np.int32)
    first_day, kth_day = np.full(n_rows, NO_DAY, dtype=np.int32), np.full(n_rows, NO_DAY, dtype=np.int32)
    prevalent = np.zeros(n_rows, dtype=np.bool_)
    for r in range(n_rows):
        run_in_end = np.int64(observable_from[r]) + run_in
        for i in range(first_event[r], last_event[r]):
            from_index = np.int64(event_days[i]) - index_day[r]
            if from_index < 0 and event_days[i] < run_in_end:
                prevalent[r] = True
            if event_days[i] < observable_from[r]:
                continue
            if from_index < 0:
                days_before[r] += 1
                if days_before[r] == 1:
                    first_day[r] = event_days[i]
                if days_before[r] == k:
                    kth_day[r] = event_days[i]
            for w in range(n_windows):
                if from_index <= hi[w] and (lo[w] == UNBOUNDED or from_index >= lo[w]):
                    days[r, w] += 1
                    _sum_values(values, i, total[:, r, w], known[:, r, w])
    return days, total, known, days_before, first_day, kth_day, prevalent


@compiled
def _sum_values(values, event, total, known):
    """Add the known values of one event to the sums of one row and window."""
    for v in range(len(values)):
        if not np.isnan(values[v, event]):
            total[v] += values[v, event]
            known[v] += 1
