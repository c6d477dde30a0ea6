"""Logistic and Poisson regression, rates and tables against R's answers on public data in the shared folder."""

from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest

from equipoise import fit_incidence_rates, fit_logistic, fit_mantel_haenszel, fit_poisson
from equipoise.estimators.exact_intervals import proportion_interval
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data, with_public_cases
from tests.reference.spline_columns import natural_spline

COEFFICIENT = 1e-8  # relative to the estimate or its standard error
STD_ERROR = 1e-6  # relative: R's weights are those of the step before its last
CYCLOPS = 2e-7  # relative: Cyclops stops at a relative change of the log-likelihood of 1e-8
GEE = 1e-6  # geepack's own convergence
PRINTED = 1e-12
R_ROOT = 1e-3  # relative: R's uniroot stops at 1e-4 of an odds ratio, or of its reciprocal

pytestmark = with_public_cases


def epi(id: str) -> dict[str, Any]:
    return case(id)["result"]


def lalonde() -> pd.DataFrame:
    frame = data("MatchIt__lalonde")
    return frame.assign(race=pd.Categorical(frame["race"], ["black", "hispan", "white"]))


def same(id: str, fit: Any, answer: str = "se", coefficients: str = "coef") -> None:
    """Coefficients and standard errors are those of a case; `answer` names its errors."""
    expected = epi(id)
    smallest = COEFFICIENT * min(expected[answer].values())
    agree(id, "coefficients", fit.coefficients, expected[coefficients], relative=COEFFICIENT, absolute=smallest)
    agree(id, "standard errors", fit.std_errors, expected[answer], relative=STD_ERROR)


def same_whole(id: str, fit: Any) -> None:
    same(id, fit)
    expected = epi(id)
    scale = np.outer(fit.std_errors, fit.std_errors)
    agree(id, "scaled covariance", fit.covariance / scale, expected["vcov"] / scale, absolute=2 * STD_ERROR)
    agree(id, "log-likelihood", fit.log_likelihood, expected["loglik"], absolute=1e-8)
    agree(id, "deviance", fit.deviance, expected["deviance"], relative=1e-10)
    agree(id, "null deviance", fit.null_deviance, expected["null_deviance"], relative=1e-10)
    agree(id, "AIC", float(fit.glance()["aic"].iloc[0]), expected["aic"], relative=1e-10)
    limits = fit.tidy()[["conf_low", "conf_high"]].to_numpy()
    agree(id, "limits", limits, expected["ci95_wald"], relative=2e-6)


LALONDE = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]


def test_propensity_score_of_lalonde() -> None:
    id = "glm_lalonde_ps"
    expected = epi(id)
    fit = fit_logistic(lalonde(), outcome="treat", covariates=LALONDE)
    same_whole(id, fit)
    agree(id, "propensity scores", fit.fitted_values, expected["ps"], relative=1e-10)
    for kind, errors in expected["robust_se"].items():
        robust = fit_logistic(lalonde(), outcome="treat", covariates=LALONDE, robust=kind)
        agree(id, f"standard errors {kind}", robust.std_errors, errors, relative=STD_ERROR)


def test_unpenalised_logistic_of_cyclops() -> None:
    expected = epi("cyclops_lr_mle")
    frame = lalonde().assign(black=lambda d: d["race"] == "black", hispan=lambda d: d["race"] == "hispan")
    fit = fit_logistic(frame, outcome="treat", covariates=list(expected["coef"])[1:])
    agree("cyclops_lr_mle", "coefficients", fit.coefficients, expected["coef"], relative=CYCLOPS)
    agree("cyclops_lr_mle", "log-likelihood", fit.log_likelihood, expected["loglik"], absolute=1e-8)


def test_logistic_with_a_natural_spline() -> None:
    """R's ns(age, df = 3) has its inner knots at the thirds of age, and its outer ones at its ends."""
    spline = "ns(age, df = 3)"
    basis = natural_spline(data("datasets__infert")["age"].to_numpy(), [28.0, 34.0], (21.0, 44.0))
    frame = data("datasets__infert").assign(**{f"{spline}{j + 1}": basis[:, j] for j in range(3)})
    columns = [*(f"{spline}{j}" for j in (1, 2, 3)), "spontaneous"]
    same_whole("logistic_ns_infert", fit_logistic(frame, outcome="case", covariates=columns))


def test_splines_written_in_a_formula_are_those_of_r() -> None:
    """`bs` makes R's columns; `cr` other columns than R's `ns` and `rcs`, which span the same curves."""
    spec, answer = case("spline_bases")["spec"], epi("spline_bases")
    frame = pd.DataFrame({"x": np.array(spec["x"], float)})
    bounds = "knots=[30, 50, 70], lower_bound=18, upper_bound=91"
    columns = formulaic.model_matrix(f"0 + bs(x, {bounds})", frame)
    agree("spline_bases", "B-splines", columns, answer["bs"], absolute=PRINTED)
    natural = natural_spline(frame["x"].to_numpy(), [30.0, 50.0, 70.0], (18.0, 91.0))
    agree("spline_bases", "natural splines", natural, answer["ns"], absolute=PRINTED)
    curves = formulaic.model_matrix(f"0 + cr(x, {bounds})", frame).to_numpy()
    weights = np.linalg.lstsq(curves, natural, rcond=None)[0]
    agree("spline_bases", "natural splines out of cr()", curves @ weights, answer["ns"], absolute=PRINTED)


def test_a_natural_spline_in_a_formula_gives_the_likelihood_and_the_other_terms_of_r() -> None:
    spline = "cr(age, knots=[28, 34], lower_bound=21, upper_bound=44, constraints='center')"
    frame = data("datasets__infert").astype({"age": float})
    fit = fit_logistic(frame, outcome="case", covariates=f"{spline} + spontaneous")
    expected, row = epi("logistic_ns_infert"), fit.estimate("spontaneous")
    agree("logistic_ns_infert", "log-likelihood", fit.log_likelihood, expected["loglik"], absolute=1e-8)
    found, wanted = [row.estimate, row.std_error], [expected[k]["spontaneous"] for k in ("coef", "se")]
    agree("logistic_ns_infert", "other term with cr() in a formula", found, wanted, relative=STD_ERROR)


@pytest.mark.parametrize("kind", ["HC0", "HC1"])
def test_logistic_clustered_by_stratum(kind: str) -> None:
    covariates = ["spontaneous", "age"]
    fit = fit_logistic(data("datasets__infert"), outcome="case", covariates=covariates, cluster="stratum", robust=kind)
    same(f"logistic_cluster_{kind}_infert", fit)


def test_independence_gee_is_logistic_regression_with_unadjusted_clusters() -> None:
    expected = epi("gee_respiratory_independence")
    frame = data("geepack__respiratory")
    frame = frame.assign(person=frame["center"] * 1000 + frame["id"], center=frame["center"].astype(str))
    frame["treat"] = pd.Categorical(frame["treat"], ["A", "P"])
    fit = fit_logistic(
        frame,
        outcome="outcome",
        covariates=["baseline", "center", "sex", "treat", "age"],
        cluster="person",
        robust="CR0",
    )
    agree("gee_respiratory_independence", "coefficients", fit.coefficients, expected["coef"], relative=GEE)
    agree("gee_respiratory_independence", "standard errors", fit.std_errors, expected["robust_se"], relative=GEE)


QUINE = ["Sex", "Age", "Eth", "Lrn"]


def test_poisson_of_quine_with_robust_errors() -> None:
    same_whole("poisson_quine", fit_poisson(data("MASS__quine"), outcome="Days", covariates=QUINE))
    robust = fit_poisson(data("MASS__quine"), outcome="Days", covariates=QUINE, robust="HC0")
    same("poisson_quine", robust, "robust_HC0")


def test_quasi_poisson_of_quine() -> None:
    fit = fit_poisson(data("MASS__quine"), outcome="Days", covariates=QUINE, overdispersion=True)
    same("quasipoisson_quine", fit)
    dispersion = epi("quasipoisson_quine")["dispersion"]
    agree("quasipoisson_quine", "dispersion", fit.dispersion, dispersion, relative=STD_ERROR)


def test_poisson_rates_of_the_diet_data() -> None:
    """R's levels are alphabetical: <=2750 KCals and Bank worker are the references; person-time by the 1,000."""
    frame = data("Epi__diet").assign(thousand=lambda d: d["y"] / 1000)
    fit = fit_poisson(frame, outcome="chd", covariates=["energy.grp", "job"], person_time="thousand")
    same_whole("poisson_rates_diet", fit)


NHEFS = (
    "sex + race + age + I(age**2) + C(education) + smokeintensity + I(smokeintensity**2) + smokeyrs + I(smokeyrs**2)"
    " + C(exercise) + C(active) + wt71 + I(wt71**2)"
)


def nhefs() -> pd.DataFrame:
    frame = data("causaldata__nhefs")
    return frame[frame["wt82"].notna()].reset_index(drop=True)


def test_what_if_chapter_12_propensity_scores_and_weights() -> None:
    id = "whatif_12_ipw"
    expected = epi(id)
    frame = nhefs()
    fit = fit_logistic(frame, outcome="qsmk", covariates=NHEFS)
    agree(id, "rows", fit.rows, expected["n"])
    largest = COEFFICIENT * fit.std_errors.max()
    agree(id, "coefficients of the propensity model", fit.coefficients, expected["ps_coef"], absolute=largest)
    weight = 1 / np.where(frame["qsmk"] == 1, fit.fitted_values, 1 - fit.fitted_values)
    found = [weight.mean(), weight.min(), weight.max()]
    agree(id, "weights", found, [expected[f"w_{name}"] for name in ("mean", "min", "max")], relative=1e-9)


def test_what_if_chapter_12_stabilised_weights() -> None:
    """The effect itself is a weighted linear model, which is not offered; its weights are."""
    expected = epi("whatif_12_stabilized")
    weight = stabilised_weights(nhefs())
    found, wanted = [weight.mean(), weight.min(), weight.max()], [expected[f"sw_{k}"] for k in ("mean", "min", "max")]
    agree("whatif_12_stabilized", "weights", found, wanted, relative=1e-9)


def stabilised_weights(frame: pd.DataFrame) -> np.ndarray:
    score = fit_logistic(frame, outcome="qsmk", covariates=NHEFS).fitted_values
    share = fit_logistic(frame, outcome="qsmk", covariates=()).fitted_values
    return np.where(frame["qsmk"] == 1, share / score, (1 - share) / (1 - score))


def test_what_if_chapter_12_marginal_structural_model_of_death() -> None:
    expected = epi("whatif_12_msm_death")
    frame = nhefs()
    weight = stabilised_weights(frame)
    fit = fit_logistic(frame, outcome="death", covariates=["qsmk"], weights=weight, robust="HC0")
    agree("whatif_12_msm_death", "coefficients", fit.coefficients, expected["coef"], relative=GEE)
    agree("whatif_12_msm_death", "standard errors", fit.std_errors, expected["robust_se"], relative=GEE)


def test_what_if_chapter_17_pooled_logistic() -> None:
    id = "whatif_17_unadjusted"
    expected = epi(id)
    frame = data("causaldata__nhefs")
    months = np.where(frame["death"] == 0, 120, (frame["yrdth"] - 83) * 12 + frame["modth"]).astype(int)
    person = np.repeat(np.arange(len(frame)), months)
    time = np.concatenate([np.arange(m) for m in months]).astype(float)
    last = time == months[person] - 1
    survived = ~(last & (frame["death"].to_numpy()[person] == 1))
    quit = frame["qsmk"].to_numpy(float)[person]
    columns = {"qsmk": quit, "qt": quit * time, "qt2": quit * time**2, "time": time, "time2": time**2}
    fit = fit_logistic(columns | {"alive": survived}, outcome="alive", covariates=list(columns))
    agree(id, "rows and events", [fit.rows, fit.rows - fit.events], [expected["rows"], expected["events"]])
    agree(id, "coefficients", fit.coefficients, expected["coef"], relative=1e-7)
    b = fit.coefficients
    t = np.arange(120.0)
    for q, wanted in zip((0, 1), expected["surv120"], strict=True):
        eta = b[0] + q * (b[1] + b[2] * t + b[3] * t**2) + b[4] * t + b[5] * t**2
        agree(id, "survival at 120 months", np.prod(1 / (1 + np.exp(-eta))), wanted, relative=1e-9)


def test_propensity_model_of_gibleed() -> None:
    names = list(epi("gib_cox_iptw")["ps_coef"])[1:]
    fit = fit_logistic(data("derived__gibleed_cohort"), outcome="target", covariates=names)
    same("gib_cox_iptw", fit, "ps_se", "ps_coef")


def test_exact_rate_and_rate_ratio() -> None:
    expected = epi("poisson_exact_rate")
    rates = fit_incidence_rates({"d": [7], "t": [1250.0]}, events="d", person_time="t").tidy()
    found = [rates[name].iloc[0] for name in ("estimate", "conf_low", "conf_high")]
    agree("poisson_exact_rate", "rate and limits", found, [expected["rate"], *expected["ci"]], relative=PRINTED)
    expected = epi("poisson_test_rate_ratio")
    table = {"arm": ["new", "old"], "d": [11, 21], "t": [800, 3011]}
    row = fit_incidence_rates(table, events="d", person_time="t", by="arm").ratio("new", "old")
    found = [row.estimate, row.conf_low, row.conf_high, row.p_value]
    wanted = [expected["rr"], *expected["ci"], expected["p"]]
    agree("poisson_test_rate_ratio", "ratio, limits and p-value", found, wanted, relative=1e-10)


def test_person_years_of_the_lung_data() -> None:
    expected = epi("pyears_lung")
    frame = data("survival__lung").assign(years=lambda d: d["time"] / 365.25, died=lambda d: d["status"] == 2)
    rates = fit_incidence_rates(frame, events="died", person_time="years", by="sex").tidy()
    agree("pyears_lung", "person-years", rates["person_time"], np.ravel(expected["pyears"]), relative=PRINTED)
    agree("pyears_lung", "events", rates["events"], np.ravel(expected["event"]))


@pytest.mark.parametrize(("method", "key"), [("clopper-pearson", "clopper_pearson"), ("wilson", "wilson")])
def test_limits_of_a_proportion(method: str, key: str) -> None:
    found = proportion_interval(np.array(7.0), np.array(50.0), 0.95, method)
    agree("binomial_ci", method, found, epi("binomial_ci")[key], relative=PRINTED)


def table_rows(tables: np.ndarray) -> dict[str, np.ndarray]:
    """Cells of tables [stratum, row, column] with the first row as cases and the first column as exposed."""
    stratum, row, column = (axis.ravel() for axis in np.indices(tables.shape))
    return {"stratum": stratum, "case": 1 - row, "exposed": 1 - column, "n": tables.ravel()}


def test_fishers_exact_test() -> None:
    expected = epi("fisher_2x2")
    rows = table_rows(np.array([[[12, 5], [8, 20]]]))
    fit = fit_mantel_haenszel(rows, outcome="case", exposure="exposed", weights="n", method="exact")
    agree("fisher_2x2", "p-values", fit.p_value, expected["p"], relative=1e-10)
    found = [fit.estimate.estimate, fit.estimate.conf_low, fit.estimate.conf_high]
    agree("fisher_2x2", "odds ratio and limits", found, [expected["or_cmle"], *expected["ci"]], relative=R_ROOT)


def test_mantel_haenszel_on_admissions_to_berkeley() -> None:
    id = "mantel_haenszel_UCB"
    expected = epi(id)
    rows = table_rows(np.array(case(id)["spec"]["array"]))
    roles = {"outcome": "case", "exposure": "exposed", "strata": "stratum", "weights": "n"}
    fit = fit_mantel_haenszel(rows, **roles)
    found = [fit.estimate.estimate, fit.estimate.conf_low, fit.estimate.conf_high, fit.statistic, fit.p_value]
    wanted = [expected["or"], *expected["ci"], expected["chisq"], expected["p"]]
    agree(id, "odds ratio, limits, test", found, wanted, relative=1e-10)
    exact = fit_mantel_haenszel(rows, method="exact", **roles)
    found = [exact.estimate.estimate, exact.estimate.conf_low, exact.estimate.conf_high]
    agree(id, "exact odds ratio and limits", found, [expected["exact_or"], *expected["exact_ci"]], relative=R_ROOT)
    agree(id, "exact p-value", exact.p_value, expected["exact_p"], relative=1e-8)
