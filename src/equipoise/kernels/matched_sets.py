"""Rows brought into the order of their matched sets, and what each set holds.

Purpose    the conditional likelihood wants the rows of a set side by side.
Order      `rows_by_set` takes rows in any order; rows of a set keep their order among themselves.
Cost       one pass where rows are sorted already; else a counting sort, or a stable sort where codes are sparse.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled


@dataclass(frozen=True, slots=True)
class SetCounts:
    """How many rows and cases each of S sets holds, int64 (S,)."""

    n_rows: np.ndarray
    n_cases: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """Sets with a case and a control, as a boolean vector."""
        return (self.n_cases > 0) & (self.n_cases < self.n_rows)


def rows_by_set(code: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """The order that sorts rows by set, None where they are sorted, and the bounds of the sets in that order.

    `code` is int64 of shape (n,). Rows of set s are first[s]:first[s + 1] of the second value, int64 of shape (S + 1,).
    """
    order = None
    if not _is_sorted(code):
        low, high = int(code.min()), int(code.max())
        compact = high - low <= 4 * len(code) + 1024
        order = _counting_order(code, low, high - low + 1) if compact else np.argsort(code, kind="stable")
        code = code[order]
    return order, _bounds(code)


def count_sets(case: np.ndarray, first: np.ndarray) -> SetCounts:
    """Counts of each set; `case` is uint8 of shape (n,), 1 for a case."""
    return SetCounts(np.diff(first), np.diff(np.searchsorted(np.flatnonzero(case), first)))


def _is_sorted(code: np.ndarray) -> bool:
    return bool((code[1:] >= code[:-1]).all())


def _bounds(code: np.ndarray) -> np.ndarray:
    changes = np.flatnonzero(code[1:] != code[:-1]) + 1
    return np.concatenate([[0], changes, [len(code)]] if len(code) else [[0]]).astype(np.int64)


@compiled
def _counting_order(code, low, width):
    place = np.zeros(width + 1, np.int64)
    for i in range(code.shape[0]):
        place[code[i] - low + 1] += 1
    for k in range(width):
        place[k + 1] += place[k]
    order = np.empty(code.shape[0], np.int64)
    for i in range(code.shape[0]):
        k = code[i] - low
        order[place[k]] = i
        place[k] += 1
    return order


def sets_that_vary(x: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Whether any column of x (n, p) takes two values within a set: boolean of shape (S,)."""
    varies = np.zeros(len(first) - 1, np.bool_)
    _mark_variation(x, first, varies)
    return varies


@compiled
def _mark_variation(x, first, varies):
    for s in range(varies.shape[0]):
        a, i, same = first[s], first[s] + 1, True
        while same and i < first[s + 1]:
            for k in range(x.shape[1]):
                same &= x[i, k] == x[a, k]
            i += 1
        varies[s] = not same
