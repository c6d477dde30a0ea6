"""Risks standardized over the people who enter the trials, and their derivatives.

Purpose    the mean over trials of the risk up to each time, had everybody been in one arm, from one pooled logistic
           model, or from two: one of the outcome and one of a competing event that comes first within an interval.
Order      any. `path` int64 (A, K) gives the state of each follow-up time in each arm.
Method     with hazards h of the outcome and d of the competing event, an interval adds S (1 - d) h to the risk and
           multiplies S by (1 - h)(1 - d). Its derivative by b is S (1 - d) h ((1 - h) x - sum of the earlier h x).
Cost       trials x arms x times, and as much again times the number of columns at the times asked for.
Paper      Young, Stensrud, Tchetgen Tchetgen, Hernán, Statistics in Medicine 2020;39:1199.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.trial_likelihood import TrialLikelihood
from equipoise.kernels.trial_rows import lay_out

LARGEST = 700.0


@dataclass(frozen=True, slots=True)
class HazardModel:
    """A pooled logistic model at its estimates: the likelihood it belongs to and beta (P,)."""

    likelihood: TrialLikelihood
    beta: np.ndarray

    def parts(self) -> tuple:
        p, phi = self.likelihood.width, self.likelihood.follow_up.phi
        b, g = np.ascontiguousarray(self.beta[:p]), self.beta[p:]
        logs = g @ phi if len(g) else np.zeros(phi.shape[1])
        return self.likelihood.design, self.likelihood.shift, b, logs, phi


@dataclass(frozen=True, slots=True)
class StandardizedRisks:
    """risk (A, K); survival (A, K), free of both events; gradient (A, times asked for, P of one model or of both)."""

    risk: np.ndarray
    survival: np.ndarray
    gradient: np.ndarray


def standardized_risks(
    outcome: HazardModel, competing: HazardModel | None, rows: np.ndarray, times: np.ndarray, path: np.ndarray,
    at: np.ndarray,
) -> StandardizedRisks:  # fmt: skip
    """Risks over trials that start at `rows` int64 (T,), each counted `times` (T,), with gradients at times `at`."""
    n_arms, horizon = path.shape
    other = outcome if competing is None else competing
    width = len(outcome.beta) + (len(other.beta) if competing is not None else 0)
    place = np.full(horizon, -1, np.int64)
    place[at] = np.arange(len(at))
    risk, survival = np.zeros((n_arms, horizon)), np.zeros((n_arms, horizon))
    gradient = np.zeros((n_arms, len(at), width))
    sums = (risk, survival, gradient)
    _standardize(*outcome.parts(), *other.parts(), competing is not None, rows, times, path, place, *sums)
    total = max(float(times.sum()), np.finfo(float).tiny)
    return StandardizedRisks(risk / total, survival / total, gradient / total)


@compiled
def _product(b, z):
    total = 0.0
    for k in range(b.shape[0]):
        total += b[k] * z[k]
    return total


@compiled
def _hazard(eta):
    return 1.0 / (1.0 + np.exp(-min(max(eta, -LARGEST), LARGEST)))


@compiled
def _standardize(
    design, shift, b, logs, phi, design_2, shift_2, b_2, logs_2, phi_2, two, rows, times, path, place,
    risk, survival, gradient,
):  # fmt: skip
    p, q, p_2, q_2 = b.shape[0], phi.shape[0], b_2.shape[0], phi_2.shape[0]
    z, z_2 = np.empty(p), np.empty(p_2)
    past, past_2, sum_phi, sum_phi_2 = np.empty(q), np.empty(q_2), np.empty(q), np.empty(q_2)
    for i in range(rows.shape[0]):
        for arm in range(path.shape[0]):
            lay_out(design, rows[i], arm, z)
            lay_out(design_2, rows[i], arm, z_2)
            eta, eta_2 = shift + _product(b, z), shift_2 + _product(b_2, z_2)
            free, total, before, before_2, on_z, on_z_2 = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
            past[:], past_2[:], sum_phi[:], sum_phi_2[:] = 0.0, 0.0, 0.0, 0.0
            for k in range(path.shape[1]):
                s = path[arm, k]
                h = _hazard(eta + logs[s])
                d = _hazard(eta_2 + logs_2[s]) if two else 0.0
                added = free * (1.0 - d) * h  # 1. the interval's risk and its derivatives
                total += added
                on_z += added * (1.0 - h - before)
                for j in range(q):
                    sum_phi[j] += added * ((1.0 - h) * phi[j, s] - past[j])
                    past[j] += h * phi[j, s]
                if two:
                    on_z_2 -= added * (d + before_2)
                    for j in range(q_2):
                        sum_phi_2[j] -= added * (d * phi_2[j, s] + past_2[j])
                        past_2[j] += d * phi_2[j, s]
                before += h
                before_2 += d
                free *= (1.0 - h) * (1.0 - d)  # 2. what is left of the trial's people
                risk[arm, k] += times[i] * total
                survival[arm, k] += times[i] * free
                if place[k] >= 0:
                    own = gradient[arm, place[k]]
                    for j in range(p):
                        own[j] += times[i] * on_z * z[j]
                    for j in range(q):
                        own[p + j] += times[i] * sum_phi[j]
                    if two:
                        for j in range(p_2):
                            own[p + q + j] += times[i] * on_z_2 * z_2[j]
                        for j in range(q_2):
                            own[p + q + p_2 + j] += times[i] * sum_phi_2[j]
