"""Parents and marriages of registers as links and days of the floor, and every bad link counted by its rule."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from equipoise.data.connect import connect
from equipoise.data.families import Persons, families
from equipoise.data.partnerships import NOBODY, Lives, partner_on
from equipoise.data.quality import data_quality
from equipoise.data.relationships import KINDS, extract_links
from equipoise.spec.relatives import Relationships
from tests.data.register_files import MAPPING, Columns, registers, write

FAMILY = """
[parents]
file = "parents.SUFFIX"
person = "LopNr"
mother = "Mor"
father = "Far"
"""
MARRIAGES = """
[marriages]
file = "civil.SUFFIX"
person = "LopNr"
partner = "Partner"
start = "Fran"
end = "Till"
each_row = "ROW"
begins = "married"
ends = { column = "Orsak", values = { S = "divorced" } }
"""
DATED = {
    "partnership_begins": [{"code_prefix": "married"}],
    "partnership_ends": [{"code_prefix": "divorced"}, {"code_prefix": "D"}],
}
PARENTS: Columns = {"LopNr": [1, 2, 3, 4], "Mor": [901, 901, 2, 901], "Far": [902, 902, None, 903]}


def links(place: Path) -> set[tuple[int, str, int]]:
    with connect(place) as source:
        rows = extract_links(source, Relationships()).links.to_pylist()
    found = [(row["first"], KINDS[row["kind"]], row["second"]) for row in rows]
    assert len(found) == len(set(found)), "each link once"
    return set(found)


def test_siblings_are_found_through_parents_whom_no_table_holds(tmp_path: Path) -> None:
    place = write(tmp_path, registers(parents=PARENTS), MAPPING + FAMILY)
    assert links(place) == {
        (2, "mother", 3),
        (1, "full_sibling", 2), (2, "full_sibling", 1),
        (1, "half_sibling", 4), (4, "half_sibling", 1), (2, "half_sibling", 4), (4, "half_sibling", 2),
    }  # fmt: skip


def test_an_unknown_father_makes_neither_full_nor_half_siblings(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 2, 3], "Mor": [901, 901, 901], "Far": [902, None, None]}
    assert links(write(tmp_path, registers(parents=parents), MAPPING + FAMILY)) == set()


def test_half_siblings_by_the_father(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 2, 3], "Mor": [901, 911, 921], "Far": [902, 902, 903]}
    found = links(write(tmp_path, registers(parents=parents), MAPPING + FAMILY))
    assert found == {(1, "half_sibling", 2), (2, "half_sibling", 1)}


PERSONS = Persons(
    lives=Lives(np.arange(1, 5), np.zeros(4, np.int32), np.full(4, 2**31 - 1, np.int32)),
    birth_year=np.array([1950, 1960, 2005, 1970], np.int32),
    female=np.array([False, True, True, False]),
    male=np.array([True, False, False, True]),
)


def settled(place: Path) -> dict[str, tuple[int, int]]:
    """What the floor of families finds wrong."""
    with connect(place) as source:
        found = families(extract_links(source, Relationships()), PERSONS).findings
    return {each.check: (each.n_records, each.n_persons) for each in found if each.n_records}


def test_circles_are_counted_and_make_no_siblings(tmp_path: Path) -> None:
    """1, born in 1950, is said to be a child of 2, born in 1960, who is a child of 1; and a sibling of 4."""
    parents: Columns = {"LopNr": [1, 2, 4], "Mor": [2, None, 2], "Far": [900, 1, 900]}
    place = write(tmp_path, registers(parents=parents), MAPPING + FAMILY)
    assert settled(place) == {"person among their own ancestors": (2, 2)}
    assert links(place) == {(2, "mother", 1), (2, "mother", 4), (1, "father", 2)}


def parent_checks(tmp_path: Path, parents: Columns) -> tuple[dict[str, tuple[int, int]], set[tuple[int, str, int]]]:
    """What the check of the table of parents counts, and the links."""
    place = write(tmp_path, registers(parents=parents), MAPPING + FAMILY)
    with connect(place) as source:
        found = quality(source)
    assert settled(place) == {}, "nothing of it is left to the floor"
    return found, links(place)


SIBLINGS = {(1, "full_sibling", 2), (2, "full_sibling", 1)}


def test_a_repeated_row_of_parents_is_counted_and_changes_nothing(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 2, 2, 2, None], "Mor": [901] * 5, "Far": [902] * 5}
    found, linked = parent_checks(tmp_path, parents)
    assert found == {
        "parents of a child recorded several times, rows identical": (2, 1),
        "parents of a child who is not named": (1, 0),
    }
    assert linked == SIBLINGS


def test_rows_of_a_child_that_complete_each_other_are_one(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 2, 2, 2], "Mor": [901, 901, None, None], "Far": [902, None, 902, None]}
    assert parent_checks(tmp_path, parents) == ({}, SIBLINGS)


def test_a_child_of_several_mothers_has_an_unknown_one_even_where_one_alone_is_a_person(tmp_path: Path) -> None:
    """3 has the mothers 2, who is in the register of the population, and 901, who is not; and one father."""
    parents: Columns = {"LopNr": [3, 3, 1], "Mor": [2, 901, 901], "Far": [902, None, 902]}
    found, linked = parent_checks(tmp_path, parents)
    assert found == {"child with several mothers or several fathers": (1, 1)}
    assert linked == set(), "neither 2 as the mother of 3, nor half siblings"


def test_one_person_is_not_both_mother_and_father(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 2], "Mor": [901, 901], "Far": [901, 901]}
    found, linked = parent_checks(tmp_path, parents)
    assert found == {"child whose mother and father are the same person": (2, 2)}
    assert linked == set()


def test_parents_not_born_before_the_child_make_no_siblings(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 3], "Mor": [2, 2], "Far": [902, 902]}
    place = write(tmp_path, registers(parents=parents), MAPPING + FAMILY)
    assert links(place) == {(2, "mother", 1), (2, "mother", 3)}
    assert settled(place) == {"parent not born before the child": (1, 2)}


CIVIL: Columns = {
    "LopNr": [1, 2],
    "Partner": [2, 1],
    "Fran": [date(2001, 6, 1), date(2001, 6, 1)],
    "Till": [date(2005, 1, 1), None],
    "Orsak": ["S", "D"],
}


@pytest.mark.parametrize(
    ("row", "begun", "ended"),
    [("person", [1, 2], [1]), ("couple", [1, 2], [1, 2])],
)
def test_marriages_become_links_and_days(tmp_path: Path, row: str, begun: list[int], ended: list[int]) -> None:
    mapping = MAPPING + MARRIAGES.replace("ROW", row)
    with connect(write(tmp_path, registers(civil=CIVIL), mapping)) as source:
        recorded = extract_links(source, Relationships.model_validate(DATED))
        assert {(each["first"], each["second"]) for each in recorded.links.to_pylist()} == {(1, 2), (2, 1)}
        assert recorded.begins["person_id"].to_pylist() == begun
        assert recorded.ends["person_id"].to_pylist() == ended
        assert recorded.ends["day"].to_pylist() == [12784] * len(ended)


def quality(source: Any, *tables: str) -> dict[str, tuple[int, int]]:
    return {each.check: (each.n_records, each.n_persons) for each in data_quality(source, tables) if each.n_records}


def test_a_marriage_that_ends_before_it_starts_is_counted_and_has_no_end(tmp_path: Path) -> None:
    civil = CIVIL | {"Till": [date(2001, 5, 1), None]}
    with connect(write(tmp_path, registers(civil=civil), MAPPING + MARRIAGES.replace("ROW", "person"))) as source:
        assert quality(source) == {"marriage that ends before it starts": (1, 1)}
        assert extract_links(source, Relationships.model_validate(DATED)).ends.num_rows == 0


def partners(place: Path, *days: date) -> list[int]:
    """The partner of person 1 on some days, 0 for none."""
    with connect(place) as source:
        made = families(extract_links(source, Relationships.model_validate(DATED)), PERSONS)
    wanted = np.array([(day - date(1970, 1, 1)).days for day in days])
    found = partner_on(made.partners, np.zeros(len(days), np.int64), wanted)
    return [0 if at == NOBODY else int(at) + 1 for at in found]


def married(tmp_path: Path, *rows: tuple[int | None, int | None, int | None, int | None], row: str = "person") -> Path:
    """Registers with marriages (person, partner, year of start, year of end), each on 1 June."""
    civil: Columns = {name: [cell[at] for cell in rows] for at, name in enumerate(("LopNr", "Partner"))}
    for at, name in ((2, "Fran"), (3, "Till")):
        civil[name] = pa.array([each[at] and date(each[at], 6, 1) for each in rows], pa.date32())
    civil["Orsak"] = ["S"] * len(rows)
    return write(tmp_path, registers(civil=civil), MAPPING + MARRIAGES.replace("ROW", row))


def counted(place: Path) -> dict[str, tuple[int, int]]:
    """What the checks of marriages find, and the floor of families."""
    with connect(place) as source:
        found = quality(source)
        made = families(extract_links(source, Relationships.model_validate(DATED)), PERSONS).findings
    return found | {each.check: (each.n_records, each.n_persons) for each in made if each.n_records}


SUMMERS = (date(2002, 7, 1), date(2004, 7, 1), date(2006, 7, 1), date(2008, 7, 1))


@pytest.mark.parametrize("row", ["person", "couple"])
def test_the_same_marriage_twice_is_one_and_its_earliest_end_counts(tmp_path: Path, row: str) -> None:
    """Ends of the first marriage that came later would end the second one, with another partner."""
    first = [(1, 2, 2001, 2003), (1, 2, 2001, 2003), (1, 2, 2001, 2007), (1, 2, 2001, None)]
    others = [(2, 1, 2001, 2003), (4, 1, 2005, None)] if row == "person" else []
    place = married(tmp_path, *first, (1, 4, 2005, None), *others, row=row)
    assert partners(place, *SUMMERS) == [2, 0, 4, 4]
    assert counted(place) == {
        "same marriage recorded several times, rows identical": (1, 1),
        "same marriage recorded several times, its end differs": (2, 1),
    }


def test_who_marries_again_while_married_leaves_the_first_marriage_and_not_the_second(tmp_path: Path) -> None:
    place = married(tmp_path, (1, 2, 2001, 2007), (1, 4, 2005, None), (2, 1, 2001, 2007), (4, 1, 2005, None))
    assert partners(place, *SUMMERS) == [2, 2, 4, 4]
    assert counted(place) == {
        "married again while married": (1, 1),
        "spouses who parted on different days": (1, 2),
    }


def test_partners_who_tell_different_days_of_marriage_are_no_partners(tmp_path: Path) -> None:
    place = married(tmp_path, (1, 2, 2001, 2007), (2, 1, 2002, 2007))
    assert partners(place, *SUMMERS) == [0, 0, 0, 0]
    assert counted(place) == {"spouses whose marriages do not agree": (1, 2)}


def test_partners_who_tell_different_days_of_parting_are_so_until_the_earlier_one(tmp_path: Path) -> None:
    place = married(tmp_path, (1, 2, 2001, 2007), (2, 1, 2001, 2003))
    assert partners(place, *SUMMERS) == [2, 0, 0, 0]
    assert counted(place) == {"spouses who parted on different days": (1, 2)}


def test_of_two_marriages_on_one_day_none_counts(tmp_path: Path) -> None:
    place = married(tmp_path, (1, 2, 2001, None), (1, 4, 2001, None), (2, 1, 2001, None), (4, 1, 2001, None))
    assert partners(place, *SUMMERS) == [0, 0, 0, 0]
    assert counted(place) == {"person with several partners at once": (1, 1)}


def test_a_marriage_without_a_day_or_a_partner_is_counted_and_ends_no_other(tmp_path: Path) -> None:
    place = married(tmp_path, (1, 2, None, 2003), (1, 4, 2002, None), (4, 1, 2002, None), (3, None, 2006, None))
    assert partners(place, *SUMMERS) == [4, 4, 4, 4]
    assert counted(place) == {
        "marriage of which one of the two is not named": (1, 1),
        "marriage without a day of marriage": (1, 1),
        "spouses whose marriages do not agree": (1, 2),
    }


def test_a_link_to_nobody_is_no_link_and_one_to_a_stranger_is_counted(tmp_path: Path) -> None:
    civil = CIVIL | {"Partner": [77, None]}
    found = settled(write(tmp_path, registers(civil=civil), MAPPING + MARRIAGES.replace("ROW", "person")))
    assert found == {"link to a person who is not in the study's database": (2, 1)}


def test_a_number_that_stands_for_unknown_fathers_makes_no_siblings(tmp_path: Path) -> None:
    children = list(range(1, 5)) + list(range(1000, 1098))
    mothers = [901, 901, 902, 903] + [5000 + at for at in range(98)]
    place = write(tmp_path, registers(parents={"LopNr": children, "Mor": mothers, "Far": [0] * 102}), MAPPING + FAMILY)
    with connect(place) as source:
        found = quality(source)
    assert found == {"parent of more than 100 children: a number that stands for an unknown one": (102, 102)}
    assert links(place) == set()  # of full and of half siblings: the fathers of 1 and 2 are not known
