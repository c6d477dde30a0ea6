"""Conditional likelihood of Poisson counts given each person's total: the self-controlled case series.

Purpose    l, U and I at one beta. Given that person s had n_s events, they fall on the person's intervals j with
           probabilities p_j proportional to exp(eta_j), eta = offset + x beta, whatever the person's own level is:
           l = sum y log p, U = sum (y - n p) x, I = sum over persons of n (sum p x x' - m m'), m = sum p x.
Order      rows of a person contiguous; `start` and `stop` bound the persons that count, those with events.
Method     each person's rows are differences from the first of them, so that a column constant within persons is
           exactly zero; whole persons are laid out by column in blocks that stay in the cache.
Constant   the multinomial coefficients, which no parameter changes, are left out.
Cost       n p^2 / 2 multiplications and n exponentials.
Paper      Farrington, Biometrics 1995;51:228; Whitaker et al., Statistics in Medicine 2006;25:1768;
           Andersen, JRSS B 1970;32:283.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.gram import add_gram, symmetric
from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.newton import Evaluation

BLOCK = 248  # rows laid out at a time, or more where a person has more; not a power of two


@dataclass(frozen=True, slots=True)
class ConditionalPoisson:
    """The problem, immutable: rows x (n, p), counts y, offset (of shape (0,) where there is none), persons' bounds."""

    x: np.ndarray
    y: np.ndarray
    offset: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U of shape (p,) and I of shape (p, p) at beta of shape (p,)."""
        p = len(beta)
        even = p + p % 2
        score, lower = np.zeros(p), np.zeros((even, even))
        widest = int(np.max(self.stop - self.start, initial=0))
        rows = (self.x, self.y, self.offset, self.start, self.stop)
        total = _evaluate(*rows, np.asarray(beta, np.float64), score, lower, max(BLOCK, widest))
        return Evaluation(total, score, symmetric(lower, p))


def scores_by_person(problem: ConditionalPoisson, beta: np.ndarray) -> np.ndarray:
    """The score at beta (p,) split by the persons that count: float64 (S, p).

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.conditional_poisson import ConditionalPoisson, scores_by_person
        >>> x, y, none, first = np.array([[0.0], [1.0]]), np.array([1.0, 2.0]), np.empty(0), np.array([0, 2])
        >>> series = ConditionalPoisson(x, y, none, first[:1], first[1:])
        >>> scores_by_person(series, np.zeros(1))  # two of three events in the half where x is 1
        array([[0.5]])
    """
    out = np.zeros((len(problem.start), len(beta)))
    _scores(problem.x, problem.y, problem.offset, problem.start, problem.stop, np.asarray(beta, np.float64), out)
    return out


@compiled
def _lay_out(x, offset, a, b, j, z, eta):
    """Rows a, …, b - 1 as differences from row a in columns j, j + 1, …; eta begins with the offset."""
    for i in range(a, b):
        for k in range(x.shape[1]):
            z[k, j] = x[i, k] - x[a, k]
        eta[j] = offset[i] if offset.shape[0] else 0.0
        j += 1
    return j


@compiled
def _expected(y, first_row, a, b, eta, residual):
    """Turn eta[a:b] into n p and residual[a:b] into y - n p; return the person's l and number of events."""
    top, events, total, value = -np.inf, 0.0, 0.0, 0.0
    for j in range(a, b):
        top = max(top, eta[j])
    for j in range(a, b):
        count = y[first_row + j - a]
        gap = eta[j] - top
        events += count
        if count > 0.0:
            value += count * gap
        eta[j] = math.exp(gap)
        total += eta[j]
    for j in range(a, b):
        eta[j] *= events / total
        residual[j] = y[first_row + j - a] - eta[j]
    return value - events * math.log(total), events


@compiled_sums
def _linear(z, beta, m, eta):
    for k in range(beta.shape[0]):
        for j in range(m):
            eta[j] += beta[k] * z[k, j]


@compiled_sums
def _moments(z, expected, residual, m, score, weighted):
    for k in range(score.shape[0]):
        a = 0.0
        for j in range(m):
            a += residual[j] * z[k, j]
            weighted[k, j] = expected[j] * z[k, j]
        score[k] += a


@compiled
def _evaluate(x, y, offset, start, stop, beta, score, lower, width):
    n_persons, p = start.shape[0], x.shape[1]
    even = lower.shape[0]
    z, weighted = np.zeros((even, width)), np.zeros((even, width))
    mean, total_of_person = np.zeros((even, width)), np.zeros((even, width))
    eta, residual = np.empty(width), np.empty(width)
    bound, events = np.zeros(width + 1, np.int64), np.empty(width)
    total, s = 0.0, 0
    while s < n_persons:
        t, j, begin = 0, 0, s
        while s < n_persons and j + stop[s] - start[s] <= width:  # 1. as many whole persons as fit
            j = _lay_out(x, offset, start[s], stop[s], j, z, eta)
            s, t = s + 1, t + 1
            bound[t] = j
        _linear(z, beta, j, eta)  # 2. eta
        for r in range(t):  # 3. n p, y - n p and l
            value, events[r] = _expected(y, start[begin + r], bound[r], bound[r + 1], eta, residual)
            total += value
        _moments(z, eta, residual, j, score, weighted)  # 4. U, and rows weighted by n p
        for k in range(p):  # 5. sums n m and means m of persons
            for r in range(t):
                a = 0.0
                for i in range(bound[r], bound[r + 1]):
                    a += weighted[k, i]
                total_of_person[k, r] = a
                mean[k, r] = a / events[r]
        add_gram(weighted, z, j, 1.0, lower)  # 6. I
        add_gram(total_of_person, mean, t, -1.0, lower)
    return total


@compiled
def _scores(x, y, offset, start, stop, beta, out):
    p, largest = x.shape[1], 0
    for s in range(start.shape[0]):
        largest = max(largest, stop[s] - start[s])
    eta, residual = np.empty(largest), np.empty(largest)
    for s in range(start.shape[0]):
        a, m = start[s], stop[s] - start[s]
        for j in range(m):
            eta[j] = offset[a + j] if offset.shape[0] else 0.0
            for k in range(p):
                eta[j] += beta[k] * (x[a + j, k] - x[a, k])
        _expected(y, a, 0, m, eta, residual)
        for j in range(m):
            for k in range(p):
                out[s, k] += residual[j] * (x[a + j, k] - x[a, k])
