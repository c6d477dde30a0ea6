"""Weights, strata and propensity-score tools against WeightIt, MatchIt, sandwich, geepack, survival, CohortMethod."""

from functools import cache

import pandas as pd
import pytest

from equipoise import assess_balance, fit_cox, fit_logistic
from equipoise.estimators.average_effect import fit_average_effect
from equipoise.estimators.propensity_scores import assess_propensity, trim
from equipoise.estimators.stratification import Stratification, stratify
from equipoise.estimators.weighted_models import fit_weighted
from equipoise.estimators.weighting import Weighting, weigh
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data

SAME_EQUATIONS = 1e-8
STANDARD_ERROR = 1e-6
# R's glm stops when the deviance changes by 1e-8 of itself: its scores are then 1e-7 off, and weights of up to 40 more
GLM_STOPPED = 2e-6
PRINTED_Z = 3e-5  # CohortMethod's limits lie 1.96 standard errors off, ours 1.959964


@cache
def lalonde() -> pd.DataFrame:
    return data("MatchIt__lalonde_rows")


@cache
def scores() -> pd.DataFrame:
    return data("derived__lalonde_ps_population")


@cache
def propensity():
    columns = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
    return fit_logistic(lalonde(), outcome="treat", covariates=columns)


def weighted(estimand: str, **options) -> Weighting:
    return weigh(lalonde(), arm="treat", score=propensity(), estimand=estimand, **options)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC", "ATO"])
def test_weights_and_their_effects(estimand: str) -> None:
    name = f"weights_{estimand}"
    expected, made = case(name)["result"], weighted(estimand)
    agree(name, "weights", made.weights, expected["weights"], relative=GLM_STOPPED)
    sizes = [expected["ess_treated"], expected["ess_control"]]
    agree(name, "effective sample sizes", made.effective_sizes(), sizes, relative=GLM_STOPPED)
    for variance, wanted in (("HC0", "se_HC0"), ("HC3", "se_HC3")):
        fit = fit_average_effect(made, outcome="re78", variance=variance)
        agree(name, "coefficients", fit.coefficients[0], expected["effect_diff"], relative=GLM_STOPPED * 10)
        agree(name, "standard errors", fit.std_errors[0], expected[wanted], relative=GLM_STOPPED)
    earning = (lalonde()["re78"] > 0).to_numpy()
    odds = fit_average_effect(made, outcome=earning, measure="odds_ratio", variance="HC0")
    agree(name, "log odds ratio", odds.coefficients[0], expected["logOR"], relative=GLM_STOPPED * 10)
    agree(
        name, "standard error of the log odds ratio", odds.std_errors[0], expected["logOR_se_HC0"], relative=GLM_STOPPED
    )


def test_stabilised_and_truncated_weights() -> None:
    name = "weights_ATE_stabilized"
    expected, made = case(name)["result"], weighted("ATE", stabilised=True)
    agree(name, "weights", made.weights, expected["weights"], relative=GLM_STOPPED)
    agree(name, "mean weight", made.weights.mean(), expected["mean"], relative=GLM_STOPPED)
    name = "weights_ATE_stabilized_trim99"
    expected, made = case(name)["result"], weighted("ATE", stabilised=True, truncate_percentile=99)
    agree(name, "largest weight", made.weights.max(), expected["weights_max"], relative=GLM_STOPPED)
    agree(name, "sum of weights", made.weights.sum(), expected["sum"], relative=GLM_STOPPED)


def test_subclasses_for_the_att() -> None:
    name = "match_subclass6"
    expected = case(name)["result"]
    made = stratify(
        lalonde(),
        arm="treat",
        score=propensity(),
        strata=6,
        cut_on="target",
        estimand="ATT",
        boundary_in="upper",
    )
    agree(name, "weights", made.weights, expected["weights"], relative=SAME_EQUATIONS)
    fit = fit_average_effect(made, outcome="re78", variance="cluster")
    agree(name, "coefficients", fit.coefficients[0], expected["effect"]["att"], relative=SAME_EQUATIONS)
    agree(name, "standard errors", fit.std_errors[0], expected["effect"]["se_cluster_or_HC3"], relative=STANDARD_ERROR)


def cohort_method(strata: str) -> Stratification:
    return stratify(scores(), arm="treatment", score="propensityScore", strata=5, cut_on=strata)


@pytest.mark.parametrize("base", ["all", "comparator"])
def test_strata_of_cohort_method(base: str) -> None:
    name = f"cm_stratify5_{base}"
    expected, made = case(name)["result"], cohort_method(base)
    agree(name, "strata", made.codes + 1, expected["stratumId"])
    agree(name, "counts", made.counts()[["reference", "target"]].to_numpy(), expected["table"])


def test_auc_equipoise_and_trimming_of_cohort_method() -> None:
    given = {"arm": "treatment", "score": "propensityScore"}
    found, expected = assess_propensity(scores(), **given), case("cm_ps_auc")["result"]
    agree("cm_ps_auc", "auc", found.auc, expected["auc"], relative=SAME_EQUATIONS)
    error = (expected["aucUb95ci"] - expected["auc"]) / 1.96
    agree("cm_ps_auc", "standard errors", found.auc_std_error, error, relative=STANDARD_ERROR)
    limits = [expected["aucLb95ci"], expected["aucUb95ci"]]
    agree("cm_ps_auc", "limits", [found.conf_low, found.conf_high], limits, relative=PRINTED_Z)
    agree(
        "cm_equipoise", "share", found.equipoise, case("cm_equipoise")["result"]["equipoise"], relative=SAME_EQUATIONS
    )
    left = trim(scores(), **given, equipoise=(0.25, 0.75)).frame()
    agree("cm_trim_equipoise", "persons", left["rowId"], case("cm_trim_equipoise")["result"]["rowId"])


def test_inverse_probability_weights_of_the_what_if_book() -> None:
    name = "whatif_12_ipw"
    expected, made, table = case(name)["result"], nhefs(), complete()
    agree(name, "rows", len(table), expected["n"])
    agree(name, "propensity coefficients", quitting().coefficients, expected["ps_coef"], relative=GLM_STOPPED)
    found = [made.weights.mean(), made.weights.min(), made.weights.max()]
    agree(name, "weights", found, [expected[f"w_{k}"] for k in ("mean", "min", "max")], relative=GLM_STOPPED)
    what_if_effect(name, made)


def test_stabilised_weights_of_the_what_if_book() -> None:
    name = "whatif_12_stabilized"
    expected, made = case(name)["result"], nhefs(stabilised=True)
    found = [made.weights.mean(), made.weights.min(), made.weights.max()]
    agree(name, "weights", found, [expected[f"sw_{k}"] for k in ("mean", "min", "max")], relative=GLM_STOPPED)
    what_if_effect(name, made)


def what_if_effect(name: str, made: Weighting) -> None:
    expected = case(name)["result"]
    fit = fit_average_effect(made, outcome="wt82_71", variance="robust")
    agree(name, "coefficients", [fit.mean_reference, fit.coefficients[0]], expected["coef"], relative=GLM_STOPPED)
    agree(name, "standard errors", fit.std_errors[0], expected["robust_se"]["qsmk"], relative=GLM_STOPPED)


@cache
def complete() -> pd.DataFrame:
    table = data("causaldata__nhefs").dropna(subset=["wt82"]).reset_index(drop=True)
    for name in ("education", "exercise", "active"):
        table[name] = table[name].astype(int).astype(str)
    return table


@cache
def quitting():
    formula = (
        "sex + race + age + I(age**2) + education + smokeintensity + I(smokeintensity**2) + smokeyrs + I(smokeyrs**2)"
        " + exercise + active + wt71 + I(wt71**2)"
    )
    return fit_logistic(complete(), outcome="qsmk", covariates=formula)


def nhefs(**options) -> Weighting:
    return weigh(complete(), arm="qsmk", score=quitting(), **options)


def test_marginal_structural_logistic_model_of_the_what_if_book() -> None:
    name = "whatif_12_msm_death"
    expected = case(name)["result"]
    fit = fit_weighted(nhefs(stabilised=True), fit_logistic, variance="robust", outcome="death", covariates=["qsmk"])
    agree(name, "coefficients", fit.coefficients, expected["coef"], relative=GLM_STOPPED)
    agree(name, "standard errors", fit.std_errors, expected["robust_se"], relative=GLM_STOPPED)


def test_weighted_cox_model_of_gibleed() -> None:
    name = "gib_cox_iptw"
    expected, table = case(name)["result"], data("derived__gibleed_cohort")
    table = table[table["time"] > 0].reset_index(drop=True)
    score = fit_logistic(table, outcome="target", covariates=list(case(name)["spec"]["ps"]))
    agree(name, "propensity coefficients", score.coefficients, expected["ps_coef"], relative=GLM_STOPPED)
    made = weigh(table, arm="target", score=score, stabilised=True)
    fit = fit_weighted(made, fit_cox, variance="robust", time="time", event="event", covariates=["target"])
    agree(name, "coefficients", fit.coefficients, expected["coef"], relative=GLM_STOPPED)
    agree(name, "standard errors", fit.std_errors, expected["se"], relative=GLM_STOPPED)
    naive = [fit.naive_covariance[0, 0] ** 0.5]
    agree(name, "model-based standard errors", naive, expected["naive_se"], relative=GLM_STOPPED)
    log_likelihoods = [fit.log_likelihood_null, fit.log_likelihood]
    agree(name, "log-likelihood", log_likelihoods, expected["loglik"], relative=GLM_STOPPED)


STACKED_IN_R = {"ATE": 876.1932, "ATT": 798.1546, "ATO": 738.749}  # printed to seven digits


@pytest.mark.parametrize("estimand", STACKED_IN_R)
def test_the_influence_variance_is_the_sandwich_of_the_stacked_equations_in_r(estimand: str) -> None:
    """Estimating equations of glm and both means written out in R, their derivative by central differences."""
    fit = fit_average_effect(weighted(estimand), outcome="re78")
    assert fit.std_errors[0] == pytest.approx(STACKED_IN_R[estimand], rel=2e-7)


COBALT = {
    "prop.score": "propensity score",
    **{f"race_{level}": f"race[{level}]" for level in ("black", "hispan", "white")},
}
BALANCE = {"smd_before": "smd_unadj", "smd_after": "smd_adj", "variance_ratio_after": "vr_adj", "ks_after": "ks_adj"}


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC", "ATO"])
def test_balance_after_weighting(estimand: str) -> None:
    name = f"weights_{estimand}"
    expected = case(name)["result"]["balance"]
    columns = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
    table = assess_balance(weighted(estimand), covariates=columns, denominator="pooled", ks=True).tidy()
    table = table.set_index("term").loc[[COBALT.get(term, term) for term in expected["covariate"]]]
    for ours, theirs in BALANCE.items():
        agree(name, f"balance, {ours}", table[ours], expected[theirs], relative=GLM_STOPPED, absolute=GLM_STOPPED / 10)
