"""Faults of covariates that can be missing, of imputation, subgroups, time-varying exposure, profiles and draws."""

from copy import deepcopy
from typing import Any

import pytest

from equipoise.errors import SpecError
from equipoise.spec.canonical import canonical
from equipoise.spec.missing import CompleteCases, MultipleImputation
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed, full
from tests.spec_model.test_follow_up_faults import DESIGN, PLACE, Change, raw

ANALYSIS = 'analyses["main"]'
WINDOW = {"years_before": [0, 5]}
BMI = {"name": "bmi", "kind": "measurement", "concept_set": "weights", "window": WINDOW, "unit": "kg/m2"}
LEVELS = [{"name": "low", "concept_set": "bleed"}, {"name": "high", "concept_set": "disease"}]
SCHOOL = {"name": "school", "kind": "category", "window": WINDOW, "levels": LEVELS}
AGE = {"name": "age", "kind": "age"}
IMPUTE = ("analyses/0/missing", {"method": "multiple_imputation"})
WEIGHTS = ("concept_sets/weights", {"domain": "measurement", "include": [{"concept_id": 9}]})
VARYING: list[Change] = [
    (f"{DESIGN}/timing", "time_varying"),
    (f"{DESIGN}/comparator", "none"),
    (f"{DESIGN}/new_users", "none"),
    (f"{DESIGN}/estimator", {"kinds": ["cox"]}),
    ("sensitivity", []),
]


def also(covariate: dict[str, Any]) -> Change:
    """The study with one more covariate."""
    return "covariates", [AGE, covariate]


SAID_VARYING = ' with timing = "time_varying"'

FAULTS: dict[str, tuple[list[Change], str, str]] = {
    "measurement without a unit": (
        [("covariates", [{key: value for key, value in BMI.items() if key != "unit"}]), WEIGHTS,
         ("analyses/0/adjust_for", [])],
        'covariates["bmi"].unit', "missing",
    ),
    "measurement of diagnoses": (
        [also(BMI | {"concept_set": "bleed"})], 'covariates["bmi"].concept_set',
        "'bleed' is a set of the domain 'condition', which holds no values",
    ),
    "plausible range upside down": (
        [also(BMI | {"plausible": [90, 10]}), WEIGHTS], 'covariates["bmi"]', "[90, 10]",
    ),
    "category of one level": (
        [also(SCHOOL | {"levels": LEVELS[:1]})], 'covariates["school"]', "a single level",
    ),
    "category with a level twice": (
        [also(SCHOOL | {"levels": [LEVELS[0], LEVELS[1] | {"name": "low"}]})],
        'covariates["school"]', "two levels called 'low'",
    ),
    "category with an unknown reference": (
        [also(SCHOOL | {"reference": "none"})], 'covariates["school"]', "reference = 'none'",
    ),
    "category of records that are not defined": (
        [also(SCHOOL | {"levels": [LEVELS[0], {"name": "high", "concept_set": "degree"}]})],
        'covariates["school"].levels["high"].concept_set', "unknown concept set 'degree'",
    ),
    "method that is not offered": (
        [("analyses/0/missing", {"method": "mean"})], f"{ANALYSIS}.missing.method", "'mean'",
    ),
    "one imputation": (
        [("analyses/0/missing", {"method": "multiple_imputation", "imputations": 1})],
        f"{ANALYSIS}.missing.imputations", "1",
    ),
    "imputation of what is never missing": (
        [IMPUTE], f"{ANALYSIS}.missing", "multiple imputation of covariates that are never missing",
    ),
    "imputation of an interaction": (
        [also(SCHOOL), IMPUTE, ("analyses/0/adjust_for", ["age", "school"]),
         ("analyses/0/interactions", [["age", "school"]])],
        f"{ANALYSIS}.interactions[0]", "'age' × 'school' with multiple imputation",
    ),
    "imputation with profile intervals": (
        [also(SCHOOL), IMPUTE, ("analyses/0/adjust_for", ["school"]), ("analyses/0/interval", "profile")],
        f"{ANALYSIS}.interval", "profile intervals with multiple imputation",
    ),
    "imputation with a bootstrap": (
        [also(SCHOOL), IMPUTE, ("analyses/0/adjust_for", ["school"]),
         (f"{DESIGN}/estimator", {"bootstrap": {}})],
        f"{ANALYSIS}.missing", "multiple imputation with a bootstrap",
    ),
    "subgroups by a number": (
        [("analyses/0/subgroups", ["age"])], f"{ANALYSIS}.subgroups[0]", "covariate 'age' is a number",
    ),
    "subgroups twice": (
        [also({"name": "sex", "kind": "sex"}), ("analyses/0/subgroups", ["sex", "sex"])],
        f"{ANALYSIS}.subgroups", "'sex' twice",
    ),
    "bootstrap of matched persons": (
        [(f"{DESIGN}/adjustment", {"kind": "match"}), (f"{DESIGN}/estimator", {"bootstrap": {}})],
        PLACE, "bootstrap with adjustment of kind 'match'",
    ),
    "bootstrap of hazard ratios": (
        [(f"{DESIGN}/estimator", {"kinds": ["cox"], "bootstrap": {}})], PLACE, "bootstrap without survival or rmst",
    ),
    "profile without a hazard ratio": (
        [(f"{DESIGN}/estimator", {"kinds": ["survival"], "likelihood_profile": {}})],
        PLACE, "likelihood_profile without cox",
    ),
    "odds without an end of follow-up": (
        [(f"{DESIGN}/estimator", {"kinds": ["logistic"]}), (f"{DESIGN}/follow_up", {})],
        PLACE, "logistic with follow-up without an end",
    ),
    "odds in strata": (
        [(f"{DESIGN}/estimator", {"kinds": ["logistic"]}), (f"{DESIGN}/adjustment", {"kind": "stratify"})],
        PLACE, "logistic with adjustment of kind 'stratify'",
    ),
    "varying exposure with a comparator": (
        [*VARYING, (f"{DESIGN}/comparator", "other")], PLACE, f"comparator = 'other'{SAID_VARYING}",
    ),
    "varying exposure with a washout": (
        [*VARYING, (f"{DESIGN}/new_users", {})], PLACE, f"new_users{SAID_VARYING}",
    ),
    "varying exposure that stops": (
        [*VARYING, (f"{DESIGN}/censoring", {"at_stop": True})],
        PLACE, f"censoring at_stop or at_switch{SAID_VARYING}",
    ),
    "curves of varying exposure": (
        [*VARYING, (f"{DESIGN}/estimator", {"kinds": ["cox", "survival"]})],
        PLACE, f"estimator.kinds with 'survival'{SAID_VARYING}",
    ),
    "matching on varying exposure": (
        [*VARYING, (f"{DESIGN}/adjustment", {"kind": "match"})], PLACE, f"adjustment of kind 'match'{SAID_VARYING}",
    ),
    "varying exposure with a window that ends early": (
        [*VARYING, ("windows/year/days_before", [30, 365])],
        f"{PLACE}.window", "'year' ends on day -31 and use counts up to every day of follow-up",
    ),
    "imputation with varying exposure": (
        [*VARYING, also(SCHOOL), IMPUTE, ("analyses/0/adjust_for", ["school"])],
        f"{ANALYSIS}.missing", "multiple imputation with an exposure that varies in time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_once(name: str) -> None:
    changes, where, found = FAULTS[name]
    with pytest.raises(SpecError) as raised:
        parse_study(raw(*changes))
    own = [fault for fault in raised.value.faults if not fault.where.startswith("sensitivity")]
    assert [(fault.where, fault.found) for fault in own] == [(where, found)]


def test_complete_cases_are_the_default_and_imputation_has_twenty_data_sets() -> None:
    plain = parse_study(raw()).analyses[0]
    assert plain.missing == CompleteCases(method="complete_case")
    chosen = parse_study(raw(also(SCHOOL), ("analyses/0/adjust_for", ["school"]), IMPUTE))
    assert chosen.analyses[0].missing == MultipleImputation(method="multiple_imputation", imputations=20, iterations=10)
    assert parse_study(canonical(chosen)) == chosen


def test_a_matched_study_may_impute_too() -> None:
    made: dict[str, Any] = deepcopy(full())
    changed(made, "analyses/0/missing", {"method": "multiple_imputation"})
    with pytest.raises(SpecError, match="covariates that are never missing"):
        parse_study(made)


def test_a_sensitivity_analysis_changes_the_method() -> None:
    change = ("sensitivity/0/change", {"missing": {"method": "complete_case"}})
    study = parse_study(raw(also(SCHOOL), ("analyses/0/adjust_for", ["school"]), IMPUTE, change))
    assert study.every_analysis()[1].missing == CompleteCases(method="complete_case")
