"""Preference score, area under the curve, equipoise and trimming: by hand, by brute force, and refusals."""

import numpy as np
import pandas as pd
import pytest

from equipoise import DesignError, Reason
from equipoise.estimators.propensity_scores import area_under_curve, assess_propensity, trim
from tests.estimators.weighted_data import people, propensity

PEOPLE = people()


@pytest.mark.parametrize("decimals", [1, 2, 16])
def test_the_area_is_the_share_of_pairs_in_order_and_its_error_delongs(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    arm = rng.random(120) < 0.4
    score = np.round(rng.random(120) + 0.3 * arm, decimals)
    high, low = score[arm][:, None], score[~arm][None]
    pairs = (high > low) + 0.5 * (high == low)
    area, error = area_under_curve(score, arm)
    assert area == pytest.approx(pairs.mean(), rel=1e-14)
    wanted = pairs.mean(1).var(ddof=1) / arm.sum() + pairs.mean(0).var(ddof=1) / (~arm).sum()
    assert error == pytest.approx(np.sqrt(wanted), rel=1e-12)


def test_preference_scores_by_hand() -> None:
    """Walker 2013: logit F = logit S - logit P; with a quarter treated, odds are multiplied by three."""
    data = {"drug": [1, 0, 0, 0], "score": [0.25, 0.5, 0.1, 0.04]}
    found = assess_propensity(data, arm="drug", score="score")
    np.testing.assert_allclose(found.preference, [0.5, 0.75, 0.25, 1.0 / 9.0])
    assert found.equipoise == 0.25
    assert found.tidy()["target"].tolist() == [1]
    assert "25.0 %" in repr(found)


def test_preference_scores_on_the_limits_are_in_equipoise() -> None:
    data = {"drug": [1, 0, 1, 0], "score": [0.3, 0.7, 0.2, 0.8]}
    assert assess_propensity(data, arm="drug", score="score").equipoise == 0.5
    assert trim(data, arm="drug", score="score", equipoise=(0.3, 0.7)).keep.tolist() == [True, True, False, False]


def test_turning_the_arms_turns_area_and_preference() -> None:
    score = propensity(PEOPLE).fitted_values
    one = assess_propensity(PEOPLE, arm="drug", score=score)
    two = assess_propensity(PEOPLE, arm=1.0 - PEOPLE["drug"], score=1.0 - score)
    assert one.auc == pytest.approx(two.auc)
    assert one.auc_std_error == pytest.approx(two.auc_std_error)
    np.testing.assert_allclose(one.preference, 1.0 - two.preference, rtol=1e-10)


def test_one_arm_empty_is_a_reason() -> None:
    found = assess_propensity({"drug": [0, 0], "score": [0.2, 0.4]}, arm="drug", score="score")
    assert found.reason is Reason.ONE_ARM_EMPTY
    assert np.isnan(found.auc)
    assert np.isnan(found.equipoise)
    assert "ONE_ARM_EMPTY" in repr(found)
    assert found.tidy()["reason"].tolist() == ["ONE_ARM_EMPTY"]
    left = trim({"drug": [0, 0], "score": [0.2, 0.4]}, arm="drug", score="score", fraction=0.1)
    assert left.reason is Reason.ONE_ARM_EMPTY
    assert not left.keep.any()


def test_trimming_by_fraction_takes_the_far_end_of_each_arm() -> None:
    data = {"drug": [1] * 5 + [0] * 5, "score": [0.1, 0.3, 0.5, 0.7, 0.9, 0.05, 0.2, 0.4, 0.6, 0.8]}
    made = trim(pd.DataFrame(data), arm="drug", score="score", fraction=0.25)
    assert (made.low, made.high) == (0.3, 0.6)
    assert made.frame()["score"].tolist() == [0.3, 0.5, 0.4, 0.6]
    assert "4 of 10 persons left" in repr(made)


def test_trimming_by_score_and_preference_keeps_the_limits() -> None:
    data = {"drug": [1, 0], "score": [0.3, 0.7], "day": [3, 4], "died": [1, 0]}
    assert trim(data, arm="drug", score="score", bounds=(0.3, 0.7)).keep.tolist() == [True, True]
    made = trim(data, arm="drug", score="score", equipoise=(0.25, 0.6))
    assert made.keep.tolist() == [True, False]
    assert made.reason is Reason.ONE_ARM_EMPTY
    assert len(made.analysis_set(event="died", stop="day")) == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fraction": 0.05, "bounds": (0.1, 0.9)},
        {"fraction": 0.5},
        {"fraction": 0.0},
        {"bounds": (0.9, 0.1)},
        {"bounds": (0.1, 1.1)},
        {"equipoise": 0.3},
    ],
)
def test_rules_that_are_none_are_refused(options: dict) -> None:
    with pytest.raises(DesignError):
        trim(PEOPLE, arm="drug", score=propensity(PEOPLE), **options)
