"""Rubin's rules: by hand, in the limits, and what cannot be pooled."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import t as student

from equipoise import fit_conditional_logistic, fit_cox, fit_logistic, fit_win_ratio, pool
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.estimators.fit import Convergence, Fit


def fit_of(value: float, variance: float, rows: int = 23) -> Fit:
    return Fit(
        model="A model",
        measure="log odds ratio",
        direction="one unit more",
        terms=("x",),
        coefficients=np.array([value]),
        covariance=np.array([[variance]]),
        reasons=(None,),
        log_likelihood=-1.0,
        log_likelihood_null=-2.0,
        rank=3,
        rows=rows,
        events=9,
        convergence=Convergence(True, 3, 1e-12),
    )


def test_by_hand() -> None:
    """Estimates 1, 2, 3 with variance 1: U = 1, B = 1, T = 1 + 4/3 = 7/3; share 4/7.

    Large-sample degrees of freedom 2 / (4/7)^2 = 49/8; of 20 complete ones 21/23 * 20 * 3/7 = 180/23; together
    1 / (8/49 + 23/180) = 8820 / 2567.
    """
    fit = pool([fit_of(value, 1.0) for value in (1.0, 2.0, 3.0)])
    assert fit.coefficients[0] == pytest.approx(2.0, rel=1e-15)
    assert fit.covariance[0, 0] == pytest.approx(7 / 3, rel=1e-15)
    assert fit.df_complete == 20.0
    assert fit.df[0] == pytest.approx(8820 / 2567, rel=1e-14)
    assert fit.relative_increase[0] == pytest.approx(4 / 3, rel=1e-15)
    expected = (4 / 3 + 2 / (8820 / 2567 + 3)) / (7 / 3)
    assert fit.fraction_missing[0] == pytest.approx(expected, rel=1e-14)
    row = fit.estimate("x")
    half = student.ppf(0.975, 8820 / 2567) * math.sqrt(7 / 3)
    assert (row.conf_low, row.conf_high) == pytest.approx((2 - half, 2 + half), rel=1e-10)
    assert row.p_value == pytest.approx(2 * student.sf(2 / math.sqrt(7 / 3), 8820 / 2567), rel=1e-10)
    ratio = fit.estimate("x", exponentiate=True)
    assert (ratio.estimate, ratio.conf_low) == pytest.approx((math.exp(2), math.exp(2 - half)), rel=1e-10)


def test_complete_degrees_of_freedom_without_end_give_rubin_s_first_rule() -> None:
    fit = pool([fit_of(value, 1.0) for value in (1.0, 2.0, 3.0)], df_complete=math.inf)
    assert fit.df[0] == pytest.approx(49 / 8, rel=1e-14)


def test_fits_that_agree_give_the_fit_itself() -> None:
    one = fit_of(0.7, 0.3)
    fit = pool([one] * 5)
    assert fit.estimate("x") == replace(one, model="").estimate("x")
    assert math.isinf(fit.df[0])
    assert fit.fraction_missing[0] == 0.0


def test_what_complete_data_would_rest_on() -> None:
    random = np.random.default_rng(1)
    n = 60
    rows = {"x": random.normal(size=n), "t": random.exponential(1, n), "d": random.integers(0, 2, n)}
    rows |= {"case": np.tile([1, 0, 0], 20), "set": np.repeat(np.arange(20), 3)}
    cox = fit_cox(rows, time="t", event="d", covariates=["x"])
    matched = fit_conditional_logistic(rows, case="case", matched_set="set", covariates=["x"])
    logistic = fit_logistic(rows, outcome="d", covariates=["x"])
    assert pool([cox] * 2).df_complete == rows["d"].sum() - 1
    assert pool([matched] * 2).df_complete == 20 - 1
    assert pool([logistic] * 2).df_complete == n - 2


def test_a_term_without_an_estimate_keeps_its_reason() -> None:
    infinite = replace(fit_of(math.nan, math.nan), reasons=(Reason.SEPARATION,))
    fit = pool([fit_of(1.0, 1.0), infinite])
    assert fit.reasons == (Reason.SEPARATION,)
    assert math.isnan(fit.coefficients[0])
    assert "SEPARATION" in repr(fit)
    assert fit.tidy()["reason"].tolist() == ["SEPARATION"]


def test_frames_and_words() -> None:
    fits = [replace(fit_of(value, 1.0), frame_kind="polars") for value in (1.0, 1.5, 0.8)]
    fit = pool(fits, complete_case=replace(fit_of(0.9, 2.0, rows=11), frame_kind="polars"))
    tidy = fit.tidy(exponentiate=True)
    assert isinstance(tidy, pl.DataFrame)
    assert {"df", "fraction_missing", "reason"} <= set(tidy.columns)
    both = fit.compare()
    assert both["analysis"].to_list() == ["multiple imputation", "complete case"]
    assert both["rows"].to_list() == [23, 11]
    assert both["std_error"].to_list()[1] == pytest.approx(math.sqrt(2))
    assert fit.glance()["imputations"].to_list() == [3]
    assert "pooled over 3 imputations" in repr(fit)
    assert isinstance(pool([fit_of(1.0, 1.0)] * 2).compare(), pd.DataFrame)


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(DesignError, match="two at least"):
        pool([fit_of(1.0, 1.0)])
    with pytest.raises(DesignError, match="different rows"):
        pool([fit_of(1.0, 1.0), fit_of(1.0, 1.0, rows=9)])
    with pytest.raises(DesignError, match="different terms"):
        pool([fit_of(1.0, 1.0), replace(fit_of(1.0, 1.0), terms=("z",))])
    win = fit_win_ratio({"a": [0, 1, 0, 1], "t": [1, 2, 3, 4], "d": [1, 1, 1, 0]}, arm="a", time="t", event="d")
    with pytest.raises(UnsupportedError, match="WinRatio"):
        pool([win, win])
    with pytest.raises(UnsupportedError, match="profile"):
        pool([fit_of(1.0, 1.0), fit_of(2.0, 1.0)]).tidy(interval="profile")
