"""The first line of a delimited text file: which character separates fields, and what the columns are called."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import Fault, SourceError

_DELIMITERS = (",", "\t", ";", "|")
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How to read a delimited text file: the field separator and the column names as written."""

    delimiter: str
    names: tuple[str, ...]


def text_layout(path: Path) -> TextLayout:
    """Reads the header line of a plain or gzipped UTF-8 file, with or without a byte order mark.

    Raises SourceError if there is no header line, if it is not UTF-8, or if two columns have the same name.
    """
    line = _first_line(path)
    delimiter = max(_DELIMITERS, key=line.count)
    names = tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter), ()))
    if not any(names):
        raise SourceError(Fault(path.name, "has no header line", "column names in the first line"))
    lower = [name.lower() for name in names if name]
    if len(set(lower)) < len(lower):
        twice = sorted({name for name in lower if lower.count(name) > 1})
        raise SourceError(Fault(path.name, f"two columns are called {', '.join(map(repr, twice))}", "each name once"))
    return TextLayout(delimiter, names)


def _first_line(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return file.readline(_LONGEST_HEADER).decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SourceError(Fault(path.name, "is not UTF-8 text", remedy="save it as UTF-8")) from None
    except (gzip.BadGzipFile, EOFError):
        raise SourceError(Fault(path.name, "is not a whole gzip file", remedy="copy or compress it again")) from None
