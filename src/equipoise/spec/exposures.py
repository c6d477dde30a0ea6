"""Exposures: what a person was dispensed, and how many times, before the index date counts as use."""

from typing import Annotated

from pydantic import Field

from equipoise.spec.model import Model
from equipoise.spec.values import Name


class Exposure(Model):
    """Use of any of the named concept sets: dispensed on at least `min_dispensings` distinct dates."""

    label: str | None = None
    """Name in the report."""
    concept_sets: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Drugs, any of which counts."""
    min_dispensings: Annotated[int, Field(ge=1, le=1000)] = 1
    """Fewest distinct dates of dispensing that make a user."""
