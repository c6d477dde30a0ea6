"""Sorting integers by their digits: stable and linear, several times faster than comparing for millions of rows.

Purpose: order persons by identifier, and spans by day.
Method: least significant digit first, eight bits a pass, so that the 256 places written to stay within reach of the
processor's caches. Digits in which all keys agree cost one count and no move.
Cost: one pass over keys and values for each byte in which keys differ; twice their memory while it runs.
Method from: Knuth, The Art of Computer Programming, vol. 3, 5.2.5.
"""

import numpy as np

from equipoise.kernels.jit import compiled

DIGIT_BITS = 8
DIGITS = 1 << DIGIT_BITS


def ascending_order(values: np.ndarray) -> np.ndarray:
    """Positions that put int32 or int64 values of shape (n,), n < 2**31, in ascending order: int32 (n,), stable.

    >>> ascending_order(np.array([30, -10, 20])).tolist()
    [1, 2, 0]
    """
    positions = np.arange(len(values), dtype=np.int32)
    if not len(values):
        return positions
    lowest = int(values.min())
    spread = int(values.max()) - lowest
    keys = _above(values, lowest, np.empty(len(values), dtype=np.uint32 if spread < 2**32 else np.uint64))
    return sort_pairs(keys, positions, spread.bit_length())[1]


@compiled
def sort_pairs(keys, values, bits):
    """Keys (unsigned, below 2**bits) in ascending order, and their values moved along, both stable.

    The arrays given may be used as room to work in.
    """
    spare_keys, spare_values = np.empty_like(keys), np.empty_like(values)
    for shift in range(0, bits, DIGIT_BITS):
        place = _places(keys, shift)
        if place[DIGITS] == 1:
            continue
        for i in range(len(keys)):
            digit = (keys[i] >> shift) & (DIGITS - 1)
            at = place[digit]
            place[digit] = at + 1
            spare_keys[at] = keys[i]
            spare_values[at] = values[i]
        keys, spare_keys = spare_keys, keys
        values, spare_values = spare_values, values
    return keys, values


@compiled
def _places(keys, shift):
    """Where keys with each value of a digit begin; the last entry says how many values of the digit occur."""
    counts = np.zeros(DIGITS, dtype=np.int64)
    for i in range(len(keys)):
        counts[(keys[i] >> shift) & (DIGITS - 1)] += 1
    place = np.zeros(DIGITS + 1, dtype=np.int64)
    at = 0
    for digit in range(DIGITS):
        place[digit] = at
        at += counts[digit]
        place[DIGITS] += counts[digit] > 0
    return place


@compiled
def _above(values, lowest, keys):
    """Values counted from the lowest, as unsigned keys."""
    for i in range(len(values)):
        keys[i] = np.uint64(values[i]) - np.uint64(lowest)  # wraps around zero and back for negative values
    return keys
