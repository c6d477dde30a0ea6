"""Executable specification of dose: what adds up in a window, what is not known, and the groups it makes."""

from math import nan

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows
from equipoise.design.dispensings import distinct_dispensings, use_of_rows
from equipoise.design.dose import dose_groups, dose_of_rows, group_numbers, has_minimum
from equipoise.spec.exposures import Exposure
from equipoise.spec.windows import Window
from tests.spec.tables import day, people

INDEX = "2010-07-01"
LAGGED = {">1 y": Window(years_before=(1, float("inf")))}


def dose(*dispensed: tuple[int, float], by: str = "days_supplied"):
    """Dose of one person with dispensings (days before the index date, days supplied)."""
    index = day(INDEX)
    who = people({"id": 7, "born": "1950-01-01", "observed": [("1980-01-01", "2020-01-01")]})
    days = np.array([index - before for before, _ in dispensed], dtype=np.int32)
    amounts = {"days_supply": np.array([amount for _, amount in dispensed])}
    found = distinct_dispensings(who, np.full(len(days), 7, dtype=np.int64), days, amounts)
    rows = IndexRows(np.array([0]), np.array([index], dtype=np.int32))
    visible_from = np.array([index - 4000], dtype=np.int32)
    use = use_of_rows("drug", Exposure(concept_sets=("drug",)), found, rows, visible_from, LAGGED, 365)
    made = dose_of_rows(use, 0, by)
    return float(made.amount[0]), bool(made.elsewhere[0])


def test_the_dose_is_the_sum_inside_the_window():
    assert dose((400, 30.0), (500, 60.0), (20, 90.0)) == (90.0, False)
    assert dose((400, 30.0), (400, 60.0), (500, 10.0), by="dispensings") == (2.0, False), "two on one day are one"


def test_nobody_without_a_dispensing_has_a_dose():
    assert dose() == (0.0, False)
    assert dose((20, 30.0)) == (0.0, True), "used within the last year only"
    assert dose((365, 30.0)) == (0.0, True)
    assert dose((366, 30.0)) == (30.0, False)


def test_a_sum_with_an_unknown_part_is_unknown():
    amount, elsewhere = dose((400, 30.0), (500, nan))
    assert np.isnan(amount)
    assert not elsewhere
    assert dose((400, 30.0), (20, nan)) == (30.0, False), "unknown outside the window"
    assert np.isnan(dose((400, 0.0))[0]), "nothing supplied is how databases write that it was not recorded"
    assert dose((400, nan), by="dispensings") == (1.0, False)


def test_groups_begin_at_their_amounts():
    groups = dose_groups((180.0, 720.0), False)
    assert [group.name for group in groups] == ["less than 180", "180 to less than 720", "720 or more"]
    assert group_numbers(np.array([0.0, 0.5, 179.9, 180.0, 719.0, 720.0, nan]), groups).tolist() == [
        0, 1, 1, 2, 2, 3, -1,
    ]  # fmt: skip
    assert [group.name for group in dose_groups((2, 3, 1000), True)] == ["1", "2", "3-999", "1,000 or more"]


@pytest.mark.parametrize(("k", "expected"), [(1, ["yes"] * 3), (2, [None, "yes", "yes"]), (3, ["no", "yes", "yes"])])
def test_which_groups_have_the_number_of_dispensings_of_a_user(k: int, expected: list[str | None]):
    assert [has_minimum(group, k) for group in dose_groups((3, 10), True)] == expected
