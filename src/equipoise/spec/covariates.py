"""Covariates, declared: a study file never holds a formula, so it can travel between sites and run no code."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, SomeDays, WholeYears, Wrong, shown
from equipoise.spec.windows import Window


class AgeCovariate(Model):
    """Age on the index date in years (numeric), or in groups that start at the given ages."""

    name: Name
    kind: Literal["age"]
    label: str | None = None
    groups_from: tuple[WholeYears, ...] = ()
    reference: str | None = None

    @model_validator(mode="after")
    def _rising(self) -> "AgeCovariate":
        if list(self.groups_from) != sorted(set(self.groups_from)) or 0 in self.groups_from:
            ages = ", ".join(map(str, self.groups_from))
            raise Wrong(f"groups_from = [{ages}]", "rising ages above 0", "the youngest group needs no entry")
        if self.reference is not None and not self.groups_from:
            raise Wrong("a reference for age in years", "a reference with groups_from", "remove it, or add groups_from")
        if self.reference is not None and self.reference not in self.levels:
            raise Wrong(f"reference = {shown(self.reference)}", ", ".join(map(repr, self.levels)))
        return self

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the age groups, youngest first; empty for numeric age."""
        if not self.groups_from:
            return ()
        inner = [f"{a}-{b - 1}" for a, b in zip(self.groups_from, self.groups_from[1:], strict=False)]
        return (f"<{self.groups_from[0]}", *inner, f">={self.groups_from[-1]}")


class CharacteristicCovariate(Model):
    """A fixed characteristic of the person, categorical. The default reference is the most frequent level."""

    name: Name
    kind: Literal["sex", "region", "race", "ethnicity", "care_site"]
    label: str | None = None
    reference: str | None = None


class CalendarYearCovariate(Model):
    """Calendar year of the index date (numeric)."""

    name: Name
    kind: Literal["calendar_year"]
    label: str | None = None


class BirthYearCovariate(Model):
    """Year of birth (numeric)."""

    name: Name
    kind: Literal["birth_year"]
    label: str | None = None


class EventCovariate(Model):
    """Whether a concept set was recorded on at least `at_least` distinct days of a window before the index date."""

    name: Name
    kind: Literal["event"]
    label: str | None = None
    concept_set: Name
    window: Window
    at_least: SomeDays = 1


class CountCovariate(Model):
    """On how many distinct days of a window before the index date a concept set was recorded (numeric)."""

    name: Name
    kind: Literal["count"]
    label: str | None = None
    concept_set: Name
    window: Window


Covariate = Annotated[
    AgeCovariate
    | CharacteristicCovariate
    | CalendarYearCovariate
    | BirthYearCovariate
    | EventCovariate
    | CountCovariate,
    Field(discriminator="kind"),
]
