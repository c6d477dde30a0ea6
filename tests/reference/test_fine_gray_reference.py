"""The model of Fine and Gray against R's cmprsk, R's survival and OHDSI's Cyclops on the mgus2 data."""

import pytest

from equipoise.estimators.fine_gray import fit_fine_gray
from tests.reference.agreement import agree
from tests.reference.public_cases import case
from tests.reference.survival_cases import mgus2

SAME_EQUATIONS = 1e-8
STANDARD_ERROR = 1e-6
STOPPED_EARLY = 1e-7  # crr stops where the score is small, not where steps are
COVARIATES = ["age", "male", "mspike"]


def complete():
    return mgus2().dropna(subset=COVARIATES)


def test_crr() -> None:
    name = "finegray_crr_mgus2_cause1"
    expected = case(name)["result"]
    fit = fit_fine_gray(complete(), time="etime", event="cause", cause=1, covariates=COVARIATES)
    agree(name, "coefficients", fit.coefficients, expected["coef"], relative=STOPPED_EARLY)
    agree(name, "standard errors", fit.std_errors, expected["se"], relative=STANDARD_ERROR)
    agree(name, "covariance", fit.covariance, expected["var"], relative=STANDARD_ERROR)
    agree(name, "log-likelihood", fit.log_likelihood, expected["loglik"], relative=SAME_EQUATIONS)
    agree(name, "log-likelihood", fit.log_likelihood_null, expected["loglik_null"], relative=SAME_EQUATIONS)
    agree(name, "rows", fit.rows, expected["n"])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_finegray_with_coxph(ties: str) -> None:
    name = f"finegray_coxph_mgus2_pcm_{ties}"
    expected = case(name)["result"]
    fit = fit_fine_gray(
        complete(), time="etime", event="cause", cause=1, covariates=COVARIATES, convention="finegray", ties=ties
    )
    agree(name, "coefficients", fit.coefficients, expected["coef"], relative=SAME_EQUATIONS)
    agree(name, "standard errors", fit.std_errors, expected["naive_se"], relative=STANDARD_ERROR)


def test_cyclops() -> None:
    name = "cyclops_finegray_mgus2"
    expected = case(name)["result"]["coef"]
    fit = fit_fine_gray(complete(), time="etime", event="cause", cause=1, covariates=COVARIATES)
    agree(name, "coefficients", fit.coefficients, [expected[x] for x in COVARIATES], relative=STOPPED_EARLY)
