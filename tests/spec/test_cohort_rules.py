"""Executable specification of cohort rules: tiny tables in, tiny tables out."""

from equipoise.cohort.eligibility import (
    age_days,
    alive_days,
    both,
    calendar_days,
    days_free_of,
    days_meeting,
    days_without_prior,
    observed_for,
)
from equipoise.cohort.membership import find_members
from equipoise.spec.cohorts import AgeLimits, CalendarLimits, CohortDefinition, InclusionRule, PriorExclusion
from tests.spec.tables import day, people, records, shown

ANN = {"id": 1, "born": "1950-06-15", "sex": "female", "observed": [("2000-01-01", "2010-12-31")]}
BOB = {"id": 2, "born": "1960-02-29", "sex": "male", "died": "2005-03-01", "observed": [("2001-01-01", "2005-03-01")]}
CAT = {"id": 3, "born": None, "sex": "female", "observed": [("2000-01-01", "2010-12-31")]}
DAN = {
    "id": 4,
    "born": "1970-01-01",
    "sex": "male",
    "observed": [("2000-01-01", "2001-12-31"), ("2003-01-01", "2004-12-31")],
}
LABELS = {"bleed": "bleed", "drug": "drug", "ulcer": "ulcer"}


def definition(**more):
    return CohortDefinition.model_validate({"entry": {"concept_set": "bleed"}, **more})


def members(who, cohort, **recorded):
    found = find_members("cases", who, cohort, recorded, LABELS)
    rules = [(row.rule, row.persons_left) for row in found.attrition]
    return [
        (int(who.person_id[code]), int(entry)) for code, entry in zip(found.person, found.entry, strict=True)
    ], rules


def ids(found):
    return [person for person, _ in found]


def test_age_limits_are_completed_years_and_both_inclusive():
    who = people(ANN)
    assert shown(who, age_days(who, AgeLimits(min=50, max=50))) == {1: [("2000-06-15", "2001-06-14")]}


def test_someone_born_on_29_february_completes_a_year_on_1_march():
    who = people(BOB)
    assert shown(who, age_days(who, AgeLimits(min=41, max=41))) == {2: [("2001-03-01", "2002-02-28")]}


def test_age_of_someone_without_a_birth_date_is_never_within_limits():
    who = people(CAT)
    assert shown(who, age_days(who, AgeLimits(min=0, max=150))) == {}


def test_calendar_limits_are_inclusive():
    who = people(ANN)
    window = CalendarLimits.model_validate({"from": "2003-02-01", "to": "2003-02-03"})
    assert shown(who, both(who.observed, calendar_days(who, window))) == {1: [("2003-02-01", "2003-02-03")]}


def test_prior_observation_counts_days_of_the_same_span():
    who = people(DAN)
    assert shown(who, observed_for(who, 365)) == {4: [("2000-12-31", "2001-12-31"), ("2004-01-01", "2004-12-31")]}


def test_a_person_is_not_eligible_on_the_day_of_death_or_of_the_outcome():
    who = people(BOB)
    assert shown(who, both(who.observed, alive_days(who))) == {2: [("2001-01-01", "2005-02-28")]}
    free = days_free_of(records(who, (2, "2003-05-05"), (2, "2004-01-01")))
    assert shown(who, both(who.observed, free)) == {2: [("2001-01-01", "2003-05-04")]}


def test_prior_exclusion_ever_lasts_for_ever_and_spares_the_day_of_the_record():
    who = people(ANN)
    without = days_without_prior(records(who, (1, "2003-05-05")), PriorExclusion(concept_set="ulcer"))
    assert shown(who, both(who.observed, without)) == {1: [("2000-01-01", "2003-05-05")]}


def test_prior_exclusion_within_days_ends_when_the_record_is_older():
    who = people(ANN)
    without = days_without_prior(records(who, (1, "2003-05-05")), PriorExclusion(concept_set="ulcer", days=10))
    assert shown(who, both(who.observed, without)) == {1: [("2000-01-01", "2003-05-05"), ("2003-05-16", "2010-12-31")]}


def test_an_inclusion_rule_counts_distinct_days_in_its_window():
    who = people(ANN)
    rule = {"name": "two in 30 days", "concept_set": "drug", "window": {"days_before": (0, 30)}, "at_least": 2}
    recorded = records(who, (1, "2003-05-05"), (1, "2003-05-05"), (1, "2003-05-10"))
    met = days_meeting(recorded, InclusionRule.model_validate(rule))
    assert shown(who, both(who.observed, met)) == {1: [("2003-05-11", "2003-06-04")]}


def test_at_most_none_is_the_complement_of_at_least_one():
    who = people(ANN)
    rule = {"name": "naive", "concept_set": "drug", "window": {"days_before": (0, 30)}, "at_most": 0}
    met = days_meeting(records(who, (1, "2003-05-05")), InclusionRule.model_validate(rule))
    assert shown(who, both(who.observed, met)) == {1: [("2000-01-01", "2003-05-05"), ("2003-06-05", "2010-12-31")]}


def test_only_the_first_ever_event_makes_a_case():
    who = people(ANN, DAN)
    found, rules = members(
        who,
        definition(),
        bleed=records(who, (1, "2003-05-05"), (1, "2004-05-05"), (4, "2002-06-01"), (4, "2003-06-01")),
    )
    assert ids(found) == [1], (
        "person 4 first bled between two spans of observation, and a second bleed is not the first"
    )
    assert rules[-1] == ("under observation on the day", 1)


def test_persons_without_a_birth_date_leave_at_the_second_rule():
    who = people(ANN, CAT)
    found, rules = members(who, definition(), bleed=records(who, (1, "2003-05-05"), (3, "2003-05-05")))
    assert ids(found) == [1]
    assert rules == [
        ("persons in the database", 2),
        ("date of birth known", 1),
        ("first record of bleed", 1),
        ("under observation on the day", 1),
    ]


def test_every_rule_writes_one_row_and_counts_never_rise():
    who = people(ANN, BOB, CAT, DAN)
    cohort = definition(
        age={"min": 30},
        sex=["female"],
        calendar={"from": "2003-01-01"},
        prior_observation_days=100,
        exclude_prior=[{"concept_set": "ulcer"}],
        rules=[
            {"name": "drug ever", "concept_set": "drug", "window": {"days_before": (0, float("inf"))}, "at_least": 1}
        ],
    )
    found, rules = members(
        who,
        cohort,
        bleed=records(who, (1, "2003-05-05"), (2, "2003-05-05"), (4, "2003-05-05")),
        ulcer=records(who, (2, "2002-05-05")),
        drug=records(who, (1, "2001-01-01")),
    )
    assert ids(found) == [1]
    assert rules == [
        ("persons in the database", 4),
        ("date of birth known", 3),
        ("first record of bleed", 3),
        ("under observation on the day", 3),
        ("age 30 or older", 3),
        ("sex: female", 1),
        ("from 2003-01-01", 1),
        ("at least 100 days of observation before the day", 1),
        ("no ulcer ever before", 1),
        ("drug ever", 1),
    ]


def test_a_washout_keeps_events_that_follow_a_quiet_time():
    who = people(ANN)
    cohort = CohortDefinition.model_validate(
        {"entry": {"concept_set": "drug", "occurrence": "every"}, "washout_days": 30}
    )
    dispensed = records(who, (1, "2003-01-01"), (1, "2003-01-31"), (1, "2003-03-03"), (1, "2003-04-01"))
    found = find_members("users", who, cohort, {"drug": dispensed}, LABELS)
    assert [str(entry.astype("datetime64[D]")) for entry in found.entry] == ["2003-01-01", "2003-03-03"]


def test_exits_end_membership_at_the_earliest_of_observation_time_and_event():
    who = people(ANN)
    entered = records(who, (1, "2003-01-01"))
    stopped = records(who, (1, "2003-01-01"), (1, "2003-02-01"), (1, "2003-03-01"))

    def last_day(**rule):
        cohort = CohortDefinition.model_validate({"entry": {"concept_set": "drug"}, "exit": rule})
        found = find_members("users", who, cohort, {"drug": entered, "bleed": stopped}, LABELS)
        return str(found.exit.astype("datetime64[D]")[0])

    assert last_day(kind="end_of_observation") == "2010-12-31"
    assert last_day(kind="fixed_time", days=90) == "2003-04-01"
    assert last_day(kind="event", concept_set="bleed") == "2003-02-01", "an event on the entry day does not end it"
    assert last_day(kind="death") == "2010-12-31"


def test_entry_that_waits_for_several_first_records_is_on_the_day_of_the_last_of_them():
    """Ann's ulcer comes after her bleed, Dan's before it; Bob has none; of several ulcers the first counts."""
    who = people(ANN, BOB, DAN)
    cohort = CohortDefinition.model_validate({"entry": {"concept_set": "bleed", "also": ["ulcer"]}})
    found, rules = members(
        who,
        cohort,
        bleed=records(who, (1, "2003-02-01"), (2, "2003-02-01"), (4, "2003-05-01")),
        ulcer=records(who, (1, "2003-02-10"), (1, "2004-01-01"), (4, "2002-06-01")),
    )
    assert found == [(1, day("2003-02-10")), (4, day("2003-05-01"))]
    assert ("first record of ulcer", 2) in rules


def test_entry_that_waits_for_records_that_nobody_has_lets_nobody_in():
    who = people(ANN)
    cohort = CohortDefinition.model_validate({"entry": {"concept_set": "bleed", "also": ["ulcer"]}})
    found, _ = members(who, cohort, bleed=records(who, (1, "2003-02-01")), ulcer=records(who))
    assert found == []


def test_entry_that_waits_ends_outside_observation_and_does_not_count():
    """Dan's second first record falls between his two periods under observation."""
    who = people(DAN)
    cohort = CohortDefinition.model_validate({"entry": {"concept_set": "bleed", "also": ["ulcer"]}})
    bleeds, ulcers = records(who, (4, "2001-05-01")), records(who, (4, "2002-06-01"))
    found, _ = members(who, cohort, bleed=bleeds, ulcer=ulcers)
    assert found == []
