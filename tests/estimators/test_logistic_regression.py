"""fit_logistic: hand-derived truth, invariances, degenerate data, bad input, and every kind of data."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from equipoise import AnalysisSet, DesignError, Reason, UnsupportedError, fit_logistic
from equipoise.analysis_set import Column
from equipoise.estimators.glm_fit import GlmFit

SAME = 1e-9  # two ways to the same maximum
TABLE = pd.DataFrame({"exposed": [1, 1, 0, 0], "case": [1, 0, 1, 0], "n": [12, 30, 5, 41]})
LOG_ODDS_RATIO = math.log(12 * 41 / (30 * 5))


def people(n: int = 200, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"age": rng.normal(60, 10, n), "female": rng.integers(0, 2, n), "site": rng.choice(list("abc"), n)}
    )
    eta = -1.0 + 0.05 * (frame["age"] - 60) + 0.6 * frame["female"]
    return frame.assign(
        case=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int), w=rng.uniform(0.2, 3, n), g=np.arange(n) // 4
    )


def fitted(data: Any, **options: Any) -> GlmFit:
    return fit_logistic(data, **({"outcome": "case", "covariates": ["age", "female", "site"]} | options))


def assert_same(one: GlmFit, other: GlmFit) -> None:
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=SAME, atol=SAME)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-6, atol=1e-12)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-10)


def test_the_two_by_two_table_by_hand() -> None:
    """Saturated: the odds ratio is the cross-product, its variance the sum of the cells' reciprocals."""
    fit = fit_logistic(TABLE, outcome="case", covariates=["exposed"], weights="n")
    assert fit.coefficients == pytest.approx([math.log(5 / 41), LOG_ODDS_RATIO], rel=1e-10)
    assert fit.std_errors == pytest.approx(
        [math.sqrt(1 / 5 + 1 / 41), math.sqrt(1 / 12 + 1 / 30 + 1 / 5 + 1 / 41)], rel=1e-7
    )
    by_hand = sum(k * math.log(k / n) for k, n in ((12, 42), (30, 42), (5, 46), (41, 46)))
    assert fit.log_likelihood == pytest.approx(by_hand)
    assert fit.deviance == pytest.approx(-2 * by_hand)
    pearson = (12 * 41 - 30 * 5) ** 2 * 88 / (42 * 46 * 17 * 71)  # the score test is Pearson's chi-squared
    assert fit.score_statistic == pytest.approx(pearson)


def test_firth_of_a_saturated_table_adds_a_half_to_every_cell() -> None:
    empty = TABLE.assign(n=[12, 0, 5, 41])
    fit = fit_logistic(empty, outcome="case", covariates=["exposed"], weights="n", firth=True)
    assert fit.coefficients[1] == pytest.approx(math.log(12.5 * 41.5 / (0.5 * 5.5)), rel=1e-9)
    assert fit.coefficients[0] == pytest.approx(math.log(5.5 / 41.5), rel=1e-9)
    assert fit.reasons == (None, None)


def test_firths_profile_limits_are_where_the_penalised_likelihood_has_fallen() -> None:
    """For the saturated table the penalised likelihood is the likelihood with a half more in every cell."""
    fit = fit_logistic(TABLE, outcome="case", covariates=["exposed"], weights="n", firth=True)
    halves = fit_logistic(TABLE.assign(n=TABLE["n"] + 0.5), outcome="case", covariates=["exposed"], weights="n")
    for term in fit.terms:
        assert fit.profile_interval(term) == pytest.approx(halves.profile_interval(term), rel=1e-7)
    ratio = fit.log_likelihood - fit.log_likelihood_null
    assert ratio == pytest.approx(halves.log_likelihood - halves.log_likelihood_null, rel=1e-8)


def test_an_intercept_alone_is_the_log_odds() -> None:
    fit = fit_logistic(TABLE, outcome="case", covariates=(), weights="n")
    assert fit.terms == ("(Intercept)",)
    assert fit.coefficients[0] == pytest.approx(math.log(17 / 71))
    assert fit.std_errors[0] == pytest.approx(math.sqrt(1 / 17 + 1 / 71))
    low, high = fit.profile_interval("(Intercept)")
    for limit in (low, high):
        p = 1 / (1 + math.exp(-limit))
        fall = fit.log_likelihood - (17 * math.log(p) + 71 * math.log(1 - p))
        assert 2 * fall == pytest.approx(1.959963984540054**2, rel=1e-8)


def test_row_order_splitting_and_whole_weights_change_nothing() -> None:
    frame = people()
    fit = fitted(frame)
    assert_same(fit, fitted(frame.sample(frac=1, random_state=1)))
    counts = np.random.default_rng(1).integers(1, 4, len(frame))
    assert_same(fitted(frame, weights=counts), fitted(frame.loc[frame.index.repeat(counts)]))
    kept = counts > 1
    assert_same(fitted(frame, weights=np.where(kept, 1.0, 0.0)), fitted(frame[kept]))


def test_weights_of_two_and_robust_errors_clustered_by_the_original_row() -> None:
    frame = people().assign(row=np.arange(200))
    twice = frame.loc[frame.index.repeat(2)]
    weighted = fitted(frame, weights=np.full(200, 2.0), cluster="row", robust="CR0")
    assert_same(weighted, fitted(twice, cluster="row", robust="CR0"))
    plain = fitted(frame, robust="HC0")
    np.testing.assert_allclose(weighted.covariance, plain.covariance, rtol=1e-6)


def test_scaling_shifting_and_recoding_covariates() -> None:
    frame = people()
    fit = fitted(frame, covariates=["age", "female"])
    moved = fitted(frame.assign(age=frame["age"] * 1000 + 2e6), covariates=["age", "female"])
    assert moved.coefficients[1] * 1000 == pytest.approx(fit.coefficients[1], rel=1e-8)
    assert moved.coefficients[0] + 2e6 * moved.coefficients[1] == pytest.approx(fit.coefficients[0], rel=1e-6)
    assert moved.std_errors[1] * 1000 == pytest.approx(fit.std_errors[1], rel=1e-7)
    turned = fit_logistic(frame.assign(case=1 - frame["case"]), outcome="case", covariates=["age", "female"])
    np.testing.assert_allclose(turned.coefficients, -fit.coefficients, rtol=1e-8)


def test_a_known_effect_as_offset_leaves_the_rest() -> None:
    frame = people()
    fit = fitted(frame, covariates=["age", "female"])
    held = fitted(frame, covariates=["female"], offset=fit.coefficients[1] * frame["age"].to_numpy())
    assert held.coefficients == pytest.approx(fit.coefficients[[0, 2]], rel=1e-7)
    assert held.log_likelihood == pytest.approx(fit.log_likelihood)


@pytest.mark.parametrize("factor", [1e-16, 1e-3, 1e8])
def test_tiny_and_huge_weights_change_the_errors_alone(factor: float) -> None:
    frame = people()
    fit, scaled = fitted(frame, weights="w"), fitted(frame, weights=frame["w"].to_numpy() * factor)
    np.testing.assert_allclose(scaled.coefficients, fit.coefficients, rtol=1e-9)
    np.testing.assert_allclose(scaled.std_errors * math.sqrt(factor), fit.std_errors, rtol=1e-7)
    for name in ("log_likelihood", "log_likelihood_null", "deviance", "null_deviance", "score_statistic"):
        assert getattr(scaled, name) == pytest.approx(getattr(fit, name) * factor, rel=1e-9)
    robust = fitted(frame, weights=frame["w"].to_numpy() * factor, robust="HC3")
    np.testing.assert_allclose(robust.covariance, fitted(frame, weights="w", robust="HC3").covariance, rtol=1e-7)


def test_profile_limits_are_those_of_the_weights_given() -> None:
    frame = people()
    whole = fitted(frame, weights=np.full(200, 64.0))
    assert whole.profile_interval("age") == pytest.approx(
        fitted(frame.loc[frame.index.repeat(64)]).profile_interval("age"), rel=1e-7
    )


KINDS = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame),
    "dict": lambda frame: {name: frame[name].to_numpy() for name in frame},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_gives_the_same_fit_and_its_own_frames(kind: str) -> None:
    frame = people()
    data = KINDS[kind](frame)
    fit = fitted(data, weights="w", cluster="g")
    assert_same(fit, fitted(frame, weights="w", cluster="g"))
    assert fit.terms == ("(Intercept)", "age", "female", "site[b]", "site[c]")
    assert isinstance(fit.tidy(), pd.DataFrame if kind == "dict" else type(data))


def test_analysis_sets_and_matrices() -> None:
    frame = people()
    n = len(frame)
    x = frame[["age", "female"]].to_numpy(float)
    design = AnalysisSet(
        person=np.arange(n) // 2,
        event=frame["case"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=np.ones(n, np.int32),
        weight=frame["w"].to_numpy(),
        x=x,
        columns=(Column("age", "covariate"), Column("female", "covariate")),
        offset=np.full(n, 0.5),
    )
    wanted = fitted(frame, covariates=["age", "female"], weights="w", offset=np.full(n, 0.5), cluster=np.arange(n) // 2)
    found = fit_logistic(design, cluster="person")
    assert_same(found, wanted)
    assert found.persons == n // 2
    matrix = fit_logistic(
        x, outcome=frame["case"].to_numpy(), weights=frame["w"].to_numpy(), offset=np.full(n, 0.5),
        covariates=["age", "female"], cluster=np.arange(n) // 2,
    )  # fmt: skip
    assert_same(matrix, wanted)


def test_an_analysis_set_with_weights_is_robust_by_person_and_one_with_strata_is_refused() -> None:
    n = 40
    rng = np.random.default_rng(1)
    design = AnalysisSet(
        person=np.arange(n) // 2,
        event=rng.integers(0, 2, n).astype(np.int8),
        start=np.zeros(n, np.int32),
        stop=np.ones(n, np.int32),
        weight=rng.uniform(0.5, 2.0, n),
        x=rng.normal(size=(n, 1)),
        columns=(Column("x", "exposure"),),
    )
    assert fit_logistic(design).variance == "cluster-robust (HC0)"
    assert fit_logistic(design, robust=False).variance == "model-based"
    assert_same(fit_logistic(design), fit_logistic(design, cluster="person"))
    matched = replace(design, stratum=np.arange(n) // 4)
    with pytest.raises(UnsupportedError, match="strata"):
        fit_logistic(matched)
    assert fit_logistic(matched, cluster="stratum").variance == "cluster-robust (HC0)"


def test_formulas_and_interactions_make_the_same_model() -> None:
    frame = people()
    by_formula = fit_logistic(frame, outcome="case", covariates="age * female + site")
    by_names = fitted(frame, interactions=[("age", "female")])
    assert by_formula.log_likelihood == pytest.approx(by_names.log_likelihood)
    assert by_formula.estimate("age:female").estimate == pytest.approx(by_names.estimate("age:female").estimate)


def test_separation_is_named_and_the_rest_is_estimated() -> None:
    """With z = 1 everybody is a case: its odds ratio is infinite, the others are those of the rows with z = 0."""
    frame = people(100).assign(z=lambda d: (np.arange(100) < 15).astype(float))
    infinite = frame["z"] == 1
    frame.loc[infinite, "case"] = 1
    fit = fitted(frame, covariates=["age", "z", "female"])
    assert dict(zip(fit.terms, fit.reasons, strict=True)) == {
        "(Intercept)": None, "age": None, "z": Reason.SEPARATION, "female": None
    }  # fmt: skip
    rest = fitted(frame[~infinite], covariates=["age", "female"])
    np.testing.assert_allclose(fit.coefficients[[0, 1, 3]], rest.coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.std_errors[[0, 1, 3]], rest.std_errors, rtol=1e-6)
    assert fit.log_likelihood == pytest.approx(rest.log_likelihood)
    low, high = fit.profile_interval("z")
    assert math.isfinite(low)
    assert high == math.inf
    fit_rows = fit.fitted_values
    assert (fit_rows[infinite] == 1.0).all()
    np.testing.assert_allclose(fit_rows[~infinite], rest.fitted_values, rtol=1e-7)
    assert not fit.residuals()[infinite].any()


def test_an_intercept_can_be_infinite_too() -> None:
    frame = people(100).assign(z=lambda d: (np.arange(100) < 80).astype(int))
    frame.loc[frame["z"] == 0, "case"] = 0
    fit = fitted(frame, covariates=["z"])
    assert fit.reasons == (Reason.SEPARATION, Reason.SEPARATION)
    assert fit.profile_interval("(Intercept)")[0] == -math.inf
    turned = fitted(frame.assign(z=1 - frame["z"]), covariates=["z"])
    assert turned.reasons == (None, Reason.SEPARATION)
    share = frame.loc[frame["z"] == 1, "case"].mean()
    assert turned.coefficients[0] == pytest.approx(math.log(share / (1 - share)))


def test_complete_separation() -> None:
    fit = fit_logistic({"x": [1.0, 2, 3, 4], "y": [0, 0, 1, 1]}, outcome="y", covariates=["x"])
    assert fit.reasons == (Reason.SEPARATION,) * 2
    assert fit.log_likelihood == 0.0
    assert fit.convergence.converged
    assert "SEPARATION" in repr(fit)


def test_constant_and_collinear_covariates_are_named() -> None:
    frame = people().assign(one=0.1, twice=lambda d: 2 * d["age"] - d["female"] + 3)
    fit = fitted(frame, covariates=["age", "one", "female", "twice"])
    assert fit.reasons == (None, None, Reason.CONSTANT, None, Reason.COLLINEAR)
    assert set(fit.aliases["twice"]) == {"age", "female"}
    plain = fitted(frame, covariates=["age", "female"])
    np.testing.assert_allclose(fit.coefficients[[0, 1, 3]], plain.coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.fitted_values, plain.fitted_values, rtol=1e-8)


@pytest.mark.parametrize(("value", "reason"), [(0, Reason.NO_EVENTS), (1, Reason.NO_CONTROLS)])
def test_an_outcome_that_does_not_vary(value: int, reason: Reason) -> None:
    fit = fitted(people().assign(case=value))
    assert fit.reasons == (reason,) * 5
    assert np.isnan(fit.coefficients).all()
    assert fit.events == 200 * value
    with pytest.raises(UnsupportedError, match="no estimates"):
        fit.residuals()
    firth = fitted(people().assign(case=value), covariates=["female"], firth=True)
    assert firth.reasons == (None, None)


@pytest.mark.parametrize("n", [0, 1])
def test_no_rows_and_one_row(n: int) -> None:
    fit = fitted(people().head(n), covariates=["age"])
    assert fit.rows == n
    assert set(fit.reasons) <= {Reason.NO_EVENTS, Reason.NO_CONTROLS}
    assert len(fit.tidy()) == 2


def test_all_weights_zero() -> None:
    fit = fitted(people(), weights=np.zeros(200))
    assert fit.rows == 0
    assert set(fit.reasons) == {Reason.NO_EVENTS}


def test_missing_values_are_counted_by_column_and_only_where_they_matter() -> None:
    frame = people().astype({"female": float})
    frame.loc[:2, "age"] = np.nan
    frame.loc[5, "female"] = np.inf
    frame["other"] = np.nan
    with pytest.raises(DesignError) as caught:
        fitted(frame)
    assert "3 missing and 0 infinite values in 200 rows" in str(caught.value)
    assert "0 missing and 1 infinite" in str(caught.value)
    assert fitted(frame, covariates=["site"]).rows == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcome": "age"}, "neither 0 nor 1"),
        ({"outcome": "nowhere"}, "not in the data frame"),
        ({"outcome": None}, "not given"),
        ({"covariates": ["nowhere"]}, "not in the data frame"),
        ({"weights": np.full(200, -1.0)}, "not zero or more"),
        ({"weights": np.ones(3)}, "one value a row"),
        ({"offset": "site"}, "numbers"),
        ({"conf_level": 95}, "between 0 and 1"),
        ({"cluster": "g", "robust": False}, "beside a cluster"),
    ],
)
def test_bad_input_is_a_design_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DesignError, match=words):
        fitted(people(), **options)


@pytest.mark.parametrize(
    "options",
    [{"robust": "HC9"}, {"cluster": "g", "robust": "HC3"}, {"robust": "CR0"}, {"firth": True, "robust": True},
     {"firth": True, "cluster": "g"}],
)  # fmt: skip
def test_what_is_not_offered_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        fitted(people(), **options)


def test_robust_fits_have_no_profile_and_unknown_residuals_are_refused() -> None:
    fit = fitted(people(), robust=True)
    with pytest.raises(UnsupportedError, match="profile"):
        fit.profile_interval("age")
    with pytest.raises(UnsupportedError, match="martingale"):
        fit.residuals("martingale")


def test_one_cluster_leaves_nothing_to_estimate_a_variance_from() -> None:
    fit = fitted(people(), cluster=np.zeros(200, int))
    assert np.isnan(fit.std_errors).all()


def test_the_tests_of_all_terms_leave_the_intercept_out() -> None:
    fit = fitted(people())
    whole = fit.glance().iloc[0]
    assert whole["df"] == 5
    assert whole["aic"] == pytest.approx(10 - 2 * fit.log_likelihood)
    at = np.arange(1, 5)
    wald = fit.coefficients[at] @ np.linalg.solve(fit.covariance[np.ix_(at, at)], fit.coefficients[at])
    assert whole["statistic_wald"] == pytest.approx(wald)
    assert whole["p_value_ratio"] == pytest.approx(
        float(np.exp(-whole["statistic_ratio"] / 2) * (1 + whole["statistic_ratio"] / 2))
    )  # chi-squared with 4 degrees of freedom
    assert whole["deviance"] == pytest.approx(-2 * fit.log_likelihood)
    assert "log odds ratio of the outcome" in repr(fit)
