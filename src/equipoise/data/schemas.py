"""Finds the schema of a database that holds the CDM, and the one that holds its vocabulary."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from equipoise.data.tables import TABLES, VOCABULARY_TABLES
from equipoise.errors import Fault, SourceError


@dataclass(frozen=True, slots=True)
class SchemaChoice:
    """The schemas a user named in the URL (`?schema=cdm&vocabulary_schema=vocab`); None: find them."""

    schema: str | None = None
    vocabulary_schema: str | None = None


def chosen_tables(where: str, found: Iterable[tuple[str, str]], choice: SchemaChoice) -> dict[str, tuple[str, str]]:
    """For each declared table that is there, its schema and its name as stored.

    `found` lists (schema, table) in any letter case. The CDM lies in the schema that holds `person`, the vocabulary in
    the same schema or, if that has no `concept`, in the only other one that has. Raises SourceError if several schemas
    could be meant, or none.
    """
    schemas: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for schema, table in found:
        if table.lower() in TABLES:
            schemas[schema][table.lower()].append(table)
    cdm = _schema(where, "schema", "person", schemas, choice.schema)
    chosen = {table: (cdm, names) for table, names in schemas[cdm].items()}
    if choice.vocabulary_schema is not None or "concept" not in chosen:
        vocabulary = _vocabulary_schema(where, schemas, choice.vocabulary_schema)
        held = schemas[vocabulary] if vocabulary is not None else {}
        chosen |= {table: (str(vocabulary), names) for table, names in held.items() if table in VOCABULARY_TABLES}
    faults = [
        Fault(where, f"schema {schema!r} holds {' and '.join(sorted(names))}", "one spelling of each table")
        for schema, names in chosen.values()
        if len(names) > 1
    ]
    if faults:
        raise SourceError(faults)
    return {table: (schema, names[0]) for table, (schema, names) in chosen.items()}


def _schema(where: str, key: str, table: str, schemas: Mapping[str, Mapping], wanted: str | None) -> str:
    holding = sorted(schema for schema, tables in schemas.items() if table in tables)
    if wanted is not None:
        matching = [schema for schema in holding if schema.lower() == wanted.lower()]
        if len(matching) == 1:
            return matching[0]
        known = ", ".join(holding) or "no schema holds one"
        raise SourceError(Fault(where, f"schema {wanted!r} holds no table {table!r}", known))
    if not holding:
        raise SourceError(
            Fault(where, f"no table {table!r} in any schema", "the tables of an OMOP CDM 5.3 or 5.4 database")
        )
    if len(holding) > 1:
        raise SourceError(
            Fault(
                where,
                f"several schemas hold a table {table!r}: {', '.join(holding)}",
                "one",
                f"name it in the URL, as in …?{key}={holding[0]}",
            )
        )
    return holding[0]


def _vocabulary_schema(where: str, schemas: Mapping[str, Mapping], wanted: str | None) -> str | None:
    if wanted is None and not any("concept" in tables for tables in schemas.values()):
        return None
    return _schema(where, "vocabulary_schema", "concept", schemas, wanted)
