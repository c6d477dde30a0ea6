"""Makes small OMOP databases for tests, in every form in which a database can lie."""

import gzip
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import csv, parquet

Rows = list[dict[str, Any]]
Tables = Mapping[str, Rows | pa.Table]

_INTEGER = pa.int64()
_EMPTY: dict[str, pa.Schema] = {
    "person": pa.schema(
        [
            ("person_id", _INTEGER),
            ("gender_concept_id", _INTEGER),
            ("year_of_birth", _INTEGER),
            ("month_of_birth", _INTEGER),
            ("day_of_birth", _INTEGER),
            ("birth_datetime", pa.timestamp("us")),
            ("race_concept_id", _INTEGER),
            ("ethnicity_concept_id", _INTEGER),
            ("location_id", _INTEGER),
            ("care_site_id", _INTEGER),
        ]
    ),
    "observation_period": pa.schema(
        [
            ("person_id", _INTEGER),
            ("observation_period_start_date", pa.date32()),
            ("observation_period_end_date", pa.date32()),
        ]
    ),
    "death": pa.schema([("person_id", _INTEGER), ("death_date", pa.date32()), ("cause_concept_id", _INTEGER)]),
    "condition_occurrence": pa.schema(
        [
            ("person_id", _INTEGER),
            ("condition_concept_id", _INTEGER),
            ("condition_start_date", pa.date32()),
            ("condition_end_date", pa.date32()),
            ("condition_source_value", pa.string()),
            ("condition_source_concept_id", _INTEGER),
        ]
    ),
    "drug_exposure": pa.schema(
        [
            ("person_id", _INTEGER),
            ("drug_concept_id", _INTEGER),
            ("drug_exposure_start_date", pa.date32()),
            ("drug_exposure_end_date", pa.date32()),
            ("quantity", pa.float64()),
            ("days_supply", _INTEGER),
            ("drug_source_value", pa.string()),
            ("drug_source_concept_id", _INTEGER),
        ]
    ),
    "concept": pa.schema(
        [
            ("concept_id", _INTEGER),
            ("concept_name", pa.string()),
            ("vocabulary_id", pa.string()),
            ("concept_code", pa.string()),
            ("standard_concept", pa.string()),
        ]
    ),
    "concept_ancestor": pa.schema([("ancestor_concept_id", _INTEGER), ("descendant_concept_id", _INTEGER)]),
    "drug_strength": pa.schema(
        [
            ("drug_concept_id", _INTEGER),
            ("ingredient_concept_id", _INTEGER),
            ("amount_value", pa.float64()),
            ("amount_unit_concept_id", _INTEGER),
            ("invalid_reason", pa.string()),
        ]
    ),
    "location": pa.schema([("location_id", _INTEGER), ("state", pa.string())]),
}


def person(
    person_id: int | None, year: int | None = 1950, month: int | None = 6, day: int | None = 15, **more: Any
) -> dict:
    """A row of PERSON: a woman, unless said otherwise."""
    return {
        "person_id": person_id,
        "gender_concept_id": 8532,
        "year_of_birth": year,
        "month_of_birth": month,
        "day_of_birth": day,
    } | more


def period(person_id: int | None, start: date | None, end: date | None) -> dict:
    return {
        "person_id": person_id,
        "observation_period_start_date": start,
        "observation_period_end_date": end,
    }


def condition(person_id: int | None, concept_id: int | None, start: date | None, **more: Any) -> dict:
    return {"person_id": person_id, "condition_concept_id": concept_id, "condition_start_date": start} | more


def drug(person_id: int | None, concept_id: int | None, start: date | None, **more: Any) -> dict:
    return {"person_id": person_id, "drug_concept_id": concept_id, "drug_exposure_start_date": start} | more


def concept(concept_id: int, vocabulary: str, code: str, standard: str | None = "S") -> dict:
    return {
        "concept_id": concept_id,
        "concept_name": f"concept {concept_id}",
        "vocabulary_id": vocabulary,
        "concept_code": code,
        "standard_concept": standard,
    }


ONE_PERSON: Tables = {
    "person": [person(1)],
    "observation_period": [period(1, date(2000, 1, 1), date(2020, 12, 31))],
}


def arrow(tables: Tables) -> dict[str, pa.Table]:
    """The tables as Arrow; rows are filled up with missing columns."""
    return {
        name: rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, _EMPTY[name])
        for name, rows in tables.items()
    }


def write_parquet(folder: Path, tables: Tables) -> Path:
    for name, table in arrow(tables).items():
        parquet.write_table(table, folder / f"{name}.parquet")
    return folder


def write_csv(folder: Path, tables: Tables, zipped: bool = False, upper: bool = False, delimiter: str = ",") -> Path:
    for name, table in arrow(tables).items():
        columns = [column.upper() if upper else column for column in table.column_names]
        name = name.upper() if upper else name
        suffix = ("tsv" if delimiter == "\t" else "csv") + (".gz" if zipped else "")
        path = folder / f"{name}.{suffix}"
        with gzip.open(path, "wb") if zipped else path.open("wb") as out:
            csv.write_csv(table.rename_columns(columns), out, csv.WriteOptions(delimiter=delimiter))
    return folder


def write_duckdb(path: Path, tables: Tables, schema: str = "main") -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        for name, table in arrow(tables).items():
            connection.register("incoming", table)
            connection.execute(f'CREATE TABLE "{schema}"."{name}" AS FROM incoming')
            connection.unregister("incoming")
    return path
