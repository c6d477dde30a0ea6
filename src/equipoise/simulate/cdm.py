"""What a source holds of a block as rows of OMOP CDM 5.4 tables: persons, observation, deaths, relatives, events."""

import numpy as np
import pyarrow as pa

from equipoise.simulate.block import NEVER, Records
from equipoise.simulate.care import MEASUREMENTS, PROCEDURES
from equipoise.simulate.cdm_rows import cdm_rows, coded_text
from equipoise.simulate.cdm_vocabulary import (
    ALS_CONCEPT,
    CHILD,
    CONDITIONS,
    DISPENSING,
    FATHER,
    FEMALE,
    FULL_BROTHER,
    FULL_SISTER,
    HALF_BROTHER,
    HALF_SISTER,
    MALE,
    MOTHER,
    OUTPATIENT,
    PERSON_TABLE,
    REGISTRY,
    SPOUSE,
    atc_id,
    icd10_id,
    icd10cm_id,
    measurement_id,
    problem_id,
    procedure_id,
    product_id,
)
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.kinship import parents, siblings, spouses
from equipoise.simulate.life_events import life_events
from equipoise.simulate.problems import PROBLEMS
from equipoise.simulate.views import View

IDS_A_BLOCK = 100_000_000  # identifiers of the rows of a table that each block may use

PRODUCTS = np.array([product_id(i) for i in range(len(FORMULARY))])
ATC_CONCEPTS = np.array([atc_id(drug.atc) for drug in FORMULARY])
ATC_CODES = [drug.atc for drug in FORMULARY]
PACK_DAYS = np.array([drug.pack_days for drug in FORMULARY])
TABLETS = np.array([drug.tablets for drug in FORMULARY])

CODED = [
    *((each.code, each.concept, icd10_id(i)) for i, each in enumerate(CONDITIONS)),
    *((each.code, problem_id(i), icd10cm_id(i)) for i, each in enumerate(PROBLEMS)),
]
"""Code, standard concept and source concept of every diagnosis: those of visits, then those of problem lists."""


def cdm_tables(view: View) -> dict[str, pa.Table]:
    """The rows of every table of persons, in the order of the block's persons.

    Identifiers follow from the block's number and are unique in the nation; `person_id` counts persons from 1.
    """
    return {
        "person": _persons(view),
        "observation_period": _observation_periods(view),
        "death": _deaths(view),
        **_diagnoses(view),
        "drug_exposure": _dispensed(view),
        "procedure_occurrence": _procedures(view),
        "measurement": _measurements(view),
        "observation": life_events(view, _ids),
        "fact_relationship": _relatives(view),
    }


def _ids(view: View, rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.int64) + (view.block.place.block * IDS_A_BLOCK + 1)


def _person_id(view: View, person: np.ndarray) -> np.ndarray:
    return person.astype(np.int64) + view.block.place.first_person


def _persons(view: View) -> pa.Table:
    people, row = view.block.people, view.persons
    born = people.born[row].astype("datetime64[D]")
    year, month = born.astype("datetime64[Y]"), born.astype("datetime64[M]")
    values = {
        "person_id": _person_id(view, row),
        "gender_concept_id": np.where(people.female[row], FEMALE, MALE),
        "year_of_birth": year.astype(np.int64) + 1970,
        "month_of_birth": (month - year).astype(np.int64) + 1,
        "day_of_birth": (born - month).astype(np.int64) + 1,
        "race_concept_id": 0,
        "ethnicity_concept_id": 0,
        "location_id": people.region[row],
        "gender_source_value": coded_text(people.female[row], ["M", "F"]),
        "gender_source_concept_id": 0,
    }
    return cdm_rows("person", len(row), values)


def _observation_periods(view: View) -> pa.Table:
    """One period a person, two around a time that is not observed."""
    away = view.persons[view.gap_start[view.persons] < NEVER]
    first_end = view.end.copy()
    first_end[away] = view.gap_start[away] - 1
    person = np.concatenate([view.persons, away])
    order = np.argsort(person, kind="stable")
    starts = np.concatenate([view.start[view.persons], view.gap_end[away] + 1])
    ends = np.concatenate([first_end[view.persons], view.end[away]])
    values = {
        "observation_period_id": _ids(view, len(person)),
        "person_id": _person_id(view, person[order]),
        "observation_period_start_date": starts[order].astype(np.int32),
        "observation_period_end_date": ends[order].astype(np.int32),
        "period_type_concept_id": REGISTRY,
    }
    return cdm_rows("observation_period", len(person), values)


def _deaths(view: View) -> pa.Table:
    """Recorded deaths; motor neuron disease is the cause where it came before any other."""
    block, dead = view.block, np.flatnonzero(view.death < NEVER)
    diagnosed = np.zeros(len(block.people), bool)
    diagnosed[block.disease.person[block.course.diagnosed]] = True
    of_disease = (diagnosed & (block.death < block.people.dies))[dead]
    code = len(CONDITIONS) - 1
    values = {
        "person_id": _person_id(view, dead),
        "death_date": view.death[dead].astype(np.int32),
        "death_type_concept_id": REGISTRY,
        "cause_concept_id": np.where(of_disease, ALS_CONCEPT, 0),
        "cause_source_value": coded_text(of_disease, ["", CONDITIONS[code].code]),
        "cause_source_concept_id": np.where(of_disease, icd10_id(code), 0),
    }
    return cdm_rows("death", len(dead), values)


def _diagnoses(view: View) -> dict[str, pa.Table]:
    """Diagnoses, and one visit for all diagnoses of a person on a day; entries of problem lists come from no visit."""
    records = view.conditions
    new = np.ones(len(records), bool)
    new[1:] = (records.person[1:] != records.person[:-1]) | (records.day[1:] != records.day[:-1])
    visit_ids = _ids(view, int(new.sum()))
    visits = {
        "visit_occurrence_id": visit_ids,
        "person_id": _person_id(view, records.person[new]),
        "visit_concept_id": OUTPATIENT,
        "visit_start_date": records.day[new],
        "visit_end_date": records.day[new],
        "visit_type_concept_id": REGISTRY,
    }
    return {
        "visit_occurrence": cdm_rows("visit_occurrence", len(visit_ids), visits),
        "condition_occurrence": _conditions(view, visit_ids[np.cumsum(new) - 1]),
    }


def _conditions(view: View, visits: np.ndarray) -> pa.Table:
    """Diagnoses of visits, and entries of problem lists, which come from none."""
    seen, listed = view.conditions, view.problems
    codes, concepts, sources = zip(*(CODED[: len(CONDITIONS)] if view.civil else CODED), strict=True)
    person, day = np.concatenate([seen.person, listed.person]), np.concatenate([seen.day, listed.day])
    what = np.concatenate([seen.what, listed.what + len(CONDITIONS)])
    order = np.lexsort((what, day, person))
    visit, n = np.concatenate([visits, np.zeros(len(listed), np.int64)])[order], len(order)
    what = what[order]
    values = {
        "condition_occurrence_id": _ids(view, n),
        "person_id": _person_id(view, person[order]),
        "condition_concept_id": np.array(concepts)[what],
        "condition_start_date": day[order],
        "condition_type_concept_id": REGISTRY,
        "visit_occurrence_id": pa.array(visit, pa.int64(), mask=what >= len(CONDITIONS)),
        "condition_source_value": coded_text(what, list(codes)),
        "condition_source_concept_id": np.array(sources)[what],
    }
    return cdm_rows("condition_occurrence", n, values)


def _dispensed(view: View) -> pa.Table:
    """Dispensings. The supply ends with the packs or with the observation period, whichever is first."""
    records = view.dispensings
    days = (records.amount * PACK_DAYS[records.what]).astype(np.int64)
    last, gap_start = view.end[records.person], view.gap_start[records.person]
    last = np.where(records.day < gap_start, np.minimum(last, gap_start - 1), last)
    values = {
        "drug_exposure_id": _ids(view, len(records)),
        "person_id": _person_id(view, records.person),
        "drug_concept_id": PRODUCTS[records.what],
        "drug_exposure_start_date": records.day,
        "drug_exposure_end_date": np.minimum(records.day + days - 1, last).astype(np.int32),
        "drug_type_concept_id": DISPENSING,
        "quantity": (records.amount * TABLETS[records.what]).astype(np.float64),
        "days_supply": days,
        "drug_source_value": coded_text(records.what, ATC_CODES),
        "drug_source_concept_id": ATC_CONCEPTS[records.what],
    }
    return cdm_rows("drug_exposure", len(records), values)


def _seen(view: View, records: Records) -> np.ndarray:
    """Rows of records under observation."""
    return np.flatnonzero(view.sees(records.person, records.day))


def _procedures(view: View) -> pa.Table:
    records = view.procedures
    row = _seen(view, records)
    what = records.what[row]
    values = {
        "procedure_occurrence_id": _ids(view, len(row)),
        "person_id": _person_id(view, records.person[row]),
        "procedure_concept_id": np.array([procedure_id(i) for i in range(len(PROCEDURES))])[what],
        "procedure_date": records.day[row],
        "procedure_type_concept_id": REGISTRY,
        "procedure_source_value": coded_text(what, list(PROCEDURES)),
        "procedure_source_concept_id": 0,
    }
    return cdm_rows("procedure_occurrence", len(row), values)


def _measurements(view: View) -> pa.Table:
    """ALSFRS-R items and total (points), vital capacity (% of predicted)."""
    records = view.visits
    row = _seen(view, records)
    what = records.what[row]
    values = {
        "measurement_id": _ids(view, len(row)),
        "person_id": _person_id(view, records.person[row]),
        "measurement_concept_id": np.array([measurement_id(i) for i in range(len(MEASUREMENTS))])[what],
        "measurement_date": records.day[row],
        "measurement_type_concept_id": REGISTRY,
        "value_as_number": records.amount[row].astype(np.float64),
        "measurement_source_value": coded_text(what, list(MEASUREMENTS)),
        "measurement_source_concept_id": 0,
    }
    return cdm_rows("measurement", len(row), values)


def _relatives(view: View) -> pa.Table:
    """Relationships in both directions, each read "fact 1 is the … of fact 2"."""
    if not view.civil:
        return cdm_rows("fact_relationship", 0, {})
    block = view.block
    full, half = siblings(block.people)
    (mothers, of_mothers), (fathers, of_fathers) = parents(block.people)
    sex = block.people.female.astype(np.intp)
    full_sibling, half_sibling = (
        np.array(each)[sex[pair[0]]]
        for each, pair in (((FULL_BROTHER, FULL_SISTER), full), ((HALF_BROTHER, HALF_SISTER), half))
    )
    found = (
        (MOTHER, mothers, of_mothers),
        (CHILD, of_mothers, mothers),
        (FATHER, fathers, of_fathers),
        (CHILD, of_fathers, fathers),
        (full_sibling, *full),
        (half_sibling, *half),
        (SPOUSE, *spouses(block.partnerships)),
    )
    one, other = (np.concatenate([pair[side] for pair in found]) for side in (1, 2))
    values = {
        "domain_concept_id_1": PERSON_TABLE,
        "fact_id_1": _person_id(view, one),
        "domain_concept_id_2": PERSON_TABLE,
        "fact_id_2": _person_id(view, other),
        "relationship_concept_id": np.concatenate([np.broadcast_to(concept, len(who)) for concept, who, _ in found]),
    }
    return cdm_rows("fact_relationship", len(one), values)
