"""Systems of sums in whole numbers: which unknowns have another solution, and by which sums the others are fixed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lstsq
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csr_array, hstack
from scipy.sparse.csgraph import connected_components

# Weights of the search, drawn once. With such weights a sum of moves is zero only if every move is.
SEED = 20_250_101
TOLERANCE = 1e-9
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
    """Those of the `wanted` unknowns for which some solution moves them.

    The problem without the demand for whole numbers is asked first: its corners are nearly always whole, and what it
    cannot move nothing can. Only where its corners are not whole does the search branch.
    """
    if not equations.rows:
        return set(wanted)
    column = {n: j for j, n in enumerate(equations.order)}
    left = np.zeros(len(equations.order), dtype=bool)
    left[[column[n] for n in wanted]] = True
    found, split = _moved(equations, left, whole=False)
    if split.any():
        found |= _moved(equations.around(split), split, whole=True)[0]
    return {n for n in wanted if found[column[n]]}


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
            moving, sure = left & (np.abs(moves) > ROUNDING), equations.whole_part(moves) != 0
            found |= moving & sure
            split |= moving & ~sure
            left = left & ~moving
            moves_more |= bool(moving.any()) and bool(left.any())
    return found, split


def cheapest(equations: Equations, number: int, price: np.ndarray, by: int = 1) -> set[int]:
    """Unknowns that move in the solution in which `number` moves by `by` and the sum of `price` × distance is least.

    price  float64 (unknowns,), what it costs to move each by one either way
    Empty where there is no such solution, and where no sum ties `number`. This is the linear problem of cell
    suppression (Fischetti and Salazar 2001, Management Science 47: 1008-1027), for one number at a time.
    """
    if not equations.rows:
        return set()
    n = len(price)
    at, lower = equations.order.index(number), equations.lower.copy()
    # Each move is the difference of two that are not below zero, so that its distance is their sum.
    sums = hstack([equations.matrix, -equations.matrix])
    upper = equations.upper.copy()
    lower[at] = upper[at] = by
    ups, downs = (np.maximum(np.stack(limits), 0) for limits in ((lower, upper), (-upper, -lower)))
    bounds = np.hstack([ups, downs]).T
    made = linprog(np.tile(price, 2), A_eq=sums, b_eq=np.zeros(len(equations.rows)), bounds=bounds, method="highs")
    if made.x is None:
        return set()
    moving = np.abs(made.x[:n] - made.x[n:]) > ROUNDING
    return {number for number, moves in zip(equations.order, moving, strict=True) if moves}


def proof(rows: Sequence[dict[int, int]], number: int) -> np.ndarray | None:
    """How often to add each row so that all unknowns but `number` cancel, which leaves 1; None where that cannot be.

    Of several ways the shortest (least sum of squares).

    >>> proof([{0: 1, 1: 1}, {1: 1}], 0)
    array([ 1., -1.])
    """
    alike: dict[frozenset[tuple[int, int]], list[int]] = defaultdict(list)
    for i in _useful(rows, number):
        alike[frozenset(rows[i].items())].append(i)
    if not alike:
        return None
    order = sorted({n for terms in alike for n, _ in terms} | {number})
    column = {n: j for j, n in enumerate(order)}
    matrix = np.zeros((len(order), len(alike)))
    # Rows that are alike share equally; the root of their number keeps the shortest solution the shortest.
    roots = np.sqrt([len(members) for members in alike.values()])
    for at, terms in enumerate(alike):
        for n, times in terms:
            matrix[column[n], at] = times * roots[at]
    goal = np.zeros(len(order))
    goal[column[number]] = 1.0
    # The solution of least length, by an orthogonal factorisation: several times faster than by singular values.
    found = lstsq(matrix, goal, lapack_driver="gelsy", check_finite=False)[0]
    if np.abs(matrix @ found - goal).max() >= TOLERANCE:
        return None
    shares = np.zeros(len(rows))
    for members, share in zip(alike.values(), found / roots, strict=True):
        shares[members] = round(share, 9)
    return shares


def _useful(rows: Sequence[dict[int, int]], number: int) -> list[int]:
    """Rows that may help: an unknown in one row only can cancel with nothing, so that row is of no use, and so on."""
    of: dict[int, set[int]] = defaultdict(set)
    for i, row in enumerate(rows):
        for n in row:
            of[n].add(i)
    useful = set(range(len(rows)))
    alone = [n for n, at in of.items() if len(at) == 1 and n != number]
    while alone:
        for i in of[alone.pop()] & useful:
            useful.discard(i)
            for n in rows[i]:
                of[n].discard(i)
                if len(of[n]) == 1 and n != number:
                    alone.append(n)
    return sorted(useful)
