"""Deliberate flaws, tiny tables in and tiny tables out: who is called a user, and when covariates are read."""

from dataclasses import replace

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows
from equipoise.design.arms import Contrast
from equipoise.design.deliberate_flaws import (
    AFTER,
    ever_users,
    late_rows,
    rows_after,
    treated_too_early,
    with_later_use,
)
from equipoise.design.dispensings import use_of_rows
from equipoise.design.trial_panel import TrialPanel
from equipoise.spec.exposures import Exposure
from equipoise.spec.windows import Window
from tests.spec.follow_up import PERSON, WINDOW, ZERO, design, drug, person, population
from tests.spec.tables import day, records
from tests.spec.test_trial_panels import panel_of
from tests.spec.test_trial_panels import person as patient


def arm(
    target: tuple[int, ...], other: tuple[int, ...] | None = None, stroke: str | None = None, **elements
) -> int | None:
    """Flawed arm of a person with drugs on these days from time zero; None where the person is left out."""
    who = person()
    first = {"stroke": records(who, (PERSON, stroke))} if stroke else {}
    second = None if other is None else drug("other", who, other)
    named = {"comparator": "other"} if second is not None else {}
    chosen = design(follow_up={"days": 730}, **elements, **named)
    contrast = Contrast(drug("drug", who, target), second)
    found = ever_users(who, population(), contrast, chosen, WINDOW, None, "x", first)
    return int(found.arm[0]) if len(found) else None


@pytest.mark.parametrize(("day", "expected"), [(-366, 0), (-365, 1), (0, 1), (5, 1), (730, 1), (731, 0)])
def test_use_after_time_zero_makes_a_user_from_time_zero_on(day: int, expected: int):
    assert arm((day,)) == expected


@pytest.mark.parametrize(("day", "expected"), [(30, 1), (31, 0), (60, 0)])
def test_use_that_the_outcome_brings_makes_no_user(day: int, expected: int):
    assert arm((day,), stroke="2010-08-01", outcome={"any_of": ["stroke"]}) == expected  # 31 days after time zero


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


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((-800,), [0, 0, 1]),
        ((-730,), [1, 0, 1]),
        ((-366,), [1, 0, 1]),  # the year before the index date stays outside a window with a lag
        ((-365,), [0, 1, 1]),
        ((-1,), [0, 1, 1]),
        ((0,), [1, 1, 1]),
        ((900,), [1, 1, 1]),
        ((-400, 900), [2, 1, 2]),
    ],
)
def test_use_after_the_index_date_joins_that_of_every_window(days: tuple[int, ...], expected: list[int]):
    who = person()
    rows = IndexRows(np.array([0]), np.array([day(ZERO)], dtype=np.int32))
    dispensed = drug("drug", who, days).dispensings
    exposure, seen = Exposure(concept_sets=("drug",)), np.array([day("2000-01-01")], dtype=np.int32)
    windows = {"1-2 y": Window(years_before=(1, 2)), "0-1 y": Window(years_before=(0, 1)),
               "ever": Window(days_before=(0, float("inf")))}  # fmt: skip
    use = use_of_rows("drug", exposure, dispensed, rows, seen, windows, 0)
    later = use_of_rows("drug", exposure, dispensed, rows_after(rows), seen, AFTER, 0)
    assert with_later_use(use, later).counted.days.tolist() == [expected]
