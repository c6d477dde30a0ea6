"""Logistic and Poisson regression, rates and tables against R's answers on public data in the shared folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import fit_incidence_rates, fit_logistic, fit_mantel_haenszel, fit_poisson
from equipoise.estimators.exact_intervals import proportion_interval
from equipoise.estimators.fit import Fit

COEFFICIENT = 1e-8  # relative to the estimate or its standard error
STD_ERROR = 1e-6  # relative: R's weights are those of the step before its last
CYCLOPS = 2e-7  # relative: Cyclops stops at a relative change of the log-likelihood of 1e-8
GEE = 1e-6  # geepack's own convergence
PRINTED = 1e-12
R_ROOT = 1e-3  # relative: R's uniroot stops at 1e-4 of an odds ratio, or of its reciprocal
SHARED = Path(__file__).parents[2].parent / "shared" / "reference"

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the reference answers (../shared/reference) are not here")


def result(file: str, id: str) -> dict[str, Any]:
    cases = json.loads((SHARED / "cases" / f"{file}.json").read_text())["cases"]
    return next(case["result"] for case in cases if case["id"] == id)


def epi(id: str) -> dict[str, Any]:
    return result("04_glm_epi", id)


def data(name: str) -> pd.DataFrame:
    return pd.read_csv(SHARED / "data" / f"{name}.csv")


def lalonde() -> pd.DataFrame:
    frame = data("MatchIt__lalonde")
    return frame.assign(race=pd.Categorical(frame["race"], ["black", "hispan", "white"]))


def same(
    fit: Fit, coefficients: Mapping[str, float], errors: Mapping[str, float], tolerance: float = STD_ERROR
) -> None:
    wanted, se = np.array(list(coefficients.values())), np.array(list(errors.values()))
    np.testing.assert_allclose(fit.coefficients, wanted, rtol=COEFFICIENT, atol=COEFFICIENT * se.min())
    np.testing.assert_allclose(fit.std_errors, se, rtol=tolerance)


def same_whole(fit: Any, expected: dict[str, Any]) -> None:
    same(fit, expected["coef"], expected["se"])
    scale = np.outer(fit.std_errors, fit.std_errors)
    np.testing.assert_allclose(fit.covariance / scale, np.array(expected["vcov"]) / scale, rtol=0, atol=2 * STD_ERROR)
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-8)
    assert fit.deviance == pytest.approx(expected["deviance"], rel=1e-10)
    assert fit.null_deviance == pytest.approx(expected["null_deviance"], rel=1e-10)
    assert float(fit.glance()["aic"].iloc[0]) == pytest.approx(expected["aic"], rel=1e-10)
    limits = fit.tidy()[["conf_low", "conf_high"]].to_numpy()
    np.testing.assert_allclose(limits, np.array(list(expected["ci95_wald"].values())), rtol=2e-6)


LALONDE = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]


def test_propensity_score_of_lalonde() -> None:
    expected = epi("glm_lalonde_ps")
    fit = fit_logistic(lalonde(), outcome="treat", covariates=LALONDE)
    same_whole(fit, expected)
    np.testing.assert_allclose(fit.fitted_values, expected["ps"], rtol=1e-10)
    for kind, errors in expected["robust_se"].items():
        robust = fit_logistic(lalonde(), outcome="treat", covariates=LALONDE, robust=kind)
        np.testing.assert_allclose(robust.std_errors, list(errors.values()), rtol=STD_ERROR)


def test_unpenalised_logistic_of_cyclops() -> None:
    expected = result("11_cyclops", "cyclops_lr_mle")
    frame = lalonde().assign(black=lambda d: d["race"] == "black", hispan=lambda d: d["race"] == "hispan")
    fit = fit_logistic(frame, outcome="treat", covariates=list(expected["coef"])[1:])
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=CYCLOPS)
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-8)


def test_logistic_with_a_natural_spline() -> None:
    """Any basis of natural cubic splines with R's knots makes the same model: likelihood and other terms agree."""
    expected = epi("logistic_ns_infert")
    frame = data("datasets__infert")
    knots = [21.0, 28.0, 34.0, 44.0]

    def tail(age: pd.Series, k: float) -> pd.Series:
        cubes = np.clip(age - k, 0, None) ** 3 - np.clip(age - knots[-1], 0, None) ** 3
        return cubes / (knots[-1] - k)

    for j in (0, 1):
        frame[f"spline{j}"] = tail(frame["age"], knots[j]) - tail(frame["age"], knots[2])
    fit = fit_logistic(frame, outcome="case", covariates=["age", "spline0", "spline1", "spontaneous"])
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-8)
    assert fit.null_deviance == pytest.approx(expected["null_deviance"], abs=1e-8)
    row = fit.estimate("spontaneous")
    assert row.estimate == pytest.approx(expected["coef"]["spontaneous"], rel=COEFFICIENT)
    assert row.std_error == pytest.approx(expected["se"]["spontaneous"], rel=STD_ERROR)


@pytest.mark.parametrize("kind", ["HC0", "HC1"])
def test_logistic_clustered_by_stratum(kind: str) -> None:
    expected = epi(f"logistic_cluster_{kind}_infert")
    covariates = ["spontaneous", "age"]
    fit = fit_logistic(data("datasets__infert"), outcome="case", covariates=covariates, cluster="stratum", robust=kind)
    same(fit, expected["coef"], expected["se"])


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
    wanted = list(expected["coef"].values())
    np.testing.assert_allclose(fit.coefficients, wanted, rtol=GEE)
    np.testing.assert_allclose(fit.std_errors, list(expected["robust_se"].values()), rtol=GEE)


QUINE = ["Sex", "Age", "Eth", "Lrn"]


def test_poisson_of_quine_with_robust_errors() -> None:
    expected = epi("poisson_quine")
    same_whole(fit_poisson(data("MASS__quine"), outcome="Days", covariates=QUINE), expected)
    robust = fit_poisson(data("MASS__quine"), outcome="Days", covariates=QUINE, robust="HC0")
    same(robust, expected["coef"], expected["robust_HC0"])


def test_quasi_poisson_of_quine() -> None:
    expected = epi("quasipoisson_quine")
    fit = fit_poisson(data("MASS__quine"), outcome="Days", covariates=QUINE, overdispersion=True)
    same(fit, expected["coef"], expected["se"])
    assert fit.dispersion == pytest.approx(expected["dispersion"], rel=STD_ERROR)


def test_poisson_rates_of_the_diet_data() -> None:
    """R's levels are alphabetical: <=2750 KCals and Bank worker are the references; person-time by the 1,000."""
    frame = data("Epi__diet").assign(thousand=lambda d: d["y"] / 1000)
    fit = fit_poisson(frame, outcome="chd", covariates=["energy.grp", "job"], person_time="thousand")
    same_whole(fit, epi("poisson_rates_diet"))


NHEFS = (
    "sex + race + age + I(age**2) + C(education) + smokeintensity + I(smokeintensity**2) + smokeyrs + I(smokeyrs**2)"
    " + C(exercise) + C(active) + wt71 + I(wt71**2)"
)


def nhefs() -> pd.DataFrame:
    frame = data("causaldata__nhefs")
    return frame[frame["wt82"].notna()].reset_index(drop=True)


def test_what_if_chapter_12_propensity_scores_and_weights() -> None:
    expected = result("12_nhefs_whatif", "whatif_12_ipw")
    frame = nhefs()
    fit = fit_logistic(frame, outcome="qsmk", covariates=NHEFS)
    assert fit.rows == expected["n"]
    wanted = np.array(list(expected["ps_coef"].values()))
    np.testing.assert_allclose(fit.coefficients, wanted, rtol=0, atol=COEFFICIENT * fit.std_errors.max())
    weight = 1 / np.where(frame["qsmk"] == 1, fit.fitted_values, 1 - fit.fitted_values)
    found = [weight.mean(), weight.min(), weight.max()]
    np.testing.assert_allclose(found, [expected[f"w_{name}"] for name in ("mean", "min", "max")], rtol=1e-9)


def test_what_if_chapter_12_marginal_structural_model_of_death() -> None:
    expected = result("12_nhefs_whatif", "whatif_12_msm_death")
    frame = nhefs()
    score = fit_logistic(frame, outcome="qsmk", covariates=NHEFS).fitted_values
    share = fit_logistic(frame, outcome="qsmk", covariates=()).fitted_values
    treated = frame["qsmk"] == 1
    weight = np.where(treated, share / score, (1 - share) / (1 - score))
    fit = fit_logistic(frame, outcome="death", covariates=["qsmk"], weights=weight, robust="HC0")
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=GEE)
    np.testing.assert_allclose(fit.std_errors, list(expected["robust_se"].values()), rtol=GEE)


def test_what_if_chapter_17_pooled_logistic() -> None:
    expected = result("12_nhefs_whatif", "whatif_17_unadjusted")
    frame = data("causaldata__nhefs")
    months = np.where(frame["death"] == 0, 120, (frame["yrdth"] - 83) * 12 + frame["modth"]).astype(int)
    person = np.repeat(np.arange(len(frame)), months)
    time = np.concatenate([np.arange(m) for m in months]).astype(float)
    last = time == months[person] - 1
    survived = ~(last & (frame["death"].to_numpy()[person] == 1))
    quit = frame["qsmk"].to_numpy(float)[person]
    columns = {"qsmk": quit, "qt": quit * time, "qt2": quit * time**2, "time": time, "time2": time**2}
    fit = fit_logistic(columns | {"alive": survived}, outcome="alive", covariates=list(columns))
    assert (fit.rows, fit.rows - fit.events) == (expected["rows"], expected["events"])
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=1e-7)
    b = fit.coefficients
    t = np.arange(120.0)
    for q, wanted in zip((0, 1), expected["surv120"], strict=True):
        eta = b[0] + q * (b[1] + b[2] * t + b[3] * t**2) + b[4] * t + b[5] * t**2
        assert np.prod(1 / (1 + np.exp(-eta))) == pytest.approx(wanted, rel=1e-9)


def test_propensity_model_of_gibleed() -> None:
    expected = result("16_gibleed", "gib_cox_iptw")
    names = list(expected["ps_coef"])[1:]
    fit = fit_logistic(data("derived__gibleed_cohort"), outcome="target", covariates=names)
    same(fit, expected["ps_coef"], expected["ps_se"])


def test_exact_rate_and_rate_ratio() -> None:
    expected = epi("poisson_exact_rate")
    rates = fit_incidence_rates({"d": [7], "t": [1250.0]}, events="d", person_time="t").tidy()
    found = [rates[name].iloc[0] for name in ("estimate", "conf_low", "conf_high")]
    np.testing.assert_allclose(found, [expected["rate"], *expected["ci"]], rtol=PRINTED)
    expected = epi("poisson_test_rate_ratio")
    table = {"arm": ["new", "old"], "d": [11, 21], "t": [800, 3011]}
    row = fit_incidence_rates(table, events="d", person_time="t", by="arm").ratio("new", "old")
    found = [row.estimate, row.conf_low, row.conf_high, row.p_value]
    np.testing.assert_allclose(found, [expected["rr"], *expected["ci"], expected["p"]], rtol=1e-10)


@pytest.mark.parametrize(("method", "key"), [("clopper-pearson", "clopper_pearson"), ("wilson", "wilson")])
def test_limits_of_a_proportion(method: str, key: str) -> None:
    found = proportion_interval(np.array(7.0), np.array(50.0), 0.95, method)
    np.testing.assert_allclose(found, epi("binomial_ci")[key], rtol=PRINTED)


def table_rows(tables: np.ndarray) -> dict[str, np.ndarray]:
    """Cells of tables [stratum, row, column] with the first row as cases and the first column as exposed."""
    stratum, row, column = (axis.ravel() for axis in np.indices(tables.shape))
    return {"stratum": stratum, "case": 1 - row, "exposed": 1 - column, "n": tables.ravel()}


def test_fishers_exact_test() -> None:
    expected = epi("fisher_2x2")
    rows = table_rows(np.array([[[12, 5], [8, 20]]]))
    fit = fit_mantel_haenszel(rows, outcome="case", exposure="exposed", weights="n", method="exact")
    assert fit.p_value == pytest.approx(expected["p"], rel=1e-10)
    found = [fit.estimate.estimate, fit.estimate.conf_low, fit.estimate.conf_high]
    np.testing.assert_allclose(found, [expected["or_cmle"], *expected["ci"]], rtol=R_ROOT)


def test_mantel_haenszel_on_admissions_to_berkeley() -> None:
    expected = epi("mantel_haenszel_UCB")
    cases = json.loads((SHARED / "cases" / "04_glm_epi.json").read_text())["cases"]
    spec = next(case["spec"] for case in cases if case["id"] == "mantel_haenszel_UCB")
    rows = table_rows(np.array(spec["array"]))
    roles = {"outcome": "case", "exposure": "exposed", "strata": "stratum", "weights": "n"}
    fit = fit_mantel_haenszel(rows, **roles)
    found = [fit.estimate.estimate, fit.estimate.conf_low, fit.estimate.conf_high, fit.statistic, fit.p_value]
    wanted = [expected["or"], *expected["ci"], expected["chisq"], expected["p"]]
    np.testing.assert_allclose(found, wanted, rtol=1e-10)
    exact = fit_mantel_haenszel(rows, method="exact", **roles)
    found = [exact.estimate.estimate, exact.estimate.conf_low, exact.estimate.conf_high]
    np.testing.assert_allclose(found, [expected["exact_or"], *expected["exact_ci"]], rtol=R_ROOT)
    assert exact.p_value == pytest.approx(expected["exact_p"], rel=1e-8)
