"""Finds the files of the CDM tables in a folder: one file a table, or a folder of Parquet parts, in any letter case."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from equipoise.data.engine_errors import said_plainly
from equipoise.data.tables import TABLES
from equipoise.errors import Fault, SourceError

PARQUET = ".parquet"
_TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
# Forms of data that are not read. A table that is there only so must not pass for absent.
_UNREAD = (
    ".zip", ".bz2", ".xz", ".zst", ".7z", ".txt", ".txt.gz", ".feather", ".arrow", ".orc", ".avro", ".json", ".rds",
    ".rdata", ".sas7bdat", ".dta", ".sav", ".xlsx",
)  # fmt: skip
_FORMS = "a folder with one file a table, such as person.parquet, person.csv, person.csv.gz or person.tsv"


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table: one, or the parts of a Parquet folder. `shown` is the name for messages."""

    shown: str
    paths: tuple[Path, ...]
    is_text: bool


def table_files(folder: Path) -> dict[str, TableFiles]:
    """The files of each declared table; everything else in the folder is ignored.

    Raises SourceError if a table is there twice, or only in a form that is not read, or if there is no table at all.
    """
    readable: dict[str, list[TableFiles]] = defaultdict(list)
    unread: dict[str, str] = {}
    with said_plainly(f"folder {folder.name!r}"):
        for entry in sorted(folder.iterdir()):
            table, files = _recognised(entry)
            if files is not None:
                readable[table].append(files)
            elif table in TABLES:
                unread[table] = entry.name
    where = f"folder {folder.name!r}"
    faults = [_twice(where, table, found) for table, found in readable.items() if len(found) > 1]
    faults += [_not_read(where, table, name) for table, name in unread.items() if table not in readable]
    if not readable and not faults:
        faults = [Fault(where, "holds no OMOP CDM table", _FORMS)]
    if faults:
        raise SourceError(faults)
    return {table: found[0] for table, found in readable.items()}


def _recognised(entry: Path) -> tuple[str, TableFiles | None]:
    """The table that an entry stands for ("" if none), and its files if they can be read."""
    name = entry.name.lower()
    if entry.is_dir():
        table = name.removesuffix(PARQUET)
        parts = tuple(sorted(part for part in entry.iterdir() if part.name.lower().endswith(PARQUET)))
        if table not in TABLES or not any(entry.iterdir()):
            return "", None
        return table, TableFiles(entry.name, parts, is_text=False) if parts else None
    for suffix in (PARQUET, *_TEXT):
        if name.endswith(suffix) and name.removesuffix(suffix) in TABLES:
            return name.removesuffix(suffix), TableFiles(entry.name, (entry,), is_text=suffix != PARQUET)
    return name.partition(".")[0] if name.endswith(_UNREAD) else "", None


def _twice(where: str, table: str, found: list[TableFiles]) -> Fault:
    return Fault(
        where,
        f"{' and '.join(files.shown for files in found)} are all files of table {table!r}",
        "one file a table",
        "remove or rename the files that should not be read",
    )


def _not_read(where: str, table: str, name: str) -> Fault:
    return Fault(
        where,
        f"{name} seems to hold table {table!r} in a form that is not read",
        _FORMS,
        "convert, rename or remove it",
    )
