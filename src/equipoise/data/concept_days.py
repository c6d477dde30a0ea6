"""On which days each person has each concept of a domain, in windows before a day of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.concepts import Match, ResolvedConcepts, one_of
from equipoise.data.events import known_events
from equipoise.data.source import Source
from equipoise.spec.concepts import Domain

Level = Literal["concept", "ancestors", "ingredient", "atc"]
LEVELS: dict[str, str] = {
    "concept": "the standard concept of the record",
    "ancestors": "the record's concept and every concept above it in concept_ancestor",
    "ingredient": "ingredients of RxNorm above the record's concept",
    "atc": "ATC classes above the record's concept",
}


@dataclass(frozen=True, slots=True)
class DayWindow:
    """Days relative to a person's own day, both inclusive; `first` None is as early as records go."""

    first: int | None
    last: int

    @property
    def said(self) -> str:
        return f"days {'…' if self.first is None else self.first} to {self.last}"


def concept_days(
    source: Source, domain: Domain, rows: ir.Table, windows: Sequence[DayWindow], level: Level = "concept"
) -> pa.Table:
    """The records of a domain that lie in a window before each row's own day, by concept.

    rows     relation with row int32, person_id int64, index_day int32: persons on days of their own
    windows  at least one; records in any of them are found
    level    which concepts: the records' own, or classes above them

    Returns row int32, concept_id int64 and offset int32, the record's day less the row's, in no order; a day may come
    more than once. Records are those of `events`, so those before birth or after death are left out; concept 0 (none)
    is too.
    Nothing is gathered in the database: merging equal places of millions of records is faster in memory.
    """
    every = ResolvedConcepts(domain, domain, None, Match())
    records = known_events(source, every).select("person_id", "day", "concept_id")
    records = records.filter(records.concept_id.notnull() & (records.concept_id != 0))
    found = records.join(rows, "person_id")
    found = found.mutate(offset=(found.day - found.index_day).cast("int32"))
    found = found.filter(_in_any(found.offset, windows)).select("row", "concept_id", "offset")
    return source.to_arrow(found if level == "concept" else _classified(source, found.distinct(), level))


def concepts_recorded(source: Source, resolved: ResolvedConcepts) -> set[int]:
    """Standard concepts of the records that a concept set names, however it names them."""
    found = known_events(source, resolved).select("concept_id").distinct()
    listed = {concept for concept in source.to_arrow(found)["concept_id"].to_pylist() if concept}
    return listed | set(resolved.concept_ids)


def classes_above(source: Source, concept_ids: frozenset[int]) -> set[int]:
    """Every concept above any of these in concept_ancestor, and these themselves."""
    above = source.table("concept_ancestor")
    found = above.filter(one_of(source, above.descendant_concept_id, concept_ids)).select("ancestor_concept_id")
    return set(source.to_arrow(found.distinct())["ancestor_concept_id"].to_pylist()) | set(concept_ids)


def concept_names(source: Source, concept_ids: frozenset[int]) -> dict[int, str]:
    """Names of concepts, where the vocabulary has one."""
    concept = source.table("concept")
    found = concept.filter(one_of(source, concept.concept_id, concept_ids)).select("concept_id", "concept_name")
    rows = source.to_arrow(found)
    pairs = zip(rows["concept_id"].to_pylist(), rows["concept_name"].to_pylist(), strict=True)
    return {concept_id: name for concept_id, name in pairs if name is not None}


def _within(offset: ir.IntegerValue, window: DayWindow) -> ir.BooleanValue:
    inside = offset <= window.last
    return inside if window.first is None else inside & (offset >= window.first)


def _in_any(offset: ir.IntegerValue, windows: Sequence[DayWindow]) -> ir.BooleanValue:
    inside: ir.BooleanValue = ibis.literal(False)
    for window in windows:
        inside = inside | _within(offset, window)
    return inside


def _classified(source: Source, found: ir.Table, level: Level) -> ir.Table:
    """The same days by class: a day counts once for a class, however many records below it there are."""
    above = source.table("concept_ancestor").select(class_id="ancestor_concept_id", below="descendant_concept_id")
    if level != "ancestors":
        concept = source.table("concept")
        above = above.semi_join(concept.filter(_is_class(concept, level)), above.class_id == concept.concept_id)
    joined = found.join(above, found.concept_id == above.below)
    return joined.select("row", "offset", concept_id=joined.class_id).distinct()


def _is_class(concept: ir.Table, level: Level) -> ir.BooleanValue:
    if level == "atc":
        return (concept.vocabulary_id == "ATC").fill_null(False)
    of_rxnorm = concept.vocabulary_id.isin(("RxNorm", "RxNorm Extension"))
    return ((concept.concept_class_id == "Ingredient") & of_rxnorm).fill_null(False)
