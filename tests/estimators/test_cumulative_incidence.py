"""Cumulative incidence and Gray's test: kinds of data, identities, degenerate data, refusals."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, UnsupportedError


def made(seed: int = 2, n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 5, n)
    return pd.DataFrame(
        {
            "start": start,
            "month": start + rng.integers(1, 25, n),
            "cause": rng.integers(0, 4, n),
            "arm": rng.integers(0, 2, n),
            "site": rng.integers(0, 3, n),
            "w": rng.uniform(0.5, 2.0, n),
        }
    )


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
def test_frames_come_back_as_they_came(kind) -> None:
    data = kind(made())
    fit = eq.fit_cumulative_incidence(data, time="month", event="cause", by="arm")
    frames = (fit.tidy(), fit.glance(), fit.incidence_at([3, 9]), fit.at_risk(3), fit.compare_at(9))
    assert all(type(frame) is type(data) for frame in frames)
    test = eq.compare_cumulative_incidence(data, time="month", event="cause", by="arm")
    assert type(test.tidy()) is type(data)


def test_an_analysis_set_gives_what_a_frame_gives() -> None:
    frame = made()
    n = len(frame)
    rows = AnalysisSet(
        person=np.arange(n),
        event=frame["cause"].to_numpy(np.int8),
        start=frame["start"].to_numpy(np.int32),
        stop=frame["month"].to_numpy(np.int32),
        weight=frame["w"].to_numpy(),
        x=np.empty((n, 0)),
        columns=(),
        arm=frame["arm"].to_numpy(np.int8),
    )
    one = eq.fit_cumulative_incidence(rows, by="arm").tidy()
    other = eq.fit_cumulative_incidence(frame, time="month", event="cause", start="start", by="arm", weights="w")
    pd.testing.assert_frame_equal(one, other.tidy())


@pytest.mark.parametrize("options", [{}, {"weights": "w"}, {"start": "start"}, {"robust": False}])
def test_one_cause_is_the_complement_of_kaplan_meier(options: dict) -> None:
    frame = made().assign(cause=lambda d: (d["cause"] > 1).astype(int))
    incidence = eq.fit_cumulative_incidence(frame, time="month", event="cause", by="arm", **options).tidy()
    curve = eq.fit_survival_curve(frame, time="month", event="cause", by="arm", **{"robust": True, **options}).tidy()
    np.testing.assert_allclose(incidence["estimate"], 1.0 - curve["estimate"], rtol=1e-12, atol=1e-15)
    if options.get("robust") is None:
        np.testing.assert_allclose(incidence["std_error"], curve["std_error"], rtol=1e-9, atol=1e-14)


def test_causes_and_event_free_survival_add_up_to_one() -> None:
    fit = eq.fit_cumulative_incidence(made(), time="month", event="cause", start="start", weights="w")
    total = fit.incidence_at([2, 8, 14]).groupby("time")["estimate"].sum().to_numpy()
    np.testing.assert_allclose(total + fit.event_free.survival_at([2, 8, 14])["estimate"], 1.0, rtol=1e-12)


def test_standard_errors_at_a_time_are_those_of_the_curve() -> None:
    for options in ({}, {"start": "start", "weights": "w"}, {"robust": False}):
        fit = eq.fit_cumulative_incidence(made(), time="month", event="cause", **options)
        for cause, time in ((1, 4), (2, 11), (3, 0)):
            rows = fit.incidence_at(time)
            error = rows[rows["cause"] == cause]["std_error"].iloc[0]
            assert math.sqrt(fit.covariance_at(time, cause)[0, 0]) == pytest.approx(error, rel=1e-9)


def test_two_copies_of_the_same_persons_do_not_differ() -> None:
    frame = made().drop(columns="arm").assign(id=range(150))
    both = pd.concat([frame.assign(arm=0), frame.assign(arm=1)])
    fit = eq.fit_cumulative_incidence(both, time="month", event="cause", by="arm", cluster="id")
    found = fit.compare_at(10)
    assert (found["estimate"] == 0.0).all()
    np.testing.assert_allclose(found["std_error"], 0.0, atol=1e-8)
    test = eq.compare_cumulative_incidence(both, time="month", event="cause", by="arm")
    np.testing.assert_allclose(test.statistic, 0.0, atol=1e-12)


def test_differences_and_ratios() -> None:
    fit = eq.fit_cumulative_incidence(made(), time="month", event="cause", by="arm")
    at = fit.incidence_at(10).query("cause == 2")
    difference = fit.compare_at(10).query("cause == 2").iloc[0]
    ratio = fit.compare_at(10, measure="ratio").query("cause == 2").iloc[0]
    first, second = at["estimate"]
    assert difference["term"] == "arm=1 - arm=0"
    assert difference["estimate"] == pytest.approx(second - first, rel=1e-12)
    assert ratio["estimate"] == pytest.approx(second / first, rel=1e-12)
    assert difference["std_error"] == pytest.approx(math.hypot(*at["std_error"]), rel=1e-9)


def test_nobody_fails() -> None:
    frame = made().assign(cause=0)
    fit = eq.fit_cumulative_incidence(frame, time="month", event="cause", by="arm")
    assert fit.causes == (1,)
    assert (fit.tidy()["estimate"] == 0.0).all()
    test = eq.compare_cumulative_incidence(frame, time="month", event="cause", by="arm")
    assert test.reasons == ("NO_EVENTS",)
    assert np.isnan(test.p_value).all()


def test_a_cause_that_never_occurs_and_a_single_group() -> None:
    frame = made().assign(cause=lambda d: np.where(d["cause"] == 1, 0, d["cause"]))
    test = eq.compare_cumulative_incidence(frame, time="month", event="cause", by="arm")
    assert test.reasons == ("NO_EVENTS", None, None)
    alone = eq.compare_cumulative_incidence(frame.assign(arm=1), time="month", event="cause", by="arm")
    assert alone.reasons[1:] == ("ONE_ARM_EMPTY", "ONE_ARM_EMPTY")


def test_one_row_and_no_rows() -> None:
    fit = eq.fit_cumulative_incidence({"t": [2.0], "c": [2]}, time="t", event="c")
    assert fit.incidence_at([1, 2, 9])["estimate"].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    empty = eq.fit_cumulative_incidence({"t": np.empty(0), "c": np.empty(0, int)}, time="t", event="c")
    assert empty.incidence_at(1)["reason"].tolist() == ["ONE_ARM_EMPTY"]
    assert "0 rows" in repr(empty)


def test_beyond_follow_up_nothing_is_known() -> None:
    fit = eq.fit_cumulative_incidence({"t": [1, 2], "c": [1, 0]}, time="t", event="c")
    assert fit.incidence_at(3)["reason"].tolist() == ["BEYOND_FOLLOW_UP"]
    assert fit.incidence_at(3, extend=True)["estimate"].tolist() == [0.5]


def test_what_is_refused() -> None:
    frame = made()
    names = {"time": "month", "event": "cause"}
    with pytest.raises(DesignError, match="not whole numbers"):
        eq.fit_cumulative_incidence(frame.assign(cause=0.5), **names)
    with pytest.raises(DesignError, match="outside 0 to"):
        eq.fit_cumulative_incidence(frame.assign(cause=-1), **names)
    with pytest.raises(UnsupportedError, match="weights or cluster"):
        eq.fit_cumulative_incidence(frame, **names, weights="w", robust=False)
    with pytest.raises(UnsupportedError, match="conf_type"):
        eq.fit_cumulative_incidence(frame, **names, conf_type="exact")
    with pytest.raises(DesignError, match="cause"):
        eq.fit_cumulative_incidence(frame, **names).covariance_at(3, 9)
    with pytest.raises(DesignError, match="rho"):
        eq.compare_cumulative_incidence(frame, **names, by="arm", rho=math.nan)


def test_strata_of_grays_test_add_up() -> None:
    """With one group in each stratum there is nothing to compare."""
    frame = made().assign(arm=lambda d: (d["site"] == 1).astype(int))
    test = eq.compare_cumulative_incidence(frame, time="month", event="cause", by="arm", strata="site")
    assert test.reasons == ("NO_INFORMATIVE_SETS",) * 3


def test_descriptions_say_what_the_numbers_are() -> None:
    fit = eq.fit_cumulative_incidence(made(), time="month", event="cause", by="arm", robust=False)
    for words in ("Aalen-Johansen", "3 causes", "150 rows", "arm=1", "variance: Aalen's", "log scale"):
        assert words in repr(fit)
    test = eq.compare_cumulative_incidence(made(), time="month", event="cause", by="arm", strata="site")
    assert "Gray's test, stratified (rho 0) of 2 groups" in repr(test)
    assert "cause 3: chi-squared" in repr(test)
    assert fit.glance()[["rows", "groups"]].iloc[0].tolist() == [150, 2]
