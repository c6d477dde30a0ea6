"""The sum of weight times the outer product of centred rows, for information matrices.

Purpose    out += sum over i of v_i (x_i - c_s(i)) (x_i - c_s(i))', lower triangle only.
Method     rows are laid out by column in blocks, so that the p(p + 1)/2 sums are inner products of contiguous memory;
           two columns by two at a time, which reads each value half as often.
Order      any. x float64, C-contiguous; rows with v = 0 may hold anything finite.
Cost       n p^2 / 2 multiplications and one pass over x.
"""

import numpy as np

from equipoise.kernels.jit import compiled_sums

BLOCK = 120  # rows laid out at a time; not a power of two, so that columns do not share cache lines


def weighted_gram(x: np.ndarray, centre: np.ndarray, stratum: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The symmetric matrix (p, p). `centre` is (S, p), `stratum` int32 (n,) or of shape (0,) where S is 1.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.weighted_gram import weighted_gram
        >>> rows = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> weighted_gram(rows, np.zeros((1, 2)), np.empty(0, np.int32), np.array([1.0, 0.5]))
        array([[ 5.5,  8. ],
               [ 8. , 12. ]])
    """
    p = x.shape[1]
    even = p + p % 2
    lower = np.zeros((even, even))
    _add_gram(x, centre, stratum, weight, np.zeros((even, BLOCK)), np.zeros((even, BLOCK)), lower)
    below = np.tril(lower[:p, :p], -1)
    return below + below.T + np.diag(lower.diagonal()[:p])


@compiled_sums
def _add_gram(x, centre, stratum, weight, left, right, out):
    n, p = x.shape
    even, block = left.shape
    several = stratum.shape[0] > 0
    for begin in range(0, n, block):
        m = min(block, n - begin)
        for j in range(m):
            i = begin + j
            s = stratum[i] if several else 0
            for k in range(p):
                d = x[i, k] - centre[s, k]
                left[k, j] = d
                right[k, j] = d * weight[i]
        for k in range(0, even, 2):
            for h in range(0, k + 2, 2):
                a, b, c, d = 0.0, 0.0, 0.0, 0.0
                for j in range(m):
                    a += left[k, j] * right[h, j]
                    b += left[k, j] * right[h + 1, j]
                    c += left[k + 1, j] * right[h, j]
                    d += left[k + 1, j] * right[h + 1, j]
                out[k, h] += a
                out[k, h + 1] += b
                out[k + 1, h] += c
                out[k + 1, h + 1] += d
