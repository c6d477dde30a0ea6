"""The OMOP CDM 5.4 tables the simulation fills, every column of them, and how they become Parquet files.

Source: the field-level definitions of the OHDSI Common Data Model 5.4. Identifiers and other whole numbers are 64-bit.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.errors import Fault, OutputError

_TYPES = {"": pa.int64(), "n": pa.float64(), "d": pa.date32(), "t": pa.timestamp("us"), "s": pa.string()}
ROW_GROUP = 1 << 20

# Column names in the order of the CDM; behind a colon n number, d date, t date and time, s text, else a whole number.
_COLUMNS = {
    "person": "person_id gender_concept_id year_of_birth month_of_birth day_of_birth birth_datetime:t race_concept_id "
    "ethnicity_concept_id location_id provider_id care_site_id person_source_value:s gender_source_value:s "
    "gender_source_concept_id race_source_value:s race_source_concept_id ethnicity_source_value:s "
    "ethnicity_source_concept_id",
    "observation_period": "observation_period_id person_id observation_period_start_date:d "
    "observation_period_end_date:d period_type_concept_id",
    "visit_occurrence": "visit_occurrence_id person_id visit_concept_id visit_start_date:d visit_start_datetime:t "
    "visit_end_date:d visit_end_datetime:t visit_type_concept_id provider_id care_site_id visit_source_value:s "
    "visit_source_concept_id admitted_from_concept_id admitted_from_source_value:s discharged_to_concept_id "
    "discharged_to_source_value:s preceding_visit_occurrence_id",
    "condition_occurrence": "condition_occurrence_id person_id condition_concept_id condition_start_date:d "
    "condition_start_datetime:t condition_end_date:d condition_end_datetime:t condition_type_concept_id "
    "condition_status_concept_id stop_reason:s provider_id visit_occurrence_id visit_detail_id "
    "condition_source_value:s condition_source_concept_id condition_status_source_value:s",
    "drug_exposure": "drug_exposure_id person_id drug_concept_id drug_exposure_start_date:d "
    "drug_exposure_start_datetime:t drug_exposure_end_date:d drug_exposure_end_datetime:t verbatim_end_date:d "
    "drug_type_concept_id stop_reason:s refills quantity:n days_supply sig:s route_concept_id lot_number:s provider_id "
    "visit_occurrence_id visit_detail_id drug_source_value:s drug_source_concept_id route_source_value:s "
    "dose_unit_source_value:s",
    "death": "person_id death_date:d death_datetime:t death_type_concept_id cause_concept_id cause_source_value:s "
    "cause_source_concept_id",
    "location": "location_id address_1:s address_2:s city:s state:s zip:s county:s location_source_value:s "
    "country_concept_id country_source_value:s latitude:n longitude:n",
    "drug_strength": "drug_concept_id ingredient_concept_id amount_value:n amount_unit_concept_id numerator_value:n "
    "numerator_unit_concept_id denominator_value:n denominator_unit_concept_id box_size valid_start_date:d "
    "valid_end_date:d invalid_reason:s",
    "concept": "concept_id concept_name:s domain_id:s vocabulary_id:s concept_class_id:s standard_concept:s "
    "concept_code:s valid_start_date:d valid_end_date:d invalid_reason:s",
    "concept_ancestor": "ancestor_concept_id descendant_concept_id min_levels_of_separation max_levels_of_separation",
    "vocabulary": "vocabulary_id:s vocabulary_name:s vocabulary_reference:s vocabulary_version:s vocabulary_concept_id",
    "domain": "domain_id:s domain_name:s domain_concept_id",
    "concept_class": "concept_class_id:s concept_class_name:s concept_class_concept_id",
    "cdm_source": "cdm_source_name:s cdm_source_abbreviation:s cdm_holder:s source_description:s "
    "source_documentation_reference:s cdm_etl_reference:s source_release_date:d cdm_release_date:d cdm_version:s "
    "cdm_version_concept_id vocabulary_version:s",
}

SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    table: {name: _TYPES[kind] for name, _, kind in (column.partition(":") for column in columns.split())}
    for table, columns in _COLUMNS.items()
}


def write_table(directory: Path, table: str, rows: int, values: Mapping[str, Any]) -> None:
    """Write one table as `<table>.parquet`, whole or not at all.

    `values` maps column names to arrays of length `rows` or to one value for every row; columns it does not name are
    null. The same values give the same bytes. Raises `OutputError` where the file cannot be written.
    """
    schema = SCHEMAS[table]
    unknown = set(values) - set(schema)
    assert not unknown, f"{table} has no columns {sorted(unknown)}"
    columns = {name: _column(values.get(name), kind, rows) for name, kind in schema.items()}
    path = directory / f"{table}.parquet"
    part = path.with_suffix(".part")
    try:
        pq.write_table(
            pa.table(columns), part, row_group_size=ROW_GROUP, compression="zstd", version="2.6", store_schema=False
        )
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise OutputError(
            Fault(str(path), error.strerror or "cannot be written", remedy="choose a folder that can be written to")
        ) from None


def coded_text(codes: np.ndarray, words: list[str]) -> pa.Array:
    """Text column that holds `words[code]` in each row, stored once a word."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words))


def _column(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if isinstance(value, pa.Array):
        return value
    if isinstance(value, np.ndarray):
        return pa.array(value).cast(kind)
    if isinstance(value, list):
        return pa.array(value, kind)
    return pa.nulls(rows, kind) if value is None else pa.repeat(pa.scalar(value, kind), rows)
