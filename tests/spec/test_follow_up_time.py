"""Executable specification of time at risk: (start, stop] in days from time zero; every limit is a day that counts."""

import pytest

from equipoise.design.follow_up import ENDINGS, Followed
from tests.spec.follow_up import followed_of, person, population, rules


def shown(found: Followed) -> tuple[int, int, str] | None:
    """Last day, event code and how follow-up ended; None where the person is not followed."""
    return (int(found.stop[0]), int(found.event[0]), ENDINGS[found.ending[0]]) if len(found) else None


def outcome(when: str, **more) -> tuple[int, int, str] | None:
    return shown(followed_of(person(), {"bleed": [when]}, outcome={"any_of": ("bleed",)}, **more))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2010-07-02", (1, 1, "event")),
        ("2010-07-31", (30, 1, "event")),
        ("2010-08-01", (30, 0, "end of follow-up")),
    ],
)
def test_an_event_on_the_last_day_counts(when: str, expected):
    assert outcome(when, follow_up={"days": 30}) == expected


@pytest.mark.parametrize("when", ["2010-07-01", "2010-06-30", "2001-01-01"])
def test_an_event_on_or_before_time_zero_leaves_the_person_out(when: str):
    found = followed_of(person(), {"bleed": [when]}, outcome={"any_of": ("bleed",)})
    assert shown(found) is None
    assert rules(found.arms.attrition) == [("no bleed up to time zero", 1)]


def test_death_on_the_day_observation_ends_is_an_event():
    who = person(observed=("2000-01-01", "2010-07-11"), died="2010-07-11")
    assert shown(followed_of(who)) == (10, 1, "event")


def test_death_after_observation_is_not_seen():
    who = person(observed=("2000-01-01", "2010-07-11"), died="2010-07-12")
    assert shown(followed_of(who)) == (10, 0, "end of observation")


def test_death_on_time_zero_leaves_the_person_out():
    who = person(observed=("2000-01-01", "2010-07-01"), died="2010-07-01")
    assert rules(followed_of(who).arms.attrition) == [("no death up to time zero", 1)]


def test_observation_that_ends_on_time_zero_leaves_no_time_at_risk():
    found = followed_of(person(observed=("2000-01-01", "2010-07-01")))
    assert rules(found.arms.attrition) == [("followed, and without an event, beyond time zero", 1)]
    assert shown(followed_of(person(observed=("2000-01-01", "2010-07-02")))) == (1, 0, "end of observation")


def test_the_first_of_several_events_counts():
    who = person(observed=("2000-01-01", "2010-07-21"), died="2010-07-21")
    both = {"any_of": ("death", "bleed")}
    assert shown(followed_of(who, {"bleed": ["2010-07-11"]}, outcome=both)) == (10, 1, "event")
    assert shown(followed_of(who, {"bleed": []}, outcome=both)) == (20, 1, "event")


def test_competing_events_have_codes_of_their_own_in_their_order():
    who = person(observed=("2000-01-01", "2010-07-21"), died="2010-07-21")
    named = {
        "outcome": {"any_of": ("bleed",), "competing": ("stroke", "death")},
        "estimator": {"kinds": ("cox",)},
    }
    assert shown(followed_of(who, {"bleed": [], "stroke": []}, **named)) == (20, 3, "competing event")
    stroke = {"bleed": [], "stroke": ["2010-07-20"]}
    assert shown(followed_of(who, stroke, **named)) == (19, 2, "competing event")
    same_day = {"bleed": ["2010-07-21"], "stroke": ["2010-07-21"]}
    assert shown(followed_of(who, same_day, **named)) == (20, 1, "event"), "of events on one day the outcome counts"
    earlier = followed_of(who, {"bleed": ["2010-07-21"], "stroke": ["2010-07-01"]}, **named)
    assert rules(earlier.arms.attrition) == [("no stroke or death up to time zero", 1)]


def test_time_before_the_start_is_not_at_risk():
    late = {"follow_up": {"starts_day": 10, "days": 30}}
    assert outcome("2010-07-12", **late) == (11, 1, "event")
    assert outcome("2010-07-11", **late) is None, "an event on the day before the start"


def test_minimum_days_are_waived_for_persons_with_an_event():
    rule = {"follow_up": {"minimum_days": 30}}
    assert shown(followed_of(person(observed=("2000-01-01", "2010-07-30")), **rule)) is None
    assert shown(followed_of(person(observed=("2000-01-01", "2010-07-31")), **rule)) == (30, 0, "end of observation")
    who = person(observed=("2000-01-01", "2010-07-11"), died="2010-07-11")
    assert shown(followed_of(who, **rule)) == (10, 1, "event")


def test_the_last_day_of_the_study_and_of_membership():
    assert shown(followed_of(person(), censoring={"last_day": "2010-08-30"})) == (60, 0, "end of the study")
    members = population(exit_day="2010-07-11")
    assert shown(followed_of(person(), members=members, censoring={"at_exit": True})) == (10, 0, "left the population")
    assert shown(followed_of(person(), members=members))[2] == "end of observation"


def test_of_limits_on_one_day_observation_is_named_first():
    who = person(observed=("2000-01-01", "2010-07-31"))
    assert shown(followed_of(who, follow_up={"days": 30})) == (30, 0, "end of observation")


STOP = {"censoring": {"at_stop": True, "grace_days": 10, "supply_days": 30}}


@pytest.mark.parametrize(
    ("days", "last"),
    [
        ((-1,), 28 + 10),  # days -1 to 28 are supplied
        ((-1, 29), 58 + 10),  # without a gap
        ((-1, 39), 68 + 10),  # ten days without supply: use goes on
        ((-1, 40), 28 + 10),  # eleven: it ended
        ((-1, 9), 58 + 10),  # twenty days early: they are added at the end
    ],
)
def test_use_ends_with_the_last_day_supplied_and_grace(days, last: int):
    assert shown(followed_of(person(), target=days, **STOP)) == (last, 0, "end of use")


@pytest.mark.parametrize(("after", "last"), [(0, 28), (5, 33), (10, 38), (60, 88)])
def test_days_after_a_stop_that_count_are_apart_from_the_grace_between_supplies(after: int, last: int):
    stop = {"censoring": STOP["censoring"] | {"after_stop_days": after}}
    assert shown(followed_of(person(), target=(-1,), **stop)) == (last, 0, "end of use")
    assert shown(followed_of(person(), target=(-1, 39), **stop))[0] == last + 40, "ten days of grace all the same"


def test_supply_that_is_recorded_counts_instead():
    assert shown(followed_of(person(), target=(-1,), supply=90, **STOP)) == (88 + 10, 0, "end of use")


def test_use_that_ended_before_time_zero_leaves_no_time_as_treated():
    found = followed_of(person(), target=(-200,), **STOP)
    assert rules(found.arms.attrition) == [("followed, and without an event, beyond time zero", 1)]


def test_persons_without_a_drug_do_not_stop():
    assert shown(followed_of(person(), target=(), **STOP))[2] == "end of observation"


def test_a_switch_ends_follow_up_on_its_day():
    switch = {"censoring": {"at_switch": True}}
    assert shown(followed_of(person(), other=(20,), **switch)) == (20, 0, "switch")
    assert shown(followed_of(person(), target=(20,), other=(-10,), **switch)) == (20, 0, "switch")
    assert shown(followed_of(person(), target=(20,), **switch)) == (20, 0, "switch"), "first use among non-users"
    assert shown(followed_of(person(), target=(-10, 20), **switch))[2] == "end of observation"
    who = person(observed=("2000-01-01", "2010-07-21"), died="2010-07-21")
    assert shown(followed_of(who, other=(20,), **switch)) == (20, 1, "event"), "an event on that day counts"
