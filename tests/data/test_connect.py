"""Opening a database: every form in which it can lie, and what is said when it cannot be opened."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.data import files
from equipoise.data.connect import connect
from equipoise.data.people import extract_people, extract_spans
from equipoise.errors import SourceError
from tests.data.build import ONE_PERSON, arrow, person, write_csv, write_duckdb, write_parquet


def write_sqlite(path: Path, tables: Any) -> Path:
    connection = sqlite3.connect(path)
    for name, table in arrow(tables).items():
        columns = ", ".join(table.column_names)
        connection.execute(f"CREATE TABLE {name} ({columns})")
        rows = [tuple(None if cell is None else str(cell) for cell in row.values()) for row in table.to_pylist()]
        marks = ", ".join("?" for _ in table.column_names)
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    connection.commit()
    connection.close()
    return path


FORMS: dict[str, Callable[[Path], Path | str]] = {
    "Parquet": lambda place: write_parquet(place, ONE_PERSON),
    "CSV": lambda place: write_csv(place, ONE_PERSON),
    "gzipped CSV in capitals": lambda place: write_csv(place, ONE_PERSON, zipped=True, upper=True),
    "tab-delimited": lambda place: write_csv(place, ONE_PERSON, delimiter="\t"),
    "semicolons": lambda place: write_csv(place, ONE_PERSON, delimiter=";"),
    "DuckDB file": lambda place: write_duckdb(place / "cdm.duckdb", ONE_PERSON),
    "DuckDB file, other schema": lambda place: write_duckdb(place / "cdm.duckdb", ONE_PERSON, schema="My CDM"),
    "DuckDB URL": lambda place: f"duckdb://{write_duckdb(place / 'cdm.duckdb', ONE_PERSON)}",
    "SQLite file": lambda place: write_sqlite(place / "cdm.sqlite", ONE_PERSON),
    "SQLite URL": lambda place: f"sqlite://{write_sqlite(place / 'cdm.sqlite', ONE_PERSON)}",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_person(form: str, tmp_path: Path) -> None:
    with eq.connect(FORMS[form](tmp_path)) as source:
        assert extract_people(source).to_pylist() == [
            {
                "person_id": 1,
                "birth_day": -7140,
                "birth_year": 1950,
                "sex": "female",
                "race_concept_id": None,
                "ethnicity_concept_id": None,
                "region": None,
                "care_site_id": None,
                "death_day": None,
            }
        ]
        assert extract_spans(source).to_pylist() == [{"person_id": 1, "start_day": 10957, "end_day": 18627}]


def test_a_relative_url_means_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_duckdb(tmp_path / "cdm.duckdb", ONE_PERSON)
    monkeypatch.chdir(tmp_path)
    with connect("duckdb:///cdm.duckdb") as source:
        assert source.row_count("person") == 1


def test_other_files_are_ignored(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    (tmp_path / "README.txt").write_text("not a table")
    (tmp_path / "note_nlp.csv").write_text("broken\x00")
    (tmp_path / "measurement").mkdir()
    with connect(tmp_path) as source:
        assert not source.has("measurement")
        assert source.to_arrow(source.table("measurement")).num_rows == 0


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "it's [1] of * 'x=y'?"
    folder.mkdir()
    write_parquet(folder, ONE_PERSON)
    (folder / "observation_period.parquet").unlink()
    write_csv(folder, {"observation_period": ONE_PERSON["observation_period"]})
    with connect(folder) as source:
        assert extract_spans(source).num_rows == 1


def faults_of(location: str | Path) -> str:
    with pytest.raises(SourceError) as caught:
        connect(location).close()
    return str(caught.value)


def test_two_files_of_one_table(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    write_csv(tmp_path, {"person": ONE_PERSON["person"]}, upper=True)
    message = faults_of(tmp_path)
    assert "PERSON.csv" in message
    assert "person.parquet" in message
    assert "one file a table" in message


@pytest.mark.parametrize("name", ["drug_exposure.csv.zip", "DRUG_EXPOSURE.txt", "drug_exposure.feather"])
def test_a_table_in_a_form_that_is_not_read_does_not_pass_for_absent(name: str, tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    (tmp_path / name).write_text("something")
    assert f"{name} seems to hold table 'drug_exposure' in a form that is not read" in faults_of(tmp_path)
    write_csv(tmp_path, {"drug_exposure": []})
    with connect(tmp_path) as source:
        assert source.has("drug_exposure"), "beside a file that is read, the other is an extra file"


def test_parquet_in_parts(tmp_path: Path) -> None:
    write_parquet(tmp_path, {"observation_period": ONE_PERSON["observation_period"]})
    for part, who in (("part-0", 1), ("part-1", 2)):
        (tmp_path / "person.parquet" / part).mkdir(parents=True)
        write_parquet(tmp_path / "person.parquet" / part, {"person": [person(who)]})
        (tmp_path / "person.parquet" / part / "person.parquet").rename(tmp_path / "person.parquet" / f"{part}.parquet")
        (tmp_path / "person.parquet" / part).rmdir()
    (tmp_path / "person.parquet" / "_SUCCESS").touch()
    with connect(tmp_path) as source:
        assert extract_people(source)["person_id"].to_pylist() == [1, 2]
        before = source.fingerprint()
    (tmp_path / "person.parquet" / "part-1.parquet").rename(tmp_path / "person.parquet" / "part-2.parquet")
    with connect(tmp_path) as source:
        assert source.fingerprint() != before


def test_nothing_there(tmp_path: Path) -> None:
    assert "there is no such file or folder" in faults_of(tmp_path / "absent")
    assert "there is no such file" in faults_of(f"duckdb://{tmp_path}/absent.duckdb")
    assert "there is no such file" in faults_of(f"sqlite://{tmp_path}/absent.sqlite")
    assert not (tmp_path / "absent.duckdb").exists(), "opening must not make a file"


def test_a_folder_without_tables(tmp_path: Path) -> None:
    assert "holds no OMOP CDM table" in faults_of(tmp_path)
    (tmp_path / "persons.csv").write_text("person_id\n1\n")
    assert "person.parquet" in faults_of(tmp_path)


def test_not_a_database_file(tmp_path: Path) -> None:
    path = tmp_path / "cdm.duckdb"
    path.write_bytes(b"PK\x03\x04 this is a zip archive")
    assert "is not a DuckDB file" in faults_of(path)
    path.write_bytes(b"")
    assert "is not a DuckDB file" in faults_of(path)


def test_a_damaged_duckdb_file(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "cdm.duckdb", ONE_PERSON)
    path.write_bytes(path.read_bytes()[:5000])
    assert "cannot be read" in faults_of(path)


def test_an_unknown_scheme() -> None:
    message = faults_of("mysql://me:secret@host/db")
    assert "unknown scheme 'mysql'" in message
    assert "postgres://" in message
    assert "secret" not in message


def test_all_structural_faults_come_at_once(tmp_path: Path) -> None:
    tables = dict(ONE_PERSON) | {"drug_exposure": pa.table({"person_id": [1]})}
    tables["person"] = pa.table({"person_id": pa.array([True]), "gender_concept_id": [8532]})
    del tables["observation_period"]
    with pytest.raises(SourceError) as caught:
        connect(write_parquet(tmp_path, tables))
    found = [fault.where.partition(" (")[0] for fault in caught.value.faults]
    assert found == [
        "column 'person_id' of table 'person'",
        "column 'year_of_birth' of table 'person'",
        "table 'observation_period'",
        "column 'drug_concept_id' of table 'drug_exposure'",
        "column 'drug_exposure_start_date' of table 'drug_exposure'",
    ]
    assert caught.value.exit_code == 11


def test_a_broken_table_that_nobody_needs_does_not_hinder(tmp_path: Path) -> None:
    tables = dict(ONE_PERSON) | {"drug_exposure": pa.table({"person_id": [1]})}
    with connect(write_parquet(tmp_path, tables)) as source:
        assert extract_people(source).num_rows == 1
        with pytest.raises(SourceError, match="drug_concept_id"):
            source.table("drug_exposure")
        with pytest.raises(SourceError, match="drug_exposure_start_date"):
            source.check(["person", "drug_exposure"])


def test_several_schemas_hold_a_cdm(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "cdm.duckdb", ONE_PERSON, schema="first")
    write_duckdb(path, dict(ONE_PERSON) | {"person": [person(1), person(2)]}, schema="second")
    message = faults_of(path)
    assert "first, second" in message
    assert "?schema=first" in message
    with connect(f"duckdb://{path}?schema=SECOND") as source:
        assert source.row_count("person") == 2
    assert "schema 'third' holds no table 'person'" in faults_of(f"duckdb://{path}?schema=third")


def test_the_vocabulary_may_lie_in_a_schema_of_its_own(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "register.duckdb", ONE_PERSON, schema="data")
    write_duckdb(path, {"concept": [], "concept_ancestor": [], "person": []}, schema="vocabulary")
    with connect(f"duckdb://{path}?schema=data") as source:
        assert source.has("concept")
        assert source.has("concept_ancestor")
        assert source.row_count("person") == 1


def test_a_database_without_persons_at_all(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS id")
    assert "no table 'person' in any schema" in faults_of(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; see the next test")
@pytest.mark.parametrize("form", ["Parquet", "CSV", "DuckDB file"])
def test_without_permission(form: str, tmp_path: Path) -> None:
    made = Path(FORMS[form](tmp_path))
    target = made if made.is_file() else tmp_path
    target.chmod(0)
    try:
        assert "reading is not permitted" in faults_of(target)
    finally:
        target.chmod(0o700)


@pytest.mark.parametrize("form", ["Parquet", "DuckDB file"])
def test_without_permission_by_decree(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = FORMS[form](tmp_path)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "/secret/place")

    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    message = faults_of(made)
    assert "reading is not permitted" in message
    assert "/secret/place" not in message


def test_limits_that_duckdb_does_not_know(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    with pytest.raises(SourceError, match="memory_limit"):
        connect(tmp_path, memory_limit="much")
    with pytest.raises(SourceError, match="threads"):
        connect(tmp_path, threads=-1)
    with connect(tmp_path, threads=1, memory_limit="500MB") as source:
        assert source.row_count("person") == 1


def test_the_users_file_is_never_written(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "cdm.duckdb", ONE_PERSON)
    before = (path.read_bytes(), path.stat().st_mtime_ns, sorted(tmp_path.iterdir()))
    with connect(path) as source:
        extract_spans(source)
        source.upload(pa.table({"person_id": [1]}))
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(tmp_path.iterdir())) == before


def test_several_readers_at_once(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "cdm.duckdb", ONE_PERSON)
    reader = f"import equipoise as eq; s = eq.connect({str(path)!r}); print(s.row_count('person')); input()"
    with connect(path) as source:
        other = subprocess.run([sys.executable, "-c", reader], input=b"\n", capture_output=True, check=True)
        assert other.stdout.split() == [b"1"]
        assert source.row_count("person") == 1


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    with connect(tmp_path) as source:
        first = source.fingerprint()
        assert first == source.fingerprint()
    with connect(tmp_path, snapshot="2024") as source:
        assert source.fingerprint() != first
    write_parquet(tmp_path, {"person": [person(2)]})
    with connect(tmp_path) as source:
        assert source.fingerprint() != first
    (tmp_path / "notes.txt").write_text("an ignored file changes nothing")
    with connect(tmp_path) as source:
        second = source.fingerprint()
        (tmp_path / "more.txt").write_text("nor does another")
        assert source.fingerprint() == second


@pytest.mark.parametrize("small", [True, False])
def test_copies_of_small_data_are_the_same_data(tmp_path: Path, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not small:
        monkeypatch.setattr(files, "SMALL", 0)
    (tmp_path / "one").mkdir()
    write_parquet(tmp_path / "one", ONE_PERSON)
    shutil.copytree(tmp_path / "one", tmp_path / "other", copy_function=shutil.copyfile)
    shutil.copytree(tmp_path / "one", tmp_path / "renamed")
    (tmp_path / "renamed" / "person.parquet").rename(tmp_path / "renamed" / "person.PARQUET")
    for path in (tmp_path / "other").iterdir():
        os.utime(path, ns=(1, 1))
    found = []
    for name in ("one", "other", "renamed"):
        with connect(tmp_path / name) as source:
            found.append(source.fingerprint())
    assert (found[0] == found[1]) == small
    assert found[2] not in found[:2], "under another name"


def test_data_that_change_while_they_are_read_are_noticed(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    with connect(tmp_path) as source:
        source.fingerprint()
        write_parquet(tmp_path, {"person": [person(2)]})
        os.utime(tmp_path / "person.parquet", ns=(2, 2))
        with pytest.raises(SourceError, match="the data changed while they were being read"):
            source.fingerprint()


def test_a_description_says_what_the_database_says_of_itself(tmp_path: Path) -> None:
    said = pa.table({"cdm_source_name": ["Register"], "cdm_version": ["5.4"], "vocabulary_version": ["v5.0"]})
    with connect(write_parquet(tmp_path, dict(ONE_PERSON) | {"cdm_source": said})) as source:
        description = source.description
    assert (description.kind, description.name) == ("folder", "Register")
    assert (description.cdm_version, description.vocabulary_version) == ("5.4", "v5.0")


def test_dates_of_one_person(tmp_path: Path) -> None:
    with connect(write_parquet(tmp_path, ONE_PERSON)) as source:
        start = extract_spans(source)["start_day"][0].as_py()
    assert start == (date(2000, 1, 1) - date(1970, 1, 1)).days
