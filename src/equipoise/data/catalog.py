"""What a driver hands over: an engine, and where each declared table lies in it. Nothing here is normalised yet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.engine_errors import Complaint
from equipoise.data.normalise import Dialect


class Engine(Protocol):
    """A place that computes relations.

    `name`        its name among ibis dialects, which decides the SQL
    `complaints`  what the engine's own driver may raise, and how to say it
    """

    name: str
    dialect: Dialect
    complaints: tuple[Complaint, ...]

    def stored(self, name: str, schema: str | None = None) -> ir.Table:
        """A table or view of the database, with the types it has there."""

    def batches(self, relation: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Computes a relation, at most `rows` rows at a time."""

    def create(self, relation: ir.Table, label: str) -> ir.Table:
        """Computes a relation into a temporary table, whose name begins with `label`."""

    def upload(self, columns: pa.Table) -> ir.Table:
        """A temporary table with these columns."""

    def close(self) -> None:
        """Lets go of files, connections and temporary space."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """One table as it is stored.

    `where`    its place in words, for messages (a file name, or schema and name); never a secret
    `read`     opens it as a relation with the stored columns and types
    `is_text`  every column is text and a scan is dear, so it is read once into a temporary table
    `counted`  the number of rows is cheap to ask for
    `fill`     fetches the rows, if `read` gives the columns only
    `is_normal`  `read` gives the declared columns in their declared types
    """

    where: str
    read: Callable[[], ir.Table]
    is_text: bool = False
    counted: bool = True
    fill: Callable[[], None] | None = None
    is_normal: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A check of data quality that a source brings along: the table it is reported under, the rule, and the records.

    `rows`  a relation with person_id, one row a record that the check concerns
    """

    check: str
    table: str
    rule: str
    rows: Callable[[], ir.Table]


@dataclass(frozen=True, slots=True)
class Catalog:
    """An open engine and the CDM tables found in it.

    `kind`         what was opened, in words: "DuckDB file", "folder", "PostgreSQL database", …
    `place`        where, without any secret
    `fingerprint`  asks again for the identity of the content; None where there is no cheap one
    `has_shared_concepts`  concept identifiers are those of OMOP, and not the source's own
    `checks`       counted with every report on data quality, or with those that read the check's table of events
    """

    kind: str
    place: str
    engine: Engine
    tables: Mapping[str, RawTable]
    fingerprint: Callable[[], str | None]
    has_shared_concepts: bool = True
    checks: tuple[Check, ...] = ()
