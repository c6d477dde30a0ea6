"""Tables that grow block by block into Parquet files, one a table, whole or not at all.

Row groups depend on the rows and their order alone: rows are gathered until there are enough of them for one group.
Columns of identifiers and days are stored as differences (DELTA_BINARY_PACKED), everything else by dictionary.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.errors import Fault, OutputError

GROUP_ROWS = 250_000
PART = ".part"
_DIFFERENCES = ("_id", "_date", "_id_1", "_id_2", "_day", "LopNr", "DATUM")


@contextmanager
def said_plainly(place: Path) -> Iterator[None]:
    """Trouble with a place as an `OutputError`."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or place)
        found = (error.strerror or "cannot be written").lower()
        raise OutputError(Fault(where, found, "a place that can be written to")) from None


class ParquetFolder:
    """The tables of a folder while they are written. `finish` gives them their names, `abandon` removes them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._waiting: dict[str, list[pa.Table]] = {}

    def add(self, tables: dict[str, pa.Table]) -> None:
        """Append rows. A table has the same columns every time."""
        for name, rows in tables.items():
            waiting = self._waiting.setdefault(name, [])
            waiting.append(rows)
            if sum(map(len, waiting)) >= GROUP_ROWS:
                self._write(name)

    def finish(self) -> None:
        """Write what waits, close every file and give it its name."""
        for name in self._waiting:
            self._write(name)
        for writer in self._writers.values():
            writer.close()
        for name in self._writers:
            os.replace(self._part(name), self.folder / f"{name}.parquet")

    def abandon(self) -> None:
        """Leave nothing behind."""
        for name, writer in self._writers.items():
            with suppress(OSError, pa.ArrowException):
                writer.close()
            with suppress(OSError):
                self._part(name).unlink()

    def _part(self, name: str) -> Path:
        return self.folder / f"{name}.parquet{PART}"

    def _write(self, name: str) -> None:
        if not self._waiting[name]:
            return
        rows = pa.concat_tables(self._waiting[name])
        self._waiting[name] = []
        if name not in self._writers:
            self._writers[name] = self._opened(name, rows.schema)
        self._writers[name].write_table(rows, row_group_size=max(len(rows), 1))

    def _opened(self, name: str, schema: pa.Schema) -> pq.ParquetWriter:
        near = {field.name: "DELTA_BINARY_PACKED" for field in schema if _stored_as_differences(field)}
        return pq.ParquetWriter(
            self._part(name),
            schema,
            compression="zstd",
            compression_level=1,
            version="2.6",
            store_schema=False,
            use_dictionary=[field.name for field in schema if field.name not in near],
            column_encoding=near,
        )


def _stored_as_differences(field: pa.Field) -> bool:
    """Identifiers of rows and persons, and days; concepts repeat and are better stored by dictionary."""
    whole = pa.types.is_int64(field.type) or pa.types.is_date32(field.type)
    return whole and field.name.endswith(_DIFFERENCES) and "concept" not in field.name
