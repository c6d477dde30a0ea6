"""Opens data from where they lie: a DuckDB file, a folder of files, registers by a mapping file, a database by URL."""

from importlib import import_module
from pathlib import Path
from urllib.parse import quote

from equipoise.data.engine import EngineOptions
from equipoise.data.files import open_duckdb_file, open_folder
from equipoise.data.registers import open_mapping
from equipoise.data.schemas import SchemaChoice
from equipoise.data.source import Source
from equipoise.data.tables import TABLES
from equipoise.errors import Fault, SourceError

# Scheme of a URL → module with `open_url(url, snapshot, options) -> Catalog`, loaded only when it is asked for.
_DRIVERS: dict[str, str] = {
    "duckdb": "equipoise.data.driver_duckdb",
    "sqlite": "equipoise.data.driver_sqlite",
    "postgres": "equipoise.data.driver_postgres",
    "postgresql": "equipoise.data.driver_postgres",
    "spark": "equipoise.data.driver_spark",
    "sc": "equipoise.data.driver_spark",
}
_ALLOWED = (
    "a DuckDB file, a folder of Parquet or CSV files, a mapping file of registers (.toml), or a URL that begins with "
    + ", ".join(f"{scheme}://" for scheme in _DRIVERS)
)
MAPPING = ".toml"
_DUCKDB_MAGIC = b"DUCK"
_SQLITE_MAGIC = b"SQLite format 3\0"


def connect(
    location: str | Path,
    *,
    snapshot: str | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> Source:
    """Opens an OMOP CDM 5.3 or 5.4 database, or registers, for reading.

    `location`      a DuckDB file, a folder with one Parquet, CSV, TSV or gzipped file a table, a mapping file (.toml)
                    that says which tables and columns of registers hold what, or a URL
    `snapshot`      a label that names the state of the data; a server has no cheap fingerprint without it
    `threads`, `memory_limit`  what DuckDB may use (default: all cores, 80 % of memory), as 2 and "4GB"

    Raises SourceError with all structural faults if `person` or `observation_period` cannot be used, and SpecError with
    all faults of a mapping file. A password in a
    URL never appears in a message, a `repr` or a fingerprint.

    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> _ = (folder / "PERSON.csv").write_text("person_id,gender_concept_id,year_of_birth\\n1,8532,1950\\n")
    >>> header = "person_id,observation_period_start_date,observation_period_end_date"
    >>> _ = (folder / "observation_period.csv").write_text(f"{header}\\n1,2000-01-01,2020-12-31\\n")
    >>> with connect(folder) as source:
    ...     source.to_arrow(source.table("person"))["year_of_birth"].to_pylist()
    [1950]
    """
    options = EngineOptions(threads, memory_limit)
    scheme, separator, _ = str(location).partition("://")
    if separator and not isinstance(location, Path):
        catalog = _driver(scheme).open_url(str(location), snapshot, options)
    else:
        catalog = _open_path(Path(location).expanduser(), snapshot, options)
    source = Source(catalog)
    try:
        source.fingerprint()  # from here on, a change of the data is noticed
        _refuse_unusable(source)
    except BaseException:
        source.close()
        raise
    return source


def _driver(scheme: str):
    module = _DRIVERS.get(scheme.lower())
    if module is None:
        raise SourceError(Fault("location of the data", f"unknown scheme {scheme!r}", _ALLOWED))
    try:
        return import_module(module)
    except ImportError as error:
        raise SourceError(
            Fault(
                "location of the data",
                f"reading {scheme}:// needs the Python package {error.name!r}, which is not installed",
                remedy="install it, or copy the tables into a folder of Parquet files",
            )
        ) from None


def _open_path(path: Path, snapshot: str | None, options: EngineOptions):
    try:
        if path.is_dir():
            return open_folder(path, snapshot, options)
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise SourceError(Fault(str(path), "there is no such file or folder", _ALLOWED)) from None
    except PermissionError:
        raise SourceError(
            Fault(str(path), "reading is not permitted", remedy="ask for permission to read it")
        ) from None
    except OSError as error:
        raise SourceError(Fault(str(path), error.strerror or "cannot be opened", _ALLOWED)) from None
    if path.suffix.lower() == MAPPING:
        return open_mapping(path, snapshot, options)
    if head == _SQLITE_MAGIC:
        return _driver("sqlite").open_url(f"sqlite://{quote(str(path.absolute()))}", snapshot, options)
    if head[8:12] != _DUCKDB_MAGIC:
        raise SourceError(Fault(str(path), "is not a DuckDB file", _ALLOWED))
    return open_duckdb_file(path, snapshot, options, SchemaChoice())


def _refuse_unusable(source: Source) -> None:
    required = [name for name, table in TABLES.items() if table.required]
    if source.faults(required):
        source.check(TABLES)
