"""A row-at-a-time evaluator of nested case-control studies: the obvious second implementation, from the rules in words.

It knows nothing of spans, keys or kernels: for every person and every day it asks the question the rule asks.
"""

from dataclasses import dataclass
from datetime import date, timedelta

Record = tuple[int, date]


@dataclass
class Person:
    """One person of a tiny database, with everything recorded of them."""

    person_id: int
    born: date | None
    sex: str
    died: date | None
    periods: list[tuple[date, date]]
    bleeds: list[date]
    ulcers: list[date]
    drugs: list[date]


@dataclass
class Rules:
    """The settings of the study that the oracle understands."""

    min_age: int
    prior_days: int
    birth_year_caliper: int
    min_dispensings: int
    run_in: int
    recording_from: date
    windows: dict[str, tuple[int | None, int]]


def age_on(born: date, day: date) -> int:
    """Completed years of age."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def period_of(person: Person, day: date) -> tuple[date, date] | None:
    """The stretch of observation that holds the day: overlapping and touching periods joined, cut to life."""
    stretches: list[tuple[date, date]] = []
    for start, end in sorted(person.periods):
        start = max(start, person.born or start)
        end = min(end, person.died or end)
        if start > end:
            continue
        if stretches and start <= stretches[-1][1] + timedelta(days=1):
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], end))
        else:
            stretches.append((start, end))
    return next(((start, end) for start, end in stretches if start <= day <= end), None)


def may_enter(person: Person, day: date, rules: Rules) -> bool:
    """Whether the person meets the cohort's rules on the day."""
    period = period_of(person, day)
    if person.born is None or period is None:
        return False
    if (day - period[0]).days < rules.prior_days or age_on(person.born, day) < rules.min_age:
        return False
    return not any(ulcer < day for ulcer in person.ulcers)


def cases(people: list[Person], rules: Rules) -> dict[int, date]:
    """Index date by identifier: the first bleed ever, if the rules are met on it."""
    first = {person.person_id: min(person.bleeds) for person in people if person.bleeds}
    return {
        person.person_id: first[person.person_id]
        for person in people
        if person.person_id in first and may_enter(person, first[person.person_id], rules)
    }


def risk_set(people: list[Person], case: Person, day: date, rules: Rules) -> set[int]:
    """Identifiers of everyone who may be drawn for the case."""
    assert case.born is not None
    return {
        person.person_id
        for person in people
        if person.person_id != case.person_id
        and may_enter(person, day, rules)
        and (person.died is None or person.died > day)
        and not any(bleed <= day for bleed in person.bleeds)
        and person.sex == case.sex
        and person.born is not None
        and abs(person.born.year - case.born.year) <= rules.birth_year_caliper
    }


def visible_from(person: Person, index: date, rules: Rules) -> date:
    """First day on which dispensings of the person can be seen."""
    period = period_of(person, index)
    assert period is not None
    return max(period[0], rules.recording_from)


def days_used(person: Person, index: date, rules: Rules) -> list[date]:
    """Distinct days of visible use before the index date, ascending."""
    begins = visible_from(person, index, rules)
    return sorted({day for day in person.drugs if begins <= day < index})


def inside(day: date, index: date, window: tuple[int | None, int]) -> bool:
    """Whether a day lies in a window relative to the index date."""
    distance = (day - index).days
    return (window[0] is None or distance >= window[0]) and distance <= window[1]


def any_use(person: Person, index: date, window: str, rules: Rules) -> bool:
    used = [day for day in days_used(person, index, rules) if inside(day, index, rules.windows[window])]
    return len(used) >= rules.min_dispensings


def initiation(person: Person, index: date, rules: Rules, up_to: int = -1) -> str:
    """The one level of the person, for windows that do not overlap; days after `up_to` are not looked at."""
    begins = visible_from(person, index, rules)
    recorded = sorted({day for day in person.drugs if (day - index).days <= up_to})
    if not recorded:
        return "never"
    if len(recorded) < rules.min_dispensings:
        return "below minimum"
    if (recorded[0] - begins).days < rules.run_in:
        return "prevalent"
    for name, window in rules.windows.items():
        if inside(recorded[0], index, window):
            return name
    latest = max(last for _, last in rules.windows.values())
    return "within the lag" if (recorded[0] - index).days > latest else "outside the windows"


def observable(person: Person, index: date, window: str, reading: str, rules: Rules) -> bool:
    """Whether the whole window (of an open one: its latest day) is visible, after the run-in for initiation."""
    begins = visible_from(person, index, rules) + timedelta(days=rules.run_in if reading == "initiation" else 0)
    first, last = rules.windows[window]
    return begins <= index + timedelta(days=last if first is None else first)
