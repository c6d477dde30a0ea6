"""When two persons were partners: links between spouses joined with the days on which each of them married and parted.

A database links spouses without dates and records marriages without partners. Two linked persons are partners where a
marriage of the one and a marriage of the other overlap and begin on the same day, or the one that begins later begins
with that person's observation (marriages from before are recorded on its first day). Where a marriage could belong to
several spouses, those with whom it also ends count: on the same day, or with the death of the other.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.data.ascending import NOBODY, distinct, positions_of
from equipoise.data.quality import QualityFinding
from equipoise.data.relationships import RecordedLinks

EARLIEST, LATEST = np.int32(np.iinfo(np.int32).min), np.int32(np.iinfo(np.int32).max)
RULES = {
    "married again while married": ("observation", "the earlier marriage ends the day before"),
    "spouses without any date of marriage": ("fact_relationship", "partners all their lives"),
    "spouses whose marriages do not agree": ("fact_relationship", "the link is left out"),
    "spouses who parted on different days": ("observation", "partners until the earlier of the two days"),
    "person with several partners at once": (
        "fact_relationship",
        "the partnership that began last counts; none where they began on the same day",
    ),
}


@dataclass(frozen=True, slots=True)
class Partnerships:
    """Partners of n persons in compressed rows, ascending by first day within a person.

    offsets int64 (n + 1,); other int64 (k,) positions; start, end int32 (k,): first and last day, both inclusive.
    """

    offsets: np.ndarray
    other: np.ndarray
    start: np.ndarray
    end: np.ndarray


@dataclass(frozen=True, slots=True)
class Lives:
    """Of n persons: person_id int64 ascending; first_day int32, the first day each is observed; death_day int32."""

    person_id: np.ndarray
    first_day: np.ndarray
    death_day: np.ndarray


@dataclass(frozen=True, slots=True)
class _Periods:
    """Marriages of n persons in compressed rows: first and last day, whoever the partner was."""

    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def of(self, person: np.ndarray) -> np.ndarray:
        """How many each person has."""
        return np.diff(self.offsets)[person]


def partnerships(
    spouses: tuple[np.ndarray, np.ndarray], recorded: RecordedLinks, lives: Lives
) -> tuple[Partnerships, list[QualityFinding]]:
    """Partnerships of pairs of spouses, and what was wrong with them.

    Where neither of two spouses has any recorded marriage, they count as partners all their lives; where one has, and
    that person has no other spouse, the marriages of that one count.
    """
    n = len(lives.person_id)
    periods, again = _periods(recorded, lives.person_id)
    one, other = spouses
    partners_of = np.bincount(np.concatenate(spouses), minlength=n)
    has_one, has_other = periods.of(one) > 0, periods.of(other) > 0
    undated = ~has_one & ~has_other
    single = (has_one & ~has_other & (partners_of[one] == 1)) | (has_other & ~has_one & (partners_of[other] == 1))
    both = has_one & has_other
    agreeing, parted = _agreeing(periods, np.flatnonzero(both), one, other, lives)
    found = [
        _whole_lives(np.flatnonzero(undated)),
        _of_single(periods, np.flatnonzero(single), np.where(has_one, one, other)),
        agreeing,
    ]
    pair, start, end = (np.concatenate([part[at] for part in found]) for at in range(3))
    unmatched = np.flatnonzero(np.bincount(pair, minlength=len(one)) == 0)
    made = _rows(one[pair], other[pair], start, end, n)
    counted = (
        again,
        _persons(one[undated], other[undated]),
        _persons(one[unmatched], other[unmatched]),
        _persons(one[parted], other[parted]),
        _at_once(made),
    )
    findings = [QualityFinding(check, *RULES[check], *count) for check, count in zip(RULES, counted, strict=True)]
    return made, findings


def partner_on(partners: Partnerships, person: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The partner of each person on a day, `NOBODY` without one: int64 (k,).

    Of several partnerships the one that began last counts; where two began on the same day, none does.
    """
    counts = np.diff(partners.offsets)[person]
    row = np.repeat(np.arange(len(person)), counts)
    at = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + partners.offsets[person][row]
    holds = (partners.start[at] <= day[row]) & (day[row] <= partners.end[at])
    row, at = row[holds], at[holds]
    found = np.full(len(person), NOBODY, dtype=np.int64)
    latest = np.full(len(person), EARLIEST, dtype=np.int32)
    found[row], latest[row] = partners.other[at], partners.start[at]  # ascending: the last one stays
    rivals = (partners.start[at] == latest[row]) & (partners.other[at] != found[row])
    found[row[rivals]] = NOBODY
    return found


def _periods(recorded: RecordedLinks, person_id: np.ndarray) -> tuple[_Periods, tuple[int, int]]:
    """Marriages from the days on which persons married and parted; a day of parting is no longer a day together."""
    tables = (recorded.ends, recorded.begins)
    person = np.concatenate([positions_of(person_id, table["person_id"].to_numpy()) for table in tables])
    day = np.concatenate([table["day"].to_numpy().astype(np.int64) for table in tables])
    begins = np.repeat([0, 1], [len(table) for table in tables])
    known = person != NOBODY
    # Parting comes before marrying on the same day: who does both marries another.
    person, day, begins = _once_each(person[known], day[known], begins[known])
    start = np.flatnonzero(begins == 1)
    followed = start[:-1] + 1 if len(start) and start[-1] == len(person) - 1 else start + 1
    same = np.zeros(len(start), dtype=bool)
    same[: len(followed)] = person[followed] == person[start[: len(followed)]]
    end = np.full(len(start), int(LATEST), dtype=np.int64)
    end[same] = day[start[same] + 1] - 1
    again = same.copy()
    again[same] = begins[start[same] + 1] == 1
    offsets = np.zeros(len(person_id) + 1, dtype=np.int64)
    np.cumsum(np.bincount(person[start], minlength=len(person_id)), out=offsets[1:])
    counts = (int(again.sum()), len(distinct(person[start[again]])))
    return _Periods(offsets, day[start].astype(np.int32), end.astype(np.int32)), counts


def _once_each(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows in ascending order, each once."""
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    new = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    keep = np.append(True, new)[: len(order)]
    return tuple(column[keep] for column in ordered)


Spans = tuple[np.ndarray, np.ndarray, np.ndarray]  # pair, first day, last day


def _whole_lives(pair: np.ndarray) -> Spans:
    return pair, np.full(len(pair), EARLIEST), np.full(len(pair), LATEST)


def _of_single(periods: _Periods, pair: np.ndarray, person: np.ndarray) -> Spans:
    """The marriages of the one of two spouses who has any."""
    row, at = _expanded(periods, person[pair])
    return pair[row], periods.start[at], periods.end[at]


def _agreeing(
    periods: _Periods, pair: np.ndarray, one: np.ndarray, other: np.ndarray, lives: Lives
) -> tuple[Spans, np.ndarray]:
    """Where a marriage of the one and of the other agree: the days both last; pairs who parted on different days.

    Only one of the two has an end where the other had left the country; that is no contradiction.
    """
    row, a = _expanded(periods, one[pair])
    again, b = _expanded(periods, other[pair[row]])
    pair, a = pair[row[again]], a[again]
    start, end = np.maximum(periods.start[a], periods.start[b]), np.minimum(periods.end[a], periods.end[b])
    later = np.where(periods.start[a] >= periods.start[b], one[pair], other[pair])
    begin_alike = (periods.start[a] == periods.start[b]) | (start == lives.first_day[later])
    longer = np.where(periods.end[a] >= periods.end[b], one[pair], other[pair])
    end_alike = (periods.end[a] == periods.end[b]) | (end.astype(np.int64) + 1 == lives.death_day[longer])
    possible = begin_alike & (start <= end)
    better = possible & end_alike
    settled = np.bincount(np.concatenate([a[better], b[better]]), minlength=len(periods.start)) > 0
    keep = better | (possible & ~settled[a] & ~settled[b])
    ended = np.maximum(periods.end[a], periods.end[b]) < LATEST
    return (pair[keep], start[keep], end[keep]), pair[keep & ~better & ended]


def _expanded(periods: _Periods, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each marriage of each person, the row of the person and the place of the marriage."""
    counts = periods.of(person)
    row = np.repeat(np.arange(len(person)), counts)
    at = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + periods.offsets[person][row]
    return row, at


def _rows(one: np.ndarray, other: np.ndarray, start: np.ndarray, end: np.ndarray, n: int) -> Partnerships:
    """Both directions, in compressed rows."""
    person, partner = np.concatenate([one, other]), np.concatenate([other, one])
    start, end = np.tile(start, 2), np.tile(end, 2)
    order = np.lexsort((partner, start, person))
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(person, minlength=n), out=offsets[1:])
    return Partnerships(offsets, partner[order], start[order].astype(np.int32), end[order].astype(np.int32))


def _at_once(made: Partnerships) -> tuple[int, int]:
    """Partnerships that begin while another with someone else lasts, and persons with one."""
    person = np.repeat(np.arange(len(made.offsets) - 1), np.diff(made.offsets))
    # Later first days meet the furthest end so far of the same person: a running maximum that starts anew with each.
    reach = person * 2**33 + (made.end.astype(np.int64) - int(EARLIEST))
    furthest = np.maximum.accumulate(reach) if len(reach) else reach
    begins = person[1:] * 2**33 + (made.start[1:].astype(np.int64) - int(EARLIEST))
    overlaps = (person[1:] == person[:-1]) & (begins <= furthest[:-1])
    return int(overlaps.sum()), len(distinct(person[1:][overlaps]))


def _persons(one: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    return len(one), len(distinct(np.concatenate([one, other])))
