"""What a cell becomes: every stored type and spelling, exactly, or refused with a count and never with its content."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from equipoise.data.connect import connect
from equipoise.data.people import extract_people
from equipoise.errors import SourceError
from tests.data.build import ONE_PERSON, person, write_csv, write_duckdb, write_parquet

BEYOND_DOUBLE = 2**53 + 1
LARGEST = 2**63 - 1


def read(source: Any, table: str, column: str) -> list[Any]:
    return source.to_arrow(source.table(table).select(column))[column].to_pylist()


def through_parquet(place: Path, column: str, values: pa.Array | Sequence[Any]) -> list[Any]:
    """One column of MEASUREMENT, stored as given and read back."""
    table = pa.table({column: values})
    for name, stored in (
        ("person_id", pa.int64()),
        ("measurement_concept_id", pa.int64()),
        ("measurement_date", pa.date32()),
    ):
        if name != column:
            table = table.append_column(name, pa.nulls(len(table), stored))
    with connect(write_parquet(place, dict(ONE_PERSON) | {"measurement": table})) as source:
        return read(source, "measurement", column)


def through_csv(place: Path, column: str, cells: Sequence[str]) -> list[Any]:
    """One column of MEASUREMENT, written as text and read back."""
    others = [name for name in ("person_id", "measurement_concept_id", "measurement_date") if name != column]
    write_csv(place, ONE_PERSON)
    lines = [",".join((column, *others)), *(",".join((cell, *("" for _ in others))) for cell in cells)]
    (place / "measurement.csv").write_text("\n".join(lines) + "\n")
    with connect(place) as source:
        return read(source, "measurement", column)


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([1, BEYOND_DOUBLE, LARGEST, None], pa.int64()),
        pa.array([1, BEYOND_DOUBLE, LARGEST, None], pa.uint64()),
        pa.array([1, BEYOND_DOUBLE, LARGEST, None], pa.decimal128(38, 0)),
        pa.array([Decimal(1), Decimal(BEYOND_DOUBLE), Decimal(LARGEST), None], pa.decimal128(38, 2)),
        pa.array(["1", str(BEYOND_DOUBLE), f"{LARGEST}.0", None]),
    ],
    ids=["int64", "uint64", "decimal", "decimal with places", "text"],
)
def test_identifiers_stay_exact(stored: pa.Array, tmp_path: Path) -> None:
    assert through_parquet(tmp_path, "person_id", stored) == [1, BEYOND_DOUBLE, LARGEST, None]


def test_identifiers_kept_as_double_are_taken_where_double_is_exact(tmp_path: Path) -> None:
    stored = pa.array([1.0, float(2**53 - 1), float("nan"), None], pa.float64())
    assert through_parquet(tmp_path, "person_id", stored) == [1, 2**53 - 1, None, None]


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([1.0, 2.5], pa.float64()),
        pa.array([1.0, float(2**53)], pa.float64()),
        pa.array([1.0, float("inf")], pa.float64()),
        pa.array([1.0, float(2**24)], pa.float32()),
        pa.array([1, 2**63], pa.uint64()),
        pa.array([1, 10**30], pa.decimal128(38, 0)),
        pa.array([Decimal("1.00"), Decimal("2.50")], pa.decimal128(10, 2)),
        pa.array(["1", "two"]),
    ],
    ids=["fraction", "too large for double", "infinite", "too large for single", "uint64", "decimal", "places", "text"],
)
def test_identifiers_that_are_not_exact_are_refused(stored: pa.Array, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'person_id' of table 'measurement'.*1 cell that cannot be read as a whole"):
        through_parquet(tmp_path, "person_id", stored)


@pytest.mark.parametrize("stored", [pa.array([True]), pa.array([[1]]), pa.array([date(2000, 1, 1)])])
def test_types_that_cannot_be_an_identifier(stored: pa.Array, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is of type"):
        through_parquet(tmp_path, "person_id", stored)


@pytest.mark.parametrize("stored", [pa.array([20000101]), pa.array([1.5]), pa.array([True])])
def test_types_that_cannot_be_a_date(stored: pa.Array, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is of type .*allowed: a date or timestamp type"):
        through_parquet(tmp_path, "measurement_date", stored)


FAR = 3_672_148  # 12024-01-01, counted by Calendrical Calculations' formula: 719163 days to 1970 off R.D. 4391311


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([FAR, -1, 84_006, None], pa.int32()).cast(pa.date32()),
        pa.array([FAR * 86_400, -1, 84_006 * 86_400 + 86_399, None], pa.int64()).cast(pa.timestamp("s")),
        pa.array([FAR * 86_400_000, -1, 84_006 * 86_400_000, None], pa.int64()).cast(pa.timestamp("ms", "UTC")),
        pa.array(["12024-01-01", "1969-12-31", "2200-01-01", None]),
        pa.array(["12024-01-01 10:00:00", "1969-12-31T23:59:59Z", "22000101", "NULL"]),
    ],
    ids=["date", "timestamp", "timestamp with zone", "text", "text with time"],
)
def test_dates_far_away_and_before_1970(stored: pa.Array, tmp_path: Path) -> None:
    assert through_parquet(tmp_path, "measurement_date", stored) == [FAR, -1, 84_006, None]


def test_numbers(tmp_path: Path) -> None:
    assert through_parquet(tmp_path, "value_as_number", pa.array([1, None])) == [1.0, None]
    stored = pa.array([0.1, float("nan"), float("inf"), None])
    assert through_parquet(tmp_path, "value_as_number", stored) == [0.1, None, None, None]
    assert through_parquet(tmp_path, "value_as_number", pa.array(["0.1", " 1e3 ", ""])) == [0.1, 1000.0, None]


def test_codes_kept_as_numbers_read_as_they_were_written(tmp_path: Path) -> None:
    codes = pa.array([428251008.0, 250.1, None])
    assert through_parquet(tmp_path, "measurement_source_value", codes) == ["428251008", "250.1", None]
    assert through_parquet(tmp_path, "measurement_source_value", pa.array([428251008])) == ["428251008"]


def test_text_cells_of_whole_numbers(tmp_path: Path) -> None:
    cells = [
        "7",
        " 7 ",
        "+7",
        "-7",
        "7.",
        "7.000",
        "007",
        str(BEYOND_DOUBLE),
        "",
        "NA",
        "null",
        "\\N",
        "NaN",
        ".",
        "  ",
    ]
    expected = [7, 7, 7, -7, 7, 7, 7, BEYOND_DOUBLE] + [None] * 7
    assert through_csv(tmp_path, "value_as_concept_id", cells) == expected


@pytest.mark.parametrize("cell", ["1.5", "1e3", "1.23457E+15", "1_000", '"1,000"', "0x10", "seven", "1 2", str(2**63)])
def test_text_that_is_no_whole_number(cell: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        through_csv(tmp_path, "value_as_concept_id", ["1", cell, cell])
    assert "2 cells that cannot be read as a whole number" in str(caught.value)
    assert "measurement.csv" in str(caught.value)
    assert cell.strip('"') not in str(caught.value)


def test_text_cells_of_dates(tmp_path: Path) -> None:
    cells = ["2000-02-29", "20000229", "2000-02-29 00:00:00.000", "2000-02-29T23:59:59+02:00", " 2000-02-29 ", "NA", ""]
    assert through_csv(tmp_path, "measurement_date", cells) == [11016] * 5 + [None, None]


@pytest.mark.parametrize(
    "cell", ["2001-02-29", "29/02/2000", "02-29-2000", "2000-2-9", "20000230", "infinity", "11016"]
)
def test_text_that_is_no_date(cell: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="1 cell that cannot be read as a date") as caught:
        through_csv(tmp_path, "measurement_date", ["2000-01-01", cell])
    assert cell not in str(caught.value)


def test_text_cells_of_numbers(tmp_path: Path) -> None:
    cells = ["1", "-0.5", ".5", "1.", "1e-3", " 2 ", "NaN", ""]
    assert through_csv(tmp_path, "value_as_number", cells) == [1.0, -0.5, 0.5, 1.0, 0.001, 2.0, None, None]


@pytest.mark.parametrize("cell", ["inf", '"1,5"', "1 000", "<5", "1.2.3"])
def test_text_that_is_no_number(cell: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="1 cell that cannot be read as a number"):
        through_csv(tmp_path, "value_as_number", ["1", cell])


def test_bad_cells_of_all_columns_are_said_at_once(tmp_path: Path) -> None:
    write_csv(tmp_path, ONE_PERSON)
    (tmp_path / "death.csv").write_text("person_id,death_date\nx,2000-01-01\ny,soon\n")
    with connect(tmp_path) as source, pytest.raises(SourceError) as caught:
        source.table("death")
    assert [fault.found for fault in caught.value.faults] == [
        "2 cells that cannot be read as a whole number",
        "1 cell that cannot be read as a date",
    ]


def test_columns_that_differ_between_cdm_versions(tmp_path: Path) -> None:
    visit = pa.table(
        {
            "person_id": [1],
            "visit_concept_id": [9201],
            "visit_start_date": pa.array([date(2000, 1, 1)]),
            "admitting_source_concept_id": [8536],
        }
    )
    with connect(write_parquet(tmp_path, dict(ONE_PERSON) | {"visit_occurrence": visit})) as source:
        assert read(source, "visit_occurrence", "admitted_from_concept_id") == [8536]
        assert read(source, "visit_occurrence", "discharged_to_concept_id") == [None]


def test_a_column_in_two_spellings(tmp_path: Path) -> None:
    (tmp_path / "person.csv").write_text("person_id,PERSON_ID,gender_concept_id,year_of_birth\n1,2,8532,1950\n")
    with pytest.raises(SourceError, match="two columns are called 'person_id'"):
        connect(tmp_path)


def test_columns_in_capitals_in_every_form(tmp_path: Path) -> None:
    tables = {"PERSON": pa.table({"PERSON_ID": [1], "Gender_Concept_Id": [8507], "YEAR_OF_BIRTH": [1950]})}
    tables["OBSERVATION_PERIOD"] = pa.table(
        {
            "PERSON_ID": [1],
            "OBSERVATION_PERIOD_START_DATE": pa.array([date(2000, 1, 1)]),
            "OBSERVATION_PERIOD_END_DATE": pa.array([date(2001, 1, 1)]),
        }
    )
    (tmp_path / "parquet").mkdir()
    for place in (write_parquet(tmp_path / "parquet", tables), write_duckdb(tmp_path / "x.duckdb", tables, "Cdm")):
        with connect(place) as source:
            assert read(source, "person", "gender_concept_id") == [8507]


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    path = tmp_path / "person.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"person\.parquet: "):
        connect(tmp_path)


def test_a_parquet_file_damaged_in_the_middle(tmp_path: Path) -> None:
    many = pa.table({"person_id": range(100_000), "gender_concept_id": range(100_000), "year_of_birth": range(100_000)})
    write_parquet(tmp_path, ONE_PERSON)
    path = tmp_path / "person.parquet"
    parquet.write_table(many, path)
    content = bytearray(path.read_bytes())
    content[1000:200_000] = bytes(199_000)
    path.write_bytes(content)
    with connect(tmp_path) as source, pytest.raises(SourceError) as caught:
        extract_people(source)
    assert "damaged" in str(caught.value) or "cannot be read" in str(caught.value) or "refused" in str(caught.value)


def test_dates_of_a_typed_database_out_of_the_calendar(tmp_path: Path) -> None:
    path = tmp_path / "cdm.duckdb"
    write_duckdb(path, ONE_PERSON)
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO observation_period VALUES (1, DATE '2000-01-01', DATE 'infinity')")
    with connect(path) as source:
        assert read(source, "observation_period", "observation_period_end_date")[-1] is None


def test_birth_datetime_as_text_with_a_time(tmp_path: Path) -> None:
    rows = [person(1, year=None, birth_datetime=datetime(1950, 1, 2, 23, 59))]
    with connect(write_csv(tmp_path, dict(ONE_PERSON) | {"person": rows})) as source:
        assert extract_people(source)["birth_year"].to_pylist() == [1950]
