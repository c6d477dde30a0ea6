"""weigh: what weights add up to, what truncation does, what is refused, and what one arm empty gives."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import AnalysisSet, DesignError, Reason, UnsupportedError, fit_logistic
from equipoise.analysis_set import Column
from equipoise.estimators.average_effect import fit_average_effect
from equipoise.estimators.weighted_models import fit_weighted
from equipoise.estimators.weighted_survival import fit_weighted_survival_curve
from equipoise.estimators.weighting import weigh
from tests.estimators.weighted_data import COVARIATES, people, propensity, weighted

PEOPLE = people()
FOUR = {"drug": [1, 1, 0, 0], "score": [0.8, 0.5, 0.5, 0.2]}


@pytest.mark.parametrize(
    ("estimand", "weights"),
    [
        ("ATE", [1.25, 2.0, 2.0, 1.25]),
        ("ATT", [1.0, 1.0, 1.0, 0.25]),
        ("ATC", [0.25, 1.0, 1.0, 1.0]),
        ("overlap", [0.2, 0.5, 0.5, 0.2]),
        ("matching", [0.25, 1.0, 1.0, 0.25]),
    ],
)
def test_weights_of_four_persons(estimand: str, weights: list[float]) -> None:
    np.testing.assert_allclose(weigh(FOUR, arm="drug", score="score", estimand=estimand).weights, weights, rtol=1e-15)


def test_overlap_weights_of_a_logistic_model_balance_its_covariates_exactly() -> None:
    """Li, Morgan, Zaslavsky 2018, theorem 3."""
    made = weighted(PEOPLE, "overlap")
    for name in COVARIATES:
        means = [np.average(PEOPLE[name][s], weights=made.weights[s]) for s in (made.arm, ~made.arm)]
        assert means[0] == pytest.approx(means[1], abs=1e-10)


def test_stabilised_weights_are_the_others_times_the_share_of_the_arm() -> None:
    plain, stabilised = weighted(PEOPLE), weighted(PEOPLE, stabilised=True)
    share = np.where(plain.arm, plain.arm.mean(), 1.0 - plain.arm.mean())
    np.testing.assert_allclose(stabilised.weights, plain.weights * share, rtol=1e-15)
    assert stabilised.effective_sizes() == pytest.approx(plain.effective_sizes(), rel=1e-12)


def test_truncation_at_percentiles_takes_weights_that_occur_and_counts() -> None:
    plain, cut = weighted(PEOPLE), weighted(PEOPLE, truncate_percentile=(5, 95))
    ordered = np.sort(plain.weights)
    low, high = ordered[19], ordered[379]  # ranks 0.05 * 400 and 0.95 * 400
    np.testing.assert_array_equal(cut.weights, np.clip(plain.weights, low, high))
    assert (cut.truncation.low, cut.truncation.high) == (low, high)
    assert (cut.truncation.below, cut.truncation.above) == (19, 20)
    assert "truncated at percentiles 5 and 95: 19 raised" in repr(cut)


def test_truncation_at_a_value() -> None:
    cut = weigh(FOUR, arm="drug", score="score", truncate_at=1.5)
    assert cut.weights.tolist() == [1.25, 1.5, 1.5, 1.25]
    assert (cut.truncation.above, cut.truncation.high) == (2, 1.5)


def test_truncation_for_the_att_leaves_the_target_arm_at_one() -> None:
    cut = weigh(FOUR, arm="drug", score="score", estimand="ATT", truncate_at=0.5)
    assert cut.weights.tolist() == [1.0, 1.0, 0.5, 0.25]
    half = weighted(PEOPLE, "ATT", truncate_percentile=90)
    assert half.truncation.above == round(0.1 * int((~half.arm).sum()))


def test_summary_and_effective_sizes_by_hand() -> None:
    made = weigh(pd.DataFrame(FOUR), arm="drug", score="score")
    table = made.summary()
    assert table["arm"].tolist() == ["reference", "target"]
    assert table["sum"].tolist() == [3.25, 3.25]
    assert table["effective_size"].tolist() == pytest.approx([3.25**2 / (4.0 + 1.25**2)] * 2)
    assert isinstance(weigh(pl.DataFrame(FOUR), arm="drug", score="score").summary(), pl.DataFrame)


def test_the_frame_comes_back_with_its_weights() -> None:
    table = pd.DataFrame(FOUR, index=[9, 8, 7, 6])
    found = weigh(table, arm="drug", score="score").frame(weight="w")
    assert found["w"].tolist() == [1.25, 2.0, 2.0, 1.25]
    assert found.index.tolist() == [9, 8, 7, 6]


def analysis_set(weight: float = 1.0) -> AnalysisSet:
    return AnalysisSet(
        person=np.arange(4),
        event=np.array([1, 0, 1, 0], np.int8),
        start=np.zeros(4, np.int32),
        stop=np.array([5, 9, 4, 8], np.int32),
        weight=np.full(4, weight),
        x=np.arange(4.0)[:, None],
        columns=(Column("age", "covariate"),),
        arm=np.array(FOUR["drug"], np.int8),
    )


def test_an_analysis_set_in_gives_one_with_arm_and_weights_out() -> None:
    made = weigh(analysis_set(), score=np.array(FOUR["score"])).analysis_set()
    assert made.names == ("arm", "age")
    assert made.weight.tolist() == [1.25, 2.0, 2.0, 1.25]
    with pytest.raises(UnsupportedError, match="weights already"):
        weigh(analysis_set(2.0), score=np.array(FOUR["score"]))


@pytest.mark.parametrize("score", [0.0, 1.0, 1.5, -0.2])
def test_scores_that_are_no_probabilities_inside_0_and_1_are_refused(score: float) -> None:
    with pytest.raises(DesignError, match="1 of 4 values are not strictly between 0 and 1"):
        weigh({**FOUR, "score": [score, 0.5, 0.5, 0.2]}, arm="drug", score="score")


def test_arms_without_any_overlap_are_refused() -> None:
    data = {"drug": np.repeat([0, 1], 20), "x": np.arange(40.0)}
    with pytest.raises(DesignError, match="not strictly between 0 and 1"):
        weigh(data, arm="drug", score=fit_logistic(data, outcome="drug", covariates=["x"]))


def test_weights_too_large_to_be_squared_are_refused_and_large_ones_kept() -> None:
    with pytest.raises(DesignError, match="weights exceed 1e"):
        weigh({**FOUR, "score": [1e-150, 0.5, 0.5, 0.2]}, arm="drug", score="score")
    made = weigh({**FOUR, "score": [1e-30, 0.5, 0.5, 0.2]}, arm="drug", score="score")
    assert made.effective_sizes()[0] == pytest.approx(1.0)
    fit = fit_average_effect(made, outcome=np.array([3.0, 1.0, 1.0, 1.0]))
    assert fit.mean_target == pytest.approx(3.0)


def test_a_model_of_something_else_than_the_arm_is_refused() -> None:
    fit = fit_logistic(PEOPLE, outcome="ill", covariates=["age"])
    with pytest.raises(DesignError, match="a model of another outcome"):
        weigh(PEOPLE, arm="drug", score=fit)


def test_a_model_that_did_not_converge_is_refused() -> None:
    fit = propensity(PEOPLE)
    stopped = replace(fit, convergence=replace(fit.convergence, converged=False))
    with pytest.raises(DesignError, match="did not converge"):
        weigh(PEOPLE, arm="drug", score=stopped)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"estimand": "LATE"}, UnsupportedError),
        ({"estimand": "ATT", "stabilised": True}, UnsupportedError),
        ({"truncate_at": 3, "truncate_percentile": 99}, DesignError),
        ({"truncate_percentile": 1}, DesignError),
        ({"truncate_percentile": (60, 40)}, DesignError),
        ({"truncate_at": -1.0}, DesignError),
        ({"truncate_at": "large"}, DesignError),
        ({"truncate_at": True}, DesignError),
    ],
)
def test_options_that_are_none_are_refused(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        weigh(FOUR, arm="drug", score="score", **options)


def test_one_arm_empty_is_a_reason() -> None:
    made = weigh({"drug": [1, 1], "score": [0.4, 0.6], "ill": [1, 0]}, arm="drug", score="score")
    assert made.reason is Reason.ONE_ARM_EMPTY
    assert made.effective_sizes() == (0.0, 0.0)
    assert "ONE_ARM_EMPTY" in repr(made)
    fit = fit_average_effect(made, outcome="ill")
    assert fit.reasons == (Reason.ONE_ARM_EMPTY,)
    assert np.isnan(fit.coefficients[0])
    assert np.isnan(made.summary()["smallest"][0])


def test_an_arm_of_one_person_has_a_mean_but_no_variance() -> None:
    made = weigh({"drug": [1, 0, 0], "score": [0.5] * 3, "y": [3.0, 1.0, 2.0]}, arm="drug", score="score")
    for variance in ("robust", "HC3"):
        fit = fit_average_effect(made, outcome="y", variance=variance)
        assert fit.coefficients[0] == 1.5
        assert np.isnan(fit.std_errors[0])
        assert "an arm has one person" in repr(fit)


def test_something_else_than_a_weighting_is_refused() -> None:
    for function in (lambda given: fit_weighted(given, fit_logistic), fit_weighted_survival_curve):
        with pytest.raises(DesignError, match="what weigh returns"):
            function(propensity(PEOPLE))


def test_repr_says_whom_the_arms_stand_for_and_whether_the_score_is_known() -> None:
    assert "score taken as known" in repr(weigh(FOUR, arm="drug", score="score"))
    text = repr(weighted(PEOPLE, "ATT"))
    assert "persons like those of the target arm" in text
    assert "estimated by a model that variances account for" in text


def test_row_order_changes_nothing() -> None:
    order = np.random.default_rng(0).permutation(400)
    turned = {name: values[order] for name, values in PEOPLE.items()}
    np.testing.assert_allclose(weighted(turned).weights, weighted(PEOPLE).weights[order], rtol=1e-9)
    first, second = (fit_average_effect(weighted(data), outcome="cost").std_errors for data in (PEOPLE, turned))
    assert first == pytest.approx(second, rel=1e-9)


def test_the_score_of_a_fit_is_its_fitted_values() -> None:
    fit = propensity(PEOPLE)
    by_hand = weigh(PEOPLE, arm="drug", score=fit.fitted_values)
    np.testing.assert_array_equal(weighted(PEOPLE).weights, by_hand.weights)
    assert not by_hand.knows_its_model
