"""Triangulation: one question answered by several designs, each with the direction in which it is expected to err."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Text, Wrong

Direction = Literal["upward", "downward", "towards", "away from null", "none expected"]
DIRECTIONS: dict[Direction, str] = {
    "upward": "upward",
    "downward": "downward",
    "towards": "towards the null",
    "away from null": "away from the null",
    "none expected": "none expected",
}


class Answer(Model):
    """One analysis as an answer. The last four keys choose among its estimates; all that fit are shown."""

    analysis: Name
    """The id of a main or a sensitivity analysis."""
    expected_bias: Direction
    """Where its estimate is expected to lie from the truth: `upward`, `downward`, `towards` the null, `away from null`,
    or `none expected`."""
    why: Text
    """Why; one sentence for the report."""
    exposure: Name | None = None
    """The exposure, where the analysis has several."""
    comparison: str | None = None
    """The kind of controls, or the comparator, as the table `estimates` names it."""
    window: Name | None = None
    """The window of a nested case-control study."""
    reading: Literal["any_use", "initiation"] | None = None
    """How a nested case-control study reads use."""


class Triangulation(Model):
    """The same question through several designs (Lawlor, Tilling & Davey Smith, Int J Epidemiol 2016;45:1866).

    Estimates are shown in one figure with the direction of bias that was expected of each before any was seen.
    """

    answers: Annotated[tuple[Answer, ...], Field(min_length=1)]
    """The analyses, two at least, in the order of the figure."""

    @model_validator(mode="after")
    def _several_each_once(self) -> "Triangulation":
        if len(self.answers) < 2:
            raise Wrong("one answer", "two answers at least")
        keys = [(a.analysis, a.exposure, a.comparison, a.window, a.reading) for a in self.answers]
        if len(set(keys)) < len(keys):
            raise Wrong("the same estimate twice", "each answer once")
        return self
