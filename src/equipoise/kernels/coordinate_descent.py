"""Penalised logistic regression by coordinate descent, for one problem or for eight that share a matrix.

Purpose    minimise  - l(b_0, beta) + sum_j lasso_j |beta_j| + sum_j ridge_j beta_j^2 / 2, with
           l = sum of c_i (y_i eta_i - log(1 + exp(eta_i))) and eta = b_0 + z beta; b_0 carries no penalty.
Method     1. at eta: residual r = c (y - mu), weight w = c mu (1 - mu), score g_j = sum of z_j r
           2. minus the second-order expansion of l at eta, plus the penalty, is minimised one beta_j at a time
              (proximal Newton); after each step b_0 is moved to its optimum, which costs one multiplication, because
              the sums m_j = sum of z_j w are known: coordinates are thus measured from their weighted means
           3. the step is halved until the objective does not rise
           4. steps 1 to 3 on a working set until it satisfies the Kuhn-Tucker conditions; then all other columns are
              looked at, and those that violate them join the set
Precision  the expansion (w, changes d of eta) is held in single precision; its origin (eta, r, g) is computed in
           double at every step, so the solution is as exact as `tolerance` asks.
Lanes      the problems differ in c alone (0 leaves a row out). What one lane needs is computed in all.
Extremes   separated data have a finite solution as long as every column that separates carries a penalty.
Singular   a column that does not vary (`varies`) stays at zero. One that varies in rows of no weight alone, in a lane
           or where the fit is saturated, has a least curvature, under which a lasso returns it to zero.
Cost       a sweep reads each nonzero of the working set twice; one pass over all columns for each solution.
Papers     Friedman, Hastie, Tibshirani: J Stat Software 2010;33(1). Lee, Sun, Saunders: SIAM J Optim 2014;24:1420.
           Tibshirani et al.: J Royal Stat Soc B 2012;74:245 (strong rules, used by the caller to guess the set).
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.coordinate_descent_columns import Columns, column_scores, lanes_array, spread_changes
from equipoise.kernels.exponential import exponentials
from equipoise.kernels.jit import compiled
from equipoise.kernels.lanes import (
    LANES,
    products_1,
    products_1_valued,
    products_8,
    products_8_valued,
    spread_1_pair,
    spread_1_pair_valued,
    spread_8_pair,
    spread_8_pair_valued,
    weights_1,
    weights_1_squared,
    weights_1_valued,
    weights_8,
    weights_8_squared,
    weights_8_valued,
)

BLOCK = 256  # rows: their numbers stay in the nearest cache, and a product of 256 numbers up to 2 does not overflow
SPAN = BLOCK * LANES
STRETCH = 512  # nonzeros added up in single precision before they join a sum in double precision
STEPS = 100  # steps of the outer loop
SWEEPS = 1_000
FORCING = 0.1  # the inner loop ends when changes are this fraction of the first sweep's
HALVINGS = 60
EXACT = 1e-6  # of a standard error: rounding may leave this much where steps no longer lower the objective
ROUNDING = 1e-12  # a rise of the objective by this fraction is rounding
SLACK = 1e-9  # a column outside the model may exceed its bound by this fraction
FLAT = 1e-13  # least curvature, as a fraction of the uncentred one: less is rounding
TINY = 1e-300  # in place of a sum of weights that is zero


@dataclass(frozen=True, slots=True)
class Penalties:
    """lasso and ridge of each coefficient of z for a problem of total weight 1, float64 (p,)."""

    lasso: np.ndarray
    ridge: np.ndarray

    def of(self, beta: np.ndarray, total: np.ndarray) -> np.ndarray:
        """The penalty of beta (p, lanes) in problems of these total weights, (lanes,)."""
        return total * (self.lasso @ np.abs(beta) + self.ridge @ beta**2 / 2.0)


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not change. signed float64 (n * lanes,): c where y = 1, -c where y = 0. total (lanes,): sum of c."""

    columns: Columns
    signed: np.ndarray
    lanes: int
    total: np.ndarray
    unit: bool

    @staticmethod
    def of(columns: Columns, y: np.ndarray, weight: np.ndarray) -> "Problem":
        """y (n,) of zeros and ones; weight (n, lanes), zero or more."""
        lanes = weight.shape[1]
        signed = lanes_array(len(y), lanes, np.float64)
        signed.reshape(len(y), lanes)[:] = np.where(y > 0.5, 1.0, -1.0)[:, None] * weight
        unit = bool(((weight == 0.0) | (weight == 1.0)).all())
        return Problem(columns, signed, lanes, weight.sum(axis=0), unit)


@dataclass(slots=True)
class State:
    """What iterates: beta (p, lanes), intercept (lanes,), eta (n * lanes,), and what was last computed from them."""

    beta: np.ndarray
    intercept: np.ndarray
    eta: np.ndarray
    residual: np.ndarray
    pair: np.ndarray
    score: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    log_likelihood: np.ndarray
    sums: np.ndarray

    @staticmethod
    def start(problem: Problem) -> "State":
        """No effects: the intercept alone, at its optimum."""
        n, p, lanes = problem.columns.n, problem.columns.p, problem.lanes
        signed = problem.signed.reshape(n, lanes)
        cases = np.where(signed > 0.0, signed, 0.0).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            intercept = np.nan_to_num(np.log(cases / (problem.total - cases)), posinf=0.0, neginf=0.0)
        eta, residual = lanes_array(n, lanes, np.float64), lanes_array(n, lanes, np.float64)
        eta.reshape(n, lanes)[:] = intercept
        tables = [lanes_array(p, lanes, np.float64).reshape(p, lanes) for _ in range(4)]
        state = State(
            tables[0], intercept, eta, residual, lanes_array(n, 2 * lanes, np.float32), *tables[1:],
            np.zeros(lanes), np.zeros((2, lanes)),
        )  # fmt: skip
        state.refresh(problem)
        return state

    def refresh(self, problem: Problem) -> None:
        """r, w, the log-likelihood and the sums of r and w, from eta."""
        lanes, sums = problem.lanes, np.empty((4, SPAN))
        _refresh(
            self.eta, problem.signed, lanes, problem.unit, self.residual, self.pair, np.empty(4 * SPAN), sums
        )  # fmt: skip
        by_lane = sums[:3].reshape(3, -1, lanes).sum(axis=1)
        self.sums[:], self.log_likelihood[:] = by_lane[:2], by_lane[2]

    def move_to(self, problem: Problem, beta: np.ndarray, intercept: np.ndarray) -> None:
        """To coefficients (p, lanes) and intercepts (lanes,) known from elsewhere."""
        self.beta[:], self.intercept[:] = beta, intercept
        self.eta[:] = 0.0
        which = np.flatnonzero(beta.any(axis=1))
        spread_changes(*problem.columns.arrays, which, self.beta, self.intercept, problem.lanes, self.eta)
        self.refresh(problem)

    def look(self, problem: Problem, which: np.ndarray) -> None:
        """The scores of these columns, from r."""
        column_scores(*problem.columns.arrays, which, self.residual, problem.lanes, self.score)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a solution was reached. `violation` (lanes,): see `violations`."""

    converged: bool
    steps: int
    sweeps: int
    violation: np.ndarray


def violations(state: State, penalties: Penalties, total: np.ndarray, which: np.ndarray) -> np.ndarray:
    """By how much the Kuhn-Tucker conditions are missed, (len(which), lanes), in units of the log-likelihood's score.

    For a coefficient in the model |g - ridge beta - lasso sign(beta)|, for one at zero max(|g| - lasso, 0).
    """
    beta = state.beta[which]
    lasso, ridge = penalties.lasso[which, None] * total, penalties.ridge[which, None] * total
    slope = state.score[which] - ridge * beta
    return np.where(beta == 0.0, np.maximum(np.abs(slope) - lasso, 0.0), np.abs(slope - lasso * np.sign(beta)))


def solve(problem: Problem, state: State, penalties: Penalties, working: np.ndarray, tolerance: float) -> Progress:
    """Bring `state` to the solution, from wherever it is; its scores must be those of its eta (`look`), and are after.

    working     bool (p,), columns that are likely to enter; it grows where others do
    tolerance   largest |score of the objective| over the root of its curvature, of any coefficient: a fraction of the
                standard error that the coefficient would have on its own
    """
    steps, sweeps, varies = 0, 0, problem.columns.varies
    working = (working | (state.beta != 0.0).any(axis=1)) & varies
    moving = np.zeros(len(varies), np.bool_)
    while True:
        inside = np.flatnonzero(working)
        moving[inside] |= _missing(problem, state, penalties, inside) | (state.beta[inside] != 0.0).any(axis=1)
        done, more, swept = _solve_within(problem, state, penalties, np.flatnonzero(moving), tolerance, STEPS - steps)
        steps, sweeps = steps + more, sweeps + swept
        waiting = np.flatnonzero(working & ~moving)
        state.look(problem, waiting)
        if done and _missing(problem, state, penalties, waiting).any():
            continue
        outside = np.flatnonzero(~working & varies)
        state.look(problem, outside)
        joining = outside[_missing(problem, state, penalties, outside)]
        if not done or not len(joining):
            missed = violations(state, penalties, problem.total, np.flatnonzero(varies))
            return Progress(done, steps, sweeps, missed.max(axis=0, initial=0.0))
        working[joining] = True


def _missing(problem: Problem, state: State, penalties: Penalties, which: np.ndarray) -> np.ndarray:
    """Columns whose score exceeds the bound for a coefficient of zero in any lane, bool (len(which),)."""
    bound = penalties.lasso[which, None] * problem.total * (1.0 + SLACK)
    return (np.abs(state.score[which]) > bound).any(axis=1)


def _solve_within(
    problem: Problem, state: State, penalties: Penalties, moving: np.ndarray, tolerance: float, limit: int
) -> tuple[bool, int, int]:
    """Steps 1 to 3 on some columns until the conditions hold there: whether they do, steps, sweeps."""
    sweeps, arrays = 0, problem.columns.arrays
    for step in range(limit + 1):
        state.look(problem, moving)
        missed = violations(state, penalties, problem.total, moving)
        _curvatures(*arrays, moving, state.pair, problem.lanes, state.mean, state.square)
        unsettled = _unsettled(problem, state, penalties, moving, missed)
        live = unsettled > tolerance
        if not live.any():
            return True, step, sweeps
        if step == limit:
            break
        before = state.beta[moving]
        swept, shift = _descend(problem, state, penalties, moving, live, tolerance)
        sweeps += swept
        if not _accept(problem, state, penalties, moving, before, shift):
            break
    return bool((unsettled <= max(tolerance, EXACT)).all()), step, sweeps


def _unsettled(
    problem: Problem, state: State, penalties: Penalties, which: np.ndarray, missed: np.ndarray
) -> np.ndarray:
    """The largest violation of each lane, the intercept's included, in units of the root of its curvature."""
    weight = np.maximum(state.sums[1], TINY)
    square = state.square[which]
    centred = np.maximum(square - state.mean[which] ** 2 / weight, FLAT * square + TINY)
    curvature = centred + penalties.ridge[which, None] * problem.total
    largest = (missed / np.sqrt(curvature)).max(axis=0, initial=0.0)
    return np.maximum(largest, np.abs(state.sums[0]) / np.sqrt(weight))


def _descend(
    problem: Problem, state: State, penalties: Penalties, moving: np.ndarray, live: np.ndarray, tolerance: float
) -> tuple[int, np.ndarray]:
    """Minimise the expansion: a sweep over `moving`, then over those in the model. Sweeps, and the change of b_0."""
    weight = np.maximum(state.sums[1], TINY)
    shift = np.where(live, state.sums[0] / weight, 0.0)
    product, step = np.zeros(problem.lanes), np.zeros(problem.lanes, np.float32)
    tables = (state.pair, problem.lanes, state.beta, state.score, state.mean, state.square, weight)
    model = (penalties.lasso, penalties.ridge, problem.total, live, shift, product, step)
    largest = first = _sweep(*problem.columns.arrays, moving, *tables, *model)
    inside, sweeps = moving[(state.beta[moving] != 0.0).any(axis=1)], 1
    while largest > max(FORCING * first, tolerance / 10.0) and sweeps < SWEEPS:
        largest = _sweep(*problem.columns.arrays, inside, *tables, *model)
        sweeps += 1
    return sweeps, shift


def _accept(
    problem: Problem, state: State, penalties: Penalties, moved: np.ndarray, before: np.ndarray, shift: np.ndarray
) -> bool:
    """Move eta by the step, halved in the lanes where the objective would rise; False where no length helps."""
    step, change = state.beta[moved] - before, np.zeros_like(state.beta)
    within = Penalties(penalties.lasso[moved], penalties.ridge[moved])
    value = state.log_likelihood - within.of(before, problem.total)
    floor = value - ROUNDING * (1.0 + np.abs(value))
    length = moving = np.ones(problem.lanes)
    for _ in range(HALVINGS):
        change[moved] = step * moving
        spread_changes(*problem.columns.arrays, moved, change, shift * moving, problem.lanes, state.eta)
        state.beta[moved] = before + step * length
        state.intercept += shift * moving
        state.refresh(problem)
        risen = ~(state.log_likelihood - within.of(state.beta[moved], problem.total) >= floor)
        if not risen.any():
            return True
        length = np.where(risen, length / 2.0, length)
        moving = np.where(risen, -length, 0.0)
    return False


@compiled
def _refresh(eta, signed, lanes, unit, residual, pair, work, sums):
    """r and w; and, added to `sums` (4, SPAN), the sums of r, w and l, whose entry t belongs to lane t % lanes."""
    size = BLOCK * lanes
    sums[:] = 0.0
    product = sums[3]
    product[:] = 1.0
    for begin in range(0, eta.shape[0], size):
        m = min(size, eta.shape[0] - begin)
        for t in range(m):
            work[t] = -abs(eta[begin + t])
        exponentials(work, m, work[SPAN:])
        for t in range(m):
            work[SPAN + t] = signed[begin + t]
            work[2 * SPAN + t] = eta[begin + t]
        for t in range(m):
            e, c, v = work[t], work[SPAN + t], work[2 * SPAN + t]
            q = 1.0 / (1.0 + e)
            work[t] = c * (q * (e if c * v > 0.0 else 1.0))
            work[SPAN + t] = np.float32(abs(c) * (e * q * q))
            work[2 * SPAN + t] = min(c * v, 0.0)
            work[3 * SPAN + t] = 1.0 + (e if c != 0.0 else 0.0)
        for t in range(m):
            residual[begin + t] = work[t]
        _lay_pair(work[SPAN:], m // lanes, begin // lanes, lanes, pair)
        for part in range(3):
            total, new = sums[part], work[part * SPAN :]
            for t in range(m):
                total[t] += new[t]
        for t in range(m):
            product[t] *= work[3 * SPAN + t]
        if not unit:
            for t in range(m):
                sums[2, t] -= abs(signed[begin + t]) * math.log(product[t])
                product[t] = 1.0
        elif begin // size % BLOCK == BLOCK - 1:
            _take_logarithms(product, sums[2])
    _take_logarithms(product, sums[2])


@compiled
def _take_logarithms(product, total):
    for t in range(SPAN):
        total[t] -= math.log(product[t])
        product[t] = 1.0


@compiled
def _lay_pair(w, rows, first, lanes, pair):
    """A block's weights into the pair array, and changes of zero beside them."""
    if lanes == LANES:
        for i in range(rows):
            for k in range(LANES):
                pair[2 * LANES * (first + i) + k] = w[LANES * i + k]
                pair[2 * LANES * (first + i) + LANES + k] = 0.0
    else:
        for i in range(rows):
            pair[2 * (first + i)] = w[i]
            pair[2 * (first + i) + 1] = 0.0


@compiled
def _curvatures(start, rows, at, values, which, pair, lanes, mean, square):
    """mean[j, l] = sum of z_j w_l and square[j, l] = sum of z_j^2 w_l."""
    for j in which:
        b, e = start[j], start[j + 1]
        for k in range(lanes):
            mean[j, k], square[j, k] = 0.0, 0.0
        if lanes == LANES:
            if at[j] < 0:
                weights_8(rows, values, at[j], b, e, pair, mean[j])
            else:
                weights_8_valued(rows, values, at[j], b, e, pair, mean[j])
                weights_8_squared(rows, values, at[j], b, e, pair, square[j])
        elif at[j] < 0:
            weights_1(rows, values, at[j], b, e, pair, mean[j])
        else:
            weights_1_valued(rows, values, at[j], b, e, pair, mean[j])
            weights_1_squared(rows, values, at[j], b, e, pair, square[j])
        if at[j] < 0:
            for k in range(lanes):
                square[j, k] = mean[j, k]


@compiled
def _weighted_change(start, rows, at, values, j, pair, lanes, out):
    """out[l] = sum of z_j w_l d_l."""
    for k in range(lanes):
        out[k] = 0.0
    first, place = start[j], at[j]
    while first < start[j + 1]:
        end = min(first + STRETCH, start[j + 1])
        if lanes == LANES:
            if place < 0:
                products_8(rows, values, place, first, end, pair, out)
            else:
                products_8_valued(rows, values, place, first, end, pair, out)
        elif place < 0:
            products_1(rows, values, place, first, end, pair, out)
        else:
            products_1_valued(rows, values, place, first, end, pair, out)
        if place >= 0:
            place += end - first
        first = end


@compiled
def _spread(start, rows, at, values, j, pair, lanes, step):
    """d_l += z_j step_l."""
    b, e = start[j], start[j + 1]
    if lanes == LANES:
        if at[j] < 0:
            spread_8_pair(rows, values, at[j], b, e, pair, step)
        else:
            spread_8_pair_valued(rows, values, at[j], b, e, pair, step)
    elif at[j] < 0:
        spread_1_pair(rows, values, at[j], b, e, pair, step)
    else:
        spread_1_pair_valued(rows, values, at[j], b, e, pair, step)


@compiled
def _sweep(
    start, rows, at, values, which, pair, lanes, beta, score, mean, square, weight, lasso, ridge, total, live, shift,
    product, step,
):  # fmt: skip
    """Each beta_j of `which` to its optimum in turn; the largest change times the root of its curvature.

    shift (lanes,) is the change of b_0 so far, kept at its optimum; product and step (lanes,) are for work.
    """
    largest = 0.0
    for j in which:
        _weighted_change(start, rows, at, values, j, pair, lanes, product)
        moves = False
        for k in range(lanes):
            step[k] = 0.0
            if not live[k]:
                continue
            centred, least = square[j, k] - mean[j, k] * mean[j, k] / weight[k], FLAT * square[j, k] + TINY
            flat = centred <= least
            centred = max(centred, least)
            g = score[j, k] - product[k] - shift[k] * mean[j, k]
            wanted = g + centred * beta[j, k]
            bound, curvature = lasso[j] * total[k], centred + ridge[j] * total[k]
            if flat and abs(wanted) > bound:
                continue  # no curvature to say how far; the way back to zero is known
            new = max(abs(wanted) - bound, 0.0) / curvature
            change = np.float32((new if wanted > 0.0 else -new) - beta[j, k])
            if new == 0.0:
                change = -beta[j, k]
            if change != 0.0:
                moves = True
                step[k] = change
                beta[j, k] = 0.0 if new == 0.0 else beta[j, k] + change
                shift[k] -= change * mean[j, k] / weight[k]
                largest = max(largest, abs(change) * math.sqrt(curvature))
        if moves:
            _spread(start, rows, at, values, j, pair, lanes, step)
    return largest
