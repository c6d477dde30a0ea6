"""Couples, and the places in their lives where children can be born.

Women and men are paired by the order of their birth, the woman's shifted by a random gap of age, so that every cohort
finds partners of about its own age whatever the numbers. Couples that part can pair again among themselves.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.block import YEAR
from equipoise.simulate.spec_population import Population

ADULT = 17 * YEAR
PREGNANCY = 270.0
WIDEST_GAP = 15 * YEAR  # partners further apart are not paired, so that a parent never pairs with a child
OLDEST_FATHER = 75 * YEAR


@dataclass(frozen=True, slots=True)
class Folk:
    """Everybody who can be a parent: the persons of the block, then those who died before the registers. Float days.

    present_from, present_to   stay in the country, death included
    gap_start, gap_end         a stay abroad inside it
    """

    female: np.ndarray
    born: np.ndarray
    dies: np.ndarray
    present_from: np.ndarray
    present_to: np.ndarray
    gap_start: np.ndarray
    gap_end: np.ndarray


@dataclass(frozen=True, slots=True)
class Unions:
    """Couples: rows of `Folk`; start and end as float days; whether the partners part while both live."""

    woman: np.ndarray
    man: np.ndarray
    start: np.ndarray
    end: np.ndarray
    parted: np.ndarray

    def __len__(self) -> int:
        return len(self.woman)


def first_unions(spec: Population, folk: Folk, to: float, draw: np.random.Generator) -> Unions:
    """First couples of everybody who grows up before day `to`."""
    wanted = (draw.random(len(folk.born)) < spec.partnered) & (folk.born + ADULT < to)
    woman, man = _paired(spec, folk, np.flatnonzero(wanted & folk.female), np.flatnonzero(wanted & ~folk.female), draw)
    mean, spread = spec.age_at_union
    age = YEAR * np.maximum(draw.normal(mean, spread, len(woman)), 17.0)
    start = np.maximum(folk.born[woman] + age, folk.born[man] + ADULT)
    return _lived(spec, folk, woman, man, start, to, draw)


def second_unions(spec: Population, folk: Folk, first: Unions, to: float, draw: np.random.Generator) -> Unions:
    """Couples of persons whose first partner is another one, alive."""
    parted = np.flatnonzero(first.parted)
    again = draw.random((2, len(parted))) < spec.repartnered
    free = np.full(len(folk.born), np.inf)
    free[first.woman[parted]] = free[first.man[parted]] = first.end[parted]
    woman, man = _paired(spec, folk, first.woman[parted[again[0]]], first.man[parted[again[1]]], draw)
    before = np.full(len(folk.born), -1)
    before[first.woman] = first.man
    other = before[woman] != man
    woman, man = woman[other], man[other]
    start = np.maximum(free[woman], free[man]) + 1 + YEAR * draw.exponential(2.0, len(woman))
    return _lived(spec, folk, woman, man, start, to, draw)


def _paired(
    spec: Population, folk: Folk, women: np.ndarray, men: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Women and men side by side in order of birth; of the more numerous, a random part stays single.

    For pairing by order to keep the mean gap of age, the women of the oldest cohorts and the men of the youngest, whose
    partners would be older or younger than anybody, stand aside.
    """
    gap, spread = spec.partner_age_gap
    both = folk.born[np.concatenate([women, men])]
    oldest, youngest = both.min(initial=np.inf) + YEAR * gap, both.max(initial=-np.inf) - YEAR * gap
    women, men = women[folk.born[women] >= oldest], men[folk.born[men] <= youngest]
    n = min(len(women), len(men))
    women, men = draw.permutation(women)[:n], draw.permutation(men)[:n]
    women = women[np.argsort(folk.born[women] - YEAR * draw.normal(0.0, spread, n), kind="stable")]
    men = men[np.argsort(folk.born[men], kind="stable")]
    near = np.abs(folk.born[women] - folk.born[men]) < WIDEST_GAP
    return women[near], men[near]


def _lived(
    spec: Population,
    folk: Folk,
    woman: np.ndarray,
    man: np.ndarray,
    start: np.ndarray,
    to: float,
    draw: np.random.Generator,
) -> Unions:
    parts = np.where(
        draw.random(len(woman)) < spec.divorce, start + YEAR * draw.exponential(spec.divorce_years, len(woman)), np.inf
    )
    widowed = np.minimum(folk.dies[woman], folk.dies[man])
    formed = (start < widowed) & (start < to)
    parted = parts < np.minimum(widowed, to)
    return Unions(*(column[formed] for column in (woman, man, start, np.minimum(parts, widowed), parted)))


def birth_places(
    spec: Population, folk: Folk, unions: Unions, to: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Union and day of every birth that could be, before day `to`."""
    shares = np.cumsum(spec.children)
    wanted = np.searchsorted(shares, draw.random(len(unions)) * shares[-1], side="right")
    union = np.repeat(np.arange(len(unions)), wanted)
    first = np.cumsum(wanted) - wanted
    wait = YEAR * (1.0 + draw.exponential(spec.birth_spacing, len(union)))
    first = first[wanted > 0]
    wait[first] = PREGNANCY + YEAR * draw.exponential(spec.first_birth_years, len(first))
    elapsed = np.cumsum(wait)
    day = np.floor(unions.start[union] + elapsed - (elapsed - wait)[first].repeat(wanted[wanted > 0]))
    kept = _possible(spec, folk, unions, union, day) & (day <= to)
    return union[kept], day[kept]


def _possible(spec: Population, folk: Folk, unions: Unions, union: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Whether mother and father can have a child on that day."""
    mother, father = unions.woman[union], unions.man[union]
    together = day <= unions.end[union]
    present = (day >= folk.present_from[mother]) & (day <= folk.present_to[mother])
    abroad = (day >= folk.gap_start[mother]) & (day <= folk.gap_end[mother])
    young = day <= folk.born[mother] + YEAR * spec.oldest_mother
    return together & present & ~abroad & young & (day <= folk.born[father] + OLDEST_FATHER)
