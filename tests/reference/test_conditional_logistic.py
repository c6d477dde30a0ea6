"""fit_conditional_logistic against R's survival, on data stored here and on the public sets in the shared folder."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equipoise import AnalysisSet, Reason, fit_conditional_logistic
from equipoise.analysis_set import Column
from equipoise.estimators.fit import Fit

COEFFICIENT = 1e-8  # both solve the same equations; R's own convergence limits the rest
RELATIVE_VARIANCE = 2e-6  # 1e-6 of a standard error
LOG_LIKELIHOOD = 1e-8

HERE = Path(__file__).parent
STORED = json.loads((HERE / "conditional_logistic.json").read_text())
SHARED = Path(__file__).parents[2].parent / "shared" / "reference"


def close(fit: Fit, coefficients: list[float], variance: np.ndarray, log_likelihoods: list[float]) -> None:
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=0, atol=COEFFICIENT)
    scale = np.sqrt(np.outer(variance.diagonal(), variance.diagonal()))
    np.testing.assert_allclose(fit.covariance / scale, variance / scale, rtol=0, atol=RELATIVE_VARIANCE)
    found = [fit.log_likelihood_null, fit.log_likelihood]
    np.testing.assert_allclose(found, log_likelihoods, rtol=0, atol=LOG_LIKELIHOOD)
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
    close(fit, case["coef"], np.reshape(case["var"], (p, p)), case["loglik"])
    if variant != ["cluster"]:
        assert fit.score_statistic == pytest.approx(case["score"][0], rel=1e-8)


def test_the_robust_variance_of_exact_pairs_and_sets_is_that_of_breslow() -> None:
    """With one case a set the three likelihoods are one, so R's clustered answer holds for the exact fit too."""
    wanted = next(case for case in STORED["cases"] if case["id"] == "one_breslow_cluster")
    fit = fit_conditional_logistic(
        stored_frame("one"), case="case", matched_set="set", covariates="x + z", cluster="family"
    )
    close(fit, wanted["coef"], np.reshape(wanted["var"], (2, 2)), wanted["loglik"])


def shared_case(identity: str) -> dict:
    place = SHARED / "cases" / "02_clogit_ncc.json"
    if not place.exists():
        pytest.skip(f"the public reference answers are not at {place}")
    return next(case for case in json.loads(place.read_text())["cases"] if case["id"] == identity)


def shared_data(name: str) -> pd.DataFrame:
    return pd.read_csv(SHARED / "data" / name)


def fit_infert(covariates: str, ties: str = "exact") -> Fit:
    frame = shared_data("datasets__infert.csv")
    return fit_conditional_logistic(frame, case="case", matched_set="stratum", covariates=covariates, ties=ties)


def fit_bdendo(covariates: list[str]) -> Fit:
    frame = shared_data("Epi__bdendo.csv").dropna(subset=covariates)
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
    wanted = shared_case(identity)["result"]
    fit = PUBLIC[identity]()
    close(fit, list(wanted["coef"].values()), np.array(wanted["vcov"]), wanted["loglik"])
    np.testing.assert_allclose(fit.std_errors, list(wanted["se"].values()), rtol=1e-6)
    intervals = [(row.conf_low, row.conf_high) for row in map(fit.estimate, fit.terms)]
    np.testing.assert_allclose(intervals, list(wanted["ci95"].values()), rtol=0, atol=1e-6)
    whole = fit.glance().iloc[0]
    assert whole["statistic_ratio"] == pytest.approx(wanted["lrt"]["chisq"], abs=1e-7)
    assert whole["p_value_ratio"] == pytest.approx(wanted["lrt"]["p"], rel=1e-6)
    assert whole["statistic_score"] == pytest.approx(wanted["score"], rel=1e-8)
    assert whole["statistic_wald"] == pytest.approx(wanted["wald"]["chisq"], rel=1e-6)
    assert whole["p_value_wald"] == pytest.approx(wanted["wald"]["p"], rel=1e-6)
    assert (fit.rows, fit.events) == (wanted["n"], wanted["nevent"])


def test_an_independent_implementation_agrees_to_its_own_convergence() -> None:
    wanted = shared_case("clogistic_epi_bdendo")["result"]
    fit = fit_bdendo(["gall", "hyp", "est"])
    np.testing.assert_allclose(fit.coefficients, list(wanted["coef"].values()), rtol=0, atol=1e-5)
    assert fit.log_likelihood == pytest.approx(wanted["loglik"][1], abs=1e-8)


def test_an_aliased_term_is_named_and_the_others_are_estimated() -> None:
    """Years of education are constant in a set, so five occupation-by-education columns add up to nothing.

    Which point of the ridge the four others take depends on when R notices: at its default tolerance the fifth is held
    at zero, as here; the stored answer was made with a tighter one and holds it elsewhere. What the data determine is
    the same: the occupation terms, and differences between the education terms.
    """
    wanted = shared_case("clogit_logan")["result"]
    frame = shared_data("survival__logan_expanded.csv")
    fit = fit_conditional_logistic(frame, case="case", matched_set="id", covariates="tocc + tocc:education")
    expected = np.array([np.nan if value is None else value for value in wanted["coef"].values()])
    assert fit.reasons == (None,) * 8 + (Reason.COLLINEAR,)
    assert fit.aliases == {"tocc[sales]:education": fit.terms[4:8]}
    assert np.isnan(fit.coefficients[8])
    np.testing.assert_allclose(fit.coefficients[:4], expected[:4], rtol=0, atol=COEFFICIENT)
    np.testing.assert_allclose(np.diff(fit.coefficients[4:8]), np.diff(expected[4:8]), rtol=0, atol=COEFFICIENT)
    np.testing.assert_allclose(fit.std_errors[:8], list(wanted["se"].values())[:8], rtol=1e-6)
    at_default = [-0.332284173686, -0.370285767776, -0.422218802915, 0.278246877171]  # clogit(), no control argument
    np.testing.assert_allclose(fit.coefficients[4:8], at_default, rtol=0, atol=1e-9)
    assert fit.log_likelihood == pytest.approx(wanted["loglik"][1], abs=LOG_LIKELIHOOD)
    assert fit.rank == wanted["lrt"]["df"]


def test_an_infinite_estimate_is_flagged() -> None:
    assert shared_case("clogit_Styph_INFINITE")["result"] == {"finite_mle": False}
    frame = shared_data("Epi__S.typh.csv")
    fit = fit_conditional_logistic(frame, case="case", matched_set="set", covariates=["abroad"])
    assert fit.reasons == (Reason.SEPARATION,)
    assert np.isnan(fit.coefficients[0])
    low, high = fit.profile_interval("abroad")
    assert high == np.inf
    assert 0.0 < low < 2.0
