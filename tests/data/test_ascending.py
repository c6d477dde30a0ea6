"""Sets of whole numbers as ascending arrays, held against Python's own sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from equipoise.data.ascending import NOBODY, distinct, held_in, positions_of

numbers = st.lists(st.integers(-50, 50), max_size=40)


def array(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@given(numbers)
def test_each_number_stands_once_in_order(values: list[int]) -> None:
    assert distinct(array(values)).tolist() == sorted(set(values))


@given(numbers, numbers)
def test_membership(known: list[int], asked: list[int]) -> None:
    assert held_in(distinct(array(known)), array(asked)).tolist() == [value in set(known) for value in asked]


@given(numbers, numbers, st.sampled_from([1, 1000]))
def test_positions_of_close_and_of_scattered_identifiers(known: list[int], asked: list[int], apart: int) -> None:
    ids = distinct(array(known)) * apart
    expected = [ids.tolist().index(value) if value in ids.tolist() else NOBODY for value in asked]
    assert positions_of(ids, array(asked)).tolist() == expected
