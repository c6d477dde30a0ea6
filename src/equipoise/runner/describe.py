"""The step that describes: matching, Table 1, exposure and co-exposure of an analysis, as rows of the result tables."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.cohort.covariates import CovariateValues, IndexRows, age_at, characteristic
from equipoise.cohort.people import People
from equipoise.cohort.time import calendar_year, years_between
from equipoise.data.source import Source
from equipoise.design.dispensings import UseOfRows
from equipoise.design.matched_sets import MatchedSets
from equipoise.design.nested_case_control import members
from equipoise.kernels.event_windows import ValueSums
from equipoise.kernels.spans import span_at
from equipoise.runner import summaries
from equipoise.runner.artifact import Artifact
from equipoise.runner.assembly import covariates, uses, visible_days
from equipoise.runner.estimate import is_reported, kept_rows
from equipoise.runner.missing_rows import missing_rows
from equipoise.runner.packing import unpack_analysis_set, unpack_people, unpack_sets
from equipoise.runner.protocol import Protocol, read_protocol
from equipoise.runner.summaries import percent
from equipoise.spec.windows import Window

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]


def description(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the tables sampling, matching, characteristics, exposure and coexposure."""
    protocol = read_protocol(subset)
    people = unpack_people(inputs["people"])
    every_set = unpack_sets(inputs["matched_sets"])
    sets = members(every_set)
    rows = IndexRows(sets.person, sets.index_day)
    visible_from = visible_days(people, sets, protocol)
    used = uses(inputs["records"], protocol, people, rows, visible_from)
    assembled = unpack_analysis_set(inputs["analysis_set"])
    adjusted_for = covariates(inputs["records"], protocol.covariates, people, rows)
    exposure = list(exposure_rows(assembled, protocol, used, visible_from))
    made = {
        "sampling": [sampling_row(every_set)],
        "matching": list(matching_rows(every_set)),
        "missingness": list(missing_rows({"cases": sets.is_case, "controls": ~sets.is_case}, adjusted_for)),
        "characteristics": list(characteristic_rows(sets, _described(protocol, people, rows, adjusted_for))),
        "exposure": exposure,
        "coexposure": list(coexposure_rows(assembled, protocol)),
    }
    key = {"analysis": subset["id"], "comparison": protocol.comparison}
    found = {name: [key | row for row in rows_made] for name, rows_made in made.items()}
    found["missingness"] = [row | {"exposure": None} for row in found["missingness"]]
    return Artifact({}, found)


def sampling_row(sets: MatchedSets) -> Row:
    """The drawing of controls in one row."""
    sizes = sets.risk_set_size
    controls = sets.person[~sets.is_case]
    some = len(sizes) > 0
    return {
        "n_cases": len(sizes),
        "n_cases_matched": int((sets.n_controls > 0).sum()),
        "n_cases_unmatched": int((sets.n_controls == 0).sum()),
        "n_controls": len(controls),
        "n_control_persons": len(np.unique(controls)),
        "mean_controls_per_case": float(sets.n_controls.mean()) if some else None,
        "risk_set_size_min": float(sizes.min()) if some else None,
        "risk_set_size_median": float(np.median(sizes)) if some else None,
        "risk_set_size_max": float(sizes.max()) if some else None,
        "mean_inclusion_probability": float(sets.inclusion_probability.mean()) if some else None,
    }


def matching_rows(sets: MatchedSets) -> Iterator[Row]:
    """Sets by number of controls, cases without any included."""
    for n_controls, n_sets in zip(*np.unique(sets.n_controls, return_counts=True), strict=True):
        yield {"controls_in_set": int(n_controls), "n_sets": int(n_sets)}


def _described(
    protocol: Protocol, people: People, rows: IndexRows, adjusted_for: list[CovariateValues]
) -> Iterator[CovariateValues]:
    """What Table 1 shows: age, sex, matching variables, calendar year, time observed, then the covariates."""
    names = {covariate.name for covariate in adjusted_for}
    if not names & {"age"}:
        yield CovariateValues("age", "Age on the index date (years)", age_at(people, rows))
    shown = ("sex",) if protocol.with_relatives else dict.fromkeys(("sex", *protocol.design.match_exact))
    for kind in shown:
        if kind not in names:
            yield characteristic(people, rows, kind, kind, kind.replace("_", " ").capitalize())
    yield CovariateValues("index year", "Calendar year of the index date", calendar_year(rows.day).astype(np.float64))
    at = span_at(people.observed, rows.person, rows.day)
    entry = people.observed.start[at] if len(at) else np.zeros(0, dtype=np.int32)
    observed = years_between(entry, rows.day)
    yield CovariateValues("observed", "Observed before the index date (years)", observed)
    yield from adjusted_for


def characteristic_rows(sets: MatchedSets, variables: Iterator[CovariateValues]) -> Iterator[Row]:
    """Table 1."""
    return summaries.characteristic_rows(("cases", "controls"), sets.is_case, variables)


def exposure_rows(
    people: AnalysisSet, protocol: Protocol, used: list[UseOfRows], visible_from: np.ndarray
) -> Iterator[Row]:
    """Exposed and unexposed among the rows that the estimate of the same window rests on."""
    uses_by_name = {use.exposure: use for use in used}
    names = list(protocol.windows)
    leave_out = protocol.design.unobservable == "leave_out"
    for column in (column for column in people.columns if column.role == "exposure"):
        window = column.tag("level") or ""
        inside = window in names
        if not inside and not is_reported(people, column):
            continue
        rows = kept_rows(people, column if inside and leave_out else None)
        use = uses_by_name[column.tag("exposure") or ""]
        row = _exposure_row(people, column, rows)
        if inside:
            row |= _intensity(people, column, rows, use, names.index(window))
            row |= _observed(people, rows, use, visible_from, protocol.windows[window])
        yield row
        if reference := _reference_row(people, column, rows):
            yield reference


def _exposure_row(people: AnalysisSet, column: Column, rows: np.ndarray) -> Row:
    return _level_row(people, column, rows, people.column(column.name) == 1, column.tag("target"))


def _reference_row(people: AnalysisSet, column: Column, rows: np.ndarray) -> Row | None:
    """The persons at the reference level, where they are not simply all the others."""
    factor = [item for item in people.columns if item.role == "exposure" and _factor(item) == _factor(column)]
    if len(factor) == 1:
        return None
    elsewhere = np.any([people.column(item.name) == 1 for item in factor], axis=0)
    return _level_row(people, column, rows, ~elsewhere, column.tag("reference"))


def _factor(column: Column) -> tuple[str | None, ...]:
    return tuple(column.tag(name) for name in ("exposure", "reading", "factor"))


def _level_row(people: AnalysisSet, column: Column, rows: np.ndarray, exposed: np.ndarray, level: str | None) -> Row:
    row: Row = {
        "exposure": column.tag("exposure"),
        "window": column.tag("level"),
        "reading": column.tag("reading"),
        "factor": column.tag("factor"),
        "level": level,
    }
    for who, group in _groups(people).items():
        n, n_exposed = int((group & rows).sum()), int((group & rows & exposed).sum())
        row |= {
            f"n_{who}": n,
            f"n_exposed_{who}": n_exposed,
            f"n_unexposed_{who}": n - n_exposed,
            f"percent_exposed_{who}": percent(n_exposed, n),
            f"n_{who}_not_observable": int((group & ~rows).sum()),
        }
    return row


def _groups(people: AnalysisSet) -> dict[str, np.ndarray]:
    return {"cases": people.event == 1, "controls": people.event == 0}


def _intensity(people: AnalysisSet, column: Column, rows: np.ndarray, use: UseOfRows, position: int) -> Row:
    """Mean numbers of dispensings, days supplied and dose in the window, among the exposed."""
    exposed = rows & (people.column(column.name) == 1)
    row: Row = {"dose_unit": "mg"}
    for who, group in _groups(people).items():
        chosen = exposed & group
        n_days = use.counted.days[chosen, position]
        row[f"mean_dispensings_{who}"] = float(n_days.mean()) if len(n_days) else None
        for name, amount in (("days_supplied", "days_supply"), ("dose", "dose")):
            row[f"mean_{name}_{who}"] = _mean_known(use.counted.sums[amount], chosen, position, n_days)
    return row


def _mean_known(sums: ValueSums, chosen: np.ndarray, position: int, n_days: np.ndarray) -> float | None:
    """Mean total; None unless every dispensing has a value, because the known ones need not be like the others."""
    complete = len(n_days) and bool((sums.known[chosen, position] == n_days).all())
    return float(sums.total[chosen, position].mean()) if complete else None


def _observed(people: AnalysisSet, rows: np.ndarray, use: UseOfRows, visible_from: np.ndarray, window: Window) -> Row:
    """Median days of the window in which exposure could be seen: how far a window without a far end really reaches."""
    index_day = use.index_day.astype(np.int64)
    first = visible_from.astype(np.int64)
    if window.first_day is not None:
        first = np.maximum(first, index_day + window.first_day)
    days = np.maximum(index_day + window.last_day - first + 1, 0)
    return {
        f"median_days_observed_{who}": float(np.median(days[rows & group])) if (rows & group).any() else None
        for who, group in _groups(people).items()
    }


def coexposure_rows(people: AnalysisSet, protocol: Protocol) -> Iterator[Row]:
    """For every pair of exposures and window: how many of those with the first have the second too (any use)."""
    if "any_use" not in protocol.design.readings:
        return
    every_row = np.ones(len(people), dtype=bool)
    for window in protocol.windows:
        for first in protocol.exposures:
            for second in protocol.exposures:
                if first != second:
                    yield _coexposure_row(people, every_row, window, first, second, protocol)


def _coexposure_row(
    people: AnalysisSet, every_row: np.ndarray, window: str, first: str, second: str, protocol: Protocol
) -> Row:
    one, other = (people.column(f"{name} | any_use | {window}") == 1 for name in (first, second))
    leave_out = protocol.design.unobservable == "leave_out"
    column = next(item for item in people.columns if item.name == f"{first} | any_use | {window}")
    rows = kept_rows(people, column) if leave_out else every_row
    row: Row = {"exposure": first, "other_exposure": second, "window": window}
    for who, group in _groups(people).items():
        exposed, both = int((rows & group & one).sum()), int((rows & group & one & other).sum())
        row |= {f"n_exposed_{who}": exposed, f"n_{who}_both": both, f"percent_{who}_both": percent(both, exposed)}
    return row
