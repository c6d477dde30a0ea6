"""Shares of elements in the difference of two studies: worked by hand, and their sum whatever is missing."""

from itertools import permutations
from math import fsum

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.runner.bridge_bootstrap import poisson_counts, resampled
from equipoise.runner.bridge_intervals import Intervals
from equipoise.runner.bridge_paths import (
    draw_orders,
    first_order,
    mixtures_on,
    shares_over_all_orders,
    shares_over_orders,
)

EXACT = 1e-12


def made_values(n: int, seed: int, missing: float = 0.0) -> dict[int, float]:
    random = np.random.default_rng(seed)
    ends = {0, (1 << n) - 1}
    kept = [m for m in range(1 << n) if m in ends or random.random() >= missing]
    return {mixture: float(random.normal()) for mixture in kept}


def by_listing(values: dict[int, float], n: int) -> list[float] | None:
    """Every order, one by one."""
    rows = []
    for order in permutations(range(n)):
        along = list(mixtures_on(order))
        if all(mixture in values for mixture in along):
            steps = np.diff([values[mixture] for mixture in along])
            rows.append([steps[order.index(i)] for i in range(n)])
    return [float(mean) for mean in np.mean(rows, axis=0)] if rows else None


def test_two_elements_by_hand() -> None:
    # A 0, first element 1, second element 3, both 5: the first adds 1 or 2, the second 3 or 4.
    shares = shares_over_all_orders({0b00: 0.0, 0b01: 1.0, 0b10: 3.0, 0b11: 5.0}, 2)
    assert shares.n_orders == 2
    assert [(share.mean, share.least, share.most) for share in shares.of] == [(1.5, 1.0, 2.0), (3.5, 3.0, 4.0)]


def test_three_elements_by_hand_with_two_mixtures_missing() -> None:
    # Without element 2 alone and without 0 and 1 together, two orders are left: 0 2 1 and 1 2 0.
    values = {0b000: 0.0, 0b001: 1.0, 0b010: 2.0, 0b101: 4.0, 0b110: 5.0, 0b111: 9.0}
    shares = shares_over_all_orders(values, 3)
    # 0 2 1 changes by 1, 3, 5; 1 2 0 by 2, 3, 4.
    assert shares.n_orders == 2
    assert [share.mean for share in shares.of] == [(1 + 4) / 2, (5 + 2) / 2, 3.0]
    assert [(share.least, share.most) for share in shares.of] == [(1.0, 4.0), (2.0, 5.0), (3.0, 3.0)]


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_counting_paths_equals_listing_them(n: int, missing: float) -> None:
    values = made_values(n, seed=n, missing=missing)
    listed, counted = by_listing(values, n), shares_over_all_orders(values, n)
    if listed is None:
        assert counted.n_orders == 0
        assert counted.of == ()
    else:
        np.testing.assert_allclose([share.mean for share in counted.of], listed, rtol=0, atol=EXACT)


@pytest.mark.parametrize("seed", range(20))
def test_shares_add_up_to_the_difference(seed: int) -> None:
    n = 2 + seed % 9
    values = made_values(n, seed, missing=0.1)
    shares = shares_over_all_orders(values, n)
    if shares.n_orders:
        assert abs(fsum(share.mean for share in shares.of) - (values[(1 << n) - 1] - values[0])) < EXACT
    else:
        assert first_order(values.__contains__, n) is None


def test_without_an_end_there_are_no_shares() -> None:
    assert shares_over_all_orders({0: 1.0, 1: 2.0}, 2).of == ()
    assert shares_over_all_orders({1: 2.0, 3: 1.0}, 2).of == ()


def test_sampled_orders_add_up_and_state_their_error() -> None:
    n, values = 8, made_values(8, seed=3, missing=0.05)
    orders = draw_orders(values.__contains__, n, 400, seed=11)
    sampled, exact = shares_over_orders(values.get, orders, n), shares_over_all_orders(values, n)
    assert sampled.n_orders == 400
    assert abs(fsum(share.mean for share in sampled.of) - (values[255] - values[0])) < EXACT
    errors = np.array([share.monte_carlo_error for share in sampled.of], dtype=float)
    off = np.array([a.mean - b.mean for a, b in zip(sampled.of, exact.of, strict=True)])
    assert (errors > 0).all()
    assert (np.abs(off) < 4 * errors).all()


def test_draws_depend_on_the_seed_alone() -> None:
    def everything(mixture: int) -> bool:
        return True

    assert draw_orders(everything, 5, 9, seed=1) == draw_orders(everything, 5, 9, seed=1)
    assert draw_orders(everything, 5, 9, seed=1) != draw_orders(everything, 5, 9, seed=2)


def test_one_sampled_order_has_no_error() -> None:
    shares = shares_over_orders({0: 0.0, 1: 1.0, 2: 3.0, 3: 5.0}.get, [(0, 1)], 2)
    assert [share.mean for share in shares.of] == [1.0, 4.0]
    assert all(share.monte_carlo_error is None for share in shares.of)


def test_the_first_order_avoids_what_is_missing() -> None:
    assert first_order({0, 1, 2, 3}.__contains__, 2) == (0, 1)
    assert first_order({0, 2, 3}.__contains__, 2) == (1, 0)
    assert first_order({0, 3}.__contains__, 2) is None
    assert draw_orders({0, 3}.__contains__, 2, 10, seed=1) == []


def test_poisson_counts_have_mean_and_variance_one() -> None:
    counts = poisson_counts((np.arange(100_000) + 0.5) / 100_000)
    assert abs(counts.mean() - 1) < 1e-3
    assert abs(counts.var() - 1) < 2e-3


def test_a_person_drawn_twice_is_two_persons() -> None:
    rows = AnalysisSet(
        person=np.arange(3), event=np.array([1, 0, 1], np.int8), start=np.zeros(3, np.int32),
        stop=np.array([5, 6, 7], np.int32), weight=np.ones(3), x=np.array([[1.0], [2.0], [3.0]]),
        columns=(Column("arm", "exposure"),), arm=np.array([1, 0, 1], np.int8),
    )  # fmt: skip
    drawn = resampled(rows, np.array([2, 0, 1]))
    assert drawn.person.tolist() == [0, 1, 2]
    assert drawn.stop.tolist() == [5, 5, 7]
    assert drawn.x[:, 0].tolist() == [1.0, 1.0, 3.0]


def test_intervals_leave_out_replicates_without_an_estimate() -> None:
    random = np.random.default_rng(5)
    drawn = {0: random.normal(0, 1, 200), 1: random.normal(1, 1, 200), 2: random.normal(2, 1, 200)}
    drawn[3] = drawn[1] + drawn[2]
    drawn[3][:30] = np.nan
    intervals = Intervals(drawn, [0, 1, 3], lambda values: shares_over_all_orders(values, 2), 0.95)
    first = intervals.of(0)
    assert first["n_replicates"] == 170
    assert first["conf_low"] < first["conf_high"]
    rows = intervals.with_changes({0: {}, 1: {}, 3: {}})
    low, high = np.quantile(drawn[1] - drawn[0], [0.025, 0.975])
    assert rows[1] == pytest.approx({"change_low": low, "change_high": high})
    assert Intervals({}, [0, 1, 3], lambda values: shares_over_all_orders(values, 2), 0.95).of(0) == {}
