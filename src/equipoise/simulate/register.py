"""A simulated OMOP CDM 5.4 database with a known truth, as a folder of Parquet files."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from equipoise import __version__
from equipoise.errors import DesignError, Fault, OutputError
from equipoise.simulate.mechanism import TRUTH, Mechanism
from equipoise.simulate.people import NEVER, People, draw_people
from equipoise.simulate.records import G122, Records, draw_diagnoses, draw_dispensings
from equipoise.simulate.tables import SCHEMAS, coded_text, write_table
from equipoise.simulate.vocabulary import (
    CDM_54,
    DISPENSING,
    DRUGS,
    FEMALE,
    ICD10,
    MALE,
    MILLIGRAM,
    OUTPATIENT,
    REGISTRY,
    ancestors,
    atc_id,
    concepts,
    icd10_id,
    ingredient_id,
    product_id,
)

MOST_PERSONS = 10_000_000
MOST_SEED = 2**63 - 1
VALID = {"valid_start_date": date(1970, 1, 1), "valid_end_date": date(2099, 12, 31)}
VOCABULARY_NAMES = {"None": "No vocabulary", "CDM": "OMOP Common Data Model", "Simulated": "Simulated products"}

Values = dict[str, Any]


def write_simulated_database(
    directory: str | Path,
    *,
    persons: int = 60_000,
    seed: int = 7,
    truth: Mechanism = TRUTH,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Simulate `persons` lives and write them as OMOP CDM 5.4 tables, one Parquet file a table.

    The folder is made if need be; files of an earlier simulation in it are replaced. `progress` is told the name of
    each table before it is written. The same arguments give the same bytes (one platform, one version of NumPy and
    PyArrow); time and memory grow linearly, about a second and 60 MB for 60,000 persons.

    Raises `DesignError` for a number of persons or a seed that cannot be used, `OutputError` for a folder that cannot
    be written or holds other files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_simulated_database(folder, persons=100, seed=1)
    ...     len(list(Path(folder).glob("*.parquet")))
    14
    """
    _check_arguments(persons, seed)
    directory = _made(Path(directory))
    people = draw_people(persons, seed, truth)
    tell = progress or (lambda table: None)
    for table, (rows, values) in _small_tables(people, truth).items():
        tell(table)
        write_table(directory, table, rows, values)
    tell("condition_occurrence")
    diagnoses = draw_diagnoses(people, seed, truth)
    write_table(directory, "visit_occurrence", len(diagnoses), _visits(diagnoses))
    write_table(directory, "condition_occurrence", len(diagnoses), _conditions(diagnoses))
    tell("drug_exposure")
    dispensings = draw_dispensings(people, tuple((drug.atc, drug.weight) for drug in DRUGS), seed, truth)
    write_table(directory, "drug_exposure", len(dispensings), _dispensed(dispensings, people, truth))
    # Last, so that its presence says that the database is complete.
    write_table(directory, "cdm_source", 1, _source(persons, seed))


def _check_arguments(persons: int, seed: int) -> None:
    """Raise `DesignError` with every argument that cannot be used."""
    limits = {"persons": (persons, 1, MOST_PERSONS), "seed": (seed, 0, MOST_SEED)}
    faults = [
        Fault(name, repr(value), f"a whole number from {least} to {most}")
        for name, (value, least, most) in limits.items()
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most
    ]
    if faults:
        raise DesignError(faults)


def _made(directory: Path) -> Path:
    """The folder, made if need be, without the table that says that a database in it is complete."""
    own = {f"{table}.{ending}" for table in SCHEMAS for ending in ("parquet", "part")}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        foreign = [path for path in directory.iterdir() if path.name not in own and not path.name.startswith(".")]
        if not foreign:
            (directory / "cdm_source.parquet").unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            Fault(str(directory), error.strerror or "cannot be used", "a folder that can be written to")
        ) from None
    if foreign:
        raise OutputError(
            Fault(str(directory), f"holds other files or folders ({len(foreign)})", "an empty or a new folder")
        )
    return directory


def _small_tables(people: People, truth: Mechanism) -> dict[str, tuple[int, Values]]:
    dead = np.flatnonzero(people.death != NEVER)
    return {
        "concept": _concepts(),
        "vocabulary": _names_of("vocabulary_id", "vocabulary_name", "vocabulary_concept_id"),
        "domain": _names_of("domain_id", "domain_name", "domain_concept_id"),
        "concept_class": _names_of("concept_class_id", "concept_class_name", "concept_class_concept_id"),
        "concept_ancestor": _ancestors(),
        "drug_strength": _strengths(),
        "location": _locations(truth),
        "person": (len(people), _persons(people)),
        "observation_period": (len(people), _observation(people)),
        "death": (len(dead), _deaths(people, dead)),
    }


def _persons(people: People) -> Values:
    born = people.born.astype("datetime64[D]")
    year, month = born.astype("datetime64[Y]"), born.astype("datetime64[M]")
    return {
        "person_id": _ids(len(people)),
        "gender_concept_id": np.where(people.female, FEMALE, MALE),
        "year_of_birth": year.astype(np.int64) + 1970,
        "month_of_birth": (month - year).astype(np.int64) + 1,
        "day_of_birth": (born - month).astype(np.int64) + 1,
        "race_concept_id": 0,
        "ethnicity_concept_id": 0,
        "location_id": people.region,
        "gender_source_value": coded_text(people.female, ["M", "F"]),
        "gender_source_concept_id": 0,
    }


def _observation(people: People) -> Values:
    return {
        "observation_period_id": _ids(len(people)),
        "person_id": _ids(len(people)),
        "observation_period_start_date": people.start,
        "observation_period_end_date": people.end,
        "period_type_concept_id": REGISTRY,
    }


def _deaths(people: People, dead: np.ndarray) -> Values:
    return {"person_id": dead + 1, "death_date": people.death[dead], "death_type_concept_id": REGISTRY}


def _visits(diagnoses: Records) -> Values:
    return {
        "visit_occurrence_id": _ids(len(diagnoses)),
        "person_id": diagnoses.person + 1,
        "visit_concept_id": OUTPATIENT,
        "visit_start_date": diagnoses.day,
        "visit_end_date": diagnoses.day,
        "visit_type_concept_id": REGISTRY,
    }


def _conditions(diagnoses: Records) -> Values:
    return {
        "condition_occurrence_id": _ids(len(diagnoses)),
        "person_id": diagnoses.person + 1,
        "condition_concept_id": np.array([standard for _, _, standard in ICD10])[diagnoses.what],
        "condition_start_date": diagnoses.day,
        "condition_type_concept_id": REGISTRY,
        "visit_occurrence_id": _ids(len(diagnoses)),
        "condition_source_value": coded_text(diagnoses.what, [code for code, _, _ in ICD10]),
        "condition_source_concept_id": np.array([icd10_id(i) for i in range(G122 + 1)])[diagnoses.what],
    }


def _dispensed(dispensings: Records, people: People, truth: Mechanism) -> Values:
    supplies = {drug_class.atc: drug_class.days_supply for drug_class in truth.drug_classes}
    supply = np.array([next(days for atc, days in supplies.items() if drug.atc.startswith(atc)) for drug in DRUGS])
    days = supply[dispensings.what]
    last = np.minimum(dispensings.day + days - 1, people.end[dispensings.person])
    return {
        "drug_exposure_id": _ids(len(dispensings)),
        "person_id": dispensings.person + 1,
        "drug_concept_id": np.array([product_id(i) for i in range(len(DRUGS))])[dispensings.what],
        "drug_exposure_start_date": dispensings.day,
        "drug_exposure_end_date": last.astype(np.int32),
        "drug_type_concept_id": DISPENSING,
        "quantity": days.astype(float),
        "days_supply": days,
        "drug_source_value": coded_text(dispensings.what, [drug.atc for drug in DRUGS]),
        "drug_source_concept_id": np.array([atc_id(drug.atc) for drug in DRUGS])[dispensings.what],
    }


def _concepts() -> tuple[int, Values]:
    rows = concepts()
    return len(rows), {name: [getattr(row, name) for row in rows] for name in rows[0]._fields} | VALID


def _names_of(key: str, name: str, concept: str) -> tuple[int, Values]:
    """The table of what a column of the concept table refers to; its rows have no concepts of their own here."""
    found = sorted({getattr(row, key) for row in concepts()})
    values: Values = {key: found, name: [VOCABULARY_NAMES.get(item, item) for item in found], concept: 0}
    return len(found), values | ({"vocabulary_version": "simulated"} if key == "vocabulary_id" else {})


def _ancestors() -> tuple[int, Values]:
    above, below, levels = (np.array(column) for column in zip(*ancestors(), strict=True))
    values = {"ancestor_concept_id": above, "descendant_concept_id": below}
    return len(above), values | {"min_levels_of_separation": levels, "max_levels_of_separation": levels}


def _strengths() -> tuple[int, Values]:
    every = range(len(DRUGS))
    return len(DRUGS), {
        "drug_concept_id": [product_id(i) for i in every],
        "ingredient_concept_id": [ingredient_id(i) for i in every],
        "amount_value": [float(drug.milligrams) for drug in DRUGS],
        "amount_unit_concept_id": MILLIGRAM,
    } | VALID


def _locations(truth: Mechanism) -> tuple[int, Values]:
    regions = _ids(truth.regions)
    return truth.regions, {
        "location_id": regions,
        "state": [f"R{region}" for region in regions],
        "location_source_value": [f"Region {region}" for region in regions],
    }


def _source(persons: int, seed: int) -> Values:
    truth = "Simulated persons, dispensings and diagnoses with a known truth: no drug affects the outcome"
    return {
        "cdm_source_name": "Equipoise simulated database",
        "cdm_source_abbreviation": "Simulated",
        "cdm_holder": "Equipoise",
        "source_description": f"{truth}. {persons} persons, seed {seed}, Equipoise {__version__}.",
        "source_release_date": date(2024, 1, 1),
        "cdm_release_date": date(2024, 1, 1),
        "cdm_version": "v5.4.0",
        "cdm_version_concept_id": CDM_54,
        "vocabulary_version": "simulated",
    }


def _ids(rows: int) -> np.ndarray:
    return np.arange(1, rows + 1)
