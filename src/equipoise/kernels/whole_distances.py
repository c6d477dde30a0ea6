"""Greedy matching on distances cut to whole numbers: what MatchIt 4.5.1 to 4.5.3 did where its C++ was built with the
integer `abs` (mended in 4.5.4). For reproducing matchings of those versions, not for new ones.

Purpose    on a propensity score every distance became 0: no caliper held, and the partner was the next free person
           below, or above where nobody was left below. On the logit, distances up to 0.99… counted as 0.
Order      rows by (stratum, value, row), one array for both arms, as that program sorts them.
Method     as `nearest_neighbour`, one cell a person: a person's candidates are the next free ones to either side in
           that order, and equally far ones are decided for the lower side.
Cost       near-linear in rows.
"""

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.nearest_neighbour import BEYOND_CALIPER, NONE_LEFT, value_order
from equipoise.kernels.radix import ascending_order


def whole_distance_pairs(
    value: np.ndarray,
    seeks: np.ndarray,
    stratum: np.ndarray,
    sequence: np.ndarray,
    caliper: float,
    replace: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs on values float64 (n,), one partner each; `sequence` int64 (a,) are rows of those who seek.

    Returns rows of index persons and of partners, int32 (k,) each in the order in which they were paired, and the
    state of each position of `sequence`, int8 (a,).
    """
    order = value_order(value)
    codes = stratum.astype(np.int32)
    order = order[ascending_order(codes[order])]
    return _pairs(order, value, seeks, codes, sequence, caliper, replace)


@compiled
def _pairs(order, value, seeks, stratum, sequence, caliper, replace):
    n = len(order)
    position = np.empty(n, np.int32)
    below = np.arange(n + 1).astype(np.int32)  # node k + 1 stands for position k, node 0 for "none"
    above = np.arange(n + 1).astype(np.int32)  # node n stands for "none"
    for k in range(n):
        position[order[k]] = k
        if seeks[order[k]]:
            below[k + 1] = k
            above[k] = k + 1
    found_index = np.empty(len(sequence), np.int32)
    found_partner = np.empty(len(sequence), np.int32)
    state = np.zeros(len(sequence), np.int8)
    k = 0
    for s in range(len(sequence)):
        row = sequence[s]
        low, high = _root(below, position[row]) - 1, _root(above, position[row])
        has_low = low >= 0 and stratum[order[low]] == stratum[row]
        has_high = high < n and stratum[order[high]] == stratum[row]
        if not (has_low or has_high):
            state[s] = NONE_LEFT
            continue
        far_low = np.floor(value[row] - value[order[low]]) if has_low else np.inf
        far_high = np.floor(value[order[high]] - value[row]) if has_high else np.inf
        if min(far_low, far_high) > caliper:
            state[s] = BEYOND_CALIPER
            continue
        at = low if far_low <= far_high else high
        found_index[k] = row
        found_partner[k] = order[at]
        k += 1
        if not replace:
            below[at + 1] = at
            above[at] = at + 1
    return found_index[:k].copy(), found_partner[:k].copy(), state


@compiled
def _root(parent, node):
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
