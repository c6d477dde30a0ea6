"""The persons of a database in memory: identifiers, birth, death, fixed characteristics, time under observation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.cohort.time import EARLIEST, LATEST
from equipoise.kernels.spans import Spans

CHARACTERISTICS = ("sex", "region", "race", "ethnicity", "care_site")


@dataclass(frozen=True, slots=True)
class Factor:
    """A categorical characteristic: int32 codes (n,) into `levels`, which are sorted; missing values are a level."""

    codes: np.ndarray
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class People:
    """n persons in ascending order of identifier. A person's code is the position here, 0..n-1.

    person_id   int64 (n,)
    birth_day   int32 (n,), days since 1970-01-01, `UNKNOWN_BIRTH` where there is none
    birth_year  int32 (n,), 0 where unknown
    death_day   int32 (n,), `NO_DEATH` where none is recorded
    observed    spans under observation, overlapping and touching ones joined, ended by death
    """

    person_id: np.ndarray
    birth_day: np.ndarray
    birth_year: np.ndarray
    death_day: np.ndarray
    characteristics: Mapping[str, Factor]
    observed: Spans

    def __len__(self) -> int:
        return len(self.person_id)

    @property
    def birth_known(self) -> np.ndarray:
        return self.birth_day != UNKNOWN_BIRTH

    def codes_of(self, person_id: np.ndarray) -> np.ndarray:
        """Codes of identifiers, -1 for persons who are not here: int64 (k,) → int64 (k,)."""
        if not len(self):
            return np.full(len(person_id), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.person_id, person_id), len(self) - 1)
        return np.where(self.person_id[at] == person_id, at, -1)


def person_day_key(person: np.ndarray, day: np.ndarray) -> np.ndarray:
    """One 64-bit number a row that orders rows by person, then day: int64 (k,). Person codes must be below 2^31."""
    return (person.astype(np.int64) << 32) + (day.astype(np.int64) + 2**31)


UNKNOWN_BIRTH = EARLIEST
NO_DEATH = LATEST


@dataclass(frozen=True, slots=True)
class EventDays:
    """Distinct days on which persons have a record of one concept set, ascending within a person.

    offsets int64 (n_persons + 1,), days int32 (n_days,): person p owns days[offsets[p]:offsets[p+1]].
    """

    offsets: np.ndarray
    days: np.ndarray

    @property
    def person(self) -> np.ndarray:
        """Person code of every day: int64 (n_days,)."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int64), np.diff(self.offsets))

    def first(self) -> np.ndarray:
        """First day of each person, LATEST for persons without one: int32 (n_persons,)."""
        first = np.full(len(self.offsets) - 1, LATEST, dtype=np.int32)
        some = np.diff(self.offsets) > 0
        first[some] = self.days[self.offsets[:-1][some]]
        return first


def event_days(people: People, person_id: np.ndarray, day: np.ndarray) -> EventDays:
    """Distinct event days from rows sorted by person and day; rows of persons who are not in `people` are left out."""
    codes = people.codes_of(person_id)
    known = codes >= 0
    codes, day = codes[known], np.asarray(day[known], dtype=np.int32)
    fresh = np.ones(len(codes), dtype=bool)
    fresh[1:] = (codes[1:] != codes[:-1]) | (day[1:] != day[:-1])
    offsets = np.zeros(len(people) + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes[fresh], minlength=len(people)), out=offsets[1:])
    return EventDays(offsets, day[fresh])
