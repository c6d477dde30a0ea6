"""Marriages of registers as links between persons, and as the days on which they married and parted.

The floor knows no partner of a day, so what a row says of its own marriage is settled here: each marriage once, with
its earliest end, and no end that would end the next marriage instead.
"""

import ibis
import ibis.expr.types as ir

from equipoise.data.register_columns import Cell, RegisterTable
from equipoise.data.register_events import in_form, one_code_a_row
from equipoise.data.register_families import SPOUSE
from equipoise.data.register_mapping import Marriages
from equipoise.data.verbs import union

MARRIAGE = ("person_id", "partner", "day")
"""Rows that agree in these tell of the same marriage."""


class MarriageColumns:
    """Marriages and registered partnerships."""

    def __init__(self, table: RegisterTable):
        assert isinstance(table.mapped, Marriages)
        self.table, self.mapped = table, table.mapped
        self.cells: dict[str, Cell] = {
            "person_id": table.identifier("person", self.mapped.person),
            "partner": table.identifier("partner", self.mapped.partner),
            "day": table.day("start", self.mapped.start),
        }
        self.has_end = self.mapped.end is not None
        if self.mapped.end is not None:
            self.cells["end_day"] = table.day("end", self.mapped.end)
            self.cells |= table.codes("ends", self.mapped.ends)

    def links(self) -> ir.Table:
        """(first, code, second): spouses, each pair both ways."""
        rows = self._marriages()
        spouse = ibis.literal(SPOUSE)
        one = rows.select(first=rows.person_id, code=spouse, second=rows.partner)
        other = rows.select(first=rows.partner, code=spouse, second=rows.person_id)
        links = union(one, other)
        return links.filter(links.first.notnull() & links.second.notnull()).distinct()

    def observations(self) -> list[ir.Table]:
        """Days on which persons married, and on which their marriage ended, in the columns of every event."""
        rows = self._marriages()
        whose = [rows.person_id, rows.partner] if self.mapped.each_row == "couple" else [rows.person_id]
        own = union(*(rows.mutate(person_id=person).drop("partner") for person in whose))
        own = own.filter(own.day.notnull())
        found = [own.select("person_id", "day", code=ibis.literal(self.mapped.begins))]
        if self.has_end:
            ends = one_code_a_row(_before_the_next(own))
            found.append(ends.select("person_id", "code", day="end_day"))
        vocabulary = ibis.literal(self.mapped.vocabulary)
        return [in_form(part.mutate(vocabulary=vocabulary)) for part in found]

    def of_one(self) -> ir.Table:
        """(person_id): rows that name one of the two, or nobody."""
        rows = self._every()
        either = ibis.coalesce(rows.person_id, rows.partner)
        return rows.filter(rows.person_id.isnull() | rows.partner.isnull()).select(person_id=either)

    def undated(self) -> ir.Table:
        """(person_id): rows without a day of marriage."""
        rows = self._every()
        return rows.filter(rows.day.isnull()).select("person_id")

    def ends_too_early(self) -> ir.Table:
        """(person_id): marriages that end before they start."""
        rows = self._every()
        return rows.filter(_is_early(rows)).select("person_id") if self.has_end else rows.filter(False)[["person_id"]]

    def repeated(self) -> ir.Table:
        """(person_id): rows that say what another row says."""
        rows = self._usable()
        number = ibis.row_number().over(group_by=[rows[name] for name in rows.columns], order_by=rows.day)
        return rows.mutate(number=number).filter(lambda t: t.number > 0).select("person_id")

    def ends_otherwise(self) -> ir.Table:
        """(person_id): rows that end a marriage on another day, or for another reason, than the row that counts."""
        rows = self._told()
        return rows.filter(rows.number > 0).select("person_id")

    def _marriages(self) -> ir.Table:
        """Each marriage once, as its first end has it."""
        rows = self._told()
        return rows.filter(rows.number == 0).drop("number")

    def _told(self) -> ir.Table:
        """Rows that differ, numbered within each marriage: by the day of its end, one without an end last."""
        rows = self._usable().distinct()
        others = [rows[name].asc(nulls_first=False) for name in rows.columns if name not in MARRIAGE]
        order = others or [rows.day]
        return rows.mutate(number=ibis.row_number().over(group_by=[rows[name] for name in MARRIAGE], order_by=order))

    def _usable(self) -> ir.Table:
        """Every row; one that ends before it starts has no end, a couple comes in one order."""
        rows = self._every()
        if self.has_end:
            rows = rows.mutate(end_day=_is_early(rows).ifelse(ibis.null("int32"), rows.end_day))
        if self.mapped.each_row == "person":
            return rows
        turned = (rows.partner < rows.person_id).fill_null(False)
        one, other = turned.ifelse(rows.partner, rows.person_id), turned.ifelse(rows.person_id, rows.partner)
        return rows.mutate(person_id=one, partner=other)

    def _every(self) -> ir.Table:
        return self.table.once("every row", lambda: self.table.relation(self.cells))


def _is_early(rows: ir.Table) -> ir.BooleanValue:
    return (rows.end_day < rows.day).fill_null(False)


def _before_the_next(own: ir.Table) -> ir.Table:
    """The marriages of each person that end, and do so before the next one begins.

    One that ends later ends the day before the next, by the rule of the floor; its own end would end the next one.
    """
    begins = own.select(whose="person_id", begun="day").distinct()
    following = begins.begun.lead().over(group_by=begins.whose, order_by=begins.begun)
    beside = own.left_join(begins.mutate(following=following), [own.person_id == begins.whose, own.day == begins.begun])
    kept = beside.end_day.notnull() & (beside.following.isnull() | (beside.end_day <= beside.following))
    return beside.filter(kept)
