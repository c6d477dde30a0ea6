"""Cohorts: a rule that persons satisfy for a span of time."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Day, Name, SomeDays, WholeDays, WholeYears, Wrong
from equipoise.spec.windows import Window

Sex = Literal["female", "male", "other", "unknown"]


class AgeLimits(Model):
    """Completed years of age on the entry or index date, both limits inclusive."""

    min: WholeYears = 0
    max: WholeYears = 150

    @model_validator(mode="after")
    def _ordered(self) -> "AgeLimits":
        if self.min > self.max:
            raise Wrong(f"min = {self.min} is above max = {self.max}", "min not above max")
        return self


class CalendarLimits(Model):
    """Calendar dates between which entry or index dates lie, both inclusive. TOML key `from` is `first` in Python."""

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _ordered(self) -> "CalendarLimits":
        if self.first and self.last and self.first > self.last:
            raise Wrong(f"from = {self.first} is after to = {self.last}", "from on or before to")
        return self


class EntryEvent(Model):
    """The event that puts a person into the cohort: the first ever recorded, or every one."""

    concept_set: Name
    occurrence: Literal["first", "every"] = "first"


class PriorExclusion(Model):
    """No record of a concept set before entry: ever, or within the given number of days before it."""

    concept_set: Name
    days: SomeDays | None = None


class InclusionRule(Model):
    """At least, or at most, so many distinct days with a record of a concept set inside a window before entry."""

    name: Name
    concept_set: Name
    window: Window
    at_least: SomeDays | None = None
    at_most: WholeDays | None = None

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
    days: WholeDays | None = None
    concept_set: Name | None = None

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
    entry: EntryEvent
    age: AgeLimits | None = None
    sex: Annotated[tuple[Sex, ...], Field(min_length=1)] | None = None
    calendar: CalendarLimits | None = None
    prior_observation_days: WholeDays = 0
    washout_days: SomeDays | None = None
    exclude_prior: tuple[PriorExclusion, ...] = ()
    rules: tuple[InclusionRule, ...] = ()
    exit: CohortExit = CohortExit()
