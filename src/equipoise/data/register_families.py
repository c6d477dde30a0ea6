"""Parents of registers as links between persons: each child once, and what its rows do not tell is unknown."""

import ibis
import ibis.expr.types as ir

from equipoise.data.day_numbers import year_of
from equipoise.data.people import FEMALE, MALE
from equipoise.data.register_codes import CodeBook
from equipoise.data.register_columns import Cell, RegisterTable
from equipoise.data.register_mapping import Parents
from equipoise.data.verbs import union

PERSON_DOMAIN = 1147314
VOCABULARY = "SNOMED"
MOTHER, FATHER, SPOUSE = "72705000", "66839005", "127848009"
BROTHER, SISTER, SIBLING = "60614009", "73678001", "375005"
HALF_BROTHER, HALF_SISTER = "45929001", "2272004"
CODES = (MOTHER, FATHER, SPOUSE, BROTHER, SISTER, SIBLING, HALF_BROTHER, HALF_SISTER)
"""Relationships as codes of SNOMED CT, each read "fact 1 is the … of fact 2"."""
SIDES = ("mother", "father")
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

    def unnamed(self) -> ir.Table:
        """(person_id): a row for each row of nobody's parents."""
        rows = self._every()
        return rows.filter(rows.child.isnull()).select(person_id="child")

    def repeated(self) -> ir.Table:
        """(person_id): a row for each row that says what another row of the child says."""
        rows = self._every()
        number = ibis.row_number().over(group_by=[rows.child, rows.mother, rows.father], order_by=rows.child)
        rows = rows.filter(rows.child.notnull()).mutate(number=number)
        return rows.filter(rows.number > 0).select(person_id="child")

    def stand_ins(self) -> ir.Table:
        """(person_id): a row for each parent of a child that is a number standing for an unknown one."""
        rows = self._recorded()
        parts = [rows.semi_join(crowd, rows[side] == crowd.parent) for side, crowd in self._crowds(rows)]
        return union(*(part.select(person_id="child") for part in parts))

    def several(self) -> ir.Table:
        """(person_id): a row for each side on which the rows of a child name different parents."""
        each = self._each_child()
        return union(*(each.filter(each[f"{side}s"] > 1).select(person_id="child") for side in SIDES))

    def both_in_one(self) -> ir.Table:
        """(person_id): children whose mother and father are the same person."""
        rows = self._told_apart()
        return rows.filter(_same(rows)).select(person_id="child")

    def rows(self) -> ir.Table:
        """(child, mother, father), one row a child; a parent whom the rows do not tell is unknown."""
        rows = self._told_apart()
        unknown = ibis.null("int64")
        return rows.mutate(**{side: _same(rows).ifelse(unknown, rows[side]) for side in SIDES})

    def _every(self) -> ir.Table:
        return self.table.once("every row", lambda: self.table.relation(self.cells))

    def _recorded(self) -> ir.Table:
        """Each combination of a child and its parents once."""
        rows = self._every()
        return self.table.once("recorded parents", lambda: rows.filter(rows.child.notnull()).distinct())

    def _each_child(self) -> ir.Table:
        """(child, mother, father, mothers, fathers): the least number and how many there are, stand-ins apart."""
        rows = self._recorded()
        for side, crowd in self._crowds(rows):
            beside = rows.left_join(crowd, rows[side] == crowd.parent)
            known = beside.parent.isnull().ifelse(beside[side], ibis.null("int64"))
            rows = beside.mutate(**{side: known}).drop("parent")
        counts = {f"{side}s": rows[side].nunique() for side in SIDES}
        return rows.group_by("child").aggregate(**{side: rows[side].min() for side in SIDES}, **counts)

    def _told_apart(self) -> ir.Table:
        """(child, mother, father), one row a child; several mothers are an unknown one, several fathers too."""
        each = self._each_child()
        unknown = ibis.null("int64")
        single = {side: (each[f"{side}s"] > 1).ifelse(unknown, each[side]) for side in SIDES}
        return each.select("child", **single)

    def _crowds(self, rows: ir.Table) -> list[tuple[str, ir.Table]]:
        """By side, (parent): numbers with more children than anybody has."""
        found = []
        for side in SIDES:
            counted = rows.filter(rows[side].notnull()).group_by(parent=side).aggregate(n=lambda t: t.child.nunique())
            found.append((side, counted.filter(counted.n > MOST_CHILDREN).select("parent")))
        return found

    def links(self, persons: ir.Table) -> ir.Table:
        """(first, code, second): parents who are in the register of the population, and siblings.

        Parents who are not there still tell siblings: full where both parents are known and the same, half where one
        is the same and the others are known and differ. A parent not born before the child tells none.
        """
        rows = self.rows()
        parents = [
            rows.select(first=rows[side], code=ibis.literal(code), second=rows.child)
            for side, code in zip(SIDES, (MOTHER, FATHER), strict=True)
        ]
        known = persons.select(parent="person_id").filter(lambda t: t.parent.notnull()).distinct()
        recorded = union(*parents)
        recorded = recorded.semi_join(known, recorded.first == known.parent)
        return union(recorded, self._siblings(persons))

    def _siblings(self, persons: ir.Table) -> ir.Table:
        rows = _born_after(self.rows(), persons)
        single = rows.filter(rows.mother.notnull() & rows.father.notnull())
        single = single.semi_join(persons, single.child == persons.person_id)
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


def _same(rows: ir.Table) -> ir.BooleanValue:
    return (rows.mother == rows.father).fill_null(False)


def _born_after(rows: ir.Table, persons: ir.Table) -> ir.Table:
    """(child, mother, father): a parent known not to be born in an earlier year than the child is unknown."""
    years = persons.mutate(born=ibis.coalesce(persons.year, year_of(persons.exact_day)))
    years = years.group_by(whose="person_id").aggregate(born=years.born.min())
    rows = rows.left_join(years, rows.child == years.whose).drop("whose").rename(its_birth="born")
    for side in SIDES:
        beside = rows.left_join(years, rows[side] == years.whose)
        late = (beside.born >= beside.its_birth).fill_null(False)
        rows = beside.mutate(**{side: late.ifelse(ibis.null("int64"), beside[side])}).drop("whose", "born")
    return rows.drop("its_birth")


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
