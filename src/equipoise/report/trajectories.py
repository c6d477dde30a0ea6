"""Mean scores over time as a figure: the lines of the model, the observed means, and how many persons stand behind."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from equipoise.report.numbers import HIDDEN, count_text, decimal_text
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, grouped, head, numbers

Row = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 760, 320, 70, 30, 16
LINE = 18  # height of a line of the numbers beneath
HIGHEST, STEP = 48, 12
WORDS = 84  # pixels for the name of an arm before the first number


def trajectory_figure(rows: Sequence[Row]) -> Markup:
    """Lines: mean scores of the model; bands: their intervals; marks: observed means, where they may be shown."""
    arms = grouped(rows, lambda row: row["arm"])
    last = max(row["time_days"] for row in rows) or 1
    parts = _axes(last, sorted({row["time_days"] for row in rows}))
    parts += [_band(last, arm, members) for arm, members in arms.items()]
    parts += [_line(last, arm, members) for arm, members in arms.items()]
    parts += _numbers_beneath(last, arms)
    title = element("title", f"Mean ALSFRS-R up to day {last:,} by arm")
    view = f"0 0 {WIDTH} {TOP + HEIGHT + 44 + LINE * (len(arms) + 1)}"
    return element("svg", title, join(parts), viewBox=view, class_="curves", role="img")


def _x(day: float, last: int) -> float:
    left = LEFT + WORDS - 40
    return left + (WIDTH - left - RIGHT) * day / last


def _y(score: float) -> float:
    return TOP + HEIGHT * (1.0 - min(max(score, 0.0), HIGHEST) / HIGHEST)


def _axes(last: int, times: Sequence[int]) -> list[Markup]:
    bottom, left = TOP + HEIGHT, _x(0, last) - 14
    parts = [
        element("line", x1=left, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
        element("line", x1=left, x2=left, y1=TOP, y2=bottom, class_="axis"),
    ]
    for score in range(0, HIGHEST + 1, STEP):
        y = _y(score)
        parts.append(element("line", x1=left - 5, x2=left, y1=y, y2=y, class_="axis"))
        parts.append(element("text", str(score), x=left - 9, y=y + 4, class_="tick", text_anchor="end"))
    for day in times:
        x = _x(day, last)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="axis"))
        parts.append(element("text", f"{day:,}", x=x, y=bottom + 19, class_="tick", text_anchor="middle"))
    words = element(
        "text",
        "days from time zero",
        x=(left + WIDTH - RIGHT) / 2,
        y=bottom + 36,
        class_="tick",
        text_anchor="middle",
    )
    return [*parts, words]


def _band(last: int, arm: str, members: Sequence[Row]) -> Markup:
    known = [row for row in members if row["conf_low"] is not None and row["conf_high"] is not None]
    edge = [(row["time_days"], row["conf_high"]) for row in known]
    edge += [(row["time_days"], row["conf_low"]) for row in reversed(known)]
    points = " ".join(f"{_x(day, last):.2f},{_y(score):.2f}" for day, score in edge)
    return element("polygon", points=points, class_=f"band {arm}")


def _line(last: int, arm: str, members: Sequence[Row]) -> Markup:
    means = [(row["time_days"], row["mean"]) for row in members if row["mean"] is not None]
    points = " ".join(f"{_x(day, last):.2f},{_y(score):.2f}" for day, score in means)
    marks = [
        element("circle", cx=_x(row["time_days"], last), cy=_y(row["observed_mean"]), r=3.5)
        for row in members
        if row["observed_mean"] is not None
    ]
    return element("g", element("polyline", points=points, fill="none"), join(marks), class_=f"curve {arm}")


def _numbers_beneath(last: int, arms: Mapping[str, Sequence[Row]]) -> list[Markup]:
    top = TOP + HEIGHT + 58
    parts = [element("text", "Persons with a score", x=4, y=top, class_="tick", text_anchor="start")]
    for line, (arm, members) in enumerate(arms.items(), start=1):
        y = top + LINE * line
        parts.append(element("text", arm, x=4, y=y, class_=f"tick name {arm}", text_anchor="start"))
        for row in members:
            text = count_text(row, "n_persons")
            text = "…" if text == HIDDEN else text
            parts.append(element("text", text, x=_x(row["time_days"], last), y=y, class_="tick", text_anchor="middle"))
    return parts


def trajectory_table(rows: Sequence[Row], labels: Mapping[str, str]) -> Table:
    """The same as a table."""
    top = head("Arm", "Days", "Persons with a score", "Scores", "Observed mean", "Mean of the model")
    body = []
    for row in rows:
        mean = decimal_text(row["mean"], 1)
        if row["conf_low"] is not None and row["conf_high"] is not None:
            mean += f" ({decimal_text(row['conf_low'], 1)} to {decimal_text(row['conf_high'], 1)})"
        counts = [count_text(row, name) for name in ("n_persons", "n_scores")]
        days = f"{row['from_day']:,} to {row['to_day']:,}"
        cells = [days, *counts, decimal_text(row["observed_mean"], 1), mean]
        body.append([Cell(labels[row["arm"]], head=True), *numbers(*cells)])
    notes = ["The mean of the model is at the middle of the days; in the first row at time zero."]
    return Table("Mean scores over time", top, body, notes)
