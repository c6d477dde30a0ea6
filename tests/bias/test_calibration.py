"""Calibrated p-values and intervals: by hand, limits that solve their equations, refusals, simulation."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from equipoise import (
    DesignError,
    EmpiricalNull,
    UnsupportedError,
    assess_calibration,
    calibrate_intervals,
    calibrate_p_values,
    fit_null,
    fit_systematic_error,
)
from equipoise.bias.calibration import p_value_limits, traditional_p_values
from equipoise.bias.calibration_check import calibration_effect
from equipoise.bias.systematic_error import SystematicErrorModel

PHI = NormalDist().cdf
Z = 1.959963984540054
NULL = EmpiricalNull(0.2, 0.3)


def model(a: float, b: float, c: float, d: float, sd_scale: str = "linear") -> SystematicErrorModel:
    return SystematicErrorModel(a, b, c, d, sd_scale, np.full((4, 4), np.nan), 50)


def test_p_values_by_hand() -> None:
    z = (0.9 - 0.2) / math.hypot(0.3, 0.4)
    one = calibrate_p_values(NULL, [0.9], [0.4], alternative="greater")
    assert one == pytest.approx([1 - PHI(z)])
    assert calibrate_p_values(NULL, [0.9], [0.4], alternative="less") == pytest.approx([PHI(z)])
    assert calibrate_p_values(NULL, [0.9], [0.4]) == pytest.approx(2 * one)
    assert calibrate_p_values(NULL, [0.2], [0.4]) == pytest.approx([1.0])


def test_a_null_without_error_leaves_p_values_and_intervals_as_they_are() -> None:
    y, s = np.array([0.5, -1.0]), np.array([0.2, 0.3])
    assert calibrate_p_values(EmpiricalNull(0.0, 0.0), y, s) == pytest.approx(traditional_p_values(y, s), rel=1e-14)
    found = calibrate_intervals(EmpiricalNull(0.0, 0.0), y, s)
    assert found.log_estimate.tolist() == y.tolist()
    assert found.conf_low == pytest.approx(y - Z * s, rel=1e-12)
    assert found.std_error == pytest.approx(s, rel=1e-12)


def test_a_null_moves_an_interval_and_widens_it() -> None:
    found = calibrate_intervals(NULL, [0.9], [0.4], conf_level=0.9)
    half = NormalDist().inv_cdf(0.95) * math.hypot(0.3, 0.4)
    assert (found.log_estimate[0], found.conf_low[0], found.conf_high[0]) == (
        pytest.approx(0.7),
        pytest.approx(0.7 - half),
        pytest.approx(0.7 + half),
    )
    assert found.tidy(exponentiate=True)["conf_high"][0] == pytest.approx(math.exp(0.7 + half))
    assert "90 % intervals" in repr(found)


@pytest.mark.parametrize("sd_scale", ["linear", "log_linear"])
def test_limits_solve_their_equations(sd_scale: str) -> None:
    used = model(0.1, 0.9, 0.15, 0.08, "linear") if sd_scale == "linear" else model(0.1, 0.9, -2.0, 0.2, sd_scale)
    y, s = np.linspace(-2.0, 2.0, 9), np.linspace(0.05, 0.6, 9)
    found = calibrate_intervals(used, y, s)
    for limit, side in ((found.conf_low, -1.0), (found.conf_high, 1.0)):
        z = (used.mean(limit) - y) / np.sqrt(used.sd(limit) ** 2 + s**2)
        assert z == pytest.approx(np.full(9, side * Z), rel=1e-10)
    assert used.mean(found.log_estimate) == pytest.approx(y)


def test_where_no_true_effect_explains_the_estimate_there_is_no_limit() -> None:
    found = calibrate_intervals(model(0.0, 1.0, 0.1, 2.0), [1.0], [0.1])  # the sd outgrows the mean
    assert (found.conf_low[0], found.conf_high[0]) == (-math.inf, math.inf)


def test_a_falling_sd_ends_at_zero() -> None:
    used = model(0.0, 1.0, 0.1, -0.1)
    assert used.sd(np.array([0.5, -3.0])).tolist() == pytest.approx([0.05, 0.0])
    assert calibrate_intervals(used, [3.0], [0.2]).conf_high[0] == pytest.approx(3.0 + Z * 0.2)


def test_missing_estimates_stay_missing() -> None:
    y, s = [math.nan, math.inf, 0.5], [0.1, 0.1, math.inf]
    assert np.isnan(calibrate_p_values(NULL, y, s)).all()
    assert np.isnan(calibrate_intervals(NULL, y, s).conf_low).all()
    assert np.isnan(calibrate_p_values(fit_null([], []), [0.1], [0.2])).all()
    assert np.isnan(calibrate_intervals(fit_null([], []), [0.1], [0.2]).conf_high).all()


def test_the_posterior_gives_p_values_with_limits() -> None:
    rng = np.random.default_rng(0)
    s = rng.uniform(0.05, 0.3, 40)
    y = rng.normal(0.2, np.sqrt(0.3**2 + s**2))
    null = fit_null(y, s, method="posterior")
    p = calibrate_p_values(null, [0.9, math.nan], [0.2, 0.1])
    low, high = p_value_limits(null, [0.9, math.nan], [0.2, 0.1])
    assert low[0] < p[0] < high[0]
    assert np.isnan([p[1], low[1], high[1]]).all()
    assert p[0] == pytest.approx(calibrate_p_values(fit_null(y, s), [0.9], [0.2])[0], abs=0.03)
    with pytest.raises(UnsupportedError, match="posterior"):
        p_value_limits(NULL, [0.9], [0.2])


def test_each_control_is_calibrated_by_the_others() -> None:
    y, s = np.array([0.1, 0.3, 0.2, -0.1, 0.6, math.nan]), np.array([0.1, 0.2, 0.1, 0.1, 0.1, 0.1])
    table = assess_calibration(y, s)
    others = fit_null(np.delete(y, 3), np.delete(s, 3))
    assert table["calibrated_p_value"][3] == pytest.approx(calibrate_p_values(others, y[3:4], s[3:4])[0])
    assert table["calibrated_low"][3] == pytest.approx(calibrate_intervals(others, y[3:4], s[3:4]).conf_low[0])
    assert table["covered"].tolist()[:5] == [1.0, 1.0, 0.0, 1.0, 0.0]
    assert table.loc[5, ["p_value", "covered", "calibrated_p_value"]].isna().all()
    with pytest.raises(DesignError, match="at least 3"):
        assess_calibration(y[:2], s[:2])


def test_positive_controls_are_calibrated_by_a_model_of_the_others() -> None:
    rng = np.random.default_rng(4)
    truth = np.repeat([0.0, 0.4, 0.7], 12)
    s = rng.uniform(0.05, 0.2, 36)
    y = rng.normal(0.1 + truth, np.sqrt(0.1**2 + s**2))
    table = assess_calibration(y, s, true_log_ratios=truth)
    others = np.arange(36) != 20
    used = fit_systematic_error(y[others], s[others], truth[others])
    assert table["calibrated_high"][20] == pytest.approx(calibrate_intervals(used, y[20:21], s[20:21]).conf_high[0])


def test_the_lines_of_the_effect_plot_are_where_p_is_the_significance() -> None:
    table = calibration_effect(NULL, points=11)
    seen = table[table["calibrated_std_error"] > 0.0]
    assert calibrate_p_values(NULL, seen["log_estimate"], seen["calibrated_std_error"]) == pytest.approx(
        np.full(len(seen), 0.05)
    )
    hidden = table[table["calibrated_std_error"] == 0.0]
    assert (calibrate_p_values(NULL, hidden["log_estimate"], np.full(len(hidden), 1e-9)) >= 0.05).all()
    assert len(seen)
    assert len(hidden)


@pytest.mark.parametrize(
    "call",
    [
        lambda: calibrate_p_values(NULL, [0.1], [0.1], alternative="both"),  # type: ignore[arg-type]
        lambda: calibrate_intervals(model(0.0, -1.0, 0.1, 0.0), [0.1], [0.1]),
        lambda: calibrate_p_values(NULL, [0.1, 0.2], [0.1]),
        lambda: calibrate_intervals(NULL, [0.1], [0.0]),
        lambda: calibration_effect(NULL, points=1),
    ],
)
def test_what_cannot_be_calibrated_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((DesignError, UnsupportedError)):
        call()


@pytest.mark.slow
def test_calibrated_p_values_and_intervals_keep_their_level() -> None:
    rng = np.random.default_rng(5)
    rejected = covered = plain = 0
    rounds = 2_000
    for _ in range(rounds):
        s = rng.uniform(0.05, 0.3, 100)
        null = fit_null(rng.normal(0.15, np.sqrt(0.2**2 + s**2)), s)
        error = rng.uniform(0.05, 0.3)
        y = rng.normal(0.15 + 0.5, math.hypot(0.2, error))
        interval = calibrate_intervals(null, [y], [error])
        covered += interval.conf_low[0] <= 0.5 <= interval.conf_high[0]
        none = rng.normal(0.15, math.hypot(0.2, error))
        rejected += calibrate_p_values(null, [none], [error])[0] < 0.05
        plain += traditional_p_values([none], [error])[0] < 0.05
    assert abs(covered / rounds - 0.95) < 0.02
    assert abs(rejected / rounds - 0.05) < 0.02
    assert plain / rounds > 0.25  # what calibration is for
