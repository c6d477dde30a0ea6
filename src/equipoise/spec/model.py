"""The base of every value in a study: frozen, strict about types, and strict about unknown keys."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Model(BaseModel):
    """A part of a study. Immutable; a key it does not know is a fault, and so is a value of another type.

    Strictness matters: `seed = "1"`, `controls_per_case = true` or a date written as a number of seconds would
    otherwise be read as something, and the study would quietly be another one.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        str_strip_whitespace=True,
        ser_json_inf_nan="strings",
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: _as_tuple(item) for key, item in value.items()}


def _as_tuple(value: Any) -> Any:
    """Lists of lists as well: pairs stand in lists. Tables are read by their own model."""
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value
