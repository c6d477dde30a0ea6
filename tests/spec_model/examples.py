"""Study files as plain values, to be damaged by tests."""

import tomllib
from copy import deepcopy
from typing import Any

FULL = """
spec_version = 1
id = "full"
title = "Every part a study can have"
seed = 7

[question]
text = "Does the drug cause the outcome?"
population = "Adults"
exposure = "Any dispensing"
comparator = "No dispensing"
outcome = "First outcome"
background = "Some reports say so."

[data_needs]
drug_recording_from = 2005-07-01
note = "Complete from July 2005."

[concept_sets.outcome]
domain = "condition"
label = "The outcome"
include = [{ vocabulary = "ICD10", code_prefix = "G12.2" }, { concept_id = 373182, descendants = true }]
exclude = [{ vocabulary = "ICD10", code = "G12.1" }]

[concept_sets.drug]
domain = "drug"
include = [{ vocabulary = "ATC", code = "N06A", descendants = true }]

[concept_sets.other_drug]
domain = "drug"
include = [{ code_prefix = "N05" }]

[concept_sets.history]
domain = "condition"
include = [{ concept_id = 4027663 }]

[concept_sets.dead]
domain = "death"

[cohorts.cases]
label = "First outcome"
entry = { concept_set = "outcome", occurrence = "first" }
age = { min = 18, max = 90 }
sex = ["female", "male"]
calendar = { from = 2010-01-01, to = 2020-12-31 }
prior_observation_days = 365
exclude_prior = [{ concept_set = "history", days = 365 }]
rules = [{ name = "no other drug", concept_set = "other_drug", window = { days_before = [0, 365] }, at_most = 0 }]
exit = { kind = "fixed_time", days = 3650 }

[cohorts.users]
entry = { concept_set = "drug", occurrence = "every" }
washout_days = 365
exit = { kind = "event", concept_set = "dead" }

[exposures.drug]
label = "The drug"
concept_sets = ["drug"]
min_dispensings = 2

[exposures.any]
concept_sets = ["drug", "other_drug"]

[windows]
recent = { years_before = [0, 1] }
past = { years_before = [1, 5] }
remote = { years_before = [5, inf] }

[[covariates]]
name = "age"
kind = "age"
groups_from = [40, 60]
reference = "40-59"

[[covariates]]
name = "area"
kind = "region"

[[covariates]]
name = "history"
kind = "event"
concept_set = "history"
window = { years_before = [1, inf] }
at_least = 2

[[covariates]]
name = "visits"
kind = "count"
concept_set = "history"
window = { days_before = [365, 730] }

[[analyses]]
id = "main"
label = "Main analysis"
adjust_for = ["area", "history", "visits"]
interactions = [["area", "history"]]
ties = "efron"
interval = "profile"
conf_level = 0.9

[analyses.design]
kind = "nested_case_control"
cases = "cases"
controls_per_case = 10
match_exact = ["sex"]
birth_year_caliper = 1
time_in_cohort_caliper_days = 90
free_of = ["dead"]
exposures = ["drug", "any"]
windows = ["recent", "past", "remote"]
readings = ["any_use"]
any_use_reference = "never_before_index"
run_in_days = 730
unobservable = "keep"

[[sensitivity]]
id = "without-recent"
base = "main"
why = "Early symptoms"
change = { adjust_for = [], interactions = [], design = { windows = ["past", "remote"], birth_year_caliper = "none" } }
"""


def full() -> dict[str, Any]:
    """The plain values of a study with every part."""
    return tomllib.loads(FULL)


MINIMAL: dict[str, Any] = {
    "spec_version": 1,
    "id": "small",
    "title": "A small study",
    "question": {"text": "Does it?"},
    "concept_sets": {
        "outcome": {"domain": "condition", "include": [{"concept_id": 1}]},
        "drug": {"domain": "drug", "include": [{"concept_id": 2}]},
    },
    "cohorts": {"cases": {"entry": {"concept_set": "outcome"}}},
    "exposures": {"drug": {"concept_sets": ["drug"]}},
    "windows": {"recent": {"days_before": [0, 90]}},
    "analyses": [
        {
            "id": "main",
            "design": {
                "kind": "nested_case_control",
                "cases": "cases",
                "exposures": ["drug"],
                "windows": ["recent"],
            },
        }
    ],
}


def minimal() -> dict[str, Any]:
    """The plain values of the smallest study."""
    return deepcopy(MINIMAL)


def changed(raw: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`raw` with the value at a dotted path replaced (list positions as numbers); `...` removes it."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    node: Any = raw
    for part in way:
        node = node[part] if isinstance(part, int) else node.setdefault(part, {})
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return raw
