"""Balancing weights: their definition by tilting functions, and their derivatives by finite differences."""

import numpy as np
import pytest

from equipoise.kernels.balancing_weights import ESTIMANDS, balancing_weights

SCORE = np.array([1e-6, 0.02, 0.2, 0.49, 0.51, 0.75, 0.98, 1.0 - 1e-6])
TILT = {
    "ATE": np.ones_like,
    "ATT": lambda e: e,
    "ATC": lambda e: 1.0 - e,
    "ATO": lambda e: e * (1.0 - e),
    "ATM": lambda e: np.minimum(e, 1.0 - e),
}
LOGIT = np.log(SCORE / (1.0 - SCORE))
ROUNDING_OF_ONE_LESS_E = 1e-9  # 1 - e loses ten digits where e is 1e-6 away from 1


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("target", [True, False])
def test_a_weight_is_the_tilt_over_the_probability_of_the_own_arm(estimand: str, target: bool) -> None:
    own = SCORE if target else 1.0 - SCORE
    weight, _ = balancing_weights(estimand, LOGIT, np.full(len(SCORE), target))
    np.testing.assert_allclose(weight, TILT[estimand](SCORE) / own, rtol=ROUNDING_OF_ONE_LESS_E)


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("target", [True, False])
def test_the_derivative_is_that_of_finite_differences(estimand: str, target: bool) -> None:
    arm, step = np.full(len(SCORE), target), 1e-5
    up, down = (balancing_weights(estimand, LOGIT + s, arm)[0] for s in (step, -step))
    np.testing.assert_allclose(
        balancing_weights(estimand, LOGIT, arm)[1], (up - down) / (2.0 * step), rtol=1e-6, atol=1e-10
    )


@pytest.mark.parametrize("estimand", ["ATE", "ATO", "ATM"])
def test_exchanging_the_arms_exchanges_the_weights(estimand: str) -> None:
    arm = np.arange(len(SCORE)) % 2 == 0
    weight, slope = balancing_weights(estimand, LOGIT, arm)
    turned, against = balancing_weights(estimand, -LOGIT, ~arm)
    np.testing.assert_array_equal(weight, turned)
    np.testing.assert_array_equal(slope, -against)
    np.testing.assert_array_equal(balancing_weights("ATT", LOGIT, arm)[0], balancing_weights("ATC", -LOGIT, ~arm)[0])
