"""fit_regularised_logistic against R's glmnet on stored answers and OHDSI's Cyclops on the lalonde data."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equipoise import fit_regularised_logistic
from equipoise.errors import DesignError
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data

STORED = json.loads((Path(__file__).parent / "regularised_logistic.json").read_text())
GLMNET = 1e-6  # glmnet's threshold bounds changes of the deviance, whose root is the error of a coefficient
PATH = 3e-5  # folds are solved to 1e-3 of a standard error
PATH_ERROR = 5e-4  # a spread of folds, a fortieth of the deviance
CYCLOPS = 1e-4  # Cyclops stops when the log-posterior changes by less than 1e-6 relative
SAME_EQUATIONS = 1e-8
COVARIATES = ["age", "educ", "black", "hispan", "married", "nodegree", "re74", "re75"]
VARIANCES = {
    "laplace_var0.01": 0.01,
    "laplace_var1": 1.0,
    "normal_var0.01": 0.01,
    "normal_var0.1": 0.1,
    "normal_var1": 1.0,
}


def made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The data of regularised_logistic.R: x (300, 12), y, weights."""
    i = np.arange(1, 301)

    def draw(k: int) -> np.ndarray:
        return (i**2 * (k * k + 3) + i * 7919 * k + k * 311) % 1009 / 1009

    x = np.stack([(draw(k) < k / 14).astype(float) for k in range(1, 13)], axis=1)
    x[:, 0] = np.floor(40 + 40 * draw(1))
    x[:, 1] = np.where(draw(2) < 0.2, 100 * draw(20), 0.0)
    eta = (x[:, 0] - 60) / 15 + x[:, 2] - x[:, 3] + 0.7 * x[:, 5]
    return x, (draw(50) < 1 / (1 + np.exp(-eta))).astype(int), np.floor(4 * draw(60))


FACTORS = np.array([0, 1, 1, 1, 0, 2.5, 1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lasso", {"penalty": 0.02}),
        ("net", {"penalty": 0.03, "mixing": 0.4}),
        ("ridge", {"penalty": 0.05, "mixing": 0.0}),
        ("standardized", {"penalty": 0.02, "standardize": True}),
        ("weighted", {"penalty": 0.02, "weights": made()[2]}),
        ("factors", {"penalty": 0.02, "penalty_factor": FACTORS}),
    ],
)
def test_glmnet(name: str, options: dict) -> None:
    x, y, _ = made()
    fit = fit_regularised_logistic(x, y, **options)
    expected = np.array(STORED[name])
    np.testing.assert_allclose([fit.intercept, *fit.coefficients], expected, rtol=GLMNET, atol=GLMNET)
    assert ((fit.coefficients == 0.0) == (expected[1:] == 0.0)).all()


def test_cv_glmnet_with_given_folds() -> None:
    x, y, _ = made()
    fit = fit_regularised_logistic(x, y, penalties=STORED["cv_penalties"], folds=np.arange(300) % 5)
    found = fit.cross_validation
    np.testing.assert_allclose(found.deviance, STORED["cv_deviance"], rtol=PATH)
    np.testing.assert_allclose(found.std_error, STORED["cv_std_error"], rtol=PATH_ERROR)
    assert fit.penalty == pytest.approx(STORED["cv_minimum"])
    assert found.penalties[found.one_standard_error] == pytest.approx(STORED["cv_one_standard_error"])


def lalonde() -> pd.DataFrame:
    frame = data("MatchIt__lalonde")
    return frame.assign(black=(frame["race"] == "black") * 1.0, hispan=(frame["race"] == "hispan") * 1.0)


@pytest.mark.parametrize("name", sorted(VARIANCES))
def test_cyclops_with_a_prior_of_given_variance(name: str) -> None:
    id = f"cyclops_lr_{name}"
    expected = case(id)["result"]
    mixing = 1.0 if name.startswith("laplace") else 0.0
    fit = fit_regularised_logistic(
        lalonde(), "treat", covariates=COVARIATES, prior_variance=VARIANCES[name], mixing=mixing
    )
    found = [fit.coefficient(term) for term in expected["coef"]]
    agree(id, "coefficients", found, expected["coef"], relative=CYCLOPS, absolute=1e-9)
    agree(id, "log-likelihood", fit.log_likelihood, expected["loglik"], relative=CYCLOPS)


def test_the_penalised_posterior_is_not_below_cyclops() -> None:
    """The same objective, from Cyclops's log-likelihood and coefficients: ours is at least as good."""
    expected = case("cyclops_lr_laplace_var1")["result"]
    fit = fit_regularised_logistic(lalonde(), "treat", covariates=COVARIATES, prior_variance=1.0)
    theirs = expected["loglik"] - np.sqrt(2.0) * sum(abs(expected["coef"][name]) for name in COVARIATES)
    ours = fit.log_likelihood - np.sqrt(2.0) * np.abs(fit.coefficients).sum()
    assert ours >= theirs - 1e-9 * abs(theirs)


def test_cyclops_without_a_prior() -> None:
    expected = case("cyclops_lr_mle")["result"]
    fit = fit_regularised_logistic(lalonde(), "treat", covariates=COVARIATES, penalty=0.0)
    np.testing.assert_allclose(
        [fit.coefficient(term) for term in expected["coef"]], list(expected["coef"].values()), rtol=CYCLOPS
    )
    np.testing.assert_allclose(fit.log_likelihood, expected["loglik"], rtol=SAME_EQUATIONS)


def test_the_stored_answers_name_their_maker() -> None:
    assert "glmnet" in STORED["made_by"]
    with pytest.raises(DesignError, match="12 columns"):
        fit_regularised_logistic(made()[0], made()[1], penalty=0.1).predict(np.ones((2, 3)))
