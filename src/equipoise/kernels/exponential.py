"""Exponentials of many numbers at once, written so that a processor takes several in each instruction.

Purpose    exp(v) for v <= 0, in place; the library's function takes one number at a time.
Method     v = k log 2 + r with |r| <= log(2) / 2. k is read from the low bits of v / log 2 + 1.5 * 2^52, log 2 is
           taken in two parts so that r loses nothing, exp(r) is its series to r^13, and 2^k is put together from bits.
Error      below 2e-16 relative, that of one rounding, down to v = -708; below that the result is exp(-708), 3e-308.
Paper      Cody, Waite: Software Manual for the Elementary Functions (1980), chapter 6.
"""

import math

import numpy as np

from equipoise.kernels.jit import compiled

LOWEST = -708.0
PER_LOG_2 = 1.0 / math.log(2.0)
LOG_2_HIGH = 6.93147180369123816490e-01  # the leading 32 bits of log 2
LOG_2_LOW = 1.90821492927058770002e-10
WHOLE = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to a whole number, kept in the low bits
SERIES = tuple(1.0 / math.factorial(n) for n in range(14))


@compiled
def exponentials(v, n, work):
    """Replace v[:n], all at most zero, by their exponentials. `work` is float64 scratch of at least n."""
    bits = work.view(np.int64)
    for j in range(n):
        v[j] = max(v[j], LOWEST)
        work[j] = v[j] * PER_LOG_2 + WHOLE
    for j in range(n):
        k = work[j] - WHOLE
        r = (v[j] - k * LOG_2_HIGH) - k * LOG_2_LOW
        tail = SERIES[13]
        for m in range(12, 1, -1):
            tail = tail * r + SERIES[m]
        v[j] = 1.0 + (r + r * r * tail)
    for j in range(n):
        bits[j] = (bits[j] + 1023) << 52
    for j in range(n):
        v[j] *= work[j]
