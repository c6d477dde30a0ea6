"""The lag scan as a figure and a table: the odds ratio of use before each lag, by comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from markupsafe import Markup

from equipoise.report.comparisons import label
from equipoise.report.forest import RatioScale, ratio_scale
from equipoise.report.numbers import ABSENT, HIDDEN, count_text, decimal_text, interval_text, ratio_text
from equipoise.report.panels import HEIGHT as PANEL_HEIGHT
from equipoise.report.panels import STYLES, Panel, panels, round_ticks
from equipoise.report.panels import TOP as PANEL_TOP
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, grouped, head, numbers

Row = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 760, 260, 60, 30, 14
PANELS_BOTTOM = PANEL_TOP + PANEL_HEIGHT
DAYS_IN_A_YEAR = 365.25
APART = 7.0  # pixels between the marks of comparisons at one lag
MANY = 24  # lags from which on they are drawn as a line with its band


@dataclass(frozen=True, slots=True)
class LagFigure:
    """The lag scan of one exposure: figure, comparisons with their styles, table."""

    caption: str
    figure: Markup
    kinds: Sequence[tuple[str, str]]
    table: Table


def lag_figure(rows: Sequence[Row], exposure: str) -> LagFigure:
    """Lags stand at the square root of their length, so that short ones can be told apart."""
    shown = [row for row in rows if row["population"] == "observable"]
    comparisons = list(dict.fromkeys(row["comparison"] for row in rows))
    kinds = list(zip(STYLES, comparisons, strict=False))
    if len({row["lag_days"] for row in rows}) > MANY:
        caption = f"Odds ratio by lag: {exposure} (dashed: always the sets observable at the longest lag)"
        figure = lag_panels(rows, kinds)
        return LagFigure(caption, figure, [(style, label(name)) for style, name in kinds], lag_table(rows, caption))
    scale, longest = ratio_scale([dict(row) for row in shown]), max(row["lag_days"] for row in rows) or 1
    parts = _axes(scale, sorted({row["lag_days"] for row in rows}), longest)
    for at, (style, comparison) in enumerate(kinds):
        members = [row for row in shown if row["comparison"] == comparison]
        parts.append(_marks(scale, members, longest, style, APART * (at - (len(kinds) - 1) / 2)))
    title = element("title", f"Odds ratio of {exposure} before each lag")
    view = f"0 0 {WIDTH} {TOP + HEIGHT + 44}"
    figure = element("svg", title, join(parts), viewBox=view, class_="curves", role="img")
    caption = f"Odds ratio by lag: {exposure}"
    return LagFigure(caption, figure, [(style, label(name)) for style, name in kinds], lag_table(rows, caption))


def lag_panels(rows: Sequence[Row], kinds: Sequence[tuple[str, str]]) -> Markup:
    """A panel for each kind of controls: the line of every observable set with its band, dashed the fixed population.

    Beneath stand the cases that remain at the lags of the ticks.
    """
    rows = [{**row, "years": row["lag_days"] / DAYS_IN_A_YEAR} for row in rows]
    scale, longest = ratio_scale([dict(row) for row in rows]), max(row["years"] for row in rows)
    parts = []
    for at, (style, comparison) in enumerate(kinds):
        own = [row for row in rows if row["comparison"] == comparison]
        open_, fixed = ([row for row in own if row["population"] == name] for name in ("observable", "fixed"))
        panel = Panel(scale, longest, at)
        parts += panel.axes(label(comparison), "years before the index date that do not count")
        line = panel.line(fixed, "years", "4 3")
        parts += [element("g", panel.band(open_, "years"), line, class_=f"curve {style}"), panel.nothing(open_)]
        parts += _cases_left(panel, open_)
    title = "Odds ratio by lag; dashed: the sets that are observable at every lag"
    return panels(parts, len(kinds), title, below=84)


def _cases_left(panel: Panel, rows: Sequence[Row]) -> list[Markup]:
    bottom = PANELS_BOTTOM + 56
    words = element("text", "cases that remain", x=panel.left + 150, y=bottom, class_="tick", text_anchor="middle")
    parts = [words]
    for tick in round_ticks(panel.longest):
        row = min(rows, key=lambda row: abs(row["years"] - tick))
        text = count_text(row, "n_cases")
        where = {"x": panel.x(tick), "y": bottom + 18}
        parts.append(element("text", "…" if text == HIDDEN else text, **where, class_="tick", text_anchor="middle"))
    return parts


@dataclass(frozen=True, slots=True)
class _RateScale:
    """Rates from 0 to a round value, in the place of a scale of ratios."""

    high: float
    low: float = 0.0

    @property
    def ticks(self) -> list[float]:
        return round_ticks(self.high)

    def at(self, value: float) -> float:
        return 100 * value / self.high


def initiation_figure(rows: Sequence[Row], exposure: str) -> LagFigure:
    """The prodrome: how often cases (filled, line) and controls (dashed) began use, by time before the index date.

    Each stretch is a step of the staircase; one whose count is hidden is left out.
    """
    shown = [{**row, "estimate": row["rate"]} for row in rows]
    comparisons = list(dict.fromkeys(row["comparison"] for row in rows))
    kinds = list(zip(STYLES, comparisons, strict=False))
    highest = max([row["estimate"] for row in shown if row["estimate"] is not None] or [1.0]) or 1.0
    longest = max(-row["from_day"] for row in rows) / DAYS_IN_A_YEAR
    parts = []
    for at, (style, comparison) in enumerate(kinds):
        own = [row for row in shown if row["comparison"] == comparison]
        panel = Panel(_RateScale(1.05 * highest), longest, at)  # type: ignore[arg-type]
        parts += panel.axes(label(comparison), "years before the index date", backward=True, null=False)
        cases, controls = ([row for row in own if row["who"] == who] for who in ("cases", "controls"))
        drawn = panel.line(_steps(cases, longest), "years"), panel.line(_steps(controls, longest), "years", "4 3")
        parts += [element("g", *drawn, class_=f"curve {style}"), panel.nothing(own)]
    title = f"New users of {exposure} per 1,000 person-years; dashed: controls"
    caption = f"Initiation before the index date: {exposure} (per 1,000 person-years; dashed: controls)"
    figure = panels(parts, len(kinds), title)
    return LagFigure(caption, figure, [(style, label(name)) for style, name in kinds], rate_table(rows, caption))


def _steps(rows: Sequence[Row], longest: float) -> list[dict[str, Any]]:
    """Both ends of each stretch, so that a line through them is a staircase; time runs towards the right."""
    return [
        {"years": longest + day / DAYS_IN_A_YEAR, "estimate": row["estimate"]}
        for row in sorted(rows, key=lambda row: row["from_day"])
        for day in (row["from_day"], row["to_day"] + 1)
    ]


def rate_table(rows: Sequence[Row], caption: str) -> Table:
    """The same as a table."""
    top = head("Controls", "Who", "Days before the index date", "Began use", "Person-years", "Per 1,000 years")
    body = [
        [
            Cell(label(row["comparison"]), head=True),
            Cell(row["who"]),
            *numbers(
                f"{-row['to_day']:,} to {-row['from_day']:,}",
                count_text(row, "n_initiating"),
                decimal_text(row["person_years"]),
                decimal_text(row["rate"], 2),
            ),
        ]
        for row in rows
    ]
    notes = ["At risk: observed over the whole stretch and the run-in before it, without use before it."]
    return Table(caption, top, body, notes)


def lag_table(rows: Sequence[Row], caption: str) -> Table:
    """The same as a table, with the estimates on one fixed population beside."""
    top = head("Comparison", "Lag (days)", "Cases", "Exposed cases", "Odds ratio", "Observable at every lag")
    body = []
    for (comparison, lag), pair in grouped(rows, lambda row: (row["comparison"], row["lag_days"])).items():
        by_population = {row["population"]: row for row in pair}
        row = by_population["observable"]
        counts = (count_text(row, "n_cases"), count_text(row, "n_exposed_cases"))
        texts = [_text(by_population[name]) for name in ("observable", "fixed")]
        body.append([Cell(label(comparison), head=True), *numbers(f"{lag:,}", *counts, *texts)])
    notes = ["Use is any qualifying use before the lag. The last column rests on the same sets at every lag."]
    return Table(caption, top, body, notes)


def _text(row: Row) -> str:
    if row["estimate"] is None:
        return row["reason"].replace("_", " ").lower() if row["reason"] else ABSENT
    return f"{ratio_text(row['estimate'])} ({interval_text(row)})"


def _x(lag: float, longest: float) -> float:
    return LEFT + 20 + (WIDTH - LEFT - RIGHT - 40) * sqrt(lag / longest)


def _y(scale: RatioScale, value: float) -> float:
    return TOP + HEIGHT * (1 - scale.at(min(max(value, scale.low), scale.high)) / 100)


def _axes(scale: RatioScale, lags: Sequence[int], longest: float) -> list[Markup]:
    bottom, one = TOP + HEIGHT, _y(scale, 1.0)
    parts = [
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=LEFT, y1=TOP, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=one, y2=one, class_="null"),
    ]
    for value in scale.ticks:
        parts.append(
            element("text", f"{value:g}", x=LEFT - 8, y=_y(scale, value) + 4, class_="tick", text_anchor="end")
        )
    last = -100.0
    for lag in lags:
        x = _x(lag, longest)
        if x - last > 34:
            parts.append(element("text", f"{lag:,}", x=x, y=bottom + 18, class_="tick", text_anchor="middle"))
            last = x
    middle = (LEFT + WIDTH - RIGHT) / 2
    words = "days before the index date that do not count"
    return [*parts, element("text", words, x=middle, y=bottom + 36, class_="tick", text_anchor="middle")]


def _marks(scale: RatioScale, rows: Sequence[Row], longest: float, style: str, shift: float) -> Markup:
    parts = []
    for row in rows:
        if row["estimate"] is None or row["conf_low"] is None or row["conf_high"] is None:
            continue
        x = _x(row["lag_days"], longest) + shift
        low, high = _y(scale, row["conf_low"]), _y(scale, row["conf_high"])
        parts.append(element("line", x1=x, x2=x, y1=low, y2=high, class_="limits"))
        parts.append(element("circle", cx=x, cy=_y(scale, row["estimate"]), r=3.5))
    return element("g", join(parts), class_=f"curve {style}")
