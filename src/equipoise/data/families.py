"""From recorded links to families: who is whose sibling and spouse, with every bad link counted and its rule stated.

Persons are positions in an ascending array of identifiers. Pairs are kept in compressed rows: person p owns
`other[offsets[p]:offsets[p + 1]]`, ascending.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from equipoise.data.ascending import distinct, held_in, positions_of
from equipoise.data.partnerships import NOBODY, Lives, Partnerships, partnerships
from equipoise.data.quality import QualityFinding
from equipoise.data.relationships import KINDS, RecordedLinks

TABLE = "fact_relationship"
FULL, HALF, SIBLING, MOTHER, FATHER, PARENT, CHILD, SPOUSE = range(len(KINDS))
_LEFT_OUT = "the link is left out"
RULES = {
    "link to a person who is not in the study's database": _LEFT_OUT,
    "person linked to oneself": _LEFT_OUT,
    "same link recorded several times": "counted once",
    "parent whose recorded sex says neither mother nor father": _LEFT_OUT,
    "person among their own ancestors": "the parent links within the circle are left out",
    "parent not born before the child": _LEFT_OUT,
    "person with several mothers or several fathers": "that parent counts as unknown",
    "siblings of unknown kind": "full siblings only where the parents of both are known and the same",
    "siblings who are parent and child": _LEFT_OUT,
    "recorded as full siblings, but a parent differs": "not full siblings; half siblings if the other parent is shared",
    "recorded both as full and as half siblings": "parents decide; half siblings where they are not known",
    "spouses who are parent and child": _LEFT_OUT,
}


@dataclass(frozen=True, slots=True)
class Persons:
    """What is known of n persons besides their lives: birth_year int32, 0 unknown; female and male bool."""

    lives: Lives
    birth_year: np.ndarray
    female: np.ndarray
    male: np.ndarray

    def __len__(self) -> int:
        return len(self.birth_year)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Ordered pairs of n persons in compressed rows: offsets int64 (n + 1,), other int64 (n_pairs,)."""

    offsets: np.ndarray
    other: np.ndarray


@dataclass(frozen=True, slots=True)
class Families:
    """Who is related to whom.

    `full`, `half`  siblings with two parents and with one parent in common
    `partners`      spouses, with the days on which each partnership lasted
    `parents`       mother and father of each person, int64 (n,), -1 where unknown; None where only pairs are known
    `sibship`       int64 (n,): persons who share a parent, or are linked as siblings, directly or through others
    """

    full: Pairs
    half: Pairs
    partners: Partnerships
    sibship: np.ndarray
    findings: tuple[QualityFinding, ...]
    parents: tuple[np.ndarray, np.ndarray] | None = None


def families(recorded: RecordedLinks, persons: Persons) -> Families:
    """Settle what a database says of its families.

    Full siblings have the same two known parents, or are recorded as such and no known parent differs. Half siblings
    share one parent while the others are known to differ, or are recorded as such.
    """
    made = _Settling(persons, recorded)
    mother, father = made.parents()
    full, half = made.siblings(mother, father)
    spouses = made.spouses(mother, father)
    partners, partner_findings = partnerships(spouses, recorded, persons.lives)
    n = len(persons)
    sibship = _sibships(n, [full, half], [mother, father])
    findings = [QualityFinding(check, TABLE, rule, *made.counts.get(check, (0, 0))) for check, rule in RULES.items()]
    return Families(_rows(full, n), _rows(half, n), partners, sibship, (*findings, *partner_findings), (mother, father))


Two = tuple[np.ndarray, np.ndarray]


class _Settling:
    """The links that are left after each rule, and what each rule found."""

    def __init__(self, persons: Persons, recorded: RecordedLinks):
        self.persons = persons
        self.n = len(persons)
        self.counts: dict[str, tuple[int, int]] = {}
        table = recorded.links
        first, second = (positions_of(persons.lives.person_id, table[name].to_numpy()) for name in ("first", "second"))
        kind = table["kind"].to_numpy()
        unknown = (first == NOBODY) | (second == NOBODY)
        rules = tuple(RULES)
        self._note(rules[0], int(unknown.sum()), np.concatenate([first[unknown], second[unknown]]))
        oneself = ~unknown & (first == second)
        self._note(rules[1], int(oneself.sum()), first[oneself])
        keep = ~unknown & ~oneself
        # One number a link, ascending by kind, then by first and second person.
        keys = np.sort(_key(_key(kind[keep], first[keep], self.n), second[keep], self.n))
        new = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
        again = keys[~new] % max(self.n * self.n, 1)
        self._note(rules[2], len(again), np.concatenate(self._pairs(again)))
        self.keys = keys[new]

    def _note(self, check: str, records: int, persons: np.ndarray) -> None:
        """Count records and the known persons they concern."""
        self.counts[check] = (records, len(distinct(persons[persons != NOBODY])))

    def _note_pairs(self, check: str, pairs: Two) -> None:
        self._note(check, len(pairs[0]), np.concatenate(pairs))

    def _linked(self, kind: int) -> Two:
        """The links of a kind, ascending."""
        size = self.n * self.n
        low, high = np.searchsorted(self.keys, [kind * size, (kind + 1) * size])
        return self._pairs(self.keys[low:high] - kind * size)

    def parents(self) -> Two:
        """Mother and father of each person, `NOBODY` where unknown: int64 (n,) each."""
        child, parent, side = self._parent_links()
        child, parent, side = self._outside_circles(child, parent, side)
        born = self.persons.birth_year
        late = (born[parent] > 0) & (born[child] > 0) & (born[parent] >= born[child])
        self._note_pairs("parent not born before the child", (child[late], parent[late]))
        child, parent, side = child[~late], parent[~late], side[~late]
        several: list[np.ndarray] = []
        mother, father = (self._only(child[side == at], parent[side == at], several) for at in (MOTHER, FATHER))
        many = np.concatenate(several)
        self._note("person with several mothers or several fathers", len(many), many)
        return mother, father

    def _parent_links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(child, parent, side), each pair once; where no row names the side, the sex of the parent does."""
        named = {side: self._linked(side) for side in (MOTHER, FATHER)}
        up, down = self._linked(PARENT), self._linked(CHILD)
        parent, child = np.concatenate([up[0], down[1]]), np.concatenate([up[1], down[0]])
        said = np.concatenate([_key(pair[1], pair[0], self.n) for pair in named.values()])
        key = distinct(_key(child, parent, self.n))
        child, parent = self._pairs(key[~held_in(distinct(said), key)])
        sexless = ~(self.persons.female[parent] | self.persons.male[parent])
        self._note_pairs("parent whose recorded sex says neither mother nor father", (child[sexless], parent[sexless]))
        child, parent = child[~sexless], parent[~sexless]
        side = np.where(self.persons.female[parent], MOTHER, FATHER)
        of_named = [np.full(len(named[at_side][0]), at_side) for at_side in (MOTHER, FATHER)]
        return (
            np.concatenate([named[MOTHER][1], named[FATHER][1], child]),
            np.concatenate([named[MOTHER][0], named[FATHER][0], parent]),
            np.concatenate([*of_named, side]),
        )

    def _outside_circles(self, child: np.ndarray, parent: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, ...]:
        born = self.persons.birth_year
        if ((born[parent] > 0) & (born[parent] < born[child])).all():  # no circle leads back in time
            self._note_pairs("person among their own ancestors", (child[:0], parent[:0]))
            return child, parent, side
        graph = coo_array((np.ones(len(child), np.int8), (child, parent)), shape=(self.n, self.n))
        _, circle = connected_components(graph, directed=True, connection="strong")
        closed = circle[child] == circle[parent]
        self._note_pairs("person among their own ancestors", (child[closed], parent[closed]))
        return child[~closed], parent[~closed], side[~closed]

    def _only(self, child: np.ndarray, parent: np.ndarray, several: list[np.ndarray]) -> np.ndarray:
        """The one parent of each child; children with several different ones are put on the list."""
        child, parent = self._pairs(distinct(_key(child, parent, self.n)))
        counts = np.bincount(child, minlength=self.n)
        several.append(np.flatnonzero(counts > 1))
        found = np.full(self.n, NOBODY, dtype=np.int64)
        one = counts[child] == 1
        found[child[one]] = parent[one]
        return found

    def siblings(self, mother: np.ndarray, father: np.ndarray) -> tuple[Two, Two]:
        """Full and half siblings as pairs, the smaller position first."""
        full, half = derived_siblings(mother, father)
        by_parents, half_by_parents = self._keys(full), self._keys(half)
        said_full, said_half = (self._keys(self._linked(kind)) for kind in (FULL, HALF))
        unknown = self._keys(self._linked(SIBLING))
        self._note_pairs("siblings of unknown kind", self._pairs(unknown))
        said_both = distinct(np.concatenate([said_full, said_half]))
        absurd = said_both[self._are_parent_and_child(said_both, mother, father)]
        self._note_pairs("siblings who are parent and child", self._pairs(absurd))
        differ = said_full[self._differ(self._pairs(said_full), mother, father)]
        self._note_pairs("recorded as full siblings, but a parent differs", self._pairs(differ))
        twice = said_full[held_in(said_half, said_full)]
        self._note_pairs("recorded both as full and as half siblings", self._pairs(twice))
        said_full = _without(said_full, absurd, differ, twice)
        every_full = distinct(np.concatenate([by_parents, _without(said_full, half_by_parents)]))
        every_half = distinct(np.concatenate([half_by_parents, _without(said_half, absurd)]))
        every_half = _without(every_half, every_full)
        return self._pairs(every_full), self._pairs(every_half)

    def spouses(self, mother: np.ndarray, father: np.ndarray) -> Two:
        """Pairs recorded as spouses, the smaller position first."""
        said = self._keys(self._linked(SPOUSE))
        absurd = self._are_parent_and_child(said, mother, father)
        self._note_pairs("spouses who are parent and child", self._pairs(said[absurd]))
        return self._pairs(said[~absurd])

    def _are_parent_and_child(self, keys: np.ndarray, *sides: np.ndarray) -> np.ndarray:
        """Whether one of a pair is a parent of the other: bool (k,)."""
        one, other = self._pairs(keys)
        return np.any([(side[one] == other) | (side[other] == one) for side in sides], axis=0)

    def _differ(self, pairs: Two, *sides: np.ndarray) -> np.ndarray:
        """Whether a parent of both is known and is not the same person: bool (k,)."""
        one, other = pairs
        return np.any([(s[one] != NOBODY) & (s[other] != NOBODY) & (s[one] != s[other]) for s in sides], axis=0)

    def _keys(self, pairs: Two) -> np.ndarray:
        """Each pair once, whichever way round, as one sorted number."""
        return distinct(_key(np.minimum(*pairs), np.maximum(*pairs), self.n))

    def _pairs(self, keys: np.ndarray) -> Two:
        one = keys // max(self.n, 1)
        return one, keys - one * self.n


def derived_siblings(mother: np.ndarray, father: np.ndarray) -> tuple[Two, Two]:
    """Full and half siblings from parents alone, as pairs of different persons; -1 is an unknown parent.

    Half siblings share one parent and the others are known and differ; with another parent unknown they are neither.

    >>> full, half = derived_siblings(np.array([7, 7, 7, 7]), np.array([8, 8, 9, -1]))
    >>> list(zip(*(side.tolist() for side in full))), list(zip(*(side.tolist() for side in half)))
    ([(0, 1)], [(0, 2), (1, 2)])
    """
    one, other = _sharing(mother)
    known = (father[one] != NOBODY) & (father[other] != NOBODY)
    same = known & (father[one] == father[other])
    with_mother = (one[known & ~same], other[known & ~same])
    a, b = _sharing(father)
    only_father = (mother[a] != NOBODY) & (mother[b] != NOBODY) & (mother[a] != mother[b])
    half = tuple(np.concatenate(pair) for pair in zip(with_mother, (a[only_father], b[only_father]), strict=True))
    return (one[same], other[same]), (half[0], half[1])


def _sharing(parent: np.ndarray) -> Two:
    """Every pair of persons with the same known parent, the smaller position first."""
    order = _by_parent(parent)
    starts = np.append(True, parent[order[1:]] != parent[order[:-1]])[: len(order)]
    first = np.flatnonzero(starts)
    count = np.diff(np.append(first, len(order)))
    family = np.repeat(np.arange(len(first)), count * count)
    position = np.arange(len(family)) - np.repeat(np.cumsum(count * count) - count * count, count * count)
    one, other = order[first[family] + position // count[family]], order[first[family] + position % count[family]]
    return one[one < other], other[one < other]


def _by_parent(parent: np.ndarray) -> np.ndarray:
    """Persons whose parent is known, ascending by parent, then by their own number: int64 (k,)."""
    known = np.flatnonzero(parent != NOBODY)
    return np.sort(_key(parent[known], known, len(parent))) % max(len(parent), 1)


def _sibships(n: int, pairs: list[Two], parents: list[np.ndarray]) -> np.ndarray:
    """Groups of persons who are linked as siblings or share a known parent, through others too: int64 (n,)."""
    edges = list(pairs)
    for parent in parents:
        order = _by_parent(parent)
        same = parent[order[1:]] == parent[order[:-1]]
        edges.append((order[:-1][same], order[1:][same]))
    one, other = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _without(keys: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Ascending keys that are in none of the others."""
    for other in others:
        keys = keys[~held_in(other, keys)]
    return keys


def _rows(pairs: Two, n: int) -> Pairs:
    """Pairs in both directions, in compressed rows."""
    one, other = np.concatenate(pairs), np.concatenate(pairs[::-1])
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(one, minlength=n), out=offsets[1:])
    return Pairs(offsets, np.sort(_key(one, other, n)) % max(n, 1))


def _key(one: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    return one.astype(np.int64) * n + other
