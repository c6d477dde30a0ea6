"""A row-at-a-time reading of a small OMOP database: who is in it, when each is observed, which records count.

Written from the rules in docs/reference/data-sources.md, with Python's own calendar. Rows are dicts with the CDM's
column names; dates are `datetime.date` or None.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Row = dict[str, Any]
EPOCH = date(1970, 1, 1)


@dataclass
class Life:
    """A person who can be used."""

    row: Row
    born: date | None
    first_possible: date | None
    died: date | None


def day(when: date | None) -> int | None:
    return None if when is None else (when - EPOCH).days


def exact_date(year: int, month: int, day_of_month: int | None) -> date | None:
    try:
        return date(year, month, day_of_month) if day_of_month is not None else None
    except ValueError:
        return None


def birth(row: Row) -> tuple[date | None, date | None]:
    """Day of birth and the first day that the recorded parts allow."""
    year, month = row["year_of_birth"], row["month_of_birth"]
    if year is None:
        moment = row["birth_datetime"]
        return (None, None) if moment is None else (moment.date(), moment.date())
    if month is None or not 1 <= month <= 12:
        return date(year, 7, 1), date(year, 1, 1)
    whole = exact_date(year, month, row["day_of_birth"])
    return (whole, whole) if whole is not None else (date(year, month, 15), date(year, month, 1))


def used(row: Row) -> tuple:
    """What Equipoise takes from a row of PERSON. Rows are compared by this."""
    moment = row["birth_datetime"]
    year = row["year_of_birth"] if row["year_of_birth"] is not None else moment.year if moment is not None else None
    return birth(row), incomplete(row), year, row["gender_concept_id"]


def lives(persons: list[Row], deaths: list[Row]) -> dict[int, Life]:
    """Usable persons by identifier."""
    found = {}
    for person_id in {row["person_id"] for row in persons} - {None}:
        rows = [row for row in persons if row["person_id"] == person_id]
        if any(used(row) != used(rows[0]) for row in rows):
            continue
        dates = [row["death_date"] for row in deaths if row["person_id"] == person_id and row["death_date"] is not None]
        died = min(dates, default=None)
        born, first_possible = birth(rows[0])
        if died is not None and born is not None:
            if died < first_possible:
                continue
            born = min(born, died)
        found[person_id] = Life(rows[0], born, first_possible, died)
    return found


def usable_days(life: Life, period: Row) -> set[date]:
    """Days of one observation period in which the person lives."""
    start, end = period["observation_period_start_date"], period["observation_period_end_date"]
    days = set()
    if start is not None and end is not None:
        current = start
        while current <= end:
            if (life.born is None or current >= life.born) and (life.died is None or current <= life.died):
                days.add(current)
            current += timedelta(1)
    return days


def observed_days(person_id: int, life: Life, periods: list[Row]) -> set[date]:
    """All days on which a person is observed."""
    days: set[date] = set()
    for period in periods:
        if period["person_id"] == person_id:
            days |= usable_days(life, period)
    return days


def spans(found: dict[int, Life], periods: list[Row]) -> list[tuple[int, int, int]]:
    """Runs of observed days: (person_id, first, last)."""
    runs = []
    for person_id, life in found.items():
        days = observed_days(person_id, life, periods)
        for first in days:
            if first - timedelta(1) not in days:
                last = first
                while last + timedelta(1) in days:
                    last += timedelta(1)
                runs.append((person_id, day(first), day(last)))
    return sorted(runs)


def counted_events(found: dict[int, Life], records: list[Row], start: str) -> list[Row]:
    """Records of usable persons, dated, not before the first possible day of birth nor after death."""
    kept = []
    for record in records:
        life, when = found.get(record["person_id"]), record[start]
        if life is None or when is None:
            continue
        if life.first_possible is not None and when < life.first_possible:
            continue
        if life.died is not None and when > life.died:
            continue
        kept.append(record)
    return kept


def quality(tables: dict[str, list[Row]]) -> dict[str, tuple[int, int]]:
    """Records and persons of every check of PERSON, OBSERVATION_PERIOD, DEATH and CONDITION_OCCURRENCE."""
    persons, deaths = tables["person"], tables["death"]
    periods, records = tables["observation_period"], tables["condition_occurrence"]
    found = lives(persons, deaths)
    known = {row["person_id"] for row in persons} - {None}
    checks: dict[str, list[int | None]] = {}

    def note(check: str, person_id: int | None, wanted: bool) -> None:
        checks.setdefault(check, [])
        if wanted:
            checks[check].append(person_id)

    for person_id in known:
        rows = [row for row in persons if row["person_id"] == person_id]
        same = all(used(row) == used(rows[0]) for row in rows)
        for position, _ in enumerate(rows):
            note("person there several times, rows identical", person_id, same and position > 0)
            note("person there several times, rows differ", person_id, not same)
        if same:
            note("death before birth", person_id, person_id not in found)
            note("no birth date", person_id, birth(rows[0])[0] is None)
            note(
                "birth date without month or day",
                person_id,
                incomplete(rows[0]),
            )
    for row in persons:
        note("row without person identifier", None, row["person_id"] is None)
    for period in periods:
        _note_period(note, period, known, found)
    for person_id, life in found.items():
        own = [p for p in periods if p["person_id"] == person_id and usable_days(life, p)]
        for _ in range(len(own) - len(spans({person_id: life}, periods))):
            note("observation periods that overlap or touch", person_id, True)
    note("observation periods that overlap or touch", None, False)
    for row in deaths:
        note("death without person identifier", None, row["person_id"] is None)
        note("death of a person not in PERSON", row["person_id"], row["person_id"] not in known | {None})
        note("death without date", row["person_id"], row["death_date"] is None)
    dated = [row["person_id"] for row in deaths if row["person_id"] is not None and row["death_date"] is not None]
    for person_id in set(dated):
        for _ in range(dated.count(person_id) - 1):
            note("several deaths of a person", person_id, True)
    note("several deaths of a person", None, False)
    _note_events(note, records, known, found, periods)
    return {check: (len(who), len(set(who) - {None})) for check, who in checks.items()}


def incomplete(row: Row) -> bool:
    month = row["month_of_birth"]
    if row["year_of_birth"] is None:
        return False
    if month is None or not 1 <= month <= 12:
        return True
    return exact_date(row["year_of_birth"], month, row["day_of_birth"]) is None


def _note_period(note: Any, period: Row, known: set[int], found: dict[int, Life]) -> None:
    person_id = period["person_id"]
    start, end = period["observation_period_start_date"], period["observation_period_end_date"]
    ordered = start is not None and end is not None and start <= end
    life = found.get(person_id)
    note("observation of a person not in PERSON", person_id, person_id not in known | {None})
    note("observation without person identifier", None, person_id is None)
    note("observation without start or end", person_id, start is None or end is None)
    note("observation that ends before it starts", person_id, start is not None and end is not None and start > end)
    early = life is not None and ordered and life.born is not None and start < life.born
    late = life is not None and ordered and life.died is not None and end > life.died
    note("observation before birth", person_id, early)
    note("observation after death", person_id, late)


def _note_events(note: Any, records: list[Row], known: set[int], found: dict[int, Life], periods: list[Row]) -> None:
    seen = set()
    for record in records:
        person_id, when = record["person_id"], record["condition_start_date"]
        life = found.get(person_id)
        early = life is not None and when is not None and life.first_possible is not None and when < life.first_possible
        late = life is not None and when is not None and life.died is not None and when > life.died
        observed = life is not None and when in observed_days(person_id, life, periods)
        note("event without person identifier", None, person_id is None)
        note("event of a person not in PERSON", person_id, person_id not in known | {None})
        note("event of a person who is left out", person_id, person_id in known and life is None)
        note("event without date", person_id, when is None)
        note("event before birth", person_id, early)
        note("event after death", person_id, late)
        alive = life is not None and when is not None and not early and not late
        note("event outside observation", person_id, alive and not observed)
        end = record["condition_end_date"]
        note("event that ends before it starts", person_id, end is not None and when is not None and end < when)
        key = (person_id, when, record["condition_concept_id"])
        same = person_id is not None and when is not None and key in seen
        note("event with the same person, concept and day as another", person_id, same)
        seen.add(key)
        note("event without a mapped concept", person_id, record["condition_concept_id"] in (0, None))
