"""A sparse matrix as columns for coordinate descent: 0/1 columns without values, others scaled, dense ones centred.

Purpose    x_j = centre_j + scale_j z_j, with z sparse and of size one, so that one rule of convergence suits all
           columns and sums in single precision lose nothing.
Storage    column j has rows[start_j:start_j+1] (int32). 0/1 columns have no values (`at` is -1), other columns have
           values[at_j:…]. That is 4 bytes a nonzero instead of 12.
Forms      a 0/1 column: as it is; with more ones than zeros, its zeros (scale -1, centre 1), which are fewer. Other
           numbers: divided by the largest size; where more than half are not zero, measured from their mean, dense.
           With an intercept in the model a centre moves the intercept alone.
Order      rows ascending within a column, each once; no stored zeros.
Cost       one pass; the row numbers are not copied where every column is as it is.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.lanes import (
    LANES,
    residuals_1,
    residuals_1_valued,
    residuals_8,
    residuals_8_valued,
    spread_1,
    spread_1_valued,
    spread_8,
    spread_8_valued,
)

AS_IS, FLIPPED, SCALED, CENTRED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Columns:
    """z as columns. start int64 (p + 1,), rows int32, at int64 (p,), values float64; centre and scale float64 (p,).

    `varies` bool (p,): whether a column takes two values among the rows of positive weight.
    """

    n: int
    start: np.ndarray
    rows: np.ndarray
    at: np.ndarray
    values: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    varies: np.ndarray

    @property
    def p(self) -> int:
        return len(self.at)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """What kernels take: start, rows, at, values."""
        return self.start, self.rows, self.at, self.values

    def coefficients(self, beta: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of x and the intercept that belongs to them, from those of z: (p, …) and (…)."""
        shape = (-1,) + (1,) * (beta.ndim - 1)
        slopes = beta / self.scale.reshape(shape)
        return slopes, intercept - self.centre @ slopes


def columns_of(n: int, start: np.ndarray, rows: np.ndarray, values: np.ndarray, weight: np.ndarray) -> Columns:
    """Columns from the three arrays of a CSC matrix of n rows; weight float64 (n,), or (0,) where all rows count once.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.coordinate_descent_columns import columns_of
        >>> start, rows = np.array([0, 1, 4]), np.array([2, 0, 1, 2], np.int32)
        >>> c = columns_of(4, start, rows, np.array([1.0, 1.0, 1.0, 1.0]), np.empty(0))
        >>> c.rows.tolist(), c.scale.tolist(), c.centre.tolist()  # the second column as its single zero
        ([2, 3], [1.0, -1.0], [0.0, 1.0])
    """
    p = len(start) - 1
    start = np.ascontiguousarray(start, np.int64)
    rows = np.ascontiguousarray(rows, np.int32)
    values = np.ascontiguousarray(values, np.float64)
    form, largest, mean, varies = np.zeros(p, np.int8), np.ones(p), np.zeros(p), np.zeros(p, np.bool_)
    _forms(n, start, rows, values, weight, form, largest, mean, varies)
    counts = np.diff(start)
    size = np.where(form == FLIPPED, n - counts, np.where(form == CENTRED, n, counts))
    at = np.full(p, -1, np.int64)
    valued = form >= SCALED
    at[valued] = np.cumsum(size[valued]) - size[valued]
    scale = np.where(form == FLIPPED, -1.0, largest)
    centre = np.where(form == FLIPPED, 1.0, np.where(form == CENTRED, mean, 0.0))
    if not form.any():
        return Columns(n, start, rows, at, np.empty(0), centre, scale, varies)
    places = np.concatenate(([0], np.cumsum(size)))
    new_rows, new_values = np.empty(places[-1], np.int32), np.empty(int(size[valued].sum()))
    _lay_out(n, start, rows, values, form, centre, scale, places, at, new_rows, new_values)
    return Columns(n, places, new_rows, at, new_values, centre, scale, varies)


@compiled
def _forms(n, start, rows, values, weight, form, largest, mean, varies):
    counted = n
    if weight.shape[0]:
        counted = 0
        for i in range(n):
            counted += weight[i] > 0.0
    for j in range(start.shape[0] - 1):
        size, total, ones, seen = 0.0, 0.0, True, 0
        low, high = np.inf, -np.inf
        for q in range(start[j], start[j + 1]):
            v = values[q]
            ones &= v == 1.0
            size = max(size, abs(v))
            total += v
            if weight.shape[0] == 0 or weight[rows[q]] > 0.0:
                seen += 1
                low, high = min(low, v), max(high, v)
        if seen < counted:
            low, high = min(low, 0.0), max(high, 0.0)
        varies[j] = low < high
        count = start[j + 1] - start[j]
        if ones:
            form[j] = FLIPPED if 2 * count > n else AS_IS
        elif 2 * count > n:
            form[j], mean[j] = CENTRED, total / n
            for q in range(start[j], start[j + 1]):
                largest[j] = max(0.0 if q == start[j] else largest[j], abs(values[q] - mean[j]))
            if count < n:
                largest[j] = max(largest[j], abs(mean[j]))
            if largest[j] == 0.0:
                largest[j] = 1.0
        else:
            form[j], largest[j] = SCALED, size


@compiled
def _lay_out(n, start, rows, values, form, centre, scale, places, at, new_rows, new_values):
    for j in range(form.shape[0]):
        into, count = places[j], start[j + 1] - start[j]
        if form[j] == AS_IS or form[j] == SCALED:
            for k in range(count):
                new_rows[into + k] = rows[start[j] + k]
                if form[j] == SCALED:
                    new_values[at[j] + k] = values[start[j] + k] / scale[j]
            continue
        q = start[j]
        for i in range(n):
            here = q < start[j + 1] and rows[q] == i
            if form[j] == CENTRED:
                new_rows[into + i] = i
                new_values[at[j] + i] = ((values[q] if here else 0.0) - centre[j]) / scale[j]
            elif not here:
                new_rows[into] = i
                into += 1
            q += here


def lanes_array(rows: int, width: int, kind: type) -> np.ndarray:
    """Zeros (rows * width,) that begin where a line of the cache does, so that a row of eight lanes fills one."""
    size = rows * width * np.dtype(kind).itemsize
    buffer = np.zeros(size + 64, np.uint8)
    begin = -buffer.ctypes.data % 64
    return buffer[begin : begin + size].view(kind)


@compiled
def column_scores(start, rows, at, values, which, residual, lanes, score):
    """score[j, l] = sum of z_j r_l for the columns j of `which`; residual float64 (n * lanes,), score (p, lanes)."""
    for j in which:
        out = score[j]
        for k in range(lanes):
            out[k] = 0.0
        b, e = start[j], start[j + 1]
        if lanes == LANES:
            if at[j] < 0:
                residuals_8(rows, values, at[j], b, e, residual, out)
            else:
                residuals_8_valued(rows, values, at[j], b, e, residual, out)
        elif at[j] < 0:
            residuals_1(rows, values, at[j], b, e, residual, out)
        else:
            residuals_1_valued(rows, values, at[j], b, e, residual, out)


@compiled
def spread_changes(start, rows, at, values, which, change, shift, lanes, eta):
    """eta += z change + shift: change float64 (p, lanes), zero outside `which`; shift (lanes,)."""
    for i in range(0, eta.shape[0], lanes):
        for k in range(lanes):
            eta[i + k] += shift[k]
    for j in which:
        b, e, step = start[j], start[j + 1], change[j]
        if lanes == LANES:
            if at[j] < 0:
                spread_8(rows, values, at[j], b, e, eta, step)
            else:
                spread_8_valued(rows, values, at[j], b, e, eta, step)
        elif at[j] < 0:
            spread_1(rows, values, at[j], b, e, eta, step)
        else:
            spread_1_valued(rows, values, at[j], b, e, eta, step)
