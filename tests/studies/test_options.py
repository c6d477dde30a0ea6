"""Settings of a study that change what is estimated, each run to its end on a generated database."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import equipoise as eq
from equipoise.results.results import Results
from equipoise.spec.read import parse_study
from tests.generative.databases import random_people, write_database
from tests.generative.test_case_control import STUDY

COVARIATES = [
    {"name": "age group", "kind": "age", "groups_from": [60, 62]},
    {"name": "ulcer", "kind": "event", "concept_set": "ulcer", "window": {"years_before": [0, float("inf")]}},
    {"name": "drugs", "kind": "count", "concept_set": "drug", "window": {"years_before": [3, float("inf")]}},
    {"name": "birth", "kind": "birth_year"},
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("database") / "data"
    rng = np.random.default_rng(17)
    write_database(random_people(rng, 1500), folder, rng)
    return folder


def run(database: Path, to: Path, analysis: dict[str, Any], design: dict[str, Any] | None = None) -> Results:
    raw = deepcopy(STUDY)
    raw["covariates"] = COVARIATES
    raw["cohorts"]["users"] = {"entry": {"concept_set": "drug"}, "exit": {"kind": "fixed_time", "days": 2000}}
    raw["analyses"][0] |= analysis
    raw["analyses"][0]["design"] |= design or {}
    with eq.connect(database) as source:
        return eq.run(parse_study(raw), source, to=to / "results", store=database.parent / "store", min_cell_count=1)


def estimate(results: Results, **wanted: str) -> dict[str, Any]:
    wanted = {"window": "1-3 y", "reading": "any_use", "adjustment": "crude"} | wanted
    (row,) = [row for row in results.rows("estimates") if all(row[key] == value for key, value in wanted.items())]
    return row


def test_adjustment_with_groups_counts_and_an_interaction(database: Path, tmp_path: Path) -> None:
    names = ["age group", "birth", "drugs"]
    results = run(database, tmp_path, {"adjust_for": names, "interactions": [["age group", "drugs"]]})
    crude, adjusted = estimate(results), estimate(results, adjustment="adjusted")
    assert crude["reason"] is adjusted["reason"] is None
    assert crude["log_estimate"] != adjusted["log_estimate"]
    assert crude["n_persons"] == adjusted["n_persons"]
    shown = {row["variable"] for row in results.rows("characteristics")}
    assert {"age group", "drugs"} <= {name.lower() for name in shown}


def test_a_covariate_that_cannot_vary_leaves_the_exposure_estimated(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path, {"adjust_for": ["ulcer"]})
    crude, adjusted = estimate(results), estimate(results, adjustment="adjusted")
    assert adjusted["log_estimate"] == pytest.approx(crude["log_estimate"], abs=1e-12), "an ulcer excludes everyone"


def test_profile_limits_differ_from_wald_limits_around_the_same_estimate(database: Path, tmp_path: Path) -> None:
    wald = estimate(run(database, tmp_path / "a", {}))
    profile = estimate(run(database, tmp_path / "b", {"interval": "profile"}))
    assert profile["log_estimate"] == wald["log_estimate"]
    assert profile["conf_low"] != wald["conf_low"]
    assert profile["conf_low"] < profile["estimate"] < profile["conf_high"]


def test_with_one_case_a_set_every_treatment_of_ties_agrees(database: Path, tmp_path: Path) -> None:
    found = [estimate(run(database, tmp_path / ties, {"ties": ties})) for ties in ("exact", "efron", "breslow")]
    assert found[0]["log_estimate"] == pytest.approx(found[1]["log_estimate"], abs=1e-10)
    assert found[0]["log_estimate"] == pytest.approx(found[2]["log_estimate"], abs=1e-10)


def test_clustering_by_person_changes_the_standard_error_alone(database: Path, tmp_path: Path) -> None:
    plain = estimate(run(database, tmp_path / "a", {}))
    clustered = estimate(run(database, tmp_path / "b", {"cluster": "person"}))
    assert clustered["log_estimate"] == pytest.approx(plain["log_estimate"], abs=1e-12)
    assert clustered["std_error"] != plain["std_error"]


def test_keeping_unobservable_sets_uses_more_of_them_and_says_so(database: Path, tmp_path: Path) -> None:
    left_out = run(database, tmp_path / "a", {})
    kept = run(database, tmp_path / "b", {}, {"unobservable": "keep"})
    assert estimate(kept)["n_sets"] > estimate(left_out)["n_sets"]
    short = next(row for row in left_out.rows("exposure") if row["window"] == "1-3 y")
    assert short["n_cases_not_observable"] > 0


def by_window(results: Results, name: str) -> dict[str, int]:
    return {row["window"]: row[name] for row in results.rows("exposure") if row["reading"] == "any_use"}


def test_index_dates_before_drugs_were_recorded_are_counted_by_window(database: Path, tmp_path: Path) -> None:
    """Left truncation: nobody is lost, no window has an estimate, and each says how many could not be seen."""
    usual = run(database, tmp_path / "usual", {})
    raw = deepcopy(STUDY)
    raw["data_needs"] = {"drug_recording_from": "2090-01-01"}
    with eq.connect(database) as source:
        late = eq.run(parse_study(raw), source, to=tmp_path / "late", store=database.parent / "store", min_cell_count=1)
    seen, unseen = by_window(usual, "n_cases"), by_window(usual, "n_cases_not_observable")
    assert seen[">3 y"] == seen["1-3 y"] < seen["0-1 y"], "both need three years"
    assert len({seen[window] + unseen[window] for window in seen}) == 1
    assert set(by_window(late, "n_cases").values()) == {0}
    assert by_window(late, "n_cases_not_observable") == {window: seen[window] + unseen[window] for window in seen}
    in_windows = [row for row in late.rows("estimates") if row["window"] in seen]
    assert {row["reason"] for row in in_windows} == {"NOT_OBSERVABLE"}


def test_reference_never_leaves_out_nobody_and_changes_the_contrast(database: Path, tmp_path: Path) -> None:
    usual = estimate(run(database, tmp_path / "a", {}))
    never = estimate(run(database, tmp_path / "b", {}, {"any_use_reference": "never_before_index"}))
    assert never["n_persons"] == usual["n_persons"]
    assert never["n_exposed_cases"] == usual["n_exposed_cases"]
    assert never["log_estimate"] != usual["log_estimate"]
    assert "at any time before the index date" in never["reference_level"]


def test_nested_in_a_cohort_only_its_members_take_part(database: Path, tmp_path: Path) -> None:
    everyone = run(database, tmp_path / "a", {})
    users = run(database, tmp_path / "b", {}, {"within": "users"})
    assert users.rows("sampling")[0]["n_cases"] < everyone.rows("sampling")[0]["n_cases"]
    rules = [row["rule"] for row in users.rows("attrition")]
    assert any("member of the cohort" in rule for rule in rules)


def test_a_sensitivity_analysis_stands_beside_the_main_one(database: Path, tmp_path: Path) -> None:
    raw = deepcopy(STUDY)
    raw["sensitivity"] = [
        {"id": "fewer", "base": "risk", "why": "One control a case", "change": {"design": {"controls_per_case": 1}}}
    ]
    with eq.connect(database) as source:
        results = eq.run(parse_study(raw), source, to=tmp_path / "results", store=database.parent / "store")
    drawn = {row["analysis"]: row["n_controls"] for row in results.rows("sampling")}
    assert drawn["fewer"] < drawn["risk"]
    assert {row["analysis"] for row in results.rows("estimates")} == {"risk", "fewer"}
