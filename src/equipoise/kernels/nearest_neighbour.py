"""Greedy nearest-neighbour matching on a line: who seeks, who is there to be found, and the walk between them.

Purpose    each index person in turn takes the nearest free person of the pool in the same stratum, no farther than the
           caliper. Pairs that are equally far are told apart by the lower row, first of the index person where the
           order leaves it open, then of the partner.
Order      none required of the rows; `matching_problem` sorts them once, linear in their number.
Method     the pool is cut into cells of equal value, rows ascending within a cell, so that the next to be taken is
           always the first left. Empty cells are skipped by union-find with path halving, in both directions.
Ties       exact: two values are as far as their difference in double precision says.
Cost       near-linear in rows; with replacement or in several rounds, times the number of partners.
Papers     Rosenbaum, Rubin, Am Stat 1985;39:33 (greedy matching); Tarjan, J ACM 1975;22:215 (union-find).
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.radix import ascending_order, sort_pairs

GRID_BITS = 24  # values are first put in order on a grid of 2^24 steps, then within a step
MOVES_A_ROW = 8  # by insertion; where it takes more, rows are sorted otherwise

COMPLETE, BEYOND_CALIPER, NONE_LEFT = 0, 1, 2  # what became of an index person: all partners, or why not


@dataclass(frozen=True, slots=True)
class MatchingProblem:
    """Rows by (stratum, value, row): a index persons, b persons of the pool in c cells.

    index    int32 (a,), rows of those for whom partners are sought
    value    float64 (a,), and `stratum` int32 (a,), theirs
    place    int32 (a,), number of cells that come before them: cell `place` is the first with a value not below
    pool     int32 (b,), rows of those who can be partners
    cell_start    int32 (c + 1,), where each cell begins in `pool`
    cell_value    float64 (c,), and `cell_stratum` int32 (c,), of the cells
    """

    index: np.ndarray
    value: np.ndarray
    stratum: np.ndarray
    place: np.ndarray
    pool: np.ndarray
    cell_start: np.ndarray
    cell_value: np.ndarray
    cell_stratum: np.ndarray


def matching_problem(value: np.ndarray, seeks: np.ndarray, stratum: np.ndarray | None = None) -> MatchingProblem:
    """The problem of finite values float64 (n,), `seeks` bool (n,), and strata with codes from 0, int64 (n,).

    >>> problem = matching_problem(np.array([0.5, 0.4, 0.4, 0.9]), np.array([True, False, False, False]))
    >>> problem.cell_value.tolist(), problem.cell_start.tolist(), problem.place.tolist()
    ([0.4, 0.9], [0, 2, 3], [1])
    """
    order = value_order(value)
    if stratum is None:
        codes = np.zeros(len(value), np.int32)
    else:
        codes = stratum.astype(np.int32)
        order = order[ascending_order(codes[order])]
        codes = codes[order]
    # Put in order once: the walk then reads memory in its order, and takes a fifth of the time.
    return MatchingProblem(*_cells(order, value[order], seeks[order], codes, int(seeks.sum())))


def value_order(value: np.ndarray) -> np.ndarray:
    """Rows by ascending value, equal values by row: int32 (n,).

    >>> value_order(np.array([0.3, 0.1, 0.3, 0.2])).tolist()
    [1, 3, 0, 2]
    """
    rows = np.arange(len(value), dtype=np.int32)
    if not len(value):
        return rows
    lowest, highest = float(value.min()), float(value.max())
    if not highest > lowest:
        return rows
    steps = _steps(value, lowest, (2.0**GRID_BITS - 1.0) / (highest - lowest))
    steps, rows = sort_pairs(steps, rows, GRID_BITS)
    if not _order_within_steps(steps, rows, value):  # nearly all rows in few steps: a sort that compares
        return np.argsort(value, kind="stable").astype(np.int32)
    return rows


def descending(problem: MatchingProblem) -> np.ndarray:
    """Positions in `problem.index` by descending value in each stratum, equal values by row: int64 (a,)."""
    return _descending(problem.value, problem.stratum)


def greedy_pairs(
    problem: MatchingProblem, sequence: np.ndarray, caliper: float, partners: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matching without replacement, in rounds: everybody's first partner, then everybody's second, …

    `sequence` int64 (a,) are positions in `problem.index`; `caliper` may be infinite. Returns rows of index persons
    and of partners, int32 (k,) each in the order in which they were paired, and the state of each index person.
    """
    p = problem
    return _greedy(
        p.index, p.value, p.stratum, p.place, sequence, p.pool, p.cell_start, p.cell_value, p.cell_stratum, caliper,
        partners,
    )  # fmt: skip


def nearest_pairs(
    problem: MatchingProblem, sequence: np.ndarray, caliper: float, partners: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matching with replacement: each index person's nearest `partners` persons. As `greedy_pairs` returns."""
    p = problem
    return _nearest(
        p.index, p.value, p.stratum, p.place, sequence, p.pool, p.cell_start, p.cell_value, p.cell_stratum, caliper,
        partners,
    )  # fmt: skip


@compiled
def _steps(value, lowest, scale):
    out = np.empty(len(value), dtype=np.uint32)
    for i in range(len(value)):
        out[i] = np.uint32((value[i] - lowest) * scale)
    return out


@compiled
def _order_within_steps(steps, rows, value):
    """Rows of one step, ascending as they come, are put in order of values by insertion; equals stay as they are.

    Returns whether it was done; False once that takes too many moves.
    """
    left = MOVES_A_ROW * len(rows)
    for k in range(1, len(rows)):
        row = rows[k]
        at = k
        while at > 0 and steps[at - 1] == steps[k] and value[rows[at - 1]] > value[row]:
            rows[at] = rows[at - 1]
            at -= 1
        rows[at] = row
        left -= k - at
        if left < 0:
            return False
    return True


@compiled
def _cells(order, value, seeks, stratum, seekers):
    """Index persons and cells of the pool from rows in order; `value`, `seeks` and `stratum` are in order too."""
    n = len(order)
    index = np.empty(seekers, np.int32)
    index_value = np.empty(seekers)
    index_stratum = np.empty(seekers, np.int32)
    place = np.empty(seekers, np.int32)
    pool = np.empty(n - seekers, np.int32)
    cell_start = np.empty(n - seekers + 1, np.int32)
    cell_value = np.empty(n - seekers)
    cell_stratum = np.empty(n - seekers, np.int32)
    a, b, c = 0, 0, 0
    before = 0  # cells before the present value
    for k in range(n):
        if k > 0 and (value[k] != value[k - 1] or stratum[k] != stratum[k - 1]):
            before = c
        if seeks[k]:
            index[a] = order[k]
            index_value[a] = value[k]
            index_stratum[a] = stratum[k]
            place[a] = before
            a += 1
        else:
            if c == before:
                cell_start[c] = b
                cell_value[c] = value[k]
                cell_stratum[c] = stratum[k]
                c += 1
            pool[b] = order[k]
            b += 1
    cell_start[c] = b
    return index, index_value, index_stratum, place, pool, cell_start[: c + 1], cell_value[:c], cell_stratum[:c]


@compiled
def _descending(value, stratum):
    n = len(value)
    out = np.empty(n, np.int64)
    at = 0
    begin = 0
    while begin < n:
        end = begin
        while end < n and stratum[end] == stratum[begin]:
            end += 1
        last = end
        while last > begin:
            first = last - 1
            while first > begin and value[first - 1] == value[last - 1]:
                first -= 1
            for k in range(first, last):
                out[at] = k
                at += 1
            last = first
        begin = end
    return out


@compiled
def _root(parent, node):
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@compiled
def _greedy(
    index, value, stratum, place, sequence, pool, cell_start, cell_value, cell_stratum, caliper, partners
):  # fmt: skip
    cells = len(cell_value)
    # Node k + 1 of `below` stands for cell k and node 0 for "none"; node `cells` of `above` stands for "none".
    below = np.arange(cells + 1).astype(np.int32)
    above = np.arange(cells + 1).astype(np.int32)
    cursor = cell_start[:cells].copy()
    room = min(len(pool), len(index) * partners)
    found_index = np.empty(room, np.int32)
    found_partner = np.empty(room, np.int32)
    state = np.zeros(len(index), np.int8)
    k = 0
    for _ in range(partners):
        for s in range(len(sequence)):
            i = sequence[s]
            if state[i] != COMPLETE:
                continue
            low = _root(below, place[i]) - 1
            high = _root(above, place[i])
            has_low = low >= 0 and cell_stratum[low] == stratum[i]
            has_high = high < cells and cell_stratum[high] == stratum[i]
            if not (has_low or has_high):
                state[i] = NONE_LEFT
                continue
            far_low = value[i] - cell_value[low] if has_low else np.inf
            far_high = cell_value[high] - value[i] if has_high else np.inf
            takes_low = far_low < far_high
            if has_low and has_high and far_low == far_high:
                takes_low = pool[cursor[low]] < pool[cursor[high]]
            cell = low if takes_low else high
            if min(far_low, far_high) > caliper:
                state[i] = BEYOND_CALIPER
                continue
            found_index[k] = index[i]
            found_partner[k] = pool[cursor[cell]]
            k += 1
            cursor[cell] += 1
            if cursor[cell] == cell_start[cell + 1]:
                below[cell + 1] = cell
                above[cell] = cell + 1
    return found_index[:k].copy(), found_partner[:k].copy(), state


@compiled
def _nearest(
    index, value, stratum, place, sequence, pool, cell_start, cell_value, cell_stratum, caliper, partners
):  # fmt: skip
    cells = len(cell_value)
    found_index = np.empty(len(index) * partners, np.int32)
    found_partner = np.empty(len(index) * partners, np.int32)
    state = np.zeros(len(index), np.int8)
    k = 0
    for s in range(len(sequence)):
        i = sequence[s]
        low, high = place[i] - 1, place[i]
        at_low = cell_start[low] if low >= 0 else 0
        at_high = cell_start[high] if high < cells else 0
        for _ in range(partners):
            has_low = low >= 0 and cell_stratum[low] == stratum[i]
            has_high = high < cells and cell_stratum[high] == stratum[i]
            if not (has_low or has_high):
                state[i] = NONE_LEFT
                break
            far_low = value[i] - cell_value[low] if has_low else np.inf
            far_high = cell_value[high] - value[i] if has_high else np.inf
            if min(far_low, far_high) > caliper:
                state[i] = BEYOND_CALIPER
                break
            takes_low = far_low < far_high
            if has_low and has_high and far_low == far_high:
                takes_low = pool[at_low] < pool[at_high]
            found_index[k] = index[i]
            if takes_low:
                found_partner[k] = pool[at_low]
                at_low += 1
                if at_low == cell_start[low + 1]:
                    low -= 1
                    at_low = cell_start[low] if low >= 0 else 0
            else:
                found_partner[k] = pool[at_high]
                at_high += 1
                if at_high == cell_start[high + 1]:
                    high += 1
                    at_high = cell_start[high] if high < cells else 0
            k += 1
    return found_index[:k].copy(), found_partner[:k].copy(), state
