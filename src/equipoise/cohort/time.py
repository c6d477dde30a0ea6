"""Calendar dates as whole days since 1970-01-01 (int32), and the only place where they are converted."""

from datetime import date

import numpy as np

EARLIEST = np.int32(np.iinfo(np.int32).min)
LATEST = np.int32(np.iinfo(np.int32).max)
EPOCH = date(1970, 1, 1).toordinal()


def epoch_day(day: date) -> int:
    """Days from 1970-01-01 to `day`.

    >>> epoch_day(date(1970, 1, 2))
    1
    """
    return day.toordinal() - EPOCH


def calendar_year(days: np.ndarray) -> np.ndarray:
    """Calendar year of each day: int32[n] → int32[n]. Years beyond 9999 are fine."""
    return (days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970).astype(np.int32)


def birthday(birth_day: np.ndarray, age: int) -> np.ndarray:
    """The day on which each person completes `age` years: int32[n] → int32[n].

    Someone born on 29 February completes a year on 1 March of years without that day.
    """
    born = birth_day.astype("datetime64[D]")
    month = born.astype("datetime64[M]")
    return ((month + 12 * age).astype("datetime64[D]") + (born - month)).astype(np.int64).astype(np.int32)


def years_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Time from `first` to `second` in years of 365.25 days: float64[n]."""
    return (second.astype(np.int64) - first.astype(np.int64)) / 365.25


def shifted(days: np.ndarray, by: int) -> np.ndarray:
    """Days moved by a number of days, held inside int32: int32[n] → int32[n]."""
    return np.clip(days.astype(np.int64) + by, EARLIEST, LATEST).astype(np.int32)
