"""What follows from a joint model: predictions for a person, and the parts of an effect."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from equipoise.errors import DesignError
from equipoise.estimators.joint import fit_joint
from tests.estimators.joint_population import NAMES, population

MEASURED, LIVES = population(300, 11)
TWO_MEASURED, TWO_LIVES = population(300, 12, causes=2)
FIT = fit_joint(MEASURED, LIVES, **NAMES, association="both")
TWO = fit_joint(TWO_MEASURED, TWO_LIVES, **NAMES)
HISTORY = pd.DataFrame(
    {"id": ["new", "new", "other"], "t": [0.0, 1.0, 0.5], "y": [1.5, 1.9, 0.2], "x": [1.0, 1.0, 0.0]}
)


def test_survival_of_one_person_against_integration() -> None:
    fit = fit_joint(
        MEASURED,
        LIVES,
        **(NAMES | {"fixed": "1", "random": "1", "baseline": "piecewise", "knots": 0, "covariates": None}),
    )
    beta, alpha, rate = (
        fit.coefficients[fit.index_of(t)]
        for t in ("trajectory: (Intercept)", "association: value", "baseline: (0, inf]")
    )
    spread = math.sqrt(fit.random_covariance[0, 0])
    history = pd.DataFrame({"id": 1, "t": [0.0, 1.0], "y": [2.5, 2.1], "x": 0.0})

    def weighed(b: float, until: float) -> float:
        seen = norm.pdf(2.5, beta + b, fit.sigma) * norm.pdf(2.1, beta + b, fit.sigma)
        return seen * norm.pdf(b, 0.0, spread) * math.exp(-math.exp(rate + alpha * (beta + b)) * until)

    def integral(until: float) -> float:
        return quad(weighed, -6.0, 6.0, args=(until,), epsabs=0.0, epsrel=1e-10, limit=300)[0]

    found = fit.predict_survival(history, [1.0, 2.0, 6.0])
    expected = [integral(u) / integral(1.0) for u in (1.0, 2.0, 6.0)]
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-6)
    later = fit.predict_survival(history, [6.0], since=3.0)
    assert later["estimate"].iloc[0] == pytest.approx(integral(6.0) / integral(3.0), rel=1e-6)


def test_all_that_can_happen_adds_up_to_one() -> None:
    times = [1.5, 3.0, 7.0]
    alive = TWO.predict_survival(HISTORY, times)
    first, second = (TWO.predict_incidence(HISTORY, times, cause=cause) for cause in (1, 2))
    np.testing.assert_allclose(alive["estimate"] + first["estimate"] + second["estimate"], 1.0, atol=1e-4)
    assert (alive["conf_low"] < alive["estimate"]).all()
    assert (alive["estimate"] < alive["conf_high"]).all()
    assert (np.diff(first["estimate"].to_numpy().reshape(2, 3)) > 0.0).all()


def test_with_one_cause_incidence_is_what_survival_leaves() -> None:
    alive, died = FIT.predict_survival(HISTORY, [2.0, 5.0]), FIT.predict_incidence(HISTORY, [2.0, 5.0])
    np.testing.assert_allclose(died["estimate"], 1.0 - alive["estimate"], atol=1e-4)
    np.testing.assert_allclose(died["std_error"], alive["std_error"], rtol=1e-2)


def test_a_higher_course_shortens_life_and_the_past_is_no_forecast() -> None:
    high = FIT.predict_survival(HISTORY.assign(y=HISTORY["y"] + 1.0), [4.0])
    low = FIT.predict_survival(HISTORY, [4.0])
    assert (high["estimate"] < low["estimate"]).all()
    past = FIT.predict_survival(HISTORY, [0.7, 1.0, 4.0]).set_index(["person", "time"])
    assert math.isnan(past.loc[("new", 0.7), "estimate"])
    assert past.loc[("new", 1.0), "estimate"] == 1.0
    assert past.loc[("other", 0.7), "estimate"] < 1.0


def test_the_interval_is_that_of_the_parameters() -> None:
    """The slope of a prediction by every parameter, against differences of predictions."""
    found = FIT.predict_survival(HISTORY.head(2), [4.0]).iloc[0]
    theta, covariance = FIT.solution.theta, FIT.solution.covariance
    slope = np.empty(len(theta))
    for j in range(len(theta)):
        moved = []
        for step in (1e-4, -1e-4):
            FIT.solution.theta[j] += step
            moved.append(FIT.predict_survival(HISTORY.head(2), [4.0])["estimate"].iloc[0])
            FIT.solution.theta[j] -= step
        slope[j] = (moved[0] - moved[1]) / 2e-4
    assert found["std_error"] == pytest.approx(math.sqrt(slope @ covariance @ slope), rel=1e-3)


def test_histories_that_cannot_be_used() -> None:
    with pytest.raises(DesignError, match="since"):
        FIT.predict_survival(HISTORY, [4.0], since=0.2)
    with pytest.raises(DesignError, match="times"):
        FIT.predict_survival(HISTORY, [-1.0])
    with pytest.raises(DesignError, match="cause"):
        FIT.predict_incidence(HISTORY, [4.0], cause=2)
    with pytest.raises(DesignError, match="no rows"):
        FIT.predict_survival(HISTORY.head(0), [4.0])
    with pytest.raises(DesignError, match="'x'"):
        FIT.predict_survival(HISTORY.drop(columns="x"), [4.0])
    names = {0.0: "no", 1.0: "yes"}
    fit = fit_joint(MEASURED.assign(x=MEASURED["x"].map(names)), LIVES.assign(x=LIVES["x"].map(names)), **NAMES)
    with pytest.raises(DesignError, match="levels that the model has not seen"):
        fit.predict_survival(HISTORY.assign(x="perhaps"), [4.0])
    assert fit.predict_survival(HISTORY.assign(x="yes"), [4.0])["estimate"].notna().all()


def test_an_effect_is_the_sum_of_its_parts() -> None:
    table = FIT.effects_of("x", [0.0, 4.0])
    parts = table.set_index(["time", "effect"])["estimate"]
    gamma, value, slope, x, tx = (
        FIT.coefficients[FIT.index_of(t)]
        for t in ("hazard: x", "association: value", "association: slope", "trajectory: x", "trajectory: t:x")
    )
    for time in (0.0, 4.0):
        assert parts[(time, "direct")] == pytest.approx(gamma)
        assert parts[(time, "mediated by value")] == pytest.approx(value * (x + tx * time), rel=1e-8)
        assert parts[(time, "mediated by slope")] == pytest.approx(slope * tx, rel=1e-6)
        assert parts[(time, "total")] == pytest.approx(gamma + value * (x + tx * time) + slope * tx, rel=1e-6)


def test_the_error_of_an_effect_is_that_of_the_parameters() -> None:
    at = {t: FIT.index_of(t) for t in ("association: value", "trajectory: x", "trajectory: t:x")}
    slope = np.zeros(len(FIT.terms))
    slope[at["association: value"]] = (
        FIT.coefficients[at["trajectory: x"]] + 4.0 * FIT.coefficients[at["trajectory: t:x"]]
    )
    slope[at["trajectory: x"]] = FIT.coefficients[at["association: value"]]
    slope[at["trajectory: t:x"]] = 4.0 * FIT.coefficients[at["association: value"]]
    table = FIT.effects_of("x", [4.0]).set_index("effect")
    assert table.loc["mediated by value", "std_error"] == pytest.approx(
        math.sqrt(slope @ FIT.covariance @ slope), rel=1e-6
    )
    direct = FIT.estimate("hazard: x")
    assert table.loc["direct", "conf_low"] == pytest.approx(direct.conf_low)
    ratios = FIT.effects_of("x", [4.0], exponentiate=True).set_index("effect")
    np.testing.assert_allclose(ratios["estimate"], np.exp(table["estimate"]))


def test_effects_by_cause_of_factors_and_of_absent_covariates() -> None:
    by_cause = TWO.effects_of("x", [2.0])
    assert by_cause["cause"].tolist() == [1, 1, 1, 2, 2, 2]
    twice = FIT.effects_of("x", [2.0], values=(0.0, 2.0)).set_index("effect")["estimate"]
    once = FIT.effects_of("x", [2.0]).set_index("effect")["estimate"]
    np.testing.assert_allclose(twice, 2.0 * once, rtol=1e-9)
    with pytest.raises(DesignError, match="not in the model"):
        FIT.effects_of("age", [2.0])
