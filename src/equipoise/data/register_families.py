"""Parents and marriages of registers as links between persons, and as dated observations."""

import ibis
import ibis.expr.types as ir

from equipoise.data.people import FEMALE, MALE
from equipoise.data.register_codes import CodeBook
from equipoise.data.register_columns import Cell, RegisterTable
from equipoise.data.register_events import in_form, one_code_a_row
from equipoise.data.register_mapping import Marriages, Parents
from equipoise.data.verbs import union

PERSON_DOMAIN = 1147314
VOCABULARY = "SNOMED"
MOTHER, FATHER, SPOUSE = "72705000", "66839005", "127848009"
BROTHER, SISTER, SIBLING = "60614009", "73678001", "375005"
HALF_BROTHER, HALF_SISTER = "45929001", "2272004"
CODES = (MOTHER, FATHER, SPOUSE, BROTHER, SISTER, SIBLING, HALF_BROTHER, HALF_SISTER)
"""Relationships as codes of SNOMED CT, each read "fact 1 is the … of fact 2"."""
MOST_CHILDREN = 100
"""A parent of more children is a number that stands for an unknown one: 0, 99999999 and the like."""


class ParentColumns:
    """The register of generations."""

    def __init__(self, table: RegisterTable):
        mapped = table.mapped
        assert isinstance(mapped, Parents)
        self.table = table
        self.cells: dict[str, Cell] = {
            "child": table.identifier("person", mapped.person),
            "mother": table.identifier("mother", mapped.mother),
            "father": table.identifier("father", mapped.father),
        }

    def rows(self) -> ir.Table:
        """(child, mother, father), each combination once; a parent of too many children is unknown."""
        return self.table.once("parents", self._rows)

    def stand_ins(self) -> ir.Table:
        """(person_id): a row for each parent of a child that is a number standing for an unknown one."""
        rows = self.table.once("recorded parents", self._recorded)
        parts = [rows.semi_join(crowd, rows[side] == crowd.parent) for side, crowd in self._crowds(rows)]
        return union(*(part.select(person_id="child") for part in parts))

    def _recorded(self) -> ir.Table:
        rows = self.table.relation(self.cells)
        return rows.filter(rows.child.notnull()).distinct()

    def _rows(self) -> ir.Table:
        rows = self.table.once("recorded parents", self._recorded)
        for side, crowd in self._crowds(rows):
            beside = rows.left_join(crowd, rows[side] == crowd.parent)
            rows = beside.mutate(**{side: beside.parent.isnull().ifelse(beside[side], ibis.null("int64"))}).drop(
                "parent"
            )
        return rows.distinct()

    def _crowds(self, rows: ir.Table) -> list[tuple[str, ir.Table]]:
        """By side, (parent): numbers with more children than anybody has."""
        found = []
        for side in ("mother", "father"):
            counted = rows.filter(rows[side].notnull()).group_by(parent=side).aggregate(n=lambda t: t.count())
            found.append((side, counted.filter(counted.n > MOST_CHILDREN).select("parent")))
        return found

    def links(self, persons: ir.Table) -> ir.Table:
        """(first, code, second): parents who are in the register of the population, and siblings.

        Parents who are not there still tell siblings: full where both parents are known and the same, half where one
        is the same and the others are known and differ. A child with several mothers or fathers makes no siblings.
        """
        rows = self.rows()
        parents = [
            rows.select(first=rows[side], code=ibis.literal(code), second=rows.child)
            for side, code in (("mother", MOTHER), ("father", FATHER))
        ]
        known = persons.select(parent="person_id").filter(lambda t: t.parent.notnull()).distinct()
        recorded = union(*parents)
        recorded = recorded.semi_join(known, recorded.first == known.parent)
        return union(recorded, self._siblings(persons))

    def _siblings(self, persons: ir.Table) -> ir.Table:
        rows = self.rows()
        known = rows.filter(rows.mother.notnull() & rows.father.notnull())
        single = known.group_by("child").aggregate(
            n=known.count(), mother=known.mother.min(), father=known.father.min()
        )
        single = single.filter(single.n == 1).semi_join(persons, single.child == persons.person_id)
        other = single.select(second="child", its_mother="mother", its_father="father")
        pairs = [
            single.join(other, single.mother == other.its_mother).select("child", "father", "its_father", "second"),
            single.join(other, (single.father == other.its_father) & (single.mother != other.its_mother)).select(
                "child", "father", "second", its_father=ibis.literal(None, "int64")
            ),
        ]
        both = union(*pairs)
        both = both.filter(both.child != both.second)
        sexes = persons.group_by(sibling="person_id").aggregate(sex=persons.sex.min())
        both = both.join(sexes, both.child == sexes.sibling)
        is_full = (both.father == both.its_father).fill_null(False)
        code = ibis.cases(
            (is_full & (both.sex == MALE), BROTHER),
            (is_full & (both.sex == FEMALE), SISTER),
            (~is_full & (both.sex == MALE), HALF_BROTHER),
            (~is_full & (both.sex == FEMALE), HALF_SISTER),
            else_=SIBLING,
        )
        return both.select(first=both.child, code=code, second=both.second)


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
        if self.mapped.end is not None:
            self.cells["end_day"] = table.day("end", self.mapped.end)
            self.cells |= table.codes("ends", self.mapped.ends)

    def links(self) -> ir.Table:
        """(first, code, second): spouses, each pair both ways."""
        rows = self._read()
        spouse = ibis.literal(SPOUSE)
        one = rows.select(first=rows.person_id, code=spouse, second=rows.partner)
        other = rows.select(first=rows.partner, code=spouse, second=rows.person_id)
        links = union(one, other)
        return links.filter(links.first.notnull() & links.second.notnull()).distinct()

    def observations(self) -> list[ir.Table]:
        """Days on which persons married, and on which their marriage ended, in the columns of every event."""
        rows = self._read()
        persons = [rows.person_id, rows.partner] if self.mapped.each_row == "couple" else [rows.person_id]
        begins, ends = ibis.literal(self.mapped.begins), rows.code if "code" in rows.columns else None
        found = []
        for person in persons:
            found.append(rows.select(person_id=person, day=rows.day, code=begins))
            if ends is not None:
                found.append(rows.select(person_id=person, day=rows.end_day, code=ends))
        vocabulary = ibis.literal(self.mapped.vocabulary)
        return [in_form(part.filter(part.day.notnull()).mutate(vocabulary=vocabulary)) for part in found]

    def ends_too_early(self) -> ir.Table:
        """(person_id): marriages that end before they start."""
        rows = self.table.once("all marriages", self._all)
        if "end_day" not in rows.columns:
            return rows.filter(False).select("person_id")
        return rows.filter((rows.end_day < rows.day).fill_null(False)).select("person_id")

    def _read(self) -> ir.Table:
        """The rows that can be used: one that ends before it starts has no end."""
        rows = self.table.once("all marriages", self._all)
        if "end_day" not in rows.columns:
            return rows
        early = (rows.end_day < rows.day).fill_null(False)
        return rows.mutate(end_day=early.ifelse(ibis.null("int32"), rows.end_day))

    def _all(self) -> ir.Table:
        rows = self.table.relation(self.cells)
        return one_code_a_row(rows) if "end_day" in rows.columns else rows


def relationship_table(links: list[ir.Table], codes: CodeBook) -> ir.Table:
    """FACT_RELATIONSHIP."""
    every = union(*links)
    known = codes.spellings("relationship").select("concept_id", its_code="code")
    joined = every.join(known, every.code == known.its_code)
    domain = ibis.literal(PERSON_DOMAIN, "int64")
    return joined.select(
        domain_concept_id_1=domain,
        fact_id_1=joined.first,
        domain_concept_id_2=domain,
        fact_id_2=joined.second,
        relationship_concept_id=joined.concept_id,
    )
