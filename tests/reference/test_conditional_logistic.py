"""fit_conditional_logistic against R's survival, on data stored here and on the public sets in the shared folder."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equipoise import AnalysisSet, Reason, fit_conditional_logistic
from equipoise.analysis_set import Column
from equipoise.estimators.fit import Fit
from tests.reference.agreement import agree
from tests.reference.public_cases import case as public_case
from tests.reference.public_cases import data

COEFFICIENT = 1e-8  # both solve the same equations; R's own convergence limits the rest
RELATIVE_VARIANCE = 2e-6  # 1e-6 of a standard error
LOG_LIKELIHOOD = 1e-8
CYCLOPS = 1e-6  # absolute: Cyclops stops earlier
CYCLOPS_PROFILE = 1e-3  # and searches limits with a tolerance of its own

HERE = Path(__file__).parent
STORED = json.loads((HERE / "conditional_logistic.json").read_text())


def close(name: str, fit: Fit, coefficients: list[float], variance: np.ndarray, log_likelihoods: list[float]) -> None:
    agree(name, "coefficients", fit.coefficients, coefficients, absolute=COEFFICIENT)
    scale = np.sqrt(np.outer(variance.diagonal(), variance.diagonal()))
    agree(name, "scaled covariance", fit.covariance / scale, variance / scale, absolute=RELATIVE_VARIANCE)
    found = [fit.log_likelihood_null, fit.log_likelihood]
    agree(name, "log-likelihood", found, log_likelihoods, absolute=LOG_LIKELIHOOD)
    assert fit.convergence.converged
    assert fit.convergence.gradient_norm < 1e-6


def stored_frame(name: str) -> pd.DataFrame:
    frame = pd.DataFrame(STORED["data"][name])
    return frame.astype({"set": np.int64, "case": np.int64, "family": np.int64})


def as_analysis_set(frame: pd.DataFrame) -> AnalysisSet:
    n = len(frame)
    return AnalysisSet(
        person=np.arange(n),
        event=frame["case"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=np.ones(n, np.int32),
        weight=np.ones(n),
        x=frame[["x", "z"]].to_numpy(float),
        columns=(Column("x", "covariate"), Column("z", "exposure")),
        stratum=frame["set"].to_numpy(np.int64),
        offset=frame["offset"].to_numpy(float),
    )


@pytest.mark.parametrize("case", STORED["cases"], ids=lambda case: case["id"])
def test_stored_answers_of_r(case: dict) -> None:
    data, ties, *variant = case["id"].split("_")
    frame = stored_frame(data)
    if variant == ["offset"]:
        fit = fit_conditional_logistic(as_analysis_set(frame), ties=ties)
    else:
        fit = fit_conditional_logistic(
            frame,
            case="case",
            matched_set="set",
            covariates=["x", "z"],
            ties=ties,
            interactions=[("x", "z")] if variant == ["interaction"] else [],
            cluster="family" if variant == ["cluster"] else None,
        )
    p = len(case["coef"])
    close(case["id"], fit, case["coef"], np.reshape(case["var"], (p, p)), case["loglik"])
    if variant != ["cluster"]:
        assert fit.score_statistic == pytest.approx(case["score"][0], rel=1e-8)


def test_the_robust_variance_of_exact_pairs_and_sets_is_that_of_breslow() -> None:
    """With one case a set the three likelihoods are one, so R's clustered answer holds for the exact fit too."""
    wanted = next(case for case in STORED["cases"] if case["id"] == "one_breslow_cluster")
    fit = fit_conditional_logistic(
        stored_frame("one"), case="case", matched_set="set", covariates="x + z", cluster="family"
    )
    close("one_breslow_cluster", fit, wanted["coef"], np.reshape(wanted["var"], (2, 2)), wanted["loglik"])


def fit_infert(covariates: str, ties: str = "exact") -> Fit:
    frame = data("datasets__infert")
    return fit_conditional_logistic(frame, case="case", matched_set="stratum", covariates=covariates, ties=ties)


def fit_bdendo(covariates: list[str]) -> Fit:
    frame = data("Epi__bdendo").dropna(subset=covariates)
    return fit_conditional_logistic(frame, case="d", matched_set="set", covariates=covariates)


PUBLIC = {
    "clogit_infert_exact": lambda: fit_infert("spontaneous + induced"),
    "clogit_infert_approximate": lambda: fit_infert("spontaneous + induced", "breslow"),
    "clogit_infert_efron": lambda: fit_infert("spontaneous + induced", "efron"),
    "clogit_infert_breslow": lambda: fit_infert("spontaneous + induced", "breslow"),
    "clogit_infert_factor": lambda: fit_infert("C(spontaneous) + C(induced)"),
    "clogit_infert_interaction": lambda: fit_infert("spontaneous * induced"),
    "clogit_bdendo_1to4": lambda: fit_bdendo(["gall", "hyp", "ob", "est", "non"]),
    "clogit_bdendo_nomissing": lambda: fit_bdendo(["gall", "hyp", "est"]),
}


@pytest.mark.parametrize("identity", PUBLIC)
def test_public_data(identity: str) -> None:
    wanted = public_case(identity)["result"]
    fit = PUBLIC[identity]()
    close(identity, fit, list(wanted["coef"].values()), np.array(wanted["vcov"]), wanted["loglik"])
    agree(identity, "standard errors", fit.std_errors, wanted["se"], relative=1e-6)
    intervals = [(row.conf_low, row.conf_high) for row in map(fit.estimate, fit.terms)]
    agree(identity, "limits", intervals, wanted["ci95"], absolute=1e-6)
    whole = fit.glance().iloc[0]
    agree(identity, "likelihood ratio", whole["statistic_ratio"], wanted["lrt"]["chisq"], absolute=1e-7)
    agree(identity, "score test", whole["statistic_score"], wanted["score"], relative=1e-8)
    agree(identity, "Wald test", whole["statistic_wald"], wanted["wald"]["chisq"], relative=1e-6)
    p_values = [whole["p_value_ratio"], whole["p_value_wald"]]
    agree(identity, "p-values", p_values, [wanted["lrt"]["p"], wanted["wald"]["p"]], relative=1e-6)
    agree(identity, "rows and events", [fit.rows, fit.events], [wanted["n"], wanted["nevent"]])


def test_an_independent_implementation_agrees_to_its_own_convergence() -> None:
    wanted = public_case("clogistic_epi_bdendo")["result"]
    fit = fit_bdendo(["gall", "hyp", "est"])
    agree("clogistic_epi_bdendo", "coefficients", fit.coefficients, wanted["coef"], absolute=1e-5)
    agree("clogistic_epi_bdendo", "log-likelihood", fit.log_likelihood, wanted["loglik"][1], absolute=1e-8)


@pytest.mark.parametrize("name", ["cyclops_clr_infert", "cyclops_clr_exact_infert"])
def test_cyclops_and_its_profile_limits(name: str) -> None:
    wanted = public_case(name)["result"]
    fit = fit_infert("spontaneous + induced")
    agree(name, "coefficients", fit.coefficients, wanted["coef"], absolute=CYCLOPS)
    agree(name, "log-likelihood", fit.log_likelihood, wanted["loglik"], absolute=LOG_LIKELIHOOD)
    limits = [fit.profile_interval(term) for term in wanted["profile_ci"]]
    agree(name, "profile limits", limits, wanted["profile_ci"], absolute=CYCLOPS_PROFILE)


def test_an_aliased_term_is_named_and_the_others_are_estimated() -> None:
    """Years of education are constant in a set, so five occupation-by-education columns add up to nothing.

    Which point of the ridge the four others take depends on when R notices: at its default tolerance the fifth is held
    at zero, as here; the stored answer was made with a tighter one and holds it elsewhere. What the data determine is
    the same: the occupation terms, and differences between the education terms.
    """
    wanted = public_case("clogit_logan")["result"]
    frame = data("survival__logan_expanded")
    fit = fit_conditional_logistic(frame, case="case", matched_set="id", covariates="tocc + tocc:education")
    expected = np.array([np.nan if value is None else value for value in wanted["coef"].values()])
    assert fit.reasons == (None,) * 8 + (Reason.COLLINEAR,)
    assert fit.aliases == {"tocc[sales]:education": fit.terms[4:8]}
    assert np.isnan(fit.coefficients[8])
    name = "clogit_logan"
    agree(name, "coefficients", fit.coefficients[:4], expected[:4], absolute=COEFFICIENT)
    between = [np.diff(fit.coefficients[4:8]), np.diff(expected[4:8])]
    agree(name, "differences of aliased coefficients", *between, absolute=COEFFICIENT)
    agree(name, "standard errors", fit.std_errors[:8], list(wanted["se"].values())[:8], relative=1e-6)
    at_default = [-0.332284173686, -0.370285767776, -0.422218802915, 0.278246877171]  # clogit(), no control argument
    np.testing.assert_allclose(fit.coefficients[4:8], at_default, rtol=0, atol=1e-9)
    agree(name, "log-likelihood", fit.log_likelihood, wanted["loglik"][1], absolute=LOG_LIKELIHOOD)
    agree(name, "rank", fit.rank, wanted["lrt"]["df"])


def test_an_infinite_estimate_is_flagged() -> None:
    wanted = public_case("clogit_Styph_INFINITE")["result"]
    frame = data("Epi__S.typh")
    fit = fit_conditional_logistic(frame, case="case", matched_set="set", covariates=["abroad"])
    agree("clogit_Styph_INFINITE", "finite estimate", fit.reasons != (Reason.SEPARATION,), wanted["finite_mle"])
    assert np.isnan(fit.coefficients[0])
    low, high = fit.profile_interval("abroad")
    assert high == np.inf
    assert 0.0 < low < 2.0
