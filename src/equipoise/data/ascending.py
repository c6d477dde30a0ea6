"""Sets of whole numbers as ascending arrays: quick where numbers come by the ten million.

NumPy's own set functions hash, which is several times slower than sorting where most numbers differ.
"""

import numpy as np

NOBODY = -1
# How many times longer than the identifiers a table of positions may be.
SPARSEST = 4


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Each number once, ascending.

    >>> distinct(np.array([3, 1, 3]))
    array([1, 3])
    """
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]


def held_in(ascending: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Which numbers are in an ascending array: bool (k,)."""
    if not len(ascending):
        return np.zeros(len(numbers), dtype=bool)
    at = np.minimum(np.searchsorted(ascending, numbers), len(ascending) - 1)
    return ascending[at] == numbers


def positions_of(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Positions in ascending identifiers, `NOBODY` for those that are not there: int64 (k,).

    >>> positions_of(np.array([10, 20]), np.array([20, 15]))
    array([ 1, -1])
    """
    if not len(ids):
        return np.full(len(wanted), NOBODY, dtype=np.int64)
    span = int(ids[-1]) - int(ids[0]) + 1
    if span <= SPARSEST * len(ids) and len(wanted) > span // SPARSEST:
        return _looked_up(ids, wanted, span)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, NOBODY)


def _looked_up(ids: np.ndarray, wanted: np.ndarray, span: int) -> np.ndarray:
    """By a table with a place for every identifier between the least and the largest."""
    table = np.full(span, NOBODY, dtype=np.int64)
    table[ids - ids[0]] = np.arange(len(ids))
    inside = (wanted >= ids[0]) & (wanted <= ids[-1])
    return np.where(inside, table[np.where(inside, wanted - ids[0], 0)], NOBODY)
