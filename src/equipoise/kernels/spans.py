"""Interval sets: for each person the days on which something holds, as sorted, disjoint spans.

Purpose: observation, cohort membership, eligibility and washout as sets of days that can be intersected, united,
complemented and asked about.
Form: compressed rows. Person p (code 0..n_persons-1) owns spans offsets[p] to offsets[p+1]-1. Days are int32 since
1970-01-01, both ends of a span belong to it, spans of a person ascend and never overlap. Spans that touch (one ends
the day before the next begins) are joined unless `join_touching=False` keeps them apart, as successive cohort entries
must be.
Limits: DAY_MIN and DAY_MAX stand for "since ever" and "for ever"; arithmetic saturates at them.
Cost: linear in spans for every operation (normalise sorts within a person); memory a small multiple of the input.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DesignError, Fault
from equipoise.kernels.jit import compiled

DAY_MIN = int(np.iinfo(np.int32).min)
DAY_MAX = int(np.iinfo(np.int32).max)
EVER = DAY_MAX  # as `before`: look back without limit
INSERTION = 24  # rows a person may have before a library sort beats insertion


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of n_persons persons: offsets int64 (n_persons + 1,), start and end int32 (n_spans,), both inclusive."""

    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __post_init__(self) -> None:
        total = int(self.offsets[-1]) if len(self.offsets) else -1
        if not total == len(self.start) == len(self.end):
            found = f"{len(self.start)} starts, {len(self.end)} ends and offsets up to {total}"
            raise DesignError(Fault("spans", found, "equal lengths, offsets ending at that length"))

    def __len__(self) -> int:
        return len(self.start)

    @property
    def n_persons(self) -> int:
        return len(self.offsets) - 1

    @property
    def person(self) -> np.ndarray:
        """Person code of every span: int64 (n_spans,)."""
        return np.repeat(np.arange(self.n_persons, dtype=np.int64), np.diff(self.offsets))


def as_days(name: str, values: ArrayLike, n: int | None = None) -> np.ndarray:
    """Days as a contiguous int32 array, a scalar repeated n times; `DesignError` if not whole days within int32."""
    days = np.asarray(values)
    if days.size and days.dtype.kind not in "iu":
        raise DesignError(Fault(name, f"type {days.dtype}", "whole days since 1970-01-01, as integers"))
    if days.size and days.dtype != np.int32 and (int(days.min()) < DAY_MIN or int(days.max()) > DAY_MAX):
        raise DesignError(Fault(name, "a day outside 32 bits", f"{DAY_MIN} to {DAY_MAX}"))
    if n is not None:
        if days.ndim and days.shape != (n,):
            raise DesignError(Fault(name, f"shape {days.shape}", f"{n} days or one for all"))
        days = np.broadcast_to(days, (n,))
    return np.ascontiguousarray(days, dtype=np.int32)


def as_codes(name: str, values: ArrayLike, n_persons: int) -> np.ndarray:
    """Person codes as a contiguous int64 array; `DesignError` if one lies outside 0..n_persons-1."""
    codes = np.asarray(values)
    if codes.size and codes.dtype.kind not in "iu":
        raise DesignError(Fault(name, f"type {codes.dtype}", "integer codes"))
    if codes.size and (int(codes.min()) < 0 or int(codes.max()) >= n_persons):
        raise DesignError(Fault(name, "a code without a person", f"0 to {n_persons - 1}"))
    return np.ascontiguousarray(codes, dtype=np.int64)


def normalise(
    person_codes: ArrayLike, start: ArrayLike, end: ArrayLike, n_persons: int, *, join_touching: bool = True
) -> Spans:
    """Spans from rows in any order, overlapping or repeated; rows that end before they start are left out.

    `person_codes`, `start` and `end` have shape (n_rows,); codes lie in 0..n_persons-1.

    >>> spans = normalise([1, 0, 1], [5, 0, 1], [9, 3, 4], 2)
    >>> spans.offsets.tolist(), spans.start.tolist(), spans.end.tolist()
    ([0, 1, 2], [0, 1], [3, 9])
    """
    codes = as_codes("person codes of spans", person_codes, n_persons)
    first, last = as_days("start of spans", start, len(codes)), as_days("end of spans", end, len(codes))
    return _trimmed(*_normalise(codes, first, last, n_persons, int(join_touching)))


def intersect(a: Spans, b: Spans, *, join_touching: bool = True) -> Spans:
    """Days in both. With `join_touching=False` a boundary of either operand stays a boundary.

    >>> days = intersect(normalise([0], [1], [9], 1), normalise([0, 0], [0, 7], [3, 8], 1))
    >>> days.start.tolist(), days.end.tolist()
    ([1, 7], [3, 8])
    """
    _same_persons(a, b)
    return _trimmed(*_intersect(a.offsets, a.start, a.end, b.offsets, b.start, b.end, int(join_touching)))


def unite(a: Spans, b: Spans, *, join_touching: bool = True) -> Spans:
    """Days in either. Overlapping spans are always joined."""
    _same_persons(a, b)
    return _trimmed(*_unite(a.offsets, a.start, a.end, b.offsets, b.start, b.end, int(join_touching)))


def complement(a: Spans, lo: ArrayLike = DAY_MIN, hi: ArrayLike = DAY_MAX) -> Spans:
    """Days from `lo` to `hi` (both inclusive; one day for all, or one a person) that are not in `a`."""
    first, last = as_days("lo", lo, a.n_persons), as_days("hi", hi, a.n_persons)
    return _trimmed(*_complement(a.offsets, a.start, a.end, first, last))


def clip(a: Spans, first_day: ArrayLike, last_day: ArrayLike) -> Spans:
    """Days of `a` from `first_day` to `last_day`, both inclusive, each one day for all or of shape (n_persons,)."""
    first, last = as_days("first_day", first_day, a.n_persons), as_days("last_day", last_day, a.n_persons)
    return _trimmed(*_clip(a.offsets, a.start, a.end, first, last))


def span_at(a: Spans, person_codes: ArrayLike, days: ArrayLike) -> np.ndarray:
    """Index of the span of `a` that holds each day of each person, or -1: int64 of the shape of `person_codes`.

    >>> span_at(normalise([0, 0], [1, 7], [3, 8], 1), [0, 0, 0], [3, 4, 8]).tolist()
    [0, -1, 1]
    """
    codes = np.atleast_1d(as_codes("person codes", person_codes, a.n_persons))
    out = np.empty(len(codes), dtype=np.int64)
    _span_at(a.offsets, a.start, a.end, codes, as_days("days", days, len(codes)), out)
    return out


def contains(a: Spans, person_codes: ArrayLike, days: ArrayLike) -> np.ndarray:
    """Whether each day lies in the spans of its person: bool of the shape of `person_codes`."""
    return span_at(a, person_codes, days) >= 0


def at_least_k_within(event_offsets: ArrayLike, event_days: ArrayLike, k: int, before: int, after: int) -> Spans:
    """Days t on which a person has at least k distinct event days e with t - before <= e <= t - after.

    Events are in compressed rows: person p owns event_days[event_offsets[p]:event_offsets[p+1]], strictly ascending.
    `before=EVER` looks back without limit; `after` may be negative to look ahead. k < 1 or before < after raise
    `DesignError`. For each run of k successive events the days from (last + after) to (first + before) qualify.

    >>> days = at_least_k_within([0, 3], [0, 10, 20], 2, before=12, after=1)
    >>> days.start.tolist(), days.end.tolist()
    ([11, 21], [12, 22])
    """
    if k < 1 or before < after:
        raise DesignError(Fault("event window", f"k = {k}, {before} to {after} days before", "k >= 1, before >= after"))
    offsets = np.ascontiguousarray(event_offsets, dtype=np.int64)
    days = as_days("event days", event_days, int(offsets[-1]))
    return _trimmed(*_at_least_k_within(offsets, days, k, min(before, EVER), max(after, DAY_MIN)))


def _trimmed(offsets: np.ndarray, start: np.ndarray, end: np.ndarray) -> Spans:
    total = int(offsets[-1])
    if total == len(start):
        return Spans(offsets, start, end)
    return Spans(offsets, start[:total].copy(), end[:total].copy())


def _same_persons(a: Spans, b: Spans) -> None:
    if a.n_persons != b.n_persons:
        raise DesignError(Fault("spans", f"sets of {a.n_persons} and {b.n_persons} persons", "the same persons"))


@compiled
def find_span(start, end, lo, hi, day):
    """Index in lo..hi-1 of the span that holds the day, or -1. Spans lo..hi-1 ascend and are disjoint."""
    while lo < hi:
        middle = (lo + hi) // 2
        if end[middle] < day:
            lo = middle + 1
        elif start[middle] > day:
            hi = middle
        else:
            return middle
    return -1


@compiled
def _push(out_start, out_end, at, first, start, end, reach):
    """Append a span to a person's list, which begins at `first`, or join it to the last one; return the new end."""
    if at > first and start <= np.int64(out_end[at - 1]) + reach:
        out_end[at - 1] = max(out_end[at - 1], end)
        return at
    out_start[at] = start
    out_end[at] = end
    return at + 1


@compiled
def _grouped(codes, start, end, n_persons):
    """Counting sort by person of the rows that are not empty."""
    offsets = np.zeros(n_persons + 1, dtype=np.int64)
    for i in range(len(codes)):
        if start[i] <= end[i]:
            offsets[codes[i] + 1] += 1
    for p in range(n_persons):
        offsets[p + 1] += offsets[p]
    place = offsets[:-1].copy()
    first = np.empty(offsets[-1], dtype=np.int32)
    last = np.empty(offsets[-1], dtype=np.int32)
    for i in range(len(codes)):
        if start[i] <= end[i]:
            at = place[codes[i]]
            first[at] = start[i]
            last[at] = end[i]
            place[codes[i]] = at + 1
    return offsets, first, last


@compiled
def _sort_rows(start, end, lo, hi):
    """Sort rows lo..hi-1 by start, in place."""
    if hi - lo > INSERTION:
        order = np.argsort(start[lo:hi])
        start[lo:hi] = start[lo:hi][order]
        end[lo:hi] = end[lo:hi][order]
        return
    for i in range(lo + 1, hi):
        first, last = start[i], end[i]
        j = i
        while j > lo and start[j - 1] > first:
            start[j] = start[j - 1]
            end[j] = end[j - 1]
            j -= 1
        start[j] = first
        end[j] = last


@compiled
def _normalise(codes, start, end, n_persons, reach):
    offsets, first, last = _grouped(codes, start, end, n_persons)
    at = 0
    row = 0
    for p in range(n_persons):
        stop = offsets[p + 1]
        _sort_rows(first, last, row, stop)
        begin = at  # joining only shortens, so writing never overtakes reading
        for i in range(row, stop):
            at = _push(first, last, at, begin, first[i], last[i], reach)
        offsets[p + 1] = at
        row = stop
    return offsets, first, last


@compiled
def _room(n_persons, n_spans):
    """Offsets and arrays long enough for a result."""
    return (
        np.zeros(n_persons + 1, dtype=np.int64),
        np.empty(n_spans, dtype=np.int32),
        np.empty(n_spans, dtype=np.int32),
    )


@compiled
def _intersect(a_offsets, a_start, a_end, b_offsets, b_start, b_end, reach):
    n_persons = len(a_offsets) - 1
    offsets, start, end = _room(n_persons, len(a_start) + len(b_start))
    at = 0
    for p in range(n_persons):
        i, j = a_offsets[p], b_offsets[p]
        while i < a_offsets[p + 1] and j < b_offsets[p + 1]:
            first, last = max(a_start[i], b_start[j]), min(a_end[i], b_end[j])
            if first <= last:
                at = _push(start, end, at, offsets[p], first, last, reach)
            if a_end[i] < b_end[j]:
                i += 1
            else:
                j += 1
        offsets[p + 1] = at
    return offsets, start, end


@compiled
def _unite(a_offsets, a_start, a_end, b_offsets, b_start, b_end, reach):
    n_persons = len(a_offsets) - 1
    offsets, start, end = _room(n_persons, len(a_start) + len(b_start))
    at = 0
    for p in range(n_persons):
        i, j = a_offsets[p], b_offsets[p]
        while i < a_offsets[p + 1] or j < b_offsets[p + 1]:
            if j == b_offsets[p + 1] or (i < a_offsets[p + 1] and a_start[i] <= b_start[j]):
                at = _push(start, end, at, offsets[p], a_start[i], a_end[i], reach)
                i += 1
            else:
                at = _push(start, end, at, offsets[p], b_start[j], b_end[j], reach)
                j += 1
        offsets[p + 1] = at
    return offsets, start, end


@compiled
def _complement(a_offsets, a_start, a_end, lo, hi):
    n_persons = len(a_offsets) - 1
    offsets, start, end = _room(n_persons, len(a_start) + n_persons)
    at = 0
    for p in range(n_persons):
        day = np.int64(lo[p])  # 64 bits: the day after DAY_MAX is needed to know that nothing is left
        for i in range(a_offsets[p], a_offsets[p + 1]):
            if a_start[i] > day and day <= hi[p]:
                at = _push(start, end, at, offsets[p], day, min(np.int64(a_start[i]) - 1, np.int64(hi[p])), 1)
            day = max(day, np.int64(a_end[i]) + 1)
        if day <= hi[p]:
            at = _push(start, end, at, offsets[p], day, np.int64(hi[p]), 1)
        offsets[p + 1] = at
    return offsets, start, end


@compiled
def _clip(a_offsets, a_start, a_end, first_day, last_day):
    n_persons = len(a_offsets) - 1
    offsets, start, end = _room(n_persons, len(a_start))
    at = 0
    for p in range(n_persons):
        for i in range(a_offsets[p], a_offsets[p + 1]):
            first, last = max(a_start[i], first_day[p]), min(a_end[i], last_day[p])
            if first <= last:
                start[at] = first
                end[at] = last
                at += 1
        offsets[p + 1] = at
    return offsets, start, end


@compiled
def _span_at(offsets, start, end, codes, days, out):
    for i in range(len(codes)):
        out[i] = find_span(start, end, offsets[codes[i]], offsets[codes[i] + 1], days[i])


@compiled
def _at_least_k_within(event_offsets, event_days, k, before, after):
    n_persons = len(event_offsets) - 1
    offsets, start, end = _room(n_persons, len(event_days))
    at = 0
    for p in range(n_persons):
        for i in range(event_offsets[p], event_offsets[p + 1] - k + 1):
            first = np.int64(event_days[i + k - 1]) + after
            last = np.int64(event_days[i]) + before
            if before >= EVER or last > DAY_MAX:
                last = np.int64(DAY_MAX)
            first = max(first, np.int64(DAY_MIN))
            if first <= last:
                at = _push(start, end, at, offsets[p], first, last, 1)
        offsets[p + 1] = at
    return offsets, start, end
