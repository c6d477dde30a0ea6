"""From the artefacts of a walk to the declared result tables, not yet suppressed."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from equipoise.analysis_set import Attrition
from equipoise.results.tables import TABLES, table
from equipoise.runner.packing import unpack_attrition
from equipoise.runner.steps import Step
from equipoise.runner.walk import Walk
from equipoise.spec.study import Study

DESCRIBED = ("sampling", "matching", "characteristics", "exposure", "coexposure")
Row = dict[str, Any]


def tables_of(study: Study, walk: Walk, steps: tuple[Step, ...]) -> dict[str, pa.Table]:
    """Every declared table, with every count. Tables without rows are written too: an empty answer is an answer."""
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    rows["data_quality"] = _quality_rows(walk)
    rows["concept_sets"] = [dict(walk.artifact(step.name).values) for step in steps if step.kind == "concepts"]
    for analysis in study.every_analysis():
        for name, described in walk.artifact(f"description of {analysis.id}").values.items():
            rows[name] += described
        rows["estimates"] += walk.artifact(f"estimates of {analysis.id}").values["estimates"]
        for item in walk.artifact(f"analysis set of {analysis.id}").values["attrition"]:
            rows["attrition"] += _attrition_rows(analysis.id, unpack_attrition(item))
    return {name: table(name, made) for name, made in rows.items()}


def _quality_rows(walk: Walk) -> list[Row]:
    findings = walk.artifact("data quality").values["findings"]
    return [{"position": position} | finding for position, finding in enumerate(findings, start=1)]


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
