"""Mapping files: every fault at once, nothing guessed, nothing but data."""

from pathlib import Path

import pytest

from equipoise.data.register_mapping import read_mapping
from equipoise.errors import SpecError
from tests.data.register_files import MAPPING
from tests.studies.places import STUDIES

EXAMPLE = STUDIES / "mappings" / "swedish-registers.toml"


def faults(tmp_path: Path, text: str) -> dict[str, str]:
    place = tmp_path / "mapping.toml"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as raised:
        read_mapping(place)
    return {fault.where: fault.found for fault in raised.value.faults}


def test_the_example_is_a_mapping() -> None:
    mapping = read_mapping(EXAMPLE)
    assert mapping.name == "National registers"
    assert len(mapping.measurements[0].values) == 14
    assert [place for place, _ in mapping.tables()][:3] == ["persons", "migrations", "deaths"]


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    wrong = """
    mapping_version = 2
    nam = "x"
    period = { from = 2012-01-01, to = 2001-01-01 }

    [persons]
    file = []
    person = 3
    sex = { column = "Kon", values = { "1" = "man" } }
    birth = { column = "Fodd", format = "%y%m" }

    [[dispensings]]
    file = "drugs.csv"
    person = "LopNr"
    date = { column = "Dag", format = "%Y%m" }
    code = { column = "ATC", constant = "N06A" }
    where = { ATC = [] }

    [[measurements]]
    file = "visits.csv"
    person = "LopNr"
    date = { column = "Dag", format = "%Y%m%d", origin = 1960-01-01 }
    values = { total = { column = "T", least = 48, most = 0 } }

    [parents]
    file = "parents.csv"
    """
    assert faults(tmp_path, wrong) == {
        "dispensings[0].code": "a column and a constant",
        "dispensings[0].where.ATC": "0 items",
        "mapping_version": "2",
        "measurements[0].date": "a format and an origin",
        "measurements[0].values.total": "least 48 above most 0",
        "nam": "unknown key",
        "parents.father": "missing",
        "parents.mother": "missing",
        "parents.person": "missing",
        "period": "from 2012-01-01 to 2001-01-01",
        "persons.birth": "'%y%m'",
        "persons.file": "0 items",
        "persons.person": "3",
        "persons.sex.values.1": "'man'",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MAPPING.replace('date = "Dag"', 'date = { column = "Dag", format = "%Y%m" }'), "'%Y%m' in column 'Dag'"),
        (MAPPING.replace('code = "ATC"', "code = {}"), "neither a column nor a constant"),
        (MAPPING.replace('code = "ATC"', 'code = { constant = "a", values = { b = "c" } }'), "a constant with values"),
        (MAPPING.replace('"Fodd"', '{ column = "Fodd", incomplete = true }'), "incomplete dates without a format"),
        (MAPPING + "[[marriages]]", "a list"),
        ("x = ", "not TOML"),
    ],
)
def test_contradictions_are_faults(tmp_path: Path, text: str, found: str) -> None:
    assert any(said.startswith(found) for said in faults(tmp_path, text).values())


def test_a_place_that_is_no_file_is_a_fault(tmp_path: Path) -> None:
    for place, found in ((tmp_path, "a folder"), (tmp_path / "none.toml", "no such file")):
        with pytest.raises(SpecError, match=found):
            read_mapping(place)
