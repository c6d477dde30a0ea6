"""Spans sorted by the index days on which they come to hold and cease to hold.

Purpose: walking forward through the index dates of a study, know at each who begins and who ceases to be eligible.
Returned: for each index day the spans that hold from it on and did not at the one before, and those that ceased to.
Spans that hold no index day are left out, however many there are.
Cost: linear; a table of at most TABLE buckets finds a day among the index days, so that one far-off date costs no
memory and no time.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.radix import sort_pairs

TABLE = 1 << 20


@dataclass(frozen=True, slots=True)
class DayEvents:
    """Labels in compressed rows by index day: on[on_offsets[d]:on_offsets[d + 1]] come to hold at day d, off cease.

    Labels are int32, offsets int64 (n_days + 1,). At one day, those that cease go before those that come to hold.
    """

    on_offsets: np.ndarray
    on: np.ndarray
    off_offsets: np.ndarray
    off: np.ndarray


def day_events(label: np.ndarray, start: np.ndarray, end: np.ndarray, days: np.ndarray) -> DayEvents:
    """Events of spans with labels (int32), first and last days (int32, both inclusive) at sorted distinct `days`.

    >>> d = lambda *days: np.array(days, dtype=np.int32)
    >>> found = day_events(d(7, 8), d(1, 5), d(4, 5), d(3, 5))
    >>> found.on_offsets.tolist(), found.on.tolist(), found.off_offsets.tolist(), found.off.tolist()
    ([0, 1, 2], [7, 8], [0, 0, 1], [7])
    """
    first, after = _holding(start, end, days, *_day_table(days))
    held = first < after
    on = _by_day(first, label, held, len(days))
    return DayEvents(*on, *_by_day(after, label, held & (after < len(days)), len(days)))


def _by_day(day: np.ndarray, label: np.ndarray, keep: np.ndarray, n_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets by day, and the labels to be kept in the order of their days."""
    kept_days = day[keep]
    counts = np.bincount(kept_days, minlength=n_days)
    _, labels = sort_pairs(kept_days, label[keep], n_days.bit_length())
    return np.concatenate(([0], np.cumsum(counts))), labels


def _day_table(days: np.ndarray) -> tuple[np.ndarray, int]:
    """For each bucket of 2**shift days, counted from the first, how many index days come before it."""
    if not len(days):
        return np.zeros(1, dtype=np.int64), 0
    from_first = days.astype(np.int64) - int(days[0])
    shift = max(0, int(from_first[-1]).bit_length() - TABLE.bit_length() + 1)
    buckets = from_first >> shift
    return np.searchsorted(buckets, np.arange(int(buckets[-1]) + 2)), shift


@compiled
def _days_before(days, table, shift, day):
    """How many of the sorted distinct days come before `day`."""
    if len(days) == 0 or day <= days[0]:
        return np.int64(0)
    if day > days[-1]:
        return np.int64(len(days))
    bucket = (day - np.int64(days[0])) >> shift
    lo, hi = table[bucket], table[bucket + 1]
    while lo < hi:
        middle = (lo + hi) // 2
        if days[middle] < day:
            lo = middle + 1
        else:
            hi = middle
    return lo


@compiled
def _holding(start, end, days, table, shift):
    """For each span the first index day it holds and the first after it, as places among the index days."""
    first, after = np.empty(len(start), dtype=np.uint32), np.empty(len(start), dtype=np.uint32)
    for i in range(len(start)):
        first[i] = _days_before(days, table, shift, np.int64(start[i]))
        after[i] = _days_before(days, table, shift, np.int64(end[i]) + 1)
    return first, after
