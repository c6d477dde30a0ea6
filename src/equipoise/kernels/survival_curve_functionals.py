"""Sums over rows of a curve's derivatives times given values, at every time at once.

Purpose    L(t) = sum over rows i of d theta(t) / d w_i times v_i, for v of any width: how a weighted curve moves with
           parameters that all its weights depend on.
Method     the derivative of a row (see `survival_curve_jackknife`) is, between its entry and its exit,
           beta - beta_i - alpha_i (phi - phi_i), and after its exit a constant plus slope_i (phi - phi at exit). So
           L is made of sums of v_i times these constants over the rows at risk and over those that have left, which
           are running sums by place.
Order      rows in any order, all of one group.
Cost       O((n + T) width).
"""

import numpy as np

from equipoise.kernels.survival_curve_jackknife import Rows, Steps


def functionals(rows: Rows, steps: Steps, values: np.ndarray) -> np.ndarray:
    """L just after each place of the grid, float64 (T, m), for values float64 (n, m)."""
    n_times = len(steps.beta)
    beta, phi, alphas = (_from_zero(part) for part in (np.cumsum(steps.beta), np.cumsum(steps.phi), steps.cumulated))
    entered = rows.start + 1 if len(rows.start) else np.zeros(len(rows.stop), np.int64)
    left, alpha = rows.stop + 1, alphas[entered]
    at_entry = beta[entered] - alpha * phi[entered]
    slope = steps.cumulated[rows.stop] - alpha - rows.failed * steps.drop[rows.stop]
    at_exit = beta[left] - alpha * phi[left] - at_entry + rows.counted * steps.jump[rows.stop] - slope * phi[left]

    def at_risk(factor: np.ndarray) -> np.ndarray:
        return _running(values, factor, entered, n_times) - _running(values, factor, left, n_times)

    here, along = beta[1:, None], phi[1:, None]
    risk = here * at_risk(np.ones(len(left))) - along * at_risk(alpha) - at_risk(at_entry)
    return risk + _running(values, at_exit, left, n_times) + along * _running(values, slope, left, n_times)


def _running(values: np.ndarray, factor: np.ndarray, place: np.ndarray, n_times: int) -> np.ndarray:
    """At each k = 1, …, T the sum of factor times values over rows whose place is at most k, (T, m)."""
    sums = [np.bincount(place, factor * column, n_times + 1) for column in values.T]
    return np.cumsum(np.reshape(sums, (len(sums), n_times + 1)), axis=1).T[1:]


def _from_zero(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], values])
