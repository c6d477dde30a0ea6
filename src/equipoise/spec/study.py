"""A study: the pre-specified protocol as one value, in the order of the HARPER template."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from equipoise.spec.cohorts import CohortDefinition, Name
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.covariates import Covariate
from equipoise.spec.designs import Design
from equipoise.spec.exposures import Exposure
from equipoise.spec.model import Model
from equipoise.spec.windows import Window

SPEC_VERSION = 1


class Question(Model):
    """What the study asks, in words and by its parts."""

    text: Annotated[str, Field(min_length=1)]
    population: str | None = None
    exposure: str | None = None
    comparator: str | None = None
    outcome: str | None = None
    background: str | None = None


class DataNeeds(Model):
    """What a database must offer for the study to make sense."""

    drug_recording_from: date | None = None
    note: str | None = None


class Analysis(Model):
    """One design with one model. Crude estimates always; adjusted ones where `adjust_for` names covariates."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
    label: str | None = None
    design: Design
    adjust_for: tuple[Name, ...] = ()
    interactions: tuple[tuple[Name, Name], ...] = ()
    ties: Literal["exact", "efron", "breslow"] = "exact"
    interval: Literal["wald", "profile"] = "wald"
    conf_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    cluster: Literal["person"] | None = None


class Sensitivity(Model):
    """An analysis of its own: that of `base` with the named settings changed (design settings under `design`)."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
    base: Name
    why: Annotated[str, Field(min_length=1)]
    change: dict[str, Any]


class Study(Model):
    """The whole protocol. `seed` fixes every random draw."""

    spec_version: Literal[1]
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
    title: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    question: Question
    data_needs: DataNeeds = DataNeeds()
    concept_sets: dict[Name, ConceptSet]
    cohorts: dict[Name, CohortDefinition]
    exposures: dict[Name, Exposure]
    windows: dict[Name, Window]
    covariates: tuple[Covariate, ...] = ()
    analyses: Annotated[tuple[Analysis, ...], Field(min_length=1)]
    sensitivity: tuple[Sensitivity, ...] = ()

    def every_analysis(self) -> tuple[Analysis, ...]:
        """The main analyses followed by the sensitivity analyses, each complete."""
        return (*self.analyses, *(varied(self, item) for item in self.sensitivity))

    def covariate(self, name: str) -> Any:
        return next(covariate for covariate in self.covariates if covariate.name == name)


def varied(study: Study, item: Sensitivity) -> Analysis:
    """The analysis a sensitivity analysis stands for. Raises `ValueError` where the change is not a valid analysis."""
    base = next(analysis for analysis in study.analyses if analysis.id == item.base)
    settings = base.model_dump(by_alias=True)
    change = dict(item.change)
    settings["design"] |= change.pop("design", {})
    return Analysis.model_validate(settings | change | {"id": item.id, "label": item.why})
