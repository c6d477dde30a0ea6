"""`assess_power` and `assess_generalizability`: by hand, as simulated, across kinds of data, refusals."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from equipoise import (
    AnalysisSet,
    DesignError,
    Reason,
    UnsupportedError,
    assess_generalizability,
    assess_power,
    fit_cox,
    match,
    weigh,
)
from equipoise.diagnostics.generalizability import compare_with_everybody

Z = 1.959963984540054 + 0.8416212335729143


def test_schoenfeld_by_hand() -> None:
    found = assess_power(target=300, reference=100, events=50)
    assert found.minimal_detectable_ratio == pytest.approx(math.exp(Z / math.sqrt(50 * 0.75 * 0.25)))
    one = assess_power(target=300, reference=100, events=50, two_sided=False, alpha=0.025)
    assert one.minimal_detectable_ratio == pytest.approx(found.minimal_detectable_ratio)
    assert assess_power(target=300, reference=100, events=500).minimal_detectable_ratio < 1.6
    assert "80 %" in repr(found)


def test_rows_are_counted() -> None:
    rows = pd.DataFrame({"drug": [1, 1, 0, 0, 0], "died": [1, 0, 1, 1, 0]})
    counted = assess_power(rows, arm="drug", event="died")
    assert (counted.target, counted.reference, counted.events) == (2, 3, 3)
    zero = np.zeros(5, np.int32)
    own = AnalysisSet(
        np.arange(5), np.array([1, 0, 1, 2, 0], np.int8), zero, zero + 1, np.ones(5), np.empty((5, 0)), (),
        arm=np.array([1, 1, 0, 0, 0], np.int8),
    )  # fmt: skip
    assert assess_power(own).events == 2  # of cause 1
    assert counted.tidy()["events"].tolist() == [3]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [((0, 5, 3), Reason.ONE_ARM_EMPTY), ((5, 0, 3), Reason.ONE_ARM_EMPTY), ((5, 5, 0), Reason.NO_EVENTS)],
)
def test_nothing_can_be_detected_without_events_or_an_arm(counts: tuple, reason: Reason) -> None:
    found = assess_power(**dict(zip(("target", "reference", "events"), counts, strict=True)))
    assert found.minimal_detectable_ratio == math.inf
    assert found.reason is reason
    assert reason in repr(found)


@pytest.mark.parametrize(
    "given",
    [
        {"target": 5, "reference": 5},
        {"target": -5, "reference": 5, "events": 1},
        {"target": 5.5, "reference": 5, "events": 1},
        {"target": 5, "reference": 5, "events": 1, "alpha": 1.0},
        {"target": 5, "reference": 5, "events": 1, "power": 0.0},
    ],
)
def test_what_is_no_count_is_refused(given: dict) -> None:
    with pytest.raises(DesignError):
        assess_power(**given)


def test_rows_beside_counts_and_split_time_are_refused() -> None:
    rows = pd.DataFrame({"drug": [1, 0], "died": [1, 0]})
    with pytest.raises(UnsupportedError, match="events"):
        assess_power(rows, arm="drug", event="died", events=3)
    zero = np.zeros(2, np.int32)
    split = AnalysisSet(
        np.array([0, 0]),
        zero.astype(np.int8),
        zero,
        zero + 1,
        np.ones(2),
        np.empty((2, 0)),
        (),
        arm=np.ones(2, np.int8),
    )
    with pytest.raises(UnsupportedError, match="several rows a person"):
        assess_power(split)


@pytest.mark.slow
def test_the_detectable_ratio_is_detected_as_often_as_stated() -> None:
    rng = np.random.default_rng(4)
    n, found, rounds = 400, 0, 400
    arm = np.arange(n) % 2
    censoring = 1.0
    for _ in range(rounds):
        time = rng.exponential(1.0 / (0.4 * np.where(arm == 1, 1.8, 1.0)))
        rows = pd.DataFrame({"arm": arm, "time": np.minimum(time, censoring), "event": time <= censoring})
        fit = fit_cox(rows, time="time", event="event", covariates=["arm"])
        found += fit.tidy()["p_value"][0] < 0.05
    events = n * np.mean([1 - math.exp(-0.4), 1 - math.exp(-0.72)])
    ratio = assess_power(target=n // 2, reference=n // 2, events=round(events), power=found / rounds)
    assert ratio.minimal_detectable_ratio == pytest.approx(1.8, rel=0.06)


def rows_of(seed: int = 0, n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 10, n)
    score = 1 / (1 + np.exp(-(age - 60) / 8))
    return pd.DataFrame({"drug": (rng.random(n) < score).astype(int), "age": age, "score": score})


def test_those_matched_are_held_against_all_of_their_arm() -> None:
    rows = rows_of()
    matched = match(rows, arm="drug", score="score", caliper=0.1)
    found = assess_generalizability(matched, covariates=["age"])
    treated, left = rows["drug"] == 1, matched.weights > 0.0
    age = rows["age"]
    gap = age[treated & left].mean() - age[treated].mean()
    assert found.smd[0] == pytest.approx(gap / age[treated].std())
    assert (found.whom, found.persons_before) == ("target", int(treated.sum()))
    assert found.persons_after == int((treated & left).sum())
    assert found.largest == abs(found.smd[0])
    assert "persons of the target arm left" in repr(found)


def test_other_estimands_are_about_others() -> None:
    rows = rows_of()
    for estimand, whom in (("ATC", "reference"), ("ATE", "pooled"), ("ATO", "pooled")):
        found = assess_generalizability(weigh(rows, arm="drug", score="score", estimand=estimand), covariates=["age"])
        assert found.whom == whom
    everybody = assess_generalizability(weigh(rows, arm="drug", score="score", estimand="ATT"), covariates=["age"])
    assert everybody.smd.tolist() == [0.0]  # weights of the target arm are 1


def test_sparse_columns_and_those_that_do_not_vary() -> None:
    rows = rows_of()
    x = sp.csc_array(np.column_stack([rows["age"] > 65, np.ones(len(rows))]).astype(float))
    matched = match(rows, arm="drug", score="score", caliper=0.1)
    found = assess_generalizability(matched, covariates=x, names=["old", "one"])
    assert np.isfinite(found.smd[0])
    assert np.isnan(found.smd[1])
    assert found.tidy()["term"].tolist() == ["old", "one"]


def test_nobody_left_has_no_number() -> None:
    rows = rows_of().assign(drug=1)
    found = assess_generalizability(match(rows, arm="drug", score="score"), covariates=["age"])
    assert math.isnan(found.largest)


def test_those_whom_trimming_left_out_are_among_those_before() -> None:
    x = np.array([[1.0], [2.0], [3.0], [10.0], [1.0], [2.0], [3.0], [0.0]])
    arm = np.array([True, True, True, True, False, False, False, False])
    kept = np.array([True, True, True, False, True, True, True, False])
    table = pd.DataFrame({"drug": arm[kept].astype(int), "score": [0.5, 0.4, 0.3, 0.5, 0.4, 0.3], "age": x[kept, 0]})
    matched = match(table, arm="drug", score="score", caliper=0.1)
    found = compare_with_everybody(matched, covariates=x, names=["age"], kept=kept, arm=arm)
    assert (found.persons_before, found.persons_after) == (4, 3)
    assert found.mean_before.tolist() == [4.0]
    assert found.mean_after.tolist() == [2.0]
    assert found.smd[0] == pytest.approx(-2.0 / np.std([1, 2, 3, 10], ddof=1))
    untrimmed = assess_generalizability(matched, covariates=["age"])
    assert untrimmed.largest == 0.0
