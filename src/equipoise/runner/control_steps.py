"""The steps of negative controls: in place of the outcome, or of the exposure, through the design of an analysis."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from equipoise.runner.case_control_steps import case_control_steps
from equipoise.runner.follow_up_steps import follow_up_steps
from equipoise.runner.step import Step, concepts_step, records_step
from equipoise.spec.control_meaning import WITH_CONTROLS
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.study import Analysis, Study

OUTCOME, EXPOSURE = "outcome", "exposure"
# What a control needs of the steps of an analysis; it is neither described nor compared in other ways.
KEPT = {
    "people": "people",
    "concepts": "concepts",
    "records": "records",
    "cases": "cases",
    "matched_sets": "matched_sets",
    "relatives": "relatives",
    "relative_sets": "relative_sets",
    "population": "population",
    "covariate_set": "covariate_set",
    "propensity": "propensity",
    "member_records": "member_records",
    "analysis_set": "control_set",
    "arms_set": "control_arms_set",
    "estimates": "control_estimates",
    "arms_estimates": "control_arms_estimates",
}
# Beside the estimates of a case-control study.
NO_MORE: dict[str, Any] = {"lag_scan": None, "dose_response": (), "within_between": ()}
ESTIMATING = ("control_estimates", "control_arms_estimates")


def control_steps(study: Study, analysis: Analysis, own: list[Step], seed: int) -> list[Step]:
    """The steps of every control that an analysis is judged by; `own` are those of the analysis."""
    controls = study.negative_controls
    if controls is None or analysis.id not in (controls.analyses or [item.id for item in study.analyses]):
        return []
    if analysis.design.kind not in WITH_CONTROLS:
        return []
    design = analysis.follow_up
    made: list[Step] = []
    if design is not None:
        made += _outcomes_followed(study, analysis, design, controls.outcomes, own)
    if controls.exposures and (design is None or design.comparator is None):
        made += _exposures(study, analysis, controls.exposures, seed)
    if design is None:
        for name in controls.outcomes:
            made += _cases_of_control(study, analysis, name, seed)
    return made


def _outcomes_followed(
    study: Study, analysis: Analysis, design: FollowUpDesign, outcomes: tuple[str, ...], own: list[Step]
) -> Iterator[Step]:
    """One step a comparison for all control outcomes: persons, arms, covariates and score are those of the analysis."""
    if not outcomes:
        return
    for name in sorted(outcomes):
        yield concepts_step(study, name)
        yield records_step(study, name, True)
    records = {f"records {name}": records_step(study, name, True).name for name in sorted(outcomes)}
    described = {step.subset["target"]: step for step in own if step.kind == "arms_description"}
    for step in (step for step in own if step.kind == "arms_estimates"):
        target = step.subset["target"]
        subset = {key: value for key, value in step.subset.items() if key != "gate"}
        subset |= {"controls": {name: study.concept_sets[name].label or name for name in outcomes}}
        subset |= {"synthetic_effects": list(study.negative_controls.synthetic_effects)}  # type: ignore[union-attr]
        needs = {**described[target].needs, **records, **step.needs}
        detail = "fits the hazard ratio of every control outcome"
        name = f"control outcomes of {analysis.id}: {target}"
        yield Step(name, "control_outcomes", subset, needs, detail=detail, analysis=analysis.id)


def _exposures(study: Study, analysis: Analysis, exposures: tuple[str, ...], seed: int) -> list[Step]:
    """The analysis over again with all control exposures in place of its own."""
    design = analysis.follow_up
    if design is None:
        changed: dict[str, Any] = {"exposures": exposures} | NO_MORE
    else:
        ratios = {"kinds": ("cox",), "bootstrap": None, "likelihood_profile": None}
        estimator = design.estimator.model_copy(update=ratios)
        changed = {"target": exposures, "estimator": estimator, "function": None, "score": None}
    return _derived(study, analysis, changed, EXPOSURE, "every control", seed)


def _cases_of_control(study: Study, analysis: Analysis, name: str, seed: int) -> list[Step]:
    """The analysis over again with the control's first record in place of the event that makes a case."""
    cases = study.cohorts[analysis.case_control.cases]
    own = cases.model_copy(
        update={"entry": cases.entry.model_copy(update={"concept_set": name}), "label": study.concept_sets[name].label}
    )
    cohort = f"cases of {name}"
    study = study.model_copy(update={"cohorts": {**study.cohorts, cohort: own}})
    changed = {"cases": cohort, "free_of": ()} | NO_MORE
    return _derived(study, analysis, changed, OUTCOME, name, seed)


def _derived(
    study: Study, analysis: Analysis, changed: dict[str, Any], kind: str, control: str, seed: int
) -> list[Step]:
    """Steps of an analysis with a changed design, and one that gathers its estimates under the analysis's own id."""
    tag = f"{analysis.id}, control {kind}" + ("" if kind == EXPOSURE else f" {control}")
    copy = {"id": tag, "subgroups": (), "design": analysis.design.model_copy(update=changed)}
    bare = study.model_copy(update={"gate": None})
    derived = analysis.model_copy(update=copy)
    make = case_control_steps if analysis.follow_up is None else follow_up_steps
    given = (bare, derived, seed) if analysis.follow_up is None else (bare, derived, derived.follow_up, seed)
    steps = [replace(step, kind=KEPT[step.kind], analysis="") for step in make(*given) if step.kind in KEPT]  # type: ignore[arg-type]
    estimating = {f"estimates {i}": step.name for i, step in enumerate(s for s in steps if s.kind in ESTIMATING)}
    windows = [] if analysis.follow_up is not None else list(analysis.case_control.windows)
    named = None if kind == EXPOSURE else control
    subset = {"id": analysis.id, "kind": kind, "control": named, "windows": windows}
    detail = "gathers the estimates of controls"
    gathering = Step(f"gathered {tag}", "control_rows", subset, estimating, detail=detail, analysis=analysis.id)
    return [*steps, gathering]
