"""Survival curves from every kind of data, what they refuse, degenerate data, and identities that must hold."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, UnsupportedError

EXACT = 1e-12


def made(seed: int = 1, n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 8, n)
    return pd.DataFrame(
        {
            "start": start,
            "day": start + rng.integers(1, 30, n),
            "died": rng.integers(0, 2, n),
            "arm": np.where(rng.random(n) < 0.5, "new", "old"),
            "site": rng.integers(1, 4, n),
            "w": rng.uniform(0.5, 2.0, n),
            "pair": rng.integers(0, n // 2, n),
        }
    )


def analysis_set(frame: pd.DataFrame) -> AnalysisSet:
    n = len(frame)
    return AnalysisSet(
        person=np.arange(n),
        event=frame["died"].to_numpy(np.int8),
        start=frame["start"].to_numpy(np.int32),
        stop=frame["day"].to_numpy(np.int32),
        weight=frame["w"].to_numpy(),
        x=frame[["site"]].to_numpy(float),
        columns=(Column("site", "covariate"),),
        arm=(frame["arm"] == "old").to_numpy(np.int8),
    )


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
def test_frames_come_back_as_they_came(kind) -> None:
    data = kind(made())
    curve = eq.fit_survival_curve(data, time="day", event="died", by="arm", start="start")
    for frame in (
        curve.tidy(),
        curve.glance(),
        curve.survival_at([1, 5]),
        curve.at_risk(3),
        curve.quantiles(),
        curve.restricted_mean(20),
        curve.compare_at(10),
    ):
        assert type(frame) is type(data)
    test = eq.compare_survival_curves(data, time="day", event="died", by="arm")
    assert type(test.tidy()) is type(test.glance()) is type(data)


def test_arrays_and_analysis_sets_give_what_frames_give() -> None:
    frame = made()
    one = eq.fit_survival_curve(frame, time="day", event="died", start="start", by="arm", weights="w")
    arrays = {name: frame[name].to_numpy() for name in frame}
    other = eq.fit_survival_curve(arrays, time="day", event="died", start="start", by="arm", weights="w")
    third = eq.fit_survival_curve(analysis_set(frame), by="arm")
    for fit in (other, third):
        columns = ["time", "n_risk", "estimate", "std_error", "conf_low"]
        pd.testing.assert_frame_equal(fit.tidy()[columns], one.tidy()[columns])
    assert third.groups == ("arm=0", "arm=1")
    assert eq.fit_survival_curve(analysis_set(frame), by="site").groups == ("site=1", "site=2", "site=3")


def test_columns_that_are_not_used_may_hold_anything() -> None:
    frame = made().assign(note=None, other=np.nan)
    assert len(eq.fit_survival_curve(frame, time="day", event="died").tidy())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"day": np.nan}, "column 'day': 120 missing and 0 infinite"),
        ({"day": np.inf}, "column 'day': 0 missing and 120 infinite"),
        ({"died": 2}, "neither 0 nor 1"),
        ({"died": "yes"}, "values of type String"),
        ({"w": -1.0}, "120 negative values"),
        ({"start": 99}, "120 rows do not start before they stop"),
        ({"day": "a"}, "column 'day': type String"),
    ],
)
def test_columns_that_cannot_be_used_are_refused_with_counts(change: dict, words: str) -> None:
    with pytest.raises(DesignError, match=words):
        eq.fit_survival_curve(made().assign(**change), time="day", event="died", start="start", weights="w")


def test_options_that_do_not_exist_or_do_not_fit_are_refused() -> None:
    frame = made()
    with pytest.raises(UnsupportedError, match="conf_type"):
        eq.fit_survival_curve(frame, time="day", event="died", conf_type="probit")
    with pytest.raises(UnsupportedError, match="given with robust=False"):
        eq.fit_survival_curve(frame, time="day", event="died", cluster="pair", robust=False)
    with pytest.raises(UnsupportedError, match="robust variance"):
        eq.fit_survival_curve(frame, time="day", event="died", weights="w", cumulative_hazard="fleming-harrington")
    with pytest.raises(UnsupportedError, match="beside an AnalysisSet"):
        eq.fit_survival_curve(analysis_set(frame), time="day")
    with pytest.raises(DesignError, match="not given"):
        eq.fit_survival_curve(frame, event="died")
    with pytest.raises(DesignError, match="conf_level"):
        eq.fit_survival_curve(frame, time="day", event="died", conf_level=95)
    with pytest.raises(UnsupportedError, match="unweighted rows"):
        eq.compare_survival_curves(analysis_set(frame), by="arm")
    with pytest.raises(DesignError, match="rho"):
        eq.compare_survival_curves(frame, time="day", event="died", by="arm", rho=-1)
    curve = eq.fit_survival_curve(frame, time="day", event="died", by="arm")
    for call in (lambda: curve.survival_at(np.nan), lambda: curve.quantiles(1.5), lambda: curve.restricted_mean(0)):
        with pytest.raises(DesignError):
            call()
    for call in (lambda: curve.compare_at(3, measure="odds"), lambda: curve.compare_at(3, of="hazard")):
        with pytest.raises(UnsupportedError):
            call()


def test_nobody_with_an_event_lives_for_ever() -> None:
    curve = eq.fit_survival_curve(made().assign(died=0), time="day", event="died", by="arm")
    assert (curve.tidy()["estimate"] == 1.0).all()
    assert (curve.tidy()["std_error"] == 0.0).all()
    assert set(curve.quantiles()["reason"]) == {"BEYOND_FOLLOW_UP"}
    test = eq.compare_survival_curves(made().assign(died=0), time="day", event="died", by="arm")
    assert math.isnan(test.statistic)
    assert test.reason == "NO_EVENTS"
    assert "NO_EVENTS" in repr(test)


def test_one_row() -> None:
    curve = eq.fit_survival_curve({"t": [3.0], "d": [1]}, time="t", event="d")
    assert curve.survival_at([0, 2.9, 3, 9])["estimate"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert curve.restricted_mean(5)["estimate"].tolist() == [3.0]
    assert curve.restricted_mean(5)["std_error"].tolist() == [0.0]
    assert eq.compare_survival_curves({"t": [3.0], "d": [1], "g": [1]}, time="t", event="d", by="g").reason


def test_no_rows() -> None:
    curve = eq.fit_survival_curve({"t": np.empty(0), "d": np.empty(0, int)}, time="t", event="d")
    assert len(curve.tidy()) == 0
    assert curve.survival_at(1)["reason"].tolist() == ["ONE_ARM_EMPTY"]
    assert curve.restricted_mean(1)["reason"].tolist() == ["ONE_ARM_EMPTY"]
    assert "0 rows" in repr(curve)


def test_a_group_of_weight_zero_is_empty_and_the_other_is_not() -> None:
    frame = made()
    frame["w"] = np.where(frame["arm"] == "new", 0.0, 1.0)
    curve = eq.fit_survival_curve(frame, time="day", event="died", by="arm", weights="w")
    assert curve.survival_at(5)["reason"].tolist()[0] == "ONE_ARM_EMPTY"
    alone = eq.fit_survival_curve(frame[frame["arm"] == "old"], time="day", event="died")
    assert curve.survival_at(5)["estimate"][1] == alone.survival_at(5)["estimate"][0]
    assert curve.compare_at(5)["reason"].tolist() == ["ONE_ARM_EMPTY"]


def test_everything_at_one_time() -> None:
    curve = eq.fit_survival_curve({"t": [5] * 4, "d": [1, 1, 0, 1]}, time="t", event="d")
    assert curve.survival_at(5)["estimate"].tolist() == [0.25]


def test_beyond_follow_up_nothing_is_known() -> None:
    curve = eq.fit_survival_curve({"t": [1, 2, 3], "d": [1, 0, 0]}, time="t", event="d")
    found = curve.survival_at([3, 4])
    assert found["estimate"].isna().tolist() == [False, True]
    assert found["reason"].tolist() == [None, "BEYOND_FOLLOW_UP"]
    assert curve.survival_at(4, extend=True)["estimate"].tolist() == [pytest.approx(2 / 3)]
    assert curve.restricted_mean(4)["reason"].tolist() == ["BEYOND_FOLLOW_UP"]


def test_time_zero_and_negative_times_are_times() -> None:
    curve = eq.fit_survival_curve({"t": [-2.0, 0.0, 1.5], "d": [1, 1, 1]}, time="t", event="d")
    assert curve.tidy()["time"].tolist() == [-2.0, 0.0, 1.5]
    assert curve.restricted_mean(1.5)["estimate"].tolist() == [pytest.approx(2 * 2 / 3 + 1.5 / 3)]


def test_a_whole_weight_is_that_many_rows() -> None:
    frame = made().assign(w=np.random.default_rng(3).integers(0, 4, 120))
    weighted = eq.fit_survival_curve(frame, time="day", event="died", by="arm", weights="w")
    repeated = eq.fit_survival_curve(frame.loc[frame.index.repeat(frame["w"])], time="day", event="died", by="arm")
    assert weighted.variance == "Greenwood"
    pd.testing.assert_frame_equal(weighted.tidy(), repeated.tidy(), rtol=1e-12)


def test_a_weight_is_that_many_rows_of_one_cluster() -> None:
    frame = made().assign(w=np.random.default_rng(3).integers(1, 4, 120), id=range(120))
    weighted = eq.fit_survival_curve(frame, time="day", event="died", weights="w", robust=True)
    rows = frame.loc[frame.index.repeat(frame["w"])]
    repeated = eq.fit_survival_curve(rows, time="day", event="died", cluster="id")
    pd.testing.assert_frame_equal(weighted.tidy(), repeated.tidy(), rtol=1e-9)


def test_splitting_an_interval_changes_nothing() -> None:
    frame = made()
    cut = frame["start"] + 0.5
    before = frame.assign(day=cut, died=0)
    split = pd.concat([before, frame.assign(start=cut)])
    whole = eq.fit_survival_curve(frame, time="day", event="died", start="start").tidy()
    parts = eq.fit_survival_curve(split, time="day", event="died", start="start").tidy()
    parts = parts[parts["time"].isin(whole["time"])].reset_index(drop=True)
    columns = ["time", "n_risk", "n_event", "estimate", "std_error"]
    pd.testing.assert_frame_equal(parts[columns], whole[columns], rtol=EXACT)


def test_the_order_of_rows_changes_nothing() -> None:
    frame = made()
    again = frame.sample(frac=1.0, random_state=1)
    names = {"time": "day", "event": "died", "start": "start", "by": "arm", "weights": "w", "cluster": "pair"}
    one, other = (eq.fit_survival_curve(f, **names) for f in (frame, again))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy(), rtol=1e-10)
    pd.testing.assert_frame_equal(one.restricted_mean(15), other.restricted_mean(15), rtol=1e-10)


def test_several_columns_make_groups_of_their_combinations() -> None:
    curve = eq.fit_survival_curve(made(), time="day", event="died", by=["arm", "site"])
    assert curve.groups[:3] == ("arm=new, site=1", "arm=new, site=2", "arm=new, site=3")
    assert len(curve.groups) == 6


def test_the_restricted_mean_is_the_area_under_the_curve() -> None:
    curve = eq.fit_survival_curve(made(), time="day", event="died", start="start")
    grid = np.linspace(0.0, 20.0, 200_001)
    heights = curve.survival_at(grid)["estimate"].to_numpy()
    assert curve.restricted_mean(20)["estimate"][0] == pytest.approx(heights[:-1].mean() * 20.0, rel=1e-5)


def test_restricted_means_come_before_their_differences() -> None:
    found = eq.fit_survival_curve(made(), time="day", event="died", by="site").restricted_mean(15)
    assert found["term"].tolist() == ["site=1", "site=2", "site=3", "site=2 - site=1", "site=3 - site=1"]
    estimate = found["estimate"]
    assert estimate[3] == pytest.approx(estimate[1] - estimate[0], rel=EXACT)
    errors = found["std_error"]
    assert errors[4] == pytest.approx(math.hypot(errors[0], errors[2]), rel=EXACT)
    assert found["p_value"].isna().tolist() == [True, True, True, False, False]


def test_differences_and_ratios_of_survival_and_risk() -> None:
    curve = eq.fit_survival_curve(made(), time="day", event="died", by="arm")
    at = curve.survival_at(10)
    new, old = at["estimate"]
    error_new, error_old = at["std_error"]
    difference, ratio = curve.compare_at(10), curve.compare_at(10, measure="ratio", of="risk")
    assert difference["term"].tolist() == ["arm=old - arm=new"]
    assert difference["estimate"][0] == pytest.approx(old - new, rel=EXACT)
    assert difference["std_error"][0] == pytest.approx(math.hypot(error_new, error_old), rel=EXACT)
    assert ratio["estimate"][0] == pytest.approx((1 - old) / (1 - new), rel=EXACT)
    spread = math.hypot(error_new / (1 - new), error_old / (1 - old))
    assert ratio["std_error"][0] == pytest.approx(spread, rel=EXACT)
    assert ratio["conf_high"][0] == pytest.approx((1 - old) / (1 - new) * math.exp(1.959963984540054 * spread))
    assert curve.compare_at(0, measure="ratio", of="risk")["reason"].tolist() == ["NOT_DEFINED"]


def test_clusters_across_groups_make_estimates_dependent() -> None:
    """Two copies of the same persons, one in each group: their difference is 0 without any error."""
    frame = made().drop(columns="arm")
    both = pd.concat([frame.assign(arm=0, id=range(120)), frame.assign(arm=1, id=range(120))])
    curve = eq.fit_survival_curve(both, time="day", event="died", by="arm", cluster="id")
    for found in (curve.compare_at(12).iloc[0], curve.restricted_mean(20).iloc[2]):
        assert found["estimate"] == 0.0
        assert found["std_error"] == pytest.approx(0.0, abs=1e-9)
    covariance = curve.covariance_at(12)
    assert covariance[0, 1] == pytest.approx(covariance[0, 0], rel=1e-10)
    apart = eq.fit_survival_curve(both, time="day", event="died", by="arm", robust=True)
    assert apart.covariance_at(12)[0, 1] == 0.0
    assert apart.compare_at(12)["std_error"][0] == pytest.approx(math.sqrt(2 * covariance[0, 0]), rel=1e-10)


def test_standard_errors_at_a_time_are_those_of_the_curve() -> None:
    for options in ({}, {"robust": True}, {"estimator": "exponential"}, {"estimator": "exponential", "robust": True}):
        curve = eq.fit_survival_curve(made(), time="day", event="died", start="start", **options)
        for time in (3, 9, 16):
            error = curve.survival_at(time)["std_error"][0]
            assert math.sqrt(curve.covariance_at(time)[0, 0]) == pytest.approx(error, rel=1e-9)


def test_quantiles_stand_in_the_middle_of_a_flat_piece() -> None:
    curve = eq.fit_survival_curve({"t": [1, 2, 3, 4], "d": [1, 1, 1, 1]}, time="t", event="d")
    assert curve.quantiles([0, 0.25, 0.5, 0.6, 1])["estimate"].tolist() == [0.0, 1.5, 2.5, 3.0, 4.0]


def test_at_risk_counts_up_events_and_censorings() -> None:
    curve = eq.fit_survival_curve(
        {"t": [1, 2, 2, 4], "s": [0, 0, 1, 1], "d": [1, 1, 0, 0]}, time="t", event="d", start="s"
    )
    found = curve.at_risk([1, 1.5, 2, 4, 5])
    assert found["n_risk"].tolist() == [2.0, 3.0, 3.0, 1.0, 0.0]
    assert found["n_event"].tolist() == [1.0, 1.0, 2.0, 2.0, 2.0]
    assert found["n_censor"].tolist() == [0.0, 0.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize("start", [None, "start"])
@pytest.mark.parametrize("strata", [None, "site"])
def test_the_log_rank_test_is_the_score_test_of_cox(start: str | None, strata: str | None) -> None:
    rng = np.random.default_rng(4)
    frame = made().assign(day=lambda d: d["day"] + rng.random(120))  # without ties
    names = {"time": "day", "event": "died", "start": start, "strata": strata}
    test = eq.compare_survival_curves(frame, by="arm", **names)
    cox = eq.fit_cox(frame, covariates=["arm"], **names)
    assert test.statistic == pytest.approx(cox.score_statistic, rel=1e-9)
    assert test.df == 1


def test_groups_never_at_risk_at_an_event_do_not_count() -> None:
    rows = {"t": [1, 2, 3, 0.5], "d": [1, 1, 1, 0], "g": [0, 1, 0, 2]}
    test = eq.compare_survival_curves(rows, time="t", event="d", by="g")
    assert test.df == 1
    assert test.expected[2] == 0.0


def test_descriptions_say_what_the_numbers_are() -> None:
    curve = eq.fit_survival_curve(made(), time="day", event="died", by="arm", cluster="pair")
    for words in ("120 rows", "probability of no event", "jackknife, by cluster", "arm=new", "log scale"):
        assert words in repr(curve)
    many = eq.fit_survival_curve(made().assign(k=range(120)), time="day", event="died", by="k")
    assert "and 100 more groups" in repr(many)
    test = eq.compare_survival_curves(made(), time="day", event="died", by="arm", strata="site", rho=1)
    assert "Fleming-Harrington test (rho 1, gamma 0), stratified" in repr(test)
