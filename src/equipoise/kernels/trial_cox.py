"""Cox's partial likelihood over the rows of emulated trials, in time since a trial's start, never written down.

Purpose    hazard of row k of trial i = h0(k) exp(b'z_i + g'phi(state)), rows weighted; all trials share h0. l, U and I
           with Breslow's treatment of ties, and score residuals by person.
Order      as in `trial_rows`; only the last row of a trial can hold an event.
Method     with D_k the weighted events at time k and S0_k the sum of w theta over rows at k, mu = w theta D_k / S0_k
           makes U = sum of (w y - mu) x and I = sum of mu x x' - sum over k of m_k m_k' / D_k, m_k = sum of mu x at k.
           One pass gives S0, a second the rest, in the blocks of `trial_likelihood`.
Residual   of a person: the sum of (w y - mu) (x - m_k / D_k) over the person's rows (Lin, Wei).
Singular   a time without events takes no part. A monotone likelihood is not proved here: its climb does not end.
Cost       as `trial_likelihood`, and columns of z times rows for m_k.
Paper      Cox, JRSS B 1972;34:187; Breslow, Biometrics 1974;30:89; Lin, Wei, JASA 1989;84:1074.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.gram import symmetric
from equipoise.kernels.jit import compiled
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.trial_likelihood import (
    EXPONENT,
    TrialLikelihood,
    add_block,
    add_person,
    add_scattered,
    add_states,
    dot,
    dot_from,
    keep_columns,
    total_of,
)
from equipoise.kernels.trial_rows import PADDING, lay, padded, states_of, weigh


@dataclass(frozen=True, slots=True)
class TrialCox:
    """The problem, immutable: the rows of `likelihood` (its shift is not used), weighted events by time (K,)."""

    likelihood: TrialLikelihood
    events: np.ndarray

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U (P - 1,) and I (P - 1, P - 1) at beta (P - 1,): all columns but the intercept, which h0 holds."""
        own, p = self.likelihood, self.likelihood.width
        arguments, at_risk, rate = self._at(beta)
        sums, means = own.sums(), np.zeros((p, own.follow_up.horizon + PADDING))
        nobody = np.empty((0, 0))
        total = _cox_pass(*arguments, rate, 0, len(own.trials.start), 0, sums, own.scratch(), means, nobody, nobody)
        known = self.events > 0.0
        total -= float(self.events[known] @ np.log(at_risk[: len(self.events)][known]))
        phi = own.follow_up.phi
        information = np.empty((p + len(phi),) * 2)
        information[:p, :p] = symmetric(sums.lower, p)
        information[:p, p:] = sums.cross
        information[p:, :p] = sums.cross.T
        information[p:, p:] = (phi * sums.variance) @ phi.T
        by_time = self._by_time(means, sums.variance)[:, known]
        information -= (by_time / self.events[known]) @ by_time.T
        return Evaluation(total, np.concatenate([sums.score, sums.phi_score])[1:], information[1:, 1:])

    def scores(self, beta: np.ndarray, begin: int, end: int) -> np.ndarray:
        """Score residuals by person, float64 (end - begin, P - 1), for persons begin..end-1."""
        own = self.likelihood
        arguments, _, rate = self._at(beta)
        mean = self._mean_columns(beta)
        first, last = np.searchsorted(own.trials.person, (begin, end))
        out = np.zeros((end - begin, len(beta) + 1))
        none = np.zeros((own.width, len(rate)))
        _cox_pass(*arguments, rate, int(first), int(last), begin, own.sums(), own.scratch(), none, mean, out)
        return out[:, 1:]

    def _mean_columns(self, beta: np.ndarray) -> np.ndarray:
        """m_k / D_k by column and time, (P, K + padding)."""
        own = self.likelihood
        arguments, _, rate = self._at(beta)
        sums, means = own.sums(), np.zeros((own.width, len(rate)))
        nobody = np.empty((0, 0))
        _cox_pass(*arguments, rate, 0, len(own.trials.start), 0, sums, own.scratch(), means, nobody, nobody)
        by_time = self._by_time(means, sums.variance)
        share = np.divide(by_time, self.events, out=np.zeros_like(by_time), where=self.events > 0.0)
        return np.ascontiguousarray(np.hstack([share, np.zeros((len(share), PADDING))]))

    def _at(self, beta: np.ndarray) -> tuple[tuple, np.ndarray, np.ndarray]:
        """The rows with their relative hazards at beta; sums of them by time, and D_k over these."""
        own = self.likelihood
        b, g = np.concatenate([[0.0], beta[: own.width - 1]]), beta[own.width - 1 :]
        logs = g @ own.follow_up.phi if len(g) else np.zeros(own.follow_up.phi.shape[1])
        theta = np.exp(np.clip(logs, -EXPONENT, EXPONENT))
        arguments = (own.trials, own.weights, own.design, own.follow_up, own.y, b, logs, theta)
        at_risk = np.zeros(own.follow_up.horizon + PADDING)
        _add_up_at_risk(*arguments, own.scratch(), at_risk)
        events = np.concatenate([self.events, np.zeros(PADDING)])
        return arguments, at_risk, np.divide(events, at_risk, out=np.zeros(len(events)), where=events > 0.0)

    def _by_time(self, means: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """m_k of all columns, (P, K)."""
        k, phi = self.likelihood.follow_up.horizon, self.likelihood.follow_up.phi
        blocks = (len(variance) - PADDING) // k
        states = (phi[:, : blocks * k] * variance[: blocks * k]).reshape(len(phi), blocks, k)
        return np.vstack([means[:, :k], states.sum(axis=1)])


@compiled
def _relative(scale, theta, place, scattered, at, m, w, v):
    for k in range(m):
        v[k] = w[k] * (scale * theta[place[k] if scattered else at + k])


@compiled
def _add_up_at_risk(trials, weights, design, follow_up, y, b, logs, theta, scratch, at_risk):
    start, length, arms, person, cut = trials
    factor, kinds, low, high, times = weights
    covariates, centre, period, trial_terms, arm_centre, modified, modified_centre = design
    w, _, v, _, place, z, _, _, _, _ = scratch
    scattered = follow_up.levels.shape[0] > 0
    for i in range(start.shape[0]):
        n = np.int64(length[i])
        m = padded(n)
        often = times[person[i]] if times.shape[0] else 1.0
        weigh(n, start[i], i, arms[i], cut, factor, kinds, low[arms[i]], high[arms[i]], often, w)
        lay(start[i], arms[i], covariates, centre, period, trial_terms, arm_centre, modified, modified_centre, z)
        if scattered:
            states_of(trials, i, follow_up, place)
            place[n:m] = 0
        scale = math.exp(min(max(dot(b, z, b.shape[0]), -EXPONENT), EXPONENT))
        _relative(scale, theta, place, scattered, follow_up.base[arms[i]], m, w, v)
        for k in range(m):
            at_risk[k] += v[k]


@compiled
def _add_means(z, v, m, means):
    for j in range(z.shape[0]):
        for k in range(m):
            means[j, k] += z[j] * v[k]


@compiled
def _cox_pass(
    trials, weights, design, follow_up, y, b, logs, theta, rate, first, last, begin, sums, scratch, means, mean, out
):  # fmt: skip
    """Trials first..last - 1: sums and means, or, where `out` has rows, score residuals by person from `begin` on."""
    start, length, arms, person, cut = trials
    factor, kinds, low, high, times = weights
    covariates, centre, period, trial_terms, arm_centre, modified, modified_centre = design
    phi, base, levels, _, _ = follow_up
    score, phi_score, lower, cross, variance = sums
    w, r, v, _, place, z, columns, weighted, parts, residual = scratch
    scattered, by_person = levels.shape[0] > 0, out.shape[0] > 0
    total, kept = 0.0, 0
    for i in range(first, last):
        n, row, arm = np.int64(length[i]), start[i], arms[i]
        m, at = padded(n), base[arm]
        often = times[person[i]] if times.shape[0] else 1.0
        weigh(n, row, i, arm, cut, factor, kinds, low[arm], high[arm], often, w)  # 1. weights and columns
        lay(row, arm, covariates, centre, period, trial_terms, arm_centre, modified, modified_centre, z)
        if scattered:
            states_of(trials, i, follow_up, place)
            place[n:m] = 0
        eta = dot(b, z, b.shape[0])
        _relative(math.exp(min(max(eta, -EXPONENT), EXPONENT)), theta, place, scattered, at, m, w, v)
        for k in range(m):  # 2. mu and the residual
            v[k] *= rate[k]
            r[k] = -v[k]
        if n and y[row + n - 1]:
            total += w[n - 1] * (eta + logs[place[n - 1] if scattered else at + n - 1])
            r[n - 1] += w[n - 1]
        if by_person:
            own = out[person[i] - begin]
            add_person(phi, scattered, at, place, n, m, r, z, own)
            for j in range(own.shape[0]):
                own[j] -= dot_from(mean, j, 0, r, m)
            continue
        if scattered:  # 3. U, the two parts of I
            add_scattered(phi, place, n, r, v, kept, variance, parts, phi_score)
        else:
            add_states(phi, at, m, r, v, kept, variance, parts, phi_score)
        _add_means(z, v, m, means)
        keep_columns(z, total_of(r, m), total_of(v, m), kept, columns, weighted, residual)
        kept += 1
        if kept == residual.shape[0]:
            add_block(columns, weighted, parts, residual, kept, score, lower, cross)
            kept = 0
    add_block(columns, weighted, parts, residual, kept, score, lower, cross)
    return total
