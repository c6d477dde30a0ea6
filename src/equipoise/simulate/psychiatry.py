"""Diagnoses other than motor neuron disease: psychiatric ones by vulnerability, negative controls by age and sex."""

import numpy as np

from equipoise.simulate.block import YEAR, People, Place, Records
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_psychiatry import ControlDisease, PsychiatricDiagnosis, Psychiatry
from equipoise.simulate.streams import stream

DIAGNOSES = ("F32", "F33", "F41", "F43", "H25", "K35", "K80", "L40", "S52")
"""ICD-10 categories, as `Records.what` counts them."""

YOUNGEST, GROWN, ELDERLY = 10.0, 20.0, 65.0
CONTROL_AGES = (1.0, 95.0)  # beyond them the rate of a negative control no longer changes with age
REFERENCE_AGE = 50.0

Days = tuple[np.ndarray, np.ndarray]  # rows of people, days


def draw_psychiatry(spec: NationSpec, place: Place, people: People) -> Records:
    """Recorded diagnoses of persons under observation, as if nobody had motor neuron disease.

    `what` indexes `DIAGNOSES`; `amount` is 1. Every diagnosis has a random stream of its own.

    >>> from equipoise.simulate.population import draw_people
    >>> spec, place = NationSpec(), Place(seed=1, block=0, first_person=1, persons=500)
    >>> records = draw_psychiatry(spec, place, draw_people(spec, place)[0])
    >>> bool((records.day >= 11_323).all())
    True
    """
    found = [_psychiatric(spec, place, people, code, rule) for code, rule in spec.psychiatry.diagnoses.items()]
    found += [control_days(people, rule, _stream(place, code)) for code, rule in spec.psychiatry.controls.items()]
    codes = [*spec.psychiatry.diagnoses, *spec.psychiatry.controls]
    what = np.repeat([DIAGNOSES.index(code) for code in codes], [len(person) for person, _ in found])
    person, day = (np.concatenate(column) for column in zip(*found, strict=True)) if found else (what, what)
    return sorted_once(people, person, day, what)


def _psychiatric(spec: NationSpec, place: Place, people: People, code: str, rule: PsychiatricDiagnosis) -> Days:
    """Visits with a recorded diagnosis. The mean rate over a standard normal vulnerability is the rate of the rule."""
    draw = _stream(place, code)
    g = rule.vulnerability * spec.switches.vulnerability_to_diagnoses
    rate = rule.rate * np.where(people.female, rule.women, 1.0) * np.exp(g * people.vulnerability - g * g / 2)
    most = max(rule.young, rule.elderly, 1.0)
    person, day = _poisson(people, rate * most, draw)
    age = (day - people.born[person]) / YEAR
    by_age = np.where(age < GROWN, rule.young * (age >= YOUNGEST), np.where(age >= ELDERLY, rule.elderly, 1.0))
    kept = draw.random(len(person)) * most < by_age
    return _visits(spec.psychiatry, person[kept], day[kept], draw, spec.switches.incomplete_diagnoses)


def _stream(place: Place, code: str) -> np.random.Generator:
    return stream(place.seed, f"diagnosis {code} {place.block}")


def control_days(people: People, rule: ControlDisease, draw: np.random.Generator) -> Days:
    """Diagnoses of a disease that depends on age and sex alone, in persons under observation."""
    by_age = np.exp(rule.per_year_of_age * (np.array(CONTROL_AGES) - REFERENCE_AGE))
    person, day = _poisson(people, rule.rate * np.where(people.female, rule.women, 1.0) * by_age.max(), draw)
    age = np.clip((day - people.born[person]) / YEAR, *CONTROL_AGES)
    ratio = np.exp(rule.per_year_of_age * (age - REFERENCE_AGE)) / by_age.max()
    kept = draw.random(len(person)) < ratio
    return person[kept], day[kept]


def _poisson(people: People, rate: np.ndarray, draw: np.random.Generator) -> Days:
    """Events of a constant rate (per 1,000 person-years) while observed, before thinning by age."""
    days = np.minimum(people.leaves, people.dies) - people.start + 1.0
    person = np.repeat(np.arange(len(people)), draw.poisson(rate / 1000 * days / YEAR))
    return person, people.start[person] + np.floor(draw.random(len(person)) * days[person])


def _visits(spec: Psychiatry, person: np.ndarray, day: np.ndarray, draw: np.random.Generator, missed: bool) -> Days:
    """Every visit of every episode of illness whose diagnosis is recorded."""
    count = 1 + draw.poisson(spec.visits - 1, len(person))
    episode = np.repeat(np.arange(len(person)), count)
    gap = draw.exponential(spec.visit_days, len(episode))
    first = np.cumsum(count) - count
    gap[first] = 0.0
    elapsed = np.cumsum(gap)
    visit = np.floor(day[episode] + elapsed - elapsed[first][episode])
    recorded = (draw.random(len(episode)) < spec.sensitivity) | (not missed)
    return person[episode][recorded], visit[recorded]


def sorted_once(people: People, person: np.ndarray, day: np.ndarray, what: np.ndarray) -> Records:
    """The records until observation ends, sorted, each once. Person, day and what share 64 bits."""
    person, day = person.astype(np.int64), day.astype(np.int64)
    seen = day <= np.minimum(people.leaves, people.dies)[person]
    key = np.unique((person[seen] << 32) | (day[seen] << 8) | what[seen])
    person, day = key >> 32, (key >> 8) & 0xFFFFFF
    return Records(
        person.astype(np.int32), day.astype(np.int32), (key & 0xFF).astype(np.int16), np.ones(len(key), np.float32)
    )
