"""From what a user holds to the rows of a Cox model: columns, places in time, strata, weights, offsets, clusters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.model_frame import ModelFrame, model_frame
from equipoise.estimators.survival_curve_rows import dense_codes, numeric_levels, survival_table
from equipoise.estimators.table import Table, as_cases, label, not_finite, refuse_arrays
from equipoise.kernels.survival_curve_times import TimeGrid, time_grid

NONE = np.empty(0)
ONE_STRATUM = np.empty(0, np.int32)
ALL = "all"
SET_STRATA = ("arm", "stratum")


@dataclass(frozen=True, slots=True)
class CoxRows:
    """Rows as they came, n of them.

    columns  the model's matrix and terms
    grid     places of times; `grid.start` is of shape (0,) where nobody enters late
    event    uint8 (n,), 1 for an event
    stratum  int32 (n,), positions in `labels`; of shape (0,) with a single stratum
    weight   float64 (n,), of shape (0,) where every row counts once; zero leaves a row out
    offset   float64 (n,), of shape (0,) where there is none
    cluster  int64 codes (n,) from 0, None where rows are independent or robust errors were not asked for
    robust   whether the variance is robust
    persons  distinct persons where they are known
    kind     library of the frame that came in
    """

    columns: ModelFrame
    grid: TimeGrid
    event: np.ndarray
    stratum: np.ndarray
    labels: tuple[str, ...]
    weight: np.ndarray
    offset: np.ndarray
    cluster: np.ndarray | None
    robust: bool
    persons: int | None
    kind: str

    def __len__(self) -> int:
        return len(self.event)

    @property
    def used(self) -> np.ndarray:
        """Rows of positive weight, boolean (n,)."""
        return self.weight > 0.0 if len(self.weight) else np.ones(len(self), np.bool_)

    @property
    def all_weights(self) -> np.ndarray:
        """Weights of every row, float64 (n,)."""
        return self.weight if len(self.weight) else np.ones(len(self))

    @property
    def time(self) -> np.ndarray:
        """Times of every row, those that differ by rounding made equal."""
        return self.grid.times[self.grid.stop]

    @property
    def start(self) -> np.ndarray | None:
        return self.grid.times[self.grid.start] if len(self.grid.start) else None


def read_cox_rows(
    data: Any,
    *,
    time: str | None,
    event: str | None,
    covariates: Sequence[str] | str | None,
    start: str | None,
    strata: str | Sequence[str] | None,
    weights: str | None,
    cluster: str | None,
    offset: str | None,
    robust: bool | None,
) -> CoxRows:
    """Read an AnalysisSet, a data frame or a mapping of names to arrays.

    Raises DesignError for columns that are absent or hold missing or infinite values, for events other than 0 and 1,
    for negative weights, for rows that do not start before they stop, for robust errors asked for beside entry times
    without a cluster, and for a cluster beside robust=False.
    """
    names = [] if strata is None else [strata] if isinstance(strata, str) else list(strata)
    if isinstance(data, AnalysisSet):
        given = {"time": time, "event": event, "start": start, "weights": weights, "offset": offset}
        return _from_analysis_set(data, given, covariates, None if strata is None else names, cluster, robust)
    table = survival_table(data)
    absent = [role for role, value in (("time", time), ("event", event)) if value is None]
    if absent:
        raise DesignError(Fault(role, "not given", "a column of the data frame") for role in absent)
    roles = {"time": time, "event": event, "start": start, "weights": weights, "cluster": cluster, "offset": offset}
    refuse_arrays(roles)
    table.require(dict.fromkeys(name for name in (*roles.values(), *names) if name is not None))
    stop = _numbers(table, time)
    begin = None if start is None else _numbers(table, start)
    stratum, labels = _strata([_levels(table, name) for name in names], names)
    weight = _weights(NONE if weights is None else _numbers(table, weights))
    code = None if cluster is None else dense_codes(table.codes(cluster))
    robust = _is_robust(robust, code, weight, begin is not None)
    return CoxRows(
        model_frame(table, covariates),
        _placed(stop, begin),
        table.cases(event),
        stratum,
        labels,
        weight,
        NONE if offset is None else _numbers(table, offset),
        code,
        robust,
        None,
        table.kind,
    )


def _from_analysis_set(
    data: AnalysisSet,
    given: dict[str, Any],
    covariates: Sequence[str] | str | None,
    strata: Sequence[str] | None,
    cluster: str | None,
    robust: bool | None,
) -> CoxRows:
    named = [role for role, value in given.items() if value is not None]
    if named:
        raise UnsupportedError(
            Fault(role, "given beside an AnalysisSet", "none", "leave it out: the set holds it") for role in named
        )
    if cluster not in (None, "person", "stratum"):
        raise DesignError(Fault("cluster", repr(cluster), "'person' or 'stratum' for an AnalysisSet"))
    own = [] if data.stratum is None else ["stratum"]  # () asks for one model of all, such as a marginal one
    names = own if strata is None else list(strata)
    stratum, labels = _strata([numeric_levels(_set_column(data, name)) for name in names], names)
    event = as_cases(data.event, "AnalysisSet.event")
    weight = _weights(np.asarray(data.weight, np.float64) if not (data.weight == 1.0).all() else NONE)
    person = np.asarray(data.person, np.int64)
    code = None if cluster is None else dense_codes(np.asarray(getattr(data, cluster), np.int64))
    repeated = len(np.unique(person[event == 1])) < int(event.sum())
    asked = robust if robust is not None else (True if repeated else None)
    late = bool(data.start.any())
    if code is None and asked is not False and (asked or late or _has_fractions(weight)):
        by_person = dense_codes(person)
        robust = _is_robust(asked, by_person if asked else None, weight, late)
        code = by_person if robust else None
    else:
        robust = _is_robust(asked, code, weight, late)
    return CoxRows(
        model_frame(data, covariates),
        _placed(data.stop.astype(np.float64), data.start.astype(np.float64) if late else None),
        event,
        stratum,
        labels,
        weight,
        NONE if data.offset is None else np.ascontiguousarray(data.offset, np.float64),
        code,
        robust,
        data.n_persons,
        "pandas",
    )


def _set_column(data: AnalysisSet, name: str) -> np.ndarray:
    if name not in SET_STRATA:
        return data.column(name)
    values = getattr(data, name)
    if values is None:
        raise DesignError(Fault(f"AnalysisSet.{name}", "none", f"a set with {name}"))
    return values


def _is_robust(robust: bool | None, cluster: np.ndarray | None, weight: np.ndarray, late: bool) -> bool:
    """As R: asked for, or clusters were named, or weights are not whole numbers."""
    if robust is None:
        return cluster is not None or _has_fractions(weight)
    if not isinstance(robust, bool | np.bool_):
        raise DesignError(Fault("robust", repr(robust), "True, False or None"))
    if not robust and cluster is not None:
        raise DesignError(Fault("cluster", "given beside robust=False", "one of the two"))
    if robust and late and cluster is None:
        remedy = "name the column that tells persons apart; with one row a person, one that differs in every row"
        raise DesignError(Fault("robust", "asked for beside entry times, without a cluster", "cluster", remedy))
    return bool(robust)


def _has_fractions(weight: np.ndarray) -> bool:
    return bool((weight != np.floor(weight)).any())


def _numbers(table: Table, name: str) -> np.ndarray:
    if not table.frame[name].dtype.is_numeric():
        raise DesignError(Fault(f"column {label(name)}", f"type {table.frame[name].dtype}", "numbers"))
    return table.numbers(name)


def _levels(table: Table, name: str) -> tuple[list[str], np.ndarray]:
    levels, code = table.levels(name)
    return (levels, code) if levels is not None else numeric_levels(table.frame[name].to_numpy())


def _strata(parts: Sequence[tuple[list[str], np.ndarray]], names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """One code a row, from 0 without gaps, and a label for each combination of levels that occurs."""
    if not parts:
        return ONE_STRATUM, (ALL,)
    code = np.zeros(len(parts[0][1]), np.int64)
    labels = np.array([""], object)
    for name, (levels, at) in zip(names, parts, strict=True):
        pairs = code * len(levels) + at
        present, code = np.unique(pairs, return_inverse=True)
        before, level = labels[present // len(levels)], np.array(levels, object)[present % len(levels)]
        labels = np.array([f"{b}, {name}={v}" if b else f"{name}={v}" for b, v in zip(before, level, strict=True)])
        labels = labels.astype(object)
    return code.astype(np.int32), tuple(labels)


def _weights(weight: np.ndarray) -> np.ndarray:
    negative = int(np.count_nonzero(weight < 0.0))
    bad = int(np.count_nonzero(~np.isfinite(weight)))
    if bad:
        raise DesignError(not_finite("weights", int(np.isnan(weight).sum()), int(np.isinf(weight).sum()), len(weight)))
    if negative:
        raise DesignError(Fault("weights", f"{negative:,} negative values", "zero or more"))
    return weight


def _placed(stop: np.ndarray, start: np.ndarray | None) -> TimeGrid:
    grid = time_grid(stop, start)
    empty = int(np.count_nonzero(grid.start >= grid.stop)) if start is not None else 0
    if empty:
        raise DesignError(
            Fault(
                "start",
                f"{empty:,} rows do not start before they stop",
                "start < time, further apart than rounding",
                "leave out rows without time at risk, or give them the time they had",
            )
        )
    return grid
