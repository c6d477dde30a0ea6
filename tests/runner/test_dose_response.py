"""Dose-response from the database to the tables, held against persons counted one by one and closed forms."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import equipoise as eq
from equipoise.results.few_groups import few_dose_groups, withhold_doses
from equipoise.results.results import Results
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import _daily_doses
from equipoise.runner.packing import AMOUNTS
from equipoise.spec.read import parse_study
from tests.generative.databases import random_people, write_database
from tests.generative.test_case_control import STUDY

WINDOW = ">3 y"
CLOSE = 1e-6  # of two maximisations of the same likelihood


def asked(*doses: dict, **design: object) -> eq.Study:
    raw = deepcopy(STUDY)
    raw["analyses"][0]["design"] |= {"dose_response": list(doses), **design}
    return parse_study(raw)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("doses")
    rng = np.random.default_rng(5)
    write_database(random_people(rng, 4000), place / "data", rng)
    dispensed = pq.read_table(place / "data" / "drug_exposure.parquet")
    # The same person has the same supply on every date, so that dispensings that stand there twice agree.
    supplied = np.random.default_rng(6).integers(7, 100, 2**16)[dispensed["person_id"].to_numpy() % 2**16]
    pq.write_table(dispensed.append_column("days_supply", pa.array(supplied)), place / "data" / "drug_exposure.parquet")
    return place


BY_NUMBER = {"by": "dispensings", "groups_from": [2, 3], "windows": [WINDOW]}


@pytest.fixture(scope="module")
def found(database: Path) -> Results:
    study = asked(BY_NUMBER, {"by": "days_supplied", "groups_from": [60.0]}, readings=["any_use"])
    with eq.connect(database / "data") as source:
        return eq.run(study, source, to=database / "results", store=database / "store", min_cell_count=0)


def rows(results: Results, name: str, **where: object) -> list[dict]:
    return [row for row in results.rows(name) if all(row[key] == value for key, value in where.items())]


def test_groups_add_up_to_the_exposed_and_the_unexposed(found: Results) -> None:
    (exposure,) = rows(found, "exposure", window=WINDOW, reading="any_use")
    groups = rows(found, "dose_groups", window=WINDOW, dose="dispensings")
    for who in ("cases", "controls"):
        assert sum(row[f"n_{who}"] for row in groups) == exposure[f"n_{who}"]
        users = sum(row[f"n_{who}"] for row in groups if row["at_minimum"] == "yes")
        assert users == exposure[f"n_exposed_{who}"], "at least two dispensings make a user"
    assert [row["dose_group"] for row in groups] == ["none", "1", "2", "3 or more"]
    assert groups[0]["estimate"] == 1.0
    assert sum(row["n_controls"] for row in groups[1:]) > 20


def test_odds_ratios_of_groups_are_those_of_one_model_with_an_indicator_each(found: Results, database: Path) -> None:
    """One indicator a group, counted from the exposure columns of studies with another minimum of dispensings."""
    columns = {}
    with eq.connect(database / "data") as source:
        for least in (1, 2, 3):
            raw = deepcopy(STUDY)
            raw["exposures"]["drug"]["min_dispensings"] = least
            people = eq.assemble(parse_study(raw), source, analysis="risk")
            columns[least] = people.column(f"drug | any_use | {WINDOW}")
    seen = people.column(f"observable | any_use | {WINDOW}") == 1
    x = np.column_stack([columns[1] - columns[2], columns[2] - columns[3], columns[3]])[seen]
    fit = eq.fit_conditional_logistic(x, case=people.event[seen], matched_set=people.stratum[seen])
    groups = rows(found, "dose_groups", window=WINDOW, dose="dispensings")[1:]
    assert [row["log_estimate"] for row in groups] == pytest.approx(fit.coefficients.tolist(), abs=CLOSE)
    number = (x * [1, 2, 3]).sum(axis=1)
    trend = eq.fit_conditional_logistic(number[:, None], case=people.event[seen], matched_set=people.stratum[seen])
    (row,) = rows(found, "dose_tests", window=WINDOW, dose="dispensings", test="trend")
    assert row["log_estimate"] == pytest.approx(float(trend.coefficients[0]), abs=CLOSE)
    used = np.column_stack([number, number > 0])
    users = eq.fit_conditional_logistic(used, case=people.event[seen], matched_set=people.stratum[seen])
    (row,) = rows(found, "dose_tests", window=WINDOW, dose="dispensings", test="trend among users")
    assert row["log_estimate"] == pytest.approx(float(users.coefficients[0]), abs=CLOSE)


def test_the_curve_begins_at_one_and_has_a_band(found: Results) -> None:
    curve = rows(found, "dose_curves", window=WINDOW, dose="days_supplied")
    tests = {row["test"]: row for row in rows(found, "dose_tests", window=WINDOW, dose="days_supplied")}
    assert (curve[0]["amount"], curve[0]["estimate"], curve[0]["conf_low"]) == (0.0, 1.0, 1.0)
    assert all(row["conf_low"] < row["estimate"] < row["conf_high"] for row in curve[1:])
    assert (tests["any dose"]["degrees_of_freedom"], tests["not linear"]["degrees_of_freedom"]) == (2, 1)
    assert 0 < tests["not linear"]["p_value"] <= 1


def test_daily_doses_are_milligrams_by_those_of_one(database: Path) -> None:
    """Without `drug_strength` no mass is known, so every user has a number of doses that is not known."""
    raw = deepcopy(STUDY)
    raw["exposures"]["drug"]["daily_doses"] = {"drug": 20.0}
    raw["analyses"][0]["design"] |= {
        "dose_response": [{"by": "daily_doses", "groups_from": [30.0], "windows": [WINDOW]}]
    }
    records = Artifact(
        {"0.person_id": np.arange(3), "0.day": np.arange(3)}
        | {f"0.{name}": np.array([400.0, 50.0, np.nan]) for name in AMOUNTS if name != "daily_doses"}
        | {"0.daily_doses": np.array([np.nan, 0.0, np.nan])},
        {"concept_sets": ["drug"]},
    )
    study = parse_study(raw)
    assert _daily_doses(records, study.exposures["drug"])[:2].tolist() == [20.0, 2.5]
    with eq.connect(database / "data") as source:
        made = eq.run(study, source, to=database / "daily", store=database / "store", min_cell_count=0)
    groups = {row["dose_group"]: row for row in made.rows("dose_groups")}
    assert groups["not known"]["n_controls"] > 20
    assert groups["30 or more"]["n_controls"] == 0
    assert {row["reason"] for row in made.rows("dose_tests")} == {"NOT_DEFINED"}


def test_recorded_daily_doses_go_before_those_from_milligrams(database: Path, tmp_path: Path) -> None:
    """A database whose dispensings say how many daily doses they are answers without any stated daily dose."""
    for file in (database / "data").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    dispensed = pq.read_table(tmp_path / "drug_exposure.parquet")
    recorded = np.where(dispensed["person_id"].to_numpy() % 10 == 0, np.nan, 28.0)
    pq.write_table(
        dispensed.append_column("defined_daily_doses", pa.array(recorded, from_pandas=True)),
        tmp_path / "drug_exposure.parquet",
    )
    doses = {"by": "daily_doses", "groups_from": [56.0], "windows": [WINDOW]}
    with eq.connect(tmp_path) as source:
        study = asked(doses, BY_NUMBER, readings=["any_use"])
        made = eq.run(study, source, to=tmp_path / "results", store=tmp_path / "store", min_cell_count=0)
    groups = {row["dose_group"]: row["n_controls"] for row in rows(made, "dose_groups", dose="daily_doses")}
    numbers = {row["dose_group"]: row["n_controls"] for row in rows(made, "dose_groups", dose="dispensings")}
    assert groups["none"] == numbers["none"]
    assert 0 < groups["not known"] < sum(groups.values()) / 5
    assert (
        groups["less than 56"] + groups["56 or more"] + groups["not known"] == sum(numbers.values()) - numbers["none"]
    )
    assert groups["56 or more"] > groups["less than 56"] / 50


def test_what_is_recorded_is_not_computed() -> None:
    records = Artifact(
        {f"0.{name}": np.array([400.0, 400.0, 400.0]) for name in ("person_id", "day", *AMOUNTS)}
        | {"0.daily_doses": np.array([25.0, 0.0, np.nan])},
        {"concept_sets": ["drug"]},
    )
    raw = deepcopy(STUDY)
    raw["exposures"]["drug"]["daily_doses"] = {"drug": 20.0}
    assert _daily_doses(records, parse_study(raw).exposures["drug"]).tolist() == [25.0, 20.0, 20.0]
    nothing_stated = parse_study(STUDY).exposures["drug"]
    assert np.isnan(_daily_doses(records, nothing_stated)).tolist() == [False, True, True]


def test_a_window_of_the_study_is_looked_at_where_none_is_named(found: Results) -> None:
    windows = {row["window"] for row in rows(found, "dose_groups", dose="days_supplied")}
    assert windows == {"0-1 y", "1-3 y", WINDOW}


def test_use_at_another_time_only_is_apart_where_the_reference_never_used(database: Path) -> None:
    study = asked(BY_NUMBER, any_use_reference="never_before_index", readings=["any_use"])
    with eq.connect(database / "data") as source:
        made = eq.run(study, source, to=database / "never", store=database / "store", min_cell_count=0)
    groups = {row["dose_group"]: row for row in made.rows("dose_groups")}
    assert groups["at another time only"]["n_controls"] > 0
    (exposure,) = rows(made, "exposure", window=WINDOW, level=f"used, {WINDOW} (at least 2 dispensings)")
    assert sum(row["n_cases"] for row in groups.values()) == exposure["n_cases"]


def test_small_groups_are_hidden_with_what_gives_them_away(database: Path) -> None:
    study = asked(BY_NUMBER | {"groups_from": [2, 3, 4, 5]}, readings=["any_use"])
    with eq.connect(database / "data") as source:
        made = eq.run(study, source, to=database / "small", store=database / "store", min_cell_count=5)
    groups = made.rows("dose_groups")
    hidden = [row for row in groups if row["n_cases_suppressed"]]
    assert len(hidden) >= 2
    assert all(row["estimate"] is None and row["reason"] == "SMALL_CELLS" for row in hidden)
    assert all(row["median_dose"] is None for row in groups if row["n_controls_suppressed"])


def test_tests_and_curves_go_where_no_group_of_users_is_shown() -> None:
    key = {"analysis": "a", "comparison": "c", "exposure": "e", "window": "w", "dose": "dispensings"}
    key |= {"adjustment": "crude"}
    numbers = dict.fromkeys(("estimate", "conf_low", "conf_high", "p_value", "log_estimate", "std_error"), 1.0)
    seen = {"n_cases_suppressed": False, "n_controls_suppressed": False, "reason": None}
    none = key | numbers | seen | {"dose_group": "none", "n_cases": 50, "n_controls": 90}

    def left(n_cases: int, none: dict = none) -> tuple[list[bool], object, int]:
        groups = [dict(none), key | numbers | seen | {"dose_group": "1", "n_cases": n_cases, "n_controls": 20}]
        tables = {
            "dose_groups": groups,
            "dose_tests": [key | numbers | {"test": "trend", "statistic": 2.0, "reason": None}],
            "dose_curves": [key | {"amount": 1.0}],
        }
        few = few_dose_groups(groups, 5)
        withhold_doses(tables, few)
        return few, tables["dose_tests"][0]["p_value"], len(tables["dose_curves"])

    assert left(12) == ([False, False], 1.0, 1)
    assert left(3) == ([False, True], None, 0)
    assert left(12, none | {"n_controls": 2}) == ([True, True], None, 0), "the reference is few"
