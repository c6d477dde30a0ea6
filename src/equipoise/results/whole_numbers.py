"""Systems of sums in whole numbers: which unknowns have another solution, and by which sums the others are fixed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

# Weights of the search, drawn once. With such weights a sum of moves is zero only if every move is.
SEED = 20_250_101
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Equations:
    """Unknown moves, one for each entry of `order`: integers from `lower` to `upper` with every row of sums zero.

    A row maps an unknown to its coefficient. To move nothing is always a solution.
    """

    order: Sequence[int]
    rows: Sequence[dict[int, int]]
    lower: np.ndarray
    upper: float

    @property
    def matrix(self) -> csr_array:
        """Coefficients, shape (rows, unknowns)."""
        column = {n: j for j, n in enumerate(self.order)}
        entries = [(i, column[n], times) for i, row in enumerate(self.rows) for n, times in row.items()]
        at_row, at_column, values = np.array(entries, dtype=np.float64).T if entries else np.empty((3, 0))
        return csr_array((values, (at_row.astype(int), at_column.astype(int))), shape=(len(self.rows), len(self.order)))


def movable(equations: Equations, wanted: Sequence[int]) -> set[int]:
    """Those of the `wanted` unknowns for which some solution moves them.

    All are asked at once: the largest and the smallest weighted sum of the unknowns still in question. If both are zero
    none of them can move, for the weights make every other sum differ from zero.
    """
    column = {n: j for j, n in enumerate(equations.order)}
    weights = np.random.default_rng(SEED).uniform(1, 2, len(equations.order))
    constraint = LinearConstraint(equations.matrix, 0, 0)
    bounds = Bounds(equations.lower, equations.upper)
    left, found = set(wanted), set()
    while left:
        moved: set[int] = set()
        for direction in (1.0, -1.0):
            goal = np.zeros(len(equations.order))
            places = [column[n] for n in sorted(left - moved)]
            goal[places] = direction * weights[places]
            if not places:
                break
            answer = milp(goal, integrality=np.ones(len(goal)), bounds=bounds, constraints=constraint, options=EARLY)
            if answer.x is not None:
                moved |= {n for n in left if round(answer.x[column[n]]) != 0}
        if not moved:
            break
        left -= moved
        found |= moved
    return found


# Any solution other than zero will do, so the search need not go on to the best one.
EARLY = {"mip_rel_gap": 0.95}


def proof(rows: Sequence[dict[int, int]], number: int) -> np.ndarray | None:
    """How often to add each row so that all unknowns but `number` cancel, which leaves 1; None where that cannot be.

    >>> proof([{0: 1, 1: 1}, {1: 1}], 0)
    array([ 1., -1.])
    """
    order = sorted({n for row in rows for n in row})
    column = {n: j for j, n in enumerate(order)}
    matrix = np.zeros((len(order), len(rows)))
    for i, row in enumerate(rows):
        for n, times in row.items():
            matrix[column[n], i] = times
    goal = np.zeros(len(order))
    goal[column[number]] = 1.0
    # The solution of least length, by an orthogonal factorisation: several times faster than by singular values.
    shares = lstsq(matrix, goal, lapack_driver="gelsy", check_finite=False)[0]
    return np.round(shares, 9) if np.abs(matrix @ shares - goal).max() < TOLERANCE else None
