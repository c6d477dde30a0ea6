"""Cohorts: a rule that persons satisfy for a span of time."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Day, Name, SomeDays, WholeDays, WholeYears, Wrong, shown
from equipoise.spec.windows import Window

Sex = Literal["female", "male", "other", "unknown"]


class AgeLimits(Model):
    """Completed years of age on the entry or index date, both limits inclusive."""

    min: WholeYears = 0
    """Youngest."""
    max: WholeYears = 150
    """Oldest."""

    @model_validator(mode="after")
    def _ordered(self) -> "AgeLimits":
        if self.min > self.max:
            raise Wrong(f"min = {self.min} is above max = {self.max}", "min not above max")
        return self


class CalendarLimits(Model):
    """Calendar dates between which entry or index dates lie, both inclusive. TOML key `from` is `first` in Python."""

    first: Day | None = Field(default=None, alias="from")
    """First day."""
    last: Day | None = Field(default=None, alias="to")
    """Last day."""

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _ordered(self) -> "CalendarLimits":
        if self.first and self.last and self.first > self.last:
            raise Wrong(f"from = {self.first} is after to = {self.last}", "from on or before to")
        return self


class EntryEvent(Model):
    """The event that puts a person into the cohort: the first ever recorded, or every one."""

    concept_set: Name
    """Which records are events."""
    occurrence: Literal["first", "every"] = "first"
    """The first record a person ever has, which must lie under observation, or every record."""
    also: tuple[Name, ...] = ()
    """Concept sets of which a first record is needed too: entry is the day on which the last of them all has come."""

    @model_validator(mode="after")
    def _first_of_all(self) -> "EntryEvent":
        if self.also and self.occurrence != "first":
            found = f"also with occurrence = {self.occurrence!r}"
            raise Wrong(found, 'also with occurrence = "first"', "the day on which several first records have come")
        twice = sorted({name for name in self.concept_sets if self.concept_sets.count(name) > 1})
        if twice:
            raise Wrong(f"{shown(twice[0])} twice", "each concept set once")
        return self

    @property
    def concept_sets(self) -> tuple[str, ...]:
        """Every concept set that entry waits for."""
        return (self.concept_set, *self.also)


class PriorExclusion(Model):
    """No record of a concept set before entry: ever, or within the given number of days before it."""

    concept_set: Name
    """Which records exclude."""
    days: SomeDays | None = None
    """How many days before entry count; all time before it where this is left out."""


class InclusionRule(Model):
    """At least, or at most, so many distinct days with a record of a concept set inside a window before entry."""

    name: Name
    """Name in the table of attrition."""
    concept_set: Name
    """Which records count."""
    window: Window
    """Days before entry."""
    at_least: SomeDays | None = None
    """Fewest distinct days with a record."""
    at_most: WholeDays | None = None
    """Most distinct days with a record."""

    @model_validator(mode="after")
    def _one_bound(self) -> "InclusionRule":
        if self.at_least is None and self.at_most is None:
            raise Wrong("neither at_least nor at_most", "one of them, or both", "write at_least = 1, say")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise Wrong(f"at_least = {self.at_least} is above at_most = {self.at_most}", "at_least not above at_most")
        return self


class CohortExit(Model):
    """When a person leaves: the end of observation always ends membership; the others end it earlier."""

    kind: Literal["end_of_observation", "fixed_time", "event", "death"] = "end_of_observation"
    """What ends membership before observation does."""
    days: WholeDays | None = None
    """Days after entry, for `fixed_time`."""
    concept_set: Name | None = None
    """Which records end membership, for `event`."""

    @model_validator(mode="after")
    def _complete(self) -> "CohortExit":
        for key, kind in (("days", "fixed_time"), ("concept_set", "event")):
            given = getattr(self, key) is not None
            if given != (self.kind == kind):
                found = f"{key} with kind = {self.kind!r}" if given else f"kind = {kind!r} without {key}"
                raise Wrong(found, f"{key} together with kind = {kind!r}, and only with it")
        return self


class CohortDefinition(Model):
    """Who is in, from when, until when. Rules apply in the order of the fields, each with a row of attrition."""

    label: str | None = None
    """Name in the report."""
    entry: EntryEvent
    """The event that lets a person in."""
    age: AgeLimits | None = None
    """Age on the day."""
    sex: Annotated[tuple[Sex, ...], Field(min_length=1)] | None = None
    """Sexes that are included; all where this is left out."""
    calendar: CalendarLimits | None = None
    """Calendar time of entry."""
    prior_observation_days: WholeDays = 0
    """Days under observation before the day, without a gap."""
    washout_days: SomeDays | None = None
    """Days before entry without an entry event."""
    exclude_prior: tuple[PriorExclusion, ...] = ()
    """Records that exclude a person when they come before entry."""
    rules: tuple[InclusionRule, ...] = ()
    """Further rules, in order."""
    exit: CohortExit = CohortExit()
    """When membership ends."""
