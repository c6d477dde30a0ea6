"""What is wrong with a follow-up design is said once, where it is, with what is allowed."""

import tomllib
from typing import Any

import pytest

from equipoise.errors import SpecError
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed

STUDY = """
spec_version = 1
id = "follow-up"
title = "Every element of a follow-up design"
question = { text = "Does it?" }

[concept_sets]
disease = { domain = "condition", include = [{ concept_id = 1 }] }
drug = { domain = "drug", include = [{ concept_id = 2 }] }
other = { domain = "drug", include = [{ concept_id = 3 }] }
bleed = { domain = "condition", include = [{ concept_id = 4 }] }

[cohorts]
patients = { entry = { concept_set = "disease" } }

[exposures]
drug = { concept_sets = ["drug"] }
other = { concept_sets = ["other"] }

[windows]
year = { days_before = [0, 365] }
ever = { days_before = [0, inf] }

[[covariates]]
name = "age"
kind = "age"

[[analyses]]
id = "main"
adjust_for = ["age"]

[analyses.design]
kind = "follow_up"
population = "patients"
window = "year"
new_users = { washout_days = 365 }
target = ["drug"]
comparator = "other"
outcome = { any_of = ["bleed", "death"] }
follow_up = { days = 730 }
adjustment = { kind = "regression" }

[[sensitivity]]
id = "as-treated"
base = "main"
why = "Users who stop"
change = { design = { censoring = { at_stop = true } } }
"""
DESIGN = "analyses/0/design"
PLACE = 'analyses["main"].design'
Change = tuple[str, Any]

FAULTS: dict[str, tuple[list[Change], str, str]] = {
    "population that is not defined": (
        [(f"{DESIGN}/population", "patient")], f"{PLACE}.population", "unknown cohort 'patient'",
    ),
    "target that is not defined": ([(f"{DESIGN}/target", ["drag"])], f"{PLACE}.target[0]", "unknown exposure 'drag'"),
    "comparator that is not defined": (
        [(f"{DESIGN}/comparator", "others")], f"{PLACE}.comparator", "unknown exposure 'others'",
    ),
    "outcome that is not defined": (
        [(f"{DESIGN}/outcome", {"any_of": ["bled"]})], f"{PLACE}.outcome.any_of[0]", "unknown concept set 'bled'",
    ),
    "target and comparator the same": ([(f"{DESIGN}/comparator", "drug")], PLACE, "comparator 'drug' is a target too"),
    "arms with a drug in common": (
        [("exposures/other/concept_sets", ["other", "drug"])],
        f"{PLACE}.target[0]",
        "'drug' and the comparator 'other' both hold 'drug'",
    ),
    "entry without a window": ([(f"{DESIGN}/window", ...)], PLACE, 'time_zero = "entry" without window'),
    "first use with a window": (
        [(f"{DESIGN}/time_zero", "first_use")], PLACE, 'time_zero = "first_use" with window',
    ),
    "first use against no use": (
        [(f"{DESIGN}/time_zero", "first_use"), (f"{DESIGN}/window", ...), (f"{DESIGN}/comparator", "none")],
        PLACE,
        'time_zero = "first_use" with comparator = "none"',
    ),
    "first use that needs later dispensings": (
        [
            (f"{DESIGN}/time_zero", "first_use"),
            (f"{DESIGN}/window", ...),
            ("exposures/drug/min_dispensings", 2),
        ],
        "exposures.drug.min_dispensings",
        "2 dispensings make a user, whom the first one puts into an arm",
    ),
    "washout before a window without a beginning": (
        [(f"{DESIGN}/window", "ever")],
        f"{PLACE}.window",
        "'ever' has no beginning, and new users have none of the drugs before it begins",
    ),
    "lag as long as the window": (
        [(f"{DESIGN}/lag_days", 365)], f"{PLACE}.lag_days", "a lag of 365 days leaves nothing of window 'year'",
    ),
    "event that competes with itself": (
        [(f"{DESIGN}/outcome", {"any_of": ["bleed"], "competing": ["bleed"]})],
        f"{PLACE}.outcome",
        "'bleed' both in any_of and in competing",
    ),
    "survival with competing events": (
        [(f"{DESIGN}/outcome", {"any_of": ["bleed"], "competing": ["death"]})],
        PLACE,
        "survival with competing events",
    ),
    "cumulative incidence without competing events": (
        [(f"{DESIGN}/estimator", {"kinds": ["cumulative_incidence"]})],
        PLACE,
        "cumulative_incidence without competing events",
    ),
    "follow-up that ends before it starts": (
        [(f"{DESIGN}/follow_up", {"days": 30, "starts_day": 30})],
        f"{PLACE}.follow_up",
        "days = 30 with starts_day = 30",
    ),
    "an anchor of another tool": (
        [(f"{DESIGN}/follow_up", {"days": 30, "start_anchor": "cohort end"})],
        f"{PLACE}.follow_up.start_anchor",
        "'cohort end'",
    ),
    "an end anchor without days": (
        [(f"{DESIGN}/follow_up", {"end_anchor": "end_of_exposure"})],
        f"{PLACE}.follow_up",
        "end_anchor = 'end_of_exposure' without days",
    ),
    "an end that nobody lives to see begin": (
        [(f"{DESIGN}/follow_up", {
            "start_anchor": "end_of_exposure", "starts_day": 30, "end_anchor": "time_zero", "days": 30,
        })],
        f"{PLACE}.follow_up",
        "days = 30 from time zero with starts_day = 30 after the end of exposure",
    ),
    "thresholds of target trials without one": (
        [("gate", {"target_trials": {"balance": 0.2}})],
        "gate.target_trials",
        "thresholds in a study without a target trial",
    ),
    "delayed entry of time that begins after use": (
        [(f"{DESIGN}/follow_up", {"start_anchor": "end_of_exposure", "delayed_entry": "disease"})],
        f"{PLACE}.follow_up",
        "delayed_entry with start_anchor = 'end_of_exposure'",
    ),
    "the end of use that need not go on at time zero": (
        [(f"{DESIGN}/follow_up", {"days": 30, "start_anchor": "end_of_exposure"})],
        PLACE,
        "window = 'year' with time at risk from or to the end of exposure",
    ),
    "risks without a day in common": (
        [
            (f"{DESIGN}/follow_up", {"days": 30, "end_anchor": "end_of_exposure"}),
            (f"{DESIGN}/window", None),
            (f"{DESIGN}/time_zero", "first_use"),
        ],
        f"{PLACE}.estimator.time_points_days",
        "no time points for survival, and follow-up without an end",
    ),
    "delayed entry by an unknown set": (
        [(f"{DESIGN}/follow_up", {"days": 730, "delayed_entry": "registered"})],
        f"{PLACE}.follow_up.delayed_entry",
        "unknown concept set 'registered'",
    ),
    "delayed entry by the outcome": (
        [
            (f"{DESIGN}/outcome", {"any_of": ["bleed"]}),
            (f"{DESIGN}/follow_up", {"days": 730, "delayed_entry": "bleed"}),
        ],
        f"{PLACE}.follow_up.delayed_entry",
        "'bleed' is an event that ends follow-up too",
    ),
    "delayed entry with matching": (
        [(f"{DESIGN}/adjustment", {"kind": "match"}), (f"{DESIGN}/follow_up", {"days": 730, "delayed_entry": "drug"})],
        f"{PLACE}.follow_up.delayed_entry",
        "delayed entry with adjustment of kind 'match'",
    ),
    "delayed entry with an odds ratio": (
        [
            (f"{DESIGN}/estimator", {"kinds": ["logistic"]}),
            (f"{DESIGN}/follow_up", {"days": 730, "delayed_entry": "drug"}),
        ],
        f"{PLACE}.follow_up.delayed_entry",
        "delayed entry with logistic",
    ),
    "covariate of time zero with a window that ends before": (
        [("covariates/0", {"name": "site", "kind": "event", "concept_set": "bleed",
                           "window": {"days_before": [1, 9], "time_zero": True}}), ("analyses/0/adjust_for", ["site"])],
        'covariates["site"].window',
        "time_zero = true with a window that ends 1 before",
    ),
    "time point beyond follow-up": (
        [(f"{DESIGN}/estimator", {"time_points_days": [365, 731]})],
        f"{PLACE}.estimator.time_points_days[1]",
        "day 731, outside follow-up",
    ),
    "risk without a time": (
        [(f"{DESIGN}/follow_up", {"days": "none"})],
        f"{PLACE}.estimator.time_points_days",
        "no time points for survival, and follow-up without an end",
    ),
    "covariates without adjustment": (
        [(f"{DESIGN}/adjustment", {"kind": "none"})],
        'analyses["main"].adjust_for',
        "1 covariates with adjustment of kind 'none'",
    ),
    "propensity score without covariates": (
        [(f"{DESIGN}/adjustment", {"kind": "weigh"}), ("analyses/0/adjust_for", [])],
        'analyses["main"].adjust_for',
        "no covariates with adjustment of kind 'weigh'",
    ),
    "stabilised weights for the target arm": (
        [(f"{DESIGN}/adjustment", {"kind": "weigh", "estimand": "ATT", "stabilised": True})],
        f"{PLACE}.adjustment",
        "stabilised weights for ATT",
    ),
    "equipoise upside down": (
        [(f"{DESIGN}/adjustment", {"kind": "match", "trim_equipoise": [0.7, 0.3]})],
        f"{PLACE}.adjustment",
        "[0.7, 0.3]",
    ),
    "one drug under two names": (
        [("concept_sets/other/include", [{"concept_id": 3}, {"concept_id": 2}])],
        f"{PLACE}.target[0]",
        "'drug' and the comparator 'other' hold the same drug, in 'drug' and 'other'",
    ),
    "two rules of trimming": (
        [(f"{DESIGN}/adjustment", {"kind": "weigh", "trim_fraction": 0.05, "trim_bounds": [0.1, 0.9]})],
        f"{PLACE}.adjustment",
        "trim_bounds and trim_fraction",
    ),
    "trimming of half": (
        [(f"{DESIGN}/adjustment", {"kind": "weigh", "trim_fraction": 0.5})],
        f"{PLACE}.adjustment.trim_fraction",
        "0.5",
    ),
    "bounds of the score upside down": (
        [(f"{DESIGN}/adjustment", {"kind": "stratify", "trim_bounds": [0.9, 0.1]})],
        f"{PLACE}.adjustment",
        "[0.9, 0.1]",
    ),
    "preset with a setting of its own": (
        [(f"{DESIGN}/adjustment", {"kind": "match", "preset": "network-tool", "caliper": 0.2})],
        f"{PLACE}.adjustment",
        "caliper = 0.2 with preset 'network-tool'",
    ),
    "unknown preset": (
        [(f"{DESIGN}/adjustment", {"kind": "match", "preset": "tool"})], f"{PLACE}.adjustment.preset", "'tool'",
    ),
    "ongoing use in a window": (
        [(f"{DESIGN}/use", "ongoing")], PLACE, "window = 'year' with use = \"ongoing\"",
    ),
    "ongoing use of new users": (
        [(f"{DESIGN}/use", "ongoing"), (f"{DESIGN}/window", ...)], PLACE, "new_users with use = \"ongoing\"",
    ),
    "ongoing use of many dispensings": (
        [(f"{DESIGN}/use", "ongoing"), (f"{DESIGN}/window", ...), (f"{DESIGN}/new_users", ...),
         ("exposures/drug/min_dispensings", 2), ("sensitivity", [])],
        "exposures.drug.min_dispensings",
        "2 dispensings make a user, and supply on the day of entry does",
    ),
    "common period without a comparator": (
        [(f"{DESIGN}/common_period", True), (f"{DESIGN}/comparator", "none")],
        PLACE,
        "common_period with comparator = \"none\"",
    ),
    "days after a stop nobody makes": (
        [(f"{DESIGN}/censoring", {"after_stop_days": 5}), ("sensitivity", [])],
        f"{PLACE}.censoring",
        "after_stop_days = 5 without at_stop",
    ),
    "score without a scale": ([(f"{DESIGN}/score", {})], f"{PLACE}.score", "neither knowledge nor scored"),
    "score of two scales": (
        [(f"{DESIGN}/score", {"knowledge": "rem_sleep", "scored": [{"concept_set": "drug", "score": 1}]})],
        f"{PLACE}.score",
        "both knowledge and scored",
    ),
    "score of nothing": (
        [(f"{DESIGN}/score", {"scored": [{"concept_set": "drug", "score": 0}]})], f"{PLACE}.score", "no score above 0",
    ),
    "score of drugs twice": (
        [(f"{DESIGN}/score", {"scored": [{"concept_set": "drug", "score": 1}, {"concept_set": "drug", "score": 2}]})],
        f"{PLACE}.score",
        "'drug' more than once",
    ),
    "score of unknown drugs": (
        [(f"{DESIGN}/score", {"scored": [{"concept_set": "drugs", "score": 1}]})],
        f"{PLACE}.score.scored[0].concept_set",
        "unknown concept set 'drugs'",
    ),
    "scores that fall": (
        [(f"{DESIGN}/score", {"knowledge": "rem_sleep", "categories_from": [3, 1]})],
        f"{PLACE}.score",
        "categories_from = [3.0, 1.0]",
    ),
    "setting of another adjustment": (
        [(f"{DESIGN}/adjustment", {"kind": "weigh", "strata": 5})], f"{PLACE}.adjustment.strata", "unknown key",
    ),
    "weights with competing events": (
        [
            (f"{DESIGN}/adjustment", {"kind": "weigh"}),
            (f"{DESIGN}/outcome", {"any_of": ["bleed"], "competing": ["death"]}),
            (f"{DESIGN}/estimator", {"kinds": ["cox"]}),
        ],
        f"{PLACE}.adjustment",
        "competing events with adjustment of kind 'weigh'",
    ),
    "set called death": (
        [("concept_sets/death", {"domain": "condition", "include": [{"concept_id": 5}]})],
        "concept_sets.death",
        "a set of the domain 'condition' is called 'death', the name of death itself in outcomes",
    ),
    "design setting outside design": (
        [("analyses/0/population", "patients")], 'analyses["main"].population', "unknown key",
    ),
    "sensitivity that changes nothing": (
        [("sensitivity/0/change", {"design": {"censoring": {"at_stop": False}}})],
        'sensitivity["as-treated"].change',
        "leaves analysis 'main' as it is",
    ),
    "sensitivity that contradicts": (
        [("sensitivity/0/change", {"design": {"lag_days": 400}})],
        'sensitivity["as-treated"].change.design.lag_days',
        "a lag of 400 days leaves nothing of window 'year'",
    ),
}  # fmt: skip


def raw(*changes: Change) -> dict[str, Any]:
    made = tomllib.loads(STUDY)
    for path, value in changes:
        changed(made, path, value)
    return made


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_once(name: str) -> None:
    changes, where, found = FAULTS[name]
    with pytest.raises(SpecError) as raised:
        parse_study(raw(*changes))
    own = [fault for fault in raised.value.faults if not fault.where.startswith("sensitivity") or "sensi" in where]
    assert [(fault.where, fault.found) for fault in own] == [(where, found)]


def test_the_canonical_form_reads_back_as_the_same_study() -> None:
    study = parse_study(raw())
    assert parse_study(canonical(study)) == study


def test_a_sensitivity_analysis_changes_an_element_key_by_key() -> None:
    change = ("sensitivity/0/change", {"design": {"censoring": {"at_stop": True}, "follow_up": {"starts_day": 30}}})
    design = parse_study(raw((f"{DESIGN}/censoring", {"grace_days": 60}), change)).every_analysis()[1].follow_up
    assert design is not None
    assert (design.censoring.at_stop, design.censoring.grace_days) == (True, 60)
    assert (design.follow_up.starts_day, design.follow_up.days) == (30, 730)


def test_an_adjustment_of_another_kind_replaces_the_old_one() -> None:
    change = ("sensitivity/0/change", {"design": {"adjustment": {"kind": "stratify", "strata": 10}}})
    study = parse_study(raw((f"{DESIGN}/adjustment", {"kind": "match", "ratio": 4}), change))
    design = study.every_analysis()[1].follow_up
    assert design is not None
    assert design.adjustment.model_dump(exclude_defaults=True) == {"kind": "stratify", "strata": 10}
