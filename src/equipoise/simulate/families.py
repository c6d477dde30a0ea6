"""Who is whose child: native persons take the places that couples have for children in the year of their birth."""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.block import YEAR
from equipoise.simulate.spec_population import Population
from equipoise.simulate.unions import PREGNANCY, Folk, Unions, birth_places, first_unions, second_unions

YOUNGEST_PARENT = 15 * YEAR


@dataclass(frozen=True, slots=True)
class Families:
    """mother, father (rows of `Folk`, -1 unknown) and day of birth of each person; all couples, first and second.

    moved   by how many days the life of a person born while the registers run was moved with the day of birth
    """

    mother: np.ndarray
    father: np.ndarray
    born: np.ndarray
    moved: np.ndarray
    unions: Unions


def draw_families(
    spec: Population, folk: Folk, native: np.ndarray, persons: int, register: tuple[int, int], draw: np.random.Generator
) -> Families:
    """Families of the first `persons` of `folk`, of whom the rows `native` have parents; `register`: its days."""
    begins, to = register
    first = first_unions(spec, folk, to, draw)
    second = second_unions(spec, folk, first, to, draw)
    places = [birth_places(spec, folk, unions, to, draw) for unions in (first, second)]
    union = np.concatenate([places[0][0], places[1][0] + len(first)])
    day = np.concatenate([places[0][1], places[1][1]])
    columns = ("woman", "man", "start", "end", "parted")
    unions = Unions(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in columns))

    child, place = _matched(_year(folk.born[native]), _year(day), draw)
    mother, father = np.full(persons, -1), np.full(persons, -1)
    born = folk.born[:persons].copy()
    rows = native[child]
    mother[rows], father[rows] = unions.woman[union[place]], unions.man[union[place]]
    born[rows] = day[place]
    moved = np.where(folk.born[:persons] >= begins, born - folk.born[:persons], 0.0)
    _unlink_the_impossible(folk, mother, father, born, moved)
    _unlink_partners_who_are_siblings(unions, mother, father, persons)
    return Families(mother, father, born, moved, unions)


def _year(day: np.ndarray) -> np.ndarray:
    return np.floor(day / YEAR).astype(np.int64)


def _matched(
    child_year: np.ndarray, place_year: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Children and places of the same year, at random; what is left over in a year stays without the other."""
    children = np.lexsort((draw.random(len(child_year)), child_year))
    places = np.lexsort((draw.random(len(place_year)), place_year))
    sorted_years = place_year[places]
    rank = np.arange(len(children)) - np.searchsorted(child_year[children], child_year[children])
    position = np.searchsorted(sorted_years, child_year[children]) + rank
    found = position < np.searchsorted(sorted_years, child_year[children], side="right")
    return children[found], places[position[found]]


def _unlink_the_impossible(
    folk: Folk, mother: np.ndarray, father: np.ndarray, born: np.ndarray, moved: np.ndarray
) -> None:
    """Days of birth moved within their year: the few whose parents are now too young, or dead, lose them."""
    births, dies = folk.born.copy(), folk.dies.copy()
    births[: len(born)] = born
    dies[: len(born)] += moved
    child = np.flatnonzero(mother >= 0)
    of_mother, of_father, at = mother[child], father[child], born[child]
    too_young = at - np.maximum(births[of_mother], births[of_father]) < YOUNGEST_PARENT
    dead = (at > dies[of_mother]) | (at > dies[of_father] + PREGNANCY)
    wrong = child[too_young | dead]
    mother[wrong] = father[wrong] = -1


def _unlink_partners_who_are_siblings(unions: Unions, mother: np.ndarray, father: np.ndarray, persons: int) -> None:
    """Pairing by cohort can pair brother and sister: then the man's parents are unknown."""
    inside = (unions.woman < persons) & (unions.man < persons)
    woman, man = unions.woman[inside], unions.man[inside]
    related = (mother[woman] >= 0) & ((mother[woman] == mother[man]) | (father[woman] == father[man]))
    mother[man[related]] = father[man[related]] = -1
