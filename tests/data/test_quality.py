"""The data-quality table: what is counted, by table, with zeros, and with a rule for each."""

from datetime import date
from pathlib import Path

import pytest

from equipoise.data.connect import connect
from equipoise.data.quality import data_quality
from tests.data.build import ONE_PERSON, condition, drug, period, person, write_csv, write_parquet

WHEN = date(2005, 5, 5)


def test_a_clean_database_has_every_check_with_zeros(tmp_path: Path) -> None:
    tables = dict(ONE_PERSON) | {"condition_occurrence": [condition(1, 7, WHEN)]}
    with connect(write_parquet(tmp_path, tables)) as source:
        found = data_quality(source, {"condition_occurrence", "drug_exposure", "death"})
    assert {(row.n_records, row.n_persons) for row in found} == {(0, 0)}
    by_table = {table: sum(row.table == table for row in found) for table in {row.table for row in found}}
    assert by_table == {
        "person": 6,
        "observation_period": 7,
        "death": 4,
        "condition_occurrence": 10,
        "drug_exposure": 10,
    }
    assert all(row.rule for row in found)
    assert len({(row.table, row.check) for row in found}) == len(found)


def test_a_person_may_be_counted_in_several_checks(tmp_path: Path) -> None:
    tables = {
        "person": [person(1, 2006)],
        "observation_period": [period(1, date(2000, 1, 1), date(2000, 2, 1)), period(5, WHEN, WHEN)],
        "death": [{"person_id": 1, "death_date": date(2007, 1, 1)}, {"person_id": 1, "death_date": date(2008, 1, 1)}],
        "drug_exposure": [
            drug(1, 0, WHEN),
            drug(1, 0, WHEN),
            drug(1, 7, date(2009, 1, 1)),
            drug(5, 7, WHEN),
            drug(None, 7, None),
        ],
    }
    with connect(write_csv(tmp_path, tables, zipped=True, upper=True)) as source:
        found = {row.check: (row.n_records, row.n_persons) for row in data_quality(source, {"drug_exposure"})}
    assert {check: counts for check, counts in found.items() if counts[0]} == {
        "observation of a person not in PERSON": (1, 1),
        "observation before birth": (1, 1),
        "several deaths of a person": (1, 1),
        "event without person identifier": (1, 0),
        "event of a person not in PERSON": (1, 1),
        "event without date": (1, 0),
        "event before birth": (2, 1),
        "event after death": (1, 1),
        "event with the same person, concept and day as another": (1, 1),
        "event without a mapped concept": (2, 1),
    }


def test_a_table_that_holds_no_events_is_not_accepted(tmp_path: Path) -> None:
    with connect(write_parquet(tmp_path, ONE_PERSON)) as source, pytest.raises(KeyError):
        data_quality(source, {"care_site"})


@pytest.mark.parametrize("piece", [1, 2, 10_000])
def test_events_that_are_the_same_are_found_however_small_the_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr("equipoise.data.quality.PIECE_ROWS", piece)
    later = date(2006, 6, 6)
    # Person 1: three alike and one of another day; person 900: two without a concept; persons 2 and 5: one each.
    drugs = [drug(5, 7, WHEN), drug(1, 7, WHEN), drug(900, None, WHEN), drug(1, 7, later), drug(1, 7, WHEN)]
    drugs += [drug(900, None, WHEN), drug(2, 7, WHEN), drug(1, 7, WHEN), drug(900, 7, WHEN)]
    people = [person(n, 1950) for n in (1, 2, 5, 900)]
    tables = {"person": people, "observation_period": [period(1, WHEN, later)], "drug_exposure": drugs}
    with connect(write_parquet(tmp_path, tables)) as source:
        found = data_quality(source, {"drug_exposure"})
    same = next(row for row in found if row.check == "event with the same person, concept and day as another")
    assert (same.n_records, same.n_persons) == (3, 2)
