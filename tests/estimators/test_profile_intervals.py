"""Likelihood-profile limits by brute force: the drop of the maximised likelihood, at the limit itself."""

from math import exp, inf, log, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize

from equipoise import Reason, fit_conditional_logistic
from tests.estimators.matched_data import simulated
from tests.estimators.test_fit_conditional_logistic import pairs
from tests.kernels.conditional_twin import enumerated

COLUMNS = {"case": "case", "matched_set": "set"}
HALF_QUANTILE = 3.841458820694124 / 2  # chi-squared, one degree of freedom, 95 %


def test_limits_of_pairs_by_hand() -> None:
    """l(b) = 17 log p + 6 log(1 - p) with p = e^b / (1 + e^b), less its maximum, equals half the quantile."""
    found = fit_conditional_logistic(pairs(2, 17, 6, 3), **COLUMNS, covariates=["exposed"])

    def fall(b: float) -> float:
        p = exp(b) / (1 + exp(b))
        top = 17 * log(17 / 23) + 6 * log(6 / 23)
        return top - 17 * log(p) - 6 * log(1 - p) - HALF_QUANTILE

    low, high = found.profile_interval("exposed")
    assert low == pytest.approx(brentq(fall, -3, log(17 / 6), xtol=1e-13), abs=1e-8)
    assert high == pytest.approx(brentq(fall, log(17 / 6), 5, xtol=1e-13), abs=1e-8)


def test_limits_with_other_terms_by_a_general_optimiser() -> None:
    frame = simulated(np.random.default_rng(8), 40, 4, [0.8, -0.6, 0.4])
    found = fit_conditional_logistic(frame, **COLUMNS, covariates=["x1", "x2", "x3"])
    x, case = frame[["x1", "x2", "x3"]].to_numpy(), frame["case"].to_numpy()
    first = np.arange(0, len(frame) + 1, 4)
    for k, term in enumerate(found.terms):
        others = [j for j in range(3) if j != k]
        for limit in found.profile_interval(term):

            def negative(part: np.ndarray, k: int = k, others: list[int] = others, limit: float = limit) -> float:
                beta = np.zeros(3)
                beta[k], beta[others] = limit, part
                return -enumerated(x, case, first, beta)[0]

            best = minimize(negative, found.coefficients[others], method="BFGS", options={"gtol": 1e-7})
            assert found.log_likelihood + best.fun == pytest.approx(HALF_QUANTILE, abs=1e-6)


def test_limits_follow_the_confidence_level_and_the_scale() -> None:
    found = fit_conditional_logistic(pairs(0, 30, 12, 0), **COLUMNS, covariates=["exposed"])
    wide, narrow = found.profile_interval("exposed", 0.99), found.profile_interval("exposed", 0.5)
    assert wide[0] < narrow[0] < found.coefficients[0] < narrow[1] < wide[1]
    row = found.tidy(exponentiate=True, interval="profile", conf_level=0.99).iloc[0]
    assert (row["conf_low"], row["conf_high"]) == (pytest.approx(exp(wide[0])), pytest.approx(exp(wide[1])))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_separated_term_has_one_finite_limit(sign: int) -> None:
    """Nine discordant pairs, all one way: l(b) = 9 log p falls by half the quantile where p = exp(-quantile / 18)."""
    frame = pairs(1, 9, 0, 2) if sign > 0 else pairs(1, 0, 9, 2)
    found = fit_conditional_logistic(frame, **COLUMNS, covariates=["exposed"])
    assert found.reasons == (Reason.SEPARATION,)
    p = exp(-HALF_QUANTILE / 9)
    finite = sign * log(p / (1 - p))
    expected = (finite, inf) if sign > 0 else (-inf, finite)
    assert found.profile_interval("exposed") == (
        pytest.approx(expected[0], abs=1e-8),
        pytest.approx(expected[1], abs=1e-8),
    )


def test_a_limit_beyond_which_the_profile_stays_flat_is_infinite() -> None:
    """One pair each way: the likelihood never falls by the quantile of a high enough level, here l = 2 log(1/2)."""
    found = fit_conditional_logistic(pairs(0, 1, 1, 0), **COLUMNS, covariates=["exposed"])
    low, high = found.profile_interval("exposed")
    assert -low == pytest.approx(high)
    assert np.isfinite(high)  # both pairs together bound it: log p + log(1 - p) falls without end


def test_terms_without_estimate_have_no_limits() -> None:
    frame = pairs(0, 9, 3, 0).assign(one=1.0)
    found = fit_conditional_logistic(frame, **COLUMNS, covariates=["exposed", "one"])
    assert np.isnan(found.profile_interval("one")).all()
    assert found.std_errors[0] == pytest.approx(sqrt(1 / 9 + 1 / 3))


def test_limits_beside_a_separated_term() -> None:
    """The separated term decides three sets; the profile of the other is that of the sets left."""
    frame = simulated(np.random.default_rng(9), 60, 4, [0.8, 0.0])
    frame["rare"] = ((frame["set"] < 3) & (frame["case"] == 1)) * 1.0
    found = fit_conditional_logistic(frame, **COLUMNS, covariates=["x1", "rare"])
    rest = fit_conditional_logistic(pd.DataFrame(frame[frame["set"] >= 3]), **COLUMNS, covariates=["x1"])
    assert found.profile_interval("x1") == pytest.approx(rest.profile_interval("x1"), abs=1e-8)
