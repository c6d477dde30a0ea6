"""Negative controls: the systematic error they show, as figures and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

from markupsafe import Markup

from equipoise.report import comparisons
from equipoise.report.forest import reason_text
from equipoise.report.numbers import breakable, count_text, decimal_text, interval_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label
from equipoise.report.svg import element, join
from equipoise.report.views import Cell, Table, head, numbers
from equipoise.spec.study import Study

Row = Mapping[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 760, 300, 60, 30, 14
TICKS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)
LARGEST_ERROR = 1.5  # standard errors beyond it tell next to nothing
Z = 1.959963984540054
STEPS = 120
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DESIGN = ("comparison", "window", "reading", "adjustment", "measure")


@dataclass(frozen=True, slots=True)
class ControlFigure:
    """One figure with its legend; the controls stand in a table beneath."""

    caption: str
    figure: Markup
    kinds: Sequence[tuple[str, str]]


def control_figures(study: Study, nulls: Sequence[Row], controls: Sequence[Row], estimates: Sequence[Row]) -> list[Any]:
    """For each null with numbers the funnel of its controls, and how their p-values are spread."""
    made = []
    for null in (row for row in nulls if row["mean"] is not None):
        own = [row for row in controls_of(null, controls) if row["log_estimate"] is not None]
        if own:
            made += [_funnel(study, null, own, _of(null, estimates)), _spread(study, null, own)]
    return made


def controls_of(null: Row, controls: Sequence[Row]) -> list[Row]:
    """The controls that a null rests on."""
    same = [row for row in controls if all(row[name] == null[name] for name in DESIGN)]
    return [row for row in same if row["kind"] == "exposure" or row["exposure"] == null["exposure"]]


def _of(null: Row, estimates: Sequence[Row]) -> list[Row]:
    """The estimates that a null calibrates."""
    keys = (*DESIGN, "exposure")
    return [
        row
        for row in estimates
        if row["log_estimate"] is not None
        and row["subgroup"] == "overall"
        and all(row[name] == null[name] for name in keys)
    ]


def null_table(study: Study, nulls: Sequence[Row]) -> Table:
    """The systematic error of every kind of estimate."""
    top = head(
        "Exposure",
        "Controls",
        "Usable",
        "Mean error",
        "Standard deviation",
        "Expected absolute error",
        "p < 0.05",
        "p < 0.05, calibrated",
    )
    body = []
    for row in nulls:
        counts = [f"{row['n_usable']:,}", *(_with_limits(row, name) for name in ("mean", "sd", "ease"))]
        shares = [_percent(row["share_significant"]), _percent(row["share_calibrated"])]
        label = Cell(exposure_label(study, row["exposure"]), "level", head=True, note=design_words(row))
        body.append([label, *numbers(f"{row['n_controls']:,}", *counts, *shares)])
    notes = [
        "Error of log ratios, with limits. The last two columns: how many controls that are shown have a p-value below "
        "0.05, as they are and each calibrated by the others; 5 % are expected of a method that works."
    ]
    return Table("Systematic error shown by negative controls", top, body, notes, style="narrow")


def control_table(study: Study, controls: Sequence[Row]) -> Table:
    """Every control with what the design finds for it."""
    top = [
        *head("Control", "Model", numbers_from=9),
        *head("Exposed cases", "Ratio (CI)", "p-value", "calibrated p-value", numbers_from=0),
    ]
    body = []
    for row in controls:
        name = row["control"] if row["kind"] == "outcome" else exposure_label(study, row["control"])
        note = (
            design_words(row)
            if row["kind"] == "exposure"
            else f"{exposure_label(study, row['exposure'])}, {design_words(row)}"
        )
        counts = f"{count_text(row, 'n_exposed_cases')} / {count_text(row, 'n_cases')}"
        first = [Cell(name, "level", head=True, note=note), Cell(row["adjustment"].capitalize()), *numbers(counts)]
        if row["estimate"] is None:
            body.append([*first, Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=3)])
            continue
        texts = [f"{ratio_text(row['estimate'])} ({interval_text(dict(row))})", p_text(row["p_value"])]
        body.append([*first, *numbers(*texts, p_text(row["calibrated_p_value"]))])
    return Table("Negative controls", top, body)


def calibrated_table(study: Study, estimates: Sequence[Row]) -> Table | None:
    """Estimates as they are, and counting systematic error; None where nothing was calibrated."""
    shown = [row for row in estimates if row["calibrated_estimate"] is not None]
    top = [
        *head("Exposure", "Model", numbers_from=9),
        *head("Ratio (CI)", "p-value", "Calibrated ratio (CI)", "Calibrated p-value", numbers_from=0),
    ]
    body = []
    for row in shown:
        again = {name: row[f"calibrated_{name}"] for name in ("estimate", "conf_low", "conf_high")}
        texts = [f"{ratio_text(one['estimate'])} ({interval_text(dict(one))})" for one in (row, again)]
        label = Cell(exposure_label(study, row["exposure"]), "level", head=True, note=design_words(row))
        pairs = (texts[0], p_text(row["p_value"]), texts[1], p_text(row["calibrated_p_value"]))
        body.append([label, Cell(row["adjustment"].capitalize()), *numbers(*pairs)])
    return Table("Estimates, counting systematic error", top, body) if body else None


def design_words(row: Row) -> str:
    """The kind of estimate: the relatives that cases are compared with, window, reading, model."""
    among = [comparisons.label(name) for name in (row["comparison"],) if name in comparisons.RELATIVES]
    return ", ".join([*among, *(str(row[name]) for name in ("window", "reading", "adjustment") if row[name])])


def _with_limits(row: Row, name: str) -> str:
    texts = [decimal_text(row[key], 3) for key in (name, f"{name}_low", f"{name}_high")]
    return breakable(f"{texts[0]} ({texts[1]} to {texts[2]})") if row[name] is not None else texts[0]


def _percent(share: float | None) -> str:
    return decimal_text(None) if share is None else f"{100 * share:.0f} %"


def _funnel(study: Study, null: Row, own: Sequence[Row], estimates: Sequence[Row]) -> ControlFigure:
    """Estimates by their standard errors; below a line an estimate has p < 0.05, as it is or calibrated."""
    points = [*own, *estimates]
    widest = min(max(1.0, *(abs(row["log_estimate"]) for row in points)), log(TICKS[-1]))
    tallest = min(max(0.2, *(row["std_error"] for row in points)) * 1.1, LARGEST_ERROR)
    plane = _Plane(widest, tallest)
    parts = [*_axes(plane), *_lines(plane, null), *(_mark(plane, row, "control") for row in own)]
    parts += [_mark(plane, row, "studied") for row in estimates]
    name = exposure_label(study, null["exposure"])
    caption = f"Negative controls: {name}, {design_words(null)}"
    title = element("title", f"Estimates of negative controls of {name} by their standard errors")
    kinds = [("control", "negative control"), ("studied", "estimate of the study"),
             ("dashed", "p = 0.05 as it is"), ("region", "calibrated p below 0.05")]  # fmt: skip
    return ControlFigure(caption, _svg(title, parts), kinds)


class _Plane:
    def __init__(self, widest: float, tallest: float):
        self.widest, self.tallest = widest, tallest

    def x(self, log_ratio: float) -> float:
        inside = min(max(log_ratio, -self.widest), self.widest)
        return LEFT + (WIDTH - LEFT - RIGHT) * (inside / self.widest + 1.0) / 2.0

    def y(self, std_error: float) -> float:
        return TOP + HEIGHT * (1.0 - min(std_error / self.tallest, 1.0))


def _axes(plane: _Plane) -> list[Markup]:
    bottom, one = TOP + HEIGHT, plane.x(0.0)
    parts = [
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=LEFT, y1=TOP, y2=bottom, class_="axis"),
        element("line", x1=one, x2=one, y1=TOP, y2=bottom, class_="null"),
    ]
    for tick in TICKS:
        if abs(log(tick)) <= plane.widest + 1e-9:
            text = element(
                "text", f"{tick:g}", x=plane.x(log(tick)), y=bottom + 18, class_="tick", text_anchor="middle"
            )
            parts.append(text)
    for share in SHARES:
        y = plane.y(share * plane.tallest)
        words = f"{share * plane.tallest:.2f}"
        parts.append(element("text", words, x=LEFT - 8, y=y + 4, class_="tick", text_anchor="end"))
    return [*parts, _below("ratio; upwards: standard error of its logarithm")]


def _lines(plane: _Plane, null: Row) -> list[Markup]:
    """Where p is 0.05: as it is, |y| = z s; calibrated, |y - mean| = z sqrt(sd² + s²), beyond which p is smaller."""
    mean, sd = null["mean"], null["sd"]
    errors = [plane.tallest * step / STEPS for step in range(STEPS + 1)]
    parts = []
    for sign in (-1, 1):
        edge = [(plane.x(mean + sign * Z * sqrt(sd**2 + s**2)), plane.y(s)) for s in errors]
        outer = plane.x(sign * plane.widest)
        corners = [(outer, plane.y(plane.tallest)), (outer, plane.y(0.0))]
        parts.append(element("path", d=_path([*edge, *corners]) + " Z", class_="region"))
        straight = [(plane.x(sign * Z * s), plane.y(s)) for s in errors if Z * s <= plane.widest]
        parts.append(element("path", d=_path(straight), class_="dashed"))
    return parts


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _mark(plane: _Plane, row: Row, style: str) -> Markup:
    x, y = plane.x(row["log_estimate"]), plane.y(row["std_error"])
    if style == "control":
        return element("circle", cx=x, cy=y, r=4, class_="control")
    return element(
        "rect", x=x - 5, y=y - 5, width=10, height=10, transform=f"rotate(45 {x:.1f} {y:.1f})", class_="studied"
    )


def _spread(study: Study, null: Row, own: Sequence[Row]) -> ControlFigure:
    """The share of controls with a p-value up to each value: on the diagonal if the p-values are what they claim."""
    curves = {"target": sorted(row["p_value"] for row in own)}
    again = sorted(row["calibrated_p_value"] for row in own if row["calibrated_p_value"] is not None)
    if again:
        curves["reference"] = again
    bottom = TOP + HEIGHT
    parts = [
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=LEFT, y1=TOP, y2=bottom, class_="axis"),
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=TOP, class_="null"),
    ]
    for share in SHARES:
        x, y = _across(share), bottom - HEIGHT * share
        parts.append(element("text", f"{share:g}", x=x, y=bottom + 18, class_="tick", text_anchor="middle"))
        parts.append(element("text", f"{100 * share:g} %", x=LEFT - 8, y=y + 4, class_="tick", text_anchor="end"))
    for style, values in curves.items():
        parts.append(element("g", element("path", d=_steps(values), class_="line"), class_=f"curve {style}"))
    name = exposure_label(study, null["exposure"])
    title = element("title", f"Share of negative controls of {name} with a p-value up to each value")
    kinds = [("target", "as they are"), ("reference", "each calibrated by the others")][: len(curves)]
    caption = f"P-values of negative controls: {name}, {design_words(null)}"
    return ControlFigure(
        caption, _svg(title, [*parts, _below("p-value; upwards: share of controls with a p-value up to it")]), kinds
    )


def _across(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _steps(values: Sequence[float]) -> str:
    points, height = [(_across(0.0), float(TOP + HEIGHT))], 0.0
    for i, value in enumerate(values, start=1):
        points.append((_across(value), TOP + HEIGHT * (1.0 - height)))
        height = i / len(values)
        points.append((_across(value), TOP + HEIGHT * (1.0 - height)))
    return _path([*points, (_across(1.0), float(TOP))])


def _below(words: str) -> Markup:
    return element(
        "text", words, x=(LEFT + WIDTH - RIGHT) / 2, y=TOP + HEIGHT + 36, class_="tick", text_anchor="middle"
    )


def _svg(title: Markup, parts: list[Markup]) -> Markup:
    return element("svg", title, join(parts), viewBox=f"0 0 {WIDTH} {TOP + HEIGHT + 44}", class_="curves", role="img")
