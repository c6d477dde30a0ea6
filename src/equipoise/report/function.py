"""What became of function: tables of slopes, progression, stages, ranks and the joint model; mean scores as figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equipoise.report.forest import axis, interval, ratio_scale, reason_text
from equipoise.report.numbers import (
    ABSENT,
    count_text,
    count_with_percent,
    decimal_text,
    interval_text,
    level_text,
    p_text,
    ratio_text,
)
from equipoise.report.protocol import exposure_label
from equipoise.report.sections import sentence
from equipoise.report.trajectories import trajectory_figure, trajectory_table
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.results.follow_up_tables import ARMS
from equipoise.results.function_tables import FUNCTION_MEASURES, FUNCTION_RATIOS, SCALES
from equipoise.spec.study import Study

Row = dict[str, Any]
OVER_TIME = (
    "score",
    "slope",
    "slope_difference",
    "score_difference",
    "progression_rate",
    "progression_rate_difference",
)
RANKS = ("mean_rank", "mean_rank_difference", "win_ratio", "win_odds", "net_benefit")
EFFECTS = ("direct_hazard_ratio", "mediated_hazard_ratio", "total_hazard_ratio")
OF_ARMS = ("score", "slope", "progression_rate", "mean_rank")
EFFECT_WORDS = {
    "direct_hazard_ratio": "direct",
    "mediated_hazard_ratio": "mediated by the trajectory",
    "total_hazard_ratio": "total",
}


@dataclass(frozen=True, slots=True)
class Trajectories:
    """The mean scores of one comparison: figure, arms and table."""

    caption: str
    figure: Markup
    arms: Sequence[tuple[str, str]]
    table: Table


def function_tables(study: Study, rows: Sequence[Row], stages: Sequence[Row], conf_level: float) -> list[Table]:
    """Every table of function that has rows."""
    made = [
        estimates(study, rows, OVER_TIME, "Function over time", conf_level, _TIME_NOTES),
        stage_table(study, stages),
        estimates(study, rows, RANKS, "Function and survival ranked together", conf_level, _RANK_NOTES),
        joint_table(study, rows, conf_level),
    ]
    return [table for table in made if table.rows]


_TIME_NOTES = [
    "Scores of the ALSFRS-R, 0 to 48; a negative slope is loss. Differences are target less reference. Adjusted: with "
    "covariates and their products with time in the model."
]
_RANK_NOTES = [
    "Who has the outcome first did worse; where neither is known to have had it first, who lost more points did worse. "
    "A higher rank is better; a win ratio above 1 says that the target arm did better. Not adjusted."
]


def estimates(
    study: Study, rows: Sequence[Row], measures: Sequence[str], caption: str, conf_level: float, notes: Sequence[str]
) -> Table:
    """Estimates of some measures, one row each, in the order of the measures."""
    top = [
        *head("Quantity", "Time", numbers_from=9),
        *head("Persons, target", "Persons, reference", "Scores", numbers_from=0),
        *head(f"Estimate ({level_text(conf_level)}\u00a0CI)", "p-value", numbers_from=0),
    ]
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        shown = [row for name in measures for row in members if row["measure"] == name]
        if shown:
            body.append(group_row(exposure_label(study, exposure), len(top)))
            body += [_estimate_row(row) for row in shown]
    return Table(caption, top, body, list(notes))


def _estimate_row(row: Row) -> list[Cell]:
    name = FUNCTION_MEASURES[row["measure"]]
    if row["measure"] in OF_ARMS:
        name += f": {row['target_level']}"
    note = "" if row["adjustment"] == "crude" else row["adjustment"]
    counts = [count_text(row, column) for column in ("n_target", "n_reference", "n_scores")]
    first = [Cell(sentence(name), "level", head=True, note=note), Cell(_whole(_day(row))), *numbers(*counts)]
    if row["estimate"] is None:
        return [*first, Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=2)]
    return [*first, *numbers(number_text(row), p_text(row["p_value"]))]


def _day(row: Row) -> str:
    day = row["time_point_days"]
    return "" if day is None else "time zero" if day == 0 else f"day {day:,}"


def _whole(text: str) -> str:
    """The text on one line."""
    return text.replace(" ", "\u00a0")


def number_text(row: Row) -> str:
    """An estimate with its interval: ratios as ratios, the rest with two decimals."""
    show = ratio_text if row["measure"] in FUNCTION_RATIOS else _decimal
    if row["conf_low"] is None or row["conf_high"] is None:
        return show(row["estimate"])
    return f"{show(row['estimate'])} ({show(row['conf_low'])} to {show(row['conf_high'])})"


def _decimal(value: float | None) -> str:
    return decimal_text(value, 2)


def stage_table(study: Study, rows: Sequence[Row]) -> Table:
    """Stages at time zero, and the median time to each, target and reference side by side."""
    columns = [text for arm in ARMS for text in (f"{sentence(arm)}, n (%)", f"Median days to it, {arm}")]
    top = head("Stage at time zero", *columns)
    body: list[list[Cell]] = []
    for (exposure, scale), members in grouped(rows, lambda row: (row["exposure"], row["scale"])).items():
        body.append(group_row(f"{exposure_label(study, exposure)}: {SCALES[scale]} stages", len(top)))
        for stage, pair in grouped(members, lambda row: row["stage"]).items():
            by_arm = {row["arm"]: row for row in pair}
            cells = [text for arm in ARMS for text in _stage_cells(by_arm.get(arm))]
            body.append([Cell(stage, "level", head=True), *numbers(*cells)])
    notes = [
        "Median days to a visit at this stage or a higher one, or the outcome, of those below it at time zero; a dash "
        "where half of them never came so far. Who was seen no more is censored at the last visit."
    ]
    return Table("Clinical stages", top, body, notes)


def _stage_cells(row: Row | None) -> tuple[str, str]:
    if row is None:
        return ABSENT, ABSENT
    median = decimal_text(row["median_days"], 0)
    if row["conf_low"] is not None:
        high = decimal_text(row["conf_high"], 0) if row["conf_high"] is not None else "∞"
        median += f" ({decimal_text(row['conf_low'], 0)} to {high})"
    return count_with_percent(row, "n_persons", "percent"), median


def joint_table(study: Study, rows: Sequence[Row], conf_level: float) -> Table:
    """Direct, mediated and total hazard ratios of each comparison on one scale, and the association."""
    shown = [row for row in rows if row["measure"] in (*EFFECTS, "association")]
    scale = ratio_scale([row for row in shown if row["measure"] in EFFECTS])
    top = [
        *head("Effect of the target arm", "Model", numbers_from=9),
        *head("Events, target", "Events, reference", numbers_from=0),
        Cell("Hazard ratio, log scale", "plot-head"),
        *head(f"Hazard ratio ({level_text(conf_level)}\u00a0CI)", "p-value", numbers_from=0),
    ]
    body: list[list[Cell]] = []
    for exposure, members in grouped(shown, lambda row: row["exposure"]).items():
        reference = next((row["reference_level"] for row in members if row["measure"] in EFFECTS), None)
        note = f"reference: {reference}" if reference else ""
        body.append(group_row(exposure_label(study, exposure), len(top), note))
        body += _joint_rows(members, scale)
    foot = [Cell("", columns=4), Cell(axis(scale), "plot axis-cell"), Cell("", columns=2)]
    notes = [
        "Direct: with the trajectory of the score held where it is. Mediated: through the arm's effect on the score up "
        "to the day given. Total: both together. They compare persons with the same random effects. Filled: adjusted; "
        "open: crude. The association is the hazard ratio of the score itself."
    ]
    caption = "Joint model of the score and the outcome: direct, mediated and total hazard ratios"
    return Table(caption, top, body, notes, foot if body else (), "forest")


def _joint_rows(members: Sequence[Row], scale: Any) -> Iterator[list[Cell]]:
    for row in members:
        effect = row["measure"] in EFFECTS
        words = EFFECT_WORDS[row["measure"]] if effect else f"association, {row['target_level']}"
        words += f", {_day(row)}" if row["time_point_days"] is not None else ""
        words += row["term"].rpartition(",")[2] if effect and ", by " in row["term"] else ""
        counts = [f"{count_text(row, f'n_{arm}_events')} / {count_text(row, f'n_{arm}')}" for arm in ARMS]
        first = [Cell(sentence(words), "level", head=True), Cell(sentence(row["adjustment"])), *numbers(*counts)]
        if row["estimate"] is None:
            yield [*first, Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=3)]
            continue
        plot = Cell(interval(row, scale), "plot") if effect else Cell("", "plot")
        given = f"{ratio_text(row['estimate'])} ({interval_text(row)})"
        yield [*first, plot, *numbers(given, p_text(row["p_value"]))]


def trajectory_figures(study: Study, rows: Sequence[Row], arms: Sequence[Row]) -> list[Trajectories]:
    """The mean scores of each comparison."""
    made = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        labels: Mapping[str, str] = {row["arm"]: row["label"] for row in arms if row["exposure"] == exposure}
        caption = f"Mean ALSFRS-R over time: {exposure_label(study, exposure)}"
        figure, table = trajectory_figure(members), trajectory_table(members, labels)
        made.append(Trajectories(caption, figure, list(labels.items()), table))
    return made
