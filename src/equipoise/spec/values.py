"""The kinds of values that study files are made of: names, dates, whole numbers, tables that cannot be changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

MOST_DAYS = 100_000
LARGEST_ID = 2**63 - 1


class Wrong(ValueError):
    """A value or a table that breaks a rule of its own, in the words a reader of the file needs."""

    def __init__(self, found: str, allowed: str = "", remedy: str = ""):
        super().__init__(found)
        self.found, self.allowed, self.remedy = found, allowed, remedy


class Table(dict[Any, Any]):
    """A dictionary that cannot be changed, so that a study stays what its hash says.

    >>> Table(a=1)["a"]
    1
    """

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a study cannot be changed; read or build another one")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (dict(self),)


def frozen(value: Any) -> Any:
    """Plain values with every list as a tuple and every dictionary as a `Table`."""
    if isinstance(value, dict):
        return Table({key: frozen(item) for key, item in value.items()})
    return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise Wrong("characters that cannot be printed", "letters, digits, signs and spaces on one line")
    if "|" in text:
        raise Wrong("a vertical bar, which parts the names of columns", "a name without |", "use another sign")
    return text


def _unpadded(name: Any) -> Any:
    if isinstance(name, str) and name != name.strip():
        raise Wrong("begins or ends with a space", "a name without spaces around it", "remove the spaces")
    return name


def _day(value: Any) -> Any:
    """A calendar date; an ISO date in quotes is one too. Everything else is left for the type to refuse."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else value
    except ValueError:
        return value


@dataclass(frozen=True, slots=True)
class Word:
    """Lets a word stand for a value that a number or name cannot express, in the file and in the JSON Schema."""

    word: str
    value: Any

    def _read(self, value: Any) -> Any:
        return self.value if isinstance(value, str) and value == self.word else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        options = schema.get("anyOf", [schema])
        return {"anyOf": [*options, {"const": self.word}]}


def strictly(kind: type) -> Callable[[Any], Any]:
    """A check for constants: `true` and `1.0` equal 1 in Python, but are not the number 1 of a study file."""

    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Wrong(shown(value), "1")
        return value

    return check


def shown(value: Any) -> str:
    """A value as it may be shown in a message: short, and tables and lists by kind only."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    text = repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


T = TypeVar("T")
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
Named = Annotated[dict[Annotated[Name, BeforeValidator(_unpadded)], T], AfterValidator(Table)]
Settings = Annotated[dict[str, Any], AfterValidator(frozen)]
Day = Annotated[date, BeforeValidator(_day)]
WholeYears = Annotated[int, Field(ge=0, le=150)]
WholeDays = Annotated[int, Field(ge=0, le=MOST_DAYS)]
SomeDays = Annotated[int, Field(ge=1, le=MOST_DAYS)]
# TOML has no null: the word "none" switches off a setting. Canonical JSON has no infinity: there it is a word, too.
Off = Annotated[T | None, Word("none", None)]
Bound = Annotated[float, Field(ge=0), Word("Infinity", inf)]
