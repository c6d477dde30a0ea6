"""The nested case-control design: matched sets and dispensing records become one `AnalysisSet`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from equipoise.analysis_set import AnalysisSet, Attrition, Column
from equipoise.cohort.covariates import CovariateValues, IndexRows
from equipoise.cohort.people import People
from equipoise.design.matched_sets import MatchedSets
from equipoise.design.readings import UseOfRows, any_use_columns, initiation_columns, observable_columns
from equipoise.kernels.event_windows import UNBOUNDED, count_event_windows
from equipoise.kernels.spans import span_at
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.exposures import Exposure
from equipoise.spec.windows import Window


@dataclass(frozen=True, slots=True)
class Dispensings:
    """Distinct dispensing days of one exposure, ascending within a person, with amounts added up within a day.

    offsets int64 (n_persons + 1,); day int32 (d,); `amounts` by name float64 (d,), NaN where not recorded.
    """

    offsets: np.ndarray
    day: np.ndarray
    amounts: Mapping[str, np.ndarray]


def distinct_dispensings(
    people: People, person_id: np.ndarray, day: np.ndarray, amounts: Mapping[str, np.ndarray]
) -> Dispensings:
    """Collapse dispensing rows (any order) to distinct days of each person; unknown persons are left out."""
    codes = people.codes_of(person_id)
    order = np.lexsort((day, codes))
    order = order[codes[order] >= 0]
    codes, day = codes[order], np.asarray(day, dtype=np.int32)[order]
    fresh = np.ones(len(codes), dtype=bool)
    fresh[1:] = (codes[1:] != codes[:-1]) | (day[1:] != day[:-1])
    group = np.cumsum(fresh) - 1
    offsets = np.zeros(len(people) + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes[fresh], minlength=len(people)), out=offsets[1:])
    summed = {name: _sum_known(values[order], group, int(fresh.sum())) for name, values in amounts.items()}
    return Dispensings(offsets, day[fresh], summed)


def _sum_known(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum of the known values of each group, NaN where none is known: float64 (n_groups,)."""
    known = ~np.isnan(values)
    total = np.bincount(group[known], weights=values[known], minlength=n_groups)
    return np.where(np.bincount(group[known], minlength=n_groups) > 0, total, np.nan)


def use_of_rows(
    name: str,
    exposure: Exposure,
    dispensings: Dispensings,
    rows: IndexRows,
    observable_from: np.ndarray,
    windows: Mapping[str, Window],
    run_in: int,
) -> UseOfRows:
    """Count one exposure on every row in all windows at once."""
    counted = count_event_windows(
        dispensings.offsets[rows.person],
        dispensings.offsets[rows.person + 1],
        dispensings.day,
        rows.day,
        observable_from,
        lo=[UNBOUNDED if window.first_day is None else window.first_day for window in windows.values()],
        hi=[window.last_day for window in windows.values()],
        k=exposure.min_dispensings,
        run_in=run_in,
        values=dispensings.amounts,
    )
    return UseOfRows(name, exposure.min_dispensings, counted, rows.day)


def observable_from(people: People, rows: IndexRows, recording_from: int | None) -> np.ndarray:
    """First day on which a person's dispensings can be seen before the index date: int32 (r,).

    The later of the start of drug recording and the start of the observation span that holds the index date.
    """
    at = span_at(people.observed, rows.person, rows.day)
    entry = people.observed.start[at] if len(at) else np.zeros(0, dtype=np.int32)
    return entry if recording_from is None else np.maximum(entry, np.int32(recording_from))


def members(sets: MatchedSets) -> MatchedSets:
    """The rows of sets that have a control; a case alone leaves the likelihood. Numbers of sets stay as they are."""
    keep = (sets.n_controls > 0)[sets.matched_set]
    return replace(
        sets,
        matched_set=sets.matched_set[keep],
        person=sets.person[keep],
        is_case=sets.is_case[keep],
        index_day=sets.index_day[keep],
    )


def exposure_columns(
    design: NestedCaseControl, windows: Mapping[str, Window], uses: Iterable[UseOfRows]
) -> list[tuple[Column, np.ndarray]]:
    """The columns of every exposure in every reading the design asks for."""
    made: list[tuple[Column, np.ndarray]] = []
    for use in uses:
        if "any_use" in design.readings:
            made += any_use_columns(use, windows, design.any_use_reference)
        if "initiation" in design.readings:
            made += initiation_columns(use, windows, design.initiation_date == "qualifying")
    return made


def covariate_columns(covariates: Iterable[CovariateValues]) -> list[tuple[Column, np.ndarray]]:
    """Numeric covariates as they are; of categorical ones an indicator for each level but the reference."""
    made = []
    for covariate in covariates:
        tags = (("covariate", covariate.name), ("label", covariate.label))
        if covariate.numeric:
            made.append((Column(covariate.name, "covariate", tags), covariate.values))
            continue
        for code, level in enumerate(covariate.levels):
            if level != covariate.reference:
                column = Column(f"{covariate.name}[{level}]", "covariate", (*tags, ("level", level)))
                made.append((column, covariate.values == code))
    return made


def interaction_columns(
    made: list[tuple[Column, np.ndarray]], pairs: Iterable[tuple[str, str]]
) -> list[tuple[Column, np.ndarray]]:
    """Products of the columns of each pair of covariates."""
    products = []
    for first, second in pairs:
        for left, a in (item for item in made if item[0].tag("covariate") == first):
            for right, b in (item for item in made if item[0].tag("covariate") == second):
                tags = (("covariate", f"{first} x {second}"),)
                products.append((Column(f"{left.name}:{right.name}", "interaction", tags), a * b))
    return products


def assemble_sets(
    sets: MatchedSets, columns: list[tuple[Column, np.ndarray]], attrition: tuple[Attrition, ...]
) -> AnalysisSet:
    """Rows of matched sets as an `AnalysisSet`: stratum = set, event = 1 for the case, time (0, 1] for everyone."""
    n = len(sets.person)
    size, probability = sets.risk_set_size[sets.matched_set], sets.inclusion_probability[sets.matched_set]
    columns = [
        *columns,
        (Column("risk set size", "sampling"), size),
        (Column("inclusion probability", "sampling"), probability),
    ]
    x = np.empty((n, len(columns)), dtype=np.float64)
    for position, (_, values) in enumerate(columns):
        x[:, position] = values
    _, person = np.unique(sets.person, return_inverse=True)
    return AnalysisSet(
        person=person.astype(np.int64),
        event=sets.is_case.astype(np.int8),
        start=np.zeros(n, dtype=np.int32),
        stop=np.ones(n, dtype=np.int32),
        weight=np.ones(n),
        x=x,
        columns=tuple(column for column, _ in columns),
        stratum=sets.matched_set,
        attrition=attrition,
    )


def observability(
    design: NestedCaseControl, windows: Mapping[str, Window], first_day: np.ndarray, index_day: np.ndarray
) -> list[tuple[Column, np.ndarray]]:
    """Columns that say which rows are observable over which window, for each reading of the design."""
    return list(observable_columns(windows, first_day, index_day, design.readings, design.run_in_days))
