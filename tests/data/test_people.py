"""Who is in the database and when each is observed: one small table in, one small table out, for every rule."""

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from equipoise.data.connect import connect
from equipoise.data.people import extract_people, extract_spans
from tests.data.build import period, person, write_parquet


def day(year: int, month: int, day_of_month: int) -> int:
    return (date(year, month, day_of_month) - date(1970, 1, 1)).days


def people_of(place: Path, persons: list[dict], **tables: list[dict]) -> dict[int, dict]:
    everything = {"person": persons, "observation_period": []} | tables
    with connect(write_parquet(place, everything)) as source:
        rows = extract_people(source).to_pylist()
    assert [row["person_id"] for row in rows] == sorted(row["person_id"] for row in rows)
    return {row["person_id"]: row for row in rows}


def death(person_id: int, when: date | None) -> dict:
    return {"person_id": person_id, "death_date": when}


BIRTHS = {
    "all parts": (person(1, 1950, 6, 20), day(1950, 6, 20)),
    "29 February": (person(1, 2000, 2, 29), day(2000, 2, 29)),
    "before 1970": (person(1, 1899, 12, 31), day(1899, 12, 31)),
    "no day: the 15th": (person(1, 1950, 6, None), day(1950, 6, 15)),
    "no month: 1 July": (person(1, 1950, None, None), day(1950, 7, 1)),
    "a day without month: 1 July": (person(1, 1950, None, 20), day(1950, 7, 1)),
    "30 February: the 15th": (person(1, 1950, 2, 30), day(1950, 2, 15)),
    "29 February of a common year: the 15th": (person(1, 1900, 2, 29), day(1900, 2, 15)),
    "day 0: the 15th": (person(1, 1950, 6, 0), day(1950, 6, 15)),
    "month 13: 1 July": (person(1, 1950, 13, 20), day(1950, 7, 1)),
    "no year: birth_datetime": (person(1, None, 1, 1, birth_datetime=datetime(1950, 6, 20, 23, 59)), day(1950, 6, 20)),
    "year 0: birth_datetime": (person(1, 0, 1, 1, birth_datetime=datetime(1950, 6, 20)), day(1950, 6, 20)),
    "nothing": (person(1, None, 6, 20), None),
}


@pytest.mark.parametrize("case", BIRTHS)
def test_day_of_birth(case: str, tmp_path: Path) -> None:
    row, expected = BIRTHS[case]
    found = people_of(tmp_path, [row])[1]
    assert found["birth_day"] == expected
    assert found["birth_year"] == (None if expected is None else 1970 + expected // 365.2425)


def test_sex(tmp_path: Path) -> None:
    codes = {1: 8532, 2: 8507, 3: 8521, 4: 0, 5: 8551, 6: None, 7: 8570}
    found = people_of(tmp_path, [person(who, gender_concept_id=code) for who, code in codes.items()])
    sexes = [found[who]["sex"] for who in codes]
    assert sexes == ["female", "male", "other", "unknown", "unknown", "unknown", "other"]


def test_region_is_the_state_or_else_the_location(tmp_path: Path) -> None:
    persons = [person(1, location_id=10), person(2, location_id=11), person(3, location_id=12), person(4)]
    places = [{"location_id": 10, "state": "Skåne"}, {"location_id": 11, "state": None}]
    places += [{"location_id": 10, "state": "Zealand"}, {"location_id": None, "state": "nowhere"}]
    found = people_of(tmp_path, persons, location=places)
    assert [found[who]["region"] for who in (1, 2, 3, 4)] == ["Skåne", "11", "12", None]


def test_characteristics_are_carried(tmp_path: Path) -> None:
    row = person(1, race_concept_id=8527, ethnicity_concept_id=38003564, care_site_id=2**60 + 1)
    found = people_of(tmp_path, [row])[1]
    assert (found["race_concept_id"], found["ethnicity_concept_id"], found["care_site_id"]) == (
        8527,
        38003564,
        2**60 + 1,
    )


def test_persons_there_several_times(tmp_path: Path) -> None:
    alike, different = person(1), [person(2, 1950), person(2, 1951)]
    found = people_of(tmp_path, [alike, alike, *different, person(3), person(None)])
    assert list(found) == [1, 3]


def test_of_several_deaths_the_earliest_counts(tmp_path: Path) -> None:
    deaths = [
        death(1, date(2010, 5, 2)),
        death(1, date(2010, 5, 1)),
        death(1, None),
        death(2, None),
        death(9, date(2000, 1, 1)),
    ]
    found = people_of(tmp_path, [person(1), person(2)], death=deaths)
    assert found[1]["death_day"] == day(2010, 5, 1)
    assert found[2]["death_day"] is None


def test_death_before_birth(tmp_path: Path) -> None:
    persons = [person(1, 1950, 6, 15), person(2, 1950, 6, 15), person(3, None)]
    deaths = [death(1, date(1950, 6, 14)), death(2, date(1950, 6, 15)), death(3, date(1900, 1, 1))]
    found = people_of(tmp_path, persons, death=deaths)
    assert list(found) == [2, 3]
    assert found[3]["birth_day"] is None, "without a birth date death cannot come before it"


def test_death_within_the_month_or_year_that_birth_is_known_to(tmp_path: Path) -> None:
    """A child born some day in June that died on the 3rd was not dead before birth: its birthday moves."""
    persons = [person(1, 1950, 6, None), person(2, 1950, None, None), person(3, 1950, 6, None)]
    deaths = [death(1, date(1950, 6, 3)), death(2, date(1950, 2, 1)), death(3, date(1950, 5, 31))]
    found = people_of(tmp_path, persons, death=deaths)
    assert found[1]["birth_day"] == found[1]["death_day"] == day(1950, 6, 3)
    assert found[2]["birth_day"] == found[2]["death_day"] == day(1950, 2, 1)
    assert 3 not in found


def spans_of(
    place: Path, periods: list[dict], persons: list[dict] | None = None, deaths: list[dict] | None = None
) -> list:
    tables = {"person": persons or [person(1, 1950)], "observation_period": periods, "death": deaths or []}
    with connect(write_parquet(place, tables)) as source:
        spans = extract_spans(source)
    return [(row["person_id"], _date(row["start_day"]), _date(row["end_day"])) for row in spans.to_pylist()]


def _date(days: int) -> str:
    return str(date.fromordinal(date(1970, 1, 1).toordinal() + days))


def p(start: str, end: str, person_id: int = 1) -> dict:
    return period(person_id, date.fromisoformat(start), date.fromisoformat(end))


OBSERVATION = {
    "one period": ([p("2000-01-01", "2000-12-31")], [("2000-01-01", "2000-12-31")]),
    "one day": ([p("2000-01-01", "2000-01-01")], [("2000-01-01", "2000-01-01")]),
    "apart": (
        [p("2000-01-01", "2000-01-10"), p("2000-01-12", "2000-01-20")],
        [("2000-01-01", "2000-01-10"), ("2000-01-12", "2000-01-20")],
    ),
    "touching": ([p("2000-01-01", "2000-01-10"), p("2000-01-11", "2000-01-20")], [("2000-01-01", "2000-01-20")]),
    "overlapping": ([p("2000-01-05", "2000-01-20"), p("2000-01-01", "2000-01-10")], [("2000-01-01", "2000-01-20")]),
    "one inside another, a third touching the outer": (
        [p("2000-01-01", "2000-01-31"), p("2000-01-05", "2000-01-06"), p("2000-02-01", "2000-02-05")],
        [("2000-01-01", "2000-02-05")],
    ),
    "end before start": ([p("2000-01-10", "2000-01-01")], []),
    "no end": ([period(1, date(2000, 1, 1), None)], []),
    "no start": ([period(1, None, date(2000, 1, 1))], []),
    "person unknown": ([p("2000-01-01", "2000-12-31", person_id=7)], []),
    "before birth": ([p("1940-01-01", "1950-12-31")], [("1950-06-15", "1950-12-31")]),
    "wholly before birth": ([p("1940-01-01", "1940-12-31")], []),
}


@pytest.mark.parametrize("case", OBSERVATION)
def test_observation(case: str, tmp_path: Path) -> None:
    periods, expected = OBSERVATION[case]
    assert spans_of(tmp_path, periods) == [(1, *span) for span in expected]


def test_observation_ends_with_the_day_of_death(tmp_path: Path) -> None:
    periods = [p("2000-01-01", "2000-12-31"), p("2001-06-01", "2001-12-31")]
    found = spans_of(tmp_path, periods, deaths=[death(1, date(2000, 5, 5))])
    assert found == [(1, "2000-01-01", "2000-05-05")]


def test_observation_without_a_birth_date_is_kept(tmp_path: Path) -> None:
    assert spans_of(tmp_path, [p("2000-01-01", "2000-12-31")], persons=[person(1, None)]) == [
        (1, "2000-01-01", "2000-12-31")
    ]


def test_nobody(tmp_path: Path) -> None:
    with connect(write_parquet(tmp_path, {"person": [], "observation_period": []})) as source:
        people, spans = extract_people(source), extract_spans(source)
    assert people.num_rows == spans.num_rows == 0
    assert people.schema.field("birth_day").type == pa.int32()
    assert spans.schema.names == ["person_id", "start_day", "end_day"]
