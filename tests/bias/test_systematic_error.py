"""`fit_systematic_error`: known truth, derivatives by differences, boundaries, what cannot be told, refusals."""

import math

import numpy as np
import pytest

from equipoise import DesignError, Reason, UnsupportedError, fit_null, fit_systematic_error
from equipoise.bias.systematic_error import _Problem, model_of

RNG = np.random.default_rng(11)
TRUTH = np.repeat([0.0, math.log(1.5), math.log(2), math.log(4)], 25)
S = RNG.uniform(0.05, 0.4, 100)
Y = RNG.normal(0.1 + 0.95 * TRUTH, np.sqrt((0.1 + 0.1 * TRUTH) ** 2 + S**2))


@pytest.mark.parametrize("sd_scale", ["linear", "log_linear"])
def test_no_nearby_model_is_more_likely(sd_scale: str) -> None:
    model = fit_systematic_error(Y, S, TRUTH, sd_scale=sd_scale)  # type: ignore[arg-type]
    problem = _Problem(Y, S**2, TRUTH, TRUTH, sd_scale == "linear")
    gradient, hessian = problem.derivatives(model.parameters)
    assert gradient == pytest.approx(np.zeros(4), abs=1e-7)
    assert (np.linalg.eigvalsh(hessian) > 0).all()
    assert model.covariance == pytest.approx(np.linalg.inv(hessian))
    assert -problem.value(model.parameters) == model.log_likelihood
    for move in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        assert problem.value(model.parameters + move) > problem.value(model.parameters)


@pytest.mark.parametrize("linear", [True, False])
def test_derivatives_against_differences(linear: bool) -> None:
    problem = _Problem(Y, S**2, TRUTH, TRUTH, linear)
    at = np.array([0.1, 0.9, 0.12 if linear else -2.0, 0.05])
    gradient, hessian = problem.derivatives(at)
    steps = 1e-6 * np.eye(4)
    assert gradient == pytest.approx([(problem.value(at + e) - problem.value(at - e)) / 2e-6 for e in steps], rel=1e-4)
    by_hand = [(problem.derivatives(at + e)[0] - problem.derivatives(at - e)[0]) / 2e-6 for e in steps]
    np.testing.assert_allclose(hessian, by_hand, rtol=1e-6)


def test_controls_that_agree_leave_no_spread() -> None:
    model = fit_systematic_error(TRUTH + 0.2, S, TRUTH)
    assert model.reason is Reason.BOUNDARY
    assert (model.mean_intercept, model.mean_slope) == (pytest.approx(0.2), pytest.approx(1.0))
    assert model.sd(TRUTH) == pytest.approx(np.zeros(100), abs=1e-5)
    assert np.isnan(model.covariance).all()
    assert "BOUNDARY" in repr(model)


def test_the_sd_is_never_negative_at_a_control() -> None:
    spread = np.where(TRUTH == 0.0, 0.4, 0.0)
    y = TRUTH + spread * np.tile([-1.0, 1.0], 50)
    model = fit_systematic_error(y, np.full(100, 0.01), TRUTH)
    line = model.sd_intercept + model.sd_slope * TRUTH
    assert line.min() >= -1e-12


def test_missing_controls_are_counted_and_too_few_have_a_reason() -> None:
    y, truth = Y.copy(), TRUTH.copy()
    y[3], truth[4] = math.nan, math.nan
    model = fit_systematic_error(y, S, truth)
    kept = np.isfinite(y) & np.isfinite(truth)
    assert (model.controls, model.unusable) == (98, 2)
    assert model.parameters.tolist() == fit_systematic_error(y[kept], S[kept], truth[kept]).parameters.tolist()
    for few in (fit_systematic_error(Y[:3], S[:3], TRUTH[:3]), fit_systematic_error(Y[:20], S[:20], TRUTH[:20])):
        assert few.reason is Reason.NOT_IDENTIFIED
        assert np.isnan(few.parameters).all()


def test_a_null_as_a_model_has_slopes_one_and_zero() -> None:
    null = fit_null(Y[:25], S[:25])
    assert model_of(null).parameters.tolist() == [null.mean, 1.0, null.sd, 0.0]


def test_tidy_names_what_is_estimated() -> None:
    model = fit_systematic_error(Y, S, TRUTH)
    assert model.tidy()["term"].tolist() == ["mean_intercept", "mean_slope", "sd_intercept", "sd_slope"]
    assert model.tidy()["std_error"].tolist() == np.sqrt(np.diag(model.covariance)).tolist()
    assert "|t|" in repr(model)
    assert "log sd" in repr(fit_systematic_error(Y, S, TRUTH, sd_scale="log_linear"))


def test_unknown_scales_and_other_lengths_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="log_linear"):
        fit_systematic_error(Y, S, TRUTH, sd_scale="quadratic")  # type: ignore[arg-type]
    with pytest.raises(DesignError, match="100, as in log_estimates"):
        fit_systematic_error(Y, S, TRUTH[:5])


@pytest.mark.slow
def test_parameters_and_their_errors_over_many_samples() -> None:
    rng = np.random.default_rng(6)
    truth = np.repeat([0.0, 0.4, 0.7, 1.4], 40)
    expected = np.array([0.1, 0.95, 0.2, 0.1])
    found, errors = [], []
    for _ in range(200):
        s = rng.uniform(0.05, 0.3, 160)
        model = fit_systematic_error(rng.normal(0.1 + 0.95 * truth, np.hypot(0.2 + 0.1 * truth, s)), s, truth)
        found.append(model.parameters)
        errors.append(np.sqrt(np.diag(model.covariance)))
    spread = np.std(found, axis=0)
    assert (np.abs(np.mean(found, axis=0) - expected) < 4 * spread / math.sqrt(200) + 0.01).all()
    assert np.nanmean(errors, axis=0) == pytest.approx(spread, rel=0.2)
