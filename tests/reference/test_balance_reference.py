"""`assess_balance` against cobalt's balance tables for every adjustment of lalonde in the shared folder."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equipoise import assess_balance, fit_logistic, match, weigh
from equipoise.diagnostics.balance_assessment import Balance

SHARED = Path(__file__).parents[2].parent / "shared" / "reference"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared reference folder is not there")

AGREEMENT = 3e-8  # R's glm stops at a change of 1e-8 of the deviance, and scores and weights hold to as many digits
SAME_WEIGHTS = 1e-10
COVARIATES = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
COLUMNS = {
    "smd_unadj": "smd_before",
    "smd_adj": "smd_after",
    "vr_unadj": "variance_ratio_before",
    "vr_adj": "variance_ratio_after",
    "ks_unadj": "ks_before",
    "ks_adj": "ks_after",
}
MATCHED = {
    "match_nn_1to1": {},
    "match_nn_caliper0.2sd": {"caliper": 0.2},
    "match_nn_logit_caliper0.2sd": {"caliper": 0.2, "caliper_scale": "logit"},
    "match_nn_replace_caliper": {"caliper": 0.2, "replace": True},
    "match_nn_exact_race": {"exact": ["race", "married"]},
    "match_nn_order_data": {"caliper": 0.2, "order": "data"},
}
OTHER = ["match_mahalanobis", "match_subclass6", "match_cem", "match_exact"]


@pytest.fixture(scope="module")
def lalonde() -> pd.DataFrame:
    return pd.read_csv(SHARED / "data" / "MatchIt__lalonde_rows.csv")


def result(name: str) -> dict:
    cases = json.loads((SHARED / "cases" / "08_ps_matching.json").read_text())["cases"]
    return next(case["result"] for case in cases if case["id"] == name)


def agrees(balance: Balance, expected: dict, tolerance: float) -> None:
    found = balance.tidy()
    names = [term.replace("[", "_").rstrip("]") for term in found["term"]]
    assert names[-9:] == expected["covariate"][-9:]
    for theirs, ours in COLUMNS.items():
        if theirs in expected:
            wanted = np.array([np.nan if value is None else value for value in expected[theirs]], float)
            np.testing.assert_allclose(found[ours], wanted, rtol=tolerance, atol=tolerance, err_msg=theirs)


@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")
@pytest.mark.parametrize("name", MATCHED)
def test_after_matching(name: str, lalonde: pd.DataFrame) -> None:
    score = fit_logistic(lalonde, outcome="treat", covariates=COVARIATES)
    found = match(lalonde, arm="treat", score=score, convention="matchit-4.5.1", **MATCHED[name])
    agrees(assess_balance(found, covariates=COVARIATES, ks=True), result(name)["balance"], AGREEMENT)


@pytest.mark.parametrize("name", OTHER)
def test_with_the_weights_of_adjustments_made_elsewhere(name: str, lalonde: pd.DataFrame) -> None:
    expected = result(name)
    balance = assess_balance(
        lalonde, arm="treat", weights=np.array(expected["weights"], float), covariates=COVARIATES,
        denominator="target", ks=True,
    )  # fmt: skip
    table = {key: values[-9:] for key, values in expected["balance"].items()}  # without the score
    agrees(balance, table, SAME_WEIGHTS)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC", "ATO"])
def test_after_weighting(estimand: str, lalonde: pd.DataFrame) -> None:
    score = fit_logistic(lalonde, outcome="treat", covariates=COVARIATES)
    found = weigh(lalonde, arm="treat", score=score, estimand=estimand)
    balance = assess_balance(found, covariates=COVARIATES, ks=True, denominator="pooled")
    agrees(balance, result(f"weights_{estimand}")["balance"], AGREEMENT)
