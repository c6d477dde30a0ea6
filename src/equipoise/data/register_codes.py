"""The codes that occur in registers as concepts of a vocabulary of their own.

Every code of a domain gets an identifier above two billion, which OMOP leaves to local concepts; it says nothing beyond
this state of these data. Codes of ATC and ICD-10 are ordered by their first characters, so that descendants can be
followed; classes above the codes that occur are concepts, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.concepts import plain_code
from equipoise.data.engine import DuckDBEngine

LOCAL, A_DOMAIN = 2_000_000_000, 100_000_000
MILLIGRAM = 8576
NO_STRENGTH = -1.0
_ATC_LEVELS, _ICD10_LEVELS = (1, 3, 4, 5), range(3, 8)
_DOMAINS = ("drug", "condition", "procedure", "measurement", "observation", "visit", "death", "relationship")
_TEXT, _ID = pa.string(), pa.int64()
SPELLINGS = pa.schema(
    [("vocabulary", _TEXT), ("code", _TEXT), ("strength", pa.float64()), ("concept_id", _ID), ("code_id", _ID)]
)
CONCEPT = pa.schema(
    [(name, _ID if name == "concept_id" else _TEXT) for name in
     ("concept_id", "concept_name", "domain_id", "vocabulary_id", "standard_concept", "concept_code", "invalid_reason")]
)  # fmt: skip
ANCESTOR = pa.schema([("ancestor_concept_id", _ID), ("descendant_concept_id", _ID)])
STRENGTH = pa.schema(
    [("drug_concept_id", _ID), ("ingredient_concept_id", _ID), ("amount_value", pa.float64()),
     ("amount_unit_concept_id", _ID), ("invalid_reason", _TEXT)]
)  # fmt: skip


@dataclass(slots=True)
class DomainCodes:
    """The codes of one domain as rows: how each is spelt, concepts, which is above which, and strengths of products."""

    spellings: list[dict] = field(default_factory=list)
    concepts: list[dict] = field(default_factory=list)
    above: list[dict] = field(default_factory=list)
    strengths: list[dict] = field(default_factory=list)


class CodeBook:
    """The codes of every domain, looked up when they are first needed.

    `found` gives, for each domain, the combinations (vocabulary, code, strength) that occur.
    """

    def __init__(self, engine: DuckDBEngine, found: Mapping[str, Callable[[], ir.Table]]):
        self._engine, self._found = engine, found
        self._domains: dict[str, DomainCodes] = {}
        self._uploaded: dict[str, ir.Table] = {}

    def spellings(self, domain: str) -> ir.Table:
        """(vocabulary, code, strength, concept_id, code_id): the concept of a record, and of its code."""
        return self._upload(f"spellings {domain}", lambda: (self._codes(domain).spellings, SPELLINGS))

    def concept(self) -> ir.Table:
        """CONCEPT."""
        return self._upload("concept", lambda: (self._every("concepts"), CONCEPT))

    def concept_ancestor(self) -> ir.Table:
        """CONCEPT_ANCESTOR; every concept is its own ancestor, too."""
        return self._upload("above", lambda: (self._every("above"), ANCESTOR))

    def drug_strength(self) -> ir.Table:
        """DRUG_STRENGTH of the products that are told apart by their strength."""
        return self._upload("strengths", lambda: (self._codes("drug").strengths, STRENGTH))

    def _every(self, kind: str) -> list[dict]:
        return [row for domain in self._found for row in getattr(self._codes(domain), kind)]

    def _upload(self, name: str, made: Callable[[], tuple[list[dict], pa.Schema]]) -> ir.Table:
        if name not in self._uploaded:
            rows, schema = made()
            self._uploaded[name] = self._engine.upload(pa.Table.from_pylist(rows, schema))
        return self._uploaded[name]

    def _codes(self, domain: str) -> DomainCodes:
        if domain not in self._domains:
            rows: list[dict] = []
            if domain in self._found:
                distinct = self._found[domain]().distinct()
                rows = [row for batch in self._engine.batches(distinct, 100_000) for row in batch.to_pylist()]
            self._domains[domain] = _numbered(domain, [row for row in rows if row["code"] is not None])
        return self._domains[domain]


def _numbered(domain: str, rows: list[dict]) -> DomainCodes:
    """Identifiers in the order of vocabulary, code and strength, whatever order the rows came in."""
    codes = {(row["vocabulary"], plain_code(row["code"])) for row in rows}
    codes |= {(vocabulary, above) for vocabulary, code in codes for above in classes_above(vocabulary, code)}
    first = LOCAL + _DOMAINS.index(domain) * A_DOMAIN
    ids = {key: first + at for at, key in enumerate(sorted(codes), start=1)}
    shown = {(row["vocabulary"], plain_code(row["code"])): row["code"] for row in sorted(rows, key=_order)}
    made = DomainCodes()
    for (vocabulary, code), number in ids.items():
        made.concepts.append(_concept(number, shown.get((vocabulary, code), code), domain, vocabulary))
        for above in (*classes_above(vocabulary, code), code):
            made.above.append({"ancestor_concept_id": ids[vocabulary, above], "descendant_concept_id": number})
    products = {
        key: first + len(ids) + at
        for at, key in enumerate(sorted({_product(row) for row in rows if row["strength"] != NO_STRENGTH}), start=1)
    }
    for (vocabulary, code, strength), number in products.items():
        _add_product(made, number, domain, vocabulary, (code, ids), strength)
    for row in sorted(rows, key=_order):
        code_id = ids[row["vocabulary"], plain_code(row["code"])]
        made.spellings.append(row | {"concept_id": products.get(_product(row), code_id), "code_id": code_id})
    return made


def classes_above(vocabulary: str, code: str) -> tuple[str, ...]:
    """The classes that a plain code of ATC or ICD-10 belongs to, the widest first; none of other vocabularies.

    >>> classes_above("ATC", "N06AB04")
    ('N', 'N06', 'N06A', 'N06AB')
    >>> classes_above("ICD10", "G122")
    ('G12',)
    """
    name = vocabulary.upper().replace("-", "")
    levels = _ATC_LEVELS if name == "ATC" else _ICD10_LEVELS if name.startswith("ICD10") else ()
    return tuple(code[:length] for length in levels if length < len(code))


def _product(row: dict) -> tuple[str, str, float]:
    return row["vocabulary"], plain_code(row["code"]), row["strength"]


def _order(row: dict) -> tuple[str, str, float]:
    return row["vocabulary"], row["code"], row["strength"]


def _add_product(
    made: DomainCodes, number: int, domain: str, vocabulary: str, code: tuple[str, dict], strength: float
) -> None:
    name, ids = code
    made.concepts.append(_concept(number, f"{name} {strength:g} mg", domain, "register"))
    for above in (*classes_above(vocabulary, name), name):
        made.above.append({"ancestor_concept_id": ids[vocabulary, above], "descendant_concept_id": number})
    made.above.append({"ancestor_concept_id": number, "descendant_concept_id": number})
    made.strengths.append(
        {
            "drug_concept_id": number,
            "ingredient_concept_id": ids[vocabulary, name],
            "amount_value": strength,
            "amount_unit_concept_id": MILLIGRAM,
        }
    )


def _concept(number: int, code: str, domain: str, vocabulary: str) -> dict:
    return {
        "concept_id": number,
        "concept_name": code,
        "domain_id": domain.capitalize(),
        "vocabulary_id": vocabulary,
        "standard_concept": "S",
        "concept_code": code,
    }
