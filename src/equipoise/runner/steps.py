"""The steps of a study: which function makes what, from which part of the protocol and from which other steps."""

from typing import Any

from equipoise.knowledge.study_file import with_knowledge
from equipoise.runner.case_control_steps import case_control_steps
from equipoise.runner.control_steps import control_steps
from equipoise.runner.follow_up_steps import follow_up_steps
from equipoise.runner.step import Step
from equipoise.runner.trial_steps import trial_steps
from equipoise.spec.study import Analysis, Study


def study_steps(study: Study, seed: int, analysis: str | None = None) -> tuple[Step, ...]:
    """Every step of a study in an order in which each comes after what it needs; of one analysis if it is named."""
    study = with_knowledge(study)
    steps: dict[str, Step] = {}
    if analysis is None:
        quality = Step("data quality", "quality", _domains(study), reads_source=True, detail="checks of the database")
        steps[quality.name] = quality
    for own in steps_by_analysis(study, seed, analysis).values():
        for step in own:
            steps.setdefault(step.name, step)
    return tuple(steps.values())


def steps_by_analysis(study: Study, seed: int, analysis: str | None = None) -> dict[str, tuple[Step, ...]]:
    """The steps of each analysis by its id, shared ones with every analysis that needs them; of one if it is named."""
    chosen = (item for item in study.every_analysis() if analysis in (None, item.id))
    return {item.id: tuple(_with_controls(study, item, seed)) for item in chosen}


def _with_controls(study: Study, analysis: Analysis, seed: int) -> list[Step]:
    own = _analysis_steps(study, analysis, seed)
    return [*own, *control_steps(study, analysis, own, seed)]


def _domains(study: Study) -> dict[str, Any]:
    return {"domains": sorted({item.domain for item in study.concept_sets.values()})}


def _analysis_steps(study: Study, analysis: Analysis, seed: int) -> list[Step]:
    if analysis.follow_up is not None:
        return follow_up_steps(study, analysis, analysis.follow_up, seed)
    if analysis.target_trial is not None:
        return trial_steps(study, analysis, analysis.target_trial, seed)
    return case_control_steps(study, analysis, seed)
