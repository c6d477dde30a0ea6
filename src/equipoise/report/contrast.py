"""Odds ratios beside one another by exposure and window: of each kind of controls, or within and between families."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equipoise.report.comparisons import differences, fullest, label, whole
from equipoise.report.forest import RatioScale, ratio_scale
from equipoise.report.numbers import ABSENT, p_text
from equipoise.report.panels import STYLES
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.report.svg import element, join
from equipoise.report.views import Table
from equipoise.results.tables import OVERALL
from equipoise.spec.study import Analysis, Study

Row = Mapping[str, Any]
AXIS = "odds ratio, log scale; above 1: more common among cases"
WIDTH, LEFT, RIGHT, LINE, APART, HEAD = 760, 190, 120, 17, 12, 26


@dataclass(frozen=True, slots=True)
class ContrastFigure:
    """Figure, comparisons with their styles, and the table that says the same."""

    caption: str
    figure: Markup
    kinds: Sequence[tuple[str, str]]
    table: Table


@dataclass(frozen=True, slots=True)
class Group:
    """One exposure, reading and window: its words, the estimates beside one another, what stands at their right."""

    title: str
    window: str
    rows: Sequence[Row | None]
    note: str


def contrast_figure(
    study: Study, analysis: Analysis, estimates: Sequence[Row], tests: Sequence[Row], table: Table
) -> ContrastFigure:
    """The fullest model of each comparison: population controls share no family with the case, relatives do.

    An odds ratio that stays within families is not explained by what families share.
    """
    comparisons = analysis.case_control.comparisons
    kinds = list(zip(STYLES, comparisons, strict=False))
    words = "Odds ratios by kind of controls, with the p-value of their difference"
    figure = grouped_marks(_groups(study, analysis, estimates, tests), kinds, words, "p for difference", RIGHT)
    caption = "Odds ratios by kind of controls"
    return ContrastFigure(caption, figure, [(style, label(name)) for style, name in kinds], table)


def grouped_marks(
    groups: Sequence[Group], kinds: Sequence[tuple[str, str]], words: str, heading: str, right: int
) -> Markup:
    """Marks with their intervals on one scale, one for each kind (style and name) in each group.

    Notes stand under `heading`, in a margin of `right`.
    """
    scale = ratio_scale([dict(row) for group in groups for row in group.rows if row is not None])
    parts, y, title = [], float(HEAD), ""
    for group in groups:
        if group.title != title:
            y += LINE if title else 0
            title = group.title
            parts.append(element("text", title, x=4, y=y, class_="tick name", text_anchor="start"))
            y += LINE
        parts += _marks(group, kinds, scale, y, right)
        y += LINE * len(kinds) + APART
    parts = [*_axis(scale, y, heading, right), *parts]
    view = f"0 0 {WIDTH} {y + 50:.0f}"
    return element("svg", element("title", words), join(parts), viewBox=view, class_="curves", role="img")


def _groups(study: Study, analysis: Analysis, estimates: Sequence[Row], tests: Sequence[Row]) -> list[Group]:
    design = analysis.case_control
    chosen, p_values = fullest(whole(estimates)), differences(tests)
    return [
        Group(
            f"{exposure_label(study, exposure)}: {reading_text(reading)}",
            window,
            [chosen.get((kind, exposure, reading, window, OVERALL, OVERALL)) for kind in design.comparisons],
            _p_note(p_values.get((exposure, reading, window))),
        )
        for exposure in design.exposures
        for reading in design.readings
        for window in design.windows
    ]


def _p_note(p_value: float | None) -> str:
    return ABSENT if p_value is None else f"p {p_text(p_value)}"


def _x(scale: RatioScale, ratio: float, right: int) -> float:
    inside = min(max(ratio, scale.low), scale.high)
    return LEFT + (WIDTH - LEFT - right) * scale.at(inside) / 100


def _marks(group: Group, kinds: Sequence[tuple[str, str]], scale: RatioScale, top: float, right: int) -> list[Markup]:
    middle = top + LINE * (len(kinds) - 1) / 2 + 4
    parts = [element("text", group.window, x=LEFT - 14, y=middle, class_="tick", text_anchor="end")]
    for at, (style, _) in enumerate(kinds):
        row, y = group.rows[at], top + LINE * at
        if row is None or row["estimate"] is None or row["conf_low"] is None or row["conf_high"] is None:
            parts.append(element("text", "not shown", x=LEFT + 4, y=y + 4, class_="tick", text_anchor="start"))
            continue
        low, high = _x(scale, row["conf_low"], right), _x(scale, row["conf_high"], right)
        line = element("line", x1=low, x2=high, y1=y, y2=y)
        dot = element("circle", cx=_x(scale, row["estimate"], right), cy=y, r=4)
        parts.append(element("g", line, dot, class_=f"curve {style}"))
    where = {"x": WIDTH - 8, "y": middle, "class_": "tick", "text_anchor": "end"}
    return [*parts, element("text", group.note, **where)]


def _axis(scale: RatioScale, bottom: float, heading: str, right: int) -> list[Markup]:
    one = _x(scale, 1.0, right)
    parts = [
        element("line", x1=one, x2=one, y1=HEAD, y2=bottom, class_="null"),
        element("line", x1=LEFT, x2=WIDTH - right, y1=bottom, y2=bottom, class_="axis"),
        element("text", heading, x=WIDTH - 8, y=HEAD - 12, class_="tick", text_anchor="end"),
    ]
    for value in scale.ticks:
        where = {"x": _x(scale, value, right), "y": bottom + 18}
        parts.append(element("text", f"{value:g}", **where, class_="tick", text_anchor="middle"))
    middle = (LEFT + WIDTH - right) / 2
    return [*parts, element("text", AXIS, x=middle, y=bottom + 38, class_="tick", text_anchor="middle")]
