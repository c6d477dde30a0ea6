"""Dose-response as figures and tables: the spline with its band, groups of dose upon it, tests of trend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equipoise.report.comparisons import label
from equipoise.report.forest import RatioScale, ratio_scale
from equipoise.report.numbers import ABSENT, count_text, decimal_text, interval_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.results.dose_tables import DOSE_UNITS
from equipoise.spec.study import Study

Row = Mapping[str, Any]
PANEL, HEIGHT, LEFT, GAP, TOP = 300, 230, 52, 26, 30
NICE = (1, 2, 2.5, 4, 5, 10)
TICKS = 4
STYLES = ("target", "reference", "third", "fourth", "fifth")


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
        own = [[row for row in rows if row["comparison"] == comparison] for rows in (curves, points)]
        panel = _Panel(scale, longest, LEFT + at * (PANEL + GAP))
        parts += [*panel.axes(at == 0, label(comparison), unit), panel.marks(own[0], own[1], style)]
    width = LEFT + len(kinds) * (PANEL + GAP)
    title = element("title", f"Odds ratio by {unit}, a panel for each kind of controls")
    view = f"0 0 {width} {TOP + HEIGHT + 46}"
    return element("svg", title, join(parts), viewBox=view, class_="curves", role="img")


@dataclass(frozen=True, slots=True)
class _Panel:
    scale: RatioScale
    longest: float
    left: float

    def x(self, dose: float) -> float:
        return self.left + PANEL * min(dose / self.longest, 1.0)

    def y(self, ratio: float) -> float:
        inside = min(max(ratio, self.scale.low), self.scale.high)
        return TOP + HEIGHT * (1 - self.scale.at(inside) / 100)

    def axes(self, first: bool, title: str, unit: str) -> list[Markup]:
        bottom, right, one = TOP + HEIGHT, self.left + PANEL, self.y(1.0)
        middle = self.left + PANEL / 2
        parts = [
            element("text", title, x=middle, y=TOP - 12, class_="tick name", text_anchor="middle"),
            element("line", x1=self.left, x2=right, y1=bottom, y2=bottom, class_="axis"),
            element("line", x1=self.left, x2=self.left, y1=TOP, y2=bottom, class_="axis"),
            element("line", x1=self.left, x2=right, y1=one, y2=one, class_="null"),
        ]
        for value in self.scale.ticks if first else ():
            y = self.y(value) + 4
            parts.append(element("text", f"{value:g}", x=self.left - 8, y=y, class_="tick", text_anchor="end"))
        for dose in dose_ticks(self.longest):
            text = element("text", f"{dose:,.10g}", x=self.x(dose), y=bottom + 18, class_="tick", text_anchor="middle")
            parts += [element("line", x1=self.x(dose), x2=self.x(dose), y1=bottom, y2=bottom + 5, class_="axis"), text]
        words = element("text", unit, x=middle, y=bottom + 38, class_="tick", text_anchor="middle")
        return [*parts, words]

    def marks(self, curve: Sequence[Row], points: Sequence[Row], style: str) -> Markup:
        """The band, the curve, and the groups at their median dose."""
        parts = []
        if not curve and not points:
            where = {"x": self.left + PANEL / 2, "y": self.y(1.0) - 8}
            parts.append(element("text", "not shown: too few persons", **where, class_="tick", text_anchor="middle"))
        if curve:
            above = [(self.x(row["amount"]), self.y(row["conf_high"])) for row in curve]
            below = [(self.x(row["amount"]), self.y(row["conf_low"])) for row in reversed(curve)]
            parts.append(element("polygon", points=_path([*above, *below]), class_="band"))
            line = _path([(self.x(row["amount"]), self.y(row["estimate"])) for row in curve])
            parts.append(element("polyline", points=line, fill="none"))
        for row in (row for row in points if row["median_dose"] <= self.longest):
            x = self.x(row["median_dose"])
            if row["conf_low"] is not None and row["conf_high"] is not None:
                low, high = self.y(row["conf_low"]), self.y(row["conf_high"])
                parts.append(element("line", x1=x, x2=x, y1=low, y2=high, class_="limits"))
            parts.append(element("circle", cx=x, cy=self.y(row["estimate"]), r=3.5))
        return element("g", join(parts), class_=f"curve {style}")


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def dose_ticks(longest: float) -> list[float]:
    """Round doses from 0 on, a handful.

    >>> dose_ticks(36.0)
    [0.0, 10.0, 20.0, 30.0]
    """
    power = 10.0 ** len(f"{int(longest / TICKS)}") / 10
    step = next((nice * power for nice in NICE if nice * power >= longest / TICKS), 10 * power)
    return [step * at for at in range(int(longest / step) + 1)]


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
