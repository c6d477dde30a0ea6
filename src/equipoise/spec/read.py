"""From a TOML file to a `Study`, or to the complete list of what is wrong with it."""

import tomllib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from equipoise.errors import Fault, SpecError
from equipoise.spec.meaning import check_meaning
from equipoise.spec.references import check_references
from equipoise.spec.study import Study
from equipoise.spec.values import shown
from equipoise.spec.wording import worded

MOST_BYTES = 10_000_000


def read_study(path: str | Path) -> Study:
    """Read a study file (TOML 1.0 in UTF-8).

    Raises `SpecError` (exit code 10) with every fault found: unreadable file, broken TOML, unknown keys, wrong types,
    names that are used but not defined, settings that contradict each other.

    >>> read_study("no-such-study.toml")
    Traceback (most recent call last):
    equipoise.errors.SpecError: no-such-study.toml: no such file; allowed: the path of a study file (TOML)
    """
    return study_from_bytes(_content(Path(path), "study"), str(path))


def study_from_bytes(content: bytes, name: str) -> Study:
    """A study from the content of a file; `name` is what messages call it. Raises `SpecError` as `read_study`."""
    text = _text(content, name)
    if not text.strip():
        raise SpecError(Fault(name, "an empty file", "a study file in TOML"))
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise SpecError(Fault(name, "tables or lists nested too deeply", "a study file in TOML 1.0")) from None
    except ValueError as error:
        raise SpecError(Fault(name, f"not TOML: {error}", "a study file in TOML 1.0")) from None
    return parse_study(raw)


def file_content(path: Path, kind: str) -> str:
    """The text of a file of some kind (a word for messages), as a study file's is read. Raises `SpecError`."""
    return _text(_content(path, kind), str(path))


def _content(path: Path, kind: str) -> bytes:
    allowed = f"the path of a {kind} file (TOML)"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        found = "no such file"
    except IsADirectoryError:
        found = "a folder"
    except PermissionError:
        found = "no permission to read it"
    except (OSError, ValueError) as error:
        found = ((error.strerror if isinstance(error, OSError) else None) or "not a path").lower()
    raise SpecError(Fault(str(path), found, allowed))


def _text(content: bytes, name: str) -> str:
    """The text of a file: without a byte-order mark, and with letters and accents composed alike (NFC)."""
    if len(content) > MOST_BYTES:
        raise SpecError(Fault(name, f"{len(content):,} bytes", f"at most {MOST_BYTES:,}"))
    try:
        return unicodedata.normalize("NFC", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        found = f"not text in UTF-8 (byte {error.start + 1})"
        raise SpecError(Fault(name, found, "a text file in UTF-8", "save it as UTF-8")) from None


def parse_study(raw: Any) -> Study:
    """Turn plain values (as from `tomllib.load`, or a study's canonical form) into a `Study`.

    Raises `SpecError` with every fault. A table's own contradictions are looked for once its keys and types are right.
    """
    if not isinstance(raw, dict):
        raise SpecError(Fault("study file", shown(raw), "a table of settings"))
    faults = [*check_references(raw), *check_meaning(raw)]
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        faults += worded(error, Study, raw)
    if faults:
        raise SpecError(_in_order(faults))
    return study


def _in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Each fault once, in the order of a study's parts."""
    keys = list(Study.model_fields)

    def position(fault: Fault) -> tuple[int, str]:
        top = fault.where.split(".")[0].split("[")[0]
        return (keys.index(top) if top in keys else len(keys), fault.where)

    return sorted(dict.fromkeys(faults), key=position)
