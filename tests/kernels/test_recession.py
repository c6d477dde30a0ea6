"""Directions in which the likelihood rises for ever, against linear programming."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from equipoise.kernels.recession import matched_recession, project_on_cone, tied_rows
from tests.kernels.conditional_twin import random_sets


def differences(x: np.ndarray, case: np.ndarray, first: np.ndarray, exact: bool = True) -> np.ndarray:
    """All rows control minus case of all sets; for the approximations also case minus case."""
    rows = [np.empty((0, x.shape[1]))]
    for a, b in itertools.pairwise(first):
        own = x[a:b][case[a:b] == 1]
        rivals = x[a:b][case[a:b] == 0] if exact else x[a:b]
        rows += [rival - own for rival in rivals]
    return np.vstack(rows)


def linear_programme_finds_one(rows: np.ndarray) -> bool:
    """Whether some delta in a box has rows @ delta <= 0 with a strict inequality."""
    if not len(rows):
        return False
    found = linprog(rows.sum(axis=0), A_ub=rows, b_ub=np.zeros(len(rows)), bounds=[(-1, 1)] * rows.shape[1])
    return bool(found.fun < -1e-7)


@given(
    seed=st.integers(0, 10_000),
    n_sets=st.integers(1, 12),
    p=st.integers(1, 4),
    exact=st.booleans(),
    binary=st.booleans(),
)
def test_a_direction_is_found_exactly_where_linear_programming_finds_one(
    seed: int, n_sets: int, p: int, exact: bool, binary: bool
) -> None:
    rng = np.random.default_rng(seed)
    sizes = [(int(n), int(rng.integers(0, n + 1))) for n in rng.integers(1, 6, n_sets)]
    x, case, first = random_sets(rng, sizes, p)
    x = (x > 0).astype(float) if binary else x
    rows = differences(x, case, first, exact)
    delta = matched_recession(x, case, first, np.ones(p), exact)
    assert (delta is not None) == linear_programme_finds_one(rows)
    if delta is not None:
        assert (rows @ delta).max() <= 1e-8
        assert (rows @ delta).min() < -1e-8


def test_the_direction_separates_only_the_term_that_is_separated() -> None:
    rng = np.random.default_rng(2)
    x, case, first = random_sets(rng, [(4, 1)] * 60, 3)
    x[:, 1] = case * (rng.random(len(case)) < 0.3)  # exposed cases, no exposed control
    delta = matched_recession(x, case, first, np.ones(3), True)
    np.testing.assert_allclose(delta, [0.0, 1.0, 0.0], atol=1e-9)
    kept = tied_rows(x, case, first, delta, True)
    settled = x[first[:-1]][:, 1] * 0 + np.add.reduceat(x[:, 1], first[:-1]) > 0
    assert kept.tolist() == np.repeat(~settled, 4).tolist()


def test_overlapping_sets_have_none() -> None:
    x, case, first = np.array([[1.0], [0.0], [0.0], [1.0]]), np.array([1, 0, 1, 0], np.uint8), np.array([0, 2, 4])
    assert matched_recession(x, case, first, np.ones(1), True) is None


@pytest.mark.parametrize("p", [1, 2, 5, 9])
def test_projection_meets_the_conditions_of_optimality(p: int) -> None:
    rng = np.random.default_rng(p)
    rows = rng.normal(size=(3 * p, p))
    rows[:, 0] = -np.abs(rows[:, 0]) - 0.1  # the first axis lies inside the cone
    target = rng.normal(size=p)
    target[0] = 1.0
    found = project_on_cone(target, lambda delta: rows[np.argmax(rows @ delta)])
    assert found is not None
    assert (rows @ found).max() <= 1e-9
    length = target @ found  # the projection's length, as found is of length one
    gap = target - length * found  # must be a non-negative combination of the rows that hold with equality
    active = rows[np.abs(rows @ found) < 1e-9]
    assert abs(gap @ found) < 1e-9
    if len(active):
        weights, *_ = np.linalg.lstsq(active.T, gap, rcond=None)
        assert (weights > -1e-9).all()
        np.testing.assert_allclose(active.T @ weights, gap, atol=1e-9)
