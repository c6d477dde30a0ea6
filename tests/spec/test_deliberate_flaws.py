"""Deliberate flaws, tiny tables in and tiny tables out: who is called a user, and when covariates are read."""

from dataclasses import replace

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows
from equipoise.design.arms import Contrast
from equipoise.design.deliberate_flaws import ever_before, ever_users, late_rows, treated_too_early
from equipoise.design.trial_panel import TrialPanel
from equipoise.spec.windows import Window
from tests.spec.follow_up import WINDOW, design, drug, person, population
from tests.spec.test_trial_panels import panel_of
from tests.spec.test_trial_panels import person as patient


def arm(target: tuple[int, ...], other: tuple[int, ...] | None = None, **elements) -> int | None:
    """Flawed arm of a person with drugs on these days from time zero; None where the person is left out."""
    who = person()
    second = None if other is None else drug("other", who, other)
    named = {"comparator": "other"} if second is not None else {}
    chosen = design(follow_up={"days": 730}, **elements, **named)
    found = ever_users(who, population(), Contrast(drug("drug", who, target), second), chosen, WINDOW, None, "x")
    return int(found.arm[0]) if len(found) else None


@pytest.mark.parametrize(("day", "expected"), [(-366, 0), (-365, 1), (0, 1), (5, 1), (730, 1), (731, 0)])
def test_use_after_time_zero_makes_a_user_from_time_zero_on(day: int, expected: int):
    assert arm((day,)) == expected


def test_of_two_drugs_ever_used_one_alone_makes_an_arm():
    assert arm((5,), ()) == 1
    assert arm((), (5,)) == 0
    assert arm((5,), (9,)) is None
    assert arm((), ()) is None


def test_the_washout_is_that_of_the_sound_design():
    assert arm((-400, 5), new_users={"washout_days": 100}) is None
    assert arm((5,), new_users={"washout_days": 100}) == 1


def test_covariates_are_read_a_year_late():
    rows = late_rows(IndexRows(np.array([3]), np.array([1000], dtype=np.int32)))
    assert (rows.person.tolist(), rows.day.tolist()) == ([3], [1365])


@pytest.mark.parametrize(
    ("dispensed", "expected"),
    [
        ({"drug": ("2010-09-02",)}, [1, 1, 1]),  # in the third month
        ({"drug": ("2010-07-01",)}, [1, 1, 1]),
        ({"drug": ("2010-08-15",), "other": ("2010-09-15",)}, [1, 1, 1]),  # of initiations the first counts
        ({"drug": ("2010-10-02",)}, [0, 0, 0]),  # after the last month
        ({}, [0, 0, 0]),
    ],
)
def test_who_starts_later_is_treated_already(dispensed: dict, expected: list[int]):
    assert treated_too_early(panel_of(patient(), **dispensed)).tolist() == expected


def test_time_between_two_treatments_by_supply_counts_for_the_second():
    bought = {"drug": ("2010-07-01",), "other": ("2010-09-15",), "lasts": 10.0}
    panel = panel_of(patient(), **bought, treatment="supply", supply={"grace_days": 0})
    assert panel.treatment.tolist() == [1, 0, 2]
    assert treated_too_early(panel).tolist() == [1, 2, 2]


def test_nobody_is_given_the_treatment_of_the_next_person_in_the_panel():
    one = panel_of(patient(), drug=("2010-08-15",))
    none = panel_of(patient())
    parts = ("period", "begin", "end", "eligible", "outcome", "censored", "competing")
    both = TrialPanel(
        np.array([0] * 3 + [1] * 3), treatment=np.concatenate([none.treatment, one.treatment]), attrition=one.attrition,
        **{part: np.concatenate([getattr(none, part), getattr(one, part)]) for part in parts},
    )  # fmt: skip
    assert treated_too_early(both).tolist() == [0, 0, 0, 1, 1, 1]
    nobody = replace(both, **{part: getattr(both, part)[:0] for part in ("person", "treatment", *parts)})
    assert treated_too_early(nobody).tolist() == []


def test_windows_of_a_case_control_study_reach_beyond_the_index_date():
    windows = {"year": Window(years_before=(1, 2)), "ever": Window(days_before=(0, float("inf")))}
    rows, reaching = ever_before(IndexRows(np.array([3]), np.array([1000], dtype=np.int32)), windows)
    day = int(rows.day[0])
    assert day + reaching["year"].first_day == 1000 - 730
    assert reaching["ever"].first_day is None
    assert {window.last_day for window in reaching.values()} == {-1}
    assert day > 1000 + 36_000
