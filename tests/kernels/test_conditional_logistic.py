"""The conditional likelihood against enumeration, by hand, by differences, and under changes that must not matter."""

import itertools
from math import comb, exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.kernels.conditional_logistic import ConditionalLikelihood, conditional_likelihood
from equipoise.kernels.matched_sets import count_sets
from tests.kernels.conditional_twin import approximated, enumerated, random_sets

MIXED = [(2, 1), (5, 1), (6, 5), (7, 3), (8, 4), (9, 7), (4, 2), (1, 1), (3, 0), (3, 3), (10, 2)]
ROUNDING = 1e-12


def likelihood(
    x: np.ndarray, case: np.ndarray, first: np.ndarray, ties: str = "exact", offset: np.ndarray | None = None
) -> ConditionalLikelihood:
    offset = np.empty(0) if offset is None else offset
    return conditional_likelihood(x, offset, case, first, count_sets(case, first), ties)


def same(found, wanted: tuple[float, np.ndarray, np.ndarray], tolerance: float = ROUNDING) -> None:
    assert found.log_likelihood == pytest.approx(wanted[0], rel=tolerance, abs=tolerance)
    np.testing.assert_allclose(found.score, wanted[1], rtol=tolerance, atol=10 * tolerance)
    np.testing.assert_allclose(found.information, wanted[2], rtol=tolerance, atol=10 * tolerance)


def test_one_pair_by_hand() -> None:
    """A case with x = 1, a control with x = 0: l = log(e^b / (e^b + 1)), U = 1 - p, I = p (1 - p)."""
    beta = 0.7
    p = exp(beta) / (1.0 + exp(beta))
    found = likelihood(np.array([[1.0], [0.0]]), np.array([1, 0], np.uint8), np.array([0, 2])).evaluate(
        np.array([beta])
    )
    same(found, (log(p), np.array([1 - p]), np.array([[p * (1 - p)]])))


def test_two_cases_of_four_by_hand() -> None:
    """x = 1, 1, 0, 0 and both cases exposed: of the six subsets one sums to 2, four to 1, one to 0."""
    beta = 0.4
    denominator = exp(2 * beta) + 4 * exp(beta) + 1
    mean = (2 * exp(2 * beta) + 4 * exp(beta)) / denominator
    square = (4 * exp(2 * beta) + 4 * exp(beta)) / denominator
    x, case = np.array([[1.0], [1.0], [0.0], [0.0]]), np.array([1, 1, 0, 0], np.uint8)
    found = likelihood(x, case, np.array([0, 4])).evaluate(np.array([beta]))
    same(found, (2 * beta - log(denominator), np.array([2 - mean]), np.array([[square - mean**2]])))


@pytest.mark.parametrize("p", [1, 2, 3, 5])
@pytest.mark.parametrize("with_offset", [False, True])
def test_the_exact_likelihood_is_the_one_over_all_subsets(p: int, with_offset: bool) -> None:
    rng = np.random.default_rng(p)
    x, case, first = random_sets(rng, MIXED, p)
    offset = rng.normal(size=len(x)) if with_offset else None
    for beta in (np.zeros(p), rng.normal(size=p), 3.0 * rng.normal(size=p)):
        same(likelihood(x, case, first, offset=offset).evaluate(beta), enumerated(x, case, first, beta, offset))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_approximations_are_sums_over_cases(ties: str) -> None:
    rng = np.random.default_rng(7)
    x, case, first = random_sets(rng, MIXED, 3)
    beta = rng.normal(size=3)
    found = likelihood(x, case, first, ties).evaluate(beta)
    same(found, approximated(x, case, first, beta, ties == "efron"))


def test_with_one_case_a_set_all_three_are_one() -> None:
    rng = np.random.default_rng(3)
    x, case, first = random_sets(rng, [(2, 1), (6, 1), (4, 1)] * 40, 4)
    beta = rng.normal(size=4)
    exact, efron, breslow = (likelihood(x, case, first, ties).evaluate(beta) for ties in ("exact", "efron", "breslow"))
    for other in (efron, breslow):
        same(other, (exact.log_likelihood, exact.score, exact.information))


def test_without_effects_a_set_counts_its_subsets() -> None:
    rng = np.random.default_rng(4)
    x, case, first = random_sets(rng, MIXED, 2)
    expected = -sum(log(comb(n, d)) for n, d in MIXED)
    assert likelihood(x, case, first).evaluate(np.zeros(2)).log_likelihood == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
def test_score_and_information_are_derivatives(ties: str) -> None:
    rng = np.random.default_rng(5)
    x, case, first = random_sets(rng, MIXED * 3, 3)
    problem, beta, h = likelihood(x, case, first, ties), rng.normal(size=3) / 2, 1e-5
    here = problem.evaluate(beta)
    for k in range(3):
        up, down = problem.evaluate(beta + h * np.eye(3)[k]), problem.evaluate(beta - h * np.eye(3)[k])
        slope = (up.log_likelihood - down.log_likelihood) / (2 * h)
        assert here.score[k] == pytest.approx(slope, abs=1e-7)  # error of central differences, h^2
        np.testing.assert_allclose(here.information[k], -(up.score - down.score) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
def test_a_constant_added_to_a_column_changes_nothing(ties: str) -> None:
    rng = np.random.default_rng(6)
    x, case, first = random_sets(rng, MIXED, 2)
    beta = np.array([0.3, -0.8])
    here = likelihood(x, case, first, ties).evaluate(beta)
    moved = likelihood(x + np.array([1e6, -40.0]), case, first, ties).evaluate(beta)
    same(moved, (here.log_likelihood, here.score, here.information), 1e-9)  # x + 1e6 keeps 10 digits of x


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
def test_large_predictors_neither_overflow_nor_vanish(ties: str) -> None:
    rng = np.random.default_rng(8)
    x, case, first = random_sets(rng, MIXED, 1)
    for size in (1e3, -1e3, 1e5):
        found = likelihood(x, case, first, ties).evaluate(np.array([size]))
        assert np.isfinite(found.log_likelihood)
        assert np.isfinite(found.score).all()
        assert (found.information >= -ROUNDING).all()


def test_a_set_of_a_thousand_rows_with_half_of_them_cases() -> None:
    """Without effects: binom(1000, 500) subsets, and the covariance of a sum drawn without replacement."""
    rng = np.random.default_rng(9)
    x, case, first = random_sets(rng, [(1000, 500)], 2)
    found = likelihood(x, case, first).evaluate(np.zeros(2))
    assert found.log_likelihood == pytest.approx(-log(comb(1000, 500)), rel=1e-12)
    np.testing.assert_allclose(found.score, x[case == 1].sum(axis=0) - 500 * x.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.information, 500 * 500 / 1000 * np.cov(x.T), rtol=1e-10)


def test_one_case_among_many_more_controls_than_a_block_holds() -> None:
    rng = np.random.default_rng(10)
    x, case, first = random_sets(rng, [(3, 1), (2000, 1), (5, 1), (1500, 1499)], 3)
    beta = np.array([0.5, -1.0, 0.2])
    found = likelihood(x, case, first).evaluate(beta)
    same(found, leave_one_out(x, case, first, beta), 1e-11)


def leave_one_out(
    x: np.ndarray, case: np.ndarray, first: np.ndarray, beta: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Sets with one row against the others: leaving out each row in turn lists all subsets."""
    total, score, information = 0.0, np.zeros(len(beta)), np.zeros((len(beta),) * 2)
    for a, b in itertools.pairwise(first):
        lone_control = case[a:b].sum() > 1
        rows = -x[a:b] if lone_control else x[a:b]
        own = int(np.flatnonzero(case[a:b] == (0 if lone_control else 1))[0])
        weight = np.exp(rows @ beta - (rows @ beta).max())
        weight /= weight.sum()
        mean = weight @ rows
        total += np.log(weight[own])
        score += rows[own] - mean
        information += (rows - mean).T @ ((rows - mean) * weight[:, None])
    return float(total), score, information


SIZES = st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(SIZES, min_size=1, max_size=9),
    p=st.integers(1, 4),
    kind=st.sampled_from(["real", "binary", "constant"]),
)
def test_any_sets_equal_their_enumeration(seed: int, sizes: list[tuple[int, int]], p: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x, case, first = random_sets(rng, sizes, p)
    x = {"real": x, "binary": (x > 0).astype(float), "constant": np.ones_like(x)}[kind]
    beta = 2.0 * rng.normal(size=p)
    same(likelihood(x, case, first).evaluate(beta), enumerated(x, case, first, beta), 1e-11)
    for ties in ("efron", "breslow"):
        wanted = approximated(x, case, first, beta, ties == "efron")
        found = likelihood(x, case, first, ties).evaluate(beta)
        assert found.log_likelihood == pytest.approx(wanted[0], rel=1e-11, abs=1e-11)
        np.testing.assert_allclose(found.score, wanted[1], atol=1e-10)
        np.testing.assert_allclose(found.information, wanted[2], atol=1e-9)
