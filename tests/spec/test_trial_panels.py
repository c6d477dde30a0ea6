"""Executable specification of the panel of a target trial: a person with time zero on 1 July 2010, month by month.

Months end 30, 60, 91, … days after time zero: 31 July, 30 August, 30 September.
"""

from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import Attrition
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import EventDays, People
from equipoise.design.arms import Drug
from equipoise.design.dispensings import distinct_dispensings
from equipoise.design.trial_panel import TrialPanel, TrialRecords, trial_panel
from equipoise.spec.target_trial import TargetTrial, interval_end
from tests.spec.tables import day, people, records, text

ZERO = "2010-07-01"
NONE = {"name": "none", "start": "none"}
DRUG = {"name": "drug", "start": "drug"}
OTHER = {"name": "other", "start": "other"}


def design(**elements: Any) -> TargetTrial:
    given = {
        "kind": "target_trial", "population": "patients", "follow_up": 3, "strategies": [NONE, DRUG, OTHER],
        "outcome": {"any_of": ["death"]}, "new_users": "none",
    } | elements  # fmt: skip
    return TargetTrial.model_validate(given)


def person(died: str | None = None, until: str = "2020-12-31") -> People:
    return people({"id": 7, "born": "1950-01-01", "observed": [("2009-01-01", died or until)], "died": died})


def dispensed(who: People, name: str, *dates: str, supply: float = np.nan) -> Drug:
    days = np.array([day(when) for when in dates], dtype=np.int32)
    amounts = {"days_supply": np.full(len(days), supply)}
    return Drug(name, name, 1, distinct_dispensings(who, np.full(len(days), 7), days, amounts))


def panel_of(
    who: People,
    drug: tuple[str, ...] = (),
    other: tuple[str, ...] = (),
    first: dict[str, EventDays] | None = None,
    eligible_by: dict[str, EventDays] | None = None,
    lasts: float = np.nan,
    recording_from: str | None = None,
    **elements: Any,
) -> TrialPanel:
    entered = Cohort(
        np.array([0]), np.array([day(ZERO)], np.int32), np.array([day("2020-12-31")], np.int32),
        Attrition("population").then("persons", 1),
    )  # fmt: skip
    drugs = [dispensed(who, "drug", *drug, supply=lasts), dispensed(who, "other", *other, supply=lasts)]
    begin = None if recording_from is None else day(recording_from)
    made = TrialRecords(drugs, first or {}, eligible_by or {})
    return trial_panel(who, entered, made, design(**elements), {}, begin, "trial")


def left(panel: TrialPanel) -> list[tuple[str, int]]:
    return [(row.rule, row.persons_out) for row in panel.attrition if row.persons_out]


def test_months_are_twelfths_of_a_year_and_touch_one_another() -> None:
    panel = panel_of(person())
    assert [text(d) for d in panel.begin] == ["2010-07-01", "2010-08-01", "2010-08-31"]
    assert [text(d) for d in panel.end] == ["2010-07-31", "2010-08-30", "2010-09-30"]
    assert interval_end("month", 12) == 365
    assert interval_end("month", 24) == 730


def test_death_ends_the_row_of_its_month_and_a_death_on_its_last_day_belongs_to_it() -> None:
    for died, rows in (("2010-07-02", 1), ("2010-07-31", 1), ("2010-08-01", 2), ("2010-09-30", 3)):
        panel = panel_of(person(died))
        assert panel.outcome.tolist() == [0] * (rows - 1) + [1]
        assert not panel.censored.any()


def test_a_death_after_the_last_month_is_not_seen() -> None:
    assert panel_of(person("2010-10-01")).outcome.tolist() == [0, 0, 0]


def test_a_death_on_time_zero_makes_a_person_not_eligible() -> None:
    panel = panel_of(person(ZERO))
    assert len(panel) == 0
    assert left(panel) == [("no death up to time zero", 1)]


def test_the_month_of_the_first_day_that_is_not_observed_is_lost() -> None:
    for until, rows in (("2010-07-30", 1), ("2010-07-31", 2), ("2010-08-15", 2), ("2010-09-30", 3)):
        panel = panel_of(person(until=until))
        lost = until != "2010-09-30"  # observed to the end: nothing is lost
        assert panel.censored.tolist() == [0] * (rows - 1) + [int(lost)]


def test_the_last_day_of_the_study_counts_like_the_end_of_observation() -> None:
    assert panel_of(person(), last_day="2010-08-15").censored.tolist() == [0, 1]


def test_a_competing_event_ends_the_panel_and_loses_to_the_outcome_on_the_same_day() -> None:
    who = person("2010-08-10")
    outcome = {"any_of": ["death"], "competing": ["tube"]}
    for when, flags in (("2010-08-09", (0, 1)), ("2010-08-10", (1, 0)), ("2010-08-11", (1, 0))):
        panel = panel_of(who, first={"tube": records(who, (7, when))}, outcome=outcome)
        assert (panel.outcome[-1], panel.competing[-1]) == flags
        assert len(panel) == 2


def test_treatment_by_initiation_starts_in_the_month_of_the_first_dispensing_and_stays() -> None:
    assert panel_of(person(), drug=("2010-07-01",)).treatment.tolist() == [1, 1, 1]  # on time zero itself
    assert panel_of(person(), drug=("2010-07-31", "2010-08-01")).treatment.tolist() == [1, 1, 1]
    assert panel_of(person(), drug=("2010-08-01",)).treatment.tolist() == [0, 1, 1]
    assert panel_of(person(), drug=("2010-06-30",)).treatment.tolist() == [0, 0, 0]  # before time zero
    assert panel_of(person(), drug=("2010-08-05",), other=("2010-08-04",)).treatment.tolist() == [0, 2, 2]
    assert panel_of(person(), drug=("2010-08-04",), other=("2010-08-04",)).treatment.tolist() == [0, 1, 1]


def test_treatment_by_supply_lasts_as_long_as_the_last_dispensing_and_its_grace() -> None:
    given = {"treatment": "supply", "supply": {"supply_days": 20, "grace_days": 5}}
    assert panel_of(person(), drug=("2010-07-10",), **given).treatment.tolist() == [1, 1, 0]  # to 4 August
    assert panel_of(person(), drug=("2010-07-06",), **given).treatment.tolist() == [1, 0, 0]  # to 31 July
    assert panel_of(person(), drug=("2010-07-06",), lasts=60, **given).treatment.tolist() == [1, 1, 1]
    assert panel_of(person(), drug=("2010-06-20",), **given).treatment.tolist() == [1, 0, 0]  # to 15 July
    assert panel_of(person(), drug=("2010-07-10",), other=("2010-07-20",), **given).treatment.tolist() == [2, 2, 0]


def test_new_users_have_no_drug_that_is_compared_in_the_washout_and_are_observed_in_it() -> None:
    washout = {"new_users": {"washout_days": 30}}
    rule = "no dispensing of a drug that is compared in these 30 days"
    for when, out in (("2010-06-30", True), ("2010-06-01", True), ("2010-05-31", False), (ZERO, False)):
        assert (left(panel_of(person(), other=(when,), **washout)) == [(rule, 1)]) is out
    late = panel_of(person(), recording_from="2010-06-15", **washout)
    assert left(late) == [("30 days of observation before time zero", 1)]


def test_rules_of_eligibility_look_back_from_time_zero_and_may_hold_it() -> None:
    who = person()
    for days, dates, met in (
        ([-10, -1], ["2010-06-30"], True), ([-10, -1], [ZERO], False), ([-10, 0], [ZERO], True),
        ([-10, -1], ["2010-06-20"], False),
    ):  # fmt: skip
        rule = {"name": "seen", "concept_set": "visit", "days": days, "at_least": 1}
        panel = panel_of(who, eligible_by={"visit": records(who, *((7, d) for d in dates))}, eligibility=[rule])
        assert (len(panel) > 0) is met


def test_time_zero_may_come_days_after_entry() -> None:
    panel = panel_of(person("2010-07-03"), delay_days=2)
    assert left(panel) == [("no death up to time zero", 1)]
    assert text(panel_of(person(), delay_days=2).begin[0]) == "2010-07-03"


def test_a_trial_starts_in_every_month_in_which_a_person_is_eligible() -> None:
    given = {
        "time_zero": "every_interval", "last_start": 2, "follow_up": 2, "treatment": "supply",
        "new_users": {"washout_days": 40}, "supply": {"supply_days": 1, "grace_days": 0},
    }  # fmt: skip
    panel = panel_of(person(), drug=("2010-07-15",), **given)
    assert panel.treatment.tolist() == [1, 0, 0, 0]
    assert panel.eligible.tolist() == [True, False, True, False]  # 17 days before 1 August, 47 before 31 August
    assert left(panel) == []


def test_nobody_is_eligible_in_a_month_that_begins_after_observation() -> None:
    given = {"time_zero": "every_interval", "last_start": 2, "follow_up": 1, "treatment": "supply"}
    panel = panel_of(person(until="2010-07-31"), **given)
    assert (panel.eligible.tolist(), panel.censored.tolist()) == ([True, False], [0, 1])


@pytest.mark.parametrize(("unit", "ends"), [("day", [1, 2, 3]), ("week", [7, 14, 21]), ("month", [30, 60, 91])])
def test_intervals(unit: str, ends: list[int]) -> None:
    panel = panel_of(person(), interval=unit)
    assert (panel.end - day(ZERO)).tolist() == ends


def test_supply_is_read_on_the_last_day_of_an_interval_where_events_come_first() -> None:
    """Thirty days from 20 July on: to 19 August, in the second month, whose last day is 30 August."""
    given = {"drug": ("2010-07-20",), "lasts": 30.0, "treatment": "supply", "supply": {"grace_days": 0}}
    assert panel_of(person(), **given).treatment.tolist() == [1, 1, 0]
    assert panel_of(person(), **given, order="events_first").treatment.tolist() == [1, 0, 0]
    assert not design(treatment="supply").events_first
    assert design().events_first
