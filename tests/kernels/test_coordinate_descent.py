"""Coordinate descent for penalised logistic regression: against minimisation by brute force, and lane against lane."""

import numba
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

from equipoise.kernels import lanes as lanes_module
from equipoise.kernels.coordinate_descent import Penalties, Problem, State, solve
from equipoise.kernels.coordinate_descent_columns import Columns, columns_of, lanes_array
from equipoise.kernels.coordinate_descent_scores import area_under_curve, column_moments
from equipoise.kernels.lanes import LANES

TOLERANCE = 1e-9
ROUNDING = 1e-12
SINGLE = 1e-5  # single precision: 2^-24 a term, sums of some hundred terms
SEARCH = 1e-6  # how far the brute-force search, which knows no kinks, ends from a minimum
OBJECTIVE = 1e-10  # a minimum's value is known to the square of its place


def made(n: int, p: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rare, common and nearly full 0/1 columns, a calendar year, a rare amount."""
    rng = np.random.default_rng(seed)
    x = (rng.random((n, p)) < np.linspace(0.05, 0.97, p)).astype(float)
    x[:, 0] = rng.normal(2015.0, 5.0, n)
    x[:, 1] *= rng.gamma(1.0, 100.0, n)
    eta = (x[:, 0] - 2015.0) / 5.0 + x[:, 2] - x[:, 3] + 0.01 * x[:, 1]
    return x, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)


def stored(x: np.ndarray, weight: np.ndarray | None = None) -> Columns:
    s = sparse.csc_array(x)
    return columns_of(len(x), s.indptr, s.indices, s.data, np.empty(0) if weight is None else weight)


def penalties_on(columns: Columns, lasso: float, ridge: float) -> Penalties:
    size = 1.0 / np.abs(columns.scale)
    return Penalties(lasso * size, ridge * size**2)


def solution(x: np.ndarray, y: np.ndarray, weight: np.ndarray, lasso: float, ridge: float) -> tuple:
    """Coefficients of x (p, lanes) and intercepts (lanes,); weight (n, lanes)."""
    columns = stored(x)
    problem = Problem.of(columns, y, weight)
    state = State.start(problem)
    state.look(problem, np.arange(columns.p))
    progress = solve(problem, state, penalties_on(columns, lasso, ridge), np.zeros(columns.p, np.bool_), TOLERANCE)
    assert progress.converged
    np.testing.assert_allclose(
        state.eta.reshape(len(x), -1), x @ (slopes := columns.coefficients(state.beta, state.intercept))[0] + slopes[1],
        atol=1e-9,
    )  # fmt: skip
    return *slopes, progress


def objective(x, y, weight, lasso, ridge, beta, intercept) -> float:
    eta = x @ beta + intercept
    loss = weight @ np.logaddexp(0.0, np.where(y > 0.5, -eta, eta)) / weight.sum()
    return loss + lasso * np.abs(beta).sum() + ridge * (beta**2).sum() / 2.0


def brute_force(x, y, weight, lasso, ridge) -> float:
    """The least objective, with beta = u - v and u, v >= 0, which has no kinks."""
    p, centre = x.shape[1], x.mean(axis=0)
    size = np.abs(x - centre).max(axis=0)
    z = (x - centre) / size

    def value(theta: np.ndarray) -> tuple[float, np.ndarray]:
        beta = theta[1 : p + 1] - theta[p + 1 :]
        eta = z @ beta + theta[0]
        residual = weight * (1.0 / (1.0 + np.exp(-eta)) - y) / weight.sum()
        slope = z.T @ residual + ridge * beta / size**2
        total = objective(z, y, weight, 0.0, 0.0, beta, theta[0]) + ridge * ((beta / size) ** 2).sum() / 2.0
        total += lasso * ((theta[1 : p + 1] + theta[p + 1 :]) / size).sum()
        return total, np.concatenate(([residual.sum()], slope + lasso / size, -slope + lasso / size))

    bounds = [(None, None)] + [(0.0, None)] * (2 * p)
    found = minimize(value, np.zeros(2 * p + 1), jac=True, bounds=bounds, options={"maxiter": 5000, "ftol": 1e-15})
    return float(found.fun)


@pytest.mark.parametrize(("lasso", "ridge"), [(0.02, 0.0), (0.002, 0.0), (0.0, 0.05), (0.01, 0.02)])
def test_no_search_finds_a_lower_objective(lasso: float, ridge: float) -> None:
    x, y = made(60, 7)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    beta, intercept, _ = solution(x, y, weight[:, None], lasso, ridge)
    reached = objective(x, y, weight, lasso, ridge, beta[:, 0], intercept[0])
    least = brute_force(x, y, weight, lasso, ridge)
    assert reached <= least + OBJECTIVE
    assert reached >= least - SEARCH


@pytest.mark.parametrize(("lasso", "ridge"), [(0.02, 0.0), (0.003, 0.0), (0.0, 0.05), (0.01, 0.02)])
def test_the_kuhn_tucker_conditions_hold(lasso: float, ridge: float) -> None:
    x, y = made(500, 20)
    beta, intercept, progress = solution(x, y, np.ones((500, 1)), lasso, ridge)
    b = beta[:, 0]
    score = x.T @ (y - 1.0 / (1.0 + np.exp(-(x @ b + intercept[0])))) / 500 - ridge * b
    missed = np.where(b == 0.0, np.maximum(np.abs(score) - lasso, 0.0), np.abs(score - lasso * np.sign(b)))
    size = np.abs(x - x.mean(axis=0)).max(axis=0)
    assert (missed / size).max() < TOLERANCE
    assert progress.violation[0] / 500 < TOLERANCE


def test_one_binary_covariate_by_hand() -> None:
    """30 of 40 treated with it, 12 of 60 without: the lasso moves a share n lambda / n_group from group to group."""
    x = np.repeat([1.0, 1.0, 0.0, 0.0], [30, 10, 12, 48])[:, None]
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [30, 10, 12, 48])
    lasso = 0.03
    high, low = 30 / 40 - 100 * lasso / 40, 12 / 60 + 100 * lasso / 60
    beta, intercept, _ = solution(x, y, np.ones((100, 1)), lasso, 0.0)
    np.testing.assert_allclose(intercept[0], np.log(low / (1 - low)), rtol=TOLERANCE)
    np.testing.assert_allclose(beta[0, 0] + intercept[0], np.log(high / (1 - high)), rtol=TOLERANCE)
    shrunk, alone, _ = solution(x, y, np.ones((100, 1)), 0.1321, 0.0)  # 30 - 40 * 0.42 = 13.2 of 100 rows
    assert shrunk[0, 0] == 0.0
    np.testing.assert_allclose(alone[0], np.log(0.42 / 0.58), rtol=TOLERANCE)


@pytest.mark.parametrize(("lasso", "ridge"), [(0.01, 0.0), (0.005, 0.01)])
def test_eight_lanes_are_eight_problems(lasso: float, ridge: float) -> None:
    x, y = made(400, 15)
    fold = np.arange(400) % 7
    weight = np.stack([np.ones(400)] + [(fold != k) * 1.0 for k in range(7)], axis=1)
    together, intercepts, _ = solution(x, y, weight, lasso, ridge)
    for lane in range(LANES):
        alone, intercept, _ = solution(x, y, weight[:, [lane]], lasso, ridge)
        np.testing.assert_allclose(together[:, lane], alone[:, 0], rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(intercepts[lane], intercept[0], rtol=1e-7)


def test_an_unused_lane_stays_empty() -> None:
    x, y = made(100, 5)
    weight = np.zeros((100, LANES))
    weight[:, 2] = 1.0
    beta, _, _ = solution(x, y, weight, 0.01, 0.0)
    assert beta[:, 2].any()
    assert not np.delete(beta, 2, axis=1).any()


@pytest.mark.parametrize("lanes", [1, LANES])
def test_separated_rows_have_a_finite_solution(lanes: int) -> None:
    x = np.repeat([0.0, 1.0], 20)[:, None]
    y = x[:, 0].copy()
    beta, intercept, _ = solution(x, y, np.ones((40, lanes)), 0.001, 0.0)
    # by hand as above: the treated's fitted probability is 1 - 40 * 0.001 / 20
    np.testing.assert_allclose(beta[0] + intercept, np.log(0.998 / 0.002), rtol=1e-8)


def test_blocks_of_any_length() -> None:
    """Rows are worked in blocks of 256; the last one is rarely full."""
    for n in (1, 2, 255, 256, 257, 600):
        x, y = made(n + 3, 4, seed=n)
        y[:2] = 0.0, 1.0
        b, a, _ = solution(x, y, np.ones((n + 3, 1)), 0.01, 0.0)
        eta = x @ b[:, 0] + a[0]
        assert abs((y - 1.0 / (1.0 + np.exp(-eta))).sum()) < 1e-7


def test_columns_are_stored_as_their_rarer_side() -> None:
    x = np.zeros((10, 5))
    x[:7, 0] = 1.0  # as three zeros
    x[:3, 1] = 1.0  # as it is
    x[:3, 2] = (2.0, -4.0, 1.0)  # over 4
    x[:, 3] = np.arange(10.0) + 2000.0  # from its mean
    x[:, 4] = 5.0  # constant
    c = stored(x)
    assert np.diff(c.start).tolist() == [3, 3, 3, 10, 10]
    dense = np.zeros((10, 5))
    for j in range(5):
        at = slice(c.start[j], c.start[j + 1])
        count = c.start[j + 1] - c.start[j]
        dense[c.rows[at], j] = 1.0 if c.at[j] < 0 else c.values[c.at[j] : c.at[j] + count]
    np.testing.assert_allclose(c.centre + c.scale * dense, x, rtol=ROUNDING)
    assert np.abs(dense).max() <= 1.0
    assert c.varies.tolist() == [True, True, True, True, False]


def test_a_column_that_varies_only_in_rows_of_weight_zero_does_not_vary() -> None:
    x = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 2.0]])
    assert stored(x, np.array([1.0, 1.0, 0.0])).varies.tolist() == [False, False]
    assert stored(x, np.array([1.0, 0.0, 1.0])).varies.tolist() == [True, True]


@pytest.mark.parametrize("lanes", [1, LANES])
@pytest.mark.parametrize("valued", [False, True])
def test_sums_over_lanes_are_those_of_numpy(lanes: int, valued: bool) -> None:
    rng = np.random.default_rng(5)
    n, rows = 50, np.sort(rng.choice(50, 23, replace=False)).astype(np.int32)
    values = rng.normal(size=23)
    x = values[:, None] if valued else np.ones((23, 1))
    residual, pair = lanes_array(n, lanes, np.float64), lanes_array(n, 2 * lanes, np.float32)
    residual[:], pair[:] = rng.normal(size=n * lanes), rng.random(2 * n * lanes)
    r, wd = residual.reshape(n, lanes)[rows], pair.reshape(n, 2, lanes)[rows].astype(float)
    ending = f"_{lanes}{'_valued' if valued else ''}"
    expected = {
        "residuals": (x * r).sum(0),
        "weights": (x * wd[:, 0]).sum(0),
        "products": (x * wd[:, 0] * wd[:, 1]).sum(0),
    }
    for name, sums in expected.items():
        found = np.ones(lanes)
        _run(getattr(lanes_module, name + ending))(rows, values, residual if name == "residuals" else pair, found)
        np.testing.assert_allclose(found, 1.0 + sums, rtol=SINGLE, atol=SINGLE)
    step = rng.normal(size=lanes)
    before = residual.reshape(n, lanes).copy()
    _run(getattr(lanes_module, "spread" + ending))(rows, values, residual, step)
    before[rows] += x * step
    np.testing.assert_allclose(residual.reshape(n, lanes), before, rtol=ROUNDING)
    _run(getattr(lanes_module, f"spread_{lanes}_pair{'_valued' if valued else ''}"))(
        rows, values, pair, step.astype(np.float32)
    )
    after = pair.reshape(n, 2, lanes)[rows]
    np.testing.assert_allclose(after[:, 0], wd[:, 0], rtol=0)
    np.testing.assert_allclose(after[:, 1], wd[:, 1] + x * step, rtol=SINGLE, atol=SINGLE)


def _run(kernel):
    """The loop over a whole column, compiled: the loops exist inside kernels only."""

    @numba.njit
    def whole(rows, values, source, out):
        kernel(rows, values, 0, 0, rows.shape[0], source, out)

    return whole


def test_moments_are_weighted() -> None:
    rng = np.random.default_rng(2)
    x, weight = rng.normal(size=(30, 3)) * (rng.random((30, 3)) < 0.5), rng.random(30)
    s = sparse.csc_array(x)
    mean, variance = np.empty(3), np.empty(3)
    column_moments(30, s.indptr.astype(np.int64), s.indices, s.data, weight, mean, variance)
    expected = np.average(x, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, rtol=ROUNDING)
    np.testing.assert_allclose(variance, np.average((x - expected) ** 2, axis=0, weights=weight), rtol=ROUNDING)


def test_the_area_under_the_curve_counts_pairs() -> None:
    rng = np.random.default_rng(4)
    score, y = rng.integers(0, 6, 40) / 5.0, (rng.random(40) < 0.4).astype(float)
    weight = rng.random(40)
    total = won = 0.0
    for i in np.flatnonzero(y == 1.0):
        for k in np.flatnonzero(y == 0.0):
            pair = weight[i] * weight[k]
            total += pair
            won += pair * ((score[i] > score[k]) + 0.5 * (score[i] == score[k]))
    np.testing.assert_allclose(area_under_curve(score, y, weight), won / total, rtol=ROUNDING)
