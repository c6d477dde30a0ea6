"""SQLite files, by path or `sqlite://` URL: each table is read once, as text, into the embedded engine.

A SQLite column may hold anything whatever its declared type, so every cell is read as strictly as one of a CSV file.
"""

import sqlite3
from pathlib import Path
from urllib.parse import quote

import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.catalog import Catalog, RawTable
from equipoise.data.engine import DuckDBEngine, EngineOptions, quoted_name
from equipoise.data.engine_errors import Complaint, said_plainly
from equipoise.data.files import files_fingerprint
from equipoise.data.schemas import chosen_tables
from equipoise.data.urls import address
from equipoise.errors import Fault, SourceError

_READ_AT_ONCE = 50_000
_COMPLAINTS: tuple[Complaint, ...] = (
    (sqlite3.OperationalError, "the SQLite file is locked or cannot be read", "close programs that write to it"),
    (sqlite3.Error, "is not a whole SQLite file", "copy it again"),
)


class SQLiteEngine(DuckDBEngine):
    """The embedded engine beside a SQLite file, from which tables are copied when they are first needed."""

    complaints = _COMPLAINTS

    def __init__(self, path: Path, options: EngineOptions):
        super().__init__(options)
        self._file = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, check_same_thread=False)

    def tables(self) -> list[tuple[str, str]]:
        """Every table and view of the file, as of one schema."""
        rows = self._file.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        return [("main", name) for (name,) in rows]

    def prepare(self, name: str) -> ir.Table:
        """An empty table of text columns, named as in the file."""
        columns = ", ".join(f"{quoted_name(column)} VARCHAR" for column in self._columns(name))
        self.run(f"CREATE TABLE IF NOT EXISTS {quoted_name(name)} ({columns})")
        return self.stored(name)

    def copy(self, name: str) -> None:
        """Fills the prepared table with all rows of the file's table."""
        columns = self._columns(name)
        rows = self._file.execute(f"SELECT * FROM {quoted_name(name)}")
        while fetched := rows.fetchmany(_READ_AT_ONCE):
            cells = zip(*fetched, strict=True)
            arrays = [pa.array([_as_text(cell) for cell in column], pa.string()) for column in cells]
            self.append(name, pa.table(arrays, names=columns))

    def close(self) -> None:
        self._file.close()
        super().close()

    def _columns(self, name: str) -> list[str]:
        return [row[1] for row in self._file.execute(f"PRAGMA table_info({quoted_name(name)})")]


def open_url(url: str, snapshot: str | None, options: EngineOptions) -> Catalog:
    """`sqlite:///data/cdm.sqlite` is /data/cdm.sqlite or, if there is none, data/cdm.sqlite in the working folder."""
    parts = address(url)
    path = next((path for path in parts.paths if path.is_file()), None)
    if path is None:
        raise SourceError(Fault(parts.path, "there is no such file", "the path of a SQLite file"))
    engine = SQLiteEngine(path, options)
    try:
        with said_plainly(path.name, _COMPLAINTS):
            places = chosen_tables(path.name, engine.tables(), parts.choice)
    except BaseException:
        engine.close()
        raise
    tables = {name: _raw_table(engine, path, table) for name, (_, table) in places.items()}
    return Catalog("SQLite file", path.name, engine, tables, lambda: files_fingerprint([path], snapshot))


def _raw_table(engine: SQLiteEngine, path: Path, table: str) -> RawTable:
    def fill() -> None:
        engine.copy(table)

    return RawTable(f"{path.name}, {table}", lambda: engine.prepare(table), is_text=True, counted=False, fill=fill)


def _as_text(cell: object) -> str | None:
    """A cell as text that loses nothing: whole numbers in full, floating point numbers in their shortest exact form."""
    return None if cell is None else str(cell)
