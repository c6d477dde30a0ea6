"""Multiple imputation: what is filled in, what stays, whether the right answer comes back."""

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import fit_cox, fit_logistic, impute
from equipoise.errors import DesignError, UnsupportedError
from equipoise.estimators.fit import Fit
from equipoise.estimators.imputation_columns import nelson_aalen
from equipoise.estimators.imputation_draws import Draws
from equipoise.estimators.imputation_models import (
    Columns,
    directions_of,
    draw_levels,
    draw_linear,
    nearest_donors,
)
from tests.estimators.matched_data import analysis_set, simulated

LEVELS = ("none", "one", "two")


def cohort(n: int, seed: int, share: float = 0.3) -> dict[str, np.ndarray]:
    """Age, smoking (three levels) and a score, with values missing by exposure and event."""
    random = np.random.default_rng(seed)
    age = random.normal(60.0, 10.0, n)
    exposed = (random.random(n) < 1 / (1 + np.exp(-(age - 60) / 10))).astype(np.int64)
    smoking = np.array(LEVELS, object)[np.digitize(random.normal(0, 1, n) + (age - 60) / 20, [-0.3, 0.7])]
    score = 2.0 + 0.05 * age + random.normal(0, 1, n)
    risk = -1.5 + 0.5 * exposed + 0.04 * (age - 60) + 0.4 * (smoking == "two")
    event = (random.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    gone = [random.random(n) < share * (0.5 + 0.7 * event) for _ in range(3)]
    return {
        "person": random.permutation(10 * n)[:n],
        "exposed": exposed,
        "event": event,
        "age": np.where(gone[0], np.nan, age),
        "smoking": np.where(gone[1], None, smoking),
        "score": np.where(gone[2], np.nan, score),
    }


def filled(rows: Any, **more: Any) -> Any:
    given = {"columns": ["age", "smoking", "score"], "predictors": ["exposed"], "outcome": "event", "seed": 5}
    return impute(rows, **(given | {"m": 3, "iterations": 3, "person": "person"} | more))


def test_only_what_is_missing_is_filled_in() -> None:
    rows = pd.DataFrame(cohort(200, 1))
    result = filled(rows, models={"age": "linear"})
    for frame in result.frames():
        for name in ("age", "smoking", "score"):
            there = rows[name].notna()
            assert (frame[name][there] == rows[name][there]).all()
            assert frame[name].notna().all()
        assert set(frame["score"]) <= set(rows["score"].dropna())  # matching takes values that occur
        assert set(frame["smoking"]) == set(LEVELS)
        assert frame[["person", "exposed", "event"]].equals(rows[["person", "exposed", "event"]])
    assert not result.frame(0)["age"].equals(result.frame(1)["age"])
    assert rows["age"].isna().any()  # what came in is left as it was


def test_the_same_seed_gives_the_same_values_in_any_order_of_rows() -> None:
    rows = cohort(150, 2)
    mixed = np.random.default_rng(9).permutation(150)
    one = filled(rows, models={"score": "linear"}).frame(2)
    other = filled({name: values[mixed] for name, values in rows.items()}, models={"score": "linear"}).frame(2)
    for name in ("age", "smoking", "score"):
        assert (one[name].to_numpy()[mixed] == other[name].to_numpy()).all()
    assert not filled(rows, seed=6).frame(2)["age"].equals(one["age"])


def test_one_imputation_does_not_depend_on_how_many_there_are() -> None:
    rows = cohort(80, 3)
    assert filled(rows, m=2).frame(1).equals(filled(rows, m=4).frame(1))


def test_every_kind_of_frame_keeps_its_kind_and_its_types() -> None:
    rows = cohort(90, 4)
    plain = pd.DataFrame(rows)
    levels = pd.CategoricalDtype(["two", "one", "none"])
    expected = filled(plain).frame(0)
    frame = plain.assign(smoking=plain["smoking"].astype(levels), ill=plain["event"].mask(plain.index % 5 == 0) == 1)
    done = filled(frame).frame(0)
    assert done["smoking"].dtype == levels
    assert done.index.equals(frame.index)
    table = pl.DataFrame(plain.assign(smoking=plain["smoking"].where(plain["smoking"].notna(), None)))
    for native in (table, table.to_arrow()):
        got = filled(native).frame(0)
        assert type(got) is type(native)
        assert got.column("smoking").to_pylist() if native is not table else got["smoking"].to_list()
        assert np.array_equal(np.asarray(got["age"]), expected["age"])
    assert isinstance(filled(table).missingness(), pl.DataFrame)


def test_boolean_and_whole_numbers_with_missing_values() -> None:
    n = 60
    rows = pl.DataFrame(
        {
            "flag": [None if i % 7 == 0 else i % 3 == 0 for i in range(n)],
            "count": [None if i % 5 == 0 else i % 4 for i in range(n)],
            "y": [i % 2 for i in range(n)],
        }
    )
    result = impute(rows, columns=["flag", "count"], outcome="y", seed=1, m=2, models={"count": "polytomous"})
    frame = result.frame(1)
    assert (frame["flag"].dtype, frame["count"].dtype) == (pl.Boolean, pl.Int64)
    assert frame.null_count().sum_horizontal().to_list() == [0]
    assert result.missingness()["model"].to_list() == ["logistic", "polytomous", None]


def test_missingness_patterns_and_chains() -> None:
    rows = {"a": [1.0, np.nan, 3, 4, np.nan, 7], "b": [1.0, np.nan, 3, np.nan, 2, 5], "y": [0, 1, 0, 1, 1, 0]}
    result = impute(rows, columns=["a", "b"], outcome="y", seed=1, m=2, iterations=4)
    table = result.missingness()
    assert table["column"].tolist() == ["a", "b", "any of these"]
    assert table["missing"].tolist() == [2, 2, 3]
    assert table["share"].tolist() == [2 / 6, 2 / 6, 0.5]
    patterns = result.patterns()
    assert dict(zip(patterns["missing"], patterns["rows"], strict=True)) == {"nothing": 3, "a": 1, "b": 1, "a, b": 1}
    chains = result.chains()
    assert len(chains) == 2 * 4 * 2
    last = chains[(chains["imputation"] == 2) & (chains["iteration"] == 4) & (chains["column"] == "a")]
    drawn = result.frame(1)["a"][[1, 4]]
    assert last["mean"].item() == pytest.approx(drawn.mean(), rel=1e-14)
    assert last["std"].item() == pytest.approx(drawn.std(ddof=0), rel=1e-14)
    assert len(result.complete_cases()) == 3
    assert "2 imputations of 6 rows" in repr(result)


def test_nothing_missing_is_the_same_fit() -> None:
    rows = {name: values for name, values in cohort(120, 6, share=0.0).items() if name != "smoking"}

    def fit(frame: Any) -> Fit:
        return fit_logistic(frame, outcome="event", covariates=["exposed", "age"])

    result = impute(rows, columns=["age"], predictors=["exposed"], outcome="event", seed=1, m=3)
    pooled, plain = result.analyse(fit), fit(rows)
    assert (pooled.coefficients == plain.coefficients).all()
    np.testing.assert_allclose(pooled.covariance, plain.covariance, rtol=1e-15)
    assert pooled.tidy()["conf_low"].tolist() == pytest.approx(plain.tidy()["conf_low"].tolist(), rel=1e-14)
    assert (pooled.fraction_missing == 0.0).all()
    assert result.patterns()["missing"].tolist() == ["nothing"]


def test_the_cumulative_hazard_by_hand() -> None:
    """Deaths at 2 (of 3 at risk, one of them entered late) and 5 (of 1)."""
    time, event, start = np.array([2.0, 5.0, 3.0, 1.0]), np.array([1, 1, 0, 0]), np.array([0.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(nelson_aalen(time, event, start), [1 / 3, 4 / 3, 1 / 3, 0.0], rtol=1e-15)
    np.testing.assert_allclose(nelson_aalen(time, event, None), [1 / 3, 4 / 3, 1 / 3, 0.0], rtol=1e-15)
    late = np.array([0.0, 2.0, 0.0, 0.0])
    np.testing.assert_allclose(nelson_aalen(time, event, late)[0], 1 / 2, rtol=1e-15)


def test_uncorrelated_directions_and_collinear_columns() -> None:
    x = np.random.default_rng(2).normal(size=(50, 3))
    x = np.column_stack([x, x[:, 0] - x[:, 1], np.full(50, 7.0)])
    z = directions_of(x).of(x)
    assert z.shape == (50, 3)
    np.testing.assert_allclose(z.T @ z / 50, np.eye(3), atol=1e-12)


def test_collinear_predictors_change_nothing() -> None:
    rows = {name: values for name, values in cohort(100, 8).items() if name != "smoking"}
    given = {"columns": ["age", "score"], "outcome": "event", "seed": 3, "m": 2, "iterations": 2}
    result = impute(rows | {"again": 3 * rows["exposed"] - 1}, predictors=["exposed", "again"], **given)
    assert not result.frame(0)["age"].isna().any()
    assert np.isfinite(result.means).all()


def test_a_predictor_that_varies_only_where_values_are_missing_is_left_out() -> None:
    """Its column is constant among observed rows but for rounding, which must not be taken for variation."""
    rows = {"a": [1.0, np.nan, 3.0] * 7, "y": [1.0, 0.0, 1.0] * 7}
    frame = impute(rows, columns=["a"], outcome="y", models={"a": "linear"}, seed=1, m=2).frame(0)
    assert frame["a"].abs().max() < 20.0


def test_linear_draws_have_the_mean_and_spread_of_the_posterior_prediction() -> None:
    """Without predictors: mean of y, variance (1 + 1/n) s^2 (n - 1) / (n - 3), of Student's t."""
    y = np.array([3.0, 5.0, 4.0, 8.0, 1.0, 6.0, 5.5, 2.5, 7.0, 4.5, 3.5, 5.0])
    n, draws = len(y), 4_000
    none = Columns(np.empty((n, 0)), np.empty((1, 0)), np.array([17]))
    values = np.array([draw_linear(none, y, Draws(1, k, 1, 0), "y")[0] for k in range(draws)])
    variance = (1 + 1 / n) * y.var(ddof=1) * (n - 1) / (n - 3)
    assert abs(values.mean() - y.mean()) < 4 * math.sqrt(variance / draws)
    assert values.var() == pytest.approx(variance, rel=0.12)  # of 4,000 draws from a law with heavy tails


def test_levels_come_in_the_shares_of_what_is_observed() -> None:
    code = np.repeat([0, 1, 2, 3], [100, 300, 500, 100])
    unseen = 20_000
    columns = Columns(np.empty((1_000, 0)), np.empty((unseen, 0)), np.arange(unseen))
    drawn = np.concatenate([draw_levels(columns, code, 4, Draws(1, k, 1, 0)) for k in range(20)])
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), [0.1, 0.3, 0.5, 0.1], atol=0.02)


def test_separation_leaves_draws_finite_and_on_the_right_side() -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    columns = Columns(x, np.array([[-0.9], [0.9]]), np.array([1, 2]))
    drawn = np.array([draw_levels(columns, (x[:, 0] > 0) * 1, 2, Draws(4, k, 1, 0)) for k in range(200)])
    assert drawn[:, 0].mean() < 0.1
    assert drawn[:, 1].mean() > 0.9


def test_donors_are_the_nearest_found_one_by_one() -> None:
    random = np.random.default_rng(3)
    estimated, wanted = random.normal(size=30), random.normal(size=50)
    for donors in (1, 3, 30, 99):
        lots = random.random(50)
        got = nearest_donors(estimated, wanted, lots, donors)
        for value, row in zip(wanted, got, strict=True):
            rank = np.searchsorted(np.sort(np.abs(estimated - value)), abs(estimated[row] - value))
            assert rank < donors
        again = nearest_donors(estimated, np.repeat(wanted[:1], 500), random.random(500), donors)
        assert len(set(again)) == min(donors, 30)


def test_what_cannot_be_imputed_is_refused() -> None:
    rows = cohort(50, 7)
    for more, words in (
        ({"outcome": None}, "drawn towards none"),
        ({"outcome": None, "time": "age"}, "one without the other"),
        ({"predictors": ["age"]}, "two roles"),
        ({"models": {"smoking": "linear"}}, "'linear' for levels"),
        ({"models": {"smoking": "logistic"}}, "3 different values"),
        ({"models": {"exposed": "linear"}}, "columns that are imputed"),
        ({"columns": ["absent"]}, "not in the data frame"),
        ({"m": 1}, "whole number from 2"),
        ({"iterations": 0}, "whole number from 1"),
        ({"seed": -1}, "seed"),
        ({"donors": 0}, "donors"),
        ({"columns": ["age", "smoking"], "predictors": ["score"]}, "missing and 0 infinite"),
    ):
        with pytest.raises(DesignError, match=words):
            filled(rows, **more)
    with pytest.raises(DesignError, match="all 50 values are missing"):
        filled(rows | {"age": np.full(50, np.nan)})
    with pytest.raises(DesignError, match="does not vary among observed"):
        filled(rows | {"age": np.where(np.isnan(rows["age"]), np.nan, 3.0)})
    with pytest.raises(DesignError, match="1 infinite"):
        filled(rows | {"age": np.where(np.arange(50) == 1, np.inf, rows["age"])})
    with pytest.raises(DesignError, match="rows of persons seen before"):
        filled(rows | {"person": np.arange(50) // 2})
    with pytest.raises(DesignError, match="no rows"):
        impute({"a": np.empty(0), "y": np.empty(0)}, columns=["a"], outcome="y", seed=1)
    few = {"a": [1.0, 2.0, np.nan, np.nan], "y": [1.0, 0.5, 1.0, 2.0]}
    with pytest.raises(DesignError, match="more values than coefficients"):
        impute(few, columns=["a"], outcome="y", seed=1)


def test_an_analysis_set_is_refused() -> None:
    rows = analysis_set(simulated(np.random.default_rng(1), 5, 2, [0.5]), ["x1"])
    with pytest.raises(UnsupportedError, match="AnalysisSet"):
        impute(rows, columns=["a"], outcome="b", seed=1)


REPEATS = 300
SLACK = 0.03  # of a coefficient: both fits are biased in samples of this size, not to the same degree
Truth = dict[str, float]


def case_control(random: np.random.Generator) -> tuple[dict[str, Any], Truth]:
    """A number and an indicator missing mostly in exposed cases: complete cases are biased for the exposure."""
    n = 400
    exposed = random.integers(0, 2, n)
    x, flag = random.normal(0.5 * exposed, 1.0), random.integers(0, 2, n).astype(np.float64)
    truth = {"exposed": 0.5, "x": 0.5, "flag": -0.4}
    risk = -0.5 + 0.5 * exposed + 0.5 * x - 0.4 * flag
    case = (random.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    gone = random.random((2, n)) < np.where(case * exposed, 0.5, 0.1)
    rows = {"exposed": exposed, "case": case, "full x": x, "full flag": flag}
    return rows | {"x": np.where(gone[0], np.nan, x), "flag": np.where(gone[1], np.nan, flag)}, truth


def follow_up(random: np.random.Generator) -> tuple[dict[str, Any], Truth]:
    """The same for a cohort: missing mostly in the exposed who died."""
    n = 400
    exposed = random.integers(0, 2, n)
    x, flag = random.normal(0.5 * exposed, 1.0), random.integers(0, 2, n).astype(np.float64)
    truth = {"exposed": 0.4, "x": 0.4, "flag": -0.4}
    time = random.exponential(np.exp(-(0.4 * exposed + 0.4 * x - 0.4 * flag)))
    died = time < 1.0
    gone = random.random((2, n)) < np.where(died & (exposed == 1), 0.5, 0.1)
    rows = {"exposed": exposed, "time": np.minimum(time, 1.0), "died": died, "full x": x, "full flag": flag}
    return rows | {"x": np.where(gone[0], np.nan, x), "flag": np.where(gone[1], np.nan, flag)}, truth


def logistic(frame: Any) -> Fit:
    return fit_logistic(frame, outcome="case", covariates=["exposed", "x", "flag"])


def cox(frame: Any) -> Fit:
    return fit_cox(frame, time="time", event="died", covariates=["exposed", "x", "flag"])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["linear", "matching"])
@pytest.mark.parametrize("study", ["case-control", "cohort"])
def test_values_missing_at_random_do_no_harm(study: str, model: str) -> None:
    """Coverage 95 %, no bias against the data without missing values; complete cases miss the exposure's effect."""
    make, fit = (case_control, logistic) if study == "case-control" else (follow_up, cox)
    outcome = {"outcome": "case"} if study == "case-control" else {"time": "time", "event": "died"}
    random = np.random.default_rng(42)
    names = ("exposed", "x", "flag")
    covered, gap, alone = np.zeros(3), [], []
    for seed in range(REPEATS):
        rows, truth = make(random)
        given = {"columns": ["x", "flag"], "predictors": ["exposed"], "models": {"x": model}, "seed": seed}
        pooled = impute(rows, **given, **outcome, m=8, iterations=5).analyse(fit)
        full = fit(rows | {"x": rows["full x"], "flag": rows["full flag"]})
        found = [pooled.estimate(name) for name in names]
        covered += [one.conf_low <= truth[one.term] <= one.conf_high for one in found]
        gap.append([one.estimate - full.estimate(one.term).estimate for one in found])
        alone.append(pooled.complete_case.estimate("exposed").estimate - full.estimate("exposed").estimate)
    error = np.std(gap, axis=0) / math.sqrt(REPEATS)
    assert (np.abs(covered / REPEATS - 0.95) < 3.5 * math.sqrt(0.95 * 0.05 / REPEATS)).all(), covered / REPEATS
    assert (np.abs(np.mean(gap, axis=0)) < 4 * error + SLACK).all(), np.mean(gap, axis=0)
    assert abs(np.mean(alone)) > 0.2
