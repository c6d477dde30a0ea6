"""`match` against MatchIt's and CohortMethod's pairs on public data sets, and exact matching as strata.

MatchIt 4.5.1, which made the references, was built with the integer `abs` (mended in 4.5.4): distances
were cut to whole numbers. `convention="matchit-4.5.1"` does the same and finds its pairs; that `match` by default finds
the nearest is shown in test_matching_stored.py, where MatchIt was given a matrix of distances, and against a search of
every pair in tests/kernels/test_nearest_neighbour.py.
"""

import numpy as np
import pandas as pd
import pytest

from equipoise import MatchingWarning, fit_average_effect, fit_cox, fit_logistic, match, stratify
from equipoise.estimators.glm_fit import GlmFit
from tests.reference.agreement import agree
from tests.reference.public_cases import case, data, with_public_cases

pytestmark = with_public_cases

CALIPER = 1e-7  # R's glm stops at a change of 1e-8 of the deviance: its scores hold to nine digits
EFFECT = 1e-9  # relative: the same sums, in another order
COVARIATES = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
MATCHIT = {
    "match_nn_1to1": {},
    "match_nn_caliper0.2sd": {"caliper": 0.2},
    "match_nn_logit_caliper0.2sd": {"caliper": 0.2, "caliper_scale": "logit"},
    "match_nn_replace_caliper": {"caliper": 0.2, "replace": True},
    "match_nn_exact_race": {"exact": ["race", "married"]},
    "match_nn_order_data": {"caliper": 0.2, "order": "data"},
}
COHORT_METHOD = {
    "cm_match_1to1_stdlogit0.2": {"caliper": 0.2, "caliper_scale": "logit"},
    "cm_match_1to1_std0.2": {"caliper": 0.2},
    "cm_match_ps0.05": {"caliper": 0.05, "caliper_sd": None},
}


CUT_POINTS = {"age": [20, 25, 30, 35, 40, 45], "educ": [8, 12], "re74": [1, 5000, 10000], "re75": [1, 5000, 10000]}


@pytest.fixture(scope="module")
def lalonde() -> pd.DataFrame:
    return data("MatchIt__lalonde_rows")


@pytest.fixture(scope="module")
def score(lalonde: pd.DataFrame) -> GlmFit:
    return fit_logistic(lalonde, outcome="treat", covariates=COVARIATES)


def shares(weights: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Weights that add to one in each arm: MatchIt's controls add to their number instead."""
    out = np.array(weights, float)
    for side in (arm, ~arm):
        out[side] /= out[side].sum()
    return out


@pytest.mark.parametrize("name", MATCHIT)
def test_matchit_pairs_weights_effects(name: str, lalonde: pd.DataFrame, score: GlmFit) -> None:
    expected = case(name)["result"]
    with pytest.warns(MatchingWarning, match="cut to whole numbers"):
        found = match(lalonde, arm="treat", score=score, convention="matchit-4.5.1", **MATCHIT[name])
    wanted = {(pair["t"], pair["c"]) for pair in expected["pairs"] if pair["c"]}
    agree(name, "pairs", sorted((a + 1, b + 1) for a, b in found.pairs.tolist()), sorted(wanted))
    if expected["caliper_abs"] is not None:
        agree(name, "caliper", found.caliper.width, expected["caliper_abs"], relative=CALIPER)
    ours, theirs = shares(found.weights, found.arm), shares(expected["weights"], found.arm)
    agree(name, "weights", ours, theirs, relative=EFFECT)
    effect = fit_average_effect(found, outcome="re78")
    agree(name, "coefficients", effect.coefficients[0], expected["effect"]["att"], relative=EFFECT)
    if not found.replace:  # with replacement R's number is HC3, which passes over the matching
        agree(name, "standard errors", effect.std_errors[0], expected["effect"]["se_cluster_or_HC3"], relative=EFFECT)


@pytest.mark.parametrize("name", ["match_exact", "match_cem"])
def test_exact_and_coarsened_matching_are_strata(name: str, lalonde: pd.DataFrame) -> None:
    expected = case(name)["result"]
    table = lalonde.copy()
    if name == "match_cem":
        for column, points in CUT_POINTS.items():
            table[column] = np.digitize(lalonde[column], points)
    constant = np.full(len(table), 0.5)
    found = stratify(table, arm="treat", score=constant, exact=COVARIATES, strata=1, estimand="ATT")
    agree(name, "weights", shares(found.weights, found.arm), shares(expected["weights"], found.arm), absolute=EFFECT)
    effect = fit_average_effect(found, outcome="re78")
    agree(name, "coefficients", effect.coefficients[0], expected["effect"]["att"], relative=EFFECT)


@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")
@pytest.mark.parametrize("name", MATCHIT)
def test_by_default_partners_are_within_the_caliper(name: str, lalonde: pd.DataFrame, score: GlmFit) -> None:
    found = match(lalonde, arm="treat", score=score, **MATCHIT[name])
    value = found.rows.logit if found.caliper.scale == "logit" else found.rows.score
    assert (np.abs(value[found.pairs[:, 0]] - value[found.pairs[:, 1]]) <= found.caliper.width).all()
    assert (
        len(found.pairs)
        == {
            "match_nn_1to1": 185,
            "match_nn_caliper0.2sd": 113,
            "match_nn_logit_caliper0.2sd": 117,
            "match_nn_replace_caliper": 184,
            "match_nn_exact_race": 116,
            "match_nn_order_data": 111,
        }[name]
    )


@pytest.mark.parametrize("name", COHORT_METHOD)
def test_cohort_method_pairs(name: str) -> None:
    """Closest pair first. 41 persons share their score with another; among these CohortMethod's choice is its heap's,
    ours the lowest row: pairs agree as pairs of scores, and as persons where scores differ."""
    table = data("derived__lalonde_ps_population")
    expected = case(name)["result"]
    found = match(table, arm="treatment", score="propensityScore", order="closest", **COHORT_METHOD[name])
    ids = np.array(expected["rowId"]).reshape(-1, 2)
    assert np.array(expected["treatment"]).reshape(-1, 2).tolist() == [[1, 0]] * expected["n_strata"]
    agree(name, "number of pairs", len(found.pairs), expected["n_strata"])
    value = table["propensityScore"].to_numpy()
    ours, theirs = value[found.pairs], value[ids - 1]
    agree(name, "pairs of scores", sorted(ours.tolist()), sorted(theirs.tolist()))
    shared = table["propensityScore"].duplicated(keep=False).to_numpy()
    alone = {(a + 1, b + 1) for a, b in found.pairs.tolist() if not (shared[a] or shared[b])}
    assert alone == {(a, b) for a, b in ids.tolist() if not (shared[a - 1] or shared[b - 1])}
    assert len(alone) > 60


@pytest.mark.parametrize("order", ["largest", "smallest", "data"])
def test_gibleed_hazard_ratio_by_order(order: str) -> None:
    name = f"gib_cox_psmatched_smaller_arm_{order}"
    expected = case(name)["result"]
    table = gibleed().assign(diclofenac=lambda rows: 1 - rows["target"])
    score = fit_logistic(table, outcome="diclofenac", covariates=case("gib_cox_iptw")["spec"]["ps"])
    with pytest.warns(MatchingWarning, match="cut to whole numbers"):
        found = match(table, arm="diclofenac", score=score, order=order, convention="matchit-4.5.1")
    agree(name, "number of pairs", len(found.pairs), expected["n_pairs"])
    rows = found.frame()
    fit = fit_cox(rows, time="time", event="event", covariates=["target"], cluster="matched_set")
    agree(name, "coefficients", fit.coefficients[0], expected["coef"]["target"], relative=1e-8)
    agree(name, "standard errors", fit.std_errors[0], expected["se"]["target"], relative=1e-6)
    ulcers = rows.groupby("target")["p_peptic_ulcer"].mean().tolist()
    agree(name, "means", ulcers, [expected["peptic_ulcer"][arm] for arm in "01"], relative=1e-12)


def gibleed() -> pd.DataFrame:
    table = data("derived__gibleed_cohort")
    return table[table["time"] > 0]


def test_gibleed_larger_arm_is_warned_of_and_decided_by_order() -> None:
    table = gibleed()
    score = fit_logistic(table, outcome="target", covariates=case("gib_cox_iptw")["spec"]["ps"])
    ratios = {}
    for order in ("largest", "smallest"):
        with pytest.warns(MatchingWarning, match="1,800 persons seek partners among 830"):
            rows = match(table, arm="target", score=score, order=order).frame()
        ratios[order] = np.exp(fit_cox(rows, time="time", event="event", covariates=["target"]).coefficients[0])
    assert ratios["largest"] > 1.9
    assert ratios["smallest"] < 0.7
    calm = match(table, arm="target", score=score, estimand="ATC").frame()
    assert 0.85 < np.exp(fit_cox(calm, time="time", event="event", covariates=["target"]).coefficients[0]) < 1.05
