"""Motor neuron disease: who gets it and when, in the world as it is and had nobody had the studied drugs.

The hazard of a first symptom is a bell curve over age; that of ALS is multiplied for carriers, by vulnerability and by
drugs while exposed. Onset is where the cumulative hazard from the first day of observation on reaches a unit
exponential number of that person, the same number in every world.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from equipoise.simulate.block import MONTH, NEVER, YEAR, Disease, Episodes, People, Place
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_disease import Incidence, Onset
from equipoise.simulate.streams import stream

ALS, OTHER = 0, 1


@dataclass(frozen=True, slots=True)
class Onsets:
    """Day of the first symptom of everybody, shape (persons,), float64, infinite for most; life and stay do not end it.

    als, als_untreated   ALS as it is, and had the person never had a drug of the studied classes
    other                another motor neuron disease
    """

    als: np.ndarray
    als_untreated: np.ndarray
    other: np.ndarray


@dataclass(frozen=True, slots=True)
class Ratios:
    """Hazard ratios of ALS and of other motor neuron disease to the bell curve of all of it, shape (persons,)."""

    als: np.ndarray
    other: np.ndarray


def draw_disease(
    spec: NationSpec, place: Place, people: People, episodes: Episodes, multiplier: float = 1.0
) -> Disease:
    """Persons of a block whose first symptom comes while they live and before they leave observation.

    `multiplier` raises the hazard of ALS in persons who do not carry the gene (carriers are made more frequent instead,
    in the population, so that no risk passes 1). Of `episodes` the background treatment of the studied classes counts.

    >>> from equipoise.simulate.population import draw_people
    >>> place = Place(seed=7, block=0, first_person=1, persons=2_000)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> none = Episodes(*(np.zeros(0, np.int32) for _ in range(6)))
    >>> cases = draw_disease(NationSpec(), place, people, none, multiplier=50.0)
    >>> bool((cases.diagnosis > cases.onset).all())
    True
    """
    onsets = draw_onsets(spec, place, people, episodes, multiplier)
    until = np.minimum(people.leaves, people.dies - 1)
    first = np.minimum(onsets.als, onsets.other)
    row = np.flatnonzero(first <= until)
    untreated = np.minimum(onsets.als_untreated, onsets.other)[row]
    kind = np.where(onsets.als[row] <= onsets.other[row], ALS, OTHER).astype(np.int8)
    onset = first[row].astype(np.int32)
    nature = _nature(spec.disease.onset, place, len(people), np.where(onsets.als <= onsets.other, ALS, OTHER))
    age = (onset - people.born[row]) / YEAR
    return Disease(
        person=row.astype(np.int32),
        kind=kind,
        onset=onset,
        onset_untreated=np.where(untreated <= until[row], untreated, NEVER).astype(np.int32),
        diagnosis=onset + nature.delay[row].astype(np.int32),
        bulbar=_bulbar(spec.disease.onset, people.female[row], age, nature.place[row]),
        slope=nature.slope[row],
    )


def planned_diagnosis(spec: NationSpec, place: Place, onset: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Day on which each person would be diagnosed who lives to see it: float64 (persons,), infinite without an onset.

    `onset` (persons,) may come from any world; `kind` is `ALS` or `OTHER`. In the natural world this is the diagnosis
    of `draw_disease`.
    """
    return np.asarray(onset + _nature(spec.disease.onset, place, len(onset), kind).delay)


def draw_onsets(spec: NationSpec, place: Place, people: People, episodes: Episodes, multiplier: float = 1.0) -> Onsets:
    """Onset of everybody in both worlds, those included who die or leave before."""
    draw = stream(place.seed, f"onset {place.block}")
    needed_als, needed_other = draw.exponential(1.0, (2, len(people)))
    ratios = hazard_ratios(spec, people, multiplier)
    curve = _Curve(spec.disease.incidence, people)
    everybody = np.arange(len(people))
    untreated = curve.reached(everybody, people.start, needed_als, ratios.als)
    other = curve.reached(everybody, people.start, needed_other, ratios.other)
    als = untreated.copy()
    changes = _exposure_changes(spec.effects.class_on_als_onset, people, episodes)
    if len(changes.person):
        exposed = np.unique(changes.person)
        als[exposed] = _under_exposure(curve, changes, needed_als, ratios.als)
    return Onsets(als, untreated, other)


def hazard_ratios(spec: NationSpec, people: People, multiplier: float = 1.0) -> Ratios:
    """Each person's hazard of either disease against the bell curve, untreated.

    Vulnerability multiplies both by a number of mean 1 in the population; the gene and `multiplier` concern ALS alone.
    """
    incidence = spec.disease.incidence
    g = incidence.vulnerability if spec.switches.vulnerability_to_als else 0.0
    vulnerable = np.exp(g * people.vulnerability - g * g / 2)
    carrier = incidence.carrier_ratio if spec.switches.genetic_liability else 1.0
    inherited = np.where(people.carrier, carrier, multiplier)
    return Ratios(incidence.als_share * vulnerable * inherited, (1 - incidence.als_share) * vulnerable)


def hazard_of(spec: NationSpec, people: People, day: np.ndarray | int, multiplier: float = 1.0) -> np.ndarray:
    """Hazard of a first symptom of ALS on `day` of persons without any studied drug: per person-year, (persons,).

    >>> from equipoise.simulate.population import draw_people
    >>> place = Place(seed=7, block=0, first_person=1, persons=2_000)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> young, old = (hazard_of(NationSpec(), people, people.born + int(YEAR * age)) for age in (40, 70))
    >>> bool((old > 9 * young).all())
    True
    """
    return _Curve(spec.disease.incidence, people).density(day) * hazard_ratios(spec, people, multiplier).als


def cumulative_hazard(
    spec: NationSpec, people: People, start: np.ndarray | int, end: np.ndarray | int, multiplier: float = 1.0
) -> np.ndarray:
    """Hazard of ALS of untreated persons summed from `start` to `end` (days): (persons,); 0 where `end` comes first.

    >>> from equipoise.simulate.population import draw_people
    >>> place = Place(seed=7, block=0, first_person=1, persons=2_000)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> bool((cumulative_hazard(NationSpec(), people, people.start, people.leaves) >= 0).all())
    True
    """
    curve = _Curve(spec.disease.incidence, people)
    everybody = np.arange(len(people))
    total = curve.passed(everybody, np.maximum(start, end)) - curve.passed(everybody, start)
    return np.asarray(total * hazard_ratios(spec, people, multiplier).als)


@dataclass(frozen=True, slots=True)
class _Nature:
    """What the disease of each person is, or would be, like: slope, days of delay, and the number that places it."""

    slope: np.ndarray
    delay: np.ndarray
    place: np.ndarray


def _nature(onset: Onset, place: Place, persons: int, kind: np.ndarray) -> _Nature:
    uniform = stream(place.seed, f"disease {place.block}").random((3, persons))
    slope = _slope(onset, kind, uniform[0])
    return _Nature(slope, _delay(onset, slope, uniform[1]), uniform[2])


class _Curve:
    """The bell curve of incidence of each person, in days."""

    def __init__(self, incidence: Incidence, people: People) -> None:
        self.peak = incidence.peak / 1e5 * np.where(people.female, incidence.women, 1.0)
        self.whole = self.peak * incidence.spread * math.sqrt(2 * math.pi)
        self.top = people.born + YEAR * incidence.peak_age
        self.width = YEAR * incidence.spread

    def density(self, day: np.ndarray | int) -> np.ndarray:
        """Hazard a person-year on `day`, all persons."""
        return np.asarray(self.peak * np.exp(-(((day - self.top) / self.width) ** 2) / 2))

    def passed(self, person: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """Cumulative hazard from the distant past to `day`."""
        return np.asarray(self.whole[person] * ndtr((day - self.top[person]) / self.width))

    def reached(self, person: np.ndarray, start: np.ndarray, needed: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        """Day on which the cumulative hazard since `start`, times `ratio`, is `needed`; infinite if it never is."""
        whole = self.whole[person]
        goal = self.passed(person, start) + np.divide(needed, ratio, out=np.full(len(whole), np.inf), where=ratio > 0)
        share = np.minimum(np.divide(goal, whole, out=np.ones(len(whole)), where=whole > 0), 1.0)
        day = np.floor(self.top[person] + self.width * ndtri(share))
        return np.where(share < 1, np.maximum(day, start), np.inf)


@dataclass(frozen=True, slots=True)
class _Changes:
    """Days on which the hazard ratio of exposed persons changes, sorted; every exposed person's first is the entry."""

    person: np.ndarray
    day: np.ndarray
    log_ratio: np.ndarray  # from that day on


def _exposure_changes(effects: Mapping[str, float], people: People, episodes: Episodes) -> _Changes:
    log_effect = np.array([_log_effect(effects, drug.atc) for drug in FORMULARY])
    rows = np.flatnonzero(log_effect[episodes.drug] != 0.0)
    who, effect = episodes.person[rows], log_effect[episodes.drug[rows]]
    exposed = np.unique(who)
    person = np.concatenate([exposed, who, who])
    day = np.concatenate([people.start[exposed], episodes.start[rows], episodes.stop[rows].astype(np.int64) + 1])
    step = np.concatenate([np.zeros(len(exposed)), effect, -effect])
    day = np.maximum(day, people.start[person])
    order = np.lexsort((day, person))
    return _Changes(person[order], day[order], np.cumsum(step[order]))


def _log_effect(effects: Mapping[str, float], atc: str) -> float:
    return sum(math.log(ratio) for of_class, ratio in effects.items() if atc.startswith(of_class))


def _under_exposure(curve: _Curve, changes: _Changes, needed: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Onset of the exposed, ascending by person: find the stretch in which the cumulative hazard reaches its goal."""
    person, n = changes.person, len(changes.person)
    begins = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
    last = np.r_[person[1:] != person[:-1], True]
    rate = ratio[person] * np.exp(changes.log_ratio)
    at = curve.passed(person, changes.day)
    to = np.where(last, curve.whole[person], np.roll(at, -1))
    gained = np.cumsum(rate * (to - at))
    before = gained - rate * (to - at)
    before -= np.repeat(before[begins], np.diff(np.r_[begins, n]))
    reached = before + rate * (to - at) >= needed[person]
    # The last stretch stands for "never": there the goal lies beyond the end of the curve.
    stretch = np.minimum.reduceat(np.where(reached | last, np.arange(n), n), begins)
    left = np.maximum(needed[person] - before, 0.0)[stretch]
    return curve.reached(person[stretch], changes.day[stretch], left, rate[stretch])


def _slope(onset: Onset, kind: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Points of ALSFRS-R a month: normal, cut from below."""
    below = ndtr((onset.slope_least - onset.slope_centre) / onset.slope_spread)
    slope = onset.slope_centre + onset.slope_spread * ndtri(below + uniform * (1 - below))
    return np.asarray(slope * np.where(kind == OTHER, onset.other_slope, 1.0))


def _delay(onset: Onset, slope: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Days from onset to diagnosis: log-normal, shorter in faster disease, and never beyond the `latest` loss."""
    years = onset.delay * np.exp(onset.delay_spread * ndtri(uniform) + onset.delay_slope * (slope - onset.slope_mean))
    return np.asarray(np.ceil(np.minimum(YEAR * years, MONTH * onset.latest / slope)))


def _bulbar(onset: Onset, female: np.ndarray, age: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    odds = logit(onset.bulbar) + onset.bulbar_women * female + onset.bulbar_age * (age - 67)
    return np.asarray(uniform < expit(odds))
