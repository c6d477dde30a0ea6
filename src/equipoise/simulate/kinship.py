"""Pairs of relatives and spouses of a block, each pair in both directions."""

import numpy as np

from equipoise.simulate.block import Partnerships, People

Pairs = tuple[np.ndarray, np.ndarray]


def siblings(people: People) -> tuple[Pairs, Pairs]:
    """Ordered pairs (rows) of full siblings, and of half siblings of either side."""
    by_mother = _pairs(people.mother_key)
    full = people.father_key[by_mother[0]] == people.father_key[by_mother[1]]
    by_father = _pairs(people.father_key)
    paternal = people.mother_key[by_father[0]] != people.mother_key[by_father[1]]
    half = [np.concatenate([one[~full], other[paternal]]) for one, other in zip(by_mother, by_father, strict=True)]
    return (by_mother[0][full], by_mother[1][full]), (half[0], half[1])


def _pairs(key: np.ndarray) -> Pairs:
    """Every ordered pair of different rows with the same key; negative keys are nobody's."""
    known = np.flatnonzero(key >= 0)
    order = known[np.argsort(key[known], kind="stable")]
    _, first, count = np.unique(key[order], return_index=True, return_counts=True)
    group = np.repeat(np.arange(len(first)), count * count)
    position = np.arange(len(group)) - np.repeat(np.cumsum(count * count) - count * count, count * count)
    one, other = order[first[group] + position // count[group]], order[first[group] + position % count[group]]
    return one[one != other], other[one != other]


def parents(people: People) -> tuple[Pairs, Pairs]:
    """(mother, child) and (father, child), rows, of parents in the database."""
    found = []
    for parent in (people.mother, people.father):
        child = np.flatnonzero(parent >= 0)
        found.append((parent[child], child))
    return found[0], found[1]


def spouses(partnerships: Partnerships) -> Pairs:
    """Ordered pairs (rows) of persons who are or were married, each once."""
    pair = np.unique(np.stack([partnerships.one, partnerships.other], axis=1), axis=0)
    return np.concatenate([pair[:, 0], pair[:, 1]]), np.concatenate([pair[:, 1], pair[:, 0]])
