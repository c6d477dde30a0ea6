"""Writing a results folder: whole or not at all, and the same bytes for the same results."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.errors import Fault, OutputError
from equipoise.results.results import Results

FORMAT = "equipoise results"
FORMAT_VERSION = 1
MANIFEST, RUN, TABLES = "manifest.json", "run.json", "tables"
PARTIAL = ".equipoise-partial-"


def write(results: Results, directory: str | Path) -> Path:
    """Write `manifest.json`, `run.json` and `tables/*.csv` and `*.parquet` into a folder, and return its path.

    Everything is first written into a hidden folder inside it, then put in place by renaming, so that a failure leaves
    what was there before. A results folder that is already there is replaced; other files in it are left alone.

    Raises `OutputError` (exit code 11) where the place is a file or a folder that holds something else, or cannot be
    written.
    """
    target = Path(directory)
    made = _missing_ancestors(target)
    check_destination(target)
    try:
        with _said_plainly(target):
            target.mkdir(parents=True, exist_ok=True)
            _sweep(target)
            partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=target))
            _fill(results, partial)
            _put_in_place(partial, target)
    finally:
        # After success the partial folder holds only what was replaced; after failure, all that had been written.
        _sweep(target)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()  # only where it is empty, that is, where nothing was put in place
    return target


def check_destination(directory: str | Path) -> None:
    """Raise `OutputError` where `write` could not write: worth asking before hours of computing."""
    target = Path(directory)
    allowed = "a new folder, an empty one, or one that holds earlier results"
    with _said_plainly(target):
        if os.path.lexists(target) and not target.is_dir():
            raise OutputError(Fault(str(target), "a file, not a folder", allowed))
        if target.is_dir() and not _is_ours(target):
            remedy = "name another folder with --to"
            raise OutputError(Fault(str(target), "a folder that holds something other than results", allowed, remedy))
        place = target
        while not place.exists():
            place = place.parent
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise OutputError(Fault(str(target), f"{place} cannot be written to", "a folder with write permission"))


def csv_text(table: pa.Table) -> str:
    """A table as CSV: shortest text that reads back as the same number, null empty, empty text quoted, `\\n` ends."""
    columns = [column.to_pylist() for column in table.columns]
    lines = [",".join(_field(name) for name in table.column_names)]
    lines += [",".join(_field(value) for value in row) for row in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


def json_text(value: Mapping[str, Any]) -> str:
    """Plain values as JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if text == "" or any(character in text for character in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def _fill(results: Results, folder: Path) -> None:
    (folder / TABLES).mkdir()
    for name, table in results.tables.items():
        (folder / TABLES / f"{name}.csv").write_text(csv_text(table), encoding="utf-8", newline="")
        pq.write_table(
            table.combine_chunks(),
            folder / TABLES / f"{name}.parquet",
            version="2.6",
            compression="zstd",
            compression_level=3,
            use_dictionary=True,
            write_statistics=True,
            row_group_size=1 << 20,
        )
    marked = {**results.manifest, "format": FORMAT, "format_version": FORMAT_VERSION}
    (folder / RUN).write_text(json_text(results.timings), encoding="utf-8", newline="")
    (folder / MANIFEST).write_text(json_text(marked), encoding="utf-8", newline="")


def _put_in_place(partial: Path, target: Path) -> None:
    """Rename each entry into place; should one rename fail, undo those before it."""
    old = partial / "replaced"
    old.mkdir()
    done: list[str] = []
    try:
        for name in (TABLES, RUN, MANIFEST):
            if (target / name).exists():
                os.replace(target / name, old / name)
            done.append(name)
            os.replace(partial / name, target / name)
    except OSError:
        for name in done:
            if (target / name).exists():
                os.replace(target / name, partial / name)
            if (old / name).exists():
                os.replace(old / name, target / name)
        raise


def _is_ours(folder: Path) -> bool:
    """True for an empty folder (leavings of an interrupted write aside) and for one whose manifest carries our mark."""
    if not any(not entry.name.startswith(PARTIAL) for entry in folder.iterdir()):
        return True
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT


def _sweep(folder: Path) -> None:
    for entry in folder.glob(f"{PARTIAL}*"):
        shutil.rmtree(entry, ignore_errors=True)


def _missing_ancestors(folder: Path) -> list[Path]:
    """The folder and those above it that do not exist yet, innermost first."""
    return [place for place in (folder, *folder.parents) if not place.exists()]


@contextmanager
def _said_plainly(target: Path) -> Iterator[None]:
    """Failures of the file system, re-said as one fault that names the folder the user gave."""
    try:
        yield
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise OutputError(
            Fault(str(target), f"cannot be written: {what}", "a folder with write permission and room")
        ) from error
