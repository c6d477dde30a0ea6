"""Published hazard ratios beside those of this study: their status, their form, and whether intervals cover them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.report.comparisons import STATUS
from equipoise.report.numbers import ABSENT, interval_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, head
from equipoise.spec.published import Published
from equipoise.spec.study import Analysis, Study

Row = Mapping[str, Any]
WORDS = {
    "hazard_ratio": "Cox regression",
    "direct_hazard_ratio": "joint model, direct",
    "total_hazard_ratio": "joint model, total",
}
FORM_UNKNOWN = "form unknown"


def published_hazards(study: Study, analysis: Analysis, estimates: Sequence[Row], function: Sequence[Row]) -> Table:
    """Each published figure of a follow-up analysis beside the estimate it belongs to.

    One whose form is unknown stands beside Cox regression as well, where its own place is in the joint model.
    """
    top = [
        *head("Exposure", "Published", "Status", "Estimate", numbers_from=9),
        *head("This study", "Interval covers it", numbers_from=0),
    ]
    figures = [figure for figure in study.published if figure.analysis == analysis.id]
    body = [row for figure in figures for row in _rows(study, figure, [*estimates, *function])]
    sources = dict.fromkeys(figure.source for figure in figures)
    notes = [f"Published: {'; '.join(sources)}."]
    notes.append("An interval that covers a published figure is compatible with it; it does not confirm it.")
    if any(figure.form for figure in figures):
        notes.append("Form unknown: the paper does not say what kind of model the figure is from.")
    return Table("Published hazard ratios beside this study's", top, body, notes)


def _rows(study: Study, figure: Published, rows: Sequence[Row]) -> Iterator[list[Cell]]:
    quantity = figure.quantity or "hazard_ratio"
    beside = [quantity] + (["hazard_ratio"] if figure.form and quantity != "hazard_ratio" else [])
    printed = ratio_text(figure.estimate)
    if figure.conf_low is not None:
        printed += f" ({ratio_text(figure.conf_low)} to {ratio_text(figure.conf_high)})"
    status = STATUS[figure.status] + (f"; {FORM_UNKNOWN}" if figure.form else "")
    for at, measure in enumerate(beside):
        row = _counterpart(figure, measure, rows)
        first = [Cell(exposure_label(study, figure.exposure), "level", head=True, rows=len(beside)),
                 Cell(printed, rows=len(beside)), Cell(status, rows=len(beside))]  # fmt: skip
        adjusted = "" if row is None else f", {row['adjustment']}"
        own = [Cell(WORDS[measure] + adjusted), Cell(_given(row), "number"), Cell(covers(row, figure.estimate))]
        yield [*(first if at == 0 else []), *own]


def _counterpart(figure: Published, measure: str, rows: Sequence[Row]) -> Row | None:
    """The crude estimate, or the one with the most adjustment."""
    mine = [row for row in rows if row["exposure"] == figure.exposure and row["measure"] == measure]
    mine = [row for row in mine if row.get("subgroup", "overall") == "overall"]
    crude = [row for row in mine if row["adjustment"] == "crude"]
    return next(iter(crude if figure.adjustment == "crude" else mine[::-1]), None)


def _given(row: Row | None) -> str:
    if row is None or row["estimate"] is None:
        return ABSENT if row is None or not row["reason"] else row["reason"].replace("_", " ").lower()
    return f"{ratio_text(row['estimate'])} ({interval_text(row)})"


def covers(row: Row | None, value: float) -> str:
    """Whether the interval of an estimate holds a published value."""
    if row is None or row["conf_low"] is None or row["conf_high"] is None:
        return ABSENT
    return "yes" if row["conf_low"] <= value <= row["conf_high"] else "no"
