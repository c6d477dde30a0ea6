"""Executable specification of matched sets with relatives: which sibling or spouse may be a control, and when."""

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.membership import find_members
from equipoise.data.families import Families, Pairs, derived_siblings
from equipoise.data.partnerships import EARLIEST, LATEST, Partnerships
from equipoise.design.matched_sets import control_days
from equipoise.design.relatives import (
    cousins_of,
    demographic_columns,
    families_of_rows,
    family_clusters,
    linked_sets,
    shared_look_back,
    sibling_sets,
    spouse_sets,
)
from equipoise.errors import DesignError
from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.relatives import RelativeControls
from tests.spec.tables import day, people, records, text

LABELS = {"als": "als", "mnd": "mnd"}
COHORT = CohortDefinition.model_validate({"entry": {"concept_set": "als"}})
INDEX = "2015-06-01"
OBSERVED = [("2000-01-01", "2020-12-31")]


def person(number, **more):
    return {"id": number, "born": "1950-05-05", "sex": "female", "observed": OBSERVED} | more


def rows_of(n, *pairs):
    """Pairs in both directions, in compressed rows."""
    both = sorted({(a, b) for pair in pairs for a, b in (pair, pair[::-1])})
    offsets = np.searchsorted([a for a, _ in both], np.arange(n + 1))
    return Pairs(offsets, np.array([b for _, b in both], dtype=np.int64))


def related(who, siblings=(), half=(), spouses=()):
    """Families from pairs of identifiers; spouses for all time."""
    codes = {int(number): code for code, number in enumerate(who.person_id)}
    full, halves, couples = (
        rows_of(len(who), *((codes[a], codes[b]) for a, b in given)) for given in (siblings, half, spouses)
    )
    k = len(couples.other)
    partners = Partnerships(couples.offsets, couples.other, np.full(k, EARLIEST), np.full(k, LATEST))
    return Families(full, halves, partners, np.arange(len(who)), ())


def made(persons, als, kind="siblings", mnd=(), rules=None, seed=1, **links):
    """Matched sets as {case: {control: date}} by identifier, with the sets themselves."""
    who = people(*persons)
    recorded = {"als": records(who, *als), "mnd": records(who, *mnd)}
    cases = find_members("cases", who, COHORT, recorded, LABELS)
    eligible = control_days(who, COHORT, recorded, LABELS, ("mnd",)).days
    families = related(who, **links)
    if kind == "siblings":
        result = sibling_sets(who, cases, eligible, families, RelativeControls.model_validate(rules or {}), seed)
    else:
        result = spouse_sets(who, cases, eligible, families)
    sets, ids = result.sets, who.person_id
    found = {}
    for number, is_case, member, when in zip(
        sets.matched_set, sets.is_case, ids[sets.person], sets.index_day, strict=True
    ):
        if is_case:
            case = found.setdefault(int(member), {})
            assert number == len(found) - 1
        else:
            case[int(member)] = text(when)
    return found, result


def test_siblings_are_alive_observed_and_free_of_disease_on_the_index_date() -> None:
    persons = [
        person(1),
        person(2),
        person(3, died=INDEX, observed=[("2000-01-01", INDEX)]),
        person(4, died="2015-06-02", observed=[("2000-01-01", "2015-06-02")]),
        person(5, observed=[("2000-01-01", "2015-05-31")]),
        person(6, observed=[(INDEX, "2020-12-31")]),
        person(7),
        person(8),
        person(9),
    ]
    everyone = [(1, other) for other in range(2, 9)]
    found, result = made(
        persons, [(1, INDEX), (7, "2015-06-02")], mnd=[(8, INDEX), (2, "2015-06-02")], siblings=everyone
    )
    on_index = dict.fromkeys([2, 4, 6, 7], INDEX)
    assert found[1] == on_index, "7 falls ill the day after and still serves; 8 has another motor neuron disease"
    assert found[7] == {}, "the sibling who fell ill before is no control"
    assert [(row.rule, row.persons_left) for row in result.cases] == [
        ("cases", 2),
        ("a full sibling in the database", 2),
        ("at least one eligible control", 1),
    ]
    assert result.sets.risk_set_size.tolist() == [4, 0]


def test_siblings_who_fall_ill_on_the_same_day_do_not_serve_each_other() -> None:
    found, _ = made([person(1), person(2)], [(1, INDEX), (2, INDEX)], siblings=[(1, 2)])
    assert found == {1: {}, 2: {}}


def test_a_sibling_serves_two_cases_of_one_family() -> None:
    triplet = [(1, 2), (1, 3), (2, 3)]
    found, result = made([person(1), person(2), person(3)], [(1, INDEX), (2, "2016-01-01")], siblings=triplet)
    assert found == {1: {2: INDEX, 3: INDEX}, 2: {3: "2016-01-01"}}
    sets = result.sets
    assert len(set(family_clusters(sets, np.zeros(3, dtype=np.int64)))) == 1
    assert len(set(family_clusters(sets, np.arange(3)))) == 1, "the case of one is a control of the other"


def test_sets_of_different_families_are_different_clusters() -> None:
    persons = [person(number) for number in range(1, 5)]
    _, result = made(persons, [(1, INDEX), (3, INDEX)], siblings=[(1, 2), (3, 4)])
    apart = family_clusters(result.sets, np.array([0, 0, 1, 1]))
    assert apart.tolist()[:2] == [apart[0]] * 2
    assert len(set(apart.tolist())) == 2


@pytest.mark.parametrize(
    ("group", "clusters"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 3),  # nobody twice
        ([0, 1, 2, 3, 1, 5, 6, 1], 3),  # controls of one group alone
        ([0, 1, 2, 3, 0, 5, 6, 7], 2),  # a control of the second set is of the group of the first one's case
        ([0, 1, 2, 0, 4, 5, 6, 7], 2),  # cases of one group
        ([0, 1, 2, 3, 0, 5, 6, 3], 1),  # through the second set
    ],
)
def test_sets_hang_together_by_their_cases(group: list[int], clusters: int) -> None:
    matched_set = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    is_case = np.array([1, 0, 0, 1, 0, 0, 1, 0], dtype=bool)
    found = linked_sets(matched_set, np.array(group), is_case)
    assert len(set(found.tolist())) == clusters
    assert all(len(set(found[matched_set == one].tolist())) == 1 for one in range(3)), "whole sets"
    assert linked_sets(matched_set[:0], matched_set[:0], is_case[:0]).tolist() == []


def test_birth_year_caliper_and_half_siblings_are_choices() -> None:
    persons = [person(1), person(2, born="1953-01-01"), person(3, born="1954-01-01"), person(4)]
    links = {"siblings": [(1, 2), (1, 3)], "half": [(1, 4)]}
    assert set(made(persons, [(1, INDEX)], **links)[0][1]) == {2, 3}
    assert set(made(persons, [(1, INDEX)], rules={"birth_year_caliper": 3}, **links)[0][1]) == {2}
    assert set(made(persons, [(1, INDEX)], rules={"half_siblings": True}, **links)[0][1]) == {2, 3, 4}


def test_of_many_siblings_some_are_drawn_each_as_often_as_another() -> None:
    persons = [person(number) for number in range(1, 8)]
    links = [(1, other) for other in range(2, 8)]
    rules = {"siblings_per_case": 2}
    draws = [made(persons, [(1, INDEX)], rules=rules, seed=seed, siblings=links)[0][1] for seed in range(300)]
    assert {len(draw) for draw in draws} == {2}
    times = np.array([sum(number in draw for draw in draws) for number in range(2, 8)])
    assert times.sum() == 600
    assert (np.abs(times - 100) < 5 * np.sqrt(300 * (1 / 3) * (2 / 3))).all()
    again = made(persons, [(1, INDEX)], rules=rules, seed=7, siblings=links)
    assert again[0][1] == draws[7]
    assert again[1].sets.risk_set_size.tolist() == [6]


@pytest.mark.parametrize(("born", "when"), [("1950-05-15", "2015-06-11"), ("1949-05-05", "2014-06-01")])
def test_siblings_may_be_looked_at_at_the_age_of_the_case(born: str, when: str) -> None:
    found, _ = made(
        [person(1), person(2, born=born)], [(1, INDEX)], rules={"compared_on": "case_age"}, siblings=[(1, 2)]
    )
    assert found == {1: {2: when}}


def test_at_the_age_of_the_case_the_sibling_must_be_observed() -> None:
    late = [person(1), person(2, born="1956-05-05"), person(3, born=None)]
    found, _ = made(late, [(1, INDEX)], rules={"compared_on": "case_age"}, siblings=[(1, 2), (1, 3)])
    assert found == {1: {}}, "2 is as old in 2021, after observation; of 3 no birth is known"


def test_members_of_a_set_are_seen_for_as_long_as_the_one_seen_least() -> None:
    visible, days = np.array([10, 40, 0, 5]), np.array([100, 110, 50, 50])
    assert shared_look_back(visible, days, np.array([0, 0, 1, 1])).tolist() == [30, 40, 5, 5]


def test_the_spouse_is_the_partner_on_the_index_date_who_may_serve() -> None:
    persons = [person(1), person(2, sex="male"), person(3), person(4, sex="male", died="2010-01-01")]
    als = [(1, INDEX), (3, INDEX)]
    found, result = made(persons, als, kind="spouses", spouses=[(1, 2), (3, 4)])
    assert found == {1: {2: INDEX}, 3: {}}
    assert [row.persons_left for row in result.cases] == [2, 2, 1]
    assert made(persons, als, kind="spouses", mnd=[(2, "2014-01-01")], spouses=[(1, 2)])[0] == {1: {}, 3: {}}


def test_sex_and_birth_year_of_relatives_become_columns() -> None:
    who = people(person(1), person(2, sex="male", born="1948-01-01"), person(3))
    columns = demographic_columns(who, IndexRows(np.array([0, 1, 2]), np.full(3, day(INDEX), dtype=np.int32)))
    assert {column.name: np.asarray(values).astype(float).tolist() for column, values in columns} == {
        "by design | sex[male]": [0.0, 1.0, 0.0],
        "by design | birth year": [1950.0, 1948.0, 1950.0],
    }


# Sisters 3 and 4, daughters of 1 and 2; 8 is their half sister. 10 and 11 are children of 3 and 5, 14 of 3 and 7,
# 12 and 13 of 4 and 6, 15 of 8 and nobody known.
PARENTS = {3: (1, 2), 4: (1, 2), 8: (1, 9), 10: (3, 5), 11: (3, 5), 12: (4, 6), 13: (4, 6), 14: (3, 7), 15: (8, 0)}


def kin(who):
    """Families that parents alone tell of."""
    codes = {int(number): code for code, number in enumerate(who.person_id)} | {0: -1}
    mother, father = (
        np.array([codes[PARENTS.get(int(number), (0, 0))[side]] for number in who.person_id]) for side in (0, 1)
    )
    pairs = [rows_of(len(who), *zip(*(side.tolist() for side in made), strict=True)) for made in
             derived_siblings(mother, father)]  # fmt: skip
    nobody = Partnerships(np.zeros(len(who) + 1, np.int64), *(np.zeros(0, np.int64) for _ in range(3)))
    return Families(*pairs, nobody, np.arange(len(who)), (), (mother, father))


def test_cousins_are_children_of_full_siblings_of_a_parent() -> None:
    who = people(*(person(number) for number in range(1, 16)))
    row, found = cousins_of(np.searchsorted(who.person_id, [10, 12, 14, 15, 1]), kin(who))
    of = {at: who.person_id[found[row == at]].tolist() for at in range(5)}
    assert of == {0: [12, 13], 1: [10, 11, 14], 2: [12, 13], 3: [], 4: []}, "14 is a half sibling of 10"


@pytest.mark.parametrize(
    ("kind", "rules", "expected"),
    [
        ("cousins", {}, {12: INDEX, 13: INDEX}),
        ("half_siblings", {}, {14: INDEX}),
        ("siblings", {}, {11: INDEX}),
        ("siblings", {"half_siblings": True}, {11: INDEX, 14: INDEX}),
        ("cousins", {"siblings_per_case": 1}, 1),
    ],
)
def test_every_kind_of_relative_serves_by_the_rules_of_siblings(kind: str, rules: dict, expected: object) -> None:
    who = people(*(person(number) for number in range(1, 16)))
    recorded = {"als": records(who, (10, INDEX)), "mnd": records(who)}
    cases = find_members("cases", who, COHORT, recorded, LABELS)
    eligible = control_days(who, COHORT, recorded, LABELS, ("mnd",)).days
    made = sibling_sets(who, cases, eligible, kin(who), RelativeControls.model_validate(rules), 1, kind).sets
    found = {int(who.person_id[member]): text(when) for member, when in
             zip(made.person[~made.is_case], made.index_day[~made.is_case], strict=True)}  # fmt: skip
    assert (len(found) if isinstance(expected, int) else found) == expected


@pytest.mark.parametrize(
    ("kind", "rules", "expected"),
    [
        ("siblings", {}, {0: [10, 11], 1: [12, 13], 2: [12, 13], 3: [15]}),
        ("siblings", {"half_siblings": True}, {0: [10, 11, 14], 1: [12, 13], 2: [12, 13], 3: [15]}),
        ("half_siblings", {}, {0: [10, 14], 1: [12], 2: [12], 3: [15]}),
        ("cousins", {}, {0: [10, 12, 13], 1: [12, 11, 14], 2: [12, 14, 11], 3: [15]}),
        ("cousins", {"birth_year_caliper": 1}, {0: [10, 12], 1: [12, 11, 14], 2: [12, 14, 11], 3: [15]}),
    ],
)
def test_the_family_of_a_case_or_control_is_the_person_with_all_its_relatives_who_might_serve(
    kind: str, rules: dict, expected: dict
) -> None:
    """Person 12 stands in two sets: on the second day 10, a case by then, and on no day the ill 13 of 2016."""
    who = people(*(person(number) for number in range(1, 13)), person(13, born="1953-01-01"), person(14), person(15))
    later = "2016-01-01"
    recorded = {"als": records(who, (10, INDEX), (13, "2015-12-31")), "mnd": records(who)}
    eligible = control_days(who, COHORT, recorded, LABELS, ("mnd",)).days
    looked_at = [(10, INDEX), (12, INDEX), (12, "2015-06-02"), (15, later)]
    rows = IndexRows(
        np.searchsorted(who.person_id, [number for number, _ in looked_at]),
        np.array([day(when) for _, when in looked_at], dtype=np.int32),
    )
    made = families_of_rows(who, rows, eligible, kin(who), RelativeControls.model_validate(rules), kind)
    found = {at: who.person_id[made.person[made.row == at]].tolist() for at in range(4)}
    assert {at: [members[0], *sorted(members[1:])] for at, members in found.items()} == {
        at: [members[0], *sorted(members[1:])] for at, members in expected.items()
    }
    assert made.person[made.own].tolist() == rows.person.tolist()
    np.testing.assert_array_equal(made.day, rows.day[made.row])


def test_the_family_of_a_person_with_a_partner_is_the_couple() -> None:
    who = people(person(1), person(2), person(3), person(4, died=INDEX, observed=[("2000-01-01", INDEX)]))
    eligible = control_days(who, COHORT, {"als": records(who), "mnd": records(who)}, LABELS, ("mnd",)).days
    rows = IndexRows(np.arange(3), np.full(3, day(INDEX), dtype=np.int32))
    families = related(who, spouses=[(1, 2), (3, 4)])
    made = families_of_rows(who, rows, eligible, families, RelativeControls(), "spouses")
    assert (made.row.tolist(), made.person.tolist()) == ([0, 0, 1, 1, 2], [0, 1, 1, 0, 2])
    assert made.own.tolist() == [True, False, True, False, True]


def test_without_parents_there_are_no_cousins_to_be_found() -> None:
    who = people(person(1), person(2))
    with pytest.raises(DesignError, match="families without parents"):
        cousins_of(np.array([0]), related(who, siblings=[(1, 2)]))
