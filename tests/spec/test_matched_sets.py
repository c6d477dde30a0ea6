"""Executable specification of who may be a control of whom."""

import numpy as np

from equipoise.cohort.membership import find_members
from equipoise.design.matched_sets import Sampling, control_days, draw_matched_sets
from equipoise.spec.cohorts import CohortDefinition
from tests.spec.tables import people, records, text

LABELS = {name: name for name in ("bleed", "other", "drug")}
OBSERVED = [("2000-01-01", "2010-12-31")]
INDEX = "2005-06-01"
COHORT = CohortDefinition.model_validate({"entry": {"concept_set": "bleed"}})
USERS = CohortDefinition.model_validate(
    {"entry": {"concept_set": "drug"}, "exit": {"kind": "fixed_time", "days": 1000}}
)


def person(number: int, **more):
    return {"id": number, "born": "1950-05-05", "sex": "female", "observed": OBSERVED} | more


def drawn(*others, case=None, free_of=(), users=None, more=None, **sampling):
    """The matched set of person 1, who bleeds on the index date: (controls by id, size of the risk set)."""
    who = people(case or person(1), *others)
    recorded = {"bleed": records(who, (1, INDEX)), "other": records(who), "drug": records(who, *(users or []))}
    recorded |= {name: records(who, *rows) for name, rows in (more or {}).items()}
    within = find_members("users", who, USERS, recorded, LABELS) if users else None
    cases = find_members("cases", who, COHORT, recorded, LABELS, within)
    eligible = control_days(who, COHORT, recorded, LABELS, free_of, within)
    options = {
        "controls_per_case": 5,
        "match_exact": ("sex",),
        "birth_year_caliper": 0,
        "time_in_cohort_caliper_days": None,
        "seed": 1,
    }
    base = within.spans(len(who)) if within is not None else who.observed
    sets = draw_matched_sets(who, cases, eligible.days, base, Sampling(**(options | sampling)))
    assert [text(day) for day in sets.index_day] == [INDEX] * len(sets.index_day)
    assert sets.is_case.tolist() == [True] + [False] * (len(sets.is_case) - 1)
    controls = sorted(who.person_id[sets.person[~sets.is_case]].tolist())
    return controls, int(sets.risk_set_size[0])


def test_the_case_is_never_its_own_control_and_may_have_none():
    assert drawn() == ([], 0)


def test_exact_variables_and_the_birth_year_caliper():
    others = [
        person(2),
        person(3, sex="male"),
        person(4, born="1951-01-01"),
        person(5, born="1949-12-31"),
        person(6, born="1952-01-01"),
    ]
    assert drawn(*others) == ([2], 1)
    assert drawn(*others, birth_year_caliper=1) == ([2, 4, 5], 3)
    assert drawn(*others, birth_year_caliper=None) == ([2, 4, 5, 6], 4)
    assert drawn(*others, match_exact=()) == ([2, 3], 2)


def test_edges_of_observation_death_and_outcome():
    others = [
        person(2, observed=[(INDEX, "2010-12-31")]),
        person(3, observed=[("2000-01-01", INDEX)]),
        person(4, observed=[("2005-06-02", "2010-12-31")]),
        person(5, observed=[("2000-01-01", "2005-05-31")]),
        person(6, died=INDEX, observed=[("2000-01-01", INDEX)]),
        person(7, died="2005-06-02", observed=[("2000-01-01", "2005-06-02")]),
        person(8),
        person(9),
        person(10),
    ]
    bleeds = {"bleed": [(1, INDEX), (8, INDEX), (9, "2005-06-02"), (10, "2005-05-31")]}
    who = people(person(1), *others)
    recorded = {"bleed": records(who, *bleeds["bleed"])}
    eligible = control_days(who, COHORT, recorded, LABELS)
    cases = find_members("cases", who, COHORT, recorded, LABELS)
    sets = draw_matched_sets(who, cases, eligible.days, who.observed, Sampling(9, ("sex",), 0, None, 1))
    first = sets.matched_set == 0
    assert sorted(who.person_id[sets.person[first & ~sets.is_case]].tolist()) == [2, 3, 7, 9]
    assert who.person_id[sets.person[sets.is_case]].tolist() == [1, 8, 9, 10]


def test_controls_are_free_of_named_conditions_on_or_before_the_index_date():
    others = [person(2), person(3), person(4)]
    sick = {"other": [(2, INDEX), (3, "2005-06-02")]}
    assert drawn(*others, more=sick, free_of=("other",)) == ([3, 4], 2)
    assert drawn(*others, more=sick) == ([2, 3, 4], 3)


def test_nested_in_a_cohort_case_and_controls_are_members_on_the_index_date():
    others = [person(2), person(3), person(4), person(5)]
    users = [(1, "2005-01-01"), (2, "2005-06-01"), (3, "2005-06-02"), (4, "2002-09-05"), (5, "2002-09-04")]
    assert drawn(*others, users=users) == ([2, 4], 2), "4 leaves on the index date, 5 the day before"


def test_time_in_cohort_runs_from_entry_into_the_cohort_or_into_observation():
    others = [
        person(2),
        person(3, observed=[("2000-01-31", "2010-12-31")]),
        person(4, observed=[("2000-02-01", "2010-12-31")]),
    ]
    assert drawn(*others, time_in_cohort_caliper_days=30) == ([2, 3], 2)
    users = [(1, "2005-01-01"), (2, "2005-01-31"), (3, "2005-02-01"), (4, "2004-12-02")]
    assert drawn(*others, users=users, time_in_cohort_caliper_days=30) == ([2, 4], 2)


def test_inclusion_probability_is_controls_over_persons_at_risk():
    who = people(person(1), *(person(number) for number in range(2, 12)))
    recorded = {"bleed": records(who, (1, INDEX))}
    cases = find_members("cases", who, COHORT, recorded, LABELS)
    eligible = control_days(who, COHORT, recorded, LABELS)
    sets = draw_matched_sets(who, cases, eligible.days, who.observed, Sampling(4, ("sex",), 0, None, 1))
    np.testing.assert_array_equal(sets.inclusion_probability, [0.4])


def test_attrition_of_controls_counts_persons_with_any_day_left():
    who = people(person(1), person(2, born=None), person(3, observed=[]), person(4))
    recorded = {"bleed": records(who, (4, "1999-01-01"))}
    rows = [(row.rule, row.persons_left) for row in control_days(who, COHORT, recorded, LABELS).attrition]
    assert rows == [
        ("persons in the database", 4),
        ("date of birth known", 3),
        ("under observation on some day", 2),
        ("alive", 2),
        ("free of bleed", 1),
    ]
