"""Figures of an adjustment: how scores are spread in both arms, and how far covariates differ before and after."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from equipoise.report.levels import covariate_name
from equipoise.report.numbers import count_text
from equipoise.report.sections import sentence
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, grouped, head, numbers
from equipoise.results.follow_up_tables import ARMS

Row = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 760, 220, 70, 30, 16
LINE, NAMES = 20, 290  # height of a covariate's line, width of its name
MOST_COVARIATES = 40
LIMIT = 0.1
EQUIPOISE = (0.3, 0.7)
SCALES = {"preference": "preference score", "propensity": "propensity score"}


def score_figure(rows: Sequence[Row]) -> Markup:
    """The share of each arm by groups of the score, as outlines; where a count is hidden, the outline is broken."""
    scale = rows[0]["scale"]
    totals = {arm: sum(row[f"n_{arm}"] or 0 for row in rows) for arm in ARMS}
    shares = {arm: [_share(row[f"n_{arm}"], totals[arm]) for row in rows] for arm in ARMS}
    highest = max([share for each in shares.values() for share in each if share is not None] or [1.0]) or 1.0
    bottom = TOP + HEIGHT

    def x(score: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * score

    parts = []
    if scale == "preference":
        low, high = (x(edge) for edge in EQUIPOISE)
        parts.append(element("rect", x=low, y=TOP, width=high - low, height=HEIGHT, class_="region"))
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    for tick in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=bottom, y2=bottom + 5, class_="axis"))
        label = element("text", f"{tick:g}", x=x(tick), y=bottom + 19, class_="tick", text_anchor="middle")
        parts.append(label)
    height = f"height: share of the arm, up to {100 * highest:.0f}\u202f%"
    words = f"{SCALES[scale]}; {height if any(totals.values()) else 'no group is shown: counts are small'}"
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(element("text", words, x=middle, y=bottom + 38, class_="tick", text_anchor="middle"))
    for arm in ARMS:
        parts.append(_outline(arm, rows, shares[arm], x, lambda share: bottom - HEIGHT * share / highest))
    title = element("title", f"Spread of the {SCALES[scale]} in both arms")
    return element("svg", title, join(parts), viewBox=f"0 0 {WIDTH} {bottom + 48}", class_="curves", role="img")


def _share(count: int | None, total: int) -> float | None:
    return None if count is None or not total else count / total


def _outline(arm: str, rows: Sequence[Row], shares: Sequence[float | None], x: Any, y: Any) -> Markup:
    lines, before = [], 0.0
    for row, share in zip(rows, shares, strict=True):
        left, right = x(row["score_from"]), x(row["score_below"])
        if share is not None:
            lines.append(element("line", x1=left, x2=right, y1=y(share), y2=y(share)))
            lines.append(element("line", x1=left, x2=left, y1=y(before), y2=y(share)))
        elif before:
            lines.append(element("line", x1=left, x2=left, y1=y(before), y2=y(0.0)))
        before = share or 0.0
    if before:
        lines.append(element("line", x1=x(1.0), x2=x(1.0), y1=y(before), y2=y(0.0)))
    return element("g", join(lines), class_=f"curve {arm}")


def score_table(rows: Sequence[Row]) -> Table:
    """The same as a table."""
    body = [
        [
            Cell(f"{row['score_from']:.2f} to {row['score_below']:.2f}", head=True),
            *numbers(*(count_text(row, f"n_{arm}") for arm in ARMS)),
        ]
        for row in rows
    ]
    scale = SCALES[rows[0]["scale"]]
    return Table(f"Persons by {scale}", head(scale.capitalize(), "Target arm", "Reference arm"), body)


def balance_figure(rows: Sequence[Row]) -> Markup:
    """Absolute standardized differences before (open) and after (filled), the largest first, with the limit of 0.1."""
    shown = sorted(rows, key=_largest, reverse=True)[:MOST_COVARIATES]
    widest = max(0.3, *(_largest(row) for row in shown)) if shown else 0.3
    bottom = TOP + LINE * len(shown)

    def x(value: float) -> float:
        return NAMES + (WIDTH - NAMES - RIGHT) * min(abs(value) / widest, 1.0)

    parts = [element("line", x1=NAMES, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis")]
    parts.append(element("line", x1=x(LIMIT), x2=x(LIMIT), y1=TOP - 6, y2=bottom, class_="null"))
    for tick in _ticks(widest):
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=bottom, y2=bottom + 5, class_="axis"))
        parts.append(element("text", f"{tick:g}", x=x(tick), y=bottom + 19, class_="tick", text_anchor="middle"))
    words = "absolute standardized difference"
    at = (NAMES + WIDTH - RIGHT) / 2
    parts.append(element("text", words, x=at, y=bottom + 38, class_="tick", text_anchor="middle"))
    for i, row in enumerate(shown):
        y = TOP + LINE * (i + 0.5)
        name = _short(sentence(covariate_name(row["covariate"])))
        parts.append(element("text", name, x=NAMES - 10, y=y + 4, class_="tick", text_anchor="end"))
        parts += _dots(row, x, y)
    title = element("title", "Standardized differences of covariates before and after adjustment")
    return element("svg", title, join(parts), viewBox=f"0 0 {WIDTH} {bottom + 48}", class_="curves", role="img")


def _dots(row: Row, x: Any, y: float) -> list[Markup]:
    before, after = row["smd_before"], row["smd_after"]
    parts = []
    if before is not None and after is not None:
        parts.append(element("line", x1=x(before), x2=x(after), y1=y, y2=y, class_="dashed"))
    if before is not None:
        parts.append(element("g", element("circle", cx=x(before), cy=y, r=4.5), class_="curve reference"))
    if after is not None:
        parts.append(element("g", element("circle", cx=x(after), cy=y, r=4.5), class_="curve target"))
    return parts


def _largest(row: Row) -> float:
    return max(abs(row[name]) if row[name] is not None else 0.0 for name in ("smd_before", "smd_after"))


def _ticks(widest: float) -> list[float]:
    step = next(size for size in (0.1, 0.2, 0.5, 1.0, 5.0, widest) if widest / size <= 7)
    return [round(step * i, 10) for i in range(int(widest / step) + 1)]


def _short(name: str) -> str:
    return name if len(name) <= 42 else name[:41] + "…"


def by_scale(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each comparison and scale, the preference score first."""
    return grouped(rows, lambda row: (row["exposure"], row["scale"]))
