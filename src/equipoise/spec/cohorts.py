"""Cohorts: a rule that persons satisfy for a span of time."""

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.windows import Window

Name = Annotated[str, Field(min_length=1, max_length=80)]
Sex = Literal["female", "male", "other", "unknown"]
WholeYears = Annotated[int, Field(ge=0, le=150)]
WholeDays = Annotated[int, Field(ge=0, le=100_000)]


class AgeLimits(Model):
    """Completed years of age on the entry or index date, both limits inclusive."""

    min: WholeYears = 0
    max: WholeYears = 150

    @model_validator(mode="after")
    def _ordered(self) -> "AgeLimits":
        if self.min > self.max:
            raise ValueError("min is above max")
        return self


class CalendarLimits(Model):
    """Calendar dates between which entry or index dates lie, both inclusive. TOML key `from` is `first` in Python."""

    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _ordered(self) -> "CalendarLimits":
        if self.first and self.last and self.first > self.last:
            raise ValueError("from is after to")
        return self


class EntryEvent(Model):
    """The event that puts a person into the cohort: the first ever recorded, or every one."""

    concept_set: Name
    occurrence: Literal["first", "every"] = "first"


class PriorExclusion(Model):
    """No record of a concept set before entry: ever, or within the given number of days before it."""

    concept_set: Name
    days: Annotated[int, Field(ge=1, le=100_000)] | None = None


class InclusionRule(Model):
    """At least, or at most, so many distinct days with a record of a concept set inside a window before entry."""

    name: Name
    concept_set: Name
    window: Window
    at_least: Annotated[int, Field(ge=1)] | None = None
    at_most: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> "InclusionRule":
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is above at_most")
        return self


class CohortExit(Model):
    """When a person leaves: the end of observation always ends membership; the others end it earlier."""

    kind: Literal["end_of_observation", "fixed_time", "event", "death"] = "end_of_observation"
    days: Annotated[int, Field(ge=0)] | None = None
    concept_set: Name | None = None

    @model_validator(mode="after")
    def _complete(self) -> "CohortExit":
        if (self.kind == "fixed_time") != (self.days is not None):
            raise ValueError("days belongs to kind = fixed_time, and fixed_time needs it")
        if (self.kind == "event") != (self.concept_set is not None):
            raise ValueError("concept_set belongs to kind = event, and event needs it")
        return self


class CohortDefinition(Model):
    """Who is in, from when, until when. Rules apply in the order of the fields, each with a row of attrition."""

    label: str | None = None
    entry: EntryEvent
    age: AgeLimits | None = None
    sex: Annotated[tuple[Sex, ...], Field(min_length=1)] | None = None
    calendar: CalendarLimits | None = None
    prior_observation_days: WholeDays = 0
    washout_days: Annotated[int, Field(ge=1, le=100_000)] | None = None
    exclude_prior: tuple[PriorExclusion, ...] = ()
    rules: tuple[InclusionRule, ...] = ()
    exit: CohortExit = CohortExit()
