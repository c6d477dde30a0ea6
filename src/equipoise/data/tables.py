"""The OMOP CDM tables and columns that Equipoise reads, declared once, as data.

Names are those of CDM 5.4; names that only 5.3 has are in `also`. Columns that are not declared are never read.
Source: the field-level definitions of the OHDSI Common Data Model 5.3 and 5.4.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a declared column becomes: identifiers int64, days int32 since 1970-01-01, numbers float64, text string."""

    IDENTIFIER = "whole number"
    DAY = "date"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column. Without a `required` column its table cannot be used; any other may be missing (NULL)."""

    name: str
    kind: Kind
    required: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CdmTable:
    """One declared table. A `required` table must be there; any other may be empty or absent."""

    name: str
    columns: tuple[Column, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class EventTable:
    """Which columns of a table hold an event of a domain."""

    domain: str
    table: str
    concept: str
    source_concept: str
    source_value: str
    start: str
    end: str | None = None
    days_supply: str | None = None
    quantity: str | None = None
    daily_doses: str | None = None
    value: str | None = None


def _key(name: str) -> Column:
    return Column(name, Kind.IDENTIFIER, required=True)


def _id(name: str, *also: str) -> Column:
    return Column(name, Kind.IDENTIFIER, also=also)


def _day(name: str, required: bool = False) -> Column:
    return Column(name, Kind.DAY, required)


def _number(name: str) -> Column:
    return Column(name, Kind.NUMBER)


def _text(name: str, required: bool = False) -> Column:
    return Column(name, Kind.TEXT, required)


_PERSON = CdmTable(
    "person",
    (
        _key("person_id"),
        _key("gender_concept_id"),
        _key("year_of_birth"),
        _id("month_of_birth"),
        _id("day_of_birth"),
        _day("birth_datetime"),
        _id("race_concept_id"),
        _id("ethnicity_concept_id"),
        _id("location_id"),
        _id("care_site_id"),
    ),
    required=True,
)

_OBSERVATION_PERIOD = CdmTable(
    "observation_period",
    (
        _key("person_id"),
        _day("observation_period_start_date", required=True),
        _day("observation_period_end_date", required=True),
    ),
    required=True,
)

_DEATH = CdmTable(
    "death",
    (
        _key("person_id"),
        _day("death_date", required=True),
        _id("cause_concept_id"),
        _text("cause_source_value"),
        _id("cause_source_concept_id"),
    ),
)

_CONDITION_OCCURRENCE = CdmTable(
    "condition_occurrence",
    (
        _key("person_id"),
        _key("condition_concept_id"),
        _day("condition_start_date", required=True),
        _day("condition_end_date"),
        _id("condition_type_concept_id"),
        _id("condition_status_concept_id"),
        _text("condition_source_value"),
        _id("condition_source_concept_id"),
    ),
)

_DRUG_EXPOSURE = CdmTable(
    "drug_exposure",
    (
        _key("person_id"),
        _key("drug_concept_id"),
        _day("drug_exposure_start_date", required=True),
        _day("drug_exposure_end_date"),
        _id("drug_type_concept_id"),
        _number("quantity"),
        _number("days_supply"),
        _number("defined_daily_doses"),  # not of the CDM: what registers know, or a database adds
        _text("drug_source_value"),
        _id("drug_source_concept_id"),
    ),
)

_PROCEDURE_OCCURRENCE = CdmTable(
    "procedure_occurrence",
    (
        _key("person_id"),
        _key("procedure_concept_id"),
        _day("procedure_date", required=True),
        _day("procedure_end_date"),
        _text("procedure_source_value"),
        _id("procedure_source_concept_id"),
    ),
)

_MEASUREMENT = CdmTable(
    "measurement",
    (
        _key("person_id"),
        _key("measurement_concept_id"),
        _day("measurement_date", required=True),
        _number("value_as_number"),
        _id("value_as_concept_id"),
        _id("unit_concept_id"),
        _text("measurement_source_value"),
        _id("measurement_source_concept_id"),
    ),
)

_OBSERVATION = CdmTable(
    "observation",
    (
        _key("person_id"),
        _key("observation_concept_id"),
        _day("observation_date", required=True),
        _number("value_as_number"),
        _text("value_as_string"),
        _id("value_as_concept_id"),
        _text("observation_source_value"),
        _id("observation_source_concept_id"),
    ),
)

_VISIT_OCCURRENCE = CdmTable(
    "visit_occurrence",
    (
        _key("person_id"),
        _key("visit_concept_id"),
        _day("visit_start_date", required=True),
        _day("visit_end_date"),
        _text("visit_source_value"),
        _id("visit_source_concept_id"),
        _id("admitted_from_concept_id", "admitting_source_concept_id"),
        _id("discharged_to_concept_id", "discharge_to_concept_id"),
    ),
)

_CONCEPT = CdmTable(
    "concept",
    (
        _key("concept_id"),
        _text("concept_name"),
        _text("domain_id"),
        _text("vocabulary_id", required=True),
        _text("concept_class_id"),
        _text("standard_concept"),
        _text("concept_code", required=True),
        _text("invalid_reason"),
    ),
)

_CONCEPT_ANCESTOR = CdmTable("concept_ancestor", (_key("ancestor_concept_id"), _key("descendant_concept_id")))

_CONCEPT_RELATIONSHIP = CdmTable(
    "concept_relationship",
    (_key("concept_id_1"), _key("concept_id_2"), _text("relationship_id", required=True), _text("invalid_reason")),
)

_DRUG_STRENGTH = CdmTable(
    "drug_strength",
    (
        _key("drug_concept_id"),
        _key("ingredient_concept_id"),
        _number("amount_value"),
        _id("amount_unit_concept_id"),
        _text("invalid_reason"),
    ),
)

_LOCATION = CdmTable("location", (_key("location_id"), _text("state")))

_CARE_SITE = CdmTable("care_site", (_key("care_site_id"), _id("location_id")))

_CDM_SOURCE = CdmTable("cdm_source", (_text("cdm_source_name"), _text("cdm_version"), _text("vocabulary_version")))

_FACT_RELATIONSHIP = CdmTable(
    "fact_relationship",
    (
        _key("domain_concept_id_1"),
        _key("fact_id_1"),
        _key("domain_concept_id_2"),
        _key("fact_id_2"),
        _key("relationship_concept_id"),
    ),
)

_DRUG_ERA = CdmTable(
    "drug_era",
    (
        _key("person_id"),
        _key("drug_concept_id"),
        _day("drug_era_start_date", required=True),
        _day("drug_era_end_date", required=True),
    ),
)

TABLES: dict[str, CdmTable] = {
    table.name: table
    for table in (
        _PERSON,
        _OBSERVATION_PERIOD,
        _DEATH,
        _CONDITION_OCCURRENCE,
        _DRUG_EXPOSURE,
        _PROCEDURE_OCCURRENCE,
        _MEASUREMENT,
        _OBSERVATION,
        _VISIT_OCCURRENCE,
        _CONCEPT,
        _CONCEPT_ANCESTOR,
        _CONCEPT_RELATIONSHIP,
        _DRUG_STRENGTH,
        _LOCATION,
        _CARE_SITE,
        _CDM_SOURCE,
        _FACT_RELATIONSHIP,
        _DRUG_ERA,
    )
}

VOCABULARY_TABLES = frozenset({"concept", "concept_ancestor", "concept_relationship", "drug_strength"})

EVENT_TABLES: dict[str, EventTable] = {
    event.domain: event
    for event in (
        EventTable(
            "condition",
            "condition_occurrence",
            "condition_concept_id",
            "condition_source_concept_id",
            "condition_source_value",
            "condition_start_date",
            "condition_end_date",
        ),
        EventTable(
            "drug",
            "drug_exposure",
            "drug_concept_id",
            "drug_source_concept_id",
            "drug_source_value",
            "drug_exposure_start_date",
            "drug_exposure_end_date",
            "days_supply",
            "quantity",
            "defined_daily_doses",
        ),
        EventTable(
            "procedure",
            "procedure_occurrence",
            "procedure_concept_id",
            "procedure_source_concept_id",
            "procedure_source_value",
            "procedure_date",
            "procedure_end_date",
        ),
        EventTable(
            "measurement",
            "measurement",
            "measurement_concept_id",
            "measurement_source_concept_id",
            "measurement_source_value",
            "measurement_date",
            value="value_as_number",
        ),
        EventTable(
            "observation",
            "observation",
            "observation_concept_id",
            "observation_source_concept_id",
            "observation_source_value",
            "observation_date",
            value="value_as_number",
        ),
        EventTable(
            "visit",
            "visit_occurrence",
            "visit_concept_id",
            "visit_source_concept_id",
            "visit_source_value",
            "visit_start_date",
            "visit_end_date",
        ),
        EventTable(
            "death",
            "death",
            "cause_concept_id",
            "cause_source_concept_id",
            "cause_source_value",
            "death_date",
        ),
    )
}
