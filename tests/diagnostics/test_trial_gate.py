"""The gate of target trials: by hand on a few persons, either side of every threshold."""

import math

import numpy as np
import pytest

import equipoise as eq
from equipoise.diagnostics.gate import Status
from equipoise.diagnostics.trial_gate import TrialGate, TrialMeasures, assess_trial_gate, weighted_balance
from equipoise.estimators.trial_keeping import keeping_of

ROLES = {"person": "id", "period": "t", "treatment": "a", "eligible": "new", "outcome": "y", "follow_up_terms": "none"}
GOOD = {"positivity": 0.01, "largest_weight": 20.0, "effective_size": 0.2}


def panel(copies: int = 10) -> dict[str, list[int]]:
    """Of the ill three in four start in month 1, of the others one in four, and nobody in month 0."""
    rows: dict[str, list[int]] = {name: [] for name in ("id", "t", "a", "new", "y", "ill")}
    for person in range(8 * copies):
        ill, starts = int(person % 8 < 4), person % 8 in (0, 1, 2, 4)
        for t in range(3):
            for name, value in zip(rows, (person, t, int(starts and t > 0), int(t == 0), 0, ill), strict=True):
                rows[name].append(value)
    rows["y"][2] = 1
    return rows


def fitted(**more: object) -> eq.Fit:
    strategies = {"never": eq.Strategy(0, grace=1, sustained=False), "by month 1": eq.Strategy(1, grace=1)}
    own = {"treatment_denominator": ["ill"], "treatment_numerator": (), "strategies": strategies}
    return eq.fit_clone_censor_weight(panel(), **ROLES, **(own | more))


def test_few_of_whom_nobody_has_what_is_rare_are_no_proof_of_imbalance() -> None:
    """Of 25 persons none has what a tenth of all have once in fourteen times: (1 - 0.1)^25 = 0.072."""
    rare, weight = np.arange(250) % 10 == 0, np.zeros(250)
    weight[np.flatnonzero(~rare)[:25]] = 10.0
    balance = weighted_balance(["rare"], rare[:, None] * 1.0, weight)
    np.testing.assert_allclose(balance.difference, [-0.1 / np.sqrt(0.1 * 0.9)])
    np.testing.assert_allclose(balance.std_error, [1.0 / 5.0])
    gate = TrialGate(positivity=None, largest_weight=None, effective_size=None)
    assert [str(verdict.status) for verdict in assess_trial_gate(gate, TrialMeasures(balance=balance))] == ["passed"]


def test_weights_make_those_who_kept_to_a_strategy_stand_for_all() -> None:
    """Months 0 and 1 together, of the ill 30 of 80 rows start, of the others 10 of 80."""
    fit = fitted()
    ill = np.array(panel()["ill"])[:, None] * 1.0
    for arm, keeps, chance in ((0, 0, {1: 1 - 30 / 80, 0: 1 - 10 / 80}), (1, 1, {1: 30 / 80, 0: 10 / 80})):
        kept = keeping_of(fit.plan, arm)
        started = np.array(panel()["a"])[kept.start + 1] == keeps
        assert ((kept.weight > 0) == started).all()
        once = 2 if arm == 0 else 1  # "never" is asked for in months 0 and 1, a start in the last one alone
        expected = [1 / chance[int(x)] ** once for x in ill[kept.start, 0][started]]
        np.testing.assert_allclose(kept.weight[started], expected, rtol=1e-6)
        found = weighted_balance(["ill"], ill[kept.start], kept.weight)
        unweighted = weighted_balance(["ill"], ill[kept.start], started * 1.0)
        assert abs(found.difference[0]) < abs(unweighted.difference[0])


def test_positivity_is_the_smallest_chance_of_what_is_asked() -> None:
    fit = fitted()
    assert keeping_of(fit.plan, 0).low == pytest.approx(1 - 30 / 80, rel=1e-6)
    assert keeping_of(fit.plan, 1).low == pytest.approx(10 / 80, rel=1e-6)


def test_an_interval_in_which_nobody_does_what_is_asked_has_no_chance() -> None:
    fit = fitted(strategies={"never": 0, "at once": eq.Strategy(1, grace=0), "by month 1": eq.Strategy(1, grace=1)})
    assert keeping_of(fit.plan, 1).low == 0.0
    assert keeping_of(fit.plan, 1).weight.sum() == 0.0
    balance = weighted_balance(["ill"], np.array([[0.0], [1.0]]), np.zeros(2))
    verdict = assess_trial_gate(TrialGate(), TrialMeasures(balance=balance))[-1]
    assert (verdict.diagnostic, verdict.status) == ("balance", Status.NOT_EVALUATED)


def test_weights_that_are_balanced_exactly_pass_and_others_fail_by_name() -> None:
    x = np.column_stack([np.arange(400) % 2, np.arange(400) % 4 // 2]) * 1.0
    half = np.where(x[:, 0] == 1.0, 2.0, 0.0)  # the second column is balanced, the first is not
    verdict = assess_trial_gate(TrialGate(), TrialMeasures(balance=weighted_balance(["old", "male"], x, half)))[-1]
    assert verdict.status is Status.FAILED
    assert verdict.value == pytest.approx(1.0)
    assert "1 of 2 covariates beyond 0.1 significantly (old)" in verdict.sentence
    even = weighted_balance(["old", "male"], x, np.ones(400))
    assert assess_trial_gate(TrialGate(), TrialMeasures(balance=even))[-1].status is Status.PASSED


@pytest.mark.parametrize(
    ("name", "better"), [("positivity", 1.001), ("largest_weight", 0.999), ("effective_size", 1.001)]
)
def test_either_side_of_every_threshold(name: str, better: float) -> None:
    for factor, status in ((better, Status.PASSED), (1.0, Status.PASSED), (1 / better, Status.FAILED)):
        measures = TrialMeasures(**{name: GOOD[name] * factor})
        verdict = next(v for v in assess_trial_gate(TrialGate(), measures) if v.diagnostic == name)
        assert (verdict.status, verdict.threshold) == (status, GOOD[name])


def test_what_has_no_number_has_not_passed_and_what_is_taken_out_is_not_asked() -> None:
    found = assess_trial_gate(TrialGate(), TrialMeasures())
    assert [verdict.diagnostic for verdict in found] == ["positivity", "largest_weight", "effective_size", "balance"]
    assert {verdict.status for verdict in found} == {Status.NOT_EVALUATED}
    assert all(math.isnan(verdict.value) for verdict in found)
    assert assess_trial_gate(TrialGate(None, None, None, None), TrialMeasures()) == ()
