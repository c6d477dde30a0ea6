"""Dated records of registers as the event tables of the database floor."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from equipoise.data.normalise import TYPES
from equipoise.data.register_codes import NO_STRENGTH, CodeBook
from equipoise.data.register_columns import Cell, RegisterTable
from equipoise.data.register_mapping import Diagnoses, Dispensings, Measurements, Observations, Records, Visits
from equipoise.data.tables import EVENT_TABLES, TABLES
from equipoise.data.verbs import union

_KINDS = {"inpatient": "IP", "outpatient": "OP", "emergency": "ER"}
_RANKS = {"primary": 32902, "secondary": 32908}
_FORM: dict[str, str] = {
    "person_id": "int64",
    "day": "int32",
    "end_day": "int32",
    "vocabulary": "string",
    "code": "string",
    "strength": "float64",
    "quantity": "float64",
    "days_supply": "float64",
    "daily_doses": "float64",
    "value": "float64",
    "rank": "int64",
}


def records(table: RegisterTable) -> "RecordColumns | VisitColumns | MeasurementColumns":
    """The reader of one mapped table of events; it names every column, so that the table's faults are complete."""
    if isinstance(table.mapped, Measurements):
        return MeasurementColumns(table, table.mapped)
    if isinstance(table.mapped, Visits):
        return VisitColumns(table, table.mapped)
    assert isinstance(table.mapped, Records)
    return RecordColumns(table, table.mapped)


class RecordColumns:
    """Dispensings, diagnoses, procedures, observations: a date and a code in every row."""

    def __init__(self, table: RegisterTable, mapped: Records):
        self.table, self.mapped = table, mapped
        self.cells: dict[str, Cell] = {
            "person_id": table.identifier("person", mapped.person),
            "day": table.day("date", mapped.date),
            **table.codes("code", mapped.code),
        }
        if mapped.end is not None:
            self.cells["end_day"] = table.day("end", mapped.end)
        if isinstance(mapped, Dispensings):
            self.cells |= self._amounts(mapped)
        if isinstance(mapped, Diagnoses) and mapped.rank is not None:
            self.cells["rank"] = table.choice("rank", mapped.rank, _RANKS, "int64")
        if isinstance(mapped, Observations) and mapped.value is not None:
            self.cells["value"] = table.number("value", mapped.value)

    def rows(self) -> ir.Table:
        """One row a record, in the columns of every event; without drugs that were returned."""
        every = self._every()
        return every.filter(~_is_returned(every)) if self.counts_returns else every

    @property
    def counts_returns(self) -> bool:
        """Whether returned drugs can be told from dispensed ones."""
        return not {"quantity", "daily_doses"}.isdisjoint(self.cells)

    def returned(self) -> ir.Table:
        """(person_id): one row a dispensing of nothing or less, which is how registers record a return.

        No daily doses are not a return: many drugs have none assigned.
        """
        every = self._every()
        return every.filter(_is_returned(every)).select("person_id")

    def without_daily_doses(self) -> ir.Table:
        """(person_id): one row a dispensing whose number of defined daily doses is missing, zero or less."""
        rows = self.rows()
        return rows.filter(~(rows.daily_doses > 0).fill_null(False)).select("person_id")

    def _every(self) -> ir.Table:
        return self.table.once("events", self._read)

    def _read(self) -> ir.Table:
        rows = one_code_a_row(self.table.relation(self.cells))
        return in_form(rows.mutate(vocabulary=ibis.literal(self.mapped.vocabulary)))

    def _amounts(self, mapped: Dispensings) -> dict[str, Cell]:
        cells = {}
        if mapped.quantity is not None:
            cells["quantity"] = self.table.product("quantity", mapped.quantity)
        if mapped.days_supply is not None:
            cells["days_supply"] = self.table.product("days_supply", mapped.days_supply)
        if mapped.daily_doses is not None:
            cells["daily_doses"] = self.table.product("daily_doses", mapped.daily_doses)
        if mapped.strength is not None:
            cells["strength"] = self.table.number("strength", mapped.strength)
        return cells


class VisitColumns:
    """Contacts with care."""

    def __init__(self, table: RegisterTable, mapped: Visits):
        self.table = table
        self.cells: dict[str, Cell] = {
            "person_id": table.identifier("person", mapped.person),
            "day": table.day("date", mapped.date),
            "code": table.choice("kind", mapped.kind, _KINDS, "string"),
        }
        if mapped.end is not None:
            self.cells["end_day"] = table.day("end", mapped.end)

    def rows(self) -> ir.Table:
        """One row a contact, in the columns of every event."""
        return self.table.once(
            "events", lambda: in_form(self.table.relation(self.cells).mutate(vocabulary=ibis.literal("Visit")))
        )


class MeasurementColumns:
    """Visits of a quality register: a measurement in each column."""

    def __init__(self, table: RegisterTable, mapped: Measurements):
        self.table, self.mapped = table, mapped
        self.cells: dict[str, Cell] = {
            "person_id": table.identifier("person", mapped.person),
            "day": table.day("date", mapped.date),
        }
        for at, (code, measured) in enumerate(mapped.values.items()):
            self.cells[f"value_{at}"] = table.number(f'values."{code}"', measured.column)

    def rows(self) -> ir.Table:
        """One row a value within its limits, in the columns of every event."""
        every = self._every()
        return in_form(every.filter(~every.is_outside))

    def outside(self) -> ir.Table:
        """(person_id): one row a value beyond its limits."""
        every = self._every()
        return every.filter(every.is_outside).select("person_id")

    def _every(self) -> ir.Table:
        wide = self.table.once("wide", lambda: self.table.relation(self.cells))
        parts = []
        for at, (code, measured) in enumerate(self.mapped.values.items()):
            value = wide[f"value_{at}"]
            outside = ibis.literal(False)
            if measured.least is not None:
                outside = outside | (value < measured.least)
            if measured.most is not None:
                outside = outside | (value > measured.most)
            vocabulary = ibis.literal(self.mapped.vocabulary)
            part = wide.select(
                "person_id", "day", vocabulary=vocabulary, code=ibis.literal(code), value=value, is_outside=outside
            )
            parts.append(part.filter(part.value.notnull()))
        return union(*parts)


def _is_returned(rows: ir.Table) -> ir.BooleanValue:
    return (rows.quantity <= 0).fill_null(False) | (rows.daily_doses < 0).fill_null(False)


def one_code_a_row(rows: ir.Table) -> ir.Table:
    """Rows with the columns code_0, code_1, … as rows with one code; of several columns, empty ones make no row."""
    names = [name for name in rows.columns if name.startswith("code_")]
    if len(names) == 1:
        return rows.rename(code=names[0])
    listed = rows.mutate(code=ibis.array([rows[name] for name in names])).drop(*names).unnest("code")
    return listed.filter(listed.code.notnull())


def in_form(rows: ir.Table) -> ir.Table:
    """The columns of every event, NULL where a table has none."""
    return rows.select(
        **{name: rows[name].cast(kind) if name in rows.columns else ibis.null(kind) for name, kind in _FORM.items()}
    )


def occurring(rows: Sequence[ir.Table]) -> ir.Table:
    """(vocabulary, code, strength) of every record."""
    every = union(*rows)
    return every.select("vocabulary", "code", strength=every.strength.fill_null(NO_STRENGTH))


def event_table(domain: str, rows: Sequence[ir.Table], codes: CodeBook) -> ir.Table:
    """The records of a domain as its table."""
    declared, every = EVENT_TABLES[domain], union(*rows)
    known = codes.spellings(domain).rename(its_vocabulary="vocabulary", its_code="code", its_strength="strength")
    joined = every.left_join(
        known,
        [
            every.code == known.its_code,
            every.vocabulary == known.its_vocabulary,
            every.strength.fill_null(NO_STRENGTH) == known.its_strength,
        ],
    )
    values = {
        "person_id": joined.person_id,
        declared.concept: joined.concept_id,
        declared.source_concept: joined.code_id,
        declared.source_value: joined.code,
        declared.start: joined.day,
        "value_as_number": joined.value,
        "condition_status_concept_id": joined["rank"],
    }
    for name, column in (
        (declared.end, "end_day"),
        (declared.days_supply, "days_supply"),
        (declared.quantity, "quantity"),
        (declared.daily_doses, "daily_doses"),
    ):
        if name is not None:
            values[name] = joined[column]
    return as_declared(declared.table, joined, values)


def as_declared(table: str, rows: ir.Table, values: dict[str, ir.Value] | None = None) -> ir.Table:
    """Exactly the declared columns of a table, NULL where there are none."""
    found = {name: rows[name] for name in rows.columns} if values is None else values
    columns = TABLES[table].columns
    return rows.select(
        **{
            column.name: found[column.name].cast(TYPES[column.kind])
            if column.name in found
            else ibis.null(TYPES[column.kind])
            for column in columns
        }
    )
