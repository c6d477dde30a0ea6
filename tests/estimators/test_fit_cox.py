"""fit_cox: what it accepts, what it refuses, degenerate data, identities and invariances."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise import AnalysisSet, assess_proportional_hazards, fit_conditional_logistic, fit_cox
from equipoise.analysis_set import Column
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.estimators.cox_concordance import concordance as _concordance
from tests.kernels import cox_twin

SAME = 1e-9  # relative: the same equations with another order of summation
PLAIN = {"time": "time", "event": "died", "covariates": ["a", "b"]}
SPLIT = PLAIN | {"start": "start"}


def people(seed: int = 1, n: int = 300, *, grid: int = 40) -> pd.DataFrame:
    """Rows with entry times, ties, strata, clusters, weights and an offset; a and b matter."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.integers(0, 2, n)
    failed = np.ceil(rng.exponential(15.0, n) * np.exp(-0.5 * a - 0.3 * b)).astype(int)
    censored = rng.integers(1, grid, n)
    time = np.minimum(failed, censored)
    return pd.DataFrame(
        {
            "time": time,
            "start": (time * rng.random(n) * 0.8).astype(int),
            "died": (failed <= censored).astype(int),
            "a": a,
            "b": b,
            "site": rng.integers(0, 3, n),
            "person": rng.integers(0, n // 3, n),
            "w": rng.integers(1, 4, n),
            "shift": rng.normal(size=n) / 4,
        }
    )


def same(found, expected, tolerance: float = SAME) -> None:
    np.testing.assert_allclose(found.coefficients, expected.coefficients, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=100 * tolerance, atol=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_frames_of_every_kind_and_mappings_give_the_same(ties: str) -> None:
    frame = people()
    fit = fit_cox(frame, ties=ties, **SPLIT)
    arrays = {name: frame[name].to_numpy() for name in frame.columns}
    for data, kind in ((pl.from_pandas(frame), pl.DataFrame), (arrays, pd.DataFrame)):
        other = fit_cox(data, ties=ties, **SPLIT)
        same(other, fit)
        assert isinstance(other.tidy(), kind)


def test_a_formula_and_a_factor() -> None:
    frame = people().assign(site=lambda d: d["site"].map({0: "north", 1: "east", 2: "south"}))
    named = fit_cox(frame, time="time", event="died", covariates=["a", "site"])
    formula = fit_cox(frame, time="time", event="died", covariates="a + site")
    assert named.terms == ("a", "site[north]", "site[south]")
    assert sorted(formula.terms) == sorted(named.terms)
    assert "east" in named.direction
    for term in named.terms:
        assert formula.estimate(term).estimate == pytest.approx(named.estimate(term).estimate, rel=SAME)
    assert assess_proportional_hazards(named).terms == ("a", "site", "GLOBAL")


def test_real_times_and_whole_days_give_the_same_and_ties_are_those_of_rounding() -> None:
    frame = people()
    whole = fit_cox(frame, **SPLIT)
    scaled = frame.assign(time=frame["time"] / 7.0, start=frame["start"] / 7.0)
    jittered = scaled.assign(time=scaled["time"] + 1e-12 * np.arange(len(frame)) / len(frame))
    same(fit_cox(scaled, **SPLIT), whole)
    same(fit_cox(jittered, **SPLIT), whole)


def test_time_zero_and_negative_times_are_valid_without_entry() -> None:
    frame = people()
    same(fit_cox(frame.assign(time=frame["time"] - frame["time"].min()), **PLAIN), fit_cox(frame, **PLAIN))
    same(fit_cox(frame.assign(time=frame["time"] - 1000), **PLAIN), fit_cox(frame, **PLAIN))


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_row_order_and_constants_added_to_columns_change_nothing(ties: str) -> None:
    frame = people(2)
    fit = fit_cox(frame, ties=ties, **SPLIT)
    shuffled = frame.sample(frac=1.0, random_state=3)
    same(fit_cox(shuffled, ties=ties, **SPLIT), fit)
    same(fit_cox(frame.assign(a=frame["a"] + 1e4), ties=ties, **SPLIT), fit, 1e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_splitting_a_row_changes_nothing(ties: str) -> None:
    frame = people(3)
    middle = (frame["start"] + frame["time"]) // 2
    splits = frame[(middle > frame["start"]) & (middle < frame["time"])]
    early = splits.assign(time=middle, died=0)
    late = splits.assign(start=middle)
    whole = frame.drop(index=splits.index)
    same(fit_cox(pd.concat([whole, early, late]), ties=ties, **SPLIT), fit_cox(frame, ties=ties, **SPLIT))


def test_start_at_the_beginning_is_no_start() -> None:
    frame = people(4)
    same(fit_cox(frame.assign(start=-5), **SPLIT), fit_cox(frame, **PLAIN))


def test_a_weight_of_two_is_the_row_twice_for_breslow_and_not_for_efron() -> None:
    frame = people(5)
    doubled = frame.loc[frame.index.repeat(frame["w"])]
    weighted, repeated = (
        fit_cox(frame, weights="w", ties="breslow", **SPLIT),
        fit_cox(doubled, ties="breslow", **SPLIT),
    )
    same(weighted, repeated)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
    efron = [fit_cox(d, ties="efron", **SPLIT, **more) for d, more in ((frame, {"weights": "w"}), (doubled, {}))]
    assert abs(efron[0].coefficients[0] - efron[1].coefficients[0]) > 1e-5


def test_robust_variance_of_repeated_rows_clustered_is_that_of_weights() -> None:
    frame = people(6).assign(row=lambda d: np.arange(len(d)))
    doubled = frame.loc[frame.index.repeat(frame["w"])]
    weighted = fit_cox(frame, weights="w", robust=True, ties="breslow", **PLAIN)
    repeated = fit_cox(doubled, cluster="row", ties="breslow", **PLAIN)
    same(weighted, repeated)
    assert (weighted.variance, repeated.variance) == ("robust", "cluster-robust")


def test_robust_is_the_default_where_it_is_in_r() -> None:
    frame = people(7).assign(half=lambda d: d["w"] / 2)
    assert fit_cox(frame, **PLAIN).variance == "model-based"
    assert fit_cox(frame, weights="w", **PLAIN).variance == "model-based"
    assert fit_cox(frame, weights="half", **PLAIN).variance == "robust"
    assert fit_cox(frame, weights="half", robust=False, **PLAIN).variance == "model-based"
    assert fit_cox(frame, cluster="person", **PLAIN).variance == "cluster-robust"


def test_robust_variance_is_the_sum_of_squared_influences() -> None:
    frame = people(8)
    fit = fit_cox(frame, cluster="person", weights="w", **SPLIT)
    influence = fit.residuals("dfbeta", by_cluster=True)
    np.testing.assert_allclose(influence.T @ influence, fit.covariance, rtol=1e-9)
    left_out = fit_cox(frame[frame["person"] != 5], cluster="person", weights="w", **SPLIT)
    code = list(dict.fromkeys(frame["person"]))
    change = fit.coefficients - left_out.coefficients
    approximate = influence[5] if len(influence) > max(code) else influence[code.index(5)]
    np.testing.assert_allclose(change, approximate, atol=0.3 * np.abs(change).max())


def test_exact_ties_are_the_conditional_likelihood_of_risk_sets() -> None:
    """One time in each stratum: exact Cox is exact conditional logistic regression of the strata."""
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"set": np.repeat(np.arange(40), 6), "a": rng.normal(size=240), "b": rng.integers(0, 3, 240)})
    frame["case"] = (rng.random(240) < 0.35).astype(int)
    cox = fit_cox(frame.assign(time=1), time="time", event="case", covariates=["a", "b"], strata="set", ties="exact")
    matched = fit_conditional_logistic(frame, case="case", matched_set="set", covariates=["a", "b"])
    same(cox, matched)
    assert cox.log_likelihood == pytest.approx(matched.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_strata_of_one_time_are_matched_sets_for_the_approximations_too(ties: str) -> None:
    rng = np.random.default_rng(10)
    frame = pd.DataFrame({"set": np.repeat(np.arange(40), 6), "a": rng.normal(size=240), "time": 1})
    frame["case"] = (rng.random(240) < 0.35).astype(int)
    cox = fit_cox(frame, time="time", event="case", covariates=["a"], strata="set", ties=ties)
    same(cox, fit_conditional_logistic(frame, case="case", matched_set="set", covariates=["a"], ties=ties))


def test_exact_ties_maximise_the_sum_over_all_subsets() -> None:
    rows = cox_twin.random_rows(3, n=24, p=2, strata=2, grid=5)
    rows.weight[:] = 1.0
    frame = pd.DataFrame({"a": rows.x[:, 0], "b": rows.x[:, 1], "start": rows.start, "time": rows.time})
    frame = frame.assign(died=rows.event, site=rows.stratum, shift=rows.offset)
    fit = fit_cox(frame, ties="exact", strata="site", offset="shift", **SPLIT)
    value, score, information = cox_twin.evaluate(rows, fit.coefficients, "exact")
    null = cox_twin.evaluate(rows, np.zeros(2), "exact")[0]
    np.testing.assert_allclose(score, 0.0, atol=1e-8)
    np.testing.assert_allclose(np.linalg.inv(information), fit.covariance, rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(value, rel=1e-12)
    assert fit.log_likelihood_null == pytest.approx(null, rel=1e-12)


def test_ties_do_not_matter_where_there_are_none() -> None:
    frame = people(11).assign(time=lambda d: d["time"] + np.arange(len(d)) / 1000)
    fits = [fit_cox(frame, ties=ties, **SPLIT) for ties in ("efron", "breslow", "exact")]
    same(fits[1], fits[0])
    same(fits[2], fits[0])


def test_concordance_is_that_of_all_pairs() -> None:
    rows = cox_twin.random_rows(12, n=60, p=1, strata=2, grid=12)
    frame = pd.DataFrame({"a": np.round(rows.x[:, 0]), "start": rows.start, "time": rows.time, "died": rows.event})
    frame = frame.assign(site=rows.stratum, w=rows.weight)
    fit = fit_cox(frame, strata="site", weights="w", robust=False, **(SPLIT | {"covariates": ["a"]}))
    found = fit.concordance()
    estimate, error = cox_twin.concordance(rows, frame["a"].to_numpy() * fit.coefficients[0])
    assert found.estimate == pytest.approx(estimate, rel=1e-12)
    assert found.std_error == pytest.approx(error, rel=1e-10)
    assert np.isnan(
        _concordance(fit_cox(frame.assign(died=0), **PLAIN | {"covariates": ["a"]}).data, rows.time).estimate
    )


def test_martingales_sum_to_zero_and_offsets_shift_nothing() -> None:
    frame = people(13)
    fit = fit_cox(frame, strata="site", offset="shift", **SPLIT)
    sums = frame.assign(m=fit.residuals()).groupby("site")["m"].sum()
    np.testing.assert_allclose(sums, 0.0, atol=1e-9)
    moved = fit_cox(frame.assign(shift=frame["shift"] + 100.0), strata="site", offset="shift", **SPLIT)
    same(moved, fit)
    held = fit_cox(frame.assign(shift=0.5 * frame["a"]), offset="shift", **SPLIT)
    free = fit_cox(frame, **SPLIT)
    assert held.coefficients[0] + 0.5 == pytest.approx(free.coefficients[0], rel=1e-9)


def test_profile_limits_lie_where_the_likelihood_has_fallen() -> None:
    frame = people(14, n=60)
    fit = fit_cox(frame, **SPLIT)
    for limit in fit.profile_interval("a"):
        held = fit_cox(frame.assign(shift=limit * frame["a"]), offset="shift", **(SPLIT | {"covariates": ["b"]}))
        assert 2 * (fit.log_likelihood - held.log_likelihood) == pytest.approx(3.841458820694124, rel=1e-7)


def test_predictions_follow_the_model() -> None:
    frame = people(15).assign(site=lambda d: d["site"].map({0: "n", 1: "e", 2: "s"}))
    fit = fit_cox(frame, time="time", event="died", covariates=["a", "site"])
    base = fit.baseline_hazard()
    at = {"a": [0.0, 1.0], "site": ["e", "s"]}
    found = fit.predict_survival(at)
    first, second = (found[found["person"] == k] for k in (0, 1))
    np.testing.assert_allclose(first["cumulative_hazard"], base["hazard"], rtol=1e-12)
    ratio = np.exp(fit.estimate("a").estimate + fit.estimate("site[s]").estimate)
    np.testing.assert_allclose(second["cumulative_hazard"], ratio * base["hazard"], rtol=1e-12)
    np.testing.assert_allclose(np.exp(-second["cumulative_hazard"]), second["survival"], rtol=1e-12)
    assert ((found["conf_low"] <= found["survival"]) & (found["survival"] <= found["conf_high"])).all()
    same_person = fit.predict_survival(pd.DataFrame(at), times=[3.0])
    assert same_person["survival"].iloc[0] == first["survival"][first["time"] <= 3.0].iloc[-1]
    edge = fit.predict_survival({"a": 0.0, "site": "e"}, times=[0.0, 1e6], conf_type="plain")
    assert edge["survival"].iloc[0] == 1.0
    assert np.isnan(edge["survival"].iloc[1])
    for bad in ({"a": 0.0}, {"a": 0.0, "site": "west"}, {"a": np.nan, "site": "e"}):
        with pytest.raises(DesignError):
            fit.predict_survival(bad)
    with pytest.raises(DesignError, match="not in the model"):
        fit.predict_survival(at, stratum="elsewhere")


def test_the_last_row_of_a_ridge_fit_meets_the_conditions_and_large_penalties_shrink() -> None:
    frame = people(16)
    plain, ridge = fit_cox(frame, **SPLIT), fit_cox(frame, ridge=30.0, penalty_factor=[1, 0], **SPLIT)
    score = ridge.residuals("score").sum(axis=0)
    np.testing.assert_allclose(score, [30.0 * ridge.coefficients[0], 0.0], atol=1e-5)
    assert 0 < ridge.coefficients[0] < plain.coefficients[0]
    assert ridge.effective_df < 2.0
    assert list(ridge.glance()["df"]) == [ridge.effective_df]
    lasso = fit_cox(frame, lasso=1e6, **SPLIT)
    assert lasso.coefficients.tolist() == [0.0, 0.0]
    assert np.isnan(lasso.std_errors).all()
    small = fit_cox(frame, lasso=1e-10, **SPLIT)
    np.testing.assert_allclose(small.coefficients, plain.coefficients, rtol=1e-8)
    with pytest.raises(UnsupportedError):
        small.profile_interval("a")
    with pytest.raises(UnsupportedError):
        assess_proportional_hazards(ridge)


def test_an_analysis_set_brings_its_own_times_strata_weights_and_persons() -> None:
    frame = people(17)
    data = AnalysisSet(
        person=frame["person"].to_numpy(),
        event=frame["died"].to_numpy().astype(np.int8),
        start=frame["start"].to_numpy().astype(np.int32),
        stop=frame["time"].to_numpy().astype(np.int32),
        weight=frame["w"].to_numpy() / 2.0,
        x=frame[["a", "b"]].to_numpy(float),
        columns=(Column("a", "covariate"), Column("b", "exposure")),
        stratum=frame["site"].to_numpy(),
        offset=frame["shift"].to_numpy(),
    )
    halved = frame.assign(w=frame["w"] / 2.0)
    expected = fit_cox(halved, strata="site", weights="w", offset="shift", cluster="person", **SPLIT)
    fit = fit_cox(data)
    same(fit, expected)
    assert fit.persons == frame["person"].nunique()
    same(fit_cox(data, covariates=["a"]), fit_cox(halved, strata="site", weights="w", offset="shift",
         cluster="person", **(SPLIT | {"covariates": ["a"]})))  # fmt: skip
    with pytest.raises(UnsupportedError, match="AnalysisSet"):
        fit_cox(data, weights="w")


def test_rows_of_weight_zero_are_left_out() -> None:
    frame = people(18).assign(w=lambda d: np.where(d.index % 4 == 0, 0, d["w"]))
    fit, without = fit_cox(frame, weights="w", **SPLIT), fit_cox(frame[frame["w"] > 0], weights="w", **SPLIT)
    same(fit, without)
    assert (fit.rows, fit.events) == (without.rows, without.events)
    assert np.isnan(fit.residuals()[::4]).all()
    assert fit.concordance().estimate == pytest.approx(without.concordance().estimate, rel=1e-12)


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_weights_of_any_size_give_the_same_coefficients(factor: float) -> None:
    frame = people(19).assign(w=lambda d: d["w"] * factor)
    fit = fit_cox(frame, weights="w", robust=False, **PLAIN)
    expected = fit_cox(people(19), weights="w", **PLAIN)
    np.testing.assert_allclose(fit.coefficients, expected.coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance * factor, expected.covariance, rtol=1e-6)
    statistics = [f.glance()["statistic_ratio"][0] for f in (fit, expected)]
    assert statistics[0] / factor == pytest.approx(statistics[1], rel=1e-3)


def test_a_column_that_separates_is_infinite_and_the_others_are_estimated() -> None:
    frame = people(20)
    never = frame.assign(shield=np.where(frame["died"] == 1, 0, frame["b"]))
    covariates = {"covariates": ["a", "shield"]}
    for ties in ("efron", "breslow", "exact"):
        fit = fit_cox(never, ties=ties, **(SPLIT | covariates))
        assert fit.reasons == (None, Reason.SEPARATION)
        # in the limit the shielded are never at risk
        limit = fit_cox(never[never["shield"] == 0], ties=ties, **(SPLIT | {"covariates": ["a"]}))
        assert fit.coefficients[0] == pytest.approx(limit.coefficients[0], rel=1e-8)
        assert fit.std_errors[0] == pytest.approx(limit.std_errors[0], rel=1e-6)
        assert fit.log_likelihood == pytest.approx(limit.log_likelihood, rel=1e-10)
        low, high = fit.profile_interval("shield")
        assert low == -np.inf
        assert np.isfinite(high)
    robust = fit_cox(never, cluster="person", **(SPLIT | covariates))
    limit = fit_cox(never[never["shield"] == 0], cluster="person", **(SPLIT | {"covariates": ["a"]}))
    assert robust.std_errors[0] == pytest.approx(limit.std_errors[0], rel=1e-6)
    with pytest.raises(UnsupportedError, match="shield"):
        robust.residuals()


def test_a_strong_effect_is_not_separation() -> None:
    rng = np.random.default_rng(21)
    x = rng.normal(size=400)
    rank = np.argsort(np.argsort(rng.exponential(size=400) * np.exp(-6.0 * x)))  # the times span fifteen decades
    frame = pd.DataFrame({"time": rank, "died": 1, "a": x})
    fit = fit_cox(frame, time="time", event="died", covariates=["a"])
    assert fit.reasons == (None,)
    assert fit.coefficients[0] == pytest.approx(6.0, abs=1.0)


def test_degenerate_columns_are_named() -> None:
    frame = people(22).assign(one=3.7, twice=lambda d: 2 * d["a"] - d["b"])
    fit = fit_cox(frame, time="time", event="died", covariates=["a", "b", "one", "twice"])
    assert fit.reasons == (None, None, Reason.CONSTANT, Reason.COLLINEAR)
    assert fit.aliases == {"twice": ("a", "b")}
    same_as = fit_cox(frame, **PLAIN)
    np.testing.assert_allclose(fit.coefficients[:2], same_as.coefficients, rtol=SAME)
    np.testing.assert_allclose(fit.residuals(), same_as.residuals(), atol=1e-9)
    assert assess_proportional_hazards(fit).terms == ("a", "b", "GLOBAL")


def test_a_column_constant_in_every_risk_set_is_constant() -> None:
    """It varies between strata only, or between rows that are never at risk together."""
    frame = people(23)
    fit = fit_cox(frame.assign(level=frame["site"] * 1e3 + 0.1), strata="site",
                  **(SPLIT | {"covariates": ["a", "level"]}))  # fmt: skip
    assert fit.reasons == (None, Reason.CONSTANT)
    late = people(24).assign(era=1, time=lambda d: d["time"] + 100, start=lambda d: d["start"] + 100)
    eras = pd.concat([people(23).assign(era=0), late])
    assert fit_cox(eras, **(SPLIT | {"covariates": ["a", "era"]})).reasons == (None, Reason.CONSTANT)


def test_data_without_an_answer_have_a_reason() -> None:
    frame = people(25)
    silent = fit_cox(frame.assign(died=0), **PLAIN)
    assert silent.reasons == (Reason.NO_EVENTS, Reason.NO_EVENTS)
    assert silent.tidy()["estimate"].isna().all()
    with pytest.raises(UnsupportedError):
        silent.residuals()
    alone = fit_cox(frame.head(1).assign(died=1), **PLAIN)
    assert alone.reasons == (Reason.CONSTANT, Reason.CONSTANT)
    assert alone.log_likelihood == 0.0
    everyone = fit_cox(frame.assign(b=1), **PLAIN)
    assert everyone.reasons == (None, Reason.CONSTANT)
    empty = fit_cox(frame.head(0), **PLAIN)
    assert (empty.rows, empty.reasons[0]) == (0, Reason.NO_EVENTS)
    together = fit_cox(frame.assign(time=5), **PLAIN)
    assert together.convergence.converged
    last = fit_cox(frame.assign(died=(frame["time"] == frame["time"].max()).astype(int)), ties="exact", **PLAIN)
    assert last.rows == len(frame)


def test_faulty_input_is_refused_with_counts() -> None:
    frame = people(26)
    faults = {
        "2 missing": (frame.assign(a=frame["a"].where(frame.index > 1)), PLAIN),
        "1 infinite": (frame.assign(time=np.where(frame.index > 0, frame["time"], np.inf)), PLAIN),
        "neither 0 nor 1": (frame.assign(died=2 * frame["died"]), PLAIN),
        "do not start before": (frame.assign(start=frame["time"]), SPLIT),
        "300 negative": (frame.assign(w=-1.0), PLAIN | {"weights": "w"}),
        "not in the data frame": (frame, PLAIN | {"strata": "nowhere"}),
        "without a cluster": (frame, SPLIT | {"robust": True}),
        "an array": (frame, PLAIN | {"cluster": np.arange(len(frame))}),
        "robust=False": (frame, PLAIN | {"robust": False, "cluster": "person"}),
        "event": (frame, {"time": "time", "covariates": ["a"]}),
        "zero or more": (frame, PLAIN | {"ridge": -1.0}),
        "penalty": (frame, PLAIN | {"penalty_factor": [1.0, 1.0]}),
        "2 finite numbers": (frame, PLAIN | {"ridge": 1.0, "penalty_factor": [1.0]}),
        "combinations": (
            frame.assign(c=frame["a"]),
            PLAIN | {"covariates": ["a", "c"], "ridge": 1.0, "penalty_factor": [0, 0]},
        ),
    }
    for words, (data, arguments) in faults.items():
        with pytest.raises(DesignError, match=words):
            fit_cox(data, **arguments)


def test_unsupported_combinations_are_refused() -> None:
    frame = people(27)
    combinations = {
        "weights": {"ties": "exact", "weights": "w"},
        "exact ties": {"ties": "exact", "cluster": "person"},
        "ties": {"ties": "discrete"},
        "ridge and lasso": {"ridge": 1.0, "cluster": "person"},
    }
    for words, more in combinations.items():
        with pytest.raises(UnsupportedError, match=words):
            fit_cox(frame, **PLAIN, **more)
    exact = fit_cox(frame, ties="exact", **PLAIN)
    for refused in (exact.residuals, exact.baseline_hazard, lambda: assess_proportional_hazards(exact)):
        with pytest.raises(UnsupportedError, match="exact"):
            refused()
    fit = fit_cox(frame, **PLAIN)
    with pytest.raises(UnsupportedError, match="martingale"):
        fit.residuals("pearson")
    with pytest.raises(UnsupportedError, match="by_cluster"):
        fit.residuals(by_cluster=True)
    with pytest.raises(UnsupportedError, match="transform"):
        assess_proportional_hazards(fit, transform="square")


def test_only_columns_of_the_model_are_looked_at() -> None:
    frame = people(28).assign(unused=np.nan)
    assert fit_cox(frame, **PLAIN).rows == len(frame)


def test_the_text_states_scale_direction_and_what_it_rests_on() -> None:
    text = repr(fit_cox(people(29), strata="site", cluster="person", **SPLIT))
    for words in ("log hazard ratio", "one unit more", "300 rows", "3 of 3 strata", "cluster-robust", "Efron's ties"):
        assert words in text
