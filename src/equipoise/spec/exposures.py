"""Exposures: what a person was dispensed, and how many times, before the index date counts as use."""

from typing import Annotated

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Named, Table, Wrong, shown

Milligrams = Annotated[float, Field(gt=0, le=1e6)]


class Exposure(Model):
    """Use of any of the named concept sets: dispensed on at least `min_dispensings` distinct dates."""

    label: str | None = None
    """Name in the report."""
    concept_sets: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Drugs, any of which counts."""
    min_dispensings: Annotated[int, Field(ge=1, le=1000)] = 1
    """Fewest distinct dates of dispensing that make a user."""
    daily_doses: Named[Milligrams] = Field(default_factory=Table)
    """Milligrams of one defined daily dose of each concept set, for dispensings whose number of daily doses the data do
    not record; of a set without one, those are unknown."""

    @model_validator(mode="after")
    def _of_its_sets(self) -> "Exposure":
        strange = sorted(set(self.daily_doses) - set(self.concept_sets))
        if strange:
            found = f"a daily dose of {shown(strange[0])}"
            raise Wrong(found, "concept sets of this exposure", "name a concept set for each substance")
        return self
