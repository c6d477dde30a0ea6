"""`fit_joint`: what it accepts, what it answers, what it refuses."""

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import equipoise as eq
from equipoise.analysis_set import AnalysisSet, Column
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.estimators.joint import fit_joint
from equipoise.estimators.joint_design import b_spline, design, natural_spline
from equipoise.estimators.joint_fit import JointFit
from equipoise.estimators.linear_mixed import fit_linear_mixed
from tests.estimators.joint_population import NAMES, population

SAME = 1e-6  # relative, of two climbs to the same maximum from different starts
MEASURED, LIVES = population(250, 1)
LATE_MEASURED, LATE_LIVES = population(250, 2, late=True)
TWO_MEASURED, TWO_LIVES = population(250, 3, causes=2)


def fit(measured: Any = MEASURED, lives: Any = LIVES, **more: Any) -> JointFit:
    return fit_joint(measured, lives, **(NAMES | more))


PLAIN = fit()


def mixed_log_likelihood(measured: pd.DataFrame) -> float:
    return fit_linear_mixed(measured, outcome="y", person="id", fixed="t * x", random="t", method="ml").log_likelihood


# identities


def test_without_association_there_are_two_separate_models() -> None:
    """One interval of constant hazard has the closed form d log(d / time) - d."""
    found = fit(baseline="piecewise", knots=0, covariates=None)
    d, time = LIVES["cause"].sum(), LIVES["end"].sum()
    expected = mixed_log_likelihood(MEASURED) + d * math.log(d / time) - d
    assert found.log_likelihood_null == pytest.approx(expected, abs=1e-6)
    assert found.log_likelihood > found.log_likelihood_null


def test_without_association_delayed_entry_truncates_survival() -> None:
    found = fit(LATE_MEASURED, LATE_LIVES, baseline="piecewise", knots=0, covariates=None, entry="entry")
    d, time = LATE_LIVES["cause"].sum(), (LATE_LIVES["end"] - LATE_LIVES["entry"]).sum()
    expected = mixed_log_likelihood(LATE_MEASURED) + d * math.log(d / time) - d
    assert found.log_likelihood_null == pytest.approx(expected, abs=1e-6)


def test_entry_at_zero_is_no_delay() -> None:
    found = fit(lives=LIVES.assign(entry=0.0), entry="entry")
    np.testing.assert_allclose(found.coefficients, PLAIN.coefficients, rtol=SAME, atol=1e-9)
    assert found.log_likelihood == pytest.approx(PLAIN.log_likelihood, abs=1e-9)


def test_late_entry_is_a_quotient_of_two_integrals() -> None:
    """The log-likelihood is that of all follow-up from time 0 less that of surviving until entry, each integrated."""
    found = fit(LATE_MEASURED, LATE_LIVES, entry="entry", quadrature_points=9)
    objective, theta = found.solution.objective, found.solution.theta
    whole = objective.main.by_person(theta).log_likelihood
    until = objective.entry.by_person(theta).log_likelihood
    assert (until < 0.0).all()
    assert found.log_likelihood == pytest.approx(whole.sum() - until.sum(), abs=1e-9)
    assert "adaptive" in found.quadrature


def test_a_falling_weibull_hazard_is_integrated_to_its_origin() -> None:
    """Without association the maximum is that of Weibull's own likelihood, in closed form but for the shape."""
    draw = np.random.default_rng(4)
    end = np.minimum(2.0 * draw.exponential(size=250) ** (1.0 / 0.5), 9.0) + 1e-9
    lives = LIVES.assign(end=end, cause=end < 9.0)
    measured = MEASURED[MEASURED["t"] <= end[MEASURED["id"]]]
    found = fit(measured, lives, covariates=None)

    def height(shape: float) -> float:
        d, total = lives["cause"].sum(), (end**shape).sum()
        return d * math.log(d / total) + d * math.log(shape) + (shape - 1.0) * np.log(end[lives["cause"]]).sum() - d

    best = max(height(shape) for shape in np.linspace(0.3, 0.9, 6001))
    assert found.log_likelihood_null == pytest.approx(mixed_log_likelihood(measured) + best, abs=0.01)
    assert "denser towards 0" in found.quadrature
    plain = fit(measured, lives, covariates=None, time_points=15)
    assert "denser" not in plain.quadrature
    assert plain.log_likelihood_null != pytest.approx(found.log_likelihood_null, abs=0.01)


def test_late_entry_against_integration() -> None:
    """Random intercept and constant hazard: each person's two integrals by a general integrator."""
    simple = {"fixed": "1", "random": "1", "baseline": "piecewise", "knots": 0, "covariates": None}
    found = fit(LATE_MEASURED, LATE_LIVES, entry="entry", quadrature_points=15, **simple)
    names = ("trajectory: (Intercept)", "association: value", "baseline: (0, inf]")
    beta, alpha, level = (found.coefficients[found.index_of(name)] for name in names)
    spread = math.sqrt(found.random_covariance[0, 0])
    each = found.solution.objective.by_person(found.solution.theta)[0]
    for i in range(0, 250, 10):
        y, (end, cause, entry) = (
            LATE_MEASURED["y"][LATE_MEASURED["id"] == i],
            LATE_LIVES.loc[i, ["end", "cause", "entry"]],
        )

        def seen(b: float, y=y, end=end, cause=cause) -> float:
            log_hazard = level + alpha * (beta + b)
            log_f = norm.logpdf(y, beta + b, found.sigma).sum() + cause * log_hazard - math.exp(log_hazard) * end
            return math.exp(log_f) * norm.pdf(b, 0.0, spread)

        def entered(b: float, entry=entry) -> float:
            return math.exp(-math.exp(level + alpha * (beta + b)) * entry) * norm.pdf(b, 0.0, spread)

        above, below = (quad(part, -9.0, 9.0, epsabs=0.0, epsrel=1e-10, limit=400)[0] for part in (seen, entered))
        assert each[i] == pytest.approx(math.log(above / below), abs=1e-6)


def test_the_order_of_rows_and_persons_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    shuffled = MEASURED.iloc[draw.permutation(len(MEASURED))]
    found = fit(shuffled, LIVES.iloc[draw.permutation(len(LIVES))])
    np.testing.assert_allclose(found.coefficients, PLAIN.coefficients, rtol=SAME, atol=1e-8)
    assert found.log_likelihood == pytest.approx(PLAIN.log_likelihood, abs=1e-8)


def test_units_of_the_outcome_and_of_time() -> None:
    scaled = fit(MEASURED.assign(y=10.0 * MEASURED["y"] + 3.0))
    here, there = PLAIN.estimate("association: value"), scaled.estimate("association: value")
    assert 10.0 * there.estimate == pytest.approx(here.estimate, rel=1e-5)
    assert 10.0 * there.std_error == pytest.approx(here.std_error, rel=1e-5)
    months = fit(MEASURED.assign(t=12 * MEASURED["t"]), LIVES.assign(end=12 * LIVES["end"]), association="both")
    years = fit(association="both")
    both = [months.estimate("association: slope").estimate, years.estimate("association: slope").estimate]
    assert both[0] == pytest.approx(12.0 * both[1], rel=1e-4)
    assert months.estimate("association: value").estimate == pytest.approx(
        years.estimate("association: value").estimate, rel=1e-4
    )
    events = LIVES["cause"].sum()
    assert months.log_likelihood + events * math.log(12.0) == pytest.approx(years.log_likelihood, abs=1e-5)


def test_a_cause_by_another_number_is_the_same_cause() -> None:
    found = fit(lives=LIVES.assign(cause=2 * LIVES["cause"]))
    assert found.log_likelihood == pytest.approx(PLAIN.log_likelihood, abs=1e-9)
    assert found.reasons[found.index_of("association 1: value")] is Reason.NO_EVENTS
    assert found.estimate("association 2: value").estimate == pytest.approx(
        PLAIN.estimate("association: value").estimate, rel=1e-9
    )


def test_more_points_and_moving_nodes_come_to_the_same() -> None:
    fine = fit(quadrature_points=15)
    moving = fit(quadrature="adaptive", quadrature_points=9)
    np.testing.assert_allclose(moving.coefficients, fine.coefficients, atol=1e-4)
    np.testing.assert_allclose(moving.std_errors, fine.std_errors, rtol=1e-3)
    assert (np.abs(PLAIN.coefficients - fine.coefficients) < 0.05 * fine.std_errors).all()


def test_the_score_is_zero_at_the_maximum() -> None:
    for found in (PLAIN, fit(TWO_MEASURED, TWO_LIVES), fit(LATE_MEASURED, LATE_LIVES, entry="entry")):
        at = found.solution.objective.evaluate(found.solution.theta)
        assert np.abs(at.score / np.sqrt(at.information.diagonal())).max() < 1e-5
        assert np.linalg.eigvalsh(at.information).min() > 0.0


def test_a_spline_and_many_intervals_describe_a_constant_hazard_alike() -> None:
    one = fit(baseline="piecewise", knots=0)
    for other in (fit(baseline="spline", knots=1), fit(baseline="piecewise"), PLAIN):
        assert other.log_likelihood >= one.log_likelihood - 0.1
        assert other.estimate("association: value").estimate == pytest.approx(
            one.estimate("association: value").estimate, abs=0.06
        )


# what comes in, what comes out


@pytest.mark.parametrize(
    "made",
    [pl.from_pandas, lambda frame: pa.Table.from_pandas(frame), lambda frame: {k: frame[k].to_numpy() for k in frame}],
)
def test_frames_of_every_kind(made: Any) -> None:
    found = fit(made(MEASURED), made(LIVES))
    np.testing.assert_allclose(found.coefficients, PLAIN.coefficients, rtol=1e-9)
    kind = {"polars": pl.DataFrame, "pyarrow": pa.Table, "pandas": pd.DataFrame}[found.frame_kind]
    assert isinstance(found.tidy(), kind)


def test_follow_up_from_an_analysis_set() -> None:
    days = (1000 * LIVES["end"]).round().astype(int).to_numpy() + 1
    n = len(LIVES)
    follow_up = AnalysisSet(
        person=np.arange(n),
        event=LIVES["cause"].to_numpy(np.int8),
        start=np.zeros(n, np.int32),
        stop=days.astype(np.int32),
        weight=np.ones(n),
        x=LIVES[["x"]].to_numpy(),
        columns=(Column("x", "covariate"),),
    )
    measured = MEASURED.assign(person=MEASURED["id"], day=1000 * MEASURED["t"])
    names = NAMES | {"person": "person", "measured_at": "day", "time": "stop", "event": "event"}
    found = fit_joint(measured, follow_up, **(names | {"fixed": "day * x", "random": "day"}))
    assert found.estimate("association: value").estimate == pytest.approx(
        PLAIN.estimate("association: value").estimate, abs=0.01
    )
    with pytest.raises(UnsupportedError, match="weight"):
        fit_joint(measured, AnalysisSet(**_parts(follow_up) | {"weight": 2.0 * np.ones(n)}), **names)


def _parts(data: AnalysisSet) -> dict[str, Any]:
    return {name: getattr(data, name) for name in ("person", "event", "start", "stop", "x", "columns")}


def test_persons_by_text_and_booleans_for_events() -> None:
    named = MEASURED.assign(id="p" + MEASURED["id"].astype(str))
    lives = LIVES.assign(id="p" + LIVES["id"].astype(str), cause=LIVES["cause"] == 1)
    found = fit(named, lives)
    np.testing.assert_allclose(found.coefficients, PLAIN.coefficients, rtol=1e-9)
    assert found.random_effects()["person"].iloc[0] == "p0"


def test_factors_and_formulas() -> None:
    arm = {0.0: "placebo", 1.0: "drug"}
    measured, lives = MEASURED.assign(arm=MEASURED["x"].map(arm)), LIVES.assign(arm=LIVES["x"].map(arm))
    found = fit(measured, lives, fixed="t * arm", covariates="arm")
    assert "trajectory: t:arm[placebo]" in found.terms
    assert found.estimate("hazard: arm[placebo]").estimate == pytest.approx(
        -PLAIN.estimate("hazard: x").estimate, rel=1e-5
    )
    assert "reference (arm: drug)" in found.direction
    names = fit(fixed=["t", "x"], random=["t"])
    assert names.terms[:3] == ("trajectory: (Intercept)", "trajectory: t", "trajectory: x")


def test_tidy_glance_and_text() -> None:
    table = PLAIN.tidy()
    assert list(table.columns) == [
        "term", "estimate", "std_error", "conf_low", "conf_high", "p_value", "reason", "measure",
    ]  # fmt: skip
    assert table["term"].tolist()[:4] == [f"trajectory: {t}" for t in ("(Intercept)", "t", "x", "t:x")]
    assert table["term"].tolist()[4:] == [
        "hazard: x", "association: value", "baseline: (Intercept)", "baseline: log shape",
        "sd (Intercept)", "sd t", "cor (Intercept), t", "sd residual",
    ]  # fmt: skip
    ratios = PLAIN.tidy(exponentiate=True).set_index("term")
    log = table.set_index("term")
    assert ratios.loc["association: value", "estimate"] == pytest.approx(
        math.exp(log.loc["association: value", "estimate"])
    )
    assert ratios.loc["association: value", "measure"] == "hazard ratio"
    assert ratios.loc["trajectory: t", "estimate"] == log.loc["trajectory: t", "estimate"]
    with pytest.raises(UnsupportedError):
        PLAIN.estimate("trajectory: t", exponentiate=True)
    whole = PLAIN.glance().iloc[0]
    assert (whole["rows"], whole["persons"], whole["events"]) == (len(MEASURED), 250, LIVES["cause"].sum())
    assert whole["statistic_ratio"] == pytest.approx(2.0 * (PLAIN.log_likelihood - PLAIN.log_likelihood_null))
    assert whole["df"] == 12
    text = repr(PLAIN)
    for part in ("weibull", "log hazard ratio", "without association", "sd t", "5 points a random effect"):
        assert part in text
    np.testing.assert_allclose(PLAIN.covariance, PLAIN.covariance.T, atol=1e-15)
    assert eq.fit_joint is fit_joint


def test_random_effects_follow_the_persons() -> None:
    effects = PLAIN.random_effects()
    first = MEASURED.drop_duplicates("id").set_index("id")
    expected = first["y"] - PLAIN.coefficients[0] - PLAIN.coefficients[2] * first["x"]
    assert np.corrcoef(effects["(Intercept)"], expected)[0, 1] > 0.7
    assert list(effects.columns) == ["person", "(Intercept)", "t"]


# splines


def test_natural_splines_are_lines_beyond_their_knots() -> None:
    t = np.linspace(-1.0, 9.0, 501)
    columns = natural_spline(t, [0.0, 1.0, 4.0, 6.0]).to_numpy()
    assert columns.shape[1] == 3
    second = np.diff(columns, 2, axis=0) / (t[1] - t[0]) ** 2
    outside = (t[1:-1] < -0.05) | (t[1:-1] > 6.05)
    np.testing.assert_allclose(second[outside], 0.0, atol=1e-7)
    assert np.abs(second[~outside]).max() > 0.1


def test_slopes_of_designs_are_derivatives() -> None:
    frame = pd.DataFrame({"t": np.linspace(0.0, 8.0, 41), "x": 2.0})
    made, _ = design("fixed", "1 + t * x + I(t**2) + b_spline(t, [0, 3, 8])", frame)
    slopes = made.slopes(frame, "t", 8.0)
    by_name = dict(zip(made.terms, slopes.T, strict=True))
    np.testing.assert_allclose(by_name["t"], 1.0, atol=1e-9)
    np.testing.assert_allclose(by_name["t:x"], 2.0, atol=1e-9)
    np.testing.assert_allclose(by_name["I(t ** 2)"], 2.0 * frame["t"], atol=1e-8)
    whole = b_spline(frame["t"], [0, 3, 8]).to_numpy()
    wide = np.gradient(whole, frame["t"], axis=0, edge_order=2)
    splines = np.column_stack([column for name, column in by_name.items() if name.startswith("b_spline")])
    np.testing.assert_allclose(splines[5:-5], wide[5:-5], atol=0.02)


def test_a_trajectory_of_splines() -> None:
    line = fit(association="both")
    bent = fit(fixed="natural_spline(t, [0, 2, 4, 8]) + x + t:x", association="both")
    assert bent.log_likelihood > line.log_likelihood
    assert bent.convergence.converged
    assert bent.estimate("association: value").estimate == pytest.approx(
        line.estimate("association: value").estimate, abs=0.1
    )


# what the data cannot answer


def test_no_events_leave_the_mixed_model() -> None:
    found = fit(lives=LIVES.assign(cause=0))
    assert found.log_likelihood == pytest.approx(mixed_log_likelihood(MEASURED), abs=1e-6)
    alone = fit_linear_mixed(MEASURED, outcome="y", person="id", fixed="t * x", random="t", method="ml")
    np.testing.assert_allclose(found.coefficients[:4], alone.coefficients, atol=1e-6)
    assert set(found.reasons[4:]) == {Reason.NO_EVENTS}
    assert math.isnan(found.glance()["p_value_ratio"].iloc[0])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_events_at_one_value_of_a_covariate_only(value: float) -> None:
    lives = LIVES.assign(cause=LIVES["cause"] * (LIVES["x"] == value))
    found = fit(lives=lives)
    assert found.reasons[found.index_of("hazard: x")] is Reason.SEPARATION
    assert (found.reasons[found.index_of("baseline: (Intercept)")] is Reason.SEPARATION) == (value == 1.0)
    assert found.convergence.converged
    assert np.isfinite(found.estimate("association: value").std_error)


def test_terms_that_are_not_determined_are_named() -> None:
    lives, measured = LIVES.assign(two=2.0, z=3.0 * LIVES["x"]), MEASURED.assign(z=3.0 * MEASURED["x"])
    found = fit(measured, lives, covariates=["x", "two", "z"], fixed="t * x + z")
    reasons = dict(zip(found.terms, found.reasons, strict=True))
    assert reasons["hazard: two"] is reasons["hazard: z"] is reasons["trajectory: z"] is Reason.COLLINEAR
    assert found.aliases["hazard: z"] == ("hazard: x",)
    assert found.log_likelihood == pytest.approx(PLAIN.log_likelihood, abs=1e-6)
    same_slope = fit(fixed="t", random="1", association="slope")
    assert same_slope.reasons[same_slope.index_of("association: slope")] is Reason.COLLINEAR


def test_an_interval_without_events_has_no_hazard() -> None:
    empty = float(LIVES["end"].max()) - 0.01
    last = LIVES["end"] > empty
    found = fit(lives=LIVES.assign(cause=LIVES["cause"] * ~last), baseline="piecewise", knots=[2.0, empty])
    assert found.reasons[-1] is Reason.NO_EVENTS
    assert found.reasons[:-1] == (None,) * (len(found.reasons) - 1)
    assert found.convergence.converged


def test_a_spline_beyond_the_last_event_is_named() -> None:
    early = LIVES.assign(cause=LIVES["cause"] * (LIVES["end"] < 3.0))
    found = fit(lives=early, baseline="spline", knots=[3.0, 4.0, 5.0])
    assert found.reasons[-1] is Reason.NO_EVENTS
    assert found.reasons[found.index_of("baseline: spline 1")] is None
    assert np.isfinite(found.estimate("association: value").std_error)


def test_a_variance_of_zero_moves_the_nodes() -> None:
    """Without slopes of their own persons leave the covariance singular; nodes that stay would mislead."""
    draw = np.random.default_rng(5)
    level = draw.normal(size=250)[MEASURED["id"]]
    measured = MEASURED.assign(y=level + 0.2 * MEASURED["t"] + 0.4 * draw.normal(size=len(MEASURED)))
    found = fit(measured, LIVES.assign(cause=0))
    assert found.log_likelihood == pytest.approx(mixed_log_likelihood(measured), abs=0.01)
    assert found.components[1].value < 0.1
    assert found.convergence.converged
    assert "adaptive" in found.quadrature
    alone = fit_linear_mixed(measured, outcome="y", person="id", fixed="t * x", random="t", method="ml")
    np.testing.assert_allclose(found.std_errors[:4], alone.std_errors, rtol=0.03)


def test_too_few_points_are_noticed() -> None:
    """One measurement a person and a steep hazard: what is known of a person is far from normal."""
    draw = np.random.default_rng(8)
    level = 1.5 * draw.normal(size=400)
    end = np.minimum(draw.exponential(size=400) / np.exp(4.0 * level), 5.0)
    lives = {"id": np.arange(400), "end": end, "cause": end < 5.0}
    rows = {"id": np.repeat(np.arange(400), 2), "t": np.zeros(800), "y": np.repeat(level, 2) + draw.normal(size=800)}
    names = NAMES | {"fixed": "1", "random": "1", "covariates": None}
    few = fit_joint(rows, lives, **names, quadrature_points=3)
    assert not few.convergence.converged
    assert "too few points" in few.quadrature
    many = fit_joint(rows, lives, **names, quadrature_points=35)
    assert many.convergence.converged
    assert "too few points" not in many.quadrature
    found = many.estimate("association: value")
    assert abs(found.estimate - 4.0) < 4.0 * found.std_error


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("quadrature", ["pseudo-adaptive", "adaptive"])
def test_a_hazard_that_runs_off_has_not_converged(seed: int, quadrature: str) -> None:
    """Three events of a second cause under a spline: its hazard grows until curvatures are singular."""
    measured, lives = population(60, seed)
    alive = np.flatnonzero(lives["cause"] == 0)
    lives.loc[np.random.default_rng(seed).choice(alive, 3, replace=False), "cause"] = 2
    found = fit(measured, lives, baseline="spline", quadrature=quadrature)
    assert not found.convergence.converged
    assert not found.glance()["converged"].any()


@pytest.mark.parametrize(
    ("measured", "lives"),
    [
        (MEASURED[MEASURED["id"] < 2], LIVES.head(2)),
        (MEASURED.assign(y=1.0), LIVES),
        (MEASURED.assign(y=MEASURED["id"] * 1.0), LIVES),
    ],
)
def test_measurements_that_determine_nothing(measured: pd.DataFrame, lives: pd.DataFrame) -> None:
    found = fit(measured, lives)
    assert set(found.reasons) <= {Reason.NOT_IDENTIFIED, Reason.COLLINEAR, Reason.CONSTANT, Reason.NO_EVENTS}
    assert not found.convergence.converged
    assert np.isnan(found.coefficients).all()
    with pytest.raises(UnsupportedError):
        found.predict_survival(measured.head(1), [10.0])


def test_persons_without_measurements_count_where_their_covariates_are_known() -> None:
    some = MEASURED[MEASURED["id"] > 9]
    found = fit(some)
    assert found.persons == 250
    assert found.log_likelihood != pytest.approx(fit(some, LIVES[LIVES["id"] > 9]).log_likelihood, abs=0.1)
    with pytest.raises(DesignError, match="10 persons of `survival` have no measurement"):
        fit(some.rename(columns={"x": "group"}), fixed="t * group")


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"measured": MEASURED.assign(t=MEASURED["t"] + 50.0)}, "after the end"),
    ({"lives": LIVES.assign(end=0.0)}, "times of 0 or less"),
    ({"lives": LIVES.assign(entry=LIVES["end"]), "entry": "entry"}, "at or after the end"),
    ({"lives": LIVES.assign(entry=-1.0), "entry": "entry"}, "before time 0"),
    ({"lives": pd.concat([LIVES, LIVES.head(3)])}, "3 rows of persons who have a row already"),
    ({"lives": LIVES.head(100)}, "not in `survival`"),
    ({"lives": LIVES.head(0)}, "one row a person"),
    ({"measured": MEASURED.head(0)}, "at least one measurement"),
    ({"lives": LIVES.assign(cause=0.5)}, "not causes"),
    ({"lives": LIVES.assign(cause="dead")}, "0 censored"),
    ({"measured": MEASURED.assign(x=MEASURED["t"])}, "differ from the person's first row"),
    ({"measured": MEASURED.assign(y=np.nan)}, "missing"),
    ({"measured": MEASURED.assign(y="high")}, "numbers"),
    ({"lives": LIVES.assign(x=np.inf)}, "infinite"),
    ({"fixed": "t * absent"}, "fixed"),
    ({"fixed": "y ~ t"}, "outcome before"),
    ({"fixed": "0 + t"}, "intercept"),
    ({"random": "t + I(2 * t)"}, "combinations of others"),
    ({"fixed": "bs(t, df=4)"}, "fixed"),
    ({"fixed": "np.log(t) * x"}, "not finite"),
    ({"knots": [3.0, 2.0], "baseline": "spline"}, "not rising"),
    ({"knots": -1, "baseline": "spline"}, "0 or more"),
    ({"quadrature_points": 0}, "quadrature_points"),
    ({"quadrature_points": 30, "random": "t + I(t**2)"}, "nodes a person"),
    ({"time_points": 2.5}, "time_points"),
    ({"conf_level": 95}, "conf_level"),
    ({"measured": 3}, "longitudinal"),
]


@pytest.mark.parametrize(("change", "words"), BROKEN, ids=[str(k) for k in range(len(BROKEN))])
def test_what_cannot_be_fitted_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DesignError, match=words):
        fit(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"association": "area"},
        {"baseline": "cox"},
        {"quadrature": "exact"},
        {"knots": 3},
    ],
)
def test_what_is_not_offered_says_so(change: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        fit(**change)
