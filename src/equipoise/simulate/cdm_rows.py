"""The OMOP CDM 5.4 tables the nation fills, every column of them, and their rows as Arrow tables.

Source: the field-level definitions of the OHDSI Common Data Model 5.4. Identifiers and other whole numbers are 64-bit.
Text is coded: each word is stored once.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {"": pa.int64(), "n": pa.float64(), "d": pa.date32(), "t": pa.timestamp("us"), "s": TEXT}

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
    "procedure_occurrence": "procedure_occurrence_id person_id procedure_concept_id procedure_date:d "
    "procedure_datetime:t procedure_end_date:d procedure_end_datetime:t procedure_type_concept_id modifier_concept_id "
    "quantity provider_id visit_occurrence_id visit_detail_id procedure_source_value:s procedure_source_concept_id "
    "modifier_source_value:s",
    "measurement": "measurement_id person_id measurement_concept_id measurement_date:d measurement_datetime:t "
    "measurement_time:s measurement_type_concept_id operator_concept_id value_as_number:n value_as_concept_id "
    "unit_concept_id range_low:n range_high:n provider_id visit_occurrence_id visit_detail_id "
    "measurement_source_value:s measurement_source_concept_id unit_source_value:s unit_source_concept_id "
    "value_source_value:s measurement_event_id meas_event_field_concept_id",
    "observation": "observation_id person_id observation_concept_id observation_date:d observation_datetime:t "
    "observation_type_concept_id value_as_number:n value_as_string:s value_as_concept_id qualifier_concept_id "
    "unit_concept_id provider_id visit_occurrence_id visit_detail_id observation_source_value:s "
    "observation_source_concept_id unit_source_value:s qualifier_source_value:s value_source_value:s "
    "observation_event_id obs_event_field_concept_id",
    "fact_relationship": "domain_concept_id_1 fact_id_1 domain_concept_id_2 fact_id_2 relationship_concept_id",
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

SCHEMAS: dict[str, pa.Schema] = {
    table: pa.schema([(name, _TYPES[kind]) for name, _, kind in (column.partition(":") for column in columns.split())])
    for table, columns in _COLUMNS.items()
}


def cdm_rows(table: str, rows: int, values: Mapping[str, Any]) -> pa.Table:
    """`rows` rows of a table. `values` maps columns to arrays, lists, or one value for every row; the rest is null.

    >>> cdm_rows("death", 1, {"person_id": np.array([7]), "death_date": np.array([0], np.int32)}).num_columns
    7
    """
    schema = SCHEMAS[table]
    unknown = set(values) - set(schema.names)
    assert not unknown, f"{table} has no columns {sorted(unknown)}"
    return pa.table([_column(values.get(field.name), field.type, rows) for field in schema], schema=schema)


def coded_text(codes: np.ndarray, words: list[str]) -> pa.Array:
    """Text column that holds `words[code]` in each row. A word is stored once, or the bytes of a file could differ."""
    each = list(dict.fromkeys(words))
    place = np.array([each.index(word) for word in words], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(place[codes.astype(np.intp)]), pa.array(each, pa.string()))


def _column(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if isinstance(value, pa.Array):
        return value
    if isinstance(value, np.ndarray):
        return pa.array(value).cast(kind)
    if isinstance(value, list):
        return pa.array(value, pa.string()).dictionary_encode() if kind == TEXT else pa.array(value, kind)
    if value is None:
        return pa.nulls(rows, kind)
    return coded_text(np.zeros(rows), [value]) if kind == TEXT else pa.repeat(pa.scalar(value, kind), rows)
