"""Databases that once broke us, each in its smallest form, with its story."""

from datetime import date
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from equipoise.data.concepts import resolve
from equipoise.data.connect import connect
from equipoise.data.events import extract_events
from equipoise.data.people import extract_people, extract_spans, people
from equipoise.spec.concepts import ConceptSet
from tests.data.build import ONE_PERSON, condition, period, person, write_csv, write_parquet

EPOCH = date(1970, 1, 1)


def test_ancestors_kept_as_double(tmp_path: Path) -> None:
    """The Eunomia GiBleed database stores `ancestor_concept_id` as DOUBLE beside BIGINT descendants.

    Compared as they are, a join runs in floating point, where neighbouring identifiers beyond 2^53 are one.
    """
    above = pa.table({"ancestor_concept_id": [10.0, 12.0], "descendant_concept_id": [11, 13]})
    rows = [condition(1, concept, date(2000, 1, 1)) for concept in (10, 11, 13)]
    tables = dict(ONE_PERSON) | {"concept_ancestor": above, "condition_occurrence": rows}
    wanted = {"domain": "condition", "include": [{"concept_id": 10, "descendants": True}]}
    with connect(write_parquet(tmp_path, tables)) as source:
        found = extract_events(source, resolve(source, "set", ConceptSet.model_validate(wanted)))
    assert found["concept_id"].to_pylist() == [10, 11]


def test_an_empty_column_has_lost_its_type(tmp_path: Path) -> None:
    """GiBleed's `location_id` and `value_as_number` hold nothing, so the export wrote them as text."""
    rows = pa.table({"person_id": [1], "gender_concept_id": [8507], "year_of_birth": [1950]})
    rows = rows.append_column("location_id", pa.nulls(1, pa.string())).append_column("care_site_id", pa.nulls(1))
    with connect(write_parquet(tmp_path, dict(ONE_PERSON) | {"person": rows})) as source:
        found = extract_people(source)
    assert found.select(["region", "care_site_id"]).to_pylist() == [{"region": None, "care_site_id": None}]
    assert found.schema.field("care_site_id").type == pa.int64()


def test_nan_in_a_parquet_column_whose_statistics_deny_it(tmp_path: Path) -> None:
    """Pandas writes identifiers with gaps as floating point and NaN. The minimum and maximum that a Parquet file keeps
    of a column leave NaN out, so DuckDB concluded that every value lies between them and cast NaN to an integer.
    """
    rows = pa.table(
        {
            "person_id": [1, 2],
            "gender_concept_id": [8507, 8532],
            "year_of_birth": [1950, 1960],
            "care_site_id": [7.0, float("nan")],
        }
    )
    with connect(write_parquet(tmp_path, dict(ONE_PERSON) | {"person": rows})) as source:
        assert extract_people(source)["care_site_id"].to_pylist() == [7, None]


def test_identifiers_that_one_double_cannot_tell_apart(tmp_path: Path) -> None:
    """Hashed identifiers fill 63 bits. Through a data frame with missing values two persons became one."""
    persons = [person(2**53), person(2**53 + 1), person(2**62 + 1), person(None)]
    tables = {"person": persons, "observation_period": [period(2**53 + 1, date(2000, 1, 1), date(2001, 1, 1))]}
    for form, write in {"parquet": write_parquet, "csv": write_csv}.items():
        (tmp_path / form).mkdir()
        with connect(write(tmp_path / form, tables)) as source:
            assert extract_people(source)["person_id"].to_pylist() == [2**53, 2**53 + 1, 2**62 + 1]
            assert extract_spans(source)["person_id"].to_pylist() == [2**53 + 1]


def test_a_year_with_five_digits(tmp_path: Path) -> None:
    """A typing error in a register: an observation that ends in the year 12024, which Python's dates do not hold."""
    far = pa.array([3_672_148], pa.int32()).cast(pa.date32())
    rows = pa.table(
        {
            "person_id": [1],
            "observation_period_start_date": pa.array([date(2000, 1, 1)]),
            "observation_period_end_date": far,
        }
    )
    with connect(write_parquet(tmp_path, dict(ONE_PERSON) | {"observation_period": rows})) as source:
        assert extract_spans(source)["end_day"].to_pylist() == [3_672_148]
    (tmp_path / "observation_period.parquet").unlink()
    (tmp_path / "observation_period.csv").write_text(
        "person_id,observation_period_start_date,observation_period_end_date\n1,2000-01-01,12024-01-01\n"
    )
    with connect(tmp_path) as source:
        assert extract_spans(source)["end_day"].to_pylist() == [3_672_148]


def test_an_unknown_birthday_is_not_the_day_of_death(tmp_path: Path) -> None:
    """The lesser of nothing and a day is the day in SQL: persons without a birth date were born when they died."""
    tables = {
        "person": [person(1, None)],
        "observation_period": [],
        "death": [{"person_id": 1, "death_date": date(2000, 1, 1)}],
    }
    with connect(write_parquet(tmp_path, tables)) as source:
        found = extract_people(source).to_pylist()[0]
    assert (found["birth_day"], found["death_day"]) == (None, (date(2000, 1, 1) - EPOCH).days)


def test_text_rounded_to_a_whole_number(tmp_path: Path) -> None:
    """DuckDB reads the text 1.5 as the integer 2 and 1e3 as 1000: a spreadsheet's 1.23457E+15 became a person."""
    (tmp_path / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n1.0,8507.,1950\n")
    write_csv(tmp_path, {"observation_period": ONE_PERSON["observation_period"]})
    with connect(tmp_path) as source:
        assert extract_people(source)["person_id"].to_pylist() == [1], "a whole number with a point is still whole"


def test_the_same_person_recorded_in_two_spellings_of_nothing(tmp_path: Path) -> None:
    """Two rows of a person, month 0 in one and 13 in the other: neither is a month, so the rows say the same."""
    tables = {"person": [person(1, 2000, 0, 0), person(1, 2000, 13, None)], "observation_period": []}
    with connect(write_parquet(tmp_path, tables)) as source:
        assert source.to_arrow(people(source)).num_rows == 1


def test_timestamps_written_as_utc(tmp_path: Path) -> None:
    """Spark marks timestamps as UTC. In a session east of Greenwich, midnight fell on the day after."""
    moments = pa.array([946_684_800_000_000 + 23 * 3_600_000_000], pa.int64()).cast(pa.timestamp("us", "UTC"))
    rows = pa.table({"person_id": [1], "condition_concept_id": [7], "condition_start_date": moments})
    parquet.write_table(rows, write_parquet(tmp_path, ONE_PERSON) / "condition_occurrence.parquet")
    wanted = {"domain": "condition", "include": [{"concept_id": 7}]}
    with connect(tmp_path) as source:
        found = extract_events(source, resolve(source, "set", ConceptSet.model_validate(wanted)))
    assert found["day"].to_pylist() == [(date(2000, 1, 1) - EPOCH).days]
