"""Sums over rows that robust and bias-reduced inference in logistic and Poisson regression needs.

Purpose    the score split by cluster (`scores_by_cluster`), its squared rows (`squared_scores`), each row's leverage
           (`leverages`), and the adjustment of the score that maximises the likelihood times Jeffreys' prior
           (`firth_adjustment`).
Order      any; cluster codes 0..G-1 in the order of the rows.
Method     with z = (1, x - c) and r = w (y - mu), the score of a row is r z. Firth's adjustment adds, for each row with
           leverage h = w v z' A z, the term h (1/2 - mu) z in logistic and h z / 2 in Poisson regression, A = I^-1.
Cost       n p for the scores, n p^2 for the adjustment.
Paper      White, Econometrica 1982;50:1; Liang, Zeger, Biometrika 1986;73:13; Firth, Biometrika 1993;80:27.
"""

import numpy as np

from equipoise.kernels.glm import LOGISTIC, GlmLikelihood
from equipoise.kernels.gram import symmetric
from equipoise.kernels.jit import compiled


def scores_by_cluster(likelihood: GlmLikelihood, beta: np.ndarray, cluster: np.ndarray, n_clusters: int) -> np.ndarray:
    """The score at beta (1 + p,) split by cluster: float64 (n_clusters, 1 + p). `cluster` is int64 (n,)."""
    out = np.zeros((n_clusters, len(beta)))
    residual = likelihood.y - likelihood.means(beta)
    _by_cluster(likelihood.x, likelihood.centre, residual, likelihood.weight, cluster, out)
    return out


def squared_scores(likelihood: GlmLikelihood, beta: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The sum over rows of factor (n,) times the score's outer product, (1 + p, 1 + p)."""
    square = factor * (likelihood.y - likelihood.means(beta)) ** 2
    if len(likelihood.weight):
        square *= likelihood.weight**2
    lower = np.zeros((len(beta),) * 2)
    _squared(likelihood.x, likelihood.centre, square, lower)
    return symmetric(lower, len(beta))


def leverages(likelihood: GlmLikelihood, mu: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """h of each row, float64 (n,), at the means mu (n,). `inverse` is I^-1 (1 + p, 1 + p), zero for terms left out."""
    variance = mu * (1.0 - mu) if likelihood.family == LOGISTIC else mu
    if len(likelihood.weight):
        variance = variance * likelihood.weight
    out = np.empty(len(mu))
    _leverages(likelihood.x, likelihood.centre, variance, inverse, out)
    return out


def firth_adjustment(likelihood: GlmLikelihood, beta: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """What Jeffreys' prior adds to the score at beta, (1 + p,). `inverse` is I^-1, zero for terms left out."""
    mu = likelihood.means(beta)
    h = leverages(likelihood, mu, inverse)
    added = h * (0.5 - mu) if likelihood.family == LOGISTIC else 0.5 * h
    out = np.zeros((1, len(beta)))
    _by_cluster(likelihood.x, likelihood.centre, added, np.empty(0), np.zeros(len(mu), np.int64), out)
    return out[0]


@compiled
def _by_cluster(x, centre, residual, weight, cluster, out):
    for i in range(x.shape[0]):
        r = residual[i] * weight[i] if weight.shape[0] else residual[i]
        g = cluster[i]
        out[g, 0] += r
        for k in range(x.shape[1]):
            out[g, k + 1] += r * (x[i, k] - centre[k])


@compiled
def _row(x, centre, i, z):
    z[0] = 1.0
    for k in range(x.shape[1]):
        z[k + 1] = x[i, k] - centre[k]


@compiled
def _squared(x, centre, square, lower):
    z = np.empty(x.shape[1] + 1)
    for i in range(x.shape[0]):
        _row(x, centre, i, z)
        for a in range(z.shape[0]):
            for b in range(a + 1):
                lower[a, b] += square[i] * z[a] * z[b]


@compiled
def _leverages(x, centre, variance, inverse, out):
    z = np.empty(x.shape[1] + 1)
    for i in range(x.shape[0]):
        _row(x, centre, i, z)
        h = 0.0
        for a in range(z.shape[0]):
            part = 0.5 * inverse[a, a] * z[a]
            for b in range(a):
                part += inverse[a, b] * z[b]
            h += 2.0 * part * z[a]
        out[i] = h * variance[i]
