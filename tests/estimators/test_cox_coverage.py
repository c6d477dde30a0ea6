"""Bias, coverage and type I error of fit_cox on data made from its own model."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from equipoise import assess_proportional_hazards, fit_cox

RUNS = 1200
BETA = np.array([0.5, 0.0])
FOUR_SIGMA = 4.0  # a true coverage of 95 % fails one time in 16,000
SMALL_SAMPLE = 0.01  # bias and lost coverage of order one over the number of events or clusters
X = ["x1", "x2"]


def followed(rng: np.random.Generator, n: int, *, late: bool = False) -> pd.DataFrame:
    """n persons with exponential times, censoring at 2 or before, and if `late` entry up to time 1."""
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    risk = np.exp(x @ BETA)
    failed, censored = rng.exponential(size=n) / risk, rng.uniform(0.2, 2.0, n)
    frame = pd.DataFrame(x, columns=X).assign(
        time=np.minimum(failed, censored), died=(failed <= censored).astype(int), start=rng.random(n) if late else 0.0
    )
    return frame[frame["start"] < frame["time"]].reset_index(drop=True)


def reversing(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """n persons whose log hazard is x1 until time 0.5 and less x1 after it."""
    x = rng.normal(size=n)
    total, until = rng.exponential(size=n), 0.5 * np.exp(x)
    failed = np.where(total < until, total / np.exp(x), 0.5 + (total - until) / np.exp(-x))
    return pd.DataFrame({"x1": x, "time": np.minimum(failed, 2.0), "died": (failed <= 2.0).astype(int)})


def check(fits: Callable[[], tuple[np.ndarray, np.ndarray]], runs: int = RUNS) -> None:
    """Bias, coverage of 95 % limits and rejections of a true null, within Monte Carlo error."""
    drawn = [fits() for _ in range(runs)]
    estimate, error = (np.array(part) for part in zip(*drawn, strict=True))
    z = (estimate - BETA) / error
    spread = estimate.std(axis=0) / np.sqrt(runs)
    assert (np.abs(estimate.mean(axis=0) - BETA) < FOUR_SIGMA * spread + SMALL_SAMPLE).all()
    allowed = FOUR_SIGMA * np.sqrt(0.05 * 0.95 / runs) + SMALL_SAMPLE
    np.testing.assert_allclose((np.abs(z) < 1.96).mean(axis=0), 0.95, rtol=0, atol=allowed)


@pytest.mark.slow
@pytest.mark.parametrize("ties", ["efron", "exact"])
@pytest.mark.parametrize("late", [False, True])
def test_model_based_limits_cover(ties: str, late: bool) -> None:
    rng = np.random.default_rng(20260301)

    def fits() -> tuple[np.ndarray, np.ndarray]:
        frame = followed(rng, 300, late=late)
        fit = fit_cox(frame, time="time", event="died", covariates=X, start="start" if late else None, ties=ties)
        return fit.coefficients, fit.std_errors

    check(fits)


@pytest.mark.slow
def test_limits_robust_to_copies_cover() -> None:
    """Each person stands in the data two times: the clustered variance is that of persons, the model-based is half."""
    rng = np.random.default_rng(20260302)
    ratios = []

    def fits() -> tuple[np.ndarray, np.ndarray]:
        frame = followed(rng, 300).assign(person=lambda d: d.index)
        twice = pd.concat([frame, frame])
        fit = fit_cox(twice, time="time", event="died", covariates=X, cluster="person", ties="breslow")
        ratios.append(fit.covariance[0, 0] / fit.naive_covariance[0, 0])
        return fit.coefficients, fit.std_errors

    check(fits)
    assert np.mean(ratios) == pytest.approx(2.0, abs=0.1)


@pytest.mark.slow
def test_limits_robust_to_weights_cover() -> None:
    """Rows sampled with known probability and weighted by its inverse."""
    rng = np.random.default_rng(20260303)

    def fits() -> tuple[np.ndarray, np.ndarray]:
        frame = followed(rng, 900)
        chance = np.where(frame["died"] == 1, 0.9, np.where(frame["x1"] > 0, 0.6, 0.3))
        sample = frame.assign(w=1.0 / chance)[rng.random(len(frame)) < chance]
        fit = fit_cox(sample, time="time", event="died", covariates=X, weights="w")
        assert fit.variance == "robust"
        return fit.coefficients, fit.std_errors

    check(fits)


@pytest.mark.slow
def test_profile_limits_and_predictions_cover() -> None:
    rng = np.random.default_rng(20260304)
    profile, survival = 0, 0
    truth = np.exp(-np.exp(BETA[0]))  # of a person with x1 = 1, x2 = 0 at time 1
    for _ in range(600):
        fit = fit_cox(followed(rng, 150), time="time", event="died", covariates=X)
        low, high = fit.profile_interval("x1")
        profile += low < BETA[0] < high
        curve = fit.predict_survival({"x1": 1.0, "x2": 0.0}, times=[1.0], conf_type="log-log")
        survival += curve["conf_low"][0] < truth < curve["conf_high"][0]
    allowed = FOUR_SIGMA * np.sqrt(0.05 * 0.95 / 600) + SMALL_SAMPLE
    assert profile / 600 == pytest.approx(0.95, abs=allowed)
    assert survival / 600 == pytest.approx(0.95, abs=allowed)


@pytest.mark.slow
def test_tests_of_proportional_hazards_reject_at_their_level_and_find_a_change() -> None:
    rng = np.random.default_rng(20260305)
    rejected, found = np.zeros(3), 0
    for _ in range(800):
        fit = fit_cox(followed(rng, 250), time="time", event="died", covariates=X)
        rejected += assess_proportional_hazards(fit).p_value < 0.05
    for _ in range(50):
        fit = fit_cox(reversing(rng, 600), time="time", event="died", covariates=["x1"])
        found += assess_proportional_hazards(fit).p_value[0] < 0.05
    np.testing.assert_allclose(
        rejected / 800, 0.05, rtol=0, atol=FOUR_SIGMA * np.sqrt(0.05 * 0.95 / 800) + SMALL_SAMPLE
    )
    assert found > 45
