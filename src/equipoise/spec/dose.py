"""Dose-response: what amount of use is told apart in a window before the index date."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Wrong

DoseMeasure = Literal["dispensings", "days_supplied", "milligrams", "daily_doses"]
Amount = Annotated[float, Field(gt=0, le=1e9)]


class DoseResponse(Model):
    """Odds ratios by how much was dispensed in a window, in groups and as a smooth curve, against nothing in it.

    Every dispensing counts here, so the least number that makes a user does not: one dispensing is a dose of its own.
    """

    by: DoseMeasure
    """What is added up: days with a dispensing, days supplied, milligrams, or defined daily doses."""
    groups_from: Annotated[tuple[Amount, ...], Field(min_length=1, max_length=9)]
    """Amounts at which groups begin after the lowest, which holds everything above nothing."""
    windows: tuple[Name, ...] = ()
    """Windows of the design to look at; all of them where this is left out."""
    knots: Annotated[int, Field(ge=3, le=5)] = 3
    """Knots of the restricted cubic spline, at percentiles of the dose of users."""

    @model_validator(mode="after")
    def _rising(self) -> "DoseResponse":
        written = ", ".join(f"{amount:g}" for amount in self.groups_from)
        if list(self.groups_from) != sorted(set(self.groups_from)):
            raise Wrong(f"groups_from = [{written}]", "rising amounts, each once")
        if self.by == "dispensings" and (
            self.groups_from[0] < 2 or any(amount != int(amount) for amount in self.groups_from)
        ):
            allowed = "whole numbers from 2, for the lowest group begins with one dispensing"
            raise Wrong(f"groups_from = [{written}]", allowed)
        return self
