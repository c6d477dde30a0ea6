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

from equipoise.kernels.jit import compiled
from equipoise.kernels.survival_curve_jackknife import Rows, Steps

WIDTH = 4  # columns of v at a time, so that running sums of many times stay small


def functionals(rows: Rows, steps: Steps, values: np.ndarray) -> np.ndarray:
    """L just after each place of the grid, float64 (T, m), for values float64 (n, m)."""
    n_times = len(steps.beta)
    beta, phi, alphas = (_from_zero(part) for part in (np.cumsum(steps.beta), np.cumsum(steps.phi), steps.cumulated))
    entered = rows.start.astype(np.int64) + 1 if len(rows.start) else np.zeros(len(rows.stop), np.int64)
    left, alpha = rows.stop.astype(np.int64) + 1, alphas[entered]
    at_entry = beta[entered] - alpha * phi[entered]
    slope = steps.cumulated[rows.stop] - alpha - rows.failed * steps.drop[rows.stop]
    at_exit = beta[left] - alpha * phi[left] - at_entry + rows.counted * steps.jump[rows.stop] - slope * phi[left]

    here, along = beta[1:, None], phi[1:, None]
    out = np.empty((n_times, values.shape[1]))
    for k in range(0, values.shape[1], WIDTH):
        block = np.ascontiguousarray(values[:, k : k + WIDTH])
        sums = np.zeros((n_times + 1, 5, block.shape[1]))
        _add_rows(block, entered, left, alpha, at_entry, at_exit, slope, sums)
        risk, alphas, entries, exits, slopes = np.cumsum(sums, axis=0)[1:].transpose(1, 0, 2)
        out[:, k : k + WIDTH] = here * risk - along * alphas - entries + exits + along * slopes
    return out


@compiled
def _add_rows(values, entered, left, alpha, at_entry, at_exit, slope, sums):
    """What each row adds where it enters, and adds or takes away where it leaves."""
    for i in range(values.shape[0]):
        a, b = entered[i], left[i]
        for k in range(values.shape[1]):
            v = values[i, k]
            sums[a, 0, k] += v
            sums[a, 1, k] += alpha[i] * v
            sums[a, 2, k] += at_entry[i] * v
            sums[b, 0, k] -= v
            sums[b, 1, k] -= alpha[i] * v
            sums[b, 2, k] -= at_entry[i] * v
            sums[b, 3, k] += at_exit[i] * v
            sums[b, 4, k] += slope[i] * v


def _from_zero(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], values])
