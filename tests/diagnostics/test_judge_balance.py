"""`judge_balance`: by hand, Holm by brute force, constants, declared sets, the family-wise level by simulation."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from equipoise import DesignError, assess_balance, judge_balance, match
from equipoise.diagnostics.balance_verdict import _holm

PHI = NormalDist().cdf


def table(n: int, gaps: list[float], seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    rng = np.random.default_rng(seed)
    drug = np.arange(n) % 2
    names = [f"c{j}" for j in range(len(gaps))]
    columns = {name: rng.normal(gap * drug, 1.0) for name, gap in zip(names, gaps, strict=True)}
    return pd.DataFrame({"drug": drug, **columns}), names


def test_p_values_by_hand() -> None:
    rows, names = table(400, [0.0, 0.3])
    balance = assess_balance(rows, arm="drug", covariates=names)
    found = judge_balance(balance)
    for j in range(2):
        d, e = abs(balance.before.smd[j]), balance.before.std_error[j]
        assert found.p_value[j] == pytest.approx(PHI((0.1 - d) / e) + PHI(-(0.1 + d) / e))


def test_beyond_by_chance_is_reported_and_does_not_fail() -> None:
    rows, names = table(100, [0.0] * 50, seed=3)
    found = judge_balance(assess_balance(rows, arm="drug", covariates=names))
    assert found.beyond > 10
    assert found.largest > 0.3
    assert found.failed == ()
    assert found.judged == 50


def test_a_clear_difference_fails_and_is_named() -> None:
    rows, names = table(2_000, [0.0, 0.4, 0.0])
    found = judge_balance(assess_balance(rows, arm="drug", covariates=names))
    assert found.failed == ("c1",)
    assert found.worst == "c1"
    assert judge_balance(assess_balance(rows, arm="drug", covariates=names), threshold=0.6).failed == ()


def test_differences_after_adjustment_count_and_the_score_is_no_covariate() -> None:
    rng = np.random.default_rng(2)
    age = rng.normal(0, 1, 2_000)
    score = 1 / (1 + np.exp(-age))
    rows = pd.DataFrame({"drug": (rng.random(2_000) < score).astype(int), "age": age, "score": score})
    before = judge_balance(assess_balance(rows, arm="drug", covariates=["age"]))
    matched = match(rows, arm="drug", score="score", caliper=0.2)
    after = judge_balance(assess_balance(matched, covariates=["age"]))
    assert before.failed == ("age",)
    assert (after.failed, after.names) == ((), ("age",))


def test_constants_are_equal_or_infinitely_apart() -> None:
    rows = pd.DataFrame({"drug": [1, 0] * 10, "same": [3.0] * 20, "apart": [1.0, 0.0] * 10})
    found = judge_balance(assess_balance(rows, arm="drug", covariates=["same", "apart"]))
    assert found.p_value.tolist() == [1.0, 0.0]
    assert found.failed == ("apart",)
    weights = np.random.default_rng(0).random(20)  # means of a constant are rounded
    weighed = assess_balance(rows, arm="drug", covariates=["same"], weights=weights)
    assert judge_balance(weighed).failed == ()


def test_factors_are_declared_by_name_or_by_level() -> None:
    rows = pd.DataFrame({"drug": [1, 0, 0] * 10, "site": ["a", "b", "c"] * 10, "age": range(30)})
    balance = assess_balance(rows, arm="drug", covariates=["site", "age"])
    assert judge_balance(balance, declared=["site"]).names == ("site[a]", "site[b]", "site[c]")
    assert judge_balance(balance, declared=["age", "site[b]"]).names == ("site[b]", "age")
    with pytest.raises(DesignError, match="no covariate 'weight'"):
        judge_balance(balance, declared=["weight"])


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_the_closed_test_of_bonferroni(seed: int) -> None:
    p = np.random.default_rng(seed).random(6) ** 4
    sets = [[j for j in range(6) if code >> j & 1] for code in range(1, 64)]
    closed = [all(min(p[s]) <= 0.05 / len(s) for s in sets if j in s) for j in range(6)]
    assert _holm(p, 0.05).tolist() == closed
    with_gap = np.append(p, np.nan)
    assert _holm(with_gap, 0.05).tolist() == [*closed, False]


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_a_family_on_the_edge_fails_no_more_often_than_stated(gap: float) -> None:
    failures = 0
    for seed in range(1_000):
        rows, names = table(600, [gap] * 10, seed)
        failures += bool(judge_balance(assess_balance(rows, arm="drug", covariates=names)).failed)
    assert failures / 1_000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1_000)
