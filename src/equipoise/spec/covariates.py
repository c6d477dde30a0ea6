"""Covariates, declared: a study file never holds a formula, so it can travel between sites and run no code."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, SomeDays, Text, WholeYears, Wrong, shown
from equipoise.spec.windows import CovariateWindow


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
    unknown: Literal["level", "missing"] = "level"
    """Persons of whom it is not known: a level of their own, or a missing value."""


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
    window: CovariateWindow
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
    window: CovariateWindow
    """Days before the index date."""


class MeasurementCovariate(Model):
    """The last value measured in a window before the index date (numeric); missing where there is none.

    Of several values on the last day, their mean.
    """

    name: Name
    """Unique name."""
    kind: Literal["measurement"]
    """The last measured value."""
    label: str | None = None
    """Name in the report."""
    concept_set: Name
    """Which measurements, or observations, count."""
    window: CovariateWindow
    """Days before the index date."""
    unit: Text
    """Unit of the values, as the database holds them; shown in the report."""
    plausible: tuple[float, float] | None = None
    """Lowest and highest value that counts; a value outside is as if it had not been recorded."""

    @model_validator(mode="after")
    def _range(self) -> "MeasurementCovariate":
        if self.plausible is not None and not self.plausible[0] < self.plausible[1]:
            found = f"[{self.plausible[0]:g}, {self.plausible[1]:g}]"
            raise Wrong(found, "two numbers, the smaller first")
        return self


class CategoryLevel(Model):
    """One level of a category, with the records that say that a person is at it."""

    name: Name
    """Name of the level."""
    concept_set: Name
    """Which records say so."""


class CategoryCovariate(Model):
    """At which of several levels a person was recorded last in a window before the index date (categorical).

    Missing where no level is recorded. Of levels recorded on the same last day, the one that stands last in the list.
    """

    name: Name
    """Unique name."""
    kind: Literal["category"]
    """The level recorded last."""
    label: str | None = None
    """Name in the report."""
    levels: Annotated[tuple[CategoryLevel, ...], Field(min_length=1)]
    """Levels in their order."""
    window: CovariateWindow
    """Days before the index date."""
    reference: str | None = None
    """The level others are compared with; the first where this is left out."""

    @model_validator(mode="after")
    def _distinct(self) -> "CategoryCovariate":
        names = [level.name for level in self.levels]
        if len(names) < 2:
            raise Wrong("a single level", "two levels at least", "a covariate of kind event has no other level")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Wrong(f"two levels called {shown(twice[0])}", "each name once")
        if self.reference is not None and self.reference not in names:
            raise Wrong(f"reference = {shown(self.reference)}", ", ".join(map(repr, names)))
        return self


Covariate = Annotated[
    AgeCovariate
    | CharacteristicCovariate
    | CalendarYearCovariate
    | BirthYearCovariate
    | EventCovariate
    | CountCovariate
    | MeasurementCovariate
    | CategoryCovariate,
    Field(discriminator="kind"),
]
NUMERIC = ("birth_year", "calendar_year", "count", "measurement")
"""Kinds without levels; age has levels where it has groups."""


def records_behind(covariate: Covariate) -> tuple[str, ...]:
    """Concept sets whose records make a covariate; none for what is known of the person.

    >>> records_behind(BirthYearCovariate(name="born", kind="birth_year"))
    ()
    """
    if isinstance(covariate, CategoryCovariate):
        return tuple(level.concept_set for level in covariate.levels)
    concept_set = getattr(covariate, "concept_set", None)
    return () if concept_set is None else (concept_set,)
