"""Intervals cut out of days, in which events come before treatment: clones written out, models, truth, refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import equipoise as eq
from equipoise.errors import UnsupportedError
from equipoise.estimators.trial_keeping import keeping_of
from tests.estimators.test_clone_censor_weight import (
    GRACE,
    NAMES,
    SAME_EQUATIONS,
    STRATEGIES,
    Allowed,
    columns,
    panel_of,
)
from tests.estimators.trial_oracle import by_term, fit_rows

MONTHS, FRAIL = 6, 0.5
DEATH, START = (0.03, 0.09), (0.08, 0.25)  # hazards a month of persons who are not frail, and of those who are
ROLES: dict[str, Any] = {
    "person": "id", "period": "month", "treatment": "drug", "eligible": "new", "outcome": "died",
}  # fmt: skip
GIVEN: dict[str, Any] = {"strategies": {"none": eq.Strategy(0, sustained=False), "start": eq.Strategy(1)}, "grace": 1}


def written_out(panel: pd.DataFrame, strategies: dict[str, Allowed]) -> pd.DataFrame:
    """Every row of every clone: the one in which it deviates is its last."""
    out = []
    for _, own in panel.groupby("id"):
        own = own.reset_index(drop=True)
        for arm, allowed in enumerate(strategies.values()):
            for k in range(len(own)):
                if own.loc[k, "c"]:
                    break
                may = allowed(own, k)
                row = {"id": own.loc[k, "id"], "arm": arm, "k": k, "may": may, "t": own.loc[k, "t"]}
                out.append(row | {"y": own.loc[k, "y"], "sex": own.loc[0, "sex"]})
                if own.loc[k, "a"] not in may:
                    break
    return pd.DataFrame(out)


def weighted(panel: pd.DataFrame, rows: pd.DataFrame, levels: int) -> pd.DataFrame:
    """The inverse probability of what was allowed in the rows before; treatment is modelled among those who stay."""
    free = rows["may"].map(lambda may: may == {0, 1, 2})
    at_risk = rows.loc[~free, ["id", "t"]].drop_duplicates()
    stay = panel[(panel["y"] == 0) & (panel["c"] == 0)]
    data = stay.assign(was=panel.groupby("id")["a"].shift(1).fillna(0)[stay.index]).merge(at_risk, on=["id", "t"])
    chance = {}
    for _, some in data.groupby("was"):
        left, p = np.ones(len(some)), np.zeros((len(some), levels))
        for level in range(levels - 1):
            above = (some["a"] > level).astype(int)
            reached = some.assign(above=above, w=(some["a"] >= level).astype(float))
            fit = eq.fit_logistic(reached, outcome="above", covariates=["sex", "l"], weights="w")
            p[:, level], left = left * (1 - fit.fitted_values), left * fit.fitted_values
        p[:, levels - 1] = left
        chance |= dict(zip(zip(some["id"], some["t"], strict=True), p, strict=True))
    known = [chance.get(key) for key in zip(rows["id"], rows["t"], strict=True)]
    factor = [1.0 if f or p is None else 1.0 / sum(p[a] for a in may if a < levels)
              for f, p, may in zip(free, known, rows["may"], strict=True)]  # fmt: skip
    before = rows.assign(f=factor).groupby(["id", "arm"])["f"].shift(1).fillna(1.0)
    return rows.assign(w=before.groupby([rows["id"], rows["arm"]]).cumprod())


@pytest.mark.parametrize("name", list(STRATEGIES))
@pytest.mark.parametrize("with_weights", [False, True])
def test_equal_to_the_clones_written_out(name: str, with_weights: bool) -> None:
    strategies, allowed, levels = STRATEGIES[name]
    panel = panel_of(300, levels)
    denominator = {"treatment_denominator": ["sex", "l"]} if with_weights else {}
    fit = eq.fit_clone_censor_weight(
        panel, **NAMES, strategies=strategies, grace=GRACE, covariates=["sex"], **denominator, order="events_first"
    )
    rows = written_out(panel, allowed)
    rows = weighted(panel, rows, levels) if with_weights else rows.assign(w=1.0)
    theirs = fit_rows(rows, columns(rows, list(strategies)))
    assert (fit.rows, fit.events) == (theirs.rows, theirs.events)
    pd.testing.assert_frame_equal(by_term(fit), by_term(theirs), rtol=SAME_EQUATIONS, atol=1e-8)


def test_a_death_in_the_last_interval_of_grace_counts_for_both_strategies() -> None:
    """Five persons over two months, of which both are grace: who starts, and who dies, in which month."""
    panel = {
        "id": [1, 1, 2, 2, 3, 3, 4, 5, 5], "month": [0, 1, 0, 1, 0, 1, 0, 0, 1], "drug": [0, 0, 0, 1, 1, 1, 0, 0, 0],
        "new": [1, 0, 1, 0, 1, 0, 1, 1, 0], "died": [0, 0, 0, 0, 0, 1, 1, 0, 1],
    }  # fmt: skip
    given = {"strategies": {"never": 0, "start": 1}, "grace": 1, "follow_up_terms": "none"}
    first = eq.fit_clone_censor_weight(panel, **ROLES, **given)
    last = eq.fit_clone_censor_weight(panel, **ROLES, **given, order="events_first")
    # Never: 2 + 1 + 0 + 1 + 2 rows with the deaths of 4 and 5; start: 1 + 2 + 2 + 1 + 1 with those of 3 and 4.
    assert (first.rows, first.events) == (13, 4)
    # Each goes on to the end of the month in which it deviates: the death of 5, who had not started, counts for both.
    assert (last.rows, last.events) == (2 + 2 + 1 + 1 + 2 + 2 + 2 + 2 + 1 + 2, 5)


def in_months(persons: int, seed: int) -> pd.DataFrame:
    """The frail start the drug sooner and die sooner, on days that do not know of each other; the drug does nothing."""
    draw = np.random.default_rng(seed)
    frail = (draw.random(persons) < FRAIL).astype(int)
    dies = draw.exponential(1 / np.take(DEATH, frail))
    starts = draw.exponential(1 / np.take(START, frail))
    rows = []
    for k in range(MONTHS):
        here = np.flatnonzero(dies > k)
        own = {"id": here, "month": k, "new": int(k == 0), "frail": frail[here]}
        own |= {"drug": ((starts[here] < k + 1) & (starts[here] < dies[here])) * 1, "died": (dies[here] < k + 1) * 1}
        rows.append(pd.DataFrame(own))
    return pd.concat(rows)


def risks(method: str, order: str) -> tuple[float, float, float]:
    """Risks of starting nothing and of starting within two months, and the standard error of their difference."""
    panel = in_months(20_000, 7).assign(month2=lambda rows: rows["month"] ** 2)
    given = ROLES | GIVEN | {"covariates": ["frail"], "order": order}
    time = ["month", "month2"]
    if method == "clones":
        fit = eq.fit_clone_censor_weight(panel, **given, treatment_denominator=[*time, "frail"]).risks([MONTHS - 1])
    elif method == "g-formula":
        fit = eq.fit_g_formula(panel, **given).risks([MONTHS - 1])
    else:
        fit = eq.fit_doubly_robust(panel, **given, treatment_terms=time, times=[MONTHS - 1]).risks()
    none, start = fit.risk[:, 0].tolist()
    spread = fit.covariance[:, :, 0]
    return none, start, float(np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]))


TRUE = sum(share * (1 - np.exp(-MONTHS * rate)) for share, rate in zip((1 - FRAIL, FRAIL), DEATH, strict=True))
LARGEST = 0.008  # half a hundredth of sampling error, and what a smooth function of the interval leaves


@pytest.mark.parametrize("method", ["clones", "g-formula", "doubly robust"])
def test_a_drug_without_effect_has_none_and_who_dies_first_makes_it_look_protective_otherwise(method: str) -> None:
    none, start, error = risks(method, "events_first")
    assert none == pytest.approx(TRUE, abs=LARGEST)
    assert start == pytest.approx(TRUE, abs=2 * LARGEST)
    if method != "g-formula":  # which has no standard error of its own
        assert abs(start - none) < 3 * error
    early_none, early_start, _ = risks(method, "treatment_first")
    assert early_start - early_none < start - none - 0.015


def test_events_of_a_g_formula_follow_from_treatment_in_the_interval_before() -> None:
    panel = in_months(3_000, 8)
    fit = eq.fit_g_formula(panel, **ROLES, **GIVEN, covariates=["frail"], order="events_first")
    lagged = panel.sort_values(["id", "month"])
    lagged = lagged.assign(before=lagged.groupby("id")["drug"].shift(1).fillna(0), month2=lagged["month"] ** 2)
    theirs = eq.fit_logistic(lagged, outcome="died", covariates=["month", "month2", "frail", "before"])
    np.testing.assert_allclose(fit.models.outcome.coefficients, theirs.coefficients, rtol=1e-7)
    stay = lagged[lagged["died"] == 0]
    starts = eq.fit_logistic(stay[stay["before"] == 0], outcome="drug", covariates=["month", "month2", "frail"])
    model = dict(zip(fit.models.treatment[0].terms, fit.models.treatment[0].coefficients, strict=True))
    np.testing.assert_allclose(list(model.values())[:4], starts.coefficients, rtol=1e-6)
    first = fit.risks().risk[:, 0]
    assert first[0] == first[1]  # nothing that is done in the first interval changes its events


def test_who_dies_before_starting_in_the_last_interval_of_grace_kept_to_the_strategy() -> None:
    panel = in_months(2_000, 9)
    given = ROLES | GIVEN | {"treatment_denominator": ["month", "frail"]}
    orders = ("treatment_first", "events_first")
    fits = {order: eq.fit_clone_censor_weight(panel, **given, order=order) for order in orders}
    died = panel[(panel["month"] == 1) & (panel["died"] == 1) & (panel["drug"] == 0)]["id"].to_numpy()
    kept = {order: keeping_of(fit.plan, 1) for order, fit in fits.items()}
    assert len(died) > 30
    assert (kept["events_first"].weight[died] > 0).all()
    assert (kept["treatment_first"].weight[died] == 0).all()
    # Whom the strategy asks to start in the last interval stands for the same share of persons in either order.
    assert kept["events_first"].low == pytest.approx(kept["treatment_first"].low)
    assert kept["events_first"].weight.sum() == pytest.approx(2_000, rel=0.05)


@pytest.mark.parametrize("order", ["treatment_first", "events_first"])
def test_with_a_grace_period_as_long_as_follow_up_the_living_keep_to_the_strategy_as_well(order: str) -> None:
    panel = in_months(2_000, 10)
    given = ROLES | GIVEN | {"grace": MONTHS - 1, "max_follow_up": MONTHS, "order": order}
    fit = eq.fit_clone_censor_weight(panel, **given, treatment_denominator=["month", "frail"])
    kept = keeping_of(fit.plan, 1)
    lives = np.setdiff1d(np.arange(2_000), panel.loc[panel["died"] == 1, "id"])
    assert (kept.weight[lives] > 0).sum() > 500
    assert kept.weight.sum() == pytest.approx(2_000, rel=0.1)


@pytest.mark.parametrize("order", ["treatment_first", "events_first"])
def test_who_started_before_a_competing_event_did_not_keep_from_starting(order: str) -> None:
    """Of six persons with a competing event in month 1, two start in the month before and two in its own month."""
    starts, months = (0, 0, 1, 1, 9, 9), np.tile([0, 1], 6)
    panel = {
        "id": np.repeat(np.arange(6), 2), "month": months, "new": 1 - months, "died": np.zeros(12, int), "gone": months,
        "drug": (months >= np.repeat(starts, 2)).astype(int),
    }  # fmt: skip
    lives = in_months(200, 11)[["id", "month", "new", "died", "drug"]].assign(gone=0, id=lambda rows: rows["id"] + 6)
    whole = pd.concat([pd.DataFrame(panel), lives])
    given = ROLES | GIVEN | {"competing": "gone", "order": order, "treatment_denominator": ["month"]}
    kept = keeping_of(eq.fit_clone_censor_weight(whole, **given).plan, 0)
    # Starting in the month of the event comes before it, or, where events come first, after it.
    assert (kept.weight[:6] > 0).tolist() == [False, False, *[order == "events_first"] * 2, True, True]


@pytest.mark.parametrize("fit", [eq.fit_clone_censor_weight, eq.fit_g_formula, eq.fit_doubly_robust])
def test_an_order_that_does_not_exist_is_refused(fit: Any) -> None:
    with pytest.raises(UnsupportedError, match="treatment_first, events_first"):
        fit(in_months(50, 1), **ROLES, **GIVEN, order="death_first")


def test_several_time_zeros_of_a_person_are_refused() -> None:
    panel = in_months(50, 1).assign(new=1)
    with pytest.raises(UnsupportedError, match="persons of several time zeros"):
        eq.fit_clone_censor_weight(panel, **ROLES, **GIVEN, order="events_first")
