"""The steps of a study: which function makes what, from which part of the protocol and from which other steps."""

from typing import Any

from equipoise.runner.case_control_steps import case_control_steps
from equipoise.runner.follow_up_steps import follow_up_steps
from equipoise.runner.step import Step
from equipoise.spec.study import Analysis, Study


def study_steps(study: Study, seed: int, analysis: str | None = None) -> tuple[Step, ...]:
    """Every step of a study in an order in which each comes after what it needs; of one analysis if it is named."""
    chosen = [item for item in study.every_analysis() if analysis in (None, item.id)]
    steps: dict[str, Step] = {}
    if analysis is None:
        _add(
            steps, Step("data quality", "quality", _domains(study), reads_source=True, detail="checks of the database")
        )
    for item in chosen:
        for step in _analysis_steps(study, item, seed):
            _add(steps, step)
    return tuple(steps.values())


def _add(steps: dict[str, Step], step: Step) -> None:
    steps.setdefault(step.name, step)


def _domains(study: Study) -> dict[str, Any]:
    return {"domains": sorted({item.domain for item in study.concept_sets.values()})}


def _analysis_steps(study: Study, analysis: Analysis, seed: int) -> list[Step]:
    if analysis.follow_up is not None:
        return follow_up_steps(study, analysis, analysis.follow_up, seed)
    return case_control_steps(study, analysis, seed)
