"""What a run would do, without doing it: steps, whether the store has them, sizes where they are cheap, the SQL."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equipoise.data.concepts import resolve
from equipoise.data.events import events
from equipoise.data.people import observation_spans, people
from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES
from equipoise.runner.progress import Silent
from equipoise.runner.step import Step
from equipoise.runner.steps import study_steps
from equipoise.runner.store import Store
from equipoise.runner.walk import Walk
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.study import Study


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a run. `rows` of the table it reads, None where counting would mean reading it."""

    name: str
    kind: str
    detail: str
    rows: int | None
    cached: bool
    sql: tuple[str, ...] = ()


def plan(
    study: Study, source: Source, *, store: str | Path | None = None, seed: int | None = None, sql: bool = False
) -> list[PlannedStep]:
    """The steps of `run`, in order; computes none of them. With `sql`, the queries of those that read the database."""
    walk = Walk(source, Store(store), Silent())
    planned = []
    for step in study_steps(study, study.seed if seed is None else seed):
        cached = all(name in walk.digests for name in step.needs.values()) and _is_kept(walk, step)
        queries = _queries(source, step) if sql else ()
        planned.append(PlannedStep(step.name, step.kind, step.detail, _rows(source, step), cached, queries))
    return planned


def _is_kept(walk: Walk, step: Step) -> bool:
    digest = walk.shelf.digest(walk.key_of(step))
    if digest is not None:
        walk.digests[step.name] = digest
    return digest is not None


def _rows(source: Source, step: Step) -> int | None:
    if step.kind == "people":
        return source.row_count("person")
    if step.kind in ("concepts", "records"):
        return source.row_count(EVENT_TABLES[step.subset["concept_set"]["domain"]].table)
    return None


def _queries(source: Source, step: Step) -> tuple[str, ...]:
    if step.kind == "people":
        return source.sql(people(source)), source.sql(observation_spans(source))
    if step.kind == "records":
        return (_events_sql(source, step.subset["name"], step.subset["concept_set"]),)
    if step.kind == "member_records":
        return tuple(_events_sql(source, name, item) for name, item in step.subset["concept_sets"].items())
    return ()


def _events_sql(source: Source, name: str, concept_set: dict[str, Any]) -> str:
    return source.sql(events(source, resolve(source, name, ConceptSet.model_validate(concept_set))))
