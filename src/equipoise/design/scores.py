"""Scores of the ALSFRS-R: cleaned by stated rules, then laid out from the time zero of each person followed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.analysis_set import Measurements
from equipoise.cohort.people import EventDays, People, person_day_key
from equipoise.cohort.time import LATEST
from equipoise.design.follow_up import Followed

TOTAL = "total"
_LEFT_OUT = "the record is left out"
MISSING = "score without a number"
OUTSIDE = "score that is no whole number of its scale"
DIFFERENT = "scores of one person and day that differ"
INCOMPLETE = "day without all twelve items"
NOT_THE_SUM = "total that is not the sum of its items"


@dataclass(frozen=True, slots=True)
class ScoreRecords:
    """Records of one quantity, of which `most` is the largest value: person_id int64, day int32, value float64."""

    person_id: np.ndarray
    day: np.ndarray
    value: np.ndarray
    most: int


@dataclass(frozen=True, slots=True)
class ScoreFinding:
    """One check: how many records of how many persons it concerns, and the rule by which they are handled."""

    check: str
    rule: str
    n_records: int
    n_persons: int


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a person and day with a score, ascending.

    person int64 (r,) codes; day int32 (r,); values float64 (r, k), nan where a quantity was not scored; names (k,)
    """

    person: np.ndarray
    day: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]


def clean_scores(people: People, records: Mapping[str, ScoreRecords]) -> tuple[Scores, list[ScoreFinding]]:
    """The scores of persons, with what was wrong among them. Names are `total` and `item 1` to `item 12`.

    Left out: records without a number, or with one that is no whole number of the scale; the records of a quantity on a
    day on which they differ; the items of a day without all of them. Without measured totals, the total is the sum.
    """
    bad: dict[str, list[np.ndarray]] = {name: [] for name in (MISSING, OUTSIDE, DIFFERENT)}
    clean = {name: _clean(people, found, bad) for name, found in records.items()}
    keys = np.unique(np.concatenate([key for key, _ in clean.values()] or [np.zeros(0, np.int64)]))
    names = tuple(clean)
    values = np.full((len(keys), len(names)), np.nan)
    for column, (key, value) in enumerate(clean.values()):
        values[np.searchsorted(keys, key), column] = value
    person, day = keys >> 32, (keys & 0xFFFFFFFF).astype(np.int64) - 2**31
    found = Scores(person, day.astype(np.int32), values, names)
    made, of_items = _with_items(found)
    rules = dict.fromkeys(bad, _LEFT_OUT)
    return made, [_finding(check, rules[check], np.concatenate([*rows, []])) for check, rows in bad.items()] + of_items


def _clean(people: People, found: ScoreRecords, bad: Mapping[str, list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Keys (person and day, ascending, each once) with values; persons of bad records are added to `bad`."""
    code = people.codes_of(found.person_id)
    missing = np.isnan(found.value)
    value = np.where(missing, 0.0, found.value)
    outside = ~missing & ((value < 0) | (value > found.most) | (value != np.floor(value)))
    bad[MISSING].append(code[(code >= 0) & missing])
    bad[OUTSIDE].append(code[(code >= 0) & outside])
    sound = (code >= 0) & ~missing & ~outside
    key, value = person_day_key(code[sound], found.day[sound]), value[sound]
    each, first, inverse, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    differs = np.bincount(inverse, value != value[first][inverse], len(each)) > 0
    bad[DIFFERENT].append(np.repeat(each[differs] >> 32, count[differs]))
    return each[~differs], value[first][~differs]


def _with_items(scores: Scores) -> tuple[Scores, list[ScoreFinding]]:
    """Items are kept where all are there; totals are checked against them, or made of them."""
    at = [column for column, name in enumerate(scores.names) if name != TOTAL]
    if not at:
        return scores, []
    values = scores.values.copy()
    scored = ~np.isnan(values[:, at])
    partly = scored.any(axis=1) & ~scored.all(axis=1)
    values[np.flatnonzero(partly)[:, None], at] = np.nan
    findings = [_finding(INCOMPLETE, "its items are left out; a total of that day counts", scores.person[partly])]
    sums = values[:, at].sum(axis=1)
    if TOTAL not in scores.names:
        kept = ~np.isnan(sums)
        names, values = (TOTAL, *scores.names), np.column_stack([sums, values])
        return Scores(scores.person[kept], scores.day[kept], values[kept], names), findings
    total = values[:, scores.names.index(TOTAL)]
    wrong = ~np.isnan(sums) & ~np.isnan(total) & (sums != total)
    findings.append(_finding(NOT_THE_SUM, "kept: totals and items count apart", scores.person[wrong]))
    kept = ~np.isnan(values).all(axis=1)
    return Scores(scores.person[kept], scores.day[kept], values[kept], scores.names), findings


def _finding(check: str, rule: str, persons: np.ndarray) -> ScoreFinding:
    return ScoreFinding(check, rule, len(persons), len(np.unique(persons)))


def scores_in_follow_up(scores: Scores, followed: Followed, firsts: Mapping[str, EventDays]) -> Measurements:
    """The scores of persons who are followed, from time zero to the end of their follow-up, both days included.

    `firsts` are the records of events of which the first day matters.
    """
    arms = followed.arms
    at = np.searchsorted(arms.person, scores.person)
    at = np.minimum(at, max(len(arms) - 1, 0))
    mine = (arms.person[at] == scores.person) if len(arms) else np.zeros(len(scores.person), dtype=bool)
    place, values = at[mine], scores.values[mine]
    day = scores.day[mine].astype(np.int64) - arms.day[place]
    kept = (day >= 0) & (day <= followed.stop[place])
    marks = dict(_marks(followed, firsts))
    return Measurements(place[kept], day[kept].astype(np.int32), values[kept], scores.names, marks)


def _marks(followed: Followed, firsts: Mapping[str, EventDays]) -> Iterator[tuple[str, np.ndarray]]:
    for name, records in firsts.items():
        first = records.first()[followed.arms.person].astype(np.float64)
        yield name, np.where(first == LATEST, np.nan, first - followed.arms.day)
