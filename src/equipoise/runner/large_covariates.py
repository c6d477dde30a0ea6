"""Steps of covariates at scale: everything recorded before time zero, and propensity scores by lasso from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from scipy import sparse

from equipoise.analysis_set import AnalysisSet
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.covariates_at_scale import RecordedCovariates, covariates_at_scale
from equipoise.data.concept_days import classes_above, concepts_recorded
from equipoise.data.concepts import resolve
from equipoise.data.source import Source
from equipoise.errors import REASON_TEXT
from equipoise.estimators.propensity_scores import trim
from equipoise.estimators.regularised_logistic import fit_regularised_logistic
from equipoise.estimators.regularised_logistic_fit import RegularisedLogisticFit
from equipoise.runner.artifact import Artifact
from equipoise.runner.follow_up import followed_persons
from equipoise.runner.follow_up_protocol import read_follow_up
from equipoise.runner.missing_values import ADJUSTED_FOR, complete_rows
from equipoise.runner.packing import unpack_analysis_set, unpack_people
from equipoise.runner.scored import pack_covariates, unpack_covariates
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.covariate_sets import CovariateSet
from equipoise.spec.follow_up import Adjustment, PropensityScore

Inputs = Mapping[str, Artifact]
ADJUSTMENT: TypeAdapter[Any] = TypeAdapter(Adjustment)
HIGH_CORRELATION = 0.5  # as in CohortMethod: nearly the treatment itself
NAMED = 5


def covariate_set(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Everything recorded of the persons of a comparison, one row each in the order of its analysis set.

    Left out: concepts with a record of the drugs compared or of the outcome, and the classes above the drugs.
    """
    protocol, people = read_follow_up(subset), unpack_people(inputs["people"])
    arms = followed_persons(inputs, protocol, people).arms
    declared = CovariateSet.model_validate(subset["covariate_set"])
    excluded: set[int] = set()
    drugs: set[int] = set()
    for name, item in subset["left_out"].items():
        concept_set = ConceptSet.model_validate(item)
        concepts = concepts_recorded(source, resolve(source, name, concept_set))
        excluded |= concepts
        drugs |= concepts if concept_set.domain == "drug" else set()
    found = covariates_at_scale(
        source,
        people,
        IndexRows(arms.person, arms.day),
        recorded=recorded(declared),
        demographics=declared.demographics,
        charlson=declared.charlson,
        exclude=excluded | classes_above(source, frozenset(drugs)),
        at_least=max(1, int(np.ceil(declared.min_share * len(arms)))),
    )
    said = f"{len(found.names):,} covariates of the set, {found.rare:,} left out for being rare"
    return pack_covariates(found.x, found.names, (said, *found.warnings))


def recorded(declared: CovariateSet) -> list[RecordedCovariates]:
    """What is looked for, domain by domain; drugs at each of their levels."""
    made = []
    for domain in declared.domains:
        for level in declared.drug_levels if domain == "drug" else ("concept",):
            made.append(RecordedCovariates(domain, level, declared.windows, domain in declared.counts))
    return made


def propensity(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Scores of every person of a comparison, before trimming and after, and who is left."""
    people, x = unpack_analysis_set(inputs["analysis_set"]), unpack_covariates(inputs["covariate set"])
    given = ADJUSTMENT.validate_python(subset["adjustment"])
    assert isinstance(given, PropensityScore)
    names = inputs["covariate set"].values["names"]
    whole = complete_rows(people)
    first = _fitted(people, x, names, whole, subset["seed"])
    score, kept = _everywhere(people, whole, first), whole.copy()
    after, last = score, first
    if given.trimming and first is not None and first.reason is None:
        bare = people.select([people.columns[0].name]).where(whole)
        kept[whole] = trim(bare, score=first.propensity_scores, **given.trimming).keep
        last = _fitted(people, x, names, kept, subset["seed"])
        after = _everywhere(people, kept, last)
    findings = [*inputs["covariate set"].values["findings"], *_said(last)]
    return Artifact({"score": score, "kept": kept, "after": after}, {"findings": findings})


def _fitted(
    people: AnalysisSet, x: sparse.csc_array, names: list[str], rows: np.ndarray, seed: int
) -> RegularisedLogisticFit | None:
    """The lasso of the arm on every covariate of the chosen rows; None where one arm has nobody."""
    assert people.arm is not None
    if len(np.unique(people.arm[rows])) < 2:
        return None
    own = [column.name for column in people.columns if column.role in ADJUSTED_FOR]
    beside = sparse.csc_array(np.asarray(people.select(own).x)[rows])
    both = sparse.csc_array(sparse.hstack([beside, sparse.csc_array(sparse.csr_array(x)[rows])], format="csc"))
    arm = people.arm[rows].astype(np.float64)
    labels = [*own, *names]
    return fit_regularised_logistic(both, arm, covariates=labels, seed=seed, correlation_bound=HIGH_CORRELATION)


def _everywhere(people: AnalysisSet, rows: np.ndarray, fit: RegularisedLogisticFit | None) -> np.ndarray:
    """The scores of the chosen rows in a column of every row, NaN elsewhere."""
    score = np.full(len(people), np.nan)
    if fit is not None and fit.reason is None:
        score[rows] = fit.propensity_scores
    return score


def _said(fit: RegularisedLogisticFit | None) -> list[str]:
    if fit is None:
        return []
    if fit.reason is not None:
        return [f"no propensity score: {REASON_TEXT[fit.reason]}"]
    said = [f"{fit.nonzero:,} covariates in the model of the score, penalty {fit.penalty:.3g} by cross-validation"]
    if fit.correlated:
        more = f" and {len(fit.correlated) - NAMED:,} more" if len(fit.correlated) > NAMED else ""
        listed = ", ".join(fit.correlated[:NAMED])
        said.append(f"correlated with the arm by more than {HIGH_CORRELATION:g}: {listed}{more}")
    return said
