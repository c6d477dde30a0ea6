"""Bias and coverage of joint models by simulation: one cause, two causes, delayed entry, no association."""

import math

import numpy as np
import pandas as pd
import pytest

from equipoise.estimators.joint import fit_joint
from equipoise.estimators.survival_curve import fit_survival_curve
from tests.estimators.joint_population import NAMES, SECOND, TRUTH, population

RUNS = 200
Z = 4.0  # Monte Carlo errors a mean or a share may lie off


def truth_of(term: str) -> float | None:
    one = term.replace(" 1:", ":")
    return TRUTH.get(one, SECOND.get(term))


@pytest.mark.slow
@pytest.mark.parametrize(("late", "causes"), [(False, 1), (False, 2), (True, 1), (True, 2)])
def test_bias_and_coverage(late: bool, causes: int) -> None:
    tables = []
    for seed in range(RUNS):
        measured, lives = population(500, 1000 + seed, late, causes)
        fit = fit_joint(measured, lives, **NAMES, entry="entry" if late else None)
        assert fit.convergence.converged
        tables.append(fit.tidy().set_index("term"))
    for term in tables[0].index:
        truth = truth_of(term)
        if truth is None:
            continue
        estimates = np.array([table.loc[term, "estimate"] for table in tables])
        covered = np.mean([table.loc[term, "conf_low"] <= truth <= table.loc[term, "conf_high"] for table in tables])
        error = estimates.std(ddof=1) / math.sqrt(RUNS)
        # maximum likelihood is biased by a fraction of a standard error at 500 persons
        assert abs(estimates.mean() - truth) < Z * error + 0.15 * estimates.std(ddof=1), term
        assert covered > 0.95 - Z * math.sqrt(0.95 * 0.05 / RUNS), (term, covered)


@pytest.mark.slow
def test_entry_ignored_is_biased_where_entry_counted_is_not() -> None:
    """The same late entrants with entry left out: the hazard seems to rise with time."""
    measured, lives = population(3000, 7, late=True)
    ignored = fit_joint(measured, lives, **NAMES).estimate("baseline: log shape")
    counted = fit_joint(measured, lives, **NAMES, entry="entry").estimate("baseline: log shape")
    assert ignored.conf_low > 0.3
    assert abs(counted.estimate) < 4.0 * counted.std_error


@pytest.mark.slow
def test_predictions_are_calibrated() -> None:
    """Of new persons alive at 2 with their measurements so far, as many live to 4 as predicted, in thirds of risk."""
    fit = fit_joint(*population(3000, 21), **NAMES)
    measured, lives = population(3000, 22)
    alive = lives[lives["end"] > 2.0].set_index("id")
    history = measured[measured["id"].isin(alive.index) & (measured["t"] <= 2.0)]
    predicted = fit.predict_survival(history, [4.0], since=2.0).set_index("person")["estimate"]
    third = pd.qcut(predicted, 3, labels=False)
    for k in range(3):
        group = alive.loc[predicted.index[third == k]].assign(since=2.0)
        curve = fit_survival_curve(group, time="end", event="cause", start="since")
        seen = curve.survival_at(4.0)
        assert abs(seen["estimate"].iloc[0] - predicted[third == k].mean()) < Z * seen["std_error"].iloc[0]


@pytest.mark.slow
def test_type_one_error_of_the_association() -> None:
    """Follow-up drawn again without regard to the trajectory: likelihood-ratio and Wald tests keep their level."""
    rejected = np.zeros(2)
    for seed in range(RUNS):
        measured, lives = population(300, 5000 + seed)
        draw = np.random.default_rng(seed)
        end = np.minimum(draw.exponential(4.0, 300), draw.uniform(1.0, 8.0, 300))
        lives = lives.assign(end=end, cause=draw.integers(0, 2, 300))
        measured = measured[measured["t"] <= end[measured["id"]]]
        whole = fit_joint(measured, lives, **NAMES).glance()
        rejected += np.array([whole["p_value_ratio"].iloc[0], whole["p_value_wald"].iloc[0]]) < 0.05
    assert (np.abs(rejected / RUNS - 0.05) < Z * math.sqrt(0.05 * 0.95 / RUNS)).all(), rejected
