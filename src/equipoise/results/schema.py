"""What a result table is: columns with type, unit and meaning, a key, and links by which a count gives another away.

The declaration in `equipoise.results.tables` drives the writer, the reader, suppression and the reference page.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from equipoise.errors import EquipoiseError, Fault

ColumnType = Literal["text", "int", "float", "bool"]

ARROW: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
}
PYTHON: dict[ColumnType, tuple[type, ...]] = {"text": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}
FLAG = "_suppressed"


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """One column of a result table.

    `count`         a number of persons, sets or records: int64, suppressed when 1 to k-1, with a flag column
    `derived_from`  counts of the same row from which this number could be turned back into a count
    `derived_over`  columns whose agreeing rows share one number: null in all of them when a count is hidden in any
    `rests_on`      counts of the same row of which none may be few: null where one of them is 1 to k-1; a table with a
                    column `reason` then says SMALL_CELLS
    `size`          a number of persons that is not tabulated (such as the smallest risk set): null when 0 < x < k
    `values`        the closed list of values, where there is one
    """

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    count: bool = False
    required: bool = False
    derived_from: tuple[str, ...] = ()
    derived_over: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    size: bool = False
    values: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Name of the boolean column that says this count is hidden."""
        return self.name + FLAG


@dataclass(frozen=True, slots=True)
class Parts:
    """Within one row, `total` is the sum of `parts`. A part that is not published (a complement) starts with a dot."""

    total: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """Where the total of a `Levels` link may be found: a count of `table` in a row that agrees in `on`."""

    table: str
    column: str
    on: tuple[str, ...]
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """Across the rows that agree in `by`, the `columns` (times the column `times`) sum to a total.

    The total is the first of `totals` that has just that value. Where none has, it is a number that is published
    nowhere, the same wherever groups of rows agree in the columns `shared` and in the value; or without these it is
    taken to be known from outside (`known`), or the rows are taken not to be exhaustive. With `within`, the total is a
    count that the rows share, and they may leave a rest that is published nowhere. `where` restricts the rows; of rows
    that agree in the column `once`, one counts.
    """

    columns: tuple[str, ...]
    by: tuple[str, ...]
    totals: tuple[Total, ...] = ()
    known: bool = True
    times: str | None = None
    where: tuple[str, str | int] | None = None
    once: str | None = None
    within: str | None = None
    shared: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Same:
    """Counts that are one and the same number wherever the rows agree in `on` and the values do.

    `on` pairs a column here with a column of `table`, which may be this table. `where` restricts the rows here.
    """

    column: str
    table: str
    other: str
    on: tuple[tuple[str, str], ...]
    where: tuple[str, str | int] | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """`total` is the sum of `parts` of its row and of the count `other` of the row of `table` that agrees in `on`.

    It is applied where the values do add up. `on` pairs a column here with a column of `table`.
    """

    total: str
    parts: tuple[str, ...]
    table: str
    other: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Each count in `both` is of persons in two groups of `table`, named by the columns `name` and `other`.

    A third group there is their union if everywhere, in each of the `columns` and in every row that agrees in `within`,
    it counts the first and the second less both. Rows are joined by the columns in `on`.
    """

    both: tuple[str, ...]
    columns: tuple[str, ...]
    table: str
    within: tuple[str, ...]
    on: tuple[str, ...]
    name: str
    other: str


@dataclass(frozen=True, slots=True)
class Chain:
    """In the order of `position`, within the rows that agree in `by`, each row starts from what the last one left."""

    by: tuple[str, ...]
    position: str
    entering: str
    leaving: str
    staying: str


Link = Parts | Levels | Same | Joined | Overlap | Chain


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One result table: its columns in order, the columns that identify a row, and what links its counts."""

    name: str
    meaning: str
    columns: tuple[ColumnSchema, ...]
    keys: tuple[str, ...]
    links: tuple[Link, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def counts(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.count)

    def column(self, name: str) -> ColumnSchema:
        return next(column for column in self.columns if column.name == name)

    @property
    def arrow(self) -> pa.Schema:
        """Arrow schema: the declared columns, then one boolean flag a count column."""
        fields = [pa.field(column.name, ARROW[column.type]) for column in self.columns]
        flags = [pa.field(column.flag, pa.bool_(), nullable=False) for column in self.columns if column.count]
        return pa.schema(fields + flags)

    def build(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """The rows as an Arrow table of this schema, nothing suppressed.

        A key column must be present in every row, and the key unique; a column that may be null may be left out.
        NaN becomes null. Raises `EquipoiseError` on an unknown or missing column or a value of another type.
        """
        checked = [self._checked(number, row) for number, row in enumerate(rows, start=1)]
        self._check_key(checked)
        columns = {name: [row[name] for row in checked] for name in self.names}
        flags = {name + FLAG: [False] * len(checked) for name in self.counts}
        return pa.table({**columns, **flags}, schema=self.arrow)

    def _checked(self, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
        where = f"table {self.name}, row {number}"
        if unknown := sorted(set(row) - set(self.names)):
            raise EquipoiseError(Fault(where, f"unknown column {', '.join(unknown)}", ", ".join(self.names)))
        needed = {column.name for column in self.columns if column.required} | set(self.keys)
        if missing := sorted(needed - set(row)):
            raise EquipoiseError(Fault(where, f"no value for {', '.join(missing)}"))
        return {column.name: _value(where, column, row.get(column.name)) for column in self.columns}

    def _check_key(self, rows: Sequence[Mapping[str, Any]]) -> None:
        seen: dict[tuple[Any, ...], int] = {}
        for number, row in enumerate(rows, start=1):
            key = tuple(row[name] for name in self.keys)
            if key in seen:
                shown = ", ".join(f"{name} = {value}" for name, value in zip(self.keys, key, strict=True))
                found = f"the same key as row {seen[key]} ({shown})"
                raise EquipoiseError(Fault(f"table {self.name}, row {number}", found, "one row a key"))
            seen[key] = number


def _value(where: str, column: ColumnSchema, value: Any) -> Any:
    """One value as plain Python of the column's type; NumPy scalars, whole floats in integer columns and NaN too."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if column.required:
            raise EquipoiseError(Fault(f"{where}, column {column.name}", "null", column.type))
        return None
    if column.type == "int" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, PYTHON[column.type]) or (isinstance(value, bool) and column.type != "bool"):
        raise EquipoiseError(Fault(f"{where}, column {column.name}", type(value).__name__, column.type))
    if column.count and value < 0:
        raise EquipoiseError(Fault(f"{where}, column {column.name}", "a negative count", "0 or more"))
    if column.values and value not in column.values:
        raise EquipoiseError(Fault(f"{where}, column {column.name}", repr(value), ", ".join(column.values)))
    return float(value) if column.type == "float" else str(value) if column.type == "text" else value
