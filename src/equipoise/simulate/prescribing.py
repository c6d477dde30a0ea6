"""Background treatment: episodes of every class, drawn over the whole life of each person under observation.

Persons who are not treated with a class begin it at a rate that depends on sex, age, calendar year and vulnerability (a
Poisson process, thinned). Nothing here knows of motor neuron disease.
"""

from dataclasses import fields, replace

import numpy as np
from scipy.special import ndtri

from equipoise.kernels.treatment import begun_untreated
from equipoise.simulate.block import YEAR, Episodes, People, Place
from equipoise.simulate.formulary import PACK_DAYS, PRESCRIBED, pick_drug
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_prescribing import ClassUse, Curve, Refills
from equipoise.simulate.streams import day_number, stream

BACKGROUND = 0
EARLY = 6  # switches come within so many dispensings
LONGEST = 40.0  # years; longer treatment than any observation


def draw_episodes(spec: NationSpec, place: Place, people: People) -> Episodes:
    """Background episodes of all classes of a block, sorted by person and start; `reason` is 0.

    Episodes of one class do not overlap within a person. They begin between `treated_from` (or birth) and the end of
    observation or life, whichever is first; `stop`, and a switch to another drug, may lie beyond.

    >>> from equipoise.simulate.population import draw_people
    >>> place = Place(seed=7, block=0, first_person=1, persons=2_000)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> len(draw_episodes(NationSpec(), place, people)) > 2_000
    True
    """
    return in_order(merge([_class_episodes(spec, place, people, atc) for atc in PRESCRIBED]))


def merge(parts: list[Episodes]) -> Episodes:
    """Episodes one after another, in the order of `parts`."""
    return Episodes(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Episodes)))


def in_order(episodes: Episodes) -> Episodes:
    """The same episodes sorted by person, start and drug."""
    return take(episodes, np.lexsort((episodes.drug, episodes.start, episodes.person)))


def take(episodes: Episodes, rows: np.ndarray) -> Episodes:
    """The episodes in `rows`, positions or a mask."""
    return Episodes(*(getattr(episodes, field.name)[rows] for field in fields(Episodes)))


def initiation_rate(use: ClassUse, female: np.ndarray, age: np.ndarray, year: np.ndarray) -> np.ndarray:
    """Episodes a person-year begun by untreated persons of average vulnerability and tendency; `year` is a fraction."""
    rate = use.rate / 1000 * np.where(female, use.women, 1.0)
    return np.asarray(rate * np.interp(age, *_points(use.by_age)) * np.interp(year, *_points(use.by_year)))


def _points(curve: Curve) -> tuple[tuple[float, ...], tuple[float, ...]]:
    places, values = zip(*curve, strict=True)
    return places, values


def _class_episodes(spec: NationSpec, place: Place, people: People, atc: str) -> Episodes:
    use, draw = spec.prescribing.of_class(atc), stream(place.seed, f"prescribing {atc} {place.block}")
    frailty = _frailty(use, people.vulnerability, draw, spec.switches.vulnerability_to_prescribing)
    person, start = _begun(use, people, frailty, day_number(spec.prescribing.treated_from), draw)
    drawn = lengthen(use, spec.prescribing.refills, atc, person, start, draw.random((4, len(person))), BACKGROUND)
    kept = take(drawn, begun_untreated(drawn.person, drawn.start, drawn.stop))
    return _switched(use, atc, kept, draw.random((3, len(kept))))


def _frailty(use: ClassUse, vulnerability: np.ndarray, draw: np.random.Generator, matters: bool) -> np.ndarray:
    """Each person's rate against the average, mean 1."""
    loading = use.vulnerability if matters else 0.0
    own = use.tendency * draw.standard_normal(len(vulnerability))
    return np.asarray(np.exp(loading * vulnerability + own - (loading**2 + use.tendency**2) / 2))


def _begun(
    use: ClassUse, people: People, frailty: np.ndarray, earliest: int, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Person and first day of a Poisson process at the highest rate of a life, thinned down to its rate; sorted."""
    first = np.maximum(people.born, earliest).astype(np.float64)
    days = np.maximum(np.minimum(people.leaves, people.dies) - first + 1, 0.0)
    ceiling = max(ratio for _, ratio in use.by_age) * max(ratio for _, ratio in use.by_year)
    most = use.rate / 1000 * np.where(people.female, use.women, 1.0) * ceiling * frailty
    person = np.repeat(np.arange(len(people)), draw.poisson(most * days / YEAR))
    start = first[person] + np.floor(draw.random(len(person)) * days[person])
    ratio = np.interp((start - people.born[person]) / YEAR, *_points(use.by_age))
    ratio *= np.interp(1970 + start / YEAR, *_points(use.by_year))
    kept = draw.random(len(person)) * ceiling < ratio
    order = np.lexsort((start[kept], person[kept]))
    return person[kept][order], start[kept][order]


def lengthen(
    use: ClassUse,
    refills: Refills,
    atc: str,
    person: np.ndarray,
    start: np.ndarray,
    uniform: np.ndarray,
    reason: int,
) -> Episodes:
    """Give episodes a drug, a number of dispensings and a last day; `uniform` has shape (4, episodes)."""
    drug = pick_drug(atc, start, uniform[0])
    interval = PACK_DAYS[drug] * (1 + refills.late)
    # A geometric number of refills with the given mean, by inversion.
    further = np.ceil(np.log(uniform[2]) / np.log1p(-1 / use.short_dispensings)) if use.short_dispensings > 1 else 1.0
    years = np.minimum(use.chronic_years * np.exp(use.chronic_spread * ndtri(uniform[3])), LONGEST)
    count = np.where(uniform[1] < 1 - use.chronic, 1 + further, np.ceil(YEAR * years / interval))
    count = np.where(uniform[1] < use.single, 1.0, np.clip(count, 1.0, np.ceil(YEAR * LONGEST / interval)))
    stop = start + np.round(count * interval) - 1
    return Episodes(
        person.astype(np.int32),
        drug,
        start.astype(np.int32),
        stop.astype(np.int32),
        count.astype(np.int32),
        np.full(len(person), reason, dtype=np.int8),
    )


def _switched(use: ClassUse, atc: str, episodes: Episodes, uniform: np.ndarray) -> Episodes:
    """Split a share of the repeated episodes: after some dispensings the rest is another drug, drawn anew.

    Where the new drug is the old one, the episode stays as it was.
    """
    rows = np.flatnonzero((episodes.dispensings >= 2) & (uniform[0] < use.switching))
    count = episodes.dispensings[rows]
    before = 1 + np.floor(uniform[1][rows] * np.minimum(count - 1, EARLY)).astype(np.int32)
    interval = (episodes.stop[rows] - episodes.start[rows] + 1) / count
    start = (episodes.start[rows] + np.round(before * interval)).astype(np.int32)
    drug = pick_drug(atc, start, uniform[2][rows])
    other = drug != episodes.drug[rows]
    rows, before, start = rows[other], before[other], start[other]
    later = replace(take(episodes, rows), drug=drug[other], start=start, dispensings=count[other] - before)
    episodes.stop[rows], episodes.dispensings[rows] = start - 1, before
    return merge([episodes, later])
