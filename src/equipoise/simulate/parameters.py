"""How a parameter of the synthetic nation is declared: its name, unit, default, limits, meaning and source."""

from typing import Any

from pydantic import Field

from equipoise.spec.model import Model


class Section(Model):
    """A group of parameters of the nation: frozen, strict about types and unknown keys, as every part of a study."""


def parameter(default: Any, unit: str, meaning: str, *, source: str = "assumed", **limits: Any) -> Any:
    """Declare one parameter. `limits` are pydantic's (`ge`, `gt`, `le`, `lt`, `min_length`).

    `unit` is "1" for a pure number; `source` names the paper, register or anchor the default rests on.
    """
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit, "source": source}, **limits)
