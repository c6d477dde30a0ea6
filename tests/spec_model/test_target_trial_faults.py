"""What is wrong with a target trial is said once, where it is, with what is allowed."""

import tomllib
from copy import deepcopy
from typing import Any

import pytest

from equipoise.errors import SpecError
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed

STUDY = """
spec_version = 1
id = "trial"
title = "Every element of a target trial"
question = { text = "Does it?" }

[concept_sets]
disease = { domain = "condition", include = [{ concept_id = 1 }] }
drug = { domain = "drug", include = [{ concept_id = 2 }] }
other = { domain = "drug", include = [{ concept_id = 3 }] }
bleed = { domain = "condition", include = [{ concept_id = 4 }] }
score = { domain = "measurement", include = [{ concept_id = 5 }] }

[cohorts]
patients = { entry = { concept_set = "disease" } }

[exposures]
drug = { concept_sets = ["drug"] }
other = { concept_sets = ["other"] }

[windows]

[[covariates]]
name = "age"
kind = "age"

[[covariates]]
name = "bled"
kind = "event"
concept_set = "bleed"
window = { days_before = [0, 365] }

[[covariates]]
name = "score"
kind = "measurement"
concept_set = "score"
unit = "points"
window = { days_before = [0, 90] }

[[analyses]]
id = "main"
adjust_for = ["age"]

[analyses.design]
kind = "target_trial"
population = "patients"
eligibility = [{ name = "no bleed", concept_set = "bleed", days = [-365, 0], at_most = 0 }]
follow_up = 12
last_day = 2020-12-31
time_varying = ["bled", "score"]
outcome = { any_of = ["death"], competing = ["bleed"] }

[[analyses.design.strategies]]
name = "none"
start = "none"
within = 3

[[analyses.design.strategies]]
name = "drug"
start = "drug"
within = 3

[[analyses.design.strategies]]
name = "other when bled"
start = "other"
within = 2
when = "bled"

[analyses.design.estimation]
methods = ["clone_censor_weight", "g_formula", "doubly_robust"]
time_points = [6, 12]
bootstrap = 20

[[sensitivity]]
id = "direct"
base = "main"
why = "In a world without bleeding"
change = { design = { competing_effect = "direct", estimation = { methods = ["clone_censor_weight"] } } }
"""
DESIGN = "analyses/0/design"
PLACE = 'analyses["main"].design'
RULE = f'{PLACE}.eligibility["no bleed"]'
WHEN = f'{PLACE}.strategies["other when bled"].when'
Change = tuple[str, Any]
SUSTAINED = [
    {"name": "none", "start": "none", "sustained": True},
    {"name": "drug", "start": "drug", "sustained": True},
]
SEQUENTIAL = [
    (f"{DESIGN}/strategies", SUSTAINED),
    (f"{DESIGN}/treatment", "supply"),
    (f"{DESIGN}/estimation", {"methods": ["sequential_trials"]}),
]
SEQUENTIAL_CHANGE = {"design": {path.removeprefix(f"{DESIGN}/"): value for path, value in SEQUENTIAL}}

FAULTS: dict[str, tuple[list[Change], str, str]] = {
    "population that is not defined": (
        [(f"{DESIGN}/population", "patient")], f"{PLACE}.population", "unknown cohort 'patient'",
    ),
    "strategy that starts what is not defined": (
        [(f"{DESIGN}/strategies/1/start", "drag")], f'{PLACE}.strategies["drug"].start', "unknown exposure 'drag'",
    ),
    "condition that is not defined": (
        [(f"{DESIGN}/strategies/2/when", "bleeds")], WHEN, "unknown covariate 'bleeds'",
    ),
    "covariate over time that is not defined": (
        [(f"{DESIGN}/time_varying", ["bled", "scores"])], f"{PLACE}.time_varying[1]", "unknown covariate 'scores'",
    ),
    "records of eligibility that are not defined": (
        [(f"{DESIGN}/eligibility/0/concept_set", "bleeding")],
        f'{PLACE}.eligibility["no bleed"].concept_set',
        "unknown concept set 'bleeding'",
    ),
    "eligibility that looks into the future": (
        [(f"{DESIGN}/eligibility/0/days", [0, 90])], RULE, "days = [0, 90] looks into the future",
    ),
    "eligibility without a bound": (
        [(f"{DESIGN}/eligibility/0", {"name": "no bleed", "concept_set": "bleed", "days": [-9, 0]})],
        RULE,
        "neither at_least nor at_most",
    ),
    "eligibility that ends before it begins": (
        [(f"{DESIGN}/eligibility/0/days", [-1, -9])], RULE, "days = [-1, -9]",
    ),
    "grace longer than follow-up": (
        [(f"{DESIGN}/follow_up", 2), (f"{DESIGN}/estimation/time_points", [2])],
        PLACE,
        "strategy 'none': within = 3, a grace period longer than follow_up = 2 intervals",
    ),
    "time point beyond follow-up": (
        [(f"{DESIGN}/estimation/time_points", [6, 13])], PLACE, "time point 13 beyond follow_up = 12",
    ),
    "time points that do not rise": (
        [(f"{DESIGN}/estimation/time_points", [12, 6])], f"{PLACE}.estimation", "time_points that do not rise",
    ),
    "strategies that start the same": (
        [(f"{DESIGN}/strategies/2", {"name": "later", "start": "drug", "within": 2})],
        PLACE,
        "strategies 'drug' and 'later' overlap",
    ),
    "nothing asked of those who do not start in time": (
        [(f"{DESIGN}/strategies/1/within", 6)], PLACE, "strategies 'none' and 'drug' overlap",
    ),
    "exposures with a drug in common": (
        [("exposures/other/concept_sets", ["other", "drug"])], f"{PLACE}.strategies", "so that strategies overlap",
    ),
    "two strategies of one name": (
        [(f"{DESIGN}/strategies/1/name", "none")], PLACE, "two strategies named 'none'",
    ),
    "nothing is started": (
        [(f"{DESIGN}/strategies", [{"name": "a", "start": "none"}, {"name": "b", "start": "none"}])],
        PLACE,
        "no strategy starts an exposure",
    ),
    "a condition for nothing": (
        [(f"{DESIGN}/strategies/0/when", "bled")], f'{PLACE}.strategies["none"]', 'start = "none" with when',
    ),
    "a condition that nobody could follow": (
        [(f"{DESIGN}/time_varying", ["score"])], WHEN, "nobody could follow the strategy",
    ),
    "a condition that is a number": (
        [(f"{DESIGN}/strategies/2/when", "score")], WHEN, "covariate 'score' of kind",
    ),
    "what cannot change over time": (
        [(f"{DESIGN}/time_varying", ["bled", "age"]), ("analyses/0/adjust_for", [])],
        f"{PLACE}.time_varying[1]",
        "covariate 'age' of kind 'age'",
    ),
    "a covariate in both lists": (
        [("analyses/0/adjust_for", ["age", "score"])], f"{PLACE}.time_varying[1]", "both in adjust_for and in",
    ),
    "users of several dispensings": (
        [("exposures/drug/min_dispensings", 2)], "exposures.drug.min_dispensings", "2 dispensings make a user",
    ),
    "sustained by initiation": (
        [(f"{DESIGN}/strategies/1/sustained", True)], PLACE, 'sustained = true with treatment = "initiation"',
    ),
    "trials in every interval without their last": (
        [(f"{DESIGN}/time_zero", "every_interval"), (f"{DESIGN}/treatment", "supply")],
        PLACE,
        'time_zero = "every_interval" without last_start',
    ),
    "trials in every interval by initiation": (
        [(f"{DESIGN}/time_zero", "every_interval"), (f"{DESIGN}/last_start", 3)],
        PLACE,
        'treatment = "initiation" with time_zero = "every_interval"',
    ),
    "g-formula with trials in every interval": (
        [(f"{DESIGN}/time_zero", "every_interval"), (f"{DESIGN}/last_start", 3), (f"{DESIGN}/treatment", "supply")],
        PLACE,
        "method 'g_formula' with time_zero = \"every_interval\"",
    ),
    "sequential trials with a grace period": (
        [(f"{DESIGN}/estimation/methods", ["sequential_trials"])], PLACE, "which may start later",
    ),
    "sequential trials whose events come before treatment": (
        [*SEQUENTIAL, (f"{DESIGN}/order", "events_first")], PLACE, "order = \"events_first\" with method 'sequential",
    ),
    "events first in trials of every interval": (
        [(f"{DESIGN}/time_zero", "every_interval"), (f"{DESIGN}/last_start", 3), (f"{DESIGN}/treatment", "supply"),
         (f"{DESIGN}/order", "events_first"), (f"{DESIGN}/estimation/methods", ["clone_censor_weight"])],
        PLACE,
        'order = "events_first" with time_zero = "every_interval"',
    ),
    "a time point at which all strategies are alike": (
        [(f"{DESIGN}/estimation/time_points", [1])], PLACE, "follow_up or a time point of 1 where events come before",
    ),
    "a strategy by a name that tables use": (
        [(f"{DESIGN}/strategies/0/name", "every strategy")], PLACE, "a strategy named 'every strategy'",
    ),
    "an order that does not exist": ([(f"{DESIGN}/order", "death_first")], f"{PLACE}.order", "'death_first'"),
    "sequential trials per protocol of what need not be kept": (
        [*SEQUENTIAL, (f"{DESIGN}/strategies/1/sustained", False)], PLACE, "strategies that are not sustained",
    ),
    "as treated by clones": (
        [(f"{DESIGN}/contrast", "as_treated")], PLACE, "contrast = \"as_treated\" without method 'sequential_trials'",
    ),
    "percentiles the wrong way round": (
        [(f"{DESIGN}/estimation/weights", {"truncate": [99, 1]})],
        f"{PLACE}.estimation.weights",
        "truncate = [99, 1]",
    ),
    "percentiles of nobody in particular": (
        [(f"{DESIGN}/estimation/weights", {"truncate_over": "arms"})],
        f"{PLACE}.estimation.weights.truncate_over",
        "'arms'",
    ),
    "a bootstrap of one": ([(f"{DESIGN}/estimation/bootstrap", 1)], f"{PLACE}.estimation", "bootstrap = 1"),
    "a method twice": (
        [(f"{DESIGN}/estimation/methods", ["g_formula", "g_formula"])], f"{PLACE}.estimation", "a method twice",
    ),
    "subgroups": ([("analyses/0/subgroups", ["bled"])], 'analyses["main"].subgroups', "subgroups with a target trial"),
    "imputation": (
        [("analyses/0/missing", {"method": "multiple_imputation"})],
        'analyses["main"].missing',
        "missing with a target trial",
    ),
    "a gate that asks for negative controls": (
        [("gate", {})],
        "gate.systematic_error",
        "systematic_error = 0.25 with analysis 'main' of kind 'target_trial', through which no negative controls",
    ),
    "a gate on the balance of sequential trials": (
        [*SEQUENTIAL, ("sensitivity", []), ("gate", {"systematic_error": "none"})],
        "gate.target_trials.balance",
        "balance with analysis 'main' of kind 'target_trial' and method 'sequential_trials'",
    ),
    "a gate on the positivity of sequential trials": (
        [*SEQUENTIAL, ("sensitivity", []), ("gate", {"systematic_error": "none"})],
        "gate.target_trials.positivity",
        "adjusts for time zero by regression",
    ),
    "a gate on the balance of a sensitivity analysis": (
        [("sensitivity/0/change", SEQUENTIAL_CHANGE), ("gate", {"systematic_error": "none"})],
        "gate.target_trials.balance",
        "balance with analysis 'direct' of kind 'target_trial' and method 'sequential_trials'",
    ),
    "a threshold of follow-up designs for a trial": (
        [("gate", {"systematic_error": "none", "balance": 0.2})],
        "gate.balance",
        "balance = 0.2 in a study whose analyses are target trials",
    ),
    "a largest weight below one": (
        [("gate", {"systematic_error": "none", "target_trials": {"largest_weight": 0.5}})],
        "gate.target_trials.largest_weight",
        "0.5",
    ),
    "the direct effect by the doubly robust method": (
        [(f"{DESIGN}/competing_effect", "direct")], PLACE, "method 'doubly_robust' with competing_effect = \"direct\"",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_said_once_where_it_is(name: str) -> None:
    changes, where, found = FAULTS[name]
    raw = tomllib.loads(STUDY)
    for path, value in changes:
        raw = changed(raw, path, deepcopy(value))
    with pytest.raises(SpecError) as raised:
        parse_study(raw)
    faults = [fault for fault in raised.value.faults if fault.where == where]
    assert len(faults) == 1, [str(fault) for fault in raised.value.faults]
    assert found in faults[0].found
    assert faults[0].allowed


def test_the_study_is_sound_and_comes_back_from_its_canonical_form() -> None:
    study = parse_study(tomllib.loads(STUDY))
    assert parse_study(canonical(study)) == study
    trial = study.analyses[0].target_trial
    assert trial is not None
    assert trial.exposures == ("drug", "other")
    assert trial.days == 365


def test_sequential_trials_are_sound() -> None:
    raw = tomllib.loads(STUDY)
    for path, value in SEQUENTIAL:
        raw = changed(raw, path, deepcopy(value))
    raw["sensitivity"] = []
    assert parse_study(raw).analyses[0].target_trial is not None
