"""Log-likelihood, score and information of logistic and Poisson regression with their canonical links.

Purpose    l, U and I at one beta, the first parameter being the intercept: eta = shift + offset + b_0 + (x - c)' b.
Order      any. x float64, C-contiguous and finite; weight and offset of shape (0,) where there are none.
Method     rows are laid out by column in blocks that stay in the cache: eta, then the mean mu and its variance, then
           U = sum of w (y - mu) z and I = sum of w v(mu) z z' with z = (1, x - c).
Centre     c changes the meaning of b_0 alone; it keeps I far from singular where a column's mean is large beside its
           spread, and makes a constant column exactly zero.
Extremes   a mean that overflows gives l = -inf, so that a step which goes too far is halved. Rows of weight 0 belong
           outside the problem.
Cost       n p^2 / 2 multiplications and n exponentials.
Paper      McCullagh, Nelder: Generalized Linear Models, 2nd ed. (1989), chapters 2, 4 and 6.
"""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.kernels.gram import BLOCK, add_gram, symmetric
from equipoise.kernels.jit import compiled, compiled_sums
from equipoise.kernels.newton import Evaluation

LOGISTIC, POISSON = 0, 1


@dataclass(frozen=True, slots=True)
class GlmLikelihood:
    """The problem, immutable: x (n, p), y, weight and offset float64, centre (p,), and the part of l free of beta."""

    family: int
    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray
    centre: np.ndarray
    shift: float
    constant: float = 0.0

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        """l, U of shape (1 + p,) and I of shape (1 + p, 1 + p) at beta of shape (1 + p,)."""
        q = 1 + self.x.shape[1]
        even = q + q % 2
        score, lower = np.zeros(q), np.zeros((even, even))
        arrays = (self.x, self.y, self.weight, self.offset, self.centre, self.shift)
        total = _evaluate(self.family, *arrays, np.asarray(beta, np.float64), score, lower, BLOCK)
        return Evaluation(total + self.constant, score, symmetric(lower, q))

    def means(self, beta: np.ndarray) -> np.ndarray:
        """mu of each row, float64 (n,)."""
        mu = np.empty(len(self.y))
        _means(self.family, self.x, self.offset, self.centre, self.shift, np.asarray(beta, np.float64), mu)
        return mu


def centre_of(x: np.ndarray) -> np.ndarray:
    """Column means (p,), taken from the first row so that a constant column is left exactly zero.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.glm import centre_of
        >>> centre_of(np.array([[0.1, 1.0], [0.1, 3.0]]))
        array([0.1, 2. ])
    """
    if not len(x):
        return np.zeros(x.shape[1])
    total = np.zeros(x.shape[1])
    _sum_of_differences(x, total)
    return x[0] + total / len(x)


@compiled
def _sum_of_differences(x, total):
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            total[k] += x[i, k] - x[0, k]


@compiled
def _lay_out(x, offset, centre, shift, begin, m, beta, z, eta):
    """Rows begin, …, begin + m - 1 by column, and their linear predictors."""
    for j in range(m):
        z[0, j] = 1.0
        eta[j] = shift + beta[0]
    if offset.shape[0]:
        for j in range(m):
            eta[j] += offset[begin + j]
    for j in range(m):
        for k in range(x.shape[1]):
            z[k + 1, j] = x[begin + j, k] - centre[k]
    for k in range(x.shape[1]):
        for j in range(m):
            eta[j] += beta[k + 1] * z[k + 1, j]


@compiled
def _logistic_rows(y, eta, begin, m, residual, variance):
    """y - mu and mu (1 - mu); the block's log-likelihood, with one logarithm for all rows."""
    total, product = 0.0, 1.0
    for j in range(m):
        e = math.exp(-abs(eta[j]))
        product *= 1.0 + e
        r = 1.0 / (1.0 + e)
        mu = r if eta[j] >= 0.0 else e * r
        residual[j] = y[begin + j] - mu
        variance[j] = e * r * r
        total += y[begin + j] * eta[j] - max(eta[j], 0.0)
    return total - math.log(product)


@compiled
def _weighted_logistic_rows(y, weight, eta, begin, m, residual, variance):
    total = 0.0
    for j in range(m):
        e, w = math.exp(-abs(eta[j])), weight[begin + j]
        r = 1.0 / (1.0 + e)
        mu = r if eta[j] >= 0.0 else e * r
        residual[j] = w * (y[begin + j] - mu)
        variance[j] = w * (e * r * r)
        total += w * (y[begin + j] * eta[j] - max(eta[j], 0.0) - math.log1p(e))
    return total


@compiled
def _poisson_rows(y, weight, eta, begin, m, residual, variance):
    total = 0.0
    for j in range(m):
        w = weight[begin + j] if weight.shape[0] else 1.0
        mu = math.exp(eta[j])
        residual[j] = w * (y[begin + j] - mu)
        variance[j] = w * mu
        total += w * (y[begin + j] * eta[j] - mu)
    return total


@compiled_sums
def _add_score(z, residual, variance, m, score, weighted):
    """Add the block's part of the score, and weight its columns by the variance."""
    for k in range(score.shape[0]):
        a = 0.0
        for j in range(m):
            a += residual[j] * z[k, j]
            weighted[k, j] = variance[j] * z[k, j]
        score[k] += a


@compiled
def _evaluate(family, x, y, weight, offset, centre, shift, beta, score, lower, block):
    n, even = x.shape[0], lower.shape[0]
    z, weighted = np.zeros((even, block)), np.zeros((even, block))
    eta, residual, variance = np.empty(block), np.empty(block), np.empty(block)
    total = 0.0
    for begin in range(0, n, block):
        m = min(block, n - begin)
        _lay_out(x, offset, centre, shift, begin, m, beta, z, eta)  # 1. eta
        if family == LOGISTIC:  # 2. mu, its variance, l
            if weight.shape[0]:
                total += _weighted_logistic_rows(y, weight, eta, begin, m, residual, variance)
            else:
                total += _logistic_rows(y, eta, begin, m, residual, variance)
        else:
            total += _poisson_rows(y, weight, eta, begin, m, residual, variance)
        _add_score(z, residual, variance, m, score, weighted)  # 3. U
        add_gram(weighted, z, m, 1.0, lower)  # 4. I
    return total


@compiled
def _means(family, x, offset, centre, shift, beta, mu):
    for i in range(x.shape[0]):
        eta = shift + beta[0]
        if offset.shape[0]:
            eta += offset[i]
        for k in range(x.shape[1]):
            eta += beta[k + 1] * (x[i, k] - centre[k])
        mu[i] = 1.0 / (1.0 + math.exp(-eta)) if family == LOGISTIC else math.exp(eta)
