"""Each flaw of a follow-up design is named where it is, and nowhere else."""

import tomllib
from typing import Any

import pytest

from equipoise.lint.study import lint_study
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed

SOUND = """
spec_version = 1
id = "sound"
title = "A follow-up study without a flaw that can be seen in its protocol"
question = { text = "Does it?" }
data_needs = { drug_recording_from = 2005-07-01 }

[concept_sets]
disease = { domain = "condition", include = [{ concept_id = 1 }] }
drug = { domain = "drug", include = [{ concept_id = 2 }] }
other = { domain = "drug", include = [{ concept_id = 3 }] }

[cohorts.patients]
entry = { concept_set = "disease" }
prior_observation_days = 365

[exposures]
drug = { concept_sets = ["drug"] }
other = { concept_sets = ["other"] }

[windows]

[[covariates]]
name = "age"
kind = "age"

[[analyses]]
id = "main"
adjust_for = ["age"]

[analyses.design]
kind = "follow_up"
population = "patients"
time_zero = "first_use"
new_users = { washout_days = 365 }
target = ["drug"]
comparator = "other"
outcome = { any_of = ["death"] }
follow_up = { days = 730 }
"""
DESIGN = "analyses/0/design"
WINDOW: list[tuple[str, Any]] = [
    (f"{DESIGN}/time_zero", "entry"),
    (f"{DESIGN}/window", "w"),
    ("windows/w", {"days_before": [90, 365]}),
]
FLAWS: dict[str, list[tuple[str, Any]]] = {
    "prevalent-users": [(f"{DESIGN}/new_users", "none")],
    "compared-with-no-use": [*WINDOW, (f"{DESIGN}/comparator", "none")],
    "use-not-observable": [*WINDOW, ("windows/w", {"days_before": [90, 3650]})],
    "survivors-only": [(f"{DESIGN}/follow_up", {"days": 730, "minimum_days": 30})],
    "small-early-risk-sets": [(f"{DESIGN}/follow_up", {"days": 730, "delayed_entry": "disease"})],
    "stopping-in-one-arm": [*WINDOW, (f"{DESIGN}/comparator", "none"), (f"{DESIGN}/censoring", {"at_stop": True})],
    "no-lag-before-time-zero": [*WINDOW, ("windows/w", {"days_before": [0, 365]})],
    "adjusting-for-exposure": [
        (
            "covariates/0",
            {"name": "age", "kind": "event", "concept_set": "drug", "window": {"days_before": [90, 365]}},
        )
    ],
    "age-left-open": [("analyses/0/adjust_for", [])],
}


def codes(*changes: tuple[str, Any]) -> list[str]:
    raw = tomllib.loads(SOUND)
    for path, value in changes:
        changed(raw, path, value)
    return [finding.code for finding in lint_study(parse_study(raw))]


def test_a_sound_study_has_no_finding() -> None:
    assert codes() == []
    assert set(codes(*WINDOW)) == set()


def test_time_at_risk_that_begins_after_use_is_named() -> None:
    assert codes((f"{DESIGN}/follow_up", {"days": 730, "start_anchor": "end_of_exposure"})) == ["survivors-only"]
    until = [(f"{DESIGN}/follow_up", {"days": 30, "end_anchor": "end_of_exposure"})]
    assert codes(*until, (f"{DESIGN}/estimator", {"time_points_days": [365]})) == []


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_flaw_is_named(flaw: str) -> None:
    also = {
        "stopping-in-one-arm": {"compared-with-no-use", "unused"},
        "compared-with-no-use": {"unused"},
        "age-left-open": {"unused"},
        "adjusting-for-exposure": {"age-left-open"},
    }
    assert set(codes(*FLAWS[flaw])) == {flaw} | also.get(flaw, set())
