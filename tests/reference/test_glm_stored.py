"""Logistic and Poisson regression, case series, rates and interaction against answers of R stored here (see glm.R)."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import (
    assess_additive_interaction,
    fit_conditional_poisson,
    fit_logistic,
    fit_mantel_haenszel,
    fit_poisson,
    fit_standardized_rates,
)
from equipoise.estimators.glm_fit import GlmFit

EXACT = 1e-10  # relative, where both sides solve the same equations to the last digits
COEFFICIENT = 1e-8
VARIANCE = 2e-7  # relative: Newton's method ends where one more step would move variances by 1e-7
LIMIT = 1e-8  # of a profile limit: both sides search for a root
STORED = json.loads((Path(__file__).parent / "glm.json").read_text())
CASES = {case["id"]: case for case in STORED["cases"]}
GLMS = ["logistic", "logistic_offset", "logistic_weights", "poisson", "poisson_offset", "poisson_weights"]


def stored_frame(name: str) -> pd.DataFrame:
    return pd.DataFrame(STORED["data"][name])


def fitted(id: str, **options: Any) -> GlmFit:
    family, _, variant = id.partition("_")
    people = stored_frame("people")
    if variant == "weights":
        options["weights"] = "weight"
    if family == "logistic":
        if variant == "offset":
            options["offset"] = "offset"
        return fit_logistic(people, outcome="case", covariates=["x", "z"], **options)
    if variant == "offset":
        options["person_time"] = "time"
    return fit_poisson(people, outcome="count", covariates=["x", "z"], **options)


def same_variance(found: np.ndarray, wanted: list[float], tolerance: float = VARIANCE) -> None:
    wanted = np.reshape(wanted, found.shape)
    scale = np.sqrt(np.outer(wanted.diagonal(), wanted.diagonal()))
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=tolerance)


@pytest.mark.parametrize("id", GLMS)
def test_coefficients_variance_and_deviance(id: str) -> None:
    case, fit = CASES[id], fitted(id)
    np.testing.assert_allclose(fit.coefficients, case["coef"], rtol=0, atol=COEFFICIENT)
    same_variance(fit.covariance, case["var"])
    assert fit.deviance == pytest.approx(case["deviance"][0], rel=EXACT)
    assert fit.null_deviance == pytest.approx(case["null_deviance"][0], rel=EXACT)
    assert fit.convergence.converged


@pytest.mark.parametrize("id", GLMS)
def test_profile_limits_of_slopes_and_of_the_intercept(id: str) -> None:
    limits = fitted(id).tidy(interval="profile")[["conf_low", "conf_high"]].to_numpy().ravel()
    np.testing.assert_allclose(limits, CASES[id]["profile"], rtol=0, atol=LIMIT)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
@pytest.mark.parametrize("id", GLMS)
def test_robust_variances_of_sandwich(id: str, kind: str) -> None:
    fit = fitted(id, robust=kind)
    same_variance(fit.covariance, CASES[id][kind])
    assert kind in repr(fit)


@pytest.mark.parametrize(("kind", "key"), [("HC0", "CL0"), ("HC1", "CL1")])
@pytest.mark.parametrize("id", GLMS)
def test_clustered_variances_of_sandwich(id: str, kind: str, key: str) -> None:
    same_variance(fitted(id, cluster="family", robust=kind).covariance, CASES[id][key])


@pytest.mark.parametrize(("kind", "key"), [("deviance", "residuals"), ("pearson", "pearson"), ("working", "working")])
@pytest.mark.parametrize("id", GLMS)
def test_residuals(id: str, kind: str, key: str) -> None:
    np.testing.assert_allclose(fitted(id).residuals(kind), CASES[id][key], rtol=1e-8, atol=1e-10)


def test_firth_logistic_is_brglm2_on_separated_data() -> None:
    fit = fit_logistic(stored_frame("apart"), outcome="case", covariates=["x", "z"], firth=True)
    np.testing.assert_allclose(fit.coefficients, CASES["firth_logistic"]["coef"], rtol=0, atol=COEFFICIENT)
    same_variance(fit.covariance, CASES["firth_logistic"]["var"])


def test_firth_poisson_is_brglm2_on_separated_data() -> None:
    fit = fit_poisson(stored_frame("apart"), outcome="count", covariates=["x", "z"], firth=True)
    np.testing.assert_allclose(fit.coefficients, CASES["firth_poisson"]["coef"], rtol=0, atol=COEFFICIENT)
    same_variance(fit.covariance, CASES["firth_poisson"]["var"])


@pytest.mark.parametrize(("id", "weights"), [("series", None), ("series_weights", "weight")])
def test_case_series_is_gnm_with_persons_eliminated(id: str, weights: str | None) -> None:
    fit = fit_conditional_poisson(
        stored_frame("series"),
        outcome="count",
        person="person",
        covariates=["risk", "age"],
        person_time="days",
        weights=weights,
    )
    np.testing.assert_allclose(fit.coefficients, CASES[id]["coef"], rtol=0, atol=COEFFICIENT)
    same_variance(fit.covariance, CASES[id]["var"])


def cells(numbers: list[float], rates: bool) -> dict[str, np.ndarray]:
    """The tables as columns; for rates a cell holds events and person-time, else cases and others."""
    per_table = np.reshape(numbers, (-1, 4))
    stratum = np.repeat(np.arange(len(per_table)), 2)
    pairs = per_table.reshape(-1, 2)
    exposed = np.tile([1, 0], len(per_table))
    if rates:
        return {"stratum": stratum, "exposed": exposed, "events": pairs[:, 0], "time": pairs[:, 1]}
    return {
        "stratum": np.repeat(stratum, 2),
        "exposed": np.repeat(exposed, 2),
        "case": np.tile([1, 0], len(pairs)),
        "persons": pairs.ravel(),
    }


@pytest.mark.parametrize("measure", ["odds_ratio", "risk_ratio"])
def test_mantel_haenszel_ratios_are_those_of_epir(measure: str) -> None:
    case = CASES["mantel_haenszel"]
    found = fit_mantel_haenszel(
        cells(case["tables"], False),
        outcome="case",
        exposure="exposed",
        strata="stratum",
        weights="persons",
        measure=measure,
    ).estimate
    np.testing.assert_allclose([found.estimate, found.conf_low, found.conf_high], case[measure], rtol=EXACT)


def test_mantel_haenszel_rate_ratio_is_that_of_epir() -> None:
    case = CASES["mantel_haenszel"]
    found = fit_mantel_haenszel(
        cells(case["time"], True),
        outcome="events",
        exposure="exposed",
        strata="stratum",
        person_time="time",
        measure="rate_ratio",
    ).estimate
    np.testing.assert_allclose([found.estimate, found.conf_low, found.conf_high], case["rate_ratio"], rtol=EXACT)


def test_mantel_haenszel_test_and_exact_method_are_those_of_mantelhaen_test() -> None:
    case = CASES["mantel_haenszel"]
    roles = {"outcome": "case", "exposure": "exposed", "strata": "stratum", "weights": "persons"}
    found = fit_mantel_haenszel(cells(case["tables"], False), **roles)
    np.testing.assert_allclose([found.statistic, found.p_value], case["odds_test"][3:], rtol=1e-9)
    exact = fit_mantel_haenszel(cells(case["tables"], False), method="exact", **roles)
    numbers = [exact.estimate.estimate, exact.estimate.conf_low, exact.estimate.conf_high, exact.p_value]
    np.testing.assert_allclose(numbers, case["odds_exact"], rtol=1e-4)  # R's root finder stops at about 1e-5
    assert exact.p_value == pytest.approx(case["odds_exact"][3], rel=1e-9)


def test_direct_standardization_is_that_of_epir() -> None:
    case = CASES["standardized"]
    data = {
        "town": np.repeat(["A", "B"], 3),
        "age": ["young", "middle", "old"] * 2,
        "deaths": case["obs"],
        "years": case["tar"],
    }
    found = fit_standardized_rates(
        data,
        events="deaths",
        person_time="years",
        by="town",
        strata="age",
        standard=dict(zip(["young", "middle", "old"], case["std"], strict=True)),
    )
    columns = ["estimate", "conf_low", "conf_high"]
    np.testing.assert_allclose(found.tidy()[columns].to_numpy().T.ravel(), case["direct"], rtol=EXACT)
    np.testing.assert_allclose(found.tidy()["crude"], case["crude"], rtol=EXACT)


def test_additive_interaction_is_that_of_epir() -> None:
    case = CASES["interaction"]
    data = {"smoke": [0, 0, 1, 1], "asbestos": [0, 1, 0, 1], "deaths": [11, 58, 123, 602], "years": [1e5] * 4}
    fit = fit_poisson(
        data,
        outcome="deaths",
        person_time="years",
        covariates=["smoke", "asbestos"],
        interactions=[("smoke", "asbestos")],
    )
    found = assess_additive_interaction(fit, "smoke", "asbestos")
    for name in ("reri", "ap", "synergy"):
        row = getattr(found, name)
        np.testing.assert_allclose([row.estimate, row.conf_low, row.conf_high], case[name], rtol=1e-8)
    assert found.multiplicative.estimate == pytest.approx(case["multiplicative"][0], rel=1e-8)
    # R profiles the ratio of ratios; ours is a Wald interval, with the same profile limits at hand
    limits = [math.exp(limit) for limit in fit.profile_interval("smoke:asbestos")]
    np.testing.assert_allclose(limits, case["multiplicative"][1:], rtol=2e-3)  # R interpolates its profile
