"""A study with most of what a protocol may hold, and invented results of it."""

import tomllib
from typing import Any

from equipoise.results.results import Results
from equipoise.spec.canonical import canonical, study_hash
from equipoise.spec.read import parse_study
from equipoise.spec.study import Study
from tests.results.invented import invent, invented_tables

STUDY = """
spec_version = 1
id = "nsaid-gi-bleed"
title = "Non-steroidal anti-inflammatory drugs and the risk of gastrointestinal haemorrhage"
seed = 20251

[question]
text = "Is use of celecoxib or diclofenac associated with a first gastrointestinal haemorrhage?"
population = "Adults under observation for at least a year"
exposure = "At least two dispensings of celecoxib, or of diclofenac"
comparator = "Persons without that exposure"
outcome = "First recorded gastrointestinal haemorrhage"

[concept_sets.gi_bleed]
domain = "condition"
label = "gastrointestinal haemorrhage"
include = [{ concept_id = 192671, descendants = true }]
[concept_sets.ulcer]
domain = "condition"
label = "peptic ulcer"
include = [{ code_prefix = "K27", vocabulary = "ICD10" }]
[concept_sets.celecoxib]
domain = "drug"
label = "celecoxib"
include = [{ code_prefix = "M01AH01" }]
[concept_sets.diclofenac]
domain = "drug"
label = "diclofenac"
include = [{ concept_id = 1124300, descendants = true }]
exclude = [{ concept_id = 1124301 }]
[concept_sets.naproxen]
domain = "drug"
label = "naproxen"
include = [{ vocabulary = "ATC", code = "M01AE02", descendants = true }]

[cohorts.gi_bleed]
label = "First gastrointestinal haemorrhage"
entry = { concept_set = "gi_bleed", occurrence = "first" }
age = { min = 40, max = 89 }
calendar = { from = 2008-01-01, to = 2020-12-31 }
prior_observation_days = 365
exclude_prior = [{ concept_set = "ulcer", days = 180 }]

[exposures.celecoxib]
label = "Celecoxib"
concept_sets = ["celecoxib"]
min_dispensings = 2
[exposures.diclofenac]
label = "Diclofenac"
concept_sets = ["diclofenac"]
min_dispensings = 2
[exposures.naproxen]
label = "Naproxen"
concept_sets = ["naproxen"]
min_dispensings = 2

[windows]
"0-1 y" = { days_before = [30, 365] }
"1-5 y" = { years_before = [1, 5] }
">5 y" = { years_before = [5, inf] }

[[covariates]]
name = "ulcer"
label = "Peptic ulcer"
kind = "event"
concept_set = "ulcer"
window = { days_before = [0, 730] }
[[covariates]]
name = "region"
kind = "region"
label = "Region"

[[analyses]]
id = "risk"
label = "Use before gastrointestinal haemorrhage"
adjust_for = ["ulcer", "region"]
[analyses.design]
kind = "nested_case_control"
cases = "gi_bleed"
controls_per_case = 4
match_exact = ["sex"]
birth_year_caliper = 2
exposures = ["celecoxib", "diclofenac", "naproxen"]
windows = ["0-1 y", "1-5 y", ">5 y"]

[[sensitivity]]
id = "no-run-in"
base = "risk"
why = "Does the run-in matter?"
change = { design = { run_in_days = 0 } }
"""

EXPOSURES = ["celecoxib", "diclofenac", "naproxen"]


def example_study(text: str = STUDY) -> Study:
    return parse_study(tomllib.loads(text))


def manifest(study: Study) -> dict[str, Any]:
    return {
        "study": canonical(study),
        "study_hash": study_hash(study),
        "seed": study.seed,
        "source": {
            "kind": "duckdb",
            "name": "Invented register",
            "cdm_version": "5.4",
            "vocabulary_version": None,
            "fingerprint": "ab" * 32,
        },
        "versions": {"equipoise": "0.1.0", "numpy": "2.4.6"},
        "platform": "linux x86_64",
        "steps": [{"name": "people", "kind": "people", "state": "computed"}],
    }


def example_results(n_sets: int = 900, min_cell_count: int = 5, study: Study | None = None) -> Results:
    """Results of the study above for invented persons; naproxen is rare, so that cells are hidden."""
    persons = invent(3, n_sets, n_exposures=3)
    persons.level[:, 2] *= persons.case | (persons.age > 80)
    tables = invented_tables(persons, EXPOSURES)
    return Results.suppressed(tables, manifest(study or example_study()), min_cell_count=min_cell_count)
