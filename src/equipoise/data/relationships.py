"""Links between persons as the database records them, and the days on which persons married and parted."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.concepts import resolve
from equipoise.data.events import extract_events
from equipoise.data.source import Source
from equipoise.spec.concepts import ConceptSet
from equipoise.spec.relatives import Items, Relationships

PERSON_DOMAINS = (56, 1147314)  # how OMOP's versions name the domain of persons in fact_relationship
KINDS = ("full_sibling", "half_sibling", "sibling", "mother", "father", "parent", "child", "spouse")


@dataclass(frozen=True, slots=True)
class RecordedLinks:
    """What a database says of its families, not yet checked.

    `links`     (first, second, kind), in any order: person `first` is the kind (position in `KINDS`) of `second`
    `begins`    (person_id, day): days on which persons married
    `ends`      (person_id, day): days on which persons divorced or were widowed
    `warnings`  concepts that the vocabulary does not know
    """

    links: pa.Table
    begins: pa.Table
    ends: pa.Table
    warnings: tuple[str, ...] = ()


def extract_links(source: Source, declared: Relationships) -> RecordedLinks:
    """Every record of a link of the declared kinds; marriages as `extract_events` gives them."""
    concepts: dict[int, int] = {}
    warnings: list[str] = []
    for kind, name in enumerate(KINDS):
        found, said = _concept_ids(source, name, getattr(declared, name))
        concepts |= {concept: concepts.get(concept, kind) for concept in sorted(found)}
        warnings += said
    links = source.to_arrow(_links(source, concepts, declared.reads))
    return RecordedLinks(
        links,
        _days(source, "partnership_begins", declared.partnership_begins),
        _days(source, "partnership_ends", declared.partnership_ends),
        tuple(warnings),
    )


def _concept_ids(source: Source, name: str, items: Items) -> tuple[frozenset[int], list[str]]:
    if not items:
        return frozenset(), []
    found = resolve(source, name, ConceptSet(domain="observation", include=items))
    return found.concept_ids, [str(warning) for warning in found.warnings]


def _links(source: Source, concepts: dict[int, int], reads: str) -> ir.Table:
    rows = source.table("fact_relationship")
    rows = rows.filter(
        rows.domain_concept_id_1.isin(PERSON_DOMAINS)
        & rows.domain_concept_id_2.isin(PERSON_DOMAINS)
        & rows.fact_id_1.notnull()
        & rows.fact_id_2.notnull()
    )
    concept = rows.relationship_concept_id
    first, second = ("fact_id_1", "fact_id_2") if reads == "first_of_second" else ("fact_id_2", "fact_id_1")
    branches = [(concept == number, ibis.literal(kind, "int32")) for number, kind in concepts.items()]
    kind = ibis.cases(*branches, else_=ibis.null("int32")) if branches else ibis.null("int32")
    named = rows.select(first=rows[first], second=rows[second], kind=kind)
    return named.filter(named.kind.notnull())


def _days(source: Source, name: str, items: Items) -> pa.Table:
    if not items:
        return pa.table({"person_id": pa.array([], pa.int64()), "day": pa.array([], pa.int32())})
    concept_set = ConceptSet(domain="observation", include=items)
    return extract_events(source, resolve(source, name, concept_set)).select(["person_id", "day"])
