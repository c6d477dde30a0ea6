"""Columns of equal length by name, and what a person had been dispensed by an index day."""

import numpy as np

from equipoise.simulate.block import Records
from equipoise.simulate.formulary import FORMULARY

Frame = dict[str, np.ndarray]
DAYS = 100_000  # more than there are days in the registers, so that person and day share a number
CLASSES = ("N05B", "N05C", "N06A", "A02BC")
OF_CLASS = {atc: np.array([drug.atc.startswith(atc) for drug in FORMULARY]) for atc in CLASSES}


def stacked(frames: list[Frame]) -> Frame:
    """Frames with the same columns, one below the other.

    >>> stacked([{"a": np.array([1])}, {"a": np.array([2])}])["a"].tolist()
    [1, 2]
    """
    return {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]} if frames else {}


def chosen(frame: Frame, rows: np.ndarray) -> Frame:
    """The same columns at `rows`, positions or a mask."""
    return {name: column[rows] for name, column in frame.items()}


def dates(records: Records, kinds: np.ndarray) -> np.ndarray:
    """Distinct dates on which a person has a record of these kinds (a flag for each `what`), as sorted numbers.

    `records` are sorted by person and day.
    """
    kept = kinds[records.what]
    found = records.person[kept].astype(np.int64) * DAYS + records.day[kept]
    return found[np.append(True, found[1:] != found[:-1])[: len(found)]]


def between(found: np.ndarray, person: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How many of the dates `found` each person has from the day `first` to before the day `end`."""
    key = person.astype(np.int64) * DAYS
    return np.searchsorted(found, key + np.maximum(end, 0)) - np.searchsorted(found, key + np.maximum(first, 0))


def first_after(found: np.ndarray, person: np.ndarray, day: np.ndarray) -> np.ndarray:
    """First of the dates `found` of each person on or after `day`; DAYS where there is none."""
    key = person.astype(np.int64) * DAYS
    next_one = np.append(found, -1)[np.searchsorted(found, key + np.maximum(day, 0))]
    return np.where(next_one // DAYS == person, next_one % DAYS, DAYS)


def history(found: np.ndarray, person: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of dates before the index day, and days from the first of them to it (0 without any).

    >>> count, ago = history(np.array([10, 20, DAYS + 5]), np.array([0, 1]), np.array([15, 4]))
    >>> count.tolist(), ago.tolist()
    ([1, 0], [5, 0])
    """
    count = between(found, person, np.zeros(len(person), np.int64), index)
    return count, np.where(count > 0, index - first_after(found, person, np.zeros(len(person), np.int64)), 0)
