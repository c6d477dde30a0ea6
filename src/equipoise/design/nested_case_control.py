"""The nested case-control design: matched sets and dispensing records become one `AnalysisSet`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from equipoise.analysis_set import AnalysisSet, Attrition, Column
from equipoise.cohort.covariates import CovariateValues, IndexRows, characteristic
from equipoise.cohort.people import People
from equipoise.design.dispensings import UseOfRows
from equipoise.design.matched_sets import MatchedSets
from equipoise.design.readings import any_use_columns, initiation_columns, observable_columns
from equipoise.kernels.spans import span_at
from equipoise.spec.designs import NestedCaseControl
from equipoise.spec.windows import Window


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
            made += initiation_columns(
                use, windows, design.initiation_date == "qualifying", design.lag_dispensings == "ignore"
            )
    return made


def covariate_columns(covariates: Iterable[CovariateValues]) -> list[tuple[Column, np.ndarray]]:
    """Numeric covariates as they are; of categorical ones an indicator for each level but the reference.

    A missing value is NaN in every column of its covariate.
    """
    made = []
    for covariate in covariates:
        tags = (("covariate", covariate.name), ("label", covariate.label))
        if covariate.numeric:
            made.append((Column(covariate.name, "covariate", tags), covariate.values))
            continue
        for code, level in enumerate(covariate.levels):
            if level != covariate.reference:
                column = Column(f"{covariate.name}[{level}]", "covariate", (*tags, ("level", level)))
                made.append((column, np.where(covariate.missing, np.nan, covariate.values == code)))
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


def subgroup_columns(sets: MatchedSets, covariates: Iterable[CovariateValues]) -> list[tuple[Column, np.ndarray]]:
    """The level (code) of the case, for the whole set, of each covariate by which the analysis is repeated."""
    case = np.zeros(int(sets.matched_set.max()) + 1 if len(sets.matched_set) else 0, dtype=np.int64)
    case[sets.matched_set[sets.is_case]] = np.flatnonzero(sets.is_case)
    return level_columns(replace(item, values=item.values[case[sets.matched_set]]) for item in covariates)


def matching_columns(people: People, rows: IndexRows, kinds: Iterable[str]) -> list[tuple[Column, np.ndarray]]:
    """What makes sets alike, for the imputation of what is missing: birth year, calendar time, exact matches."""
    made: list[tuple[Column, np.ndarray]] = [
        (Column("matching | birth year", "matching"), people.birth_year[rows.person].astype(np.float64)),
        (Column("matching | index day", "matching"), rows.day.astype(np.float64)),
    ]
    for kind in kinds:
        found = characteristic(people, rows, kind, kind, kind)
        made += [
            (Column(f"matching | {kind}[{level}]", "matching"), found.values == code)
            for code, level in enumerate(found.levels)
            if level != found.reference
        ]
    return made


def level_columns(covariates: Iterable[CovariateValues]) -> list[tuple[Column, np.ndarray]]:
    """The level (code) of each covariate by which the analysis is repeated; -1, which is no level, where missing."""
    made = []
    for covariate in covariates:
        levels = tuple((f"level {code}", level) for code, level in enumerate(covariate.levels))
        column = Column(f"subgroup | {covariate.name}", "subgroup", (("subgroup", covariate.name), *levels))
        made.append((column, covariate.values))
    return made


def assemble_sets(
    sets: MatchedSets, columns: list[tuple[Column, np.ndarray]], attrition: tuple[Attrition, ...]
) -> AnalysisSet:
    """Rows of matched sets as an `AnalysisSet`: stratum = set, event = 1 for the case, time (0, 1] for everyone."""
    n = len(sets.person)
    size, probability = sets.risk_set_size[sets.matched_set], sets.inclusion_probability[sets.matched_set]
    columns = [
        *columns,
        (Column("sampling | risk set size", "sampling"), size),
        (Column("sampling | inclusion probability", "sampling"), probability),
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
