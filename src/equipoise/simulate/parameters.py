"""How a parameter of the synthetic nation is declared: its name, unit, default, limits, meaning and source."""

from copy import copy
from typing import Any

from pydantic import BaseModel, Field

from equipoise.spec.model import Model


class Section(Model):
    """A group of parameters of the nation: frozen, strict about types and unknown keys, as every part of a study."""


def parameter(default: Any, unit: str, meaning: str, *, source: str = "assumed", **limits: Any) -> Any:
    """Declare one parameter. `limits` are pydantic's (`ge`, `gt`, `le`, `lt`, `min_length`).

    `unit` is "1" for a pure number; `source` names the paper, register or anchor the default rests on.
    """
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit, "source": source}, **limits)


def inherited(parent: type[BaseModel], name: str, default: Any, *, source: str = "assumed") -> Any:
    """The parameter `name` of `parent` with another default: unit, limits and meaning stay.

    >>> class Rate(Section):
    ...     rate: float = parameter(1.0, "1 a year", "how often", ge=0)
    >>> class Higher(Rate):
    ...     rate: float = inherited(Rate, "rate", 2.0, source="a paper")
    >>> Higher().rate
    2.0
    """
    field = copy(parent.model_fields[name])
    declared = field.json_schema_extra
    field.default = default
    field.json_schema_extra = {**(declared if isinstance(declared, dict) else {}), "source": source}
    return field
