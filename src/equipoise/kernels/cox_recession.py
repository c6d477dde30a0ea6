"""Directions along which a Cox partial likelihood rises for ever, and what it tends to there.

Purpose    the partial likelihood has no finite maximum exactly where along some direction delta no row at risk at an
           event lies above the event, and some row lies below.
Method     the cone projection of `recession`, whose constraints are differences, rival at risk less event. Each of its
           steps asks for the widest: a running maximum over the risk sets, of ranks along delta, so that rows are
           known by their rank.
Limit      along delta every event time keeps only the rows level with its events. Levels become strata: a row belongs
           to the stratum of its level, is at risk there as before, and the result is a Cox likelihood again.
Cost       a sort of the rows for each step of the projection.
Paper      Jacobsen, Scandinavian Journal of Statistics 1989;16:335 (existence); Geyer, EJS 2009;3:259 (limits).
"""

import numpy as np

from equipoise.kernels.cox import CoxLikelihood, cox_likelihood
from equipoise.kernels.cox_risk_sets import POINT, WHOLE, RiskSets, risk_sets
from equipoise.kernels.recession import TIE


def widest_gap(likelihood: CoxLikelihood, eta: np.ndarray) -> tuple[int, int]:
    """The sorted rows (rival, event) with the largest eta of a rival at risk less that of the event."""
    order = np.argsort(eta, kind="stable")
    rank = np.empty(len(eta), np.int64)
    rank[order] = np.arange(len(eta))
    high, low = order[_highest(likelihood, rank)], order[_lowest_event(likelihood, rank)]
    g = int(np.argmax(eta[high] - eta[low]))
    return int(high[g]), int(low[g])


def drops_rows(likelihood: CoxLikelihood, eta: np.ndarray) -> bool:
    """Whether some row at risk at an event lies below it by more than rounding."""
    order = np.argsort(-eta, kind="stable")
    rank = np.empty(len(eta), np.int64)
    rank[order] = np.arange(len(eta))
    lowest, highest_event = order[_highest(likelihood, rank)], order[_lowest_event(likelihood, rank)]
    return bool((eta[highest_event] - eta[lowest] > TIE).any())


def limit_along(likelihood: CoxLikelihood, eta: np.ndarray) -> CoxLikelihood:
    """The limit of the likelihood where eta (n,) is the direction's value for the sorted rows."""
    sets = likelihood.sets
    stratum = likelihood.stratum if len(likelihood.stratum) else np.zeros(len(eta), np.int32)
    level = levels(stratum, eta)
    event = likelihood.event > 0
    with_events = np.zeros(int(level.max()) + 1, np.bool_)
    with_events[level[event]] = True
    keep = np.flatnonzero(with_events[level] & (likelihood.weight > 0.0))
    stratum = np.cumsum(with_events)[level[keep]] - 1
    first, last = sets.first[keep].astype(np.int64), sets.last[keep].astype(np.int64)
    limit = risk_sets(last + 1, first, event[keep], stratum, sets.n_groups + 1, likelihood.x.shape[1] + 1)
    return cox_likelihood(
        likelihood.x[keep],
        stratum.astype(np.int32),
        likelihood.offset[keep] if len(likelihood.offset) else likelihood.offset,
        likelihood.weight[keep],
        likelihood.event[keep],
        limit,
        likelihood.ties,
        likelihood.rows_at(keep),
    )


def levels(stratum: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Codes, equal for rows of a stratum that are level: int64 (n,)."""
    order = np.lexsort((eta, stratum))
    new = np.empty(len(eta), np.bool_)
    new[0] = False
    new[1:] = (np.diff(stratum[order]) != 0) | (np.diff(eta[order]) > TIE)
    level = np.empty(len(eta), np.int64)
    level[order] = np.cumsum(new)
    return level


def _lowest_event(likelihood: CoxLikelihood, rank: np.ndarray) -> np.ndarray:
    """The lowest rank among the events of each group."""
    event = likelihood.event > 0
    low = np.full(likelihood.sets.n_groups, len(rank), np.int64)
    np.minimum.at(low, likelihood.sets.last[event], rank[event])
    return low


def _highest(likelihood: CoxLikelihood, rank: np.ndarray) -> np.ndarray:
    """The highest rank among the rows at risk at each group."""
    sets = likelihood.sets
    out = np.full(sets.n_groups, -1, np.int64)
    for bit, a, b in sets.levels():
        rows = a + np.flatnonzero(likelihood.weight[a:b] > 0.0)
        table = np.full(sets.n_groups, -1, np.int64)
        np.maximum.at(table, sets.last[rows], rank[rows])
        if bit >= 0:
            np.maximum.at(table, sets.first[rows], rank[rows])
        out = np.maximum(out, _running(table, sets, bit, len(rank) + 1))
    return out


def _running(table: np.ndarray, sets: RiskSets, bit: int, n: int) -> np.ndarray:
    """Running maxima as the running sums of `RiskSets.add_up`; values lie below n."""
    if bit == POINT:
        return table
    if bit == WHOLE:
        n_strata = len(sets.bounds) - 1
        raised = np.repeat(np.arange(n_strata, 0, -1) * n, np.diff(sets.bounds))  # earlier strata start afresh
        return np.maximum.accumulate((table + raised)[::-1])[::-1] - raised
    half = 1 << bit
    blocks = -(-len(table) // half)
    padded = np.full(blocks * half, -1, np.int64)
    padded[: len(table)] = table
    padded = padded.reshape(blocks, half)
    padded[::2] = np.maximum.accumulate(padded[::2], axis=1)
    padded[1::2] = np.maximum.accumulate(padded[1::2, ::-1], axis=1)[:, ::-1]
    return padded.ravel()[: len(table)]
