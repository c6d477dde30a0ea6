"""Self-controlled case series cut into intervals as R's SCCS package does it, for the reference data sets.

Days are whole and inclusive at both ends. A risk level is held from its first day to its last, or until the next course
of the drug begins. An age group begins on its cut.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd


@dataclass
class Person:
    """Observation from `first` to `last`, one event, and courses of each drug in time order."""

    first: int
    last: int
    event: int
    courses: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)  # (first day, last day, level)


def levels_of(start: float, stop: float, risk: Sequence[int], washout: Sequence[int]) -> list[tuple[int, int, int]]:
    """The risk periods of one course: from start + risk[k], the last until stop; then washout from stop + washout[k].

    The last element of `washout` is its last day.
    """
    begin, end = int(start), int(stop)
    firsts = [begin + days for days in risk]
    lasts = [*(day - 1 for day in firsts[1:]), end]
    found = [(a, min(b, end), k + 1) for k, (a, b) in enumerate(zip(firsts, lasts, strict=True))]
    for k in range(len(washout) - 1):
        last = end + washout[k + 1] - (0 if k == len(washout) - 2 else 1)
        found.append((end + washout[k], last, len(risk) + k + 1))
    return [(a, b, level) for a, b, level in found if a <= b]


def case_series_rows(persons: Iterable[Person], age_cuts: Sequence[int]) -> pd.DataFrame:
    """One row an interval: person, event, days, age (from 1) and a level for each drug (0 is none)."""
    rows = []
    for number, person in enumerate(persons):
        breaks = {person.first, person.last + 1, *age_cuts}
        for courses in person.courses.values():
            breaks |= {day for a, b, _ in courses for day in (a, b + 1)}
        days = sorted(day for day in breaks if person.first <= day <= person.last + 1)
        for day, following in pairwise(days):
            row = {"person": number, "event": int(day <= person.event < following), "days": following - day}
            row["age"] = bisect_right(list(age_cuts), day) + 1
            for drug, courses in person.courses.items():
                row[drug] = next((level for a, b, level in reversed(courses) if a <= day <= b), 0)
            rows.append(row)
    return pd.DataFrame(rows)


def persons_of(
    data: pd.DataFrame,
    event: str,
    drugs: dict[str, tuple[str, str | int]],
    risk: Sequence[int] = (0,),
    washout: Sequence[int] = (),
    stacked: bool = False,
) -> list[Person]:
    """Persons of a data set with columns sta, end and the event's day; `drugs` gives the columns of start and stop.

    A stop that is a number is days after the start. Stacked data hold a row for each course of a person.
    """
    groups = data.groupby("case", sort=False) if stacked else ((k, data.iloc[[k]]) for k in range(len(data)))
    persons = []
    for _, rows in groups:
        person = Person(int(rows["sta"].iloc[0]), int(rows["end"].iloc[0]), int(rows[event].iloc[0]))
        for drug, (start, stop) in drugs.items():
            stops = rows[start] + stop if isinstance(stop, int) else rows[stop]
            courses = sorted((int(a), int(b)) for a, b in zip(rows[start], stops, strict=True) if not np.isnan(a))
            nexts = [a for a, _ in courses[1:]] + [person.last + 1]
            person.courses[drug] = [
                (first, min(last, following - 1), level)
                for (a, b), following in zip(courses, nexts, strict=False)
                for first, last, level in levels_of(a, b, risk, washout)
                if first < following
            ]
        persons.append(person)
    return persons
