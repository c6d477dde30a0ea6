"""Files of SAS (.sas7bdat, .xpt) and Stata (.dta), copied piece by piece into the embedded engine by pyreadstat.

Numbers are 64-bit floating point, text is text. Columns with a format of dates or times become dates, counted by both
programs from 1 January 1960. Missing values of every kind are nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyreadstat

from equipoise.data.engine import DuckDBEngine
from equipoise.errors import Fault, SourceError

READ_AT_ONCE = 500_000
_READERS: dict[str, Any] = {
    ".sas7bdat": pyreadstat.read_sas7bdat,
    ".xpt": pyreadstat.read_xport,
    ".dta": pyreadstat.read_dta,
}
_DATES = ("DATE", "YYMMDD", "DDMMYY", "MMDDYY", "E8601DA", "JULIAN", "WEEKDATE", "WORDDATE", "B8601DA", "%TD", "%D")
_MOMENTS = ("DATETIME", "E8601DT", "B8601DT", "DATEAMPM", "%TC")
_ORIGIN = -3653  # 1960-01-01 in days since 1970-01-01
_DAY, _MILLISECONDS = 86_400, 1_000


def prepare(engine: DuckDBEngine, paths: tuple[Path, ...]) -> ir.Table:
    """An empty table of the engine with the columns of the first file."""
    return engine.upload(_schema(paths[0]).empty_table())


def fill(engine: DuckDBEngine, table: ir.Table, paths: tuple[Path, ...]) -> None:
    """Every row of the files into a prepared table. Raises SourceError where a file cannot be read."""
    schema = _schema(paths[0])
    for path in paths:
        for piece in _pieces(path):
            _refuse_other_columns(path, piece, schema)
            engine.append(table.get_name(), piece.select(schema.names).cast(schema))


def _schema(path: Path) -> pa.Schema:
    return pa.schema([(name, kind) for name, (kind, _) in _kinds(_described(path)).items()])


def _described(path: Path) -> Any:
    return _read(path, metadataonly=True)[1]


def _read(path: Path, **options: Any) -> Any:
    reader = _READERS[path.suffix.lower()]
    try:
        return reader(str(path), disable_datetime_conversion=True, output_format="dict", **options)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, ValueError):
        fault = Fault(path.name, "is not a whole file of its form", remedy="copy it again, or export it as Parquet")
        raise SourceError(fault) from None


def _kinds(described: Any) -> dict[str, tuple[pa.DataType, float]]:
    """Of each column: its type and, of days and moments, how many of its units a day has (0: no day)."""
    kinds: dict[str, tuple[pa.DataType, float]] = {}
    for name in described.column_names:
        written = str(described.original_variable_types.get(name, "")).upper()
        if described.readstat_variable_types[name] == "string":
            kinds[name] = (pa.string(), 0)
        elif written.startswith(_MOMENTS):
            kinds[name] = (pa.date32(), _DAY * (_MILLISECONDS if written.startswith("%") else 1))
        elif written.startswith(_DATES):
            kinds[name] = (pa.date32(), 1)
        else:
            kinds[name] = (pa.float64(), 0)
    return kinds


def _pieces(path: Path) -> Iterator[pa.Table]:
    first = 0
    while True:
        columns, described = _read(path, row_offset=first, row_limit=READ_AT_ONCE)
        arrays = {name: _array(columns[name], *kind) for name, kind in _kinds(described).items()}
        piece = pa.table(arrays)
        if len(piece):
            yield piece
        if len(piece) < READ_AT_ONCE:
            return
        first += READ_AT_ONCE


def _array(cells: Any, kind: pa.DataType, units_a_day: float) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([cell if isinstance(cell, str) and cell else None for cell in cells], pa.string())
    numbers = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    if not units_a_day:
        return pa.array(numbers, pa.float64(), mask=np.isnan(numbers))
    missing = np.isnan(numbers)
    days = np.floor(np.where(missing, 0, numbers) / units_a_day) + _ORIGIN
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def _refuse_other_columns(path: Path, piece: pa.Table, schema: pa.Schema) -> None:
    missing = [name for name in schema.names if name not in piece.column_names]
    if missing:
        raise SourceError(Fault(path.name, f"has no column {missing[0]!r}", "the same columns in every part"))
