"""Inner products of the rows of two matrices laid out by column, for information matrices.

Purpose    out += factor * left right', lower triangle, over the first n places of every row.
Layout     left and right are float64 (even, width): one row a column of the model, one place an observation, and the
           number of rows padded to an even one with zeros.
Method     two rows by two at a time, so that each value is read half as often and the sums fill whole registers.
Cost       n p^2 / 2 multiplications.
"""

import numpy as np

from equipoise.kernels.jit import compiled_sums

BLOCK = 120  # observations laid out at a time; not a power of two, so that rows do not share cache lines


@compiled_sums
def add_gram(left, right, n, factor, out):
    """Add to the lower triangle of `out`, float64 (even, even); entries above it may be written as well."""
    for k in range(0, left.shape[0], 2):
        for h in range(0, k + 2, 2):
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for j in range(n):
                a += left[k, j] * right[h, j]
                b += left[k, j] * right[h + 1, j]
                c += left[k + 1, j] * right[h, j]
                d += left[k + 1, j] * right[h + 1, j]
            out[k, h] += factor * a
            out[k, h + 1] += factor * b
            out[k + 1, h] += factor * c
            out[k + 1, h + 1] += factor * d


def symmetric(lower: np.ndarray, p: int) -> np.ndarray:
    """The symmetric matrix (p, p) whose lower triangle is given.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.gram import symmetric
        >>> symmetric(np.array([[2.0, 9.0], [1.0, 3.0]]), 2)
        array([[2., 1.],
               [1., 3.]])
    """
    below = np.tril(lower[:p, :p], -1)
    return below + below.T + np.diag(lower.diagonal()[:p])
