"""The answers of a triangulation: estimates of the study as they are written, in the order of the question."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from equipoise.errors import Reason
from equipoise.results.tables import OVERALL, table
from equipoise.spec.study import Study
from equipoise.spec.triangulation import Answer

Row = dict[str, Any]
RATIOS = ("hazard_ratio", "odds_ratio", "subdistribution_hazard_ratio", "rate_ratio", "risk_ratio")
"""Measures that may answer, the first that an analysis has."""
CHOICES = ("exposure", "comparison", "window", "reading")
COLUMNS = (*CHOICES, "contrast", "outcome", "adjustment", "measure", "estimate", "conf_low", "conf_high", "reason")


def triangulation(study: Study, shown: pa.Table) -> pa.Table:
    """The table of answers. `shown` is the table of estimates as it is written: suppressed and sealed.

    Of an analysis the first of `RATIOS` that it has answers, with the fullest adjustment and, of ratios at time
    points, at the last one.
    """
    assert study.triangulation is not None
    estimates = [row for row in shown.to_pylist() if row["subgroup"] == OVERALL]
    kinds = {analysis.id: analysis.design.kind for analysis in study.every_analysis()}
    rows: list[Row] = []
    for answer in study.triangulation.answers:
        own = {"analysis": answer.analysis, "design": kinds[answer.analysis]}
        own |= {"expected_bias": answer.expected_bias, "why": answer.why}
        found = list(_chosen(answer, estimates)) or [{"exposure": answer.exposure, "reason": str(Reason.NOT_DEFINED)}]
        rows += [own | {name: row.get(name) for name in COLUMNS} for row in found]
    return table("triangulation", [{"position": i} | row for i, row in enumerate(rows, start=1)])


def _chosen(answer: Answer, estimates: list[Row]) -> Iterator[Row]:
    mine = [row for row in estimates if row["analysis"] == answer.analysis and row["measure"] in RATIOS]
    for name in CHOICES:
        wanted = getattr(answer, name)
        mine = [row for row in mine if wanted is None or row[name] == wanted]
    measures = {row["measure"] for row in mine}
    measure = next((name for name in RATIOS if name in measures), None)
    last: dict[Any, Row] = {}
    for row in (row for row in mine if row["measure"] == measure):
        last[(*(row[name] for name in CHOICES), row["term"])] = row
    yield from last.values()
