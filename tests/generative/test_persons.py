"""Generated databases full of faults: people, observation, records and quality counts equal the oracle's.

Persons do not touch each other, so few databases with many persons try as much as many with few, and start faster.
"""

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.data.concepts import resolve
from equipoise.data.connect import connect
from equipoise.data.events import extract_events
from equipoise.data.people import extract_people, extract_spans
from equipoise.data.quality import data_quality
from equipoise.spec.concepts import ConceptSet
from tests.data.build import condition, period, person, write_csv, write_duckdb, write_parquet
from tests.oracle import persons as oracle

EVERYONE = ConceptSet.model_validate({"domain": "condition", "include": [{"concept_id": 7}, {"concept_id": 0}]})
BEYOND_DOUBLE = 2**53

ids = st.one_of(st.none(), st.integers(0, 30).map(lambda k: BEYOND_DOUBLE + k))
dates = st.one_of(st.none(), st.integers(-3, 40).map(lambda k: date(2000, 2, 15) + timedelta(k)))
# Faults are drawn often, and dates lie close together, so that most persons are hit by several rules.
persons = st.builds(
    person,
    ids,
    year=st.sampled_from([None, 1999, 2000, 2000, 2000]),
    month=st.sampled_from([None, 0, 2, 2, 2, 3, 13]),
    day=st.sampled_from([None, 0, 1, 28, 29, 30, 31]),
    birth_datetime=st.sampled_from([None, datetime(2000, 2, 20, 13, 30)]),
)
periods = st.builds(period, ids, dates, dates)
deaths = st.builds(lambda who, when: {"person_id": who, "death_date": when, "cause_concept_id": None}, ids, dates)
conditions = st.builds(condition, ids, st.sampled_from([None, 0, 7, 7]), dates, condition_end_date=dates)
databases = st.fixed_dictionaries(
    {
        "person": st.lists(persons, min_size=10, max_size=45),
        "observation_period": st.lists(periods, min_size=10, max_size=50),
        "death": st.lists(deaths, max_size=20),
        "condition_occurrence": st.lists(conditions, max_size=60),
    }
)


def as_duckdb(place: Path, tables: dict) -> Path:
    return write_duckdb(place / "cdm.duckdb", tables)


@pytest.mark.parametrize("write", [write_parquet, write_csv, as_duckdb])
@settings(max_examples=4)
@given(tables=databases)
def test_a_database_reads_as_the_oracle_reads_it(write: Any, tables: dict[str, list[dict]]) -> None:
    found = oracle.lives(tables["person"], tables["death"])
    with tempfile.TemporaryDirectory() as folder, connect(write(Path(folder), tables)) as source:
        people = extract_people(source).to_pylist()
        assert [row["person_id"] for row in people] == sorted(found)
        for row in people:
            life = found[row["person_id"]]
            assert (row["birth_day"], row["death_day"]) == (oracle.day(life.born), oracle.day(life.died))
        spans = extract_spans(source)
        assert list(zip(*spans.to_pydict().values(), strict=True)) == oracle.spans(found, tables["observation_period"])
        counted = oracle.counted_events(found, tables["condition_occurrence"], "condition_start_date")
        expected = [
            (r["person_id"], oracle.day(r["condition_start_date"]))
            for r in counted
            if r["condition_concept_id"] in (0, 7)
        ]
        events = extract_events(source, resolve(source, "all", EVERYONE))
        assert list(zip(*events.select(["person_id", "day"]).to_pydict().values(), strict=True)) == sorted(expected)
        counts = {row.check: (row.n_records, row.n_persons) for row in data_quality(source, {"condition_occurrence"})}
        assert {check: n for check, n in counts.items() if n[0]} == {
            check: n for check, n in oracle.quality(tables).items() if n[0]
        }
        assert set(oracle.quality(tables)) <= set(counts)
