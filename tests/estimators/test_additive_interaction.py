"""assess_additive_interaction: by hand, against the bootstrap's limit, and where it is not defined."""

import math

import numpy as np
import pandas as pd
import pytest

from equipoise import (
    DesignError,
    Reason,
    UnsupportedError,
    assess_additive_interaction,
    fit_conditional_logistic,
    fit_cox,
    fit_logistic,
    fit_poisson,
)
from equipoise.estimators.fit import Fit

CELLS = {"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]}


def joint(deaths: list[int]) -> Fit:
    data = CELLS | {"deaths": deaths, "years": [1e5] * 4}
    return fit_poisson(data, outcome="deaths", person_time="years", covariates=["a", "b"], interactions=[("a", "b")])


def test_measures_by_hand() -> None:
    found = assess_additive_interaction(joint([10, 20, 30, 80]), "a", "b")
    values = [row.estimate for row in found.estimates]
    assert values == pytest.approx([3.0, 2.0, 8.0, 4.0, 0.5, 7 / 3, 8 / 6])
    assert [row.measure for row in found.estimates[:3]] == ["rate ratio"] * 3
    assert found.multiplicative.measure == "ratio of rate ratio"


def test_the_variance_of_the_excess_risk_by_the_four_counts() -> None:
    """RERI = (d11 - d10 - d01) / d00 + 1 at equal person-time; the logarithms of the counts have variance 1 / d."""
    d = np.array([10.0, 20, 30, 80])
    slopes = np.array([-(d[3] - d[2] - d[1]), -d[1], -d[2], d[3]]) / d[0]
    reri = assess_additive_interaction(joint([10, 20, 30, 80]), "a", "b").reri
    assert reri.std_error == pytest.approx(math.sqrt((slopes**2 / d).sum()), rel=1e-7)
    assert reri.conf_high - reri.conf_low == pytest.approx(2 * 1.959963984540054 * reri.std_error)


@pytest.mark.parametrize("name", ["ap", "synergy"])
def test_gradients_by_moving_the_counts(name: str) -> None:
    d = np.array([100.0, 200, 300, 800])

    def value(counts: np.ndarray) -> float:
        r01, r10, r11 = counts[1:] / counts[0]
        if name == "ap":
            return (r11 - r10 - r01 + 1) / r11
        return math.log((r11 - 1) / (r10 + r01 - 2))

    moved = [(value(d * np.exp(1e-5 * unit)) - value(d * np.exp(-1e-5 * unit))) / 2e-5 for unit in np.eye(4)]
    row = getattr(assess_additive_interaction(joint([100, 200, 300, 800]), "a", "b"), name)
    assert row.std_error == pytest.approx(math.sqrt((np.array(moved) ** 2 / d).sum()), rel=1e-6)


def test_effects_that_add_up_and_effects_that_multiply() -> None:
    added = assess_additive_interaction(joint([100, 200, 300, 400]), "a", "b")
    assert added.reri.estimate == pytest.approx(0.0, abs=1e-9)
    assert added.synergy.estimate == pytest.approx(1.0)
    multiplied = assess_additive_interaction(joint([100, 200, 300, 600]), "a", "b")
    assert multiplied.multiplicative.estimate == pytest.approx(1.0)
    assert multiplied.reri.estimate == pytest.approx(2.0)


def test_the_order_of_the_exposures_does_not_matter() -> None:
    fit = joint([10, 20, 30, 80])
    one, other = assess_additive_interaction(fit, "a", "b"), assess_additive_interaction(fit, "b", "a")
    assert one.reri.std_error == pytest.approx(other.reri.std_error)
    assert one.first.estimate == pytest.approx(other.second.estimate)
    assert one.tidy()["term"].iloc[3] == "a and b"
    assert "synergy index" in repr(one)


def test_the_synergy_index_does_not_exist_between_opposite_effects() -> None:
    found = assess_additive_interaction(joint([20, 10, 30, 50]), "a", "b")
    assert found.synergy.reason is Reason.NOT_DEFINED
    assert math.isnan(found.synergy.estimate)
    assert found.reri.reason is None


def test_an_infinite_term_takes_its_reason_along() -> None:
    found = assess_additive_interaction(joint([10, 20, 30, 0]), "a", "b")
    assert {row.reason for row in found.estimates} == {Reason.SEPARATION}
    assert np.isnan(found.tidy()["estimate"]).all()


def test_factor_terms_and_a_product_by_name() -> None:
    data = {"a": ["no", "no", "yes", "yes"] * 2, "b": [0.0, 1, 0, 1] * 2, "case": [1] * 4 + [0] * 4,
            "n": [10, 20, 30, 80, 990, 980, 970, 920]}  # fmt: skip
    fit = fit_logistic(data, outcome="case", covariates=["a", "b"], weights="n", interactions=[("a", "b")])
    found = assess_additive_interaction(fit, "a[yes]", "b", product="a[yes]:b")
    odds = [k / (1000 - k) for k in (10, 20, 30, 80)]
    ratios = [o / odds[0] for o in odds]
    assert found.reri.estimate == pytest.approx(ratios[3] - ratios[2] - ratios[1] + 1)
    assert found.both.measure == "odds ratio"


def test_any_model_of_log_ratios_will_do() -> None:
    rng = np.random.default_rng(4)
    n = 400
    x = rng.integers(0, 2, (n, 2))
    data = {"set": np.arange(n) // 4, "a": x[:, 0], "b": x[:, 1], "case": np.tile([1, 0, 0, 0], n // 4),
            "time": rng.exponential(size=n), "event": rng.integers(0, 2, n)}  # fmt: skip
    frame = pd.DataFrame(data)
    matched = fit_conditional_logistic(
        frame, case="case", matched_set="set", covariates=["a", "b"], interactions=[("a", "b")]
    )
    hazards = fit_cox(frame, time="time", event="event", covariates="a * b")
    for fit, measure in ((matched, "odds ratio"), (hazards, "hazard ratio")):
        found = assess_additive_interaction(fit, "a", "b")
        first, second, product = np.exp(fit.coefficients)
        assert found.both.measure == measure
        assert found.reri.estimate == pytest.approx(first * second * product - first - second + 1)


def test_bad_input() -> None:
    fit = joint([10, 20, 30, 80])
    with pytest.raises(DesignError, match="not in the model"):
        assess_additive_interaction(fit, "a", "c")
    without = fit_poisson(CELLS | {"d": [1, 2, 3, 4]}, outcome="d", covariates=["a", "b"])
    with pytest.raises(DesignError, match="product"):
        assess_additive_interaction(without, "a", "b")
    object.__setattr__(without, "measure", "mean difference")
    with pytest.raises(UnsupportedError, match="log ratio"):
        assess_additive_interaction(without, "a", "b")
