"""What the registers hold about the persons: dispensings and diagnoses, one row a record, sorted by person and day."""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.mechanism import DrugClass, Mechanism
from equipoise.simulate.people import NEVER, YEAR, People
from equipoise.simulate.streams import stream

F32, F41, G122 = range(3)
AGE_LIMITS = (15.0, 95.0)  # beyond them the rate of prescribing no longer changes with age


@dataclass(frozen=True, slots=True)
class Records:
    """person (int64, row of `People`), day (int32 since 1970-01-01) and what (int64: which drug or diagnosis)."""

    person: np.ndarray
    day: np.ndarray
    what: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


def draw_dispensings(people: People, drugs: tuple[tuple[str, int], ...], seed: int, truth: Mechanism) -> Records:
    """Dispensings of `drugs` (ATC code, weight in its class) while recorded and observed; `what` indexes `drugs`."""
    parts = []
    for drug_class in truth.drug_classes:
        members = [i for i, (atc, _) in enumerate(drugs) if atc.startswith(drug_class.atc)]
        weights = np.array([drugs[i][1] for i in members], dtype=float)
        draw = stream(seed, f"drug_exposure {drug_class.atc}")
        person, begins = _episodes(people, drug_class, draw, truth)
        drug = draw.choice(members, len(person), p=weights / weights.sum())
        parts.append(_dispensings(person, begins, drug, drug_class, draw))
    first = np.maximum(people.start, truth.drugs_recorded_from)
    return _recorded(people, first, *map(np.concatenate, zip(*parts, strict=True)))


def draw_diagnoses(people: People, seed: int, truth: Mechanism) -> Records:
    """Psychiatric diagnoses (F32, F41), more often in the vulnerable, and ALS (G12.2) at regular visits."""
    draw = stream(seed, "condition_occurrence")
    rate = truth.psychiatric_visit_rate * np.where(people.vulnerable, truth.psychiatric_visit_vulnerable, 1.0)
    days = people.end - people.start + 1.0
    person = np.repeat(np.arange(len(people)), draw.poisson(rate * days / YEAR))
    visit = people.start[person] + np.floor(draw.random(len(person)) * days[person])
    which = draw.choice([F32, F41], len(person))

    case = np.flatnonzero(people.als != NEVER)
    visits = (people.end[case] - people.als[case]) // truth.als_visit_days + 1
    ill = np.repeat(case, visits)
    visit_als = people.als[ill] + truth.als_visit_days * _within(visits)
    return _recorded(
        people,
        people.start,
        np.concatenate([person, ill]),
        np.concatenate([visit, visit_als]),
        np.concatenate([which, np.full(len(ill), G122)]),
    )


def _episodes(
    people: People, drug_class: DrugClass, draw: np.random.Generator, truth: Mechanism
) -> tuple[np.ndarray, np.ndarray]:
    """Person and first day of every treatment episode: a Poisson process in age, plus the prodrome of the cases."""
    ceiling = max(_age_ratio(np.array(AGE_LIMITS), drug_class))
    rate = drug_class.rate * np.where(people.female, drug_class.women, 1.0)
    rate = rate * np.where(people.vulnerable, drug_class.vulnerable, 1.0)
    days = people.end - truth.treated_from
    person = np.repeat(np.arange(len(people)), draw.poisson(rate * ceiling * days / YEAR))
    begins = truth.treated_from + draw.random(len(person)) * days[person]
    ratio = _age_ratio((begins - people.born[person]) / YEAR, drug_class)
    kept = draw.random(len(person)) * ceiling < ratio  # thinning: the process at its ceiling, cut down to the rate

    case = np.flatnonzero(people.als != NEVER)
    ill = np.repeat(case, draw.poisson(drug_class.prodromal, len(case)))
    before = draw.exponential(truth.prodrome_mean_days, len(ill))
    return np.concatenate([person[kept], ill]), np.concatenate([begins[kept], people.als[ill] - before])


def _age_ratio(age: np.ndarray, drug_class: DrugClass) -> np.ndarray:
    return np.exp(drug_class.per_year_of_age * (np.clip(age, *AGE_LIMITS) - 50))


def _dispensings(
    person: np.ndarray, begins: np.ndarray, drug: np.ndarray, drug_class: DrugClass, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every dispensing of every episode: refills come when the supply ends, give or take a fifth."""
    n = len(person)
    several = draw.random(n) >= drug_class.single
    count = 1 + several * draw.geometric(1 / drug_class.further, n)
    episode = np.repeat(np.arange(n), count)
    gap = drug_class.days_supply * draw.uniform(0.8, 1.2, len(episode))
    first = np.cumsum(count) - count
    gap[first] = 0.0
    elapsed = np.cumsum(gap)
    day = begins[episode] + elapsed - elapsed[first][episode]
    return person[episode], day, drug[episode]


def _within(counts: np.ndarray) -> np.ndarray:
    """0, 1, … inside each group of the given sizes."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _recorded(people: People, first: np.ndarray, person: np.ndarray, day: np.ndarray, what: np.ndarray) -> Records:
    """The records from `first` to the end of observation, sorted, each once. Person, day and what share 64 bits."""
    day = np.floor(day).astype(np.int64)
    seen = (day >= first[person]) & (day <= people.end[person])
    key = np.unique((person[seen] << 32) | (day[seen] << 8) | what[seen])
    return Records(key >> 32, ((key >> 8) & 0xFFFFFF).astype(np.int32), key & 0xFF)
