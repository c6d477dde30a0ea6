"""Matching the closest pair first: at every step the two free persons of different arms that are nearest of all.

Purpose    the order of matching in which nobody's turn depends on a list: `order="closest"` of `match`.
Order      the problem of `nearest_neighbour.matching_problem`.
Method     on a line the nearest pair always stands side by side among those still free. Cells of equal value and arm
           form a linked list in order of value; a heap holds the neighbours of different arms by (distance, row of the
           index person, row of the partner). A pair taken makes at most one new pair of neighbours.
Ties       by the lower row of the index person, then of the partner.
Cost       O(n log n).
Source     the algorithm that CohortMethod's matchOnPs describes; the linked list is ours.
"""

import heapq

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.nearest_neighbour import BEYOND_CALIPER, COMPLETE, NONE_LEFT, MatchingProblem


def closest_pairs(problem: MatchingProblem, caliper: float, partners: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs without replacement, in rounds: everybody's first partner, then everybody's second, …

    Returns rows of index persons and of partners, int32 (k,) each in the order in which they were paired, and the
    state of each index person, int8 (a,).
    """
    p = problem
    return _closest(
        p.index, p.value, p.stratum, p.place, p.pool, p.cell_start, p.cell_value, p.cell_stratum, caliper, partners
    )


@compiled
def _closest(index, value, stratum, place, pool, cell_start, cell_value, cell_stratum, caliper, partners):
    taken = cell_start[: len(cell_value)].copy()  # the first of each cell of the pool that is still free
    state = np.zeros(len(index), np.int8)
    room = min(len(pool), len(index) * partners)
    found_index = np.empty(room, np.int32)
    found_partner = np.empty(room, np.int32)
    k = 0
    for _ in range(partners):
        seeking = np.flatnonzero(state == COMPLETE)
        before = k
        k = _one_round(
            index[seeking], value[seeking], stratum[seeking], place[seeking], pool, cell_start, cell_value,
            cell_stratum, caliper, taken, found_index, found_partner, k,
        )  # fmt: skip
        _note_the_rest(
            index, stratum, seeking, found_index[before:k], pool, taken, cell_start, cell_stratum, state
        )  # fmt: skip
    return found_index[:k].copy(), found_partner[:k].copy(), state


@compiled
def _one_round(
    index, value, stratum, place, pool, cell_start, cell_value, cell_stratum, caliper, taken, found_index,
    found_partner, k,
):  # fmt: skip
    """One partner for as many as possible; moves `taken` on and returns the number of pairs found in all."""
    nodes = len(index) + len(cell_value)
    is_pool = np.empty(nodes, np.bool_)
    head = np.empty(nodes, np.int32)  # the first free person of the node, as a position in `index` or `pool`
    tail = np.empty(nodes, np.int32)
    where = np.empty(nodes)
    layer = np.empty(nodes, np.int32)
    cell_of = np.empty(nodes, np.int32)
    n = _merge(
        value, stratum, place, cell_start, cell_value, cell_stratum, taken, is_pool, head, tail, where, layer, cell_of
    )
    after = np.arange(1, n + 1).astype(np.int32)
    before = np.arange(-1, n - 1).astype(np.int32)
    heap = [(np.inf, np.int32(0), np.int32(0), np.int32(0), np.int32(0))]
    for node in range(n - 1):
        _offer(heap, node, node + 1, n, is_pool, head, where, layer, index, pool, caliper)
    heapq.heapify(heap)
    while heap[0][0] < np.inf:  # the sentinel stays, so that the heap is never empty and has a type
        _, row, partner, left, right = heapq.heappop(heap)
        if after[left] != right or head[left] == tail[left] or head[right] == tail[right]:
            continue
        seeker, giver = (right, left) if is_pool[left] else (left, right)
        if index[head[seeker]] == row and pool[head[giver]] == partner:
            found_index[k] = row
            found_partner[k] = partner
            k += 1
            head[seeker] += 1
            head[giver] += 1
            taken[cell_of[giver]] += 1
            start = left if head[left] < tail[left] else before[left]
            for node in (left, right):
                if head[node] == tail[node]:
                    _unlink(before, after, node, n)
            if start >= 0:
                _push(heap, start, after[start], n, is_pool, head, where, layer, index, pool, caliper)
        else:  # the neighbours are still neighbours, but another partner took one person: the next in line
            _push(heap, left, right, n, is_pool, head, where, layer, index, pool, caliper)
    return k


@compiled
def _merge(
    value, stratum, place, cell_start, cell_value, cell_stratum, taken, is_pool, head, tail, where, layer, cell_of
):
    """Nodes in order of (stratum, value, index persons first); cells that are used up are left out."""
    n = 0
    cell = 0
    i = 0
    while i < len(value) or cell < len(cell_value):
        if i < len(value) and (cell == len(cell_value) or place[i] <= cell):
            is_pool[n] = False
            head[n] = i
            where[n] = value[i]
            layer[n] = stratum[i]
            cell_of[n] = -1
            i += 1
            while i < len(value) and value[i] == where[n] and stratum[i] == layer[n]:
                i += 1
            tail[n] = i
            n += 1
        else:
            if taken[cell] < cell_start[cell + 1]:
                is_pool[n] = True
                head[n] = taken[cell]
                tail[n] = cell_start[cell + 1]
                where[n] = cell_value[cell]
                layer[n] = cell_stratum[cell]
                cell_of[n] = cell
                n += 1
            cell += 1
    return n


@compiled
def _unlink(before, after, node, n):
    if before[node] >= 0:
        after[before[node]] = after[node]
    if after[node] < n:
        before[after[node]] = before[node]


@compiled
def _pair(left, right, is_pool, head, where, index, pool):
    seeker, giver = (right, left) if is_pool[left] else (left, right)
    return (
        where[right] - where[left], index[head[seeker]], pool[head[giver]], np.int32(left), np.int32(right)
    )  # fmt: skip


@compiled
def _may_pair(left, right, n, is_pool, where, layer, caliper):
    if left < 0 or right >= n or is_pool[left] == is_pool[right] or layer[left] != layer[right]:
        return False
    return where[right] - where[left] <= caliper


@compiled
def _offer(heap, left, right, n, is_pool, head, where, layer, index, pool, caliper):
    if _may_pair(left, right, n, is_pool, where, layer, caliper):
        heap.append(_pair(left, right, is_pool, head, where, index, pool))


@compiled
def _push(heap, left, right, n, is_pool, head, where, layer, index, pool, caliper):
    if _may_pair(left, right, n, is_pool, where, layer, caliper):
        heapq.heappush(heap, _pair(left, right, is_pool, head, where, index, pool))


@compiled
def _note_the_rest(index, stratum, seeking, found, pool, taken, cell_start, cell_stratum, state):
    """Why those who sought in this round and found nobody did not: all partners taken, or those left too far."""
    layers = 1
    for i in seeking:
        layers = max(layers, stratum[i] + 1)
    some_left = np.zeros(layers, np.bool_)
    for cell in range(len(cell_stratum)):
        if cell_stratum[cell] < layers and taken[cell] < cell_start[cell + 1]:
            some_left[cell_stratum[cell]] = True
    served = np.zeros(max(index.max() + 1, 1) if len(index) else 1, np.bool_)
    for row in found:
        served[row] = True
    for i in seeking:
        if not served[index[i]]:
            state[i] = BEYOND_CALIPER if some_left[stratum[i]] else NONE_LEFT
