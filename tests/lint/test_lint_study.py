"""Each design flaw is named where it is, and nowhere else."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from equipoise.lint.findings import Finding
from equipoise.lint.study import RULES, lint_study
from equipoise.spec.read import parse_study, read_study
from tests.lint.test_follow_up_flaws import FLAWS as FOLLOW_UP_FLAWS
from tests.spec_model.examples import changed

ROOT = Path(__file__).parents[2]

SOUND = """
spec_version = 1
id = "sound"
title = "A study without a flaw that can be seen in its protocol"
question = { text = "Does it?" }
data_needs = { drug_recording_from = 2005-07-01 }

[concept_sets]
outcome = { domain = "condition", include = [{ concept_id = 1 }] }
drug = { domain = "drug", include = [{ concept_id = 2 }] }
history = { domain = "condition", include = [{ concept_id = 3 }] }

[cohorts.cases]
entry = { concept_set = "outcome" }
prior_observation_days = 365

[exposures.drug]
concept_sets = ["drug"]

[windows]
recent = { years_before = [0, 1] }
past = { years_before = [1, 5] }

[[covariates]]
name = "history"
kind = "event"
concept_set = "history"
window = { years_before = [5, inf] }

[[analyses]]
id = "main"
adjust_for = ["history"]
design = { kind = "nested_case_control", cases = "cases", exposures = ["drug"], windows = ["recent", "past"] }
"""
DESIGN = "analyses/0/design"


def findings(*changes: tuple[str, Any]) -> list[Finding]:
    raw = tomllib.loads(SOUND)
    for path, value in changes:
        changed(raw, path, value)
    return lint_study(parse_study(raw))


def test_a_sound_study_has_no_finding() -> None:
    assert findings() == []


FLAWS: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "recording-start-unknown": ([("data_needs", {})], "data_needs.drug_recording_from"),
    "no-lag": (
        [("windows/recent/years_before", [0, 0.5]), ("windows/past/years_before", [0.5, 5])],
        'analyses["main"].design.windows',
    ),
    "lag-that-counts": (
        [("windows/recent/years_before", [1, 2]), ("windows/past/years_before", [2, 5])],
        'analyses["main"].design.lag_dispensings',
    ),
    "short-run-in": ([(f"{DESIGN}/run_in_days", 0)], 'analyses["main"].design.run_in_days'),
    "unobservable-kept": ([(f"{DESIGN}/unobservable", "keep")], 'analyses["main"].design.unobservable'),
    "overlapping-windows": ([("windows/recent/years_before", [0, 2])], 'analyses["main"].design.windows'),
    "daily-doses-not-stated": (
        [(f"{DESIGN}/dose_response", [{"by": "daily_doses", "groups_from": [90]}])],
        "exposures.drug.daily_doses",
    ),
    "few-controls": ([(f"{DESIGN}/controls_per_case", 1)], 'analyses["main"].design.controls_per_case'),
    "prevalent-cases": ([("cohorts/cases/prior_observation_days", 0)], "cohorts.cases.prior_observation_days"),
    "controls-chosen-by-exposure": ([(f"{DESIGN}/free_of", ["drug"])], 'analyses["main"].design.free_of'),
    "covariate-near-index": (
        [("covariates/0/window", {"days_before": [0, 365]})],
        'covariates["history"].window',
    ),
    "adjusting-for-exposure": ([("covariates/0/concept_set", "drug")], 'analyses["main"].adjust_for'),
    "age-left-open": ([(f"{DESIGN}/birth_year_caliper", 10)], 'analyses["main"].design.birth_year_caliper'),
    "sex-left-open": ([(f"{DESIGN}/match_exact", [])], 'analyses["main"].design.match_exact'),
    "unused": ([("windows/remote", {"years_before": [5, 10]})], "windows.remote"),
}


@pytest.mark.parametrize("code", FLAWS)
def test_a_flaw_is_named(code: str) -> None:
    changes, where = FLAWS[code]
    found = {finding.code: finding for finding in findings(*changes)}
    assert found[code].where == where
    assert set(found) - {"unused"} == {code} - {"unused"}


def test_each_rule_has_a_flaw_here() -> None:
    rules_of_the_protocol = 2
    assert len(FLAWS) == len(RULES) + rules_of_the_protocol


def test_every_finding_says_why_with_a_source_and_what_to_do() -> None:
    for changes, _ in FLAWS.values():
        for finding in findings(*changes):
            assert any(year in finding.why for year in map(str, range(1970, 2027))), finding.code
            assert finding.says
            assert finding.remedy


EXCUSED: dict[str, list[tuple[str, Any]]] = {
    "a lag in a sensitivity analysis": [
        ("windows/past/years_before", [0.9, 5]),
        ("windows/lagged", {"years_before": [1, 5]}),
        (
            "sensitivity",
            [{"id": "lag", "base": "main", "why": "Prodrome", "change": {"design": {"windows": ["lagged"]}}}],
        ),
    ],
    "no run-in where initiation is not read": [
        (f"{DESIGN}/run_in_days", 0),
        (f"{DESIGN}/readings", ["any_use"]),
    ],
    "wide matching on birth year with adjustment for age": [
        (f"{DESIGN}/birth_year_caliper", 10),
        ("covariates", [{"name": "age", "kind": "age"}]),
        ("analyses/0/adjust_for", ["age"]),
        ("concept_sets/history", ...),
    ],
    "one sex only": [(f"{DESIGN}/match_exact", []), ("cohorts/cases/sex", ["female"])],
    "controls free of something else": [(f"{DESIGN}/free_of", ["history"])],
    "three controls": [(f"{DESIGN}/controls_per_case", 3)],
}


@pytest.mark.parametrize("name", EXCUSED)
def test_what_is_no_flaw_is_not_named(name: str) -> None:
    assert [finding.code for finding in findings(*EXCUSED[name]) if finding.code != "overlapping-windows"] == []


def test_matching_on_no_birth_year_at_all_is_named_too() -> None:
    (finding,) = findings((f"{DESIGN}/birth_year_caliper", "none"))
    assert (finding.code, finding.says) == (
        "age-left-open",
        "birth year is not matched on, and the model does not hold age",
    )


def test_an_exposure_under_another_name_is_recognised() -> None:
    same = {"domain": "drug", "label": "Another label", "include": [{"concept_id": 2}]}
    codes = {
        finding.code
        for finding in findings(
            ("concept_sets/copy", same), ("covariates/0/concept_set", "copy"), (f"{DESIGN}/free_of", ["copy"])
        )
    }
    assert codes >= {"adjusting-for-exposure", "controls-chosen-by-exposure"}


def test_unused_names_of_every_kind() -> None:
    extra = [
        ("windows/w", {"days_before": [0, 5]}),
        ("exposures/e", {"concept_sets": ["c"]}),
        ("cohorts/k", {"entry": {"concept_set": "c"}}),
        ("concept_sets/c", {"domain": "drug", "include": [{"concept_id": 9}]}),
        ("covariates/0/name", "other"),
        ("analyses/0/adjust_for", []),
    ]
    assert {finding.where for finding in findings(*extra)} == {
        *("windows.w", "exposures.e", "cohorts.k", "concept_sets.c", "concept_sets.history", 'covariates["other"]'),
    }


def test_names_used_only_by_sensitivity_analyses_are_used() -> None:
    change = {"design": {"windows": ["late"], "within": "people"}}
    more = [
        ("windows/late", {"years_before": [5, 10]}),
        ("cohorts/people", {"entry": {"concept_set": "history"}, "exit": {"kind": "event", "concept_set": "outcome"}}),
        ("sensitivity", [{"id": "s", "base": "main", "why": "Later", "change": change}]),
    ]
    assert findings(*more) == []


def test_the_shipped_studies_can_be_read_for_flaws() -> None:
    for path in sorted((ROOT / "studies").glob("*.toml")):
        for finding in lint_study(read_study(path)):
            assert finding.code in FLAWS or finding.code in FOLLOW_UP_FLAWS


def test_concept_sets_of_scores_and_negative_controls_are_used() -> None:
    found = lint_study(read_study(ROOT / "studies" / "psychotropics-als.toml"))
    assert [finding.where for finding in found if finding.code == "unused"] == []
