"""Data kept as files: a DuckDB file, or a folder with one Parquet or delimited text file a table."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import ibis.expr.types as ir

from equipoise.data.catalog import Catalog, RawTable
from equipoise.data.engine import DuckDBEngine, EngineOptions, quoted_name, quoted_text
from equipoise.data.engine_errors import said_plainly
from equipoise.data.schemas import SchemaChoice, chosen_tables
from equipoise.data.tables import TABLES
from equipoise.data.textfile import text_layout
from equipoise.errors import Fault, SourceError

_PARQUET = ".parquet"
_SUFFIXES = (_PARQUET, ".csv", ".csv.gz", ".tsv", ".tsv.gz")
_FOLDER_FORM = "a folder with one file a table, such as person.parquet, person.csv, person.csv.gz or person.tsv"


def open_folder(folder: Path, snapshot: str | None, options: EngineOptions) -> Catalog:
    """A folder of Parquet, CSV, TSV or gzipped text files, one a table; other files are ignored."""
    files = _table_files(folder)
    engine = DuckDBEngine(options)
    tables = {table: _raw_file(engine, table, path) for table, path in files.items()}
    return Catalog("folder", folder.name, engine, tables, lambda: files_fingerprint(files.values(), snapshot))


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
    """Hash of the name, size and modification time of each file, of each Parquet footer, and of the snapshot label."""
    digest = hashlib.sha256(repr(snapshot).encode())
    for path in sorted(paths):
        stat = path.stat()
        footer = _parquet_footer(path) if path.name.lower().endswith(_PARQUET) else b""
        digest.update(repr((path.name, stat.st_size, stat.st_mtime_ns)).encode())
        digest.update(hashlib.sha256(footer).digest())
    return digest.hexdigest()


def _parquet_footer(path: Path) -> bytes:
    """The metadata at the end of a Parquet file: its last 8 bytes say how long it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - 8, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - 8 - length, 0))
        return file.read()


def _table_files(folder: Path) -> dict[str, Path]:
    """The one file of each declared table."""
    with said_plainly(f"folder {folder.name!r}"):
        entries = sorted(entry for entry in folder.iterdir() if entry.is_file())
    candidates: dict[str, list[Path]] = defaultdict(list)
    for entry in entries:
        if (table := _table_named(entry)) is not None:
            candidates[table].append(entry)
    faults = [
        Fault(
            f"folder {folder.name!r}",
            f"{' and '.join(path.name for path in paths)} are all files of table {table!r}",
            "one file a table",
            "remove or rename the files that should not be read",
        )
        for table, paths in candidates.items()
        if len(paths) > 1
    ]
    if not candidates:
        faults = [Fault(f"folder {folder.name!r}", "holds no OMOP CDM table", _FOLDER_FORM)]
    if faults:
        raise SourceError(faults)
    return {table: paths[0] for table, paths in candidates.items()}


def _table_named(path: Path) -> str | None:
    name = path.name.lower()
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name.removesuffix(suffix) in TABLES:
            return name.removesuffix(suffix)
    return None


def _raw_file(engine: DuckDBEngine, table: str, path: Path) -> RawTable:
    is_text = not path.name.lower().endswith(_PARQUET)
    scan = _scan_of_text if is_text else _scan_of_parquet

    def read() -> ir.Table:
        engine.run(f"CREATE VIEW IF NOT EXISTS {quoted_name(table)} AS SELECT * FROM {scan(path)}")
        return engine.stored(table)

    return RawTable(path.name, read, is_text=is_text, counted=not is_text)


def _scan_of_parquet(path: Path) -> str:
    return f"read_parquet({_literal_path(path)}, binary_as_string = true, hive_partitioning = false)"


def _scan_of_text(path: Path) -> str:
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
