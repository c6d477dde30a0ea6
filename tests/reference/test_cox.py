"""R's answers for the Cox model (survival 3.5-3, Cyclops 3.7.0, multipleNCC), on data that nobody here made."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import assess_proportional_hazards, fit_cox, fit_logistic
from equipoise.errors import Reason
from equipoise.estimators.cox_fit import CoxFit
from tests.reference.agreement import agree
from tests.reference.not_offered import NOT_OFFERED
from tests.reference.public_cases import case, case_files, cases, data, with_public_cases

COEFFICIENT = 1e-8  # relative: the same equations, solved to convergence
ERROR = 1e-6  # relative: both sides take the information at the last point before convergence
PRINTED = 1e-7  # of quantities that follow from the coefficients, printed with 15 digits
CYCLOPS_PROFILE = 1e-3  # Cyclops searches limits with a tolerance of its own

pytestmark = with_public_cases


def lung(*complete: str) -> pd.DataFrame:
    frame = data("survival__lung")
    frame["died"] = (frame["status"] == 2).astype(int)
    return frame.dropna(subset=list(complete))


def weighted_lung(*more: str) -> pd.DataFrame:
    frame = lung("age", "sex", "ph.ecog", *more)
    return frame.assign(w=0.5 + (frame["age"] % 7) / 4)


def validation(name: str) -> pd.DataFrame:
    return data(f"survval__{name}").dropna()


def heart() -> pd.DataFrame:
    frame = data("survival__heart")
    crossed = {"age:transplant": frame["age"] * frame["transplant"]}
    return frame.assign(**crossed, **{"surgery:transplant": frame["surgery"] * frame["transplant"]})


def veteran(levels: tuple[str, ...]) -> pd.DataFrame:
    frame = data("survival__veteran")
    return frame.assign(celltype=pd.Categorical(frame["celltype"], categories=levels), trt_=frame["trt"].astype(str))


def biliary(name: str, event: str, value: int, *logs: str) -> pd.DataFrame:
    columns = [*logs, "age", "edema"] if "edema" in data(name).columns else list(logs)
    frame = data(name).dropna(subset=columns)
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
    found["cox_bladder2_PWP_cluster"] = lambda: fit_cox(data("survival__bladder2"), strata="enum", **BLADDER)
    found["cox_bladder2_AG_cluster_breslow"] = lambda: fit_cox(data("survival__bladder2"), ties="breslow", **BLADDER)
    found["cox_cgd_AG_cluster"] = lambda: fit_cox(
        data("survival__cgd").assign(treat=lambda d: pd.Categorical(d["treat"], categories=["placebo", "rIFN-g"])),
        cluster="id",
        **CGD,
    )
    found["cox_pbc_mayo"] = lambda: fit_cox(
        biliary("survival__pbc", "status", 2, "bili", "albumin", "protime"),
        time="time",
        event="died",
        covariates=["age", "edema", *LOGS],
    )
    found["cox_pbc_timedep"] = lambda: fit_cox(
        biliary("derived__pbc_tmerge", "death", 1, "bili", "protime"),
        start="tstart",
        time="tstop",
        event="died",
        covariates=["log(bili)", "log(protime)"],
    )
    return found


FITS = fits()
ELSEWHERE = {"cox_test1_exact_INFINITE", "cox_lung_predict_efron"}


def with_result(*keys: str) -> list[str]:
    """Fitted cases whose answers hold all keys."""
    return [name for name in FITS if set(keys) <= set(cases().get(name, {"result": {}})["result"])]


def close(name: str, quantity: str, found: Any, answer: Any, tolerance: float) -> None:
    agree(name, quantity, found, answer, relative=tolerance, absolute=tolerance * 1e-2)


def same_fit(fit: CoxFit, name: str) -> None:
    result = case(name)["result"]
    close(name, "coefficients", fit.coefficients, result["coef"], COEFFICIENT)
    close(name, "standard errors", fit.std_errors, result["se"], ERROR)
    close(name, "covariance", fit.covariance, result["vcov"], 2 * ERROR)
    close(name, "log-likelihood", [fit.log_likelihood_null, fit.log_likelihood], result["loglik"], COEFFICIENT)
    if "naive_se" in result:
        close(name, "naive standard errors", np.sqrt(fit.naive_covariance.diagonal()), result["naive_se"], ERROR)
    if "ci95" in result:
        limits = fit.tidy()[["conf_low", "conf_high"]].to_numpy() / fit.std_errors[:, None]
        wanted = np.array(list(result["ci95"].values())) / fit.std_errors[:, None]
        agree(name, "limits in standard errors", limits, wanted, absolute=2 * ERROR)
        agree(name, "rows and events", [fit.rows, fit.events], [result["n"], result["nevent"]])
    if "score" in result:
        close(name, "score test", fit.score_statistic, result["score"], COEFFICIENT)
        glance = fit.glance()
        close(name, "likelihood ratio test", glance["statistic_ratio"], result["lrt"]["chisq"], ERROR)
        close(name, "likelihood ratio test", glance["p_value_ratio"], result["lrt"]["p"], ERROR)
        close(name, "Wald test", glance["statistic_wald"], result["wald"]["chisq"], ERROR)
    if "robust_score" in result:
        close(name, "robust score test", fit.robust_score_statistic(), np.ravel(result["robust_score"]), ERROR)


@pytest.mark.parametrize("name", FITS)
def test_estimates_errors_and_tests_are_rs(name: str) -> None:
    same_fit(FITS[name](), name)


def test_every_case_is_held_or_named_as_not_offered() -> None:
    named = {case["id"] for case in case_files()["01_cox"]["cases"]}
    assert named - set(NOT_OFFERED) == set(FITS) | ELSEWHERE


@pytest.mark.parametrize("name", with_result("concordance"))
def test_concordance_and_its_error_are_rs(name: str) -> None:
    found, answer = FITS[name]().concordance(), case(name)["result"]["concordance"]
    close(name, "concordance", [found.estimate, found.std_error], [answer["c"], answer["se"]], PRINTED)


@pytest.mark.parametrize("name", with_result("basehaz_uncentered"))
def test_baseline_hazards_are_rs(name: str) -> None:
    answer = case(name)["result"]["basehaz_uncentered"]
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
        close(name, "baseline hazard", before.iloc[-1] if len(before) else 0.0, hazard, PRINTED)


@pytest.mark.parametrize("name", with_result("cox_zph"))
@pytest.mark.parametrize("transform", ["km", "identity", "log", "rank"])
def test_tests_of_proportional_hazards_are_rs(name: str, transform: str) -> None:
    answer = case(name)["result"]["cox_zph"][transform]
    found = assess_proportional_hazards(FITS[name](), transform=transform)
    assert len(found.terms) == len(answer["rows"])
    close(name, "proportional hazards", found.statistic, answer["chisq"], ERROR)
    assert found.df.tolist() == answer["df"]
    close(name, "proportional hazards", found.p_value, answer["p"], ERROR)


@pytest.mark.parametrize("name", with_result("resid_martingale"))
def test_residuals_of_the_validation_data_are_rs(name: str) -> None:
    fit, result = FITS[name](), case(name)["result"]
    close(name, "residuals", fit.residuals("martingale"), result["resid_martingale"], PRINTED)
    if "resid_score" in result:
        close(name, "residuals", fit.residuals("score")[:, 0], result["resid_score"], PRINTED)
        close(name, "residuals", fit.residuals("schoenfeld")[:, 0], result["resid_schoenfeld"], PRINTED)


def test_all_residuals_of_forty_rows_are_rs() -> None:
    fit, result = FITS["cox_lung40_residuals"](), case("cox_lung40_residuals")["result"]
    names = {
        "martingale": "martingale",
        "deviance": "deviance",
        "score": "score.1",
        "schoenfeld": "schoenfeld",
        "scaled_schoenfeld": "scaledsch",
        "dfbeta": "dfbeta",
    }
    for kind, key in names.items():
        close("cox_lung40_residuals", "residuals", fit.residuals(kind), result[key], PRINTED)


def test_predicted_survival_and_its_intervals_are_rs() -> None:
    answer = case("cox_lung_predict_efron")["result"]
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
        close("cox_lung_predict_efron", f"predicted {column}", found[column], answer[key], PRINTED)


def test_an_infinite_estimate_is_named_and_not_printed() -> None:
    fit = fit_cox(validation("test1"), ties="exact", **PLAIN)
    flagged = fit.reasons == (Reason.SEPARATION,)
    agree(
        "cox_test1_exact_INFINITE",
        "finite estimate",
        not flagged,
        case("cox_test1_exact_INFINITE")["result"]["finite_mle"],
    )
    assert np.isnan(fit.coefficients[0])
    assert np.isinf(fit.profile_interval("x")[1])


def test_cyclops_answers() -> None:
    frame = lung(*LUNG_3)
    name, answer = "cyclops_cox_lung", case("cyclops_cox_lung")["result"]
    fit = fit_cox(frame, time="time", event="died", covariates=LUNG_3, ties="breslow")
    close(name, "coefficients", fit.coefficients, answer["breslow"], COEFFICIENT)
    close(name, "log-likelihood", fit.log_likelihood, answer["loglik"], COEFFICIENT)
    close(name, "profile limits", fit.profile_interval("sex"), answer["profile_ci_sex"], CYCLOPS_PROFILE)
    name, answer = "cyclops_cox_lung_strata", case("cyclops_cox_lung_strata")["result"]
    stratified = fit_cox(frame, time="time", event="died", covariates=["age", "sex"], strata="ph.ecog", ties="breslow")
    close(name, "coefficients", stratified.coefficients, answer["coef"], PRINTED)
    close(name, "log-likelihood", stratified.log_likelihood, answer["loglik"], COEFFICIENT)


def gibleed() -> pd.DataFrame:
    frame = data("derived__gibleed_cohort")
    return frame[frame["time"] > 0]


def test_crude_hazard_ratio_of_gibleed() -> None:
    fit = fit_cox(gibleed(), time="time", event="event", covariates=["target"])
    same_fit(fit, "gib_cox_crude")
    answer = case("gib_cox_crude")["result"]["concordance"]
    found = fit.concordance()
    close("gib_cox_crude", "concordance", [found.estimate, found.std_error], [answer["c"], answer["se"]], PRINTED)


def test_weighted_hazard_ratio_of_gibleed() -> None:
    answer = case("gib_cox_iptw")["result"]
    frame = gibleed()
    score = answer["ps_coef"]["(Intercept)"] + sum(
        frame[name] * value for name, value in answer["ps_coef"].items() if name != "(Intercept)"
    )
    propensity, share = 1 / (1 + np.exp(-score)), frame["target"].mean()
    frame["w"] = np.where(frame["target"] == 1, share / propensity, (1 - share) / (1 - propensity))
    fit = fit_cox(frame, time="time", event="event", covariates=["target"], weights="w")
    same_fit(fit, "gib_cox_iptw")
    assert fit.variance == "robust"


def test_cause_specific_hazards_of_mgus2() -> None:
    frame = data("survival__mgus2").dropna(subset=["age", "sex", "mspike"])
    progressed = frame["pstat"] == 1
    frame = frame.assign(
        etime=np.where(progressed, frame["ptime"], frame["futime"]), progressed=progressed, male=frame["sex"] == "M"
    )
    fit = fit_cox(frame, time="etime", event="progressed", covariates=["age", "male", "mspike"])
    same_fit(fit, "causespecific_mgus2_pcm")


def test_separate_hazards_for_each_transition_between_states() -> None:
    """A multi-state model is a stratified one on rows stacked by transition, with persons as clusters."""
    frame = data("derived__mgus2_multistate").sort_values(["id", "tstart"])
    ill = frame["id"].duplicated()  # a second row begins with the malignancy
    stacked = []
    for name, at_risk, event in (("1:2", ~ill, "pcm"), ("1:3", ~ill, "death"), ("2:3", ill, "death")):
        stacked.append(frame[at_risk].assign(transition=name, happened=frame["event"][at_risk] == event))
    rows = pd.concat(stacked, ignore_index=True)
    covariates = []
    for name in ("1:2", "1:3", "2:3"):
        rows[f"age_{name}"] = rows["age"] * (rows["transition"] == name)
        rows[f"sexM_{name}"] = ((rows["sex"] == "M") & (rows["transition"] == name)).astype(float)
        covariates += [f"age_{name}", f"sexM_{name}"]
    fit = fit_cox(
        rows, start="tstart", time="tstop", event="happened", covariates=covariates, strata="transition", cluster="id"
    )
    answer = case("multistate_mgus2_cox")["result"]
    close("multistate_mgus2_cox", "coefficients", fit.coefficients, answer["coef"], COEFFICIENT)
    scale = np.outer(fit.std_errors, fit.std_errors)
    agree(
        "multistate_mgus2_cox", "scaled covariance", fit.covariance / scale, answer["var"] / scale, absolute=2 * ERROR
    )


def accidents() -> pd.DataFrame:
    """The cohort with Samuelsen's probability of ever being sampled: one control a case, same sex, BMI within 2.

    As multipleNCC counts: controls of a case are those at risk at its time beside itself, and a person may be sampled
    at the times after its entry and before (not at) its exit. Sampled persons that could not be have probability 1.
    """
    frame = data("multipleNCC__CVD_Accidents")
    start, stop, sex, bmi = (frame[name].to_numpy() for name in ("agestart", "agestop", "sex", "bmi"))
    never = np.ones(len(frame))
    is_case = frame["samplestat"].to_numpy() > 1
    for j in np.flatnonzero(is_case):
        alike = (start < stop[j]) & (sex == sex[j]) & (bmi >= bmi[j] - 2) & (bmi <= bmi[j] + 2)
        controls = (alike & (stop >= stop[j])).sum() - 1
        never[alike & (stop > stop[j])] *= 1 - 1 / max(controls, 1)
    frame["probability"] = np.where(is_case, 1.0, 1 - never)
    frame["first_cause"] = (frame["samplestat"] == 2).astype(int)
    return frame.astype({"smoking3gr": str})


def same_weighted_fit(name: str, cohort: pd.DataFrame, probability: np.ndarray, tolerance: float) -> None:
    """Inverse probability weighted Cox model of the sampled persons against multipleNCC's wpl."""
    answer = case(name)["result"]
    sampled = cohort.assign(w=1 / np.where(probability > 0, probability, 1.0))[cohort["samplestat"] > 0]
    agree(
        name,
        "weights",
        [sampled["w"].mean(), sampled["w"].max()],
        [answer["weights_summary"][k] for k in ("Mean", "Max.")],
        relative=tolerance,
    )
    fit = fit_cox(
        sampled.astype({"sex": str}),
        start="agestart",
        time="agestop",
        event="first_cause",
        covariates=["smoking3gr", "bmi", "sex"],
        weights="w",
    )
    agree(name, "coefficients", fit.coefficients, answer["coef"], relative=tolerance)
    agree(name, "standard errors", fit.std_errors, answer["se"], relative=tolerance)


def test_samuelsens_inclusion_probabilities() -> None:
    answer = case("ncc_KMprob")["result"]
    probability = accidents()["probability"]
    agree("ncc_KMprob", "probabilities", probability[: len(answer["prob"])], answer["prob"], relative=PRINTED)
    agree("ncc_KMprob", "mean probability", probability.mean(), answer["mean"], relative=PRINTED)


def test_nested_case_control_with_inclusion_weights() -> None:
    cohort = accidents()
    same_weighted_fit("ncc_wpl_KM", cohort, cohort["probability"].to_numpy(), PRINTED)


def test_nested_case_control_with_weights_of_a_logistic_model() -> None:
    cohort = accidents()
    non_cases = cohort[cohort["samplestat"] < 2]
    model = fit_logistic(non_cases, outcome="samplestat", covariates=["agestop", "agestart", "bmi", "sex"])
    probability = np.ones(len(cohort))
    probability[non_cases.index] = model.fitted_values
    same_weighted_fit("ncc_wpl_glm", cohort, probability, PRINTED)


def test_nested_case_control_with_weights_by_cells_of_entry_and_exit() -> None:
    """Chen's weights: the share of non-cases that was sampled, in 4 classes of exit by 3 of entry."""
    cohort = accidents()
    classes = []
    for name, number in (("agestop", 4), ("agestart", 3)):
        cuts = np.linspace(cohort[name].min() - 0.001, cohort[name].max(), number + 1)
        classes.append(np.searchsorted(cuts, cohort[name], side="left"))
    sampled = (cohort["samplestat"] > 0).astype(float)
    share = sampled[cohort["samplestat"] < 2].groupby([c[cohort["samplestat"] < 2] for c in classes]).transform("mean")
    probability = np.ones(len(cohort))
    probability[share.index] = share
    same_weighted_fit("ncc_wpl_Chen", cohort, probability, PRINTED)
