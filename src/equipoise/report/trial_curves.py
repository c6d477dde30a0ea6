"""Curves of risk under strategies with bands, numbers at risk beneath, and contrasts of methods side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from markupsafe import Markup

from equipoise.report.numbers import HIDDEN, count_text
from equipoise.report.svg import element, join
from equipoise.report.views import grouped

Row = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 760, 320, 130, 30, 16
ROW = 18  # height of a line of the numbers at risk
NICE = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
STYLES = ("one", "two", "three", "four", "five")  # of strategies, in their order


def style_of(position: int) -> str:
    """The class of a strategy; beyond five they begin again."""
    return STYLES[position % len(STYLES)]


def risk_figure(curves: Sequence[Row], at_risk: Sequence[Row], names: Sequence[str]) -> Markup:
    """The risk under each strategy with its interval as a band, and who still keeps to it below."""
    last = max(row["time_days"] for row in curves)
    highest = max(row["conf_high"] or row["risk"] for row in curves if row["risk"] is not None)
    top = next((nice for nice in NICE if nice >= min(highest, 1.0)), 1.0)
    by_strategy = grouped(curves, lambda row: row["strategy"])
    parts = _axes(last, top, _times(at_risk) or [last])
    for name in names:
        parts.append(_curve(by_strategy.get(name, []), last, top, style_of(names.index(name))))
    parts += _numbers(at_risk, names, last)
    height = TOP + HEIGHT + 62 + ROW * (len(names) + 1)
    title = element("title", f"Risk of the outcome up to day {last:,} under each strategy")
    return element("svg", title, join(parts), viewBox=f"0 0 {WIDTH} {height}", class_="curves trial", role="img")


def _x(day: float, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * day / last


def _y(risk: float, top: float) -> float:
    return TOP + HEIGHT * (1.0 - min(risk / top, 1.0))


def _times(at_risk: Sequence[Row]) -> list[int]:
    """The ends of intervals that every strategy has."""
    each = [{row["time_days"] for row in rows} for rows in grouped(at_risk, lambda row: row["strategy"]).values()]
    return sorted(set.intersection(*each)) if each else []


def _axes(last: int, top: float, times: Sequence[int]) -> list[Markup]:
    bottom = TOP + HEIGHT
    parts = [
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=LEFT, y1=TOP, y2=bottom, class_="axis"),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share * top, top)
        parts.append(element("line", x1=LEFT - 5, x2=LEFT, y1=y, y2=y, class_="axis"))
        label = f"{100 * share * top:g}\u202f%"
        parts.append(element("text", label, x=LEFT - 9, y=y + 4, class_="tick", text_anchor="end"))
    for day in (0, *times):
        x = _x(day, last)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="axis"))
        parts.append(element("text", f"{day:,}", x=x, y=bottom + 19, class_="tick", text_anchor="middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    words = element("text", "days from time zero", x=middle, y=bottom + 36, class_="tick", text_anchor="middle")
    return [*parts, words]


def _curve(rows: Sequence[Row], last: int, top: float, style: str) -> Markup:
    """A line through the risks from 0 on, and the band of their limits; both end where a risk is absent."""
    shown = [row for row in rows if row["risk"] is not None]
    if not shown:
        return Markup("")
    line = " ".join(
        f"{_x(d, last):.1f},{_y(r, top):.1f}" for d, r in [(0, 0.0), *((r["time_days"], r["risk"]) for r in shown)]
    )
    limits = [(row["time_days"], row["conf_low"], row["conf_high"]) for row in shown if row["conf_low"] is not None]
    band = Markup("")
    if limits:
        upper = [(0, 0.0), *((day, high) for day, _, high in limits)]
        lower = [(day, low) for day, low, _ in reversed(limits)]
        points = " ".join(f"{_x(d, last):.1f},{_y(r, top):.1f}" for d, r in [*upper, *lower])
        band = element("polygon", points=points, class_="band")
    return element("g", band, element("polyline", points=line, fill="none"), class_=f"strategy {style}")


def _numbers(at_risk: Sequence[Row], names: Sequence[str], last: int) -> list[Markup]:
    """How many still keep to each strategy."""
    top, times = TOP + HEIGHT + 58, _times(at_risk)
    parts = [element("text", "Keeping to the strategy", x=4, y=top, class_="tick", text_anchor="start")]
    by_strategy = grouped(at_risk, lambda row: row["strategy"])
    for line, name in enumerate(names, start=1):
        rows, y = by_strategy.get(name, []), top + ROW * line
        short = name if len(name) <= 18 else f"{name[:17]}…"
        parts.append(element("text", short, x=4, y=y, class_=f"tick name {style_of(line - 1)}", text_anchor="start"))
        if not rows:
            continue
        shown = {row["time_days"]: count_text(row, "n_remaining") for row in rows}
        first = count_text(rows[0], "n_at_risk")
        for day, text in ((0, first), *((time, shown[time]) for time in times)):
            text = "…" if text == HIDDEN else text
            parts.append(element("text", text, x=_x(day, last), y=y, class_="tick", text_anchor="middle"))
    return parts


@dataclass(frozen=True, slots=True)
class Contrast:
    """One line of the figure of agreement: a label, and by method the estimate with limits, None where absent."""

    label: str
    numbers: Sequence[tuple[float, float | None, float | None] | None]


def agreement_figure(contrasts: Sequence[Contrast], methods: Sequence[str]) -> Markup:
    """Risk differences by method, one group a contrast, on one scale in points of percent."""
    values = [
        value
        for line in contrasts
        for given in line.numbers
        if given is not None
        for value in given
        if value is not None
    ]
    reach = _reach(100.0 * max([abs(value) for value in values] or [0.01]))
    group = ROW * len(methods) + 26
    bottom = TOP + group * len(contrasts)

    def at(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value + reach) / (2.0 * reach)

    parts = [element("line", x1=at(0.0), x2=at(0.0), y1=TOP, y2=bottom, class_="null")]
    for k, line in enumerate(contrasts):
        y = TOP + group * k
        parts.append(element("text", line.label, x=4, y=y + 12, class_="tick", text_anchor="start"))
        for m, given in enumerate(line.numbers):
            middle = y + 26 + ROW * m
            words = element("text", methods[m], x=LEFT - 8, y=middle + 4, class_="tick", text_anchor="end")
            parts.append(words if given is None else join([words, _mark(given, at, middle, style_of(m))]))
            if given is None:
                parts.append(element("text", "no estimate", x=at(0.0) + 6, y=middle + 4, class_="tick"))
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        text = f"{share * reach:g}".replace("-", "\u2212")
        parts.append(element("text", text, x=at(share * reach), y=bottom + 16, class_="tick", text_anchor="middle"))
    scale = "risk difference in points of percent"
    centre = (LEFT + WIDTH - RIGHT) / 2
    parts.append(element("text", scale, x=centre, y=bottom + 34, class_="tick", text_anchor="middle"))
    title = element("title", "Risk differences by method")
    return element("svg", title, join(parts), viewBox=f"0 0 {WIDTH} {bottom + 44}", class_="curves trial", role="img")


def _mark(given: tuple[float, float | None, float | None], at: Any, y: float, style: str) -> Markup:
    value, low, high = given
    parts = []
    if low is not None and high is not None:
        parts.append(element("line", x1=at(100.0 * low), x2=at(100.0 * high), y1=y, y2=y))
    parts.append(element("circle", cx=at(100.0 * value), cy=y, r=3.5, class_="dot"))
    return element("g", join(parts), class_=f"strategy {style}")


def _reach(most: float) -> float:
    """A round number that is not below `most`."""
    size = 10.0 ** floor(log10(most)) if most > 0.0 else 1.0
    return next(step * size for step in (1.0, 2.0, 5.0, 10.0) if step * size >= most)
