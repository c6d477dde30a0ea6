"""From what a user holds to the rows a survival curve is made of: places in time, causes, groups, weights, clusters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.model_frame import as_table
from equipoise.estimators.table import Table, label, not_finite, refuse_arrays
from equipoise.kernels.survival_curve_times import TimeGrid, time_grid

LARGEST_CAUSE = 250
LOOKUP_RANGE = 100_000  # whole-number group labels within this range are told apart without a sort
NONE = np.empty(0)
EVERYBODY = "all"


@dataclass(frozen=True, slots=True)
class SurvivalRows:
    """Rows of positive weight, n of them.

    grid      places of times; `grid.start` is of shape (0,) where nobody enters late
    event     uint8 (n,), 0 censored, k failed from cause k
    group     int32 (n,), positions in `labels`; of shape (0,) with a single group
    weight    float64 (n,), or of shape (0,) where every row counts once
    cluster   int64 codes (n,) from 0, None where rows are independent
    kind      library of the frame that came in
    kept      positions of the rows among those that came in, None where none had weight 0
    """

    grid: TimeGrid
    event: np.ndarray
    group: np.ndarray
    labels: tuple[str, ...]
    weight: np.ndarray
    cluster: np.ndarray | None
    kind: str
    kept: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.event)

    def members(self, group: int) -> np.ndarray | slice:
        """Which rows belong to a group, as an index."""
        return np.flatnonzero(self.group == group) if len(self.group) else slice(None)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns as they came, before weights of zero and the time grid."""

    time: np.ndarray
    event: np.ndarray
    start: np.ndarray | None
    weight: np.ndarray
    cluster: np.ndarray | None
    group: np.ndarray
    labels: tuple[str, ...]
    kind: str
    kept: np.ndarray | None = None


def read_rows(
    data: Any,
    *,
    time: str | None,
    event: str | None,
    start: str | None = None,
    by: str | Sequence[str] | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    causes: bool = False,
) -> SurvivalRows:
    """Read an AnalysisSet, a data frame or a mapping of names to arrays. `causes` allows events beyond 0 and 1.

    Raises DesignError for columns that are absent or hold missing or infinite values, for events that are not whole
    numbers, for negative weights and for rows that do not start before they stop.
    """
    names = [] if by is None else [by] if isinstance(by, str) else list(by)
    if isinstance(data, AnalysisSet):
        columns = _from_analysis_set(data, (time, event, start, weights), names, cluster)
    else:
        columns = _from_table(survival_table(data), time, event, start, names, weights, cluster, causes)
    if not causes and (columns.event > 1).any():
        raise DesignError(_not_an_event("event", "causes beyond 1", "0 and 1, or false and true"))
    return _placed(_without_zero_weights(columns))


def survival_table(data: Any) -> Table:
    """A data frame, or a mapping of names to arrays of one length, as a table."""
    table = as_table(data)
    if table is None:
        kinds = "an AnalysisSet, a pandas, Polars or Arrow frame, or a mapping of names to arrays"
        raise DesignError(Fault("data", f"a {type(data).__name__}", kinds))
    return table


def whole_events(values: np.ndarray, name: str) -> np.ndarray:
    """Causes as uint8: 0 for a censored row, k for cause k."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise DesignError(_not_an_event(name, f"values of type {values.dtype}"))
    if not len(values):
        return np.empty(0, np.uint8)
    if values.min() < 0 or values.max() > LARGEST_CAUSE:
        raise DesignError(_not_an_event(name, f"values outside 0 to {LARGEST_CAUSE}"))
    event = values.astype(np.uint8)
    other = int(np.count_nonzero(event != values))
    if other:
        raise DesignError(_not_an_event(name, f"{other:,} values that are not whole numbers"))
    return event


def dense_codes(codes: np.ndarray) -> np.ndarray:
    """int64 codes from 0 without large gaps."""
    if not len(codes) or (codes.min() >= 0 and codes.max() < 4 * len(codes)):
        return codes.astype(np.int64, copy=False)
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _from_table(
    table: Table,
    time: str | None,
    event: str | None,
    start: str | None,
    by: Sequence[str],
    weights: str | None,
    cluster: str | None,
    causes: bool,
) -> _Columns:
    absent = [name for name, value in (("time", time), ("event", event)) if value is None]
    if absent:
        raise DesignError(Fault(name, "not given", "a column of the data frame") for name in absent)
    roles = {"time": time, "event": event, "start": start, "weights": weights, "cluster": cluster}
    refuse_arrays(roles)
    table.require(dict.fromkeys(name for name in (*roles.values(), *by) if name is not None))
    series = table.frame[event]
    if series.dtype == nw.Boolean or not causes:
        events = table.cases(event)
    else:
        events = whole_events(series.to_numpy(), label(event))
    group, labels = _groups([_levels(table, name) for name in by], by)
    return _Columns(
        _numeric(table, time),
        events,
        None if start is None else _numeric(table, start),
        NONE if weights is None else _numeric(table, weights),
        None if cluster is None else table.codes(cluster),
        group,
        labels,
        table.kind,
    )


def _numeric(table: Table, name: str) -> np.ndarray:
    if not table.frame[name].dtype.is_numeric():
        raise DesignError(Fault(f"column {label(name)}", f"type {table.frame[name].dtype}", "numbers"))
    return table.numbers(name)


def _levels(table: Table, name: str) -> tuple[list[str], np.ndarray]:
    levels, code = table.levels(name)
    return (levels, code) if levels is not None else numeric_levels(table.frame[name].to_numpy())


def numeric_levels(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The distinct values in order, as text, and each row's position among them."""
    if len(values) and values.dtype.kind in "iu" and int(values.max()) - int(values.min()) < LOOKUP_RANGE:
        low = values.min()
        seen = np.zeros(int(values.max()) - int(low) + 1, np.bool_)
        seen[values - low] = True
        distinct, code = np.flatnonzero(seen) + int(low), (np.cumsum(seen) - 1)[values - low]
    else:
        distinct, code = np.unique(values, return_inverse=True)
    return [f"{value:.15g}" if values.dtype.kind == "f" else str(value) for value in distinct], code


def _groups(parts: Sequence[tuple[list[str], np.ndarray]], names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """One code a row and one label a group, for the combinations that occur, in the order of their levels."""
    if not parts:
        return np.empty(0, np.int32), (EVERYBODY,)
    code = np.zeros(len(parts[0][1]), np.int64)
    labels = [""]
    for name, (levels, at) in zip(names, parts, strict=True):
        code = code * len(levels) + at
        labels = [f"{before}, {name}={level}" if before else f"{name}={level}" for before in labels for level in levels]
    seen = np.bincount(code, minlength=len(labels)) > 0
    position = np.cumsum(seen) - 1
    return position[code].astype(np.int32), tuple(np.array(labels, object)[seen])


def _from_analysis_set(data: AnalysisSet, given: tuple[Any, ...], by: Sequence[str], cluster: str | None) -> _Columns:
    named = [
        role for role, value in zip(("time", "event", "start", "weights"), given, strict=True) if value is not None
    ]
    if named:
        raise UnsupportedError(
            Fault(role, "given beside an AnalysisSet", "none", "leave it out: the set holds it") for role in named
        )
    if cluster not in (None, "person", "stratum"):
        raise DesignError(Fault("cluster", repr(cluster), "'person' or 'stratum' for an AnalysisSet"))
    group, labels = _groups([numeric_levels(_set_column(data, name)) for name in by], by)
    weighted = not (data.weight == 1.0).all()
    return _Columns(
        data.stop.astype(np.float64),
        whole_events(data.event, "AnalysisSet.event"),
        data.start.astype(np.float64) if data.start.any() else None,
        data.weight if weighted else NONE,
        None if cluster is None else np.asarray(_set_column(data, cluster), np.int64),
        group,
        labels,
        "pandas",
    )


def _set_column(data: AnalysisSet, name: str) -> np.ndarray:
    if name in ("arm", "stratum", "person"):
        values = getattr(data, name)
        if values is None:
            raise DesignError(Fault(f"AnalysisSet.{name}", "none", f"a set with {name}"))
        return values
    values = data.column(name)
    bad = ~np.isfinite(values)
    if bad.any():
        missing = int(np.isnan(values).sum())
        raise DesignError(not_finite(label(name), missing, int(bad.sum()) - missing, len(values)))
    return values


def _without_zero_weights(columns: _Columns) -> _Columns:
    if not len(columns.weight):
        return columns
    negative = int(np.count_nonzero(columns.weight < 0.0))
    if negative:
        raise DesignError(Fault("weights", f"{negative:,} negative values", "zero or more"))
    keep = columns.weight > 0.0
    if keep.all():
        return columns
    return replace(
        columns,
        time=columns.time[keep],
        event=columns.event[keep],
        start=None if columns.start is None else columns.start[keep],
        weight=columns.weight[keep],
        cluster=None if columns.cluster is None else columns.cluster[keep],
        group=columns.group[keep] if len(columns.group) else columns.group,
        kept=np.flatnonzero(keep),
    )


def _placed(columns: _Columns) -> SurvivalRows:
    grid = time_grid(columns.time, columns.start)
    if len(grid.start):
        empty = int(np.count_nonzero(grid.start >= grid.stop))
        if empty:
            raise DesignError(
                Fault(
                    "start",
                    f"{empty:,} rows do not start before they stop",
                    "start < time, further apart than rounding",
                    "leave out rows without time at risk, or give them the time they had",
                )
            )
    cluster = None if columns.cluster is None else dense_codes(columns.cluster)
    return SurvivalRows(
        grid, columns.event, columns.group, columns.labels, columns.weight, cluster, columns.kind, columns.kept
    )


def _not_an_event(name: str, found: str, allowed: str = "0 for censored, 1, 2, … for the causes") -> Fault:
    return Fault(f"event {name}", found, allowed, "derive whole numbers, 0 for a censored row")
