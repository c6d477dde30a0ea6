"""A waterfall from one hazard ratio to another: a bar for each step, on a logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

from markupsafe import Markup

from equipoise.errors import REASON_TEXT, Reason
from equipoise.report.forest import RatioScale, ratio_scale
from equipoise.report.numbers import ratio_text
from equipoise.report.svg import element, join

Row = dict[str, Any]
WIDTH, LEFT, RIGHT, ROW, BAR = 760, 230, 70, 30, 14


@dataclass(frozen=True, slots=True)
class Level:
    """Where the path stands after one step: its name and the logarithm of the hazard ratio, None where it is absent.

    `true_value` is that of what the step's study aims at, on a synthetic nation.
    """

    name: str
    log_estimate: float | None
    reason: str | None = None
    true_value: float | None = None


def waterfall(start: Row, levels: Sequence[Level], end: Row, title: str) -> Markup:
    """From the estimate `start` of study A by `levels` to the estimate `end` of study B; both as rows of a table."""
    true = [start["true_value"], *(level.true_value for level in levels), end["true_value"]]
    inside = [*true, *(level.log_estimate for level in levels)]
    placed = [{"estimate": exp(value), "conf_low": None, "conf_high": None} for value in inside if value is not None]
    scale = ratio_scale([start, end, *placed])
    bottom = ROW * (len(levels) + 2)
    parts = [_null(scale, bottom), _end(scale, 0, "Study A", start)]
    before = start["log_estimate"]
    for i, level in enumerate(levels, start=1):
        parts.append(_step(scale, i, level, before))
        before = level.log_estimate
    parts += [_end(scale, len(levels) + 1, "Study B", end), _true_line(scale, true), _axis(scale, bottom)]
    view = f"0 0 {WIDTH} {bottom + 40}"
    return element("svg", element("title", title), join(parts), viewBox=view, class_="waterfall", role="img")


def _x(scale: RatioScale, value: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * scale.at(min(max(value, scale.low), scale.high)) / 100


def _middle(row: int) -> float:
    return ROW * row + ROW / 2


def _name(row: int, text: str) -> Markup:
    return element("text", text, x=LEFT - 12, y=_middle(row) + 4, class_="label")


def _end(scale: RatioScale, row: int, name: str, estimate: Row) -> Markup:
    """The estimate of one of the two studies with its interval."""
    y = _middle(row)
    if estimate["estimate"] is None:
        return join([_name(row, name), _absent(row, estimate["reason"])])
    x = _x(scale, estimate["estimate"])
    limits = [estimate["conf_low"], estimate["conf_high"]]
    drawn = [element("circle", cx=x, cy=y, r=5, class_="estimate")]
    if None not in limits:
        low, high = (_x(scale, value) for value in limits)
        drawn.insert(0, element("line", x1=low, x2=high, y1=y, y2=y, class_="ci"))
    return join([_name(row, name), *drawn, _number(row, ratio_text(estimate["estimate"]))])


def _step(scale: RatioScale, row: int, level: Level, before: float | None) -> Markup:
    if level.log_estimate is None or before is None:
        return join([_name(row, level.name), _absent(row, level.reason)])
    start, stop = _x(scale, exp(before)), _x(scale, exp(level.log_estimate))
    y = _middle(row) - BAR / 2
    direction = "up" if level.log_estimate > before else "down"
    width = max(abs(stop - start), 1.5)
    bar = element("rect", x=min(start, stop), y=y, width=width, height=BAR, class_=f"step {direction}")
    joint = element("line", x1=stop, x2=stop, y1=y + BAR, y2=y + ROW, class_="joint")
    return join([_name(row, level.name), bar, joint, _number(row, f"× {ratio_text(exp(level.log_estimate - before))}")])


def _true_line(scale: RatioScale, true: Sequence[float | None]) -> Markup:
    """The true value of every study on the way, as one stepped line from row to row; a gap where one has none."""
    drawn, before = "", None
    for row, value in enumerate(true):
        if value is not None:
            at = f"{_x(scale, exp(value)):.2f}"
            drawn += (
                f"{'M' if before is None else 'H'}{at}{f',{ROW * row}' if before is None else ''}V{ROW * (row + 1)}"
            )
        before = value
    return element("path", d=drawn, class_="true") if drawn else Markup("")


def _number(row: int, text: str) -> Markup:
    return element("text", text, x=WIDTH - 4, y=_middle(row) + 4, class_="value")


def _absent(row: int, reason: str | None) -> Markup:
    text = REASON_TEXT[Reason(reason)] if reason else "the step before has no estimate"
    return element("text", text, x=LEFT + 12, y=_middle(row) + 4, class_="tick")


def _null(scale: RatioScale, bottom: float) -> Markup:
    return element("line", x1=_x(scale, 1.0), x2=_x(scale, 1.0), y1=0, y2=bottom, class_="null")


def _axis(scale: RatioScale, bottom: float) -> Markup:
    line = element("line", x1=_x(scale, scale.low), x2=_x(scale, scale.high), y1=bottom, y2=bottom, class_="axis")
    ticks = [
        element("text", f"{value:g}", x=_x(scale, value), y=bottom + 16, class_="tick middle") for value in scale.ticks
    ]
    title = element(
        "text", "hazard ratio, log scale", x=(LEFT + WIDTH - RIGHT) / 2, y=bottom + 33, class_="tick middle"
    )
    return join([line, *ticks, title])
