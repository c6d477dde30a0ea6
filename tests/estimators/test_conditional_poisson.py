"""fit_conditional_poisson: hand-derived truth, identities, separation, degenerate data, bad input."""

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import AnalysisSet, DesignError, Reason, UnsupportedError, fit_conditional_poisson, fit_poisson
from equipoise.analysis_set import Column
from equipoise.estimators.fit import Fit


def series(n: int = 40, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), 4), "risk": np.tile([0, 1, 0, 0], n), "age": np.tile(range(4), n)}
    )
    frame["days"] = rng.integers(10, 200, len(frame))
    rate = np.exp(-4.5 + 0.7 * frame["risk"] + 0.1 * frame["age"] + np.repeat(rng.normal(0, 0.5, n), 4))
    return frame.assign(events=rng.poisson(rate * frame["days"]), w=rng.uniform(0.3, 2, len(frame)))


def fitted(data: Any, **options: Any) -> Fit:
    roles = {"outcome": "events", "person": "id", "covariates": ["risk", "age"], "person_time": "days"}
    return fit_conditional_poisson(data, **(roles | options))


def test_one_risk_period_of_the_same_length_by_hand() -> None:
    """With t1 days of risk and t0 without in everybody, the odds of an event at risk are e^b t1 / t0."""
    frame = pd.DataFrame({"id": np.repeat(range(9), 2), "risk": [1, 0] * 9, "days": [30, 120] * 9})
    frame["events"] = [1, 0] * 5 + [0, 1] * 3 + [2, 1]
    fit = fitted(frame, covariates=["risk"])
    assert fit.coefficients[0] == pytest.approx(math.log((7 / 4) * (120 / 30)))
    assert fit.std_errors[0] == pytest.approx(math.sqrt(1 / 7 + 1 / 4), rel=1e-7)
    assert fit.log_likelihood == pytest.approx(7 * math.log(7 / 11) + 4 * math.log(4 / 11))
    assert fit.log_likelihood_null == pytest.approx(7 * math.log(0.2) + 4 * math.log(0.8))
    assert (fit.events, fit.strata, fit.informative_strata) == (11, 9, 9)


@pytest.mark.parametrize("weights", [None, "w"])
def test_it_is_poisson_regression_with_a_level_for_each_person(weights: str | None) -> None:
    frame = series()
    with_events = frame[frame.groupby("id")["events"].transform("sum") > 0]
    levels = with_events.assign(level=with_events["id"].astype(str))
    whole = fit_poisson(
        levels, outcome="events", person_time="days", covariates=["risk", "age", "level"], weights=weights
    )
    fit = fitted(frame, weights=weights)
    np.testing.assert_allclose(fit.coefficients, whole.coefficients[1:3], rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, whole.covariance[1:3, 1:3], rtol=1e-6)
    for term in ("risk", "age"):
        assert fit.profile_interval(term) == pytest.approx(whole.profile_interval(term), rel=1e-6)


def test_row_order_splitting_intervals_and_persons_without_events_change_nothing() -> None:
    frame = series()
    fit = fitted(frame)
    for other in (
        frame.sample(frac=1, random_state=4),
        pd.concat([frame.assign(days=frame["days"] * 0.25, events=0), frame.assign(days=frame["days"] * 0.75)]),
        frame[frame.groupby("id")["events"].transform("sum") > 0],
    ):
        again = fitted(other)
        np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=1e-8)
        np.testing.assert_allclose(again.covariance, fit.covariance, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-9, 1e6])
def test_the_size_of_weights_changes_the_errors_alone(factor: float) -> None:
    frame = series()
    fit, scaled = fitted(frame, weights="w"), fitted(frame, weights=frame["w"].to_numpy() * factor)
    np.testing.assert_allclose(scaled.coefficients, fit.coefficients, rtol=1e-8)
    np.testing.assert_allclose(scaled.covariance * factor, fit.covariance, rtol=1e-6)
    assert scaled.log_likelihood == pytest.approx(fit.log_likelihood * factor)
    assert scaled.score_statistic == pytest.approx(fit.score_statistic * factor)
    robust = [fitted(frame, weights=w, robust=True).covariance for w in ("w", frame["w"].to_numpy() * factor)]
    np.testing.assert_allclose(robust[1], robust[0], rtol=1e-6)


def test_a_persons_level_and_its_covariates_do_not_matter() -> None:
    frame = series()
    fit = fitted(frame)
    moved = fitted(frame.assign(days=frame["days"] * (1.0 + frame["id"])))
    np.testing.assert_allclose(moved.coefficients, fit.coefficients, rtol=1e-8)
    constant = fitted(frame.assign(sex=frame["id"] % 2), covariates=["risk", "sex", "age"])
    assert constant.reasons == (None, Reason.CONSTANT, None)
    np.testing.assert_allclose(constant.coefficients[[0, 2]], fit.coefficients, rtol=1e-10)


def test_robust_errors_are_the_squared_scores_of_persons() -> None:
    frame = series().assign(family=lambda d: d["id"] // 3)
    plain, robust = fitted(frame), fitted(frame, robust=True)
    scores = []
    for _, rows in frame.groupby("id"):
        x = rows[["risk", "age"]].to_numpy(float)
        p = rows["days"].to_numpy() * np.exp(x @ plain.coefficients)
        scores.append((rows["events"].to_numpy() - rows["events"].sum() * p / p.sum()) @ x)
    change = np.array(scores) @ plain.covariance
    np.testing.assert_allclose(robust.covariance, change.T @ change, rtol=1e-5)
    np.testing.assert_allclose(fitted(frame, cluster="id").covariance, robust.covariance, rtol=1e-10)
    by_family = np.add.reduceat(change, np.arange(0, 40, 3))
    np.testing.assert_allclose(fitted(frame, cluster="family").covariance, by_family.T @ by_family, rtol=1e-5)
    assert "robust, by person" in repr(robust)
    with pytest.raises(UnsupportedError, match="profile"):
        robust.profile_interval("risk")


def test_polars_dict_matrix_and_analysis_set() -> None:
    frame = series().assign(events=lambda d: np.minimum(d["events"], 1))
    fit = fitted(frame)
    x = frame[["risk", "age"]].to_numpy(float)
    n = len(frame)
    design = AnalysisSet(
        person=frame["id"].to_numpy(),
        event=frame["events"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=frame["days"].to_numpy(np.int32),
        weight=np.ones(n),
        x=x,
        columns=(Column("risk", "exposure"), Column("age", "covariate")),
    )
    others = [
        fitted(pl.from_pandas(frame)),
        fitted({name: frame[name].to_numpy() for name in frame}),
        fit_conditional_poisson(design),
        fitted(
            x, outcome=frame["events"].to_numpy(), person=frame["id"].to_numpy(), person_time=frame["days"].to_numpy()
        ),
    ]
    for other in others:
        np.testing.assert_allclose(other.coefficients, fit.coefficients, rtol=1e-12)
    assert isinstance(others[0].tidy(exponentiate=True), pl.DataFrame)


def test_separation_leaves_the_other_terms() -> None:
    """All events of the exposed lie in level 3: its ratio is infinite, the rest is what the remaining rows say."""
    frame = series().assign(
        never=lambda d: (d["age"] == 3).astype(float), level=lambda d: (d["age"] == 2).astype(float)
    )
    frame.loc[frame["never"] == 1, "events"] = 0
    fit = fitted(frame, covariates=["risk", "never", "level"])
    assert fit.reasons == (None, Reason.SEPARATION, None)
    rest = fitted(frame[frame["never"] == 0], covariates=["risk", "level"])
    np.testing.assert_allclose(fit.coefficients[[0, 2]], rest.coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.std_errors[[0, 2]], rest.std_errors, rtol=1e-6)
    assert fit.log_likelihood == pytest.approx(rest.log_likelihood)
    low, high = fit.profile_interval("never")
    assert low == -math.inf
    assert math.isfinite(high)


def test_no_events_nobody_informative_and_one_row() -> None:
    frame = series()
    assert fitted(frame.assign(events=0)).reasons == (Reason.NO_EVENTS,) * 2
    assert fitted(frame.head(0)).reasons == (Reason.NO_EVENTS,) * 2
    same = fitted(frame.assign(risk=1, age=0))
    assert same.reasons == (Reason.NO_INFORMATIVE_SETS,) * 2
    assert same.informative_strata == 0
    assert np.isnan(same.coefficients).all()
    one = fitted(frame.head(1).assign(events=1))
    assert one.reasons == (Reason.NO_INFORMATIVE_SETS,) * 2


def test_a_single_person_and_every_event_on_one_day() -> None:
    one = pd.DataFrame({"id": [7] * 3, "risk": [0, 1, 0], "age": [0, 0, 1], "days": [50, 20, 30], "events": [5, 4, 2]})
    fit = fitted(one)
    assert fit.coefficients == pytest.approx([math.log((4 / 20) / (5 / 50)), math.log((2 / 30) / (5 / 50))])
    together = fitted(one.assign(events=[0, 11, 0]), covariates=["risk"])
    assert together.reasons == (Reason.SEPARATION,)


def test_collinear_terms_are_named() -> None:
    fit = fitted(series().assign(twice=lambda d: 2 * d["risk"] + d["id"]), covariates=["risk", "twice"])
    assert fit.reasons == (None, Reason.COLLINEAR)
    assert fit.aliases["twice"] == ("risk",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcome": "w"}, "negative or not whole"),
        ({"person": None}, "not given"),
        ({"person_time": np.zeros(160)}, "not more than zero"),
        ({"cluster": np.arange(160)}, "divides"),
        ({"cluster": "id", "robust": False}, "beside a cluster"),
        ({"covariates": None}, "none given"),
    ],
)
def test_bad_input_is_a_design_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DesignError, match=words):
        fitted(series(), **options)
