"""Generated small databases: on every engine, each relational verb gives the rows that the oracle gives."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.data import verbs
from equipoise.data.engine import DuckDBEngine, EngineOptions
from tests.oracle import relational as oracle

EVENTS = pa.schema([("person_id", pa.int64()), ("day", pa.int32()), ("concept_id", pa.int64())])
SPANS = pa.schema([("person_id", pa.int64()), ("start_day", pa.int32()), ("end_day", pa.int32())])
PERSONS = pa.schema([("person_id", pa.int64())])
Compute = Callable[[Any], list[dict]]
BEYOND_DOUBLE = 2**53

people = st.integers(0, 3).map(lambda k: BEYOND_DOUBLE + k)  # neighbours that one DOUBLE cannot tell apart
days = st.integers(-6, 12)
events = st.lists(
    st.fixed_dictionaries({"person_id": people, "day": days, "concept_id": st.sampled_from([None, 7, 8])})
)
spans = st.lists(
    st.tuples(people, days, st.integers(0, 5)).map(
        lambda drawn: {"person_id": drawn[0], "start_day": drawn[1], "end_day": drawn[1] + drawn[2]}
    )
)
persons = st.lists(st.fixed_dictionaries({"person_id": people}))


class InDuckDB:
    """The engine that is always there."""

    def __init__(self) -> None:
        self._engine = DuckDBEngine(EngineOptions())

    def upload(self, columns: pa.Table) -> ibis.Table:
        return self._engine.upload(columns)

    def rows(self, relation: ibis.Table) -> list[dict]:
        return pa.Table.from_batches(self._engine.batches(relation, 1000), relation.schema().to_pyarrow()).to_pylist()

    def close(self) -> None:
        self._engine.close()


class InSQLite:
    """An engine with other SQL and other integer arithmetic; the verbs alone run on it."""

    def __init__(self) -> None:
        self._backend = ibis.sqlite.connect()

    def upload(self, columns: pa.Table) -> ibis.Table:
        name = ibis.util.gen_name("verbs")
        table = self._backend.create_table(name, schema=ibis.Schema.from_pyarrow(columns.schema), temp=True)
        marks = ", ".join("?" for _ in columns.column_names)
        self._backend.con.executemany(
            f"INSERT INTO {name} VALUES ({marks})", zip(*columns.to_pydict().values(), strict=True)
        )
        return table

    def rows(self, relation: ibis.Table) -> list[dict]:
        return self._backend.to_pyarrow_batches(relation).read_all().to_pylist()

    def close(self) -> None:
        self._backend.disconnect()


class InPostgres:
    """A server, if the environment names one."""

    def __init__(self) -> None:
        driver = pytest.importorskip("equipoise.data.driver_postgres", reason="psycopg is not installed")
        self._engine = driver.PostgresEngine(os.environ["EQUIPOISE_TEST_POSTGRES"])

    def upload(self, columns: pa.Table) -> ibis.Table:
        return self._engine.upload(columns)

    def rows(self, relation: ibis.Table) -> list[dict]:
        return pa.Table.from_batches(self._engine.batches(relation, 1000), relation.schema().to_pyarrow()).to_pylist()

    def close(self) -> None:
        self._engine.close()


NO_SERVER = pytest.mark.skipif(
    "EQUIPOISE_TEST_POSTGRES" not in os.environ,
    reason="set EQUIPOISE_TEST_POSTGRES=postgres://user:password@host/database to test a PostgreSQL server",
)


@pytest.fixture(scope="module", params=[InDuckDB, InSQLite, pytest.param(InPostgres, marks=NO_SERVER)])
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    opened = request.param()
    yield opened
    opened.close()


def table(rows: list[dict], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema)


def same_rows(found: list[dict], expected: list[dict]) -> None:
    """Equal as multisets of rows, column names included."""
    assert Counter(frozenset(row.items()) for row in found) == Counter(frozenset(row.items()) for row in expected)


@settings(max_examples=40)
@given(events=events, persons=persons)
def test_keep_and_drop_persons_part_the_rows(engine: Any, events: list[dict], persons: list[dict]) -> None:
    rows, some = engine.upload(table(events, EVENTS)), engine.upload(table(persons, PERSONS))
    same_rows(engine.rows(verbs.keep_persons(rows, some)), oracle.keep_persons(events, persons))
    same_rows(engine.rows(verbs.drop_persons(rows, some)), oracle.drop_persons(events, persons))


@settings(max_examples=40)
@given(events=events, first=days, last=days)
def test_days_limit_events(engine: Any, events: list[dict], first: int, last: int) -> None:
    rows = engine.upload(table(events, EVENTS))
    same_rows(engine.rows(verbs.on_or_after(rows, first)), oracle.on_or_after(events, first))
    same_rows(engine.rows(verbs.on_or_before(rows, last)), oracle.on_or_before(events, last))
    same_rows(engine.rows(verbs.between_days(rows, first, last)), oracle.between_days(events, first, last))


@settings(max_examples=40)
@given(events=events)
def test_first_events_and_distinct_days(engine: Any, events: list[dict]) -> None:
    rows = engine.upload(table(events, EVENTS))
    same_rows(engine.rows(verbs.first_per_person(rows)), oracle.first_per_person(events))
    same_rows(engine.rows(verbs.distinct_days(rows)), oracle.distinct_days(events))


@settings(max_examples=40)
@given(events=events, spans=spans)
def test_events_lie_within_or_outside_spans(engine: Any, events: list[dict], spans: list[dict]) -> None:
    rows, times = engine.upload(table(events, EVENTS)), engine.upload(table(spans, SPANS))
    same_rows(engine.rows(verbs.within_spans(rows, times)), oracle.within_spans(events, spans))
    same_rows(engine.rows(verbs.outside_spans(rows, times)), oracle.outside_spans(events, spans))


@settings(max_examples=60)
@given(spans=spans, gap=st.integers(0, 3))
def test_merged_spans_cover_the_same_days(engine: Any, spans: list[dict], gap: int) -> None:
    times = engine.upload(table(spans, SPANS))
    same_rows(engine.rows(verbs.merge_spans(times)), oracle.merge_spans(spans))
    same_rows(engine.rows(verbs.merge_spans(times, gap=gap)), oracle.merge_spans(spans, gap=gap))


@settings(max_examples=40)
@given(left=spans, right=spans)
def test_span_overlaps(engine: Any, left: list[dict], right: list[dict]) -> None:
    here, there = engine.upload(table(left, SPANS)), engine.upload(table(right, SPANS))
    same_rows(engine.rows(verbs.span_overlaps(here, there)), oracle.span_overlaps(left, right))


@settings(max_examples=40)
@given(events=events, more=events)
def test_counts_and_unions(engine: Any, events: list[dict], more: list[dict]) -> None:
    rows, others = engine.upload(table(events, EVENTS)), engine.upload(table(more, EVENTS))
    both = verbs.union(rows, others)
    same_rows(engine.rows(both), oracle.union(events, more))
    same_rows(engine.rows(verbs.count_by(both, "concept_id")), oracle.count_by(events + more, "concept_id"))
    same_rows(engine.rows(verbs.count_by(both)), oracle.count_by(events + more))
