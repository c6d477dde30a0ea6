"""The influence-function variance of weighted estimates: closed forms, numerical derivatives, identities, refusals."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import (
    AnalysisSet,
    DesignError,
    Reason,
    UnsupportedError,
    fit_conditional_logistic,
    fit_cox,
    fit_logistic,
    fit_poisson,
)
from equipoise.analysis_set import Column
from equipoise.estimators.average_effect import fit_average_effect
from equipoise.estimators.weighted_models import _influence, fit_weighted
from equipoise.estimators.weighted_scores import model_scores
from equipoise.estimators.weighting import Weighting, weigh
from equipoise.kernels.balancing_weights import ESTIMANDS
from tests.estimators.weighted_data import people, propensity, weighted

PEOPLE = people()
ROUNDING = 1e-9
OF_DIFFERENCES = 1e-6  # what a central difference of step 1e-5 leaves


def slopes(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """The derivative of a vector function by central differences: (outputs, inputs)."""
    steps = 1e-5 * np.eye(len(at))
    return np.column_stack([(function(at + step) - function(at - step)) / 2e-5 for step in steps])


def stacked(made: Weighting, y: np.ndarray) -> np.ndarray:
    """The sandwich of all estimating equations at once, (mu_1, mu_0): bread by numerical differentiation."""
    arm, x = made.arm, made.rows.model.x
    k = x.shape[1]

    def equations(theta: np.ndarray) -> np.ndarray:
        gamma, share, means = theta[:k], theta[k], theta[k + 1 :]
        e = 1.0 / (1.0 + np.exp(-x @ gamma))
        tilt = {"ATE": 1.0, "ATT": e, "ATC": 1.0 - e, "ATO": e * (1.0 - e), "ATM": np.minimum(e, 1.0 - e)}
        w = tilt[made.estimand] / np.where(arm, e, 1.0 - e)
        if made.stabilised:
            w = w * np.where(arm, share, 1.0 - share)
        w = np.clip(w, made.truncation.low, made.truncation.high)
        ones = [w * arm * (y - means[0]), w * ~arm * (y - means[1])]
        return np.column_stack([x * (arm - e)[:, None], arm - share, *ones])

    means = fit_average_effect(made, outcome=y)
    theta = np.concatenate([made.rows.model.coefficients, [arm.mean()], [means.mean_target, means.mean_reference]])
    scores = equations(theta)
    inverse = np.linalg.inv(slopes(lambda t: equations(t).sum(axis=0), theta))
    return (inverse @ (scores.T @ scores) @ inverse.T)[-2:, -2:]


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_means_have_the_sandwich_of_the_stacked_equations(estimand: str) -> None:
    made = weighted(PEOPLE, estimand)
    covariance = stacked(made, PEOPLE["cost"])
    fit = fit_average_effect(made, outcome="cost")
    assert fit.variance == "influence-function, propensity model estimated"
    gradient = np.array([1.0, -1.0])
    assert fit.covariance[0, 0] == pytest.approx(gradient @ covariance @ gradient, rel=OF_DIFFERENCES)
    ratio = fit_average_effect(made, outcome="cost", measure="ratio")
    gradient = np.array([1.0 / fit.mean_target, -1.0 / fit.mean_reference])
    assert ratio.covariance[0, 0] == pytest.approx(gradient @ covariance @ gradient, rel=OF_DIFFERENCES)


@pytest.mark.parametrize(
    "options", [{"stabilised": True}, {"truncate_at": 2.5}, {"stabilised": True, "truncate_at": (0.6, 1.3)}]
)
def test_stabilised_and_truncated_means_have_the_sandwich_of_the_stacked_equations(options: dict) -> None:
    made = weighted(PEOPLE, **options)
    covariance = stacked(made, PEOPLE["cost"])
    fit = fit_average_effect(made, outcome="cost")
    gradient = np.array([1.0, -1.0])
    assert fit.covariance[0, 0] == pytest.approx(gradient @ covariance @ gradient, rel=OF_DIFFERENCES)


def saturated() -> tuple[dict[str, np.ndarray], Weighting]:
    data = people(300, seed=4)
    score = fit_logistic(data, outcome="drug", covariates=["sex"])
    return data, weigh(data, arm="drug", score=score)


def test_with_a_saturated_model_weighting_is_standardisation_in_estimate_and_variance() -> None:
    """mu_a is the average of the cells' means m_a(x) over everybody, and the influence of a person on it is
    [1(A = a) / P(A = a | x) (y - m_a(x)) + m_a(x) - mu_a] / n (Hahn 1998): with one binary x both are exact."""
    data, made = saturated()
    arm, sex, y = made.arm, data["sex"] == 1.0, data["cost"]
    influence, means = [], []
    for side in (arm, ~arm):
        cell = np.where(sex, y[side & sex].mean(), y[side & ~sex].mean())
        share = np.where(sex, side[sex].mean(), side[~sex].mean())
        means.append(cell.mean())
        influence.append((side / share * (y - cell) + cell - cell.mean()) / len(y))
    fit = fit_average_effect(made, outcome="cost")
    assert fit.coefficients[0] == pytest.approx(means[0] - means[1], rel=ROUNDING)
    assert fit.std_errors[0] == pytest.approx(np.sqrt(((influence[0] - influence[1]) ** 2).sum()), rel=1e-7)


def test_the_robust_variance_is_larger_for_the_ate_where_covariates_predict_the_outcome() -> None:
    made = weighted(PEOPLE)
    errors = [fit_average_effect(made, outcome="cost", variance=kind).std_errors[0] for kind in ("influence", "robust")]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize(("model", "measure"), [(fit_logistic, "odds_ratio"), (fit_poisson, "ratio")])
@pytest.mark.parametrize("options", [{}, {"stabilised": True}, {"estimand": "ATT"}])
@pytest.mark.parametrize("variance", ["influence", "robust"])
def test_a_model_of_the_arm_alone_is_the_effect_on_means(
    model: Callable, measure: str, options: dict, variance: str
) -> None:
    made = weighted(PEOPLE, **options)
    fit = fit_weighted(made, model, variance=variance, outcome="ill", covariates=["drug"])
    effect = fit_average_effect(made, outcome="ill", measure=measure, variance=variance)
    assert fit.coefficients[1] == pytest.approx(effect.coefficients[0], rel=1e-8)
    assert fit.std_errors[1] == pytest.approx(effect.std_errors[0], rel=1e-7)


MODELS = {
    "cox, efron": (fit_cox, {"time": "day", "event": "died"}),
    "cox, breslow": (fit_cox, {"time": "day", "event": "died", "ties": "breslow"}),
    "cox, strata": (fit_cox, {"time": "day", "event": "died", "strata": "sex"}),
    "logistic": (fit_logistic, {"outcome": "ill"}),
    "poisson": (fit_poisson, {"outcome": "ill", "person_time": "day"}),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", [{}, {"stabilised": True}, {"estimand": "ATO"}])
def test_estimates_move_with_the_propensity_coefficients_as_the_correction_says(name: str, options: dict) -> None:
    model, arguments = MODELS[name]
    arguments = {**arguments, "covariates": ["drug", "age"]}
    made = weighted(PEOPLE, **options)
    x, gamma = made.rows.model.x, made.rows.model.coefficients

    def refitted(at: np.ndarray) -> np.ndarray:
        weights = made.rule.apply(x @ at, made.arm).weights
        return model({**PEOPLE, "w": weights}, weights="w", **arguments).coefficients

    numerical = slopes(refitted, gamma)
    found = model_scores(fit_weighted(made, model, **arguments))
    assert found is not None
    analytical = (found.scores @ found.to_coefficients).T @ (x * made.ruled.by_logit[:, None])
    np.testing.assert_allclose(analytical, numerical, rtol=OF_DIFFERENCES * 10, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_robust_variance_is_that_of_the_model_itself(name: str) -> None:
    model, arguments = MODELS[name]
    made = weighted(PEOPLE)
    fit = fit_weighted(made, model, variance="robust", covariates=["drug", "age"], **arguments)
    own = model({**PEOPLE, "w": made.weights}, weights="w", robust=True, covariates=["drug", "age"], **arguments)
    np.testing.assert_allclose(fit.covariance, own.covariance, rtol=1e-8, atol=1e-14)
    np.testing.assert_array_equal(fit.coefficients, own.coefficients)
    assert type(fit) is type(own)
    assert "robust, score taken as known variance" in repr(fit)


def test_clusters_add_up_influences() -> None:
    made = weighted(PEOPLE)
    arguments = {"time": "day", "event": "died", "covariates": ["drug"], "variance": "robust"}
    fit = fit_weighted(made, fit_cox, cluster="family", **arguments)
    own = fit_cox(
        {**PEOPLE, "w": made.weights}, weights="w", cluster="family", time="day", event="died", covariates=["drug"]
    )
    np.testing.assert_allclose(fit.covariance, own.covariance, rtol=1e-9)


def test_terms_that_are_left_out_leave_the_others_as_they_are() -> None:
    data = {**PEOPLE, "same": np.ones(400), "twice": 2.0 * PEOPLE["drug"]}
    made = weigh(data, arm="drug", score=propensity(PEOPLE))
    for model, arguments in MODELS.values():
        alone = fit_weighted(made, model, covariates=["drug", "age"], **arguments)
        beside = fit_weighted(made, model, covariates=["drug", "same", "twice", "age"], **arguments)
        at = [beside.index_of(term) for term in alone.terms]
        np.testing.assert_allclose(beside.covariance[np.ix_(at, at)], alone.covariance, rtol=1e-8, atol=1e-14)
        assert np.isnan(beside.std_errors[beside.index_of("same")])


def test_a_redundant_covariate_of_the_propensity_model_changes_nothing() -> None:
    data = {**PEOPLE, "again": 3.0 * PEOPLE["age"] + 1e6}
    score = fit_logistic(data, outcome="drug", covariates=["age", "sex", "again"])
    found = fit_average_effect(weigh(data, arm="drug", score=score), outcome="cost")
    assert found.std_errors[0] == pytest.approx(
        fit_average_effect(weighted(PEOPLE), outcome="cost").std_errors[0], rel=1e-6
    )


def test_the_bootstrap_agrees_with_the_influence_function_and_repeats() -> None:
    made, told = weighted(people(500, seed=8)), []
    arguments = {"outcome": "ill", "covariates": ["drug"]}
    fit = fit_weighted(made, fit_logistic, **arguments)
    drawn = fit_weighted(
        made,
        fit_logistic,
        variance="bootstrap",
        replicates=300,
        seed=5,
        progress=lambda done, of: told.append((done, of)),
        **arguments,
    )
    assert told[-1] == (300, 300)
    assert drawn.variance == "bootstrap (300 replicates, propensity model refitted)"
    np.testing.assert_allclose(drawn.std_errors, fit.std_errors, rtol=0.15)  # 4 % Monte Carlo error
    effect = [
        fit_average_effect(made, outcome="ill", measure="odds_ratio", variance="bootstrap", replicates=300, seed=5)
        for _ in range(2)
    ]
    assert effect[0].std_errors[0] == effect[1].std_errors[0]
    assert effect[0].std_errors[0] == pytest.approx(
        drawn.std_errors[1], rel=0.02
    )  # one linearises, over the same draws


def test_a_bootstrap_of_a_table_and_of_a_cox_model_runs() -> None:
    table = pd.DataFrame(people(150))
    made = weigh(table, arm="drug", score=propensity(people(150)), estimand="ATM")
    fit = fit_weighted(
        made, fit_cox, variance="bootstrap", replicates=20, time="day", event="died", covariates=["drug"]
    )
    assert 0.05 < fit.std_errors[0] < 1.0


def test_outcomes_given_as_arrays_are_drawn_with_their_persons() -> None:
    made = weighted(PEOPLE)
    named, given = (
        fit_weighted(
            made, fit_logistic, variance="bootstrap", replicates=5, outcome=outcome, covariates=["drug"]
        ).covariance
        for outcome in ("ill", PEOPLE["ill"])
    )
    np.testing.assert_array_equal(named, given)


def test_bare_scores_and_penalised_models_have_no_influence_variance() -> None:
    known = weigh(PEOPLE, arm="drug", score=propensity(PEOPLE).fitted_values)
    firth = fit_logistic(PEOPLE, outcome="drug", covariates=["age", "sex"], firth=True)
    for made in (known, weigh(PEOPLE, arm="drug", score=firth)):
        for kind in ("influence", "bootstrap"):
            with pytest.raises(UnsupportedError, match="variance"):
                fit_weighted(made, fit_logistic, variance=kind, outcome="ill", covariates=["drug"])
            with pytest.raises(UnsupportedError, match="variance"):
                fit_average_effect(made, outcome="ill", variance=kind)
        assert "score taken as known" in fit_average_effect(made, outcome="ill").variance
        assert "score taken as known" in fit_weighted(made, fit_logistic, outcome="ill", covariates=["drug"]).variance


def test_matching_weights_at_a_score_of_one_half_are_refused() -> None:
    data = {"drug": np.array([1.0, 0.0] * 6), "sex": np.array([1.0, 1.0, 0.0, 0.0] * 3), "ill": np.arange(12) % 3 == 0}
    score = fit_logistic(data, outcome="drug", covariates=["sex"])
    made = weigh(data, arm="drug", score=score, estimand="ATM")
    with pytest.raises(UnsupportedError, match="no derivative"):
        fit_average_effect(made, outcome="ill")


def test_what_fit_weighted_sets_itself_or_does_not_offer_is_refused() -> None:
    made = weighted(PEOPLE)
    with pytest.raises(DesignError, match="robust"):
        fit_weighted(made, fit_logistic, robust=True, outcome="ill", covariates=["drug"])
    with pytest.raises(UnsupportedError, match="variance"):
        fit_weighted(made, fit_logistic, variance="HC2", outcome="ill", covariates=["drug"])
    with pytest.raises(UnsupportedError, match="cluster"):
        fit_weighted(made, fit_logistic, variance="bootstrap", cluster="family", outcome="ill", covariates=["drug"])
    with pytest.raises(UnsupportedError, match="without penalty"):
        fit_weighted(made, fit_logistic, outcome="ill", covariates=["drug"], firth=True)
    with pytest.raises(UnsupportedError, match="without penalty"):
        fit_weighted(made, fit_cox, time="day", event="died", covariates=["drug"], ridge=1.0)
    with pytest.raises(UnsupportedError):
        fit_average_effect(made, outcome="ill", variance="cluster")


def test_other_models_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="fit_cox, fit_logistic, fit_poisson"):
        fit_weighted(weighted(PEOPLE), fit_conditional_logistic, case="ill", matched_set="family", covariates=["drug"])


def test_no_events_one_arm_and_separation_are_reasons() -> None:
    data = {**PEOPLE, "never": np.zeros(400), "all": PEOPLE["drug"]}
    made = weigh(data, arm="drug", score=propensity(PEOPLE))
    nobody = fit_weighted(made, fit_cox, time="day", event="never", covariates=["drug"])
    assert nobody.reasons == (Reason.NO_EVENTS,)
    apart = fit_weighted(made, fit_logistic, outcome="all", covariates=["drug", "age"])
    assert Reason.SEPARATION in apart.reasons
    assert np.isnan(apart.covariance).all()
    single = weigh({**FOUR_TARGETS}, arm="drug", score="score")
    for model, arguments in ((fit_cox, {"time": "day", "event": "ill"}), (fit_logistic, {"outcome": "ill"})):
        fit = fit_weighted(single, model, covariates=["drug"], **arguments)
        assert set(fit.reasons) == {Reason.ONE_ARM_EMPTY}
        assert np.isnan(fit.coefficients).all()


FOUR_TARGETS = {"drug": [1.0] * 4, "score": [0.5] * 4, "ill": [1.0, 0.0, 1.0, 0.0], "day": [1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", [{"stabilised": True}, {"estimand": "ATT"}, {"estimand": "ATM"}])
def test_the_influence_of_a_person_is_that_of_counting_it_a_little_more(name: str, options: dict) -> None:
    """In the propensity model, in the share of the arm and in the outcome model at once."""
    model, arguments = MODELS[name]
    arguments = {**arguments, "covariates": ["drug", "age"]}
    data = people(200, seed=6)
    made, step = weighted(data, **options), 1e-4
    fit = fit_weighted(made, model, **arguments)

    def refitted(counted: np.ndarray) -> np.ndarray:
        score = fit_logistic(
            {**data, "c": counted}, outcome="drug", covariates=["age", "sex"], weights="c"
        ).fitted_values
        weights = weigh(data, arm="drug", score=score, estimand=made.estimand).weights
        if made.stabilised:
            share = np.average(made.arm, weights=counted)
            weights = weights * np.where(made.arm, share, 1.0 - share)
        return model({**data, "w": weights * counted}, weights="w", **arguments).coefficients

    found = _influence(made, model_scores(fit), True)
    for i in range(0, 200, 40):
        more, less = (np.where(np.arange(200) == i, 1.0 + sign * step, 1.0) for sign in (1.0, -1.0))
        numerical = (refitted(more) - refitted(less)) / (2.0 * step)
        np.testing.assert_allclose(found[i], numerical, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fit.covariance, found.T @ found, rtol=1e-12)


def test_entry_times_and_frames_of_every_kind() -> None:
    data = {**PEOPLE, "entry": np.floor(PEOPLE["day"] / 3.0)}
    data["entry"] = np.minimum(data["entry"], data["day"] - 1.0)
    arguments = {"time": "day", "event": "died", "start": "entry", "covariates": ["drug"]}
    fits = [
        fit_weighted(weigh(frame, arm="drug", score=propensity(PEOPLE)), fit_cox, **arguments)
        for frame in (data, pd.DataFrame(data, index=np.arange(400)[::-1]), pl.DataFrame(data))
    ]
    for fit in fits[1:]:
        assert fit.std_errors[0] == fits[0].std_errors[0]
    assert isinstance(fits[2].tidy(), pl.DataFrame)


def test_an_analysis_set_is_fitted_as_the_frame_it_could_have_been() -> None:
    named = fit_weighted(weighted(PEOPLE), fit_cox, time="day", event="died", covariates=["drug", "age"])
    held = AnalysisSet(
        person=np.arange(400),
        event=PEOPLE["died"].astype(np.int8),
        start=np.zeros(400, np.int32),
        stop=PEOPLE["day"].astype(np.int32),
        weight=np.ones(400),
        x=PEOPLE["age"][:, None],
        columns=(Column("age", "covariate"),),
        arm=PEOPLE["drug"].astype(np.int8),
    )
    made = weigh(held, score=propensity(PEOPLE))
    for variance in ("influence", "robust"):
        own = fit_weighted(made, fit_cox, variance=variance)
        wanted = fit_weighted(
            weighted(PEOPLE), fit_cox, variance=variance, time="day", event="died", covariates=["drug", "age"]
        )
        assert own.terms == ("arm", "age")
        np.testing.assert_allclose(own.coefficients, named.coefficients, rtol=1e-10)
        np.testing.assert_allclose(own.covariance, wanted.covariance, rtol=1e-9)
    drawn = fit_weighted(made, fit_cox, variance="bootstrap", replicates=30)
    np.testing.assert_allclose(drawn.std_errors, named.std_errors, rtol=0.5)


def test_a_matrix_with_arrays_beside_it() -> None:
    x = np.column_stack([PEOPLE["drug"], PEOPLE["age"]])
    made = weigh(x, arm=PEOPLE["drug"], score=propensity(PEOPLE))
    found = fit_weighted(made, fit_logistic, outcome=PEOPLE["ill"])
    named = fit_weighted(weighted(PEOPLE), fit_logistic, outcome="ill", covariates=["drug", "age"])
    np.testing.assert_allclose(found.covariance, named.covariance, rtol=1e-12)


def test_glance_names_the_variance_and_stands_a_covariance_of_zero() -> None:
    assert fit_weighted(weighted(PEOPLE), fit_logistic, outcome="ill", covariates=["drug"]).glance()["variance"][0] == (
        "influence-function, propensity model estimated"
    )
    data = {**PEOPLE, "two": np.full(400, 2.0)}
    made = weigh(data, arm="drug", score=propensity(PEOPLE))
    same = fit_weighted(made, fit_poisson, outcome="two", covariates=["drug"])
    assert same.coefficients[1] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(same.glance()["statistic_wald"][0]) or same.std_errors[1] < 1e-12
