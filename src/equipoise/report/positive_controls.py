"""Positive controls: what the design finds where the true effect is known, as a figure and tables."""

from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Any

from markupsafe import Markup

from equipoise.errors import Reason
from equipoise.report.controls import ControlFigure, design_words
from equipoise.report.numbers import decimal_text, interval_text, level_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, head, numbers
from equipoise.spec.study import Study

Row = Mapping[str, Any]
WIDTH, LEFT, RIGHT, TOP, BAND, GAP = 760, 90, 30, 14, 84, 12
TICKS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 10.0)
LARGEST_ERROR = 1.5
DESIGN = ("comparison", "exposure", "window", "reading", "adjustment", "measure")


def systematic_error_table(study: Study, rows: Sequence[Row], conf_level: float) -> Table:
    """How systematic error depends on the true effect, for every kind of estimate."""
    top = head(
        "Exposure",
        "Negative",
        "Positive",
        "Mean (a)",
        "per log ratio (b)",
        "SD (c)",
        "per log ratio (d)",
        "Hold the true ratio",
        "calibrated",
    )
    body = []
    for row in rows:
        names = ("mean_intercept", "mean_slope", "sd_intercept", "sd_slope")
        parts = [decimal_text(row[name], 3) for name in names]
        shares = [
            decimal_text(None) if row[name] is None else f"{100 * row[name]:.0f} %"
            for name in ("share_covered", "share_calibrated")
        ]
        label = Cell(exposure_label(study, row["exposure"]), "level", head=True, note=design_words(row))
        body.append([label, *numbers(f"{row['n_negative']:,}", f"{row['n_positive']:,}", *parts, *shares)])
    notes = [
        "The log estimate of a true log ratio t has mean a + b t, with b = 1 where error is the same at every effect, "
        "and a systematic standard deviation of c + d |t|; the columns are a, b, c and d. Calibrated intervals count "
        "it. The last two columns: intervals of the controls shown that hold the true ratio, as they are and each "
        f"calibrated by the controls of other outcomes; {level_text(conf_level)} are expected."
    ]
    return Table("Systematic error by the size of the effect", top, body, notes)


def positive_table(study: Study, rows: Sequence[Row]) -> Table:
    """Every positive control with what the design finds for it."""
    top = [*head("Control", "Model", numbers_from=9), *head("True ratio", "Ratio (CI)", "p-value", numbers_from=0)]
    body = []
    for row in rows:
        note = f"{exposure_label(study, row['exposure'])}, {design_words(row)}"
        first = [Cell(row["control"], "level", head=True, note=note), Cell(row["adjustment"].capitalize())]
        if row["estimate"] is None:
            words = "Too few outcomes" if row["reason"] == Reason.TOO_FEW_EVENTS else "Not shown"
            body.append([*first, *numbers(f"{row['effect']:g}"), Cell(words, "reason", columns=2)])
            continue
        texts = [f"{ratio_text(row['estimate'])} ({interval_text(dict(row))})", p_text(row["p_value"])]
        body.append([*first, *numbers(f"{row['effect']:g}", *texts)])
    notes = [
        "Too few outcomes: with fewer than 25 in the target arm, its hazard is not known well enough to add to. Not "
        "shown: the negative control that it is made of is not, or it has no estimate."
    ]
    return Table("Positive controls", top, body, notes if any(row["estimate"] is None for row in rows) else [])


def positive_figures(
    study: Study, errors: Sequence[Row], negative: Sequence[Row], positive: Sequence[Row]
) -> Iterator[ControlFigure]:
    """For each kind of estimate the controls in a band for every true effect, at which a line stands."""
    for error in errors:
        own = [row | {"effect": 1.0} for row in _of(error, negative) if row["kind"] == "outcome"]
        own += _of(error, positive)
        if own:
            name = exposure_label(study, error["exposure"])
            caption = f"Controls by their true effect: {name}, {design_words(error)}"
            title = f"Estimates of controls of {name} in bands by the true ratio"
            kinds = [("control", "control; lower in its band: larger standard error"), ("truth", "true ratio")]
            yield ControlFigure(caption, _bands(own, title), kinds)


def _of(error: Row, rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        dict(row)
        for row in rows
        if row["log_estimate"] is not None and all(row[name] == error[name] for name in DESIGN)
    ]


def _bands(rows: Sequence[Row], title: str) -> Markup:
    effects = sorted({row["effect"] for row in rows})
    parts: list[Markup] = []
    for at, effect in enumerate(effects):
        top = TOP + at * (BAND + GAP)
        parts += _band([row for row in rows if row["effect"] == effect], effect, top)
    bottom = TOP + len(effects) * (BAND + GAP)
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    for tick in TICKS:
        words = {"x": _x(log(tick)), "y": bottom + 18, "class_": "tick", "text_anchor": "middle"}
        parts.append(element("text", f"{tick:g}", **words))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(element("text", "estimated ratio", x=middle, y=bottom + 36, class_="tick", text_anchor="middle"))
    view = f"0 0 {WIDTH} {bottom + 44}"
    return element("svg", element("title", title), join(parts), viewBox=view, class_="curves", role="img")


def _band(rows: Sequence[Row], effect: float, top: float) -> Iterator[Markup]:
    x = _x(log(effect))
    yield element("rect", x=LEFT, y=top, width=WIDTH - LEFT - RIGHT, height=BAND, class_="stripe")
    yield element("text", f"true {effect:g}", x=LEFT - 8, y=top + BAND / 2 + 4, class_="tick", text_anchor="end")
    for row in rows:
        depth = min(row["std_error"] / LARGEST_ERROR, 1.0)
        yield element("circle", cx=_x(row["log_estimate"]), cy=top + 5 + (BAND - 10) * depth, r=4, class_="control")
    yield element("line", x1=x, x2=x, y1=top, y2=top + BAND, class_="truth")


def _x(log_ratio: float) -> float:
    low, high = log(TICKS[0]), log(TICKS[-1])
    return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(log_ratio, low), high) - low) / (high - low)
