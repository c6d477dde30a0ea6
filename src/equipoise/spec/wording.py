"""What the type checker finds, said again in the words of a study file."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import ValidationError

from equipoise.errors import Fault
from equipoise.spec.model import Model
from equipoise.spec.places import Path, place
from equipoise.spec.study import SPEC_VERSION
from equipoise.spec.values import Wrong, shown

KINDS = {
    "string_type": "text in quotes",
    "string_unicode": "text in UTF-8",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-', the first a letter or a digit",
    "int_type": "a whole number, without quotes and decimal point",
    "float_type": "a number, without quotes",
    "bool_type": "true or false",
    "date_type": "a date, such as 2015-01-31",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
LIMITS = {"greater_than_equal", "greater_than", "less_than_equal", "less_than"}
CHOICES = {"literal_error", "union_tag_invalid", "union_tag_not_found"}
TABLES_IN_LISTS = ("analyses", "covariates", "grids", "sensitivity")


def worded(error: ValidationError, model: type[Model], raw: Any, inside: Path = ()) -> Iterator[Fault]:
    """The faults of `raw` as a `model`, each once; `inside` is where in the file the model's own places begin."""
    errors = [_Seen(item, model, raw, inside) for item in error.errors(include_url=False)]
    meant = {(*seen.path[:-1], close) for seen in errors if (close := seen.meant())}
    for seen in errors:
        if not seen.follows(meant):
            yield seen.fault()


class _Seen:
    """One error of the type checker with what is needed to say it again."""

    def __init__(self, error: Any, model: type[Model], raw: Any, inside: Path):
        self.kind: str = error["type"]
        self.input = error["input"]
        self.context: dict[str, Any] = error.get("ctx", {})
        self.schema = _schema(model)
        self.inner, self.node, self.parent = _walk(self.schema, error["loc"])
        self.path = (*inside, *self.inner)
        self.where = place(self.path, raw)

    def meant(self) -> str | None:
        """The key an unknown key was probably meant to be."""
        if self.kind != "extra_forbidden":
            return None
        close = get_close_matches(str(self.path[-1]), self._known(), n=1)
        return close[0] if close else None

    def follows(self, meant: set[Path]) -> bool:
        """Whether another fault says it already: a misspelt key, or a list short of its faulty items only."""
        return (self.kind == "missing" and self.path in meant) or (self.kind == "too_short" and len(self.input) > 0)

    def fault(self) -> Fault:
        if self.kind == "extra_forbidden":
            return self._unknown_key()
        if self.kind == "missing" and isinstance(self.path[-1], int):
            return Fault(self.where, "missing", "a pair of values")
        if self.kind == "missing":
            return Fault(self.where, "missing", _allowed(self.node), "add this key")
        if self.path == ("spec_version",):
            remedy = "use the version of Equipoise the file is written for"
            return Fault(self.where, shown(self.input), str(SPEC_VERSION), remedy)
        if self.kind in CHOICES:
            return self._no_such_choice()
        if isinstance(wrong := self.context.get("error"), Wrong):
            return Fault(self.where, wrong.found, wrong.allowed, wrong.remedy)
        if self.kind in ("too_short", "too_long"):
            least_or_most = "at least" if self.kind == "too_short" else "at most"
            limit = self.context.get("min_length", self.context.get("max_length"))
            return Fault(self.where, f"{len(self.input)} items", f"{least_or_most} {limit}")
        allowed = _allowed(self.node) if self.kind in LIMITS else KINDS.get(self.kind, "")
        if self.kind == "string_too_long":
            allowed = f"at most {self.context['max_length']} characters"
        return Fault(self.where, shown(self.input), allowed or _allowed(self.node), self._remedy())

    def _known(self) -> list[str]:
        return sorted(self.parent.get("properties", {}))

    def _unknown_key(self) -> Fault:
        close, known = self.meant(), self._known()
        remedy = f"did you mean {close!r}?" if close else "remove it"
        _, design, _ = _walk(self.schema, (*self.inner[:-1], "design"))
        if any(self.path[-1] in option.get("properties", {}) for option in _kinds(design, self.schema)):
            remedy = "put it under design"
        return Fault(self.where, "unknown key", ", ".join(known), remedy)

    def _no_such_choice(self) -> Fault:
        tag = self.node.get("discriminator", {}).get("propertyName", "kind")
        where = self.where + ("" if self.kind == "literal_error" else f".{tag}")
        if self.kind == "union_tag_not_found":
            return Fault(where, "missing", _options(self.node), "add this key")
        value = self.input[tag] if self.kind == "union_tag_invalid" else self.input
        options = _options(self.node)
        close = get_close_matches(str(value), options.replace("'", "").split(", "), n=1)
        return Fault(where, shown(value), options, f"did you mean {close[0]!r}?" if close else "")

    def _remedy(self) -> str:
        value, key = self.input, self.path[-1] if self.path else ""
        if self.kind == "tuple_type" and isinstance(value, dict) and key in TABLES_IN_LISTS:
            return f"head it [[{key}]], with two brackets"
        if self.kind == "tuple_type" and isinstance(value, str):
            return f"write [{value!r}]"
        if self.kind in ("int_type", "float_type") and isinstance(value, str):
            return "remove the quotes"
        if self.kind == "string_type" and isinstance(value, int | float):
            return "put it in quotes"
        return ""


@cache
def _schema(model: type[Model]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _walk(schema: dict[str, Any], loc: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The place in the file, and the schemas there and one step above, at a location of the type checker.

    The type checker adds to a location the tags of tagged tables and marks of keys; no file has them.
    """
    definitions = schema.get("$defs", {})
    path: list[str | int] = []
    node = parent = _follow(schema, definitions)
    for part in loc:
        tags = node.get("discriminator", {}).get("mapping", {})
        if part in tags:
            node = _follow({"$ref": tags[part]}, definitions)
        elif part != "[key]":
            path.append(part)
            node, parent = _follow(_step(node, part), definitions), node
    return tuple(path), node, parent


def _kinds(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The tables that may stand at a place: one for each kind."""
    tags = node.get("discriminator", {}).get("mapping", {})
    return [_follow({"$ref": reference}, schema["$defs"]) for reference in tags.values()] or [node]


def _follow(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        else:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
    return node


def _step(node: dict[str, Any], part: str | int) -> dict[str, Any]:
    if isinstance(part, int):
        each = node.get("prefixItems", [])
        step = each[part] if part < len(each) else node.get("items", {})
    else:
        step = node.get("properties", {}).get(part, node.get("additionalProperties", {}))
    return step if isinstance(step, dict) else {}


def _options(node: dict[str, Any]) -> str:
    names = node.get("enum") or list(node.get("discriminator", {}).get("mapping", {})) or [node.get("const")]
    return ", ".join(repr(name) for name in names)


def _allowed(node: dict[str, Any]) -> str:
    """What may stand at a place, read from its schema."""
    if "enum" in node or "const" in node or "discriminator" in node:
        return _options(node)
    words = {
        "integer": "a whole number",
        "number": "a number",
        "string": "text in quotes",
        "boolean": "true or false",
        "array": "a list in square brackets",
        "object": "a table",
    }
    kind = words.get(node.get("type", ""), "")
    bounds = [
        f"{word} {node[key]:,}"
        for key, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if key in node
    ]
    return " ".join(filter(None, (kind, " and ".join(bounds))))
