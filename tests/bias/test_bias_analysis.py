"""E-values and bias analyses: published numbers, by hand, recovery of what was put in, seeds, refusals."""

import math

import numpy as np
import pytest

from equipoise import (
    Beta,
    DesignError,
    Reason,
    Trapezoid,
    UnsupportedError,
    assess_unmeasured_confounding,
    compute_e_value,
    simulate_misclassification,
    simulate_unmeasured_confounding,
)
from equipoise.bias.beliefs import correlated_shares, shares
from equipoise.bias.unmeasured_confounding import confounding_bias

CELLS = ((45, 257), (94, 945))


@pytest.mark.parametrize(
    ("given", "estimate", "limit"),
    [
        ((3.9, 1.8, 8.7), 7.26, 3.0),  # VanderWeele & Ding 2017: maternal breastfeeding and respiratory death
        ((0.8, 0.71, 0.91), 1.81, 1.43),  # of a protective ratio
        ((1.2, 0.9, 1.6), 1.69, 1.0),  # limits that hold 1
    ],
)
def test_published_e_values(given: tuple, estimate: float, limit: float) -> None:
    found = compute_e_value(*given)
    assert found.estimate == pytest.approx(estimate, abs=0.005)
    assert found.limit == pytest.approx(limit, abs=0.005)


def test_a_confounder_as_strong_as_the_e_value_explains_the_estimate() -> None:
    e = compute_e_value(2.5).estimate
    assert e * e / (2 * e - 1) == pytest.approx(2.5)  # the bounding factor of Ding & VanderWeele 2016


def test_measures_of_common_and_rare_outcomes() -> None:
    assert compute_e_value(4.0, measure="odds_ratio").risk_ratio == 2.0
    assert compute_e_value(4.0, measure="odds_ratio", rare_outcome=True).risk_ratio == 4.0
    hazard = compute_e_value(4.0, measure="hazard_ratio")
    assert hazard.risk_ratio == pytest.approx((1 - 0.5**2) / (1 - 0.5**0.5))
    assert compute_e_value(0.25, measure="hazard_ratio").estimate == pytest.approx(hazard.estimate)
    assert compute_e_value(2.0, hypothesis=2.0).estimate == 1.0
    assert compute_e_value(3.0, 1.5, 6.0, hypothesis=2.0).limit == 1.0
    assert compute_e_value(3.0).limit is None


@pytest.mark.parametrize("given", [(0.0,), (math.inf,), (2.0, 2.5), (2.0, 0.5, 1.5), (math.nan,)])
def test_what_is_no_ratio_has_no_e_value(given: tuple) -> None:
    with pytest.raises(DesignError):
        compute_e_value(*given)


def test_the_array_of_a_confounder_by_hand() -> None:
    found = assess_unmeasured_confounding(
        2.0, 1.0, 4.0, confounder_ratio=[1.0, 3.0], prevalence_target=[0.5], prevalence_reference=[0.0, 0.5]
    )
    assert found["bias"].tolist() == [1.0, 1.0, 2.0, 1.0]
    assert found["estimate"].tolist() == [2.0, 2.0, 1.0, 2.0]
    assert found["conf_high"].tolist() == [4.0, 4.0, 2.0, 4.0]


def test_a_confounder_that_was_made_is_taken_out() -> None:
    p1, p0, strength, effect = 0.6, 0.2, 3.0, 1.5
    crude = effect * (p1 * strength + 1 - p1) / (p0 * strength + 1 - p0)
    bias = confounding_bias(np.float64(strength), np.float64(p1), np.float64(p0))
    assert crude / bias == pytest.approx(effect)


def test_beliefs_become_limits_and_the_seed_decides() -> None:
    asked = {"confounder_ratio": Trapezoid(1.5, 2.0, 3.0, 4.0), "prevalence_target": Beta(30, 20)}
    asked |= {"prevalence_reference": Trapezoid(0.1, 0.2, 0.2, 0.3)}
    one, same, other = (
        simulate_unmeasured_confounding(0.5, 0.15, **asked, seed=seed, draws=20_000) for seed in (1, 1, 2)
    )
    assert one.tidy().equals(same.tidy())
    assert one.total != other.total
    assert one.total == pytest.approx(other.total, rel=0.02)
    assert one.systematic[0] < one.conventional[0]
    assert one.total[1] < one.systematic[1] < one.systematic[2] < one.total[2]
    assert (one.draws, one.impossible) == (20_000, 0)


def test_certain_beliefs_leave_random_error_alone() -> None:
    asked = {"confounder_ratio": 3.0, "prevalence_target": 0.5, "prevalence_reference": 0.0}
    found = simulate_unmeasured_confounding(math.log(2), 0.2, **asked, seed=3)
    assert found.systematic == pytest.approx((1.0, 1.0, 1.0))
    assert np.log(found.total) == pytest.approx([0.0, -1.96 * 0.2, 1.96 * 0.2], abs=0.004)
    none = simulate_unmeasured_confounding(0.1, 0.2, **asked | {"prevalence_target": 1.5}, seed=3, draws=5)
    assert (none.draws, none.impossible, none.reason) == (0, 5, Reason.NOT_IDENTIFIED)


def recorded(true: np.ndarray, sensitivity: float, specificity: float) -> np.ndarray:
    """Expected records of a group (with, without)."""
    seen = true[0] * sensitivity + true[1] * (1 - specificity)
    return np.round([seen, true.sum() - seen])  # whole already, but for rounding


def test_what_was_misclassified_is_recovered() -> None:
    true = np.array([[400.0, 1600.0], [200.0, 3800.0]])
    of_exposure = np.column_stack([recorded(true[:, k], 0.8, 0.95) for k in (0, 1)])
    found = simulate_misclassification(of_exposure, of="exposure", sensitivity=0.8, specificity=0.95, seed=1, draws=9)
    assert found.systematic[0] == pytest.approx(400 * 3800 / (200 * 1600))
    of_outcome = np.array([recorded(true[0], 0.75, 0.99), recorded(true[1], 0.5, 0.9)])
    asked = {"of": "outcome", "sensitivity": 0.75, "specificity": 0.99, "seed": 1, "draws": 9}
    asked |= {"other_sensitivity": 0.5, "other_specificity": 0.9}
    risk = simulate_misclassification(of_outcome, **asked, measure="risk_ratio")  # type: ignore[arg-type]
    assert risk.systematic[0] == pytest.approx((400 / 2000) / (200 / 4000))
    odds = simulate_misclassification(of_outcome, **asked)  # type: ignore[arg-type]
    assert odds.systematic[0] == pytest.approx(400 * 3800 / (200 * 1600))


def test_without_error_nothing_changes_and_the_random_error_is_woolfs() -> None:
    found = simulate_misclassification(CELLS, of="exposure", sensitivity=1.0, specificity=1.0, seed=1)
    woolf = math.sqrt(sum(1 / cell for row in CELLS for cell in row))
    ratio = 45 * 945 / (257 * 94)
    assert found.conventional == pytest.approx(
        (ratio, ratio * math.exp(-1.959964 * woolf), ratio * math.exp(1.959964 * woolf))
    )
    assert found.systematic == pytest.approx((ratio,) * 3)
    assert found.total == pytest.approx(found.conventional, rel=0.01)


def test_errors_that_cannot_have_made_the_data_are_counted() -> None:
    found = simulate_misclassification(
        CELLS, of="exposure", sensitivity=0.9, specificity=Trapezoid(0.7, 0.7, 1.0, 1.0), seed=1, draws=5_000
    )
    assert 0 < found.impossible < 5_000
    assert found.draws + found.impossible == 5_000
    none = simulate_misclassification(CELLS, of="exposure", sensitivity=0.4, specificity=0.5, seed=1, draws=7)
    assert none.reason is Reason.NOT_IDENTIFIED
    assert "NOT_IDENTIFIED" in repr(none)


def test_random_error_of_a_corrected_ratio_by_simulation() -> None:
    rng = np.random.default_rng(5)
    sensitivity, specificity, n = 0.8, 0.9, 3_000
    logs = []
    for _ in range(2_000):
        shares_seen = [rng.binomial(n, p * sensitivity + (1 - p) * (1 - specificity)) / n for p in (0.4, 0.3)]
        true = [(q - (1 - specificity)) / (sensitivity + specificity - 1) for q in shares_seen]
        logs.append(math.log(true[0] / (1 - true[0])) - math.log(true[1] / (1 - true[1])))
    q = [p * sensitivity + (1 - p) * (1 - specificity) for p in (0.4, 0.3)]
    cells = [[round(n * q[0]), round(n * q[1])], [n - round(n * q[0]), n - round(n * q[1])]]
    found = simulate_misclassification(cells, of="exposure", sensitivity=0.8, specificity=0.9, seed=2)  # type: ignore[arg-type]
    spread = (math.log(found.total[2]) - math.log(found.total[1])) / (2 * 1.96)
    assert spread == pytest.approx(np.std(logs), rel=0.06)


def test_beliefs_have_their_quantiles() -> None:
    u = shares(7, 0, 200_000)
    trapezoid = Trapezoid(1.0, 2.0, 4.0, 5.0).quantiles(u)
    assert trapezoid.mean() == pytest.approx(3.0, abs=0.01)
    assert ((trapezoid > 2.0) & (trapezoid < 4.0)).mean() == pytest.approx(2 / 3, abs=0.005)
    assert (trapezoid.min() >= 1.0, trapezoid.max() <= 5.0) == (True, True)
    assert Trapezoid(2.0, 2.0, 2.0, 2.0).quantiles(u).tolist() == [2.0] * len(u)
    assert Beta(3, 7).quantiles(u).mean() == pytest.approx(0.3, abs=0.003)
    moved = correlated_shares(u, shares(7, 1, 200_000), 0.8)
    assert np.corrcoef(u, moved)[0, 1] == pytest.approx(6 / math.pi * math.asin(0.4), abs=0.01)
    assert moved.mean() == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Beta(0.0, 1.0),
        lambda: Trapezoid(1.0, 0.5, 2.0, 3.0),
        lambda: assess_unmeasured_confounding(2.0, confounder_ratio=0, prevalence_target=0.1, prevalence_reference=0.1),
        lambda: assess_unmeasured_confounding(2.0, confounder_ratio=2, prevalence_target=1.1, prevalence_reference=0.1),
        lambda: assess_unmeasured_confounding(-2.0, confounder_ratio=2, prevalence_target=1, prevalence_reference=0.1),
        lambda: simulate_misclassification(((0, 1), (1, 1)), of="outcome", sensitivity=1, specificity=1, seed=1),
        lambda: simulate_misclassification(
            CELLS, of="exposure", sensitivity=1, specificity=1, seed=1, measure="risk_ratio"
        ),
        lambda: simulate_misclassification(CELLS, of="sex", sensitivity=1, specificity=1, seed=1),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_analysed_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((DesignError, UnsupportedError)):
        call()
