"""Survival curves, restricted means and log-rank tests against R's survival on its data sets."""

import numpy as np
import pandas as pd
import pytest

from equipoise.estimators.survival_curve import fit_survival_curve
from equipoise.estimators.survival_curve_comparison import CurveComparison, compare_survival_curves
from equipoise.estimators.survival_curve_result import SurvivalCurve
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data
from tests.reference.survival_cases import lung, numbers

PRINTED = 1e-12  # relative: R prints 15 digits and both sides add up a few hundred terms
STATISTIC = 1e-10  # a quadratic form in an inverted covariance loses some digits more


def at_times(curve: SurvivalCurve, expected: dict) -> pd.DataFrame:
    times = list(dict.fromkeys(expected["time"]))
    return curve.survival_at(times, extend=True)


def hazard_at(curve: SurvivalCurve, times: list[float], column: str) -> np.ndarray:
    """A column of tidy() carried forward to the times, 0 before the first."""
    rows = curve.tidy()
    out = []
    for _, group in rows.groupby("group", sort=False):
        place = np.searchsorted(group["time"], times, side="right")
        out.append(np.concatenate([[0.0], group[column]])[place])
    return np.concatenate(out)


def assert_curve(curve: SurvivalCurve, name: str) -> None:
    expected = case(name)["result"]
    found = at_times(curve, expected)
    columns = {"surv": "estimate", "std_err": "std_error", "lower": "conf_low", "upper": "conf_high"}
    for theirs, ours in columns.items():
        if theirs in expected:
            agree(name, ours, found[ours], numbers(expected[theirs]), relative=PRINTED, absolute=1e-15)
    if "n_risk" in expected:
        agree(name, "n_risk", found["n_risk"], expected["n_risk"], relative=PRINTED)
    times = list(dict.fromkeys(expected["time"]))
    for theirs, ours in {"cumhaz": "cumulative_hazard", "std_chaz": "std_error_hazard"}.items():
        if theirs in expected:
            agree(name, ours, hazard_at(curve, times, ours), expected[theirs], relative=PRINTED)


@pytest.mark.parametrize("conf_type", ["log", "log-log", "plain", "logit", "arcsin"])
def test_kaplan_meier_by_sex_with_its_limits_quantiles_and_restricted_means(conf_type: str) -> None:
    name = f"km_lung_sex_{conf_type}"
    expected = case(name)["result"]
    curve = fit_survival_curve(lung(), time="time", event="died", by="sex", conf_type=conf_type)
    assert_curve(curve, name)
    events = curve.at_risk(list(dict.fromkeys(expected["time"])))
    since_last = events.groupby("group")["n_event"].transform(lambda n: n.diff().fillna(n.iloc[0]))
    agree(name, "n_event", since_last, expected["n_event"])
    quantiles = curve.quantiles(expected["quantile"]["p"])
    for theirs, ours in {"est": "estimate", "lower": "conf_low", "upper": "conf_high"}.items():
        agree(name, "quantiles", quantiles[ours], numbers(expected["quantile"][theirs]).ravel())
    means = curve.restricted_mean(500)
    agree(name, "restricted mean", means["estimate"][:2], expected["rmean"], relative=PRINTED)
    agree(name, "restricted mean", means["std_error"][:2], expected["rmean_se"], relative=PRINTED)


@pytest.mark.parametrize("stype", [1, 2])
@pytest.mark.parametrize("ctype", [1, 2])
def test_the_four_pairs_of_survival_and_hazard_estimators(stype: int, ctype: int) -> None:
    curve = fit_survival_curve(
        lung(),
        time="time",
        event="died",
        estimator={1: "kaplan-meier", 2: "exponential"}[stype],
        cumulative_hazard={1: "nelson-aalen", 2: "fleming-harrington"}[ctype],
    )
    assert_curve(curve, f"surv_lung_stype{stype}_ctype{ctype}")


@pytest.mark.parametrize(("name", "robust"), [("robust", None), ("robust", True), ("greenwood", False)])
def test_weighted_curves_with_either_variance(name: str, robust: bool | None) -> None:
    frame = lung().assign(w=lambda d: 0.5 + (d["age"] % 7) / 4)
    curve = fit_survival_curve(frame, time="time", event="died", by="sex", weights="w", robust=robust)
    assert_curve(curve, f"km_lung_weighted_{name}")


@pytest.mark.parametrize("tau", [365, 500])
def test_restricted_means_and_their_difference(tau: int) -> None:
    name = f"rmst_lung_tau{tau}"
    expected = case(name)["result"]
    rows = fit_survival_curve(lung(), time="time", event="died", by="sex").restricted_mean(tau)
    agree(name, "restricted mean", rows["estimate"], [*expected["rmst"], expected["diff"]], relative=PRINTED)
    agree(name, "standard errors", rows["std_error"], [*expected["se"], expected["se_diff"]], relative=PRINTED)
    agree(name, "limits", rows.loc[2, ["conf_low", "conf_high"]].astype(float), expected["ci95"], relative=PRINTED)


def test_person_days_and_events_of_the_gibleed_cohort() -> None:
    expected = case("gib_cohort_counts")["result"]
    curve = fit_survival_curve(data("derived__gibleed_cohort"), time="time", event="event", by="target")
    at_end = curve.at_risk([0, 180])
    start, end = at_end[at_end["time"] == 0], at_end[at_end["time"] == 180]
    agree("gib_cohort_counts", "persons", start["n_risk"], expected["n"])
    agree("gib_cohort_counts", "events", end["n_event"], expected["events"])


@pytest.mark.parametrize("by", ["sex", "ph"])
@pytest.mark.parametrize("rho", [0, 1])
def test_log_rank_family(by: str, rho: int) -> None:
    frame = lung().dropna(subset=["ph.ecog"]) if by == "ph" else lung()
    found = compare_survival_curves(frame, time="time", event="died", by="ph.ecog" if by == "ph" else by, rho=rho)
    assert_comparison(found, f"survdiff_lung_{by}_rho{rho}")


def test_stratified_log_rank() -> None:
    frame = lung().query("`ph.ecog` < 3")
    found = compare_survival_curves(frame, time="time", event="died", by="sex", strata="ph.ecog")
    assert_comparison(found, "survdiff_lung_strat_rho0")


def assert_comparison(found: CurveComparison, name: str) -> None:
    expected = case(name)["result"]
    agree(name, "persons", found.n, expected["n"])
    agree(name, "observed", found.observed, expected["observed"], relative=PRINTED)
    agree(name, "expected", found.expected, expected["expected"], relative=PRINTED)
    agree(name, "covariance", found.covariance, expected["var"], relative=STATISTIC)
    agree(name, "statistic", found.statistic, expected["chisq"], relative=STATISTIC)
    agree(name, "p-values", found.p_value, expected["p"], relative=STATISTIC)
    agree(name, "degrees of freedom", found.df, expected["df"])
