"""Data kept as files: a DuckDB file, or a folder with one Parquet or delimited text file a table."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import ibis.expr.types as ir

from equipoise.data.catalog import Catalog, RawTable
from equipoise.data.engine import DuckDBEngine, EngineOptions, quoted_name, quoted_text
from equipoise.data.engine_errors import said_plainly
from equipoise.data.folder import PARQUET, TableFiles, table_files
from equipoise.data.schemas import SchemaChoice, chosen_tables
from equipoise.data.textfile import text_layout
from equipoise.errors import SourceError

SMALL = 256 * 2**20  # bytes of all files of a source that are read whole for its fingerprint: below half a second


def open_folder(folder: Path, snapshot: str | None, options: EngineOptions) -> Catalog:
    """A folder of Parquet, CSV, TSV or gzipped text files, one a table; other files are ignored."""
    files = table_files(folder)
    engine = DuckDBEngine(options)
    tables = {table: _raw_file(engine, table, found) for table, found in files.items()}
    paths = [path for found in files.values() for path in found.paths]
    return Catalog("folder", folder.name, engine, tables, lambda: files_fingerprint(paths, snapshot))


def open_duckdb_file(path: Path, snapshot: str | None, options: EngineOptions, choice: SchemaChoice) -> Catalog:
    """A DuckDB file, attached read-only to an in-memory database, so that nothing can ever be written into it."""
    engine = DuckDBEngine(options)
    try:
        with said_plainly(path.name):
            engine.run(f"ATTACH {quoted_text(str(path))} AS data (READ_ONLY)")
            found = engine.run(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'data' UNION ALL "
                "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'data' AND NOT internal"
            )
        places = chosen_tables(path.name, found, choice)
    except SourceError:
        engine.close()
        raise
    tables = {name: _raw_table(engine, path, schema, table) for name, (schema, table) in places.items()}
    parts = (path, path.with_name(path.name + ".wal"))

    def fingerprint() -> str:
        return files_fingerprint([part for part in parts if part.exists()], snapshot)

    return Catalog("DuckDB file", path.name, engine, tables, fingerprint)


def _raw_table(engine: DuckDBEngine, path: Path, schema: str, table: str) -> RawTable:
    return RawTable(f"{path.name}, {schema}.{table}", lambda: engine.stored(table, schema, "data"))


def files_fingerprint(paths: Iterable[Path], snapshot: str | None) -> str:
    """Identity of files by their names, and of the snapshot label.

    Of files that together are small, the hash of every byte: copies of the same data are the same data. Else size and
    modification time of each file and its Parquet footer, for gigabytes are not read to be told apart.
    """
    digest = hashlib.sha256(repr(snapshot).encode())
    paths = sorted(paths)
    small = sum(path.stat().st_size for path in paths) <= SMALL
    for path in paths:
        stat = path.stat()
        if small:
            digest.update(repr(path.name).encode() + _content(path, stat.st_size, stat.st_mtime_ns))
            continue
        footer = _parquet_footer(path) if path.name.lower().endswith(PARQUET) else b""
        digest.update(repr((path.name, stat.st_size, stat.st_mtime_ns)).encode())
        digest.update(hashlib.sha256(footer).digest())
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _content(path: Path, size: int, modified: int) -> bytes:
    """The hash of a file's bytes; read again when its size or modification time has changed since."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _parquet_footer(path: Path) -> bytes:
    """The metadata at the end of a Parquet file: its last 8 bytes say how long it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - 8, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - 8 - length, 0))
        return file.read()


def _raw_file(engine: DuckDBEngine, table: str, files: TableFiles) -> RawTable:
    def read() -> ir.Table:
        scan = scan_of_text(files.paths[0]) if files.is_text else scan_of_parquet(files.paths)
        engine.run(f"CREATE VIEW IF NOT EXISTS {quoted_name(table)} AS SELECT * FROM {scan}")
        return engine.stored(table)

    return RawTable(files.shown, read, is_text=files.is_text, counted=not files.is_text)


def scan_of_parquet(paths: Iterable[Path]) -> str:
    """The files as a table function of DuckDB."""
    parts = ", ".join(_literal_path(path) for path in paths)
    return f"read_parquet([{parts}], union_by_name = true, binary_as_string = true, hive_partitioning = false)"


def scan_of_text(path: Path) -> str:
    """A delimited text file as a table function of DuckDB, every column as text. Reads its first line."""
    layout = text_layout(path)
    packing = "gzip" if path.suffix.lower() == ".gz" else "none"
    columns = ", ".join(f"{quoted_text(name or f'unnamed {i}')}: 'VARCHAR'" for i, name in enumerate(layout.names))
    return (
        f"read_csv({_literal_path(path)}, auto_detect = false, header = true, delim = {quoted_text(layout.delimiter)}, "
        f"compression = {quoted_text(packing)}, "
        f"quote = '\"', escape = '\"', hive_partitioning = false, columns = {{{columns}}})"
    )


def _literal_path(path: Path) -> str:
    """A path as DuckDB takes it, with the characters of file patterns taken literally."""
    return quoted_text("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))
