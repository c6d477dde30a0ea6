"""Users with and without an indication against persons with neither, as a table a kind of controls."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.report.comparisons import label
from equipoise.report.numbers import ABSENT, count_text, interval_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.spec.study import Study

Row = Mapping[str, Any]
SHOWN = ("neither", "diagnosis only", "user without diagnosis", "user with diagnosis")


def indication_tables(study: Study, rows: Sequence[Row]) -> Iterator[Table]:
    """Crude beside the fullest model; the four levels of each exposure and window."""
    for comparison, own in grouped(rows, lambda row: row["comparison"]).items():
        name = study.covariate(own[0]["indication"]).label or own[0]["indication"]
        top = head(
            "Use and diagnosis",
            "Cases",
            "Controls",
            "Crude odds ratio",
            "Adjusted odds ratio",
            "p, with against without",
        )
        body: list[list[Cell]] = []
        for (exposure, reading, window), same in grouped(
            own, lambda row: (row["exposure"], row["reading"], row["window"])
        ).items():
            title = f"{exposure_label(study, exposure)}: {reading_text(reading)}, {window}"
            body += [group_row(title, len(top)), *_rows(same)]
        notes = [
            f"Diagnosis: {name}. The reference has neither use nor diagnosis; adjusted models leave it out. P: "
            "users with it against users without. Users at other levels are in the models and not in the table."
        ]
        yield Table(f"By indication ({name}): {label(comparison)}", top, body, notes)


def _rows(same: Sequence[Row]) -> Iterator[list[Cell]]:
    last = {row["level"]: row for row in same}
    for row in (row for row in same if row["adjustment"] == "crude" and row["level"] in SHOWN):
        adjusted = last[row["level"]]
        texts = [count_text(row, "n_cases"), count_text(row, "n_controls"), _ratio(row)]
        texts += ["" if adjusted is row else _ratio(adjusted)]
        texts += [p_text(adjusted["p_difference"]) if adjusted["p_difference"] is not None else ""]
        yield [Cell(row["level"][:1].upper() + row["level"][1:], "level", head=True), *numbers(*texts)]


def _ratio(row: Row) -> str:
    if row["estimate"] is None:
        return row["reason"].replace("_", " ").lower() if row["reason"] else ABSENT
    return "1 (reference)" if row["conf_low"] is None else f"{ratio_text(row['estimate'])} ({interval_text(row)})"
