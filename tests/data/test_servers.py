"""Databases behind a URL: what is said when they cannot be reached, and one real server if the environment names it."""

import os
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from equipoise.data.concepts import resolve
from equipoise.data.connect import connect
from equipoise.data.events import extract_events
from equipoise.data.people import extract_people, extract_spans
from equipoise.data.quality import data_quality
from equipoise.data.urls import address
from equipoise.errors import SourceError
from equipoise.spec.concepts import ConceptSet
from tests.data.build import Tables, arrow, concept, condition, drug, period, person, write_parquet

SECRET = "p@ss:w/rd"
LARGE = 2**53 + 1


def test_an_address_shows_no_secret() -> None:
    url = "postgres://me:p%40ss%3Aw%2Frd@db.example:5433/register?schema=cdm&sslmode=require&password=hush"
    parts = address(url)
    assert parts.shown == "postgres://db.example:5433/register"
    assert parts.for_driver.endswith("/register?sslmode=require&password=hush")
    assert (parts.choice.schema, parts.choice.vocabulary_schema) == ("cdm", None)
    assert not any(secret in repr(parts) + str(parts) for secret in ("p%40ss", SECRET, "hush", "me:"))


def test_fingerprints_of_servers_need_a_label() -> None:
    first, second = address("postgres://me:one@host/db"), address("postgres://you:two@host/db")
    assert first.fingerprint(None) is None
    assert first.fingerprint("2024-06") == second.fingerprint("2024-06"), "neither user nor password is in it"
    assert first.fingerprint("2024-06") != first.fingerprint("2024-07")
    assert first.fingerprint("2024-06") != address("postgres://me:one@host/db?schema=x").fingerprint("2024-06")


@pytest.mark.parametrize("url", ["postgres://[broken/db", "postgres://host:notaport/db"])
def test_what_is_no_url(url: str) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(SourceError, match="is not a URL"):
        connect(url)


def test_a_server_that_does_not_answer() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(SourceError) as caught:
        connect("postgres://me:hush@127.0.0.1:1/register?connect_timeout=2")
    assert "postgres://127.0.0.1:1/register: the server cannot be reached" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError("no", name="psycopg")

    monkeypatch.setattr("equipoise.data.connect.import_module", refuse)
    with pytest.raises(SourceError, match="needs the Python package 'psycopg', which is not installed"):
        connect("postgres://me:hush@host/db")


TABLES: Tables = {
    "person": [person(1), person(LARGE, 1960, None), person(3), person(3, 1999), person(LARGE + 1, None)],
    "observation_period": [
        period(1, date(2000, 1, 1), date(2000, 6, 30)),
        period(1, date(2000, 7, 1), date(2001, 1, 1)),
        period(LARGE, date(1950, 1, 1), date(2101, 12, 31)),
        period(99, date(2000, 1, 1), date(2000, 6, 30)),
    ],
    "death": [{"person_id": 1, "death_date": date(2000, 12, 1), "cause_concept_id": 10}],
    "condition_occurrence": [
        condition(1, 10, date(2000, 5, 5), condition_source_value="K92.2"),
        condition(LARGE, 11, date(2100, 5, 5)),
        condition(1, 11, date(2000, 12, 2)),
        condition(99, 11, date(2000, 5, 5)),
    ],
    "drug_exposure": [drug(LARGE, 40, date(2001, 1, 1), quantity=0.1, days_supply=30)],
    "concept": [concept(10, "SNOMED", "111"), concept(11, "SNOMED", "112"), concept(40, "RxNorm", "4493")],
    "concept_ancestor": [{"ancestor_concept_id": 10, "descendant_concept_id": 11}],
    "drug_strength": [
        {
            "drug_concept_id": 40,
            "ingredient_concept_id": 41,
            "amount_value": 20.0,
            "amount_unit_concept_id": 8576,
            "invalid_reason": None,
        }
    ],
    "location": pa.table({"location_id": ["1", "2"], "state": ["x", None]}),
}


def answers(place: Path | str) -> dict[str, object]:
    bleeding = {"domain": "condition", "include": [{"concept_id": 10, "descendants": True}, {"code_prefix": "K92"}]}
    drugs = {"domain": "drug", "include": [{"vocabulary": "RxNorm", "code": "4493"}]}
    with connect(place) as source:
        conditions = resolve(source, "bleeding", ConceptSet.model_validate(bleeding))
        return {
            "people": extract_people(source),
            "spans": extract_spans(source),
            "conditions": extract_events(source, conditions),
            "first": extract_events(source, conditions, pa.array([LARGE, 5], pa.int64()), first_only=True),
            "drugs": extract_events(source, resolve(source, "drugs", ConceptSet.model_validate(drugs))),
            "quality": data_quality(source, {"condition_occurrence", "drug_exposure"}),
        }


@pytest.fixture
def server() -> Iterator[str]:
    """A schema of its own in the server that the environment names, dropped afterwards."""
    url = os.environ.get("EQUIPOISE_TEST_POSTGRES")
    if url is None:
        pytest.skip("set EQUIPOISE_TEST_POSTGRES=postgres://user:password@host/database to test a PostgreSQL server")
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    schema = f"equipoise_{uuid.uuid4().hex[:8]}"
    types = {"int64": "bigint", "double": "double precision", "date32[day]": "date", "string": "text"}
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"CREATE SCHEMA {schema}")
        for name, table in arrow(TABLES).items():
            columns = ", ".join(f'"{field.name}" {types.get(str(field.type), "timestamp")}' for field in table.schema)
            session.execute(f"CREATE TABLE {schema}.{name} ({columns})")
            marks = ", ".join("%s" for _ in table.column_names)
            rows = [list(row.values()) for row in table.to_pylist()]
            if rows:
                session.cursor().executemany(f"INSERT INTO {schema}.{name} VALUES ({marks})", rows)
        yield f"{url}{'&' if '?' in url else '?'}schema={schema}"
        session.execute(f"DROP SCHEMA {schema} CASCADE")


def test_a_real_server_answers_as_files_do(server: str, tmp_path: Path) -> None:
    assert answers(server) == answers(write_parquet(tmp_path, TABLES))


def test_a_real_server_gives_no_secret_away_and_is_left_as_it_was(server: str) -> None:
    with connect(server, snapshot="now") as source:
        extract_people(source)
        password = server.partition("://")[2].partition("@")[0].partition(":")[2]
        assert password
        said = repr(source) + repr(source.description) + str(source.fingerprint()) + source.sql(source.table("person"))
        assert password not in said
        assert source.row_count("person") == 5, "counted only because it was extracted already"
        assert source.row_count("death") is None or isinstance(source.row_count("death"), int)
    with connect(server) as source:
        assert source.fingerprint() is None
        assert source.row_count("person") is None
