"""The records of a concept set as events: columns, order, dose, and which records never count."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from equipoise.data.concepts import resolve
from equipoise.data.connect import connect
from equipoise.data.events import EVENT_COLUMNS, extract_events
from equipoise.data.source import Source
from equipoise.spec.concepts import ConceptSet, Domain
from tests.data.build import condition, drug, period, person, write_parquet

BIRTH, DEATH = date(1950, 6, 15), date(2010, 3, 1)
EPOCH = date(1970, 1, 1)


def open_with(place: Path, **tables: list[dict]) -> Source:
    basic = {
        "person": [person(1, 1950, 6, 15), person(2, 1950, 6, None), person(3, None)],
        "observation_period": [period(1, BIRTH, DEATH)],
        "death": [{"person_id": 1, "death_date": DEATH}],
    }
    return connect(write_parquet(place, basic | tables))


def all_of(source: Source, domain: Domain, *concepts: int) -> pa.Table:
    items = [{"concept_id": concept} for concept in concepts or (7,)]
    return extract_events(
        source, resolve(source, "set", ConceptSet.model_validate({"domain": domain, "include": items}))
    )


def days(table: pa.Table) -> list[date]:
    return [date.fromordinal(EPOCH.toordinal() + day) for day in table["day"].to_pylist()]


def test_columns_and_their_types(tmp_path: Path) -> None:
    row = drug(1, 7, date(2000, 1, 1), drug_exposure_end_date=date(2000, 1, 30), quantity=10.0, days_supply=30)
    with open_with(tmp_path, drug_exposure=[row]) as source:
        found = all_of(source, "drug")
    assert tuple(found.column_names) == EVENT_COLUMNS
    assert [str(kind) for kind in found.schema.types] == [
        "int64",
        "int32",
        "int32",
        "double",
        "double",
        "double",
        "double",
        "double",
        "int64",
    ]
    assert found.to_pylist() == [
        {
            "person_id": 1,
            "day": 10957,
            "end_day": 10986,
            "days_supply": 30.0,
            "quantity": 10.0,
            "dose": None,
            "daily_doses": None,
            "value": None,
            "concept_id": 7,
        }
    ]


def test_only_the_living_have_events(tmp_path: Path) -> None:
    before, after = date(1950, 6, 14), date(2010, 3, 2)
    rows = [condition(1, 7, when) for when in (before, BIRTH, DEATH, after)]
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert days(all_of(source, "condition")) == [BIRTH, DEATH]


def test_events_before_a_completed_birthday_count_if_birth_may_have_been_before(tmp_path: Path) -> None:
    rows = [condition(2, 7, date(1950, 5, 31)), condition(2, 7, date(1950, 6, 1)), condition(3, 7, date(1900, 1, 1))]
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert days(all_of(source, "condition")) == [date(1950, 6, 1), date(1900, 1, 1)]


def test_records_without_person_or_date_or_of_strangers_are_left_out(tmp_path: Path) -> None:
    rows = [condition(None, 7, BIRTH), condition(1, 7, None), condition(9, 7, BIRTH), condition(1, 7, BIRTH)]
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert all_of(source, "condition")["person_id"].to_pylist() == [1]


def test_an_end_before_the_start_is_unknown(tmp_path: Path) -> None:
    start = date(2000, 1, 10)
    rows = [
        condition(1, 7, start, condition_end_date=date(2000, 1, 9)),
        condition(1, 7, start, condition_end_date=start),
    ]
    with open_with(tmp_path, condition_occurrence=rows) as source:
        assert all_of(source, "condition")["end_day"].to_pylist() == [10966, None]


def test_events_come_in_one_order(tmp_path: Path) -> None:
    rows = [condition(2, 7, date(2000, 1, 2)), condition(1, 8, date(2000, 1, 3)), condition(1, 7, date(2000, 1, 3))]
    rows += [condition(2, 7, date(2000, 1, 1)), condition(1, 7, date(2000, 1, 1))]
    with open_with(tmp_path, condition_occurrence=rows) as source:
        found = all_of(source, "condition", 7, 8)
    order = list(zip(*(found[name].to_pylist() for name in ("person_id", "day", "concept_id")), strict=True))
    assert order == [(1, 10957, 7), (1, 10959, 7), (1, 10959, 8), (2, 10957, 7), (2, 10958, 7)]


def test_some_persons_and_their_first_events(tmp_path: Path) -> None:
    rows = [condition(who, 7, date(2000, 1, day)) for who in (1, 2, 3) for day in (9, 5, 7)]
    anything = ConceptSet.model_validate({"domain": "condition", "include": [{"concept_id": 7}]})
    with open_with(tmp_path, condition_occurrence=rows) as source:
        resolved = resolve(source, "set", anything)
        some = extract_events(source, resolved, pa.array([3, 1, 1, 99], pa.int64()))
        assert some["person_id"].to_pylist() == [1, 1, 1, 3, 3, 3]
        first = extract_events(source, resolved, pa.array([3, 1], pa.int64()), first_only=True)
        assert first.select(["person_id", "day"]).to_pylist() == [
            {"person_id": 1, "day": 10961},
            {"person_id": 3, "day": 10961},
        ]
        assert extract_events(source, resolved, pa.array([], pa.int64())).num_rows == 0


def strength(concept: int, amount: float | None, unit: int | None = 8576, invalid: str | None = None) -> dict:
    return {
        "drug_concept_id": concept,
        "ingredient_concept_id": concept + 1000,
        "amount_value": amount,
        "amount_unit_concept_id": unit,
        "invalid_reason": invalid,
    }


DOSES = {
    "milligrams": ([strength(7, 50.0)], 500.0),
    "micrograms": ([strength(7, 50.0, 9655)], 0.5),
    "grams": ([strength(7, 0.5, 8504)], 5000.0),
    "international units are no mass": ([strength(7, 50.0, 8718)], None),
    "no unit": ([strength(7, 50.0, None)], None),
    "no amount": ([strength(7, None)], None),
    "two ingredients": ([strength(7, 50.0), strength(7, 20.0)], None),
    "a row that is no longer valid": ([strength(7, 50.0), strength(7, 20.0, invalid="D")], 500.0),
    "another drug": ([strength(8, 50.0)], None),
}


@pytest.mark.parametrize("case", DOSES)
def test_dose_in_milligrams(case: str, tmp_path: Path) -> None:
    rows, expected = DOSES[case]
    with open_with(tmp_path, drug_exposure=[drug(1, 7, BIRTH, quantity=10.0)], drug_strength=rows) as source:
        found = all_of(source, "drug")["dose"].to_pylist()
    assert found == [pytest.approx(expected, rel=1e-12) if expected is not None else None]


def test_no_quantity_no_dose(tmp_path: Path) -> None:
    with open_with(tmp_path, drug_exposure=[drug(1, 7, BIRTH)], drug_strength=[strength(7, 50.0)]) as source:
        assert all_of(source, "drug")["dose"].to_pylist() == [None]


def test_every_domain_is_read_from_its_table(tmp_path: Path) -> None:
    when = pa.array([BIRTH])
    who = pa.array([1])
    one = pa.array([7])
    tables = {
        "procedure_occurrence": {"procedure_concept_id": one, "procedure_date": when},
        "measurement": {"measurement_concept_id": one, "measurement_date": when},
        "observation": {"observation_concept_id": one, "observation_date": when},
        "visit_occurrence": {"visit_concept_id": one, "visit_start_date": when, "visit_end_date": when},
        "condition_occurrence": {"condition_concept_id": one, "condition_start_date": when},
        "drug_exposure": {"drug_concept_id": one, "drug_exposure_start_date": when},
    }
    with open_with(
        tmp_path, **{name: pa.table({"person_id": who} | columns) for name, columns in tables.items()}
    ) as source:
        for domain in ("procedure", "measurement", "observation", "visit", "condition", "drug"):
            assert days(all_of(source, domain)) == [BIRTH], domain


def test_an_absent_table_has_no_events(tmp_path: Path) -> None:
    with open_with(tmp_path) as source:
        assert all_of(source, "visit").num_rows == 0
