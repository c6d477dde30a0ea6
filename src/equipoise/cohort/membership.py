"""From a cohort definition to its members: entry days, exits, and what each rule removed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.eligibility import rule_days
from equipoise.cohort.people import EventDays, People, person_day_key
from equipoise.cohort.time import shifted
from equipoise.kernels.spans import Spans, contains, normalise, span_at
from equipoise.spec.cohorts import CohortDefinition, CohortExit


@dataclass(frozen=True, slots=True)
class Cohort:
    """Members of a cohort: one row an entry, sorted by person and entry day.

    person int64 (k,) codes, entry int32 (k,) and exit int32 (k,) days, both inclusive.
    """

    person: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    attrition: Attrition

    def __len__(self) -> int:
        return len(self.person)

    def spans(self, n_persons: int) -> Spans:
        """The days of membership; memberships that overlap are one."""
        return normalise(self.person, self.entry, self.exit, n_persons, join_touching=False)


@dataclass(frozen=True, slots=True)
class _Entries:
    """Entry events still in, with the attrition so far."""

    person: np.ndarray
    day: np.ndarray
    attrition: Attrition

    def keep(self, rule: str, wanted: np.ndarray) -> "_Entries":
        person = self.person[wanted]
        return _Entries(person, self.day[wanted], self.attrition.then(rule, len(np.unique(person))))


def find_members(
    name: str,
    people: People,
    cohort: CohortDefinition,
    records: Mapping[str, EventDays],
    labels: Mapping[str, str],
    within: "Cohort | None" = None,
) -> Cohort:
    """Apply a cohort's rules in order. `within` keeps entries that fall into a membership of another cohort.

    With `entry.occurrence = "first"` the first record a person ever has decides, wherever it lies: if it lies outside
    observation the person is not a member, because a later record would not be the first.
    """
    events = records[cohort.entry.concept_set]
    label = labels[cohort.entry.concept_set]
    entries = _first_or_every(name, people, events, cohort, label)
    for also in cohort.entry.also:
        entries = _both_recorded(entries, records[also], labels[also])
    for rule in rule_days(people, cohort, records, labels):
        entries = entries.keep(rule.rule, contains(rule.days, entries.person, entries.day))
    if cohort.washout_days is not None:
        text = f"no {label} in the {cohort.washout_days} days before"
        entries = entries.keep(text, _first_in(events, entries.person, entries.day, cohort.washout_days))
    if within is not None:
        member = contains(within.spans(len(people)), entries.person, entries.day)
        entries = entries.keep(f"member of the cohort {within.attrition.cohort} on the day", member)
    exits = _exit_days(people, entries.person, entries.day, cohort.exit, records)
    return Cohort(entries.person, entries.day, exits, entries.attrition)


def _first_or_every(name: str, people: People, events: EventDays, cohort: CohortDefinition, label: str) -> "_Entries":
    attrition = Attrition(name).then("persons in the database", len(people))
    born = people.birth_known
    attrition = attrition.then("date of birth known", int(born.sum()))
    person, day = events.person, events.days
    if cohort.entry.occurrence == "first":
        first = np.ones(len(person), dtype=bool)
        first[1:] = person[1:] != person[:-1]
        person, day = person[first], day[first]
    known = born[person]
    which = "first" if cohort.entry.occurrence == "first" else "at least one"
    start = _Entries(person[known], day[known], attrition)
    return start.keep(f"{which} record of {label}", np.ones(len(start.person), dtype=bool))


def _both_recorded(entries: "_Entries", events: EventDays, label: str) -> "_Entries":
    """Entries of persons who have these records too, on the day on which the first of them has come as well."""
    person, at = np.unique(events.person, return_index=True)
    here = np.minimum(np.searchsorted(person, entries.person), max(len(person) - 1, 0))
    has = person[here] == entries.person if len(person) else np.zeros(len(entries.person), dtype=bool)
    kept = entries.keep(f"first record of {label}", has)
    return replace(kept, day=np.maximum(kept.day, events.days[at[here[has]]]))


def _first_in(events: EventDays, person: np.ndarray, day: np.ndarray, washout: int) -> np.ndarray:
    """Whether no event of the same person lies in the `washout` days before each day: bool (k,)."""
    if not len(events.days):
        return np.ones(len(person), dtype=bool)
    # One sort key a (person, day) pair: days fit 32 bits, so pairs compare as single 64-bit numbers.
    keys = person_day_key(events.person, events.days)
    at = np.searchsorted(keys, person_day_key(person, day))
    before = np.maximum(at - 1, 0)
    same = (at > 0) & (events.person[before] == person)
    return ~(same & (events.days[before] >= shifted(day, -washout)))


def _exit_days(
    people: People, person: np.ndarray, entry: np.ndarray, rule: CohortExit, records: Mapping[str, EventDays]
) -> np.ndarray:
    """Last day of membership: the end of the observation span (which death ends), or the rule's day if that is earlier.

    An exit event ends membership on the first day after entry on which it is recorded.
    """
    if not len(person):
        return entry
    end = people.observed.end[span_at(people.observed, person, entry)]
    if rule.kind == "fixed_time" and rule.days is not None:
        end = np.minimum(end, shifted(entry, rule.days))
    if rule.kind == "event" and rule.concept_set is not None:
        end = np.minimum(end, _next_after(records[rule.concept_set], person, entry, end))
    return end


def _next_after(events: EventDays, person: np.ndarray, day: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """First event of the same person after each day, else `otherwise`: int32 (k,)."""
    if not len(events.days):
        return otherwise
    at = np.searchsorted(person_day_key(events.person, events.days), person_day_key(person, day), side="right")
    found = np.minimum(at, len(events.days) - 1)
    same = (at < len(events.days)) & (events.person[found] == person)
    return np.where(same, events.days[found], otherwise)
