"""The tables of the nation that hold no persons: vocabulary, drug strengths, locations, and the nation's own label."""

from datetime import date
from typing import Any

import pyarrow as pa

from equipoise import __version__
from equipoise.simulate.cdm_rows import cdm_rows
from equipoise.simulate.cdm_vocabulary import (
    CDM_54,
    MILLIGRAM,
    ancestors,
    concepts,
    ingredient_id,
    product_id,
)
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation_spec import NationSpec

VALID = {"valid_start_date": date(1970, 1, 1), "valid_end_date": date(2099, 12, 31)}
VOCABULARY_NAMES = {"None": "No vocabulary", "CDM": "OMOP Common Data Model", "Simulated": "Simulated concepts"}


def reference_tables(spec: NationSpec) -> dict[str, pa.Table]:
    """Every table without persons but the label."""
    return {
        "concept": _concepts(),
        "vocabulary": _names_of("vocabulary"),
        "domain": _names_of("domain"),
        "concept_class": _names_of("concept_class"),
        "concept_ancestor": _ancestors(),
        "drug_strength": _strengths(),
        "location": _locations(spec.population.regions),
    }


def label(persons: int, seed: int, multiplier: float) -> pa.Table:
    """The table cdm_source, which is written last: its presence says that the database is complete."""
    drawn = f"{persons} persons, seed {seed}, incidence of ALS times {multiplier:g}, Equipoise {__version__}"
    values = {
        "cdm_source_name": "Equipoise synthetic nation",
        "cdm_source_abbreviation": "Synthetic",
        "cdm_holder": "Equipoise",
        "source_description": f"A synthetic nation with a known truth: {drawn}.",
        "source_release_date": date(2024, 1, 1),
        "cdm_release_date": date(2024, 1, 1),
        "cdm_version": "v5.4.0",
        "cdm_version_concept_id": CDM_54,
        "vocabulary_version": "simulated",
    }
    return cdm_rows("cdm_source", 1, values)


def _concepts() -> pa.Table:
    rows = concepts()
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in rows[0]._fields}
    return cdm_rows("concept", len(rows), columns | VALID)


def _names_of(kind: str) -> pa.Table:
    """The table of what a column of the concept table refers to; its rows have no concepts of their own here."""
    found = sorted({getattr(row, f"{kind}_id") for row in concepts()})
    values = {
        f"{kind}_id": found,
        f"{kind}_name": [VOCABULARY_NAMES.get(item, item) for item in found],
        f"{kind}_concept_id": 0,
    }
    return cdm_rows(kind, len(found), values | ({"vocabulary_version": "simulated"} if kind == "vocabulary" else {}))


def _ancestors() -> pa.Table:
    above, below, levels = (list(column) for column in zip(*ancestors(), strict=True))
    values = {"ancestor_concept_id": above, "descendant_concept_id": below}
    levels_between = {"min_levels_of_separation": levels, "max_levels_of_separation": levels}
    return cdm_rows("concept_ancestor", len(above), values | levels_between)


def _strengths() -> pa.Table:
    every = range(len(FORMULARY))
    values = {
        "drug_concept_id": [product_id(i) for i in every],
        "ingredient_concept_id": [ingredient_id(i) for i in every],
        "amount_value": [float(drug.milligrams) for drug in FORMULARY],
        "amount_unit_concept_id": MILLIGRAM,
    }
    return cdm_rows("drug_strength", len(FORMULARY), values | VALID)


def _locations(regions: int) -> pa.Table:
    every = list(range(1, regions + 1))
    values = {
        "location_id": every,
        "state": [f"R{region}" for region in every],
        "location_source_value": [f"Region {region}" for region in every],
    }
    return cdm_rows("location", regions, values)
