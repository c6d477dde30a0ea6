"""Philox against the known answers of its authors, and the maps from its bits to integers and to (0, 1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import DesignError
from equipoise.kernels.philox import bounded, draw_uint64, philox4x32, uniforms
from tests.oracle import risk_sets as oracle

ONES = 0xFFFFFFFF
# Counter, key and answer of "philox4x32 10" in the file kat_vectors of Random123 (D. E. Shaw Research).
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
words = st.integers(0, ONES)
seeds = st.integers(0, 2**64 - 1)
person_ids = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter: tuple, key: tuple, answer: str) -> None:
    as_hex = lambda found: " ".join(f"{int(word):08x}" for word in found)  # noqa: E731
    assert as_hex(philox4x32(*(np.uint64(word) for word in (*counter, *key)))) == answer
    assert as_hex(oracle.philox4x32(counter, key)) == answer


@given(seeds, person_ids, words, words)
def test_a_draw_equals_the_oracles(seed: int, person_id: int, draw: int, stream: int) -> None:
    found = draw_uint64(np.uint64(seed), np.int64(person_id), np.int64(draw), np.uint64(stream))
    assert int(found) == oracle.draw_uint64(seed, person_id, draw, stream)


@given(seeds, st.integers(1, 2**32))
def test_bounded_is_the_exact_floor(bits: int, n: int) -> None:
    assert int(bounded(np.uint64(bits), np.int64(n))) == bits * n >> 64


@pytest.mark.parametrize("n", [1, 2, 3, 10**7, 2**32])
def test_bounded_reaches_both_ends_and_no_further(n: int) -> None:
    assert bounded(np.uint64(0), np.int64(n)) == 0
    assert bounded(np.uint64(2**64 - 1), np.int64(n)) == n - 1


def test_identifiers_beyond_2_to_53_are_told_apart() -> None:
    near = np.array([2**53, 2**53 + 1, 2**62, 2**62 + 1, -1], dtype=np.int64)
    assert len(set(uniforms(1, 0, near))) == len(near)


def test_uniforms_do_not_depend_on_order_or_company() -> None:
    ids = np.arange(1000) * 7919
    values = uniforms(42, 3, ids, draw=5)
    shuffled = np.random.default_rng(0).permutation(1000)
    assert np.array_equal(uniforms(42, 3, ids[shuffled], draw=5), values[shuffled])
    assert uniforms(42, 3, ids[17:18], draw=5)[0] == values[17]


def test_seed_stream_and_draw_each_give_other_numbers() -> None:
    ids = np.arange(100)
    base = uniforms(1, 0, ids)
    for other in (uniforms(2, 0, ids), uniforms(1, 1, ids), uniforms(1, 0, ids, draw=1)):
        assert not np.any(base == other)


def test_draw_numbers_may_differ_by_row() -> None:
    values = uniforms(1, 0, [5, 5, 6], draw=[0, 1, 0])
    assert values[0] == uniforms(1, 0, [5])[0]
    assert values[1] == uniforms(1, 0, [5], draw=1)[0]


def test_uniforms_have_the_moments_of_a_uniform_and_stay_inside() -> None:
    n = 1_000_000
    values = uniforms(20240229, 0, np.arange(n))
    assert values.dtype == np.float64
    assert 0 < values.min() < values.max() < 1
    five_standard_errors = 5 / np.sqrt(12 * n)
    assert abs(values.mean() - 0.5) < five_standard_errors
    counts = np.bincount((values * 100).astype(int), minlength=100)
    chi_square = ((counts - n / 100) ** 2 / (n / 100)).sum()
    assert chi_square < 148.2  # 99.9th percentile on 99 degrees of freedom; the seed is fixed
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 5 / np.sqrt(n)


def test_the_extreme_bit_patterns_stay_strictly_inside_0_and_1() -> None:
    for bits in (0, 2**64 - 1):
        assert 0.0 < ((bits >> 12) + 0.5) * 2.0**-52 < 1.0


@pytest.mark.parametrize(
    "arguments",
    [(-1, 0, [1]), (2**64, 0, [1]), (1, -1, [1]), (1, 2**32, [1]), (1, 0, [1.5]), (1, 0, [1], -1), (1, 0, [1], 2**32)],
)
def test_what_cannot_be_keyed_is_refused(arguments: tuple) -> None:
    with pytest.raises(DesignError):
        uniforms(*arguments)


def test_nobody_needs_no_numbers() -> None:
    assert uniforms(1, 0, []).shape == (0,)
