"""`postgres://` URLs: the work is done in the server; only results and temporary tables travel.

Needs the package psycopg, which users of a server install beside Equipoise: its licence (LGPL) keeps it out of ours.
The user needs SELECT on the CDM tables and TEMPORARY on the database.
"""

from collections.abc import Iterator
from io import BytesIO
from itertools import count

import ibis
import ibis.expr.types as ir
import psycopg
import pyarrow as pa
from ibis.backends.sql.datatypes import PostgresType
from psycopg import sql
from pyarrow import csv

from equipoise.data.catalog import Catalog, RawTable
from equipoise.data.engine import EngineOptions
from equipoise.data.engine_errors import Complaint, said_plainly
from equipoise.data.normalise import Dialect
from equipoise.data.schemas import chosen_tables
from equipoise.data.urls import address

_FETCHED_AT_ONCE = 50_000
_STORED_TYPES = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute a JOIN pg_class c ON a.attrelid = c.oid JOIN pg_namespace n ON c.relnamespace = n.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname = %s AND c.relname = %s
    ORDER BY a.attnum
"""
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON c.relnamespace = n.oid
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
_COMPLAINTS: tuple[Complaint, ...] = (
    (
        psycopg.errors.InsufficientPrivilege,
        "the user has not the right to do this",
        "grant SELECT on the CDM tables and TEMPORARY on the database",
    ),
    (
        psycopg.errors.ReadOnlySqlTransaction,
        "the session is read-only, so no temporary table can be made",
        "set default_transaction_read_only = off for this user",
    ),
    (
        psycopg.DataError,
        "a value cannot be read as the declared type of its column",
        "look for dates or numbers that are out of range",
    ),
    (
        psycopg.OperationalError,
        "the server cannot be reached, refuses the user, or broke off",
        "check host, port, database, user and password, and that the server runs",
    ),
    (psycopg.Error, "the server refused the query", "check that the tables are those of an OMOP CDM"),
)


class PostgresEngine:
    """One session of a PostgreSQL server. Temporary tables live as long as the session."""

    name = "postgres"
    dialect = Dialect(try_cast=False, has_nan=True)
    complaints = _COMPLAINTS

    def __init__(self, url: str):
        self._session = psycopg.connect(url, autocommit=True)
        self._session.execute("SET TIME ZONE 'UTC'")
        self._numbers = count(1)

    def tables(self) -> list[tuple[str, str]]:
        """Every (schema, table or view) outside the system's own schemas."""
        return self._session.execute(_TABLES).fetchall()

    def stored(self, name: str, schema: str | None = None) -> ir.Table:
        rows = self._session.execute(_STORED_TYPES, (schema, name)).fetchall()
        columns = {column: PostgresType.from_string(stored) for column, stored in rows}
        return ibis.table(columns, name=name, database=schema)

    def batches(self, relation: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        schema = relation.schema().to_pyarrow()
        shape = pa.struct(list(schema))
        cursor = self._session.cursor(self._new_name("cursor"), withhold=True)
        with cursor:
            cursor.execute(self._sql(relation))
            while fetched := cursor.fetchmany(min(rows, _FETCHED_AT_ONCE)):
                yield pa.RecordBatch.from_struct_array(pa.array(fetched, type=shape))

    def create(self, relation: ir.Table, label: str) -> ir.Table:
        name = self._new_name(label)
        self._session.execute(f"CREATE TEMPORARY TABLE {name} AS {self._sql(relation)}")
        self._session.execute(f"ANALYZE {name}")
        return ibis.table(relation.schema(), name=name)

    def upload(self, columns: pa.Table) -> ir.Table:
        name = self._new_name("uploaded")
        schema = ibis.Schema.from_pyarrow(columns.schema)
        declared = [
            sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(PostgresType.to_string(stored)))
            for column, stored in schema.items()
        ]
        make = sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(sql.Identifier(name), sql.SQL(", ").join(declared))
        self._session.execute(make)
        fill = sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(sql.Identifier(name))
        with self._session.cursor() as cursor, cursor.copy(fill) as copy:
            for batch in columns.to_batches(_FETCHED_AT_ONCE):
                copy.write(_as_csv(batch))
        self._session.execute(f"ANALYZE {name}")
        return ibis.table(schema, name=name)

    def close(self) -> None:
        self._session.close()

    def _new_name(self, label: str) -> str:
        return f"equipoise_{label}_{next(self._numbers)}"

    def _sql(self, relation: ir.Table) -> str:
        return str(ibis.to_sql(relation, dialect=self.name, pretty=False))


def open_url(url: str, snapshot: str | None, options: EngineOptions) -> Catalog:
    """A PostgreSQL database; `options` are DuckDB's and do not apply."""
    parts = address(url)
    with said_plainly(parts.shown, _COMPLAINTS):
        engine = PostgresEngine(parts.for_driver)
    try:
        with said_plainly(parts.shown, _COMPLAINTS):
            places = chosen_tables(parts.shown, engine.tables(), parts.choice)
    except BaseException:
        engine.close()
        raise
    tables = {name: _raw_table(engine, schema, table) for name, (schema, table) in places.items()}
    return Catalog("PostgreSQL database", parts.shown, engine, tables, lambda: parts.fingerprint(snapshot))


def _raw_table(engine: PostgresEngine, schema: str, table: str) -> RawTable:
    return RawTable(f"{schema}.{table}", lambda: engine.stored(table, schema), counted=False)


def _as_csv(batch: pa.RecordBatch) -> bytes:
    out = BytesIO()
    csv.write_csv(batch, out, csv.WriteOptions(include_header=False))
    return out.getvalue()
