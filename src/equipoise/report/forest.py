"""The forest plot: a table of estimates with each interval drawn on one logarithmic scale beside its numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from markupsafe import Markup

from equipoise.errors import REASON_TEXT, Reason
from equipoise.report.numbers import count_text, interval_text, level_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, group_row, grouped, head
from equipoise.results.tables import MEASURES
from equipoise.spec.study import Study

WIDEST = 50.0  # no interval takes the scale beyond 1/50 and 50; those that reach further end in an arrow
FURTHEST = 1000.0  # nor does an estimate beyond 1/1000 and 1000
EDGE = 5.0  # percent of the width left free at both ends, for arrows
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RatioScale:
    """A logarithmic scale from `low` to `high`, as percent of the width of the plot."""

    low: float
    high: float

    def at(self, value: float) -> float:
        share = log(value / self.low) / log(self.high / self.low)
        return EDGE + (100 - 2 * EDGE) * share

    @property
    def ticks(self) -> list[float]:
        """Round values of the scale, 1 among them, at most seven."""
        for steps in ((1, 2, 5), (1, 3), (1,)):
            values = [v for v in _round_values(steps) if self.low * 0.999 <= v <= self.high * 1.001]
            if len(values) <= 7:
                return values
        return [self.low, 1.0, self.high]


def ratio_scale(rows: Iterable[Row]) -> RatioScale:
    """The scale that shows the estimates, their intervals as far as they are not extreme, and 0.5 to 2 at least."""
    shown = [row for row in rows if row["estimate"] is not None]
    limits = [row[name] for row in shown for name in ("conf_low", "conf_high") if row[name] is not None]
    usable = [_within(row["estimate"], FURTHEST) for row in shown] + [_within(value, WIDEST) for value in limits]
    low, high = min([*usable, 0.5]), max([*usable, 2.0])
    round_values = _round_values((1, 2, 5))
    return RatioScale(max(v for v in round_values if v <= low), min(v for v in round_values if v >= high))


def _within(value: float, furthest: float) -> float:
    return min(max(value, 1 / furthest), furthest)


def _round_values(steps: Sequence[int]) -> list[float]:
    return [float(f"{step}e{power}") for power in range(-4, 4) for step in steps]


def forest(
    study: Study,
    rows: Sequence[Row],
    conf_level: float,
    counted: tuple[str, str] = ("Exposed cases", "Exposed controls"),
) -> Table:
    """Estimates by exposure, reading and level, crude and adjusted in adjacent rows."""
    scale = ratio_scale(rows)
    measure = MEASURES.get(rows[0]["measure"] or "", "ratio") if rows else "ratio"
    words = f"{measure[:1].upper()}{measure[1:]} ({level_text(conf_level)}\u00a0CI)"
    top = [
        *head("Exposure", "Model", numbers_from=9),
        *head(*counted, numbers_from=0),
        Cell(f"{measure[:1].upper()}{measure[1:]}, log scale", "plot-head"),
        *head(words, "p-value", numbers_from=0),
    ]
    body: list[list[Cell]] = []
    for (exposure, reading), members in grouped(rows, lambda row: (row["exposure"], row["reading"])).items():
        references = {row["reference_level"] for row in members}
        shared = references.pop() if len(references) == 1 else None
        note = f"reference: {shared}" if shared else ""
        title = ": ".join(part for part in (exposure_label(study, exposure), reading_text(reading)) if part)
        body.append(group_row(title, len(top), note))
        body += _member_rows(members, scale, shared is None)
    foot = [Cell("", columns=4), Cell(axis(scale), "plot axis-cell"), Cell("", columns=2)]
    notes = ["Filled: adjusted; open: crude. An arrow marks an interval that goes on beyond the scale."]
    return Table("Estimates with their intervals", top, body, notes, foot if body else (), "forest")


def _member_rows(members: Sequence[Row], scale: RatioScale, name_reference: bool) -> Iterable[list[Cell]]:
    def level(row: Row) -> tuple[Any, ...]:
        return (
            row["target_level"],
            row["window"],
            row["subgroup"],
            row["subgroup_level"],
            row["outcome"],
            row["comparison"],
            fitted_with(row),
        )

    by_level = grouped(members, level)
    models = grouped(by_level, lambda key: key[:-1])
    for key, same in by_level.items():
        note = f"reference: {same[0]['reference_level']}" if name_reference else ""
        if len(models[key[:-1]]) > 1:
            note = "; ".join(filter(None, (note, f"beside {key[-1]}")))
        for i, row in enumerate(same):
            text = row["target_level"] or row["term"] or ""
            first = [Cell(text[:1].upper() + text[1:], "level", head=True, rows=len(same), note=note)] if i == 0 else []
            yield [*first, Cell((row["adjustment"] or "").capitalize()), *_counts(row), *_result(row, scale)]


def fitted_with(row: Row) -> str:
    """The windows whose levels share the model of a level of initiation; a level beside the windows is in several."""
    parts = (row["term"] or "").split(" | ")
    return parts[2].replace(" + ", ", ") if row["reading"] == "initiation" and len(parts) > 2 else ""


def _counts(row: Row) -> list[Cell]:
    cases = f"{count_text(row, 'n_exposed_cases')} / {count_text(row, 'n_cases')}"
    controls = count_text(row, "n_exposed_controls")
    if row["n_persons"] is not None and row["n_cases"] is not None:
        controls += f" / {row['n_persons'] - row['n_cases']:,}"
    return [Cell(cases, "number"), Cell(controls, "number")]


def _result(row: Row, scale: RatioScale) -> list[Cell]:
    if row["estimate"] is None:
        return [Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=3)]
    numbers = f"{ratio_text(row['estimate'])} ({interval_text(row)})"
    return [Cell(interval(row, scale), "plot"), Cell(numbers, "number"), Cell(p_text(row["p_value"]), "number")]


def reason_text(reason: str | None) -> str:
    return REASON_TEXT[Reason(reason)] if reason else "no reason given"


def interval(row: Row, scale: RatioScale) -> Markup:
    """One estimate with its interval; coordinates are percent of the cell, so that rows share the scale."""
    low = row["conf_low"] if row["conf_low"] is not None else row["estimate"]
    high = row["conf_high"] if row["conf_high"] is not None else row["estimate"]
    cut_low, cut_high = low < scale.low * 0.999, high > scale.high * 1.001
    # Of an interval that lies wholly beyond the scale, a stub remains.
    left = EDGE / 2 if cut_low else min(scale.at(low), 100 - EDGE)
    right = 100 - EDGE / 2 if cut_high else max(scale.at(high), EDGE)
    parts = [_null_line(scale), element("line", x1=_percent(left), x2=_percent(right), y1="50%", y2="50%", class_="ci")]
    if cut_low:
        parts.append(_shape(left, element("path", d="M7,-5 L0,0 L7,5", class_="arrow")))
    if cut_high:
        parts.append(_shape(right, element("path", d="M-7,-5 L0,0 L-7,5", class_="arrow")))
    if scale.low * 0.999 <= row["estimate"] <= scale.high * 1.001:
        kind = "crude" if row["adjustment"] == "crude" else "adjusted"
        square = element("rect", x=-4.5, y=-4.5, width=9, height=9, class_=f"estimate {kind}")
        parts.append(_shape(scale.at(row["estimate"]), square))
    return element("svg", join(parts), class_="interval", aria_hidden="true")


def axis(scale: RatioScale) -> Markup:
    """The scale beneath the plot."""
    parts = [
        element("line", x1=_percent(scale.at(scale.low)), x2=_percent(scale.at(scale.high)), y1=1, y2=1, class_="axis")
    ]
    for value in scale.ticks:
        x = _percent(scale.at(value))
        parts.append(element("line", x1=x, x2=x, y1=1, y2=6, class_="axis"))
        parts.append(element("text", f"{value:g}", x=x, y=19, class_="tick"))
    one = scale.at(1.0)
    parts.append(element("text", "← lower", x=_percent(one), dx=-10, y=35, class_="tick towards-low"))
    parts.append(element("text", "higher →", x=_percent(one), dx=10, y=35, class_="tick towards-high"))
    title = element("title", f"Logarithmic scale from {scale.low:g} to {scale.high:g}")
    return element("svg", title, join(parts), class_="scale", role="img")


def _null_line(scale: RatioScale) -> Markup:
    x = _percent(scale.at(1.0))
    return element("line", x1=x, x2=x, y1="0", y2="100%", class_="null")


def _shape(at: float, inside: Markup) -> Markup:
    return element("svg", inside, x=_percent(at), y="50%", overflow="visible")


def _percent(value: float) -> str:
    return f"{value:.2f}%"
