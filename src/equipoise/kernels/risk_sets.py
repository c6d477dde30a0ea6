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
with a time-in-cohort caliper every eligible person within it is looked at. Memory about 25 bytes a person and span.
Papers: Liddell, McDonald, Thomas 1977 (JRSS A 140:469); Lubin and Gail 1984 (Biometrics 40:63); Langholz and Goldstein
1996 (Stat Sci 11:35) for the role of the risk-set size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DesignError, Fault
from equipoise.kernels.candidates import CandidateArray, as_integers, sort_candidates
from equipoise.kernels.entry_slots import keep_close, sort_entries
from equipoise.kernels.index_days import day_events
from equipoise.kernels.jit import compiled
from equipoise.kernels.philox import as_seed, as_stream, bounded, draw_uint64
from equipoise.kernels.rank_bits import (
    add_rank,
    clear_ranks,
    count_ranks,
    has_rank,
    no_ranks,
    remove_rank,
    select_rank,
)
from equipoise.kernels.spans import Spans, as_codes, as_days

REJECTIONS = 64
NO_CALIPER = -1
LONGEST = 2**32  # no two days lie further apart


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
    keys = as_integers("matching key", key, len(ids), np.int64)
    years = as_integers("birth year", birth_year, len(ids), np.int32)
    person, day = _cases(case_person, index_day, len(ids))
    entries = _entries(time_in_cohort_caliper, entry_day, case_entry_day, len(spans), len(person))
    draw_key = (as_seed(seed), as_stream(stream))
    array = sort_candidates(ids, keys, years, spans)
    cells = array.cells(keys[person], years[person], birth_year_caliper)
    cases = (ids[person], array.rank_of[person], *cells)
    return _collected(*_swept(array, spans, day, cases, entries, draw_key, controls_per_case))


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
    """The caliper (NO_CALIPER: none), the entry day of each span and of each case."""
    if caliper is None:
        return NO_CALIPER, np.empty(0, dtype=np.int32), np.zeros(n_cases, dtype=np.int32)
    if entry_day is None or case_entry_day is None:
        raise DesignError(Fault("time-in-cohort caliper", "no entry days", "entry_day and case_entry_day"))
    of_span = as_days("entry days of spans", entry_day, n_spans)
    return min(caliper, LONGEST), of_span, as_days("entry days of cases", case_entry_day, n_cases)


def _swept(
    array: CandidateArray,
    spans: Spans,
    index_day: np.ndarray,
    cases: tuple[np.ndarray, ...],
    entries: tuple[int, np.ndarray, np.ndarray],
    draw_key: tuple[np.uint64, np.uint64],
    controls_per_case: int,
) -> tuple[np.ndarray, ...]:
    """Sort spans and cases by index day, then walk through the index days.

    Without a time-in-cohort caliper a bit stands for a rank; with one it stands for a slot, one span of a rank.
    """
    caliper, entry_of_span, entry_of_case = entries
    label = np.repeat(array.rank_of, np.diff(spans.offsets))
    slots = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64))
    if caliper != NO_CALIPER:
        sorted_entries = sort_entries(array, label, entry_of_span)
        slots = (sorted_entries.rank, sorted_entries.entry, sorted_entries.cell_start)
        label = sorted_entries.slot
    days, day_of_case = np.unique(index_day, return_inverse=True)
    by_day = np.argsort(day_of_case, kind="stable")
    day_offsets = np.searchsorted(day_of_case[by_day], np.arange(len(days) + 1))
    events = day_events(label, spans.start, spans.end, days)
    return _sweep(
        (array.order, array.cell_start),
        (events.on_offsets, events.on, events.off_offsets, events.off),
        (by_day, day_offsets),
        (*cases, entry_of_case),
        slots,
        caliper,
        draw_key,
        controls_per_case,
    )


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
def _sweep(array, events, by_day, cases, slots, caliper, draw_key, wanted):
    order, cell_start = array
    case_order, case_offsets = by_day
    case_id, own, first_cell, stop_cell, entry = cases
    seed, stream = draw_key
    n = len(own)
    controls = np.empty((n, wanted), dtype=np.int32)
    taken, size = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    draws, enumerated = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.bool_)
    close = caliper != NO_CALIPER
    words, blocks = no_ranks(len(order))
    slot_words, slot_blocks = no_ranks(len(slots[0]))
    for d in range(len(case_offsets) - 1):
        if close:
            _pass_day(slot_words, slot_blocks, events, d)
        else:
            _pass_day(words, blocks, events, d)
        for c in case_order[case_offsets[d] : case_offsets[d + 1]]:
            lo, hi = cell_start[first_cell[c]], cell_start[stop_cell[c]]
            if close:
                keep_close(slot_words, slots, first_cell[c], stop_cell[c], entry[c], caliper, words, blocks)
            size[c], taken[c], draws[c], enumerated[c] = _draw_set(
                words, blocks, (lo, hi), own[c], (seed, stream, case_id[c]), controls[c]
            )
            if close:
                clear_ranks(words, blocks, lo, hi)
            for j in range(taken[c]):
                controls[c, j] = order[controls[c, j]]
    return controls, taken, size, draws, enumerated


@compiled
def _pass_day(words, blocks, events, d):
    """Spans that ceased to hold go first: one that begins on this day may belong to the same person."""
    on_offsets, on, off_offsets, off = events
    for i in range(off_offsets[d], off_offsets[d + 1]):
        remove_rank(words, blocks, off[i])
    for i in range(on_offsets[d], on_offsets[d + 1]):
        add_rank(words, blocks, on[i])


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
