"""`assess_balance`: by hand, across kinds of data, sparse as dense, refusals, and the standard error by simulation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from equipoise import AnalysisSet, DesignError, Reason, UnsupportedError, assess_balance, match, stratify, weigh
from equipoise.analysis_set import Column

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")  # few persons, far apart

FIVE = pd.DataFrame(
    {
        "drug": [1, 1, 0, 0, 0],
        "score": [0.6, 0.4, 0.6, 0.4, 0.2],
        "age": [7.0, 5.0, 7.0, 4.0, 1.0],
        "sex": ["f", "m", "f", "f", "m"],
        "site": ["a", "b", "c", "a", "b"],
    }
)


def row(balance: object, term: str) -> dict:
    table = balance.tidy()  # type: ignore[attr-defined]
    return table.set_index("term").loc[term].to_dict()


def test_differences_before_and_after_by_hand() -> None:
    found = row(assess_balance(match(FIVE, arm="drug", score="score"), covariates=["age"], ks=True), "age")
    assert found["sd"] == pytest.approx(np.sqrt(2.0))  # of 7 and 5; it stays
    assert found["smd_before"] == pytest.approx((6 - 4) / np.sqrt(2))
    assert found["smd_after"] == pytest.approx((6 - 5.5) / np.sqrt(2))
    assert found["variance_ratio_before"] == pytest.approx(2 / 9)
    assert found["variance_ratio_after"] == pytest.approx(2 / 4.5)
    assert found["ks_before"] == pytest.approx(2 / 3)  # below 5: none of two, two of three
    assert found["ks_after"] == pytest.approx(0.5)
    assert (found["mean_target_after"], found["mean_reference_after"]) == (6.0, 5.5)


@pytest.mark.parametrize(("denominator", "sd"), [("target", 2.0), ("reference", 9.0), ("pooled", 5.5)])
def test_the_denominator_is_a_choice(denominator: str, sd: float) -> None:
    matching = match(FIVE, arm="drug", score="score")
    balance = assess_balance(matching, covariates=["age"], denominator=denominator)
    assert row(balance, "age")["sd"] == pytest.approx(np.sqrt(sd))
    assert {"target": "target arm", "reference": "reference arm", "pooled": "mean of both"}[denominator] in repr(
        balance
    )


def test_the_usual_denominator_follows_the_estimand() -> None:
    for made, expected in (
        (match(FIVE, arm="drug", score="score"), "target"),
        (match(FIVE, arm="drug", score="score", estimand="ATC", caliper=0.1, caliper_sd=None), "reference"),
        (weigh(FIVE, arm="drug", score="score", estimand="ATE"), "pooled"),
    ):
        assert assess_balance(made, covariates=["age"]).denominator == expected


def test_levels_of_factors_are_all_shown_and_vary_as_binomials() -> None:
    balance = assess_balance(FIVE, arm="drug", covariates=["sex", "site"], denominator="pooled")
    assert balance.names == ("sex[m]", "site[a]", "site[b]", "site[c]")
    found = row(balance, "sex[m]")
    assert found["smd_before"] == pytest.approx((1 / 2 - 1 / 3) / np.sqrt((1 / 4 + 2 / 9) / 2))
    assert np.isnan(found["variance_ratio_before"])
    assert balance.after is None
    assert "smd_after" not in balance.tidy()


def test_weights_that_are_given_are_looked_at() -> None:
    weights = np.array([1.0, 1.0, 1.0, 2.0, 0.0])
    found = row(assess_balance(FIVE, arm="drug", weights=weights, covariates=["age"], denominator="pooled"), "age")
    assert found["mean_reference_after"] == 5.0
    assert found["smd_after"] == pytest.approx(1 / np.sqrt(5.5))
    # 3 / (9 - 5) times (7 - 5)^2 + 2 (4 - 5)^2
    assert found["variance_ratio_after"] == pytest.approx(2 / (3 / 4 * 6))
    wide = assess_balance(FIVE, arm="drug", weights=weights, covariates=["age"])
    assert wide.after is not None
    assert wide.after.size == (2.0, pytest.approx(9 / 5))
    assert wide.glance()["beyond"].tolist() == [1, 1]
    assert wide.largest == pytest.approx(1 / np.sqrt(5.5))


def made(seed: int, n: int = 400, p: int = 6) -> tuple[sp.csr_array, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = sp.random_array((n, p), density=0.2, rng=rng, format="csr")
    x.data[:] = np.where(x.tocoo().coords[1] % 2, 1.0, np.round(x.data * 5 + 1))
    score = np.clip(rng.random(n), 0.1, 0.9)
    return x, rng.random(n) < score, score


def analysis_set(x: object, arm: np.ndarray) -> AnalysisSet:
    n = len(arm)
    columns = tuple(Column(f"c{j}", "covariate") for j in range(x.shape[1]))  # type: ignore[attr-defined]
    zero = np.zeros(n, np.int32)
    return AnalysisSet(
        np.arange(n), zero.astype(np.int8), zero, zero + 1, np.ones(n), x, columns, arm=arm.astype(np.int8)
    )


def test_sparse_columns_give_what_dense_ones_do_on_every_way_in() -> None:
    x, arm, score = made(1)
    dense = x.toarray()
    expected = assess_balance(match(analysis_set(dense, arm), score=score, estimand="ATC", caliper=0.2), ks=True).tidy()
    assert expected["term"].tolist() == ["propensity score", *(f"c{j}" for j in range(6))]
    assert expected["binary"].tolist() == [False, False, True, False, True, False, True]
    sparse = assess_balance(match(analysis_set(x, arm), score=score, estimand="ATC", caliper=0.2), ks=True).tidy()
    names = [f"c{j}" for j in range(6)]
    frame = pd.DataFrame(dense, columns=names).assign(arm=arm)
    from_frame = match(frame, arm="arm", score=score, estimand="ATC", caliper=0.2)
    by_name = assess_balance(from_frame, covariates=names, ks=True).tidy()
    by_matrix = assess_balance(from_frame, covariates=x, names=names, ks=True).tidy()
    matrix = assess_balance(match(dense, arm=arm, score=score, estimand="ATC", caliper=0.2), names=names, ks=True)
    for found in (sparse, by_name, by_matrix, matrix.tidy()):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_frames_come_back_as_they_came() -> None:
    for data in (pl.from_pandas(FIVE), pa.Table.from_pandas(FIVE)):
        balance = assess_balance(match(data, arm="drug", score="score"), covariates=["age", "site"])
        assert type(balance.tidy()) is type(data)
        assert balance.names == ("propensity score", "age", "site[a]", "site[b]", "site[c]")


def test_the_score_is_on_the_scale_that_was_matched_on() -> None:
    found = row(
        assess_balance(match(FIVE, arm="drug", score="score", caliper_scale="logit"), covariates=["age"]),
        "logit of the propensity score",
    )
    assert found["mean_target_before"] == pytest.approx(0.0, abs=1e-12)


def test_strata_are_balanced_within() -> None:
    table = pd.DataFrame({"d": [1, 0, 0, 1, 1, 0], "s": [0.2, 0.2, 0.2, 0.7, 0.7, 0.7], "x": [0, 0, 0, 1, 1, 1]})
    balance = assess_balance(stratify(table, arm="d", score="s", strata=2), covariates=["x"])
    assert abs(row(balance, "x")["smd_before"]) > 0.5
    assert row(balance, "x")["smd_after"] == pytest.approx(0.0, abs=1e-12)


def test_what_the_data_do_not_answer_is_a_reason() -> None:
    same = assess_balance(FIVE.assign(age=3.0), arm="drug", covariates=["age"])
    assert same.reasons == (Reason.CONSTANT,)
    assert np.isnan(row(same, "age")["smd_before"])
    assert np.isnan(same.largest)
    empty = assess_balance(FIVE.assign(drug=0), arm="drug", covariates=["age"], ks=True)
    assert empty.reasons == (Reason.ONE_ARM_EMPTY,)
    nobody = match(FIVE.assign(drug=0), arm="drug", score="score")
    assert assess_balance(nobody, covariates=["age"]).reasons == (Reason.ONE_ARM_EMPTY,) * 2
    assert assess_balance(nobody).names == ("propensity score",)
    apart = match(FIVE.assign(score=[0.9, 0.9, 0.1, 0.1, 0.1]), arm="drug", score="score", caliper=0.0)
    balance = assess_balance(apart, covariates=["age"])
    assert set(balance.reasons) == {Reason.NO_INFORMATIVE_SETS}
    assert np.isfinite(row(balance, "age")["smd_before"])
    for found in (same, empty, balance):
        assert str(found.reasons[-1]) in repr(found)
        assert found.tidy()["reason"].tolist()[-1] == str(found.reasons[-1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: assess_balance(FIVE, arm="drug"), DesignError, "none given"),
        (lambda: assess_balance(FIVE, covariates=["age"]), DesignError, "arm"),
        (lambda: assess_balance(FIVE, arm="drug", covariates=["height"]), DesignError, "height"),
        (
            lambda: assess_balance(FIVE.assign(age=[1, 2, np.nan, np.inf, 3]), arm="drug", covariates=["age"]),
            DesignError,
            "1 missing and 1 infinite",
        ),
        (
            lambda: assess_balance(FIVE, arm="drug", covariates=np.full((5, 2), np.nan), names=["a", "b"]),
            DesignError,
            "5 missing",
        ),
        (lambda: assess_balance(FIVE, arm="drug", covariates=np.ones((5, 2)), names=["a"]), DesignError, "shape"),
        (lambda: assess_balance(FIVE, arm="drug", covariates=["age"], denominator="sd"), UnsupportedError, "pooled"),
        (lambda: assess_balance(FIVE, arm="drug", weights=-np.ones(5), covariates=["age"]), DesignError, "weights"),
        (
            lambda: assess_balance(match(FIVE, arm="drug", score="score"), arm="drug", covariates=["age"]),
            UnsupportedError,
            "leave it out",
        ),
    ],
)
def test_questions_that_are_none_are_refused(call, error: type, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=words):
        call()


def test_many_covariates_are_cut_short_in_the_text_only() -> None:
    x, arm, score = made(2, p=40)
    balance = assess_balance(match(analysis_set(x, arm), score=score, caliper=0.2))
    assert "… and 21 more" in repr(balance)
    assert len(balance.tidy()) == 41


def test_weights_of_an_analysis_set_are_looked_at() -> None:
    x, arm, _ = made(3)
    weight = np.linspace(0.5, 2.0, len(arm))
    own = assess_balance(replace(analysis_set(x, arm), weight=weight))
    given = assess_balance(analysis_set(x, arm), weights=weight)
    np.testing.assert_array_equal(own.tidy()["smd_after"], given.tidy()["smd_after"])


@pytest.mark.slow
@pytest.mark.parametrize("denominator", ["target", "pooled"])
def test_the_standard_error_is_the_spread_of_the_difference(denominator: str) -> None:
    rng = np.random.default_rng(5)
    arm = np.arange(300) < 100
    found, errors = [], []
    for _ in range(2_000):
        x = np.column_stack([rng.normal(0.5 * arm, 1.0), rng.random(300) < np.where(arm, 0.4, 0.2)])
        weight = np.where(arm, 1.0, np.where(np.arange(300) % 2, 2.0, 0.5))
        balance = assess_balance(
            {"arm": arm.astype(int), "x": x[:, 0], "z": x[:, 1]},
            arm="arm", weights=weight, covariates=["x", "z"], denominator=denominator,
        )  # fmt: skip
        assert balance.after is not None
        found.append(balance.after.smd)
        errors.append(balance.after.std_error)
    ratio = np.mean(errors, axis=0) / np.std(found, axis=0)
    np.testing.assert_allclose(ratio, 1.0, atol=0.06)  # the Monte Carlo error of a spread from 2,000 is 1.6 %
