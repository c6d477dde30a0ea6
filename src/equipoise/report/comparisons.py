"""Comparisons side by side, published figures beside estimates, subgroups with their tests."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from equipoise.report.numbers import ABSENT, count_text, interval_text, p_text, ratio_text
from equipoise.report.protocol import exposure_label, reading_text
from equipoise.report.sections import sentence
from equipoise.report.views import Cell, Table, group_row, grouped, head, numbers
from equipoise.results.tables import OVERALL
from equipoise.spec.study import Analysis, Study

Row = Mapping[str, Any]
LABELS = {
    "population": "population controls",
    "siblings": "siblings",
    "half_siblings": "half siblings",
    "cousins": "cousins",
    "spouses": "spouses",
}
RELATIVES = tuple(name for name in LABELS if name != "population")
STATUS = {
    "firm": "firm: seen in two or more independent places",
    "soft": "soft: one secondary place",
    "derived": "derived from firm figures",
}


def label(comparison: str) -> str:
    """The name of a comparison in the page."""
    return LABELS.get(comparison, comparison)


def whole(rows: Sequence[Any]) -> list[Any]:
    """The rows that concern everyone, without those of subgroups."""
    return [row for row in rows if row["subgroup"] == OVERALL]


def fullest(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """Of each comparison, exposure, reading and window, the estimate with the most covariates."""
    names = ("comparison", "exposure", "reading", "window", "subgroup", "subgroup_level")
    return {tuple(row[name] for name in names): row for row in rows}


def side_by_side(study: Study, analysis: Analysis, estimates: Sequence[Row], tests: Sequence[Row]) -> Table:
    """One row a window, one column a comparison: the fullest model of each, and whether they differ."""
    kinds = analysis.case_control.comparisons
    chosen = fullest(whole(estimates))
    p_values = differences(tests)
    top = [
        *head("Use began, or fell, in", numbers_from=9),
        *head(*(sentence(label(kind)) for kind in kinds), "p for difference", numbers_from=0),
    ]
    body: list[list[Cell]] = []
    for exposure in analysis.case_control.exposures:
        for reading in analysis.case_control.readings:
            body.append(group_row(f"{exposure_label(study, exposure)}: {reading_text(reading)}", len(top)))
            for window in analysis.case_control.windows:
                cells = [_odds_ratio(chosen.get((kind, exposure, reading, window, OVERALL, OVERALL))) for kind in kinds]
                p_value = p_values.get((exposure, reading, window))
                body.append([Cell(window, "level", head=True), *numbers(*cells, p_text(p_value))])
    notes = [
        "The fullest model of each comparison. Relatives are not matched on sex and age; their models hold sex and "
        "year of birth. The p-value is Wald's, over comparisons that share their cases."
    ]
    return Table("Odds ratios by comparison, side by side", top, body, notes)


def differences(tests: Sequence[Row]) -> dict[tuple[Any, ...], float | None]:
    """The test of the fullest models, by exposure, reading and window."""
    rows = [row for row in tests if row["across"] == "comparison"]
    return {(row["exposure"], row["reading"], row["window"]): row["p_value"] for row in rows}


def _odds_ratio(row: Row | None) -> str:
    if row is None or row["estimate"] is None:
        return ABSENT if row is None or not row["reason"] else row["reason"].replace("_", " ").lower()
    return f"{ratio_text(row['estimate'])} ({interval_text(row)})"


def published(study: Study, analysis: Analysis, estimates: Sequence[Row]) -> Table:
    """Each published figure of an analysis beside the estimate it belongs to."""
    top = [
        *head("Exposure, window", "Comparison", numbers_from=9),
        Cell("Published", "number"),
        Cell("Status"),
        Cell("This study", "number"),
        Cell("Interval covers it"),
    ]
    body = [_published_row(study, figure, estimates) for figure in study.published if figure.analysis == analysis.id]
    sources = dict.fromkeys(figure.source for figure in study.published if figure.analysis == analysis.id)
    notes = [f"Published: {'; '.join(sources)}."] if sources else []
    notes += (
        ["An interval that covers a published figure is compatible with it; it does not confirm it."] if body else []
    )
    return Table("Published figures beside this study's", top, body, notes)


def _published_row(study: Study, figure: Any, estimates: Sequence[Row]) -> list[Cell]:
    row = _counterpart(figure, estimates)
    where = f"{exposure_label(study, figure.exposure)}, {figure.window}"
    if figure.subgroup is not None:
        where += f" ({figure.subgroup}: {figure.subgroup_level})"
    printed = ratio_text(figure.estimate)
    if figure.conf_low is not None:
        printed += f" ({ratio_text(figure.conf_low)} to {ratio_text(figure.conf_high)})"
    return [
        Cell(where, "level", head=True),
        Cell(label(figure.comparison)),
        Cell(printed, "number"),
        Cell(STATUS[figure.status]),
        Cell(_odds_ratio(row), "number"),
        Cell(_covers(row, figure.estimate)),
    ]


def _counterpart(figure: Any, estimates: Sequence[Row]) -> Row | None:
    """The crude estimate, or the fullest of those that are adjusted (of any, where the study has only crude ones)."""
    level = (figure.subgroup or OVERALL, figure.subgroup_level or OVERALL)
    wanted = (figure.comparison, figure.exposure, figure.window, figure.reading, *level)
    names = ("comparison", "exposure", "window", "reading", "subgroup", "subgroup_level")
    rows = [row for row in estimates if tuple(row[name] for name in names) == wanted]
    crude = [row for row in rows if row["adjustment"] == "crude"]
    return next(iter(crude if figure.adjustment == "crude" else rows[::-1]), None)


def _covers(row: Row | None, value: float) -> str:
    if row is None or row["conf_low"] is None or row["conf_high"] is None:
        return ABSENT
    return "yes" if row["conf_low"] <= value <= row["conf_high"] else "no"


def subgroups(study: Study, analysis: Analysis, estimates: Sequence[Row], tests: Sequence[Row]) -> Iterator[Table]:
    """One table a comparison and subgroup: a column a level, and the p-value for interaction."""
    parts = grouped(
        [row for row in estimates if row["subgroup"] != OVERALL], lambda r: (r["comparison"], r["subgroup"])
    )
    p_values = {
        tuple(row[name] for name in ("comparison", "across", "exposure", "reading", "window")): row["p_value"]
        for row in tests
    }
    for (comparison, subgroup), rows in parts.items():
        levels = list(dict.fromkeys(row["subgroup_level"] for row in rows))
        chosen = fullest(rows)
        top = [*head("Window", numbers_from=9), *head(*levels, "p for interaction", numbers_from=0)]
        body: list[list[Cell]] = []
        uses = grouped(rows, lambda row: (row["exposure"], row["reading"]))
        for (exposure, reading), members in uses.items():
            body.append(group_row(f"{exposure_label(study, exposure)}: {reading_text(reading)}", len(top)))
            for window in dict.fromkeys(row["window"] for row in members if row["window"] in study.windows):
                key = (comparison, exposure, reading, window, subgroup)
                cells = [_odds_ratio(chosen.get((*key, level))) for level in levels]
                p_value = p_values.get((comparison, subgroup, exposure, reading, window))
                body.append([Cell(window, "level", head=True), *numbers(*cells, p_text(p_value))])
        name = study.covariate(subgroup).label or subgroup
        notes = ["A set is at the level of its case. P for interaction: Cochran's Q over the levels."]
        yield Table(f"By {name.lower()}: {label(comparison)}", top, body, notes)


def discordance(study: Study, rows: Sequence[Row]) -> Table:
    """How many sets tell of each exposure, in each comparison."""
    columns = ("n_sets", "n_discordant_sets", "n_sets_all_exposed", "n_sets_none_exposed")
    top = head("Exposure, window", "Comparison", "Sets", "Discordant", "All exposed", "Nobody exposed", numbers_from=2)
    body = [
        [
            Cell(f"{exposure_label(study, row['exposure'])}, {row['window']}", "level", head=True),
            Cell(label(row["comparison"])),
            *numbers(*(count_text(row, name) for name in columns)),
        ]
        for row in rows
        if row["window"] in study.windows
    ]
    return Table("Sets that tell of an exposure", top, body)
