"""The model of Fine and Gray against R's cmprsk, R's survival and OHDSI's Cyclops on the mgus2 data."""

import numpy as np
import pytest

from equipoise.estimators.fine_gray import fit_fine_gray
from tests.reference.survival_cases import case, mgus2

SAME_EQUATIONS = 1e-8
STANDARD_ERROR = 1e-6
STOPPED_EARLY = 1e-7  # crr stops where the score is small, not where steps are
COVARIATES = ["age", "male", "mspike"]


def complete():
    return mgus2().dropna(subset=COVARIATES)


def test_crr() -> None:
    expected = case("finegray_crr_mgus2_cause1")["result"]
    fit = fit_fine_gray(complete(), time="etime", event="cause", cause=1, covariates=COVARIATES)
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=STOPPED_EARLY)
    np.testing.assert_allclose(fit.std_errors, list(expected["se"].values()), rtol=STANDARD_ERROR)
    np.testing.assert_allclose(fit.covariance, expected["var"], rtol=STANDARD_ERROR)
    np.testing.assert_allclose(fit.log_likelihood, expected["loglik"], rtol=SAME_EQUATIONS)
    np.testing.assert_allclose(fit.log_likelihood_null, expected["loglik_null"], rtol=SAME_EQUATIONS)
    assert fit.rows == expected["n"]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_finegray_with_coxph(ties: str) -> None:
    expected = case(f"finegray_coxph_mgus2_pcm_{ties}")["result"]
    fit = fit_fine_gray(
        complete(), time="etime", event="cause", cause=1, covariates=COVARIATES, convention="finegray", ties=ties
    )
    np.testing.assert_allclose(fit.coefficients, list(expected["coef"].values()), rtol=SAME_EQUATIONS)
    np.testing.assert_allclose(fit.std_errors, list(expected["naive_se"].values()), rtol=STANDARD_ERROR)


def test_cyclops() -> None:
    expected = case("cyclops_finegray_mgus2", "11_cyclops")["result"]["coef"]
    fit = fit_fine_gray(complete(), time="etime", event="cause", cause=1, covariates=COVARIATES)
    np.testing.assert_allclose(fit.coefficients, [expected[name] for name in COVARIATES], rtol=STOPPED_EARLY)
