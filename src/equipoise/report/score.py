"""The outcome by the graded score of the drugs used: hazard ratios drawn by category, and the trend."""

from collections.abc import Sequence
from typing import Any

from equipoise.report.forest import axis, interval, ratio_scale, reason_text
from equipoise.report.numbers import count_text, interval_text, level_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, group_row, grouped, head
from equipoise.spec.study import Study

Row = dict[str, Any]
COMBINED = {
    "highest": "the highest score among the drugs a person used",
    "sum": "the sum of the scores of the drugs a person used",
    "mean": "the mean score of the drugs a person used",
}


def score_tables(study: Study, rows: Sequence[Row], conf_level: float) -> list[Table]:
    """One table with its figure; none without a score."""
    if not rows:
        return []
    scale = ratio_scale(rows)
    top = [
        *head("Score", "Model", numbers_from=9),
        *head("Events", "Persons", numbers_from=0),
        Cell("Hazard ratio, log scale", "plot-head"),
        *head(f"Hazard ratio ({level_text(conf_level)}\u00a0CI)", "p-value", numbers_from=0),
    ]
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        body.append(group_row(exposure_label(study, exposure), len(top)))
        for (kind, level), same in grouped(members, lambda row: (row["kind"], row["level"])).items():
            name = "Per point" if kind == "trend" else level
            for i, row in enumerate(same):
                first = [Cell(name, "level", head=True, rows=len(same))] if i == 0 else []
                counts = [Cell(count_text(row, key), "number") for key in ("n_events", "n_persons")]
                body.append([*first, Cell(row["adjustment"].capitalize()), *counts, *_result(row, scale)])
    foot = [Cell("", columns=4), Cell(axis(scale), "plot axis-cell"), Cell("", columns=2)]
    note = (
        f"The score of a person is {COMBINED[rows[0]['combined_by']]} where use makes the arm; drugs without a score "
        "do not count. Filled: adjusted by covariates in the model; open: crude. The p-value of the first rows is the "
        "test for trend."
    )
    return [Table("Hazard ratio by graded score of the drugs used", top, body, [note], foot, "forest")]


def _result(row: Row, scale: Any) -> list[Cell]:
    if row["estimate"] is None and row["level"] == row["reference_level"]:
        return [Cell("Reference", "reason", columns=3)]
    if row["estimate"] is None:
        return [Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=3)]
    words = f"{ratio_text(row['estimate'])} ({interval_text(row)})"
    return [Cell(interval(row, scale), "plot"), Cell(words, "number"), Cell(p_text(row["p_value"]), "number")]
