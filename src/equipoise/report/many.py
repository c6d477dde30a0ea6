"""Many analyses at once: what became of each, and the estimates of grids side by side."""

from collections.abc import Sequence
from typing import Any

from equipoise.report.forest import reason_text
from equipoise.report.numbers import interval_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, grouped, head, numbers
from equipoise.spec.study import Study

Row = dict[str, Any]
STATE = {"completed": "completed", "incomplete": "a part failed", "failed": "failed"}
RATIOS = ("hazard_ratio", "subdistribution_hazard_ratio", "odds_ratio")


def run_table(rows: Sequence[Row]) -> Table | None:
    """Every analysis with what became of it; None for a study of one analysis that was completed."""
    if len(rows) < 2 and all(row["state"] == "completed" for row in rows):
        return None
    top = [*head("Analysis", "Estimates", "Given", "Sealed"), Cell("State")]
    body = []
    for row in rows:
        said = STATE[row["state"]] + (f": {row['step']}: {row['says']}" if row["error"] else "")
        counts = [f"{row[name]:,}" for name in ("n_estimates", "n_given", "n_sealed")]
        label = Cell(row["label"] or row["analysis"], "level", head=True, note=row["analysis"] if row["label"] else "")
        body.append([label, *numbers(*counts), Cell(said)])
    return Table("What became of every analysis", top, body)


def grid_tables(study: Study, estimates: Sequence[Row]) -> list[Table]:
    """The ratios of each grid, one row for each analysis, target and adjustment."""
    by_analysis = grouped((row for row in estimates if row["measure"] in RATIOS), lambda row: row["analysis"])
    made = []
    for grid in study.grids:
        rows = [row for cell in grid.cells() for row in by_analysis.get(cell.id, []) if row["subgroup"] == "overall"]
        if rows:
            made.append(_grid(study, grid.id, rows))
    return made


def _grid(study: Study, name: str, rows: Sequence[Row]) -> Table:
    top = [
        *head("Analysis", "Target", "Outcome", "Model", numbers_from=9),
        *head("Ratio (CI)", "p-value", numbers_from=0),
    ]
    body = []
    for row in rows:
        cells = [
            Cell(row["analysis"], "level", head=True),
            Cell(exposure_label(study, row["exposure"])),
            Cell(row["outcome"]),
            Cell((row["adjustment"] or "").capitalize()),
        ]
        if row["estimate"] is None:
            body.append([*cells, Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=2)])
        else:
            body.append(
                [*cells, *numbers(f"{ratio_text(row['estimate'])} ({interval_text(row)})", p_text(row["p_value"]))]
            )
    return Table(f"Ratios of the grid {name}", top, body)
