"""Thousands of covariates of persons on their index dates, as a sparse matrix: `covariates_at_scale`.

What is recorded of a person in stated windows before time zero, one column a concept and window, without choosing among
them. A window cannot hold the index date or a day after it, so nothing that follows time zero becomes a covariate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from scipy import sparse

from equipoise.analysis_set import Column
from equipoise.cohort.covariates import IndexRows, age_at, days_in_window
from equipoise.cohort.people import People, event_days
from equipoise.cohort.time import calendar_year
from equipoise.data.concept_days import LEVELS, DayWindow, Level, concept_days, concept_names
from equipoise.data.concepts import resolve
from equipoise.data.events import extract_events
from equipoise.data.source import Source
from equipoise.errors import DesignError, Fault
from equipoise.kernels.sparse_records import compressed_columns
from equipoise.knowledge.charlson import charlson_comorbidities, charlson_index
from equipoise.spec.concepts import Domain
from equipoise.spec.windows import Window

DOMAINS: tuple[Domain, ...] = ("condition", "drug", "procedure", "measurement", "observation", "visit")
MONTH, YEAR = Window(days_before=(0, 30)), Window(days_before=(0, 365))
CHARACTERISTICS = ("sex", "race", "ethnicity")
AGE_GROUP = 5
EVER = DayWindow(None, -1)


@dataclass(frozen=True, slots=True)
class RecordedCovariates:
    """One domain at one level, in windows before the index date: a column for each concept and window.

    level   "concept", the record's own; "ancestors", all above it as well; of drugs "ingredient" or "atc" classes
    counts  the number of days with a record in place of whether there is any
    """

    domain: Domain
    level: Level = "concept"
    windows: tuple[Window, ...] = (MONTH, YEAR)
    counts: bool = False

    def __post_init__(self) -> None:
        faults = []
        if self.domain not in DOMAINS:
            faults.append(Fault("domain", repr(self.domain), ", ".join(DOMAINS)))
        if self.level not in LEVELS:
            faults.append(Fault("level", repr(self.level), ", ".join(LEVELS)))
        if self.level in ("ingredient", "atc") and self.domain != "drug":
            faults.append(Fault("level", f"{self.level!r} of {self.domain}s", "classes of drugs"))
        if not self.windows:
            faults.append(Fault("windows", "none", "at least one window before the index date"))
        if faults:
            raise DesignError(faults)


USUAL = (
    RecordedCovariates("condition"),
    RecordedCovariates("drug", "ingredient"),
    RecordedCovariates("drug", "atc", (YEAR,)),
    RecordedCovariates("procedure"),
    RecordedCovariates("measurement"),
    RecordedCovariates("observation", windows=(YEAR,)),
    RecordedCovariates("visit", windows=(YEAR,), counts=True),
)


@dataclass(frozen=True, slots=True, eq=False)
class SparseCovariates:
    """x float64 CSC (r, p) with its columns described; `rare` is how many were left out for too few persons."""

    x: sparse.csc_array
    columns: tuple[Column, ...]
    rare: int = 0
    warnings: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def covariates_at_scale(
    source: Source,
    people: People,
    rows: IndexRows,
    *,
    recorded: Sequence[RecordedCovariates] = USUAL,
    demographics: bool = True,
    charlson: bool = True,
    exclude: Iterable[int] = (),
    at_least: int = 100,
) -> SparseCovariates:
    """What the database records of persons before their index dates, one column each.

    source, people  the database and its persons
    rows            persons on index dates, r of them, in the order that the matrix keeps
    recorded        domains, levels and windows
    demographics    age in groups of five years, sex, race, ethnicity and calendar year of the index date; the most
                    frequent level of each has no column
    charlson        comorbidities of the Charlson index at any time before, by ICD-10 source code, and the index itself
    exclude         concepts that become no column, such as the drugs that are compared
    at_least        columns that fewer rows have are left out and counted (`rare`); demographics and the index stay

    Returns `SparseCovariates`: columns in the order of what was asked for, then of concept and window, whose tags say
    domain, level, concept_id, first_day and last_day. Time grows with the records that lie in a window.
    """
    if at_least < 0:
        raise DesignError(Fault("at_least", repr(at_least), "a number of rows, 0 or more"))
    parts: list[SparseCovariates] = []
    if demographics:
        parts.append(_demographics(people, rows))
    if charlson:
        parts.append(_charlson(source, people, rows, at_least))
    if recorded:
        relation = source.upload(
            pa.table(
                {
                    "row": pa.array(np.arange(len(rows), dtype=np.int32)),
                    "person_id": pa.array(people.person_id[rows.person], pa.int64()),
                    "index_day": pa.array(rows.day, pa.int32()),
                }
            )
        )
        left_out = frozenset(exclude)
        for asked in recorded:
            windows = [DayWindow(window.first_day, window.last_day) for window in asked.windows]
            found = concept_days(source, asked.domain, relation, windows, asked.level)
            parts.append(_recorded(source, asked, windows, found, len(rows), left_out, at_least))
    return _joined(parts, len(rows))


def sparse_covariates(
    row: np.ndarray,
    covariate: np.ndarray,
    value: np.ndarray | None = None,
    *,
    n_rows: int,
    n_covariates: int,
    adds: bool = False,
) -> sparse.csc_array:
    """Long records to a matrix: CSC float64 (n_rows, n_covariates), rows ascending within a column, each place once.

    row, covariate  integers (n,) from 0
    value           float64 (n,), by default 1 each; records at one place are one, of the largest value, or are added

    Raises DesignError for columns of unequal length and codes out of range.

    >>> sparse_covariates(np.array([2, 0, 2]), np.array([1, 0, 1]), n_rows=3, n_covariates=2).toarray().tolist()
    [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """
    row, covariate = np.asarray(row), np.asarray(covariate)
    value = np.ones(len(row)) if value is None else np.asarray(value, np.float64)
    if not len(row) == len(covariate) == len(value):
        raise DesignError(Fault("records", f"{len(row)}, {len(covariate)} and {len(value)} values", "as many of each"))
    for name, codes, n in (("row", row, n_rows), ("covariate", covariate, n_covariates)):
        if len(codes) and not (codes.min() >= 0 and codes.max() < n):
            raise DesignError(Fault(name, "codes out of range", f"0 to {n - 1}"))
    row, covariate = row.astype(np.int32, copy=False), covariate.astype(np.int32, copy=False)
    indptr, indices, data = compressed_columns(row, covariate, value, n_rows, n_covariates, adds)
    return sparse.csc_array((data, indices, indptr), shape=(n_rows, n_covariates))


def _recorded(
    source: Source,
    asked: RecordedCovariates,
    windows: Sequence[DayWindow],
    found: pa.Table,
    n_rows: int,
    left_out: frozenset[int],
    at_least: int,
) -> SparseCovariates:
    concepts, code = _coded(found["concept_id"])
    row, offset = found["row"].to_numpy(), found["offset"].to_numpy()
    if asked.counts:
        row, code, offset = _each_day_once(row, code, offset)
    parts = []
    for window in windows:
        inside = offset <= window.last
        if window.first is not None:
            inside &= offset >= window.first
        whole = bool(inside.all())  # of one window it is, and millions of records need no copy
        one = (row, code) if whole else (row[inside], code[inside])
        parts.append(sparse_covariates(*one, n_rows=n_rows, n_covariates=len(concepts), adds=asked.counts))
    rows_with = np.array([np.diff(part.indptr) for part in parts]).reshape(len(windows), len(concepts))
    wanted = (rows_with > 0) & ~np.isin(concepts, sorted(left_out))
    kept = wanted & (rows_with >= at_least)
    names = concept_names(source, frozenset(concepts[kept.any(axis=0)].tolist()))
    at = [(j, k) for j in range(len(concepts)) for k in range(len(windows)) if kept[k, j]]
    columns = tuple(_column(asked, windows[k], int(concepts[j]), names) for j, k in at)
    whole = sparse.hstack(parts, format="csc") if parts else sparse.csc_array((n_rows, 0))
    x = whole[:, [k * len(concepts) + j for j, k in at]]
    return SparseCovariates(sparse.csc_array(x), columns, int((wanted & ~kept).sum()))


def _each_day_once(row: np.ndarray, code: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Records without repetition, each int32 (k,)."""
    order = np.lexsort((offset, code, row))
    row, code, offset = row[order], code[order], offset[order]
    fresh = np.ones(len(row), bool)
    fresh[1:] = (row[1:] != row[:-1]) | (code[1:] != code[:-1]) | (offset[1:] != offset[:-1])
    return row[fresh], code[fresh], offset[fresh]


def _coded(concept_ids: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Concepts in ascending order, int64 (p,), and the place of each record's among them, int32 (n,)."""
    coded = concept_ids.combine_chunks().dictionary_encode()
    found = coded.dictionary.to_numpy()
    order = np.argsort(found)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return found[order], place[coded.indices.to_numpy()]


def _column(asked: RecordedCovariates, window: DayWindow, concept: int, names: dict[int, str]) -> Column:
    level = "" if asked.level == "concept" else f" {asked.level}"
    said = f"{asked.domain}{level} {concept} {names.get(concept, '')}".rstrip()
    kind = "days with a record" if asked.counts else "recorded"
    tags = (
        ("domain", asked.domain),
        ("level", asked.level),
        ("concept_id", str(concept)),
        ("first_day", "" if window.first is None else str(window.first)),
        ("last_day", str(window.last)),
    )
    return Column(f"{said}, {kind} in {window.said}", "covariate", tags)


def _demographics(people: People, rows: IndexRows) -> SparseCovariates:
    groups = np.floor(age_at(people, rows) / AGE_GROUP).astype(np.int64) * AGE_GROUP
    age = np.where(people.birth_known[rows.person], groups, -AGE_GROUP)
    lowest = np.unique(age)
    parts = [_levels("age", age, {low: f"{low} to {low + AGE_GROUP - 1}" if low >= 0 else "unknown" for low in lowest})]
    for name in CHARACTERISTICS:
        factor = people.characteristics[name]
        parts.append(_levels(name, factor.codes[rows.person], dict(enumerate(factor.levels))))
    year = calendar_year(rows.day)
    parts.append(_levels("year of index date", year, {value: str(value) for value in np.unique(year)}))
    return _joined(parts, len(rows))


def _levels(name: str, codes: np.ndarray, said: Mapping[int, str]) -> SparseCovariates:
    """A column for every level but the most frequent one."""
    levels, at, count = np.unique(codes, return_inverse=True, return_counts=True)
    others = np.delete(np.arange(len(levels)), int(np.argmax(count)))
    x = sparse_covariates(np.arange(len(codes)), at, n_rows=len(codes), n_covariates=len(levels))
    columns = tuple(Column(f"{name} {said[levels[j]]}", "covariate", (("domain", "demographics"),)) for j in others)
    return SparseCovariates(sparse.csc_array(x[:, others]), columns)


def _charlson(source: Source, people: People, rows: IndexRows, at_least: int) -> SparseCovariates:
    persons = pa.array(people.person_id[np.unique(rows.person)], pa.int64())
    has: dict[str, np.ndarray] = {}
    for one in charlson_comorbidities():
        found = extract_events(source, resolve(source, one.name, one.concept_set), persons)
        days = event_days(people, found["person_id"].to_numpy(), found["day"].to_numpy())
        has[one.name] = days_in_window(days, rows, EVER.first, EVER.last) > 0
    kept = [name for name, some in has.items() if some.sum() >= max(at_least, 1)]
    columns = [*(has[name].astype(np.float64) for name in kept), charlson_index(has)]
    names = [*(f"Charlson comorbidity: {name}, recorded in {EVER.said}" for name in kept), "Charlson index"]
    rare = sum(0 < some.sum() < at_least for some in has.values())
    warning = () if any(some.any() for some in has.values()) else ("no condition has an ICD-10 code of a comorbidity",)
    x = sparse.csc_array(np.column_stack(columns))
    described = tuple(Column(name, "covariate", (("domain", "charlson"),)) for name in names)
    return SparseCovariates(x, described, int(rare), warning)


def _joined(parts: Sequence[SparseCovariates], n_rows: int) -> SparseCovariates:
    if not parts:
        return SparseCovariates(sparse.csc_array((n_rows, 0)), ())
    return SparseCovariates(
        sparse.csc_array(sparse.hstack([part.x for part in parts], format="csc")),
        tuple(column for part in parts for column in part.columns),
        sum(part.rare for part in parts),
        tuple(warning for part in parts for warning in part.warnings),
    )
