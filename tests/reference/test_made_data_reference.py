"""Late entry, weights, clusters, strata and censoring groups against R on 150 made-up rows.

The rows and R's answers, each with the call that made it, are in `survival_curves_r.json`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise.estimators.cumulative_incidence import compare_cumulative_incidence, fit_cumulative_incidence
from equipoise.estimators.fine_gray import fit_fine_gray
from equipoise.estimators.survival_curve import fit_survival_curve
from equipoise.estimators.survival_curve_comparison import compare_survival_curves
from equipoise.estimators.survival_curve_result import SurvivalCurve

ANSWERS = json.loads((Path(__file__).parent / "survival_curves_r.json").read_text(encoding="utf-8"))
TIMES = [2, 5, 9, 14, 20, 30]
CLOSE = 1e-9  # relative: sums of products over 150 rows on both sides
MAXIMISED = 1e-6  # standard errors and covariances at a maximum found by two programs


def rows() -> pd.DataFrame:
    frame = pd.DataFrame(ANSWERS["data"])
    indicators = {"any": frame["cause"] > 0, "arm1": (frame["arm"] == 1) * 1.0, "arm2": (frame["arm"] == 2) * 1.0}
    return frame.assign(**indicators)


def answer(name: str) -> dict[str, np.ndarray]:
    result = ANSWERS["cases"][name]["result"]
    return {key: np.array([np.nan if v == "NA" else v for v in np.ravel(x)], float) for key, x in result.items()}


def assert_curve(curve: SurvivalCurve, name: str, known: np.ndarray | slice = slice(None)) -> None:
    expected, found = answer(name), curve.survival_at(TIMES, extend=True)
    pairs = {"surv": "estimate", "std.err": "std_error", "lower": "conf_low", "upper": "conf_high"}
    for theirs, ours in pairs.items():
        np.testing.assert_allclose(found[ours].to_numpy()[known], expected[theirs][known], rtol=CLOSE, atol=1e-12)
    for theirs, ours in {"cumhaz": "cumulative_hazard", "std.chaz": "std_error_hazard"}.items():
        carried = []
        for _, group in curve.tidy().groupby("group", sort=False):
            place = np.searchsorted(group["time"], TIMES, side="right")
            carried.append(np.concatenate([[0.0], group[ours]])[place])
        np.testing.assert_allclose(np.concatenate(carried)[known], expected[theirs][known], rtol=CLOSE)


def test_late_entry_by_group() -> None:
    assert_curve(fit_survival_curve(rows(), time="time", event="any", start="entry", by="arm"), "late_by_arm")


def test_weights_and_clusters() -> None:
    curve = fit_survival_curve(rows(), time="time", event="any", by="arm", weights="w", cluster="family")
    assert_curve(curve, "weighted_cluster")


def test_late_entry_with_weights_and_clusters() -> None:
    curve = fit_survival_curve(
        rows(), time="time", event="any", start="entry", weights="w", cluster="family", conf_type="log-log"
    )
    assert_curve(curve, "late_weighted_cluster")


def test_weighted_exponential_of_the_fleming_harrington_hazard() -> None:
    curve = fit_survival_curve(
        rows(),
        time="time",
        event="any",
        weights="w",
        robust=False,
        estimator="exponential",
        cumulative_hazard="fleming-harrington",
    )
    assert_curve(curve, "weighted_fh")


def test_weighted_exponential_with_clusters() -> None:
    """R (survival 3.5-3) gives the standard error of the hazard as that of survival here; the delta method is meant."""
    expected = answer("weighted_exp_robust")
    found = fit_survival_curve(
        rows(), time="time", event="any", weights="w", cluster="family", estimator="exponential"
    ).survival_at(TIMES)
    np.testing.assert_allclose(found["estimate"], expected["surv"], rtol=CLOSE)
    np.testing.assert_allclose(found["std_error"], expected["surv"] * expected["std.chaz"], rtol=CLOSE)


@pytest.mark.parametrize("rho", [0, 0.5, 1])
def test_stratified_tests_of_three_groups(rho: float) -> None:
    expected = answer(f"survdiff_rho{rho}")
    found = compare_survival_curves(rows(), time="time", event="any", by="arm", strata="site", rho=rho)
    np.testing.assert_allclose(found.observed, expected["obs"], rtol=CLOSE)
    np.testing.assert_allclose(found.expected, expected["exp"], rtol=CLOSE)
    np.testing.assert_allclose(found.statistic, expected["chisq"], rtol=CLOSE)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("aj_weighted", {"by": "arm", "weights": "w"}),
        ("aj_late", {"start": "entry"}),
    ],
)
def test_aalen_johansen(name: str, options: dict[str, Any]) -> None:
    fit = fit_cumulative_incidence(rows(), time="time", event="cause", **options)
    groups = len(fit.groups)
    expected = {k: v.reshape(groups * len(TIMES), 3) for k, v in answer(name).items()}
    found = fit.incidence_at(TIMES, extend=True)
    for cause in (1, 2):
        one = found[found["cause"] == cause]
        np.testing.assert_allclose(one["estimate"], expected["pstate"][:, cause], rtol=CLOSE, atol=1e-15)
        np.testing.assert_allclose(one["std_error"], expected["std.err"][:, cause], rtol=CLOSE, atol=1e-12)


@pytest.mark.parametrize("rho", [0, 1])
def test_grays_test_of_three_groups_in_strata(rho: int) -> None:
    expected = answer(f"gray_rho{rho}")
    found = compare_cumulative_incidence(rows(), time="time", event="cause", by="arm", strata="site", rho=rho)
    np.testing.assert_allclose(found.statistic, expected["stat"], rtol=CLOSE)
    assert found.df.tolist() == expected["df"].tolist()


def test_aalens_variance() -> None:
    result = ANSWERS["cases"]["cuminc"]["result"]
    fit = fit_cumulative_incidence(rows(), time="time", event="cause", by="arm", robust=False)
    found = fit.incidence_at(TIMES)
    for name, estimate, variance in zip(result["names"], result["est"], result["var"], strict=True):
        arm, cause = name.split()
        one = found[(found["group"] == f"arm={arm}") & (found["cause"] == int(cause))]
        known = one["reason"].isna().to_numpy()
        there = np.array([v != "NA" for v in estimate])  # cuminc stops where everybody has failed
        assert known.all()
        np.testing.assert_allclose(one["estimate"][there], np.array(estimate, object)[there].astype(float), rtol=CLOSE)
        theirs = np.array(variance, object)[there].astype(float)
        np.testing.assert_allclose(one["std_error"][there] ** 2, theirs, rtol=CLOSE, atol=1e-15)


@pytest.mark.parametrize("cause", [1, 2])
def test_crr_with_censoring_by_site(cause: int) -> None:
    """Only estimates: with several censoring groups cmprsk's covariance is not the one of its paper.

    `test_fine_gray` in tests/kernels holds ours against numerical derivatives.
    """
    result = ANSWERS["cases"][f"crr_cengroup_cause{cause}"]["result"]
    fit = fit_fine_gray(
        rows(), time="time", event="cause", cause=cause, covariates=["x", "arm1", "arm2"], censoring_by="site"
    )
    np.testing.assert_allclose(fit.coefficients, result["coef"], rtol=CLOSE)
    np.testing.assert_allclose(fit.log_likelihood, result["loglik"], rtol=CLOSE)


@pytest.mark.parametrize(
    ("name", "cluster", "options"),
    [
        ("finegray_weighted", "family", {"weights": "w"}),
        ("finegray_late", "id", {"start": "entry"}),
    ],
)
def test_survivals_finegray(name: str, cluster: str, options: dict[str, Any]) -> None:
    result = ANSWERS["cases"][name]["result"]
    frame = rows().assign(id=range(150))

    def fitted(**more: Any) -> Any:
        names = {"time": "time", "event": "cause", "cause": 1, "covariates": ["x", "arm1", "arm2"]}
        return fit_fine_gray(frame, **names, convention="finegray", **options, **more)

    fit = fitted()
    np.testing.assert_allclose(fit.coefficients, result["coef"], rtol=MAXIMISED)
    np.testing.assert_allclose(fit.covariance, result["var"], rtol=MAXIMISED)
    np.testing.assert_allclose(fitted(cluster=cluster).covariance, result["var_cluster"], rtol=MAXIMISED)
    if "naive" in result:
        np.testing.assert_allclose(fit.naive_covariance, result["naive"], rtol=MAXIMISED)
