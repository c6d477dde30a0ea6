"""From a concept set of a study to the concept identifiers and source codes that a database holds for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import or_

import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES
from equipoise.errors import Fault, SourceError, UnsupportedError
from equipoise.spec.concepts import ConceptItem, ConceptSet

_LONGEST_LIST = 200


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

    `included` is None where every record of the domain counts (deaths). Records that `excluded` matches are removed,
    and with `at_least` or `below` those whose number is missing or outside.
    """

    name: str
    domain: str
    included: Match | None
    excluded: Match
    warnings: tuple[ConceptWarning, ...] = ()
    at_least: float | None = None
    below: float | None = None

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
    concept_ancestor. What the vocabulary does not hold becomes a warning, never an exception; of an item that names the
    same thing in several vocabularies, one that any of them holds is enough.

    Raises SourceError for a concept_id where the source has no OMOP concepts, UnsupportedError for an item of
    knowledge that still waits for its codes.
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
    value = concept_set.value
    limits = (None, None) if value is None else (value.at_least, value.below)
    return ResolvedConcepts(name, concept_set.domain, included, excluded, tuple(lookup.warnings), *limits)


def plain_code(code: str) -> str:
    """A code without dots and blanks at its ends, in capitals: codes are compared in this form."""
    return code.replace(".", "").strip().upper()


class _Lookup:
    """The vocabulary lookups of one concept set, with the warnings they gave."""

    def __init__(self, source: Source, name: str):
        self._source = source
        self._name = name
        self._concept = source.table("concept")
        self._has_concepts = self._any(self._concept)
        self._vocabularies: dict[str, bool] = {}
        self._codes: dict[tuple[str, str], frozenset[int]] = {}
        self._names: dict[tuple[str, str], frozenset[int]] = {}
        self.warnings: list[ConceptWarning] = []

    def warn(self, item: str, problem: ConceptProblem, text: str) -> None:
        self.warnings.append(ConceptWarning(self._name, item, problem, text))

    def match(self, items: tuple[ConceptItem, ...]) -> Match:
        """What the items name together. Concept identifiers are looked up at once, and codes at once by vocabulary."""
        if any(item.knowledge for item in items):
            raise UnsupportedError(_not_expanded(self._name))
        named = [item.concept_id for item in items if item.concept_id is not None]
        if named and not self._source.has_shared_concepts:
            raise SourceError(_no_shared_concepts(self._name, len(named)))
        standard = self._standard(named)
        self._find_codes([(str(item.vocabulary), item.code) for item in items if item.code is not None])
        self._find_codes(
            [(same.vocabulary, same.code) for item in items for same in item.also if same.code is not None]
        )
        self._find_names(
            [(same.vocabulary, same.name) for item in items for same in item.also if same.name is not None]
        )
        found = [self._item(item, standard) for item in items]
        above = [match.concept_ids for item, match in zip(items, found, strict=True) if item.descendants]
        below = self._below(frozenset().union(*above))
        return reduce(or_, (self._grown(*pair, below) for pair in zip(items, found, strict=True)), Match())

    def _item(self, item: ConceptItem, standard: dict[int, bool]) -> Match:
        if item.concept_id is not None:
            return self._by_concept(item.concept_id, standard)
        if item.code is not None:
            return self._by_any(item) if item.also else self._by_code(str(item.vocabulary), item.code)
        return self._by_prefix(item.vocabulary, str(item.code_prefix))

    def _by_concept(self, concept_id: int, standard: dict[int, bool]) -> Match:
        said = f"concept {concept_id}"
        if self._is_checked(said) and concept_id not in standard:
            self.warn(said, ConceptProblem.UNKNOWN_CONCEPT, "not in the table concept")
        elif not standard.get(concept_id, True) and concept_id != 0:
            self.warn(
                said,
                ConceptProblem.NOT_STANDARD,
                "not a standard concept, and a concept_id matches standard concepts only; give its vocabulary and code",
            )
        return Match(concept_ids=frozenset({concept_id}))

    def _by_code(self, vocabulary: str, code: str) -> Match:
        said, plain = f"code {code!r} of {vocabulary}", plain_code(code)
        if not self._is_checked(said, vocabulary):
            return Match()
        ids = self._codes.get((vocabulary.upper(), plain), frozenset())
        if not ids:
            self.warn(said, ConceptProblem.UNKNOWN_CODE, "not in the table concept")
        return Match(concept_ids=ids, source_concept_ids=ids)

    def _by_any(self, item: ConceptItem) -> Match:
        """What stands for the same thing in any vocabulary; a warning only where none holds it."""
        said = f"code {item.code!r} of {item.vocabulary} or the same in another vocabulary"
        if not self._is_checked(said):
            return Match()
        ids = self._codes.get((str(item.vocabulary).upper(), plain_code(str(item.code))), frozenset())
        for same in item.also:
            known, text = (
                (self._names, str(same.name).upper()) if same.code is None else (self._codes, plain_code(same.code))
            )
            ids |= known.get((same.vocabulary.upper(), text), frozenset())
        if not ids:
            self.warn(said, ConceptProblem.UNKNOWN_CODE, "not in the table concept")
        return Match(concept_ids=ids, source_concept_ids=ids)

    def _find_codes(self, wanted: list[tuple[str, str]]) -> None:
        """Concepts of all codes of one vocabulary in one pass over the table."""
        for vocabulary, plain, found in self._found(wanted, plain_code, _plain(self._concept.concept_code)):
            self._codes[vocabulary, plain] = found

    def _find_names(self, wanted: list[tuple[str, str]]) -> None:
        """Concepts of all names of one vocabulary in one pass over the table."""
        for vocabulary, name, found in self._found(wanted, str.upper, self._concept.concept_name.upper()):
            self._names[vocabulary, name] = found

    def _found(
        self, wanted: list[tuple[str, str]], compared: Callable[[str], str], column: ir.StringValue
    ) -> Iterator[tuple[str, str, frozenset[int]]]:
        """Of texts by vocabulary, those that a column of the table concept holds, with their concepts."""
        by_vocabulary: dict[str, set[str]] = {}
        for vocabulary, text in wanted:
            by_vocabulary.setdefault(vocabulary.upper(), set()).add(compared(text))
        for vocabulary, texts in by_vocabulary.items():
            if not self._has_concepts or not self._holds(vocabulary):
                continue
            rows = self._concept.filter(_in(self._concept, vocabulary) & column.isin(sorted(texts)))
            read = self._source.to_arrow(rows.select("concept_id", text=column)).to_pylist()
            for text in texts:
                yield vocabulary, text, frozenset(row["concept_id"] for row in read if row["text"] == text)

    def _by_prefix(self, vocabulary: str | None, prefix: str) -> Match:
        plain = plain_code(prefix)
        if vocabulary is None:
            return Match(prefixes=frozenset({plain}))
        said, ids = f"codes that start with {prefix!r} of {vocabulary}", frozenset[int]()
        if self._is_checked(said, vocabulary):
            ids = self._ids(_in(self._concept, vocabulary) & starts_with(_plain(self._concept.concept_code), plain))
            if not ids:
                self.warn(said, ConceptProblem.UNKNOWN_CODE, "no such code in the table concept")
        return Match(source_concept_ids=ids, prefixes=frozenset({plain}))

    def _grown(self, item: ConceptItem, match: Match, below: dict[int, set[int]]) -> Match:
        """A match with the descendants of its concepts, if the item asks for them."""
        if not item.descendants or not match:
            return match
        more = frozenset().union(*(below.get(concept_id, frozenset()) for concept_id in match.concept_ids))
        if not more:
            said = f"concept {item.concept_id}" if item.code is None else f"code {item.code!r} of {item.vocabulary}"
            self.warn(
                said, ConceptProblem.NO_DESCENDANTS, f"{self._why_no_descendants()}, so descendants cannot be followed"
            )
        return match | Match(more, more if match.source_concept_ids else frozenset())

    def _why_no_descendants(self) -> str:
        if self._any(self._source.table("concept_ancestor")):
            return "concept_ancestor does not list it"
        return "the table concept_ancestor is absent or empty"

    def _below(self, ids: frozenset[int]) -> dict[int, set[int]]:
        """Descendants of each concept that concept_ancestor lists."""
        below: dict[int, set[int]] = {}
        if ids:
            ancestor = self._source.table("concept_ancestor")
            rows = self._source.to_arrow(ancestor.filter(one_of(self._source, ancestor.ancestor_concept_id, ids)))
            pairs = zip(rows["ancestor_concept_id"].to_pylist(), rows["descendant_concept_id"].to_pylist(), strict=True)
            for above, concept_id in pairs:
                below.setdefault(above, set()).add(concept_id)
        return below

    def _standard(self, ids: list[int]) -> dict[int, bool]:
        """Of the concepts that the vocabulary holds: whether each is standard."""
        if not ids:
            return {}
        rows = self._concept.filter(one_of(self._source, self._concept.concept_id, frozenset(ids)))
        found = self._source.to_arrow(rows.select("concept_id", "standard_concept")).to_pylist()
        return {row["concept_id"]: row["standard_concept"] is not None for row in found}

    def _ids(self, condition: ir.BooleanValue) -> frozenset[int]:
        found = self._source.to_arrow(self._concept.filter(condition).select("concept_id"))
        return frozenset(found["concept_id"].to_pylist())

    def _is_checked(self, said: str, vocabulary: str | None = None) -> bool:
        """Whether the vocabulary tables can say anything about an item; a warning if they cannot."""
        if not self._has_concepts:
            self.warn(said, ConceptProblem.NO_VOCABULARY, "the table concept is absent or empty, so it is not checked")
        elif vocabulary is not None and not self._holds(vocabulary):
            self.warn(said, ConceptProblem.NO_VOCABULARY, f"the table concept holds no vocabulary {vocabulary!r}")
        else:
            return True
        return False

    def _holds(self, vocabulary: str) -> bool:
        vocabulary = vocabulary.upper()
        if vocabulary not in self._vocabularies:
            rows = self._concept.filter(_in(self._concept, vocabulary))
            self._vocabularies[vocabulary] = self._any(rows)
        return self._vocabularies[vocabulary]

    def _any(self, rows: ir.Table) -> bool:
        return self._source.to_arrow(rows.limit(1)).num_rows > 0


def _no_shared_concepts(name: str, number: int) -> Fault:
    """An identifier of OMOP would match nothing, or another code that has the same number here."""
    return Fault(
        f"concept set {name!r}",
        f"{number} of its items name a concept by concept_id, and the data are registers, which have codes",
        "vocabulary and code, or code_prefix",
        "name the codes, or run the study on an OMOP database",
    )


def _not_expanded(name: str) -> Fault:
    """The floor that reads databases knows no drugs: what to look for must stand in the study."""
    found = "names knowledge in place of codes"
    return Fault(f"concept set {name!r}", found, "codes", "read the study with equipoise.read_study")


def _in(concept: ir.Table, vocabulary: str) -> ir.BooleanValue:
    return concept.vocabulary_id.upper() == vocabulary.upper()


def _plain(code: ir.StringValue) -> ir.StringValue:
    return code.replace(".", "").strip().upper()


def one_of(source: Source, values: ir.IntegerValue, ids: frozenset[int]) -> ir.BooleanValue:
    """Whether a value is among identifiers: a list in the SQL if they are few, an uploaded table if many."""
    if len(ids) <= _LONGEST_LIST:
        return values.isin(sorted(ids))
    return values.isin(source.upload(pa.table({"concept_id": pa.array(sorted(ids), pa.int64())})).concept_id)


def starts_with(text: ir.StringValue, prefix: str) -> ir.BooleanValue:
    """Whether a text starts with a prefix, taken literally: no character of it stands for others."""
    return text.substr(0, len(prefix)) == prefix
