"""Delimited text files as people make them."""

import gzip
from pathlib import Path

import pytest

from equipoise.data.connect import connect
from equipoise.data.people import extract_people
from equipoise.data.source import Source
from equipoise.errors import SourceError

PERSON = "person_id,gender_concept_id,year_of_birth,person_source_value\n1,8507,1950,a\n"
PERIOD = "person_id,observation_period_start_date,observation_period_end_date\n1,2000-01-01,2001-01-01\n"


def folder_with(place: Path, person: str | bytes = PERSON, period: str = PERIOD, name: str = "person.csv") -> Path:
    content = person.encode() if isinstance(person, str) else person
    (place / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    (place / "observation_period.csv").write_text(period)
    return place


def genders(source: Source) -> list[str]:
    return extract_people(source)["sex"].to_pylist()


@pytest.mark.parametrize("name", ["person.csv", "PERSON.CSV", "Person.csv.gz", "PERSON.CSV.GZ"])
def test_names_in_any_letter_case(name: str, tmp_path: Path) -> None:
    with connect(folder_with(tmp_path, name=name)) as source:
        assert genders(source) == ["male"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings_and_byte_order_marks(mark: bytes, ending: str, tmp_path: Path) -> None:
    with connect(folder_with(tmp_path, mark + PERSON.replace("\n", ending).encode())) as source:
        assert genders(source) == ["male"]


def test_no_newline_at_the_end(tmp_path: Path) -> None:
    with connect(folder_with(tmp_path, PERSON.rstrip("\n"))) as source:
        assert genders(source) == ["male"]


def test_quoted_commas_quotes_and_newlines(tmp_path: Path) -> None:
    text = (
        'person_source_value,"person_id",gender_concept_id,year_of_birth\n"a, ""b""\nc",1,"8507",1950\nd,2,8532,1960\n'
    )
    with connect(folder_with(tmp_path, text)) as source:
        assert genders(source) == ["male", "female"]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters(delimiter: str, tmp_path: Path) -> None:
    with connect(folder_with(tmp_path, PERSON.replace(",", delimiter))) as source:
        assert genders(source) == ["male"]


def test_a_tsv_file_may_hold_commas(tmp_path: Path) -> None:
    text = "person_id\tgender_concept_id\tyear_of_birth\tperson_source_value\n1\t8507\t1950\ta,b,c,d,e\n"
    with connect(folder_with(tmp_path, text, name="person.tsv")) as source:
        assert genders(source) == ["male"]


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    header = PERSON.partition("\n")[0]
    for text in (header, header + "\n"):
        with connect(folder_with(tmp_path, text)) as source:
            assert genders(source) == []
            assert source.row_count("person") == 0


def test_a_file_without_a_header(tmp_path: Path) -> None:
    for text in ("", "\n"):
        with pytest.raises(SourceError, match=r"person\.csv: has no header line"):
            connect(folder_with(tmp_path, text))


def test_columns_without_a_name_are_ignored(tmp_path: Path) -> None:
    with connect(folder_with(tmp_path, ",,person_id,gender_concept_id,year_of_birth\n0,0,1,8507,1950\n")) as source:
        assert genders(source) == ["male"]


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not UTF-8 text"):
        connect(folder_with(tmp_path, "pers\u00f8n_id,gender_concept_id,year_of_birth\n".encode("latin-1")))
    folder_with(tmp_path)
    (tmp_path / "location.csv").write_bytes("location_id,state\n1,K\u00f8benhavn\n".encode("latin-1"))
    with connect(tmp_path) as source, pytest.raises(SourceError, match=r"location\.csv.*UTF-8"):
        extract_people(source)


@pytest.mark.parametrize("row", ["2,8532", "2,8532,1960,b,c", '2,8532,1960,"never closed'])
def test_rows_that_do_not_fit_the_header(row: str, tmp_path: Path) -> None:
    with connect(folder_with(tmp_path, PERSON + row + "\n")) as source:
        with pytest.raises(SourceError, match=r"person\.csv") as caught:
            extract_people(source)
        assert "8532" not in str(caught.value)


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    folder_with(tmp_path, PERSON * 1000, name="person.csv.gz")
    path = tmp_path / "person.csv.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"person\.csv\.gz"), connect(tmp_path) as source:
        extract_people(source)
    path.write_bytes(PERSON.encode())
    with pytest.raises(SourceError, match="is not a whole gzip file"):
        connect(tmp_path)


def test_a_text_table_is_parsed_once(tmp_path: Path) -> None:
    with connect(folder_with(tmp_path)) as source:
        assert source.row_count("person") is None, "counting would mean reading the file"
        table = source.table("person")
        (tmp_path / "person.csv").unlink()
        assert source.to_arrow(table).num_rows == source.row_count("person") == 1
