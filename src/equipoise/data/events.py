"""The records of a concept set as dated events."""

from collections.abc import Iterator, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from equipoise.data.codings import named_by_any, named_by_each_record
from equipoise.data.concepts import ResolvedConcepts
from equipoise.data.people import known_people, people
from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES, EventTable
from equipoise.data.verbs import first_per_person, keep_persons

_MILLIGRAMS = {8576: 1.0, 9655: 0.001, 8504: 1000.0}  # UCUM mg, ug, g as OMOP concepts
EVENT_COLUMNS = (
    "person_id",
    "day",
    "end_day",
    "days_supply",
    "quantity",
    "dose",
    "daily_doses",
    "value",
    "concept_id",
)


def events(source: Source, resolved: ResolvedConcepts, known: ir.Table | None = None) -> ir.Table:
    """The records that a concept set names, one row a record.

    person_id int64; day int32, its start; end_day int32 or NULL; days_supply, quantity float64 or NULL (drugs);
    dose float64 or NULL, milligrams of active substance (drugs: quantity × the amount of the drug concept's only
    ingredient; NULL where there are several, or none given in g, mg or µg); daily_doses float64 or NULL, defined daily
    doses as recorded (drugs); value float64 or NULL, the number measured or observed, in whatever unit the database
    has; concept_id int64 or NULL, the standard concept.

    Left out: records without a person or a start, of persons who are not in `people`, before the earliest possible day
    of birth, and after the day of death. An end before the start is NULL. `known` stands in for `people`, if that is
    computed already.
    """
    declared = EVENT_TABLES[resolved.domain]
    records = named_by_each_record(source, declared, resolved, source.table(declared.table))
    return _dated(source, resolved, records, people(source) if known is None else known)


def known_events(source: Source, resolved: ResolvedConcepts) -> ir.Table:
    """`events`, from what was computed before: people, and the codes that occur."""
    return _found(source, resolved, known_people(source))


def extract_events(
    source: Source, resolved: ResolvedConcepts, persons: pa.Array | None = None, first_only: bool = False
) -> pa.Table:
    """`events`, computed, ordered by person_id, day and the other columns.

    `persons` (int64) restricts to these persons; `first_only` keeps the first event of each.
    """
    known = known_people(source)
    if persons is not None:
        known = keep_persons(known, source.upload(pa.table({"person_id": persons})))
    rows = _found(source, resolved, known)
    return _in_order(source, first_per_person(rows) if first_only else rows)


def extract_each(source: Source, sets: Sequence[ResolvedConcepts], persons: pa.Array) -> Iterator[pa.Table]:
    """`extract_events` of several concept sets and these persons (int64); a table is read once for all its sets."""
    known = keep_persons(known_people(source), source.upload(pa.table({"person_id": persons})))
    known = source.keep(known, "some_people")
    read = {domain: _read_once(source, domain, sets, known) for domain in sorted({each.domain for each in sets})}
    for each in sets:
        yield _in_order(source, _found(source, each, known, read[each.domain]))


def _read_once(source: Source, domain: str, sets: Sequence[ResolvedConcepts], known: ir.Table) -> ir.Table | None:
    """The records of some persons that any concept set of a domain names; None where a single set reads the table."""
    own = [each for each in sets if each.domain == domain]
    if len(own) == 1:
        return None
    declared = EVENT_TABLES[domain]
    records = named_by_any(source, declared, own, source.table(declared.table))
    return source.keep(keep_persons(records, known), f"some_{declared.table}")


def _found(source: Source, resolved: ResolvedConcepts, known: ir.Table, records: ir.Table | None = None) -> ir.Table:
    """The events of `known` persons among all records of the domain, or among some of them."""
    declared = EVENT_TABLES[resolved.domain]
    every = source.table(declared.table) if records is None else records
    return _dated(source, resolved, named_by_any(source, declared, [resolved], every), known)


def _dated(source: Source, resolved: ResolvedConcepts, records: ir.Table, known: ir.Table) -> ir.Table:
    """The records that a concept set names as events of `known` persons."""
    declared = EVENT_TABLES[resolved.domain]
    records = records.filter(records.person_id.notnull() & records[declared.start].notnull())
    records = _with_number(records, declared, resolved)
    rows = records.select(
        person_id=records.person_id,
        day=records[declared.start],
        end_day=_end(records, declared),
        days_supply=_or_null(records, declared.days_supply, "float64"),
        quantity=_or_null(records, declared.quantity, "float64"),
        daily_doses=_or_null(records, declared.daily_doses, "float64"),
        value=_or_null(records, declared.value, "float64"),
        concept_id=records[declared.concept],
    )
    rows = _while_alive(rows, known)
    rows = _with_dose(source, rows) if resolved.domain == "drug" else rows.mutate(dose=ibis.null("float64"))
    return rows.select(*EVENT_COLUMNS)


def _in_order(source: Source, rows: ir.Table) -> pa.Table:
    order = [rows[name].asc(nulls_first=False) for name in rows.columns]
    return source.to_arrow(rows.order_by(order))


def _with_number(records: ir.Table, declared: EventTable, resolved: ResolvedConcepts) -> ir.Table:
    """Records whose number lies within the limits of the concept set; without limits, all of them."""
    number = _or_null(records, declared.value, "float64")
    if resolved.at_least is not None:
        records = records.filter((number >= resolved.at_least).fill_null(False))
    if resolved.below is not None:
        records = records.filter((number < resolved.below).fill_null(False))
    return records


def _while_alive(rows: ir.Table, known: ir.Table) -> ir.Table:
    lives = known.select("earliest_birth_day", "death_day", life_of="person_id")
    lived = rows.join(lives, rows.person_id == lives.life_of)
    born = lived.earliest_birth_day.isnull() | (lived.day >= lived.earliest_birth_day)
    alive = lived.death_day.isnull() | (lived.day <= lived.death_day)
    return lived.filter(born & alive).select(*rows.columns)


def _end(records: ir.Table, declared: EventTable) -> ir.IntegerValue:
    if declared.end is None:
        return ibis.null("int32")
    end = records[declared.end]
    return (end >= records[declared.start]).ifelse(end, ibis.null("int32"))


def _or_null(records: ir.Table, column: str | None, kind: str) -> ir.Value:
    return ibis.null(kind) if column is None else records[column]


def _with_dose(source: Source, rows: ir.Table) -> ir.Table:
    amounts = _amounts(source)
    joined = rows.left_join(amounts, rows.concept_id == amounts.drug_concept_id)
    return joined.select(*rows.columns, dose=joined.quantity * joined.milligrams)


def _amounts(source: Source) -> ir.Table:
    """Milligrams in one unit of each drug concept that has exactly one valid ingredient row, given as a mass."""
    strength = source.table("drug_strength")
    strength = strength.filter(strength.drug_concept_id.notnull() & strength.invalid_reason.isnull())
    in_milligrams = ibis.cases(
        *((strength.amount_unit_concept_id == unit, factor) for unit, factor in _MILLIGRAMS.items()),
        else_=ibis.null("float64"),
    )
    rows = strength.group_by("drug_concept_id").aggregate(
        n_ingredients=strength.count(), milligrams=(strength.amount_value * in_milligrams).max()
    )
    return rows.filter(rows.n_ingredients == 1).select("drug_concept_id", "milligrams")
