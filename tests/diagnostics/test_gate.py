"""`assess_gate`: each diagnostic on either side of its threshold, what is not evaluated, refusals, text."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from equipoise import DesignError, EmpiricalNull, Gate, Reason, assess_balance, assess_gate, assess_power, fit_null
from equipoise.diagnostics.gate import Status
from equipoise.estimators.propensity_scores import assess_propensity

RNG = np.random.default_rng(1)
N = 4_000
TABLE = pd.DataFrame({"drug": np.arange(N) % 2, "age": RNG.normal(60, 10, N), "male": RNG.random(N) < 0.5})
TABLE["old"] = (RNG.random(N) < 0.2 + 0.2 * TABLE["drug"]).astype(int)
GOOD = assess_balance(TABLE, arm="drug", covariates=["age", "male"])
BAD = assess_balance(TABLE, arm="drug", covariates=["age", "male", "old"])
SCORE = np.where(TABLE["age"] > 60, 0.55, 0.45)
OVERLAP = assess_propensity(TABLE, arm="drug", score=SCORE)
APART = assess_propensity(TABLE, arm="drug", score=np.where(TABLE["drug"] == 1, 0.95, 0.05))
POWER = assess_power(target=2_000, reference=2_000, events=100)


def null(controls: int, mean: float = 0.1) -> EmpiricalNull:
    return EmpiricalNull(mean, 0.05, controls=controls)


def everything(**changed):  # type: ignore[no-untyped-def]
    given = {"balance": GOOD, "propensity": OVERLAP, "power": POWER, "null": null(50)} | changed
    return assess_gate(**given)


def test_all_that_pass_open_the_gate() -> None:
    gate = everything()
    assert gate.open
    assert gate.reason is None
    assert gate.closed_by == ()
    assert [verdict.diagnostic for verdict in gate.verdicts] == ["balance", "equipoise", "power", "systematic_error"]
    assert {verdict.status for verdict in gate.verdicts} == {Status.PASSED}
    assert repr(gate).startswith("Gate open")


@pytest.mark.parametrize(
    ("changed", "closed_by"),
    [
        ({"balance": BAD}, "balance"),
        ({"propensity": APART}, "equipoise"),
        ({"power": assess_power(target=20, reference=20, events=4)}, "power"),
        ({"power": assess_power(target=20, reference=20, events=0)}, "power"),
        ({"null": null(50, 0.4)}, "systematic_error"),
    ],
)
def test_one_that_fails_closes_it_and_is_named(changed: dict, closed_by: str) -> None:
    gate = everything(**changed)
    assert not gate.open
    assert gate.reason is Reason.SEALED
    assert gate.closed_by == (closed_by,)
    verdict = gate.verdict(closed_by)
    assert verdict.status is Status.FAILED
    assert f"Gate closed by {closed_by}" in repr(gate)
    assert verdict.sentence in repr(gate)


def test_thresholds_themselves_pass() -> None:
    ratio = POWER.minimal_detectable_ratio
    ease = null(30).expected_absolute_systematic_error()
    gate = Gate(equipoise=OVERLAP.equipoise, detectable_ratio=ratio, systematic_error=ease)
    assert assess_gate(gate, balance=GOOD, propensity=OVERLAP, power=POWER, null=null(30)).open


def test_twenty_nine_controls_are_not_enough_however_good() -> None:
    gate = everything(null=null(29, 0.0))
    verdict = gate.verdict("systematic_error")
    assert verdict.status is Status.NOT_EVALUATED
    assert verdict.value == pytest.approx(null(29, 0.0).expected_absolute_systematic_error())
    assert "29 usable negative controls" in verdict.sentence
    assert not gate.open
    assert everything(null=null(30, 0.0)).open


def test_controls_without_a_usable_estimate_do_not_count() -> None:
    y = [0.05, -0.05] * 15 + [math.nan] * 10
    assert everything(null=fit_null(y, [0.1] * 40)).open
    y[0] = math.nan
    assert everything(null=fit_null(y, [0.1] * 40)).closed_by == ("systematic_error",)


def test_what_is_not_given_is_not_evaluated_and_has_not_passed() -> None:
    gate = assess_gate()
    assert {verdict.status for verdict in gate.verdicts} == {Status.NOT_EVALUATED}
    assert gate.closed_by == ("balance", "equipoise", "power", "systematic_error")
    assert math.isnan(gate.verdict("equipoise").value)


def test_a_diagnostic_is_taken_out_beforehand() -> None:
    gate = assess_gate(Gate(systematic_error=None), balance=GOOD, propensity=OVERLAP, power=POWER)
    assert gate.open
    with pytest.raises(DesignError, match="balance, equipoise, power"):
        gate.verdict("systematic_error")


def test_failed_ones_are_named_before_those_not_evaluated() -> None:
    assert everything(balance=None, propensity=APART).closed_by == ("equipoise", "balance")


def test_only_the_declared_covariates_count_and_the_raw_maximum_is_reported() -> None:
    assert everything(balance=BAD, declared=["age", "male"]).open
    verdict = everything(balance=BAD).verdict("balance")
    assert verdict.value == BAD.largest
    assert "old" in verdict.sentence
    assert f"{BAD.largest:.3f}" in verdict.sentence


def test_an_empty_arm_is_not_evaluated() -> None:
    alone = TABLE.assign(drug=1)
    gate = everything(
        balance=assess_balance(alone, arm="drug", covariates=["age"]),
        propensity=assess_propensity(alone, arm="drug", score=SCORE),
    )
    assert gate.verdict("balance").status is Status.NOT_EVALUATED
    assert gate.verdict("equipoise").status is Status.NOT_EVALUATED


def test_values_are_frozen_and_tidy() -> None:
    gate = everything(balance=BAD)
    with pytest.raises(FrozenInstanceError):
        gate.gate.balance = 0.5
    table = gate.tidy().set_index("diagnostic")
    assert table.loc["balance", "status"] == "failed"
    assert table.loc["power", "threshold"] == 10.0


@pytest.mark.parametrize(
    "thresholds", [{"balance": -0.1}, {"alpha": 0.0}, {"negative_controls": 0}, {"equipoise": math.nan}]
)
def test_impossible_thresholds_are_refused(thresholds: dict) -> None:
    with pytest.raises(DesignError, match=f"Gate.{next(iter(thresholds))}"):
        Gate(**thresholds)
