"""Tiny tables for the executable specifications: persons and records written as a reader would."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from equipoise.cohort.people import NO_DEATH, UNKNOWN_BIRTH, EventDays, Factor, People, event_days
from equipoise.cohort.time import epoch_day
from equipoise.kernels.spans import Spans, normalise


def day(text: str) -> int:
    """Days since 1970-01-01 of an ISO date."""
    return epoch_day(date.fromisoformat(text))


def text(number: int) -> str:
    """ISO date of a day number."""
    return str(np.datetime64(int(number), "D"))


def people(*rows: Mapping[str, object]) -> People:
    """Persons from rows with `id`, `born`, `sex`, `died` and `observed` (a list of pairs of dates)."""
    rows = tuple(sorted(rows, key=lambda row: row["id"]))
    spans = [(i, *span) for i, row in enumerate(rows) for span in row.get("observed", [])]
    codes, start, end = ([item[k] for item in spans] for k in range(3))
    born = [row.get("born") for row in rows]
    return People(
        np.array([row["id"] for row in rows], dtype=np.int64),
        np.array([UNKNOWN_BIRTH if b is None else day(b) for b in born], dtype=np.int32),
        np.array([0 if b is None else int(b[:4]) for b in born], dtype=np.int32),
        np.array([day(row["died"]) if row.get("died") else NO_DEATH for row in rows], dtype=np.int32),
        {
            name: factor([str(row.get(name, "unknown")) for row in rows])
            for name in ("sex", "region", "race", "ethnicity", "care_site")
        },
        normalise(
            np.array(codes, dtype=np.int64),
            np.array([day(value) for value in start], dtype=np.int32),
            np.array([day(value) for value in end], dtype=np.int32),
            len(rows),
        ),
    )


def factor(values: Sequence[str]) -> Factor:
    levels = sorted(set(values))
    return Factor(np.array([levels.index(value) for value in values], dtype=np.int32), tuple(levels))


def records(who: People, *rows: tuple[int, str]) -> EventDays:
    """Event days from (person id, date) pairs in any order."""
    ordered = sorted((person, day(when)) for person, when in rows)
    ids = np.array([person for person, _ in ordered], dtype=np.int64)
    return event_days(who, ids, np.array([when for _, when in ordered], dtype=np.int32))


def shown(who: People, spans: Spans) -> dict[int, list[tuple[str, str]]]:
    """Spans by person id, as pairs of ISO dates; persons without any are left out."""
    found: dict[int, list[tuple[str, str]]] = {}
    for code, start, end in zip(spans.person, spans.start, spans.end, strict=True):
        found.setdefault(int(who.person_id[code]), []).append((text(start), text(end)))
    return found
