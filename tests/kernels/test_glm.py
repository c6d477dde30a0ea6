"""The kernel of logistic and Poisson regression against a plain twin, its derivatives, and linear programs."""

import numpy as np
import pytest
from scipy.optimize import linprog

from equipoise.kernels.glm import LOGISTIC, POISSON, GlmLikelihood, centre_of
from equipoise.kernels.glm_recession import glm_recession, rows_left
from equipoise.kernels.glm_scores import firth_adjustment, leverages, scores_by_cluster, squared_scores
from tests.kernels.glm_twin import gradient, twin_log_likelihood

DERIVATIVE = 1e-6  # of central differences with steps of 1e-5
NONE = np.empty(0)
FAMILIES = [LOGISTIC, POISSON]


def problem(family: int, n: int, p: int, seed: int, weighted: bool = True, centred: bool = True) -> GlmLikelihood:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + 3.0
    y = rng.integers(0, 2 if family == LOGISTIC else 5, n).astype(float)
    weight, offset = (rng.uniform(0.2, 3.0, n), rng.normal(0.0, 0.3, n)) if weighted else (NONE, NONE)
    centre = centre_of(x) if centred else np.zeros(p)
    return GlmLikelihood(family, x, y, weight, offset, centre, -0.3)


def twin(one: GlmLikelihood, beta: np.ndarray) -> float:
    n = len(one.y)
    weight = one.weight if len(one.weight) else np.ones(n)
    offset = (one.offset if len(one.offset) else np.zeros(n)) + one.shift
    whole = twin_log_likelihood(one.family, one.x - one.centre, one.y, weight, offset, beta)
    none = np.zeros((n, 0))
    if one.family == LOGISTIC:
        return whole
    constant = twin_log_likelihood(one.family, none, one.y, weight, np.zeros(n), np.zeros(1)) + weight.sum()
    return whole - constant


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "p"), [(1, 1), (7, 2), (119, 3), (120, 4), (121, 1), (361, 6)])
def test_value_score_and_information(family: int, weighted: bool, n: int, p: int) -> None:
    one = problem(family, n, p, seed=n, weighted=weighted)
    beta = np.linspace(-0.2, 0.3, p + 1)
    found = one.evaluate(beta)
    assert found.log_likelihood == pytest.approx(twin(one, beta), rel=1e-11)
    np.testing.assert_allclose(found.score, gradient(lambda b: twin(one, b), beta), rtol=DERIVATIVE, atol=1e-5)
    slopes = np.array([gradient(lambda b, k=k: one.evaluate(b).score[k], beta) for k in range(p + 1)])
    np.testing.assert_allclose(found.information, -slopes, rtol=DERIVATIVE, atol=1e-6)


def test_extreme_linear_predictors_stay_finite_in_logistic_and_fall_in_poisson_regression() -> None:
    x, y = np.array([[800.0], [-800.0], [0.0]]), np.array([1.0, 0.0, 1.0])
    logistic = GlmLikelihood(LOGISTIC, x, y, NONE, NONE, np.zeros(1), 0.0).evaluate(np.array([0.0, 1.0]))
    assert logistic.log_likelihood == pytest.approx(-np.log(2.0))
    assert np.isfinite(logistic.information).all()
    poisson = GlmLikelihood(POISSON, x, y, NONE, NONE, np.zeros(1), 0.0).evaluate(np.array([0.0, 1.0]))
    assert poisson.log_likelihood == -np.inf


def test_no_covariates_and_no_rows() -> None:
    none = GlmLikelihood(LOGISTIC, np.empty((3, 0)), np.array([1.0, 0.0, 0.0]), NONE, NONE, NONE, 0.0)
    np.testing.assert_allclose(none.evaluate(np.zeros(1)).score, [-0.5])
    empty = GlmLikelihood(POISSON, np.empty((0, 2)), NONE, NONE, NONE, np.zeros(2), 0.0).evaluate(np.zeros(3))
    assert empty.log_likelihood == 0.0
    assert not empty.information.any()


def test_a_constant_column_is_exactly_zero_after_centring() -> None:
    x = np.column_stack([np.full(1000, 0.1), np.arange(1000.0)])
    centre = centre_of(x)
    assert centre[0] == 0.1
    assert centre[1] == pytest.approx(499.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_of_clusters_and_their_squares(family: int) -> None:
    one = problem(family, 200, 3, seed=4)
    beta = np.array([0.1, 0.2, -0.1, 0.05])
    cluster = np.arange(200) % 7
    by_cluster = scores_by_cluster(one, beta, cluster, 7)
    np.testing.assert_allclose(by_cluster.sum(axis=0), one.evaluate(beta).score, rtol=1e-10, atol=1e-10)
    by_row = scores_by_cluster(one, beta, np.arange(200), 200)
    factor = np.linspace(0.5, 2.0, 200)
    np.testing.assert_allclose(squared_scores(one, beta, factor), (by_row.T * factor) @ by_row, rtol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_leverages_add_up_to_the_number_of_parameters(family: int) -> None:
    one = problem(family, 50, 3, seed=5)
    beta = np.array([0.1, 0.2, -0.1, 0.05])
    h = leverages(one, one.means(beta), np.linalg.inv(one.evaluate(beta).information))
    assert h.sum() == pytest.approx(4.0)
    assert (h > 0.0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_firths_adjustment_is_the_slope_of_half_the_log_determinant(family: int) -> None:
    one = problem(family, 40, 2, seed=6)
    beta = np.array([0.1, 0.2, -0.1])
    inverse = np.linalg.inv(one.evaluate(beta).information)
    slope = gradient(lambda b: 0.5 * np.linalg.slogdet(one.evaluate(b).information)[1], beta)
    np.testing.assert_allclose(firth_adjustment(one, beta, inverse), slope, rtol=DERIVATIVE, atol=1e-7)


def separable(one: GlmLikelihood) -> bool:
    """By a linear program: a direction that all rows allow and that moves the linear predictor of one at least."""
    z = np.column_stack([np.ones(len(one.y)), one.x - one.centre])
    sign = np.where(one.y > 0.0, 1.0, -1.0)
    bounds = [(-1.0, 1.0)] * z.shape[1]
    if one.family == LOGISTIC:
        rows = -sign[:, None] * z
        equal = None
    else:
        rows = z[one.y == 0.0]
        equal = z[one.y > 0.0]
    solved = linprog(
        rows.sum(axis=0),
        A_ub=rows if len(rows) else None,
        b_ub=np.zeros(len(rows)) if len(rows) else None,
        A_eq=equal if equal is not None and len(equal) else None,
        b_eq=np.zeros(len(equal)) if equal is not None and len(equal) else None,
        bounds=bounds,
    )
    return solved.fun < -1e-7


@pytest.mark.parametrize("family", FAMILIES)
def test_separation_is_found_where_a_linear_program_finds_it(family: int) -> None:
    rng = np.random.default_rng(8)
    found = {True: 0, False: 0}
    for _ in range(150):
        n, p = int(rng.integers(3, 12)), int(rng.integers(1, 4))
        x = rng.integers(-2, 3, (n, p)).astype(float)
        y = rng.integers(0, 2, n) * (1.0 if family == LOGISTIC else rng.integers(1, 4, n))
        one = GlmLikelihood(family, x, np.asarray(y, float), NONE, NONE, centre_of(x), 0.0)
        direction = glm_recession(one, np.ones(p + 1))
        assert (direction is not None) == separable(one)
        found[direction is not None] += 1
        if direction is not None:
            eta = direction[0] + (x - one.centre) @ direction[1:]
            left = ~rows_left(one, direction)
            assert left.any()
            assert (np.where(one.y > 0.0, eta, -eta)[left] > 0.0).all()
    assert min(found.values()) > 10
