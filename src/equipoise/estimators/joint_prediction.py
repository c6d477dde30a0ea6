"""Dynamic prediction from a joint model: what lies ahead of a person, given measurements and survival until now.

A probability is a quotient of two integrals over the random effects of the person, each of them the likelihood of a
follow-up that ends at another time. So its derivative by the parameters is that of the likelihood, and its interval
follows from their covariance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from equipoise.errors import DesignError, Fault
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.joint_design import covariate_frame
from equipoise.estimators.joint_estimation import Solution
from equipoise.estimators.joint_problem import hazard_columns
from equipoise.estimators.joint_table import Measured, constant_within_person, person_labels, table_of
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.table import Table, codes_of, label
from equipoise.estimators.tails import normal_quantile
from equipoise.kernels.joint_likelihood import JointLikelihood
from equipoise.kernels.joint_modes import modes
from equipoise.kernels.joint_quadrature import hermite_nodes, time_points
from equipoise.kernels.joint_rows import Measurements

POINTS = 9  # Gauss-Hermite points around the mode given all that is known: relative errors below 1e-5


Labels = np.ndarray | list[str]


@dataclass(frozen=True, slots=True)
class History:
    """New persons: names, covariates, hazard covariates w (n, k), measurements, when each was last known alive."""

    labels: Labels
    persons: pd.DataFrame
    w: np.ndarray
    rows: Measurements
    since: np.ndarray
    kind: str


@dataclass(frozen=True, slots=True)
class Futures:
    """The likelihood of every person's history with each of several endings: log (n, m) and score (n, m, size)."""

    log_likelihood: np.ndarray
    score: np.ndarray


def predict_survival(
    solution: Solution, history: Any, times: Sequence[float], since: float | None, conf_level: float
) -> Any:
    """See `JointFit.predict_survival`."""
    found, ahead = read_history(solution, history, since), _times(times)
    n, m = len(found.since), len(ahead)
    until = np.maximum(ahead[None, :], found.since[:, None])
    whole = _futures(solution, found, np.column_stack([found.since, until]), np.zeros((n, m + 1), np.int64))
    log_survival = whole.log_likelihood[:, 1:] - whole.log_likelihood[:, :1]
    slope = whole.score[:, 1:] - whole.score[:, :1]
    estimate = np.where(ahead[None, :] < found.since[:, None], np.nan, np.exp(np.minimum(log_survival, 0.0)))
    return _frame(found, ahead, estimate, estimate[:, :, None] * slope, solution, conf_level)


def predict_incidence(
    solution: Solution, history: Any, times: Sequence[float], cause: int, since: float | None, conf_level: float
) -> Any:
    """See `JointFit.predict_incidence`."""
    if cause not in solution.model.causes:
        raise DesignError(Fault("cause", repr(cause), ", ".join(map(str, solution.model.causes))))
    found, ahead = read_history(solution, history, since), _times(times)
    number = solution.model.causes.index(cause) + 1
    estimate = np.full((len(found.since), len(ahead)), np.nan)
    slope = np.full((*estimate.shape, solution.objective.layout.size), np.nan)
    for i in range(len(found.since)):
        estimate[i], slope[i] = _incidence(solution, _one(found, i), ahead, number)
    return _frame(found, ahead, estimate, slope, solution, conf_level)


def _incidence(solution: Solution, one: History, ahead: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Incidence of one person at each time (m,) and its slope (m, size): integrals of a density between the times."""
    since, model = float(one.since[0]), solution.model
    edges = np.concatenate([[since], np.unique(ahead[ahead > since])])
    rule = (model.baseline.cuts, model.time_points, None, model.graded)
    start, times, weight = time_points(edges[:-1], edges[1:], *rule)
    every = np.concatenate([[since], times])[None, :]
    causes = np.concatenate([[0], np.full(len(times), number)])[None, :]
    whole = _futures(solution, one, every, causes)
    share = np.exp(whole.log_likelihood[0, 1:] - whole.log_likelihood[0, 0]) * weight
    slopes = share[:, None] * (whole.score[0, 1:] - whole.score[0, :1])
    total = np.concatenate([[0.0], np.cumsum(share)])[start]
    total_slope = np.concatenate([np.zeros((1, slopes.shape[1])), np.cumsum(slopes, axis=0)])[start]
    at = np.searchsorted(edges, np.maximum(ahead, since))
    before = ahead < since
    return np.where(before, np.nan, total[at]), np.where(before[:, None], np.nan, total_slope[at])


def _futures(solution: Solution, found: History, until: np.ndarray, cause: np.ndarray) -> Futures:
    """Histories that end at `until` (n, m) with `cause` (n, m), numbered as in the model; each has nodes of its own."""
    (n, m), model, layout = until.shape, solution.model, solution.objective.layout
    row = np.repeat(np.arange(n), m)
    persons, w = found.persons.iloc[row].reset_index(drop=True), found.w[row]
    rows = _repeated(found.rows, m)
    points = model.exposure(persons, w, until.ravel())
    ends = model.ends(persons, w, until.ravel(), np.zeros(n * m, np.int64))._replace(cause=cause.ravel())
    rule = hermite_nodes(POINTS, layout.q)
    nodes = modes(rows, points, ends, layout.unpack(solution.theta), layout.cause_start, rule)
    parts = JointLikelihood(rows, points, ends, nodes, layout).by_person(solution.theta)
    return Futures(parts.log_likelihood.reshape(n, m), parts.score.reshape(n, m, layout.size))


def _repeated(rows: Measurements, times: int) -> Measurements:
    """Each person's measurements several times over."""
    length = np.diff(rows.start)
    each = np.repeat(length, times)
    start = np.concatenate([[0], np.cumsum(each)]).astype(np.int64)
    at = np.arange(start[-1]) - np.repeat(start[:-1], each) + np.repeat(np.repeat(rows.start[:-1], times), each)
    return Measurements(rows.y[at], rows.x[at], rows.z[at], start)


def _one(found: History, i: int) -> History:
    at = slice(found.rows.start[i], found.rows.start[i + 1])
    start = np.array([0, at.stop - at.start])
    rows = Measurements(found.rows.y[at], found.rows.x[at], found.rows.z[at], start)
    persons = found.persons.iloc[[i]].reset_index(drop=True)
    return History(found.labels[i : i + 1], persons, found.w[[i]], rows, found.since[[i]], found.kind)


def read_history(solution: Solution, history: Any, since: float | None) -> History:
    """Measurements of new persons, with the columns of both tables; covariates do not change within a person."""
    model, columns = solution.model, solution.model.columns
    table = table_of(history, "history")
    if not len(table):
        raise DesignError(Fault("history", "no rows", "at least one measurement"))
    labels, measured = _measured(table, columns.person, columns.outcome, columns.measured_at)
    names = {*model.trajectory.fixed.variables, *model.trajectory.random.variables, *model.hazard.variables}
    frame = covariate_frame(table, sorted(names | {columns.measured_at})).iloc[measured.order].reset_index(drop=True)
    persons = constant_within_person(frame, measured, columns.measured_at).reset_index(drop=True)
    x = np.ascontiguousarray(model.trajectory.fixed.columns(frame)[:, model.trajectory.kept])
    rows = Measurements(measured.y, x, model.trajectory.random.columns(frame), measured.start)
    last = np.maximum.reduceat(measured.time, measured.start[:-1])
    known = np.maximum(last, 0.0) if since is None else np.full(len(last), float(since))
    if (known < last).any() or not np.isfinite(known).all():
        raise DesignError(Fault("since", "before a measurement", "the time until which survival is known, or later"))
    w = hazard_columns(model.hazard, model.hazard.columns(persons))[0]
    return History(labels, persons, w, rows, known, table.kind)


def _measured(table: Table, person: str, outcome: str, measured_at: str) -> tuple[Labels, Measured]:
    table.require([person], identifiers=True)
    table.require([outcome, measured_at])
    code = codes_of(table.frame[person].to_list())
    first = np.unique(code, return_index=True)[1]
    rows = person_labels(table, person)
    labels = rows[first] if isinstance(rows, np.ndarray) else [rows[k] for k in first]
    order = np.argsort(code, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(code))]).astype(np.int64)
    return labels, Measured(table, table.numbers(outcome)[order], table.numbers(measured_at)[order], start, order)


def _each(labels: Labels, times: int) -> Labels:
    return (
        np.repeat(labels, times) if isinstance(labels, np.ndarray) else [name for name in labels for _ in range(times)]
    )


def _times(times: Sequence[float]) -> np.ndarray:
    ahead = np.atleast_1d(np.asarray(times, np.float64))
    if ahead.ndim != 1 or not len(ahead) or not np.isfinite(ahead).all() or (ahead <= 0.0).any():
        raise DesignError(Fault(label("times"), "not times after 0", "finite numbers above 0"))
    return ahead


def _frame(
    found: History, times: np.ndarray, estimate: np.ndarray, slope: np.ndarray, solution: Solution, conf_level: float
) -> Any:
    """One row a person and time, with limits from the scale log(-log) of the probability."""
    z = normal_quantile(0.5 + check_conf_level(conf_level) / 2.0)
    variance = np.einsum("nmp,pr,nmr->nm", slope, solution.covariance, slope)
    error = np.sqrt(np.maximum(variance, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = -np.log(estimate)
        half = z * error / (estimate * depth)
        low, high = np.exp(-depth * np.exp(half)), np.exp(-depth * np.exp(-half))
    fixed = (estimate <= 0.0) | (estimate >= 1.0)
    columns: dict[str, Any] = {
        "person": _each(found.labels, len(times)),
        "time": np.tile(times, len(found.labels)),
        "estimate": estimate.ravel(),
        "std_error": error.ravel(),
        "conf_low": np.where(fixed, estimate, low).ravel(),
        "conf_high": np.where(fixed, estimate, high).ravel(),
    }
    return frame_of(columns, found.kind)
