"""Curves of risk over time as a figure, with the numbers at risk beneath on the same scale of time."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from equipoise.report.numbers import HIDDEN, count_text
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, grouped, head, numbers

Row = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 760, 320, 86, 30, 16
ROW = 18  # height of a line of the numbers at risk
NICE = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def curve_figure(rows: Sequence[Row], origin: str = "time zero") -> Markup:
    """The risk of each arm at the ends of intervals, with confidence limits, from 0 at the origin of time.

    Between the ends of intervals the lines are straight: they join estimates, they are none.
    """
    arms = grouped(rows, lambda row: row["arm"])
    last = max(row["time_days"] for row in rows)
    highest = max([row["conf_high"] or row["risk"] for row in rows if row["risk"] is not None] or [NICE[0]])
    scale = _Scale(last, next((nice for nice in NICE if nice >= highest), 1.0))
    times = _shared_times(arms)
    height = TOP + HEIGHT + 44 + ROW * (len(arms) + 1)
    parts = [*_axes(scale, times, origin), *(_curve(scale, arm, members) for arm, members in arms.items())]
    parts += _numbers_at_risk(scale, arms, times)
    title = element("title", f"Risk of the outcome up to day {last:,} by arm")
    view = f"0 0 {WIDTH} {height}"
    return element("svg", title, join(parts), viewBox=view, class_="curves", role="img")


def _shared_times(arms: Mapping[str, Sequence[Row]]) -> list[int]:
    """The ends of intervals that every arm has, so that numbers at risk stand side by side."""
    each = [{row["time_days"] for row in members} for members in arms.values()]
    return sorted(set.intersection(*each))


class _Scale:
    def __init__(self, last: int, highest: float):
        self.last, self.highest = last, highest

    def x(self, day: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * day / self.last

    def y(self, risk: float) -> float:
        return TOP + HEIGHT * (1.0 - min(risk / self.highest, 1.0))


def _axes(scale: _Scale, times: Sequence[int], origin: str) -> list[Markup]:
    bottom = TOP + HEIGHT
    parts = [
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=LEFT, y1=TOP, y2=bottom, class_="axis"),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = scale.y(share * scale.highest)
        parts.append(element("line", x1=LEFT - 5, x2=LEFT, y1=y, y2=y, class_="axis"))
        label = f"{100 * share * scale.highest:g}\u202f%"
        parts.append(element("text", label, x=LEFT - 9, y=y + 4, class_="tick", text_anchor="end"))
    for day in (0, *times):
        x = scale.x(day)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="axis"))
        parts.append(element("text", f"{day:,}", x=x, y=bottom + 19, class_="tick", text_anchor="middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    words = element("text", f"days from {origin}", x=middle, y=bottom + 36, class_="tick", text_anchor="middle")
    return [*parts, words]


def _curve(scale: _Scale, arm: str, members: Sequence[Row]) -> Markup:
    """Lines between neighbours that are shown; where a number is hidden, the line is broken.

    With delayed entry they begin where somebody is at risk: nobody says what the risk was before.
    """
    begun = _begins_with_somebody(members[0])
    points: list[tuple[float, float] | None] = [(scale.x(0), scale.y(0.0)) if begun else None]
    marks = []
    for row in members:
        begun = begun or not _enters_late(row) or row["n_entered"] != 0
        if row["risk"] is None or not begun:
            points.append(None)
            continue
        x, y = scale.x(row["time_days"]), scale.y(row["risk"])
        points.append((x, y))
        if row["conf_low"] is not None and row["conf_high"] is not None:
            limits = (scale.y(row["conf_low"]), scale.y(row["conf_high"]))
            marks.append(element("line", x1=x, x2=x, y1=limits[0], y2=limits[1], class_="limits"))
        marks.append(element("circle", cx=x, cy=y, r=3.5))
    lines = [
        element("line", x1=one[0], y1=one[1], x2=two[0], y2=two[1])
        for one, two in pairwise(points)
        if one is not None and two is not None
    ]
    return element("g", join([*lines, *marks]), class_=f"curve {arm}")


def _numbers_at_risk(scale: _Scale, arms: Mapping[str, Sequence[Row]], times: Sequence[int]) -> list[Markup]:
    top = TOP + HEIGHT + 58
    late = any(_enters_late(row) for members in arms.values() for row in members)
    title = "At risk" if late else "Followed beyond"
    parts = [element("text", title, x=4, y=top, class_="tick", text_anchor="start")]
    for line, (arm, members) in enumerate(arms.items(), start=1):
        y = top + ROW * line
        parts.append(element("text", arm, x=4, y=y, class_=f"tick name {arm}", text_anchor="start"))
        first = _at_risk_first(members[0])
        shown = {row["time_days"]: _at_risk_after(row) for row in members}
        for day, text in ((0, first), *((time, shown[time]) for time in times)):
            text = "…" if text == HIDDEN else text
            parts.append(element("text", text, x=scale.x(day), y=y, class_="tick", text_anchor="middle"))
    return parts


def _enters_late(row: Row) -> bool:
    """Whether persons of the arm come under follow-up on different days."""
    return row.get("n_awaited") is not None or bool(row.get("n_awaited_suppressed"))


def _begins_with_somebody(first: Row) -> bool:
    """Whether persons are known to be at risk at time zero."""
    return not _enters_late(first) or _at_risk_first(first) not in (HIDDEN, "0")


def _at_risk_after(row: Row) -> str:
    return count_text(row, "n_at_risk_after" if _enters_late(row) else "n_remaining")


def _at_risk_first(row: Row) -> str:
    """The number at risk at time zero: of those followed, who has entered by then."""
    if not _enters_late(row):
        return count_text(row, "n_at_risk")
    followed, awaited = row["n_at_risk"], row["n_awaited"]
    return HIDDEN if followed is None or awaited is None else f"{followed - awaited:,}"


def curve_table(rows: Sequence[Row], labels: Mapping[str, str]) -> Table:
    """The same as a table."""
    late = any(_enters_late(row) for row in rows)
    names = ["n_at_risk", "n_events", "n_competing", "n_remaining"]
    top = head("Arm", "Up to day", "At risk", "Events", "Competing events", "Followed beyond", "Risk")
    if late:
        names = ["n_entered", "n_events", "n_competing", "n_at_risk_after"]
        top = head("Arm", "Up to day", "Entered", "Events", "Competing events", "At risk then", "Risk")
    body = []
    for row in rows:
        risk = "–" if row["risk"] is None else f"{100 * row['risk']:.1f}\u202f%"
        if row["conf_low"] is not None and row["conf_high"] is not None:
            risk += f" ({100 * row['conf_low']:.1f} to {100 * row['conf_high']:.1f})"
        counts = [count_text(row, name) for name in names]
        body.append([Cell(labels[row["arm"]], head=True), *numbers(f"{row['time_days']:,}", *counts, risk)])
    return Table("Risk over time", top, body)
