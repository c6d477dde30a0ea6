"""Windows before index: tiny cases by hand, and generated rows against sums over lists."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import DesignError
from equipoise.kernels.event_windows import NO_DAY, UNBOUNDED, EventWindows, count_event_windows
from equipoise.kernels.spans import DAY_MAX, DAY_MIN

YEAR = {"lo": [-365], "hi": [-1]}


def one_row(events: list[int], index: int, seen_from: int = -100_000, **options) -> EventWindows:
    return count_event_windows([0], [len(events)], events, [index], [seen_from], **(YEAR | options))


@pytest.mark.parametrize(
    ("event", "inside"),
    [(999, 1), (1000, 0), (635, 1), (634, 0)],
    ids=["day -1", "index day", "day -365", "day -366"],
)
def test_both_ends_of_a_window_belong_to_it_and_index_does_not(event: int, inside: int) -> None:
    assert one_row([event], 1000).days.tolist() == [[inside]]


def test_neighbouring_windows_share_no_day_and_leave_none_out() -> None:
    lo, hi = [-365, -1826, UNBOUNDED], [-1, -366, -1827]
    events = [1000 - back for back in (5000, 1827, 1826, 366, 365, 1)]
    found = one_row(events, 1000, lo=lo, hi=hi)
    assert found.days.tolist() == [[2, 2, 2]]
    assert found.days_before.tolist() == [6]


def test_nothing_before_observable_time_is_counted() -> None:
    found = one_row([700, 800, 900], 1000, seen_from=800, lo=[UNBOUNDED], hi=[-1])
    assert found.days.tolist() == [[2]]
    assert found.first_day.tolist() == [800]


def test_the_first_and_the_kth_day_before_index() -> None:
    events = [100, 200, 300, 1000, 1001]
    for k, day in ((1, 100), (3, 300), (4, NO_DAY)):
        found = one_row(events, 1000, k=k)
        assert (found.first_day.tolist(), found.kth_day.tolist()) == ([100], [day])
    nobody = one_row([], 1000)
    assert (nobody.first_day[0], nobody.kth_day[0], nobody.days_before[0]) == (NO_DAY, NO_DAY, 0)


@pytest.mark.parametrize(
    ("events", "prevalent"),
    [([500], True), ([400], True), ([864], True), ([865], False), ([], False), ([1000], False)],
    ids=["first day", "before observable time", "last day of run-in", "after run-in", "no event", "index day"],
)
def test_users_within_the_run_in_are_prevalent(events: list[int], prevalent: bool) -> None:
    assert one_row(events, 1000, seen_from=500, run_in=365).prevalent.tolist() == [prevalent]


def test_an_event_after_index_does_not_make_a_prevalent_user() -> None:
    assert one_row([520], 510, seen_from=500, run_in=365).prevalent.tolist() == [False]


def test_sums_skip_unknown_values_and_say_how_many_were_known() -> None:
    values = {"days_supply": [30.0, math.nan, 7.0], "dose": [math.nan] * 3, "quantity": [1, 2, 3]}
    found = one_row([700, 800, 900], 1000, values=values)
    sums = {name: (s.total.tolist(), s.known.tolist()) for name, s in found.sums.items()}
    assert sums == {
        "days_supply": ([[37.0]], [[2]]),
        "dose": ([[0.0]], [[0]]),
        "quantity": ([[6.0]], [[3]]),
    }


def test_several_rows_may_share_a_persons_events() -> None:
    offsets, days = np.array([0, 2, 3]), [10, 20, 15]
    person, index = np.array([0, 1, 0]), [15, 16, 30]
    found = count_event_windows(offsets[person], offsets[person + 1], days, index, 0, lo=[-10], hi=[-1])
    assert found.days.tolist() == [[1], [1], [1]]
    assert found.first_day.tolist() == [10, 15, 10]
    assert len(found) == 3


def test_days_at_the_limits_do_not_wrap() -> None:
    found = one_row([DAY_MIN, DAY_MAX], DAY_MAX, seen_from=DAY_MIN, lo=[UNBOUNDED, -10], hi=[-1, -1], run_in=DAY_MAX)
    assert found.days.tolist() == [[1, 0]]
    late = one_row([DAY_MAX - 1], DAY_MAX, seen_from=DAY_MAX - 1, run_in=DAY_MAX)
    assert (late.days.tolist(), late.prevalent.tolist()) == ([[1]], [True])
    early = one_row([DAY_MAX], DAY_MIN, seen_from=DAY_MIN)
    assert (early.days.tolist(), early.days_before.tolist()) == ([[0]], [0])


numbers = st.one_of(st.just(math.nan), st.integers(0, 50).map(float))


@st.composite
def tables(draw: st.DrawFn) -> tuple:
    events = draw(st.lists(st.sets(st.integers(0, 60), max_size=10).map(sorted), min_size=1, max_size=5))
    rows = draw(
        st.lists(st.tuples(st.integers(0, len(events) - 1), st.integers(0, 70), st.integers(-5, 60)), max_size=6)
    )
    window = st.tuples(st.one_of(st.just(UNBOUNDED), st.integers(-40, 0)), st.integers(0, 20))
    windows = [(lo, (-20 if lo == UNBOUNDED else lo) + width) for lo, width in draw(st.lists(window, max_size=4))]
    n_events = sum(map(len, events))
    doses = draw(st.lists(numbers, min_size=n_events, max_size=n_events))
    return events, rows, windows, doses, draw(st.integers(1, 4)), draw(st.integers(0, 30))


@given(tables())
def test_generated_rows_equal_the_obvious_sums(table: tuple) -> None:
    events, rows, windows, doses, k, run_in = table
    offsets = np.cumsum([0, *map(len, events)])
    person, index, seen_from = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    found = count_event_windows(
        offsets[person],
        offsets[person + 1],
        np.array([day for days in events for day in days], dtype=np.int32),
        index,
        seen_from,
        lo=np.array([lo for lo, _ in windows], dtype=np.int32),
        hi=np.array([hi for _, hi in windows], dtype=np.int32),
        k=k,
        run_in=run_in,
        values={"dose": np.array(doses)},
    )
    for r, (p, index_day, first) in enumerate(rows):
        dosed = list(zip(events[p], doses[offsets[p] : offsets[p + 1]], strict=True))
        before = [day for day, _ in dosed if first <= day < index_day]
        assert found.days_before[r] == len(before)
        assert found.first_day[r] == (before[0] if before else NO_DAY)
        assert found.kth_day[r] == (before[k - 1] if len(before) >= k else NO_DAY)
        assert found.prevalent[r] == any(day < min(index_day, first + run_in) for day, _ in dosed)
        for w, (lo, hi) in enumerate(windows):
            inside = [dose for day, dose in dosed if day >= first and lo <= day - index_day <= hi]
            known = [dose for dose in inside if not math.isnan(dose)]
            assert found.days[r, w] == len(inside)
            assert found.sums["dose"].total[r, w] == sum(known)
            assert found.sums["dose"].known[r, w] == len(known)


def test_no_rows_and_no_windows_are_answers() -> None:
    nobody = count_event_windows([], [], [], [], [], **YEAR)
    assert nobody.days.shape == (0, 1)
    no_window = one_row([1], 10, lo=[], hi=[])
    assert no_window.days.shape == (1, 0)
    assert no_window.first_day.tolist() == [1]


@pytest.mark.parametrize(
    ("events", "options"),
    [
        ([2, 1], {}),
        ([1, 1], {}),
        ([1.5], {}),
        ([1], {"lo": [-1], "hi": [-365]}),
        ([1], {"lo": [-1, -2], "hi": [-1]}),
        ([1], {"k": 0}),
        ([1], {"run_in": -1}),
        ([1], {"values": {"dose": [1.0, 2.0]}}),
        ([1], {"values": {"dose": ["1"]}}),
    ],
)
def test_what_cannot_be_counted_is_refused(events: list, options: dict) -> None:
    with pytest.raises(DesignError):
        one_row(events, 1000, **options)


@pytest.mark.parametrize(("first", "last"), [([0], [2]), ([1], [0]), ([-1], [1])])
def test_runs_outside_the_events_are_refused(first: list, last: list) -> None:
    with pytest.raises(DesignError):
        count_event_windows(first, last, [5], [10], [0], **YEAR)
