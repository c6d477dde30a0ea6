"""Concordant and discordant pairs of a score with censored times, for every row.

Purpose    a pair is comparable where one row has an event while the other is at risk and has no event at that time; it
           is concordant where the event's row has the higher score. Every row gets the weights of its partners in
           concordant, discordant and score-tied pairs.
Order      any; ranks of the scores within strata come in, from 0 on.
Method     two walks over the groups of event times with a Fenwick tree over ranks: backwards, events look up the rows
           at risk; forwards, rows look up the events of their time at risk.
Cost       (rows + events) log(ranks).
Paper      Harrell et al., JAMA 1982;247:2543; Newson, Stata Journal 2006;6:309; Therneau, Watson (2015).
"""

import numpy as np

from equipoise.kernels.cox_risk_sets import RiskSets
from equipoise.kernels.jit import compiled


def pair_weights(
    sets: RiskSets, rank: np.ndarray, n_ranks: np.ndarray, weight: np.ndarray, event: np.ndarray
) -> np.ndarray:
    """Concordant, discordant and tied weights of each sorted row's partners: float64 (n, 3).

    `rank` int64 (n,) within strata, `n_ranks` int64 (S,), `weight` float64 (n,), zero for rows never at risk, and
    `event` uint8 (n,).
    """
    out = np.zeros((len(rank), 3))
    used = np.flatnonzero(weight > 0.0)
    by_last = used[np.argsort(sets.last[used], kind="stable")]
    by_first = used[np.argsort(sets.first[used], kind="stable")]
    groups = np.arange(sets.n_groups + 1)
    ends = np.searchsorted(sets.last[by_last], groups)
    begins = np.searchsorted(sets.first[by_first], groups)
    rows = (rank, weight, event, by_last, ends, by_first, begins, sets.bounds, n_ranks)
    _events_look_back(*rows, out)
    _rows_look_up(*rows, out)
    return out


@compiled
def _add(tree, rank, weight):
    i = rank + 1
    while i < tree.shape[0]:
        tree[i] += weight
        i += i & -i


@compiled
def _below(tree, rank):
    """Weight at ranks lower than `rank`."""
    total, i = 0.0, rank
    while i > 0:
        total += tree[i]
        i -= i & -i
    return total


@compiled
def _look_up(tree, rank, all_weight, sign, as_event, out):
    below = _below(tree, rank)
    upto = _below(tree, rank + 1)
    lower, higher = (0, 1) if as_event else (1, 0)
    out[lower] += sign * below
    out[higher] += sign * (all_weight - upto)
    out[2] += sign * (upto - below)


@compiled
def _events_look_back(rank, weight, event, by_last, ends, by_first, begins, bounds, n_ranks, out):
    for s in range(bounds.shape[0] - 1):
        tree = np.zeros(n_ranks[s] + 1)
        total = 0.0
        for g in range(bounds[s + 1] - 1, bounds[s] - 1, -1):
            if g + 1 < bounds[s + 1]:
                for j in range(begins[g + 1], begins[g + 2]):  # rows that enter after this group
                    i = by_first[j]
                    _add(tree, rank[i], -weight[i])
                    total -= weight[i]
            for late in range(2):  # rows without event are at risk for the events, other events are not
                for j in range(ends[g], ends[g + 1]):
                    i = by_last[j]
                    if late == 1 and event[i]:
                        _look_up(tree, rank[i], total, 1.0, True, out[i])
                    if late == 0 and not event[i]:
                        _add(tree, rank[i], weight[i])
                        total += weight[i]
            for j in range(ends[g], ends[g + 1]):
                i = by_last[j]
                if event[i]:
                    _add(tree, rank[i], weight[i])
                    total += weight[i]


@compiled
def _rows_look_up(rank, weight, event, by_last, ends, by_first, begins, bounds, n_ranks, out):
    for s in range(bounds.shape[0] - 1):
        tree = np.zeros(n_ranks[s] + 1)
        total = 0.0
        for g in range(bounds[s], bounds[s + 1]):
            for j in range(begins[g], begins[g + 1]):  # events before a row's entry do not count for it
                i = by_first[j]
                _look_up(tree, rank[i], total, -1.0, False, out[i])
            for late in range(2):  # a row with an event here is not compared with the events of its own time
                for j in range(ends[g], ends[g + 1]):
                    i = by_last[j]
                    if (event[i] != 0) == (late == 0):
                        _look_up(tree, rank[i], total, 1.0, False, out[i])
                if late == 0:
                    for j in range(ends[g], ends[g + 1]):
                        i = by_last[j]
                        if event[i]:
                            _add(tree, rank[i], weight[i])
                            total += weight[i]
