"""R's answers for the Cox model (survival 3.5-3, Cyclops 3.7.0, multipleNCC), on data that nobody here made."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import assess_proportional_hazards, fit_cox
from equipoise.errors import Reason
from equipoise.estimators.cox_fit import CoxFit

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
COEFFICIENT = 1e-8  # relative: the same equations, solved to convergence
ERROR = 1e-6  # relative: both sides take the information at the last point before convergence
PRINTED = 1e-7  # of quantities that follow from the coefficients, printed with 15 digits
CYCLOPS_PROFILE = 1e-3  # Cyclops searches limits with a tolerance of its own
INCLUSION = 0.005  # of a standard error: the inclusion probabilities are computed here, not by multipleNCC

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="reference answers are not beside the repository")


def cases(name: str) -> dict[str, Any]:
    path = REFERENCE / "cases" / f"{name}.json"
    return {case["id"]: case for case in json.loads(path.read_text())["cases"]} if path.exists() else {}


COX, CYCLOPS, GIBLEED, SURVIVAL = (
    cases(name) for name in ("01_cox", "11_cyclops", "16_gibleed", "03_survfit_competing")
)


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data" / name)


def lung(*complete: str) -> pd.DataFrame:
    frame = table("survival__lung.csv")
    frame["died"] = (frame["status"] == 2).astype(int)
    return frame.dropna(subset=list(complete))


def weighted_lung(*more: str) -> pd.DataFrame:
    frame = lung("age", "sex", "ph.ecog", *more)
    return frame.assign(w=0.5 + (frame["age"] % 7) / 4)


def validation(name: str) -> pd.DataFrame:
    return table(f"survval__{name}.csv").dropna()


def heart() -> pd.DataFrame:
    frame = table("survival__heart.csv")
    crossed = {"age:transplant": frame["age"] * frame["transplant"]}
    return frame.assign(**crossed, **{"surgery:transplant": frame["surgery"] * frame["transplant"]})


def veteran(levels: tuple[str, ...]) -> pd.DataFrame:
    frame = table("survival__veteran.csv")
    return frame.assign(celltype=pd.Categorical(frame["celltype"], categories=levels), trt_=frame["trt"].astype(str))


def biliary(name: str, event: str, value: int, *logs: str) -> pd.DataFrame:
    columns = [*logs, "age", "edema"] if "edema" in table(name).columns else list(logs)
    frame = table(name).dropna(subset=columns)
    frame = frame.assign(**{f"log({column})": np.log(frame[column]) for column in logs})
    return frame.assign(died=(frame[event] == value).astype(int))


LEVELS = ("squamous", "smallcell", "adeno", "large")
LUNG_4 = ["age", "sex", "ph.ecog", "wt.loss"]
LUNG_3 = ["age", "sex", "ph.ecog"]
PLAIN = {"time": "time", "event": "status", "covariates": ["x"]}
SPLIT = {"start": "start", "time": "stop", "event": "event", "covariates": ["x"]}
HEART = SPLIT | {"covariates": ["age", "surgery", "transplant", "age:transplant", "surgery:transplant"]}
BLADDER = SPLIT | {"covariates": ["rx", "size", "number"], "cluster": "id"}
IPW = {"time": "time", "event": "died", "covariates": LUNG_3, "weights": "w"}
TRIAL = {"time": "time", "event": "status"}
CGD = {"start": "tstart", "time": "tstop", "event": "status", "covariates": ["treat", "age", "steroids"]}
LOGS = ["log(bili)", "log(albumin)", "log(protime)"]


def fits() -> dict[str, Any]:
    """Every fitted case of 01_cox: the data and the arguments."""
    found: dict[str, Any] = {}
    for ties in ("breslow", "efron"):
        found[f"cox_test1_{ties}"] = lambda t=ties: fit_cox(validation("test1"), ties=t, **PLAIN)
        found[f"cox_test2_{ties}"] = lambda t=ties: fit_cox(validation("test2"), ties=t, **SPLIT)
        for name, robust in (("caseweights", False), ("weights_robust", True)):
            found[f"cox_testw1_{name}_{ties}"] = lambda t=ties, r=robust: fit_cox(
                validation("testw1"), weights="wt", robust=r, ties=t, **PLAIN
            )
        found[f"cox_lung_ipw_robust_{ties}"] = lambda t=ties: fit_cox(weighted_lung(), ties=t, robust=True, **IPW)
    for ties in ("breslow", "efron", "exact"):
        found[f"cox_lung_{ties}"] = lambda t=ties: fit_cox(
            lung(*LUNG_4), time="time", event="died", covariates=LUNG_4, ties=t
        )
        found[f"cox_heart_startstop_{ties}"] = lambda t=ties: fit_cox(heart(), ties=t, **HEART)
    found["cox_test2_exact"] = lambda: fit_cox(validation("test2"), ties="exact", **SPLIT)
    found["cox_lung_ipw_cluster_inst_efron"] = lambda: fit_cox(weighted_lung("inst"), cluster="inst", **IPW)
    found["cox_lung_offset"] = lambda: fit_cox(
        lung("ph.ecog").assign(shift=lambda d: 0.1 * d["ph.ecog"]),
        time="time",
        event="died",
        covariates=["age", "sex"],
        offset="shift",
    )
    found["cox_lung40_residuals"] = lambda: fit_cox(
        lung().head(40), time="time", event="died", covariates=["age", "sex"]
    )
    found["cox_veteran_strata"] = lambda: fit_cox(
        veteran(LEVELS), covariates=["trt", "age", "karno"], strata="celltype", **TRIAL
    )
    found["cox_veteran_factor"] = lambda: fit_cox(veteran(LEVELS), covariates=["trt_", "karno", "celltype"], **TRIAL)
    found["cox_bladder2_PWP_cluster"] = lambda: fit_cox(table("survival__bladder2.csv"), strata="enum", **BLADDER)
    found["cox_bladder2_AG_cluster_breslow"] = lambda: fit_cox(
        table("survival__bladder2.csv"), ties="breslow", **BLADDER
    )
    found["cox_cgd_AG_cluster"] = lambda: fit_cox(
        table("survival__cgd.csv").assign(treat=lambda d: pd.Categorical(d["treat"], categories=["placebo", "rIFN-g"])),
        cluster="id",
        **CGD,
    )
    found["cox_pbc_mayo"] = lambda: fit_cox(
        biliary("survival__pbc.csv", "status", 2, "bili", "albumin", "protime"),
        time="time",
        event="died",
        covariates=["age", "edema", *LOGS],
    )
    found["cox_pbc_timedep"] = lambda: fit_cox(
        biliary("derived__pbc_tmerge.csv", "death", 1, "bili", "protime"),
        start="tstart",
        time="tstop",
        event="died",
        covariates=["log(bili)", "log(protime)"],
    )
    return found


FITS = fits()
NOT_OFFERED = {"cox_rats_gammafrailty"} | {name for name in COX if name.startswith("survreg")}
ELSEWHERE = {"cox_test1_exact_INFINITE", "cox_lung_predict_efron"}


def values(answer: Any) -> np.ndarray:
    return np.atleast_1d(np.array(list(answer.values()) if isinstance(answer, dict) else answer, np.float64))


def close(found: Any, answer: Any, tolerance: float) -> None:
    np.testing.assert_allclose(np.asarray(found), values(answer), rtol=tolerance, atol=tolerance * 1e-2)


def same_fit(fit: CoxFit, result: dict[str, Any]) -> None:
    close(fit.coefficients, result["coef"], COEFFICIENT)
    close(fit.std_errors, result["se"], ERROR)
    close(fit.covariance, result["vcov"], 2 * ERROR)
    close([fit.log_likelihood_null, fit.log_likelihood], result["loglik"], COEFFICIENT)
    if "naive_se" in result:
        close(np.sqrt(fit.naive_covariance.diagonal()), result["naive_se"], ERROR)
    if "ci95" in result:
        limits = fit.tidy()[["conf_low", "conf_high"]].to_numpy()
        in_errors = (limits - np.array(list(result["ci95"].values()))) / fit.std_errors[:, None]
        assert np.abs(in_errors).max() < 2 * ERROR
        assert (fit.rows, fit.events) == (result["n"], result["nevent"])
    if "score" in result:
        close(fit.score_statistic, result["score"], COEFFICIENT)
        glance = fit.glance()
        close(glance["statistic_ratio"], result["lrt"]["chisq"], ERROR)
        close(glance["p_value_ratio"], result["lrt"]["p"], ERROR)
        close(glance["statistic_wald"], result["wald"]["chisq"], ERROR)
    if "robust_score" in result:
        close(fit.robust_score_statistic(), np.ravel(result["robust_score"]), ERROR)


@pytest.mark.parametrize("name", FITS)
def test_estimates_errors_and_tests_are_rs(name: str) -> None:
    same_fit(FITS[name](), COX[name]["result"])


def test_every_case_is_held_or_named_as_not_offered() -> None:
    assert set(COX) == set(FITS) | NOT_OFFERED | ELSEWHERE


@pytest.mark.parametrize("name", [n for n in FITS if "concordance" in COX.get(n, {}).get("result", {})])
def test_concordance_and_its_error_are_rs(name: str) -> None:
    found, answer = FITS[name]().concordance(), COX[name]["result"]["concordance"]
    close([found.estimate, found.std_error], [answer["c"], answer["se"]], PRINTED)


@pytest.mark.parametrize("name", [n for n in FITS if "basehaz_uncentered" in COX.get(n, {}).get("result", {})])
def test_baseline_hazards_are_rs(name: str) -> None:
    answer = COX[name]["result"]["basehaz_uncentered"]
    frame = FITS[name]().baseline_hazard()
    strata = answer.get("strata", ["all"] * len(answer["time"]))
    rows = FITS[name]().data
    mean_offset = (
        rows.offset.mean() if len(rows.offset) else 0.0
    )  # R's "uncentered" curve has the mean offset, ours none
    labels = {label.split("=")[-1]: rows for label, rows in frame.groupby("stratum")}
    for time, hazard, stratum in zip(answer["time"], answer["hazard"], strata, strict=True):
        curve = labels[str(stratum).split("=")[-1]]
        before = curve["hazard"][curve["time"] <= time] * np.exp(mean_offset)
        close(before.iloc[-1] if len(before) else 0.0, hazard, PRINTED)


@pytest.mark.parametrize("name", [n for n in FITS if "cox_zph" in COX.get(n, {}).get("result", {})])
@pytest.mark.parametrize("transform", ["km", "identity", "log", "rank"])
def test_tests_of_proportional_hazards_are_rs(name: str, transform: str) -> None:
    answer = COX[name]["result"]["cox_zph"][transform]
    found = assess_proportional_hazards(FITS[name](), transform=transform)
    assert len(found.terms) == len(answer["rows"])
    close(found.statistic, answer["chisq"], ERROR)
    assert found.df.tolist() == answer["df"]
    close(found.p_value, answer["p"], ERROR)


@pytest.mark.parametrize("name", [n for n in FITS if "resid_martingale" in COX.get(n, {}).get("result", {})])
def test_residuals_of_the_validation_data_are_rs(name: str) -> None:
    fit, result = FITS[name](), COX[name]["result"]
    close(fit.residuals("martingale"), result["resid_martingale"], PRINTED)
    if "resid_score" in result:
        close(fit.residuals("score")[:, 0], result["resid_score"], PRINTED)
        close(fit.residuals("schoenfeld")[:, 0], result["resid_schoenfeld"], PRINTED)


def test_all_residuals_of_forty_rows_are_rs() -> None:
    fit, result = FITS["cox_lung40_residuals"](), COX["cox_lung40_residuals"]["result"]
    names = {
        "martingale": "martingale",
        "deviance": "deviance",
        "score": "score.1",
        "schoenfeld": "schoenfeld",
        "scaled_schoenfeld": "scaledsch",
        "dfbeta": "dfbeta",
    }
    for kind, key in names.items():
        close(fit.residuals(kind), result[key], PRINTED)


def test_predicted_survival_and_its_intervals_are_rs() -> None:
    answer = COX["cox_lung_predict_efron"]["result"]
    fit = fit_cox(lung(), time="time", event="died", covariates=["age", "sex"])
    found = fit.predict_survival({"age": 60, "sex": 1}, times=answer["time"])
    columns = {
        "survival": "surv",
        "std_error": "std_err",
        "conf_low": "lower",
        "conf_high": "upper",
        "cumulative_hazard": "cumhaz",
    }
    for column, key in columns.items():
        close(found[column], answer[key], PRINTED)


def test_an_infinite_estimate_is_named_and_not_printed() -> None:
    fit = fit_cox(validation("test1"), ties="exact", **PLAIN)
    assert fit.reasons == (Reason.SEPARATION,)
    assert np.isnan(fit.coefficients[0])
    assert np.isinf(fit.profile_interval("x")[1])


def test_cyclops_answers() -> None:
    frame = lung(*LUNG_3)
    answer = CYCLOPS["cyclops_cox_lung"]["result"]
    fit = fit_cox(frame, time="time", event="died", covariates=LUNG_3, ties="breslow")
    close(fit.coefficients, answer["breslow"], COEFFICIENT)
    close(fit.log_likelihood, answer["loglik"], COEFFICIENT)
    close(fit.profile_interval("sex"), answer["profile_ci_sex"], CYCLOPS_PROFILE)
    answer = CYCLOPS["cyclops_cox_lung_strata"]["result"]
    stratified = fit_cox(frame, time="time", event="died", covariates=["age", "sex"], strata="ph.ecog", ties="breslow")
    close(stratified.coefficients, answer["coef"], PRINTED)
    close(stratified.log_likelihood, answer["loglik"], COEFFICIENT)


def gibleed() -> pd.DataFrame:
    frame = table("derived__gibleed_cohort.csv")
    return frame[frame["time"] > 0]


def test_crude_hazard_ratio_of_gibleed() -> None:
    fit = fit_cox(gibleed(), time="time", event="event", covariates=["target"])
    same_fit(fit, GIBLEED["gib_cox_crude"]["result"])
    answer = GIBLEED["gib_cox_crude"]["result"]["concordance"]
    found = fit.concordance()
    close([found.estimate, found.std_error], [answer["c"], answer["se"]], PRINTED)


def test_weighted_hazard_ratio_of_gibleed() -> None:
    answer = GIBLEED["gib_cox_iptw"]["result"]
    frame = gibleed()
    score = answer["ps_coef"]["(Intercept)"] + sum(
        frame[name] * value for name, value in answer["ps_coef"].items() if name != "(Intercept)"
    )
    propensity, share = 1 / (1 + np.exp(-score)), frame["target"].mean()
    frame["w"] = np.where(frame["target"] == 1, share / propensity, (1 - share) / (1 - propensity))
    fit = fit_cox(frame, time="time", event="event", covariates=["target"], weights="w")
    same_fit(fit, answer)
    assert fit.variance == "robust"


def test_cause_specific_hazards_of_mgus2() -> None:
    frame = table("survival__mgus2.csv").dropna(subset=["age", "sex", "mspike"])
    progressed = frame["pstat"] == 1
    frame = frame.assign(
        etime=np.where(progressed, frame["ptime"], frame["futime"]), progressed=progressed, male=frame["sex"] == "M"
    )
    fit = fit_cox(frame, time="etime", event="progressed", covariates=["age", "male", "mspike"])
    same_fit(fit, SURVIVAL["causespecific_mgus2_pcm"]["result"])


def sampled_accidents() -> pd.DataFrame:
    """The sampled rows with Samuelsen's inclusion probabilities: one control a case, same sex, BMI within 2."""
    frame = table("multipleNCC__CVD_Accidents.csv")
    start, stop, sex, bmi = (frame[name].to_numpy() for name in ("agestart", "agestop", "sex", "bmi"))
    never = np.ones(len(frame))
    cases = frame["samplestat"].to_numpy() > 1
    for j in np.flatnonzero(cases):
        eligible = (start < stop[j]) & (stop >= stop[j]) & (sex == sex[j]) & (np.abs(bmi - bmi[j]) <= 2)
        eligible[j] = False
        never[eligible] *= 1 - 1 / max(int(eligible.sum()), 1)
    frame["w"] = 1 / np.where(cases, 1.0, np.where(never < 1.0, 1 - never, 1.0))
    frame["first_cause"] = (frame["samplestat"] == 2).astype(int)
    return frame[frame["samplestat"] > 0].astype({"smoking3gr": str, "sex": str})


def test_nested_case_control_with_inclusion_weights() -> None:
    answer = cases("02_clogit_ncc")["ncc_wpl_KM"]["result"]
    fit = fit_cox(
        sampled_accidents(),
        start="agestart",
        time="agestop",
        event="first_cause",
        covariates=["smoking3gr", "bmi", "sex"],
        weights="w",
    )
    assert (np.abs(fit.coefficients - values(answer["coef"])) < INCLUSION * fit.std_errors).all()
    np.testing.assert_allclose(fit.std_errors, answer["se"], rtol=INCLUSION)
