"""Kaplan-Meier, hazards, the time grid and the jackknife against hand-derived numbers and plain-Python definitions."""

import math
from fractions import Fraction

import numpy as np
import pytest

from equipoise.kernels.survival_curve import Curve, curve_of, tally
from equipoise.kernels.survival_curve_jackknife import (
    Rows,
    area_steps,
    derivatives_at,
    hazard_steps,
    incidence_steps,
    jackknife_variance,
    rows_by_place,
)
from equipoise.kernels.survival_curve_times import TOLERANCE, time_grid

EXACT = 1e-14
DERIVATIVE = 1e-7  # central differences with steps of 1e-6
NONE, NO_WEIGHT = np.empty(0, np.int32), np.empty(0)


def curve(stop, failed, start=None, weight=None, fleming_harrington=False) -> tuple[np.ndarray, Curve]:
    grid = time_grid(np.array(stop, float), None if start is None else np.array(start, float))
    weights = NO_WEIGHT if weight is None else np.array(weight, float)
    table = tally(grid.stop, np.array(failed, np.uint8), len(grid.times), grid.start, weights, NONE, 1)
    one = curve_of(table, 0, fleming_harrington)
    return grid.times[one.place], one


def random_rows(seed: int, late: bool, n: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 6, n) if late else np.zeros(n, int)
    stop = start + rng.integers(1, 8, n)
    cause = rng.integers(0, 3, n)
    cause[stop == stop.max()] = 0
    return {
        "start": start,
        "stop": stop,
        "cause": cause,
        "weight": rng.uniform(0.3, 2.0, n),
        "cluster": rng.integers(0, 9, n),
    }


def plain_incidence(rows: dict[str, np.ndarray], weight: np.ndarray, cause: int, late: bool) -> dict[int, float]:
    """The definition, one time after the other."""
    survival, incidence, out = 1.0, 0.0, {}
    for t in range(rows["stop"].max() + 1):
        inside = (rows["stop"] >= t) & ((rows["start"] < t) | (not late))
        n = weight[inside].sum()
        here = inside & (rows["stop"] == t)
        if n > 0.0:
            incidence += survival * weight[here & (rows["cause"] == cause)].sum() / n
            survival *= 1.0 - weight[here & (rows["cause"] > 0)].sum() / n
        out[t] = incidence
    return out


def test_aml_maintained_arm_by_hand() -> None:
    """Eleven persons of Miller's leukaemia trial: 9, 13, 13+, 18, 23, 28+, 31, 34, 45+, 48, 161+."""
    times, one = curve([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
    assert times.tolist() == [9, 13, 18, 23, 28, 31, 34, 45, 48, 161]
    assert one.at_risk.tolist() == [11, 10, 8, 7, 6, 5, 4, 3, 2, 1]
    survival, spread, hazard = Fraction(1), Fraction(0), Fraction(0)
    for j, (n, d) in enumerate(zip(one.at_risk, one.failed, strict=True)):
        n, d = int(n), int(d)
        survival *= Fraction(n - d, n)
        spread += Fraction(d, n * (n - d)) if n > d else Fraction(0)
        hazard += Fraction(d, n)
        assert one.survival[j] == pytest.approx(float(survival), rel=EXACT)
        assert one.log_variance[j] == pytest.approx(float(spread), rel=EXACT)
        assert one.hazard[j] == pytest.approx(float(hazard), rel=EXACT)


def test_tied_events_one_after_the_other() -> None:
    """Three of five fail at once: 1/5 + 1/4 + 1/3, variance 1/25 + 1/16 + 1/9."""
    _, one = curve([1, 1, 1, 2, 2], [1, 1, 1, 0, 0], fleming_harrington=True)
    assert one.hazard[0] == pytest.approx(1 / 5 + 1 / 4 + 1 / 3, rel=EXACT)
    assert one.hazard_variance[0] == pytest.approx(1 / 25 + 1 / 16 + 1 / 9, rel=EXACT)


def test_huge_weights_do_not_swallow_small_ones() -> None:
    _, one = curve([1, 2, 3], [1, 1, 0], weight=[1e16, 1.0, 1.0])
    assert one.survival[0] == pytest.approx(2e-16, rel=1e-15)
    assert one.survival[1] == pytest.approx(1e-16, rel=1e-15)


def test_survival_reaches_zero_exactly_with_weights_and_late_entry() -> None:
    _, one = curve([3, 5, 6], [1, 1, 1], start=[0, 1, 2], weight=[0.1, 0.2, 0.7])
    assert one.survival[-1] == 0.0
    assert math.isinf(one.log_variance[-1])


def test_a_row_is_at_risk_after_its_start_and_up_to_its_stop() -> None:
    times, one = curve([2, 4, 4], [1, 1, 0], start=[0, 2, 0])
    assert times.tolist() == [2, 4]
    assert one.at_risk.tolist() == [2, 2]


@pytest.mark.parametrize("whole", [True, False])
def test_order_of_rows_and_kind_of_times_do_not_matter(whole: bool) -> None:
    rows = random_rows(5, late=True, n=200)
    scale = 1.0 if whole else 0.1
    _, one = curve(rows["stop"] * scale, rows["cause"] > 0, rows["start"] * scale, rows["weight"])
    order = np.random.default_rng(1).permutation(200)
    _, other = curve(*(rows[k][order] for k in ("stop", "cause")), rows["start"][order], rows["weight"][order])
    np.testing.assert_allclose(one.survival, other.survival, rtol=1e-12)
    np.testing.assert_allclose(one.at_risk, other.at_risk, rtol=1e-12)


def test_times_that_differ_by_rounding_are_one_time() -> None:
    grid = time_grid(np.array([0.1 + 0.2, 0.3, 0.6, 0.7 - 0.1]))
    assert grid.stop.tolist() == [0, 0, 1, 1]


def test_a_chain_of_near_times_is_the_first_of_them() -> None:
    step = 0.9 * TOLERANCE
    grid = time_grid(np.array([0.5, 0.5 + step, 0.5 + 2 * step, 0.5 + 4 * step]))
    assert grid.stop.tolist() == [0, 0, 0, 1]
    assert grid.times.tolist() == [0.5, 0.5 + 4 * step]


def test_starts_and_stops_share_their_ties() -> None:
    grid = time_grid(np.array([0.3, 0.9]), np.array([0.0, 0.1 + 0.2]))
    assert grid.start[1] == grid.stop[0]


@pytest.mark.parametrize("low", [-40.0, 0.0, 3.0])
def test_whole_times_take_the_fast_path_to_the_same_places(low: float) -> None:
    times = low + np.random.default_rng(2).integers(0, 50, 300).astype(float)
    fast, slow = time_grid(times), time_grid(times / 7.0)
    present = np.unique(fast.stop)
    assert np.searchsorted(present, fast.stop).tolist() == slow.stop.tolist()
    np.testing.assert_array_equal(fast.times[fast.stop], times)


def test_no_rows_have_no_times() -> None:
    assert len(time_grid(np.empty(0)).times) == 0


def test_rows_by_place_keeps_the_order_of_rows() -> None:
    order, first = rows_by_place(np.array([2, 0, 2, 1, 0], np.int32), 3)
    assert order.tolist() == [1, 4, 3, 0, 2]
    assert first.tolist() == [0, 2, 3, 5]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_jackknife_of_cumulative_incidence_is_the_sum_of_squared_derivatives(late: bool, clustered: bool) -> None:
    data = random_rows(7, late)
    _check_incidence(data, late, clustered)


def _check_incidence(data: dict[str, np.ndarray], late: bool, clustered: bool) -> None:
    grid, rows, steps = _prepared(data, late, clustered)
    derivatives = np.empty((len(data["stop"]), len(grid.times)))
    for i in range(len(derivatives)):
        more, less = data["weight"].copy(), data["weight"].copy()
        more[i] += 1e-6
        less[i] -= 1e-6
        high, low = plain_incidence(data, more, 1, late), plain_incidence(data, less, 1, late)
        derivatives[i] = [(high[int(t)] - low[int(t)]) / 2e-6 for t in grid.times]
    for k in range(len(grid.times)):
        np.testing.assert_allclose(derivatives_at(rows, steps, k), derivatives[:, k], atol=DERIVATIVE)
    code = data["cluster"] if clustered else np.arange(len(derivatives))
    sums = np.zeros((code.max() + 1, len(grid.times)))
    np.add.at(sums, code, data["weight"][:, None] * derivatives)
    np.testing.assert_allclose(jackknife_variance(rows, steps), (sums**2).sum(axis=0), atol=DERIVATIVE)


def _prepared(data: dict[str, np.ndarray], late: bool, clustered: bool):
    grid = time_grid(data["stop"].astype(float), data["start"].astype(float) if late else None)
    failed = (data["cause"] > 0).astype(np.uint8)
    counted = (data["cause"] == 1).astype(np.uint8)
    one = curve_of(tally(grid.stop, failed, len(grid.times), grid.start, data["weight"], NONE, 1), 0)
    of_cause = np.bincount(grid.stop, data["weight"] * counted, len(grid.times))[one.place]
    cluster = data["cluster"].astype(np.int64) if clustered else np.empty(0, np.int64)
    rows = Rows(grid.stop, grid.start, failed, counted, data["weight"], cluster)
    return grid, rows, incidence_steps(one, of_cause, len(grid.times))


def test_jackknife_of_independent_rows_is_that_of_clusters_of_one() -> None:
    data = random_rows(11, late=False)
    _, rows, steps = _prepared(data, False, False)
    alone = Rows(rows.stop, rows.start, rows.failed, rows.counted, rows.weight, np.arange(30))
    np.testing.assert_allclose(jackknife_variance(rows, steps), jackknife_variance(alone, steps), rtol=1e-10)


def test_jackknife_survives_very_uneven_weights() -> None:
    """One row of 1e12 leaves early; the 20 others are a sample of their own afterwards."""
    stop = np.concatenate([[0], np.arange(1, 21)]).astype(np.int32)
    weight = np.concatenate([[1e12], np.ones(20)])
    failed = np.concatenate([[0], np.ones(20)]).astype(np.uint8)

    def variance(at: slice) -> np.ndarray:
        one = curve_of(tally(stop[at], failed[at], 21, NONE, weight[at], NONE, 1), 0)
        rows = Rows(stop[at], NONE, failed[at], failed[at], weight[at], np.empty(0, np.int64))
        return jackknife_variance(rows, incidence_steps(one, one.failed, 21))[1:]

    np.testing.assert_allclose(variance(slice(None)), variance(slice(1, None)), rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize("exponential", [False, True])
def test_derivatives_of_hazard_and_area(exponential: bool) -> None:
    data, horizon = random_rows(3, late=True), 9.0
    grid = time_grid(data["stop"].astype(float), data["start"].astype(float))
    failed = (data["cause"] > 0).astype(np.uint8)

    def estimate(weight: np.ndarray) -> tuple[Curve, np.ndarray, float, np.ndarray]:
        one = curve_of(tally(grid.stop, failed, len(grid.times), grid.start, weight, NONE, 1), 0)
        survival = np.exp(-one.hazard) if exponential else one.survival
        times = np.minimum(grid.times[one.place], horizon)
        pieces = np.diff(np.append(times, horizon)) * survival
        return one, one.hazard, float(times[0] + pieces.sum()), np.cumsum(pieces[::-1])[::-1]

    one, hazard, _, after = estimate(data["weight"])
    area = np.where(grid.times[one.place] <= horizon, after, 0.0)
    rows = Rows(grid.stop, grid.start, failed, failed, data["weight"], np.empty(0, np.int64))
    of_area = derivatives_at(rows, area_steps(one, area, len(grid.times), exponential), len(grid.times) - 1)
    of_hazard = derivatives_at(rows, hazard_steps(one, len(grid.times)), len(grid.times) - 1)
    for i in range(30):
        changed = []
        for sign in (1e-6, -1e-6):
            weight = data["weight"].copy()
            weight[i] += sign
            changed.append(estimate(weight))
        assert of_area[i] == pytest.approx((changed[0][2] - changed[1][2]) / 2e-6, abs=1e-6)
        assert of_hazard[i] == pytest.approx((changed[0][1][-1] - changed[1][1][-1]) / 2e-6, abs=1e-6)
    assert hazard[-1] > 0.0
