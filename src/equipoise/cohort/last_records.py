"""What was recorded last in a window before index dates: a measured value, or one of several levels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.cohort.people import EventDays, People, person_day_key
from equipoise.cohort.time import EARLIEST, shifted

MISSING = -1


@dataclass(frozen=True, slots=True)
class ValueDays:
    """Values measured on distinct days, ascending within a person.

    key int64 (d,), person and day in one number (`person_day_key`); value float64 (d,), the mean of the day.
    """

    key: np.ndarray
    value: np.ndarray


def value_days(
    people: People,
    person_id: np.ndarray,
    day: np.ndarray,
    value: np.ndarray,
    plausible: tuple[float, float] | None = None,
) -> ValueDays:
    """Values by person and day from rows in any order; rows without a finite, plausible value are left out.

    person_id int64 (k,), day int32 (k,), value float64 (k,); rows of persons who are not in `people` do not count.
    """
    codes = people.codes_of(person_id)
    kept = (codes >= 0) & np.isfinite(value)
    if plausible is not None:
        kept[kept] = (value[kept] >= plausible[0]) & (value[kept] <= plausible[1])
    key, place, count = np.unique(
        person_day_key(codes[kept], np.asarray(day)[kept]), return_inverse=True, return_counts=True
    )
    # Sums in the order of values: rows of one day may come in any order, and rounding must not tell.
    order = np.lexsort((value[kept], place))
    total = np.bincount(place[order], value[kept][order], minlength=len(key))
    return ValueDays(key, total / np.maximum(count, 1))


def last_value(
    records: ValueDays, person: np.ndarray, day: np.ndarray, first_day: int | None, last_day: int
) -> np.ndarray:
    """The last value from `first_day` (None: ever) to `last_day` relative to the index, NaN without one: float64 (r,).

    person int64 (r,) codes, day int32 (r,) the index days.
    """
    earliest = np.full(len(person), EARLIEST) if first_day is None else shifted(day, first_day)
    at = np.searchsorted(records.key, person_day_key(person, shifted(day, last_day)), side="right") - 1
    found = (at >= 0) & (records.key[at] >= person_day_key(person, earliest)) if len(records.key) else at >= 0
    out = np.full(len(person), np.nan)
    out[found] = records.value[at[found]]
    return out


def last_level(
    levels: Sequence[EventDays], person: np.ndarray, day: np.ndarray, first_day: int | None, last_day: int
) -> np.ndarray:
    """Position of the level recorded last in the window, -1 where none is: int32 (r,). On one day the later position
    counts."""
    latest = np.full(len(person), np.iinfo(np.int64).min)
    code = np.full(len(person), MISSING, dtype=np.int32)
    for position, records in enumerate(levels):
        key = person_day_key(records.person, records.days)
        seen = last_value(ValueDays(key, records.days.astype(np.float64)), person, day, first_day, last_day)
        newer = ~np.isnan(seen) & (np.nan_to_num(seen, nan=-np.inf) >= latest)
        latest[newer], code[newer] = seen[newer].astype(np.int64), position
    return code
