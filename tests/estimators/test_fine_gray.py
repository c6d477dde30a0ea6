"""Fine-Gray regression: kinds of data, special cases of other models, degenerate data, refusals."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, UnsupportedError

NAMES = {"time": "month", "event": "cause"}


def made(seed: int = 3, n: int = 200, ties: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, drug = rng.normal(size=n), rng.integers(0, 2, n)
    first = rng.exponential(10.0 * np.exp(-0.5 * age - 0.4 * drug))
    second, censored = rng.exponential(20.0, n), rng.uniform(2.0, 30.0, n)
    time = np.minimum(np.minimum(first, second), censored)
    cause = np.where(censored <= time, 0, np.where(first <= second, 1, 2))
    return pd.DataFrame(
        {
            "month": np.ceil(time) if ties else time,
            "cause": cause,
            "age": age,
            "drug": drug,
            "site": rng.integers(0, 2, n),
            "w": rng.uniform(0.5, 2.0, n),
        }
    )


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
def test_frames_come_back_as_they_came(kind) -> None:
    data = kind(made())
    fit = eq.fit_fine_gray(data, **NAMES, covariates=["age", "drug"])
    frames = (fit.tidy(), fit.tidy(exponentiate=True), fit.glance(), fit.baseline_hazard())
    assert all(type(frame) is type(data) for frame in frames)
    assert type(fit.predict_incidence({"age": 0.0, "drug": 1.0}, [5, 10])) is type(data)


def test_arrays_formulas_and_analysis_sets_give_what_frames_give() -> None:
    frame = made()
    n = len(frame)
    one = eq.fit_fine_gray(frame, **NAMES, covariates=["age", "drug"])
    rows = AnalysisSet(
        person=np.arange(n),
        event=frame["cause"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=frame["month"].to_numpy(np.int32),
        weight=np.ones(n),
        x=frame[["age", "drug"]].to_numpy(float),
        columns=(Column("age", "covariate"), Column("drug", "exposure")),
    )
    others = [
        eq.fit_fine_gray({name: frame[name].to_numpy() for name in frame}, **NAMES, covariates=["age", "drug"]),
        eq.fit_fine_gray(frame, **NAMES, covariates="age + drug"),
        eq.fit_fine_gray(rows),
    ]
    for other in others:
        np.testing.assert_allclose(other.coefficients, one.coefficients, rtol=1e-12)
        np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-10)
        assert other.terms == ("age", "drug")


@pytest.mark.parametrize(("convention", "ties"), [("crr", "breslow"), ("finegray", "breslow"), ("finegray", "efron")])
def test_without_competing_events_it_is_a_cox_model(convention: str, ties: str) -> None:
    frame = made().assign(cause=lambda d: (d["cause"] == 1).astype(int))
    fit = eq.fit_fine_gray(frame, **NAMES, covariates=["age", "drug"], convention=convention)
    if convention == "finegray":
        fit = eq.fit_fine_gray(frame, **NAMES, covariates=["age", "drug"], convention=convention, ties=ties)
    cox = eq.fit_cox(frame, **NAMES, covariates=["age", "drug"], ties=ties, robust=True)
    np.testing.assert_allclose(fit.coefficients, cox.coefficients, rtol=1e-9)
    np.testing.assert_allclose(fit.naive_covariance, cox.naive_covariance, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, cox.covariance, rtol=1e-8)
    np.testing.assert_allclose(fit.log_likelihood, cox.log_likelihood, rtol=1e-12)


def test_late_entry_without_competing_events_is_a_cox_model() -> None:
    frame = made().assign(cause=lambda d: (d["cause"] == 1).astype(int))
    frame["start"] = np.where(np.arange(len(frame)) % 3, 0.0, frame["month"] / 2)
    names = {**NAMES, "start": "start", "covariates": ["age"], "weights": "w"}
    fit = eq.fit_fine_gray(frame.assign(id=range(200)), **names, convention="finegray", cluster="id")
    cox = eq.fit_cox(frame.assign(id=range(200)), **names, cluster="id")
    np.testing.assert_allclose(fit.coefficients, cox.coefficients, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, cox.covariance, rtol=1e-8)


def test_without_censoring_those_who_failed_otherwise_stay_for_ever() -> None:
    frame = made().assign(cause=lambda d: np.where(d["cause"] == 1, 1, 2))
    fit = eq.fit_fine_gray(frame, **NAMES, covariates=["age", "drug"])
    last = frame["month"].max() + 1
    stayed = frame.assign(month=np.where(frame["cause"] == 1, frame["month"], last), cause=frame["cause"] == 1)
    cox = eq.fit_cox(stayed, **NAMES, covariates=["age", "drug"], ties="breslow", robust=True)
    np.testing.assert_allclose(fit.coefficients, cox.coefficients, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, cox.covariance, rtol=1e-8)


def test_without_ties_the_conventions_agree() -> None:
    frame = made(ties=False)
    one, other = (
        eq.fit_fine_gray(frame, **NAMES, covariates=["age", "drug"], convention=c) for c in ("crr", "finegray")
    )
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-9)
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, rtol=1e-12)


def test_invariances() -> None:
    frame = made()
    one = eq.fit_fine_gray(frame, **NAMES, covariates=["age", "drug"])
    shifted = frame.assign(age=frame["age"] * 10 + 1000, month=frame["month"] * 7)
    for other, scale in (
        (eq.fit_fine_gray(frame.sample(frac=1, random_state=2), **NAMES, covariates=["age", "drug"]), 1.0),
        (eq.fit_fine_gray(shifted, **NAMES, covariates=["age", "drug"]), 10.0),
    ):
        np.testing.assert_allclose(other.coefficients * [scale, 1.0], one.coefficients, rtol=1e-8)
        np.testing.assert_allclose(other.std_errors * [scale, 1.0], one.std_errors, rtol=1e-8)


def test_rows_of_weight_zero_are_left_out() -> None:
    frame = made()
    frame.loc[::4, "w"] = 0.0
    names = {**NAMES, "covariates": ["age", "drug"], "weights": "w", "convention": "finegray"}
    one, other = eq.fit_fine_gray(frame, **names), eq.fit_fine_gray(frame[frame["w"] > 0], **names)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-12)
    assert one.rows == 150


def test_predicted_incidence_follows_from_the_baseline_hazard() -> None:
    fit = eq.fit_fine_gray(made(), **NAMES, covariates=["age", "drug"])
    baseline = fit.baseline_hazard()
    assert (np.diff(baseline["hazard"]) > 0.0).all()
    relative = math.exp(0.5 * fit.coefficients[0] + fit.coefficients[1])
    found = fit.predict_incidence({"drug": 1, "age": 0.5}, [0, *baseline["time"]])["estimate"]
    np.testing.assert_allclose(found[1:], 1.0 - np.exp(-relative * baseline["hazard"]), rtol=1e-12)
    assert found[0] == 0.0


def test_separation_constant_and_collinear_terms() -> None:
    frame = made().assign(one=1.0, twice=lambda d: 2.0 * d["age"], never=lambda d: (d["cause"] != 1) * 1.0)
    fit = eq.fit_fine_gray(frame, **NAMES, covariates=["age", "one", "twice", "never"])
    assert fit.reasons == (None, "CONSTANT", "COLLINEAR", "SEPARATION")
    assert fit.aliases == {"twice": ("age",)}
    assert fit.convergence.converged
    rest = frame[frame["cause"] == 1]
    alone = eq.fit_cox(rest, **NAMES, covariates=["age"], ties="breslow")
    assert fit.coefficients[0] == pytest.approx(alone.coefficients[0], rel=1e-8)


def test_no_event_of_the_cause() -> None:
    fit = eq.fit_fine_gray(made(), **NAMES, cause=3, covariates=["age"])
    assert fit.reasons == ("NO_EVENTS",)
    assert math.isnan(fit.coefficients[0])
    assert "NO_EVENTS" in repr(fit)
    with pytest.raises(UnsupportedError, match="without an estimate"):
        fit.baseline_hazard()


def test_everything_at_one_time_says_nothing_and_one_row_neither() -> None:
    at_once = eq.fit_fine_gray(made().assign(month=5), **NAMES, covariates=["age"])
    assert at_once.reasons == (None,)
    one = eq.fit_fine_gray({"month": [1.0], "cause": [1], "age": [3.0]}, **NAMES, covariates=["age"])
    assert one.reasons == ("CONSTANT",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"convention": "geskus"}, "convention"),
        ({"ties": "efron"}, "ties"),
        ({"weights": "w"}, "weights"),
        ({"start": "start"}, "start"),
        ({"censoring_by": "site", "convention": "finegray"}, "censoring_by"),
        ({"cluster": "site", "robust": False}, "cluster"),
    ],
)
def test_combinations_that_are_not_offered(options: dict, words: str) -> None:
    frame = made().assign(start=0.0)
    frame["start"] = frame["month"] / 2
    with pytest.raises(UnsupportedError, match=words):
        eq.fit_fine_gray(frame, **NAMES, covariates=["age"], **options)


def test_what_the_data_must_hold() -> None:
    with pytest.raises(DesignError, match="cause"):
        eq.fit_fine_gray(made(), **NAMES, cause=0, covariates=["age"])
    with pytest.raises(DesignError, match="200 missing"):
        eq.fit_fine_gray(made().assign(age=np.nan), **NAMES, covariates=["age"])
    with pytest.raises(DesignError, match="at"):
        eq.fit_fine_gray(made(), **NAMES, covariates=["age"]).predict_incidence({"sex": 1}, 5)
    gap = {"s": [0, 0, 5, 5], "month": [2, 3, 7, 8], "cause": [2, 1, 1, 0], "age": [1.0, 2.0, 0.0, 1.0]}
    with pytest.raises(DesignError, match="under observation"):
        eq.fit_fine_gray(gap, **NAMES, start="s", covariates=["age"], convention="finegray")


def test_clusters_of_one_are_rows_and_the_description_says_which_variance() -> None:
    frame = made().assign(id=range(200))
    one = eq.fit_fine_gray(frame, **NAMES, covariates=["age"])
    other = eq.fit_fine_gray(frame, **NAMES, covariates=["age"], cluster="id")
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-10)
    naive = eq.fit_fine_gray(frame, **NAMES, covariates=["age"], robust=False)
    np.testing.assert_allclose(naive.covariance, one.naive_covariance, rtol=1e-12)
    assert "log subdistribution hazard ratio of cause 1" in repr(one)
    assert "censoring weights estimated" in repr(one)
    assert "model-based" in repr(naive)
    with pytest.raises(UnsupportedError, match="no likelihood to profile"):
        one.profile_interval("age")
