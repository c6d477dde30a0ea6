"""Contrast runs and triangulation of a whole study: what is flawed is called so, errs as predicted, and stays apart."""

from pathlib import Path
from typing import Any

import pytest

import equipoise as eq
from equipoise.errors import Reason
from equipoise.results.results import Results
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from tests.cli.command import equipoise
from tests.studies.places import STUDIES

FLAWS = ("immortal_time", "no_lag", "covariates_after_time_zero")
ANSWERS = [
    {"analysis": "survival", "exposure": "antidepressants", "expected_bias": "upward", "why": "Severity."},
    {"analysis": "new-users", "exposure": "antidepressants", "expected_bias": "none expected", "why": "For the test."},
]


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation") / "data"
    eq.write_nation(folder, persons=20_000, multiplier=60.0)
    return folder


def study(**more: Any) -> dict[str, Any]:
    raw = canonical(eq.read_study(STUDIES / "als-prognosis.toml"))
    return raw | {"contrasts": [{"base": "survival", "flaw": flaw} for flaw in FLAWS]} | more


def run(nation: Path, to: Path, raw: dict[str, Any], **options: Any) -> Results:
    with eq.connect(nation) as source:
        return eq.run(parse_study(raw), source, to=to, store=nation.parent / "store", **options)


@pytest.fixture(scope="module")
def results(nation: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    triangulation = {"answers": ANSWERS}
    return run(nation, tmp_path_factory.mktemp("results") / "r", study(triangulation=triangulation), min_cell_count=1)


def test_flawed_estimates_stand_apart_from_those_of_the_study(results: Results) -> None:
    rows = results.rows("flawed_estimates")
    assert {row["flaw"] for row in rows} == set(FLAWS)
    assert all(row["flawed_design"].startswith("FLAWED") for row in rows)
    ids = {row["analysis"] for row in results.rows("estimates")}
    assert ids == {"survival", "new-users"}
    sound = {
        (row["exposure"], row["adjustment"]): row["estimate"]
        for row in results.rows("estimates")
        if (row["analysis"], row["measure"]) == ("survival", "hazard_ratio")
    }
    assert all(row["estimate"] == sound[row["exposure"], "adjusted"] for row in rows)
    assert "n_cases" not in rows[0]


def test_immortal_time_makes_every_drug_look_protective(results: Results) -> None:
    rows = [row for row in results.rows("flawed_estimates") if row["flaw"] == "immortal_time"]
    assert len(rows) == 3
    assert all(row["log_difference"] < 0 for row in rows)


def test_the_page_says_that_they_are_flawed_and_shows_the_answers(results: Results, tmp_path: Path) -> None:
    page = eq.write_report(results, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "How large the avoided bias would have been" in page
    assert "Flawed numbers are no results of this study" in page
    assert "If users are those who ever use the drug, later use included, the hazard ratios would have" in page
    assert "times as large; Antidepressants, 5 years before)" in page
    assert "The question through several designs" in page
    assert "2 of 2 answers have an estimate" in page


def test_answers_are_the_estimates_of_the_study(results: Results) -> None:
    rows = results.rows("triangulation")
    assert [row["analysis"] for row in rows] == ["survival", "new-users"]
    assert [row["expected_bias"] for row in rows] == ["upward", "none expected"]
    estimates = {(row["analysis"], row["exposure"], row["adjustment"], row["measure"]): row["estimate"]
                 for row in results.rows("estimates")}  # fmt: skip
    for row in rows:
        key = (row["analysis"], "antidepressants", "adjusted", "hazard_ratio")
        assert row["estimate"] == estimates[key]


def test_what_is_hidden_in_the_study_is_hidden_beside_the_flaw(nation: Path, tmp_path: Path) -> None:
    hidden = run(nation, tmp_path / "r", study(), min_cell_count=500)
    rows = hidden.rows("flawed_estimates")
    assert {row["flawed_reason"] for row in rows} == {Reason.SMALL_CELLS}
    assert all(row["flawed_estimate"] is None and row["estimate"] is None for row in rows)


def test_the_command_runs_every_flaw_that_applies(nation: Path, tmp_path: Path) -> None:
    where = ("--data", nation, "--to", tmp_path / "out")
    done = equipoise("run", STUDIES / "als-prognosis.toml", *where, "--with-flaws", store=nation.parent / "store")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "tables" / "flawed_estimates.csv").read_text(encoding="utf-8")
    assert all(flaw in text for flaw in FLAWS)


def case_control(*flaws: str) -> dict[str, Any]:
    """The shipped case-control study of antidepressants with its flawed versions."""
    raw = canonical(eq.read_study(STUDIES / "psychotropics-als.toml"))
    risk = next(item for item in raw["analyses"] if item["id"] == "risk")
    design = risk["design"] | {"comparisons": ["population"], "exposures": ["antidepressants"], "lag_scan": None}
    risk |= {"design": design | {"readings": ["any_use"], "within_between": []}, "cluster": None, "subgroups": []}
    raw |= {"analyses": [risk], "sensitivity": [], "published": [], "triangulation": None, "grids": []}
    return raw | {"contrasts": [{"base": "risk", "flaw": flaw} for flaw in flaws]}


def test_prevalent_users_of_a_case_control_study_are_any_users(nation: Path, tmp_path: Path) -> None:
    """Held against persons who never used the drug, as those who began are."""
    raw = case_control("prevalent_users")
    design = raw["analyses"][0]["design"]
    design |= {"readings": ["initiation", "any_use"], "any_use_reference": "never_before_index"}
    found = run(nation, tmp_path / "r", raw, min_cell_count=1)
    rows = found.rows("flawed_estimates")
    own = {(row["window"], row["reading"]): row["estimate"] for row in found.rows("estimates")
           if row["adjustment"] == "adjusted" and row["subgroup"] == "overall"}  # fmt: skip
    assert [row["window"] for row in rows] == design["windows"]
    for row in rows:
        assert row["estimate"] == own[row["window"], "initiation"]
        assert row["flawed_estimate"] == pytest.approx(own[row["window"], "any_use"], rel=1e-12)
    design["any_use_reference"] = "none_in_window"
    again = run(nation, tmp_path / "again", raw, min_cell_count=1).rows("flawed_estimates")
    assert [row["flawed_estimate"] for row in again] == [row["flawed_estimate"] for row in rows]


@pytest.fixture(scope="module")
def case_control_rows(nation: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    flaws = ("no_lag", "immortal_time", "covariates_after_time_zero")
    to = tmp_path_factory.mktemp("case_control") / "r"
    return run(nation, to, case_control(*flaws), min_cell_count=1).rows("flawed_estimates")


def test_a_case_control_study_without_its_lag(case_control_rows: list[dict[str, Any]]) -> None:
    rows = [row for row in case_control_rows if row["flaw"] == "no_lag"]
    raw = case_control()
    windows = parse_study(raw).windows
    lagged = {name for name in raw["analyses"][0]["design"]["windows"] if windows[name].last_day < -1}
    assert {row["window"] for row in rows} == lagged
    assert all(row["flawed_estimate"] is not None for row in rows)
    # Drugs for early signs of the disease look like its cause as soon as the last year counts.
    assert all(row["log_difference"] > 0 for row in rows if row["log_difference"] is not None)


def test_use_after_the_index_date_makes_the_disease_look_like_an_effect_of_the_drugs(
    case_control_rows: list[dict[str, Any]],
) -> None:
    """The diagnosis brings antidepressants, so that cases are users sooner or later."""
    rows = [row for row in case_control_rows if row["flaw"] == "immortal_time"]
    assert {row["window"] for row in rows} == set(case_control()["analyses"][0]["design"]["windows"])
    assert all(row["log_difference"] > 0.3 for row in rows)


def test_covariates_of_a_year_after_the_index_date_change_every_ratio(case_control_rows: list[dict[str, Any]]) -> None:
    """Psychiatric diagnoses follow the disease as well; adjusted for, they take part of what the drugs seem to do."""
    rows = [row for row in case_control_rows if row["flaw"] == "covariates_after_time_zero"]
    assert len(rows) == len(case_control()["analyses"][0]["design"]["windows"])
    assert all(row["log_difference"] < 0 for row in rows)
