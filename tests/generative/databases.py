"""Small random OMOP databases, untidy on purpose, with the same content as rows for the oracle."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.oracle.case_control import Person

BLEED, ULCER, DRUG = 100, 200, 300
BASE = 2**54 + 7  # identifiers that a float would corrupt
START = date(2000, 1, 1)


def some_day(rng: np.random.Generator, first: int = 0, last: int = 4000) -> date:
    return START + timedelta(days=int(rng.integers(first, last)))


def random_people(rng: np.random.Generator, n_persons: int) -> list[Person]:
    """Persons with gaps and overlaps in observation, records outside it, unknown births, deaths."""
    people = []
    for i in range(n_persons):
        born = None if rng.random() < 0.05 else date(1940 + int(rng.integers(0, 4)), 1 + int(rng.integers(12)), 11)
        periods = []
        for _ in range(int(rng.integers(1, 4))):
            begin = some_day(rng, 0, 3000)
            periods.append((begin, begin + timedelta(days=int(rng.integers(0, 2500)))))
        died = some_day(rng, 1000) if rng.random() < 0.2 else None
        people.append(
            Person(
                BASE + 3 * i,
                born,
                "female" if rng.random() < 0.5 else "male",
                died,
                periods,
                [some_day(rng) for _ in range(int(rng.random() < 0.3) + int(rng.random() < 0.1))],
                [some_day(rng) for _ in range(int(rng.random() < 0.15))],
                [some_day(rng) for _ in range(int(rng.integers(0, 6)) if rng.random() < 0.6 else 0)],
            )
        )
    return people


def write_database(people: list[Person], folder: Path, rng: np.random.Generator) -> None:
    """The people as OMOP tables in Parquet, rows shuffled, some records twice."""
    folder.mkdir()
    write = lambda name, rows, schema: pq.write_table(  # noqa: E731
        pa.Table.from_pylist([rows[i] for i in rng.permutation(len(rows))], schema=pa.schema(schema)),
        folder / f"{name}.parquet",
    )
    number, when = pa.int64(), pa.date32()
    persons = [
        {
            "person_id": p.person_id,
            "gender_concept_id": 8532 if p.sex == "female" else 8507,
            "year_of_birth": p.born and p.born.year,
            "month_of_birth": p.born and p.born.month,
            "day_of_birth": p.born and p.born.day,
            "race_concept_id": 0,
            "ethnicity_concept_id": 0,
        }
        for p in people
    ]
    write("person", persons, dict.fromkeys(persons[0], number))
    periods = [(p.person_id, *period) for p in people for period in p.periods]
    rows = [
        {
            "observation_period_id": i,
            "person_id": person,
            "observation_period_start_date": start,
            "observation_period_end_date": end,
            "period_type_concept_id": 0,
        }
        for i, (person, start, end) in enumerate(periods)
    ]
    dates = {"observation_period_start_date": when, "observation_period_end_date": when}
    write("observation_period", rows, {name: dates.get(name, number) for name in rows[0]})
    deaths = [{"person_id": p.person_id, "death_date": p.died} for p in people if p.died]
    write("death", deaths, {"person_id": number, "death_date": when})
    _write_events(people, write, number, when)


def _write_events(people: list[Person], write, number: pa.DataType, when: pa.DataType) -> None:
    events = [(p.person_id, BLEED, day) for p in people for day in p.bleeds]
    events += [(p.person_id, ULCER, day) for p in people for day in p.ulcers]
    conditions = [
        {
            "condition_occurrence_id": i,
            "person_id": person,
            "condition_concept_id": concept,
            "condition_start_date": day,
        }
        for i, (person, concept, day) in enumerate(events)
    ]
    schema = {"condition_occurrence_id": number, "person_id": number, "condition_concept_id": number}
    write("condition_occurrence", conditions, schema | {"condition_start_date": when})
    dispensed = [(p.person_id, day) for p in people for day in p.drugs]
    dispensed += dispensed[::7]  # some dispensings stand there twice
    drugs = [
        {
            "drug_exposure_id": i,
            "person_id": person,
            "drug_concept_id": DRUG,
            "drug_exposure_start_date": day,
            "drug_exposure_end_date": day,
        }
        for i, (person, day) in enumerate(dispensed)
    ]
    schema = {"drug_exposure_id": number, "person_id": number, "drug_concept_id": number}
    write("drug_exposure", drugs, schema | {"drug_exposure_start_date": when, "drug_exposure_end_date": when})
