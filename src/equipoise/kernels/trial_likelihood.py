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

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from equipoise.kernels.gram import BLOCK, add_gram, symmetric
from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.trial_rows import (
    PADDING,
    FollowUp,
    Limit,
    TrialDesign,
    Trials,
    TrialWeights,
    lay,
    leave,
    padded,
    states_of,
    weigh,
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
    """Numbers of one trial's rows and its z; then of a block of trials, one place a trial: z, v z, v phi and r."""

    w: np.ndarray
    r: np.ndarray
    v: np.ndarray
    u: np.ndarray
    place: np.ndarray
    z: np.ndarray
    columns: np.ndarray
    weighted: np.ndarray
    parts: np.ndarray
    residual: np.ndarray


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
        sums = self.sums()
        nobody = np.empty((0, 0))
        total = _pass(*self._arguments(beta), 0, len(self.trials.start), 0, sums, self.scratch(), nobody)
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
        _pass(*self._arguments(beta), int(first), int(last), begin, self.sums(), self.scratch(), out)
        return out

    def _arguments(self, beta: np.ndarray) -> tuple:
        b, g = np.ascontiguousarray(beta[: self.width]), beta[self.width :]
        logs = g @ self.follow_up.phi if len(g) else np.zeros(self.follow_up.phi.shape[1])
        odds = np.exp(np.clip(logs, -EXPONENT, EXPONENT))
        own = (self.trials, self.weights, self.design, self.follow_up, self.limit, self.y)
        return *own, self.shift, b, logs, odds, float(odds.max(initial=0.0))

    def sums(self) -> Sums:
        """Zeros to add up in."""
        p, (q, states) = self.width, self.follow_up.phi.shape
        even = p + p % 2
        return Sums(np.zeros(p), np.zeros(q), np.zeros((even, even)), np.zeros((p, q)), np.zeros(states))

    def scratch(self) -> Scratch:
        """Room for one trial and one block of trials."""
        k, p, q = self.follow_up.horizon + PADDING, self.width, self.follow_up.phi.shape[0]
        rows = [np.empty(k) for _ in range(4)]
        wide = [np.zeros((p + p % 2, BLOCK)) for _ in range(2)]
        return Scratch(*rows, np.empty(k, np.int64), np.empty(p), *wide, np.zeros((q, BLOCK)), np.zeros(BLOCK))


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
def _moments(scale, odds, at, n, w, r, v, u):
    """Residuals without event, variances and 1 + odds of rows whose states are next to each other."""
    for k in range(n):
        e = min(scale * odds[at + k], HUGE)
        share = 1.0 / (1.0 + e)
        mu = w[k] * (e * share)
        r[k] = -mu
        v[k] = mu * share
        u[k] = 1.0 + e


@compiled
def _scattered_moments(scale, odds, place, n, w, r, v, u):
    for k in range(n):
        e = min(scale * odds[place[k]], HUGE)
        share = 1.0 / (1.0 + e)
        mu = w[k] * (e * share)
        r[k] = -mu
        v[k] = mu * share
        u[k] = 1.0 + e


@compiled_sums
def dot(a, b, n):
    total = 0.0
    for k in range(n):
        total += a[k] * b[k]
    return total


@compiled_sums
def dot_from(table, j, at, a, n):
    """The product of a[:n] with row j of a table from column `at` on."""
    total = 0.0
    for k in range(n):
        total += table[j, at + k] * a[k]
    return total


@compiled_sums
def total_of(a, n):
    total = 0.0
    for k in range(n):
        total += a[k]
    return total


@compiled
def _log_likelihood(u, w, n, m, plain):
    """Minus the sum of w log u over rows; `plain` where all weights are the same and no u is large."""
    if plain:
        for k in range(n, m):
            u[k] = 1.0
        return -w[0] * _logarithm_of_product(u, m) if n else 0.0
    _logarithms(u, m)
    return -dot(w, u, m)


@compiled
def add_states(phi, at, m, r, v, j, variance, parts, phi_score):
    """What depends on states, which are next to each other; sums of v phi for place j of the block."""
    for k in range(m):
        variance[at + k] += v[k]
    for q in range(phi.shape[0]):
        parts[q, j] = dot_from(phi, q, at, v, m)
        phi_score[q] += dot_from(phi, q, at, r, m)


@compiled
def add_scattered(phi, place, n, r, v, j, variance, parts, phi_score):
    for k in range(n):
        variance[place[k]] += v[k]
    for q in range(phi.shape[0]):
        part = 0.0
        for k in range(n):
            part += phi[q, place[k]] * v[k]
            phi_score[q] += phi[q, place[k]] * r[k]
        parts[q, j] = part


@compiled
def keep_columns(z, r, v, j, columns, weighted, residual):
    """The columns of a trial, and their products with its v, at place j of the block."""
    residual[j] = r
    for k in range(z.shape[0]):
        columns[k, j] = z[k]
        weighted[k, j] = v * z[k]


@compiled_sums
def add_block(columns, weighted, parts, residual, m, score, lower, cross):
    """U and I of the columns of m trials."""
    add_gram(weighted, columns, m, 1.0, lower)
    for k in range(score.shape[0]):
        total = 0.0
        for j in range(m):
            total += columns[k, j] * residual[j]
        score[k] += total
        for q in range(parts.shape[0]):
            total = 0.0
            for j in range(m):
                total += columns[k, j] * parts[q, j]
            cross[k, q] += total


@compiled
def add_person(phi, scattered, at, place, n, m, r, z, own):
    """The score of one trial, for its person."""
    p, total = z.shape[0], total_of(r, m)
    for j in range(p):
        own[j] += total * z[j]
    for j in range(phi.shape[0]):
        if scattered:
            for k in range(n):
                own[p + j] += phi[j, place[k]] * r[k]
        else:
            own[p + j] += dot_from(phi, j, at, r, m)


@compiled
def _pass(
    trials, weights, design, follow_up, limit, y, shift, b, logs, odds, top, first, last, begin, sums, scratch, out
):  # fmt: skip
    """Trials first..last - 1: U, I and l into `sums`, or, where `out` has rows, scores by person from `begin` on."""
    start, length, arms, person, cut = trials
    factor, kinds, low, high, times = weights
    covariates, centre, period, trial_terms, arm_centre, modified, modified_centre = design
    phi, base, levels, _, _ = follow_up
    score, phi_score, lower, cross, variance = sums
    w, r, v, u, place, z, columns, weighted, parts, residual = scratch
    scattered, limited, by_person = levels.shape[0] > 0, limit.dz.shape[0] > 0, out.shape[0] > 0
    total, at, kept = 0.0, 0, 0
    for i in range(first, last):
        n, row, arm = np.int64(length[i]), start[i], arms[i]
        m = padded(n)
        often = times[person[i]] if times.shape[0] else 1.0
        weigh(n, row, i, arm, cut, factor, kinds, low[arm], high[arm], often, w)  # 1. weights and columns
        lay(row, arm, covariates, centre, period, trial_terms, arm_centre, modified, modified_centre, z)
        if scattered or limited:
            states_of(trials, i, follow_up, place)
            place[n:m] = 0
            leave(limit, z, place, n, w)
        eta = shift + dot(b, z, b.shape[0])  # 2. eta of the trial
        scale = math.exp(min(max(eta, -EXPONENT), EXPONENT))
        if scattered:  # 3. mu and its variance
            _scattered_moments(scale, odds, place, m, w, r, v, u)
        else:
            at = base[arm]
            _moments(scale, odds, at, m, w, r, v, u)
        if n and y[row + n - 1]:
            total += w[n - 1] * (eta + logs[place[n - 1] if scattered else at + n - 1])
            r[n - 1] += w[n - 1]
        if by_person:
            add_person(phi, scattered, at, place, n, m, r, z, out[person[i] - begin])
            continue
        total += _log_likelihood(u, w, n, m, not (factor.shape[0] or limited or scale * top > ORDINARY))
        if scattered:  # 4. U and I
            add_scattered(phi, place, n, r, v, kept, variance, parts, phi_score)
        else:
            add_states(phi, at, m, r, v, kept, variance, parts, phi_score)
        keep_columns(z, total_of(r, m), total_of(v, m), kept, columns, weighted, residual)
        kept += 1
        if kept == residual.shape[0]:
            add_block(columns, weighted, parts, residual, kept, score, lower, cross)
            kept = 0
    add_block(columns, weighted, parts, residual, kept, score, lower, cross)
    return total
