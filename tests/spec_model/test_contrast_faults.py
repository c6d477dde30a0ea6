"""Contrast runs and triangulation in a study file: flaws that do not apply, answers that choose nothing."""

from typing import Any

import pytest

import equipoise as eq
from equipoise.errors import SpecError
from equipoise.spec.canonical import canonical
from equipoise.spec.contrasts import Contrast
from equipoise.spec.elements import ELEMENTS
from equipoise.spec.flawed import compared, every_flaw, flawed_study
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.read import parse_study
from tests.studies.places import STUDIES

WHY = "because"


def prognosis(**more: Any) -> dict[str, Any]:
    raw = canonical(eq.read_study(STUDIES / "als-prognosis.toml"))
    return raw | more


def case_control(**more: Any) -> dict[str, Any]:
    return canonical(eq.read_study(STUDIES / "nsaid-gi-bleed.toml")) | more


def answer(analysis: str, **more: Any) -> dict[str, Any]:
    return {"analysis": analysis, "expected_bias": "upward", "why": WHY, **more}


def faults_of(raw: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(SpecError) as caught:
        parse_study(raw)
    return [(fault.where, fault.found, fault.allowed) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("flaw", "has"),
    [
        ("prevalent_users", "prevalent users already"),
        ("non_user_comparator", "persons without use as comparator already"),
    ],
)
def test_a_flaw_that_the_design_has_already_is_a_fault(flaw: str, has: str) -> None:
    ((where, found, allowed),) = faults_of(prognosis(contrasts=[{"base": "survival", "flaw": flaw}]))
    assert where == "contrasts[0].flaw"
    assert found == f"{flaw!r} of 'survival', which has {has}"
    assert allowed == "'immortal_time', 'no_lag', 'covariates_after_time_zero'"


@pytest.mark.parametrize(
    ("flaw", "change", "has"),
    [
        ("immortal_time", {"readings": ["initiation"]}, "no reading of any use"),
        ("prevalent_users", {"readings": ["any_use"]}, "prevalent users already"),
        ("covariates_after_time_zero", {}, "no covariate that is read in a window"),
        ("non_user_comparator", {}, "persons without use as comparator already"),
    ],
)
def test_flaws_that_a_nested_case_control_study_cannot_have(flaw: str, change: dict[str, Any], has: str) -> None:
    raw = case_control()
    analysis = raw["analyses"][0]
    analysis["design"] |= change
    analysis["adjust_for"], raw["contrasts"] = [], [{"base": analysis["id"], "flaw": flaw}]
    ((where, found, _),) = faults_of(raw)
    assert (where, found) == ("contrasts[0].flaw", f"{flaw!r} of {analysis['id']!r}, which has {has}")


def trial(analysis: dict[str, Any] | None = None, estimation: dict[str, Any] | None = None, **design: Any) -> Any:
    """The shipped target trial with other elements."""
    raw = canonical(eq.read_study(STUDIES / "rem-target-trial.toml")) | {"contrasts": [], "triangulation": None}
    raw["analyses"][0] |= analysis or {}
    raw["analyses"][0]["design"] |= design
    raw["analyses"][0]["design"]["estimation"] |= estimation or {}
    return raw


STRATEGIES = {
    "none": {"name": "none", "start": "none", "within": 3},
    "another": {"name": "another", "start": "not_suppressing", "within": 3},
    "suppressing": {"name": "suppressing", "start": "suppressing", "within": 3},
    "ventilated": {"name": "ventilated", "start": "suppressing", "when": "ventilation"},
}


def strategies(*names: str) -> list[dict[str, Any]]:
    return [STRATEGIES[name] for name in names]


@pytest.mark.parametrize(
    ("flaw", "raw", "has"),
    [
        ("prevalent_users", trial(new_users="none"), "prevalent users already"),
        ("no_lag", trial(), "no lag already: treatment counts from time zero on"),
        (
            "immortal_time",
            trial(strategies=strategies("none", "ventilated")),
            "a strategy that waits for a condition, whose start has no earlier date",
        ),
        (
            "covariates_after_time_zero",
            trial({"adjust_for": ["age"]}, strategies=strategies("none", "ventilated"), time_varying=["ventilation"]),
            "no covariate that is read in a window",
        ),
        ("non_user_comparator", trial(), "persons without use as comparator already"),
    ],
)
def test_flaws_that_a_target_trial_cannot_have(flaw: str, raw: dict[str, Any], has: str) -> None:
    ((where, found, _),) = faults_of(raw | {"contrasts": [{"base": "per-protocol", "flaw": flaw}]})
    assert (where, found) == ("contrasts[0].flaw", f"{flaw!r} of 'per-protocol', which has {has}")


def test_every_other_flaw_is_one_of_target_trials() -> None:
    flaws = [one.flaw for one in every_flaw(parse_study(trial())) if one.base == "per-protocol"]
    assert flaws == ["immortal_time", "prevalent_users", "covariates_after_time_zero"]
    study = parse_study(trial(strategies=strategies("another", "suppressing")))
    assert "non_user_comparator" in [one.flaw for one in every_flaw(study) if one.base == "per-protocol"]


@pytest.mark.parametrize(
    ("methods", "held"),
    [
        (["clone_censor_weight", "g_formula", "doubly_robust"], "clone_censor_weight"),
        (["g_formula", "doubly_robust"], "doubly_robust"),
    ],
)
def test_the_method_of_a_trial_that_is_held_against_its_flawed_version(methods: list[str], held: str) -> None:
    design = parse_study(trial(estimation={"methods": methods})).analyses[0].target_trial
    assert design is not None
    assert compared(design) == held


def test_a_flawed_trial_has_the_order_of_the_trial_whatever_methods_are_left() -> None:
    alone = strategies("none", "another", "suppressing")
    alone = [one | {"within": 1} for one in alone]
    both = {"methods": ["sequential_trials", "clone_censor_weight"]}
    for estimation, order in ((both, "treatment_first"), ({}, "events_first")):
        raw = trial(estimation=estimation, strategies=alone, contrast="as_assigned")
        study = parse_study(raw | {"gate": None, "purpose": "estimation"})
        flawed = flawed_study(study, Contrast(base="per-protocol", flaw="covariates_after_time_zero"))
        assert flawed.analyses[0].target_trial.order == order


def test_a_trial_of_drugs_alone_is_given_persons_without_use() -> None:
    study = parse_study(trial(strategies=strategies("another", "suppressing")))
    flawed = flawed_study(study, Contrast(base="per-protocol", flaw="non_user_comparator"))
    added, *own = flawed.analyses[0].target_trial.strategies
    assert tuple(own) == study.analyses[0].target_trial.strategies
    assert (added.name, added.start, added.within, added.sustained) == ("no use", None, 3, False)
    assert parse_study(canonical(flawed)) == flawed


def test_ongoing_use_has_no_window_to_reach_beyond_time_zero() -> None:
    raw = prognosis(contrasts=[{"base": "survival", "flaw": "immortal_time"}], sensitivity=[])
    del raw["analyses"][0]["design"]["window"]
    for exposure in raw["exposures"].values():
        exposure["min_dispensings"] = 1
    raw["analyses"][0]["design"] |= {"use": "ongoing", "lag_days": 0}
    ((_, found, allowed),) = faults_of(raw)
    assert 'use = "ongoing", which has no window' in found
    assert "immortal_time" not in allowed


def test_first_use_has_no_non_users() -> None:
    raw = prognosis()
    raw["exposures"] = {name: item | {"min_dispensings": 1} for name, item in raw["exposures"].items()}
    design = raw["analyses"][0]["design"]
    design |= {"time_zero": "first_use", "window": None, "lag_days": 0, "comparator": "hypnotics"}
    design["target"], raw["sensitivity"] = ["antidepressants"], []
    flaws = [contrast.flaw for contrast in every_flaw(parse_study(raw))]
    assert flaws == ["covariates_after_time_zero"]
    ((_, found, _),) = faults_of(raw | {"contrasts": [{"base": "survival", "flaw": "immortal_time"}]})
    assert "first_use" in found


def ongoing(**more: Any) -> dict[str, Any]:
    """Ongoing use of either of two drugs at the diagnosis."""
    raw = prognosis(sensitivity=[])
    raw["exposures"] = {name: item | {"min_dispensings": 1} for name, item in raw["exposures"].items()}
    design = raw["analyses"][0]["design"]
    design |= {"use": "ongoing", "window": None, "lag_days": 0, "comparator": "hypnotics"} | more
    design["target"] = ["antidepressants"]
    return raw


def test_who_uses_nothing_has_no_end_of_use() -> None:
    """It was taken, and users were counted from the end of use against others from time zero."""
    raw = ongoing(follow_up={"start_anchor": "end_of_exposure", "days": 730})
    assert "non_user_comparator" not in [contrast.flaw for contrast in every_flaw(parse_study(raw))]
    ((_, found, _),) = faults_of(raw | {"contrasts": [{"base": "survival", "flaw": "non_user_comparator"}]})
    assert "which persons without use do not have" in found


@pytest.mark.parametrize("more", [{}, {"common_period": True}, {"follow_up": {"days": 730}}])
def test_a_flawed_design_is_one_that_a_study_file_could_hold(more: dict[str, Any]) -> None:
    study = parse_study(ongoing(**more))
    flaws = every_flaw(study)
    assert "non_user_comparator" in [contrast.flaw for contrast in flaws]
    for contrast in flaws:
        made = flawed_study(study, contrast)
        assert parse_study(canonical(made)) == made


def test_unknown_names_and_repetition_are_faults() -> None:
    ((where, found, _),) = faults_of(prognosis(contrasts=[{"base": "nothing", "flaw": "no_lag"}]))
    assert (where, found) == ("contrasts[0].base", "unknown analysis 'nothing'")
    twice = [{"base": "survival", "flaw": "no_lag"}] * 2
    ((where, found, _),) = faults_of(prognosis(contrasts=twice))
    assert (where, found) == ("contrasts[1]", "'no_lag' of 'survival' twice")


def test_answers_name_what_their_analysis_has() -> None:
    answers = [answer("survival", exposure="antidepressants"), answer("new-users", window="5 years before")]
    ((where, found, _),) = faults_of(prognosis(triangulation={"answers": answers}))
    assert where == "triangulation.answers[1].window"
    assert found == "'5 years before' is not part of analysis 'new-users'"
    ((_, found, _),) = faults_of(prognosis(triangulation={"answers": [answer("survival"), answer("nothing")]}))
    assert found == "unknown analysis 'nothing'"
    ((_, found, _),) = faults_of(prognosis(triangulation={"answers": [answer("survival"), answer("survival")]}))
    assert found == "the same estimate twice"
    ((_, found, _),) = faults_of(prognosis(triangulation={"answers": [answer("survival")]}))
    assert found == "one answer"


def test_no_lag_widens_the_windows_of_a_case_control_study() -> None:
    study = eq.read_study(STUDIES / "psychotropics-als.toml")
    contrast = next(item for item in every_flaw(study) if item.flaw == "no_lag")
    flawed = flawed_study(study, contrast)
    base = next(item for item in study.analyses if item.id == contrast.base)
    (analysis,) = flawed.analyses
    assert all(flawed.windows[name].last_day == -1 for name in analysis.case_control.windows)
    lagged = [name for name in base.case_control.windows if study.windows[name].last_day < -1]
    assert len(analysis.case_control.windows) == len(lagged)
    firsts = [study.windows[name].first_day for name in lagged]
    assert [flawed.windows[name].first_day for name in analysis.case_control.windows] == firsts


def test_every_setting_of_a_follow_up_design_is_part_of_an_element() -> None:
    """A setting that no element names would differ between two studies without being seen."""
    named = {path[1] for settings in ELEMENTS.values() for path in settings if path[0] == "design"}
    of_another_kind = {"kind", "function", "score"}  # what a bridge leaves out: no hazard ratio of the arms rests on it
    assert set(FollowUpDesign.model_fields) - named <= of_another_kind
