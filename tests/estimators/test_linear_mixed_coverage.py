"""Bias, coverage and type I error of `fit_linear_mixed` where the truth is known."""

import numpy as np
import pytest

from equipoise.estimators.linear_mixed import fit_linear_mixed

pytestmark = pytest.mark.slow

REPLICATES, PERSONS = 800, 120
TRUTH = np.array([2.0, 0.5, 0.0])  # intercept, time, arm: nothing between arms
DEVIATIONS = np.array([1.0, 0.4])
CORRELATION, SIGMA = 0.3, 0.7
FOUR_ERRORS = 4.0  # Monte Carlo standard errors
NARROW = 0.01  # Wald intervals of the normal law, from 120 persons, may miss by this much of their level


def simulated(seed: int) -> dict[str, np.ndarray]:
    """Persons measured between 2 and 7 times at times of their own, half of them in each arm."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])) * DEVIATIONS[:, None]
    person = np.repeat(np.arange(PERSONS), rng.integers(2, 8, PERSONS))
    time, arm = rng.uniform(0.0, 4.0, len(person)), person % 2.0
    own = (rng.normal(size=(PERSONS, 2)) @ root.T)[person]
    mean = TRUTH[0] + TRUTH[1] * time + TRUTH[2] * arm + own[:, 0] + own[:, 1] * time
    return {"person": person, "time": time, "arm": arm, "y": mean + SIGMA * rng.normal(size=len(person))}


@pytest.fixture(scope="module")
def frames() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates and limits of every replicate, float64 (replicates, terms) each."""
    kept = []
    for seed in range(REPLICATES):
        fit = fit_linear_mixed(simulated(seed), outcome="y", person="person", fixed=["time", "arm"], random=["time"])
        kept.append(fit.tidy()[["estimate", "conf_low", "conf_high"]].to_numpy())
    stacked = np.array(kept)
    return stacked[:, :, 0], stacked[:, :, 1], stacked[:, :, 2]


ALL = np.concatenate([TRUTH, DEVIATIONS, [CORRELATION, SIGMA]])


def test_fixed_effects_and_restricted_variances_are_unbiased(frames) -> None:
    estimates = frames[0].copy()
    estimates[:, 3:5], estimates[:, 6] = estimates[:, 3:5] ** 2, estimates[:, 6] ** 2
    truth = ALL.copy()
    truth[3:5], truth[6] = truth[3:5] ** 2, truth[6] ** 2
    at = [0, 1, 2, 3, 4, 6]  # a correlation is not estimated without bias
    error = estimates.std(axis=0) / np.sqrt(REPLICATES)
    assert (np.abs(estimates.mean(axis=0) - truth) < FOUR_ERRORS * error)[at].all()


def test_intervals_of_effects_and_components_cover(frames) -> None:
    _, low, high = frames
    covered = ((low <= ALL) & (high >= ALL)).mean(axis=0)
    error = np.sqrt(0.95 * 0.05 / REPLICATES)
    assert (np.abs(covered - 0.95) < FOUR_ERRORS * error + NARROW).all(), covered


def test_no_effect_is_rejected_as_often_as_it_should(frames) -> None:
    _, low, high = frames
    rejected = float(((low[:, 2] > 0.0) | (high[:, 2] < 0.0)).mean())
    assert abs(rejected - 0.05) < FOUR_ERRORS * np.sqrt(0.05 * 0.95 / REPLICATES) + NARROW
