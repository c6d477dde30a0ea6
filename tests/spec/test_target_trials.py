"""Five persons by hand: what becomes trials, what becomes clones, and what each row weighs.

One row a person and month. Ada never takes the drug. Ben starts in month 1 and stays. Cleo takes it from the beginning
and dies in month 2. Dan takes it in month 0 alone and is lost in month 2. Eve dies in month 0, before she could start.

           month   0         1         2
    Ada    drug    0         0         0
    Ben    drug    0         1         1
    Cleo   drug    1         1         1, dies
    Dan    drug    1         0         0, lost
    Eve    drug    0, dies
"""

import numpy as np
import pytest

import equipoise as eq
from equipoise.kernels.trial_rows import weigh_rows

ADA, BEN, CLEO, DAN, EVE = range(5)
PANEL = {
    "person": [ADA, ADA, ADA, BEN, BEN, BEN, CLEO, CLEO, CLEO, DAN, DAN, DAN, EVE],
    "month": [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0],
    "drug": [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "free": [1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1],  # not on the drug in the month before
    "new": [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1],
    "lost": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    "dies": [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1],
}
ROLES = {
    "person": "person", "period": "month", "treatment": "drug", "outcome": "dies", "censored": "lost",
    "trial_terms": "none", "follow_up_terms": "none",
}  # fmt: skip


def trials_of(fit: eq.Fit) -> list[tuple[int, int, int, int]]:
    """Person, month of the start, arm, rows."""
    trials, panel = fit.assembly.outcome.trials, fit.plan.panel
    months = panel.period[trials.start]
    return list(zip(*(c.tolist() for c in (trials.person, months, trials.arm, trials.length)), strict=True))


def weights_of(fit: eq.Fit, person: int, month: int, arm: int) -> list[float]:
    """The weights of one trial's rows."""
    at = next(i for i, trial in enumerate(trials_of(fit)) if trial[:3] == (person, month, arm))
    w = np.empty(99)
    n = weigh_rows(fit.assembly.outcome.trials, at, fit.assembly.outcome.weights, w)
    return w[:n].tolist()


def test_as_assigned_a_trial_starts_whenever_somebody_is_free_and_runs_to_the_end() -> None:
    fit = eq.fit_sequential_trials(PANEL, **ROLES, eligible="free")
    assert trials_of(fit) == [
        (ADA, 0, 0, 3), (ADA, 1, 0, 2), (ADA, 2, 0, 1),
        (BEN, 0, 0, 3), (BEN, 1, 1, 2),
        (CLEO, 0, 1, 3),
        (DAN, 0, 1, 2), (DAN, 1, 0, 1), (DAN, 2, 0, 0),  # the month in which he is lost says nothing
        (EVE, 0, 0, 1),
    ]  # fmt: skip
    assert (fit.trials, fit.rows, fit.events) == (10, 18, 2)


def test_per_protocol_a_trial_ends_before_the_month_in_which_treatment_changes() -> None:
    fit = eq.fit_sequential_trials(PANEL, **ROLES, eligible="free", estimand="per_protocol")
    assert trials_of(fit) == [
        (ADA, 0, 0, 3), (ADA, 1, 0, 2), (ADA, 2, 0, 1),
        (BEN, 0, 0, 1), (BEN, 1, 1, 2),
        (CLEO, 0, 1, 3),
        (DAN, 0, 1, 1), (DAN, 1, 0, 1), (DAN, 2, 0, 0),
        (EVE, 0, 0, 1),
    ]  # fmt: skip


def test_weights_of_sequential_trials() -> None:
    """At risk without the drug before: Ada's months 1 and 2, Ben's month 1, Dan's month 2, in which one of four starts.
    With it before: Ben's month 2, Cleo's months 1 and 2, Dan's month 1, in which one of four stops."""
    fit = eq.fit_sequential_trials(
        PANEL, **ROLES, eligible="free", estimand="per_protocol", treatment_denominator=(), weight_rows="at_risk"
    )
    assert [float(m.fit.fitted_values[0]) for m in fit.weight_models[:2]] == pytest.approx([0.25, 0.75])
    assert weights_of(fit, ADA, 0, 0) == pytest.approx([1.0, 1.0, 1.0])  # numerator and denominator are the same
    by_sex = eq.fit_sequential_trials(
        {**PANEL, "woman": [1] * 3 + [0] * 3 + [1] * 3 + [0] * 3 + [1]}, **ROLES, eligible="free",
        estimand="per_protocol", treatment_denominator=["woman"], weight_rows="at_risk",
    )  # fmt: skip
    # women never change; of Ben's and Dan's two months at risk in each state one changes
    assert weights_of(by_sex, ADA, 0, 0) == pytest.approx([1.0, 0.75, 0.75**2])
    assert weights_of(by_sex, BEN, 1, 1) == pytest.approx([1.0, 0.75 / 0.5])
    assert weights_of(by_sex, CLEO, 0, 1) == pytest.approx([1.0, 0.75, 0.75**2])


def cloned(**options) -> eq.Fit:
    return eq.fit_clone_censor_weight(PANEL, **ROLES, eligible="new", **options)


def test_clones_are_followed_while_they_keep_to_their_strategy() -> None:
    fit = cloned(strategies={"never": 0, "start by month 1": 1}, grace=1)
    assert trials_of(fit) == [
        (ADA, 0, 0, 3), (ADA, 0, 1, 1),  # in month 1, the last of the grace period, she should have started
        (BEN, 0, 0, 1), (BEN, 0, 1, 3),
        (CLEO, 0, 0, 0), (CLEO, 0, 1, 3),
        (DAN, 0, 0, 0), (DAN, 0, 1, 1),
        (EVE, 0, 0, 1), (EVE, 0, 1, 1),  # her death within the grace period counts for both
    ]  # fmt: skip
    assert (fit.rows, fit.events) == (14, 3)


def test_a_strategy_that_need_not_be_kept() -> None:
    strategies = {"not by month 0": eq.Strategy(0, sustained=False), "start at once": eq.Strategy(1, sustained=False)}
    assert trials_of(cloned(strategies=strategies)) == [
        (ADA, 0, 0, 3), (ADA, 0, 1, 0),
        (BEN, 0, 0, 3), (BEN, 0, 1, 0),
        (CLEO, 0, 0, 0), (CLEO, 0, 1, 3),
        (DAN, 0, 0, 0), (DAN, 0, 1, 2),
        (EVE, 0, 0, 1), (EVE, 0, 1, 0),
    ]  # fmt: skip


def test_a_dynamic_strategy_waits_for_its_condition() -> None:
    """Ben's condition comes in month 1, Ada's in month 2, Cleo's in month 1, after she has started."""
    ill = [0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0]
    panel = {**PANEL, "ill": ill}
    strategies = {"never": eq.Strategy(0), "when ill": eq.Strategy(1, when="ill", grace=0)}
    fit = eq.fit_clone_censor_weight(panel, **ROLES, eligible="new", strategies=strategies)
    assert [trial for trial in trials_of(fit) if trial[2] == 1] == [
        (ADA, 0, 1, 2), (BEN, 0, 1, 3), (CLEO, 0, 1, 0), (DAN, 0, 1, 1), (EVE, 0, 1, 1),
    ]  # fmt: skip


def test_weights_of_clones() -> None:
    """Months in which a clone could deviate, without the drug before: Ada's 0, 1, 2, Ben's 0, 1, Cleo's, Dan's and
    Eve's 0; in three of these eight it starts. With the drug before: Ben's 2, Cleo's 1, 2, Dan's 1; one of four stops.
    Dan's month 2 belongs to no clone."""
    fit = cloned(strategies={"never": 0, "start by month 1": 1}, grace=1, treatment_denominator=())
    probabilities = [float(m.fit.fitted_values[0]) for m in fit.weight_models]
    assert probabilities == pytest.approx([3 / 8, 3 / 4])
    assert weights_of(fit, ADA, 0, 0) == pytest.approx([8 / 5, (8 / 5) ** 2, (8 / 5) ** 3])
    assert weights_of(fit, ADA, 0, 1) == pytest.approx([1.0])  # she may still wait
    assert weights_of(fit, BEN, 0, 1) == pytest.approx([1.0, 8 / 3, 8 / 3 * 4 / 3])  # starts in the last month
    assert weights_of(fit, CLEO, 0, 1) == pytest.approx([1.0, 4 / 3, (4 / 3) ** 2])  # starts before it
    assert weights_of(fit, EVE, 0, 0) == pytest.approx([8 / 5])
