"""Bias, coverage and type I error of curves, restricted means, tests and Fine-Gray regression, by simulation."""

import math

import numpy as np
import pytest

import equipoise as eq

RUNS = 1000
N = 300
LIMITS = 4.0  # Monte Carlo standard errors: 1 in 16,000 by chance


def assert_covers(hits: int, runs: int, level: float = 0.95) -> None:
    error = math.sqrt(level * (1.0 - level) / runs)
    assert abs(hits / runs - level) < LIMITS * error


def assert_unbiased(estimates: np.ndarray, truth: float) -> None:
    assert abs(estimates.mean() - truth) < LIMITS * estimates.std() / math.sqrt(len(estimates))


@pytest.mark.slow
@pytest.mark.parametrize("robust", [False, True])
def test_kaplan_meier_with_late_entry(robust: bool) -> None:
    rng = np.random.default_rng(1)
    truth, estimates, hits = math.exp(-1.0), [], 0
    for _ in range(RUNS):
        failed, entry = rng.exponential(1.0, 3 * N), rng.uniform(0.0, 0.3, 3 * N) * (rng.random(3 * N) < 0.7)
        stop = np.minimum(failed, entry + rng.uniform(0.5, 3.0, 3 * N))
        kept = failed > entry
        rows = {"t": stop[kept], "d": (failed <= stop)[kept], "s": entry[kept]}
        rows["d"] = rows["d"].astype(int)
        at = eq.fit_survival_curve(rows, time="t", event="d", start="s", robust=robust, conf_type="log-log")
        row = at.survival_at(1.0).iloc[0]
        estimates.append(row["estimate"])
        hits += row["conf_low"] <= truth <= row["conf_high"]
    assert_unbiased(np.array(estimates), truth)
    assert_covers(hits, RUNS)


@pytest.mark.slow
def test_restricted_mean_difference_of_dependent_pairs() -> None:
    """Pairs share a frailty: an analysis of independent rows would be too unsure."""
    rng = np.random.default_rng(2)
    estimates, hits, ignored = [], 0, 0
    for _ in range(RUNS):
        frailty = np.repeat(rng.gamma(1.0, 1.0, N), 2)
        failed, censored = rng.exponential(1.0 / frailty), rng.uniform(1.0, 4.0, 2 * N)
        rows = {
            "t": np.minimum(failed, censored),
            "d": (failed <= censored).astype(int),
            "arm": np.tile([0, 1], N),
            "pair": np.repeat(np.arange(N), 2),
        }
        row = eq.fit_survival_curve(rows, time="t", event="d", by="arm", cluster="pair").restricted_mean(1.0).iloc[2]
        alone = eq.fit_survival_curve(rows, time="t", event="d", by="arm").restricted_mean(1.0).iloc[2]
        estimates.append(row["estimate"])
        hits += row["conf_low"] <= 0.0 <= row["conf_high"]
        ignored += alone["conf_low"] <= 0.0 <= alone["conf_high"]
    assert_unbiased(np.array(estimates), 0.0)
    assert_covers(hits, RUNS)
    assert ignored / RUNS > 0.97


@pytest.mark.slow
def test_weighted_curve_in_a_confounded_population() -> None:
    """Inverse-probability weights (known) give the survival everybody would have under treatment."""
    rng = np.random.default_rng(3)
    truth, hits, estimates = (math.exp(-0.5) + math.exp(-2.0)) / 2.0, 0, []
    for _ in range(RUNS):
        frail = rng.integers(0, 2, 2 * N)
        share = np.where(frail == 1, 0.3, 0.7)
        treated = rng.random(2 * N) < share
        failed, censored = rng.exponential(np.where(frail == 1, 0.5, 2.0)), rng.uniform(0.5, 4.0, 2 * N)
        rows = {
            "t": np.minimum(failed, censored)[treated],
            "d": (failed <= censored).astype(int)[treated],
            "w": (1.0 / share)[treated],
        }
        at = eq.fit_survival_curve(rows, time="t", event="d", weights="w").survival_at(1.0).iloc[0]
        estimates.append(at["estimate"])
        hits += at["conf_low"] <= truth <= at["conf_high"]
    assert abs(np.mean(estimates) - truth) < 0.005  # a ratio of sums, so slightly biased
    assert_covers(hits, RUNS)


def competing(rng: np.random.Generator, n: int, beta: float) -> dict[str, np.ndarray]:
    """Fine and Gray's own simulation: cause 1 has 1 - (1 - p (1 - e^-t))^exp(beta x), p = 0.4; the rest cause 2."""
    x, p = rng.integers(0, 2, n).astype(float), 0.4
    relative = np.exp(beta * x)
    ever = 1.0 - (1.0 - p) ** relative
    u = rng.random(n) * ever
    first = -np.log(1.0 - (1.0 - (1.0 - u) ** (1.0 / relative)) / p)
    is_first = rng.random(n) < ever
    failed = np.where(is_first, first, rng.exponential(1.0, n))
    censored = rng.uniform(0.5, 4.0, n)
    cause = np.where(censored < failed, 0, np.where(is_first, 1, 2))
    return {"t": np.minimum(failed, censored), "c": cause, "x": x}


@pytest.mark.slow
@pytest.mark.parametrize("robust", [False, True])
def test_cumulative_incidence(robust: bool) -> None:
    rng = np.random.default_rng(4)
    truth, estimates, hits = 0.4 * (1.0 - math.exp(-1.0)), [], 0
    for _ in range(RUNS):
        rows = competing(rng, N, 0.0)
        at = eq.fit_cumulative_incidence(rows, time="t", event="c", robust=robust, conf_type="log-log").incidence_at(1)
        row = at.iloc[0]
        estimates.append(row["estimate"])
        hits += row["conf_low"] <= truth <= row["conf_high"]
    assert_unbiased(np.array(estimates), truth)
    assert_covers(hits, RUNS)


@pytest.mark.slow
def test_type_one_error_of_the_tests() -> None:
    rng = np.random.default_rng(5)
    accepted = {"log-rank": 0, "late differences": 0, "gray": 0}
    for _ in range(RUNS):
        rows = competing(rng, N, 0.0) | {"site": rng.integers(0, 3, N)}
        died = rows | {"d": (rows["c"] > 0).astype(int)}
        accepted["log-rank"] += eq.compare_survival_curves(died, time="t", event="d", by="x").p_value > 0.05
        late = eq.compare_survival_curves(died, time="t", event="d", by="x", strata="site", gamma=1)
        accepted["late differences"] += late.p_value > 0.05
        gray = eq.compare_cumulative_incidence(rows, time="t", event="c", by="x", strata="site")
        accepted["gray"] += gray.p_value[0] > 0.05
    for count in accepted.values():
        assert_covers(count, RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("convention", ["crr", "finegray"])
@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_fine_gray(convention: str, beta: float) -> None:
    rng = np.random.default_rng(6)
    estimates, hits = [], 0
    for _ in range(RUNS):
        rows = competing(rng, 2 * N, beta)
        row = eq.fit_fine_gray(rows, time="t", event="c", covariates=["x"], convention=convention).estimate("x")
        estimates.append(row.estimate)
        hits += row.conf_low <= beta <= row.conf_high
    assert abs(np.mean(estimates) - beta) < LIMITS * np.std(estimates) / math.sqrt(RUNS) + 0.01  # small-sample bias
    assert_covers(hits, RUNS)


@pytest.mark.slow
def test_fine_gray_with_late_entry() -> None:
    rng = np.random.default_rng(7)
    estimates, hits = [], 0
    for _ in range(RUNS):
        rows = competing(rng, 3 * N, 0.7)
        entry = rng.uniform(0.0, 0.5, 3 * N) * (rng.random(3 * N) < 0.6)
        kept = rows["t"] > entry
        late = {name: values[kept] for name, values in rows.items()} | {"s": entry[kept], "id": np.flatnonzero(kept)}
        row = eq.fit_fine_gray(
            late, time="t", event="c", start="s", covariates=["x"], convention="finegray", cluster="id"
        ).estimate("x")
        estimates.append(row.estimate)
        hits += row.conf_low <= 0.7 <= row.conf_high
    assert abs(np.mean(estimates) - 0.7) < LIMITS * np.std(estimates) / math.sqrt(RUNS) + 0.01
    assert_covers(hits, RUNS)
