"""Which records a concept set names, decided once for each way of coding a record instead of once for each record.

A table of a nation has some hundred million records and some hundred codings: combinations of standard concept, source
concept and source value. Texts are compared among the codings only; a record is then found by a whole number or a text
out of a list, mostly in one of the three columns alone.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.concepts import Match, ResolvedConcepts, one_of, starts_with
from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES, EventTable

_LONGEST_LIST = 200
_CHEAPEST_FIRST = ("concept", "source_concept", "source_value")


def named_by_each_record(
    source: Source, declared: EventTable, resolved: ResolvedConcepts, records: ir.Table
) -> ir.Table:
    """Those of the records of a table that a concept set names, every record looked at by itself."""
    columns = {name: getattr(declared, name) for name in _CHEAPEST_FIRST}
    return records if _names_all(resolved) else records.filter(_is_named(source, records, columns, [resolved]))


def named_by_any(source: Source, declared: EventTable, sets: Sequence[ResolvedConcepts], records: ir.Table) -> ir.Table:
    """Those of the records that at least one concept set of their domain names.

    `records` are `source.table(declared.table)`, or some of its rows. The first call for a table reads its codings.
    """
    if any(_names_all(each) for each in sets):
        return records
    columns = {name: getattr(declared, name) for name in _CHEAPEST_FIRST}
    if not any(match.prefixes for each in sets for match in (each.included, each.excluded) if match is not None):
        return records.filter(_is_named(source, records, columns, sets))
    codings = _codings(source, declared)
    marked = codings.mutate(named=_is_named(source, codings, {name: name for name in columns}, sets))
    for name in _CHEAPEST_FIRST:
        values = _deciding(source, marked, name)
        if values is not None:
            return records.filter(_listed(source, records[columns[name]], values))
    return records.filter(_is_named(source, records, columns, sets))


def shared_codings(source: Source, one: ResolvedConcepts, other: ResolvedConcepts) -> int:
    """How many of the codings that occur in a table two concept sets both name; none of sets of different domains."""
    if one.domain != other.domain:
        return 0
    codings, columns = _codings(source, EVENT_TABLES[one.domain]), {name: name for name in _CHEAPEST_FIRST}
    both = codings.filter(*(_is_named_by(source, codings, columns, each) for each in (one, other)))
    return int(source.to_arrow(both.aggregate(n=both.count()))["n"][0].as_py())


def _names_all(resolved: ResolvedConcepts) -> bool:
    return resolved.included is None and not resolved.excluded


def _codings(source: Source, declared: EventTable) -> ir.Table:
    """Each combination of the three columns that occurs in the table, once."""
    columns = {name: getattr(declared, name) for name in _CHEAPEST_FIRST}
    return source.once(
        f"codings_of_{declared.table}", lambda: source.table(declared.table).select(**columns).distinct()
    )


def _is_named(
    source: Source, rows: ir.Table, columns: dict[str, str], sets: Sequence[ResolvedConcepts]
) -> ir.BooleanValue:
    return reduce(or_, (_is_named_by(source, rows, columns, each) for each in sets))


def _is_named_by(source: Source, rows: ir.Table, columns: dict[str, str], one: ResolvedConcepts) -> ir.BooleanValue:
    named = ~_agrees(source, rows, columns, one.excluded)
    return named if one.included is None else named & _agrees(source, rows, columns, one.included)


def _agrees(source: Source, rows: ir.Table, columns: dict[str, str], match: Match) -> ir.BooleanValue:
    """Whether a row agrees with a match in any of the three ways; NULL never agrees."""
    ways: list[ir.BooleanValue] = []
    if match.concept_ids:
        ways.append(one_of(source, rows[columns["concept"]], match.concept_ids))
    if match.source_concept_ids:
        ways.append(one_of(source, rows[columns["source_concept"]], match.source_concept_ids))
    code = rows[columns["source_value"]].replace(".", "").strip().upper()
    ways += [starts_with(code, prefix) for prefix in sorted(match.prefixes)]
    return reduce(or_, (way.fill_null(False) for way in ways), ibis.literal(False))


def _deciding(source: Source, marked: ir.Table, name: str) -> pa.Array | None:
    """The values of a column that named codings have, each once; None where other codings have one of them, too."""
    named = marked.filter(marked.named).select(name).distinct()
    others = marked.filter(~marked.named).select(name)
    shared = named.filter(named[name].isnull() | named[name].isin(others.filter(others[name].notnull())[name]))
    if source.to_arrow(shared.limit(1)).num_rows:
        return None
    return source.to_arrow(named.order_by(name))[name].combine_chunks()


def _listed(source: Source, column: ir.Value, values: pa.Array) -> ir.BooleanValue:
    """Whether a value is among these: a list in the SQL if they are few, an uploaded table if many."""
    if len(values) <= _LONGEST_LIST:
        return column.isin(values.to_pylist())
    return column.isin(source.upload(pa.table({"value": values})).value)
