"""`fit_average_effect` after matching: by hand, by identities, and (slow) by coverage."""

import numpy as np
import pandas as pd
import pytest

from equipoise import DesignError, Reason, UnsupportedError, fit_average_effect, fit_cox, fit_logistic, match

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")  # few persons, far apart

PAIRS = pd.DataFrame(
    {
        "drug": [1, 1, 1, 0, 0, 0],
        "score": [0.2, 0.4, 0.6, 0.21, 0.41, 0.61],
        "y": [3.0, 5.0, 10.0, 1.0, 4.0, 4.0],
        "died": [1, 1, 0, 1, 0, 0],
    }
)


def test_pairs_by_hand() -> None:
    fit = fit_average_effect(match(PAIRS, arm="drug", score="score"), outcome="y")
    assert fit.coefficients[0] == pytest.approx(3.0)  # differences 2, 1, 6
    # Sums of squares about 3: 1 + 4 + 9 = 14, over 3^2; times 3 / 2 sets and 5 / 4 rows, as vcovCL
    assert fit.covariance[0, 0] == pytest.approx(14 / 9 * 1.5 * 1.25)
    assert (fit.mean_target, fit.mean_reference) == (6.0, 3.0)
    assert "clustered by matched set" in repr(fit)
    assert "target arm against reference arm" in repr(fit)
    assert fit.tidy()["term"].tolist() == ["arm"]
    assert fit.glance()["estimand"].tolist() == ["ATT"]


def test_ratio_and_odds_ratio_by_the_delta_method() -> None:
    found = match(PAIRS, arm="drug", score="score")
    ratio = fit_average_effect(found, outcome="died", measure="ratio")
    odds = fit_average_effect(found, outcome="died", measure="odds_ratio")
    assert ratio.coefficients[0] == pytest.approx(np.log(2.0))
    assert odds.coefficients[0] == pytest.approx(np.log(4.0))
    assert ratio.tidy(exponentiate=True)["estimate"].tolist() == pytest.approx([2.0])
    # Influence of each set on the means: (1/3, 2/3), (1/3, -1/3), (-2/3, -1/3), over 3
    u = np.array([[1, 2], [1, -1], [-2, -1]]) / 9.0
    for fit, slope in ((ratio, [1.5, -3.0]), (odds, [4.5, -4.5])):
        expected = ((u @ np.array(slope)) ** 2).sum() * 1.5 * 1.25
        assert fit.covariance[0, 0] == pytest.approx(expected)
    frame = found.frame()
    logistic = fit_logistic(frame, outcome="died", covariates=["drug"], cluster="matched_set", robust="HC1")
    assert odds.coefficients[0] == pytest.approx(logistic.coefficients[1])
    assert odds.covariance[0, 0] == pytest.approx(logistic.covariance[1, 1], rel=1e-6)


def test_with_replacement_by_hand() -> None:
    table = {"d": np.array([1, 1, 0, 0]), "s": np.array([0.5, 0.6, 0.55, 0.1]), "y": np.array([5.0, 8.0, 2.0, 6.0])}
    found = match(table, arm="d", score="s", replace=True)
    assert found.pairs.tolist() == [[1, 2], [0, 2]]
    fit = fit_average_effect(found, outcome="y")
    assert fit.coefficients[0] == 4.5
    # Gaps 3 and 6: squares about 4.5 add to 4.5. The control counts K^2 - K' = 4 - 2 times 1/2 (2 - 6)^2 = 8
    assert fit.covariance[0, 0] == pytest.approx((4.5 + 2 * 8.0) / 4)
    assert "2006" in fit.variance


def test_two_partners_with_replacement_by_hand() -> None:
    table = {
        "d": np.array([1, 1, 0, 0, 0]),
        "s": np.array([0.5, 0.6, 0.52, 0.59, 0.9]),
        "y": np.array([5.0, 8.0, 2.0, 4.0, 10.0]),
    }
    fit = fit_average_effect(match(table, arm="d", score="s", replace=True, ratio=2), outcome="y", neighbours=2)
    assert fit.coefficients[0] == 3.5
    # Both controls: K = 1, K' = 1/2. Their variances: 2/3 (2 - 7)^2 and 2/3 (4 - 6)^2
    around = 2 / 3 * 25 + 2 / 3 * 4
    assert fit.covariance[0, 0] == pytest.approx((4.5 + 0.5 * around) / 4)


def test_arms_change_places() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    table = {"d": (rng.random(400) < 1 / (1 + np.exp(-x))).astype(int), "x": x, "y": x + rng.normal(size=400)}
    swapped = table | {"d": 1 - table["d"]}
    for replace in (False, True):
        fits = []
        for data, estimand, order in ((table, "ATT", "largest"), (swapped, "ATC", "smallest")):
            score = fit_logistic(data, outcome="d", covariates=["x"])
            found = match(
                data, arm="d", score=score, estimand=estimand, order=order, replace=replace, caliper_scale="logit",
                caliper=None if replace else 0.1,
            )  # fmt: skip
            fits.append(fit_average_effect(found, outcome="y"))
        assert fits[0].coefficients[0] == pytest.approx(-fits[1].coefficients[0], rel=1e-9)
        assert fits[0].std_errors[0] == pytest.approx(fits[1].std_errors[0], rel=1e-6)


def test_a_score_without_information_is_corrected_by_nothing_much() -> None:
    """A constant outcome has no variance by either formula, and adding a constant to all changes none."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    table = {"d": (rng.random(300) < 1 / (1 + np.exp(-x))).astype(int), "x": x, "y": x + rng.normal(size=300)}
    found = match(table, arm="d", score=fit_logistic(table, outcome="d", covariates=["x"]), replace=True)
    one = fit_average_effect(found, outcome="y")
    assert "2016" in one.variance
    assert fit_average_effect(found, outcome=table["y"] + 100).std_errors[0] == pytest.approx(one.std_errors[0])
    assert fit_average_effect(found, outcome=3 * table["y"]).std_errors[0] == pytest.approx(3 * one.std_errors[0])
    assert fit_average_effect(found, outcome=np.full(300, 2.0)).std_errors[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", ["bootstrap", "cluster", "abadie-imbens-2016", "HC3"])
def test_variances_that_do_not_hold_are_refused(name: str) -> None:
    with_replacement = match(PAIRS, arm="drug", score="score", replace=True)
    with pytest.raises(UnsupportedError, match="variance"):
        fit_average_effect(with_replacement, outcome="y", variance=name)


@pytest.mark.parametrize("name", ["bootstrap", "abadie-imbens", "abadie-imbens-2016"])
def test_without_replacement_only_the_clustered_variance_is_offered(name: str) -> None:
    with pytest.raises(UnsupportedError, match="variance"):
        fit_average_effect(match(PAIRS, arm="drug", score="score"), outcome="y", variance=name)


def test_effects_that_the_data_do_not_give_are_reasons() -> None:
    found = match(PAIRS, arm="drug", score="score")
    nobody, every = np.zeros(6), np.array([1, 1, 1, 0, 0, 0])
    for measure, outcome, reason in (
        ("ratio", nobody, Reason.NO_EVENTS),
        ("odds_ratio", nobody, Reason.NO_EVENTS),
        ("ratio", every, Reason.SEPARATION),
        ("odds_ratio", every, Reason.SEPARATION),
        ("ratio", -PAIRS["y"].to_numpy(), Reason.NOT_DEFINED),
    ):
        fit = fit_average_effect(found, outcome=outcome, measure=measure)
        assert fit.reasons == (reason,)
        assert np.isnan(fit.coefficients[0])
        assert str(reason) in repr(fit)
    one = match(PAIRS, arm="drug", score="score", caliper=0.0)
    assert fit_average_effect(one, outcome="y").reasons == (Reason.NO_INFORMATIVE_SETS,)
    empty = match(PAIRS.assign(drug=0), arm="drug", score="score")
    assert fit_average_effect(empty, outcome="y").reasons == (Reason.ONE_ARM_EMPTY,)
    single = match(PAIRS.iloc[[0, 3]], arm="drug", score="score")
    assert fit_average_effect(single, outcome="y").reasons == (Reason.NOT_DEFINED,)
    alone = match(PAIRS.iloc[[0, 1, 3]], arm="drug", score="score", replace=True)  # one control has no neighbour
    assert fit_average_effect(alone, outcome="y").reasons == (Reason.NOT_DEFINED,)


def test_questions_that_are_none_are_refused() -> None:
    found = match(PAIRS, arm="drug", score="score")
    with pytest.raises(UnsupportedError, match="measure"):
        fit_average_effect(found, outcome="y", measure="hazard")
    with pytest.raises(DesignError, match="neither 0 nor 1"):
        fit_average_effect(found, outcome="y", measure="odds_ratio")
    with pytest.raises(DesignError, match="not given"):
        fit_average_effect(found)
    with pytest.raises(DesignError, match="adjustment"):
        fit_average_effect(PAIRS, outcome="y")
    with pytest.raises(UnsupportedError, match="exponentiate"):
        fit_average_effect(found, outcome="y").tidy(exponentiate=True)


def simulated(rng: np.random.Generator, n: int, share: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    x = rng.normal(size=(n, 2))
    drug = rng.random(n) < share / (1 + np.exp(-(0.5 * x[:, 0] + 0.5 * x[:, 1])))
    y = x[:, 0] + 2.0 * x[:, 1] + drug + rng.normal(size=n)
    return {"d": drug.astype(int), "a": x[:, 0], "b": x[:, 1], "y": y}, x


COVERAGE_RUNS = 600
COVERAGE = 3.0 * np.sqrt(0.95 * 0.05 / COVERAGE_RUNS)  # three Monte Carlo standard errors


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1, 3])
def test_coverage_with_replacement_and_an_estimated_score(ratio: int) -> None:
    rng = np.random.default_rng(20 + ratio)
    covered, errors, spreads = 0, [], []
    for _ in range(COVERAGE_RUNS):
        table, _ = simulated(rng, 800, 0.7)
        score = fit_logistic(table, outcome="d", covariates=["a", "b"])
        fit = fit_average_effect(match(table, arm="d", score=score, replace=True, ratio=ratio), outcome="y")
        errors.append(fit.coefficients[0] - 1.0)
        spreads.append(fit.std_errors[0])
        covered += abs(errors[-1]) < 1.96 * spreads[-1]
    assert abs(covered / COVERAGE_RUNS - 0.95) < COVERAGE
    assert abs(np.mean(spreads) / np.std(errors) - 1.0) < 0.1


@pytest.mark.slow
def test_coverage_with_replacement_and_a_known_score() -> None:
    rng = np.random.default_rng(30)
    covered = 0
    for _ in range(COVERAGE_RUNS):
        table, x = simulated(rng, 800, 0.7)
        score = 0.7 / (1 + np.exp(-0.5 * x.sum(axis=1)))
        found = match(table, arm="d", score=score, replace=True)
        fit = fit_average_effect(found, outcome="y")
        covered += abs(fit.coefficients[0] - 1.0) < 1.96 * fit.std_errors[0]
    assert abs(covered / COVERAGE_RUNS - 0.95) < COVERAGE


@pytest.mark.slow
def test_type_one_error_of_a_cox_model_clustered_by_set() -> None:
    """No effect within levels of x is no effect marginally, so that the hazard ratio of matched arms is 1."""
    rng = np.random.default_rng(50)
    rejected = 0
    for _ in range(COVERAGE_RUNS):
        x = rng.normal(size=800)
        drug = rng.random(800) < 0.4 / (1 + np.exp(-x))
        time = rng.exponential(np.exp(-0.7 * x))
        table = {"d": drug.astype(int), "s": 0.4 / (1 + np.exp(-x)), "time": np.minimum(time, 1.5), "event": time < 1.5}
        rows = match(table, arm="d", score="s", caliper=0.1, caliper_scale="logit").frame()
        fit = fit_cox(rows, time="time", event="event", covariates=["d"], cluster="matched_set")
        rejected += abs(fit.coefficients[0]) > 1.96 * fit.std_errors[0]
    assert abs(rejected / COVERAGE_RUNS - 0.05) < COVERAGE


@pytest.mark.slow
def test_coverage_of_pairs_with_an_outcome_that_the_score_explains() -> None:
    """Clustering by set is exact in expectation where the outcome depends on the score alone, conservative else."""
    rng = np.random.default_rng(40)
    covered = 0
    for _ in range(COVERAGE_RUNS):
        x = rng.normal(size=1500)
        drug = rng.random(1500) < 0.3 / (1 + np.exp(-x))
        table = {"d": drug.astype(int), "s": 0.3 / (1 + np.exp(-x)), "y": 2.0 * x + drug + rng.normal(size=1500)}
        fit = fit_average_effect(match(table, arm="d", score="s", caliper=0.2), outcome="y")
        covered += abs(fit.coefficients[0] - 1.0) < 1.96 * fit.std_errors[0]
    assert abs(covered / COVERAGE_RUNS - 0.95) < COVERAGE


def plain_2016(x: np.ndarray, w: np.ndarray, y: np.ndarray, p: np.ndarray, size: int) -> float:
    """Abadie and Imbens (2016), ATT, one partner, loop by loop; no two scores are equal."""
    n, treated = len(y), int(w.sum())
    z = x[:, 1:]
    inverse = np.linalg.inv(np.cov(z, rowvar=False))

    def nearest(i: int, arm: bool, k: int) -> list[int]:
        others = [j for j in range(n) if w[j] == arm and j != i]
        return sorted(others, key=lambda j: abs(p[j] - p[i]))[:k]

    def nearest_in_x(i: int) -> int:
        others = [j for j in range(n) if w[j] != w[i]]
        return min(others, key=lambda j: (z[i] - z[j]) @ inverse @ (z[i] - z[j]))

    partner = {i: nearest(i, False, 1)[0] for i in range(n) if w[i]}
    gaps = {i: y[i] - y[j] for i, j in partner.items()}
    tau = sum(gaps.values()) / treated
    used = [sum(j == k for j in partner.values()) for k in range(n)]
    around = [1 / 2 * (y[k] - y[nearest(k, bool(w[k]), 1)[0]]) ** 2 for k in range(n)]
    known = sum((gap - tau) ** 2 for gap in gaps.values()) + sum(used[k] * (used[k] - 1) * around[k] for k in range(n))
    information, c, d = np.zeros((x.shape[1],) * 2), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for i in range(n):
        f = p[i] * (1 - p[i])
        information += f * np.outer(x[i], x[i])
        near = {arm: nearest(i, arm, size) for arm in (True, False)}
        level = {arm: np.mean(y[near[arm]]) for arm in near}
        joint = {arm: sum((x[j] - x[near[arm]].mean(axis=0)) * (y[j] - level[arm]) for j in near[arm]) for arm in near}
        c += x[i] * f * (level[True] - level[False] - tau) / treated
        c += f * (joint[True] + p[i] / (1 - p[i]) * joint[False]) / (size - 1) / treated
        sign = 1 if w[i] else -1
        d += x[i] * f * (sign * (y[i] - y[nearest_in_x(i)]) - tau) / treated
    inverse_information = np.linalg.inv(information)
    return float(known / treated**2 + d @ inverse_information @ d - c @ inverse_information @ c)


def test_the_variance_for_an_estimated_score_is_that_of_plain_loops() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(70, 2))
    drug = (rng.random(70) < 1 / (1 + np.exp(0.5 - x[:, 0]))).astype(int)
    table = {"d": drug, "a": x[:, 0], "b": x[:, 1], "y": x.sum(axis=1) + drug + rng.normal(size=70)}
    score = fit_logistic(table, outcome="d", covariates=["a", "b"])
    fit = fit_average_effect(match(table, arm="d", score=score, replace=True), outcome="y", neighbours=1)
    design = np.column_stack([np.ones(70), x])
    expected = plain_2016(design, drug == 1, table["y"], score.fitted_values, 2)
    assert fit.covariance[0, 0] == pytest.approx(expected, rel=1e-8)


def test_the_correction_is_left_out_where_it_does_not_hold() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=200)
    drug = (rng.random(200) < 1 / (1 + np.exp(1 - x))).astype(int)
    table = {"d": drug, "x": x, "sex": np.arange(200) % 2, "y": x + rng.normal(size=200)}
    score = fit_logistic(table, outcome="d", covariates=["x"])
    weighted = fit_logistic(table, outcome="d", covariates=["x"], weights=np.full(200, 2.0))
    for options in (
        {"score": score, "exact": "sex"},
        {"score": score, "caliper": 0.001},
        {"score": score.fitted_values},
        {"score": weighted},
        {"score": fit_logistic(table, outcome="d", covariates=["x"], firth=True)},
    ):
        found = match(table, arm="d", replace=True, **options)
        assert "2006" in fit_average_effect(found, outcome="y").variance
        with pytest.raises(UnsupportedError, match="abadie-imbens-2016"):
            fit_average_effect(found, outcome="y", variance="abadie-imbens-2016")
