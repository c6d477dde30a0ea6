"""Simulation: weighted estimates are unbiased and their 95 % intervals hold what they promise.

Persons have a confounder x and a binary one z; the arm follows a logistic model of both, the outcome another one with
an interaction of arm and x, so that every estimand has an effect of its own. Truths are integrals over the population.
"""

import math

import numpy as np
import pytest

from equipoise import fit_cox, fit_logistic
from equipoise.estimators.average_effect import fit_average_effect
from equipoise.estimators.weighted_models import fit_weighted
from equipoise.estimators.weighted_survival import fit_weighted_survival_curve
from equipoise.estimators.weighting import weigh

pytestmark = pytest.mark.slow
RUNS, N = 1500, 600
MONTE_CARLO = 3.5  # standard errors of a simulated share or mean


def expit(eta: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-eta))


def score_of(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return expit(-0.4 + 0.8 * x + 0.6 * z)


def risk_of(arm: np.ndarray | float, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return expit(-0.8 + 1.2 * x + 0.5 * z + arm * (0.5 - 0.4 * x))


def truth(estimand: str) -> float:
    """The risk difference under the tilt, integrated over x by 200 normal quantiles and over z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    total, mass = 0.0, 0.0
    for z in (0.0, 1.0):
        e = score_of(nodes, z)
        tilt = {"ATE": np.ones(80), "ATT": e, "ATC": 1.0 - e, "ATO": e * (1.0 - e)}[estimand]
        total += weights @ (tilt * (risk_of(1.0, nodes, z) - risk_of(0.0, nodes, z)))
        mass += weights @ tilt
    return total / mass


def draw(rng: np.random.Generator) -> dict[str, np.ndarray]:
    x, z = rng.normal(size=N), (rng.random(N) < 0.5).astype(float)
    arm = (rng.random(N) < score_of(x, z)).astype(float)
    ill = (rng.random(N) < risk_of(arm, x, z)).astype(float)
    day = rng.exponential(1.0 / np.exp(0.7 * x))  # no effect of the arm: the marginal hazard ratio is one
    end = rng.exponential(1.5, N)
    return {
        "x": x,
        "z": z,
        "arm": arm,
        "ill": ill,
        "day": np.minimum(day, end),
        "died": (day <= end).astype(float),
    }


def covered(estimates: np.ndarray, errors: np.ndarray, value: float) -> float:
    return float((np.abs(estimates - value) <= 1.959964 * errors).mean())


def unbiased(estimates: np.ndarray, value: float, slack: float) -> bool:
    return abs(estimates.mean() - value) < MONTE_CARLO * estimates.std() / math.sqrt(len(estimates)) + slack


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC", "ATO"])
def test_risk_differences(estimand: str) -> None:
    rng, found = np.random.default_rng(11), []
    for _ in range(RUNS):
        data = draw(rng)
        made = weigh(data, arm="arm", score=fit_logistic(data, outcome="arm", covariates=["x", "z"]), estimand=estimand)
        fits = [fit_average_effect(made, outcome="ill", variance=kind) for kind in ("influence", "robust")]
        found.append([fits[0].coefficients[0], fits[0].std_errors[0], fits[1].std_errors[0]])
    estimate, influence, robust = np.array(found).T
    value, error = truth(estimand), math.sqrt(0.95 * 0.05 / RUNS)
    assert unbiased(estimate, value, 0.002)
    assert abs(covered(estimate, influence, value) - 0.95) < MONTE_CARLO * error + 0.008
    assert np.sqrt((influence**2).mean()) == pytest.approx(estimate.std(), rel=0.08)
    if estimand == "ATE":  # taking the score as known is conservative
        assert covered(estimate, robust, value) > 0.965
        assert np.sqrt((robust**2).mean()) > 1.1 * estimate.std()


def test_a_marginal_hazard_ratio_of_one() -> None:
    rng, found = np.random.default_rng(12), []
    for _ in range(RUNS):
        data = draw(rng)
        score = fit_logistic(data, outcome="arm", covariates=["x", "z"])
        made = weigh(data, arm="arm", score=score, stabilised=True)
        columns = {"time": "day", "event": "died", "covariates": ["arm"]}
        fits = [fit_weighted(made, fit_cox, variance=kind, **columns) for kind in ("influence", "robust")]
        found.append([fits[0].coefficients[0], fits[0].std_errors[0], fits[1].std_errors[0]])
    estimate, influence, robust = np.array(found).T
    error = math.sqrt(0.95 * 0.05 / RUNS)
    assert unbiased(estimate, 0.0, 0.005)
    assert abs(covered(estimate, influence, 0.0) - 0.95) < MONTE_CARLO * error + 0.01
    assert covered(estimate, robust, 0.0) > covered(estimate, influence, 0.0)
    assert np.sqrt((robust**2).mean()) > 1.05 * estimate.std()


def test_survival_of_both_arms_and_their_difference() -> None:
    rng, found = np.random.default_rng(13), []
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    value = float(weights @ np.exp(-0.6 * np.exp(0.7 * nodes)) / weights.sum())
    for _ in range(RUNS // 2):
        data = draw(rng)
        made = weigh(data, arm="arm", score=fit_logistic(data, outcome="arm", covariates=["x", "z"]))
        curve = fit_weighted_survival_curve(made, time="day", event="died")
        at, difference = curve.survival_at(0.6), curve.compare_at(0.6)
        found.append([*at["estimate"], difference["estimate"][0], *at["std_error"], difference["std_error"][0]])
    table = np.array(found)
    error = math.sqrt(0.95 * 0.05 / len(table))
    for k, wanted in enumerate((value, value, 0.0)):
        assert unbiased(table[:, k], wanted, 0.003)
        assert abs(covered(table[:, k], table[:, k + 3], wanted) - 0.95) < MONTE_CARLO * error + 0.015
