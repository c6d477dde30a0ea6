"""From a concept set of a study to the concept identifiers and source codes that a database holds for it."""

from dataclasses import dataclass
from enum import StrEnum

import ibis
import ibis.expr.types as ir

from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES
from equipoise.spec.concepts import ConceptItem, ConceptSet


class ConceptProblem(StrEnum):
    """Why a concept set may match fewer records than meant. None of them stops a study."""

    UNKNOWN_CONCEPT = "UNKNOWN_CONCEPT"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    NOT_STANDARD = "NOT_STANDARD"
    NO_DESCENDANTS = "NO_DESCENDANTS"
    NO_VOCABULARY = "NO_VOCABULARY"
    ABSENT_TABLE = "ABSENT_TABLE"


@dataclass(frozen=True, slots=True)
class ConceptWarning:
    """One thing about a concept set that the user should know: which set, which item, what."""

    concept_set: str
    item: str
    problem: ConceptProblem
    text: str

    def __str__(self) -> str:
        return f"concept set {self.concept_set!r}, {self.item}: {self.text}"


@dataclass(frozen=True, slots=True)
class Match:
    """Which records a list of concept items names: those that agree in at least one of three ways.

    `concept_ids`         the record's standard concept
    `source_concept_ids`  the record's source concept
    `prefixes`            the start of the record's source value, without dots and in capitals
    """

    concept_ids: frozenset[int] = frozenset()
    source_concept_ids: frozenset[int] = frozenset()
    prefixes: frozenset[str] = frozenset()

    def __or__(self, other: "Match") -> "Match":
        return Match(
            self.concept_ids | other.concept_ids,
            self.source_concept_ids | other.source_concept_ids,
            self.prefixes | other.prefixes,
        )

    def __bool__(self) -> bool:
        return bool(self.concept_ids or self.source_concept_ids or self.prefixes)


@dataclass(frozen=True, slots=True)
class ResolvedConcepts:
    """A concept set as one database understands it.

    `included` is None where every record of the domain counts (deaths). Records that `excluded` matches are removed.
    """

    name: str
    domain: str
    included: Match | None
    excluded: Match
    warnings: tuple[ConceptWarning, ...] = ()

    @property
    def concept_ids(self) -> frozenset[int]:
        """Standard concepts that count: included and not excluded."""
        return frozenset() if self.included is None else self.included.concept_ids - self.excluded.concept_ids

    @property
    def n_concepts(self) -> int:
        """How many concepts count, by standard or source concept; source code prefixes are not in this number."""
        if self.included is None:
            return 0
        either = self.included.concept_ids | self.included.source_concept_ids
        return len(either - self.excluded.concept_ids)


def resolve(source: Source, name: str, concept_set: ConceptSet) -> ResolvedConcepts:
    """Looks up a named concept set in the source's vocabulary tables.

    A concept_id matches the standard concept of a record; a code of a vocabulary its standard or source concept; a code
    prefix its source value and, with a vocabulary, the code of its source concept. Descendants come from
    concept_ancestor. What the vocabulary does not hold becomes a warning, never an exception.
    """
    lookup = _Lookup(source, name)
    if not source.has(EVENT_TABLES[concept_set.domain].table):
        lookup.warn(
            f"domain {concept_set.domain!r}",
            ConceptProblem.ABSENT_TABLE,
            f"the source has no table {EVENT_TABLES[concept_set.domain].table!r}, so there are no such records",
        )
    included = None if concept_set.include is None else lookup.match(concept_set.include)
    excluded = lookup.match(concept_set.exclude)
    return ResolvedConcepts(name, concept_set.domain, included, excluded, tuple(lookup.warnings))


def plain_code(code: str) -> str:
    """A code without dots and blanks at its ends, in capitals: codes are compared in this form."""
    return code.replace(".", "").strip().upper()


class _Lookup:
    """The vocabulary lookups of one concept set, with the warnings they gave."""

    def __init__(self, source: Source, name: str):
        self._source = source
        self._name = name
        self.warnings: list[ConceptWarning] = []

    def warn(self, item: str, problem: ConceptProblem, text: str) -> None:
        self.warnings.append(ConceptWarning(self._name, item, problem, text))

    def match(self, items: tuple[ConceptItem, ...]) -> Match:
        found = Match()
        for item in items:
            found |= self._item(item)
        return found

    def _item(self, item: ConceptItem) -> Match:
        if item.concept_id is not None:
            return self._concept(item.concept_id, item.descendants)
        if item.code is not None:
            return self._code(str(item.vocabulary), item.code, item.descendants)
        return self._prefix(item.vocabulary, str(item.code_prefix))

    def _concept(self, concept_id: int, descendants: bool) -> Match:
        said = f"concept {concept_id}"
        rows = self._concepts(lambda concept: concept.concept_id == concept_id)
        if self._vocabulary_is_there(said) and not rows:
            self.warn(said, ConceptProblem.UNKNOWN_CONCEPT, "not in the table concept")
        elif rows and rows[0]["standard_concept"] is None and concept_id != 0:
            self.warn(
                said,
                ConceptProblem.NOT_STANDARD,
                "not a standard concept, and a concept_id matches standard concepts only; give its vocabulary and code",
            )
        ids = frozenset({concept_id})
        return Match(ids | self._descendants(said, ids) if descendants else ids)

    def _code(self, vocabulary: str, code: str, descendants: bool) -> Match:
        said = f"code {code!r} of {vocabulary}"
        if not self._vocabulary_is_there(said, vocabulary):
            return Match()
        rows = self._concepts(
            lambda concept: _in(concept, vocabulary) & (_plain(concept.concept_code) == plain_code(code))
        )
        if not rows:
            self.warn(said, ConceptProblem.UNKNOWN_CODE, "not in the table concept")
            return Match()
        ids = frozenset(row["concept_id"] for row in rows)
        ids |= self._descendants(said, ids) if descendants else frozenset()
        return Match(concept_ids=ids, source_concept_ids=ids)

    def _prefix(self, vocabulary: str | None, prefix: str) -> Match:
        plain = plain_code(prefix)
        if vocabulary is None:
            return Match(prefixes=frozenset({plain}))
        said = f"codes that start with {prefix!r} of {vocabulary}"
        rows = []
        if self._vocabulary_is_there(said, vocabulary):
            rows = self._concepts(
                lambda concept: _in(concept, vocabulary) & starts_with(_plain(concept.concept_code), plain)
            )
            if not rows:
                self.warn(said, ConceptProblem.UNKNOWN_CODE, "no such code in the table concept")
        return Match(source_concept_ids=frozenset(row["concept_id"] for row in rows), prefixes=frozenset({plain}))

    def _concepts(self, condition) -> list[dict]:
        concept = self._source.table("concept")
        rows = concept.filter(condition(concept)).select("concept_id", "standard_concept")
        return self._source.to_arrow(rows.order_by("concept_id")).to_pylist()

    def _vocabulary_is_there(self, said: str, vocabulary: str | None = None) -> bool:
        if self._any(self._source.table("concept"), lambda concept: ibis.literal(True)):
            if vocabulary is None or self._any(self._source.table("concept"), lambda concept: _in(concept, vocabulary)):
                return True
            self.warn(said, ConceptProblem.NO_VOCABULARY, f"the table concept holds no vocabulary {vocabulary!r}")
        else:
            self.warn(said, ConceptProblem.NO_VOCABULARY, "the table concept is absent or empty, so it is not checked")
        return False

    def _any(self, table: ir.Table, condition) -> bool:
        return self._source.to_arrow(table.filter(condition(table)).limit(1)).num_rows > 0

    def _descendants(self, said: str, ids: frozenset[int]) -> frozenset[int]:
        ancestor = self._source.table("concept_ancestor")
        rows = ancestor.filter(ancestor.ancestor_concept_id.isin(sorted(ids)))
        found = self._source.to_arrow(rows.select("descendant_concept_id").distinct())["descendant_concept_id"]
        if len(found) == 0:
            empty = not self._any(ancestor, lambda _: ibis.literal(True))
            why = "the table concept_ancestor is absent or empty" if empty else "concept_ancestor does not list it"
            self.warn(said, ConceptProblem.NO_DESCENDANTS, f"{why}, so descendants cannot be followed")
        return frozenset(found.to_pylist())


def _in(concept: ir.Table, vocabulary: str) -> ir.BooleanValue:
    return concept.vocabulary_id.upper() == vocabulary.upper()


def _plain(code: ir.StringValue) -> ir.StringValue:
    return code.replace(".", "").strip().upper()


def starts_with(text: ir.StringValue, prefix: str) -> ir.BooleanValue:
    """Whether a text starts with a prefix, taken literally: no character of it stands for others."""
    return text.substr(0, len(prefix)) == prefix
