"""Reading a results folder back."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.errors import Fault, SourceError
from equipoise.results.results import Results
from equipoise.results.tables import TABLES
from equipoise.results.write import FORMAT, FORMAT_VERSION, MANIFEST, RUN
from equipoise.results.write import TABLES as FOLDER


def read_results(directory: str | Path) -> Results:
    """The `Results` that a run wrote into a folder.

    Raises `SourceError` (exit code 11) where the folder holds no results, a table is missing or cannot be read, or its
    columns are not those this version of Equipoise declares.
    """
    folder = Path(directory)
    manifest = _json(folder, MANIFEST)
    if manifest.pop("format", None) != FORMAT:
        raise SourceError(Fault(str(folder / MANIFEST), "not written by Equipoise", "a folder with results of a run"))
    version = manifest.pop("format_version", None)
    if version != FORMAT_VERSION:
        remedy = "read it with the version of Equipoise that its manifest names"
        raise SourceError(Fault(str(folder / MANIFEST), f"format {version}", f"format {FORMAT_VERSION}", remedy))
    tables, faults = {}, []
    for name in TABLES:
        found = _table(folder / FOLDER / f"{name}.parquet", name)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            tables[name] = found
    if faults:
        raise SourceError(faults)
    return Results(tables, manifest, _json(folder, RUN))


def _json(folder: Path, name: str) -> dict[str, Any]:
    allowed = "a folder with results of a run"
    try:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = f"no {name} in it" if folder.is_dir() else "no such folder"
        raise SourceError(Fault(str(folder), what, allowed)) from None
    except OSError as error:
        raise SourceError(Fault(str(folder / name), error.strerror or "cannot be read", "a readable file")) from None
    except ValueError:
        raise SourceError(Fault(str(folder / name), "not JSON", allowed)) from None
    if not isinstance(value, dict):
        raise SourceError(Fault(str(folder / name), "not a JSON object", allowed))
    return value


def _table(path: Path, name: str) -> pa.Table | Fault:
    declared = TABLES[name].arrow
    remedy = "run the study again"
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        return Fault(str(path), "no such file", "every table of the run", remedy)
    except (OSError, pa.ArrowException):
        return Fault(str(path), "cannot be read as Parquet", "the file as it was written", remedy)
    if not table.schema.equals(declared):
        return Fault(str(path), f"columns {', '.join(table.column_names)}", ", ".join(declared.names), remedy)
    return table.replace_schema_metadata(None)
