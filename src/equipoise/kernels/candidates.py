"""The candidate array: persons sorted so that all who match a case on key and birth year stand side by side.

Order: exact-match key, then birth year, then person identifier. Persons without any eligible span are left out.
A run of equal key and birth year is a cell; a birth-year caliper is a run of cells; a rank is a place in the array.
Cost: linear (counting sort) when identifiers already ascend; otherwise one sort of the identifiers. Keys that are far
apart are renumbered first, which costs a sort of the keys.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.kernels.jit import compiled
from equipoise.kernels.radix import ascending_order
from equipoise.kernels.spans import Spans

YEAR_REACH = 2**32  # no two birth years lie further apart
DENSE_CELLS = 1 << 20  # a table of this many possible cells is cheap however few persons there are
MAX_PERSONS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CandidateArray:
    """order int32 (n,): person positions by rank; rank_of int32 (n_persons,): rank or -1; cells in ascending order.

    cell_start int64 (n_cells + 1,), cell_key int64 and cell_year int64 (n_cells,).
    """

    order: np.ndarray
    rank_of: np.ndarray
    cell_start: np.ndarray
    cell_key: np.ndarray
    cell_year: np.ndarray

    def __len__(self) -> int:
        return len(self.order)

    def cells(self, key: np.ndarray, birth_year: np.ndarray, caliper: int | None) -> tuple[np.ndarray, np.ndarray]:
        """First cell and cell after the last of each case's candidates: int64 (n_cases,) each.

        `caliper` is the largest difference in birth year, None for the whole run of the key.
        """
        reach = YEAR_REACH if caliper is None else min(caliper, YEAR_REACH)
        return _cell_runs(self.cell_key, self.cell_year, key, birth_year, reach)


def sort_candidates(person_id: np.ndarray, key: np.ndarray, birth_year: np.ndarray, spans: Spans) -> CandidateArray:
    """The candidate array of persons in any order: identifiers and keys int64, birth years int32, all (n_persons,).

    Identifiers that occur twice raise `DesignError`.
    """
    if len(person_id) > MAX_PERSONS:
        raise UnsupportedError(Fault("persons", f"{len(person_id)}", f"at most {MAX_PERSONS}"))
    code, n_cells, labels = _cells(key, birth_year)
    by_id, sorted_already = _ascending(person_id)
    order, rank_of, counts = _counting_sort(code, by_id, sorted_already, spans.offsets, n_cells)
    used = np.flatnonzero(counts)
    cell_start = np.concatenate(([0], np.cumsum(counts[used])))
    return CandidateArray(order, rank_of, cell_start, *labels(used))


def as_integers(name: str, values: ArrayLike, n: int, dtype: type) -> np.ndarray:
    """A contiguous integer array of shape (n,); anything else, or a value that does not fit, raises `DesignError`."""
    found = np.asarray(values)
    if found.shape != (n,):
        raise DesignError(Fault(name, f"shape {found.shape}", f"({n},)"))
    if found.size and found.dtype.kind not in "iu":
        raise DesignError(Fault(name, f"type {found.dtype}", "integers"))
    limits = np.iinfo(dtype)
    if found.size and found.dtype != dtype and (int(found.min()) < limits.min or int(found.max()) > limits.max):
        raise DesignError(Fault(name, "a value that does not fit", f"{limits.min} to {limits.max}"))
    return np.ascontiguousarray(found, dtype=dtype)


def _cells(keys: np.ndarray, years: np.ndarray):
    """Cell code of every person, ascending by (key, year), the number of codes, and what a code stands for."""
    if not len(keys):
        return np.empty(0, dtype=np.int64), 0, lambda codes: (codes, codes)
    first_key, first_year = int(keys.min()), int(years.min())
    width = int(years.max()) - first_year + 1
    possible = (int(keys.max()) - first_key + 1) * width
    if possible <= max(DENSE_CELLS, len(keys)):
        code = _pack(keys, years, first_key, first_year, width)
        return code, possible, lambda codes: (codes // width + first_key, codes % width + first_year)
    known, key_code = np.unique(keys, return_inverse=True)
    pairs, code = np.unique(_pack(key_code, years, 0, first_year, width), return_inverse=True)
    return code, len(pairs), lambda codes: (known[pairs[codes] // width], pairs[codes] % width + first_year)


def _ascending(person_id: np.ndarray) -> tuple[np.ndarray, bool]:
    """Positions by ascending identifier, or an empty array and True where they ascend already."""
    if _strictly_ascends(person_id):
        return np.empty(0, dtype=np.int32), True
    by_id = ascending_order(person_id)
    if not _strictly_ascends(person_id[by_id]):
        raise DesignError(Fault("person identifiers", "some occur more than once", "one row a person"))
    return by_id, False


def _strictly_ascends(values: np.ndarray) -> bool:
    return bool(np.all(values[1:] > values[:-1]))


@compiled
def _pack(keys, years, first_key, first_year, width):
    code = np.empty(len(keys), dtype=np.int64)
    for i in range(len(keys)):
        code[i] = (keys[i] - first_key) * width + (years[i] - first_year)
    return code


@compiled
def _counting_sort(code, by_id, sorted_already, offsets, n_cells):
    """Stable sort by cell of the persons, taken by ascending identifier, who have a span."""
    counts = np.zeros(n_cells, dtype=np.int64)
    for p in range(len(code)):
        if offsets[p + 1] > offsets[p]:
            counts[code[p]] += 1
    place = np.cumsum(counts) - counts
    order = np.empty(counts.sum(), dtype=np.int32)
    rank_of = np.full(len(code), -1, dtype=np.int32)
    for i in range(len(code)):
        p = i if sorted_already else by_id[i]
        if offsets[p + 1] > offsets[p]:
            rank = place[code[p]]
            place[code[p]] = rank + 1
            order[rank] = p
            rank_of[p] = rank
    return order, rank_of, counts


@compiled
def _first_cell(cell_key, cell_year, key, year):
    """Index of the first cell that does not come before (key, year)."""
    lo, hi = 0, len(cell_key)
    while lo < hi:
        middle = (lo + hi) // 2
        if cell_key[middle] < key or (cell_key[middle] == key and cell_year[middle] < year):
            lo = middle + 1
        else:
            hi = middle
    return lo


@compiled
def _cell_runs(cell_key, cell_year, key, birth_year, reach):
    first, stop = np.empty(len(key), dtype=np.int64), np.empty(len(key), dtype=np.int64)
    for c in range(len(key)):
        first[c] = _first_cell(cell_key, cell_year, key[c], np.int64(birth_year[c]) - reach)
        stop[c] = _first_cell(cell_key, cell_year, key[c], np.int64(birth_year[c]) + reach + 1)
    return first, stop
