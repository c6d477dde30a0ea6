"""Dose-response as figures and tables: the spline with its band, groups of dose upon it, tests of trend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equipoise.report.comparisons import label
from equipoise.report.forest import ratio_scale
from equipoise.report.numbers import ABSENT, count_text, decimal_text, interval_text, p_text, ratio_text
from equipoise.report.panels import STYLES, Panel, panels
from equipoise.report.protocol import exposure_label
from equipoise.report.svg import element
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.results.dose_tables import DOSE_UNITS
from equipoise.spec.study import Study

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DoseFigure:
    """Dose-response of one exposure in one window: figure, comparisons with their styles, table."""

    caption: str
    figure: Markup
    kinds: Sequence[tuple[str, str]]
    table: Table


def dose_figures(
    study: Study, groups: Sequence[Row], tests: Sequence[Row], curves: Sequence[Row]
) -> Iterator[DoseFigure]:
    """One for each measure of dose, exposure and window, with a panel for each comparison."""

    def of(row: Row) -> tuple[Any, ...]:
        return row["dose"], row["exposure"], row["window"]

    by_curve, by_test = grouped(curves, of), grouped(tests, of)
    for key, rows in grouped(groups, of).items():
        dose, exposure, window = key
        caption = f"{exposure_label(study, exposure)}, {window}: odds ratio by {DOSE_UNITS[dose]}"
        comparisons = list(dict.fromkeys(row["comparison"] for row in rows))
        kinds = list(zip(STYLES, comparisons, strict=False))
        table = dose_table(rows, by_test.get(key, []), caption)
        figure = dose_panels(rows, by_curve.get(key, []), kinds, DOSE_UNITS[dose])
        yield DoseFigure(caption, figure, [(style, label(name)) for style, name in kinds], table)


def fullest_adjustment(rows: Sequence[Row]) -> list[Row]:
    """Of each comparison the rows with the most covariates, which stand last."""
    last = {row["comparison"]: row["adjustment"] for row in rows}
    return [row for row in rows if row["adjustment"] == last[row["comparison"]]]


def dose_panels(groups: Sequence[Row], curves: Sequence[Row], kinds: Sequence[tuple[str, str]], unit: str) -> Markup:
    """Curves of the fullest adjustment on one scale of odds ratios and one of dose, a panel a comparison."""
    curves, groups = fullest_adjustment(curves), fullest_adjustment(groups)
    points = [row for row in groups if row["median_dose"] and row["estimate"] is not None]
    scale = ratio_scale([dict(row) for row in (*curves, *points)])
    longest = max([row["amount"] for row in curves] or [row["median_dose"] for row in points] or [1.0])
    parts = []
    for at, (style, comparison) in enumerate(kinds):
        own, dots = ([row for row in rows if row["comparison"] == comparison] for rows in (curves, points))
        panel = Panel(scale, longest, at)
        parts += panel.axes(label(comparison), unit)
        parts.append(element("g", panel.band(own, "amount"), panel.dots(dots, "median_dose"), class_=f"curve {style}"))
        parts.append(panel.nothing(own or dots))
    return panels(parts, len(kinds), f"Odds ratio by {unit}, a panel for each kind of controls")


def dose_table(groups: Sequence[Row], tests: Sequence[Row], caption: str) -> Table:
    """Groups with crude and adjusted odds ratios, and the p-values of the tests beneath, by comparison."""
    top = head("Dose", "Cases", "Controls", "Median dose", "Crude odds ratio", "Adjusted odds ratio")
    body: list[list[Cell]] = []
    for comparison, rows in grouped(groups, lambda row: row["comparison"]).items():
        own = [row for row in tests if row["comparison"] == comparison]
        body.append(group_row(label(comparison), len(top), _tests_text(fullest_adjustment(own))))
        fullest = {row["dose_group"]: row for row in fullest_adjustment(rows)}
        for row in (row for row in rows if row["adjustment"] == "crude"):
            name, adjusted = row["dose_group"], fullest[row["dose_group"]]
            ratios = _ratio(row), "" if adjusted is row else _ratio(adjusted)
            counts = (count_text(row, "n_cases"), count_text(row, "n_controls"))
            cells = numbers(*counts, decimal_text(row["median_dose"]), *ratios)
            body.append([Cell(name[:1].upper() + name[1:], "level", head=True), *cells])
    notes = [
        "The curve is a restricted cubic spline with its confidence band; points are the groups, at the median dose of "
        "their controls. Median dose: among controls. Every dispensing in the window counts. Trend: Wald's test of one "
        "group higher; among users: beside any use against none."
    ]
    return Table(caption, top, body, notes)


def _tests_text(tests: Sequence[Row]) -> str:
    return "; ".join(f"{row['test']}: {_test_text(row)}" for row in tests)


def _test_text(row: Row) -> str:
    return f"p {p_text(row['p_value'])}" if row["p_value"] is not None else _short(row["reason"])


def _short(reason: str | None) -> str:
    return reason.replace("_", " ").lower() if reason else ABSENT


def _ratio(row: Row) -> str:
    if row["estimate"] is None:
        return _short(row["reason"])
    if row["conf_low"] is None:
        return "1 (reference)"
    return f"{ratio_text(row['estimate'])} ({interval_text(row)})"
