"""`match`: six persons by hand for each option, invariances, findings, refusals, and the ways out."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from equipoise import (
    AnalysisSet,
    DesignError,
    Matching,
    MatchingWarning,
    Reason,
    UnsupportedError,
    fit_cox,
    fit_logistic,
    fit_poisson,
    fit_regularised_logistic,
    match,
)
from equipoise.analysis_set import Column

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")  # few persons, far apart

# In 64ths, exact in binary. Rows 0-2 are the target arm, from the lowest to the highest score.
SIX = pd.DataFrame({"drug": [1, 1, 1, 0, 0, 0], "score": np.array([20, 37, 40, 14, 34, 38]) / 64})
STEP = 1 / 64


def pairs(matching: Matching) -> list[tuple[int, int]]:
    return [tuple(pair) for pair in matching.pairs.tolist()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(2, 5), (1, 4), (0, 3)]),  # 40 takes 38, leaving 34 to 37, and 14 to 20
        ({"order": "smallest"}, [(0, 3), (1, 5), (2, 4)]),  # 37 comes before 40 and takes 38
        (
            {"order": "closest"},
            [(1, 5), (0, 3), (2, 4)],
        ),  # 37-38 is nearest of all; then two of 6 steps, lower row first
        ({"order": "data"}, [(0, 3), (1, 5), (2, 4)]),
        ({"replace": True}, [(2, 5), (1, 5), (0, 3)]),
        ({"replace": True, "ratio": 2}, [(2, 5), (2, 4), (1, 5), (1, 4), (0, 3), (0, 4)]),
        ({"caliper": 3 * STEP, "caliper_sd": None}, [(2, 5), (1, 4)]),  # exactly 3 steps is still allowed
        ({"caliper": 2.9 * STEP, "caliper_sd": None}, [(2, 5)]),
        ({"caliper": 0.0}, []),
        ({"exact": [np.array([0, 1, 0, 0, 0, 1])]}, [(2, 4), (0, 3), (1, 5)]),
        ({"exact": [np.array([0, 1, 0, 1, 1, 1])]}, [(1, 5)]),
        ({"estimand": "ATC"}, [(3, 0), (4, 1), (5, 2)]),
        ({"estimand": "ATC", "order": "largest"}, [(5, 1), (4, 2), (3, 0)]),
        ({"ratio": 2, "short_sets": "drop"}, []),
        ({"max_ratio": 2, "caliper": 3 * STEP, "caliper_sd": None, "order": "smallest"}, [(1, 5), (1, 4)]),
        ({"person": np.array([10, 11, 12, 3, 5, 4])}, [(2, 5), (1, 4), (0, 3)]),
    ],
    ids=str,
)
def test_six_persons_by_hand(options: dict, expected: list[tuple[int, int]]) -> None:
    assert pairs(match(SIX, arm="drug", score="score", **options)) == expected


def test_seven_persons_with_one_to_two_and_variable_ratio() -> None:
    table = {"drug": np.array([1, 1, 0, 0, 0, 0, 0]), "score": np.array([16, 40, 15, 17, 18, 39, 63]) / 64}
    two = match(table, arm="drug", score="score", ratio=2, order="data")
    assert pairs(two) == [(0, 2), (1, 5), (0, 3), (1, 4)]  # everybody's first before anybody's second
    near = match(table, arm="drug", score="score", max_ratio=3, order="data", caliper=3 * STEP, caliper_sd=None)
    assert pairs(near) == [(0, 2), (1, 5), (0, 3), (0, 4)]
    assert near.weights.tolist() == [1, 1, 1 / 3, 1 / 3, 1 / 3, 1, 0]
    assert near.sets is not None
    assert near.sets.tolist() == [0, 1, 0, 0, 0, 1, -1]
    short = match(table, arm="drug", score="score", ratio=2, caliper=3 * STEP, caliper_sd=None)
    assert [finding.name for finding in short.findings] == ["SHORT_SETS"]
    dropped = match(table, arm="drug", score="score", ratio=2, caliper=3 * STEP, caliper_sd=None, short_sets="drop")
    assert pairs(dropped) == [(0, 2), (0, 3)]


def test_ties_go_to_the_lowest_person_code() -> None:
    table = {"drug": np.array([1, 0, 0, 0]), "score": np.array([32, 30, 34, 34]) / 64}
    assert pairs(match(table, arm="drug", score="score")) == [(0, 1)]
    assert pairs(match(table, arm="drug", score="score", person=np.array([1, 9, 5, 4]))) == [(0, 3)]
    assert pairs(match(table, arm="drug", score="score", person=np.array([1, 9, 5, 4]), order="closest")) == [(0, 3)]


def some_table(seed: int, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    drug = rng.random(n) < 1 / (1 + np.exp(1 - x))
    return pd.DataFrame(
        {
            "id": rng.permutation(10 * n)[:n],
            "drug": drug.astype(int),
            "x": x,
            "score": np.round(1 / (1 + np.exp(1 - x)), 2).clip(0.01, 0.99),  # many ties
            "sex": np.where(rng.random(n) < 0.5, "f", "m"),
            "time": rng.integers(1, 100, n),
            "event": rng.integers(0, 2, n),
        }
    )


@pytest.mark.parametrize(
    ("order", "replace"),
    [(order, replace) for order in ("largest", "smallest", "random") for replace in (False, True)]
    + [("closest", False)],
)
def test_the_order_of_rows_changes_nothing_where_persons_have_codes(order: str, replace: bool) -> None:
    table = some_table(1)
    options = {"arm": "drug", "score": "score", "person": "id", "order": order, "replace": replace, "exact": "sex"}
    one = match(table, caliper=0.2, max_ratio=2, **options)
    shuffled = table.sample(frac=1.0, random_state=2).reset_index(drop=True)
    two = match(shuffled, caliper=0.2, max_ratio=2, **options)
    of_one, of_two = table["id"].to_numpy()[one.pairs], shuffled["id"].to_numpy()[two.pairs]
    assert {tuple(pair) for pair in of_one.tolist()} == {tuple(pair) for pair in of_two.tolist()}
    assert len(of_one) > 50


def test_random_order_is_a_matter_of_the_seed() -> None:
    table = some_table(3)
    first, again, other = (match(table, arm="drug", score="score", order="random", seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.pairs, again.pairs)
    assert pairs(first) != pairs(other)


def test_every_kind_of_data_gives_the_same_pairs() -> None:
    table = some_table(4)
    fit = fit_logistic(table, outcome="drug", covariates=["x"])
    options = {"caliper": 0.2, "caliper_scale": "logit"}
    expected = match(table, arm="drug", score=fit, **options)
    columns = {name: table[name].to_numpy() for name in table}
    for data in (pl.from_pandas(table), pa.Table.from_pandas(table), columns):
        found = match(data, arm="drug", score=fit.fitted_values, **options)
        np.testing.assert_array_equal(found.pairs, expected.pairs)
        assert type(found.frame()) is (pd.DataFrame if isinstance(data, dict) else type(data))
    from_set = match(as_set(table), score=fit, **options)
    np.testing.assert_array_equal(from_set.pairs, expected.pairs)
    matrix = match(table[["x"]].to_numpy(), arm=columns["drug"], score=fit.fitted_values, **options)
    np.testing.assert_array_equal(matrix.pairs, expected.pairs)


def as_set(table: pd.DataFrame) -> AnalysisSet:
    return AnalysisSet(
        person=np.arange(len(table)),
        event=table["event"].to_numpy(np.int8),
        start=np.zeros(len(table), np.int32),
        stop=table["time"].to_numpy(np.int32),
        weight=np.ones(len(table)),
        x=table[["x"]].to_numpy(float),
        columns=(Column("x", "covariate"),),
        arm=table["drug"].to_numpy(np.int8),
    )


def test_a_regularised_model_is_a_score() -> None:
    table = some_table(10)
    x = np.column_stack([table["x"], table["time"]])
    fit = fit_regularised_logistic(x, table["drug"].to_numpy(), penalty=0.01)
    found = match(table, arm="drug", score=fit, caliper=0.2)
    np.testing.assert_array_equal(found.pairs, match(table, arm="drug", score=fit.propensity_scores, caliper=0.2).pairs)
    with pytest.raises(DesignError, match="a model fitted to 300 rows"):
        match(table.iloc[:100], arm="drug", score=fit)
    poisson = fit_poisson(table, outcome="drug", covariates=["x"])
    with pytest.raises(UnsupportedError, match="a logistic model of the arm"):
        match(table, arm="drug", score=poisson)


def test_calipers_say_value_scale_and_unit() -> None:
    table = some_table(5)
    score, drug = table["score"].to_numpy(), table["drug"].to_numpy() == 1
    logit = np.log(score / (1 - score))
    preference = 1 / (1 + np.exp(np.log(drug.mean() / (1 - drug.mean())) - logit))
    for scale, value in (("ps", score), ("logit", logit), ("preference", preference)):
        pooled = np.sqrt((value[drug].var(ddof=1) + value[~drug].var(ddof=1)) / 2)
        for unit, sd in (("overall", value.std(ddof=1)), ("pooled", pooled), (None, 1.0)):
            found = match(table, arm="drug", score="score", caliper=0.05, caliper_scale=scale, caliper_sd=unit)
            assert found.caliper.width == pytest.approx(0.05 * sd, rel=1e-12)
            gaps = np.abs(value[found.pairs[:, 0]] - value[found.pairs[:, 1]])
            assert gaps.max() <= found.caliper.width * (1 + 1e-12)
            text = repr(found)
            assert "caliper 0.05" in text
            assert f"{found.caliper.width:.6g}" in text
            assert (unit or "in its units") in text
            assert {"ps": "the propensity", "logit": "the logit", "preference": "the preference"}[scale] in text
            assert "order: largest" in text


def test_the_text_counts_both_arms() -> None:
    text = repr(match(SIX, arm="drug", score="score", caliper=3 * STEP, caliper_sd=None))
    lines = [line.split() for line in text.splitlines()]
    assert ["target", "3", "2", "1"] in lines
    assert ["reference", "3", "2", "1"] in lines
    assert "1 with nobody free within the caliper, 0 with nobody left" in text


def test_the_larger_arm_without_a_caliper_that_binds_is_warned_of() -> None:
    table = {"drug": np.array([1, 1, 1, 0]), "score": np.array([0.5, 0.6, 0.7, 0.4])}
    with pytest.warns(MatchingWarning, match="3 persons seek partners among 1, and no caliper binds"):
        found = match(table, arm="drug", score="score")
    assert "LARGER_ARM" in [finding.name for finding in found.findings]
    assert "LARGER_ARM" in repr(found)
    assert found.none_left == 2
    with pytest.warns(MatchingWarning):
        match(table, arm="drug", score="score", caliper=0.9, caliper_sd=None)
    bound = match(table, arm="drug", score="score", caliper=0.15, caliper_sd=None)  # 0.7 and 0.6 are too far
    assert (pairs(bound), bound.beyond_caliper) == ([(0, 3)], 2)
    for found in (bound, match(table, arm="drug", score="score", estimand="ATC")):
        assert "LARGER_ARM" not in [finding.name for finding in found.findings]
    again = match(table, arm="drug", score="score", replace=True)
    assert "LARGER_ARM" not in [finding.name for finding in again.findings]


def test_matched_arms_that_differ_in_the_score_are_warned_of() -> None:
    table = {"drug": np.array([1, 1, 0, 0, 0]), "score": np.array([0.7, 0.5, 0.5, 0.4, 0.1])}
    # 0.7 with 0.5 and 0.5 with 0.4: 0.15 on average, and the treated have an SD of 0.1414
    with pytest.warns(MatchingWarning, match="differ by 1.06 SD in the propensity score"):
        found = match(table, arm="drug", score="score")
    assert [finding.name for finding in found.findings] == ["SCORE_APART"]
    near = match(table, arm="drug", score="score", caliper=0.05, caliper_sd=None)
    assert pairs(near) == [(1, 2)]
    assert near.findings == ()


def test_strata_that_run_out_of_partners_are_a_finding() -> None:
    table = {"drug": np.array([1, 1, 0, 0, 0]), "score": np.full(5, 0.5), "sex": np.array([1, 1, 1, 2, 2])}
    found = match(table, arm="drug", score="score", exact="sex")
    assert [finding.name for finding in found.findings] == ["POOL_EXHAUSTED"]
    assert pairs(found) == [(0, 2)]


@pytest.mark.parametrize("arm", [np.zeros(3, int), np.ones(3, int)])
def test_an_empty_arm_is_a_reason(arm: np.ndarray) -> None:
    for scale in ("ps", "logit", "preference"):
        found = match(
            {"drug": arm, "score": np.full(3, 0.5)}, arm="drug", score="score", caliper=0.2, caliper_scale=scale
        )
        assert found.reason is Reason.ONE_ARM_EMPTY
        assert len(found.pairs) == 0
        assert found.weights.tolist() == [0.0, 0.0, 0.0]
        assert "ONE_ARM_EMPTY" in repr(found)
        assert len(found.frame()) == 0


def test_no_overlap_is_a_reason_and_a_constant_score_matches_by_code() -> None:
    apart = match({"d": np.array([1, 0]), "s": np.array([0.9, 0.1])}, arm="d", score="s", caliper=0.1, caliper_sd=None)
    assert apart.reason is Reason.NO_INFORMATIVE_SETS
    assert "NO_INFORMATIVE_SETS" in repr(apart)
    same = {"d": np.array([1, 1, 0, 0]), "s": np.full(4, 0.5)}
    for order in ("largest", "smallest", "closest", "data"):
        assert pairs(match(same, arm="d", score="s", caliper=0.2, order=order)) == [(0, 2), (1, 3)]
    one = match({"d": np.array([1]), "s": np.array([0.5])}, arm="d", score="s")
    assert one.reason is Reason.ONE_ARM_EMPTY


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": [0.5, np.nan, 0.5]}, "1 missing and 0 infinite values in 3 rows"),
        ({"score": [0.5, 1.0, 0.0]}, "2 of 3 values are not strictly between 0 and 1"),
        ({"drug": [0, 1, 2]}, "1 values that are neither 0 nor 1"),
        ({"id": [7, 7, 8]}, "1 rows beyond the first of a person"),
    ],
)
def test_data_that_cannot_be_used_are_refused_with_counts(change: dict, words: str) -> None:
    table = pd.DataFrame({"drug": [1, 0, 0], "score": [0.5, 0.4, 0.3], "id": [1, 2, 3]} | change)
    with pytest.raises(DesignError, match=words):
        match(table, arm="drug", score="score", person="id")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"ratio": 0}, DesignError, "ratio"),
        ({"max_ratio": 2.5}, DesignError, "max_ratio"),
        ({"ratio": 2, "max_ratio": 3}, DesignError, "max_ratio"),
        ({"caliper": -0.1}, DesignError, "caliper"),
        ({"caliper": float("nan")}, DesignError, "caliper"),
        ({"caliper_scale": "probit"}, UnsupportedError, "caliper_scale"),
        ({"caliper_sd": "sd"}, UnsupportedError, "caliper_sd"),
        ({"order": "best"}, UnsupportedError, "order"),
        ({"estimand": "ATE"}, UnsupportedError, "estimand"),
        ({"order": "closest", "replace": True}, UnsupportedError, "closest"),
        ({"arm": None}, DesignError, "arm"),
        ({"score": None}, DesignError, "score"),
        ({"exact": "sex"}, DesignError, "sex"),
        ({"convention": "matchit"}, UnsupportedError, "convention"),
        ({"convention": "matchit-4.5.1", "ratio": 2}, UnsupportedError, "several partners"),
        ({"convention": "matchit-4.5.1", "order": "closest"}, UnsupportedError, "closest"),
        ({"max_ratio": 2, "short_sets": "drop"}, DesignError, "short_sets"),
    ],
    ids=str,
)
def test_options_that_are_none_are_refused(options: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        match(SIX, **({"arm": "drug", "score": "score"} | options))


def test_a_set_needs_an_arm_and_holds_its_own() -> None:
    table = as_set(some_table(6))
    with pytest.raises(UnsupportedError, match="leave it out"):
        match(table, arm=np.ones(300), score=np.full(300, 0.5))
    three = AnalysisSet(**{**{f: getattr(table, f) for f in table.__dataclass_fields__}, "arm": np.arange(300) % 3})
    with pytest.raises(UnsupportedError, match="more than two arms"):
        match(three, score=np.full(300, 0.5))


def test_matched_sets_enter_cox_models_as_strata_or_as_clusters() -> None:
    table = some_table(7)
    whole = as_set(table)
    fit = fit_logistic(table, outcome="drug", covariates=["x"])
    found = match(whole, score=fit, max_ratio=2, caliper=0.2, caliper_scale="logit")
    people = found.analysis_set()
    assert people.names == ("arm", "x")
    sizes = np.bincount(people.stratum)
    assert set(sizes.tolist()) == {2, 3}
    np.testing.assert_array_equal(people.column("arm"), people.arm)
    frame = match(table, arm="drug", score=fit, max_ratio=2, caliper=0.2, caliper_scale="logit").frame()
    names = {"time": "time", "event": "event", "covariates": ["drug"]}
    stratified = fit_cox(people, covariates=["arm"])
    np.testing.assert_allclose(stratified.coefficients, fit_cox(frame, strata="matched_set", **names).coefficients)
    weighted = fit_cox(found.analysis_set(weighted=True), covariates=["arm"], strata=(), cluster="stratum")
    expected = fit_cox(frame, weights="match_weight", cluster="matched_set", **names)
    np.testing.assert_allclose(weighted.coefficients, expected.coefficients, rtol=1e-12)
    np.testing.assert_allclose(weighted.covariance, expected.covariance, rtol=1e-10)
    assert abs(stratified.coefficients[0] - weighted.coefficients[0]) > 1e-6
    logistic = fit_logistic(found.analysis_set(weighted=True), covariates=["arm"], cluster="stratum")
    by_frame = fit_logistic(frame, outcome="event", covariates=["drug"], weights="match_weight", cluster="matched_set")
    np.testing.assert_allclose(logistic.covariance, by_frame.covariance, rtol=1e-10)


def test_frames_become_analysis_sets_when_the_outcome_is_named() -> None:
    table = some_table(8)
    found = match(table, arm="drug", score="score")
    people = found.analysis_set(event="event", stop="time", covariates=["x", "sex"])
    assert people.names == ("arm", "x", "sex[m]")
    kept = np.flatnonzero(found.weights > 0)
    np.testing.assert_array_equal(people.stop, table["time"].to_numpy()[kept])
    np.testing.assert_array_equal(people.person, kept)
    with pytest.raises(DesignError, match="not given"):
        found.analysis_set()
    with pytest.raises(DesignError, match="not whole days"):
        found.analysis_set(event="event", stop="x")
    with pytest.raises(UnsupportedError, match="leave it out"):
        match(as_set(table), score=table["score"].to_numpy()).analysis_set(stop="time")


def test_with_replacement_rows_come_once_with_their_weight() -> None:
    found = match(SIX, arm="drug", score="score", replace=True)
    assert found.sets is None
    frame = found.frame()
    assert list(frame.columns) == ["drug", "score", "match_weight"]
    assert frame["match_weight"].tolist() == [1, 1, 1, 1, 2]
    assert found.uses.tolist() == [0, 0, 0, 1, 0, 2]
    again = match(as_set(some_table(9)), score=some_table(9)["score"].to_numpy(), replace=True)
    with pytest.raises(UnsupportedError, match="several sets"):
        again.analysis_set()
    people = again.analysis_set(weighted=True)
    assert people.stratum is None
    assert (people.weight != 1.0).any()


def test_columns_of_the_same_name_are_not_overwritten() -> None:
    table = SIX.assign(matched_set=1)
    with pytest.raises(DesignError, match="matched_set"):
        match(table, arm="drug", score="score").frame()


def test_frames_keep_their_labels() -> None:
    table = SIX.set_index(np.array(list("abcdef")))
    frame = match(table, arm="drug", score="score", caliper=2.9 * STEP, caliper_sd=None).frame()
    assert frame.index.tolist() == ["c", "f"]
    assert frame["matched_set"].tolist() == [0, 0]


def test_a_matching_cannot_be_changed_or_bootstrapped() -> None:
    found = match(SIX, arm="drug", score="score")
    with pytest.raises(ValueError, match="read-only"):
        found.pairs[0, 0] = 1
    with pytest.raises(AttributeError):
        found.ratio = 2  # type: ignore[misc]
    with pytest.raises(UnsupportedError, match="not valid"):
        found.bootstrap()
