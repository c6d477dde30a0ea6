"""Events and person-time added up by group and stratum, from rows of persons or of tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault
from equipoise.estimators.count_rows import Source, source
from equipoise.estimators.table import Table, label

ALL = ("all",)
Label = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The distinct combinations of some columns, in their order, and each row's position among them."""

    names: tuple[str, ...]
    labels: tuple[Label, ...]
    code: np.ndarray


@dataclass(frozen=True, slots=True)
class RateCells:
    """Events and person-time, float64 (groups, strata), with the labels of both."""

    groups: Keys
    strata: Keys
    events: np.ndarray
    person_time: np.ndarray
    frame_kind: str


def rate_cells(
    data: Any, events: Any, person_time: Any, by: str | Sequence[str] | None, strata: str | Sequence[str] | None
) -> RateCells:
    """Add up; negative person-time and counts that are not whole are refused, as are missing values."""
    rows = source(data)
    own = rows.analysis_set
    if own is not None:
        events = own.event > 0 if events is None else events
        person_time = np.asarray(own.stop, np.float64) - own.start if person_time is None else person_time
    d = rows.counts(events, "events")
    t = rows.positive(person_time, "person_time", zero=True)
    groups, within = keys(rows, by), keys(rows, strata)
    shape = (len(groups.labels), len(within.labels))
    cell = groups.code * shape[1] + within.code
    size = shape[0] * shape[1]
    return RateCells(
        groups,
        within,
        np.bincount(cell, d, size).reshape(shape),
        np.bincount(cell, t, size).reshape(shape),
        rows.frame_kind,
    )


def keys(rows: Source, names: str | Sequence[str] | None) -> Keys:
    """The combinations of the named columns that occur, in the order of their levels; one for all without names."""
    names = () if names is None else (names,) if isinstance(names, str) else tuple(names)
    if not names:
        return Keys((), (ALL,), np.zeros(len(rows), np.int64))
    columns = [_levels(rows, name) for name in names]
    code = np.zeros(len(rows), np.int64)
    for levels, at in columns:
        code = code * max(len(levels), 1) + at
    present, compact = np.unique(code, return_inverse=True)
    labels = []
    for value in present.tolist():
        parts = []
        for levels, _ in reversed(columns):
            value, k = divmod(value, max(len(levels), 1))
            parts.append(levels[k])
        labels.append(tuple(reversed(parts)))
    return Keys(names, tuple(labels), compact.astype(np.int64))


def matched(given: Any, strata: Keys, role: str, column: str) -> np.ndarray:
    """A number for each stratum (S,), from a mapping by label or a frame with the strata's columns and `column`.

    A stratum without a number is an error. Numbers for strata that the data do not have are an error, too, where they
    are not zero: leaving them out would change the standard.
    """
    numbers = _by_label(given, strata, role, column)
    absent = sum(labels not in numbers for labels in strata.labels)
    if absent:
        raise DesignError(Fault(role, f"no number for {absent:,} of {len(strata.labels):,} strata", "every stratum"))
    present = set(strata.labels)
    unused = sum(key not in present and value != 0.0 for key, value in numbers.items())
    if unused:
        raise DesignError(Fault(role, f"{unused:,} strata that are not in the data", "strata of the data"))
    values = np.array([numbers[labels] for labels in strata.labels], np.float64)
    if not (np.isfinite(values) & (values >= 0.0)).all():
        raise DesignError(Fault(role, "numbers that are negative, missing or infinite", "zero or more"))
    return values


def _by_label(given: Any, strata: Keys, role: str, column: str) -> dict[Label, float]:
    if isinstance(given, Mapping) and len(strata.names) == 1 and strata.names[0] not in given:
        return {(key,): float(value) for key, value in given.items()}
    rows = source(given)
    if not isinstance(rows.data, Table):
        raise DesignError(Fault(role, f"a {type(given).__name__}", f"a mapping, or a frame with {column!r}"))
    theirs = keys(rows, strata.names)
    if len(theirs.labels) != len(rows):
        raise DesignError(Fault(role, "a stratum appears in several rows", "one row a stratum"))
    values = rows.numbers(column, role)
    return {theirs.labels[k]: float(v) for k, v in zip(theirs.code.tolist(), values.tolist(), strict=True)}


def _levels(rows: Source, name: str) -> tuple[list[Any], np.ndarray]:
    data = rows.data
    if isinstance(data, Table):
        data.require([name])
        levels, code = data.levels(name)
        if levels is not None:
            return levels, code
        if not data.frame[name].dtype.is_numeric():
            raise DesignError(Fault(f"column {label(name)}", f"type {data.frame[name].dtype}", "levels or numbers"))
        values, code = np.unique(np.asarray(data.frame[name].to_numpy()), return_inverse=True)
        return values.tolist(), code
    if not isinstance(data, AnalysisSet):
        raise DesignError(Fault("by", label(name), "names of columns are for frames and analysis sets"))
    values, code = np.unique(
        data.arm if name == "arm" and data.arm is not None else data.column(name), return_inverse=True
    )
    return values.tolist(), code
