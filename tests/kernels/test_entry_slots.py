"""Eligible spans found by entry day equal those found by looking at every span."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from equipoise.kernels.candidates import sort_candidates
from equipoise.kernels.entry_slots import first_slot, keep_close, sort_entries
from equipoise.kernels.rank_bits import add_rank, has_rank, no_ranks
from equipoise.kernels.spans import DAY_MAX, DAY_MIN, Spans

entries = st.one_of(st.integers(-4, 4), st.sampled_from([DAY_MIN, DAY_MAX]))
people = st.lists(st.tuples(st.integers(1950, 1953), entries, st.booleans()), min_size=1, max_size=200)


@given(people, entries, st.integers(0, 5), st.integers(1949, 1953), st.integers(0, 2))
def test_close_entries_of_a_run_of_cells(rows: list[tuple], entry: int, caliper: int, year: int, reach: int) -> None:
    n = len(rows)
    one_span_each = Spans(np.arange(n + 1), np.zeros(n, dtype=np.int32), np.ones(n, dtype=np.int32))
    years = np.array([row[0] for row in rows], dtype=np.int32)
    array = sort_candidates(np.arange(n), np.zeros(n, dtype=np.int64), years, one_span_each)
    entry_day = np.array([row[1] for row in rows], dtype=np.int32)
    slots = sort_entries(array, array.rank_of, entry_day)
    for g in range(len(array.cell_key)):
        assert np.all(np.diff(slots.entry[slots.cell_start[g] : slots.cell_start[g + 1]].astype(int)) >= 0)

    slot_words, slot_blocks = no_ranks(n)
    for p, (_, _, eligible) in enumerate(rows):
        if eligible:
            add_rank(slot_words, slot_blocks, slots.slot[p])
    first, stop = array.cells(np.zeros(1, dtype=np.int64), np.array([year], dtype=np.int32), reach)
    words, blocks = no_ranks(n)
    index = (slots.rank, slots.entry, slots.cell_start)
    keep_close(slot_words, index, first[0], stop[0], np.int32(entry), caliper, words, blocks)

    found = {p for p in range(n) if has_rank(words, array.rank_of[p])}
    near = {p for p, row in enumerate(rows) if abs(row[0] - year) <= reach and abs(row[1] - entry) <= caliper}
    assert found == {p for p in near if rows[p][2]}


def test_the_first_slot_on_or_after_a_day() -> None:
    entry = np.array([1, 3, 3, 7], dtype=np.int32)
    assert [first_slot(entry, 0, 4, day) for day in (0, 1, 2, 3, 4, 8)] == [0, 0, 1, 1, 3, 4]
    assert first_slot(entry, 2, 2, 0) == 2
