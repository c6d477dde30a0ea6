"""Score contributions of matched sets, summed by cluster, for robust variances.

Purpose    the rows' contributions to the score of conditional logistic regression at one beta, added up in clusters.
Order      as in `conditional_logistic`; cluster codes 0..n_clusters - 1 in the order of the rows.
Method     a row's contribution is (its share of the case count less its expected share) x (x - mean of its set). With
           Efron's ties the expectation and the mean change as the set's cases leave one by one in equal parts.
Returned   float64 (n_clusters, p). Their sum is the score.
Limits     defined for sets with one case, and for Breslow's and Efron's approximations; not for several cases in a set
           under the exact likelihood, where rows of a set do not contribute separately.
Paper      Lin, Wei, JASA 1989;84:1074; Therneau, Grambsch: Modeling Survival Data (2000), section 8.2.
"""

import math

import numpy as np

from equipoise.kernels.conditional_logistic import EFRON, ConditionalLikelihood
from equipoise.kernels.jit import compiled


def scores_by_cluster(
    likelihood: ConditionalLikelihood, beta: np.ndarray, cluster: np.ndarray, n_clusters: int
) -> np.ndarray:
    """The score at beta (p,) split by cluster: float64 (n_clusters, p). `cluster` is int64 (n,)."""
    out = np.zeros((n_clusters, likelihood.x.shape[1]))
    closed, tied = likelihood.closed, likelihood.tied
    start = np.concatenate([closed.start, tied.start])
    stop = np.concatenate([closed.stop, tied.stop])
    n_cases = np.concatenate([np.ones(len(closed.start), np.int64), tied.n_cases])
    rows = (likelihood.x, likelihood.offset, likelihood.case)
    _scores(*rows, start, stop, n_cases, beta, likelihood.ties == EFRON, cluster, out)
    return out


@compiled
def _weights(x, offset, a, b, beta, weight):
    top = -np.inf
    for i in range(a, b):
        eta = offset[i] - offset[a] if offset.shape[0] else 0.0
        for k in range(x.shape[1]):
            eta += beta[k] * (x[i, k] - x[a, k])
        weight[i - a] = eta
        top = max(top, eta)
    for i in range(b - a):
        weight[i] = math.exp(weight[i] - top)


@compiled
def _scores(x, offset, case, start, stop, n_cases, beta, efron, cluster, out):
    p, largest = x.shape[1], 0
    for s in range(start.shape[0]):
        largest = max(largest, stop[s] - start[s])
    weight, mean = np.empty(largest), np.empty(p)
    for s in range(start.shape[0]):
        a, b, d = start[s], stop[s], n_cases[s]
        _weights(x, offset, a, b, beta, weight)
        for step in range(d):
            left = step / d if efron else 0.0  # the part of the cases that has gone
            total = 0.0
            mean[:] = 0.0
            for i in range(a, b):
                w = weight[i - a] * (1.0 - left) if case[i] else weight[i - a]
                total += w
                for k in range(p):
                    mean[k] += w * (x[i, k] - x[a, k])
            for k in range(p):
                mean[k] /= total
            for i in range(a, b):
                w = weight[i - a] * (1.0 - left) if case[i] else weight[i - a]
                share = (1.0 / d if case[i] else 0.0) - w / total
                for k in range(p):
                    out[cluster[i], k] += share * (x[i, k] - x[a, k] - mean[k])
