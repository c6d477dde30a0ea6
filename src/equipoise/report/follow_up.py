"""The tables of a follow-up design: Table 1 by arm, how follow-up ended, hazard ratios, risks over time."""

from collections.abc import Iterator, Sequence
from typing import Any

from equipoise.report.forest import forest, reason_text
from equipoise.report.levels import level_name
from equipoise.report.numbers import (
    ABSENT,
    count_text,
    count_with_percent,
    decimal_text,
    level_text,
    p_text,
    ratio_text,
)
from equipoise.report.protocol import exposure_label
from equipoise.report.sections import STATISTICS, centre_and_spread, sentence
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.results.follow_up_tables import ARMS, CENSORED
from equipoise.results.tables import MEASURES
from equipoise.spec.study import Study

Row = dict[str, Any]
HAZARDS = ("hazard_ratio", "subdistribution_hazard_ratio")
RATIOS = (*HAZARDS, "rate_ratio", "odds_ratio")
TESTS = ("log_rank_statistic", "gray_statistic")
UNITS = {"risk": "\u202f%", "risk_difference": " points", "rmst": " days", "rmst_difference": " days"}


def characteristics_by_arm(study: Study, rows: Sequence[Row], arms: Sequence[Row]) -> list[Table]:
    """Table 1, one for each comparison."""
    sizes = {(row["exposure"], row["arm"]): _size(row) for row in arms}
    names = {(row["exposure"], row["arm"]): row["label"] for row in arms}
    made = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        columns = [f"{sentence(names[exposure, arm])} (n\u00a0=\u00a0{sizes[exposure, arm]})" for arm in ARMS]
        top = head("Characteristic", *columns, "Standardized difference")
        body: list[list[Cell]] = []
        for variable, same in grouped(members, lambda row: row["variable"]).items():
            body += _characteristic(variable, same)
        notes = [
            "Standardized difference: in units of the pooled standard deviation; target less reference for numeric "
            "characteristics, without sign for categorical ones."
        ]
        caption = f"Table 1. Characteristics at time zero: {exposure_label(study, exposure)}"
        made.append(Table(caption, top, body, notes))
    return made


def _size(row: Row) -> str:
    """Persons in an arm at time zero."""
    varies = row["n_at_time_zero"] is not None or row.get("n_at_time_zero_suppressed")
    return count_text(row, "n_at_time_zero" if varies else "n_persons")


def _characteristic(variable: str, same: Sequence[Row]) -> Iterator[list[Cell]]:
    counted = same[0]["statistic"] == "count"
    differences = [row["standardized_difference"] for row in same if row["statistic"] != "median"]
    label = f"{sentence(variable)}, n (%)" if counted else sentence(variable)
    yield [Cell(label, "level", head=True), *numbers("", "", decimal_text(differences[0] if differences else None, 2))]
    for row in same:
        if counted:
            texts = [count_with_percent(row, f"n_{arm}", f"value_{arm}") for arm in ARMS]
        else:
            texts = [centre_and_spread(row, arm) for arm in ARMS]
        name = level_name(variable, row["level"]) if counted else STATISTICS[row["statistic"]]
        yield [Cell(name, "indent", head=True), *numbers(*texts, "")]
    if not counted and any(same[0].get(f"n_{arm}_missing") != 0 for arm in ARMS):
        texts = [count_text(same[0], f"n_{arm}_missing") for arm in ARMS]
        yield [Cell("missing, n", "indent", head=True), *numbers(*texts, "")]


def follow_up(study: Study, rows: Sequence[Row]) -> Table:
    """Persons, events, time at risk and rates by arm."""
    top = head("Arm", "Persons", "Events", "Competing events", "Person-years", "Rate", "Median days followed")
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        body.append(group_row(exposure_label(study, exposure), len(top)))
        for row in members:
            cells = [count_text(row, name) for name in ("n_persons", "n_events", "n_competing")]
            cells += [decimal_text(row["person_years"], 1), decimal_text(row["rate"], 1)]
            body.append([Cell(sentence(row["label"]), "level", head=True),
                         *numbers(*cells, decimal_text(row["median_days"], 0))])  # fmt: skip
    return Table("Follow-up by arm", top, body, ["Rate: events per 1,000 person-years."])


def endings(study: Study, rows: Sequence[Row]) -> Table:
    """Why follow-up ended without an event; reasons that nobody had are left out."""
    used = [name for name in CENSORED if any(row[name] != 0 for row in rows)]
    top = head("Arm", *(sentence(CENSORED[name]) for name in used))
    body: list[list[Cell]] = []
    for exposure, members in grouped(rows, lambda row: row["exposure"]).items():
        body.append(group_row(exposure_label(study, exposure), len(top)))
        for row in members:
            cells = [count_text(row, name) for name in used]
            body.append([Cell(sentence(row["label"]), "level", head=True), *numbers(*cells)])
    return Table("How follow-up ended without an event", top, body)


def hazards(study: Study, rows: Sequence[Row], conf_level: float) -> list[Table]:
    """A forest plot for each kind of ratio that a regression gives."""
    made = []
    for measure in RATIOS:
        if members := [row for row in rows if row["measure"] == measure]:
            made.append(forest(study, members, conf_level, ("Events in the target arm", "Without event")))
    return made


def risks(study: Study, rows: Sequence[Row], conf_level: float) -> Table:
    """Risks, their contrasts, restricted means and tests, by time point."""
    shown = [row for row in rows if row["measure"] not in RATIOS]
    words = f"Estimate ({level_text(conf_level)}\u00a0CI)"
    top = [*head("Quantity", "Time", numbers_from=9), *head(words, "p-value", numbers_from=0)]
    body: list[list[Cell]] = []
    for exposure, members in grouped(shown, lambda row: row["exposure"]).items():
        body.append(group_row(f"{exposure_label(study, exposure)}: {members[0]['contrast']}", len(top)))
        for row in members:
            body.append(_risk_row(row))
    notes = ["Differences are target less reference, ratios target divided by reference; unadjusted unless said."]
    return Table("Risks and their contrasts", top, body, notes)


def _risk_row(row: Row) -> list[Cell]:
    own = row["measure"] in ("risk", "rmst", "rate")
    name = f"{MEASURES[row['measure']]}: {row['target_level']}" if own else MEASURES[row["measure"]]
    note = "" if row["adjustment"] == "crude" else row["adjustment"]
    time = f"day {row['time_point_days']:,}" if row["time_point_days"] is not None else ""
    first = [Cell(sentence(name), "level", head=True, note=note), Cell(time)]
    if row["estimate"] is None:
        return [*first, Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=2)]
    return [*first, *numbers(number_text(row), p_text(row["p_value"]))]


def number_text(row: Row) -> str:
    """An estimate with its interval in the units of its measure: `25.0 % (20.0 to 30.0)`."""
    value, low, high = (_one(row["measure"], row[name]) for name in ("estimate", "conf_low", "conf_high"))
    unit = UNITS.get(row["measure"], "")
    return f"{value}{unit}" if ABSENT in (low, high) else f"{value}{unit} ({low} to {high})"


def _one(measure: str, value: float | None) -> str:
    if value is None:
        return ABSENT
    if measure in ("risk", "risk_difference"):
        return decimal_text(100 * value, 1)
    if measure in ("rmst", "rmst_difference"):
        return decimal_text(value, 1)
    if measure == "rate":
        return decimal_text(value, 1)
    return decimal_text(value, 2) if measure in TESTS else ratio_text(value)
