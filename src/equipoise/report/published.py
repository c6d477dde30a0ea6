"""Published hazard ratios beside those of this study: their status, their form, and whether intervals cover them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.report.comparisons import STATUS
from equipoise.report.numbers import ABSENT, interval_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.views import Cell, Table, head
from equipoise.results.direction import assess_direction
from equipoise.spec.published import Published
from equipoise.spec.study import Analysis, Study

Row = Mapping[str, Any]
WORDS = {
    "hazard_ratio": "Cox regression",
    "direct_hazard_ratio": "joint model, direct",
    "total_hazard_ratio": "joint model, total",
    "survival": "survival",
}
FORM_UNKNOWN = "form unknown"


def published_hazards(study: Study, analysis: Analysis, estimates: Sequence[Row], function: Sequence[Row]) -> Table:
    """Each published figure of a follow-up analysis beside the estimate it belongs to.

    One whose form is unknown stands beside Cox regression as well, where its own place is in the joint model.
    """
    top = [
        *head("Exposure", "Published", "Status", "Estimate", numbers_from=9),
        Cell("This study", "number"),
        Cell("Interval covers it"),
    ]
    figures = [figure for figure in study.published if figure.analysis == analysis.id]
    body = [row for figure in figures for row in _rows(study, figure, [*estimates, *function])]
    sources = dict.fromkeys(figure.source for figure in figures)
    notes = [f"Published: {'; '.join(sources)}."]
    notes.append("An interval that covers a published figure is compatible with it; it does not confirm it.")
    if any(figure.form for figure in figures):
        notes.append("Form unknown: the paper does not say what kind of model the figure is from.")
    return Table("Published figures beside this study's", top, body, notes)


def _rows(study: Study, figure: Published, rows: Sequence[Row]) -> Iterator[list[Cell]]:
    quantity = figure.quantity or "hazard_ratio"
    beside = [quantity] + (["hazard_ratio"] if figure.form and quantity != "hazard_ratio" else [])
    if quantity == "survival":
        yield _survival_row(study, figure, rows)
        return
    status = STATUS[figure.status] + (f"; {FORM_UNKNOWN}" if figure.form else "")
    for at, measure in enumerate(beside):
        row = _counterpart(figure, measure, rows)
        first = [Cell(exposure_label(study, figure.exposure), "level", head=True, rows=len(beside)),
                 Cell(_printed(figure), rows=len(beside)), Cell(status, rows=len(beside))]  # fmt: skip
        adjusted = "" if row is None else f", {row['adjustment']}"
        value = figure.towards_target[0]
        own = [Cell(WORDS[measure] + adjusted), Cell(_given(row), "number"), Cell(covers(row, value))]
        yield [*(first if at == 0 else []), *own]


def _printed(figure: Published) -> str:
    """The figure with the target against the reference, and as it was printed where that is the other way round."""

    def words(estimate: float, low: float | None, high: float | None) -> str:
        limits = "" if low is None else f" ({ratio_text(low)} to {ratio_text(high)})"
        return f"{ratio_text(estimate)}{limits}"

    own = words(*figure.towards_target)
    if not figure.reversed:
        return own
    return f"{own}; printed as {words(figure.estimate, figure.conf_low, figure.conf_high)}, reference against target"


def _survival_row(study: Study, figure: Published, rows: Sequence[Row]) -> list[Cell]:
    """The published share that survives beside one less the risk of the same arm on the same day."""
    row = _risk_of_arm(figure, rows)
    name = f"{exposure_label(study, figure.exposure)}: {figure.arm} arm, alive on day {figure.time_point_days:,}"
    adjusted = "" if row is None else f", {row['adjustment']}"
    given, inside = ABSENT, ABSENT
    if row is not None and row["estimate"] is not None:
        given = _percent(1 - row["estimate"])
        if row["conf_low"] is not None and row["conf_high"] is not None:
            given += f" ({_percent(1 - row['conf_high'])} to {_percent(1 - row['conf_low'])})"
            inside = "yes" if row["conf_low"] <= 1 - figure.estimate <= row["conf_high"] else "no"
    elif row is not None and row["reason"]:
        given = row["reason"].replace("_", " ").lower()
    return [
        Cell(name, "level", head=True),
        Cell(_percent(figure.estimate)),
        Cell(STATUS[figure.status]),
        Cell(WORDS["survival"] + adjusted),
        Cell(given, "number"),
        Cell(inside),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2f}\u202f%"


def _risk_of_arm(figure: Published, rows: Sequence[Row]) -> Row | None:
    """The risk of the figure's arm, crude or with the most adjustment; a contrast tells which arm a risk is of."""
    mine = [row for row in rows if row["exposure"] == figure.exposure and row.get("subgroup", "overall") == "overall"]
    ratio = next((row for row in mine if row["measure"] == "hazard_ratio"), None) or next(
        (row for row in mine if row["measure"] == "risk_difference"), None
    )
    if ratio is None:
        return None
    level = ratio["target_level" if figure.arm == "target" else "reference_level"]
    risks = [
        row
        for row in mine
        if row["measure"] == "risk"
        and row["target_level"] == level
        and row["time_point_days"] == figure.time_point_days
    ]
    crude = [row for row in risks if row["adjustment"] == "crude"]
    return next(iter(crude if figure.adjustment == "crude" else risks[::-1]), None)


def published_directions(study: Study, analysis: Analysis) -> list[str]:
    """Whether the published hazard ratios and survival point to the same arm, as printed; one sentence each."""
    texts = []
    figures = [figure for figure in study.published if figure.analysis == analysis.id]
    for ratio in (figure for figure in figures if (figure.quantity or "hazard_ratio") == "hazard_ratio"):
        alive = {
            figure.arm: figure.estimate
            for figure in figures
            if figure.quantity == "survival"
            and figure.adjustment == ratio.adjustment
            and figure.exposure == ratio.exposure
        }
        if len(alive) < 2:
            continue
        target, reference = alive["target"], alive["reference"]
        found = assess_direction(ratio.estimate, survival_target=target, survival_reference=reference)
        if not found.coherent:
            texts.append(
                f"{exposure_label(study, ratio.exposure)}, {ratio.adjustment}, as published: the hazard ratio of "
                f"{ratio_text(ratio.estimate)} and survival of {_percent(target)} against {_percent(reference)} "
                f"(target against reference) point to opposite arms. {found.text}"
            )
    return texts


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
