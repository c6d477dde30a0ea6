"""Long records to a sparse matrix in compressed columns.

Purpose    entries (row, column, value) in any order become CSC arrays: columns in order, rows ascending within each,
           every place once.
Method     two stable counting sorts, first by row, then by column; then entries at one place are merged: added, or the
           largest kept.
Input      int32 row (n,) in 0..n_rows-1, int32 column (n,) in 0..n_columns-1, float64 value (n,).
Returned   indptr int64 (n_columns + 1,), indices int32 (k,), data float64 (k,), k <= n. A value of zero stays an entry.
Cost       four passes over the records; memory for one more copy of them.
Method from: Knuth, The Art of Computer Programming, vol. 3, 5.2.
"""

import numpy as np

from equipoise.kernels.jit import compiled


@compiled
def compressed_columns(row, column, value, n_rows, n_columns, adds):
    """CSC arrays of the records; values at one place are added if `adds`, else the largest is kept."""
    n = len(row)
    by_row = _counted_order(row, np.arange(n, dtype=np.int32), n_rows)
    order = _counted_order(column, by_row, n_columns)
    indptr = np.zeros(n_columns + 1, dtype=np.int64)
    indices = np.empty(n, dtype=np.int32)
    data = np.empty(n, dtype=np.float64)
    last_row, last_column, at = -1, -1, -1
    for k in range(n):
        i = order[k]
        if row[i] == last_row and column[i] == last_column:
            data[at] = data[at] + value[i] if adds else max(data[at], value[i])
            continue
        last_row, last_column = row[i], column[i]
        at += 1
        indices[at], data[at] = last_row, value[i]
        indptr[last_column + 1] += 1
    for j in range(n_columns):
        indptr[j + 1] += indptr[j]
    return indptr, indices[: at + 1], data[: at + 1]


@compiled
def _counted_order(key, order, n_keys):
    """`order` sorted by key, stable."""
    place = np.zeros(n_keys + 1, dtype=np.int64)
    for i in range(len(key)):
        place[key[i] + 1] += 1
    for j in range(n_keys):
        place[j + 1] += place[j]
    out = np.empty_like(order)
    for k in range(len(order)):
        i = order[k]
        out[place[key[i]]] = i
        place[key[i]] += 1
    return out
