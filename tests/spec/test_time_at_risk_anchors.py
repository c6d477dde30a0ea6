"""Executable specification of the anchors of time at risk: time zero, and the end of exposure.

Time zero is 1 July 2010 (day 0). A dispensing on day 0 that lasts 30 days makes day 29 the last day of use.
"""

import pytest

from equipoise.design.follow_up import ENDINGS, Followed
from tests.spec.follow_up import followed_of, person, rules

USE = {"time_zero": "first_use", "censoring": {"grace_days": 10, "supply_days": 30}}
AFTER_USE = {"start_anchor": "end_of_exposure"}
LONG = ("2000-01-01", "2010-12-31")  # observed until day 183


def followed(
    when: str | None = None,
    observed: tuple[str, str] = LONG,
    target: tuple[int, ...] = (0,),
    other: tuple[int, ...] = (),
    **time: object,
) -> Followed:
    """One user who bleeds, or not, with time at risk as given."""
    events = {"bleed": [] if when is None else [when]}
    elements = USE | {"outcome": {"any_of": ("bleed",)}, "follow_up": time}
    return followed_of(person(observed=observed), events, target=target, other=other, **elements)


def shown(found: Followed) -> tuple[int, int, int, str] | None:
    """Start and stop in days from the anchor, event, how it ended; None where the person is not followed."""
    if not len(found):
        return None
    return int(found.start[0]), int(found.stop[0]), int(found.event[0]), ENDINGS[found.ending[0]]


def last_rule(found: Followed) -> str:
    return rules(found.arms.attrition)[-1][0]


@pytest.mark.parametrize(
    ("when", "time", "expected"),
    [
        ("2010-07-31", {}, (0, 1, 1, "event")),  # day 30, the day after the last of use
        ("2010-08-29", {"days": 30}, (0, 30, 1, "event")),  # day 59 is day 30 after use
        ("2010-08-30", {"days": 30}, (0, 30, 0, "end of follow-up")),  # a month after use, for everybody
        (None, {}, (0, 183 - 29, 0, "end of observation")),
        ("2010-08-10", {"starts_day": 10}, (10, 11, 1, "event")),  # day 40 is day 11 after use
    ],
)
def test_time_begins_at_the_end_of_use(when, time, expected):
    assert shown(followed(when, **AFTER_USE, **time)) == expected


@pytest.mark.parametrize("when", ["2010-07-02", "2010-07-30"])
def test_an_event_during_use_is_counted_in_attrition(when: str):
    found = followed(when, **AFTER_USE)
    assert shown(found) is None
    assert rules(found.arms.attrition) == [("no event between time zero and the end of use", 1)]


def test_an_event_in_the_days_before_the_start_too():
    found = followed("2010-08-09", starts_day=10, **AFTER_USE)  # day 39 is day 10 after use
    assert shown(found) is None
    assert ("no event between time zero and day 10 after the end of use", 1) in rules(found.arms.attrition)


def test_follow_up_that_ends_with_use_is_counted_apart():
    found = followed(observed=("2000-01-01", "2010-07-30"), **AFTER_USE)
    assert rules(found.arms.attrition) == [("followed beyond the end of use", 1)]
    assert shown(followed(observed=("2000-01-01", "2010-07-31"), **AFTER_USE)) == (0, 1, 0, "end of observation")


@pytest.mark.parametrize(
    ("days", "last_of_use"),
    [((0,), 29), ((0, 30), 59), ((0, 40), 69), ((0, 41), 29), ((0, 20), 59)],
)
def test_use_lasts_over_gaps_within_the_grace_and_supply_left_over(days, last_of_use: int):
    assert shown(followed(target=days, **AFTER_USE))[1] == 183 - last_of_use


def test_each_arm_has_the_end_of_its_own_drug():
    found = followed(target=(60,), other=(0, 30), **AFTER_USE)
    assert int(found.arms.arm[0]) == 0
    assert shown(found) == (0, 183 - 59, 0, "end of observation")


@pytest.mark.parametrize(
    ("time", "stop"),
    [
        ({"end_anchor": "end_of_exposure", "days": 0}, 29),
        ({"end_anchor": "end_of_exposure", "days": 30}, 59),
        ({"end_anchor": "time_zero", "days": 30}, 30),
    ],
)
def test_time_may_begin_at_time_zero_and_end_after_use(time, stop: int):
    ending = "end of use" if time["end_anchor"] == "end_of_exposure" else "end of follow-up"
    assert shown(followed(**time)) == (0, stop, 0, ending)


def test_time_from_the_end_of_use_may_end_some_days_after_time_zero():
    time = AFTER_USE | {"end_anchor": "time_zero", "days": 100}
    assert shown(followed(**time)) == (0, 100 - 29, 0, "end of follow-up")
    too_short = AFTER_USE | {"end_anchor": "time_zero", "days": 29}
    assert last_rule(followed(**too_short)) == "followed beyond the end of use"


def test_fewest_days_count_from_the_end_of_use():
    assert shown(followed(minimum_days=154, **AFTER_USE)) == (0, 154, 0, "end of observation")
    assert shown(followed(minimum_days=155, **AFTER_USE)) is None


def test_the_days_after_use_are_those_of_censoring_at_the_end_of_use():
    """Two ways of saying one thing: the end anchor, and censoring with days after the last supply."""
    for days in (0, 7, 30):
        anchored = followed(end_anchor="end_of_exposure", days=days)
        censoring = USE["censoring"] | {"at_stop": True, "after_stop_days": days}
        elements = USE | {"outcome": {"any_of": ("bleed",)}, "censoring": censoring}
        assert shown(anchored) == shown(followed_of(person(observed=LONG), {"bleed": []}, (0,), (), **elements))
