"""The design diagram: windows of time around the index date, drawn to scale (after Schneeweiss et al. 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Literal

from markupsafe import Markup

from equipoise.report.svg import element, join
from equipoise.spec.windows import DAYS_PER_YEAR

Kind = Literal["eligibility", "exclusion", "run_in", "exposure", "lag", "covariate", "follow_up"]
KINDS: dict[Kind, str] = {
    "eligibility": "observation required",
    "exclusion": "exclusion assessed",
    "run_in": "run-in",
    "exposure": "exposure assessed",
    "lag": "lag (in no exposure window)",
    "covariate": "covariate assessed",
    "follow_up": "follow-up",
}

WIDTH, LEFT, RIGHT, TOP = 960, 300, 42, 34
LINE, PAD = 14, 9  # height of a line of text; room above and below a row
OPEN = 70  # room for the open ends of unbounded windows
LABEL = 42  # characters of a label in one line
STEPS = (1, 7, 30, 90, 180, 365, 730, 1826, 3652, 7305)


@dataclass(frozen=True, slots=True)
class DiagramRow:
    """One bar: days relative to the index date, both inclusive; None where the end is open.

    `note` is printed in place of the days, for a bar whose length is fixed but whose place differs by person.
    """

    label: str
    start_day: int | None
    end_day: int | None
    kind: Kind
    note: str | None = None

    @property
    def days(self) -> str:
        """The window as days, `days −365 to −1`, with an open end in words."""
        if self.note is not None:
            return self.note
        if self.start_day == self.end_day == 0:
            return "day 0"
        if self.start_day is None:
            return f"up to day {_signed(self.end_day or 0)}"
        if self.end_day is None:
            return f"from day {_signed(self.start_day)}"
        return f"days {_signed(self.start_day)} to {_signed(self.end_day)}"


@dataclass(frozen=True, slots=True)
class Scale:
    """From days to horizontal places. Unbounded bars reach beyond the first and last day by `OPEN`."""

    first: int
    last: int
    open_left: bool
    open_right: bool

    def at(self, day: float) -> float:
        left = LEFT + (OPEN if self.open_left else 0)
        right = WIDTH - RIGHT - (OPEN if self.open_right else 0)
        return left + (right - left) * (day - self.first) / (self.last - self.first)


def timeline(rows: Sequence[DiagramRow], anchor: str = "index date") -> Markup:
    """The diagram as SVG, without its outer figure. Rows are drawn from top to bottom in the order given."""
    scale = _scale(rows)
    labels = [wrap(row.label[:1].upper() + row.label[1:], LABEL) for row in rows]
    heights = [LINE * (len(lines) + 1) + PAD for lines in labels]
    tops = [TOP + sum(heights[:i]) for i in range(len(rows))]
    floor = TOP + sum(heights) + 6
    bars = [_bar(*each, scale) for each in zip(rows, labels, tops, heights, strict=True)]
    return element(
        "svg",
        element("title", f"Design diagram: windows of time relative to {_with_article(anchor)}, drawn to scale"),
        join([_axis(scale, floor, anchor), *bars, _anchor(scale, floor, anchor)]),
        viewBox=f"0 0 {WIDTH} {floor + 36}",
        role="img",
        class_="timeline",
    )


def _scale(rows: Sequence[DiagramRow]) -> Scale:
    days = [day for row in rows for day in (row.start_day, row.end_day) if day is not None]
    first, last = min([*days, 0]), max([*days, 0])
    if first == last == 0 or first > -30:
        first = min(first, -365 if first >= -1 else -30)
    return Scale(
        first,
        last + 1,
        any(row.start_day is None for row in rows),
        any(row.end_day is None for row in rows),
    )


def _bar(row: DiagramRow, label: Sequence[str], top: float, height: float, scale: Scale) -> Markup:
    middle = top + height / 2
    first = middle - LINE * (len(label) + 1) / 2 + LINE - 3
    texts = [element("text", line, x=LEFT - 14, y=first + LINE * i, class_="label") for i, line in enumerate(label)]
    texts.append(element("text", row.days, x=LEFT - 14, y=first + LINE * len(label) - 1, class_="days"))
    if row.start_day == row.end_day == 0:
        return join([*texts, element("circle", cx=scale.at(0), cy=middle, r=5, class_=f"bar {row.kind}")])
    left = LEFT if row.start_day is None else scale.at(row.start_day)
    right = WIDTH - RIGHT if row.end_day is None else scale.at(row.end_day + 1)
    shape = _outline(left, max(right, left + 2), middle - 9, middle + 9, row.start_day is None, row.end_day is None)
    style = f"bar {row.kind}{' floating' if row.note else ''}"
    return join([*texts, element("path", d=shape, class_=style)])


def _outline(left: float, right: float, top: float, bottom: float, open_left: bool, open_right: bool) -> str:
    """A bar; an open end is an arrow head."""
    middle, head = (top + bottom) / 2, 10
    points = [(left + head, top), (left, middle), (left + head, bottom)] if open_left else [(left, top), (left, bottom)]
    far = (
        [(right - head, bottom), (right, middle), (right - head, top)]
        if open_right
        else [(right, bottom), (right, top)]
    )
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in [*points, *far]) + " Z"


def _axis(scale: Scale, floor: float, anchor: str) -> Markup:
    days = _ticks(scale)
    lines = [element("line", x1=scale.at(day), x2=scale.at(day), y1=TOP, y2=floor, class_="grid") for day in days]
    texts = [element("text", _tick_text(day), x=scale.at(day), y=floor + 15, class_="tick") for day in days]
    ends = (
        LEFT if scale.open_left else scale.at(scale.first),
        WIDTH - RIGHT if scale.open_right else scale.at(scale.last),
    )
    base = element("line", x1=ends[0], x2=ends[1], y1=floor, y2=floor, class_="axis")
    title = element(
        "text", f"time relative to {_with_article(anchor)}", x=sum(ends) / 2, y=floor + 32, class_="axis-title"
    )
    return join([*lines, base, *texts, title])


def _ticks(scale: Scale) -> list[int]:
    """About five days at round distances from the index date, never so close that their labels touch."""
    span = scale.last - scale.first
    least = 365 if span > 2 * DAYS_PER_YEAR else 1
    step = next((step for step in STEPS if span / step <= 6 and step >= least), STEPS[-1])
    years = step >= 365
    ticks = [0]
    for direction in (-1, 1):
        n = 1
        while True:
            day = direction * (int(n * round(step / DAYS_PER_YEAR) * DAYS_PER_YEAR) if years else n * step)
            if not scale.first <= day <= scale.last - 1:
                break
            ticks.append(day)
            n += 1
    ticks = sorted(ticks)
    assert all(scale.at(b) - scale.at(a) > 20 for a, b in pairwise(ticks))
    return ticks


def _tick_text(day: int) -> str:
    if day == 0:
        return "0"
    years = round(abs(day) / DAYS_PER_YEAR)
    if abs(day) >= 365 and int(years * DAYS_PER_YEAR) == abs(day):
        return f"{_signed(-years if day < 0 else years)} y"
    return f"{_signed(day)} d"


def _anchor(scale: Scale, floor: float, anchor: str) -> Markup:
    x = scale.at(0)
    line = element("line", x1=x, x2=x, y1=TOP - 8, y2=floor, class_="index")
    return join([line, element("text", anchor, x=x, y=TOP - 14, class_="index-label")])


def _with_article(anchor: str) -> str:
    return anchor if anchor == "time zero" else f"the {anchor}"


def _signed(number: int) -> str:
    return f"{number:,}".replace("-", "\u2212")
