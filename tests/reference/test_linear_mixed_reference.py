"""Linear mixed models against R's lme4 and nlme on public data."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise.estimators.linear_mixed import fit_linear_mixed
from equipoise.estimators.linear_mixed_fit import LinearMixedFit
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data

MIXED = 1e-6  # R stops where the deviance, not theta, has settled; nlme and lme4 differ by as much from each other
VARIANCES = 1e-5  # of variance components, which R's stopping rules leave looser than fixed effects
LIKELIHOOD = 1e-9
OF_AN_ERROR = (
    1e-5  # standard errors: lme on aids stops 2e-6 short; with tightened tolerances it gives our value to 1e-13
)


def sleepstudy(random: list[str], method: str, correlated: bool = True) -> LinearMixedFit:
    frame = data("lme4__sleepstudy")
    return fit_linear_mixed(
        frame,
        outcome="Reaction",
        person="Subject",
        fixed=["Days"],
        random=random,
        method=method,
        correlated=correlated,
    )


def pbc2() -> LinearMixedFit:
    frame = data("JMbayes2__pbc2").assign(log_bilirubin=lambda d: np.log(d["serBilir"]))
    frame["drug"] = pd.Categorical(frame["drug"], categories=["placebo", "D-penicil"])
    return fit_linear_mixed(
        frame, outcome="log_bilirubin", person="id", fixed="year * drug", random="year", method="ml"
    )


def aids() -> LinearMixedFit:
    frame = data("JMbayes2__aids")
    fixed = "obstime + obstime:drug"
    return fit_linear_mixed(frame, outcome="CD4", person="patient", fixed=fixed, random="obstime", method="ml")


def als() -> LinearMixedFit:
    frame = data("winRatioAnalysis__als").dropna(subset=["ALSFRS"])
    return fit_linear_mixed(frame, outcome="ALSFRS", person="subjects", fixed="times * trt", random=["times"])


FITS = {
    "lmer_sleepstudy_REML": lambda: sleepstudy(["Days"], "reml"),
    "lmer_sleepstudy_intercept_REML": lambda: sleepstudy([], "reml"),
    "lmer_sleepstudy_intercept_ML": lambda: sleepstudy([], "ml"),
    "lmer_sleepstudy_uncorrelated_REML": lambda: sleepstudy(["Days"], "reml", correlated=False),
    "lme_pbc2_logbili_ML": pbc2,
    "lme_aids_ML": aids,
    "lme_als_ALSFRS_REML": als,
}


def variances(expected: dict[str, Any], terms: tuple[str, ...]) -> tuple[np.ndarray, float]:
    """The covariance matrix of random effects and sigma, from either package's answer."""
    if "D" in expected:
        return np.array(expected["D"]), expected["sigma"]
    d, sigma = np.zeros((len(terms), len(terms))), 0.0
    for row in expected["varcorr"]:
        if row["grp"] == "Residual":
            sigma = row["sdcor"]
        else:
            j, k = terms.index(row["var1"]), terms.index(row["var2"] or row["var1"])
            d[j, k] = d[k, j] = row["vcov"]
    return d, sigma


@pytest.mark.parametrize("name", FITS)
def test_fixed_effects_variances_and_likelihood(name: str) -> None:
    expected = case(name)["result"]
    fit = FITS[name]()
    assert fit.convergence.converged
    assert [term.replace("[", "").replace("]", "") for term in fit.terms] == list(expected["fixef"])
    nearly = OF_AN_ERROR * min(expected["se"].values())
    agree(name, "coefficients", fit.coefficients, expected["fixef"], relative=MIXED, absolute=nearly)
    agree(name, "standard errors", fit.std_errors, expected["se"], relative=MIXED)
    covariance = np.array(expected["vcov"])
    agree(name, "covariance", fit.covariance, covariance, relative=MIXED, absolute=MIXED * np.abs(covariance).max())
    agree(name, "log-likelihood", fit.log_likelihood, expected["loglik"], relative=LIKELIHOOD)
    d, sigma = variances(expected, fit.random_terms)
    agree(name, "residual standard deviation", fit.sigma, sigma, relative=MIXED)
    found, wanted = np.sqrt(fit.random_covariance.diagonal()), np.sqrt(d.diagonal())
    agree(name, "random-effects standard deviations", found, wanted, relative=VARIANCES)
    correlation = fit.random_covariance / np.outer(found, found)
    agree(name, "random-effects correlations", correlation, d / np.outer(wanted, wanted), absolute=VARIANCES)
    if "aic" in expected:
        agree(name, "AIC", fit.glance()["aic"][0], expected["aic"], relative=LIKELIHOOD)


def test_predicted_random_effects() -> None:
    name = "lmer_sleepstudy_REML"
    expected = case(name)["result"]["ranef_head"]
    frame = sleepstudy(["Days"], "reml").random_effects()
    found = frame["estimate"].to_numpy().reshape(-1, 2)[: len(expected)]
    agree(name, "random effects", found, expected, relative=VARIANCES)
