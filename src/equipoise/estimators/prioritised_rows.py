"""From a data frame to two arms with prioritised outcomes: a time to an event, then numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.survival_curve_rows import numeric_levels, read_rows, survival_table
from equipoise.estimators.table import Table, label, not_finite

HIGHER, LOWER = "higher", "lower"
Later = Mapping[str, str] | Sequence[str]


@dataclass(frozen=True, slots=True)
class PrioritisedRows:
    """n persons.

    in_target   boolean (n,); target, reference: names of the arms, "" where the data hold no such arm
    place       int32 (n,), ranks of times; event uint8 (n,)
    later       float64 (n, L), turned so that larger is better; nan where missing
    names       the L columns; missing: values missing in each
    block       int64 (n,), strata or matched sets from 0; all 0 without
    """

    in_target: np.ndarray
    target: str
    reference: str
    place: np.ndarray
    event: np.ndarray
    later: np.ndarray
    names: tuple[str, ...]
    missing: tuple[int, ...]
    block: np.ndarray
    blocks: int
    kind: str

    @property
    def sizes(self) -> tuple[int, int]:
        """Persons in the target and in the reference arm."""
        return int(self.in_target.sum()), int((~self.in_target).sum())


def prioritised_rows(
    data: Any, *, arm: str, time: str, event: str, then: Later, reference: Any, by: str | Sequence[str] | None
) -> PrioritisedRows:
    """Read and check the columns; faults are DesignErrors with counts."""
    if isinstance(data, AnalysisSet):
        raise UnsupportedError(Fault("data", "an AnalysisSet", "a data frame or a mapping of names to arrays"))
    table = survival_table(data)
    table.require([arm])
    rows = read_rows(data, time=time, event=event, by=by)
    in_target, target, first = _arms(table, arm, reference)
    directions = _directions(then)
    columns = [_turned(table, name, way) for name, way in directions.items()]
    later = np.column_stack(columns) if columns else np.empty((len(table), 0))
    return PrioritisedRows(
        in_target=in_target,
        target=target,
        reference=first,
        place=rows.grid.stop,
        event=rows.event,
        later=later,
        names=tuple(directions),
        missing=tuple(int(count) for count in np.isnan(later).sum(axis=0)),
        block=rows.group.astype(np.int64) if len(rows.group) else np.zeros(len(rows), np.int64),
        blocks=len(rows.labels),
        kind=table.kind,
    )


def _arms(table: Table, arm: str, reference: Any) -> tuple[np.ndarray, str, str]:
    levels, code = table.levels(arm)
    if levels is None:
        levels, code = numeric_levels(table.frame[arm].to_numpy())
    if len(levels) > 2:
        raise DesignError(Fault(f"arm {label(arm)}", f"{len(levels):,} different values", "two arms"))
    first = 0
    if reference is not None:
        if str(reference) not in levels:
            raise DesignError(Fault("reference", repr(str(reference)), ", ".join(levels)))
        first = levels.index(str(reference))
    names = [*levels, "", ""]
    return code != first, names[1 - first] if len(levels) == 2 else "", names[first]


def _directions(then: Later) -> dict[str, str]:
    names = [then] if isinstance(then, str) else list(then)
    directions = dict(then) if isinstance(then, Mapping) else dict.fromkeys(names, HIGHER)
    if len(directions) < len(names):
        raise DesignError(Fault("then", "a column more than once", "each outcome once"))
    wrong = [name for name, way in directions.items() if way not in (HIGHER, LOWER)]
    if wrong:
        raise DesignError(Fault(f"then {label(name)}", repr(directions[name]), "'higher' or 'lower'") for name in wrong)
    return directions


def _turned(table: Table, name: str, way: str) -> np.ndarray:
    """A column of numbers, larger for better, nan where it is missing."""
    if name not in table.frame.columns:
        raise DesignError(Fault(f"column {label(name)}", "not in the data frame", ", ".join(table.frame.columns)))
    if not (table.frame[name].dtype.is_numeric() or table.frame[name].dtype == nw.Boolean):
        raise DesignError(Fault(f"column {label(name)}", f"type {table.frame[name].dtype}", "numbers"))
    values = table.numbers(name)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise DesignError(not_finite(label(name), 0, infinite, len(values)))
    return values if way == HIGHER else -values
