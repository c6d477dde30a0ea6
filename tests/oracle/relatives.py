"""A person-at-a-time reading of families: the obvious second implementation, from the rules in words."""

from dataclasses import dataclass
from datetime import date, timedelta

from tests.oracle.case_control import Person, Rules, may_enter, period_of

Link = tuple[int, str, int]  # first is the kind of second
Period = tuple[date, date]
FAR = date.max


@dataclass
class Kin:
    """Usable persons by identifier, their links, and the days on which each married or parted."""

    people: dict[int, Person]
    links: list[Link]
    married: dict[int, list[date]]
    parted: dict[int, list[date]]

    def said(self, *kinds: str) -> set[tuple[int, int]]:
        """Pairs (first, second) of different known persons."""
        known = self.people
        return {(a, b) for a, kind, b in self.links if kind in kinds and a != b and a in known and b in known}


def parent_links(kin: Kin) -> set[tuple[int, int, str]]:
    """(child, parent, side) before circles are broken."""
    found = {(b, a, side) for side in ("mother", "father") for a, b in kin.said(side)}
    named = {(child, parent) for child, parent, _ in found}
    turned = {(b, a) for a, b in kin.said("parent")} | kin.said("child")
    sides = {"female": "mother", "male": "father"}
    return found | {
        (child, parent, sides[kin.people[parent].sex])
        for child, parent in turned - named
        if kin.people[parent].sex in sides
    }


def ancestors(links: set[tuple[int, int, str]], person: int) -> set[int]:
    """Everyone above a person."""
    above, todo = set(), [person]
    while todo:
        child = todo.pop()
        for parent in {p for c, p, _ in links if c == child} - above:
            above.add(parent)
            todo.append(parent)
    return above


def parents(kin: Kin) -> dict[str, dict[int, int]]:
    """The one mother and the one father of each child who has one."""
    links = parent_links(kin)
    links = {(c, p, side) for c, p, side in links if c not in ancestors(links, p)}
    links = {(c, p, side) for c, p, side in links if not _too_young(kin.people[p], kin.people[c])}
    found: dict[str, dict[int, int]] = {"mother": {}, "father": {}}
    for side, known in found.items():
        for child in {c for c, _, s in links if s == side}:
            those = {p for c, p, s in links if c == child and s == side}
            if len(those) == 1:
                known[child] = those.pop()
    return found


def _too_young(parent: Person, child: Person) -> bool:
    return parent.born is not None and child.born is not None and parent.born.year >= child.born.year


def full_siblings(kin: Kin, known: dict[str, dict[int, int]], person: int) -> set[int]:
    """Those with the same two known parents, or recorded as full siblings without anything against it."""
    recorded = {frozenset(pair) for pair in kin.said("full_sibling")}
    half = {frozenset(pair) for pair in kin.said("half_sibling")}
    return {other for other in kin.people if other != person and _are_full(known, recorded, half, person, other)}


def _are_full(known, recorded, half, one: int, other: int) -> bool:  # type: ignore[no-untyped-def]
    pairs = [(known[side].get(one), known[side].get(other)) for side in ("mother", "father")]
    if all(a is not None and a == b for a, b in pairs):
        return True
    pair = frozenset((one, other))
    if pair not in recorded or pair in half:
        return False
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return False
    return not any(known[s].get(a) == b for s in known for a, b in ((one, other), (other, one)))


def marriages(kin: Kin, person: int) -> list[Period]:
    """From each day of marrying to the day before the next marrying or parting."""
    begins = sorted(set(kin.married.get(person, [])))
    found = []
    for begin in begins:
        later = [day for day in (*begins, *kin.parted.get(person, [])) if day > begin]
        # Parting on the day of marrying belongs to the marriage before.
        found.append((begin, min(later) - timedelta(days=1) if later else FAR))
    return found


def partners_of_pair(kin: Kin, one: int, other: int, spouses: dict[int, set[int]]) -> list[Period]:
    """When two linked spouses were partners."""
    a, b = marriages(kin, one), marriages(kin, other)
    if not a and not b:
        return [(date.min, FAR)]
    if not a or not b:
        person = one if a else other
        return (a or b) if len(spouses[person]) == 1 else []
    return [
        (max(p[0], q[0]), min(p[1], q[1]))
        for p in a
        for q in b
        if _begin_alike(kin, one, p, other, q)
        and (
            _end_alike(kin, one, p, other, q)
            or not (_settled(kin, one, p, spouses) or _settled(kin, other, q, spouses))
        )
    ]


def _settled(kin: Kin, person: int, period: Period, spouses: dict[int, set[int]]) -> bool:
    """Whether a marriage also ends together with that of some spouse."""
    return any(
        _begin_alike(kin, person, period, spouse, own) and _end_alike(kin, person, period, spouse, own)
        for spouse in spouses[person]
        for own in marriages(kin, spouse)
    )


def _begin_alike(kin: Kin, one: int, p: Period, other: int, q: Period) -> bool:
    if max(p[0], q[0]) > min(p[1], q[1]):
        return False
    later = one if p[0] >= q[0] else other
    return p[0] == q[0] or max(p[0], q[0]) == first_observed(kin.people[later])


def _end_alike(kin: Kin, one: int, p: Period, other: int, q: Period) -> bool:
    longer = one if p[1] >= q[1] else other
    end = min(p[1], q[1])
    return p[1] == q[1] or (end != FAR and end + timedelta(days=1) == kin.people[longer].died)


def first_observed(person: Person) -> date | None:
    """The first day on which a person is observed."""
    stretches = [period_of(person, max(start, person.born or start)) for start, _ in person.periods]
    return min((stretch[0] for stretch in stretches if stretch is not None), default=None)


def partner(kin: Kin, known: dict[str, dict[int, int]], person: int, day: date) -> int | None:
    """The partner on a day: of several the one whose partnership began last, none where two began together."""
    related = {frozenset((child, p)) for side in known.values() for child, p in side.items()}
    linked = {frozenset(pair) for pair in kin.said("spouse")} - related
    spouses = {one: {other for pair in linked if one in pair for other in pair - {one}} for one in kin.people}
    current = [
        (begin, other)
        for other in spouses[person]
        for begin, end in partners_of_pair(kin, person, other, spouses)
        if begin <= day <= end
    ]
    if not current:
        return None
    latest = max(begin for begin, _ in current)
    those = {other for begin, other in current if begin == latest}
    return those.pop() if len(those) == 1 else None


def may_serve(person: Person, day: date, rules: Rules) -> bool:
    """Whether a relative is alive, observed, free of the outcome and meets the cohort's rules on a day."""
    alive = person.died is None or person.died > day
    return alive and may_enter(person, day, rules) and not any(bleed <= day for bleed in person.bleeds)
