"""The population: lives in order, marginals as the parameters say, relatives that share what they should."""

from functools import cache

import numpy as np
import pytest

from equipoise.simulate.block import NEVER, YEAR, Partnerships, People, Place
from equipoise.simulate.lives import Mortality
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.population import draw_people
from equipoise.simulate.streams import day_number

SPEC = NationSpec()
FIRST, LAST = day_number(SPEC.population.register_from), day_number(SPEC.population.register_to)
PERSONS = 20_000


@cache
def block(number: int = 0, multiplier: float = 1.0) -> tuple[People, Partnerships]:
    return draw_people(SPEC, Place(7, number, 1, PERSONS), multiplier)


@cache
def all_familial() -> list[People]:
    spec = parse_nation({"population": {"familial_share": 1.0}})
    return [draw_people(spec, Place(7, number, 1, PERSONS))[0] for number in range(6)]


def sibling_pairs(people: People) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two children of a mother, next to each other in order of father, and whether they share him."""
    known = np.flatnonzero(people.mother_key >= 0)
    order = known[np.lexsort((people.father_key[known], people.mother_key[known]))]
    one, other = order[:-1], order[1:]
    same = people.mother_key[one] == people.mother_key[other]
    one, other = one[same], other[same]
    return one, other, people.father_key[one] == people.father_key[other]


def test_lives_are_in_order() -> None:
    people, _ = block()
    assert len(people) == PERSONS
    end = np.minimum(people.leaves, people.dies)
    assert (people.born <= people.start).all()
    assert (people.start >= FIRST).all()
    assert (people.start <= end).all()
    assert people.leaves.max() == LAST
    away = people.gap_start < NEVER
    assert 0.01 < away.mean() < 0.05
    assert (people.gap_start > people.start)[away].all()
    assert (people.gap_end < end)[away].all()
    assert (people.gap_end[~away] == NEVER).all()


@pytest.mark.parametrize("persons", [1, 2, 7])
def test_very_small_blocks(persons: int) -> None:
    assert len(draw_people(SPEC, Place(1, 0, 1, persons))[0]) == persons


def test_the_same_place_gives_the_same_persons_and_another_block_others() -> None:
    again = draw_people(SPEC, Place(7, 0, 1, PERSONS))[0]
    for name in People.__slots__:
        assert (getattr(again, name) == getattr(block()[0], name)).all(), name
    assert (again.born != block(1)[0].born).any()


def test_parents_are_old_enough_and_alive() -> None:
    people, _ = block()
    assert (people.female[people.mother[people.mother >= 0]]).all()
    assert not people.female[people.father[people.father >= 0]].any()
    for parent, late in ((people.mother, 0), (people.father, 270)):
        child = np.flatnonzero(parent >= 0)
        age = (people.born[child] - people.born[parent[child]]) / YEAR
        assert age.min() >= 15
        assert 28 < age.mean() < 35
        assert (people.born[child] <= people.dies[parent[child]] + late).all()
    assert ((people.mother_key >= 0) == (people.father_key >= 0)).all()


def test_siblings_are_born_apart() -> None:
    people, _ = block()
    known = np.flatnonzero(people.mother_key >= 0)
    order = known[np.lexsort((people.born[known], people.mother_key[known]))]
    same = people.mother_key[order[1:]] == people.mother_key[order[:-1]]
    assert np.diff(people.born[order])[same].min() >= 270


def test_most_people_have_known_parents_and_siblings() -> None:
    people, _ = block()
    assert 0.7 < (people.mother_key >= 0).mean() < 0.9
    _, count = np.unique(people.mother_key[people.mother_key >= 0], return_counts=True)
    assert 0.6 < (count * (count > 1)).sum() / count.sum() < 0.9
    fathers = {}
    for mother, father in zip(people.mother_key.tolist(), people.father_key.tolist(), strict=True):
        fathers.setdefault(mother, set()).add(father)
    assert 0.04 < np.mean([len(each) > 1 for each in fathers.values()]) < 0.2


@pytest.mark.parametrize(("full", "expected"), [(True, 0.5), (False, 0.25)])
def test_siblings_share_the_familial_part(full: bool, expected: float) -> None:
    values: list[tuple[np.ndarray, np.ndarray]] = []
    for people in all_familial():
        one, other, same_father = sibling_pairs(people)
        kept = same_father == full
        values.append((people.vulnerability[one[kept]], people.vulnerability[other[kept]]))
    one, other = (np.concatenate(side) for side in zip(*values, strict=True))
    assert abs(np.corrcoef(one, other)[0, 1] - expected) < 4 / np.sqrt(len(one))


def test_vulnerability_is_standard_normal_and_shared_in_part() -> None:
    people = [block(number)[0] for number in range(3)]
    value = np.concatenate([each.vulnerability for each in people])
    assert abs(value.mean()) < 0.03
    assert abs(value.std() - 1) < 0.02
    pairs = [sibling_pairs(each) for each in people]
    one = np.concatenate([p.vulnerability[a[full]] for p, (a, _, full) in zip(people, pairs, strict=True)])
    other = np.concatenate([p.vulnerability[b[full]] for p, (_, b, full) in zip(people, pairs, strict=True)])
    assert abs(np.corrcoef(one, other)[0, 1] - SPEC.population.familial_share / 2) < 4 / np.sqrt(len(one))


def test_the_familial_arrow_can_be_taken_out_alone() -> None:
    spec = parse_nation({"switches": {"familial_vulnerability": False}})
    people, partnerships = draw_people(spec, Place(7, 0, 1, PERSONS))
    for name in set(People.__slots__) - {"vulnerability"}:
        assert (getattr(people, name) == getattr(block()[0], name)).all(), name
    assert (partnerships.start == block()[1].start).all()
    one, other, full = sibling_pairs(people)
    assert abs(np.corrcoef(people.vulnerability[one[full]], people.vulnerability[other[full]])[0, 1]) < 0.04
    assert abs(people.vulnerability.std() - 1) < 0.02


def test_enrichment_changes_carriers_and_nothing_else() -> None:
    many = block(0, 100.0)[0]
    for name in set(People.__slots__) - {"carrier"}:
        assert (getattr(many, name) == getattr(block()[0], name)).all(), name
    expected = 2 * 100 * SPEC.population.gene_frequency
    assert abs(many.carrier.mean() - expected) < 0.008
    assert many.carrier[block()[0].carrier].all()


def test_carriers_have_a_carrier_as_a_parent_and_half_of_their_siblings_carry() -> None:
    people = block(0, 100.0)[0]
    both = np.flatnonzero((people.mother >= 0) & (people.father >= 0) & people.carrier)
    assert (people.carrier[people.mother[both]] | people.carrier[people.father[both]]).all()
    one, other, full = sibling_pairs(people)
    carrier = full & people.carrier[one]
    assert abs(people.carrier[other[carrier]].mean() - 0.5) < 0.12


def test_marginals_follow_the_parameters() -> None:
    people, _ = block()
    spec = SPEC.population
    arrived = (people.mother_key < 0) & (people.start > FIRST) & (people.start > people.born)
    assert abs(arrived.mean() - spec.immigrants) < 0.006
    assert abs(people.female.mean() - 0.5) < 0.01
    assert np.abs(np.bincount(people.income) / PERSONS - 0.2).max() < 1e-3
    born_1950 = np.abs(people.born + 20 * YEAR) < 5 * YEAR
    shares = np.bincount(people.education[born_1950], minlength=3) / born_1950.sum()
    assert abs(shares[0] - spec.primary_education) < 0.03
    assert abs(shares[2] - spec.tertiary_education) < 0.03
    assert set(people.region) == set(range(1, spec.regions + 1))
    known = people.mother >= 0
    near = (people.region == people.region[people.mother])[known].mean()
    assert abs(near - (spec.stays_in_region + (1 - spec.stays_in_region) / spec.regions)) < 0.02


def test_deaths_follow_the_life_table() -> None:
    people, _ = block()
    lives = Mortality.of(SPEC.population, people.female, 1970 + people.born / YEAR)
    end = np.minimum(people.leaves, people.dies)
    died = people.dies <= people.leaves
    at_start, at_end = (lives.survival((day - people.born) / YEAR) for day in (people.start, end))
    expected = np.log(at_start / at_end).sum()
    assert abs(died.sum() - expected) < 4 * np.sqrt(expected)


def test_swedish_survival() -> None:
    women = Mortality.of(SPEC.population, np.array([False, True]), np.array([1940.0, 1940.0]))
    assert women.survival(np.array([65.0, 65.0])) == pytest.approx([0.85, 0.90], abs=0.03)


def test_nobody_is_married_twice_at_a_time_or_to_a_sibling() -> None:
    people, partnerships = block()
    person = np.concatenate([partnerships.one, partnerships.other])
    start, end = np.tile(partnerships.start, 2), np.tile(partnerships.end, 2)
    order = np.lexsort((start, person))
    again = person[order][1:] == person[order][:-1]
    assert again.sum() > 50
    assert (start[order][1:][again] > end[order][:-1][again]).all()
    assert people.female[partnerships.one].all()
    assert not people.female[partnerships.other].any()
    ended = partnerships.end < NEVER
    assert (partnerships.end <= np.minimum(people.dies[partnerships.one], people.dies[partnerships.other]))[ended].all()
    mothers = people.mother_key[partnerships.one], people.mother_key[partnerships.other]
    assert not ((mothers[0] == mothers[1]) & (mothers[0] >= 0)).any()
    gap = (people.born[partnerships.one] - people.born[partnerships.other]) / YEAR
    assert abs(gap.mean() - SPEC.population.partner_age_gap[0]) < 0.7
