"""Hazard ratios of a follow-up design by subgroup, each drawn on one scale, with the test of interaction."""

from collections.abc import Iterator, Sequence
from typing import Any

from equipoise.report.forest import axis, interval, ratio_scale, reason_text
from equipoise.report.levels import level_name
from equipoise.report.numbers import count_text, interval_text, level_text, p_text, ratio_text
from equipoise.report.protocol import covariate_label, exposure_label
from equipoise.report.sections import sentence
from equipoise.report.views import Cell, Table, group_row, grouped, head
from equipoise.results.tables import MEASURES, OVERALL
from equipoise.spec.study import Study

Row = dict[str, Any]
RATIOS = ("hazard_ratio", "subdistribution_hazard_ratio", "rate_ratio", "odds_ratio")


def subgroup_tables(study: Study, rows: Sequence[Row], tests: Sequence[Row], conf_level: float) -> Iterator[Table]:
    """One table for each ratio and subgroup: the fullest estimate at each level, and the p-value for interaction."""
    mine = [row for row in rows if row["subgroup"] != OVERALL and row["measure"] in RATIOS]
    for (measure, subgroup), members in grouped(mine, lambda row: (row["measure"], row["subgroup"])).items():
        scale = ratio_scale(members)
        words = MEASURES[measure][:1].upper() + MEASURES[measure][1:]
        top = [
            *head("Subgroup", numbers_from=9),
            *head("Events in the target arm", numbers_from=0),
            Cell(f"{words}, log scale", "plot-head"),
            *head(f"{words} ({level_text(conf_level)}\u00a0CI)", "p for interaction", numbers_from=0),
        ]
        body: list[list[Cell]] = []
        for exposure, same in grouped(members, lambda row: row["exposure"]).items():
            last = {row["subgroup_level"]: row for row in same}  # the fullest adjustment stands last
            shown = list(last.values())
            p_value = _p_value(tests, shown[0])
            body.append(group_row(f"{exposure_label(study, exposure)}, {shown[0]['adjustment']}", len(top)))
            body += [_level(row, scale, p_text(p_value) if i == 0 else "") for i, row in enumerate(shown)]
        foot = [Cell("", columns=2), Cell(axis(scale), "plot axis-cell"), Cell("", columns=2)]
        notes = [
            "P for interaction: Cochran's Q over the levels. Adjustment was made anew within each level; a propensity "
            "score was estimated among its persons."
        ]
        yield Table(f"{words} by {covariate_label(study, subgroup).lower()}", top, body, notes, foot, "forest")


def _p_value(tests: Sequence[Row], row: Row) -> float | None:
    names = ("exposure", "measure", "adjustment", "comparison")
    found = (
        test["p_value"]
        for test in tests
        if test["across"] == row["subgroup"] and all(test[name] == row[name] for name in names)
    )
    return next(found, None)


def _level(row: Row, scale: Any, p_value: str) -> list[Cell]:
    name = Cell(sentence(level_name(row["subgroup"], row["subgroup_level"])), "level", head=True)
    cases = Cell(f"{count_text(row, 'n_exposed_cases')} / {count_text(row, 'n_cases')}", "number")
    if row["estimate"] is None:
        return [
            name,
            cases,
            Cell(f"Not estimated: {reason_text(row['reason'])}", "reason", columns=2),
            Cell(p_value, "number"),
        ]
    numbers = f"{ratio_text(row['estimate'])} ({interval_text(row)})"
    return [name, cases, Cell(interval(row, scale), "plot"), Cell(numbers, "number"), Cell(p_value, "number")]
