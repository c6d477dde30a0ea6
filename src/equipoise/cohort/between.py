"""Records of persons between two days: the first of them, and how many days there are."""

import numpy as np

from equipoise.cohort.people import EventDays, person_day_key
from equipoise.cohort.time import LATEST


def first_between(records: EventDays, person: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The first day with a record from `first` to `last`, both inclusive; LATEST where there is none: int32 (r,).

    person int64 (r,) codes; first and last int32 (r,) days.
    """
    if not len(records.days):
        return np.full(len(person), LATEST, dtype=np.int32)
    at = np.searchsorted(person_day_key(records.person, records.days), person_day_key(person, first))
    found = np.minimum(at, len(records.days) - 1)
    inside = (at < len(records.days)) & (records.person[found] == person) & (records.days[found] <= last)
    return np.where(inside, records.days[found], LATEST).astype(np.int32)


def count_between(records: EventDays, person: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Distinct days with a record from `first` to `last`, both inclusive: int64 (r,), 0 where last is before first."""
    keys = person_day_key(records.person, records.days)
    end = np.searchsorted(keys, person_day_key(person, last), side="right")
    return np.maximum(end - np.searchsorted(keys, person_day_key(person, first), side="left"), 0)
