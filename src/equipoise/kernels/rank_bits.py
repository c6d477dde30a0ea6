"""A set of ranks 0..n-1 as bits: set, clear, test, count a range, find the j-th member of a range.

Purpose: who is eligible on the current day, among persons sorted so that every candidate range is contiguous.
Form: `words` uint64, one bit a rank; `blocks` int32, how many bits are set in each run of BLOCK ranks.
Cost: one bit a rank; set, clear and test take constant time, count and select one step for each BLOCK ranks plus at
most BLOCK / 32 steps at the edges.
"""

import numpy as np

from equipoise.kernels.jit import compiled

WORD_SHIFT = 6
WORD_BITS = 64
BLOCK_SHIFT = 12
BLOCK = 1 << BLOCK_SHIFT
ONE = np.uint64(1)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
PAIRS, NIBBLES, BYTES = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
BYTE_SUM = np.uint64(0x0101010101010101)


@compiled
def no_ranks(n):
    """No rank of 0..n-1: words and blocks."""
    return np.zeros((n >> WORD_SHIFT) + 1, dtype=np.uint64), np.zeros((n >> BLOCK_SHIFT) + 1, dtype=np.int32)


@compiled
def has_rank(words, rank):
    return (words[rank >> WORD_SHIFT] >> np.uint64(rank & (WORD_BITS - 1))) & ONE == ONE


@compiled
def add_rank(words, blocks, rank):
    """Put in a rank that is not in the set."""
    words[rank >> WORD_SHIFT] |= ONE << np.uint64(rank & (WORD_BITS - 1))
    blocks[rank >> BLOCK_SHIFT] += 1


@compiled
def remove_rank(words, blocks, rank):
    """Take out a rank that is in the set."""
    words[rank >> WORD_SHIFT] &= ~(ONE << np.uint64(rank & (WORD_BITS - 1)))
    blocks[rank >> BLOCK_SHIFT] -= 1


@compiled
def popcount(word):
    """How many of 64 bits are set: sums of ever wider groups of bits (Warren, Hacker's Delight, ch. 5)."""
    word = word - ((word >> np.uint64(1)) & PAIRS)
    word = (word & NIBBLES) + ((word >> np.uint64(2)) & NIBBLES)
    word = (word + (word >> np.uint64(4))) & BYTES
    return np.int64((word * BYTE_SUM) >> np.uint64(56))


@compiled
def lowest_bit(word):
    """Position of the lowest set bit of a word that is not zero."""
    return popcount((word & (~word + ONE)) - ONE)


@compiled
def bits_from(words, at, hi):
    """The bits of ranks from `at` to the end of its word, or to hi - 1: shifted down, and how many ranks they cover."""
    shift = at & (WORD_BITS - 1)
    width = min(WORD_BITS - shift, hi - at)
    mask = ALL >> np.uint64(WORD_BITS - width)
    return (words[at >> WORD_SHIFT] >> np.uint64(shift)) & mask, width


@compiled
def count_ranks(words, blocks, lo, hi):
    """How many ranks of lo..hi-1 are in the set."""
    total = 0
    while lo < hi:
        if lo & (BLOCK - 1) == 0 and lo + BLOCK <= hi:
            total += blocks[lo >> BLOCK_SHIFT]
            lo += BLOCK
        else:
            bits, width = bits_from(words, lo, hi)
            total += popcount(bits)
            lo += width
    return total


@compiled
def select_rank(words, blocks, lo, j):
    """The rank of member number j (from 0) among those at lo or after it. There must be more than j of them."""
    while True:
        if lo & (BLOCK - 1) == 0 and blocks[lo >> BLOCK_SHIFT] <= j:
            j -= blocks[lo >> BLOCK_SHIFT]
            lo += BLOCK
            continue
        bits, width = bits_from(words, lo, lo + WORD_BITS)
        members = popcount(bits)
        if members > j:
            for _ in range(j):
                bits &= bits - ONE
            return lo + lowest_bit(bits)
        j -= members
        lo += width


@compiled
def clear_ranks(words, blocks, lo, hi):
    """Take out everybody; all members are known to lie in lo..hi-1."""
    for word in range(lo >> WORD_SHIFT, (max(hi, 1) - 1 >> WORD_SHIFT) + 1):
        words[word] = np.uint64(0)
    for block in range(lo >> BLOCK_SHIFT, (max(hi, 1) - 1 >> BLOCK_SHIFT) + 1):
        blocks[block] = 0
