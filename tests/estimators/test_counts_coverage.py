"""Bias, coverage and type I error of logistic, Poisson and case series models, rates and tables on simulated data."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from equipoise import (
    assess_additive_interaction,
    fit_conditional_poisson,
    fit_incidence_rates,
    fit_logistic,
    fit_mantel_haenszel,
    fit_poisson,
    fit_standardized_rates,
)

RUNS = 1500
BETA = np.array([0.5, 0.0])
FOUR_SIGMA = 4.0  # a true coverage of 95 % fails one time in 16,000
SMALL_SAMPLE = 0.012  # lost coverage and bias of order one over the number of events or clusters
ERROR_95 = math.sqrt(0.05 * 0.95 / RUNS)

pytestmark = pytest.mark.slow


def check(fits: Callable[[], Any], truth: np.ndarray = BETA) -> None:
    """Bias, and coverage of 95 % limits, within Monte Carlo error; where the truth is 0 this is the type I error."""
    drawn = [fits() for _ in range(RUNS)]
    slopes = [fit.coefficients[-len(truth) :] for fit in drawn]
    estimate, error = np.array(slopes), np.array([fit.std_errors[-len(truth) :] for fit in drawn])
    assert np.isfinite(error).all()
    spread = estimate.std(axis=0) / math.sqrt(RUNS)
    assert (np.abs(estimate.mean(axis=0) - truth) < FOUR_SIGMA * spread + SMALL_SAMPLE).all()
    covered = (np.abs(estimate - truth) < 1.96 * error).mean(axis=0)
    np.testing.assert_allclose(covered, 0.95, rtol=0, atol=FOUR_SIGMA * ERROR_95 + SMALL_SAMPLE)


def covered(limits: Callable[[], tuple[float, float]], truth: float) -> float:
    """The share of intervals that hold the truth."""
    return float(np.mean([low <= truth <= high for low, high in (limits() for _ in range(RUNS))]))


def covariates(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])


@pytest.mark.parametrize("robust", [None, "HC0", "HC3"])
def test_logistic(robust: str | None) -> None:
    rng = np.random.default_rng(1)

    def fits() -> Any:
        x = covariates(rng, 500)
        y = rng.random(500) < 1 / (1 + np.exp(0.5 - x @ BETA))
        return fit_logistic(x, outcome=y, robust=robust)

    check(fits)


def test_logistic_clustered_by_family_where_the_model_based_errors_fail() -> None:
    """x1 and the outcome are shared by family; marginally the effects are zero."""
    rng = np.random.default_rng(2)
    family = np.repeat(np.arange(150), 4)
    errors = []

    def fits() -> Any:
        x = np.column_stack([rng.normal(size=150)[family], rng.integers(0, 2, 600)])
        shared = rng.normal(0.0, 1.5, 150)[family]
        y = rng.random(600) < 1 / (1 + np.exp(-shared))
        errors.append(fit_logistic(x, outcome=y).std_errors[1])
        return fit_logistic(x, outcome=y, cluster=family)

    check(fits, np.zeros(2))
    rng = np.random.default_rng(2)
    estimates = [fits().coefficients[1] for _ in range(300)]
    assert np.std(estimates) > 1.15 * np.mean(errors)


def test_firth_has_less_bias_than_maximum_likelihood_in_small_samples() -> None:
    rng = np.random.default_rng(3)
    firth, plain = [], []
    for _ in range(RUNS):
        x = covariates(rng, 40)
        y = rng.random(40) < 1 / (1 + np.exp(-x @ np.array([1.0, 0.5])))
        fits = [fit_logistic(x, outcome=y, firth=corrected).coefficients[1] for corrected in (True, False)]
        if np.isfinite(fits).all():
            firth.append(fits[0] - 1.0)
            plain.append(fits[1] - 1.0)
    assert np.mean(plain) > 0.08
    assert abs(np.mean(firth)) < 0.5 * np.mean(plain)


@pytest.mark.parametrize("robust", [None, "HC0"])
def test_poisson(robust: str | None) -> None:
    rng = np.random.default_rng(4)

    def fits() -> Any:
        x, days = covariates(rng, 400), rng.uniform(10, 400, 400)
        return fit_poisson(x, outcome=rng.poisson(days * np.exp(x @ BETA - 6.0)), person_time=days, robust=robust)

    check(fits)


@pytest.mark.parametrize("how", [{"robust": "HC1"}, {"overdispersion": True}])
def test_overdispersed_counts_need_a_wider_variance(how: dict[str, Any]) -> None:
    rng = np.random.default_rng(5)

    def fits() -> Any:
        x = covariates(rng, 400)
        mean = np.exp(x @ BETA)
        counts = rng.poisson(mean * rng.gamma(1 / 0.4, 0.4, 400)) if "robust" in how else 2 * rng.poisson(mean / 2)
        return fit_poisson(x, outcome=counts, **how)

    check(fits)


@pytest.mark.parametrize("robust", [False, True])
def test_case_series_with_persons_who_differ(robust: bool) -> None:
    rng = np.random.default_rng(6)
    person = np.repeat(np.arange(300), 5)

    def fits() -> Any:
        x, days = covariates(rng, 1500), rng.uniform(10, 100, 1500)
        level = rng.normal(-6.0, 1.0, 300)[person]
        counts = rng.poisson(days * np.exp(level + x @ BETA))
        return fit_conditional_poisson(x, outcome=counts, person=person, person_time=days, robust=robust)

    check(fits)


def test_exact_and_other_limits_of_a_rate() -> None:
    rng = np.random.default_rng(7)

    def limits(interval: str) -> Callable[[], tuple[float, float]]:
        def one() -> tuple[float, float]:
            rates = fit_incidence_rates(
                {"d": [rng.poisson(8.0)], "t": [400.0]}, events="d", person_time="t", interval=interval
            )
            low, high = rates.intervals
            return float(low[0]), float(high[0])

        return one

    assert covered(limits("exact"), 0.02) > 0.95 - FOUR_SIGMA * ERROR_95
    assert covered(limits("byar"), 0.02) > 0.95 - FOUR_SIGMA * ERROR_95 - 0.005
    for interval in ("mid-p", "score"):
        assert covered(limits(interval), 0.02) == pytest.approx(0.95, abs=FOUR_SIGMA * ERROR_95 + 0.01)


def test_gamma_limits_of_a_standardized_rate_with_few_events() -> None:
    rng = np.random.default_rng(8)
    t, rate, standard = np.array([3000.0, 800.0, 300.0]), np.array([0.001, 0.004, 0.01]), {"a": 5, "b": 3, "c": 2}
    truth = float(rate @ np.array([0.5, 0.3, 0.2]))

    def limits() -> tuple[float, float]:
        data = {"age": ["a", "b", "c"], "d": rng.poisson(rate * t), "t": t}
        low, high = fit_standardized_rates(data, events="d", person_time="t", strata="age", standard=standard).intervals
        return float(low[0]), float(high[0])

    assert covered(limits, truth) > 0.95 - FOUR_SIGMA * ERROR_95


@pytest.mark.parametrize("measure", ["odds_ratio", "risk_ratio", "risk_difference"])
def test_mantel_haenszel_over_many_small_strata(measure: str) -> None:
    rng = np.random.default_rng(9)
    k = 60
    base = rng.uniform(0.1, 0.4, k)
    exposed_risk = {
        "odds_ratio": 1 / (1 + (1 - base) / base / 2.0), "risk_ratio": 2.0 * base, "risk_difference": base + 0.1
    }[measure]  # fmt: skip
    truth = 0.1 if measure == "risk_difference" else 2.0

    def limits() -> tuple[float, float]:
        a, c = rng.binomial(6, exposed_risk), rng.binomial(8, base)
        data = {
            "stratum": np.repeat(np.arange(k), 4),
            "exposed": [1, 1, 0, 0] * k,
            "case": [1, 0, 1, 0] * k,
            "n": np.column_stack([a, 6 - a, c, 8 - c]).ravel(),
        }
        row = fit_mantel_haenszel(
            data, outcome="case", exposure="exposed", strata="stratum", weights="n", measure=measure
        ).estimate
        return row.conf_low, row.conf_high

    assert covered(limits, truth) == pytest.approx(0.95, abs=FOUR_SIGMA * ERROR_95 + 0.005)


def test_the_relative_excess_risk_due_to_interaction() -> None:
    rng = np.random.default_rng(10)
    cells = {"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "years": [1e5] * 4}
    mean = np.array([200.0, 300.0, 400.0, 800.0])
    truth = (800 - 400 - 300) / 200 + 1

    def limits() -> tuple[float, float]:
        fit = fit_poisson(
            cells | {"d": rng.poisson(mean)}, outcome="d", person_time="years", covariates=["a", "b"],
            interactions=[("a", "b")],
        )  # fmt: skip
        row = assess_additive_interaction(fit, "a", "b").reri
        return row.conf_low, row.conf_high

    assert covered(limits, truth) == pytest.approx(0.95, abs=FOUR_SIGMA * ERROR_95 + SMALL_SAMPLE)
