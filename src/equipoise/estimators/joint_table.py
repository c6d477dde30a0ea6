"""From two tables, measurements and follow-up, to checked arrays with persons in one order."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.model_frame import as_table
from equipoise.estimators.table import Table, codes_of, label


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns: of both tables `person`; of the measurements, then of the follow-up."""

    person: str
    outcome: str
    measured_at: str
    time: str
    event: str
    entry: str | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One row a person, n of them: time and entry float64, cause int64 (0 without an event)."""

    table: Table
    time: np.ndarray
    entry: np.ndarray
    cause: np.ndarray


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements sorted by person: y and time (N,), start (n + 1,), and the given row at each place, (N,)."""

    table: Table
    y: np.ndarray
    time: np.ndarray
    start: np.ndarray
    order: np.ndarray


def table_of(data: Any, name: str) -> Table:
    """A data frame, an AnalysisSet or a dict of arrays as a table."""
    if isinstance(data, AnalysisSet):
        data = _frame_of(data)
    elif isinstance(data, dict):
        data = pd.DataFrame({key: np.asarray(values) for key, values in data.items()})
    table = as_table(data)
    if table is None:
        raise DesignError(Fault(name, f"type {type(data).__name__}", "a data frame, a dict of arrays, an AnalysisSet"))
    return table


def _frame_of(data: AnalysisSet) -> pd.DataFrame:
    if (data.weight != 1.0).any():
        raise UnsupportedError(Fault("AnalysisSet.weight", "weights other than 1", "persons that count once each"))
    own = {"person": data.person, "event": data.event, "start": data.start, "stop": data.stop}
    return pd.DataFrame(own | {name: data.column(name) for name in data.names})


def person_labels(table: Table, name: str) -> np.ndarray | list[str]:
    """What tells persons apart, row by row: whole numbers as they are, else text."""
    series = table.frame[name]
    if series.dtype.is_integer():
        return np.asarray(series.to_numpy())
    return [str(value) for value in series.to_list()]


def read(measurements: Table, follow_up: Table, columns: Columns) -> tuple[Measured, FollowUp]:
    """Both tables with every person of the follow-up in its order."""
    measured_person, person = _codes(measurements, follow_up, columns.person)
    order = _order(person, columns.person)
    place = np.full(int(max(person.max(initial=-1), measured_person.max(initial=-1))) + 1, -1)
    place[person] = order
    of_person = place[measured_person]
    strangers = int(np.count_nonzero(of_person < 0))
    if strangers:
        found = f"{strangers:,} measurements of persons who are not in `survival`"
        raise DesignError(Fault(f"column {label(columns.person)}", found, "persons with follow-up"))
    ends = _ends(follow_up, columns)
    return _measurements(measurements, columns, of_person, ends), ends


def _codes(measurements: Table, follow_up: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes of persons that agree between the tables."""
    for table in (measurements, follow_up):
        table.require([name], identifiers=True)
    long, short = measurements.frame[name], follow_up.frame[name]
    if long.dtype.is_integer() and short.dtype.is_integer():
        both = np.concatenate([np.asarray(long.to_numpy()), np.asarray(short.to_numpy())])
        code = np.unique(both, return_inverse=True)[1]
    else:
        code = codes_of([*long.to_list(), *short.to_list()])
    return code[: len(long)], code[len(long) :]


def _order(person: np.ndarray, name: str) -> np.ndarray:
    if not len(person):
        raise DesignError(Fault("survival", "no rows", "one row a person"))
    repeated = len(person) - len(np.unique(person))
    if repeated:
        found = f"{repeated:,} rows of persons who have a row already"
        raise DesignError(Fault(f"survival, column {label(name)}", found, "one row a person"))
    return np.arange(len(person))


def _ends(table: Table, columns: Columns) -> FollowUp:
    names = [columns.time, *([columns.entry] if columns.entry else [])]
    table.require([*names, columns.event])
    time = table.numbers(columns.time)
    entry = table.numbers(columns.entry) if columns.entry else np.zeros(len(table))
    faults = []
    if count := int(np.count_nonzero(time <= 0.0)):
        faults.append(Fault(f"column {label(columns.time)}", f"{count:,} times of 0 or less", "times after time 0"))
    if columns.entry:
        where = f"column {label(columns.entry)}"
        if count := int(np.count_nonzero(entry < 0.0)):
            faults.append(Fault(where, f"{count:,} entries before time 0", "entries at time 0 or later"))
        if count := int(np.count_nonzero(entry >= time)):
            faults.append(Fault(where, f"{count:,} entries at or after the end of follow-up", "entries before it"))
    if faults:
        raise DesignError(faults)
    return FollowUp(table, time, entry, _causes(table, columns.event))


def _causes(table: Table, name: str) -> np.ndarray:
    series = table.frame[name]
    if series.dtype == nw.Boolean:
        return np.asarray(series.to_numpy(), np.bool_).astype(np.int64)
    if not series.dtype.is_numeric():
        found = f"values of type {series.dtype}"
        raise DesignError(Fault(f"column {label(name)}", found, "0 censored, 1 to k for k causes; or Booleans"))
    values = table.numbers(name)
    cause = values.astype(np.int64)
    other = int(np.count_nonzero((cause != values) | (cause < 0) | (cause > 99)))
    if other:
        raise DesignError(
            Fault(f"column {label(name)}", f"{other:,} values that are not causes", "0 censored, 1 to k for k causes")
        )
    return cause


def _measurements(table: Table, columns: Columns, person: np.ndarray, ends: FollowUp) -> Measured:
    if not len(table):
        raise DesignError(Fault("longitudinal", "no rows", "at least one measurement"))
    table.require([columns.outcome, columns.measured_at])
    for name in (columns.outcome, columns.measured_at):
        if table.levels(name)[0] is not None:
            raise DesignError(Fault(f"column {label(name)}", "levels", "numbers"))
    time = table.numbers(columns.measured_at)
    late = int(np.count_nonzero(time > ends.time[person]))
    if late:
        where = f"column {label(columns.measured_at)}"
        found = f"{late:,} measurements after the end of the person's follow-up"
        raise DesignError(Fault(where, found, "measurements up to it", "leave these measurements out"))
    order = np.argsort(person, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(person, minlength=len(ends.time)))]).astype(np.int64)
    return Measured(table, table.numbers(columns.outcome)[order], time[order], start, order)


def constant_within_person(frame: pd.DataFrame, measured: Measured, time: str) -> pd.DataFrame:
    """The first row of each person with measurements; columns that change within a person are refused.

    `frame` has the rows of the longitudinal table sorted by person.
    """
    held = measured.start[:-1][np.diff(measured.start) > 0]
    first = np.repeat(held, np.diff(measured.start)[np.diff(measured.start) > 0])
    faults = []
    for name in frame.columns.drop(time, errors="ignore"):
        values = frame[name]
        code = values.cat.codes.to_numpy() if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy()
        changed = int(np.count_nonzero(code != code[first]))
        if changed:
            faults.append(
                Fault(
                    f"column {label(name)}",
                    f"{changed:,} rows differ from the person's first row",
                    "columns that do not change within a person, beside the time of measurement",
                    "its value at the start of follow-up",
                )
            )
    if faults:
        raise DesignError(faults)
    return frame.iloc[held]
