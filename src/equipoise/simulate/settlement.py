"""How the persons of a block come to the nation and leave it: birth or arrival, death, emigration, stays abroad."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from equipoise.simulate.block import NEVER, YEAR, Place
from equipoise.simulate.lives import Mortality
from equipoise.simulate.spec_population import Population
from equipoise.simulate.streams import day_number, stream
from equipoise.simulate.unions import Folk

ANCESTORS_FROM = 1850  # nobody alive when registers of our time begin has a parent born earlier
OLDEST = 110
ADULT_AGE = 20.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """Lives of the persons of a block, before families settle the day of birth inside its year. Float days.

    native   rows of those born in the nation
    births   births behind one unit of the births of the specification
    The rest is as in `People`; present_from is the day of coming to the nation, also before the registers began.
    """

    female: np.ndarray
    born: np.ndarray
    start: np.ndarray
    present_from: np.ndarray
    leaves: np.ndarray
    dies: np.ndarray
    gap_start: np.ndarray
    gap_end: np.ndarray
    native: np.ndarray
    births: float

    def folk(self) -> Folk:
        """The persons as possible parents."""
        present_to = np.minimum(self.leaves, self.dies)
        return Folk(self.female, self.born, self.dies, self.present_from, present_to, self.gap_start, self.gap_end)

    def moved(self, born: np.ndarray, by: np.ndarray, last: int) -> dict[str, np.ndarray]:
        """The days of `People` with the days of birth that families gave; lives begun in the registers move along."""
        start = self.start + by
        dies = self.dies + by
        leaves = np.where(self.leaves < last, np.minimum(self.leaves + by, last), last)
        kept = (self.gap_start < NEVER) & (self.gap_end + by < np.minimum(leaves, dies))
        gap_start, gap_end = (np.where(kept, day + by, NEVER) for day in (self.gap_start, self.gap_end))
        return {
            "born": born, "start": start, "leaves": leaves, "dies": dies, "gap_start": gap_start, "gap_end": gap_end
        }  # fmt: skip


def settle(spec: Population, place: Place) -> Settlement:
    """Persons born in the nation and persons from abroad."""
    draw = stream(place.seed, f"person {place.block}")
    n, first, last = place.persons, day_number(spec.register_from), day_number(spec.register_to)
    kind = draw.random(n)
    settled, arriving = kind < spec.settled_immigrants, kind > 1 - spec.immigrants
    abroad = settled | arriving
    births = _births(spec)
    girl, born = births.draw(draw, n)
    female = np.where(abroad, draw.random(n) < 0.5, girl)
    arrival = np.floor(first + draw.random(n) * max(last - YEAR - first, 1.0))
    born = np.where(settled, first - YEAR * _ages(draw, n, spec.age_of_settled, 1, 100), born)
    born = np.where(arriving, arrival - YEAR * _ages(draw, n, spec.age_at_arrival, 0, 75), born)
    born = np.minimum(np.floor(born), last)
    start = np.where(arriving, arrival, np.maximum(born, first))
    came = np.floor(born + draw.random(n) * (first - born))

    lives = Mortality.of(spec, female, 1970 + born / YEAR)
    dies = np.maximum(np.floor(born + YEAR * lives.age_at_death((start - born) / YEAR, draw)), start)
    leaves = _leaves(spec, draw, born, start, abroad, last)
    return Settlement(
        female,
        born,
        start,
        np.where(settled, came, np.where(arriving, start, born)),
        leaves,
        dies,
        *_stays_abroad(spec, draw, start, np.minimum(leaves, dies)),
        native=np.flatnonzero(~abroad),
        births=n * (1 - spec.settled_immigrants - spec.immigrants) / births.survivors,
    )


def _ages(
    draw: np.random.Generator, n: int, mean_and_spread: tuple[float, float], least: float, most: float
) -> np.ndarray:
    return np.clip(np.abs(draw.normal(*mean_and_spread, n)), least, most)


def _leaves(
    spec: Population, draw: np.random.Generator, born: np.ndarray, start: np.ndarray, abroad: np.ndarray, last: float
) -> np.ndarray:
    rate = np.where(abroad, spec.emigration[1], spec.emigration[0])
    with np.errstate(divide="ignore"):
        leaves = np.floor(start + 1 + YEAR * draw.exponential(1.0, len(born)) / rate)
    stays = leaves > born + YEAR * spec.oldest_emigrant
    return np.where(stays, last, np.minimum(leaves, last))


def _stays_abroad(
    spec: Population, draw: np.random.Generator, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of a stay that leaves at least a day of observation before and after it; NEVER without one."""
    n = len(start)
    away = draw.random(n) < spec.stays_abroad
    length = np.floor(YEAR * draw.uniform(*spec.stay_years, n))
    from_day = start + 1 + np.floor(draw.random(n) * np.maximum(end - start - 1, 1))
    kept = away & (from_day + length < end)
    return np.where(kept, from_day, NEVER), np.where(kept, from_day + length, NEVER)


@dataclass(frozen=True, slots=True)
class _Births:
    """Births by year and sex, as a distribution of those who live to the registers."""

    year: np.ndarray
    width: np.ndarray
    cumulative: np.ndarray
    survivors: float

    def draw(self, draw: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Sex and day of birth (float) of n persons."""
        cell = np.searchsorted(self.cumulative, draw.random(n) * self.cumulative[-1], side="right")
        year = cell // 2
        return cell % 2 == 1, YEAR * (self.year[year] + draw.random(n) * self.width[year] - 1970)


@lru_cache(maxsize=8)
def _births(spec: Population) -> _Births:
    first, last = 1970 + day_number(spec.register_from) / YEAR, 1970 + (day_number(spec.register_to) + 1) / YEAR
    year = np.arange(np.floor(first) - OLDEST, np.ceil(last))
    width = np.minimum(last - year, 1.0)
    share = np.array([1 - spec.girls, spec.girls])
    middle = np.repeat(year + width / 2, 2)
    female = np.tile([False, True], len(year))
    lives = Mortality.of(spec, female, middle).survival(np.maximum(first - middle, 0.0))
    weight = np.repeat(_births_of(spec, year + 0.5) * width, 2) * np.tile(share, len(year)) * lives
    return _Births(year, width, np.cumsum(weight), float(weight.sum()))


def _births_of(spec: Population, year: np.ndarray) -> np.ndarray:
    at, births = zip(*spec.births, strict=True)
    return np.interp(year, at, births)


def ancestors(spec: Population, place: Place, births: float) -> Folk:
    """Adults who died before the registers began: parents of persons, in no table."""
    draw = stream(place.seed, f"ancestor {place.block}")
    first = day_number(spec.register_from)
    year = np.arange(ANCESTORS_FROM, int(1970 + first / YEAR) - int(ADULT_AGE))
    expected = births * _births_of(spec, year + 0.5)
    born = YEAR * (np.repeat(year, draw.poisson(expected)) - 1970.0)
    born = np.floor(born + YEAR * draw.random(len(born)))
    female = draw.random(len(born)) < spec.girls
    lives = Mortality.of(spec, female, 1970 + born / YEAR)
    dies = np.floor(born + YEAR * lives.age_at_death(np.full(len(born), ADULT_AGE), draw))
    kept = np.flatnonzero((dies < first) & (draw.random(len(born)) < lives.survival(np.full(len(born), ADULT_AGE))))
    never = np.full(len(kept), float(NEVER))
    return Folk(female[kept], born[kept], dies[kept], born[kept], dies[kept], never, never)
