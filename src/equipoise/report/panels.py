"""Panels side by side, one for each kind of controls, on one scale of ratios and one of time or dose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from equipoise.report.forest import RatioScale
from equipoise.report.svg import element, join

Row = Mapping[str, Any]
PANEL, HEIGHT, LEFT, GAP, TOP = 300, 230, 52, 26, 30
NICE = (1, 2, 2.5, 4, 5, 10)
TICKS = 4
STYLES = ("target", "reference", "third", "fourth", "fifth")


def panels(parts: Sequence[Markup], count: int, title: str, below: int = 46) -> Markup:
    """The parts of `count` panels as one figure."""
    view = f"0 0 {LEFT + count * (PANEL + GAP)} {TOP + HEIGHT + below}"
    return element("svg", element("title", title), join(list(parts)), viewBox=view, class_="curves", role="img")


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, `position` from the left; x from 0 to `longest`, y a ratio on a logarithmic scale."""

    scale: RatioScale
    longest: float
    position: int

    @property
    def left(self) -> float:
        return LEFT + self.position * (PANEL + GAP)

    def x(self, value: float) -> float:
        return self.left + PANEL * min(value / self.longest, 1.0)

    def y(self, ratio: float) -> float:
        inside = min(max(ratio, self.scale.low), self.scale.high)
        return TOP + HEIGHT * (1 - self.scale.at(inside) / 100)

    def axes(self, title: str, unit: str, *, backward: bool = False, null: bool = True) -> list[Markup]:
        """Frame, ticks and words; `null` draws the line of no association, `backward` counts x from the right."""
        bottom, right, one = TOP + HEIGHT, self.left + PANEL, self.y(1.0)
        middle = self.left + PANEL / 2
        parts = [
            element("text", title, x=middle, y=TOP - 12, class_="tick name", text_anchor="middle"),
            element("line", x1=self.left, x2=right, y1=bottom, y2=bottom, class_="axis"),
            element("line", x1=self.left, x2=self.left, y1=TOP, y2=bottom, class_="axis"),
        ]
        parts += [element("line", x1=self.left, x2=right, y1=one, y2=one, class_="null")] if null else []
        for value in self.scale.ticks if self.position == 0 else ():
            y = self.y(value) + 4
            parts.append(element("text", f"{value:g}", x=self.left - 8, y=y, class_="tick", text_anchor="end"))
        for value in round_ticks(self.longest):
            x = self.x(self.longest - value) if backward else self.x(value)
            words = element("text", f"{value:,.10g}", x=x, y=bottom + 18, class_="tick", text_anchor="middle")
            parts += [element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="axis"), words]
        return [*parts, element("text", unit, x=middle, y=bottom + 38, class_="tick", text_anchor="middle")]

    def band(self, rows: Sequence[Row], along: str) -> Markup:
        """A line with its confidence band; both are broken where a row has no estimate."""
        parts = []
        for known, run in groupby(rows, lambda row: row["conf_low"] is not None and row["conf_high"] is not None):
            if not known:
                continue
            stretch = list(run)
            above = [(self.x(row[along]), self.y(row["conf_high"])) for row in stretch]
            below = [(self.x(row[along]), self.y(row["conf_low"])) for row in reversed(stretch)]
            parts.append(element("polygon", points=_path([*above, *below]), class_="band"))
            parts.append(self.line(stretch, along))
        return join(parts)

    def line(self, rows: Sequence[Row], along: str, dashes: str | None = None) -> Markup:
        """A line through the estimates, broken where there is none."""
        parts = []
        for known, run in groupby(rows, lambda row: row["estimate"] is not None):
            if known:
                points = _path([(self.x(row[along]), self.y(row["estimate"])) for row in run])
                parts.append(element("polyline", points=points, fill="none", stroke_dasharray=dashes))
        return join(parts)

    def dots(self, rows: Sequence[Row], along: str) -> Markup:
        """Estimates with their intervals, of those within the panel."""
        parts = []
        for row in (row for row in rows if row[along] <= self.longest):
            x = self.x(row[along])
            if row["conf_low"] is not None and row["conf_high"] is not None:
                low, high = self.y(row["conf_low"]), self.y(row["conf_high"])
                parts.append(element("line", x1=x, x2=x, y1=low, y2=high, class_="limits"))
            parts.append(element("circle", cx=x, cy=self.y(row["estimate"]), r=3.5))
        return join(parts)

    def nothing(self, rows: Sequence[Row]) -> Markup:
        """Words where there is nothing to draw."""
        if any(row["estimate"] is not None for row in rows):
            return Markup("")
        where = {"x": self.left + PANEL / 2, "y": self.y(1.0) - 8}
        return element("text", "not shown: too few persons", **where, class_="tick", text_anchor="middle")


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def round_ticks(longest: float) -> list[float]:
    """Round values from 0 on, a handful.

    >>> round_ticks(36.0), round_ticks(15.0)
    ([0.0, 10.0, 20.0, 30.0], [0.0, 4.0, 8.0, 12.0])
    """
    power = 10.0 ** len(f"{int(longest / TICKS)}") / 10
    step = next((nice * power for nice in NICE if nice * power >= longest / TICKS), 10 * power)
    return [step * at for at in range(int(longest / step) + 1)]
