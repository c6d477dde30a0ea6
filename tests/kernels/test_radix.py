"""Sorting by digits against Python's sort: values, positions and stability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.kernels.radix import ascending_order, sort_pairs

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(
    st.one_of(st.lists(INT64), st.lists(st.integers(-300, 300)), st.lists(st.sampled_from([-(2**63), 0, 2**63 - 1])))
)
def test_identifiers_of_any_spread(values: list[int]) -> None:
    expected = sorted(range(len(values)), key=lambda i: values[i])
    found = ascending_order(np.array(values, dtype=np.int64))
    assert found.dtype == np.int32
    assert found.tolist() == expected


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_days_of_any_spread(days: list[int]) -> None:
    expected = sorted(range(len(days)), key=lambda i: days[i])
    assert ascending_order(np.array(days, dtype=np.int32)).tolist() == expected


@pytest.mark.parametrize("spread", [0, 1, 255, 256, 257, 2**20])
def test_many_rows_with_ties_keep_their_order(spread: int) -> None:
    days = np.random.default_rng(1).integers(-spread, spread + 1, 50_000).astype(np.int32)
    assert np.array_equal(ascending_order(days), np.argsort(days, kind="stable"))


def test_pairs_move_together() -> None:
    keys, values = sort_pairs(np.array([513, 2, 513, 1], dtype=np.uint32), np.array([7, 8, 9, 6], dtype=np.int32), 10)
    assert (keys.tolist(), values.tolist()) == ([1, 2, 513, 513], [6, 8, 7, 9])
