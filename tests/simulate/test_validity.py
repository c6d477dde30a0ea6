"""The simulated tables are a valid OMOP CDM 5.4: columns and types, keys, references, dates in order."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from equipoise.simulate.tables import SCHEMAS
from tests.simulate.conftest import PERSONS
from tests.simulate.plain_case_control import query

FIELDS = Path(__file__).parents[3] / "shared" / "data" / "omop-cdm-5.4" / "OMOP_CDMv5.4_Field_Level.csv"
PARQUET_TYPES = {"integer": "int64", "float": "double", "date": "date32[day]", "datetime": "timestamp[us]"}

# One question a row, each answered by a number of rows that must be 0.
WRONG = {
    "a person without an observation period": """
        select 1 from '@person.parquet' anti join '@observation_period.parquet' using (person_id)""",
    "observation ends before it starts": """
        select 1 from '@observation_period.parquet'
        where observation_period_end_date < observation_period_start_date""",
    "observed before the age of 17": """
        select 1 from '@person.parquet' join '@observation_period.parquet' using (person_id)
        where observation_period_start_date - interval 17 year
        < make_date(year_of_birth, month_of_birth, day_of_birth)""",
    "observed outside 2005-2023": """
        select 1 from '@observation_period.parquet'
        where observation_period_start_date < '2005-01-01' or observation_period_end_date > '2023-12-31'""",
    "death is not the last day of observation": """
        select 1 from '@death.parquet' join '@observation_period.parquet' using (person_id)
        where death_date <> observation_period_end_date""",
    "a dispensing outside observation, or ending outside it": """
        select 1 from '@drug_exposure.parquet' join '@observation_period.parquet' using (person_id)
        where drug_exposure_start_date < observation_period_start_date
        or drug_exposure_end_date > observation_period_end_date or drug_exposure_end_date < drug_exposure_start_date""",
    "a dispensing before recording began": """
        select 1 from '@drug_exposure.parquet' where drug_exposure_start_date < '2005-07-01'""",
    "the same drug twice on one day": """
        select 1 from '@drug_exposure.parquet' group by person_id, drug_concept_id, drug_exposure_start_date
        having count(*) > 1""",
    "a diagnosis outside observation": """
        select 1 from '@condition_occurrence.parquet' join '@observation_period.parquet' using (person_id)
        where condition_start_date not between observation_period_start_date and observation_period_end_date""",
    "the same diagnosis twice on one day": """
        select 1 from '@condition_occurrence.parquet' group by person_id, condition_concept_id, condition_start_date
        having count(*) > 1""",
    "a diagnosis on another day than its visit": """
        select 1 from '@condition_occurrence.parquet' c join '@visit_occurrence.parquet' v using (visit_occurrence_id)
        where c.person_id <> v.person_id or condition_start_date not between visit_start_date and visit_end_date""",
    "a source value that is not the code of its source concept": """
        select 1 from '@drug_exposure.parquet' join '@concept.parquet' on concept_id = drug_source_concept_id
        where concept_code <> drug_source_value or vocabulary_id <> 'ATC'""",
    "a dispensed product that does not descend from its ATC code": """
        select 1 from '@drug_exposure.parquet' anti join '@concept_ancestor.parquet'
        on ancestor_concept_id = drug_source_concept_id and descendant_concept_id = drug_concept_id""",
    "a dispensed product without a strength": """
        select 1 from '@drug_exposure.parquet' anti join '@drug_strength.parquet' using (drug_concept_id)""",
}


def cdm_fields() -> dict[str, dict[str, dict[str, str]]]:
    """Rows of the CDM's own field-level definitions, by table and field, names in lower case."""
    if not FIELDS.exists():
        pytest.skip(f"the field-level definitions of OMOP CDM 5.4 are not at {FIELDS}")
    found: dict[str, dict[str, dict[str, str]]] = {}
    with FIELDS.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["cdmTableName"].lower(), {})[row["cdmFieldName"].lower()] = row
    return found


@pytest.mark.parametrize("table", SCHEMAS)
def test_columns_and_types_are_those_of_the_cdm(database: Path, table: str) -> None:
    fields = cdm_fields()[table]
    written = pq.read_schema(database / f"{table}.parquet")
    assert written.names == list(fields)
    for name, row in fields.items():
        kind = row["cdmDatatype"].lower().strip()
        assert str(written.field(name).type) == PARQUET_TYPES.get(kind, "string"), name


@pytest.mark.parametrize("table", SCHEMAS)
def test_required_columns_are_filled_and_keys_are_unique(database: Path, table: str) -> None:
    values = pq.read_table(database / f"{table}.parquet")
    assert len(values) > 0
    for name, row in cdm_fields()[table].items():
        if row["isRequired"] == "Yes":
            assert values.column(name).null_count == 0, name
        if row["isPrimaryKey"] == "Yes":
            assert len(values.column(name).unique()) == len(values), name


@pytest.mark.parametrize("table", SCHEMAS)
def test_references_lead_to_rows_that_exist(database: Path, table: str) -> None:
    for name, row in cdm_fields()[table].items():
        target, key = row["fkTableName"].lower(), row["fkFieldName"].lower()
        if row["isForeignKey"] != "Yes":
            continue
        values = pq.read_table(database / f"{table}.parquet", columns=[name]).column(0)
        if target not in SCHEMAS:
            assert values.null_count == len(values), f"{name} refers to {target}, which is not written"
            continue
        known = set(pq.read_table(database / f"{target}.parquet", columns=[key]).column(0).to_pylist())
        assert set(values.unique().to_pylist()) - {None} <= known, name


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_is_wrong_with_the_records(database: Path, wrong: str) -> None:
    assert int(query(database, f"select count(*) as n from ({WRONG[wrong]})")["n"][0]) == 0


def test_each_person_is_there_once_with_one_observation_period(database: Path) -> None:
    for table in ("person", "observation_period"):
        found = query(database, f"select count(*) as n, count(distinct person_id) as k from '@{table}.parquet'")
        assert (int(found["n"][0]), int(found["k"][0])) == (PERSONS, PERSONS)


def test_birthdays_are_days_of_the_calendar(database: Path) -> None:
    born = query(database, "select make_date(year_of_birth, month_of_birth, day_of_birth) as d from '@person.parquet'")
    assert len(born["d"]) == PERSONS
