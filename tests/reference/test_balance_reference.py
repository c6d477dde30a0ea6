"""`assess_balance` against cobalt's balance tables for every adjustment of lalonde."""

import numpy as np
import pandas as pd
import pytest

from equipoise import assess_balance, fit_logistic, match, weigh
from equipoise.diagnostics.balance_assessment import Balance
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data, with_public_cases

pytestmark = with_public_cases

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
WORDS = {"smd": "standardized differences", "vr_": "variance ratios", "ks_": "Kolmogorov-Smirnov distances"}
MATCHED = {
    "match_nn_1to1": {},
    "match_nn_caliper0.2sd": {"caliper": 0.2},
    "match_nn_logit_caliper0.2sd": {"caliper": 0.2, "caliper_scale": "logit"},
    "match_nn_replace_caliper": {"caliper": 0.2, "replace": True},
    "match_nn_exact_race": {"exact": ["race", "married"]},
    "match_nn_order_data": {"caliper": 0.2, "order": "data"},
}
OTHER = ["match_subclass6", "match_cem", "match_exact"]


@pytest.fixture(scope="module")
def lalonde() -> pd.DataFrame:
    return data("MatchIt__lalonde_rows")


def agrees(name: str, balance: Balance, expected: dict, tolerance: float) -> None:
    found = balance.tidy()
    names = [term.replace("[", "_").rstrip("]") for term in found["term"]]
    assert names[-9:] == expected["covariate"][-9:]
    for theirs, ours in COLUMNS.items():
        if theirs in expected:
            wanted = np.array([np.nan if value is None else value for value in expected[theirs]], float)
            agree(name, WORDS[theirs[:3]], found[ours].to_numpy(), wanted, relative=tolerance, absolute=tolerance)


@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")
@pytest.mark.parametrize("name", MATCHED)
def test_after_matching(name: str, lalonde: pd.DataFrame) -> None:
    score = fit_logistic(lalonde, outcome="treat", covariates=COVARIATES)
    found = match(lalonde, arm="treat", score=score, convention="matchit-4.5.1", **MATCHED[name])
    agrees(name, assess_balance(found, covariates=COVARIATES, ks=True), case(name)["result"]["balance"], AGREEMENT)


@pytest.mark.parametrize("name", OTHER)
def test_with_the_weights_of_adjustments_made_elsewhere(name: str, lalonde: pd.DataFrame) -> None:
    expected = case(name)["result"]
    balance = assess_balance(
        lalonde, arm="treat", weights=np.array(expected["weights"], float), covariates=COVARIATES,
        denominator="target", ks=True,
    )  # fmt: skip
    table = {key: values[-9:] for key, values in expected["balance"].items()}  # without the score
    agrees(name, balance, table, SAME_WEIGHTS)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC", "ATO"])
def test_after_weighting(estimand: str, lalonde: pd.DataFrame) -> None:
    score = fit_logistic(lalonde, outcome="treat", covariates=COVARIATES)
    found = weigh(lalonde, arm="treat", score=score, estimand=estimand)
    balance = assess_balance(found, covariates=COVARIATES, ks=True, denominator="pooled")
    agrees(f"weights_{estimand}", balance, case(f"weights_{estimand}")["result"]["balance"], AGREEMENT)
