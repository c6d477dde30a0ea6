"""Bias, coverage and type I error of fit_conditional_logistic on data made from its own model."""

import numpy as np
import pytest

from equipoise import fit_conditional_logistic
from tests.estimators.matched_data import analysis_set, simulated

RUNS = 1500
BETA = [0.5, 0.0]
FOUR_SIGMA = 4.0  # a true coverage of 95 % fails one time in 16,000


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [None, "stratum"])
def test_bias_coverage_and_type_one_error(cluster: str | None) -> None:
    rng = np.random.default_rng(20260201)
    covered, estimates, significant = np.zeros(2), [], 0
    for _ in range(RUNS):
        fit = fit_conditional_logistic(analysis_set(simulated(rng, 300, 5, BETA), ["x1", "x2"]), cluster=cluster)
        low, high = fit.coefficients - 1.96 * fit.std_errors, fit.coefficients + 1.96 * fit.std_errors
        covered += (low < BETA) & (np.array(BETA) < high)
        estimates.append(fit.coefficients)
        significant += fit.estimate("x2").p_value < 0.05
    spread = np.std(estimates, axis=0) / np.sqrt(RUNS)
    bias = np.mean(estimates, axis=0) - BETA
    assert (np.abs(bias) < FOUR_SIGMA * spread + 0.005).all()  # the small-sample bias of order 1 / 300 sets
    error = FOUR_SIGMA * np.sqrt(0.05 * 0.95 / RUNS)
    np.testing.assert_allclose(covered / RUNS, 0.95, rtol=0, atol=error)
    assert abs(significant / RUNS - 0.05) < error


@pytest.mark.slow
def test_the_robust_variance_covers_where_persons_recur() -> None:
    """Every set appears three times under one family: the model-based interval is too short, the robust one is not."""
    rng = np.random.default_rng(20260202)
    robust, model_based, runs = 0, 0, 800
    for _ in range(runs):
        frame = simulated(rng, 150, 4, [0.5])
        copies = frame.loc[np.tile(np.arange(len(frame)), 3)].reset_index(drop=True)
        family = copies["set"].to_numpy()
        copies["set"] = np.repeat(np.arange(3), len(frame)) * 150 + family
        data = analysis_set(copies, ["x1"])
        for fit in (fit_conditional_logistic(data, cluster=family), fit_conditional_logistic(data)):
            hit = abs(fit.coefficients[0] - 0.5) < 1.96 * fit.std_errors[0]
            robust += hit and fit.variance == "cluster-robust"
            model_based += hit and fit.variance == "model-based"
    assert abs(robust / runs - 0.95) < FOUR_SIGMA * np.sqrt(0.05 * 0.95 / runs) + 0.005  # 150 independent clusters
    assert model_based / runs < 0.85
