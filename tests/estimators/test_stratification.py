"""stratify: boundaries, weights and effects by hand; strata without an arm; refusals."""

import numpy as np
import pandas as pd
import pytest

from equipoise import AnalysisSet, DesignError, Reason, UnsupportedError, fit_cox
from equipoise.estimators.average_effect import fit_average_effect
from equipoise.estimators.stratification import stratify, stratum_weights
from tests.estimators.weighted_data import people, propensity

PEOPLE = people()
EIGHT = {
    "drug": [0, 0, 0, 1, 0, 1, 1, 1],
    "score": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
    "y": [1.0, 2.0, 3.0, 5.0, 4.0, 8.0, 9.0, 10.0],
}


def two_strata(**options):
    return stratify(EIGHT, arm="drug", score="score", strata=2, **options)


def test_two_strata_by_hand() -> None:
    made = two_strata()
    assert made.boundaries == ((0.45,),)
    assert made.stratum.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert made.counts()[["reference", "target"]].to_numpy().tolist() == [[3, 1], [1, 3]]
    fit = fit_average_effect(made, outcome="y", variance="HC0")
    assert fit.coefficients[0] == pytest.approx(((5 - 2) + (9 - 4)) / 2)


@pytest.mark.parametrize(
    ("estimand", "target", "reference"),
    [
        ("ATE", [2.0, 2.0 / 3.0], [2.0 / 3.0, 2.0]),
        ("ATT", [1.0, 1.0], [1.0 / 3.0, 3.0]),
        ("ATC", [3.0, 1.0 / 3.0], [1.0, 1.0]),
    ],
)
def test_marginal_mean_weights_by_hand(estimand: str, target: list[float], reference: list[float]) -> None:
    made = two_strata(estimand=estimand)
    arm = np.array(EIGHT["drug"]) == 1
    for stratum in (0, 1):
        inside = made.codes == stratum
        np.testing.assert_allclose(made.weights[inside & arm], target[stratum])
        np.testing.assert_allclose(made.weights[inside & ~arm], reference[stratum])


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_weighted_arms_have_the_strata_of_the_population_they_stand_for(estimand: str) -> None:
    made = stratify(PEOPLE, arm="drug", score=propensity(PEOPLE), estimand=estimand)
    population = {"ATE": np.ones(400, bool), "ATT": made.arm, "ATC": ~made.arm}[estimand]
    wanted = np.bincount(made.codes[population]) / population.sum()
    for side in (made.arm, ~made.arm):
        weight = made.weights[side]
        np.testing.assert_allclose(np.bincount(made.codes[side], weight) / weight.sum(), wanted, rtol=1e-12)
        assert weight.sum() == pytest.approx(side.sum())


def test_within_variance_by_hand() -> None:
    data = {"drug": [0, 0, 1, 1] * 2, "score": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], "y": [1, 3, 5, 9, 2, 6, 7, 7]}
    made = stratify(data, arm="drug", score="score", strata=2)
    fit = fit_average_effect(made, outcome="y")
    assert fit.variance.startswith("within-stratum")
    assert fit.std_errors[0] ** 2 == pytest.approx(0.25 * (2 / 2 + 8 / 2 + 8 / 2 + 0 / 2))


def test_a_stratum_with_one_person_of_an_arm_has_no_within_variance() -> None:
    assert np.isnan(fit_average_effect(two_strata(), outcome="y").std_errors[0])


def test_one_stratum_is_the_crude_difference() -> None:
    made = stratify(PEOPLE, arm="drug", score=propensity(PEOPLE), strata=1)
    y, arm = PEOPLE["cost"], made.arm
    fit = fit_average_effect(made, outcome="cost")
    assert fit.coefficients[0] == pytest.approx(y[arm].mean() - y[~arm].mean())
    welch = y[arm].var(ddof=1) / arm.sum() + y[~arm].var(ddof=1) / (~arm).sum()
    assert fit.std_errors[0] ** 2 == pytest.approx(welch)


def test_more_strata_leave_less_of_the_confounding() -> None:
    data = people(4000, seed=9)
    effects = [
        fit_average_effect(stratify(data, arm="drug", score=propensity(data), strata=k), outcome="cost").coefficients[0]
        for k in (1, 2, 5, 20)
    ]
    away = np.abs(np.array(effects) - 10.0)
    assert (np.diff(away) < 0.0).all()
    assert away[-1] < 2.0


def test_strata_without_an_arm_are_left_out_and_counted() -> None:
    made = stratify(EIGHT, arm="drug", score="score", strata=4)
    assert made.stratum.tolist() == [-1, -1, 1, 1, 2, 2, -1, -1]
    assert made.left_out == 4
    assert made.weights.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert "4 persons left out" in repr(made)
    frame = stratify(pd.DataFrame(EIGHT), arm="drug", score="score", strata=4).frame()
    assert frame["stratum"].tolist() == [1, 1, 2, 2]


def test_a_score_on_a_boundary_belongs_where_it_is_told_to() -> None:
    data = {"drug": [0, 1, 0, 1, 1], "score": [0.1, 0.2, 0.3, 0.4, 0.5]}
    lower, upper = (
        stratify(data, arm="drug", score="score", strata=2, boundary_in=side).codes.tolist()
        for side in ("lower", "upper")
    )
    assert (lower, upper) == ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])


def test_exact_strata_have_boundaries_of_their_own() -> None:
    made = stratify(PEOPLE, arm="drug", score=propensity(PEOPLE), strata=3, exact="sex")
    assert len(made.boundaries) == 2
    for sex in (0, 1):
        own = made.codes[PEOPLE["sex"] == sex]
        block = own.min() // 3
        assert set(own) == {3 * block, 3 * block + 1, 3 * block + 2}
        sizes = np.bincount(own)[3 * block :]
        assert sizes.max() - sizes.min() <= 1


def test_the_set_of_an_analysis_carries_strata_or_weights() -> None:
    made = stratify(PEOPLE, arm="drug", score=propensity(PEOPLE))
    stratified = made.analysis_set(event="died", stop="day")
    weighted = made.analysis_set(event="died", stop="day", weighted=True)
    assert isinstance(stratified, AnalysisSet)
    np.testing.assert_array_equal(stratified.stratum, made.codes)
    assert (stratified.weight == 1.0).all()
    assert weighted.stratum is None
    np.testing.assert_array_equal(weighted.weight, made.weights)
    own = fit_cox({**PEOPLE, "s": made.codes}, time="day", event="died", covariates=["drug"], strata="s")
    assert fit_cox(stratified).coefficients[0] == pytest.approx(own.coefficients[0], rel=1e-10)


def test_one_arm_empty_is_a_reason() -> None:
    made = stratify({"drug": [1, 1], "score": [0.2, 0.4], "y": [1, 0]}, arm="drug", score="score", strata=2)
    assert made.reason is Reason.ONE_ARM_EMPTY
    assert fit_average_effect(made, outcome="y").reasons == (Reason.ONE_ARM_EMPTY,)
    assert "ONE_ARM_EMPTY" in repr(made)


def test_one_row_and_no_rows_are_reasons() -> None:
    for rows in (0, 1):
        made = stratify({"drug": np.ones(rows), "score": np.full(rows, 0.5)}, arm="drug", score="score")
        assert made.reason is Reason.ONE_ARM_EMPTY


def test_weights_of_no_strata_at_all() -> None:
    assert stratum_weights(np.empty(0, np.int64), np.empty(0, bool), "ATE").shape == (0,)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"strata": 0}, DesignError),
        ({"strata": 2.5}, DesignError),
        ({"cut_on": "treated"}, UnsupportedError),
        ({"estimand": "ATO"}, UnsupportedError),
        ({"boundary_in": "middle"}, UnsupportedError),
    ],
)
def test_options_that_are_none_are_refused(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        stratify(EIGHT, arm="drug", score="score", **options)


def test_scores_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="quantiles of the score coincide"):
        stratify({"drug": [0, 1, 0, 1], "score": [0.5] * 4}, arm="drug", score="score", strata=3)
