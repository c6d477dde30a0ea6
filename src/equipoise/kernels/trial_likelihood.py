"""Log-likelihood, score and information of a pooled logistic model over the rows of trials, never written down.

Purpose    logit P(event in row k of trial i) = shift + b'z_i + g'phi(state of the row), rows weighted; l, U and I at
           (b, g), and the score split by person.
Order      as in `trial_rows`; only the last row of a trial can hold an event.
Method     the odds of a row are exp(shift + b'z_i) exp(g'phi): one exponential a trial and one a state, none a row.
           A trial adds its sums of weight v = w mu (1 - mu) and v phi to the blocks z z' and z phi' of I, and its v
           to a table by state, from which the block phi phi' follows at the end.
Padding    the rows of a trial are taken up to a multiple of 32, the ones beyond its end with weight zero, so that a
           processor's registers stay full in short trials too: phi has `PADDING` columns that belong to no state.
Log        log(1 + odds) is computed for several rows at once from the bits of 1 + odds; its absolute error is 2e-16.
Cost       a few nanoseconds a row, none of them memory traffic beyond the panel; O(columns^2) a trial.
Paper      D'Agostino, Lee, Belanger, et al., Statistics in Medicine 1990;9:1501.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from equipoise.kernels.gram import symmetric
from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.trial_rows import (
    PADDING,
    FollowUp,
    Limit,
    TrialDesign,
    Trials,
    TrialWeights,
    lay_out,
    leave,
    padded,
    states_of,
    weigh_rows,
)

HUGE = 1e300
EXPONENT = 600.0  # of an odds' two factors: their product may overflow and is then held at HUGE
ONE_BITS = 1023 << 52
MANTISSA = (1 << 52) - 1
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD  # of sqrt(1/2): mantissas lie between it and its double
CHUNK, ORDINARY = PADDING, 1e9  # ORDINARY^CHUNK does not overflow
LOG_2 = 0.6931471805599453
SERIES = tuple(2.0 / (2 * n + 1) for n in range(11))  # log m = 2 (s + s^3 / 3 + …), s = (m - 1) / (m + 1)


class Sums(NamedTuple):
    """Where a pass over the trials adds up: z r, phi r, z z' v, z phi' v, and v by state."""

    score: np.ndarray
    phi_score: np.ndarray
    lower: np.ndarray
    cross: np.ndarray
    variance: np.ndarray


class Scratch(NamedTuple):
    """Numbers of one trial."""

    w: np.ndarray
    r: np.ndarray
    v: np.ndarray
    u: np.ndarray
    place: np.ndarray
    z: np.ndarray


@dataclass(frozen=True, slots=True)
class TrialLikelihood:
    """The problem, immutable: trials, weights, columns of trials and of states, outcome uint8 (N,), limits taken."""

    trials: Trials
    weights: TrialWeights
    design: TrialDesign
    follow_up: FollowUp
    y: np.ndarray
    shift: float
    limit: Limit

    @property
    def width(self) -> int:
        """Columns of z."""
        return self.limit.dz.shape[1]

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U (P,) and I (P, P) at beta (P,): columns of z first, then those of phi."""
        p, phi = self.width, self.follow_up.phi
        sums = self._sums()
        total = _pass(*self._arguments(beta), sums, self._scratch())
        information = np.empty((len(beta),) * 2)
        information[:p, :p] = symmetric(sums.lower, p)
        information[:p, p:] = sums.cross
        information[p:, :p] = sums.cross.T
        information[p:, p:] = (phi * sums.variance) @ phi.T
        return Evaluation(total, np.concatenate([sums.score, sums.phi_score]), information)

    def scores(self, beta: np.ndarray, begin: int, end: int) -> np.ndarray:
        """The score split by person, float64 (end - begin, P), for persons begin..end-1."""
        first, last = np.searchsorted(self.trials.person, (begin, end))
        out = np.zeros((end - begin, len(beta)))
        _by_person(*self._arguments(beta), int(first), int(last), begin, self._scratch(), out)
        return out

    def _arguments(self, beta: np.ndarray) -> tuple:
        b, g = np.ascontiguousarray(beta[: self.width]), beta[self.width :]
        logs = g @ self.follow_up.phi if len(g) else np.zeros(self.follow_up.phi.shape[1])
        odds = np.exp(np.clip(logs, -EXPONENT, EXPONENT))
        own = (self.trials, self.weights, self.design, self.follow_up, self.limit, self.y)
        return *own, self.shift, b, logs, odds, float(odds.max(initial=0.0))

    def _sums(self) -> Sums:
        p, (q, states) = self.width, self.follow_up.phi.shape
        return Sums(np.zeros(p), np.zeros(q), np.zeros((p, p)), np.zeros((p, q)), np.zeros(states))

    def _scratch(self) -> Scratch:
        k = self.follow_up.horizon + PADDING
        return Scratch(*(np.empty(k) for _ in range(4)), np.empty(k, np.int64), np.empty(self.width))


@compiled
def _logarithms(u, n):
    """Replace u[:n], all at least one, by their logarithms."""
    bits = u.view(np.int64)
    for k in range(n):
        offset = bits[k] - ROOT_HALF_BITS
        exponent = offset >> 52
        bits[k] = (offset & MANTISSA) + ROOT_HALF_BITS
        s = (u[k] - 1.0) / (u[k] + 1.0)
        square = s * s
        tail = SERIES[10]
        for m in range(9, -1, -1):
            tail = tail * square + SERIES[m]
        u[k] = s * tail + LOG_2 * exponent


@compiled_sums
def _logarithm_of_product(u, n):
    """The sum of the logarithms of u[:n], n a multiple of CHUNK, all of ordinary size: one logarithm for many rows."""
    total = 0.0
    for begin in range(0, n, CHUNK):
        product = 1.0
        for k in range(CHUNK):
            product *= u[begin + k]
        total += np.log(product)
    return total


@compiled
def _moments(scale, odds, at, n, scratch):
    """Residuals without event, variances and 1 + odds of rows whose states are next to each other."""
    for k in range(n):
        e = min(scale * odds[at + k], HUGE)
        share = 1.0 / (1.0 + e)
        mu = scratch.w[k] * (e * share)
        scratch.r[k] = -mu
        scratch.v[k] = mu * share
        scratch.u[k] = 1.0 + e


@compiled
def _scattered_moments(scale, odds, n, scratch):
    for k in range(n):
        e = min(scale * odds[scratch.place[k]], HUGE)
        share = 1.0 / (1.0 + e)
        mu = scratch.w[k] * (e * share)
        scratch.r[k] = -mu
        scratch.v[k] = mu * share
        scratch.u[k] = 1.0 + e


@compiled_sums
def _dot(a, b, n):
    total = 0.0
    for k in range(n):
        total += a[k] * b[k]
    return total


@compiled_sums
def _dot_from(table, j, at, a, n):
    """The product of a[:n] with row j of a table from column `at` on."""
    total = 0.0
    for k in range(n):
        total += table[j, at + k] * a[k]
    return total


@compiled_sums
def _total(a, n):
    total = 0.0
    for k in range(n):
        total += a[k]
    return total


@compiled
def _trial(trials, i, weights, design, follow_up, limit, y, shift, b, logs, odds, top, scratch):
    """Rows of trial i into scratch; how many to add up, the place of its first state (-1: scattered), and its l."""
    n = weigh_rows(trials, i, weights, scratch.w)  # 1. weights
    lay_out(design, trials.start[i], trials.arm[i], scratch.z)
    scattered = follow_up.levels.shape[0] > 0
    if scattered or limit.dz.shape[0]:
        states_of(trials, i, follow_up, scratch.place)
        leave(limit, scratch.z, scratch.place, n, scratch.w)
    eta = shift + _dot(b, scratch.z, b.shape[0])  # 2. eta of the trial
    scale = np.exp(min(max(eta, -EXPONENT), EXPONENT))
    at = -1 if scattered else follow_up.base[trials.arm[i]]
    m = padded(n)
    if scattered:  # 3. mu and its variance
        scratch.place[n:m] = 0
        _scattered_moments(scale, odds, m, scratch)
    else:
        _moments(scale, odds, at, m, scratch)
    if weights.factor.shape[0] or limit.dz.shape[0] or scale * top > ORDINARY:
        _logarithms(scratch.u, m)
        total = -_dot(scratch.w, scratch.u, m)
    else:
        scratch.u[n:m] = 1.0
        total = -scratch.w[0] * _logarithm_of_product(scratch.u, m) if n else 0.0
    if n and y[trials.start[i] + n - 1]:
        last = scratch.place[n - 1] if scattered else at + n - 1
        total += scratch.w[n - 1] * (eta + logs[last])
        scratch.r[n - 1] += scratch.w[n - 1]
    return m, at, total


@compiled
def _add_contiguous(phi, at, n, scratch, sums):
    for k in range(n):
        sums.variance[at + k] += scratch.v[k]
    for j in range(phi.shape[0]):
        part = _dot_from(phi, j, at, scratch.v, n)
        sums.phi_score[j] += _dot_from(phi, j, at, scratch.r, n)
        for k in range(scratch.z.shape[0]):
            sums.cross[k, j] += part * scratch.z[k]


@compiled
def _add_scattered(phi, n, scratch, sums):
    for k in range(n):
        sums.variance[scratch.place[k]] += scratch.v[k]
    for j in range(phi.shape[0]):
        part = 0.0
        for k in range(n):
            part += phi[j, scratch.place[k]] * scratch.v[k]
            sums.phi_score[j] += phi[j, scratch.place[k]] * scratch.r[k]
        for k in range(scratch.z.shape[0]):
            sums.cross[k, j] += part * scratch.z[k]


@compiled
def _pass(trials, weights, design, follow_up, limit, y, shift, b, logs, odds, top, sums, scratch):
    total = 0.0
    for i in range(trials.start.shape[0]):
        n, at, part = _trial(trials, i, weights, design, follow_up, limit, y, shift, b, logs, odds, top, scratch)
        total += part
        r, v = _total(scratch.r, n), _total(scratch.v, n)
        for j in range(b.shape[0]):  # 4. U and I of the columns of trials
            sums.score[j] += r * scratch.z[j]
            weighted = v * scratch.z[j]
            for k in range(j + 1):
                sums.lower[j, k] += weighted * scratch.z[k]
        if at >= 0:  # 5. what depends on states
            _add_contiguous(follow_up.phi, at, n, scratch, sums)
        else:
            _add_scattered(follow_up.phi, n, scratch, sums)
    return total


@compiled
def _by_person(
    trials, weights, design, follow_up, limit, y, shift, b, logs, odds, top, first, last, begin, scratch, out
):  # fmt: skip
    p, phi = b.shape[0], follow_up.phi
    for i in range(first, last):
        n, at, _ = _trial(trials, i, weights, design, follow_up, limit, y, shift, b, logs, odds, top, scratch)
        own, r = out[trials.person[i] - begin], _total(scratch.r, n)
        for j in range(p):
            own[j] += r * scratch.z[j]
        for j in range(phi.shape[0]):
            if at >= 0:
                own[p + j] += _dot_from(phi, j, at, scratch.r, n)
            else:
                for k in range(n):
                    own[p + j] += phi[j, scratch.place[k]] * scratch.r[k]
