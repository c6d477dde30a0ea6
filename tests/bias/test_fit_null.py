"""`fit_null`: by hand, limits against brute force, posterior against a plain grid, refusals, coverage."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import DesignError, EmpiricalNull, Reason, UnsupportedError, fit_null
from equipoise.bias.magnitude import expected_absolute_error

Y = np.array([0.4, -0.1, 0.7, 0.2, 1.1, 0.3, 0.05])
S = np.array([0.1, 0.2, 0.15, 0.3, 0.4, 0.12, 0.25])
CHI2 = 1.959963984540054**2


def log_likelihood(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    variance = S**2 + np.asarray(sd)[..., None] ** 2
    return -0.5 * (np.log(2 * np.pi * variance) + (Y - np.asarray(mean)[..., None]) ** 2 / variance).sum(-1)


def test_equal_errors_by_hand() -> None:
    null = fit_null([-1.0, 1.0, -3.0, 3.0], [1.0] * 4)
    assert (null.mean, null.sd) == (pytest.approx(0.0, abs=1e-15), pytest.approx(2.0))
    assert null.expected_absolute_systematic_error() == pytest.approx(2.0 * math.sqrt(2 / math.pi))
    assert null.controls == 4


def test_the_mean_of_a_folded_normal() -> None:
    draws = np.random.default_rng(3).normal(0.3, 0.5, 2_000_000)
    assert expected_absolute_error(np.float64(0.3), np.float64(0.5)) == pytest.approx(np.abs(draws).mean(), abs=2e-3)
    assert expected_absolute_error(np.array([-0.2, 0.2]), np.zeros(2)).tolist() == [0.2, 0.2]


def test_limits_are_the_extremes_of_the_region() -> None:
    null = fit_null(Y, S)
    mean, sd = np.meshgrid(np.linspace(-0.5, 1.5, 1_501), np.linspace(0.0, 1.5, 1_501))
    inside = 2 * (null.log_likelihood - log_likelihood(mean, sd)) <= CHI2
    ease = expected_absolute_error(mean, sd)
    for limits, values in (
        (null.mean_limits, mean),
        (null.sd_limits, sd),
        (null.expected_absolute_systematic_error_limits(), ease),
    ):
        assert limits == (
            pytest.approx(values[inside].min(), abs=3e-3),
            pytest.approx(values[inside].max(), abs=3e-3),
        )
    narrow, wide = (null.expected_absolute_systematic_error_limits(level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < null.expected_absolute_systematic_error() < narrow[1] < wide[1]


def test_the_posterior_is_that_of_a_plain_grid() -> None:
    null = fit_null(Y, S, method="posterior")
    mean, log_precision = np.meshgrid(np.linspace(-2, 3, 1_001), np.linspace(-6, 14, 1_001))
    sd = np.exp(-log_precision / 2)
    density = log_likelihood(mean, sd) + 1e-4 * log_precision - 1e-4 * np.exp(log_precision)
    weight = np.exp(density - density.max()).ravel()
    for values, found in (
        (mean, (null.mean_limits[0], null.mean, null.mean_limits[1])),
        (sd, (null.sd_limits[0], null.sd, null.sd_limits[1])),
        (
            expected_absolute_error(mean, sd),
            (
                null.expected_absolute_systematic_error_limits()[0],
                null.expected_absolute_systematic_error(),
                null.expected_absolute_systematic_error_limits()[1],
            ),
        ),
    ):
        order = np.argsort(values.ravel())
        below = np.cumsum(weight[order]) / weight.sum()
        expected = [values.ravel()[order][np.searchsorted(below, share)] for share in (0.025, 0.5, 0.975)]
        assert found == pytest.approx(expected, abs=0.01)


def test_shifting_and_reversing_controls_shifts_and_reverses_the_null() -> None:
    null, moved, mirrored = fit_null(Y, S), fit_null(Y + 0.3, S), fit_null(-Y[::-1], S[::-1])
    assert (moved.mean, moved.sd) == (pytest.approx(null.mean + 0.3), pytest.approx(null.sd))
    assert (mirrored.mean, mirrored.sd) == (pytest.approx(-null.mean), pytest.approx(null.sd))


def test_what_cannot_be_used_is_counted_and_left_out() -> None:
    y = pd.Series([*Y, math.nan, math.inf, 0.1])
    s = pd.Series([*S, 0.1, 0.1, math.inf])
    null = fit_null(y, s)
    assert (null.mean, null.sd, null.controls, null.unusable) == (*_numbers(fit_null(Y, S)), 7, 3)
    assert "3 without a usable estimate left out" in repr(null)
    assert _numbers(fit_null(pl.Series(Y), pl.Series(S))) == _numbers(fit_null(Y, S))


def _numbers(null: EmpiricalNull) -> tuple[float, float]:
    return null.mean, null.sd


@pytest.mark.parametrize(("method", "few"), [("likelihood", 0), ("posterior", 1)])
def test_too_few_controls_have_a_reason(method: str, few: int) -> None:
    null = fit_null([0.1] * few, [0.2] * few, method=method)  # type: ignore[arg-type]
    assert math.isnan(null.mean)
    assert math.isnan(null.expected_absolute_systematic_error())
    assert all(map(math.isnan, null.expected_absolute_systematic_error_limits()))
    assert null.reason is Reason.NOT_IDENTIFIED
    assert "NOT_IDENTIFIED" in repr(null)


def test_one_control_has_a_mean_and_no_limits_above() -> None:
    null = fit_null(0.1, 0.2)
    assert (null.mean, null.sd, null.sd_limits) == (pytest.approx(0.1), 0.0, (0.0, math.inf))
    assert null.reason is Reason.NOT_IDENTIFIED
    assert null.expected_absolute_systematic_error_limits() == (0.0, math.inf)


def test_controls_that_agree_have_no_spread() -> None:
    null = fit_null([0.2, 0.2, 0.2], [0.1, 0.2, 0.3])
    assert (null.mean, null.sd, null.sd_limits[0]) == (pytest.approx(0.2), 0.0, 0.0)
    assert null.expected_absolute_systematic_error() == pytest.approx(0.2)
    assert null.sd_limits[1] > 0.0


def test_a_huge_control_group_and_huge_numbers() -> None:
    rng = np.random.default_rng(1)
    s = rng.uniform(0.01, 0.5, 20_000)
    null = fit_null(rng.normal(0.1, np.sqrt(0.2**2 + s**2)), s)
    assert (null.mean, null.sd) == (pytest.approx(0.1, abs=0.01), pytest.approx(0.2, abs=0.01))
    assert fit_null([700.0, -700.0], [1e-3, 1e3]).mean == pytest.approx(700.0, rel=0.5)


@pytest.mark.parametrize(
    ("y", "s", "said"),
    [
        ([0.1, 0.2], [0.1], "1 values"),
        ([0.1, 0.2], [0.1, 0.0], "1 that are not positive"),
        ([0.1, 0.2], [-0.1, -0.2], "2 that are not positive"),
        (["a", "b"], [0.1, 0.2], "not numbers"),
        ([[0.1, 0.2]], [0.1, 0.2], "2 dimensions"),
    ],
)
def test_what_is_no_column_of_estimates_is_refused(y: object, s: object, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        fit_null(y, s)


def test_unknown_methods_and_impossible_nulls_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="likelihood, posterior"):
        fit_null(Y, S, method="mcmc")  # type: ignore[arg-type]
    with pytest.raises(DesignError, match="sd below zero"):
        EmpiricalNull(0.0, -0.1)
    assert all(map(math.isnan, EmpiricalNull(0.0, 0.1).expected_absolute_systematic_error_limits()))


def test_tidy_and_text_state_scale_and_limits() -> None:
    null = fit_null(Y, S)
    table = null.tidy().set_index("term")
    assert table.loc["sd", "conf_high"] == null.sd_limits[1]
    assert table.loc["expected_absolute_systematic_error", "estimate"] == null.expected_absolute_systematic_error()
    assert "log estimates; limits at 95 %" in repr(null)
    assert "posterior medians" in repr(fit_null(Y, S, method="posterior"))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["likelihood", "posterior"])
def test_limits_hold_the_truth_as_often_as_they_say(method: str) -> None:
    rng = np.random.default_rng(2)
    mean, sd, rounds = 0.1, 0.15, 400
    ease = float(expected_absolute_error(np.float64(mean), np.float64(sd)))
    held = np.zeros(3)
    for _ in range(rounds):
        s = rng.uniform(0.05, 0.3, 50)
        null = fit_null(rng.normal(mean, np.sqrt(sd**2 + s**2)), s, method=method)  # type: ignore[arg-type]
        limits = (null.mean_limits, null.sd_limits, null.expected_absolute_systematic_error_limits())
        held += [low <= truth <= high for (low, high), truth in zip(limits, (mean, sd, ease), strict=True)]
    assert (np.abs(held / rounds - 0.95) < 4 * math.sqrt(0.95 * 0.05 / rounds)).all()
