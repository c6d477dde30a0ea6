"""Covariates that nobody picked: everything a database records of persons in windows before time zero."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equipoise.spec.model import Model
from equipoise.spec.values import Name, Wrong
from equipoise.spec.windows import Window

RecordedDomain = Literal["condition", "drug", "procedure", "measurement", "observation", "visit"]
DrugLevel = Literal["concept", "ancestors", "ingredient", "atc"]


class CovariateSet(Model):
    """One covariate for each concept of the domains and each window: whether there is a record of it.

    Windows end before the index date, so nothing that follows time zero becomes a covariate. The drugs compared, the
    classes that hold them, and the outcome are left out.
    """

    label: str | None = None
    """Name in the report."""
    domains: Annotated[tuple[RecordedDomain, ...], Field(min_length=1)]
    """Kinds of records."""
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]
    """Days before the index date."""
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Smallest share of persons of both arms together with a record that makes a covariate."""
    drug_levels: Annotated[tuple[DrugLevel, ...], Field(min_length=1)] = ("ingredient", "atc")
    """What a drug counts as: its concept, everything above it, its ingredients, its ATC classes."""
    counts: tuple[RecordedDomain, ...] = ("visit",)
    """Domains of which the number of days with a record counts, not whether there is one."""
    demographics: bool = True
    """Age in groups of five years, sex, race, ethnicity and calendar year of the index date."""
    charlson: bool = True
    """Comorbidities of the Charlson index and the index itself, at any time before."""
    leave_out: tuple[Name, ...] = ()
    """Further concept sets whose concepts become no covariate."""

    @model_validator(mode="after")
    def _each_once(self) -> "CovariateSet":
        for name in ("domains", "drug_levels", "counts", "leave_out"):
            listed = getattr(self, name)
            if len(set(listed)) < len(listed):
                raise Wrong(f"{name} that name one thing twice", "each once")
        if len(set(self.windows)) < len(self.windows):
            raise Wrong("the same window twice", "each once")
        return self
