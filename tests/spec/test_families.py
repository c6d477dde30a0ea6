"""Executable specification of families: small lists of links in, siblings and partners out, every bad link counted."""

import numpy as np
import pyarrow as pa
import pytest

from equipoise.data.families import Families, Persons, families
from equipoise.data.partnerships import NOBODY, Lives, partner_on
from equipoise.data.relationships import KINDS, RecordedLinks
from tests.spec.tables import day

LIVES_ON = np.iinfo(np.int32).max
START = "2000-01-01"


def person(number, sex="female", born=1950, first=START, died=None):
    return {"id": number, "sex": sex, "born": born, "first": first, "died": died}


def settled(persons, *links, begins=(), ends=()) -> Families:
    """Families from links (first, kind, second) or (first, kind, second, times) and marriages (person, date)."""
    persons = sorted(persons, key=lambda row: row["id"])
    rows = [link[:3] for link in links for _ in range(*link[3:] or [1])]
    table = {
        "first": pa.array([first for first, _, _ in rows], pa.int64()),
        "second": pa.array([second for _, _, second in rows], pa.int64()),
        "kind": pa.array([KINDS.index(kind) for _, kind, _ in rows], pa.int32()),
    }
    sex = np.array([row["sex"] for row in persons])
    lives = Lives(
        np.array([row["id"] for row in persons]),
        np.array([day(row["first"]) for row in persons], dtype=np.int32),
        np.array([day(row["died"]) if row["died"] else LIVES_ON for row in persons], dtype=np.int32),
    )
    known = Persons(lives, np.array([row["born"] for row in persons]), sex == "female", sex == "male")
    return families(RecordedLinks(pa.table(table), dates(begins), dates(ends)), known)


def dates(rows) -> pa.Table:
    ids = pa.array([person for person, _ in rows], pa.int64())
    return pa.table({"person_id": ids, "day": pa.array([day(when) for _, when in rows], pa.int32())})


def pairs(persons, found) -> set[tuple[int, int]]:
    """Pairs by identifier, in both directions."""
    ids = sorted(row["id"] for row in persons)
    one = np.repeat(np.arange(len(ids)), np.diff(found.offsets))
    return {(ids[a], ids[b]) for a, b in zip(one, found.other, strict=True)}


def counts(made: Families) -> dict[str, tuple[int, int]]:
    return {item.check: (item.n_records, item.n_persons) for item in made.findings if item.n_records}


FAMILY = [
    person(1, "female", 1920),
    person(2, "male", 1918),
    person(3, "male", 1921),
    person(11),
    person(12, born=1952),
    person(13, born=1954),
    person(14, born=1956),
]
PARENTS = [
    (1, "mother", 11), (2, "father", 11),
    (1, "mother", 12), (2, "father", 12),
    (1, "mother", 13), (3, "father", 13),
    (1, "mother", 14),
]  # fmt: skip


def test_full_siblings_share_both_known_parents_and_half_siblings_one() -> None:
    made = settled(FAMILY, *PARENTS)
    assert pairs(FAMILY, made.full) == {(11, 12), (12, 11)}
    assert pairs(FAMILY, made.half) == {(11, 13), (13, 11), (12, 13), (13, 12)}, "14 has an unknown father"
    assert len(set(made.sibship[3:])) == 1, "all four share a mother"
    assert counts(made) == {}


def test_links_may_be_read_from_the_side_of_the_child_and_sex_tells_mother_from_father() -> None:
    turned = [(child, "child", parent) for parent, _, child in PARENTS]
    by_sex = [(parent, "parent", child) for parent, _, child in PARENTS]
    for links in (turned, by_sex, turned + by_sex + PARENTS):
        made = settled(FAMILY, *links)
        assert pairs(FAMILY, made.full) == {(11, 12), (12, 11)}
        assert pairs(FAMILY, made.half) == {(11, 13), (13, 11), (12, 13), (13, 12)}


def test_recorded_siblings_count_where_parents_are_not_known() -> None:
    two = [person(1), person(2), person(3)]
    made = settled(two, (1, "full_sibling", 2), (2, "half_sibling", 3), (1, "sibling", 3))
    assert pairs(two, made.full) == {(1, 2), (2, 1)}, "one direction is enough; unknown kinds are not full"
    assert pairs(two, made.half) == {(2, 3), (3, 2)}
    assert counts(made) == {"siblings of unknown kind": (1, 2)}


def test_parents_decide_between_contradictory_records() -> None:
    made = settled(FAMILY, *PARENTS, (11, "half_sibling", 12), (11, "full_sibling", 13))
    assert pairs(FAMILY, made.full) == {(11, 12), (12, 11)}
    assert (11, 13) in pairs(FAMILY, made.half)
    assert counts(made) == {"recorded as full siblings, but a parent differs": (1, 2)}


def test_a_person_twice_a_sibling_is_one_sibling() -> None:
    two = [person(1), person(2)]
    made = settled(two, (1, "full_sibling", 2, 3), (2, "full_sibling", 1))
    assert pairs(two, made.full) == {(1, 2), (2, 1)}
    assert counts(made) == {"same link recorded several times": (2, 2)}
    both = settled(two, (1, "full_sibling", 2), (2, "half_sibling", 1))
    assert pairs(two, both.full) == set()
    assert pairs(two, both.half) == {(1, 2), (2, 1)}
    assert counts(both) == {"recorded both as full and as half siblings": (1, 2)}


def test_circular_families_lose_the_links_of_the_circle_only() -> None:
    people = [person(1, born=0), person(2, born=0), person(3, born=0), person(4, "male", 0)]
    circle = [(1, "mother", 2), (2, "mother", 3), (3, "mother", 1)]
    made = settled(people, *circle, (4, "father", 2))
    assert counts(made) == {"person among their own ancestors": (3, 3)}
    assert len(made.full.other) == 0


@pytest.mark.parametrize(
    ("link", "check"),
    [
        ((1, "mother", 99), "link to a person who is not in the study's database"),
        ((1, "full_sibling", 1), "person linked to oneself"),
        ((12, "mother", 11), "parent not born before the child"),
        ((5, "parent", 11), "parent whose recorded sex says neither mother nor father"),
    ],
)
def test_links_that_cannot_be_are_left_out_and_counted(link, check) -> None:
    people = [*FAMILY, person(5, "unknown", 1900)]
    made = settled(people, *PARENTS, link)
    assert pairs(people, made.full) == {(11, 12), (12, 11)}
    assert list(counts(made)) == [check]


def test_two_mothers_make_the_mother_unknown() -> None:
    people = [*FAMILY, person(4, "female", 1915)]
    made = settled(people, *PARENTS, (4, "mother", 11))
    assert pairs(people, made.full) == set()
    assert counts(made) == {"person with several mothers or several fathers": (1, 1)}


def test_parent_and_child_are_neither_siblings_nor_spouses() -> None:
    made = settled(FAMILY, *PARENTS, (1, "full_sibling", 11), (1, "spouse", 12))
    assert pairs(FAMILY, made.full) == {(11, 12), (12, 11)}
    assert len(made.partners.other) == 0
    assert counts(made) == {"siblings who are parent and child": (1, 2), "spouses who are parent and child": (1, 2)}


COUPLE = [person(1), person(2, "male"), person(3, "male")]


def partners(made: Families, number: int, *days: str) -> list[int]:
    """The partner of a person on some days by identifier, 0 for none."""
    ids = [1, 2, 3]
    at = partner_on(made.partners, np.full(len(days), ids.index(number)), np.array([day(when) for when in days]))
    return [0 if found == NOBODY else ids[found] for found in at]


def test_spouses_are_partners_from_the_day_they_marry_until_the_day_before_they_part() -> None:
    made = settled(
        COUPLE,
        (1, "spouse", 2),
        begins=[(1, "2005-06-01"), (2, "2005-06-01")],
        ends=[(1, "2010-06-01"), (2, "2010-06-01")],
    )
    days = ("2005-05-31", "2005-06-01", "2010-05-31", "2010-06-01")
    assert partners(made, 1, *days) == [0, 2, 2, 0]
    assert partners(made, 2, *days) == [0, 1, 1, 0]
    assert counts(made) == {}


def test_marriages_in_a_row_belong_to_the_spouse_with_whom_they_begin() -> None:
    made = settled(
        COUPLE,
        (1, "spouse", 2),
        (3, "spouse", 1),
        begins=[(1, "2005-06-01"), (2, "2005-06-01"), (1, "2012-01-01"), (3, "2012-01-01")],
        ends=[(1, "2010-06-01"), (2, "2010-06-01")],
    )
    assert partners(made, 1, "2006-01-01", "2011-01-01", "2013-01-01") == [2, 0, 3]


def test_of_marriages_from_before_observation_those_that_end_together_belong_together() -> None:
    """1 and 2 divorced before 2000, where no record says so; both married others, recorded on the first day."""
    made = settled(
        COUPLE,
        (1, "spouse", 2),
        (1, "spouse", 3),
        begins=[(1, START), (2, START), (3, START)],
        ends=[(1, "2008-01-01"), (3, "2008-01-01")],
    )
    assert partners(made, 1, "2004-01-01") == [3]
    assert counts(made) == {"spouses whose marriages do not agree": (1, 2)}


@pytest.mark.parametrize("turn", [(1, 2, 3, 4), (4, 3, 2, 1), (2, 1, 4, 3), (3, 4, 1, 2)])
def test_a_marriage_that_ends_with_one_spouse_is_no_marriage_with_another(turn: tuple[int, ...]) -> None:
    """a and b, and c and d, were married from before 2000; b and c marry each other in 2009. It does not matter whose
    number is smaller: b was taken for a partner of c from 2000 on, too."""
    a, b, c, d = turn
    people = [person(number) for number in (1, 2, 3, 4)]
    made = settled(
        people,
        (a, "spouse", b), (b, "spouse", c), (c, "spouse", d),
        begins=[*((each, START) for each in turn), (b, "2009-08-22"), (c, "2009-08-22")],
        ends=[(a, "2003-02-23"), (b, "2003-02-23"), (c, "2001-03-30"), (d, "2001-03-30")],
    )  # fmt: skip
    days = np.array([day("2001-01-01"), day("2002-01-01"), day("2010-01-01")])
    for number, expected in ((b, [a, a, c]), (c, [d, 0, b])):
        found = partner_on(made.partners, np.full(3, number - 1), days)
        assert [0 if at == NOBODY else int(at) + 1 for at in found] == expected
    assert counts(made) == {}


def test_a_widow_has_no_partner() -> None:
    people = [person(1), person(2, "male", died="2007-03-01"), person(3)]
    made = settled(people, (1, "spouse", 2), begins=[(1, START), (2, START)], ends=[(1, "2007-03-01")])
    assert partners(made, 1, "2007-02-28", "2007-03-01") == [2, 0]


def test_without_dates_spouses_are_partners_all_their_lives() -> None:
    made = settled(COUPLE, (1, "spouse", 2))
    assert partners(made, 1, "1990-01-01", "2030-01-01") == [2, 2]
    assert counts(made) == {"spouses without any date of marriage": (1, 2)}


def test_of_two_partners_at_once_the_later_one_counts_and_none_if_they_began_on_the_same_day() -> None:
    undated = settled(COUPLE, (1, "spouse", 2), (1, "spouse", 3))
    assert partners(undated, 1, "2005-01-01") == [0]
    assert partners(undated, 2, "2005-01-01") == [1]
    assert counts(undated)["person with several partners at once"] == (1, 1)
    begins = [(1, "2004-01-01"), (2, "2004-01-01"), (1, "2006-01-01"), (3, "2006-01-01")]
    dated = settled(COUPLE, (1, "spouse", 2), (1, "spouse", 3), begins=begins)
    assert partners(dated, 1, "2005-01-01", "2007-01-01") == [2, 3]
    assert counts(dated) == {"married again while married": (1, 1)}, "the first marriage ends with the second"


def test_spouses_who_parted_on_different_days_are_partners_until_the_first_and_are_counted() -> None:
    begins = [(1, "2005-06-01"), (2, "2005-06-01")]
    made = settled(COUPLE, (1, "spouse", 2), begins=begins, ends=[(1, "2010-06-01"), (2, "2012-06-01")])
    assert partners(made, 2, "2010-05-31", "2010-06-01") == [1, 0]
    assert counts(made) == {"spouses who parted on different days": (1, 2)}
    left = settled(COUPLE, (1, "spouse", 2), begins=begins, ends=[(1, "2010-06-01")])
    assert counts(left) == {}, "the other had left the country, and no record says that they parted"
