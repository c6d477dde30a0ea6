"""Parents and marriages of registers as links and days of the floor, and every bad link counted by its rule."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipoise.data.connect import connect
from equipoise.data.families import Persons, families
from equipoise.data.partnerships import Lives
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


def settled(place: Path) -> dict[str, tuple[int, int]]:
    """What the floor of families finds wrong."""
    never = np.full(4, 2**31 - 1, np.int32)
    persons = Persons(
        lives=Lives(np.arange(1, 5), np.zeros(4, np.int32), never),
        birth_year=np.array([1950, 1960, 2005, 1970], np.int32),
        female=np.array([False, True, True, False]),
        male=np.array([True, False, False, True]),
    )
    with connect(place) as source:
        found = families(extract_links(source, Relationships()), persons).findings
    return {each.check: (each.n_records, each.n_persons) for each in found if each.n_records}


def test_circles_and_several_mothers_are_counted(tmp_path: Path) -> None:
    parents: Columns = {"LopNr": [1, 2, 3, 3], "Mor": [2, None, 2, 4], "Far": [None, 1, 1, 1]}
    found = settled(write(tmp_path, registers(parents=parents), MAPPING + FAMILY))
    assert found["person among their own ancestors"] == (2, 2)
    assert found["person with several mothers or several fathers"] == (1, 1)


CIVIL: Columns = {
    "LopNr": [1, 2],
    "Partner": [2, 1],
    "Fran": [date(2001, 6, 1), date(2001, 6, 1)],
    "Till": [date(2005, 1, 1), None],
    "Orsak": ["S", "D"],
}


@pytest.mark.parametrize(
    ("row", "begun", "ended"),
    [("person", [1, 2], [1]), ("couple", [1, 1, 2, 2], [1, 2])],
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
