"""From a TOML file to a `Study`, or to the complete list of what is wrong with it."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from equipoise.errors import Fault, SpecError
from equipoise.spec.meaning import check_meaning
from equipoise.spec.references import check_references, path_text
from equipoise.spec.study import SPEC_VERSION, Study


def read_study(path: str | Path) -> Study:
    """Read a study file.

    Raises `SpecError` (exit code 10) with every fault found: unreadable file, broken TOML, unknown keys, wrong types,
    names that are used but not defined, settings that contradict each other.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(Fault(str(path), "no such file", "the path of a study file (TOML)")) from None
    except (OSError, UnicodeDecodeError) as error:
        what = "not text in UTF-8" if isinstance(error, UnicodeDecodeError) else (error.strerror or "cannot be read")
        raise SpecError(Fault(str(path), what, "a readable TOML file in UTF-8")) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(Fault(str(path), f"not TOML: {error}", "a study file in TOML 1.0")) from None
    return parse_study(raw)


def parse_study(raw: dict[str, Any]) -> Study:
    """Turn plain values (as from `tomllib.load`) into a `Study`, or raise `SpecError` with every fault."""
    faults = check_references(raw)
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        wrong = [_fault(item) for item in error.errors(include_url=False) if not _follows_from_another(item)]
        raise SpecError(sorted([*wrong, *faults], key=lambda fault: fault.where)) from None
    faults = faults or check_meaning(study)
    if faults:
        raise SpecError(faults)
    return study


def _follows_from_another(error: Any) -> bool:
    """A list whose only items are themselves faulty is not too short."""
    return error["type"] == "too_short" and len(error["input"]) > 0


def _fault(error: Any) -> Fault:
    """One pydantic error in the words of a study file."""
    where = path_text(_file_path(error["loc"])) or "study file"
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"], where)
    if kind == "missing":
        return Fault(where, "missing", remedy="add this key")
    if kind in ("literal_error", "union_tag_invalid"):
        allowed = str(context.get("expected", context.get("expected_tags", "")))
        if where == "spec_version":
            remedy = "use the version of Equipoise the file is written for"
            return Fault(where, _shown(error["input"]), str(SPEC_VERSION), remedy)
        return Fault(where, _shown(error["input"]), allowed)
    if kind == "value_error":
        return Fault(where, str(context["error"]))
    return Fault(where, _shown(error["input"]), error["msg"][0].lower() + error["msg"][1:])


TAGS = {"age", "sex", "region", "race", "ethnicity", "care_site", "calendar_year", "birth_year", "event", "count"}


def _file_path(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The place in the file: pydantic's location without the tag it adds behind a covariate's position."""
    if len(loc) > 2 and loc[0] == "covariates" and loc[2] in TAGS:
        return (*loc[:2], *loc[3:])
    return tuple(loc)


def _unknown_key(loc: tuple[str | int, ...], where: str) -> Fault:
    known = _known_keys(loc[:-1])
    close = get_close_matches(str(loc[-1]), known, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else "remove it"
    return Fault(where, "unknown key", ", ".join(known), remedy)


def _known_keys(loc: tuple[str | int, ...]) -> list[str]:
    """The keys a table at this place may hold, read from the JSON Schema of a study."""
    schema = Study.model_json_schema(by_alias=True)
    definitions, node = schema["$defs"], schema
    for part in loc:
        node = _step(_follow(node, definitions), part, definitions)
    return sorted(_follow(node, definitions).get("properties", {}))


def _follow(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        elif "anyOf" in node:
            node = next((option for option in node["anyOf"] if option.get("type") != "null"), {})
        else:
            return node


def _step(node: dict[str, Any], part: str | int, definitions: dict[str, Any]) -> dict[str, Any]:
    if "discriminator" in node and part in node["discriminator"]["mapping"]:
        return definitions[node["discriminator"]["mapping"][part].rsplit("/", 1)[-1]]
    if isinstance(part, int):
        return node.get("items", node)
    if part in node.get("properties", {}):
        return node["properties"][part]
    rest = node.get("additionalProperties", {})
    return rest if isinstance(rest, dict) else {}


def _shown(value: Any) -> str:
    if isinstance(value, BaseModel | dict | list | tuple):
        return f"a {'table' if isinstance(value, dict | BaseModel) else 'list'}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
