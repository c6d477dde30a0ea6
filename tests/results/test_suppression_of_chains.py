"""Attrition: no rule's small exclusion, and no small count of persons left, can be worked out from what is shown."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.results.attrition import HiddenChain, hide_chain

PUBLISHED = tuple[tuple[int | None, ...], tuple[int | None, ...]]


def published(remaining: Sequence[int], hidden: HiddenChain) -> PUBLISHED:
    excluded = [before - after for before, after in pairwise(remaining)]
    return (
        tuple(None if h else n for n, h in zip(remaining, hidden.remaining, strict=True)),
        tuple(None if h else n for n, h in zip(excluded, hidden.excluded, strict=True)),
    )


def consistent(shown: PUBLISHED, largest: int) -> Iterator[tuple[int, ...]]:
    """Every chain an attacker must reckon with: falling counts that agree with what is shown; hidden ones are not 0."""
    remaining, excluded = shown
    for chain in product(*(range(1, largest + 1) if n is None else (n,) for n in remaining)):
        steps = [before - after for before, after in pairwise(chain)]
        if all((n is None and step >= 1) or step == n for step, n in zip(steps, excluded, strict=True)):
            yield chain


@pytest.mark.parametrize(
    ("remaining", "k", "left", "removed"),
    [
        ([100, 90, 60], 5, (100, 90, 60), (10, 30)),
        ([100, 97, 60], 5, (100, None, 60), (None, None)),
        ([100, 97, 97, 60], 5, (100, None, None, 60), (None, 0, None)),
        ([100, 60, 57], 5, (100, None, 57), (None, None)),
        ([60, 57], 5, (None, 57), (None,)),
        ([60, 60, 57, 57], 5, (None, None, 57, 57), (0, None, 0)),
        ([100, 3], 5, (100, None), (None,)),
        ([100, 0], 5, (100, 0), (100,)),
        ([3, 0, 0], 5, (None, 0, 0), (None, 0)),
        ([2, 1, 0], 2, (None, None, 0), (None, None)),
        ([4], 5, (None,), ()),
        ([100, 97, 60], 1, (100, 97, 60), (3, 37)),
    ],
)
def test_blocks_of_rules_are_merged_until_they_removed_enough(remaining, k, left, removed) -> None:
    assert published(remaining, hide_chain(remaining, k)) == (left, removed)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=3), st.integers(0, 9), st.sampled_from([2, 3, 5]))
def test_no_small_number_of_a_chain_can_be_pinned(steps: list[int], last: int, k: int) -> None:
    remaining = [last]
    for step in reversed(steps):
        remaining.insert(0, remaining[0] + step)
    shown = published(remaining, hide_chain(remaining, k))
    assert shown[0][-1] == (None if 1 <= last < k else last), "the last count is known from other tables"
    chains = list(consistent(shown, max(remaining) + 3))
    assert tuple(remaining) in chains
    for i, count in enumerate(remaining):
        if 1 <= count < k:
            assert len({chain[i] for chain in chains}) > 1, f"{count} persons are given away by {shown}"
    for i, (before, after) in enumerate(pairwise(remaining)):
        if 1 <= before - after < k:
            assert len({chain[i] - chain[i + 1] for chain in chains}) > 1, f"{before - after} excluded: {shown}"
