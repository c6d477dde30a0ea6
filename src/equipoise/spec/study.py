"""A study: the pre-specified protocol as one value, in the order of the HARPER template."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.contrasts import Contrast
from equipoise.spec.covariate_sets import CovariateSet
from equipoise.spec.covariates import Covariate
from equipoise.spec.designs import Design, NestedCaseControl
from equipoise.spec.exposures import Exposure
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.gate import GateRules, Purpose
from equipoise.spec.grids import Cell, Grid
from equipoise.spec.missing import CompleteCases, MissingData
from equipoise.spec.model import Model
from equipoise.spec.negative_controls import NegativeControls
from equipoise.spec.published import Published
from equipoise.spec.relatives import Relationships
from equipoise.spec.target_trial import TargetTrial
from equipoise.spec.triangulation import Triangulation
from equipoise.spec.values import Day, Id, Name, Named, Off, Settings, Table, Text, strictly
from equipoise.spec.windows import Window

SPEC_VERSION = 1


class Question(Model):
    """What the study asks, in words and by its parts."""

    text: Text
    """The question in one sentence."""
    population: str | None = None
    """Who is studied."""
    exposure: str | None = None
    """What they are exposed to."""
    comparator: str | None = None
    """With what it is compared."""
    outcome: str | None = None
    """What may follow."""
    background: str | None = None
    """Why it is asked."""


class DataNeeds(Model):
    """What a database must offer for the study to make sense."""

    drug_recording_from: Day | None = None
    """First day from which dispensings are recorded completely; earlier days count as not observable."""
    view: Literal["register", "network"] | None = None
    """Which records the study is written for: those of national registers, or of a network of hospitals. A bridge looks
    for the network in the folder `network` of the data."""
    note: str | None = None
    """Anything else a reader should know about the data."""
    relationships: Relationships | None = None
    """Concepts that link relatives; the family members of SNOMED CT where this is left out."""


class Analysis(Model):
    """One design with one model. Crude estimates always; adjusted ones where `adjust_for` names covariates."""

    id: Id
    """Short name, used in tables."""
    label: str | None = None
    """Name in the report."""
    design: Design
    """The design."""
    adjust_for: tuple[Name, ...] = ()
    """Covariates of the adjusted model; without any, estimates are crude only."""
    interactions: tuple[tuple[Name, Name], ...] = ()
    """Pairs of covariates of `adjust_for` whose product enters the adjusted model."""
    ties: Literal["exact", "efron", "breslow"] = "exact"
    """Likelihood of a matched set: exact, or Efron's or Breslow's approximation; follow-up designs have their own."""
    interval: Literal["wald", "profile"] = "wald"
    """Confidence intervals from the standard error, or from the profile of the likelihood, which knows no `cluster`."""
    conf_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level."""
    cluster: Off[Literal["person", "family"]] = None
    """Whose rows are dependent, for a robust variance; `none` uses the model's variance."""
    subgroups: tuple[Name, ...] = ()
    """Categorical covariates by whose levels the analysis is repeated; a set is at the level of its case."""
    missing: MissingData = CompleteCases(method="complete_case")
    """What becomes of persons with a missing covariate in adjusted models."""

    @property
    def case_control(self) -> NestedCaseControl:
        """The design of a nested case-control analysis. Raises `TypeError` for one of another kind."""
        if not isinstance(self.design, NestedCaseControl):
            raise TypeError(f"analysis {self.id} is a {self.design.kind}")
        return self.design

    @property
    def follow_up(self) -> FollowUpDesign | None:
        """The design of a follow-up analysis, None for one of another kind."""
        return self.design if isinstance(self.design, FollowUpDesign) else None

    @property
    def target_trial(self) -> TargetTrial | None:
        """The design of a target trial, None for one of another kind."""
        return self.design if isinstance(self.design, TargetTrial) else None


class Sensitivity(Model):
    """An analysis of its own: that of `base` with the named settings changed (design settings under `design`).

    Tables inside tables are changed key by key; one of another `kind` replaces the one it changes.
    """

    id: Id
    """Short name, used in tables."""
    base: Name
    """The id of an analysis under `analyses`."""
    why: Text
    """Why it is done; its name in the report."""
    change: Settings
    """The settings that differ, with those of the design in a table `design`."""


class Study(Model):
    """The whole protocol. `seed` fixes every random draw."""

    spec_version: Annotated[Literal[1], BeforeValidator(strictly(int))]
    """Version of this format."""
    id: Id
    """Short name of the study."""
    title: Text
    """Title of the report."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Fixes every random draw."""
    purpose: Purpose = "estimation"
    """A `replication` or `design_comparison` is shown under that label, its failed diagnostics beside it."""
    gate: GateRules | None = None
    """Diagnostics that every comparison of follow-up analyses must pass before it is shown; none where left out."""
    question: Question
    """What the study asks."""
    data_needs: DataNeeds = DataNeeds()
    """What a database must offer."""
    concept_sets: Named[ConceptSet]
    """Sets of records, by name."""
    cohorts: Named[CohortDefinition]
    """Cohorts, by name."""
    exposures: Named[Exposure]
    """Exposures, by name."""
    windows: Named[Window]
    """Windows before the index date, by name."""
    covariates: tuple[Covariate, ...] = ()
    """Covariates that analyses may adjust for."""
    covariate_sets: Annotated[Named[CovariateSet], Field(default_factory=Table)]
    """Sets of everything recorded, by name, for propensity scores."""
    analyses: Annotated[tuple[Analysis, ...], Field(min_length=1)]
    """The main analyses."""
    sensitivity: tuple[Sensitivity, ...] = ()
    """Variations of main analyses."""
    grids: tuple[Grid, ...] = ()
    """Main analyses over again for many targets, comparators, outcomes and settings."""
    negative_controls: NegativeControls | None = None
    """Outcomes and exposures that have nothing to do with the question; none where left out."""
    published: tuple[Published, ...] = ()
    """Figures of papers, shown beside the estimates of this study."""
    contrasts: tuple[Contrast, ...] = ()
    """Flawed runs beside main analyses, to show how large the avoided bias is; they are no results of the study."""
    triangulation: Triangulation | None = None
    """The question answered by several analyses, each with its expected bias, in one figure; none where left out."""

    def every_analysis(self) -> tuple[Analysis, ...]:
        """The main analyses, the sensitivity analyses, then those of the grids, each complete."""
        return (*self.analyses, *(varied(self, item) for item in self.sensitivity), *self.grid_analyses())

    def grid_analyses(self) -> tuple[Analysis, ...]:
        """The analyses of every grid, in order."""
        main = {analysis.id: analysis for analysis in self.analyses}
        return tuple(of_cell(main[grid.base], cell) for grid in self.grids for cell in grid.cells())

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
    return Analysis.model_validate(_merged(settings, item.change) | {"id": item.id, "label": item.why})


def of_cell(base: Analysis, cell: Cell) -> Analysis:
    """`base` as one cell of a grid has it. Raises `ValueError` where that is not a valid analysis."""
    settings = base.model_dump(by_alias=True)
    own = {"id": cell.id, "label": cell.label(base.label or base.id)}
    return Analysis.model_validate(_merged(settings, cell.change) | own)


def _merged(settings: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with those of `change`, table by table; a table of another kind replaces the one it changes."""
    made = dict(settings)
    for key, value in change.items():
        before = made.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            same_kind = all(value.get(tag, before.get(tag)) == before.get(tag) for tag in ("kind", "method"))
            value = _merged(before, value) if same_kind else value
        made[key] = value
    return made
