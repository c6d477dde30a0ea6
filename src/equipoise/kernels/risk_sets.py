"""Incidence-density (risk-set) sampling of controls for a nested case-control study.

Purpose: for each case draw m controls from the persons eligible on the case's index date who match it, without
replacement within a set and independently between sets, so that every eligible person is equally likely.
Order: persons and cases may come in any order. Inside, persons stand in the candidate array (`candidates`), so that a
case's candidates are one range of ranks, and days are swept forward while a bit a rank (`rank_bits`) says who is
eligible. No case-by-candidate table is ever formed.
Draw: rank = floor(Philox(seed, case person id, draw number) * range size); ranks that are not eligible or already
drawn are rejected; after REJECTIONS rejections the rest is drawn by counting off the eligible ones that are left. No
draw depends on row order, on other cases or on m: the first k of m controls are the k controls a smaller study gets.
Returned: controls in the order drawn; the exact number eligible; nothing (an empty set) where nobody is eligible.
Ties: a person whose own index date is the same day is eligible only if its spans say so. The case never is.
Cost: linear in persons and spans plus, for each case, m draws and a count over its range in blocks of 4096 persons;
with a time-in-cohort caliper every eligible person of the range is looked at. Memory about 20 bytes a person.
Papers: Liddell, McDonald, Thomas 1977 (JRSS A 140:469); Lubin and Gail 1984 (Biometrics 40:63); Langholz and Goldstein
1996 (Stat Sci 11:35) for the role of the risk-set size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DesignError, Fault
from equipoise.kernels.candidates import CandidateArray, as_integers, sort_candidates
from equipoise.kernels.jit import compiled
from equipoise.kernels.philox import as_seed, as_stream, bounded, draw_uint64
from equipoise.kernels.rank_bits import (
    ONE,
    add_rank,
    bits_from,
    clear_ranks,
    count_ranks,
    has_rank,
    lowest_bit,
    no_ranks,
    remove_rank,
    select_rank,
)
from equipoise.kernels.spans import Spans, as_codes, as_days

REJECTIONS = 64
TABLE = 1 << 20  # buckets of the table that finds a day among the index days


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Controls of n_cases cases in compressed rows, in the order of the cases.

    offsets     int64 (n_cases + 1,): case c owns controls[offsets[c]:offsets[c + 1]]
    controls    int64 (n_controls,): positions of persons, in the order drawn
    size        int64 (n_cases,): persons eligible for the case, itself not counted
    draws       int32 (n_cases,): random numbers used
    enumerated  bool (n_cases,): whether rejection was given up and the eligible ones were counted off
    """

    offsets: np.ndarray
    controls: np.ndarray
    size: np.ndarray
    draws: np.ndarray
    enumerated: np.ndarray

    def __len__(self) -> int:
        return len(self.size)

    @property
    def taken(self) -> np.ndarray:
        """Controls in each set: int64 (n_cases,)."""
        return np.diff(self.offsets)

    @property
    def inclusion_probability(self) -> np.ndarray:
        """Chance of each eligible person to be in the set, taken / size: float64 (n_cases,), nan where size is 0."""
        chance = np.full(len(self), np.nan)
        np.divide(self.taken, self.size, out=chance, where=self.size > 0)
        return chance


def sample_risk_sets(
    person_id: ArrayLike,
    key: ArrayLike,
    birth_year: ArrayLike,
    spans: Spans,
    *,
    case_person: ArrayLike,
    index_day: ArrayLike,
    controls_per_case: int,
    seed: int,
    stream: int = 0,
    birth_year_caliper: int | None = None,
    time_in_cohort_caliper: int | None = None,
    entry_day: ArrayLike | None = None,
    case_entry_day: ArrayLike | None = None,
) -> RiskSets:
    """Controls for every case by incidence-density sampling.

    person_id, key, birth_year   (n_persons,) in any order: distinct int64 identifiers, one int64 code for everything
                                 matched exactly, year of birth
    spans                        days on which each person may serve as a control: under observation, alive, free of
                                 the outcome, meeting the cohort's entry rules
    case_person, index_day       (n_cases,): position of the case among the persons, its index date in days
    birth_year_caliper           largest difference in birth year; None: any
    time_in_cohort_caliper       largest difference in days between time in cohort of case and control on the index
                                 date; None: any. Needs entry_day (n_spans,), the day the cohort was entered for the
                                 span, and case_entry_day (n_cases,)

    A person is eligible if one of its spans holds the index day, the calipers hold and it is not the case. A set with
    fewer than `controls_per_case` eligible takes all of them. A person who is a case twice, identifiers that are not
    distinct, spans that overlap and options out of range raise `DesignError`.

    >>> from equipoise.kernels.spans import normalise
    >>> spans = normalise([0, 1, 2, 3], [0, 0, 0, 0], [9, 20, 5, 20], 4)
    >>> sets = sample_risk_sets([11, 12, 13, 14], [1, 1, 1, 2], [1950] * 4, spans,
    ...                         case_person=[0], index_day=[10], controls_per_case=2, seed=1)
    >>> sets.controls.tolist(), sets.size.tolist(), sets.inclusion_probability.tolist()
    ([1], [1], [1.0])
    """
    ids = as_integers("person identifiers", person_id, len(np.asarray(person_id)), np.int64)
    _check_options(controls_per_case, birth_year_caliper, time_in_cohort_caliper)
    _check_spans(spans, len(ids))
    cases = _cases(case_person, index_day, len(ids))
    entries = _entries(time_in_cohort_caliper, entry_day, case_entry_day, len(spans), len(cases[0]))
    keys = as_integers("matching key", key, len(ids), np.int64)
    years = as_integers("birth year", birth_year, len(ids), np.int32)
    array = sort_candidates(ids, keys, years, spans)
    ranges = array.ranges(keys[cases[0]], years[cases[0]], birth_year_caliper)
    keyed = (as_seed(seed), as_stream(stream), ids[cases[0]])
    return _collected(*_swept(array, spans, cases, ranges, entries, keyed, controls_per_case))


def _check_options(controls_per_case: int, birth_year_caliper: int | None, time_in_cohort_caliper: int | None) -> None:
    faults = []
    if controls_per_case < 1:
        faults.append(Fault("controls per case", f"{controls_per_case}", "1 or more"))
    for name, caliper in (("birth year", birth_year_caliper), ("time-in-cohort", time_in_cohort_caliper)):
        if caliper is not None and caliper < 0:
            faults.append(Fault(f"{name} caliper", f"{caliper}", "0 or more"))
    if faults:
        raise DesignError(faults)


def _check_spans(spans: Spans, n_persons: int) -> None:
    if spans.n_persons != n_persons:
        raise DesignError(Fault("eligible spans", f"of {spans.n_persons} persons", f"of {n_persons}, as identifiers"))
    if not _is_disjoint(spans.offsets, spans.start, spans.end):
        raise DesignError(Fault("eligible spans", "empty, overlapping or unsorted spans", "the form normalise() gives"))


def _cases(case_person: ArrayLike, index_day: ArrayLike, n_persons: int) -> tuple[np.ndarray, np.ndarray]:
    person = as_codes("case positions", case_person, n_persons)
    if len(np.unique(person)) < len(person):
        remedy = "keep one index date a person, or sample repeated events in separate streams"
        raise DesignError(Fault("cases", "a person is a case more than once", "one index date a person", remedy))
    return person, as_days("index days", index_day, len(person))


def _entries(
    caliper: int | None, entry_day: ArrayLike | None, case_entry_day: ArrayLike | None, n_spans: int, n_cases: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """The caliper (-1: none), the entry day of each span and of each case."""
    if caliper is None:
        return -1, np.empty(0, dtype=np.int32), np.zeros(n_cases, dtype=np.int32)
    if entry_day is None or case_entry_day is None:
        raise DesignError(Fault("time-in-cohort caliper", "no entry days", "entry_day and case_entry_day"))
    of_span = as_days("entry days of spans", entry_day, n_spans)
    return caliper, of_span, as_days("entry days of cases", case_entry_day, n_cases)


def _swept(
    array: CandidateArray,
    spans: Spans,
    cases: tuple[np.ndarray, np.ndarray],
    ranges: tuple[np.ndarray, np.ndarray],
    entries: tuple[int, np.ndarray, np.ndarray],
    keyed: tuple[np.uint64, np.uint64, np.ndarray],
    controls_per_case: int,
) -> tuple[np.ndarray, ...]:
    """Sort spans by the index day on which they begin and cease to count, then walk through the index days."""
    person, index_day = cases
    days, day_of_case = np.unique(index_day, return_inverse=True)
    case_order = np.argsort(day_of_case, kind="stable")
    case_offsets = np.searchsorted(day_of_case[case_order], np.arange(len(days) + 1))
    caliper, span_entry, case_entry = entries
    table, shift = _day_table(days)
    events = _events(array.rank_of, spans.offsets, spans.start, spans.end, span_entry, days, table, shift)
    own = array.rank_of[person]
    return _sweep(
        array.order, events, case_order, case_offsets, *ranges, own, *keyed, controls_per_case, caliper, case_entry
    )


def _day_table(days: np.ndarray) -> tuple[np.ndarray, int]:
    """For each bucket of 2**shift days, how many index days come before it (so a far-off date costs no memory)."""
    if not len(days):
        return np.zeros(1, dtype=np.int64), 0
    from_first = days.astype(np.int64) - int(days[0])
    shift = max(0, int(from_first[-1]).bit_length() - TABLE.bit_length() + 1)
    buckets = from_first >> shift
    return np.searchsorted(buckets, np.arange(int(buckets[-1]) + 2)), shift


def _collected(controls: np.ndarray, taken: np.ndarray, *others: np.ndarray) -> RiskSets:
    """Compress the table of one row a case into rows of the length taken."""
    kept = np.arange(controls.shape[1])[None, :] < taken[:, None]
    offsets = np.concatenate(([0], np.cumsum(taken)))
    return RiskSets(offsets, controls[kept].astype(np.int64), *others)


@compiled
def _is_disjoint(offsets, start, end):
    for p in range(len(offsets) - 1):
        for i in range(offsets[p], offsets[p + 1]):
            if start[i] > end[i] or (i > offsets[p] and start[i] <= end[i - 1]):
                return False
    return True


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
def _events(rank_of, offsets, start, end, entry, days, table, shift):
    """Ranks whose spans come to hold, and cease to hold, at each index day; spans between index days are left out."""
    n_days = len(days)
    on_offsets, off_offsets = np.zeros(n_days + 1, dtype=np.int64), np.zeros(n_days + 1, dtype=np.int64)
    for i in range(len(start)):
        on = _days_before(days, table, shift, np.int64(start[i]))
        off = _days_before(days, table, shift, np.int64(end[i]) + 1)
        if on < off:
            on_offsets[on + 1] += 1
            if off < n_days:
                off_offsets[off + 1] += 1
    on_offsets, off_offsets = np.cumsum(on_offsets), np.cumsum(off_offsets)
    on_rank, off_rank = np.empty(on_offsets[-1], dtype=np.int32), np.empty(off_offsets[-1], dtype=np.int32)
    on_entry = np.empty(len(on_rank) if len(entry) else 0, dtype=np.int32)
    on_place, off_place = on_offsets[:-1].copy(), off_offsets[:-1].copy()
    for p in range(len(offsets) - 1):
        for i in range(offsets[p], offsets[p + 1]):
            on = _days_before(days, table, shift, np.int64(start[i]))
            off = _days_before(days, table, shift, np.int64(end[i]) + 1)
            if on < off:
                on_rank[on_place[on]] = rank_of[p]
                if len(entry):
                    on_entry[on_place[on]] = entry[i]
                on_place[on] += 1
                if off < n_days:
                    off_rank[off_place[off]] = rank_of[p]
                    off_place[off] += 1
    return on_offsets, on_rank, on_entry, off_offsets, off_rank


@compiled
def _sweep(
    order, events, case_order, case_offsets, lo, hi, own, seed, stream, case_id, wanted, caliper, case_entry
):  # fmt: skip
    on_offsets, on_rank, on_entry, off_offsets, off_rank = events
    n_cases = len(own)
    controls = np.empty((n_cases, wanted), dtype=np.int32)
    taken, size = np.zeros(n_cases, dtype=np.int64), np.zeros(n_cases, dtype=np.int64)
    draws, enumerated = np.zeros(n_cases, dtype=np.int32), np.zeros(n_cases, dtype=np.bool_)
    words, blocks = no_ranks(len(order))
    close_words, close_blocks = no_ranks(len(order) if caliper >= 0 else 0)
    entry_now = np.empty(len(order) if caliper >= 0 else 0, dtype=np.int32)
    for d in range(len(case_offsets) - 1):
        for i in range(off_offsets[d], off_offsets[d + 1]):
            remove_rank(words, blocks, off_rank[i])
        for i in range(on_offsets[d], on_offsets[d + 1]):
            add_rank(words, blocks, on_rank[i])
            if caliper >= 0:
                entry_now[on_rank[i]] = on_entry[i]
        for i in range(case_offsets[d], case_offsets[d + 1]):
            c = case_order[i]
            at, bounds = (seed, stream, case_id[c]), (lo[c], hi[c])
            if caliper >= 0:
                _keep_close(words, entry_now, bounds, case_entry[c], caliper, close_words, close_blocks)
                found = _draw_set(close_words, close_blocks, bounds, own[c], at, controls[c])
                clear_ranks(close_words, close_blocks, lo[c], hi[c])
            else:
                found = _draw_set(words, blocks, bounds, own[c], at, controls[c])
            size[c], taken[c], draws[c], enumerated[c] = found
            for j in range(taken[c]):
                controls[c, j] = order[controls[c, j]]
    return controls, taken, size, draws, enumerated


@compiled
def _keep_close(words, entry_now, bounds, entry, caliper, close_words, close_blocks):
    """Copy the eligible ranks of a range whose entry lies within the caliper of the case's."""
    at, hi = bounds
    while at < hi:
        bits, width = bits_from(words, at, hi)
        while bits:
            rank = at + lowest_bit(bits)
            if abs(np.int64(entry_now[rank]) - entry) <= caliper:
                add_rank(close_words, close_blocks, rank)
            bits &= bits - ONE
        at += width


@compiled
def _draw_set(words, blocks, bounds, own, keyed, out):
    """Draw one set into `out` (ranks); return size, controls taken, draws used, and whether it was counted off.

    Whoever is drawn leaves the bits, as the case itself does, and all come back at the end.
    """
    lo, hi = bounds
    seed, stream, case_id = keyed
    own_eligible = own >= 0 and has_rank(words, own)
    if own_eligible:
        remove_rank(words, blocks, own)
    size = count_ranks(words, blocks, lo, hi)
    wanted = min(len(out), size)
    taken = draws = rejections = 0
    while taken < wanted:
        counting = rejections >= REJECTIONS
        choices = size - taken if counting else hi - lo
        pick = bounded(draw_uint64(seed, case_id, draws, stream), choices)
        draws += 1
        rank = select_rank(words, blocks, lo, pick) if counting else lo + pick
        if has_rank(words, rank):
            remove_rank(words, blocks, rank)
            out[taken] = rank
            taken += 1
        else:
            rejections += 1
    for i in range(taken):
        add_rank(words, blocks, out[i])
    if own_eligible:
        add_rank(words, blocks, own)
    return size, taken, draws, rejections >= REJECTIONS
