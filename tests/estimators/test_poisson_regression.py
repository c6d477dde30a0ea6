"""fit_poisson: hand-derived rates, modified Poisson, identities, separation, degenerate data."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equipoise import AnalysisSet, DesignError, Reason, UnsupportedError, fit_poisson
from equipoise.analysis_set import Column
from equipoise.estimators.glm_fit import GlmFit

TABLE = {"exposed": [1, 0], "deaths": [20, 10], "years": [1000.0, 1500.0]}


def follow_up(n: int = 150, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n), "days": rng.uniform(5, 400, n)})
    rate = np.exp(-4.5 + 0.3 * frame["x"] + 0.5 * frame["z"])
    return frame.assign(count=rng.poisson(rate * frame["days"]))


def fitted(data: Any, **options: Any) -> GlmFit:
    return fit_poisson(data, **({"outcome": "count", "covariates": ["x", "z"], "person_time": "days"} | options))


def test_two_rates_by_hand() -> None:
    fit = fit_poisson(TABLE, outcome="deaths", person_time="years", covariates=["exposed"])
    assert fit.coefficients == pytest.approx([math.log(10 / 1500), math.log(3)], rel=1e-10)
    assert fit.std_errors == pytest.approx([math.sqrt(1 / 10), math.sqrt(1 / 10 + 1 / 20)], rel=1e-7)
    assert fit.deviance == pytest.approx(0.0, abs=1e-9)
    by_hand = sum(d * math.log(d) - d - math.lgamma(d + 1) for d in (20, 10))
    assert fit.log_likelihood == pytest.approx(by_hand)
    assert fit.events == 30


def test_splitting_follow_up_changes_nothing_but_a_constant() -> None:
    frame = follow_up()
    first = frame.assign(days=frame["days"] * 0.3, count=0)
    second = frame.assign(days=frame["days"] * 0.7)
    whole, parts = fitted(frame), fitted(pd.concat([first, second]))
    np.testing.assert_allclose(parts.coefficients, whole.coefficients, rtol=1e-8)
    np.testing.assert_allclose(parts.covariance, whole.covariance, rtol=1e-6)
    ratios = [2 * (fit.log_likelihood - fit.log_likelihood_null) for fit in (whole, parts)]
    assert ratios[0] == pytest.approx(ratios[1])


def test_person_time_is_an_offset_and_its_unit_moves_the_intercept_alone() -> None:
    frame = follow_up()
    fit = fitted(frame)
    by_offset = fitted(frame, person_time=None, offset=np.log(frame["days"].to_numpy()))
    np.testing.assert_allclose(by_offset.coefficients, fit.coefficients, rtol=1e-10)
    years = fitted(frame.assign(days=frame["days"] / 365.25))
    assert years.coefficients[0] - math.log(365.25) == pytest.approx(fit.coefficients[0], rel=1e-9)
    np.testing.assert_allclose(years.coefficients[1:], fit.coefficients[1:], rtol=1e-8)


def test_modified_poisson_gives_the_risk_ratio_with_its_binomial_error() -> None:
    """Zou 2004: for one binary exposure the robust variance of the log risk ratio is the binomial one."""
    cells = pd.DataFrame({"exposed": [1, 1, 0, 0], "case": [1, 0, 1, 0], "n": [12, 30, 5, 41]})
    rows = cells.loc[cells.index.repeat(cells["n"])]
    fit = fit_poisson(rows, outcome="case", covariates=["exposed"], robust=True)
    assert fit.estimate("exposed", exponentiate=True).estimate == pytest.approx((12 / 42) / (5 / 46))
    binomial = math.sqrt(1 / 12 - 1 / 42 + 1 / 5 - 1 / 46)
    assert fit.std_errors[1] == pytest.approx(binomial, rel=1e-7)


def test_overdispersion_multiplies_the_variance_and_nothing_else() -> None:
    frame = follow_up()
    plain, wide = fitted(frame), fitted(frame, overdispersion=True)
    pearson = plain.residuals("pearson")
    assert wide.dispersion == pytest.approx(pearson @ pearson / (150 - 3))
    np.testing.assert_allclose(wide.covariance, plain.covariance * wide.dispersion, rtol=1e-7)
    assert plain.dispersion == 1.0
    assert math.isnan(wide.score_statistic)


def test_a_level_without_events_has_an_infinite_rate_ratio_and_the_others_do_not() -> None:
    frame = follow_up().assign(
        level=lambda d: np.where(np.arange(len(d)) < 20, "none", np.where(d["z"] == 1, "b", "a"))
    )
    frame.loc[frame["level"] == "none", "count"] = 0
    fit = fitted(frame, covariates=["x", "level"])
    assert fit.reasons == (None, None, None, Reason.SEPARATION)
    rest = fitted(frame[frame["level"] != "none"], covariates=["x", "level"])
    np.testing.assert_allclose(fit.coefficients[:3], rest.coefficients, rtol=1e-8)
    assert fit.log_likelihood == pytest.approx(rest.log_likelihood)
    low, high = fit.profile_interval("level[none]")
    assert low == -math.inf
    assert math.isfinite(high)


def test_a_reference_without_events_makes_the_intercept_infinite() -> None:
    frame = follow_up()
    frame.loc[frame["z"] == 0, "count"] = 0
    assert fitted(frame, covariates=["z"]).reasons == (Reason.SEPARATION, Reason.SEPARATION)
    firth = fitted(frame, covariates=["z"], firth=True)
    assert firth.reasons == (None, None)
    days = frame.groupby("z")["days"].sum()
    events = frame["count"].sum()
    by_hand = [math.log(0.5 / days[0]), math.log((events + 0.5) / days[1]) - math.log(0.5 / days[0])]
    assert firth.coefficients == pytest.approx(by_hand, rel=1e-8)  # half an event more in either group


def test_an_analysis_set_brings_its_days_of_follow_up() -> None:
    frame = follow_up().assign(count=lambda d: np.minimum(d["count"], 1), days=lambda d: d["days"].astype(int))
    n = len(frame)
    design = AnalysisSet(
        person=np.arange(n),
        event=frame["count"].to_numpy(np.int8),
        start=np.full(n, 10, np.int32),
        stop=frame["days"].to_numpy(np.int32) + 10,
        weight=np.ones(n),
        x=frame[["x", "z"]].to_numpy(float),
        columns=(Column("x", "covariate"), Column("z", "exposure")),
    )
    np.testing.assert_allclose(fit_poisson(design).coefficients, fitted(frame).coefficients, rtol=1e-9)


def test_no_events_and_one_row() -> None:
    assert fitted(follow_up().assign(count=0)).reasons == (Reason.NO_EVENTS,) * 3
    one = fit_poisson({"d": [7], "t": [1250.0], "x": [1.0]}, outcome="d", person_time="t", covariates=["x"])
    assert one.reasons == (None, Reason.CONSTANT)
    assert one.coefficients[0] == pytest.approx(math.log(7 / 1250))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcome": "x"}, "negative or not whole"),
        ({"person_time": np.zeros(150)}, "not more than zero"),
        ({"offset": "x"}, "beside person_time"),
    ],
)
def test_bad_input_is_a_design_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DesignError, match=words):
        fitted(follow_up(), **options)


def test_overdispersion_excludes_other_variances() -> None:
    for other in ({"robust": True}, {"firth": True}):
        with pytest.raises(UnsupportedError, match="overdispersion"):
            fitted(follow_up(), overdispersion=True, **other)
