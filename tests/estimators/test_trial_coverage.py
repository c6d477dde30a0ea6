"""Bias and coverage of per-protocol risks where treatment follows illness and illness follows treatment."""

import numpy as np
import pytest

import equipoise as eq
from tests.estimators.test_g_formula import BOTH, NAMES, confounded

NATIONS, PERSONS, MONTHS = 100, 2000, 4


@pytest.mark.slow
def test_weighted_clones_cover_the_truth_and_unweighted_ones_do_not() -> None:
    truth = [confounded(400_000, MONTHS, 99, force)["y"].sum() / 400_000 for force in (0, 1)]
    effect = truth[1] - truth[0]
    covered, estimates, naive = 0, [], 0
    for seed in range(NATIONS):
        panel = confounded(PERSONS, MONTHS, 1000 + seed)
        names = {**NAMES, "strategies": BOTH, "follow_up_terms": "categorical"}
        fits = (eq.fit_clone_censor_weight(panel, **names, treatment_denominator=d) for d in (["l"], None))
        for k, fit in enumerate(fits):
            row = fit.risks([MONTHS - 1]).contrasts().iloc[0]
            inside = row["conf_low"] <= effect <= row["conf_high"]
            covered += int(k == 0 and inside)
            naive += int(k == 1 and inside)
            estimates += [row["estimate"]] if k == 0 else []
    error = np.std(estimates) / np.sqrt(NATIONS)
    assert abs(np.mean(estimates) - effect) < 3.5 * error
    # 95 % less three Monte Carlo standard errors; weights that count as known widen intervals, so no upper bound but 1
    assert covered / NATIONS > 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / NATIONS)
    assert naive < covered - 0.1 * NATIONS
