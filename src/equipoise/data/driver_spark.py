"""`spark://` and `sc://` URLs: the work is done by Spark; only results and temporary views travel.

Needs the package pyspark. `spark://host:7077` is a cluster's master, `spark://local` Spark inside this process, `spark://`
the session that the surroundings configure (spark-submit, a hosted notebook), `sc://host:15002` a Spark Connect server.
Tables are found in the schemas of the current catalog; `?schema=NAME` spares the search.
"""

from collections.abc import Iterator
from itertools import count

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql.datatypes import PySparkType
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from equipoise.data.catalog import Catalog, RawTable
from equipoise.data.engine import EngineOptions
from equipoise.data.engine_errors import Complaint, said_plainly
from equipoise.data.normalise import Dialect
from equipoise.data.schemas import SchemaChoice, chosen_tables
from equipoise.data.urls import Address, address

_COMPLAINTS: tuple[Complaint, ...] = (
    (PySparkException, "Spark refused the query", "check that the tables are those of an OMOP CDM and may be read"),
    (Py4JError, "Spark broke off", "look into the log of Spark"),
)


class SparkEngine:
    """One Spark session. What is created is cached as temporary views, dropped on closing."""

    name = "pyspark"
    dialect = Dialect(try_cast=True, has_nan=True)
    complaints = _COMPLAINTS

    def __init__(self, session: SparkSession):
        self._session = session
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        ibis.pyspark.connect(session)  # registers the options that ibis needs to write SQL for Spark
        self._numbers = count(1)
        self._views: dict[str, DataFrame] = {}

    def tables(self, choice: SchemaChoice) -> list[tuple[str, str]]:
        """(schema, table) of the named schemas, or of all if none is named."""
        named = [schema for schema in (choice.schema, choice.vocabulary_schema) if schema is not None]
        schemas = named or [row[0] for row in self._session.sql("SHOW SCHEMAS").collect()]
        return [
            (schema, row.tableName)
            for schema in schemas
            for row in self._session.sql(f"SHOW TABLES IN {_quoted(schema)}").collect()
            if not row.isTemporary
        ]

    def stored(self, name: str, schema: str | None = None) -> ir.Table:
        place = ".".join(_quoted(part) for part in (schema, name) if part is not None)
        fields = self._session.table(place).schema.fields
        columns = {field.name: PySparkType.from_string(field.dataType.simpleString()) for field in fields}
        return ibis.table(columns, name=name, database=schema)

    def batches(self, relation: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        yield from self._session.sql(self._sql(relation)).toArrow().to_batches(rows)

    def create(self, relation: ir.Table, label: str) -> ir.Table:
        return self._view(label, self._session.sql(self._sql(relation)), relation.schema())

    def upload(self, columns: pa.Table) -> ir.Table:
        schema = ibis.Schema.from_pyarrow(columns.schema)
        return self._view("uploaded", self._session.createDataFrame(columns), schema)

    def close(self) -> None:
        """Drops the temporary views; the session belongs to the surroundings and stays."""
        for name, frame in self._views.items():
            self._session.catalog.dropTempView(name)
            frame.unpersist()

    def _view(self, label: str, frame: DataFrame, schema: ibis.Schema) -> ir.Table:
        name = f"equipoise_{label}_{next(self._numbers)}"
        self._views[name] = frame.persist()
        frame.createOrReplaceTempView(name)
        return ibis.table(schema, name=name)

    def _sql(self, relation: ir.Table) -> str:
        return str(ibis.to_sql(relation, dialect=self.name, pretty=False))


def open_url(url: str, snapshot: str | None, options: EngineOptions) -> Catalog:
    """A Spark catalog; `options` are DuckDB's and do not apply."""
    parts = address(url)
    with said_plainly(parts.shown, _COMPLAINTS):
        engine = SparkEngine(_session(parts))
        places = chosen_tables(parts.shown, engine.tables(parts.choice), parts.choice)
    tables = {name: _raw_table(engine, schema, table) for name, (schema, table) in places.items()}
    return Catalog("Spark catalog", parts.shown, engine, tables, lambda: parts.fingerprint(snapshot))


def _session(parts: Address) -> SparkSession:
    builder = SparkSession.builder.appName("equipoise")
    place = parts.for_driver.partition("?")[0]
    if place == "spark://":
        return builder.getOrCreate()
    if place.startswith("sc://"):
        return builder.remote(parts.for_driver).getOrCreate()
    return builder.master("local[*]" if place == "spark://local" else place).getOrCreate()


def _raw_table(engine: SparkEngine, schema: str, table: str) -> RawTable:
    return RawTable(f"{schema}.{table}", lambda: engine.stored(table, schema), counted=False)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
