"""The rules of a cohort as sets of days: on which days does each person satisfy this rule?

A rule that looks back from a day (prior observation, washout, inclusion rules) holds on some days of a person's life
and not on others. Written as spans, the same rule serves a case on the event's date and a control on any date, and all
rules together are one intersection.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.cohort.people import EventDays, People
from equipoise.cohort.time import EARLIEST, LATEST, birthday, epoch_day, shifted
from equipoise.kernels.spans import EVER, Spans, at_least_k_within, clip, complement, intersect, normalise, unite
from equipoise.spec.cohorts import AgeLimits, CalendarLimits, CohortDefinition, InclusionRule, PriorExclusion


@dataclass(frozen=True, slots=True)
class RuleDays:
    """A rule in words with the days on which each person satisfies it."""

    rule: str
    days: Spans


def rule_days(
    people: People, cohort: CohortDefinition, records: Mapping[str, EventDays], labels: Mapping[str, str]
) -> Iterator[RuleDays]:
    """The rules of a cohort that concern a day (all but the entry event and its washout), in the order they apply."""
    yield RuleDays("under observation on the day", people.observed)
    if cohort.age is not None:
        yield RuleDays(_age_text(cohort.age), age_days(people, cohort.age))
    if cohort.sex is not None:
        yield RuleDays(f"sex: {' or '.join(cohort.sex)}", sex_days(people, cohort.sex))
    if cohort.calendar is not None:
        yield RuleDays(_calendar_text(cohort.calendar), calendar_days(people, cohort.calendar))
    if cohort.prior_observation_days:
        text = f"at least {cohort.prior_observation_days} days of observation before the day"
        yield RuleDays(text, observed_for(people, cohort.prior_observation_days))
    for prior in cohort.exclude_prior:
        yield RuleDays(_prior_text(prior, labels), days_without_prior(records[prior.concept_set], prior))
    for rule in cohort.rules:
        yield RuleDays(rule.name, days_meeting(records[rule.concept_set], rule))


def everyone_always(n_persons: int) -> Spans:
    """Every day of every person."""
    each = np.arange(n_persons, dtype=np.int64)
    return normalise(each, np.full(n_persons, EARLIEST), np.full(n_persons, LATEST), n_persons)


def only(keep: np.ndarray) -> Spans:
    """Every day of the persons where `keep` (bool, n) is true."""
    chosen = np.flatnonzero(keep)
    return normalise(chosen, np.full(len(chosen), EARLIEST), np.full(len(chosen), LATEST), len(keep))


def age_days(people: People, age: AgeLimits) -> Spans:
    """Days on which completed years of age lie within the limits; none where birth is unknown."""
    first = birthday(people.birth_day, age.min)
    last = shifted(birthday(people.birth_day, age.max + 1), -1)
    return clip(only(people.birth_known), first, last)


def sex_days(people: People, allowed: tuple[str, ...]) -> Spans:
    """Every day of persons whose recorded sex is one of those allowed."""
    sex = people.characteristics["sex"]
    wanted = np.array([level in allowed for level in sex.levels], dtype=bool)
    return only(wanted[sex.codes] if len(sex.levels) else np.zeros(len(people), dtype=bool))


def calendar_days(people: People, limits: CalendarLimits) -> Spans:
    """The same calendar days for everyone."""
    first = epoch_day(limits.first) if limits.first else EARLIEST
    last = epoch_day(limits.last) if limits.last else LATEST
    return clip(everyone_always(len(people)), first, last)


def observed_for(people: People, n_days: int) -> Spans:
    """Days under observation with at least `n_days` of the same observation span before them."""
    observed = people.observed
    return normalise(observed.person, shifted(observed.start, n_days), observed.end, len(people))


def days_without_prior(records: EventDays, prior: PriorExclusion) -> Spans:
    """Days with no record before them: ever, or within so many days. A record on the day itself does not count."""
    before = EVER if prior.days is None else prior.days
    return complement(at_least_k_within(records.offsets, records.days, 1, before, 1), EARLIEST, LATEST)


def days_meeting(records: EventDays, rule: InclusionRule) -> Spans:
    """Days whose look-back window holds at least, or at most, so many distinct days with a record."""
    window = rule.window
    before = EVER if window.first_day is None else -window.first_day
    meeting = everyone_always(len(records.offsets) - 1)
    if rule.at_least is not None:
        meeting = at_least_k_within(records.offsets, records.days, rule.at_least, before, -window.last_day)
    if rule.at_most is not None:
        over = at_least_k_within(records.offsets, records.days, rule.at_most + 1, before, -window.last_day)
        meeting = intersect(meeting, complement(over, EARLIEST, LATEST))
    return meeting


def days_free_of(records: EventDays) -> Spans:
    """Days before the first record of each person; the day of the record is no longer free of it."""
    n_persons = len(records.offsets) - 1
    first = records.first()
    return clip(everyone_always(n_persons), EARLIEST, np.where(first == LATEST, LATEST, shifted(first, -1)))


def alive_days(people: People) -> Spans:
    """Days before the day of death."""
    return clip(everyone_always(len(people)), EARLIEST, shifted(people.death_day, -1))


def both(spans: Spans, more: Spans) -> Spans:
    """Days in both sets, spans that touch kept apart, so that the boundary of an observation span survives."""
    return intersect(spans, more, join_touching=False)


def either(spans: Spans, more: Spans) -> Spans:
    """Days in either set."""
    return unite(spans, more)


def persons_in(spans: Spans) -> int:
    """How many persons have at least one day."""
    return int(np.count_nonzero(np.diff(spans.offsets)))


def _age_text(age: AgeLimits) -> str:
    if age.max == 150:
        return f"age {age.min} or older"
    return f"age {age.max} or younger" if age.min == 0 else f"age {age.min} to {age.max}"


def _calendar_text(limits: CalendarLimits) -> str:
    parts = [f"from {limits.first}"] if limits.first else []
    return " ".join([*parts, *([f"to {limits.last}"] if limits.last else [])]) or "any calendar date"


def _prior_text(prior: PriorExclusion, labels: Mapping[str, str]) -> str:
    when = "ever before" if prior.days is None else f"in the {prior.days} days before"
    return f"no {labels[prior.concept_set]} {when}"
