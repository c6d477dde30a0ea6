"""A study: the pre-specified protocol as one value, in the order of the HARPER template."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.covariates import Covariate
from equipoise.spec.designs import Design
from equipoise.spec.exposures import Exposure
from equipoise.spec.model import Model
from equipoise.spec.values import Day, Id, Name, Named, Off, Settings, Text, strictly
from equipoise.spec.windows import Window

SPEC_VERSION = 1


class Question(Model):
    """What the study asks, in words and by its parts."""

    text: Text
    population: str | None = None
    exposure: str | None = None
    comparator: str | None = None
    outcome: str | None = None
    background: str | None = None


class DataNeeds(Model):
    """What a database must offer for the study to make sense."""

    drug_recording_from: Day | None = None
    note: str | None = None


class Analysis(Model):
    """One design with one model. Crude estimates always; adjusted ones where `adjust_for` names covariates."""

    id: Id
    label: str | None = None
    design: Design
    adjust_for: tuple[Name, ...] = ()
    interactions: tuple[tuple[Name, Name], ...] = ()
    ties: Literal["exact", "efron", "breslow"] = "exact"
    interval: Literal["wald", "profile"] = "wald"
    conf_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    cluster: Off[Literal["person"]] = None


class Sensitivity(Model):
    """An analysis of its own: that of `base` with the named settings changed (design settings under `design`)."""

    id: Id
    base: Name
    why: Text
    change: Settings


class Study(Model):
    """The whole protocol. `seed` fixes every random draw."""

    spec_version: Annotated[Literal[1], BeforeValidator(strictly(int))]
    id: Id
    title: Text
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    question: Question
    data_needs: DataNeeds = DataNeeds()
    concept_sets: Named[ConceptSet]
    cohorts: Named[CohortDefinition]
    exposures: Named[Exposure]
    windows: Named[Window]
    covariates: tuple[Covariate, ...] = ()
    analyses: Annotated[tuple[Analysis, ...], Field(min_length=1)]
    sensitivity: tuple[Sensitivity, ...] = ()

    def every_analysis(self) -> tuple[Analysis, ...]:
        """The main analyses followed by the sensitivity analyses, each complete."""
        return (*self.analyses, *(varied(self, item) for item in self.sensitivity))

    def covariate(self, name: str) -> Any:
        """The covariate of this name. Raises `KeyError` where none is defined."""
        found = next((covariate for covariate in self.covariates if covariate.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


def varied(study: Study, item: Sensitivity) -> Analysis:
    """The analysis a sensitivity analysis stands for. Raises `ValueError` where the change is not a valid analysis."""
    return changed(next(analysis for analysis in study.analyses if analysis.id == item.base), item)


def changed(base: Analysis, item: Sensitivity) -> Analysis:
    """`base` with the settings of `item.change`, under the id of `item` and with its reason as label."""
    settings = base.model_dump(by_alias=True)
    own = {"id": item.id, "label": item.why}
    design = item.change.get("design")
    if isinstance(design, dict):
        own["design"] = settings["design"] | design
    return Analysis.model_validate(settings | item.change | own)
