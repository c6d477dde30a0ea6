"""The linear mixed model's kernels against dense matrices, differences, closed forms and invariances."""

import numpy as np
import pytest

from equipoise.kernels.linear_mixed import derivatives, profiled, structure
from equipoise.kernels.linear_mixed_scale import scale
from equipoise.kernels.linear_mixed_search import minimise
from equipoise.kernels.person_statistics import (
    marginal_log_density,
    person_factors,
    person_rows,
    person_statistics,
    posterior,
    residual_statistics,
)
from tests.kernels.mixed_twin import dense_covariance, dense_deviance, small_rows

EXACT = 1e-10  # the same number by two orders of summation
BY_DIFFERENCES = 1e-6
ROOT = np.array([[0.8, 0.0], [-0.3, 0.5]])
SINGULAR = np.array([[0.8, 0.0], [-0.3, 0.0]])
STEP = 1e-5


def test_rows_of_a_person_stand_side_by_side_in_their_order() -> None:
    person = np.array([5, -2, 5, 2**60, -2])
    y = np.arange(5.0)
    rows = person_rows(y, y[:, None], y[:, None], person)
    assert rows.y.tolist() == [1.0, 4.0, 0.0, 2.0, 3.0]
    assert rows.codes.tolist() == [-2, 5, 2**60]
    assert rows.starts.tolist() == [0, 2, 4, 5]
    assert (person[rows.order] == rows.codes[rows.person]).all()


def test_cross_products() -> None:
    rows = small_rows()
    found = person_statistics(rows)
    for i in range(len(rows.codes)):
        at = rows.person == i
        np.testing.assert_allclose(found.ztz[i], rows.z[at].T @ rows.z[at], rtol=EXACT)
        np.testing.assert_allclose(found.ztx[i], rows.z[at].T @ rows.x[at], rtol=EXACT, atol=EXACT)
        np.testing.assert_allclose(found.zty[i], rows.z[at].T @ rows.y[at], rtol=EXACT, atol=EXACT)
        assert found.rows[i] == at.sum()


def test_rotated_rows_have_the_same_products() -> None:
    rows, beta = small_rows(q=3), np.array([0.5, 2.0, -1.0])
    found, expected = person_factors(rows), person_statistics(rows)
    ztz, ztr = found.random_products(beta)
    np.testing.assert_allclose(ztz, expected.ztz, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(ztr, expected.zty - expected.ztx @ beta, rtol=EXACT, atol=EXACT)
    above = found.factors[:, :, 3:]
    whole = found.within + np.einsum("mjk,mjl->kl", above, above)
    np.testing.assert_allclose(whole[:3, :3], expected.xtx, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(whole[3, 3], expected.yty, rtol=EXACT)


@pytest.mark.parametrize("root", [ROOT, SINGULAR, np.zeros((2, 2))], ids=["full", "singular", "zero"])
def test_marginal_density_and_posterior_against_dense_matrices(root: np.ndarray) -> None:
    rows, sigma, beta = small_rows(), 0.7, np.array([0.5, 2.0, -1.0])
    d = root @ root.T
    statistics, residuals = person_statistics(rows), residual_statistics(rows, beta)
    density = marginal_log_density(statistics, residuals, root, sigma)
    found = posterior(statistics.ztz, residuals.ztr, root, sigma)
    v = dense_covariance(rows, d, sigma**2)
    for i in range(len(rows.codes)):
        at = rows.person == i
        z, r, own = rows.z[at], (rows.y - rows.x @ beta)[at], v[np.ix_(at, at)]
        expected = -0.5 * (np.linalg.slogdet(2 * np.pi * own)[1] + r @ np.linalg.solve(own, r))
        np.testing.assert_allclose(density[i], expected, rtol=EXACT)
        np.testing.assert_allclose(found.mean[i], d @ z.T @ np.linalg.solve(own, r), rtol=EXACT, atol=EXACT)
        expected_covariance = d - d @ z.T @ np.linalg.solve(own, z @ d)
        np.testing.assert_allclose(found.covariance[i], expected_covariance, rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("root", [ROOT, SINGULAR], ids=["full", "singular"])
def test_deviance_is_that_of_dense_matrices(reml: bool, root: np.ndarray) -> None:
    rows = small_rows()
    at = profiled(person_factors(rows), root, reml)
    d = at.variance * root @ root.T
    np.testing.assert_allclose(at.deviance, dense_deviance(rows, d, at.variance, reml), rtol=EXACT)
    inverse = np.linalg.inv(dense_covariance(rows, d, at.variance))
    covariance = np.linalg.inv(rows.x.T @ inverse @ rows.x)
    np.testing.assert_allclose(at.variance * at.unscaled_covariance, covariance, rtol=EXACT)
    np.testing.assert_allclose(at.beta, covariance @ rows.x.T @ inverse @ rows.y, rtol=EXACT)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("q", "correlated"), [(1, True), (2, True), (2, False), (3, True)])
def test_gradient_and_hessian_against_differences(reml: bool, q: int, correlated: bool) -> None:
    factors, form = person_factors(small_rows(q=q, persons=9)), structure(q, correlated)
    theta = np.random.default_rng(2).normal(size=len(form.rows))

    def deviance(t: np.ndarray) -> float:
        return profiled(factors, form.root(t), reml).deviance

    def gradient(t: np.ndarray) -> np.ndarray:
        return derivatives(factors, form, form.root(t), profiled(factors, form.root(t), reml), reml).gradient

    root = form.root(theta)
    found = derivatives(factors, form, root, profiled(factors, root, reml), reml)
    steps = STEP * np.eye(len(theta))
    by_value = [(deviance(theta + h) - deviance(theta - h)) / (2 * STEP) for h in steps]
    by_gradient = [(gradient(theta + h) - gradient(theta - h)) / (2 * STEP) for h in steps]
    np.testing.assert_allclose(found.gradient, by_value, rtol=BY_DIFFERENCES, atol=BY_DIFFERENCES)
    np.testing.assert_allclose(found.hessian, by_gradient, rtol=BY_DIFFERENCES, atol=BY_DIFFERENCES)


@pytest.mark.parametrize("reml", [True, False])
def test_joint_hessian_is_that_of_the_dense_deviance(reml: bool) -> None:
    rows, form, s = small_rows(), structure(2, True), np.array([0.9, -0.2, 0.6])
    factors = person_factors(rows)
    at = profiled(factors, form.root(s), reml)

    def dense(point: np.ndarray) -> float:
        root, variance = form.root(point[:3]), np.exp(point[3])
        return dense_deviance(rows, variance * root @ root.T, variance, reml)

    point, h = np.append(s, np.log(at.variance)), 1e-4
    steps = h * np.eye(4)
    expected = [
        [(dense(point + a + b) - dense(point + a - b) - dense(point - a + b) + dense(point - a - b)) / (4 * h * h)
         for b in steps] for a in steps
    ]  # fmt: skip
    found = derivatives(factors, form, form.root(s), at, reml).joint
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def balanced(within: float) -> tuple[np.ndarray, np.ndarray]:
    """Five persons with four rows each; person means 1, 3, 4, 8, 9 and the same spread within persons."""
    means = np.array([1.0, 3.0, 4.0, 8.0, 9.0])
    spread = within * np.array([-1.0, 1.0, -2.0, 2.0])
    return (means[:, None] + spread).ravel(), np.repeat(np.arange(5), 4)


@pytest.mark.parametrize("reml", [True, False])
def test_balanced_random_intercept_is_the_analysis_of_variance(reml: bool) -> None:
    y, person = balanced(0.5)
    ones = np.ones((20, 1))
    factors = person_factors(person_rows(y - y.mean(), ones, ones, person))
    found = minimise(factors, structure(1, True), reml)
    between = 4.0 * np.sum((np.array([1.0, 3.0, 4.0, 8.0, 9.0]) - 5.0) ** 2)  # 4 degrees of freedom, or 5 by ML
    within = 5.0 * (1 + 1 + 4 + 4) * 0.25 / 15.0
    expected = (between / (4 if reml else 5) - within) / 4.0
    assert found.converged
    np.testing.assert_allclose(found.at.variance, within, rtol=EXACT)
    np.testing.assert_allclose(found.at.variance * found.root[0, 0] ** 2, expected, rtol=EXACT)


@pytest.mark.parametrize("reml", [True, False])
def test_negative_moment_estimate_is_a_variance_of_zero(reml: bool) -> None:
    y, person = balanced(40.0)
    ones = np.ones((20, 1))
    scaled = scale(y, ones, ones, True)
    factors = person_factors(person_rows(scaled.y, scaled.x, scaled.z, person))
    found = minimise(factors, structure(1, True), reml)
    assert found.converged
    assert found.vanished == 1
    assert found.root[0, 0] == 0.0
    variance = found.at.variance * scaled.unit**2
    np.testing.assert_allclose(variance, np.var(y, ddof=int(reml)), rtol=EXACT)


@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("start", [np.diag([1.0, 0.0]), np.zeros((2, 2)), 100.0 * np.eye(2), 1e-3 * np.eye(2)])
def test_the_minimum_is_found_from_saddles_and_from_far_away(correlated: bool, start: np.ndarray) -> None:
    factors, form = person_factors(small_rows(seed=4, persons=40)), structure(2, correlated)
    found, usual = minimise(factors, form, True, start), minimise(factors, form, True)
    assert found.converged
    assert usual.vanished == 0
    assert np.linalg.eigvalsh(found.derivatives.hessian)[0] > 0.0
    np.testing.assert_allclose(found.at.deviance, usual.at.deviance, rtol=EXACT)
    np.testing.assert_allclose(found.root, usual.root, rtol=BY_DIFFERENCES, atol=BY_DIFFERENCES)


def test_random_effects_ten_thousand_times_the_residuals() -> None:
    """Slopes far larger than residuals: by ML, within persons nothing but residuals is left."""
    rng = np.random.default_rng(6)
    person = np.repeat(np.arange(30), 6)
    z = np.column_stack([np.ones(180), rng.normal(size=180)])
    noise = rng.normal(size=180)
    y = (z * (1e4 * rng.normal(size=(30, 2)))[person]).sum(axis=1) + noise
    scaled = scale(y, z[:, :1], z, True)
    found = minimise(person_factors(person_rows(scaled.y, scaled.x, scaled.z, person)), structure(2, True), False)
    within = [noise[person == i] - z[person == i] @ np.linalg.lstsq(z[person == i], noise[person == i])[0]
              for i in range(30)]  # fmt: skip
    assert found.converged
    expected = np.sum(np.square(within)) / (180 - 60)
    np.testing.assert_allclose(found.at.variance * scaled.unit**2, expected, rtol=1e-4)


@pytest.mark.parametrize("correlated", [True, False])
def test_results_come_back_in_the_given_units(correlated: bool) -> None:
    rows = small_rows(persons=12)
    shift = np.array([0.0, 2000.0, 3.0]) if correlated else np.array([0.0, 2.0, 3.0])
    x, z = rows.x * [1.0, 10.0, 10.0] + shift, rows.z * [1.0, 0.01]
    scaled = scale(rows.y, x, z, correlated)
    root = 0.5 * np.eye(2)
    at = profiled(person_factors(person_rows(scaled.y, scaled.x, scaled.z, rows.person)), root, True)
    given_root = np.sqrt(at.variance) * scaled.random_root(root)
    given = person_rows(rows.y, x, z, rows.person)
    expected = dense_deviance(given, given_root @ given_root.T, at.variance * scaled.unit**2, True)
    np.testing.assert_allclose(scaled.deviance(at.deviance, at.degrees, True), expected, rtol=1e-8)
