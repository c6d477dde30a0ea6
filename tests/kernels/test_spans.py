"""Interval sets held against plain sets of days, and at the limits of 32-bit days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import DesignError
from equipoise.kernels.spans import (
    DAY_MAX,
    DAY_MIN,
    EVER,
    Spans,
    at_least_k_within,
    clip,
    complement,
    contains,
    intersect,
    normalise,
    span_at,
    unite,
)

HORIZON = range(-12, 60)  # every day that small generated spans can reach
Rows = list[tuple[int, int, int]]

days = st.integers(-5, 40)
persons = st.integers(1, 4)


@st.composite
def databases(draw: st.DrawFn, tables: int = 1, max_size: int = 12) -> tuple:
    n = draw(persons)
    row = st.tuples(st.integers(0, n - 1), days, st.integers(-1, 8)).map(lambda r: (r[0], r[1], r[1] + r[2]))
    return n, *(draw(st.lists(row, max_size=max_size)) for _ in range(tables))


def spans_of(n: int, rows: Rows, **options: bool) -> Spans:
    codes, start, end = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)) if rows else ([],) * 3
    return normalise(codes, start, end, n, **options)


def day_sets(n: int, rows: Rows) -> list[set[int]]:
    return [{day for code, start, end in rows if code == p for day in range(start, end + 1)} for p in range(n)]


def as_sets(spans: Spans) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in range(spans.n_persons)]
    for p, start, end in zip(spans.person, spans.start.tolist(), spans.end.tolist(), strict=True):
        found[p] |= set(range(start, end + 1))
    return found


def assert_normal(spans: Spans, gap: int = 2) -> None:
    """Every span holds a day, and spans of one person ascend with at least gap - 1 days between them."""
    assert spans.offsets.dtype == np.int64
    assert spans.start.dtype == spans.end.dtype == np.int32
    assert np.all(spans.start <= spans.end)
    same = spans.person[1:] == spans.person[:-1]
    assert np.all((spans.start[1:].astype(int) - spans.end[:-1] >= gap)[same])


def table(spans: Spans) -> list[tuple[int, int, int]]:
    return list(zip(spans.person.tolist(), spans.start.tolist(), spans.end.tolist(), strict=True))


@given(databases())
def test_normalise_keeps_exactly_the_days(database: tuple) -> None:
    n, rows = database
    joined = spans_of(n, rows)
    assert as_sets(joined) == day_sets(n, rows)
    assert_normal(joined)
    apart = spans_of(n, rows, join_touching=False)
    assert as_sets(apart) == day_sets(n, rows)
    assert_normal(apart, gap=1)


@given(databases(max_size=60))
def test_normalise_of_many_rows_a_person(database: tuple) -> None:
    _, rows = database
    rows = [(0, start, end) for _, start, end in rows] * 2
    assert as_sets(spans_of(1, rows)) == day_sets(1, rows)


def test_touching_spans_are_joined_unless_asked_to_stay_apart() -> None:
    rows = [(0, 5, 9), (0, 1, 4), (0, 11, 12)]
    assert table(spans_of(1, rows)) == [(0, 1, 9), (0, 11, 12)]
    assert table(spans_of(1, rows, join_touching=False)) == [(0, 1, 4), (0, 5, 9), (0, 11, 12)]


@given(databases(tables=2))
def test_intersect_and_unite_are_set_operations(database: tuple) -> None:
    n, left, right = database
    a, b = spans_of(n, left), spans_of(n, right)
    for found, operation in ((intersect(a, b), set.__and__), (unite(a, b), set.__or__)):
        assert as_sets(found) == [operation(x, y) for x, y in zip(day_sets(n, left), day_sets(n, right), strict=True)]
        assert_normal(found)


def test_intersect_can_keep_the_boundaries_of_its_operands() -> None:
    entries = spans_of(1, [(0, 1, 4), (0, 5, 9)], join_touching=False)
    alive = spans_of(1, [(0, 3, 20)])
    assert table(intersect(entries, alive)) == [(0, 3, 9)]
    assert table(intersect(entries, alive, join_touching=False)) == [(0, 3, 4), (0, 5, 9)]
    assert table(unite(entries, spans_of(1, []), join_touching=False)) == [(0, 1, 4), (0, 5, 9)]


@given(databases(), days, days)
def test_complement_is_what_is_left_between_the_limits(database: tuple, lo: int, hi: int) -> None:
    n, rows = database
    found = complement(spans_of(n, rows), lo, hi)
    assert as_sets(found) == [set(range(lo, hi + 1)) - days_of for days_of in day_sets(n, rows)]
    assert_normal(found)


@given(databases(), st.data())
def test_clip_and_complement_take_a_limit_for_each_person(database: tuple, data: st.DataObject) -> None:
    n, rows = database
    first, last = (data.draw(st.lists(days, min_size=n, max_size=n)) for _ in range(2))
    limits = [set(range(a, b + 1)) for a, b in zip(first, last, strict=True)]
    spans = spans_of(n, rows)
    expected = zip(limits, day_sets(n, rows), strict=True)
    assert as_sets(clip(spans, first, last)) == [limit & days_of for limit, days_of in expected]
    expected = zip(limits, day_sets(n, rows), strict=True)
    assert as_sets(complement(spans, first, last)) == [limit - days_of for limit, days_of in expected]


@given(databases())
def test_contains_answers_for_every_day(database: tuple) -> None:
    n, rows = database
    spans = spans_of(n, rows)
    codes = np.repeat(np.arange(n), len(HORIZON))
    asked = np.tile(np.array(HORIZON), n)
    expected = [day in day_sets(n, rows)[p] for p, day in zip(codes.tolist(), asked.tolist(), strict=True)]
    assert contains(spans, codes, asked).tolist() == expected
    at = span_at(spans, codes, asked)
    inside = at >= 0
    assert np.array_equal(spans.person[at[inside]], codes[inside])
    assert np.all((spans.start[at[inside]] <= asked[inside]) & (asked[inside] <= spans.end[at[inside]]))


@given(databases(), st.integers(1, 4), st.integers(-4, 15), st.integers(0, 10))
def test_at_least_k_within_counts_distinct_days(database: tuple, k: int, after: int, length: int) -> None:
    n, rows = database
    events = [sorted({start for code, start, _ in rows if code == p}) for p in range(n)]
    offsets = np.cumsum([0, *map(len, events)])
    found = at_least_k_within(
        offsets, np.array([e for of_person in events for e in of_person]), k, after + length, after
    )
    reach = range(-60, 120)
    expected = [
        {t for t in reach if sum(t - after - length <= e <= t - after for e in of_person) >= k} for of_person in events
    ]
    assert as_sets(found) == expected
    assert_normal(found)


def test_looking_back_without_limit_lasts_for_ever() -> None:
    found = at_least_k_within([0, 3, 4], np.array([-100, 0, 10, 7], dtype=np.int32), 2, EVER, 1)
    assert table(found) == [(0, 1, DAY_MAX)]
    before_1970 = at_least_k_within([0, 1], np.array([-100], dtype=np.int32), 1, EVER, 1)
    assert table(before_1970) == [(0, -99, DAY_MAX)]


def test_arithmetic_saturates_at_the_last_and_the_first_day() -> None:
    late = np.array([DAY_MAX - 3], dtype=np.int32)
    assert table(at_least_k_within([0, 1], late, 1, 10, 2)) == [(0, DAY_MAX - 1, DAY_MAX)]
    assert table(at_least_k_within([0, 1], late, 1, 10, 5)) == []
    early = np.array([DAY_MIN + 3], dtype=np.int32)
    assert table(at_least_k_within([0, 1], early, 1, -2, -10)) == [(0, DAY_MIN, DAY_MIN + 1)]
    assert table(at_least_k_within([0, 1], early, 1, -5, -10)) == []


def test_spans_that_reach_the_limits_do_not_overflow() -> None:
    whole = spans_of(2, [(0, DAY_MIN, DAY_MAX)])
    assert table(complement(whole)) == [(1, DAY_MIN, DAY_MAX)]
    assert table(complement(complement(whole))) == [(0, DAY_MIN, DAY_MAX)]
    ends = spans_of(1, [(0, DAY_MAX, DAY_MAX), (0, DAY_MIN, DAY_MIN)])
    assert table(ends) == [(0, DAY_MIN, DAY_MIN), (0, DAY_MAX, DAY_MAX)]
    assert table(complement(ends)) == [(0, DAY_MIN + 1, DAY_MAX - 1)]
    assert contains(ends, [0, 0, 0], [DAY_MIN, 0, DAY_MAX]).tolist() == [True, False, True]
    assert table(unite(ends, complement(ends))) == [(0, DAY_MIN, DAY_MAX)]


def test_nobody_and_nothing() -> None:
    nobody = normalise([], [], [], 0)
    assert (nobody.n_persons, len(nobody)) == (0, 0)
    nothing = normalise([], [], [], 3)
    assert (nothing.n_persons, len(nothing)) == (3, 0)
    assert table(complement(nothing, 0, 1)) == [(0, 0, 1), (1, 0, 1), (2, 0, 1)]
    assert len(intersect(nobody, nobody)) == len(unite(nothing, nothing)) == len(clip(nothing, 0, 1)) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: normalise([2], [0], [1], 2),
        lambda: normalise([-1], [0], [1], 2),
        lambda: normalise([0], [0.5], [1], 2),
        lambda: normalise([0.0], [0], [1], 2),
        lambda: normalise([0], [0], [2**31], 2),
        lambda: normalise([0, 1], [0, 1, 2], [1, 2, 3], 2),
        lambda: intersect(normalise([], [], [], 1), normalise([], [], [], 2)),
        lambda: contains(normalise([], [], [], 1), [1], [0]),
        lambda: clip(normalise([], [], [], 2), [1, 2, 3], 4),
        lambda: at_least_k_within([0, 1], [1], 0, 5, 1),
        lambda: at_least_k_within([0, 1], [1], 1, 1, 5),
        lambda: Spans(np.array([0, 2]), np.array([1], dtype=np.int32), np.array([2], dtype=np.int32)),
    ],
)
def test_what_is_not_a_set_of_spans_is_refused(call) -> None:
    with pytest.raises(DesignError):
        call()
