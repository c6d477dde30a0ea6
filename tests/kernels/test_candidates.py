"""The candidate array: sorted as Python sorts, whatever the spread of keys and the order of persons."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import DesignError
from equipoise.kernels.candidates import sort_candidates
from equipoise.kernels.spans import normalise

INT64 = st.integers(-(2**63), 2**63 - 1)
keys = st.one_of(st.integers(0, 3), st.integers(0, 10**7), INT64)
years = st.one_of(st.integers(1940, 1950), st.integers(-(2**31), 2**31 - 1))


@given(st.lists(st.tuples(INT64, keys, years, st.booleans()), unique_by=lambda p: p[0], max_size=25), st.data())
def test_candidates_are_sorted_and_ranges_are_what_they_say(people: list[tuple], data: st.DataObject) -> None:
    column = lambda i, dtype: np.array([person[i] for person in people], dtype=dtype)  # noqa: E731
    able = [p for p, person in enumerate(people) if person[3]]
    spans = normalise(able, [0] * len(able), [1] * len(able), len(people))
    array = sort_candidates(column(0, np.int64), column(1, np.int64), column(2, np.int32), spans)

    expected = sorted(able, key=lambda p: (people[p][1], people[p][2], people[p][0]))
    assert array.order.tolist() == expected
    assert [array.rank_of[p] for p in expected] == list(range(len(able)))
    assert all(array.rank_of[p] == -1 for p in range(len(people)) if p not in able)

    caliper = data.draw(st.one_of(st.none(), st.integers(0, 5), st.just(2**33)))
    first, stop = array.cells(column(1, np.int64), column(2, np.int32), caliper)
    for p, (_, key, year, _) in enumerate(people):
        close = [
            q for q in expected if people[q][1] == key and (caliper is None or abs(people[q][2] - year) <= caliper)
        ]
        assert array.order[array.cell_start[first[p]] : array.cell_start[stop[p]]].tolist() == close


def test_an_identifier_that_occurs_twice_is_refused() -> None:
    spans = normalise([0, 1, 2], [0] * 3, [1] * 3, 3)
    for ids in ([1, 1, 2], [2, 1, 2]):
        with pytest.raises(DesignError, match="more than once"):
            sort_candidates(np.array(ids), np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int32), spans)
