"""Persons and their lives: birth, vulnerability, observation, ALS and death. Nothing here knows of any drug."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from equipoise.simulate.mechanism import Mechanism
from equipoise.simulate.streams import stream

YEAR = 365.25
NEVER = np.int32(2**31 - 1)


@dataclass(frozen=True, slots=True)
class People:
    """One row a person, arrays of length n. Days are int32 since 1970-01-01; what never happens is on day NEVER.

    start, end   first and last day under observation, inclusive
    als, death   inside [start, end] or NEVER
    vulnerable   latent: written into no table
    """

    female: np.ndarray
    born: np.ndarray
    region: np.ndarray
    vulnerable: np.ndarray
    start: np.ndarray
    end: np.ndarray
    als: np.ndarray
    death: np.ndarray

    def __len__(self) -> int:
        return len(self.born)


def draw_people(persons: int, seed: int, truth: Mechanism) -> People:
    """`persons` lives from 2005 to 2023."""
    draw = stream(seed, "person")
    female = draw.random(persons) < truth.women
    age = truth.youngest + (truth.oldest - truth.youngest) * draw.beta(*truth.age_shape, persons)
    born = np.floor(truth.observed_from - YEAR * age)
    region = draw.integers(1, truth.regions + 1, persons)
    vulnerable = draw.random(persons) < truth.vulnerable
    start = _entry(stream(seed, "observation_period"), persons, truth)
    leaves = start + YEAR * stream(seed, "emigration").exponential(1 / truth.emigration_rate, persons)
    dies = start + _days_to_death(stream(seed, "death"), female, (start - born) / YEAR, truth)
    end = np.minimum(np.minimum(np.floor(leaves), np.floor(dies)), truth.observed_to)

    als = start + _days_to_als(stream(seed, "als"), female, vulnerable, (start - born) / YEAR, truth)
    als = np.where(als < end + 1, np.floor(als), NEVER)
    survival = truth.als_survival_median * np.exp(
        truth.als_survival_log_sd * stream(seed, "als survival").standard_normal(persons)
    )
    dies = np.where(als < NEVER, np.minimum(dies, als + YEAR * survival), dies)
    end = np.minimum(end, np.floor(dies))
    death = np.where(np.floor(dies) == end, end, NEVER)
    days = (values.astype(np.int32) for values in (born, start, end, als, death))
    born, start, end, als, death = days
    return People(female, born, region, vulnerable, start, end, als, death)


def _entry(draw: np.random.Generator, persons: int, truth: Mechanism) -> np.ndarray:
    immigrates = draw.random(persons) < truth.immigrants
    arrival = draw.integers(truth.observed_from, truth.last_immigration + 1, persons)
    return np.where(immigrates, arrival, truth.observed_from).astype(float)


def _days_to_death(draw: np.random.Generator, female: np.ndarray, age: np.ndarray, truth: Mechanism) -> np.ndarray:
    """Days from `age` to death under a Gompertz hazard, by inversion of the cumulative hazard."""
    slope = truth.death_per_year_of_age
    hazard = truth.death_rate_at_80 * np.exp(slope * (age - 80)) * np.where(female, truth.death_women, 1.0)
    return YEAR * np.log1p(slope * draw.exponential(1.0, len(age)) / hazard) / slope


def _days_to_als(
    draw: np.random.Generator, female: np.ndarray, vulnerable: np.ndarray, age: np.ndarray, truth: Mechanism
) -> np.ndarray:
    """Days from `age` to diagnosis under a hazard that is a bell curve over age, by inversion; infinite for most."""
    ratio = np.where(female, 1.0, truth.als_men) * np.where(vulnerable, truth.als_vulnerable, 1.0)
    peak = truth.als_peak_rate * truth.als_enrichment * ratio
    scale = peak * truth.als_age_spread * np.sqrt(2 * np.pi)
    reached = ndtr((age - truth.als_peak_age) / truth.als_age_spread) + draw.exponential(1.0, len(age)) / scale
    at_age = truth.als_peak_age + truth.als_age_spread * ndtri(np.minimum(reached, 1.0))
    return YEAR * (at_age - age)
