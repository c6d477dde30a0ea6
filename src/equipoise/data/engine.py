"""The embedded engine: an in-memory DuckDB whose temporary space is private and goes when it is closed.

Relations name tables by catalog and schema and become SQL through ibis; the SQL runs on DuckDB's own connection.
"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType

from equipoise.data.engine_errors import Complaint
from equipoise.data.normalise import Dialect
from equipoise.errors import Fault, SourceError

T = TypeVar("T")
Settings = dict[str, str | bool | int | float | list[str]]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How much of the machine DuckDB may use; None leaves the choice to DuckDB (all cores, 80 % of memory)."""

    threads: int | None = None
    memory_limit: str | None = None


class DuckDBEngine:
    """An in-memory DuckDB. Databases of the user are attached read-only as catalogs of their own.

    Whatever is created lies in the in-memory catalog; what does not fit in memory spills into a folder that only this
    user can read, deleted on closing.
    """

    name = "duckdb"
    dialect = Dialect(try_cast=True, has_nan=True)
    complaints: tuple[Complaint, ...] = ()

    def __init__(self, options: EngineOptions):
        self._spill = tempfile.TemporaryDirectory(prefix="equipoise-", ignore_cleanup_errors=True)
        self._numbers = count(1)
        try:
            self._connection = duckdb.connect(config=_settings(options, self._spill.name))
            self.run("SET TimeZone = 'UTC'")
        except duckdb.Error:
            self._spill.cleanup()
            raise SourceError(
                Fault(
                    "threads or memory_limit",
                    "DuckDB does not accept the value",
                    "threads: a whole number from 1; memory_limit: a size such as '4GB'",
                )
            ) from None

    def run(self, sql: str) -> list[tuple]:
        """Runs a statement and returns its rows; for small answers about the database itself."""
        return _awaited(self._connection, lambda: self._connection.execute(sql).fetchall())

    def stored(self, name: str, schema: str | None = None, catalog: str | None = None) -> ir.Table:
        place = ".".join(quoted_name(part) for part in (catalog, schema, name) if part is not None)
        columns = {row[0]: _stored_type(row[1]) for row in self.run(f"DESCRIBE {place}")}
        return ibis.table(columns, name=name, database=schema, catalog=catalog)

    def batches(self, relation: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        with self._connection.cursor() as cursor:
            reader = _awaited(cursor, lambda: cursor.sql(self._sql(relation)).to_arrow_reader(rows))
            while (batch := _awaited(cursor, lambda: next(reader, None))) is not None:
                yield batch

    def create(self, relation: ir.Table, label: str) -> ir.Table:
        name = self.new_name(label)
        self.run(f"CREATE TABLE {name} AS {self._sql(relation)}")
        return ibis.table(relation.schema(), name=name)

    def upload(self, columns: pa.Table) -> ir.Table:
        name = self.new_name("uploaded")
        self._with_arrow(columns, f"CREATE TABLE {name} AS FROM uploading")
        return ibis.table(ibis.Schema.from_pyarrow(columns.schema), name=name)

    def append(self, name: str, columns: pa.Table) -> None:
        """Adds rows to a table of the in-memory catalog."""
        self._with_arrow(columns, f"INSERT INTO {quoted_name(name)} FROM uploading")

    def _with_arrow(self, columns: pa.Table, sql: str) -> None:
        self._connection.register("uploading", columns)
        try:
            self.run(sql)
        finally:
            self._connection.unregister("uploading")

    def close(self) -> None:
        self._connection.close()
        self._spill.cleanup()

    def new_name(self, label: str) -> str:
        """A name that no table or view of the in-memory catalog has."""
        return f"{label}_{next(self._numbers)}"

    def _sql(self, relation: ir.Table) -> str:
        return str(ibis.to_sql(relation, dialect=self.name, pretty=False))


def _stored_type(said: str) -> dt.DataType:
    """A type as DESCRIBE says it. A Parquet column without any value may have no type."""
    return dt.null if said.strip('"') == "NULL" else DuckDBType.from_string(said)


def _awaited(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """The result of DuckDB's work, done in a thread of its own, since DuckDB does not notice Ctrl-C while it works."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except BaseException:  # whatever a signal raises here; the work's own errors come when it is done
            while not future.done():
                connection.interrupt()
                wait([future], timeout=0.1)
            raise


def _settings(options: EngineOptions, spill: str) -> dict[str, str | bool | int | float | list[str]]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": spill,
        "autoinstall_known_extensions": False,
    }
    if options.threads is not None:
        settings["threads"] = options.threads
    if options.memory_limit is not None:
        settings["memory_limit"] = options.memory_limit
    return settings


def quoted_name(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
