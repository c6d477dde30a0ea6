"""The persons of one block: births, lives, migration, families, and what they inherit."""

import numpy as np

from equipoise.kernels.inheritance import inherit
from equipoise.simulate.block import NEVER, YEAR, Partnerships, People, Place
from equipoise.simulate.families import Families, draw_families
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.settlement import Settlement, ancestors, settle
from equipoise.simulate.spec_population import Population
from equipoise.simulate.streams import day_number, stream
from equipoise.simulate.unions import Folk, Unions

YEARS_TO_WEDDING = 5.0


def draw_people(spec: NationSpec, place: Place, multiplier: float = 1.0) -> tuple[People, Partnerships]:
    """Exactly `place.persons` persons who are ever under observation, and their marriages.

    `multiplier` enriches the nation with carriers of the ALS gene (its frequency, not its penetrance) and changes
    nothing else. The same place gives the same persons.

    >>> from equipoise.simulate.nation_spec import NationSpec
    >>> people, partnerships = draw_people(NationSpec(), Place(seed=1, block=0, first_person=1, persons=500))
    >>> len(people), bool((people.dies >= people.start).all())
    (500, True)
    """
    part = spec.population
    settled = settle(part, place)
    folk = _with(settled.folk(), ancestors(part, place, settled.births))
    draw = stream(place.seed, f"family {place.block}")
    register = (day_number(part.register_from), day_number(part.register_to))
    families = draw_families(part, folk, settled.native, place.persons, register, draw)
    people = _people(spec, place, settled, families, _inherited(spec, place, folk, families, multiplier))
    return people, _marriages(part, people, families.unions, draw)


def _with(here: Folk, gone: Folk) -> Folk:
    return Folk(*(np.concatenate([getattr(here, name), getattr(gone, name)]) for name in Folk.__slots__))


def _inherited(
    spec: NationSpec, place: Place, folk: Folk, families: Families, multiplier: float
) -> tuple[np.ndarray, np.ndarray]:
    """Familial part of vulnerability, and whether a person carries the gene."""
    draw = stream(place.seed, f"inheritance {place.block}")
    n, every = place.persons, len(folk.born)
    uniform, z = draw.random((n, 2)), draw.standard_normal(n)
    founder = stream(place.seed, f"founder {place.block}")
    value = np.concatenate([z, founder.standard_normal(every - n)])
    frequency = min(spec.population.gene_frequency * multiplier, 0.5)
    alleles = (founder.random((every, 2)) < frequency).sum(axis=1).astype(np.int8)
    order = np.argsort(families.born, kind="stable")
    shared = spec.switches.familial_vulnerability
    inherit(order, families.mother, families.father, z, uniform, shared, value, alleles)
    return value[:n], alleles[:n] > 0


def _people(
    spec: NationSpec, place: Place, settled: Settlement, families: Families, inherited: tuple[np.ndarray, np.ndarray]
) -> People:
    part, n = spec.population, place.persons
    familial, carrier = inherited
    days = settled.moved(families.born, families.moved, day_number(part.register_to))
    draw = stream(place.seed, f"trait {place.block}")
    own = draw.standard_normal(n)
    education = _education(part, draw, days["born"])
    mother, father = families.mother, families.father
    return People(
        female=settled.female,
        **{name: day.astype(np.int32) for name, day in days.items()},
        region=_region(part, draw, families),
        education=education,
        income=_income(part, draw, education),
        mother=np.where(mother < n, mother, -1).astype(np.int32),
        father=np.where(father < n, father, -1).astype(np.int32),
        mother_key=mother,
        father_key=father,
        vulnerability=np.sqrt(part.familial_share) * familial + np.sqrt(1 - part.familial_share) * own,
        carrier=carrier,
    )


def _region(spec: Population, draw: np.random.Generator, families: Families) -> np.ndarray:
    """Regions 1 to `spec.regions`: the mother's, where she is known and the child has stayed."""
    n = len(families.born)
    region = draw.integers(1, spec.regions + 1, n)
    known = (families.mother >= 0) & (families.mother < n)
    stays = np.flatnonzero(known & (draw.random(n) < spec.stays_in_region))
    for generation in _generations(families.mother, stays, n):
        region[generation] = region[families.mother[generation]]
    return region.astype(np.int16)


def _generations(mother: np.ndarray, children: np.ndarray, n: int) -> list[np.ndarray]:
    """The rows of `children` in groups, every mother in an earlier group than her children."""
    depth = np.zeros(n, np.int64)
    while True:
        deeper = depth.copy()
        deeper[children] = depth[mother[children]] + 1
        if (deeper == depth).all():
            break
        depth = deeper
    return [children[depth[children] == level] for level in range(1, int(depth.max(initial=0)) + 1)]


def _education(spec: Population, draw: np.random.Generator, born: np.ndarray) -> np.ndarray:
    """Highest education ever reached: 0, 1, 2; its shares change with the year of birth."""
    decades = (born / YEAR + 20) / 10
    primary = _share(spec.primary_education, spec.primary_per_decade * decades)
    tertiary = _share(spec.tertiary_education, spec.tertiary_per_decade * decades)
    uniform = draw.random(len(born))
    return (uniform >= primary).astype(np.int8) + (uniform > np.maximum(1 - tertiary, primary))


def _share(at_reference: float, log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + (1 / at_reference - 1) * np.exp(-log_odds))


def _income(spec: Population, draw: np.random.Generator, education: np.ndarray) -> np.ndarray:
    """Fifths of income, 0 lowest: higher with education, equal in size within the block."""
    income = spec.education_to_income * education + draw.standard_normal(len(education))
    rank = np.empty(len(income), np.int64)
    rank[np.argsort(income, kind="stable")] = np.arange(len(income))
    return (5 * rank // max(len(income), 1)).astype(np.int8)


def _marriages(spec: Population, people: People, unions: Unions, draw: np.random.Generator) -> Partnerships:
    """Marriages of two persons of the database on at least one day of the registers."""
    n, every = len(people), len(unions)
    wedding = np.floor(unions.start + YEAR * YEARS_TO_WEDDING * draw.random(every))
    married = draw.random(every) < spec.married
    inside = (unions.woman < n) & (unions.man < n) & married
    woman, man = unions.woman[inside], unions.man[inside]
    start, parts = wedding[inside], np.where(unions.parted, unions.end, NEVER)[inside]
    end = np.minimum(np.minimum(np.floor(parts), people.dies[woman]), people.dies[man])
    first, last = day_number(spec.register_from), day_number(spec.register_to)
    kept = (start < end) & (end >= first) & (start <= last) & (start > people.born[woman])
    end = np.where(end > last, NEVER, end)
    return Partnerships(
        woman[kept].astype(np.int32),
        man[kept].astype(np.int32),
        start[kept].astype(np.int32),
        end[kept].astype(np.int32),
    )
