"""The latest record of persons between two days."""

import numpy as np

from equipoise.cohort.people import EventDays, person_day_key

NOWHERE = -1


def latest_between(records: EventDays, person: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Where in `records.days` the latest day from `first` to `last`, both inclusive, is: int64 (r,), or NOWHERE.

    person int64 (r,) codes; first and last int32 (r,) days.

    >>> one = EventDays(np.array([0, 2]), np.array([5, 9], np.int32))
    >>> latest_between(one, np.zeros(2, np.int64), np.array([0, 0]), np.array([8, 4])).tolist()
    [0, -1]
    """
    if not len(records.days):
        return np.full(len(person), NOWHERE, dtype=np.int64)
    keys = person_day_key(records.person, records.days)
    at = np.searchsorted(keys, person_day_key(person, last), side="right") - 1
    found = np.maximum(at, 0)
    inside = (at >= 0) & (records.person[found] == person) & (records.days[found] >= first)
    return np.where(inside, found, NOWHERE)
