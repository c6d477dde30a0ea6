"""Sets of ranks as bits against plain sets, across the borders of words and blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.kernels.rank_bits import (
    BLOCK,
    add_rank,
    clear_ranks,
    count_ranks,
    has_rank,
    lowest_bit,
    no_ranks,
    popcount,
    remove_rank,
    select_rank,
)

N = 3 * BLOCK + 100
EDGES = [0, 63, 64, 127, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, N - 1]
ranks = st.one_of(st.sampled_from(EDGES), st.integers(0, N - 1))


def filled(members) -> tuple:
    words, blocks = no_ranks(N)
    for rank in members:
        add_rank(words, blocks, rank)
    return words, blocks


@given(st.integers(1, 2**64 - 1))
def test_bits_of_a_word(word: int) -> None:
    assert popcount(np.uint64(word)) == word.bit_count()
    assert lowest_bit(np.uint64(word)) == (word & -word).bit_length() - 1


@given(st.sets(ranks, max_size=60), st.sets(ranks, max_size=20), ranks, ranks)
def test_counting_selecting_and_testing(members: set[int], gone: set[int], lo: int, hi: int) -> None:
    words, blocks = filled(members)
    for rank in members & gone:
        remove_rank(words, blocks, rank)
    left = members - gone
    assert count_ranks(words, blocks, lo, hi) == sum(lo <= rank < hi for rank in left)
    after = sorted(rank for rank in left if rank >= lo)
    assert [select_rank(words, blocks, lo, j) for j in range(len(after))] == after
    assert [bool(has_rank(words, rank)) for rank in EDGES] == [rank in left for rank in EDGES]


@pytest.mark.parametrize(("lo", "hi"), [(0, N), (5, BLOCK + 5), (BLOCK, 2 * BLOCK), (64, 128), (7, 7), (0, 0)])
def test_full_ranges_are_counted_exactly_and_cleared(lo: int, hi: int) -> None:
    words, blocks = filled(range(N))
    assert count_ranks(words, blocks, lo, hi) == hi - lo
    words, blocks = filled(range(lo, hi))
    clear_ranks(words, blocks, lo, hi)
    assert not words.any()
    assert not blocks.any()
