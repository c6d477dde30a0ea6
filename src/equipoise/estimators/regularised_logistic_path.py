"""Solutions of regularised logistic regression along a path of penalties, for all rows and for folds side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from equipoise.estimators.regularised_logistic_rows import RegularisedRows
from equipoise.kernels.coordinate_descent import Penalties, Problem, Progress, State, solve
from equipoise.kernels.coordinate_descent_columns import Columns
from equipoise.kernels.coordinate_descent_scores import column_moments, held_out_log_likelihood
from equipoise.kernels.lanes import LANES

STRICT = 1e-9  # of a standard error: the solution that is reported
ALONG = 1e-3  # of a standard error: solutions along the path and of folds; cv.glmnet's default is about 0.1
BEYOND = 2.0  # a lasso that no score exceeds: columns are of size one, and residuals of unit weight below one
LEAST_LASSO = 1e-3  # without a lasso there is no largest penalty: that of an elastic net nearly without one, as glmnet
SATURATED = 0.999  # share of the deviance explained at which a path of our choosing ends, as glmnet


@dataclass(frozen=True, slots=True)
class PenaltyShape:
    """How a penalty falls on columns: mixing of lasso (1) and ridge (0), and each column's factor, float64 (p,)."""

    columns: Columns
    mixing: float
    factor: np.ndarray
    unit: np.ndarray

    @property
    def _size(self) -> np.ndarray:
        return self.unit / np.abs(self.columns.scale)

    def at(self, penalty: float) -> Penalties:
        """For coefficients of the columns as they are stored."""
        lasso = penalty * self.mixing * self.factor * self._size
        ridge = penalty * (1.0 - self.mixing) * self.factor * self._size**2
        return Penalties(lasso, ridge)

    @property
    def none(self) -> Penalties:
        """That under which no penalised column enters."""
        return Penalties(np.where(self.factor > 0.0, BEYOND, 0.0), np.zeros(len(self.factor)))

    def largest(self, state: State, total: np.ndarray) -> float:
        """The smallest penalty under which no penalised column enters, for lane 0 of a state without them."""
        open_ = (self.factor > 0.0) & self.columns.varies
        if not open_.any():
            return 0.0
        per_unit = max(self.mixing, LEAST_LASSO) * (self.factor * self._size)[open_]
        return float((np.abs(state.score[open_, 0]) / per_unit).max() / total[0])


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Solutions for all rows at penalties (k,), falling, to `ALONG` of a standard error.

    coefficients CSC (p, k); intercepts, log_likelihood float64 (k,); converged bool (k,).
    """

    penalties: np.ndarray
    coefficients: sparse.csc_array
    intercepts: np.ndarray
    log_likelihood: np.ndarray
    converged: np.ndarray

    @property
    def nonzero(self) -> np.ndarray:
        """Coefficients in the model at each penalty, int64 (k,)."""
        return np.diff(self.coefficients.indptr)


@dataclass(frozen=True, slots=True)
class Grid:
    """Penalties to walk along: given ones, or `count` of them from the largest down to `smallest_ratio` of it."""

    given: np.ndarray | None
    count: int
    smallest_ratio: float

    def penalties(self, largest: float) -> np.ndarray:
        if self.given is not None:
            return np.sort(self.given)[::-1]
        if largest <= 0.0:
            return np.zeros(1)
        return largest * np.logspace(0.0, np.log10(self.smallest_ratio), self.count)


def units_of(rows: RegularisedRows, standardize: bool | str) -> np.ndarray:
    """The unit in which each column's coefficient is penalised: 1, or its standard deviation, float64 (p,)."""
    p = len(rows.terms)
    if not standardize:
        return np.ones(p)
    mean, variance = np.empty(p), np.empty(p)
    x = rows.x
    values = x.data.astype(np.float64, copy=False)
    column_moments(rows.n, x.indptr.astype(np.int64), x.indices, values, rows.weight, mean, variance)
    unit = np.sqrt(variance)
    if standardize == "numeric":
        begin = x.indptr[:-1][np.diff(x.indptr) > 0]
        binary = np.ones(p, np.bool_)
        binary[np.diff(x.indptr) > 0] = np.logical_and.reduceat(values == 1.0, begin) if len(begin) else True
        unit[binary] = 1.0
    return np.where(unit > 0.0, unit, 1.0)


def walk(problem: Problem, state: State, shape: PenaltyShape, penalties: np.ndarray) -> Iterator[Progress]:
    """Bring `state`, which holds no penalised column, to one solution after another."""
    before = penalties[0]
    for penalty in penalties:
        now = shape.at(penalty)
        guess = shape.at(max(2.0 * penalty - before, 0.0)).lasso
        working = (np.abs(state.score) >= guess[:, None] * problem.total).any(axis=1) | (now.lasso == 0.0)
        yield solve(problem, state, now, working, ALONG)
        before = penalty


def path_with_folds(
    rows: RegularisedRows, shape: PenaltyShape, grid: Grid, fold: np.ndarray, folds: int
) -> tuple[Path, np.ndarray]:
    """The path for all rows, and the log-likelihood of each left-out fold, float64 (k, folds).

    fold int64 (n,), 0, …, folds - 1. All rows take the first lane of the first batch, folds the others.
    """
    batches = [[-1, *range(min(folds, LANES - 1))]]
    batches += [list(range(first, min(first + LANES, folds))) for first in range(LANES - 1, folds, LANES)]
    path, found = _walk_batch(rows, shape, grid, fold, batches[0])
    held_out = [found]
    for batch in batches[1:]:
        held_out.append(_walk_batch(rows, shape, Grid(path.penalties, 0, 0.0), fold, batch)[1])
    return path, np.hstack(held_out)


def _walk_batch(
    rows: RegularisedRows, shape: PenaltyShape, grid: Grid, fold: np.ndarray, batch: list[int]
) -> tuple[Path, np.ndarray]:
    """One batch of lanes: lane l leaves out fold batch[l]; -1 leaves out none and takes lane 0, whose path is kept."""
    lanes = 1 if batch == [-1] else LANES
    problem = Problem.of(shape.columns, rows.y, _training_weights(rows, fold, batch, lanes))
    state = State.start(problem)
    state.look(problem, np.arange(shape.columns.p))
    solve(problem, state, shape.none, shape.factor == 0.0, ALONG)
    lane = np.full(rows.n, -1)
    for position, k in enumerate(batch):
        if k >= 0:
            lane[fold == k] = position
    penalties = grid.penalties(shape.largest(state, problem.total))
    null = state.log_likelihood[0]
    steps, held_out, reached = [], [], 0
    for progress in walk(problem, state, shape, penalties):
        scores = np.zeros(lanes)
        held_out_log_likelihood(state.eta, rows.y, rows.weight, lane, lanes, scores)
        held_out.append(scores[[position for position, k in enumerate(batch) if k >= 0]])
        beta, intercept = shape.columns.coefficients(state.beta[:, 0], state.intercept[0])
        at = np.flatnonzero(beta)
        steps.append((at, beta[at], intercept, rows.weight_unit * state.log_likelihood[0], progress.converged))
        reached += 1
        if grid.given is None and state.log_likelihood[0] > (1.0 - SATURATED) * null:
            break
    return _path(penalties[:reached], steps, len(rows.terms)), np.array(held_out).reshape(reached, -1)


def _training_weights(rows: RegularisedRows, fold: np.ndarray, batch: list[int], lanes: int) -> np.ndarray:
    weight = np.zeros((rows.n, lanes))
    for position, k in enumerate(batch):
        weight[:, position] = rows.full_weight if k < 0 else np.where(fold != k, rows.full_weight, 0.0)
    return weight


def _path(penalties: np.ndarray, steps: list[tuple], p: int) -> Path:
    at, values, intercepts, log_likelihood, converged = (list(part) for part in zip(*steps, strict=True))
    start = np.concatenate(([0], np.cumsum([len(part) for part in at])))
    coefficients = sparse.csc_array((np.concatenate(values), np.concatenate(at), start), shape=(p, len(penalties)))
    return Path(penalties, coefficients, np.array(intercepts), np.array(log_likelihood), np.array(converged))


def solve_at(
    rows: RegularisedRows, shape: PenaltyShape, penalty: float, near: tuple[np.ndarray, float] | None
) -> tuple[Problem, State, Progress, float, float]:
    """The strict solution at one penalty, from a solution nearby (coefficients of x, intercept) or from no effects.

    Returns the problem, the state, how it was reached, and the log-likelihood and largest penalty without effects.
    """
    problem = Problem.of(shape.columns, rows.y, rows.full_weight[:, None])
    state = State.start(problem)
    null = float(state.log_likelihood[0])
    state.look(problem, np.arange(shape.columns.p))
    solve(problem, state, shape.none, shape.factor == 0.0, ALONG)
    largest = shape.largest(state, problem.total)
    if near is not None:
        beta = near[0] * shape.columns.scale
        state.move_to(problem, beta[:, None], np.array([near[1] + shape.columns.centre @ near[0]]))
        state.look(problem, np.arange(shape.columns.p))
    penalties = shape.at(penalty)
    working = (np.abs(state.score) > penalties.lasso[:, None] * problem.total).any(axis=1) | (penalties.lasso == 0.0)
    progress = solve(problem, state, penalties, working, STRICT)
    return problem, state, progress, null, largest
