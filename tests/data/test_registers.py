"""Registers behind a mapping file: the same floor from every form, rules stated and counted, bad cells refused."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from equipoise.data import registers as module
from equipoise.data import statistical_files
from equipoise.data.concepts import resolve
from equipoise.data.connect import connect
from equipoise.data.events import extract_events
from equipoise.data.people import extract_people, extract_spans
from equipoise.data.quality import data_quality
from equipoise.data.source import Source
from equipoise.errors import SourceError
from equipoise.spec.concepts import ConceptSet
from tests.data.register_files import MAPPING, REGISTERS, registers, write

ABSENT_NOTHING = ("person", "observation_period", "death", "drug_exposure", "concept")


def day(year: int, month: int, of_month: int) -> int:
    return date(year, month, of_month).toordinal() - date(1970, 1, 1).toordinal()


def spans(source: Source) -> list[tuple[int, int, int]]:
    return [tuple(row.values()) for row in extract_spans(source).to_pylist()]


def drugs(source: Source, *items: dict[str, Any]) -> pa.Table:
    concept_set = ConceptSet.model_validate({"domain": "drug", "include": list(items)})
    return extract_events(source, resolve(source, "drugs", concept_set))


def problems(source: Source, *tables: str) -> dict[str, tuple[int, int]]:
    found = data_quality(source, tables)
    return {each.check: (each.n_records, each.n_persons) for each in found if each.n_records}


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz", "xpt", "dta"])
def test_every_form_of_file_gives_the_same_floor(tmp_path: Path, suffix: str) -> None:
    with connect(write(tmp_path, suffix=suffix)) as source:
        people = extract_people(source).to_pydict()
        assert people["person_id"] == [1, 2, 3, 4]
        assert people["sex"] == ["male", "female", "female", "male"]
        assert people["birth_day"] == [day(1950, 3, 1), day(1960, 6, 30), day(2005, 5, 5), 0]
        assert people["region"] == ["01", "12", None, "01"]
        assert people["death_day"] == [day(2010, 2, 3), None, None, None]
        assert spans(source) == [
            (1, day(2001, 1, 1), day(2010, 2, 3)),
            (2, day(2001, 1, 1), day(2003, 1, 31)),
            (2, day(2004, 1, 1), day(2012, 12, 31)),
            (3, day(2005, 5, 5), day(2012, 12, 31)),
            (4, day(2009, 9, 9), day(2012, 12, 31)),
        ]
        events = drugs(source, {"code_prefix": "N06"}).to_pydict()
        assert events["person_id"] == [1, 2]
        assert events["day"] == [day(2006, 1, 2), day(2008, 8, 8)]
        assert events["quantity"] == [60.0, 100.0]
        assert events["dose"] == [1200.0, 1000.0]
        assert problems(source, "drug_exposure") == {}
        assert source.description.name == "small registers"


def test_codes_are_found_by_prefix_by_code_and_by_class(tmp_path: Path) -> None:
    with connect(write(tmp_path)) as source:
        by_prefix = drugs(source, {"code_prefix": "n06a"})
        for item in (
            {"vocabulary": "ATC", "code": "N06A", "descendants": True},
            {"vocabulary": "ATC", "code": "N06AB04", "descendants": True},
            {"vocabulary": "ATC", "code_prefix": "N06A"},
        ):
            assert drugs(source, item) == by_prefix
        concept_set = ConceptSet.model_validate({"domain": "drug", "include": [{"vocabulary": "ATC", "code": "N05C"}]})
        assert [warning.problem for warning in resolve(source, "hypnotics", concept_set).warnings] == ["UNKNOWN_CODE"]


def test_a_concept_of_omop_is_refused_in_one_message(tmp_path: Path) -> None:
    with (
        connect(write(tmp_path)) as source,
        pytest.raises(SourceError, match=r"2 of its items name a concept by concept_id.*registers"),
    ):
        drugs(source, {"concept_id": 1}, {"concept_id": 2}, {"code_prefix": "N06A"})


def test_a_dispensing_without_strength_has_no_dose_and_keeps_its_code(tmp_path: Path) -> None:
    tables = registers(drugs={"Styrka": [None, 5.0, 10.0]})
    with connect(write(tmp_path, tables)) as source:
        events = drugs(source, {"vocabulary": "ATC", "code": "N06AB04", "descendants": True})
        assert events["dose"].to_pylist() == [None, 1000.0]


WITH_DAILY_DOSES = MAPPING + 'daily_doses = ["Antal", "DDD"]\n'


def test_daily_doses_of_the_register_are_those_of_the_floor_and_missing_ones_are_counted(tmp_path: Path) -> None:
    tables = registers(drugs={"Antal": [2.0, 1.0, 1.0], "DDD": [30.0, None, 0.0]})
    with connect(write(tmp_path, tables, WITH_DAILY_DOSES)) as source:
        events = drugs(source, {"code_prefix": "N"})
        assert events["daily_doses"].to_pylist() == [None, 60.0, 0.0]
        assert events["dose"].to_pylist() == [125.0, 1200.0, 1000.0]
        assert problems(source, "drug_exposure") == {module.NO_DAILY_DOSES: (2, 2)}


def test_a_column_of_daily_doses_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        connect(write(tmp_path, REGISTERS, WITH_DAILY_DOSES))
    (fault,) = raised.value.faults
    assert (fault.where, fault.found) == ("dispensings[0].daily_doses", "drugs.parquet has no column 'DDD'")


def test_bad_records_are_counted_by_the_rules_of_the_floor(tmp_path: Path) -> None:
    tables = registers(
        persons={
            "LopNr": [1, 2, 2, 3],
            "Kon": ["1", "2", "1", "2"],
            "Fodd": [date(1950, 3, 1), date(1960, 6, 30), date(1960, 6, 30), None],
            "Lan": ["01"] * 4,
        },
        drugs={
            "LopNr": [1, 2, 9],
            "Dag": [None, date(2008, 8, 8), date(2008, 8, 8)],
            "ATC": ["N06AB04", "N06AB04", None],
        },
    )
    with connect(write(tmp_path, tables)) as source:
        found = problems(source, "drug_exposure")
        assert found["person there several times, rows differ"] == (2, 1)
        assert found["no birth date"] == (1, 1)
        assert found["event without date"] == (1, 1)
        assert found["event of a person not in PERSON"] == (1, 1)
        assert found["event of a person who is left out"] == (1, 1)
        assert found["event without a mapped concept"] == (1, 1)
        assert found["migration of a person not in PERSON"] == (1, 1)
        assert drugs(source, {"code_prefix": "N"}).num_rows == 0


def test_migrations_that_change_nothing_are_counted_and_left_out(tmp_path: Path) -> None:
    days = [date(2002, 1, 1), date(2003, 1, 1), date(2003, 1, 1), date(2004, 1, 1), None, date(2006, 1, 1)]
    tables = registers(
        migrations={"LopNr": [2, 2, 2, 2, 2, None], "Dag": days, "Typ": ["Utv", "Utv", "Inv", "Inv", "Inv", "Utv"]}
    )
    with connect(write(tmp_path, tables)) as source:
        assert [span for span in spans(source) if span[0] == 2] == [
            (2, day(2001, 1, 1), day(2002, 1, 1)),
            (2, day(2003, 1, 1), day(2012, 12, 31)),
        ]
        assert problems(source) == {
            "migration without person identifier": (1, 0),
            "migration without date or direction": (1, 1),
            "immigration of a person who is there, or emigration of one who is away": (2, 1),
            "immigration and emigration on the same day": (1, 1),
        }


def test_drugs_that_were_returned_are_counted_and_left_out(tmp_path: Path) -> None:
    tables = registers(drugs={"Antal": [2.0, -1.0, None]})
    with connect(write(tmp_path, tables)) as source:
        assert drugs(source, {"code_prefix": "N"})["quantity"].to_pylist() == [60.0, None]
        assert problems(source, "drug_exposure") == {module.RETURNED: (1, 1)}


def test_returns_are_known_by_negative_daily_doses_where_no_quantity_is_mapped(tmp_path: Path) -> None:
    mapping = MAPPING.replace('quantity = ["Antal", "Stycken"]\n', "") + 'daily_doses = ["Antal", "DDD"]\n'
    assert "quantity" not in mapping
    tables = registers(drugs={"Antal": [2.0, -1.0, 1.0], "DDD": [30.0, 30.0, 0.0]})
    with connect(write(tmp_path, tables, mapping)) as source:
        assert sorted(drugs(source, {"code_prefix": "N"})["daily_doses"].to_pylist()) == [0.0, 60.0]
        assert problems(source, "drug_exposure") == {module.RETURNED: (1, 1), module.NO_DAILY_DOSES: (1, 1)}


MEASURED = """
[[measurements]]
file = "visits.SUFFIX"
person = "LopNr"
date = "Dag"
values = { "ALSFRS-R" = { column = "Total", least = 0, most = 48 }, VC = "VC" }
"""


def test_values_beyond_their_limits_and_after_death_are_counted(tmp_path: Path) -> None:
    visits = {
        "LopNr": [1, 1, 1, 2],
        "Dag": [date(2009, 1, 1), date(2009, 4, 1), date(2011, 1, 1), date(2009, 1, 1)],
        "Total": [40, 51, 30, -1],
        "VC": [80.0, None, None, 95.5],
    }
    with connect(write(tmp_path, registers(visits=visits), MAPPING + MEASURED)) as source:
        total = ConceptSet.model_validate({"domain": "measurement", "include": [{"code_prefix": "ALSFRS-R"}]})
        assert extract_events(source, resolve(source, "total", total))["person_id"].to_pylist() == [1]
        values = source.to_arrow(source.table("measurement"))["value_as_number"].to_pylist()
        assert sorted(values) == [30.0, 40.0, 80.0, 95.5]
        assert problems(source, "measurement") == {module.BEYOND_LIMITS: (2, 2), "event after death": (1, 1)}
        assert module.BEYOND_LIMITS not in {each.check for each in data_quality(source, {"drug_exposure"})}


DIAGNOSES = """
[[diagnoses]]
file = "care.SUFFIX"
person = "LopNr"
date = { column = "In", format = "%d.%m.%Y" }
end = { column = "Ut", origin = 1960-01-01 }
code = ["DIA1", "DIA2"]
rank = { column = "Typ", values = { H = "primary" } }
where = { Vard = ["S", 7] }
"""
CARE = {
    "LopNr": [1, 1, 2, 3],
    "In": ["02.03.2005", "03.03.2005", " 01.01.2006 ", "01.01.2006"],
    "Ut": [16498, None, 16802, 16802],
    "DIA1": ["F32.0", "", "g122", "F99"],
    "DIA2": ["K358", None, None, None],
    "Typ": ["H", None, "H", "H"],
    "Vard": ["S", "S", "7", "O"],
}


def test_several_columns_of_codes_filters_formats_and_origins(tmp_path: Path) -> None:
    with connect(write(tmp_path, registers(care=CARE), MAPPING + DIAGNOSES)) as source:
        rows = source.to_arrow(source.table("condition_occurrence")).sort_by("condition_source_value").to_pylist()
        told = [
            (row["person_id"], row["condition_source_value"], row["condition_start_date"], row["condition_end_date"])
            for row in rows
        ]
        assert told == [
            (1, "F32.0", day(2005, 3, 2), day(2005, 3, 3)),
            (1, "K358", day(2005, 3, 2), day(2005, 3, 3)),
            (2, "g122", day(2006, 1, 1), day(2006, 1, 1)),
        ]
        assert {row["condition_status_concept_id"] for row in rows} == {32902}
        mnd = ConceptSet.model_validate({"domain": "condition", "include": [{"code_prefix": "G12.2"}]})
        assert extract_events(source, resolve(source, "mnd", mnd))["person_id"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("table", "column", "cells", "said"),
    [
        ("persons", "Kon", ["1", "2", "3", "x"], r"column 'Kon' of persons.*: 2 cells.*persons.sex.values names"),
        ("migrations", "Typ", ["Utv", "Inv", "Flyttat"], r"column 'Typ' of migrations.*: 1 cell that"),
        ("migrations", "Dag", ["2003-01-31", "soon", "2009-09-09"], r"column 'Dag' of migrations.*: 1 cell that"),
        ("drugs", "LopNr", ["1", "SECRET", "2"], r"column 'LopNr' of drugs.*: 1 cell that"),
        ("drugs", "Antal", ["2", "1,5", "1"], r"column 'Antal' of drugs.*: 1 cell that"),
    ],
)
def test_cells_that_cannot_be_read_are_counted_and_never_shown(
    tmp_path: Path, table: str, column: str, cells: list[str], said: str
) -> None:
    place = write(tmp_path, registers(**{table: {column: cells}}), suffix="csv")

    def read_all() -> None:
        with connect(place) as source:
            extract_spans(source)
            drugs(source, {"code_prefix": "N"})

    with pytest.raises(SourceError, match=said) as raised:
        read_all()
    assert not any(cell in str(raised.value) for cell in ("SECRET", "1,5", "soon", "Flyttat"))


def test_every_missing_column_and_wrong_type_is_named_at_once(tmp_path: Path) -> None:
    wrong = MAPPING.replace('"Fodd"', '"Foed"').replace('quantity = ["Antal", "Stycken"]', 'quantity = "Antall"')
    tables = registers(drugs={"Dag": [1.5, 2.5, 3.5]}, migrations={"Typ": [True, False, True]})
    with pytest.raises(SourceError) as raised:
        connect(write(tmp_path, tables, wrong))
    told = {fault.where: fault for fault in raised.value.faults}
    assert told.keys() == {
        "persons.birth",
        "migrations.direction.column",
        "dispensings[0].date",
        "dispensings[0].quantity",
    }
    assert told["persons.birth"].found == "persons.parquet has no column 'Foed'"
    assert told["persons.birth"].remedy == "did you mean 'Fodd'?"
    assert "LopNr" in told["persons.birth"].allowed
    assert told["dispensings[0].date"].remedy == "give its origin"


def test_every_missing_file_is_named_at_once(tmp_path: Path) -> None:
    tables = {name: columns for name, columns in REGISTERS.items() if name not in ("deaths", "drugs")}
    with pytest.raises(SourceError) as raised:
        connect(write(tmp_path, tables))
    assert [fault.where for fault in raised.value.faults] == ["deaths.file", "dispensings[0].file"]


def test_a_file_of_no_known_form_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    mapping = MAPPING.replace("deaths.SUFFIX", "deaths.sas7bdat").replace("drugs.SUFFIX", "drugs.xlsx")
    place = write(tmp_path, mapping=mapping)
    (tmp_path / "deaths.sas7bdat").write_bytes(b"no table of SAS")
    (tmp_path / "drugs.xlsx").write_bytes(b"")
    with pytest.raises(SourceError) as raised:
        connect(place)
    assert [fault.where for fault in raised.value.faults] == ["deaths.sas7bdat", "drugs.xlsx"]


def test_without_pyreadstat_a_file_of_sas_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name=name)

    monkeypatch.setattr("equipoise.data.register_files.import_module", absent)
    with pytest.raises(SourceError, match=r"needs the Python package pyreadstat.*statistical-files"):
        connect(write(tmp_path, suffix="xpt"))


@pytest.mark.parametrize("suffix", ["xpt", "dta"])
def test_moments_of_sas_and_stata_are_days(tmp_path: Path, suffix: str) -> None:
    moments = [datetime(2006, 1, 2, 23, 59), None, datetime(1959, 12, 31, 0, 1)]
    place = write(tmp_path, registers(drugs={"Dag": moments}), suffix=suffix)
    with connect(place) as source:
        days = source.to_arrow(source.table("drug_exposure"))["drug_exposure_start_date"].to_pylist()
        assert sorted(each for each in days if each is not None) == [day(1959, 12, 31), day(2006, 1, 2)]
        assert days.count(None) == 1


def test_large_files_of_sas_are_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistical_files, "READ_AT_ONCE", 2)
    with connect(write(tmp_path, suffix="xpt")) as source:
        assert extract_people(source).num_rows == 4
        assert drugs(source, {"code_prefix": "N"}).num_rows == 3


def test_parts_of_a_table_are_read_as_one(tmp_path: Path) -> None:
    place = write(tmp_path, mapping=MAPPING.replace('file = "drugs.SUFFIX"', 'file = ["a.csv", "b.csv"]'), suffix="csv")
    (tmp_path / "a.csv").write_text("LopNr,Dag,ATC,Antal,Stycken,Styrka\n1,20060102,N06AB04,1,30,20\n")
    (tmp_path / "b.csv").write_text("Dag,LopNr,ATC,Antal,Stycken,Styrka\n2007-01-02,2,N06AB04,1,30,20\n")
    with connect(place) as source:
        assert drugs(source, {"code_prefix": "N06A"})["day"].to_pylist() == [day(2006, 1, 2), day(2007, 1, 2)]


def test_dates_with_unknown_parts_are_completed_and_counted(tmp_path: Path) -> None:
    incomplete = '{ column = "COLUMN", format = "%Y%m%d", incomplete = true }'
    mapping = MAPPING.replace('birth = "Fodd"', f"birth = {incomplete.replace('COLUMN', 'Fodd')}")
    mapping = mapping.replace('date = "Dag"\ncause', f"date = {incomplete.replace('COLUMN', 'Dag')}\ncause")
    tables = registers(
        persons={"Fodd": ["19500301", "19600600", "20050000", "19700101"]},
        deaths={"LopNr": [1, 2], "Dag": ["20100200", "20110000"], "Orsak": ["G122", "R99"]},
    )
    with connect(write(tmp_path, tables, mapping)) as source:
        people = extract_people(source)
        assert people["birth_day"].to_pylist() == [day(1950, 3, 1), day(1960, 6, 15), day(2005, 7, 1), 0]
        assert people["death_day"].to_pylist() == [day(2010, 2, 15), day(2011, 7, 1), None, None]
        found = [(each.table, each.n_records) for each in data_quality(source) if each.check == module.COMPLETED]
        assert found == [("deaths", 2)]
        assert problems(source)["birth date without month or day"] == (2, 2)


def test_an_incomplete_date_is_refused_where_the_mapping_does_not_expect_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"column 'Dag' of deaths.parquet: 1 cell"):
        connect(write(tmp_path, registers(deaths={"Dag": ["20100200"]})))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_parts_with_other_columns_are_refused(tmp_path: Path, suffix: str) -> None:
    mapping = MAPPING.replace('file = "drugs.SUFFIX"', 'file = ["drugs.SUFFIX", "more.SUFFIX"]')
    more = {name: cells for name, cells in REGISTERS["drugs"].items() if name != "Styrka"}
    with pytest.raises(SourceError, match=r"not every part has the columns 'Styrka'"):
        connect(write(tmp_path, registers(more=more), mapping, suffix))


def test_births_without_a_day_follow_the_rule_of_the_floor(tmp_path: Path) -> None:
    born = ["195003", "196006", "200505", "197013"]
    mapping = MAPPING.replace('birth = "Fodd"', 'birth = { column = "Fodd", format = "%Y%m" }')
    with connect(write(tmp_path, registers(persons={"Fodd": born}), mapping)) as source:
        assert extract_people(source)["birth_day"].to_pylist() == [
            day(1950, 3, 15), day(1960, 6, 15), day(2005, 5, 15), day(1970, 7, 1),
        ]  # fmt: skip
        assert problems(source) == {"birth date without month or day": (4, 4)}
        assert (3, day(2005, 5, 15), day(2012, 12, 31)) in spans(source)


def test_the_fingerprint_knows_every_file_and_the_mapping(tmp_path: Path) -> None:
    def fingerprint() -> str | None:
        with connect(tmp_path / "mapping.toml") as source:
            return source.fingerprint()

    place = write(tmp_path)
    first = fingerprint()
    place.touch()
    assert fingerprint() == first
    place.write_text(place.read_text() + "# a remark\n")
    second = fingerprint()
    write(tmp_path / "other", registers(deaths={"Dag": [date(2010, 2, 4)]}))
    (tmp_path / "other" / "deaths.parquet").replace(tmp_path / "deaths.parquet")
    assert len({first, second, fingerprint()}) == 3


def test_registers_of_nobody_are_an_answer(tmp_path: Path) -> None:
    empty = {name: pa.table(columns).slice(0, 0).to_pydict() for name, columns in REGISTERS.items()}
    place = write(tmp_path, suffix="csv")
    for name in REGISTERS:
        (tmp_path / f"{name}.csv").write_text(",".join(empty[name]) + "\n")
    with connect(place) as source:
        assert extract_people(source).num_rows == 0
        assert spans(source) == []
        assert drugs(source, {"code_prefix": "N06A"}).num_rows == 0
        assert problems(source, "drug_exposure") == {}
