"""Incidence rates, their ratios and differences, standardization, and the limits of counts and proportions."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from equipoise import (
    DesignError,
    Reason,
    UnsupportedError,
    fit_incidence_rates,
    fit_standardized_rates,
    fit_standardized_ratios,
)
from equipoise.estimators.exact_intervals import (
    COUNTS,
    binomial_p_value,
    count_interval,
    mid_p_proportion,
    mid_p_value,
    proportion_interval,
)

TAIL = 1e-10  # of a probability at an inverted limit
PERSONS = pd.DataFrame(
    {"arm": ["new", "new", "old", "old", "old"], "sex": ["f", "m", "f", "m", "m"], "d": [1, 0, 2, 0, 1],
     "t": [100.0, 50.0, 80.0, 60.0, 40.0]}
)  # fmt: skip


@pytest.mark.parametrize("d", [0, 1, 7, 400])
def test_exact_limits_of_a_count_have_their_tails(d: int) -> None:
    low, high = (float(limit) for limit in count_interval(np.array(float(d)), 0.9))
    assert stats.poisson.cdf(d, high) == pytest.approx(0.05, rel=TAIL)
    assert low == 0.0 if d == 0 else stats.poisson.sf(d - 1, low) == pytest.approx(0.05, rel=TAIL)


@pytest.mark.parametrize("d", [1, 7, 400])
def test_mid_p_limits_of_a_count_count_half_of_it(d: int) -> None:
    low, high = (float(limit) for limit in count_interval(np.array(float(d)), 0.95, "mid-p"))
    half = [stats.poisson.sf(d, mean) + stats.poisson.pmf(d, mean) / 2 for mean in (low, high)]
    assert half == pytest.approx([0.025, 0.975], rel=1e-9)
    exact = [float(limit) for limit in count_interval(np.array(float(d)), 0.95)]
    assert exact[0] < low < high < exact[1]


def test_score_limits_solve_their_equation_and_byar_is_near_the_exact_ones() -> None:
    d = np.array([3.0, 20.0, 500.0])
    for limit in count_interval(d, 0.95, "score"):
        np.testing.assert_allclose((d - limit) ** 2 / limit, 1.959963984540054**2, rtol=1e-10)
    for byar, exact in zip(count_interval(d, 0.95, "byar"), count_interval(d, 0.95), strict=True):
        np.testing.assert_allclose(byar[1:], exact[1:], rtol=1e-3)
    low, high = count_interval(d, 0.95, "log")
    np.testing.assert_allclose(low * high, d**2)


@pytest.mark.parametrize("method", COUNTS)
def test_every_interval_of_no_events(method: str) -> None:
    low, high = (float(limit[0]) for limit in count_interval(np.zeros(1), 0.95, method))
    if method == "log":
        assert math.isnan(low)
        assert math.isnan(high)
    else:
        assert low == pytest.approx(0.0, abs=1e-12)
        assert high >= 0.0


@pytest.mark.parametrize(("x", "n"), [(0, 5), (3, 10), (10, 10)])
def test_exact_limits_of_a_proportion_have_their_tails(x: int, n: int) -> None:
    low, high = (float(limit) for limit in proportion_interval(np.array(x), np.array(n), 0.95))
    assert low == 0.0 if x == 0 else stats.binom.sf(x - 1, n, low) == pytest.approx(0.025, rel=TAIL)
    assert high == 1.0 if x == n else stats.binom.cdf(x, n, high) == pytest.approx(0.025, rel=TAIL)
    inner = mid_p_proportion(x, n, 0.95)
    assert low <= inner[0] < inner[1] <= high


def test_p_values_of_a_proportion() -> None:
    assert binomial_p_value(3, 10, 0.6) == pytest.approx(stats.binomtest(3, 10, 0.6).pvalue, rel=1e-10)
    half = stats.binom.cdf(2, 10, 0.6) + stats.binom.pmf(3, 10, 0.6) / 2
    assert mid_p_value(3, 10, 0.6) == pytest.approx(2 * half, rel=1e-10)


def test_rates_add_up_rows_by_group() -> None:
    rates = fit_incidence_rates(PERSONS, events="d", person_time="t", by="arm", per=1000)
    frame = rates.tidy()
    assert frame["arm"].tolist() == ["new", "old"]
    assert frame["events"].tolist() == [1.0, 3.0]
    np.testing.assert_allclose(frame["estimate"], [1000 / 150, 3000 / 180])
    np.testing.assert_allclose(frame["std_error"], [1000 / 150, math.sqrt(3) * 1000 / 180])
    assert frame["conf_high"].iloc[0] == pytest.approx(stats.chi2.ppf(0.975, 4) / 2 * 1000 / 150)
    both = fit_incidence_rates(pl.from_pandas(PERSONS), events="d", person_time="t", by=["arm", "sex"]).tidy()
    assert both["sex"].to_list() == ["f", "m", "f", "m"]
    assert both["events"].to_list() == [1.0, 0.0, 2.0, 1.0]
    assert "Incidence rates per 1000" in repr(rates)


PAIR = {"g": ["a", "b"], "d": [11, 21], "t": [800.0, 3011.0]}
EMPTY = {"g": [1, 2], "d": [0, 0], "t": [100.0, 0.0]}


def test_a_group_without_events_has_a_rate_of_zero_and_one_without_person_time_has_none() -> None:
    frame = fit_incidence_rates(EMPTY, events="d", person_time="t", by="g").tidy()
    assert frame["estimate"].iloc[0] == 0.0
    assert frame["conf_high"].iloc[0] == pytest.approx(-math.log(0.025) / 100)
    assert math.isnan(frame["estimate"].iloc[1])
    assert frame["reason"].tolist() == [None, str(Reason.NOT_DEFINED)]


def test_ratio_of_rates_is_a_binomial_share_given_the_sum() -> None:
    rates = fit_incidence_rates(PAIR, events="d", person_time="t", by="g")
    exact = rates.ratio("a", "b")
    share = [limit * 800 / (limit * 800 + 3011) for limit in (exact.conf_low, exact.conf_high)]
    assert stats.binom.sf(10, 32, share[0]) == pytest.approx(0.025, rel=1e-9)
    assert stats.binom.cdf(11, 32, share[1]) == pytest.approx(0.025, rel=1e-9)
    wald = rates.ratio("a", "b", interval="log")
    assert wald.std_error == pytest.approx(math.sqrt(1 / 11 + 1 / 21))
    assert wald.conf_low * wald.conf_high == pytest.approx(wald.estimate**2)
    mid = rates.ratio("a", "b", interval="mid-p")
    assert exact.conf_low < mid.conf_low < mid.conf_high < exact.conf_high
    turned = rates.ratio("b", "a")
    assert turned.conf_low == pytest.approx(1 / exact.conf_high)
    assert turned.p_value == pytest.approx(exact.p_value)


def test_differences_of_rates() -> None:
    rates = fit_incidence_rates(PAIR, events="d", person_time="t", by="g", per=100)
    wald = rates.difference("a", "b")
    assert wald.estimate == pytest.approx(100 * (11 / 800 - 21 / 3011))
    assert wald.std_error == pytest.approx(100 * math.sqrt(11 / 800**2 + 21 / 3011**2))
    mover = rates.difference("a", "b", interval="mover")
    low, high = count_interval(np.array([11.0, 21.0]), 0.95)
    below = math.hypot((11 - low[0]) / 800, (high[1] - 21) / 3011)
    assert mover.conf_low == pytest.approx(mover.estimate - 100 * below)


@pytest.mark.parametrize(
    ("events", "reason", "estimate"),
    [([0, 5], Reason.SEPARATION, 0.0), ([5, 0], Reason.SEPARATION, math.inf), ([0, 0], Reason.NO_EVENTS, math.nan)],
)
def test_ratios_with_an_empty_group(events: list[int], reason: Reason, estimate: float) -> None:
    rates = fit_incidence_rates({"g": ["a", "b"], "d": events, "t": [10.0, 20.0]}, events="d", person_time="t", by="g")
    row = rates.ratio("a", "b")
    assert row.reason is reason
    assert row.estimate == pytest.approx(estimate, nan_ok=True)
    if events[0]:
        assert 0.0 < row.conf_low < math.inf
        assert row.conf_high == math.inf


TOWNS = pd.DataFrame(
    {"town": ["A"] * 3 + ["B"] * 3, "age": ["1", "2", "3"] * 2, "d": [12, 30, 51, 7, 22, 80],
     "t": [1200.0, 1500, 900, 2300, 1100, 1400]}
)  # fmt: skip
STANDARD = {"1": 5000, "2": 3000, "3": 2000}


def test_direct_standardization_by_hand() -> None:
    found = fit_standardized_rates(TOWNS, events="d", person_time="t", by="town", strata="age", standard=STANDARD)
    w = np.array([0.5, 0.3, 0.2])
    d, t = TOWNS["d"].to_numpy().reshape(2, 3), TOWNS["t"].to_numpy().reshape(2, 3)
    np.testing.assert_allclose(found.estimates, (w * d / t).sum(axis=1))
    np.testing.assert_allclose(found.std_errors**2, (w**2 * d / t**2).sum(axis=1))
    ratio = found.ratio("B", "A")
    relative = found.std_errors / found.estimates
    assert ratio.estimate == pytest.approx(found.estimates[1] / found.estimates[0])
    assert ratio.std_error == pytest.approx(math.hypot(*relative))
    difference = found.difference("B", "A")
    assert difference.std_error == pytest.approx(math.hypot(*found.std_errors))
    frame = pd.DataFrame({"age": ["3", "1", "2"], "weight": [2.0, 5.0, 3.0]})
    again = fit_standardized_rates(TOWNS, events="d", person_time="t", by="town", strata="age", standard=frame)
    np.testing.assert_allclose(again.estimates, found.estimates)


@pytest.mark.parametrize("interval", ["gamma", "log", "wald"])
def test_intervals_of_standardized_rates_surround_them(interval: str) -> None:
    found = fit_standardized_rates(
        TOWNS, events="d", person_time="t", by="town", strata="age", standard=STANDARD, interval=interval, per=1000
    )
    low, high = found.intervals
    assert (low < found.estimates).all()
    assert (found.estimates < high).all()


def test_gamma_limits_of_one_stratum_are_the_exact_ones() -> None:
    one = TOWNS[TOWNS["age"] == "1"]
    found = fit_standardized_rates(one, events="d", person_time="t", by="town", strata="age", standard={"1": 3})
    exact = fit_incidence_rates(one, events="d", person_time="t", by="town")
    np.testing.assert_allclose(found.intervals, exact.intervals, rtol=1e-12)
    none = fit_standardized_rates(
        one.assign(d=0), events="d", person_time="t", by="town", strata="age", standard={"1": 3}
    )
    np.testing.assert_allclose(none.intervals[1], -math.log(0.025) / one["t"], rtol=1e-12)


def test_standardizing_the_whole_to_itself_gives_the_crude_rate() -> None:
    found = fit_standardized_rates(TOWNS, events="d", person_time="t", strata="age")
    assert found.estimates[0] == pytest.approx(TOWNS["d"].sum() / TOWNS["t"].sum())


def test_a_stratum_without_person_time_leaves_a_rate_undefined() -> None:
    partly = TOWNS.drop(index=0)
    found = fit_standardized_rates(partly, events="d", person_time="t", by="town", strata="age", standard=STANDARD)
    assert found.tidy()["reason"].tolist() == [str(Reason.NOT_DEFINED), None]
    assert found.ratio("A", "B").reason is Reason.NOT_DEFINED
    without = fit_standardized_rates(
        partly, events="d", person_time="t", by="town", strata="age", standard=STANDARD | {"1": 0}
    )
    assert without.tidy()["reason"].tolist() == [None, None]


def test_smr_is_observed_over_expected_with_exact_limits() -> None:
    rates = {"1": 0.01, "2": 0.02, "3": 0.05}
    found = fit_standardized_ratios(TOWNS, events="d", person_time="t", by="town", strata="age", reference_rates=rates)
    frame = found.tidy()
    expected = [0.01 * 1200 + 0.02 * 1500 + 0.05 * 900, 0.01 * 2300 + 0.02 * 1100 + 0.05 * 1400]
    np.testing.assert_allclose(frame["expected"], expected)
    np.testing.assert_allclose(frame["estimate"], np.array([93, 109]) / expected)
    low, _ = count_interval(np.array([93.0, 109.0]), 0.95)
    np.testing.assert_allclose(frame["conf_low"], low / expected)
    nothing = fit_standardized_ratios(
        TOWNS, events="d", person_time="t", strata="age", reference_rates=dict.fromkeys("123", 0.0)
    )
    assert nothing.tidy()["reason"].tolist() == [str(Reason.NOT_DEFINED)]


def test_the_reference_population_standardized_to_itself_has_a_ratio_of_one() -> None:
    pooled = TOWNS.groupby("age")[["d", "t"]].sum()
    rates = (pooled["d"] / pooled["t"]).to_dict()
    found = fit_standardized_ratios(TOWNS, events="d", person_time="t", strata="age", reference_rates=rates)
    assert found.tidy()["estimate"].iloc[0] == pytest.approx(1.0)


def test_bad_input() -> None:
    with pytest.raises(UnsupportedError, match="interval"):
        fit_incidence_rates(PERSONS, events="d", person_time="t", interval="bayes")
    with pytest.raises(DesignError, match="not zero or more"):
        fit_incidence_rates(PERSONS.assign(t=-1.0), events="d", person_time="t")
    with pytest.raises(DesignError, match="above zero"):
        fit_incidence_rates(PERSONS, events="d", person_time="t", per=0)
    rates = fit_incidence_rates(PERSONS, events="d", person_time="t", by="arm")
    with pytest.raises(DesignError, match="new; old"):
        rates.ratio("new", "neither")
    with pytest.raises(UnsupportedError, match="exact, mid-p, log"):
        rates.ratio("new", "old", interval="wald")
    with pytest.raises(UnsupportedError, match="wald, mover"):
        rates.difference("new", "old", interval="exact")
    roles = {"events": "d", "person_time": "t", "strata": "age"}
    with pytest.raises(DesignError, match="no number for 1 of 3 strata"):
        fit_standardized_rates(TOWNS, standard={"1": 1, "2": 1}, **roles)
    with pytest.raises(DesignError, match="not in the data"):
        fit_standardized_rates(TOWNS, standard=STANDARD | {"4": 1}, **roles)
    with pytest.raises(DesignError, match="add to zero"):
        fit_standardized_rates(TOWNS, standard=dict.fromkeys("123", 0.0), **roles)
    with pytest.raises(UnsupportedError, match="gamma, log, wald"):
        fit_standardized_rates(TOWNS, interval="exact", **roles)
