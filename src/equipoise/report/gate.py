"""The gate in words and as a table: what every comparison had to pass, and what was sealed or shown all the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from equipoise.report.numbers import decimal_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, group_row, grouped, head
from equipoise.spec.study import Study

Row = dict[str, Any]
Names = Mapping[str, str]
PURPOSE = {"replication": "a replication", "design_comparison": "a comparison of designs"}
STATUS = {"passed": "passed", "failed": "failed", "not_evaluated": "not evaluated", "reported": "reported"}
DIAGNOSTIC = {
    "balance": "Largest standardized difference",
    "equipoise": "Share of persons in equipoise",
    "power": "Minimal detectable hazard ratio",
    "systematic_error": "Expected absolute systematic error",
    "generalizability": "Largest difference of those left from those before",
    "positivity": "Probability of what the strategy asks for, first percentile",
    "largest_weight": "Largest weight",
    "effective_size": "Effective share of those who keep to the strategy",
}
AT_LEAST = ("equipoise", "positivity", "effective_size")
OPEN = ("passed", "reported")


def gate_words(study: Study, rows: Sequence[Row], unsealed: str | None, names: Names | None = None) -> list[str]:
    """What the study is for, where that is not estimation, and one sentence on each comparison with a closed gate."""
    texts = []
    if study.purpose in PURPOSE:
        texts.append(f"This study is {PURPOSE[study.purpose]}: it shows what a design gives, not what is believed.")
    if study.gate is not None and not rows:
        texts.append(f"No diagnostic of the gate could be evaluated. {_consequence(study, unsealed)}")
    closed = grouped((row for row in rows if row["status"] not in OPEN), lambda row: row["exposure"])
    for exposure, members in closed.items():
        why = ", ".join(f"{_named(row)} {STATUS[row['status']]}" for row in members)
        texts.append(f"{_whose(study, exposure, names)}: {why}. {_consequence(study, unsealed)}")
    return texts


def _whose(study: Study, exposure: str, names: Names | None) -> str:
    """The comparison a diagnostic is of: an exposure, or the strategy of a target trial, which has names of its own."""
    return (names or {}).get(exposure) or exposure_label(study, exposure)


def _named(row: Row) -> str:
    name = DIAGNOSTIC[row["diagnostic"]]
    return name[:1].lower() + name[1:]


def _consequence(study: Study, unsealed: str | None) -> str:
    if study.purpose in PURPOSE:
        return f"Its estimates are shown as those of {PURPOSE[study.purpose]}."
    if unsealed is not None:
        return f"Its estimates were unsealed, for this reason: {unsealed}"
    return "Its estimates and outcomes by arm are sealed."


def gate_table(study: Study, rows: Sequence[Row], names: Names | None = None) -> Table:
    """Every diagnostic with its number, what was asked, and what became of it."""
    top = [*head("Diagnostic", "Number", "Asked for"), Cell("Status")]
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        body.append(group_row(_whose(study, exposure, names), len(top)))
        for row in members:
            bound = "at least" if row["diagnostic"] in AT_LEAST else "at most"
            asked = "" if row["threshold"] is None else f"{bound} {row['threshold']:g}"
            status = STATUS[row["status"]] + (f": {row['covariates']}" if row["covariates"] else "")
            body.append(
                [
                    Cell(DIAGNOSTIC[row["diagnostic"]], "level", head=True),
                    Cell(decimal_text(row["value"], 3), "number"),
                    Cell(asked, "number"),
                    Cell(status),
                ]
            )
    notes = [
        "A difference fails only where it exceeds the threshold significantly over all covariates of the analysis."
    ]
    return Table("Diagnostics of the gate", top, body, notes)
