"""The columns of a register's table in the types of the database floor, with every cell that cannot be read counted."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, mul

import ibis
import ibis.expr.types as ir

from equipoise.data.day_numbers import date_exists, day_number
from equipoise.data.engine import DuckDBEngine
from equipoise.data.engine_errors import said_plainly
from equipoise.data.normalise import TYPES, Normalised, held_text, normalised
from equipoise.data.register_files import RegisterFile
from equipoise.data.register_mapping import DATE_PARTS, Coded, Contacts, Dated, Directions, Mapped, Ranks, Sexes
from equipoise.data.structure import ACCEPTED
from equipoise.data.tables import Kind
from equipoise.errors import Fault, SourceError

Choice = Sexes | Directions | Contacts | Ranks


@dataclass(frozen=True, slots=True)
class Cell:
    """A typed column, and in words: which column of the file it is, and what it accepts."""

    made: Normalised
    column: str
    accepted: str


class RegisterTable:
    """One mapped table: its file, and its columns by the names that the mapping gives them.

    Faults of the mapping (columns that are not there, types that cannot be used) gather in `faults`.
    """

    def __init__(self, place: str, mapped: Mapped, file: RegisterFile, engine: DuckDBEngine):
        self.place, self.mapped, self.file, self.engine = place, mapped, file, engine
        self.faults: list[Fault] = []
        self.completed: list[ir.BooleanValue] = []
        self.stored = file.stored
        self.rows = self._kept()
        self._read: dict[str, ir.Table] = {}

    def identifier(self, key: str, name: str) -> Cell:
        """A number of a person."""
        return self._plain(key, name, Kind.IDENTIFIER)

    def number(self, key: str, name: str) -> Cell:
        """A number."""
        return self._plain(key, name, Kind.NUMBER)

    def text(self, key: str, name: str) -> Cell:
        """A code or a name; whole numbers without a decimal point, blanks at the ends taken away."""
        cell = self._plain(key, name, Kind.TEXT)
        return Cell(Normalised(cell.made.value.strip().nullif("")), cell.column, cell.accepted)

    def product(self, key: str, names: tuple[str, ...]) -> Cell:
        """The product of columns of numbers."""
        cells = [self.number(key, name) for name in names]
        if len(cells) == 1:
            return cells[0]
        value = reduce(mul, (cell.made.value for cell in cells))
        held = [cell.made.bad() for cell in cells]
        bad = [flag for flag in held if flag is not None]
        any_bad = reduce(lambda one, other: one | other, bad) if bad else None
        column = " or ".join(dict.fromkeys(cell.column for cell in cells))
        readable = Normalised(value, None if any_bad is None else any_bad.fill_null(False))
        return Cell(readable, column, ACCEPTED[Kind.NUMBER])

    def day(self, key: str, dated: Dated) -> Cell:
        """Days since 1970-01-01, int32."""
        if dated.origin is not None:
            cell = self.number(key, dated.column)
            whole = (cell.made.value.floor() + (dated.origin.toordinal() - 719_163)).cast("int32")
            return Cell(Normalised(whole, cell.made.held), cell.column, ACCEPTED[Kind.NUMBER])
        if dated.format is None:
            return self._plain(key, dated.column, Kind.DAY)
        parts = self.date_parts(key, dated)
        year, month, day = (parts[part].made.value for part in ("year", "month", "day"))
        if dated.incomplete:
            self.completed.append(((month == 0) | (day == 0)).fill_null(False))
            day = ibis.cases((month == 0, ibis.literal(1, "int64")), (day == 0, ibis.literal(15, "int64")), else_=day)
            month = (month == 0).ifelse(7, month)
        value = date_exists(year, month, day).ifelse(day_number(year, month, day), ibis.null("int32"))
        return Cell(Normalised(value, parts["year"].made.held), parts["year"].column, f"dates written {dated.format}")

    def date_parts(self, key: str, dated: Dated) -> dict[str, Cell]:
        """Year, and month and day if the format has them: int64."""
        self._plain(key, dated.column, Kind.TEXT)
        text = self._text_of(dated.column)
        text = held_text(text).ifelse(text, ibis.null("string"))
        pattern, order = _pattern(str(dated.format))
        held = text.re_search(pattern)
        found: dict[str, Cell] = {}
        for at, part in enumerate(order, start=1):
            value = held.ifelse(text.re_extract(pattern, at), ibis.null("string")).cast("int64")
            found[part] = Cell(
                Normalised(value, text.notnull()), self._said(dated.column), f"dates written {dated.format}"
            )
        return found

    def choice(self, key: str, choice: Choice, words: Mapping[str, object], kind: str) -> Cell:
        """The words of a list of values, each as `words` has it; a value that the list does not name is a fault."""
        self._plain(f"{key}.column", choice.column, Kind.TEXT)
        text = self._text_of(choice.column)
        branches = [
            (ibis.literal(value.strip()) == text, ibis.literal(words[word], kind))
            for value, word in choice.values.items()
        ]
        made = Normalised(ibis.cases(*branches, else_=ibis.null(kind)), text.notnull())
        return Cell(made, self._said(choice.column), f"the values that {self.place}.{key}.values names")

    def codes(self, key: str, coded: Coded) -> dict[str, Cell]:
        """The columns of codes, as code_0, code_1, …"""
        if coded.constant is not None:
            return {"code_0": self.nothing(ibis.literal(coded.constant, "string"))}
        return {f"code_{at}": self._code(key, name, coded.values) for at, name in enumerate(coded.column)}

    def _code(self, key: str, name: str, values: Mapping[str, str]) -> Cell:
        self._plain(key, name, Kind.TEXT)
        text = self._text_of(name)
        branches = [(ibis.literal(value.strip()) == text, ibis.literal(code)) for value, code in values.items()]
        made = Normalised(ibis.cases(*branches, else_=text) if branches else text)
        return Cell(made, self._said(name), ACCEPTED[Kind.TEXT])

    def nothing(self, value: ir.Value) -> Cell:
        """A column that the mapping does not name."""
        return Cell(Normalised(value), "", "")

    def relation(self, cells: Mapping[str, Cell]) -> ir.Table:
        """The columns, typed, of the rows that the mapping keeps. The first call may scan the file.

        Raises SourceError where cells cannot be read, with their number and never their content.
        """
        with said_plainly(self.file.shown):
            self.file.fill()
            values = {name: cell.made.value for name, cell in cells.items()}
            bad = {name: flag for name, cell in cells.items() if (flag := cell.made.bad()) is not None}
            self._refuse(cells, bad)
            typed = self.rows.select(**values)
            return self.engine.create(typed, "register") if self.file.is_text else typed

    def completed_rows(self) -> ir.Table:
        """(person_id): one row a record with a date whose day or month is unknown."""
        self.file.fill()
        flag = reduce(lambda one, other: one | other, self.completed)
        person = self.identifier("person", self.mapped.person).made.value
        return (
            self.rows.select(person_id=person, is_completed=flag).filter(lambda t: t.is_completed).drop("is_completed")
        )

    def once(self, name: str, made: Callable[[], ir.Table]) -> ir.Table:
        """A relation made at the first call under a name."""
        if name not in self._read:
            self._read[name] = made()
        return self._read[name]

    def _refuse(self, cells: Mapping[str, Cell], bad: Mapping[str, ir.BooleanValue]) -> None:
        if not bad:
            return
        flags = {name: flag.fill_null(False).ifelse(1, 0).cast("int64") for name, flag in bad.items()}
        counts = self.rows.aggregate(**{name: flag.sum() for name, flag in flags.items()})
        found = next(self.engine.batches(counts, 1)).to_pylist()[0]
        faults = [_bad_cells(self, cells[name], int(n)) for name, n in found.items() if n]
        if faults:
            raise SourceError(list(dict.fromkeys(faults)))

    def _plain(self, key: str, name: str, kind: Kind) -> Cell:
        column = self.file.column(name)
        if column is None:
            self._missing(key, name)
            return Cell(Normalised(ibis.null(TYPES[kind])), name, ACCEPTED[kind])
        made = normalised(self.stored[column], kind, self.engine.dialect)
        if made is None:
            where = f"{self.place}.{key}"
            found = f"column {column!r} of {self.file.shown} is of type {self.stored[column].type()}"
            remedy = "give its origin" if kind is Kind.DAY and self.stored[column].type().is_numeric() else ""
            self.faults.append(Fault(where, found, ACCEPTED[kind], remedy))
            made = Normalised(ibis.null(TYPES[kind]))
        return Cell(made, self._said(column), ACCEPTED[kind])

    def _missing(self, key: str, name: str) -> None:
        allowed = ", ".join(self.file.columns)
        fault = Fault(
            f"{self.place}.{key}", f"{self.file.shown} has no column {name!r}", allowed, self.file.meant(name)
        )
        if fault not in self.faults:
            self.faults.append(fault)

    def _text_of(self, name: str) -> ir.StringValue:
        """A column as text without blanks at its ends, NULL for nothing; of a missing column NULL."""
        column = self.file.column(name)
        made = None if column is None else normalised(self.stored[column], Kind.TEXT, self.engine.dialect)
        return ibis.null("string") if made is None else made.value.strip().nullif("")

    def _said(self, name: str) -> str:
        return f"column {name!r} of {self.file.shown}"

    def _kept(self) -> ir.Table:
        conditions = []
        for name, values in self.mapped.where.items():
            self._plain(f"where.{name}", name, Kind.TEXT)
            conditions.append(self._text_of(name).isin([str(value).strip() for value in values]).fill_null(False))
        return self.stored.filter(reduce(and_, conditions)) if conditions else self.stored


def _pattern(written: str) -> tuple[str, list[str]]:
    """A regular expression for a format, and which part each of its groups is."""
    names = {"%Y": "year", "%m": "month", "%d": "day"}
    order = [names[part] for part in re.findall("%[Ymd]", written)]
    pieces = [DATE_PARTS.get(piece, re.escape(piece)) for piece in re.split("(%[Ymd])", written)]
    return f"^{''.join(pieces)}$", order


def _bad_cells(table: RegisterTable, cell: Cell, number: int) -> Fault:
    cells = "1 cell" if number == 1 else f"{number:,} cells"
    return Fault(f"{table.place}, {cell.column}", f"{cells} that cannot be read", cell.accepted)
