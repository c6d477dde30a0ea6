"""Sequential trials: equal to the trials written out, special cases, degenerate data, refusals."""

import numpy as np
import pandas as pd
import pytest

import equipoise as eq
from equipoise.errors import DesignError, Reason, UnsupportedError
from equipoise.kernels.trial_rows import weigh_rows
from tests.estimators.trial_oracle import COLUMNS, by_term, expanded, fit_rows, made, powers

SAME_EQUATIONS = 1e-6  # two ways of adding up the same rows; both stop within 1e-6 standard errors
LOST = {**COLUMNS, "censored": "c", "competing": "d"}


def one(*_: object) -> float:
    return 1.0


def same(ours: eq.Fit, theirs: eq.Fit) -> None:
    pd.testing.assert_frame_equal(by_term(ours), by_term(theirs), rtol=SAME_EQUATIONS, atol=1e-9)
    assert ours.rows == theirs.rows
    assert ours.events == theirs.events
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-9)


def columns(rows: pd.DataFrame, **more: np.ndarray) -> dict[str, np.ndarray]:
    own = {"a": rows["arm"], "sex": rows["sex"], "l": rows["l"]}
    return own | powers("trial_period", rows["trial"]) | powers("follow_up", rows["k"]) | more


@pytest.mark.parametrize("estimand", ["as_assigned", "per_protocol"])
def test_equal_to_the_rows_written_out(estimand: str) -> None:
    panel = made()
    fit = eq.fit_sequential_trials(panel, **COLUMNS, censored="c", estimand=estimand, covariates=["sex", "l"])
    rows = expanded(panel, estimand == "per_protocol", one)
    same(fit, fit_rows(rows, columns(rows)))


def test_rows_in_any_order_and_any_kind_of_frame() -> None:
    panel = made()
    names = {**COLUMNS, "censored": "c", "covariates": ["sex", "l"]}
    one, other = (
        eq.fit_sequential_trials(data, **names)
        for data in (panel, panel.sample(frac=1, random_state=3).to_dict("list"))
    )
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-12)


def weights_of(panel: pd.DataFrame, running: np.ndarray) -> pd.Series:
    """Stabilised factors of treatment, by the treatment before, fitted in the rows that count."""
    previous = panel.groupby("id")["a"].shift(1).fillna(0)
    ratio = pd.Series(1.0, panel.index)
    for was in (0, 1):
        at = panel.index[running & (previous == was)]
        below = eq.fit_logistic(panel.loc[at], outcome="a", covariates=["sex", "l"]).fitted_values
        above = eq.fit_logistic(panel.loc[at], outcome="a", covariates=["sex"]).fitted_values
        treated = panel.loc[at, "a"].to_numpy() == 1
        ratio[at] = np.where(treated, above / below, (1 - above) / (1 - below))
    return ratio


def running_of(panel: pd.DataFrame, follows: bool) -> np.ndarray:
    out = []
    for _, own in panel.groupby("id"):
        running, before = False, None
        for e, a in zip(own["e"], own["a"], strict=True):
            out.append(bool(running or e))
            changed = before is not None and a != before
            running, before = bool(e) or (running and not (follows and changed)), a
    return np.array(out)


@pytest.mark.parametrize("truncate", [None, (5, 90)])
def test_weights_of_treatment_and_censoring(truncate: tuple[float, float] | None) -> None:
    panel = made(120)
    running = running_of(panel, True)
    ratio = weights_of(panel, running)
    stays = pd.Series(1.0, panel.index)
    for level in (0, 1):
        at = panel.index[running & (panel["a"] == level)]
        uncensored = panel.loc[at].assign(u=1 - panel.loc[at, "c"])
        below = eq.fit_logistic(uncensored, outcome="u", covariates=["l"]).fitted_values
        stays[at] = eq.fit_logistic(uncensored, outcome="u", covariates=()).fitted_values / below
    panel["ratio"], panel["stays"] = ratio, stays

    def factor(own: pd.DataFrame, k: int, start: int) -> float:
        return own.loc[k, "stays"] * (own.loc[k, "ratio"] if k > start else 1.0)

    rows = expanded(panel, True, factor)
    if truncate:
        rows["w"] = rows["w"].clip(*np.percentile(rows["w"], truncate))
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", estimand="per_protocol", covariates=["sex", "l"], treatment_numerator=["sex"],
        treatment_denominator=["sex", "l"], censoring_denominator=["l"], truncate=truncate,
    )  # fmt: skip
    same(fit, fit_rows(rows, columns(rows)))
    table = fit.weight_summary().set_index(["arm", "time"])
    by_cell = rows.groupby(["arm", "k"])["w"]
    np.testing.assert_allclose(table["mean"], by_cell.mean(), rtol=1e-9)
    np.testing.assert_allclose(table["maximum"], by_cell.max(), rtol=1e-9)
    np.testing.assert_allclose(table["effective_size"], by_cell.sum() ** 2 / by_cell.apply(lambda w: (w**2).sum()))


@pytest.mark.parametrize("exposure", ["current", "dose", "quadratic dose"])
def test_as_treated(exposure: str) -> None:
    panel = made()
    rows = expanded(panel, False, one)
    dose = rows["dose"].to_numpy(float)
    given = {"a": rows["now"]} if exposure == "current" else {"dose": dose}
    given |= {"dose^2": dose**2} if exposure == "quadratic dose" else {}
    own = {"sex": rows["sex"], **powers("trial_period", rows["trial"]), **powers("follow_up", rows["k"]), **given}
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", estimand="as_treated", exposure=exposure, covariates=["sex"]
    )
    same(fit, fit_rows(rows, own))


def test_effects_that_change_over_follow_up_and_with_covariates() -> None:
    panel = made(200)
    rows = expanded(panel, False, one)
    arm = rows["arm"].to_numpy()
    more = {"l:a": rows["l"] * arm, "follow_up:a": rows["k"] * arm}
    own = columns(rows, **more)
    del own["follow_up^2"]
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", covariates=["sex", "l"], modifiers=["l"], follow_up_terms="linear",
        arm_by_follow_up=True,
    )  # fmt: skip
    same(fit, fit_rows(rows, own))


@pytest.mark.parametrize("estimand", ["as_assigned", "per_protocol", "as_treated"])
def test_cox_model_is_that_of_the_rows_written_out(estimand: str) -> None:
    panel = made(120)
    weights = {} if estimand == "as_assigned" else {"treatment_denominator": ["l"], "weight_rows": "at_risk"}
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", estimand=estimand, covariates=["sex", "l"], model="cox", **weights
    )
    trials, given = fit.assembly.outcome.trials, fit.assembly.outcome.weights
    w = np.empty(200)
    each = [w[: weigh_rows(trials, i, given, w)].copy() for i in range(len(trials.start))]
    rows = expanded(panel, estimand == "per_protocol", one)
    rows["w"] = np.concatenate(each)
    arm = rows["now"] if estimand == "as_treated" else rows["arm"]
    data = pd.DataFrame({"start": rows["k"], "stop": rows["k"] + 1, **rows[["y", "w", "id", "sex", "l"]], "a": arm})
    data = data.assign(**powers("trial_period", rows["trial"]))
    theirs = eq.fit_cox(
        data, time="stop", start="start", event="y", weights="w", cluster="id", ties="breslow",
        covariates=["a", "trial_period", "trial_period^2", "sex", "l"],
    )  # fmt: skip
    pd.testing.assert_frame_equal(by_term(fit), by_term(theirs), rtol=SAME_EQUATIONS, atol=1e-9)
    assert fit.measure == "log hazard ratio"
    with pytest.raises(UnsupportedError, match="pooled logistic"):
        fit.risks()


def test_cox_effects_that_change_and_arms_that_are_empty() -> None:
    panel = made(150)
    names = {**COLUMNS, "censored": "c", "covariates": ["sex"], "model": "cox"}
    fit = eq.fit_sequential_trials(panel, **names, arm_by_follow_up=True, follow_up_terms="linear")
    rows = expanded(panel, False, one)
    data = pd.DataFrame({"start": rows["k"], "stop": rows["k"] + 1, **rows[["y", "id", "sex"]], "a": rows["arm"]})
    data = data.assign(**powers("trial_period", rows["trial"]), **{"follow_up:a": rows["arm"] * rows["k"]})
    theirs = eq.fit_cox(
        data, time="stop", start="start", event="y", cluster="id", ties="breslow",
        covariates=["a", "trial_period", "trial_period^2", "sex", "follow_up:a"],
    )  # fmt: skip
    pd.testing.assert_frame_equal(by_term(fit), by_term(theirs), rtol=SAME_EQUATIONS, atol=1e-9)
    alone = eq.fit_sequential_trials(panel.assign(e=panel["e"] * (1 - panel["a"])), **names)
    assert alone.reasons[alone.terms.index("a")] is Reason.ONE_ARM_EMPTY
    assert set(eq.fit_sequential_trials(panel.assign(y=0), **names).reasons) == {Reason.NO_EVENTS}


def standardized(b: dict[str, float], rows: pd.DataFrame, arm: int, horizon: int) -> np.ndarray:
    """The mean risk over trials, in plain loops."""
    risks = []
    for _, first in rows[rows["k"] == 0].iterrows():
        free, risk = 1.0, []
        for k in range(horizon):
            eta = b["(Intercept)"] + b["a"] * arm + b["sex"] * first["sex"] + b["l"] * first["l"]
            eta += b["trial_period"] * first["trial"] + b["trial_period^2"] * first["trial"] ** 2
            eta += b["follow_up"] * k + b["follow_up^2"] * k**2
            free *= 1.0 - 1.0 / (1.0 + np.exp(-eta))
            risk.append(1.0 - free)
        risks.append(risk)
    return np.mean(risks, axis=0)


def test_standardized_risks_and_their_delta_method() -> None:
    panel = made()
    panel = panel[panel["c"] == 0]
    fit = eq.fit_sequential_trials(panel, **COLUMNS, covariates=["sex", "l"])
    rows = expanded(panel, False, one)
    risks = fit.risks([0, 2, 5])
    b = dict(zip(fit.terms, fit.coefficients, strict=True))
    for arm in (0, 1):
        np.testing.assert_allclose(risks.risk[arm], standardized(b, rows, arm, 6)[[0, 2, 5]], rtol=1e-10)
    step = 1e-6

    def moved(term: str, arm: int) -> float:
        up, down = (standardized({**b, term: b[term] + s}, rows, arm, 6)[5] for s in (step, -step))
        return (up - down) / (2 * step)

    gradient = np.array([[moved(term, arm) for term in fit.terms] for arm in (0, 1)])
    np.testing.assert_allclose(risks.covariance[:, :, 2], gradient @ fit.covariance @ gradient.T, rtol=1e-5)
    table = risks.contrasts().set_index(["time", "measure"])
    difference = risks.risk[1, 2] - risks.risk[0, 2]
    assert table.loc[(5, "risk difference"), "estimate"] == pytest.approx(difference)
    along = np.array([-1.0, 1.0])
    error = np.sqrt(along @ risks.covariance[:, :, 2] @ along)
    assert table.loc[(5, "risk difference"), "std_error"] == pytest.approx(error)


def test_a_competing_event_has_a_model_of_its_own() -> None:
    panel = made(150, lost=0.05)
    names = {**LOST, "covariates": ["sex", "l"]}
    rows = expanded(panel, False, one)
    total = eq.fit_sequential_trials(panel, **names)
    free = rows[rows["d"] == 0]
    same(total, fit_rows(free, columns(free)))
    other = fit_rows(rows, columns(rows), "d")
    pd.testing.assert_frame_equal(by_term(total.competing_fit), by_term(other), rtol=SAME_EQUATIONS, atol=1e-9)
    direct = eq.fit_sequential_trials(panel, **names, competing_effect="direct")
    np.testing.assert_allclose(direct.coefficients, total.coefficients)
    assert (direct.risks([5]).risk > total.risks([5]).risk).all()
    composite = eq.fit_sequential_trials(panel, **names, competing_effect="composite")
    either = rows.assign(y=rows["y"] + rows["d"])
    same(composite, fit_rows(either, columns(either)))


def test_total_risks_by_hand() -> None:
    """Two intervals, hazards 1/4 of the outcome and 1/5 of the competing event before it."""
    panel = pd.DataFrame([
        {"id": i, "t": 0, "a": i % 2, "e": 1, "d": int(i // 2 < 4), "y": int(4 <= i // 2 < 8)} for i in range(40)
    ])  # fmt: skip
    later = panel[(panel["d"] == 0) & (panel["y"] == 0)].assign(t=1, e=0)
    later = later.assign(d=[int(j // 2 % 5 == 0) for j in range(24)], y=[int(j // 2 % 4 == 1) for j in range(24)])
    later.loc[later["d"] == 1, "y"] = 0
    fit = eq.fit_sequential_trials(
        pd.concat([panel, later]), **COLUMNS, competing="d", trial_terms="none", follow_up_terms="categorical",
        arm_by_follow_up=True,
    )  # fmt: skip
    risks = fit.risks()
    np.testing.assert_allclose(risks.risk[:, 0], [0.8 * 0.25, 0.8 * 0.25], rtol=1e-9)
    np.testing.assert_allclose(risks.survival[:, 0], [0.6, 0.6], rtol=1e-9)
    at_two = later.groupby("a")[["d", "y"]].sum()
    n = 12
    expected = [0.2 + 0.6 * at_two.loc[a, "y"] / n for a in (0, 1)]
    np.testing.assert_allclose(risks.risk[:, 1], expected, rtol=1e-8)


def test_a_single_trial_is_the_plain_cohort_analysis() -> None:
    panel = made()
    panel = panel[panel["c"] == 0].assign(e=lambda d: (d.groupby("id").cumcount() == 0).astype(int))
    fit = eq.fit_sequential_trials(panel, **COLUMNS, covariates=["sex"], trial_terms="none")
    first = panel.groupby("id")["a"].transform("first")
    k = panel.groupby("id").cumcount().to_numpy(float)
    data = panel.assign(a=first, k=k, k2=k**2)
    plain = eq.fit_logistic(data, outcome="y", covariates=["a", "sex", "k", "k2"], cluster="id")
    np.testing.assert_allclose(fit.coefficients, plain.coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, plain.covariance, rtol=1e-6, atol=1e-12)


def test_nobody_deviates_so_per_protocol_is_as_assigned() -> None:
    panel = made()
    panel["a"] = panel["id"] % 2
    names = {**COLUMNS, "censored": "c", "covariates": ["sex"]}
    one = eq.fit_sequential_trials(panel, **names)
    other = eq.fit_sequential_trials(panel, **names, estimand="per_protocol", treatment_denominator=["l"])
    np.testing.assert_allclose(other.coefficients, one.coefficients, rtol=1e-8)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-6, atol=1e-12)


def test_everybody_deviates_at_once() -> None:
    panel = made(80).assign(a=lambda d: d["t"] % 2)
    fit = eq.fit_sequential_trials(panel, **COLUMNS, censored="c", estimand="per_protocol", covariates=["sex"])
    assert fit.assembly.outcome.trials.length.max() == 1
    assert fit.reasons[fit.terms.index("follow_up")] is Reason.CONSTANT
    assert np.isfinite(fit.coefficients[fit.terms.index("a")])


@pytest.mark.parametrize("arm", [0, 1])
def test_one_arm_is_never_started(arm: int) -> None:
    panel = made(300)
    panel["e"] = (panel["a"] == arm).astype(int) * panel["e"]
    fit = eq.fit_sequential_trials(panel, **COLUMNS, censored="c", covariates=["sex"])
    assert fit.reasons[fit.terms.index("a")] is Reason.ONE_ARM_EMPTY
    assert np.isfinite(fit.coefficients[fit.terms.index("sex")])
    risks = fit.risks([1])
    assert risks.reason is Reason.ONE_ARM_EMPTY
    assert np.isnan(risks.risk).all()


def test_no_event_in_one_arm_is_separation_and_the_rest_is_estimated() -> None:
    panel = made(100)
    panel.loc[panel["a"] == 1, "y"] = 0
    panel["e"] = (panel["t"] == 1).astype(int)
    panel["a"] = panel.groupby("id")["a"].transform("first")
    panel.loc[panel["a"] == 1, "y"] = 0
    names = {**COLUMNS, "censored": "c", "covariates": ["sex"], "trial_terms": "none"}
    fit = eq.fit_sequential_trials(panel, **names)
    assert fit.reasons[fit.terms.index("a")] is Reason.SEPARATION
    alone = eq.fit_sequential_trials(panel[panel["a"] == 0], **names)
    at = [fit.terms.index(term) for term in ("sex", "follow_up")]
    np.testing.assert_allclose(fit.coefficients[at], alone.coefficients[at], rtol=1e-6)
    assert fit.risks([1]).reason is Reason.SEPARATION


def test_no_events_and_events_everywhere() -> None:
    panel = made(20)
    assert set(eq.fit_sequential_trials(panel.assign(y=0), **COLUMNS).reasons) == {Reason.NO_EVENTS}
    only = panel.groupby("id").head(1).assign(y=1, e=1, c=0)
    assert set(eq.fit_sequential_trials(only, **COLUMNS).reasons) == {Reason.NO_CONTROLS}
    nobody = eq.fit_sequential_trials(panel.assign(e=0), **COLUMNS)
    assert nobody.trials == 0
    assert nobody.reasons[0] is Reason.NO_EVENTS
    assert nobody.risks([0]).reason is Reason.NO_EVENTS


def test_positivity_violated_at_one_time_is_shown() -> None:
    panel = made(80)
    panel.loc[panel["t"] == 4, "a"] = 0
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", estimand="per_protocol", treatment_denominator=["l"], covariates=["sex"]
    )
    table = fit.positivity().set_index(["period", "previous"])
    assert table.loc[(4, "1"), "changes"] == table.loc[(4, "1"), "rows"]
    assert table.loc[(4, "0"), "changes"] == 0
    assert table.loc[[(4, "0"), (4, "1")], "violated"].all()
    assert not table.loc[(3, "0"), "violated"]


def test_three_arms() -> None:
    panel = made(200, levels=3)
    rows = expanded(panel, True, one)
    own = columns(rows)
    del own["a"]
    own |= {"a[1]": (rows["arm"] == 1) * 1.0, "a[2]": (rows["arm"] == 2) * 1.0}
    fit = eq.fit_sequential_trials(panel, **COLUMNS, censored="c", estimand="per_protocol", covariates=["sex", "l"])
    same(fit, fit_rows(rows, own))
    assert fit.risks([3]).risk.shape == (3, 1)


def test_bootstrap_draws_persons_and_reports_progress() -> None:
    panel = made(80)
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", estimand="per_protocol", covariates=["sex"], treatment_denominator=["l"]
    )
    seen: list[tuple[int, int]] = []
    drawn = fit.bootstrap(30, seed=5, times=[2], progress=lambda done, whole: seen.append((done, whole)))
    assert seen[-1] == (30, 30)
    assert drawn.defined == 30
    again = fit.bootstrap(30, seed=5, times=[2])
    np.testing.assert_array_equal(drawn.coefficients, again.coefficients)
    ratio = drawn.std_errors()[fit.terms.index("a")] / fit.std_errors[fit.terms.index("a")]
    assert 0.5 < ratio < 2.0
    table = drawn.risks.tidy()
    assert (table["conf_low"] <= table["conf_high"]).all()


def test_a_person_who_counts_twice_is_two_persons() -> None:
    panel = made(40)
    fit = eq.fit_sequential_trials(
        panel, **COLUMNS, censored="c", estimand="per_protocol", covariates=["sex"], treatment_denominator=["l"],
        truncate=(10, 90),
    )  # fmt: skip
    again = pd.concat([panel, panel[panel["id"] == 7].assign(id=1000)])
    doubled = eq.fit_sequential_trials(
        again, **COLUMNS, censored="c", estimand="per_protocol", covariates=["sex"], treatment_denominator=["l"],
        truncate=(10, 90),
    )  # fmt: skip
    counts = np.ones(40)
    counts[7] = 2.0
    coefficients, _ = fit._replicate(np.array([2]))(counts)
    np.testing.assert_allclose(coefficients, doubled.coefficients, rtol=1e-7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": lambda t: t * 2}, "gaps"),
        ({"t": lambda t: t * 0}, "repeat"),
        ({"t": lambda t: t + 0.5}, "not whole"),
        ({"a": lambda a: a + 0.5}, "whole numbers"),
        ({"y": lambda y: y * 0 + 2}, "neither 0 nor 1"),
        ({"sex": lambda s: s / 0.0 * 0.0}, "missing"),
    ],
)
def test_panels_that_are_refused(change: dict, message: str) -> None:
    panel = made(10)
    for name, of in change.items():
        panel[name] = of(panel[name])
    with pytest.raises(DesignError, match=message):
        eq.fit_sequential_trials(panel, **COLUMNS, covariates=["sex"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimand": "per protocol"}, UnsupportedError, "per_protocol"),
        ({"exposure": "dose"}, UnsupportedError, "as-treated"),
        ({"estimand": "as_treated", "modifiers": ["sex"]}, UnsupportedError, "modifiers"),
        ({"treatment_denominator": ["l"]}, DesignError, "as-assigned"),
        ({"estimand": "per_protocol", "treatment_numerator": ["l"]}, DesignError, "without a denominator"),
        ({"censoring_denominator": ["l"]}, DesignError, "censored"),
        ({"truncate": (99, 1)}, DesignError, "percentiles"),
        ({"max_follow_up": 0}, DesignError, "1 or more"),
        ({"modifiers": ["age"]}, DesignError, "not a term"),
        ({"follow_up_terms": "wavy"}, DesignError, "knots"),
        ({"follow_up_terms": (3, 2, 1)}, DesignError, "above the one before"),
    ],
)
def test_options_that_are_refused(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        eq.fit_sequential_trials(made(10), **COLUMNS, covariates=["sex"], **options)


def test_both_events_in_one_row_are_refused() -> None:
    panel = made(10)
    panel.loc[0, ["y", "c"]] = 1
    with pytest.raises(DesignError, match="both"):
        eq.fit_sequential_trials(panel, **COLUMNS, censored="c")
