"""Covariates, declared: a study file never holds a formula, so it can travel between sites and run no code."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, SomeDays, WholeYears, Wrong, shown
from equipoise.spec.windows import Window


class AgeCovariate(Model):
    """Age on the index date in years (numeric), or in groups that start at the given ages."""

    name: Name
    """Unique name."""
    kind: Literal["age"]
    """Age on the index date."""
    label: str | None = None
    """Name in the report."""
    groups_from: tuple[WholeYears, ...] = ()
    """Ages at which groups begin after the youngest; without any, age is numeric in years."""
    reference: str | None = None
    """The group others are compared with; the youngest where this is left out."""

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
    """Unique name."""
    kind: Literal["sex", "region", "race", "ethnicity", "care_site"]
    """The characteristic."""
    label: str | None = None
    """Name in the report."""
    reference: str | None = None
    """The level others are compared with; the most frequent one where this is left out."""


class CalendarYearCovariate(Model):
    """Calendar year of the index date (numeric)."""

    name: Name
    """Unique name."""
    kind: Literal["calendar_year"]
    """Calendar year of the index date."""
    label: str | None = None
    """Name in the report."""


class BirthYearCovariate(Model):
    """Year of birth (numeric)."""

    name: Name
    """Unique name."""
    kind: Literal["birth_year"]
    """Year of birth."""
    label: str | None = None
    """Name in the report."""


class EventCovariate(Model):
    """Whether a concept set was recorded on at least `at_least` distinct days of a window before the index date."""

    name: Name
    """Unique name."""
    kind: Literal["event"]
    """Whether there was a record."""
    label: str | None = None
    """Name in the report."""
    concept_set: Name
    """Which records count."""
    window: Window
    """Days before the index date."""
    at_least: SomeDays = 1
    """Fewest distinct days with a record."""


class CountCovariate(Model):
    """On how many distinct days of a window before the index date a concept set was recorded (numeric)."""

    name: Name
    """Unique name."""
    kind: Literal["count"]
    """On how many days there was a record."""
    label: str | None = None
    """Name in the report."""
    concept_set: Name
    """Which records count."""
    window: Window
    """Days before the index date."""


Covariate = Annotated[
    AgeCovariate
    | CharacteristicCovariate
    | CalendarYearCovariate
    | BirthYearCovariate
    | EventCovariate
    | CountCovariate,
    Field(discriminator="kind"),
]
