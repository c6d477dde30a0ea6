"""Sequential target trials against R's TrialEmulation."""

from functools import cache

import numpy as np
import pytest

import equipoise as eq
from equipoise.kernels.trial_percentiles import weight_percentiles
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data

# R's glm stops where the deviance changes by 1e-8 of itself: its coefficients are then up to 1e-6 off, and its bread
# belongs to the step before the last
GLM_STOPPED = 1e-6
BREAD_BEFORE = 2e-4
COLUMNS = {
    "person": "id", "period": "period", "treatment": "treatment", "eligible": "eligible", "outcome": "outcome",
}  # fmt: skip
TERMS = {
    "assigned_treatment": "treatment",
    "I(trial_period^2)": "trial_period^2",
    "followup_time": "follow_up",
    "I(followup_time^2)": "follow_up^2",
}
WEIGHTED = {"treatment_denominator": ["catvarA", "nvarA", "nvarB"]}


@cache
def fitted(estimand: str, covariates: tuple[str, ...], weighted: bool = False) -> eq.Fit:
    panel = data("TrialEmulation__trial_example")
    weights = WEIGHTED if weighted else {}
    return eq.fit_sequential_trials(panel, **COLUMNS, estimand=estimand, covariates=list(covariates), **weights)


def model(name: str) -> eq.Fit:
    outcome = case(name)["spec"].get("outcome_cov", ["catvarA", "nvarA"])
    return fitted("as_assigned" if "ITT" in name else "per_protocol", tuple(outcome))


@pytest.mark.parametrize("name", ["tte_ITT_trial_example", "tte_PP_unweighted_option"])
def test_marginal_structural_models(name: str) -> None:
    expected, fit = case(name)["result"], model(name)
    at = [fit.index_of(TERMS.get(term, term)) for term in expected["terms"]]
    agree(name, "coefficients", fit.coefficients[at], list(expected["coef"].values()), relative=GLM_STOPPED)
    agree(name, "standard errors", fit.std_errors[at], list(expected["robust_se"].values()), relative=BREAD_BEFORE)
    theirs = np.array(expected["robust_vcov"])
    unit = np.sqrt(np.outer(theirs.diagonal(), theirs.diagonal()))
    ours = fit.covariance[np.ix_(at, at)]
    agree(name, "covariance, in units of the standard errors", ours / unit, theirs / unit, absolute=BREAD_BEFORE * 2)


def test_standardized_risks() -> None:
    name = "tte_ITT_trial_example"
    expected = case(name)["result"]
    risks = model(name).risks(expected["times"])
    theirs = [expected["cuminc_assigned0"], expected["cuminc_assigned1"]]
    agree(name, "standardized risks", risks.risk, theirs, relative=GLM_STOPPED)
    table = risks.contrasts()
    differences = table.loc[table["measure"] == "risk difference", "estimate"]
    agree(name, "risk differences", differences, expected["diff"], relative=GLM_STOPPED)


@pytest.mark.parametrize("name", ["tte_ITT_expansion", "tte_PP_expansion"])
def test_what_is_expanded(name: str) -> None:
    expected = case(name)["result"]
    fit = fitted("as_assigned" if "ITT" in name else "per_protocol", ("catvarA", "nvarA"))
    found, trials = fit.assembly.outcome.found, fit.assembly.outcome.trials
    agree(name, "rows", fit.rows, expected["n_rows"])
    agree(name, "events", fit.events, expected["events"])
    agree(name, "rows by arm", found.rows.sum(axis=1), list(expected["rows_by_assigned"].values()))
    if "events_by_assigned" in expected:
        agree(name, "events by arm", found.events.sum(axis=1), list(expected["events_by_assigned"].values()))
        times = (found.rows * np.arange(found.rows.shape[1])).sum()
        agree(name, "sum of follow-up times", times, expected["sum_followup"])
        rows = np.bincount(fit.plan.panel.period[trials.start], trials.length)
        wanted = expected["rows_first10_trials"]
        agree(name, "rows of the first ten trials", rows[[int(t) for t in wanted]], list(wanted.values()))
        agree(name, "trials", np.count_nonzero(rows), expected["n_trials"])


def test_weights_of_treatment() -> None:
    name = "tte_PP_expansion"
    expected = case(name)["result"]
    fit = fitted("per_protocol", ("catvarA", "nvarA"), True)
    models = {f"switch_{m.role[0]}{m.given[-1]}": m.fit for m in fit.weight_models}
    for key, rows in expected["switch_models"].items():
        wanted = [row["estimate"] for row in rows]
        agree(name, "coefficients of switching", models[key].coefficients, wanted, relative=GLM_STOPPED, absolute=1e-9)
        errors = [row["std.error"] for row in rows]
        agree(name, "standard errors of switching", models[key].std_errors, errors, relative=BREAD_BEFORE)
    outcome = fit.assembly.outcome
    n, total = outcome.found.rows.sum(), outcome.found.weight.sum()
    spread = np.sqrt((outcome.found.weight_squared.sum() - total**2 / n) / (n - 1))
    summary = [total / n, spread, outcome.found.smallest.min(), outcome.found.largest.max()]
    theirs = [expected[f"weight_{what}"] for what in ("mean", "sd", "min", "max")]
    agree(name, "weights: mean, deviation, range", summary, theirs, relative=GLM_STOPPED)
    percentiles = weight_percentiles(outcome.trials, outcome.weights, (1.0, 25.0, 50.0, 75.0, 99.0))
    agree(name, "percentiles of the weights", percentiles, expected["weight_q"], relative=GLM_STOPPED)


def test_pooled_logistic_regression_of_what_if() -> None:
    """Chapter 17 as one trial a person: R models survival of a month, so that signs are the other way round."""
    name = "whatif_17_unadjusted"
    expected, people = case(name)["result"], data("causaldata__nhefs")
    months = np.where(people["death"] == 1, (people["yrdth"] - 83) * 12 + people["modth"], 120).astype(int)
    person = np.repeat(np.arange(len(people)), months)
    month = np.concatenate([np.arange(m) for m in months])
    last = month == months[person] - 1
    panel = {
        "person": person, "month": month, "quit": people["qsmk"].to_numpy()[person].astype(int),
        "new": (month == 0).astype(int), "died": (last & (people["death"].to_numpy()[person] == 1)).astype(int),
    }  # fmt: skip
    fit = eq.fit_sequential_trials(
        panel, person="person", period="month", treatment="quit", eligible="new", outcome="died", trial_terms="none",
        arm_by_follow_up=True,
    )  # fmt: skip
    agree(name, "rows", [fit.rows, fit.events], [expected["rows"], expected["events"]])
    terms = ["(Intercept)", "quit", "follow_up:quit", "follow_up^2:quit", "follow_up", "follow_up^2"]
    ours = -fit.coefficients[[fit.index_of(term) for term in terms]]
    agree(name, "coefficients", ours, list(expected["coef"].values()), relative=GLM_STOPPED)
    survival = 1.0 - fit.risks([119]).risk[:, 0]
    agree(name, "survival at 120 months", survival, expected["surv120"], relative=1e-8)
