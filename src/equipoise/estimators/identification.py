"""Which terms the data determine at all, read from the information of the model without effects.

A term whose information is zero does not vary where the likelihood looks; a term that is a linear combination of
terms before it adds nothing to them. Both are left out and reported; the rest are estimated, as R does.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.errors import Reason

COLLINEAR = 1e-11  # share of a term's information left beside the terms before it: 3e-6 of its standard deviation
PART_OF_ALIAS = 1e-6  # standardised weight from which a term counts as part of a linear combination
CONSTANT = 1e-13  # variation within sets, relative to a term's size, that rounding alone can make


@dataclass(frozen=True, slots=True)
class Identified:
    """Positions of the terms that are determined; for the others the reason, and for collinear ones the rest."""

    kept: np.ndarray
    reasons: tuple[Reason | None, ...]
    aliases: dict[int, tuple[int, ...]]


def identify(information: np.ndarray, size: np.ndarray) -> Identified:
    """Sort terms into determined, constant and collinear.

    `information` (p, p) is that of the model without effects, `size` (p,) the magnitude of each column: variation that
    is rounding beside it counts as none.
    """
    diagonal = information.diagonal()
    varies = diagonal > (CONSTANT * size) ** 2
    reasons: list[Reason | None] = [None if v else Reason.CONSTANT for v in varies]
    candidates = np.flatnonzero(varies)
    if not len(candidates):
        return Identified(candidates, tuple(reasons), {})
    scale = 1.0 / np.sqrt(diagonal[candidates])
    correlation = information[np.ix_(candidates, candidates)] * scale[:, None] * scale
    if _is_well_conditioned(correlation):
        return Identified(candidates, tuple(reasons), {})
    kept, combinations = _independent(correlation)
    aliases = {int(candidates[j]): tuple(int(candidates[k]) for k in others) for j, others in combinations.items()}
    for j in aliases:
        reasons[j] = Reason.COLLINEAR
    return Identified(candidates[kept], tuple(reasons), aliases)


def null_space(information: np.ndarray) -> np.ndarray:
    """Orthonormal directions, as columns in scaled terms, about which `information` (p, p) says nothing."""
    diagonal = information.diagonal()
    scale = np.divide(1.0, np.sqrt(diagonal), out=np.zeros(len(diagonal)), where=diagonal > 0.0)
    values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
    return vectors[:, values <= COLLINEAR]


def _is_well_conditioned(correlation: np.ndarray) -> bool:
    try:
        pivots = np.linalg.cholesky(correlation).diagonal()
    except np.linalg.LinAlgError:
        return False
    return bool((pivots**2 > COLLINEAR).all())


def _independent(correlation: np.ndarray) -> tuple[list[int], dict[int, tuple[int, ...]]]:
    """In the order given: the terms that are independent of those before, and for the others what they combine."""
    kept: list[int] = []
    combinations: dict[int, tuple[int, ...]] = {}
    for j in range(len(correlation)):
        beside = correlation[kept, j]
        weights = np.linalg.solve(correlation[np.ix_(kept, kept)], beside) if kept else np.empty(0)
        if correlation[j, j] - beside @ weights > COLLINEAR:
            kept.append(j)
        else:
            combinations[j] = tuple(k for k, w in zip(kept, weights, strict=True) if abs(w) > PART_OF_ALIAS)
    return kept, combinations
