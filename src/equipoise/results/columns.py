"""Columns that several result tables share, and short ways to declare the others."""

from typing import Any

from equipoise.errors import Reason
from equipoise.results.schema import ColumnSchema


def text(name: str, meaning: str, **more: Any) -> ColumnSchema:
    """A column of text."""
    return ColumnSchema(name, "text", meaning, **more)


def count(name: str, meaning: str, unit: str = "persons", **more: Any) -> ColumnSchema:
    """A count, which suppression hides where it is small."""
    return ColumnSchema(name, "int", meaning, unit, count=True, **more)


def real(name: str, meaning: str, unit: str = "", *derived_from: str, **more: Any) -> ColumnSchema:
    """A real number; `derived_from` names the counts of its row that it would give away."""
    return ColumnSchema(name, "float", meaning, unit, derived_from=derived_from, **more)


def pairs(*names: str) -> tuple[tuple[str, str], ...]:
    """Columns of the same name here and in the other table of a link."""
    return tuple((name, name) for name in names)


SET = ("analysis", "comparison")
ANALYSIS = text("analysis", "id of the analysis in the study", required=True)
COMPARISON = text(
    "comparison", "groups that are compared: the kind of controls, or the comparator of a follow-up", required=True
)
EXPOSURE = text("exposure", "name of the exposure in the study")
WINDOW = text("window", "name of the exposure window in the study")
READING = text("reading", "how use is read: any use inside the window, or initiation in it")
REASON = text("reason", "why the estimate is absent; null where it is given", values=tuple(Reason))
