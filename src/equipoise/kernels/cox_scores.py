"""What single rows contribute to a Cox model: martingales, scores, and their sums by cluster.

Purpose    with dM_i(t) = dN_i(t) - e^eta_i dL(t), L the cumulative baseline hazard, the martingale residual of a row is
           the integral of dM_i over its time at risk and its score residual that of (x_i - mean of x at t) dM_i(t).
Order      rows in the order of the likelihood's `sets`.
Ties       Breslow's or Efron's; under Efron an event of a group with d events takes part in its k-th step
           (k = 0..d - 1) with weight 1 - k/d, as in R.
Cost       one or two table look-ups of p + 1 numbers a row.
Paper      Therneau, Grambsch, Fleming, Biometrika 1990;77:147; Lin, Wei, JASA 1989;84:1074.
"""

import numpy as np

from equipoise.kernels.cox import CoxLikelihood, Hazard
from equipoise.kernels.jit import compiled


def relative_risks(likelihood: CoxLikelihood, hazard: Hazard) -> np.ndarray:
    """e^eta of every sorted row, 0 where a row is never at risk: float64 (n,)."""
    weight = likelihood.weight
    return np.divide(hazard.risk, weight, out=np.zeros(len(weight)), where=weight > 0.0)


def martingales(likelihood: CoxLikelihood, hazard: Hazard) -> np.ndarray:
    """Events less expected events of every sorted row: float64 (n,)."""
    return likelihood.event - relative_risks(likelihood, hazard) * likelihood.exposure(hazard)


def schoenfeld(likelihood: CoxLikelihood, hazard: Hazard) -> tuple[np.ndarray, np.ndarray]:
    """The sorted rows with events, and x less its mean over the risk set for each: int64 (d,), float64 (d, p)."""
    at = np.flatnonzero(likelihood.event)
    centre = likelihood.centre[likelihood.stratum[at]] if len(likelihood.stratum) else likelihood.centre[0]
    return at, likelihood.x[at] - centre - hazard.mean[likelihood.sets.last[at]]


def scores_by_cluster(likelihood: CoxLikelihood, hazard: Hazard, cluster: np.ndarray, n_clusters: int) -> np.ndarray:
    """Weighted score residuals added up by cluster: float64 (n_clusters, p). `cluster` is int64 (n,), sorted rows.

    Their sum is the score.
    """
    p = likelihood.x.shape[1]
    out = np.zeros((n_clusters, p))
    increments = np.column_stack([hazard.hazard, hazard.moment])
    own = np.column_stack([hazard.own, hazard.own_moment])
    rows = (likelihood.x, likelihood.centre, likelihood.stratum, likelihood.weight, likelihood.event, hazard.risk)
    sets = likelihood.sets
    for bit, a, b in sets.levels():
        table = increments.copy()
        sets.run_out(table, bit)
        _add_scores(*rows, sets.first, sets.last, a, b, bit >= 0, table, own, hazard.mean, cluster, out)
    return out


@compiled
def _add_scores(x, centre, stratum, weight, event, risk, first, last, a, b, both, table, own, mean, cluster, out):
    p = x.shape[1]
    for i in range(a, b):
        if weight[i] <= 0.0:
            continue
        s = stratum[i] if stratum.shape[0] else 0
        c, g, h = cluster[i], last[i], first[i]
        exposure = table[g, 0]
        if both:
            exposure += table[h, 0]
        if event[i]:
            exposure += own[g, 0]
        for k in range(p):
            d = x[i, k] - centre[s, k]
            moment = table[g, k + 1]
            if both:
                moment += table[h, k + 1]
            if event[i]:
                moment += own[g, k + 1]
                out[c, k] += weight[i] * (d - mean[g, k])
            out[c, k] -= risk[i] * (d * exposure - moment)
