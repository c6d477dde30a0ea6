"""Holds a stored table against its declaration: which column stands for which, and what is wrong with it."""

import ibis
import ibis.expr.types as ir

from equipoise.data.catalog import RawTable
from equipoise.data.normalise import TYPES, Dialect, Normalised, normalised
from equipoise.data.tables import CdmTable, Column, Kind
from equipoise.errors import Fault

ACCEPTED = {
    Kind.IDENTIFIER: "an integer type, or text or a floating type that holds whole numbers",
    Kind.DAY: "a date or timestamp type, or text such as 2024-02-29",
    Kind.NUMBER: "a numeric type, or text that holds numbers",
    Kind.TEXT: "text",
}


def columns_of(
    declared: CdmTable, raw: RawTable, stored: ir.Table, dialect: Dialect
) -> tuple[dict[str, Normalised], list[Fault]]:
    """The declared columns in terms of the stored ones, and every fault; looks at names and types only."""
    columns: dict[str, Normalised] = {}
    faults: list[Fault] = []
    for column in declared.columns:
        made = _column(declared, raw, stored, column, dialect)
        if isinstance(made, Fault):
            faults.append(made)
        else:
            columns[column.name] = made
    return columns, faults


def _column(
    declared: CdmTable, raw: RawTable, stored: ir.Table, column: Column, dialect: Dialect
) -> Normalised | Fault:
    where = place_of(declared, raw, column)
    found = [name for name in stored.columns if name.lower() in {column.name, *column.also}]
    if len(found) > 1:
        return Fault(where, f"there {len(found)} times, in different spellings", "once")
    if not found and column.required:
        return Fault(where, "missing", remedy=f"add it, holding {ACCEPTED[column.kind]}")
    if not found:
        return Normalised(ibis.null(TYPES[column.kind]))
    made = normalised(stored[found[0]], column.kind, dialect)
    if made is None:
        return Fault(where, f"is of type {stored[found[0]].type()}", ACCEPTED[column.kind])
    return made


def place_of(declared: CdmTable, raw: RawTable, column: Column) -> str:
    """Where a column is, for a message."""
    return f"column {column.name!r} of table {declared.name!r} ({raw.where})"


def missing_table(declared: CdmTable) -> Fault:
    """A required table that is not there."""
    return Fault(
        f"table {declared.name!r}",
        "missing",
        "every source holds " + " and ".join(("person", "observation_period")),
        "check that this is the folder, file or schema that holds the OMOP CDM tables",
    )


def bad_cells(declared: CdmTable, raw: RawTable, column: Column, number: int) -> Fault:
    """Cells that cannot be read as the declared type: how many, never what they hold."""
    cells = "1 cell" if number == 1 else f"{number:,} cells"
    return Fault(
        place_of(declared, raw, column), f"{cells} that cannot be read as a {column.kind}", ACCEPTED[column.kind]
    )


def empty(declared: CdmTable) -> ir.Table:
    """A relation with the declared columns and types and no rows."""
    row = ibis.literal(1).name("nothing").as_table()
    return row.select(**{column.name: ibis.null(TYPES[column.kind]) for column in declared.columns}).filter(False)
