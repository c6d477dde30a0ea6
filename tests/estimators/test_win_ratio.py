"""Win ratio, win odds, net benefit and joint ranks: by hand, against every pair counted, in expectation."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import mannwhitneyu, rankdata

from equipoise import fit_cafs, fit_win_ratio
from equipoise.errors import DesignError, Reason, UnsupportedError

COLUMNS: dict[str, Any] = {"arm": "arm", "time": "month", "event": "died"}
THEN = {"change": "higher", "admissions": "lower"}


def people(n: int, seed: int, effect: float = 0.0) -> dict[str, np.ndarray]:
    """Coarse times and changes, so that ties of every kind occur; some changes are missing."""
    random = np.random.default_rng(seed)
    arm = random.integers(0, 2, n)
    death, loss = random.exponential(10.0 * np.exp(effect * arm), n), random.exponential(12.0, n)
    change = np.round(random.normal(effect * arm, 2.0, n))
    return {
        "arm": arm,
        "month": np.ceil(np.minimum(death, loss)),
        "died": (death <= loss).astype(np.int64),
        "change": np.where(random.random(n) < 0.15, np.nan, change),
        "admissions": random.integers(0, 3, n).astype(np.float64),
        "centre": random.integers(0, 3, n),
    }


def verdict(rows: dict[str, np.ndarray], i: int, j: int) -> tuple[int, int]:
    """(outcome, +1 or -1 for person i) by the definition, in words that can be read."""

    def outlived(a: int, b: int) -> bool:
        later = rows["month"][a] > rows["month"][b]
        beyond = rows["month"][a] == rows["month"][b] and not rows["died"][a]
        return bool(rows["died"][b]) and (later or beyond)

    if outlived(i, j) or outlived(j, i):
        return 0, 1 if outlived(i, j) else -1
    for k, (name, way) in enumerate(THEN.items()):
        gain = (rows[name][i] - rows[name][j]) * (1 if way == "higher" else -1)
        if gain > 0 or gain < 0:
            return k + 1, 1 if gain > 0 else -1
    return len(THEN) + 1, 0


def brute_force(rows: dict[str, np.ndarray], among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts of all pairs target x reference among some rows, and which outcomes decided."""
    target, other = (np.flatnonzero(among & (rows["arm"] == side)) for side in (1, 0))
    found = np.zeros((len(target), len(other)), np.int64)
    decided = np.zeros((1 + len(THEN), 2), np.int64)
    for (a, i), (b, j) in itertools.product(enumerate(target), enumerate(other)):
        k, found[a, b] = verdict(rows, i, j)
        if found[a, b]:
            decided[k, 0 if found[a, b] > 0 else 1] += 1
    return found, decided


def u_statistic(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of wins and losses and their covariance, from the matrix of verdicts."""
    wins = np.stack([found > 0, found < 0]).astype(np.float64)
    n1, n0 = found.shape
    return wins.mean(axis=(1, 2)), np.cov(wins.mean(axis=2)) / n1 + np.cov(wins.mean(axis=1)) / n0


def test_by_hand() -> None:
    """Target: dead at 5, alive at 9 with -3. Reference: dead at 4, alive at 9 with -5. Three pairs won, one lost.

    Shares by person of the target 1/2 and 1 (wins), 1/2 and 0 (losses); of the reference 1 and 1/2, 0 and 1/2. Each has
    variance 1/8, so that wins and losses have variance 1/16 + 1/16 = 1/8 and covariance -1/8.
    """
    rows = {"arm": [1, 1, 0, 0], "month": [5, 9, 4, 9], "died": [1, 0, 1, 0], "change": [-9, -3, -8, -5]}
    fit = fit_win_ratio(rows, **COLUMNS, then={"change": "higher"})
    np.testing.assert_allclose(fit.shares, [0.75, 0.25], rtol=1e-15)
    np.testing.assert_allclose(fit.covariance, np.array([[1, -1], [-1, 1]]) / 8.0, rtol=1e-14)
    assert fit.decided.tolist() == [[2, 1], [1, 0]]
    ratio, odds, benefit = (fit.estimate(measure) for measure in ("win ratio", "win odds", "net benefit"))
    assert ratio.estimate == pytest.approx(math.log(3.0), rel=1e-14)
    assert ratio.std_error == pytest.approx(math.sqrt((4 / 3 + 4) ** 2 / 8), rel=1e-14)
    assert odds.estimate == pytest.approx(math.log(3.0), rel=1e-14)
    assert benefit.estimate == pytest.approx(0.5, rel=1e-14)
    assert benefit.std_error == pytest.approx(math.sqrt(0.5), rel=1e-14)
    assert odds.std_error == pytest.approx(2 / (1 - 0.25) * math.sqrt(0.5), rel=1e-14)


def test_every_pair_counted_one_by_one() -> None:
    for seed in range(4):
        rows = people(60, seed)
        fit = fit_win_ratio(rows, **COLUMNS, then=THEN)
        found, decided = brute_force(rows, np.ones(60, np.bool_))
        shares, covariance = u_statistic(found)
        assert (fit.decided == decided).all()
        assert (decided > 0).all()  # every outcome decides some pairs, both ways
        assert fit.pairs == found.size
        np.testing.assert_allclose(fit.shares, shares, rtol=1e-13)
        np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-11)


def test_strata_are_weighted_by_the_harmonic_size() -> None:
    rows = people(90, 8)
    fit = fit_win_ratio(rows, **COLUMNS, then=THEN, strata="centre")
    weights, shares, covariances = [], [], []
    for centre in range(3):
        found, _ = brute_force(rows, rows["centre"] == centre)
        weights.append(found.size / sum(found.shape))
        share, covariance = u_statistic(found)
        shares.append(share)
        covariances.append(covariance)
    weight = np.array(weights) / sum(weights)
    np.testing.assert_allclose(fit.shares, weight @ np.array(shares), rtol=1e-13)
    np.testing.assert_allclose(fit.covariance, np.einsum("s,sij->ij", weight**2, covariances), rtol=1e-11)
    assert (fit.strata, fit.informative_strata) == (3, 3)


def test_matched_pairs_are_pocock_s() -> None:
    """With pairs, log(W / L) has variance 1/W + 1/L."""
    rows = people(400, 5, effect=0.4)
    rows["arm"], rows["pair"] = np.tile([0, 1], 200), np.repeat(np.arange(200), 2)
    fit = fit_win_ratio(rows, **COLUMNS, then=THEN, matched="pair")
    wins, losses = fit.decided.sum(axis=0)
    row = fit.estimate("win ratio")
    assert fit.pairs == 200
    assert row.estimate == pytest.approx(math.log(wins / losses), rel=1e-12)
    assert row.std_error == pytest.approx(math.sqrt(1 / wins + 1 / losses), rel=1e-12)


def test_without_censoring_the_win_odds_is_the_one_of_mann_and_whitney() -> None:
    rows = people(200, 6) | {"died": np.ones(200, np.int64)}
    fit = fit_win_ratio(rows, **COLUMNS)
    one, other = rows["month"][rows["arm"] == 1], rows["month"][rows["arm"] == 0]
    share = mannwhitneyu(one, other).statistic / (len(one) * len(other))
    assert fit.estimate("win odds", exponentiate=True).estimate == pytest.approx(share / (1 - share), rel=1e-12)


def test_arms_exchanged_turn_every_measure_round() -> None:
    rows = people(120, 9, effect=0.3)
    one = fit_win_ratio(rows, **COLUMNS, then=THEN)
    other = fit_win_ratio(rows, **COLUMNS, then=THEN, reference=1)
    for measure in ("win ratio", "win odds", "net benefit"):
        assert other.estimate(measure).estimate == pytest.approx(-one.estimate(measure).estimate, rel=1e-12)
        assert other.estimate(measure).std_error == pytest.approx(one.estimate(measure).std_error, rel=1e-12)
    assert (one.decided == other.decided[:, ::-1]).all()
    assert (one.target, one.reference) == ("arm=1", "arm=0")


def test_only_order_counts_and_the_order_of_rows_does_not() -> None:
    rows = people(150, 2, effect=0.2)
    order = np.random.default_rng(1).permutation(150)
    bent = rows | {"month": np.exp(rows["month"] / 7), "change": rows["change"] ** 3}
    mixed = {name: values[order] for name, values in rows.items()}
    expected = fit_win_ratio(rows, **COLUMNS, then=THEN)
    for other in (bent, mixed, pd.DataFrame(rows), pl.DataFrame(rows), pl.DataFrame(rows).to_arrow()):
        fit = fit_win_ratio(other, **COLUMNS, then=THEN)
        assert (fit.decided == expected.decided).all()
        np.testing.assert_allclose(fit.covariance, expected.covariance, rtol=1e-12)
    assert isinstance(fit_win_ratio(pl.DataFrame(rows), **COLUMNS).tidy(), pl.DataFrame)


def test_frames_and_words() -> None:
    rows = people(80, 3, effect=0.5)
    fit = fit_win_ratio(rows, **COLUMNS, then=THEN)
    tidy = fit.tidy(exponentiate=True)
    assert tidy["term"].tolist() == ["win ratio", "win odds", "net benefit"]
    assert (tidy["conf_low"] < tidy["estimate"]).all()
    assert (tidy["estimate"] < tidy["conf_high"]).all()
    np.testing.assert_allclose(np.log(tidy["estimate"][:2]), fit.tidy()["estimate"][:2], rtol=1e-14)
    shown = fit.decisions()
    assert shown["outcome"].tolist() == ["month", "change", "admissions", "tied"]
    assert shown["share_of_pairs"].sum() == pytest.approx(1.0)
    glance = fit.glance().iloc[0]
    assert glance["wins"] + glance["losses"] + glance["ties"] == glance["pairs"]
    assert glance["missing"] == np.isnan(rows["change"]).sum()
    assert "arm=1 against arm=0" in repr(fit)
    assert "win ratio" in repr(fit)


def test_what_the_data_cannot_answer_has_a_reason() -> None:
    def reasons(rows: dict[str, Any], **more: Any) -> list[Reason | None]:
        fit = fit_win_ratio(rows, **COLUMNS, **more)
        assert repr(fit)
        return [fit.estimate(measure).reason for measure in ("win ratio", "win odds", "net benefit")]

    alive = {"arm": [0, 0, 1, 1], "month": [1, 2, 3, 4], "died": [0, 0, 0, 0], "change": [1, 1, 1, 1]}
    assert reasons(alive) == [Reason.NO_EVENTS] * 3
    assert reasons(alive, then=["change"]) == [Reason.NOT_DEFINED] * 3
    assert reasons(alive | {"arm": [1, 1, 1, 1]}) == [Reason.ONE_ARM_EMPTY] * 3
    assert reasons({"arm": [1], "month": [1], "died": [1]}) == [Reason.ONE_ARM_EMPTY] * 3
    separated = alive | {"died": [1, 1, 1, 1]}
    assert reasons(separated) == [Reason.SEPARATION, Reason.SEPARATION, Reason.BOUNDARY]
    assert reasons(alive | {"died": [1, 0, 0, 0]}) == [Reason.SEPARATION, None, None]
    lonely = {"arm": [1, 0, 0, 0], "month": [2, 1, 2, 3], "died": [1, 1, 1, 1]}
    assert reasons(lonely) == [Reason.NOT_IDENTIFIED] * 3
    assert reasons(lonely | {"set": [0, 0, 0, 0]}, matched="set") == [Reason.NOT_IDENTIFIED] * 3


def test_what_cannot_be_compared_is_refused() -> None:
    rows = people(30, 1)
    with pytest.raises(UnsupportedError, match="beside matched"):
        fit_win_ratio(rows, **COLUMNS, strata="centre", matched="centre")
    with pytest.raises(DesignError, match="3 different values"):
        fit_win_ratio(rows, arm="centre", time="month", event="died")
    with pytest.raises(DesignError, match="single person in an arm"):
        fit_win_ratio(rows | {"pair": np.arange(30) // 3}, **COLUMNS, strata="pair")
    with pytest.raises(DesignError, match="1 missing"):
        fit_win_ratio(rows | {"month": np.where(np.arange(30) == 3, np.nan, 1.0)}, **COLUMNS)
    with pytest.raises(DesignError, match="infinite"):
        fit_win_ratio(rows | {"change": np.full(30, np.inf)}, **COLUMNS, then=["change"])
    with pytest.raises(DesignError, match="'higher' or 'lower'"):
        fit_win_ratio(rows, **COLUMNS, then={"change": "up"})
    with pytest.raises(DesignError, match="not in the data frame"):
        fit_win_ratio(rows, **COLUMNS, then=["absent"])
    with pytest.raises(DesignError, match="each outcome once"):
        fit_win_ratio(rows, **COLUMNS, then=["change", "change"])
    with pytest.raises(DesignError, match="0, 1"):
        fit_win_ratio(rows, **COLUMNS, reference="drug")


def test_joint_ranks_against_every_pair_and_wilcoxon() -> None:
    rows = people(70, 11, effect=0.4)
    fit = fit_cafs(rows, **COLUMNS, then=THEN)
    scores = [sum(verdict(rows, i, j)[1] for j in range(70) if j != i) for i in range(70)]
    assert fit.scores.tolist() == scores
    assert fit.scores.sum() == 0
    np.testing.assert_array_equal(fit.ranks, rankdata(scores))
    one, other = fit.ranks[rows["arm"] == 1], fit.ranks[rows["arm"] == 0]
    test = mannwhitneyu(one, other, use_continuity=False, method="asymptotic")
    assert fit.tidy()["p_value"].iloc[2] == pytest.approx(test.pvalue, rel=1e-10)
    assert fit.difference == pytest.approx(one.mean() - other.mean(), rel=1e-13)
    mixed = np.random.default_rng(0).permutation(70)
    again = fit_cafs({name: values[mixed] for name, values in rows.items()}, **COLUMNS, then=THEN)
    assert (again.ranks == fit.ranks[mixed]).all()


def test_the_scores_test_is_finkelstein_and_schoenfeld_s() -> None:
    """Their variance of the sum of scores is n1 n0 / (n (n - 1)) times the sum of squares."""
    rows = people(50, 12, effect=0.4)
    fit = fit_cafs(rows, **COLUMNS, then=["change"])
    n1, n0 = fit.persons
    total = fit.scores[rows["arm"] == 1].sum()
    variance = n1 * n0 / (50 * 49) * (fit.scores**2).sum()
    assert fit.z_score == pytest.approx(total / math.sqrt(variance), rel=1e-12)


def test_joint_ranks_without_an_answer() -> None:
    alive = {"arm": [0, 0, 1, 1], "month": [1, 2, 3, 4], "died": [0, 0, 0, 0], "change": [1, 1, 1, 1]}
    tied = fit_cafs(alive, **COLUMNS, then="change")
    assert tied.reason is Reason.NOT_DEFINED
    assert "NOT_DEFINED" in repr(tied)
    empty = fit_cafs(alive | {"arm": [0, 0, 0, 0]}, **COLUMNS, then="change")
    assert empty.reason is Reason.ONE_ARM_EMPTY
    lonely = fit_cafs({"arm": [1, 0, 0], "month": [3, 2, 1], "died": [1, 1, 1]}, **COLUMNS, then=())
    assert lonely.reason is Reason.NOT_IDENTIFIED
    nobody = fit_cafs({"arm": [], "month": [], "died": []}, **COLUMNS, then=())
    assert nobody.reason is Reason.ONE_ARM_EMPTY
    assert empty.tidy()["reason"].tolist()[2] == "ONE_ARM_EMPTY"


NORMAL_975 = 1.959963984540054
REPEATS = 1_500


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_intervals_cover_in_95_percent(effect: float) -> None:
    """Exponential times, everybody censored at one time, normal change: the truth is an integral of a few lines."""
    end, n = 1.0, 80
    truth = {}
    random = np.random.default_rng(77)
    rates = np.exp([-effect, 0.0])
    alive = np.exp(-rates * end)
    first = 1.0 - np.exp(-rates.sum() * end)  # somebody of the pair dies before the end
    better = 0.5 * math.erfc(-effect / 2.0)  # P(N(effect, 1) > N(0, 1))
    won = first * rates[1] / rates.sum() + alive.prod() * better
    lost = first * rates[0] / rates.sum() + alive.prod() * (1.0 - better)
    truth = {"win ratio": math.log(won / lost), "net benefit": won - lost}
    truth["win odds"] = math.log((1 + won - lost) / (1 - won + lost))
    covered = dict.fromkeys(truth, 0)
    arm = np.repeat([1, 0], n)
    for _ in range(REPEATS):
        death = random.exponential(1.0 / np.repeat(rates, n))
        rows = {"arm": arm, "month": np.minimum(death, end), "died": death < end}
        rows["change"] = random.normal(effect * arm, 1.0)
        fit = fit_win_ratio(rows, **COLUMNS, then=["change"])
        for measure, value in truth.items():
            row = fit.estimate(measure)
            covered[measure] += row.conf_low <= value <= row.conf_high
    allowed = 3.5 * math.sqrt(0.95 * 0.05 / REPEATS)
    for measure, count in covered.items():
        assert abs(count / REPEATS - 0.95) < allowed + 0.005, (measure, count / REPEATS)  # Wald intervals of 80 each


@pytest.mark.slow
def test_no_effect_is_found_in_5_percent() -> None:
    random = np.random.default_rng(5)
    found = np.zeros(2)
    for _ in range(REPEATS):
        rows = people(60, int(random.integers(1 << 30)))
        fit = fit_cafs(rows, **COLUMNS, then=THEN)
        found += np.abs([fit.z_rank, fit.z_score]) > NORMAL_975
    assert (np.abs(found / REPEATS - 0.05) < 3.5 * math.sqrt(0.05 * 0.95 / REPEATS)).all()
