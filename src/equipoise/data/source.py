"""A database as Equipoise sees it: declared tables with declared, exact types, and nothing else."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from types import TracebackType

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.catalog import Catalog, Check, RawTable
from equipoise.data.engine import DuckDBEngine
from equipoise.data.engine_errors import said_plainly
from equipoise.data.normalise import Normalised
from equipoise.data.structure import bad_cells, columns_of, empty, missing_table
from equipoise.data.tables import TABLES, CdmTable
from equipoise.errors import Fault, SourceError

_ARROW = {"int32": pa.int32(), "string": pa.string(), "boolean": pa.bool_()}
_BATCH_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Description:
    """What a source is: the kind of place, and what its `cdm_source` table says of itself (None where it is silent)."""

    kind: str
    name: str | None
    cdm_version: str | None
    vocabulary_version: str | None


class Source:
    """An open database. Made by `connect`; closed by `close` or at the end of a `with` block.

    Relations are ibis tables that the database has not computed yet; `to_arrow` and `batches` compute them.
    """

    def __init__(self, catalog: Catalog):
        self._catalog = catalog
        self._tables: dict[str, ir.Table] = {}
        self._kept: dict[str, ir.Table] = {}
        self._opened_as: str | None = None

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Source({self._catalog.kind}, {len(self._catalog.tables)} tables)"

    def close(self) -> None:
        """Lets go of files, connections and temporary tables; what was extracted stays valid."""
        self._catalog.engine.close()

    @property
    def description(self) -> Description:
        """Kind of source, and CDM name and versions from the first row of `cdm_source`."""
        row = self.to_arrow(self.table("cdm_source").limit(1)).to_pylist() if self.has("cdm_source") else []
        said = row[0] if row else {}
        return Description(
            self._catalog.kind, said.get("cdm_source_name"), said.get("cdm_version"), said.get("vocabulary_version")
        )

    @property
    def has_shared_concepts(self) -> bool:
        """Whether concept identifiers are those of OMOP; registers have codes, and identifiers of their own."""
        return self._catalog.has_shared_concepts

    @property
    def checks(self) -> tuple[Check, ...]:
        """Checks of data quality that the source brings along."""
        return self._catalog.checks

    def has(self, table: str) -> bool:
        """Whether the source holds the table, even if empty."""
        return table in self._catalog.tables

    def faults(self, tables: Iterable[str]) -> list[Fault]:
        """Everything in the structure of the named tables that makes them unusable; reads no rows."""
        return [fault for table in tables for fault in self._structure(TABLES[table])[1]]

    def check(self, tables: Iterable[str]) -> None:
        """Raises one SourceError with all structural faults of the named tables, if there is any."""
        if faults := self.faults(tables):
            raise SourceError(faults)

    def table(self, name: str) -> ir.Table:
        """A declared table with exactly its declared columns and types; empty if it is optional and absent.

        Identifiers int64, days int32 since 1970-01-01, numbers float64, text string. A column that may be missing and
        is missing is NULL. Raises SourceError for a missing required column, a type that cannot be used, or cells that
        cannot be read (with their number, never their content). The first call may scan the table.
        """
        if name not in self._tables:
            self._tables[name] = self._normalised(TABLES[name])
        return self._tables[name]

    def row_count(self, table: str) -> int | None:
        """Rows of a table as stored; None where counting them would mean reading them all."""
        raw = self._catalog.tables.get(table)
        if raw is None:
            return 0
        if table in self._tables:
            rows = self._tables[table]
        elif raw.counted:
            rows = self._stored(raw)
        else:
            return None
        return self.to_arrow(rows.aggregate(rows=rows.count()))["rows"][0].as_py()

    def fingerprint(self) -> str | None:
        """Identity of the content: equal as long as nothing changed. None: unknown, so extract anew every time.

        Raises SourceError where the data are no longer those that were opened: part of them may have been read before.
        """
        with self._said_plainly(self._where):
            found = self._catalog.fingerprint()
        if self._opened_as is None:
            self._opened_as = found
        if found != self._opened_as:
            raise SourceError(Fault(self._where, "the data changed while they were being read", remedy="start again"))
        return found

    def sql(self, relation: ir.Table) -> str:
        """The query that computes a relation, laid out to be read."""
        return str(ibis.to_sql(relation, dialect=self._catalog.engine.name, pretty=True))

    def to_arrow(self, relation: ir.Table) -> pa.Table:
        """Computes a relation. Columns int64, int32, float64 or string exactly, in the relation's order."""
        with self._said_plainly(self._where):
            return self._computed(relation)

    def batches(self, relation: ir.Table) -> Iterator[pa.RecordBatch]:
        """Computes a relation piece by piece, for tables that do not fit in memory."""
        schema = arrow_schema(relation)
        with self._said_plainly(self._where):
            for batch in self._catalog.engine.batches(relation, _BATCH_ROWS):
                yield batch.cast(schema)

    def pieces(self, relation: ir.Table, column: str, rows: int) -> Iterator[ir.Table]:
        """The rows of a relation in pieces of about so many, by equal ranges of a column of whole numbers.

        Rows with NULL in that column are in no piece. This is for what would not fit in memory at once; a server has
        memory of its own and is asked for everything at once.
        """
        if self._catalog.engine.name != DuckDBEngine.name:
            yield relation.filter(relation[column].notnull())
            return
        values = relation[column]
        said = self._computed(relation.aggregate(low=values.min(), high=values.max(), n=relation.count()))
        low, high, n = (said[name][0].as_py() for name in ("low", "high", "n"))
        if low is None:
            return
        n_pieces = -(-n // rows)
        edges = [low + (high + 1 - low) * i // n_pieces for i in range(n_pieces + 1)]
        for first, after in pairwise(edges):
            yield relation.filter((values >= first) & (values < after))

    def _computed(self, relation: ir.Table) -> pa.Table:
        schema = arrow_schema(relation)
        batches = [batch.cast(schema) for batch in self._catalog.engine.batches(relation, _BATCH_ROWS)]
        return pa.Table.from_batches(batches, schema)

    @property
    def _where(self) -> str:
        return f"{self._catalog.kind} {self._catalog.place!r}"

    def upload(self, columns: pa.Table) -> ir.Table:
        """A temporary table in the database with these columns; never touches the user's own tables."""
        with self._said_plainly(self._where):
            return self._catalog.engine.upload(columns)

    def once(self, name: str, relation: Callable[[], ir.Table]) -> ir.Table:
        """A relation computed into a temporary table at the first call under this name, and reused afterwards."""
        if name not in self._kept:
            with self._said_plainly(self._where):
                self._kept[name] = self._catalog.engine.create(relation(), name)
        return self._kept[name]

    def keep(self, relation: ir.Table, label: str) -> ir.Table:
        """A relation computed into a temporary table, whose name begins with `label`."""
        with self._said_plainly(self._where):
            return self._catalog.engine.create(relation, label)

    def _said_plainly(self, where: str) -> AbstractContextManager[None]:
        return said_plainly(where, self._catalog.engine.complaints)

    def _stored(self, raw: RawTable) -> ir.Table:
        with self._said_plainly(raw.where):
            return raw.read()

    def _structure(self, declared: CdmTable) -> tuple[dict[str, Normalised], list[Fault]]:
        raw = self._catalog.tables.get(declared.name)
        if raw is None:
            return {}, [missing_table(declared)] if declared.required else []
        try:
            stored = self._stored(raw)
            if raw.is_normal:
                return {column.name: Normalised(stored[column.name]) for column in declared.columns}, []
            return columns_of(declared, raw, stored, self._catalog.engine.dialect)
        except SourceError as error:
            return {}, list(error.faults)

    def _normalised(self, declared: CdmTable) -> ir.Table:
        columns, faults = self._structure(declared)
        if faults:
            raise SourceError(faults)
        raw = self._catalog.tables.get(declared.name)
        if raw is None:
            return empty(declared)
        if raw.is_normal:
            return self._stored(raw)
        with self._said_plainly(raw.where):
            return self._parsed(declared, raw, columns) if raw.is_text else self._viewed(declared, raw, columns)

    def _viewed(self, declared: CdmTable, raw: RawTable, columns: dict[str, Normalised]) -> ir.Table:
        """The stored table seen through its declaration, after one scan of the columns whose cells may be bad."""
        stored = raw.read()
        bad = {name: flag for name, made in columns.items() if (flag := made.bad()) is not None}
        if bad:
            counts = stored.aggregate(**{name: _number_of(flag) for name, flag in bad.items()})
            self._refuse(declared, raw, counts)
        return stored.select(**{name: made.value for name, made in columns.items()})

    def _parsed(self, declared: CdmTable, raw: RawTable, columns: dict[str, Normalised]) -> ir.Table:
        """A text file read once, into a temporary table; one bit a column says which cells held anything."""
        if raw.fill is not None:
            raw.fill()
        held = {name: made.held for name, made in columns.items() if made.held is not None}
        bits = [flag.fill_null(False).ifelse(1 << i, 0).cast("int64") for i, flag in enumerate(held.values())]
        values = {name: made.value for name, made in columns.items()}
        held_cells = reduce(add, bits, ibis.literal(0, "int64"))
        table = self._catalog.engine.create(raw.read().select(**values, held_cells=held_cells), declared.name)
        if held:
            bad = {name: ((table.held_cells & (1 << i)) != 0) & table[name].isnull() for i, name in enumerate(held)}
            self._refuse(declared, raw, table.aggregate(**{name: _number_of(flag) for name, flag in bad.items()}))
        return table.select(*columns)

    def _refuse(self, declared: CdmTable, raw: RawTable, counts: ir.Table) -> None:
        found = self._computed(counts).to_pylist()[0]
        faults = [bad_cells(declared, raw, column, n) for column in declared.columns if (n := found.get(column.name))]
        if faults:
            raise SourceError(faults)


def arrow_schema(relation: ir.Table) -> pa.Schema:
    """The Arrow types in which a relation leaves the database: int32, int64, float64, string, bool."""
    return pa.schema([(name, _arrow_type(stored)) for name, stored in relation.schema().items()])


def _arrow_type(stored: dt.DataType) -> pa.DataType:
    if stored.is_floating():
        return pa.float64()
    if stored.is_integer() and not stored.is_int32():
        return pa.int64()
    return _ARROW[type(stored).__name__.lower()]


def _number_of(flag: ir.BooleanValue) -> ir.IntegerValue:
    return flag.fill_null(False).ifelse(1, 0).cast("int64").sum().fill_null(0).cast("int64")
