"""Executable specification of arms: the window of use, lag, both drugs, washout, first use."""

from math import inf

import numpy as np
import pytest

from equipoise.cohort.membership import Cohort
from equipoise.design.arms import Drug
from equipoise.design.dispensings import distinct_dispensings
from equipoise.spec.windows import Window
from tests.spec.follow_up import PERSON, ZERO, arms_of, drug, person, population, rules
from tests.spec.tables import day, people


def arm(*days: int, k: int = 1, **more) -> int | None:
    """Arm of a person with the target drug on these days from time zero; None where the person is left out."""
    who = person()
    found = arms_of(who, drug("drug", who, days, k), **more)
    return int(found.arm[0]) if len(found) else None


def both(target: tuple[int, ...], other: tuple[int, ...], **more) -> int | None:
    who = person()
    found = arms_of(who, drug("drug", who, target), drug("other", who, other), **more)
    return int(found.arm[0]) if len(found) else None


@pytest.mark.parametrize(("days", "expected"), [(-1, 1), (0, 0), (5, 0), (-365, 1), (-366, 0)])
def test_edges_of_the_window(days: int, expected: int):
    assert arm(days) == expected


@pytest.mark.parametrize(("days", "expected"), [(-90, 0), (-91, 1), (-365, 1)])
def test_the_lag_does_not_count(days: int, expected: int):
    assert arm(days, lag_days=90) == expected


def test_fewer_dispensings_than_the_minimum_are_no_use():
    assert arm(-10, k=2) == 0
    assert arm(-10, -20, k=2) == 1
    assert arm(-10, -10, k=2) == 0, "one date counts once"


@pytest.mark.parametrize(("days", "arms"), [((), [0]), ((-20,), []), ((-20, -10), [1])])
def test_never_users_alone_are_the_reference_where_few_dispensings_are_left_out(days: tuple[int, ...], arms: list[int]):
    who = person()
    found = arms_of(who, drug("drug", who, days, k=2), below_minimum="exclude")
    assert found.arm.tolist() == arms
    assert list(found.attrition)[-1].rule == "no dispensing of drug or at least 2"


def test_use_before_drugs_were_recorded_or_the_person_observed_does_not_count():
    assert arm(-200, recording_from="2010-03-01") == 0
    who = person(observed=("2010-03-01", "2020-12-31"))
    assert arms_of(who, drug("drug", who, [-200])).arm.tolist() == [0]


def test_a_person_without_either_drug_is_in_no_arm_of_an_active_comparison():
    assert both((), ()) is None
    assert both((-10,), ()) == 1
    assert both((), (-10,)) == 0


@pytest.mark.parametrize(
    ("rule", "target", "other", "expected"),
    [
        ("exclude", (-10,), (-20,), None),
        ("target", (-10,), (-20,), 1),
        ("first", (-10,), (-20,), 0),
        ("first", (-20,), (-10,), 1),
        ("first", (-10,), (-10,), None),
    ],
)
def test_persons_with_both_drugs(rule: str, target, other, expected: int | None):
    assert both(target, other, both=rule) == expected


@pytest.mark.parametrize(("days", "expected"), [(-366, None), (-365, 1), (-465, None), (-466, 0)])
def test_the_washout_lies_before_the_window(days: int, expected: int | None):
    """A window of 365 days and a washout of 100: days -465 to -366 must be free of the drugs."""
    assert arm(days, new_users={"washout_days": 100}) == expected


def test_the_washout_concerns_the_drugs_of_both_arms_and_must_be_observed():
    assert both((-10,), (-400,), new_users={"washout_days": 100}) is None
    who = person(observed=("2009-03-24", "2020-12-31"))  # 464 days before time zero
    found = arms_of(who, drug("drug", who, [-10]), new_users={"washout_days": 100})
    assert rules(found.attrition) == [("100 days of observation before the window of use", 1)]
    who = person(observed=("2009-03-23", "2020-12-31"))
    assert arms_of(who, drug("drug", who, [-10]), new_users={"washout_days": 100}).arm.tolist() == [1]


def test_a_window_without_a_beginning_looks_back_as_far_as_use_can_be_seen():
    assert arm(-3000, window=Window(days_before=(0, inf))) == 1
    assert arm(-4000, window=Window(days_before=(0, inf))) == 0, "before observation"


FIRST = {"time_zero": "first_use"}


def first_use(target: tuple[int, ...], other: tuple[int, ...], **more) -> tuple[int, int] | None:
    """Arm and time zero, in days from the entry into the population."""
    who = person()
    found = arms_of(who, drug("drug", who, target), drug("other", who, other), **FIRST, **more)
    return (int(found.arm[0]), int(found.day[0]) - day(ZERO)) if len(found) else None


def test_first_use_makes_time_zero_and_arm():
    assert first_use((30,), (20,)) == (0, 20)
    assert first_use((0,), (20,)) == (1, 0), "the day of entry counts"
    assert first_use((), ()) is None


def test_use_before_membership_is_not_first_use_but_breaks_the_washout():
    assert first_use((-10, 30), ()) == (1, 30)
    assert first_use((-10, 30), (), new_users={"washout_days": 39}) == (1, 30)
    assert first_use((-10, 30), (), new_users={"washout_days": 40}) is None
    assert first_use((30,), (-10,), new_users={"washout_days": 40}) is None, "the other drug too"


def test_who_is_no_new_user_at_first_does_not_enter_later():
    assert first_use((-10, 5, 400), (), new_users={"washout_days": 100}) is None


def test_first_use_of_both_on_one_day_follows_the_rule():
    assert first_use((10,), (10,)) is None
    assert first_use((10,), (10,), both="first") is None
    assert first_use((10,), (10,), both="target") == (1, 10)


def test_use_after_membership_is_no_use():
    who = person()
    members = population(exit_day="2010-07-31")
    found = arms_of(who, drug("drug", who, [31]), drug("other", who, []), members=members, **FIRST)
    assert len(found) == 0
    found = arms_of(who, drug("drug", who, [30]), drug("other", who, []), members=members, **FIRST)
    assert found.day.tolist() == [day("2010-07-31")]


def test_a_person_enters_once():
    """Of several entries the first one counts; of several memberships, the first with use."""
    who = person()
    entries = np.array([day(ZERO), day("2011-07-01")], dtype=np.int32)
    ends = np.array([day("2010-12-31"), day("2011-12-31")], dtype=np.int32)
    members = Cohort(np.array([0, 0]), entries, ends, population().attrition)
    found = arms_of(who, drug("drug", who, [-10]), members=members)
    assert found.day.tolist() == [day(ZERO)]
    found = arms_of(who, drug("drug", who, [400]), drug("other", who, []), members=members, **FIRST)
    assert (found.person.tolist(), found.day.tolist()) == ([0], [day(ZERO) + 400])
    assert who.person_id[found.person[0]] == PERSON


ONGOING = {"use": "ongoing", "censoring": {"grace_days": 10, "supply_days": 30}}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((0,), 1),  # dispensed on the day of entry
        ((-29,), 1),  # day 0 is the last day supplied
        ((-39,), 1),  # ten days of grace after day -10
        ((-40,), 0),  # eleven
        ((-70, -30), 1),  # ten days without supply, then supplied up to day -1 and in grace
        ((-60, -59), 1),  # stockpiled: sixty days from day -60
        ((-100, 1), 0),  # what comes after entry does not count
        ((1,), 0),
    ],
)
def test_use_that_goes_on_at_entry_makes_the_arm(days: tuple[int, ...], expected: int):
    assert arm(*days, **ONGOING) == expected


def test_of_two_drugs_in_use_on_entry_the_rule_decides():
    assert both((-10,), (-200,), **ONGOING) == 1
    assert both((-200,), (-10,), **ONGOING) == 0
    assert both((-10,), (-20,), **ONGOING) is None
    assert both((-10,), (-20,), **ONGOING, both="target") == 1
    assert both((-200,), (-200,), **ONGOING) is None


def test_only_the_period_common_to_both_arms():
    """The target arm has time zeros from 2005 on, the other up to 2010; who uses both is in the target arm."""
    entries = ["2003-01-01", "2005-01-01", "2010-01-01", "2015-01-01", "2018-01-01"]
    uses = {"drug": [1, 3, 4], "other": [0, 2, 3]}
    who = people(
        *({"id": i, "born": "1950-01-01", "observed": [("2000-01-01", "2020-12-31")]} for i in range(len(entries)))
    )
    zero = np.array([day(entry) for entry in entries], dtype=np.int32)
    members = Cohort(np.arange(5), zero, zero + 365, population().attrition)

    def dispensed(name: str) -> Drug:
        ids = np.array(uses[name], dtype=np.int64)
        when, supply = zero[ids] - 10, {"days_supply": np.full(len(ids), np.nan)}
        return Drug(name, name, 1, distinct_dispensings(who, ids, when, supply))

    drugs = dispensed("drug"), dispensed("other")
    everyone = arms_of(who, *drugs, members=members, both="target")
    assert everyone.person.tolist() == [0, 1, 2, 3, 4]
    found = arms_of(who, *drugs, members=members, both="target", common_period=True)
    assert found.person.tolist() == [1, 2]
    assert rules(found.attrition)[-1] == ("time zero in the period common to both arms", 3)
    del uses["other"][:]
    alone = arms_of(who, drugs[0], dispensed("other"), members=members, both="target", common_period=True)
    assert alone.person.tolist() == [1, 3, 4], "an arm without persons has no period"
