"""Ways of making the arms of a follow-up design comparable, each with its rows and the models that go with it."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from equipoise.analysis_set import AnalysisSet
from equipoise.diagnostics.balance_assessment import Balance, assess_balance
from equipoise.diagnostics.generalizability import Generalizability, compare_with_everybody
from equipoise.errors import Reason
from equipoise.estimators.adjustment_rows import PROBABILITIES
from equipoise.estimators.cox import fit_cox
from equipoise.estimators.cox_fit import CoxFit
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.matching import match
from equipoise.estimators.matching_result import MatchingWarning
from equipoise.estimators.propensity_scores import assess_propensity, trim
from equipoise.estimators.regularised_logistic import fit_regularised_logistic
from equipoise.estimators.stratification import stratify
from equipoise.estimators.survival_curve_result import SurvivalCurve
from equipoise.estimators.weighted_models import fit_weighted
from equipoise.estimators.weighted_survival import fit_weighted_survival_curve
from equipoise.estimators.weighting import weigh
from equipoise.runner.risks import Curve, curve_of, outcome_only
from equipoise.runner.scored import Scored
from equipoise.spec.follow_up import Match, PropensityScore, Stratify, Weigh

CRUDE, ADJUSTED, MATCHED, WEIGHTED, STRATIFIED = "crude", "adjusted", "matched", "weighted", "stratified"


@dataclass(frozen=True, slots=True)
class Setting:
    """What every model of a comparison shares."""

    arm: str
    ties: str
    conf_level: float
    competing: bool
    seed: int
    cluster: str | None = None
    scored: Scored | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One way of making arms comparable.

    label   what the column `adjustment` says
    rows    the persons its estimates rest on
    reason  why there is no estimate, if there is none
    cox     fits the Cox model whose term for the arm is reported
    curve   the curves of both arms; None where the layer has none of its own
    plain   the rows as they enter models that take neither weights nor strata; None where that is not defined
    counted fits a model of counts, `fit_poisson` or `fit_logistic`; None where there is none
    """

    label: str
    rows: AnalysisSet
    reason: Reason | None
    cox: Callable[[], CoxFit]
    curve: Callable[[], Curve] | None
    plain: AnalysisSet | None
    counted: Callable[[Callable[..., GlmFit]], GlmFit] | None = None


@dataclass(frozen=True, slots=True)
class Propensity:
    """The propensity score of a comparison and what was done with it.

    rows      persons left after trimming, with their covariates
    trimmed   persons left out by it
    auc, equipoise  of the score among the rows
    balance   before and after the adjustment
    findings  what a reader should know
    generalizability  how far those left resemble those before trimming and adjustment
    x, names  covariates whose balance was assessed: float64 (n, p), dense or CSC
    score, preference  of each of the rows: float64 (n,)
    """

    rows: AnalysisSet
    trimmed: int
    auc: float
    equipoise: float
    balance: Balance
    findings: tuple[str, ...]
    x: Any
    names: tuple[str, ...]
    score: np.ndarray
    preference: np.ndarray
    generalizability: Generalizability


def crude(people: AnalysisSet, setting: Setting) -> Layer:
    """The arms as they are."""
    return _plain_layer(CRUDE, people.select([setting.arm]), people, setting)


def adjusted(people: AnalysisSet, setting: Setting) -> Layer:
    """Covariates in the Cox model; risks have no adjusted form of their own."""
    roles = ("exposure", "covariate", "interaction")
    columns = [column.name for column in people.columns if column.role in roles]
    layer = _plain_layer(ADJUSTED, people.select(columns), people, setting)
    return replace(layer, curve=None)


def _plain_layer(label: str, modelled: AnalysisSet, people: AnalysisSet, setting: Setting) -> Layer:
    def cox() -> CoxFit:
        rows, cluster = outcome_only(modelled), setting.cluster
        return fit_cox(rows, ties=setting.ties, cluster=cluster, conf_level=setting.conf_level)

    def curve() -> Curve:
        return curve_of(people, setting.competing, setting.conf_level)

    def counted(model: Callable[..., GlmFit]) -> GlmFit:
        return model(outcome_only(modelled), cluster=setting.cluster, conf_level=setting.conf_level)

    return Layer(label, people, one_arm_empty(people), cox, curve, modelled, counted)


def one_arm_empty(people: AnalysisSet) -> Reason | None:
    """Why there is nothing to compare, if there is nothing."""
    assert people.arm is not None
    return Reason.ONE_ARM_EMPTY if len(np.unique(people.arm)) < 2 else None


@dataclass(frozen=True, slots=True)
class _Adjusted:
    """What a layer by propensity score was made of: persons left by trimming, their score, the adjustment itself."""

    people: AnalysisSet
    score: Any
    made: Any
    findings: tuple[str, ...]


def by_propensity(people: AnalysisSet, given: PropensityScore, setting: Setting) -> tuple[Layer, Propensity | None]:
    """Match, weigh or stratify on a score estimated from every covariate column; without two arms, a reason."""
    layer, found = _layer_by_propensity(people, given, setting)
    if found is None:
        return layer, None
    left = found.people
    assessed = assess_propensity(left.select([setting.arm]), score=found.score)
    x, names = _balanced(left, setting.scored)
    balance = assess_balance(found.made, covariates=x, names=names)
    assert people.arm is not None
    everybody, _ = _balanced(people, setting.scored)
    arm = np.asarray(people.arm == 1)
    kept = np.isin(people.person, left.person)
    said = found.findings if setting.scored is None else (*setting.scored.findings, *found.findings)
    return layer, Propensity(
        left,
        len(people) - len(left),
        assessed.auc,
        assessed.equipoise,
        balance,
        said,
        x,
        tuple(names),
        assessed.rows.score,
        assessed.preference,
        compare_with_everybody(found.made, covariates=everybody, names=names, kept=kept, arm=arm),
    )


def layer_by_propensity(people: AnalysisSet, given: PropensityScore, setting: Setting) -> Layer:
    """The layer alone, without looking at what the score did: for another outcome of the same persons."""
    return _layer_by_propensity(people, given, setting)[0]


def _layer_by_propensity(
    people: AnalysisSet, given: PropensityScore, setting: Setting
) -> tuple[Layer, _Adjusted | None]:
    label = {"match": MATCHED, "weigh": WEIGHTED, "stratify": STRATIFIED}[given.kind]  # type: ignore[attr-defined]
    reason = one_arm_empty(people)
    if reason is not None:
        return replace(crude(people, setting), label=label, reason=reason), None
    people, score, reason = _scored(people, given, setting)
    if reason is not None:
        return replace(crude(people, setting), label=label, reason=reason), None
    make: Mapping[type, Callable[..., tuple[Layer, Any, tuple[str, ...]]]] = {
        Match: _matched,
        Weigh: _weighted,
        Stratify: _stratified,
    }
    layer, made, findings = make[type(given)](people.select([setting.arm]), score, given, setting)
    return layer, _Adjusted(people, score, made, findings)


def _scored(people: AnalysisSet, given: PropensityScore, setting: Setting) -> tuple[AnalysisSet, Any, Reason | None]:
    """The persons that trimming leaves, with their score, or why there is none.

    A score that a step has estimated serves every part of the comparison; others are estimated among the persons here.
    """
    if setting.scored is not None:
        people = people.where(setting.scored.kept[people.person])
        score = setting.scored.after[people.person]
        return people, score, one_arm_empty(people) or (Reason.NOT_CONVERGED if np.isnan(score).any() else None)
    score = _score(people, given.penalty, setting.seed)
    if _determined(score):
        return people, score, Reason.SEPARATION
    if given.trimming:
        people = people.where(trim(people, score=score, **given.trimming).keep)
        if one_arm_empty(people) is not None:
            return people, score, Reason.ONE_ARM_EMPTY
        score = _score(people, given.penalty, setting.seed)
    return people, score, Reason.SEPARATION if _determined(score) else None


def _balanced(people: AnalysisSet, scored: Scored | None) -> tuple[Any, list[str]]:
    """Every covariate whose balance is of interest: those of the study, then those of its covariate set."""
    names = [column.name for column in people.columns if column.role in ("covariate", "interaction")]
    x = people.select(names).x
    if scored is None:
        return x, names
    return sparse.hstack([sparse.csc_array(x), scored.covariates_of(people)], format="csc"), [*names, *scored.names]


def _score(people: AnalysisSet, penalty: str, seed: int) -> Any:
    """The model of the arm given every covariate column."""
    names = [column.name for column in people.columns if column.role in ("covariate", "interaction")]
    x = people.select(names).x
    assert people.arm is not None
    if penalty == "none":
        return fit_logistic(x, outcome=people.arm.astype(np.float64))
    return fit_regularised_logistic(x, people.arm.astype(np.float64), seed=seed)


def _determined(score: Any) -> bool:
    """Whether covariates determine the arm of somebody, so that the score is 0 or 1 there."""
    values = np.asarray(next(getattr(score, name) for name in PROBABILITIES if hasattr(score, name)))
    return not ((values > 0.0) & (values < 1.0)).all()


def _matched(bare: AnalysisSet, score: Any, given: Match, setting: Setting) -> tuple[Layer, Any, tuple[str, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MatchingWarning)  # what it says is shown among the findings
        made = match(
            bare,
            score=score,
            estimand=given.estimand,
            ratio=given.ratio,
            caliper=given.caliper,
            caliper_scale=given.caliper_scale,
            caliper_sd=given.caliper_sd,
            order=given.order,
            seed=setting.seed,
        )
    rows = made.analysis_set(weighted=given.ratio > 1)
    reason = made.reason or one_arm_empty(rows)

    def cox() -> CoxFit:
        modelled = outcome_only(rows).select([setting.arm])
        return fit_cox(modelled, strata=(), cluster="stratum", ties=setting.ties, conf_level=setting.conf_level)

    def curve() -> Curve:
        return curve_of(rows, setting.competing, setting.conf_level, cluster="stratum")

    def counted(model: Callable[..., GlmFit]) -> GlmFit:
        modelled = outcome_only(rows).select([setting.arm])
        return model(modelled, cluster="stratum", conf_level=setting.conf_level)

    plain = None if given.ratio > 1 else rows.select([setting.arm])
    return (
        Layer(MATCHED, rows, reason, cox, curve, plain, counted),
        made,
        tuple(_without_counts(item.text) for item in made.findings),
    )


def _without_counts(text: str) -> str:
    """A finding for a table, where a number of persons or sets could be a small one that nobody may see."""
    number = r"\d+(?:,\d{3})*"
    return re.sub(rf"\b{number} (?=persons|sets)", "", re.sub(rf"among {number}", "among the others", text))


def _weighted(bare: AnalysisSet, score: Any, given: Weigh, setting: Setting) -> tuple[Layer, Any, tuple[str, ...]]:
    percentile = None if given.truncate is None else (100 * (1 - given.truncate), 100 * given.truncate)
    made = weigh(
        outcome_only(bare),
        score=score,
        estimand=given.estimand,
        stabilised=given.stabilised,
        truncate_percentile=percentile,
    )

    def cox() -> CoxFit:
        return fit_weighted(made, fit_cox, covariates=[setting.arm], ties=setting.ties, conf_level=setting.conf_level)

    def curve() -> SurvivalCurve:
        return fit_weighted_survival_curve(made, conf_level=setting.conf_level)

    def counted(model: Callable[..., GlmFit]) -> GlmFit:
        return fit_weighted(made, model, covariates=[setting.arm], conf_level=setting.conf_level)

    target, reference = made.effective_sizes()
    said = [f"effective sample sizes: {target:,.0f} in the target arm, {reference:,.0f} in the reference arm"]
    cut = made.truncation
    if cut.below or cut.above:
        said.append(f"weights truncated to {cut.low:.3g} from below and {cut.high:.3g} from above")
    return Layer(WEIGHTED, bare, made.reason, cox, curve, None, counted), made, tuple(said)


def _stratified(bare: AnalysisSet, score: Any, given: Stratify, setting: Setting) -> tuple[Layer, Any, tuple[str, ...]]:
    made = stratify(outcome_only(bare), score=score, strata=given.strata)
    rows = made.analysis_set()

    def cox() -> CoxFit:
        return fit_cox(rows.select([setting.arm]), ties=setting.ties, conf_level=setting.conf_level)

    def curve() -> Curve:
        return curve_of(made.analysis_set(weighted=True), False, setting.conf_level)

    said = ("persons in strata without one of the arms left out",) if made.left_out else ()
    return Layer(STRATIFIED, rows, made.reason, cox, curve, None), made, said
