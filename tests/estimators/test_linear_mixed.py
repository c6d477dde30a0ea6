"""`fit_linear_mixed`: hand truth, invariances, what the data cannot answer, and what its results offer."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.estimators.linear_mixed import fit_linear_mixed
from equipoise.estimators.linear_mixed_fit import LinearMixedFit
from equipoise.kernels.person_statistics import PersonRows, person_rows
from tests.kernels.mixed_twin import dense_deviance

EXACT = 1e-9
BY_DIFFERENCES = 1e-4
MODEL = {"outcome": "y", "person": "id", "fixed": ["time", "arm"], "random": ["time"]}


def measured(seed: int = 3, persons: int = 30, slope: float = 0.6) -> pd.DataFrame:
    """Between 1 and 6 measurements a person, rows in no order."""
    rng = np.random.default_rng(seed)
    id = rng.permutation(np.repeat(np.arange(persons), rng.integers(1, 7, persons)))
    time, arm = rng.uniform(0.0, 4.0, len(id)), (id % 2).astype(float)
    own, own_slope = rng.normal(size=persons)[id], slope * rng.normal(size=persons)[id]
    y = 5.0 + 0.5 * time - arm + own + own_slope * time + 0.5 * rng.normal(size=len(id))
    return pd.DataFrame({"id": id, "time": time, "arm": arm, "y": y})


def reason_of(fit: LinearMixedFit, term: str) -> str | None:
    frame = fit.tidy()
    return frame.loc[frame["term"] == term, "reason"].item()


def value_of(fit: LinearMixedFit, term: str, column: str = "estimate") -> float:
    frame = fit.tidy()
    return float(frame.loc[frame["term"] == term, column].item())


def test_balanced_data_by_hand() -> None:
    """Three persons with two rows: means 2, 5, 8, differences 2, 2, 0; mean squares 18 between and 4/3 within."""
    rows = {"id": [1, 1, 2, 2, 3, 3], "y": [1.0, 3.0, 4.0, 6.0, 8.0, 8.0]}
    fit = fit_linear_mixed(rows, outcome="y", person="id", fixed="1", random="1")
    between = (18.0 - 4.0 / 3.0) / 2.0
    np.testing.assert_allclose(fit.coefficients, [5.0], rtol=EXACT)
    np.testing.assert_allclose(fit.std_errors, [math.sqrt(18.0 / 6.0)], rtol=EXACT)
    np.testing.assert_allclose(fit.sigma**2, 4.0 / 3.0, rtol=EXACT)
    np.testing.assert_allclose(fit.random_covariance, [[between]], rtol=EXACT)
    shrinkage = 1.0 - (4.0 / 3.0) / 18.0
    np.testing.assert_allclose(fit.random_effects()["estimate"], shrinkage * np.array([-3.0, 0.0, 3.0]), atol=EXACT)
    np.testing.assert_allclose(fit.random_effects()["std_error"], math.sqrt(between * (1.0 - shrinkage)), rtol=EXACT)
    assert fit.random_effects()["person"].tolist() == [1, 2, 3]


def test_tidy_lists_fixed_effects_first_then_components() -> None:
    fit = fit_linear_mixed(measured(), **MODEL)
    frame = fit.tidy()
    components = ["sd (Intercept)", "sd time", "cor (Intercept), time", "sd residual"]
    assert frame["term"].tolist() == ["(Intercept)", "time", "arm", *components]
    assert frame["p_value"].isna().tolist() == [False] * 3 + [True] * 4
    assert (frame["conf_low"] < frame["estimate"]).all()
    assert (frame["estimate"] < frame["conf_high"]).all()
    np.testing.assert_allclose(value_of(fit, "sd time") ** 2, fit.random_covariance[1, 1], rtol=EXACT)
    narrow = fit.tidy(conf_level=0.5)
    assert (narrow["conf_low"] > frame["conf_low"]).all()
    with pytest.raises(UnsupportedError, match="logarithms"):
        fit.tidy(exponentiate=True)


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_component_intervals_come_from_the_curvature_of_the_likelihood(method: str) -> None:
    frame = measured()
    fit = fit_linear_mixed(frame, **MODEL, method=method)
    effects = fit.effects
    assert effects is not None
    order = np.argsort(effects.place, kind="stable")
    rows = _dense_rows(frame.iloc[order])

    def deviance(t: np.ndarray) -> float:
        a, b, rho, s = math.exp(t[0]), math.exp(t[1]), math.tanh(t[2]), math.exp(2.0 * t[3])
        return dense_deviance(rows, np.array([[a * a, a * b * rho], [a * b * rho, b * b]]), s, method == "reml")

    a, b, rho, s = (component.value for component in fit.components)
    point, h = np.array([math.log(a), math.log(b), math.atanh(rho), math.log(s)]), 1e-3
    np.testing.assert_allclose(-2.0 * fit.log_likelihood, deviance(point), rtol=EXACT)
    steps = h * np.eye(4)
    hessian = np.array(
        [[deviance(point + u + v) - deviance(point + u - v) - deviance(point - u + v) + deviance(point - u - v)
          for u in steps] for v in steps]
    ) / (4 * h * h)  # fmt: skip
    expected = np.sqrt(np.linalg.inv(hessian / 2.0).diagonal())
    np.testing.assert_allclose([component.spread for component in fit.components], expected, rtol=BY_DIFFERENCES)


def _dense_rows(frame: pd.DataFrame) -> PersonRows:
    ones = np.ones(len(frame))
    x = np.column_stack([ones, frame["time"], frame["arm"]])
    return person_rows(frame["y"].to_numpy(), x, x[:, :2], frame["id"].to_numpy())


@pytest.mark.parametrize("correlated", [True, False])
def test_order_of_rows_names_of_persons_and_kind_of_frame_change_nothing(correlated: bool) -> None:
    frame = measured()
    fit = fit_linear_mixed(frame, **MODEL, correlated=correlated)
    shuffled = frame.sample(frac=1.0, random_state=1).assign(id=lambda d: "person " + d["id"].astype(str))
    again = fit_linear_mixed(pl.from_pandas(shuffled), **MODEL, correlated=correlated)
    assert isinstance(again.tidy(), pl.DataFrame)
    assert again.random_effects()["person"].dtype == pl.String
    np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=EXACT)
    np.testing.assert_allclose(again.covariance, fit.covariance, rtol=EXACT)
    np.testing.assert_allclose(again.random_covariance, fit.random_covariance, rtol=1e-7, atol=EXACT)
    np.testing.assert_allclose(again.residuals(), fit.residuals()[shuffled.index], rtol=1e-7, atol=1e-7)


def test_other_units_give_the_same_answer_in_those_units() -> None:
    frame = measured()
    fit = fit_linear_mixed(frame, **MODEL)
    moved = frame.assign(time=365.25 * frame["time"], y=1e6 + 1e-3 * frame["y"])
    again = fit_linear_mixed(moved, **MODEL)
    np.testing.assert_allclose(again.coefficients[1:], fit.coefficients[1:] * [1e-3 / 365.25, 1e-3], rtol=1e-6)
    np.testing.assert_allclose(again.std_errors, fit.std_errors * [1e-3, 1e-3 / 365.25, 1e-3], rtol=1e-6)
    unit = np.diag([1e-3, 1e-3 / 365.25])
    np.testing.assert_allclose(again.random_covariance, unit @ fit.random_covariance @ unit, rtol=1e-5)
    n, p = len(frame), 3
    change = (n - p) * math.log(1e-3) + math.log(365.25)
    np.testing.assert_allclose(again.log_likelihood, fit.log_likelihood - change, rtol=1e-7)


def test_time_in_calendar_years_is_the_same_model() -> None:
    frame = measured()
    fit = fit_linear_mixed(frame, **MODEL)
    again = fit_linear_mixed(frame.assign(time=frame["time"] + 2010.0), **MODEL)
    np.testing.assert_allclose(again.log_likelihood, fit.log_likelihood, rtol=EXACT)
    np.testing.assert_allclose(again.coefficients[1:], fit.coefficients[1:], rtol=1e-7)
    np.testing.assert_allclose(again.std_errors[1:], fit.std_errors[1:], rtol=1e-7)
    np.testing.assert_allclose(again.fitted_values(), fit.fitted_values(), rtol=1e-7)


def test_formula_factor_and_lists_agree() -> None:
    frame = measured().assign(treated=lambda d: np.where(d["arm"] == 1.0, "yes", "no"))
    fit = fit_linear_mixed(frame, outcome="y", person="id", fixed="time + treated", random="time")
    again = fit_linear_mixed(frame, **MODEL)
    assert fit.terms == ("(Intercept)", "time", "treated[yes]")
    assert "treated: no" in fit.direction
    np.testing.assert_allclose(fit.coefficients, again.coefficients, rtol=EXACT)


def test_analysis_set() -> None:
    frame = measured()
    n = len(frame)
    zeros = np.zeros(n, np.int32)
    columns = tuple(Column(name, "covariate") for name in ("time", "arm", "y"))
    x = frame[["time", "arm", "y"]].to_numpy()
    people = AnalysisSet(frame["id"].to_numpy(), zeros.astype(np.int8), zeros, zeros + 1, np.ones(n), x, columns)
    fit = fit_linear_mixed(people, **MODEL | {"person": "person"})
    np.testing.assert_allclose(fit.coefficients, fit_linear_mixed(frame, **MODEL).coefficients, rtol=EXACT)


def test_weights_of_an_analysis_set_are_refused() -> None:
    columns = (Column("time", "covariate"), Column("y", "covariate"))
    zeros = np.zeros(4, np.int32)
    x = np.random.default_rng(1).normal(size=(4, 2))
    people = AnalysisSet(zeros, zeros, zeros, zeros + 1, np.array([1.0, 2.0, 1.0, 1.0]), x, columns)
    with pytest.raises(UnsupportedError, match="weight"):
        fit_linear_mixed(people, outcome="y", person="person", fixed=["time"], random="1")


def test_residuals_fitted_values_and_prediction() -> None:
    frame = measured()
    fit = fit_linear_mixed(frame, **MODEL)
    y = frame["y"].to_numpy()
    np.testing.assert_allclose(fit.residuals("marginal"), y - fit.fitted_values("population"), atol=EXACT)
    np.testing.assert_allclose(fit.residuals("conditional"), y - fit.fitted_values("person"), atol=EXACT)
    np.testing.assert_allclose(fit.residuals("pearson"), fit.residuals("conditional") / fit.sigma, rtol=EXACT)
    at = {"time": frame["time"], "arm": frame["arm"]}
    np.testing.assert_allclose(fit.predict(at), fit.fitted_values("population"), rtol=EXACT)
    first = frame["id"].iloc[0]
    own = fit.predict({"time": frame["time"].iloc[0], "arm": frame["arm"].iloc[0]}, person=first)
    np.testing.assert_allclose(own, fit.fitted_values()[:1], rtol=EXACT)
    with pytest.raises(DesignError, match="not among the data"):
        fit.predict({"time": 1.0, "arm": 0.0}, person=-1)
    with pytest.raises(DesignError, match="absent arm"):
        fit.predict({"time": 1.0})
    with pytest.raises(UnsupportedError, match="deviance"):
        fit.residuals("deviance")


def test_glance_and_repr() -> None:
    fit = fit_linear_mixed(measured(), **MODEL, method="ml")
    row = fit.glance().iloc[0]
    assert row["df"] == 3 + 3 + 1
    assert row["persons"] == 30
    np.testing.assert_allclose(row["aic"], -2.0 * fit.log_likelihood + 14.0, rtol=EXACT)
    np.testing.assert_allclose(row["bic"], -2.0 * fit.log_likelihood + 7.0 * math.log(fit.rows), rtol=EXACT)
    text = repr(fit)
    assert "difference in mean outcome" in text
    assert "sd residual" in text
    assert "events" not in text


def test_variance_of_zero_is_on_the_boundary_and_said_so() -> None:
    rng = np.random.default_rng(5)
    id = np.repeat(np.arange(6), 4)
    y = np.tile([-3.0, 3.0, -1.0, 1.0], 6) + 0.01 * rng.normal(size=24)
    fit = fit_linear_mixed({"id": id, "y": y}, outcome="y", person="id", fixed="1", random="1")
    assert fit.singular
    assert fit.convergence.converged
    assert reason_of(fit, "sd (Intercept)") == "BOUNDARY"
    assert value_of(fit, "sd (Intercept)") == 0.0
    assert math.isnan(value_of(fit, "sd (Intercept)", "conf_low"))
    assert value_of(fit, "sd residual", "conf_low") > 0.0
    np.testing.assert_allclose(fit.sigma**2, np.var(y, ddof=1), rtol=EXACT)
    np.testing.assert_allclose(fit.std_errors, np.std(y, ddof=1) / math.sqrt(24), rtol=EXACT)
    assert "on the boundary" in repr(fit)


def following() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Forty persons whose slope is their intercept; the intercept of each row's person."""
    rng = np.random.default_rng(5)
    id, time = np.repeat(np.arange(40), 5), np.tile(np.arange(5.0), 40)
    own = rng.normal(size=40)[id]
    return {"id": id, "t": time, "y": own * (1.0 + time) + rng.normal(size=200)}, own


def test_slopes_that_follow_from_intercepts_are_on_the_boundary() -> None:
    rows, _ = following()
    fit = fit_linear_mixed(rows, outcome="y", person="id", fixed=["t"], random=["t"])
    assert fit.singular
    assert value_of(fit, "cor (Intercept), t") == 1.0
    assert reason_of(fit, "cor (Intercept), t") == "BOUNDARY"
    assert value_of(fit, "sd t", "conf_low") > 0.0
    assert np.linalg.matrix_rank(fit.random_covariance, tol=1e-9) == 1


def test_a_slope_without_variance_leaves_the_model_without_it() -> None:
    rows, own = following()
    rows["y"] = rows["y"] - own * rows["t"]
    fit = fit_linear_mixed(rows, outcome="y", person="id", fixed=["t"], random=["t"], correlated=False)
    alone = fit_linear_mixed(rows, outcome="y", person="id", fixed=["t"], random="1")
    assert reason_of(fit, "sd t") == "BOUNDARY"
    np.testing.assert_allclose(fit.log_likelihood, alone.log_likelihood, rtol=EXACT)
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        for term in ("t", "sd (Intercept)", "sd residual"):
            np.testing.assert_allclose(value_of(fit, term, column), value_of(alone, term, column), rtol=1e-6)


def test_one_row_a_person_hides_variances_but_not_fixed_effects() -> None:
    frame = measured().drop_duplicates("id")
    fit = fit_linear_mixed(frame, outcome="y", person="id", fixed=["time"], random="1")
    x = np.column_stack([np.ones(len(frame)), frame["time"]])
    beta, rest, *_ = np.linalg.lstsq(x, frame["y"].to_numpy(), rcond=None)
    np.testing.assert_allclose(fit.coefficients, beta, rtol=1e-7)
    expected = np.sqrt(np.linalg.inv(x.T @ x).diagonal() * rest[0] / (len(frame) - 2))
    np.testing.assert_allclose(fit.std_errors, expected, rtol=1e-7)
    assert reason_of(fit, "sd (Intercept)") == reason_of(fit, "sd residual") == "NOT_IDENTIFIED"


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_one_person_hides_the_level_but_not_change_within(method: str) -> None:
    rng = np.random.default_rng(2)
    time = np.arange(8.0)
    y = 3.0 + 2.0 * time + rng.normal(size=8)
    rows = {"id": np.zeros(8, np.int64), "time": time, "y": y}
    fit = fit_linear_mixed(rows, outcome="y", person="id", fixed=["time"], random="1", method=method)
    assert fit.reasons == (Reason.NOT_IDENTIFIED, None)
    np.testing.assert_allclose(fit.coefficients[1], np.polyfit(time, y, 1)[0], rtol=EXACT)
    assert reason_of(fit, "sd (Intercept)") == "NOT_IDENTIFIED"
    assert reason_of(fit, "sd residual") is None


def test_random_slope_without_variation_in_time_is_left_out_and_named() -> None:
    frame = measured().assign(time=2.0)
    fit = fit_linear_mixed(frame, outcome="y", person="id", fixed=["arm"], random=["time"])
    alone = fit_linear_mixed(frame, outcome="y", person="id", fixed=["arm"], random="1")
    assert reason_of(fit, "sd time") == "CONSTANT"
    np.testing.assert_allclose(fit.coefficients, alone.coefficients, rtol=EXACT)
    assert fit.log_likelihood == alone.log_likelihood


def test_random_effect_of_what_never_varies_within_persons_is_not_identified_twice() -> None:
    """With at most one row a person and value of time, slope and residual cannot all be told apart."""
    frame = measured().drop_duplicates("id")
    fit = fit_linear_mixed(frame, outcome="y", person="id", fixed=["arm"], random=["time"])
    assert reason_of(fit, "sd (Intercept)") == "NOT_IDENTIFIED"
    assert reason_of(fit, "sd residual") == "NOT_IDENTIFIED"


def test_collinear_and_constant_fixed_effects_are_named_and_the_rest_estimated() -> None:
    frame = measured().assign(twice=lambda d: 2.0 * d["time"] - d["arm"], one=1.0)
    fixed = ["time", "arm", "twice", "one"]
    fit = fit_linear_mixed(frame, outcome="y", person="id", fixed=fixed, random=["time"])
    assert fit.reasons == (None, None, None, Reason.COLLINEAR, Reason.CONSTANT)
    assert fit.aliases == {"twice": ("time", "arm")}
    np.testing.assert_allclose(fit.coefficients[:3], fit_linear_mixed(frame, **MODEL).coefficients, rtol=EXACT)


@pytest.mark.parametrize("y", [np.full(9, 7.25), 1.0 + 2.0 * np.arange(9.0)], ids=["constant", "a line"])
def test_an_outcome_without_residual_has_no_likelihood(y: np.ndarray) -> None:
    rows = {"id": np.repeat([1, 2, 3], 3), "time": np.arange(9.0), "y": y}
    fit = fit_linear_mixed(rows, outcome="y", person="id", fixed=["time"], random="1")
    assert fit.reasons == (Reason.BOUNDARY,) * 2
    assert fit.sigma == 0.0
    with pytest.raises(UnsupportedError, match="no estimates"):
        fit.residuals()
    assert "BOUNDARY" in repr(fit)


def test_persons_without_any_residual_of_their_own_are_on_the_boundary() -> None:
    rows = {"id": np.repeat([1, 2, 3, 4], 3), "y": np.repeat([1.0, 4.0, 2.0, 9.0], 3)}
    fit = fit_linear_mixed(rows, outcome="y", person="id", fixed="1", random="1")
    assert reason_of(fit, "sd residual") == "BOUNDARY"
    assert value_of(fit, "sd residual") == 0.0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_rows(n: int) -> None:
    frame = measured().iloc[:n]
    fit = fit_linear_mixed(frame, **MODEL)
    assert set(fit.reasons) <= {Reason.NOT_IDENTIFIED, Reason.CONSTANT, Reason.COLLINEAR}
    assert fit.rows == n
    assert fit.tidy()["estimate"].isna().all()
    assert "NOT_IDENTIFIED" in repr(fit)


def test_missing_values_are_refused_with_counts_by_column_together() -> None:
    frame = measured().assign(other=np.nan)
    frame.loc[:2, "y"] = np.nan
    frame.loc[5, "arm"] = np.inf
    with pytest.raises(DesignError) as found:
        fit_linear_mixed(frame, **MODEL)
    text = str(found.value)
    assert "'y': 3 missing and 0 infinite" in text
    assert "'arm': 0 missing and 1 infinite" in text
    assert "other" not in text


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"outcome": "z"}, DesignError, "'z'"),
        ({"person": "z"}, DesignError, "'z'"),
        ({"method": "bayes"}, UnsupportedError, "reml, ml"),
        ({"fixed": None}, DesignError, "fixed"),
        ({"conf_level": 95}, DesignError, "conf_level"),
        ({"fixed": "y ~ time"}, DesignError, "right-hand side"),
    ],
)
def test_wrong_questions_are_refused(change: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        fit_linear_mixed(measured(), **MODEL | change)


def test_profile_intervals_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="no likelihood to profile"):
        fit_linear_mixed(measured(), **MODEL).tidy(interval="profile")
