"""Each flaw of a target trial is named where it is, and the study that ships has none."""

from pathlib import Path
from typing import Any

import pytest

import equipoise as eq
from equipoise.lint.study import lint_study
from equipoise.spec.read import parse_study

STUDY = Path(__file__).parents[2] / "studies" / "rem-target-trial.toml"
PLACE = 'analyses["per-protocol"].design'
FLAWS: dict[str, tuple[dict[str, Any], str]] = {
    "no-time-varying-covariates": ({"time_varying": []}, f"{PLACE}.time_varying"),
    "prevalent-users": ({"new_users": "none"}, f"{PLACE}.new_users"),
}


def found(changes: dict[str, Any]) -> list[tuple[str, str]]:
    raw = eq.read_study(STUDY).model_dump(by_alias=True)
    raw |= {"analyses": raw["analyses"][:1], "contrasts": [], "triangulation": None}
    raw["analyses"][0]["design"] |= changes
    return [(finding.code, finding.where) for finding in lint_study(parse_study(raw)) if finding.code != "unused"]


def test_the_study_that_ships_is_sound() -> None:
    assert [finding.code for finding in lint_study(eq.read_study(STUDY)) if finding.code != "unused"] == []
    assert found({}) == []


@pytest.mark.parametrize("code", FLAWS)
def test_a_flaw_is_named(code: str) -> None:
    changes, where = FLAWS[code]
    assert found(changes) == [(code, where)]


def test_nothing_need_vary_where_arms_are_fixed_at_once() -> None:
    strategies = [{"name": "none", "start": "none"}, {"name": "drug", "start": "suppressing"}]
    assert found({"strategies": strategies, "time_varying": []}) == []
