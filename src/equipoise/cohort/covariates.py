"""Covariates of persons on their index dates, from declarations alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from equipoise.cohort.last_records import MISSING, ValueDays, last_level, last_value
from equipoise.cohort.people import EventDays, People, person_day_key
from equipoise.cohort.time import EARLIEST, birthday, calendar_year, shifted, years_between
from equipoise.spec.covariates import (
    AgeCovariate,
    CategoryCovariate,
    CountCovariate,
    Covariate,
    EventCovariate,
    MeasurementCovariate,
)

UNKNOWN = "unknown"  # level of a characteristic of whom it is not recorded


@dataclass(frozen=True, slots=True)
class IndexRows:
    """Persons on index dates, one row each: person int64 (r,) codes, day int32 (r,)."""

    person: np.ndarray
    day: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True)
class CovariateValues:
    """One covariate on r rows: float64 values (r,), or int32 codes (r,) into `levels` with a reference level.

    A missing value is NaN, a missing level -1.
    """

    name: str
    label: str
    values: np.ndarray
    levels: tuple[str, ...] = ()
    reference: str | None = None

    @property
    def numeric(self) -> bool:
        return not self.levels

    @property
    def missing(self) -> np.ndarray:
        """Rows without a value, bool (r,)."""
        return np.isnan(self.values) if self.numeric else self.values < 0

    def where(self, rows: np.ndarray) -> "CovariateValues":
        """The covariate on the rows where `rows` (bool) is true."""
        return replace(self, values=self.values[rows])


def covariate_values(
    covariate: Covariate, people: People, rows: IndexRows, records: Mapping[str, EventDays | ValueDays]
) -> CovariateValues:
    """Evaluate one declared covariate. Records on the index date itself count only where its window says so.

    `records` by concept set: values by day for a measurement, days with a record for all others.
    """
    label = covariate.label or covariate.name
    if isinstance(covariate, AgeCovariate):
        return _age(covariate, label, people, rows)
    if isinstance(covariate, MeasurementCovariate):
        measured, window = records[covariate.concept_set], covariate.window
        assert isinstance(measured, ValueDays)
        last = last_value(measured, rows.person, rows.day, window.first_day, window.last_day)
        return CovariateValues(covariate.name, f"{label} ({covariate.unit})", last)
    if isinstance(covariate, CategoryCovariate):
        return _category(covariate, label, rows, records)
    if isinstance(covariate, EventCovariate | CountCovariate):
        window, found = covariate.window, records[covariate.concept_set]
        assert isinstance(found, EventDays)
        n_days = days_in_window(found, rows, window.first_day, window.last_day)
        if isinstance(covariate, CountCovariate):
            return CovariateValues(covariate.name, label, n_days.astype(np.float64))
        met = (n_days >= covariate.at_least).astype(np.int32)
        return CovariateValues(covariate.name, label, met, ("no", "yes"), "no")
    if covariate.kind == "calendar_year":
        return CovariateValues(covariate.name, label, calendar_year(rows.day).astype(np.float64))
    if covariate.kind == "birth_year":
        return CovariateValues(covariate.name, label, people.birth_year[rows.person].astype(np.float64))
    made = characteristic(people, rows, covariate.kind, covariate.name, label, covariate.reference)
    return _known_only(made, covariate.reference) if covariate.unknown == "missing" else made


def _known_only(found: CovariateValues, reference: str | None) -> CovariateValues:
    """A characteristic whose level `unknown` is a missing value."""
    if UNKNOWN not in found.levels:
        return found
    at = found.levels.index(UNKNOWN)
    codes = np.where(found.values == at, MISSING, found.values - (found.values > at)).astype(np.int32)
    levels = tuple(level for level in found.levels if level != UNKNOWN) or (UNKNOWN,)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    return replace(found, values=codes, levels=levels, reference=reference or levels[int(np.argmax(counts))])


def _category(
    covariate: CategoryCovariate, label: str, rows: IndexRows, records: Mapping[str, EventDays | ValueDays]
) -> CovariateValues:
    days = [found for level in covariate.levels if isinstance(found := records[level.concept_set], EventDays)]
    codes = last_level(days, rows.person, rows.day, covariate.window.first_day, covariate.window.last_day)
    levels = tuple(level.name for level in covariate.levels)
    return CovariateValues(covariate.name, label, codes, levels, covariate.reference or levels[0])


def age_at(people: People, rows: IndexRows) -> np.ndarray:
    """Age in years of 365.25 days on the index date: float64 (r,)."""
    return years_between(people.birth_day[rows.person], rows.day)


def characteristic(
    people: People, rows: IndexRows, kind: str, name: str, label: str, reference: str | None = None
) -> CovariateValues:
    """A fixed characteristic with only the levels that occur; the most frequent one is the default reference."""
    factor = people.characteristics[kind]
    codes = factor.codes[rows.person]
    counts = np.bincount(codes, minlength=len(factor.levels))
    present = np.flatnonzero(counts)
    renumbered = np.searchsorted(present, codes).astype(np.int32)
    levels = tuple(factor.levels[i] for i in present)
    if reference is None and len(present):
        reference = levels[int(np.argmax(counts[present]))]
    return CovariateValues(name, label, renumbered, levels or ("unknown",), reference)


def days_in_window(records: EventDays, rows: IndexRows, first_day: int | None, last_day: int) -> np.ndarray:
    """Distinct days with a record from `first_day` (None: ever) to `last_day` relative to the index: int64 (r,)."""
    earliest = np.full(len(rows), EARLIEST) if first_day is None else shifted(rows.day, first_day)
    keys = person_day_key(records.person, records.days)
    end = np.searchsorted(keys, person_day_key(rows.person, shifted(rows.day, last_day)), side="right")
    return end - np.searchsorted(keys, person_day_key(rows.person, earliest), side="left")


def _age(covariate: AgeCovariate, label: str, people: People, rows: IndexRows) -> CovariateValues:
    if not covariate.groups_from:
        return CovariateValues(covariate.name, label, age_at(people, rows))
    born = people.birth_day[rows.person]
    codes = np.zeros(len(rows.day), np.int32)
    for age in covariate.groups_from:
        codes += rows.day >= birthday(born, age)
    return CovariateValues(covariate.name, label, codes, covariate.levels, covariate.reference or covariate.levels[0])
