"""Relatives of a block, held against a plain double loop."""

import numpy as np

from equipoise.simulate.block import Place
from equipoise.simulate.kinship import parents, siblings, spouses
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.population import draw_people

PEOPLE, PARTNERSHIPS = draw_people(NationSpec(), Place(4, 0, 1, 1_500))


def as_set(pairs: tuple[np.ndarray, np.ndarray]) -> set[tuple[int, int]]:
    found = set(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))
    assert len(found) == len(pairs[0])
    return found


def test_siblings_share_both_parents_or_one() -> None:
    keys = list(zip(PEOPLE.mother_key.tolist(), PEOPLE.father_key.tolist(), strict=True))
    full, half = set(), set()
    for one, (mother, father) in enumerate(keys):
        for other, (its_mother, its_father) in enumerate(keys):
            shared = (mother >= 0 and mother == its_mother) + (father >= 0 and father == its_father)
            if one != other and shared:
                (full if shared == 2 else half).add((one, other))
    found_full, found_half = siblings(PEOPLE)
    assert as_set(found_full) == full
    assert as_set(found_half) == half
    assert len(full) > 1_000
    assert len(half) > 50


def test_parents_are_those_in_the_database() -> None:
    mothers, fathers = parents(PEOPLE)
    assert as_set(mothers) == {(int(row), child) for child, row in enumerate(PEOPLE.mother) if row >= 0}
    assert as_set(fathers) == {(int(row), child) for child, row in enumerate(PEOPLE.father) if row >= 0}


def test_spouses_are_there_in_both_directions() -> None:
    pairs = set(zip(PARTNERSHIPS.one.tolist(), PARTNERSHIPS.other.tolist(), strict=True))
    assert as_set(spouses(PARTNERSHIPS)) == pairs | {(other, one) for one, other in pairs}
