"""Executable specification of exposure: windows, the two readings, run-in, lag and observability."""

from math import inf

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows
from equipoise.design.dispensings import distinct_dispensings, use_of_rows
from equipoise.design.nested_case_control import observable_from
from equipoise.design.readings import any_use_columns, disjoint_groups, initiation_levels, observable_columns
from equipoise.spec.exposures import Exposure
from equipoise.spec.windows import Window
from tests.spec.tables import day, people

INDEX = "2010-07-01"
YEARS = {
    "0-1 y": Window(years_before=(0, 1)),
    "1-5 y": Window(years_before=(1, 5)),
    ">5 y": Window(years_before=(5, inf)),
}
LAGGED = {">1 y": Window(years_before=(1, inf))}


def use(*days_before: int, k: int = 1, windows=YEARS, run_in: int = 365, observed_for: int = 4000):
    """Use of one person with dispensings so many days before the index date."""
    index = day(INDEX)
    who = people({"id": 2**60 + 1, "born": "1950-01-01", "observed": [("1980-01-01", "2020-01-01")]})
    dispensed = np.array([index - before for before in days_before], dtype=np.int32)
    ids = np.full(len(dispensed), 2**60 + 1, dtype=np.int64)
    rows = IndexRows(np.array([0]), np.array([index], dtype=np.int32))
    visible_from = np.array([index - observed_for], dtype=np.int32)
    exposure = Exposure(concept_sets=("drug",), min_dispensings=k)
    dispensings = distinct_dispensings(who, ids, dispensed, {})
    return use_of_rows("drug", exposure, dispensings, rows, visible_from, windows, run_in)


def any_use(*days_before: int, windows=YEARS, reference: str = "none_in_window", **more) -> dict[str, bool]:
    found = any_use_columns(use(*days_before, windows=windows, **more), windows, reference)
    return {column.tag("level") or "": bool(values[0]) for column, values in found}


def initiation(*days_before: int, windows=YEARS, qualifying: bool = False, ignore_lag: bool = False, **more) -> str:
    return initiation_levels(use(*days_before, windows=windows, **more), windows, qualifying, ignore_lag)[0]


def test_windows_end_the_day_before_the_next_begins():
    bounds = {name: (window.first_day, window.last_day) for name, window in YEARS.items()}
    assert bounds == {"0-1 y": (-365, -1), "1-5 y": (-1826, -366), ">5 y": (None, -1827)}


@pytest.mark.parametrize(
    ("before", "window"),
    [(1, "0-1 y"), (365, "0-1 y"), (366, "1-5 y"), (1826, "1-5 y"), (1827, ">5 y"), (3600, ">5 y")],
)
def test_edges_of_the_windows(before: int, window: str):
    assert any_use(before) == {name: name == window for name in YEARS}
    assert initiation(before) == window


@pytest.mark.parametrize("before", [0, -1, -400])
def test_the_index_date_and_later_never_count(before: int):
    assert not any(any_use(before).values())
    assert initiation(before) == "never"


def test_dispensings_on_one_date_count_once():
    assert any_use(10, 10, k=2) == {"0-1 y": False, "1-5 y": False, ">5 y": False}
    assert any_use(10, 11, k=2)["0-1 y"]


def test_any_use_needs_the_minimum_inside_one_window():
    assert any_use(300, 400, k=2) == {"0-1 y": False, "1-5 y": False, ">5 y": False}


def test_with_reference_never_users_elsewhere_have_a_level_of_their_own():
    found = any_use_columns(use(400), YEARS, "never_before_index")
    levels = {(column.tag("factor"), column.tag("level")): bool(values[0]) for column, values in found}
    assert levels[("0-1 y", "0-1 y")] is False
    assert levels[("0-1 y", "outside the windows")] is True
    assert levels[("1-5 y", "1-5 y")] is True


def test_initiation_is_decided_by_the_first_date_or_by_the_qualifying_one():
    assert initiation(300, 400, k=2) == "1-5 y"
    assert initiation(300, 400, k=2, qualifying=True) == "0-1 y"


def test_fewer_than_the_minimum_is_a_level_of_its_own():
    assert initiation(300, k=2) == "below minimum"
    assert initiation(k=2) == "never"


def test_first_use_in_the_run_in_or_before_observation_is_prevalent():
    assert initiation(4000) == "prevalent", "the first day of observation"
    assert initiation(3636) == "prevalent", "the last day of the run-in"
    assert initiation(3635) == ">5 y", "the day after the run-in"
    assert initiation(4001) == "prevalent", "known only from before observation"
    assert initiation(4001, 10) == "prevalent"


def test_recorded_use_from_before_observation_makes_a_user():
    assert initiation(5000, 5100, 10, k=2) == "prevalent", "three dispensings, one of them visible"
    assert initiation(5000, k=2) == "below minimum", "one dispensing is below the minimum wherever it lies"
    assert initiation(3900, k=2) == "below minimum", "and in the run-in"


def test_use_before_observation_is_never_the_reference_of_never_users():
    found = any_use_columns(use(4500, 4600, k=2), YEARS, "never_before_index")
    levels = {(column.tag("factor"), column.tag("level")): bool(values[0]) for column, values in found}
    assert levels[("0-1 y", "outside the windows")] is True


def test_dispensings_in_the_lag_count_or_are_ignored():
    assert initiation(200, windows=LAGGED) == "within the lag"
    assert initiation(200, windows=LAGGED, ignore_lag=True) == "never"
    assert initiation(200, 400, k=2, windows=LAGGED) == ">1 y", "the lag makes a user of somebody with one older date"
    assert initiation(200, 400, k=2, windows=LAGGED, ignore_lag=True) == "below minimum"
    assert initiation(400, 500, k=2, windows=LAGGED, ignore_lag=True) == ">1 y"


def test_use_before_observation_never_counts_as_any_use():
    assert any_use(4001) == {"0-1 y": False, "1-5 y": False, ">5 y": False}


def test_first_use_after_the_last_window_lies_within_the_lag():
    assert initiation(365, windows=LAGGED) == "within the lag"
    assert initiation(366, windows=LAGGED) == ">1 y"


def test_first_use_in_no_window_is_another_time():
    only = {"1-5 y": YEARS["1-5 y"]}
    assert initiation(2000, windows=only) == "outside the windows"
    assert initiation(10, windows=only) == "within the lag"


def test_windows_that_overlap_belong_to_different_factors():
    assert disjoint_groups(YEARS | LAGGED) == [("0-1 y", "1-5 y", ">5 y"), (">1 y",)]


def test_a_window_is_observable_from_its_first_day():
    index = np.array([day(INDEX)] * 3, dtype=np.int32)
    first = (index - np.array([1826, 1825, 1826 + 365])).astype(np.int32)
    windows = {"1-5 y": YEARS["1-5 y"]}
    found = {
        column.tag("reading"): values.tolist()
        for column, values in observable_columns(windows, first, index, ("any_use", "initiation"), 365)
    }
    assert found == {"any_use": [True, False, True], "initiation": [False, False, True]}


def test_an_open_window_is_observable_when_its_latest_day_is():
    index = np.array([day(INDEX)] * 2, dtype=np.int32)
    first = (index - np.array([1827, 1826])).astype(np.int32)
    ((_, seen),) = observable_columns({">5 y": YEARS[">5 y"]}, first, index, ("any_use",), 365)
    assert seen.tolist() == [True, False]


def test_exposure_is_seen_from_the_later_of_entry_and_the_start_of_recording():
    who = people(
        {"id": 1, "born": "1950-01-01", "observed": [("2000-01-01", "2004-01-01"), ("2006-01-01", "2012-01-01")]}
    )
    rows = IndexRows(np.array([0]), np.array([day(INDEX)], dtype=np.int32))
    assert observable_from(who, rows, None).tolist() == [day("2006-01-01")]
    assert observable_from(who, rows, day("2005-07-01")).tolist() == [day("2006-01-01")]
    assert observable_from(who, rows, day("2007-07-01")).tolist() == [day("2007-07-01")]


def test_amounts_add_up_within_a_day_and_unknown_ones_stay_unknown():
    who = people({"id": 1, "born": "1950-01-01", "observed": [("2000-01-01", "2012-01-01")]})
    days = np.array([5, 5, 7, 9], dtype=np.int32)
    supplied = np.array([30.0, 60.0, np.nan, 0.0])
    made = distinct_dispensings(who, np.array([1, 1, 1, 1]), days, {"days_supply": supplied})
    assert made.day.tolist() == [5, 7, 9]
    np.testing.assert_array_equal(made.amounts["days_supply"], [90.0, np.nan, np.nan])


def test_a_day_with_one_unknown_amount_is_unknown_and_lasts_what_is_known_and_the_stated_days():
    who = people({"id": 1, "born": "1950-01-01", "observed": [("2000-01-01", "2012-01-01")]})
    days = np.array([5, 5, 7, 7, 9], dtype=np.int32)
    supplied = np.array([90.0, np.nan, 0.0, np.nan, 28.0])
    made = distinct_dispensings(who, np.ones(5, dtype=np.int64), days, {"days_supply": supplied})
    np.testing.assert_array_equal(made.amounts["days_supply"], [np.nan, np.nan, 28.0])
    assert made.recorded["days_supply"].tolist() == [90.0, 0.0, 28.0]
    assert made.n_unrecorded["days_supply"].tolist() == [1, 2, 0]
    assert made.days_supplied(30).tolist() == [120.0, 60.0, 28.0]
