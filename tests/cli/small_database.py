"""A small OMOP database in CSV files and a study that asks it."""

import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

FIRST_ID = 2**53 + 1  # identifiers that a float cannot hold
N_PERSONS = 240
OUTCOME, DRUG = 100, 200

STUDY = f"""
spec_version = 1
id = "small"
title = "A small study"
seed = 3
question = {{ text = "Does the drug cause the outcome?" }}
data_needs = {{ drug_recording_from = 2000-01-01 }}

[concept_sets]
outcome = {{ domain = "condition", include = [{{ concept_id = {OUTCOME} }}] }}
drug = {{ domain = "drug", include = [{{ concept_id = {DRUG} }}] }}

[cohorts.cases]
label = "First outcome"
entry = {{ concept_set = "outcome" }}

[exposures.drug]
concept_sets = ["drug"]

[windows]
"one year" = {{ days_before = [0, 365] }}

[[analyses]]
id = "main"

[analyses.design]
kind = "nested_case_control"
cases = "cases"
controls_per_case = 3
birth_year_caliper = 5
exposures = ["drug"]
windows = ["one year"]
readings = ["any_use"]
"""


def write_database(folder: Path) -> Path:
    """The database as a folder of CSV files."""
    draw = random.Random(1)
    ids = range(FIRST_ID, FIRST_ID + N_PERSONS)
    start, end = date(2000, 1, 1), date(2020, 12, 31)
    persons = [(i, 8532 if i % 2 else 8507, draw.randint(1950, 1955), 1, 1, 0, 0) for i in ids]
    periods = [(i, i, start, end, 32817) for i in ids]
    outcomes = [(i, i, OUTCOME, date(2015, 1, 1) + timedelta(days=draw.randint(0, 900)), 32817) for i in ids[::6]]
    conditions = [(number, who, concept, day, kind) for number, (_, who, concept, day, kind) in enumerate(outcomes)]
    drugs = []
    for i in ids:
        share = 0.6 if i % 6 == FIRST_ID % 6 else 0.4
        days = [date(2012, 1, 1) + timedelta(days=30 * k) for k in range(90)] if draw.random() < share else []
        drugs += [(i, DRUG, day, day, 32817) for day in days]
    folder.mkdir(parents=True)
    _table(folder, "person", PERSON, persons)
    _table(folder, "observation_period", PERIOD, periods)
    _table(folder, "condition_occurrence", CONDITION, conditions)
    _table(folder, "drug_exposure", EXPOSURE, ((number, *row) for number, row in enumerate(drugs)))
    _table(folder, "concept", CONCEPT, [(c, f"concept {c}", "S", "v", str(c)) for c in (OUTCOME, DRUG)])
    return folder


PERSON = (
    *("person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth"),
    *("race_concept_id", "ethnicity_concept_id"),
)
PERIOD = (
    *("observation_period_id", "person_id", "observation_period_start_date", "observation_period_end_date"),
    "period_type_concept_id",
)
CONDITION = (
    *("condition_occurrence_id", "person_id", "condition_concept_id", "condition_start_date"),
    "condition_type_concept_id",
)
EXPOSURE = (
    *("drug_exposure_id", "person_id", "drug_concept_id", "drug_exposure_start_date", "drug_exposure_end_date"),
    "drug_type_concept_id",
)
CONCEPT = ("concept_id", "concept_name", "standard_concept", "vocabulary_id", "concept_code")


def _table(folder: Path, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
