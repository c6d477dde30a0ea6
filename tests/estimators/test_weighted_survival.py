"""Weighted survival curves: identities with fit_survival_curve, and errors against numerical influence."""

import numpy as np
import pytest

from equipoise import Reason, UnsupportedError, fit_logistic, fit_survival_curve
from equipoise.estimators.weighted_survival import fit_weighted_survival_curve
from equipoise.estimators.weighting import Weighting, weigh
from tests.estimators.weighted_data import people, propensity, weighted

ROUNDING = 1e-12
ROOT_OF_ROUNDING = 1e-8  # of a variance that is zero, where a curve has come down to 0


def rows(late: bool) -> dict[str, np.ndarray]:
    data = people(250, seed=3)
    entry = np.floor(data["day"] * np.random.default_rng(2).random(250) * (np.arange(250) % 3 == 0))
    return {**data, "entry": np.minimum(entry, data["day"] - 1.0)} if late else data


def columns(late: bool) -> dict[str, str]:
    return {"time": "day", "event": "died", **({"start": "entry"} if late else {})}


@pytest.mark.parametrize("late", [False, True])
def test_with_the_score_known_the_curve_is_that_of_fit_survival_curve(late: bool) -> None:
    data = rows(late)
    made = weighted(data)
    found = fit_weighted_survival_curve(made, variance="robust", **columns(late))
    own = fit_survival_curve({**data, "w": made.weights}, by="drug", weights="w", robust=True, **columns(late))
    for g in (0, 1):
        np.testing.assert_array_equal(found.curves[g].survival, own.curves[g].survival)
        np.testing.assert_allclose(found.std_errors[g], own.std_errors[g], rtol=ROUNDING)
    assert "score taken as known" in found.variance


def influence(made: Weighting, data: dict, late: bool, what) -> np.ndarray:
    """Of each person on `what` of the two curves, by differences: through the own weight, and through the weights of
    all, which move with the propensity coefficients refitted with the person counted a little more."""
    x, arm, step = made.rows.model.x, made.arm, 1e-4

    def value(weights: np.ndarray) -> np.ndarray:
        curve = fit_survival_curve({**data, "w": weights}, by="drug", weights="w", **columns(late))
        return what(curve)

    out = []
    for i in range(0, len(arm), 25):
        ends = []
        for sign in (1.0, -1.0):
            counted = np.ones(len(arm))
            counted[i] += sign * step
            again = fit_logistic(x[:, 1:], outcome=arm, weights=counted).coefficients
            ends.append(value(made.rule.apply(x @ again, arm).weights * counted))
        out.append((ends[0] - ends[1]) / (2.0 * step))
    return np.array(out)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_influence_on_survival_is_that_of_counting_a_person_more(late: bool, estimand: str) -> None:
    data = rows(late)
    made = weighted(data, estimand)
    curve = fit_weighted_survival_curve(made, **columns(late))
    errors, day = curve.errors, 30.0
    place = int(errors.rows.grid.place_at(day))
    scores = np.zeros((250, 2))
    for g in (0, 1):
        scores[errors.rows.members(g), g] = errors._derivatives(g, place)
    found = scores * made.weights[:, None] + made.nuisance().correction(scores)
    numerical = influence(made, data, late, lambda c: c.survival_at(day)["estimate"].to_numpy())
    np.testing.assert_allclose(found[::25], numerical, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(curve.covariance_at(day), found.T @ found, rtol=ROUNDING)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("options", [{}, {"stabilised": True}, {"truncate_at": 2.0}, {"estimand": "overlap"}])
def test_errors_at_every_time_are_those_of_single_times(late: bool, options: dict) -> None:
    data = rows(late)
    curve = fit_weighted_survival_curve(weighted(data, **options), **columns(late))
    for g in (0, 1):
        times = curve.errors.rows.grid.times[curve.curves[g].place]
        single = [curve.covariance_at(float(day))[g, g] ** 0.5 for day in times]
        np.testing.assert_allclose(curve.std_errors[g][0], single, rtol=1e-7, atol=ROOT_OF_ROUNDING)
    at = curve.survival_at(30.0)["std_error"].to_numpy()
    difference = curve.compare_at(30.0)["std_error"].to_numpy()[0]
    covariance = curve.covariance_at(30.0)
    np.testing.assert_allclose(at**2, covariance.diagonal(), rtol=1e-7)
    assert difference**2 == pytest.approx(covariance.sum() - 4.0 * covariance[0, 1], rel=1e-7)


def test_stabilised_weights_give_the_curves_and_errors_of_the_others() -> None:
    data = rows(False)
    plain, stabilised = (
        fit_weighted_survival_curve(weighted(data, stabilised=s), **columns(False)) for s in (False, True)
    )
    for g in (0, 1):
        np.testing.assert_allclose(
            plain.std_errors[g][0], stabilised.std_errors[g][0], rtol=1e-9, atol=ROOT_OF_ROUNDING
        )


def test_without_censoring_survival_is_one_less_the_weighted_risk() -> None:
    data = {**rows(False), "died": np.ones(250)}
    made = weighted(data)
    curve = fit_weighted_survival_curve(made, **columns(False))
    risk = data["day"] <= 40.0
    side = np.column_stack([~made.arm, made.arm])
    w = np.where(side, made.weights[:, None], 0.0)
    mean = (w * risk[:, None]).sum(0) / w.sum(0)
    residual = np.where(side, risk[:, None] - mean, 0.0)
    influence_of_each = (w * residual / w.sum(0)) + made.nuisance().correction(residual) / w.sum(0)
    np.testing.assert_allclose(curve.survival_at(40.0)["estimate"], 1.0 - mean, rtol=1e-10)
    np.testing.assert_allclose(curve.covariance_at(40.0), influence_of_each.T @ influence_of_each, rtol=1e-8)


def test_the_area_up_to_a_time_before_the_first_event_is_known() -> None:
    data = rows(False)
    table = fit_weighted_survival_curve(weighted(data), **columns(False)).restricted_mean(0.5)
    assert table["estimate"].tolist() == [0.5, 0.5, 0.0]
    np.testing.assert_allclose(table["std_error"], 0.0, atol=1e-15)


def test_one_arm_empty_and_unknown_variances() -> None:
    data = {"drug": [1, 1], "score": [0.5, 0.4], "day": [3.0, 5.0], "died": [1, 0]}
    curve = fit_weighted_survival_curve(weigh(data, arm="drug", score="score"), time="day", event="died")
    found = curve.survival_at(3.0)
    assert found["reason"].tolist() == [Reason.ONE_ARM_EMPTY, None]
    assert found["estimate"].tolist()[1] == 0.5
    known = weigh(rows(False), arm="drug", score=propensity(rows(False)).fitted_values)
    with pytest.raises(UnsupportedError, match="variance"):
        fit_weighted_survival_curve(known, variance="influence", time="day", event="died")
    with pytest.raises(UnsupportedError, match="bootstrap"):
        fit_weighted_survival_curve(known, variance="bootstrap", time="day", event="died")
