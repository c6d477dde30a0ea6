"""Rows in the order of their sets, and what sets hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.kernels.matched_sets import count_sets, rows_by_set, sets_that_vary


def test_sorted_rows_are_left_alone() -> None:
    order, first = rows_by_set(np.array([3, 3, 7, 7, 7, 9]))
    assert order is None
    assert first.tolist() == [0, 2, 5, 6]


@pytest.mark.parametrize("spread", [1, 10**12])
@given(codes=st.lists(st.integers(-5, 20), min_size=1, max_size=60))
def test_rows_come_out_as_by_a_stable_sort(spread: int, codes: list[int]) -> None:
    code = np.array(codes, np.int64) * spread
    order, first = rows_by_set(code)
    order = np.arange(len(code)) if order is None else order
    assert order.tolist() == np.argsort(code, kind="stable").tolist()
    names, sizes = np.unique(code, return_counts=True)
    assert np.diff(first).tolist() == sizes.tolist()
    assert code[order][first[:-1]].tolist() == names.tolist()


def test_counts_of_each_set() -> None:
    case, first = np.array([0, 1, 1, 0, 1, 1], np.uint8), np.array([0, 3, 4, 6])
    counts = count_sets(case, first)
    assert counts.n_rows.tolist() == [3, 1, 2]
    assert counts.n_cases.tolist() == [2, 0, 2]
    assert counts.complete.tolist() == [True, False, False]


def test_a_set_varies_if_any_column_does() -> None:
    x = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 3.0], [5.0, 5.0]])
    assert sets_that_vary(x, np.array([0, 2, 4, 5])).tolist() == [False, True, False]
