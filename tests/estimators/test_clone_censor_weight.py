"""Clone, censor, weight: equal to clones written out row by row, special cases, degenerate data, refusals."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import equipoise as eq
from equipoise.errors import DesignError, Reason
from equipoise.kernels.trial_rows import PADDING, weigh_rows
from tests.estimators.trial_oracle import COLUMNS, by_term, fit_rows, made

SAME_EQUATIONS = 1e-6
NAMES = {**COLUMNS, "censored": "c", "eligible": "new"}
GRACE = 2
Allowed = Callable[[pd.DataFrame, int], set[int]]


def panel_of(persons: int = 150, levels: int = 2, seed: int = 4) -> pd.DataFrame:
    panel = made(persons, levels=levels, seed=seed)
    return panel.assign(new=(panel.groupby("id").cumcount() == 0).astype(int), when=panel["when"].astype(int))


def never(own: pd.DataFrame, k: int) -> set[int]:
    return {0}


def initiate(value: int, grace: int = GRACE, sustained: bool = True, when: str | None = None) -> Allowed:
    """What the strategy allows in row k of a person who has kept to it so far."""

    def allowed(own: pd.DataFrame, k: int) -> set[int]:
        calls = [j for j in range(k + 1) if when is None or own.loc[j, when]]
        if not calls:
            return {0}
        if any(own.loc[j, "a"] == value for j in range(k)):
            return {value} if sustained else {0, 1, 2}
        return {value} if k >= calls[0] + grace else {0, value}

    return allowed


def written_out(panel: pd.DataFrame, strategies: dict[str, Allowed]) -> pd.DataFrame:
    """Every row of every clone, with the treatments it allows."""
    out = []
    for _, own in panel.groupby("id"):
        own = own.reset_index(drop=True)
        for arm, allowed in enumerate(strategies.values()):
            for k in range(len(own)):
                may = allowed(own, k)
                stays = own.loc[k, "a"] in may and not own.loc[k, "c"]
                row = {"id": own.loc[k, "id"], "arm": arm, "k": k, "may": may, "stays": stays, "t": own.loc[k, "t"]}
                out.append(row | {"y": own.loc[k, "y"], "sex": own.loc[0, "sex"]})
                if not stays:
                    break
    return pd.DataFrame(out)


def weighted(panel: pd.DataFrame, rows: pd.DataFrame, levels: int) -> pd.DataFrame:
    """Rows that stay, with the inverse probability of what is allowed; logits by the treatment before."""
    free = rows["may"].map(len) == 3 if levels == 2 else rows["may"].map(lambda may: may == {0, 1, 2})
    at_risk = rows.loc[~free, ["id", "t"]].drop_duplicates()
    data = panel.assign(was=panel.groupby("id")["a"].shift(1).fillna(0)).merge(at_risk, on=["id", "t"])
    chance = {}
    for _, some in data.groupby("was"):
        left = np.ones(len(some))
        p = np.zeros((len(some), levels))
        for level in range(levels - 1):
            reached = some["a"] >= level
            fit = eq.fit_logistic(
                some.assign(above=(some["a"] > level).astype(int), w=reached.astype(float)), outcome="above",
                covariates=["sex", "l"], weights="w",
            )  # fmt: skip
            p[:, level] = left * (1 - fit.fitted_values)
            left = left * fit.fitted_values
        p[:, levels - 1] = left
        chance |= dict(zip(zip(some["id"], some["t"], strict=True), p, strict=True))
    known = [chance.get(key) for key in zip(rows["id"], rows["t"], strict=True)]
    factor = [
        1.0 if f or p is None else 1.0 / sum(p[a] for a in may if a < levels)
        for f, p, may in zip(free, known, rows["may"], strict=True)
    ]
    rows = rows.assign(factor=factor)[rows["stays"]]
    return rows.assign(w=rows.groupby(["id", "arm"])["factor"].cumprod())


def columns(rows: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    k = rows["k"].to_numpy(float)
    own = {"sex": rows["sex"], "follow_up": k, "follow_up^2": k**2}
    for arm, name in enumerate(names[1:], start=1):
        here = (rows["arm"] == arm).to_numpy(float)
        own |= {f"strategy[{name}]": here, f"follow_up:strategy[{name}]": here * k}
        own |= {f"follow_up^2:strategy[{name}]": here * k**2}
    return own


STRATEGIES = {
    "grace": ({"never": 0, "start": 1}, {"never": never, "start": initiate(1)}, 2),
    "not kept": (
        {"never": 0, "start": eq.Strategy(1, sustained=False)}, {"never": never, "start": initiate(1, GRACE, False)}, 2,
    ),
    "dynamic": (
        {"never": 0, "when": eq.Strategy(1, grace=1, when="when")},
        {"never": never, "when": initiate(1, 1, True, "when")},
        2,
    ),
    "three arms": (
        {"never": 0, "one": 1, "other": 2}, {"never": never, "one": initiate(1), "other": initiate(2)}, 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STRATEGIES))
@pytest.mark.parametrize("with_weights", [False, True])
def test_equal_to_the_clones_written_out(name: str, with_weights: bool) -> None:
    strategies, allowed, levels = STRATEGIES[name]
    panel = panel_of(300, levels)
    denominator = {"treatment_denominator": ["sex", "l"]} if with_weights else {}
    fit = eq.fit_clone_censor_weight(
        panel, **NAMES, strategies=strategies, grace=GRACE, covariates=["sex"], **denominator
    )
    rows = written_out(panel, allowed)
    rows = weighted(panel, rows, levels) if with_weights else rows[rows["stays"]].assign(w=1.0)
    theirs = fit_rows(rows, columns(rows, list(strategies)))
    assert (fit.rows, fit.events) == (theirs.rows, theirs.events)
    assert set(fit.reasons) == {None}
    pd.testing.assert_frame_equal(by_term(fit), by_term(theirs), rtol=SAME_EQUATIONS, atol=1e-8)


def test_without_grace_and_loss_clones_are_the_arms_that_were_started() -> None:
    panel = panel_of()
    names = {**NAMES, "covariates": ["sex"], "arm_by_follow_up": False}
    cloned = eq.fit_clone_censor_weight(panel, **names, strategies={"0": 0, "1": 1})
    arms = eq.fit_sequential_trials(panel, **names, estimand="per_protocol", trial_terms="none")
    np.testing.assert_allclose(cloned.coefficients, arms.coefficients, rtol=1e-9)
    np.testing.assert_allclose(cloned.covariance, arms.covariance, rtol=1e-7)
    np.testing.assert_allclose(cloned.risks([3]).risk, arms.risks([3]).risk, rtol=1e-9)


def test_there_is_no_as_assigned_effect() -> None:
    fit = eq.fit_clone_censor_weight(panel_of(), **NAMES, strategies={"0": 0, "1": 1}, grace=1, estimand="as_assigned")
    assert set(fit.reasons) == {Reason.NOT_DEFINED}
    assert fit.risks([1]).reason is Reason.NOT_DEFINED


def test_death_in_the_grace_period_counts_for_every_strategy() -> None:
    panel = panel_of()
    panel = panel[panel["new"] == 1].assign(a=0)
    fit = eq.fit_clone_censor_weight(
        panel, **NAMES, strategies={"never": 0, "start": eq.Strategy("1", grace=0)}, follow_up_terms="none"
    )
    assert fit.reasons[1] is Reason.ONE_ARM_EMPTY  # nobody starts at once
    waits = pd.concat([panel, panel[panel["y"] + panel["c"] == 0].assign(t=lambda d: d["t"] + 1, new=0, a=1)])
    fit = eq.fit_clone_censor_weight(waits, **NAMES, strategies={"never": 0, "start": 1}, grace=1)
    events = fit.assembly.outcome.found.events
    assert events[0, 0] == events[1, 0] == panel["y"].sum()


def test_a_strategy_that_nobody_follows() -> None:
    panel = panel_of(60).assign(a=1)
    fit = eq.fit_clone_censor_weight(panel, **NAMES, strategies={"never": 0, "start": 1}, arm_by_follow_up=False)
    assert fit.reasons[fit.terms.index("strategy[start]")] is Reason.ONE_ARM_EMPTY
    assert fit.risks([0]).reason is Reason.ONE_ARM_EMPTY


def test_risks_by_bootstrap_stay_near_the_delta_method() -> None:
    fit = eq.fit_clone_censor_weight(
        panel_of(200), **NAMES, strategies={"never": 0, "start": 1}, grace=1, treatment_denominator=["l"],
        truncate=(0, 99), covariates=["sex"], follow_up_terms="linear",
    )  # fmt: skip
    drawn = fit.bootstrap(40, seed=1, times=[3])
    assert drawn.defined == 40
    one, other = drawn.risks.covariance[0, 0, 0] ** 0.5, fit.risks([3]).covariance[0, 0, 0] ** 0.5
    assert 0.5 < one / other < 2.0


@pytest.mark.parametrize("over", ["strategy", "everybody"])
def test_weights_are_held_between_percentiles_of_each_strategy_or_of_everybody(over: str) -> None:
    """Held against the weights of every copy written out, those of few starters being the largest."""
    how = {"strategies": {"never": 0, "start": 1}, "grace": 1, "treatment_denominator": ["l"]}
    free = eq.fit_clone_censor_weight(panel_of(200), **NAMES, **how).assembly.outcome
    held = eq.fit_clone_censor_weight(panel_of(200), **NAMES, **how, truncate=(5, 90), truncate_over=over)
    w, written = np.empty(free.columns.horizon + PADDING), []
    for i, arm in enumerate(free.trials.arm):
        n = weigh_rows(free.trials, i, free.weights, w)
        written += [(arm, value) for value in w[:n]]
    arm, weight = np.array(written).T
    assert weight[arm == 1].max() > weight[arm == 0].max()
    for own in (0, 1):
        limits = np.percentile(weight[arm == own] if over == "strategy" else weight, (5, 90))
        expected = weight[arm == own].clip(*limits)
        found = held.assembly.outcome.found
        assert found.weight[own].sum() == pytest.approx(expected.sum(), rel=1e-12)
        assert found.largest[own].max() == pytest.approx(expected.max(), rel=1e-12)


def test_percentiles_are_of_each_strategy_unless_others_are_asked_for() -> None:
    how = {"strategies": {"never": 0, "start": 1}, "grace": 1, "treatment_denominator": ["l"], "truncate": (5, 90)}
    plain = eq.fit_clone_censor_weight(panel_of(100), **NAMES, **how)
    same = eq.fit_clone_censor_weight(panel_of(100), **NAMES, **how, truncate_over="strategy")
    np.testing.assert_array_equal(plain.coefficients, same.coefficients)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategies": {"never": 0}}, "two or more"),
        ({"strategies": {"a": 1, "b": 1}}, "the same"),
        ({"strategies": {"a": 0, "b": 7}}, "which nobody has"),
        ({"strategies": {"a": 0, "b": 1}, "grace": 30}, "longest follow-up"),
        ({"strategies": {"a": 0, "b": 1}, "grace": 3, "max_follow_up": 3}, "longest follow-up"),
        ({"strategies": {"a": 0, "b": 1}, "grace": -1}, "0 or more"),
        ({"strategies": {"a": eq.Strategy(0, when="when"), "b": 1}}, "condition"),
        ({"strategies": {"a": 0, "b": 1}, "truncate": (99, 1)}, "percentiles"),
    ],
)
def test_strategies_that_are_refused(options: dict, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        eq.fit_clone_censor_weight(panel_of(20), **NAMES, **options)
