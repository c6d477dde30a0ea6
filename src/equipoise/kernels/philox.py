"""Counter-based random numbers: Philox4x32-10.

Purpose: a draw is a pure function of a seed and of what is drawn for (a person, a draw number, a stream), so it does
not depend on row order, batch size, engine or any other draw.
Layout: the key is the 64-bit seed (low word first); the counter is (low and high word of the identifier, draw
number, stream). Two purposes that share a seed need different streams.
Cost: about 20 multiplications a draw, no state.
Paper: Salmon, Moraes, Dror, Shaw. Parallel random numbers: as easy as 1, 2, 3. SC11 (2011),
doi:10.1145/2063384.2063405.
"""

import numpy as np
from numpy.typing import ArrayLike

from equipoise.errors import DesignError, Fault
from equipoise.kernels.jit import compiled

ROUNDS = 10
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
LOW_WORD = np.uint64(0xFFFFFFFF)
WORD = np.uint64(32)
UNIFORM_SHIFT = np.uint64(12)  # 52 bits are kept, so that adding a half stays exact and 1.0 is never reached
UNIFORM_STEP = 2.0**-52


@compiled
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Ten rounds of Philox4x32: four 32-bit counter words and two key words to four 32-bit words.

    Every argument and result is an unsigned integer below 2**32 (held in 64 bits).
    """
    c0, c1, c2, c3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k0, k1 = np.uint64(k0), np.uint64(k1)
    for _ in range(ROUNDS):
        product_0 = MULTIPLIER_0 * c0
        product_1 = MULTIPLIER_1 * c2
        c0 = (product_1 >> WORD) ^ c1 ^ k0
        c1 = product_1 & LOW_WORD
        c2 = (product_0 >> WORD) ^ c3 ^ k1
        c3 = product_0 & LOW_WORD
        k0 = (k0 + WEYL_0) & LOW_WORD
        k1 = (k1 + WEYL_1) & LOW_WORD
    return c0, c1, c2, c3


@compiled
def draw_uint64(seed, person_id, draw, stream):
    """64 random bits for draw number `draw` (below 2**32) of a person (int64) in a stream (below 2**32).

    >>> hex(draw_uint64(0, 0, 0, 0))
    '0xe169c58d6627e8d5'
    """
    key = np.uint64(seed)
    person = np.uint64(person_id)
    word_0, word_1, _, _ = philox4x32(
        person & LOW_WORD, person >> WORD, np.uint64(draw), np.uint64(stream), key & LOW_WORD, key >> WORD
    )
    return word_0 | (word_1 << WORD)


@compiled
def bounded(bits, n):
    """floor(bits * n / 2**64): an integer in 0..n-1 from 64 random bits, for 0 < n <= 2**32.

    No value is more likely than another by more than n / 2**64 (about 1e-12 for ten million persons).
    """
    bits, n = np.uint64(bits), np.uint64(n)
    high = (bits >> WORD) * n
    low = (bits & LOW_WORD) * n
    return np.int64((high + (low >> WORD)) >> WORD)


@compiled
def _fill_uniforms(seed, stream, ids, draws, out):
    for i in range(len(ids)):
        bits = draw_uint64(seed, ids[i], draws[i], stream)
        out[i] = (np.float64(bits >> UNIFORM_SHIFT) + 0.5) * UNIFORM_STEP


def as_seed(seed: int) -> np.uint64:
    """The seed as 64 unsigned bits; anything outside 0..2**64-1 is refused."""
    return np.uint64(_checked("seed", seed, 64))


def as_stream(stream: int) -> np.uint64:
    """The stream number as an unsigned word; anything outside 0..2**32-1 is refused."""
    return np.uint64(_checked("stream", stream, 32))


def uniforms(seed: int, stream: int, ids: ArrayLike, draw: ArrayLike = 0) -> np.ndarray:
    """Uniform numbers strictly between 0 and 1, one for each identifier: float64 of shape (n,).

    `ids` holds int64 identifiers of shape (n,); `draw` is one draw number for all or an array of shape (n,), each in
    0..2**32-1. The same four values always give the same number. A seed, stream or draw number out of range, or
    identifiers that are not integers, raise `DesignError`.

    >>> uniforms(7, 0, [1, 2, 3]).round(6).tolist() == uniforms(7, 0, [3, 2, 1])[::-1].round(6).tolist()
    True
    """
    codes = np.asarray(ids)
    if codes.size and codes.dtype.kind not in "iu":
        raise DesignError(Fault("identifiers of random draws", f"type {codes.dtype}", "64-bit integers"))
    draws = np.broadcast_to(np.asarray(draw), codes.shape)
    if draws.size:
        _checked("draw", int(draws.min()), 32)
        _checked("draw", int(draws.max()), 32)
    out = np.empty(codes.shape, dtype=np.float64)
    _fill_uniforms(
        as_seed(seed), as_stream(stream), codes.astype(np.int64), np.ascontiguousarray(draws, dtype=np.int64), out
    )
    return out


def _checked(name: str, value: int, bits: int) -> int:
    if not 0 <= value < 2**bits:
        raise DesignError(Fault(f"random {name}", "a number out of range", f"0 to 2**{bits} - 1"))
    return value
