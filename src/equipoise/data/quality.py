"""Counts what is wrong in a database, and says by which rule each kind of record is handled. Nothing is silent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from equipoise.data.people import (
    died_before_birth,
    known_people,
    known_spans,
    one_row_each,
    person_rows,
    repeated_persons,
    usable_periods,
    with_death,
)
from equipoise.data.source import Source
from equipoise.data.tables import EVENT_TABLES, EventTable
from equipoise.data.verbs import union

Counts = dict[str, tuple[int, int]]  # check → records, persons
PIECE_ROWS = 10_000_000  # events looked at at once for being the same: 400 MB
_LEFT_OUT = "the record is left out"
_PERSON_RULES = {
    "row without person identifier": _LEFT_OUT,
    "person there several times, rows identical": "one row is kept",
    "person there several times, rows differ": "the person and all records of the person are left out",
    "death before birth": "the person and all records of the person are left out",
    "no birth date": "the person is kept without age, and excluded by every rule that needs one",
    "birth date without month or day": "no month: 1 July; no day, or a day the month does not have: the 15th",
}
_PERIOD_RULES = {
    "observation of a person not in PERSON": _LEFT_OUT,
    "observation without person identifier": _LEFT_OUT,
    "observation without start or end": _LEFT_OUT,
    "observation that ends before it starts": _LEFT_OUT,
    "observation before birth": "the period starts at birth; left out if it ends before",
    "observation after death": "the period ends with the day of death; left out if it starts later",
    "observation periods that overlap or touch": "joined into one period",
}
_DEATH_RULES = {
    "death without person identifier": _LEFT_OUT,
    "death of a person not in PERSON": _LEFT_OUT,
    "death without date": "the record is left out: the person counts as alive",
    "several deaths of a person": "the earliest counts",
}
_EVENT_RULES = {
    "event without person identifier": _LEFT_OUT,
    "event of a person not in PERSON": _LEFT_OUT,
    "event of a person who is left out": _LEFT_OUT,
    "event without date": _LEFT_OUT,
    "event before birth": _LEFT_OUT,
    "event after death": _LEFT_OUT,
    "event outside observation": "kept as history; such a dispensing makes a user prevalent, but is in no window",
    "event that ends before it starts": "kept: its end is treated as unknown",
    "event with the same person, concept and day as another": "kept: days are counted once",
    "event without a mapped concept": "kept: it can match by its source code only",
}


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One check of one table: how many records and persons it concerns, and the rule by which they are handled.

    `n_persons` is 0 where the records have no person.
    """

    check: str
    table: str
    rule: str
    n_records: int
    n_persons: int


def data_quality(source: Source, concept_tables: Iterable[str] = ()) -> list[QualityFinding]:
    """Every check of PERSON, OBSERVATION_PERIOD, DEATH and of the named event tables, those that find nothing included.

    `concept_tables` are the CDM tables a study reads events from, such as {"drug_exposure"}; an unknown name is a
    KeyError. An event table is scanned twice. The counts are not suppressed yet.
    """
    findings = _persons(source) + _periods(source) + _deaths(source)
    declared = {event.table: event for event in EVENT_TABLES.values()}
    for table in sorted(set(concept_tables) - {"death"}):
        findings += _events(source, declared[table])
    return findings + _of_source(source, set(concept_tables))


def _of_source(source: Source, concept_tables: set[str]) -> list[QualityFinding]:
    """The checks that the source brings along; those of event tables only where the study reads the table."""
    events = {event.table for event in EVENT_TABLES.values()}
    findings = []
    for each in source.checks:
        if each.table not in events or each.table in concept_tables:
            rows = each.rows().mutate(n=1)
            counts = _counted(source, rows, {each.check: rows.n.cast("int64")})
            findings.append(QualityFinding(each.check, each.table, each.rule, *counts[each.check]))
    return findings


def _persons(source: Source) -> list[QualityFinding]:
    rows = person_rows(source)
    often = repeated_persons(rows)
    single = with_death(source, one_row_each(rows))
    dead_first = died_before_birth(single)
    counts = _counted(
        source,
        often,
        {
            "person there several times, rows identical": _n(often.n_different == 1, often.n_rows - 1),
            "person there several times, rows differ": _n(often.n_different > 1, often.n_rows),
        },
    )
    counts |= _counted(
        source,
        single,
        {
            "death before birth": _n(dead_first),
            "no birth date": _n(single.birth_day.isnull()),
            "birth date without month or day": _n(single.birth_is_completed),
        },
    )
    person = source.table("person")
    counts |= _counted(source, person, {"row without person identifier": _n(person.person_id.isnull())})
    return _findings("person", _PERSON_RULES, counts)


def _periods(source: Source) -> list[QualityFinding]:
    period = source.table("observation_period").select(
        "person_id", start="observation_period_start_date", end="observation_period_end_date"
    )
    rows = _with_life(source, period)
    used = rows.is_used & (rows.start <= rows.end)
    counts = _counted(
        source,
        rows,
        {
            "observation of a person not in PERSON": _n(rows.person_id.notnull() & ~rows.is_known),
            "observation without person identifier": _n(rows.person_id.isnull()),
            "observation without start or end": _n(rows.start.isnull() | rows.end.isnull()),
            "observation that ends before it starts": _n(rows.start > rows.end),
            "observation before birth": _n(used & (rows.start < rows.birth_day)),
            "observation after death": _n(used & (rows.end > rows.death_day)),
        },
    )
    counts |= _joined_periods(source)
    return _findings("observation_period", _PERIOD_RULES, counts)


def _joined_periods(source: Source) -> Counts:
    """Periods that vanish because they are joined to others: usable periods of a person less the spans they leave."""
    periods = usable_periods(source, known_people(source)).select("person_id", n=ibis.literal(1, "int64"))
    spans = known_spans(source).select("person_id", n=ibis.literal(-1, "int64"))
    each = union(periods, spans)
    return _counted(source, each, {"observation periods that overlap or touch": each.n})


def _deaths(source: Source) -> list[QualityFinding]:
    death = source.table("death").select("person_id", "death_date")
    dated = death.filter(death.person_id.notnull() & death.death_date.notnull())
    each = dated.group_by("person_id").aggregate(n=dated.count())
    rows = _with_life(source, death)
    counts = _counted(
        source,
        rows,
        {
            "death without person identifier": _n(rows.person_id.isnull()),
            "death of a person not in PERSON": _n(rows.person_id.notnull() & ~rows.is_known),
            "death without date": _n(rows.death_date.isnull()),
        },
    )
    counts |= _counted(source, each, {"several deaths of a person": each.n - 1})
    return _findings("death", _DEATH_RULES, counts)


def _events(source: Source, declared: EventTable) -> list[QualityFinding]:
    """All checks of one event table: one pass for those of single records, one for records that are the same."""
    table = source.table(declared.table)
    end = ibis.null("int32") if declared.end is None else table[declared.end]
    table = table.select("person_id", day=table[declared.start], last_day=end, concept_id=table[declared.concept])
    counts = _single_events(source, table) | _same_events(source, table)
    return _findings(declared.table, _EVENT_RULES, counts)


def _single_events(source: Source, table: ir.Table) -> Counts:
    rows = _with_life(source, table)
    gaps = source.once("gaps", lambda: _gaps(source))
    rows = rows.left_join(gaps, [rows.person_id == gaps.away, rows.day >= gaps.from_day, rows.day <= gaps.to_day])
    beside = (rows.day < rows.first_day) | (rows.day > rows.last_observed) | rows.away.notnull()
    outside = rows.first_day.isnull() | beside
    has_person, has_day = rows.person_id.notnull(), rows.day.notnull()
    too_early, too_late = rows.day < rows.earliest_birth_day, rows.day > rows.death_day
    alive = ~(too_early.fill_null(False) | too_late.fill_null(False))
    return _counted(
        source,
        rows,
        {
            "event without person identifier": _n(~has_person),
            "event of a person not in PERSON": _n(has_person & ~rows.is_known),
            "event of a person who is left out": _n(rows.is_known & ~rows.is_used),
            "event without date": _n(~has_day),
            "event before birth": _n(rows.is_used & too_early),
            "event after death": _n(rows.is_used & too_late),
            "event outside observation": _n(rows.is_used & has_day & alive & outside),
            "event that ends before it starts": _n(rows.last_day < rows.day),
            "event without a mapped concept": _n((rows.concept_id == 0).fill_null(True)),
        },
    )


def _same_events(source: Source, table: ir.Table) -> Counts:
    """Events like the one before them, in order of person, day and concept. Sorting takes less memory than grouping."""
    check = "event with the same person, concept and day as another"
    dated = table.filter(table.person_id.notnull() & table.day.notnull()).select("person_id", "day", "concept_id")
    n_records = n_persons = 0
    for piece in source.pieces(dated, "person_id", PIECE_ROWS):
        in_order = ibis.window(order_by=[piece.person_id, piece.day, piece.concept_id])
        before = {f"{name}_before": piece[name].lag().over(in_order) for name in ("person_id", "day", "concept_id")}
        beside = piece.mutate(**before)
        same = beside.filter(
            (beside.person_id == beside.person_id_before)
            & (beside.day == beside.day_before)
            & beside.concept_id.identical_to(beside.concept_id_before)
        )
        records, persons = _counted(source, same, {check: ibis.literal(1, "int64")})[check]
        n_records, n_persons = n_records + records, n_persons + persons
    return {check: (n_records, n_persons)}


def _with_life(source: Source, rows: ir.Table) -> ir.Table:
    """The rows with what is known of their person: in PERSON or not, used or left out, birth and death."""
    lives = source.once("lives", lambda: _lives(source))
    joined = rows.left_join(lives, rows.person_id == lives.life_of)
    return joined.mutate(is_known=joined.life_of.notnull(), is_used=joined.is_used.fill_null(False))


def _gaps(source: Source) -> ir.Table:
    """Days between two spans of observation of a person: (away, from_day, to_day)."""
    spans = known_spans(source)
    later = spans.start_day.lead().over(ibis.window(group_by=spans.person_id, order_by=spans.start_day))
    gaps = spans.select(away="person_id", from_day=spans.end_day + 1, to_day=later - 1)
    return gaps.filter(gaps.to_day.notnull())


def _lives(source: Source) -> ir.Table:
    used = known_people(source).select("person_id", "birth_day", "earliest_birth_day", "death_day", is_used=True)
    spans = known_spans(source)
    observed = spans.group_by("person_id").aggregate(first_day=spans.start_day.min(), last_observed=spans.end_day.max())
    everyone = person_rows(source).select("person_id").distinct()
    everyone = everyone.left_join(used.left_join(observed, "person_id").drop("person_id_right"), "person_id")
    named = ("birth_day", "earliest_birth_day", "death_day", "is_used", "first_day", "last_observed")
    return everyone.select(*named, life_of=everyone.person_id)


def _n(flag: ir.BooleanValue, records: ir.IntegerValue | int = 1) -> ir.IntegerValue:
    """The number of records a row stands for, if the flag is true."""
    return flag.fill_null(False).ifelse(records, 0).cast("int64")


def _counted(source: Source, rows: ir.Table, checks: Mapping[str, ir.IntegerValue]) -> Counts:
    """Records and different persons of each check, in one pass: first summed within persons, then over them."""
    names = {check: f"n{at}" for at, check in enumerate(checks)}
    rows = rows.select("person_id", **{names[check]: n for check, n in checks.items()})
    # Rows that no check concerns leave before the grouping, which otherwise would hold every person in memory.
    rows = rows.filter(reduce(or_, (rows[name] != 0 for name in names.values())))
    each = rows.group_by("person_id").aggregate(**{name: rows[name].sum().cast("int64") for name in names.values()})
    totals: dict[str, ir.IntegerValue] = {}
    for name in names.values():
        totals[f"{name}_records"] = each[name].sum().cast("int64")
        totals[f"{name}_persons"] = _n((each[name] > 0) & each.person_id.notnull()).sum().cast("int64")
    found = source.to_arrow(each.aggregate(**totals)).to_pylist()[0]
    return {check: (found[f"{name}_records"] or 0, found[f"{name}_persons"] or 0) for check, name in names.items()}


def _findings(table: str, rules: Mapping[str, str], counts: Mapping[str, tuple[int, int]]) -> list[QualityFinding]:
    return [QualityFinding(check, table, rule, *counts[check]) for check, rule in rules.items()]
