"""The matching kernels against a search of every pair, on small data full of ties."""

import numpy as np
import pytest

from equipoise.kernels.nearest_neighbour import (
    BEYOND_CALIPER,
    COMPLETE,
    NONE_LEFT,
    descending,
    greedy_pairs,
    matching_problem,
    nearest_pairs,
    value_order,
)
from equipoise.kernels.nearest_pairs import closest_pairs
from tests.kernels import nearest_neighbour_twin as twin


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int]:
    """Values on a coarse grid, exact in binary: many are equal, many distances are."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 26))
    grid = 2.0 ** -int(rng.integers(1, 6))
    value = rng.integers(0, int(1 / grid) + 1, n) * grid
    stratum = rng.integers(0, int(rng.integers(1, 4)), n)
    caliper = float(rng.choice([np.inf, grid, 2 * grid, 0.0, 0.3]))
    return value, rng.random(n) < rng.random(), stratum, caliper, int(rng.integers(1, 4))


def pairs_of(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[tuple[int, int]]:
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


def sorted_by_stratum(seeks: np.ndarray, stratum: np.ndarray, key: np.ndarray) -> list[int]:
    return sorted(np.flatnonzero(seeks).tolist(), key=lambda i: (stratum[i], key[i], i))


@pytest.mark.parametrize("seed", range(300))
def test_greedy_pairs_are_those_of_a_search(seed: int) -> None:
    value, seeks, stratum, caliper, partners = random_case(seed)
    problem = matching_problem(value, seeks, stratum)
    ascending = np.arange(len(problem.index))
    by_row = np.argsort(problem.index)
    for sequence, rows in (
        (descending(problem), sorted_by_stratum(seeks, stratum, -value)),
        (ascending, sorted_by_stratum(seeks, stratum, value)),
        (by_row, np.flatnonzero(seeks).tolist()),
    ):
        assert problem.index[sequence].tolist() == rows
        for kernel, replace in ((greedy_pairs, False), (nearest_pairs, True)):
            found = pairs_of(kernel(problem, sequence, caliper, partners))
            assert found == twin.greedy(value, seeks, stratum, rows, caliper, partners, replace)


@pytest.mark.parametrize("seed", range(300))
def test_closest_pairs_are_those_of_a_search(seed: int) -> None:
    value, seeks, stratum, caliper, partners = random_case(seed)
    found = pairs_of(closest_pairs(matching_problem(value, seeks, stratum), caliper, partners))
    assert found == twin.closest(value, seeks, stratum, caliper, partners)


@pytest.mark.parametrize("seed", range(30))
def test_values_that_all_differ(seed: int) -> None:
    rng = np.random.default_rng(1_000 + seed)
    value, stratum = rng.normal(size=60), rng.integers(0, 2, 60)
    seeks = rng.random(60) < rng.choice([0.2, 0.5, 0.8])
    caliper = float(rng.choice([np.inf, 0.2, 0.01]))
    problem = matching_problem(value, seeks, stratum)
    sequence = rng.permutation(len(problem.index))
    rows = problem.index[sequence].tolist()
    found = pairs_of(greedy_pairs(problem, sequence, caliper, 2))
    assert found == twin.greedy(value, seeks, stratum, rows, caliper, 2)
    assert pairs_of(closest_pairs(problem, caliper, 2)) == twin.closest(value, seeks, stratum, caliper, 2)


@pytest.mark.parametrize("kernel", [greedy_pairs, closest_pairs])
def test_the_state_tells_why_somebody_has_no_partner(kernel) -> None:  # type: ignore[no-untyped-def]
    value = np.array([0.1, 0.2, 0.9, 0.1, 0.9, 0.5])
    seeks = np.array([True, True, True, False, True, False])
    stratum = np.array([0, 0, 0, 0, 1, 2])
    problem = matching_problem(value, seeks, stratum)
    order = (np.arange(4),) if kernel is greedy_pairs else ()
    state = dict(zip(problem.index.tolist(), kernel(problem, *order, 0.5, 1)[2].tolist(), strict=True))
    assert state == {0: COMPLETE, 1: NONE_LEFT, 2: NONE_LEFT, 4: NONE_LEFT}
    narrow = matching_problem(value[:4], np.array([False, True, True, False]))
    order = (np.arange(2),) if kernel is greedy_pairs else ()
    state = dict(zip(narrow.index.tolist(), kernel(narrow, *order, 0.15, 1)[2].tolist(), strict=True))
    assert state == {1: COMPLETE, 2: BEYOND_CALIPER}


@pytest.mark.parametrize("clustered", [False, True])
def test_rows_are_put_in_order_of_values_and_rows(clustered: bool) -> None:
    rng = np.random.default_rng(1)
    value = np.round(rng.random(5_000), 3)
    if clustered:  # nearly all in one step of the grid
        value = np.append(value * 1e-9, 1e6)
    np.testing.assert_array_equal(value_order(value), np.argsort(value, kind="stable"))


def test_orders_of_nobody_and_of_equal_values() -> None:
    assert value_order(np.empty(0)).tolist() == []
    assert value_order(np.full(3, 0.5)).tolist() == [0, 1, 2]
    nobody = matching_problem(np.array([0.5, 0.6]), np.zeros(2, bool))
    assert pairs_of(greedy_pairs(nobody, np.arange(0), np.inf, 1)) == []
    assert pairs_of(closest_pairs(nobody, np.inf, 1)) == []
    everybody = matching_problem(np.array([0.5, 0.6]), np.ones(2, bool))
    assert pairs_of(greedy_pairs(everybody, np.arange(2), np.inf, 2)) == []
    assert closest_pairs(everybody, np.inf, 1)[2].tolist() == [NONE_LEFT, NONE_LEFT]


def test_many_equal_values_cost_no_more_than_their_number() -> None:
    n = 200_000
    problem = matching_problem(np.full(n, 0.5), np.arange(n) % 2 == 0)
    expected = (np.arange(0, n, 2), np.arange(1, n, 2))
    for found in (greedy_pairs(problem, np.arange(n // 2), np.inf, 1), closest_pairs(problem, np.inf, 1)):
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
