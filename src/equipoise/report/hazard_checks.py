"""What hazard ratios assume, as a table: tests of proportional hazards and E-values."""

from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.report.numbers import decimal_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.sections import sentence
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.spec.study import Study

Row = Mapping[str, Any]


def hazard_table(study: Study, rows: Sequence[Row]) -> Table:
    """One row a hazard ratio."""
    top = head(
        "Model",
        "Hazards of the arm: \u03c7\u00b2",
        "p-value",
        "All terms: \u03c7\u00b2 (df)",
        "p-value",
        "E-value",
        "E-value of the limit",
    )
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        body.append(group_row(exposure_label(study, exposure), len(top)))
        for row in members:
            every = decimal_text(row["all_statistic"], 2)
            every += f" ({row['all_df']})" if row["all_df"] is not None else ""
            cells = [decimal_text(row["arm_statistic"], 2), p_text(row["arm_p_value"])]
            cells += [every, p_text(row["all_p_value"]), ratio_text(row["e_value"]), ratio_text(row["e_value_limit"])]
            note = "common outcome" if row["outcome"] == "common" else ""
            body.append([Cell(sentence(row["adjustment"]), "level", head=True, note=note), *numbers(*cells)])
    notes = [
        "A small p-value speaks against a hazard ratio that stays the same over time; a large one does not prove it. "
        "Made of models with the arm and covariates as terms.",
        "E-value: the risk ratio that a confounder left out would need with both exposure and outcome to explain the "
        "estimate, or its limit, away. For a common outcome (15\u202f% or more) the hazard ratio is first turned into "
        "an approximate risk ratio.",
    ]
    return Table("What the hazard ratios assume: proportional hazards, and no confounder left out", top, body, notes)
