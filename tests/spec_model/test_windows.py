"""Windows count whole days before the index date; day -1 is the last that counts."""

from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.spec.windows import Window, days_in_years

# k years = floor(365.25 k) days, so that one year is 365 days.
KNOWN: list[tuple[dict[str, Any], int | None, int]] = [
    ({"years_before": (0, 1)}, -365, -1),
    ({"years_before": (1, 5)}, -1826, -366),
    ({"years_before": (5, inf)}, None, -1827),
    ({"years_before": (0, 0.5)}, -182, -1),
    ({"years_before": (1, inf)}, None, -366),
    ({"years_before": (0, 4)}, -1461, -1),
    ({"days_before": (0, 90)}, -90, -1),
    ({"days_before": (0, 1)}, -1, -1),
    ({"days_before": (90, 180)}, -180, -91),
    ({"days_before": (0, inf)}, None, -1),
]


@pytest.mark.parametrize(("given_as", "first", "last"), KNOWN, ids=lambda value: str(value))
def test_first_and_last_day(given_as: dict[str, Any], first: int | None, last: int) -> None:
    window = Window(**given_as)
    assert (window.first_day, window.last_day) == (first, last)


def days(window: Window) -> set[int]:
    return set(range(-5000 if window.first_day is None else window.first_day, window.last_day + 1))


bounds = st.tuples(st.integers(0, 40), st.integers(1, 40) | st.just(inf)).filter(lambda pair: pair[0] < pair[1])
windows = bounds.map(lambda pair: Window(days_before=pair))


@given(windows, windows)
def test_windows_overlap_where_they_share_a_day(one: Window, other: Window) -> None:
    assert one.overlaps(other) == other.overlaps(one) == bool(days(one) & days(other))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True).map(sorted))
def test_windows_in_years_that_follow_one_another_share_no_day_and_leave_none_out(years: list[int]) -> None:
    edges = [0, *years, inf]
    parts = [Window(years_before=(near, far)) for near, far in pairwise(edges)]
    assert parts[0].last_day == -1
    assert parts[-1].first_day is None
    for nearer, farther in pairwise(parts):
        assert nearer.first_day == farther.last_day + 1
        assert nearer.first_day == -days_in_years(years[parts.index(nearer)])
