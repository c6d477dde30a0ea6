"""Systems of sums in whole numbers: which unknowns have another solution, and what has to move with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, hstack, vstack
from scipy.sparse.csgraph import connected_components

# Weights of the search, drawn once. With such weights a sum of moves is zero only if every move is.
SEED = 20_250_101
# How far an unknown of the relaxed problem may lie from a whole number and still be taken for it; what is taken so is
# then checked in whole numbers.
ROUNDING = 1e-6
# Any solution other than zero will do, so the search need not go on to the best one. The search is bounded in branches,
# not in seconds, so that it ends alike on every machine; an unknown it leaves open counts as fixed.
EARLY = {"mip_rel_gap": 0.95, "node_limit": 200}


@dataclass(frozen=True)
class Equations:
    """Unknown moves, one for each entry of `order`: integers with every row of sums zero.

    `lower` and `upper` (float64, one for each unknown) are their limits. A row maps an unknown to its coefficient. To
    move nothing is always a solution.
    """

    order: Sequence[int]
    rows: Sequence[dict[int, int]]
    lower: np.ndarray
    upper: np.ndarray

    @cached_property
    def matrix(self) -> csr_array:
        """Coefficients, shape (rows, unknowns)."""
        column = {n: j for j, n in enumerate(self.order)}
        entries = [(i, column[n], times) for i, row in enumerate(self.rows) for n, times in row.items()]
        at_row, at_column, values = np.array(entries, dtype=np.float64).T if entries else np.empty((3, 0))
        return csr_array((values, (at_row.astype(int), at_column.astype(int))), shape=(len(self.rows), len(self.order)))

    def around(self, unknowns: np.ndarray) -> "Equations":
        """The same, with every unknown held fixed that does not hang together with one of these (bool)."""
        group = _hanging_together(self.matrix)
        lower = np.where(np.isin(group, group[unknowns]), self.lower, 0.0)
        upper = np.where(np.isin(group, group[unknowns]), self.upper, 0.0)
        return Equations(self.order, self.rows, lower, upper)

    def farthest(self, goal: np.ndarray, whole: bool) -> np.ndarray:
        """The solution with the least sum of `goal` × moves, in whole numbers or in any; zeros where none is found."""
        constraint = LinearConstraint(self.matrix, 0, 0)  # type: ignore[arg-type]
        bounds = Bounds(self.lower, self.upper)
        integrality, options = np.full(len(goal), int(whole)), EARLY if whole else {}
        found = milp(goal, integrality=integrality, bounds=bounds, constraints=constraint, options=options).x
        return np.zeros(len(goal)) if found is None else found

    def whole_part(self, moves: np.ndarray) -> np.ndarray:
        """What is left of a solution when unknowns that hang together with one that is not whole are put to zero.

        Unknowns hang together where they move in the same sum, so what is left is a solution too: this is checked.
        """
        rounded = np.round(moves)
        moving = np.flatnonzero(np.abs(moves) > ROUNDING)
        sums = self.matrix[:, moving]
        group = _hanging_together(sums)
        bad = np.abs(moves - rounded)[moving] > ROUNDING
        bad |= (abs(sums).T @ np.abs(sums @ rounded[moving])) > 0
        bad |= (rounded < self.lower)[moving] | (rounded > self.upper)[moving]
        part = np.zeros(len(moves))
        part[moving] = np.where(np.isin(group, group[bad]), 0, rounded[moving])
        return part


def _hanging_together(sums: csr_array) -> np.ndarray:
    """A number for each column, the same for columns that share a row, through others too."""
    n_rows, n_columns = sums.shape
    entries = sums.tocoo()
    ends = (entries.row, entries.col + n_rows)
    graph = coo_array((np.ones(len(entries.row), np.int8), ends), shape=(n_rows + n_columns,) * 2)
    return connected_components(graph, directed=False)[1][n_rows:]


def movable(equations: Equations, wanted: Sequence[int]) -> set[int]:
    """Unknowns that some solution moves: all such of the `wanted`, and others that were met on the way.

    The problem without the demand for whole numbers is asked first: its corners are nearly always whole, and what it
    cannot move nothing can. Only where its corners are not whole does the search branch.
    """
    if not equations.rows:
        return set(wanted)
    left = np.isin(equations.order, list(wanted))
    found, split = _moved(equations, left, whole=False)
    if (split & ~found).any():
        found |= _moved(equations.around(split & ~found), split & ~found, whole=True)[0]
    return {n for n, moves in zip(equations.order, found, strict=True) if moves}


def _moved(equations: Equations, left: np.ndarray, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which of the unknowns in question move, and which may do so in whole numbers only if the search branches.

    All are asked at once: the largest and the smallest weighted sum of the unknowns still in question. If both are zero
    none of them can move, for the weights make every other sum differ from zero.
    """
    weights = np.random.default_rng(SEED).uniform(1, 2, len(left))
    found, split = np.zeros_like(left), np.zeros_like(left)
    moves_more = True
    while moves_more:
        moves_more = False
        for direction in (1.0, -1.0):
            moves = equations.farthest(np.where(left, direction * weights, 0.0), whole)
            moving = left & (np.abs(moves) > ROUNDING)
            found |= equations.whole_part(moves) != 0
            split |= moving & ~found
            left = left & ~moving & ~found
            moves_more |= bool(moving.any()) and bool(left.any())
    return found, split


def cheapest(equations: Equations, together: Sequence[int], price: np.ndarray, by: int = 1) -> set[int]:
    """Unknowns that move in the solution in which the sum of some moves by `by` and that of price × distance is least.

    together  unknowns whose sum is to move by `by`
    price     float64 (unknowns,), what it costs to move each by one either way
    Empty where there is no such solution, and where there are no sums. This is the linear problem of cell suppression
    (Fischetti and Salazar 2001, Management Science 47: 1008-1027), for one sum at a time.

    >>> cheapest(Equations([0, 1], [{0: 1, 1: 1}], np.full(2, -9.0), np.full(2, 9.0)), [0], np.ones(2))
    {0, 1}
    """
    if not equations.rows:
        return set()
    n = len(price)
    goal = np.isin(equations.order, together).astype(np.float64)
    sums = vstack([equations.matrix, csr_array(goal[None, :])])
    # Each move is the difference of two that are not below zero, so that its distance is their sum.
    values = np.r_[np.zeros(len(equations.rows)), float(by)]
    bounds = Bounds(np.zeros(2 * n), np.r_[equations.upper, -equations.lower])  # type: ignore[arg-type]
    constraint = LinearConstraint(hstack([sums, -sums]), values, values)  # type: ignore[arg-type]
    found = milp(np.tile(price, 2), bounds=bounds, constraints=constraint).x
    if found is None:
        return set()
    moving = np.abs(found[:n] - found[n:]) > ROUNDING
    return {number for number, moves in zip(equations.order, moving, strict=True) if moves}
