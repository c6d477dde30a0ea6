"""Robust variance of a survival curve, cumulative hazard or cumulative incidence: the infinitesimal jackknife.

Purpose    var theta(t) = sum over clusters c of (sum over the rows i of c of w_i d theta(t) / d w_i)^2 at every time t,
           for rows that are dependent within clusters or carry weights that are not counts.
Method     the derivative D_i of a row moves in one of three ways as time passes place k:
           before its entry       not at all;
           at risk                by beta_k - alpha_i phi_k, with alpha_i = A just after its entry;
           at its exit            besides, by jump_k if it fails from the cause in question;
           after its exit         by (A_k - alpha_i - failed_i drop_k) phi, A and drop taken at its exit.
           So a cluster's sum is V + b phi + W beta with b and W constant between its rows' entries and exits, and the
           sum of squares over clusters follows from six sums of products, corrected for one cluster at a time. Rows
           that are independent and all there from the beginning need only the sums of w^2 by place and manner of
           exit: those still at risk share one derivative, and what is added for the others is never taken away.
           A_k = sum of d / (n r), drop = 1 / r, for failure from any cause. For
           cumulative incidence F of a cause, S the survival before the time, h = d / n of the cause:
               phi = S h, beta = S h (A before the time - 1 / n), jump = S / n; 1 - S is the incidence of any cause;
           Nelson-Aalen hazard: phi = 0, beta = -h / n, jump = 1 / n.
Order      rows in any order, all of one group; codes of clusters from 0.
Singular   where r = 0 the caller gives drop = 0: phi is 0 from there on.
Cost       O(n + T), whatever the number of clusters.
Paper      Efron, The jackknife, the bootstrap and other resampling plans (1982), chapter 6; Geskus, Data analysis with
           competing risks and intermediate states (2015), chapter 2.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.survival_curve import Curve

SUM, SLOPE, AT_RISK, SEEN_PHI, SEEN_BETA = 0, 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Steps:
    """How derivatives move at each time of the grid, all float64 (T,), zero at times without failures."""

    beta: np.ndarray
    phi: np.ndarray
    jump: np.ndarray
    cumulated: np.ndarray
    drop: np.ndarray


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one group: places int32 (start of shape (0,) where nobody enters late), failed uint8 (any cause),
    counted uint8 (the cause in question), weight float64 or of shape (0,), cluster int64 codes or of shape (0,) where
    every row stands for itself."""

    stop: np.ndarray
    start: np.ndarray
    failed: np.ndarray
    counted: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray


def jackknife_variance(rows: Rows, steps: Steps) -> np.ndarray:
    """The variance at each time of the grid, float64 (T,)."""
    n_times = len(steps.beta)
    table = np.column_stack([steps.beta, steps.phi, steps.jump, steps.cumulated, steps.drop])
    out = np.empty(n_times)
    if not len(rows.cluster) and not len(rows.start):
        squares = np.zeros((n_times, 3))
        _count_squares(rows.stop, rows.failed, rows.counted, rows.weight, squares)
        at_risk = np.append(np.cumsum(squares.sum(axis=1)[::-1])[::-1], 0.0)
        _sweep_squares(squares, at_risk, table, out)
        return out
    exits = rows_by_place(rows.stop, n_times)
    entries = rows_by_place(rows.start, n_times)
    weight = rows.weight if len(rows.weight) else np.ones(len(rows.stop))
    cluster = rows.cluster if len(rows.cluster) else np.arange(len(rows.stop))
    state = np.zeros((int(cluster.max(initial=-1)) + 1, 5))
    _sweep(*exits, *entries, rows.start, rows.failed, rows.counted, weight, cluster, table, state, out)
    return out


def derivatives_at(rows: Rows, steps: Steps, place: int) -> np.ndarray:
    """D_i just after the time at `place` of the grid (-1: before the first), without the weight; float64 (n,)."""
    if place < 0:
        return np.zeros(len(rows.stop))
    beta, phi = _from_zero(np.cumsum(steps.beta)), _from_zero(np.cumsum(steps.phi))
    gone = rows.stop <= place
    last = np.minimum(rows.stop, place) + 1
    entered = rows.start + 1 if len(rows.start) else np.zeros(len(rows.stop), np.int64)
    last = np.maximum(last, entered)  # rows that enter later have no derivative yet
    alpha = _from_zero(steps.cumulated)[entered]
    moved = beta[last] - beta[entered] - alpha * (phi[last] - phi[entered])
    slope = steps.cumulated[rows.stop] - alpha - rows.failed * steps.drop[rows.stop]
    after = rows.counted * steps.jump[rows.stop] + slope * (phi[place + 1] - phi[last])
    return moved + np.where(gone, after, 0.0)


def rows_by_place(place: np.ndarray, n_places: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in order of place, int64 (n,), and where each place begins among them, int64 (n_places + 1,)."""
    first = np.zeros(n_places + 2, np.int64)
    order = np.empty(len(place), np.int64)
    _order(place, first, order)
    return order, first[:-1]


def incidence_steps(curve: Curve, of_cause: np.ndarray, n_times: int) -> Steps:
    """Steps of the cumulative incidence of a cause, of which weight `of_cause` (T',) fails at the curve's times.

    With failures from any cause, `curve.failed`, the incidence is 1 - S.
    """
    before = np.concatenate([[1.0], curve.survival[:-1]])
    rate = curve.log_variance_steps
    cumulated = np.cumsum(rate)
    phi = before * of_cause / curve.at_risk
    beta = phi * (cumulated - rate - 1.0 / curve.at_risk)
    return _on_grid(curve, n_times, beta, phi, before / curve.at_risk, cumulated, _inverse(curve.left))


def hazard_steps(curve: Curve, n_times: int) -> Steps:
    """Steps of the Nelson-Aalen cumulative hazard."""
    zero = np.zeros(len(curve.place))
    return _on_grid(curve, n_times, -curve.failed / curve.at_risk**2, zero, 1.0 / curve.at_risk, zero, zero)


def area_steps(curve: Curve, area: np.ndarray, n_times: int, exponential: bool) -> Steps:
    """Steps of the area under S up to a horizon; `area` (T',) is what lies between each time and the horizon.

    S is Kaplan and Meier's product, or with `exponential` exp(-H).
    """
    zero = np.zeros(len(curve.place))
    if exponential:
        return _on_grid(curve, n_times, area * curve.failed / curve.at_risk**2, zero, -area / curve.at_risk, zero, zero)
    jump = -area * _inverse(curve.left)
    return _on_grid(curve, n_times, area * curve.log_variance_steps, zero, jump, zero, zero)


def _on_grid(curve: Curve, n_times: int, *columns: np.ndarray) -> Steps:
    """Columns at the curve's times as columns on the grid; the cumulated one holds between times."""
    out = np.zeros((5, n_times))
    out[:, curve.place] = columns
    counts = np.zeros(n_times, np.int64)
    counts[curve.place] = 1
    seen = np.cumsum(counts)
    out[3] = np.concatenate([[0.0], columns[3]])[seen]
    return Steps(*out)


def _inverse(values: np.ndarray) -> np.ndarray:
    return np.divide(1.0, values, out=np.zeros(len(values)), where=values > 0.0)


def _from_zero(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], values])


@compiled
def _order(place, first, order):
    for k in place:
        first[k + 2] += 1
    for k in range(2, len(first)):
        first[k] += first[k - 1]
    for i in range(len(place)):
        order[first[place[i] + 1]] = i
        first[place[i] + 1] += 1


@compiled
def _count_squares(stop, failed, counted, weight, out):
    """Sums of w^2 by place, of rows censored, failed from another cause, failed from the cause in question."""
    for i in range(len(stop)):
        w = weight[i] if len(weight) else 1.0
        out[stop[i], failed[i] + counted[i]] += w * w


@compiled
def _sweep_squares(squares, at_risk, steps, out):
    beta, sum_vv, sum_vb, sum_bb = 0.0, 0.0, 0.0, 0.0
    for k in range(len(steps)):
        by, along, jump, cumulated, drop = steps[k]
        sum_vv += 2.0 * along * sum_vb + along * along * sum_bb
        sum_vb += along * sum_bb
        beta += by
        for kind in range(3):
            v = beta + jump if kind == 2 else beta
            b = cumulated - drop if kind else cumulated
            sum_vv += squares[k, kind] * v * v
            sum_vb += squares[k, kind] * v * b
            sum_bb += squares[k, kind] * b * b
        out[k] = max(sum_vv, 0.0) + beta * beta * at_risk[k + 1]


@compiled
def _add_products(state, sign, sums):
    v, b, w = state[SUM], state[SLOPE], state[AT_RISK]
    sums[0] += sign * v * v
    sums[1] += sign * v * b
    sums[2] += sign * v * w
    sums[3] += sign * b * b
    sums[4] += sign * b * w
    sums[5] += sign * w * w


@compiled
def _change(state, phi, beta, to_sum, to_slope, to_at_risk, sums):
    """Bring one cluster up to date, change it, and correct the sums of products."""
    state[SUM] += state[SLOPE] * (phi - state[SEEN_PHI]) + state[AT_RISK] * (beta - state[SEEN_BETA])
    state[SEEN_PHI], state[SEEN_BETA] = phi, beta
    _add_products(state, -1.0, sums)
    state[SUM] += to_sum
    state[SLOPE] += to_slope
    state[AT_RISK] += to_at_risk
    _add_products(state, 1.0, sums)


@compiled
def _sweep(exits, exit_at, entries, entry_at, start, failed, counted, weight, cluster, steps, clusters, out):
    sums = np.zeros(6)
    phi, beta = 0.0, 0.0
    if not len(start):
        for i in range(len(weight)):
            _change(clusters[cluster[i]], 0.0, 0.0, 0.0, 0.0, weight[i], sums)
    for k in range(len(steps)):
        by, along, jump, cumulated, drop = steps[k]
        sums[0] += 2.0 * (along * sums[1] + by * sums[2])
        sums[0] += along * along * sums[3] + 2.0 * along * by * sums[4] + by * by * sums[5]
        sums[1] += along * sums[3] + by * sums[4]
        sums[2] += along * sums[4] + by * sums[5]
        phi += along
        beta += by
        for j in range(exit_at[k], exit_at[k + 1]):
            i = exits[j]
            w = weight[i]
            to_slope = w * (cumulated - failed[i] * drop)  # alpha cancels: it was in the slope while at risk
            _change(clusters[cluster[i]], phi, beta, w * counted[i] * jump, to_slope, -w, sums)
        for j in range(entry_at[k], entry_at[k + 1]):
            i = entries[j]
            _change(clusters[cluster[i]], phi, beta, 0.0, -weight[i] * cumulated, weight[i], sums)
        out[k] = max(sums[0], 0.0)
