"""One step of a study, and the steps that designs of every kind share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from equipoise.spec.canonical import canonical
from equipoise.spec.cohorts import CohortDefinition
from equipoise.spec.covariates import records_behind
from equipoise.spec.study import Analysis, Study

# The step table: kind of step → "module:function", loaded only when the step has to run.
STEPS = 10  # parts of a bootstrap, each a step: progress is seen, and what is done is kept
FUNCTIONS = {
    "people": "equipoise.runner.extraction:people",
    "quality": "equipoise.runner.extraction:quality",
    "concepts": "equipoise.runner.extraction:concepts",
    "records": "equipoise.runner.extraction:records",
    "cases": "equipoise.runner.sampling:cases",
    "matched_sets": "equipoise.runner.sampling:matched_sets",
    "relatives": "equipoise.runner.relatives:relatives",
    "relative_sets": "equipoise.runner.relatives:relative_sets",
    "family_rows": "equipoise.runner.relatives:family_rows",
    "member_records": "equipoise.runner.extraction:member_records",
    "analysis_set": "equipoise.runner.assembly:analysis_set",
    "description": "equipoise.runner.describe:description",
    "estimates": "equipoise.runner.estimate:estimates",
    "within_between": "equipoise.runner.within_between:within_between",
    "contrasts": "equipoise.runner.contrasts:contrasts",
    "lag_scan": "equipoise.runner.lag_scan:lag_scan",
    "trial_panel": "equipoise.runner.trial_panels:panel",
    "trial_description": "equipoise.runner.trial_description:description",
    "trial_bootstrap": "equipoise.runner.trial_estimates:replicates",
    "trial_estimates": "equipoise.runner.trial_estimates:estimates",
    "indication": "equipoise.runner.indication:indication",
    "dose_response": "equipoise.runner.dose_response:dose_response",
    "population": "equipoise.runner.follow_up:population",
    "arms_set": "equipoise.runner.follow_up:arms_set",
    "arms_description": "equipoise.runner.describe_arms:description",
    "arms_bootstrap": "equipoise.runner.bootstrap_arms:bootstrap",
    "arms_estimates": "equipoise.runner.estimate_arms:estimates",
    "bridge_bootstrap": "equipoise.runner.bridge_bootstrap:bootstrap",
    "control_set": "equipoise.runner.assembly:analysis_set",
    "control_estimates": "equipoise.runner.estimate:estimates",
    "control_arms_set": "equipoise.runner.follow_up:arms_set",
    "control_arms_estimates": "equipoise.runner.estimate_arms:estimates",
    "covariate_set": "equipoise.runner.large_covariates:covariate_set",
    "propensity": "equipoise.runner.large_covariates:propensity",
    "control_outcomes": "equipoise.runner.control_rows:outcomes",
    "control_rows": "equipoise.runner.control_rows:gathered",
    "score_response": "equipoise.runner.score_response:estimates",
    "scores": "equipoise.runner.function_sets:scores",
    "function_set": "equipoise.runner.function_sets:function_set",
    "function": "equipoise.runner.function:estimates",
    "hazard_checks": "equipoise.runner.hazard_checks:hazard_checks",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of work.

    `subset` is the part of the canonical study it depends on; `needs` says which step plays which role for it. Only the
    roles and the content of what plays them enter its key, so analyses that share work share artefacts. `analysis` is
    the one it belongs to, empty where several share it.
    """

    name: str
    kind: str
    subset: Any
    needs: Mapping[str, str] = field(default_factory=dict)
    reads_source: bool = False
    detail: str = field(default="", compare=False)
    analysis: str = field(default="", compare=False)

    @property
    def function(self) -> str:
        return FUNCTIONS[self.kind]


def concepts_step(study: Study, name: str) -> Step:
    """What a concept set finds."""
    subset = {"name": name, "concept_set": canonical(study.concept_sets[name])}
    detail = "looks the set up and counts its records"
    return Step(f"concepts of {name}", "concepts", subset, reads_source=True, detail=detail)


def records_step(study: Study, name: str, first_only: bool) -> Step:
    """The records of everyone: all, or each person's first."""
    subset = {"name": name, "concept_set": canonical(study.concept_sets[name]), "first_only": first_only}
    which = "first records" if first_only else "records"
    detail = "days of the records, of everyone"
    return Step(f"{which} of {name}", "records", subset, reads_source=True, detail=detail)


def cohort_concept_sets(cohort: CohortDefinition) -> dict[str, bool]:
    """Concept sets whose records decide membership, each with whether the first record of a person is enough."""
    first: dict[str, bool] = {}

    def need(name: str, first_only: bool) -> None:
        first[name] = first.get(name, True) and first_only

    for name in cohort.entry.concept_sets:
        need(name, cohort.entry.occurrence == "first")
    for prior in cohort.exclude_prior:
        need(prior.concept_set, prior.days is None)
    for rule in cohort.rules:
        need(rule.concept_set, False)
    if cohort.exit.concept_set is not None:
        need(cohort.exit.concept_set, False)
    return first


def covariate_concept_sets(study: Study, analysis: Analysis) -> set[str]:
    """Concept sets behind the covariates that an analysis adjusts for, or is repeated by."""
    return concept_sets_of(study, (*analysis.adjust_for, *analysis.subgroups))


def concept_sets_of(study: Study, covariates: Iterable[str]) -> set[str]:
    """Concept sets behind named covariates."""
    return {name for covariate in covariates for name in records_behind(study.covariate(covariate))}


def records_of_members(study: Study, member_sets: set[str]) -> dict[str, Any]:
    """What a step that reads records of members has to know: concept sets, and those whose records are added up."""
    sets = {name: canonical(study.concept_sets[name]) for name in sorted(member_sets)}
    several = {name: list(each.concept_sets) for name, each in study.exposures.items() if len(each.concept_sets) > 1}
    together = {name: named for name, named in several.items() if set(named) <= member_sets}
    return {"concept_sets": sets} | ({"together": together} if together else {})
