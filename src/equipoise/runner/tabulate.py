"""From the artefacts of a walk to the declared result tables, not yet suppressed."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from equipoise.analysis_set import Attrition
from equipoise.results.tables import TABLES, table
from equipoise.runner.packing import unpack_attrition
from equipoise.runner.step import Step
from equipoise.runner.walk import Walk

DESCRIPTIONS = ("description", "trial_description", "arms_description")
ESTIMATES = (
    "estimates",
    "trial_estimates",
    "contrasts",
    "within_between",
    "lag_scan",
    "dose_response",
    "indication",
    "arms_estimates",
    "score_response",
    "hazard_checks",
    "function",
)
CHECKS = ("quality", "relatives", "scores")
CONTROLS = ("control_outcomes", "control_rows")
SETS = ("analysis_set", "trial_panel", "arms_set")
Row = dict[str, Any]


def tables_of(walk: Walk, steps: tuple[Step, ...]) -> dict[str, pa.Table]:
    """Every declared table, with every count. Tables without rows are written too: an empty answer is an answer."""
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    rows["data_quality"] = _quality_rows(walk, steps)
    rows["concept_sets"] = [dict(walk.artifact(step.name).values) for step in steps if step.kind == "concepts"]
    for step in steps:
        if step.kind in (*DESCRIPTIONS, *ESTIMATES, *CONTROLS):
            for name, made in walk.artifact(step.name).values.items():
                rows[name] += made
    rows["attrition"] = _attrition(walk, steps)
    return {name: table(name, made) for name, made in rows.items()}


def _quality_rows(walk: Walk, steps: tuple[Step, ...]) -> list[Row]:
    checks = [step for step in steps if step.kind in CHECKS]
    findings = [finding for step in checks for finding in walk.artifact(step.name).values["findings"]]
    return [{"position": position} | finding for position, finding in enumerate(findings, start=1)]


def _attrition(walk: Walk, steps: tuple[Step, ...]) -> list[Row]:
    """The attrition of every cohort of every analysis; comparisons of one analysis share that of their population."""
    chains: dict[tuple[str, str], Attrition] = {}
    for step in (step for step in steps if step.kind in SETS):
        for item in walk.artifact(step.name).values["attrition"]:
            attrition = unpack_attrition(item)
            chains[step.analysis, attrition.cohort] = attrition
    return [row for (analysis, _), attrition in chains.items() for row in _attrition_rows(analysis, attrition)]


def _attrition_rows(analysis: str, attrition: Attrition) -> Iterator[Row]:
    for position, row in enumerate(attrition, start=1):
        yield {
            "analysis": analysis,
            "cohort": attrition.cohort,
            "position": position,
            "rule": row.rule,
            "n_in": row.persons_in,
            "n_excluded": row.persons_out,
            "n_remaining": row.persons_left,
        }
