"""The parametric g-formula: exact where it can be, equal to enumeration, near clones and truth, degenerate data."""

import itertools

import numpy as np
import pandas as pd
import pytest

import equipoise as eq
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.estimators.trial_g_models import regress
from tests.estimators.plain_g_formula import simulate
from tests.estimators.trial_oracle import COLUMNS, made

NAMES = {**COLUMNS, "eligible": "new"}
BOTH = {"never": 0, "always": 1}


def expit(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def confounded(persons: int, months: int, seed: int, force: int | None = None) -> pd.DataFrame:
    """Illness brings treatment and death; treatment cures illness. `force` sets treatment in every month."""
    draw = np.random.default_rng(seed)
    ill, drug = draw.random(persons) < 0.4, np.zeros(persons, np.bool_)
    alive, rows = np.ones(persons, np.bool_), []
    for t in range(months):
        if t:
            ill = draw.random(persons) < expit(-0.8 + 1.6 * ill - 1.4 * drug)
        drug = draw.random(persons) < expit(-1.2 + 1.5 * ill + 2.0 * drug)
        if force is not None:
            drug[:] = force
        died = draw.random(persons) < expit(-3.2 + 1.3 * ill - 0.5 * drug)
        at = np.flatnonzero(alive)
        own = {"id": at, "t": t, "a": drug[at] * 1, "new": int(t == 0), "y": died[at] * 1, "l": ill[at] * 1}
        rows.append(pd.DataFrame(own))
        alive = alive & ~died
    return pd.concat(rows)


def test_without_time_varying_covariates_it_is_standardization_and_nothing_is_drawn() -> None:
    panel = made(150)
    panel = panel.assign(new=(panel.groupby("id").cumcount() == 0).astype(int))
    panel["a"] = panel.groupby("id")["a"].transform("first")
    names = {**NAMES, "censored": "c", "covariates": ["sex", "l"]}
    formula = eq.fit_g_formula(panel, **names, strategies=BOTH)
    trials = eq.fit_sequential_trials(panel, **names, trial_terms="none")
    np.testing.assert_allclose(formula.risks().risk, trials.risks().risk, rtol=1e-7)
    competing = eq.fit_g_formula(panel, **names, strategies=BOTH, competing="d")
    others = eq.fit_sequential_trials(panel, **names, trial_terms="none", competing="d")
    np.testing.assert_allclose(competing.risks().risk, others.risks().risk, rtol=1e-7)
    np.testing.assert_allclose(competing.risks().survival, others.risks().survival, rtol=1e-7)


def enumerated(fit, panel: pd.DataFrame, strategy: str, months: int) -> np.ndarray:
    """The risks under a strategy from the fitted models, over every path of a binary covariate and of treatment."""
    models = {m.of: dict(zip(m.terms, m.coefficients, strict=True)) for m in fit.models.all}
    risk = np.zeros(months)
    share = panel[panel["t"] == 0]["l"].mean()
    open_months = 2 if strategy == "within 1" else 0
    for path in itertools.product((0, 1), repeat=months):
        for drugs in itertools.product((0, 1), repeat=min(open_months, months) if open_months else 0):
            p, before, free, drug = (share if path[0] else 1 - share), 0, 1.0, 0
            for k, ill in enumerate(path):
                b = models["l"]
                if k:
                    one = expit(
                        b["(Intercept)"] + b["follow_up"] * k + b["l before"] * path[k - 1] + b["a before"] * before
                    )
                    p *= one if ill else 1 - one
                p_drug, drug = choice(models["a above 0"], strategy, k, ill, before, drugs)
                p *= p_drug
                b = models["outcome"]
                hazard = expit(b["(Intercept)"] + b["follow_up"] * k + b["l"] * ill + b["a"] * drug)
                risk[k] += p * (1 - free * (1 - hazard))
                free, before = free * (1 - hazard), drug
    return risk


def choice(b: dict, strategy: str, k: int, ill: int, before: int, drugs: tuple) -> tuple[float, int]:
    """Probability and value of treatment in month k on one path."""
    if strategy in BOTH:
        return 1.0, BOTH[strategy]
    if before or k >= 1:
        return (1.0 if k > 1 or drugs[k] == 1 else 0.0), 1
    one = expit(b["(Intercept)"] + b["follow_up"] * k + b["l"] * ill + b["a before"] * before)
    return (one if drugs[k] else 1 - one), drugs[k]


def marginal(fit, panel: pd.DataFrame, strategy: str, months: int) -> np.ndarray:
    """`enumerated`, month by month, so that each path is counted once for the months it has reached."""
    return np.array([enumerated(fit, panel, strategy, k + 1)[k] for k in range(months)])


@pytest.mark.parametrize("strategy", ["never", "always", "within 1"])
def test_equal_to_the_sum_over_all_paths(strategy: str) -> None:
    panel = confounded(1500, 3, 1)
    strategies = {**BOTH, "within 1": eq.Strategy(1, grace=1)}
    fit = eq.fit_g_formula(
        panel, **NAMES, strategies=strategies, time_varying={"l": "binary"}, follow_up_terms="linear",
        simulations=200_000,
    )  # fmt: skip
    ours = fit.risks().risk[list(strategies).index(strategy)]
    theirs = marginal(fit, panel, strategy, 3)
    monte_carlo = 5.0 * 0.1 / np.sqrt(200_000)  # five standard errors of a mean of risks that spread by 0.1
    np.testing.assert_allclose(ours, theirs, atol=monte_carlo)


def test_near_the_truth_and_clones_where_naive_analysis_is_not() -> None:
    panel = confounded(8000, 4, 2)
    truth = [1 - confounded(200_000, 4, 9, force)["y"].sum() / 200_000 for force in (0, 1)]
    truth = 1 - np.array(truth)
    fit = eq.fit_g_formula(panel, **NAMES, strategies=BOTH, time_varying={"l": "binary"}, simulations=50_000)
    clones = eq.fit_clone_censor_weight(
        panel, **NAMES, strategies=BOTH, treatment_denominator=["l"], follow_up_terms="categorical"
    )
    crude = eq.fit_clone_censor_weight(panel, **NAMES, strategies=BOTH, follow_up_terms="categorical")
    formula, weighted, naive = (f.risks([3]).risk[:, 0] for f in (fit, clones, crude))
    errors = np.sqrt(clones.risks([3]).covariance.diagonal()[0])
    assert (np.abs(weighted - truth) < 3.5 * errors).all()
    assert (np.abs(formula - truth) < 3.5 * errors).all()
    assert (np.abs(formula - weighted) < 3.5 * errors).all()
    assert ((naive[1] - naive[0]) - (truth[1] - truth[0])) > 0.02  # the ill are treated
    course = fit.natural_course([3]).risk[0, 0]
    observed = panel["y"].sum() / 8000
    assert course == pytest.approx(observed, abs=0.01)


def test_normal_covariates_three_levels_and_conditions() -> None:
    panel = made(300, levels=3)
    panel = panel.assign(
        new=(panel.groupby("id").cumcount() == 0).astype(int), ill=np.random.default_rng(0).integers(0, 2, len(panel))
    )
    names = {**NAMES, "censored": "c", "competing": "d", "covariates": ["sex"], "simulations": 2000}
    varying = {"l": "normal", "ill": "binary"}
    strategies = {"never": 0, "one": 1, "two when ill": eq.Strategy(2, grace=1, when="ill", sustained=False)}
    fit = eq.fit_g_formula(panel, **names, strategies=strategies, grace=2, time_varying=varying, modifiers=["l"])
    assert fit.reason is None
    assert [m.of for m in fit.models.all] == ["l", "ill", "a above 0", "a above 1", "outcome", "competing event"]
    risk = fit.risks().risk
    assert ((np.diff(risk, axis=1) >= 0) & (risk[:, 1:] > 0) & (risk[:, 1:] < 1)).all()
    again = eq.fit_g_formula(panel, **names, strategies=strategies, grace=2, time_varying=varying, modifiers=["l"])
    np.testing.assert_array_equal(again.risks().risk, risk)
    later = panel[panel.groupby("id").cumcount() > 0]
    before = panel.groupby("id")[["l", "ill", "a"]].shift(1).loc[later.index]
    x = np.column_stack([
        np.ones(len(later)), k := panel.groupby("id").cumcount().loc[later.index], k**2, later["sex"], before["l"],
        before["ill"], before["a"] == 1, before["a"] == 2,
    ])  # fmt: skip
    sex = panel.groupby("id")["sex"].transform("first").loc[later.index]
    x[:, 3] = sex
    beta = np.linalg.lstsq(x.astype(float), later["l"].to_numpy(), rcond=None)[0]
    np.testing.assert_allclose(fit.models.varying[0].coefficients, beta, rtol=1e-7, atol=1e-10)


def test_bootstrap_gives_limits() -> None:
    fit = eq.fit_g_formula(
        confounded(400, 3, 3), **NAMES, strategies=BOTH, time_varying={"l": "binary"}, simulations=500
    )
    assert np.isnan(fit.risks([2]).tidy()["std_error"]).all()
    drawn = fit.bootstrap(25, times=[2])
    table = drawn.risks.tidy()
    assert drawn.defined == 25
    assert (table["conf_low"] < table["conf_high"]).all()
    assert (table["std_error"] > 0).all()


def test_what_the_data_cannot_answer() -> None:
    panel = confounded(200, 3, 4)
    nothing = eq.fit_g_formula(panel.assign(y=0), **NAMES, strategies=BOTH)
    assert nothing.risks().reason is Reason.NO_EVENTS
    apart = panel.assign(y=panel["l"] * (panel["t"] == 2), l=panel["l"])
    assert eq.fit_g_formula(apart, **NAMES, strategies=BOTH, covariates=(), time_varying={"l": "binary"},
                            follow_up_terms="categorical").reason is Reason.SEPARATION  # fmt: skip
    assert np.isnan(eq.fit_g_formula(panel.assign(y=0), **NAMES, strategies=BOTH).risks([0]).risk).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"time_varying": {"l": "gamma"}}, DesignError, "binary, normal"),
        ({"strategies": {"a": 0, "b": eq.Strategy(1, when="l")}}, UnsupportedError, "time-varying"),
        ({"modifiers": ["age"]}, DesignError, "not a term"),
        ({"simulations": 0}, DesignError, "1 or more"),
    ],
)
def test_options_that_are_refused(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        eq.fit_g_formula(confounded(50, 2, 1), **{**NAMES, "strategies": BOTH, **options})


def kept_for_ever(n: int = 2_000) -> dict[str, np.ndarray]:
    """Once begun, the drug is never left, and a tube, once placed, stays: neither can be modelled from then on."""
    rng, rows = np.random.default_rng(5), []
    for person in range(n):
        drug = tube = 0
        for month in range(5):
            tube = int(tube or rng.random() < 0.1)
            drug = int(drug or rng.random() < 0.15 + 0.2 * tube)
            died = int(rng.random() < 0.04 + 0.1 * tube)
            rows.append((person, month, drug, int(month == 0), tube, died))
            if died:
                break
    return dict(zip(("id", "month", "drug", "new", "tube", "died"), np.array(rows).T, strict=True))


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_states_that_nobody_leaves_are_held_instead_of_separating(penalty: float) -> None:
    strategies = {"none": eq.Strategy(0, grace=1, sustained=False), "start": eq.Strategy(1, grace=1, sustained=False)}
    fit = eq.fit_g_formula(
        kept_for_ever(), person="id", period="month", treatment="drug", eligible="new", outcome="died",
        strategies=strategies, time_varying={"tube": "binary"}, follow_up_terms="linear", simulations=20_000,
        penalty=penalty,
    )  # fmt: skip
    assert fit.reason is None
    assert fit.models.kept == (1,)
    assert fit.models.held == ((1.0,),)
    # The drug does nothing, so every strategy has the risk of the population.
    data = kept_for_ever()
    observed = data["died"].sum() / len(np.unique(data["id"]))
    assert fit.risks([4]).risk[:, 0] == pytest.approx(np.array([observed, observed]), abs=0.03)
    assert fit.natural_course([4]).risk[0, 0] == pytest.approx(observed, abs=0.015)


def test_a_penalty_that_is_no_number_is_refused() -> None:
    with pytest.raises(DesignError, match="penalty"):
        eq.fit_g_formula(
            kept_for_ever(50), person="id", period="month", treatment="drug", eligible="new", outcome="died",
            strategies={"none": 0, "start": 1}, penalty=-1.0,
        )  # fmt: skip


@pytest.mark.parametrize("order", ["treatment_first", "events_first"])
@pytest.mark.parametrize("sustained", [True, False])
def test_paths_are_those_of_designs_laid_out_anew_in_every_interval(sustained: bool, order: str) -> None:
    panel = made(300, levels=3)
    ill = np.random.default_rng(0).integers(0, 2, len(panel))
    new, old = (panel.groupby("id").cumcount() == 0).astype(int), panel.groupby("id")["a"].cummax()
    panel = panel.assign(new=new, ill=ill, worse=panel.assign(ill=ill).groupby("id")["ill"].cummax(), old=old)
    strategies = {
        "never": eq.Strategy(0, grace=2, sustained=sustained),
        "one": eq.Strategy(1, sustained=sustained),
        "two when ill": eq.Strategy(2, grace=1, when="ill", sustained=sustained),
    }
    fit = eq.fit_g_formula(
        panel, **{**NAMES, "treatment": "a" if sustained else "old"}, censored="c", competing="d", covariates=["sex"],
        strategies=strategies, grace=1, time_varying={"l": "normal", "ill": "binary", "worse": "binary"},
        modifiers=["l", "sex"], simulations=5_000, seed=4, penalty=1.0, order=order,
    )  # fmt: skip
    plan = fit.plan
    assert fit.models.held[2] == (1.0,)
    assert bool(fit.models.kept) is not sustained
    people, weight = plan.people(plan.history()[0], np.ones(300))
    horizon = len(fit.models.columns.time)
    for place in range(3):
        plain = simulate(fit.models, people, weight, plan.strategies.rules, place, horizon, 4)
        np.testing.assert_allclose(fit.risks().risk[place], plain.risk, rtol=1e-12)
        np.testing.assert_allclose(fit.risks().survival[place], plain.survival, rtol=1e-12)
    course = simulate(fit.models, people, weight, None, 0, horizon, 4)
    np.testing.assert_allclose(fit.natural_course().risk[0], course.risk, rtol=1e-12)


def test_normal_models_are_least_squares_also_where_columns_repeat_each_other() -> None:
    draw = np.random.default_rng(5)
    x = draw.normal(size=(400, 3)) * [1.0, 1e4, 1e-3] + [0.0, 1e6, 0.0]
    y, weight = x @ [1.0, 2e-4, 500.0] + draw.normal(size=400), draw.integers(0, 4, 400).astype(float)
    for columns in (
        x,
        np.column_stack([x, x[:, 0], np.ones(400)]),
        np.column_stack([x, x[:, 0] + 1e-5 * draw.normal(size=400)]),
    ):
        found = regress("y", "normal", (columns, ()), y, weight)
        root = np.sqrt(weight)
        z = np.column_stack([np.ones(400), columns])
        size = np.sqrt((z**2).mean(axis=0))
        beta, _, rank, _ = np.linalg.lstsq(z / size * root[:, None], y * root, rcond=1e-11)
        fitted = z / size @ beta
        np.testing.assert_allclose(found.mean(columns), fitted, rtol=0.0, atol=1e-7 * np.abs(y).max())
        left = np.sqrt((weight * (y - fitted) ** 2).sum() / (weight.sum() - rank))
        assert found.spread == pytest.approx(left, rel=1e-6)
