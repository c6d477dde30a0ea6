"""The follow-up design: persons in arms become rows with the time they were followed and how that ended.

Time is counted in whole days from time zero, which is day 0 and not at risk: a person is followed over (start, stop],
start being `starts_day`, or with delayed entry the day of the record by which a person comes under follow-up, if later.
With `start_anchor = "end_of_exposure"` the last day supplied of the arm's drug is day 0 in place of time zero.
Every limit of follow-up is a last day that counts, so an event on it is an event: death on the day observation ends, an
event on day `days`, on the day of a switch, on the last day of grace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from equipoise.analysis_set import AnalysisSet, Attrition, Column
from equipoise.cohort.between import first_between
from equipoise.cohort.people import EventDays, People
from equipoise.cohort.time import LATEST, epoch_day, shifted
from equipoise.design.arms import REFERENCE, TARGET, Arms, Contrast
from equipoise.kernels.spans import DAY_MIN, span_at
from equipoise.spec.follow_up import DEATH, EXPOSURE_END, FollowUpDesign, RiskAnchor, TimeAtRisk

EVENT, COMPETING = "event", "competing event"
ENDINGS = (
    EVENT,
    COMPETING,
    "end of observation",
    "end of follow-up",
    "end of the study",
    "left the population",
    "end of use",
    "switch",
)


@dataclass(frozen=True, slots=True)
class Followed:
    """Persons with time at risk.

    arms     who, from when, in which arm, with the attrition down to them
    origin   int32 (k,), the day that time is counted from: time zero, or the last day of use
    start    int32 (k,), the day after which a person is at risk, in days from the origin
    stop     int32 (k,), last day of follow-up, in days from the origin
    event    int8 (k,), 0 censored, 1 the outcome, 2 and on the competing events in their order
    ending   int8 (k,), position in `ENDINGS`; of limits on the same day, the earlier position
    """

    arms: Arms
    origin: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    event: np.ndarray
    ending: np.ndarray

    def __len__(self) -> int:
        return len(self.stop)


def follow(
    people: People,
    arms: Arms,
    contrast: Contrast,
    first_records: Mapping[str, EventDays],
    design: FollowUpDesign,
    labels: Mapping[str, str],
) -> Followed:
    """Follow everyone from time zero until the first event or limit; leave out who is not at risk, rule by rule.

    `first_records` hold the first record of each person, by concept set; a person with an event on or before time zero
    is left out, because a later record is not the first.
    """
    outcome = first_event(people, arms.person, first_records, design.outcome.any_of)
    named = [labels.get(name, name) for name in design.outcome.any_of]
    free = outcome > arms.day
    arms, outcome = arms.keep(f"no {' or '.join(named)} up to time zero", free), outcome[free]
    competing = [first_event(people, arms.person, first_records, [name]) for name in design.outcome.competing]
    if competing:
        named = [labels.get(name, name) for name in design.outcome.competing]
        free = np.min(competing, axis=0) > arms.day
        arms, outcome = arms.keep(f"no {' or '.join(named)} up to time zero", free), outcome[free]
        competing = [days[free] for days in competing]
    followed = _ended(people, arms, contrast, outcome, competing, design)
    if design.follow_up.delayed_entry is not None:
        followed = _entered_late(people, followed, first_records, design, labels)
    return _at_risk(people, followed, design)


def first_event(
    people: People, person: np.ndarray, first_records: Mapping[str, EventDays], names: Iterable[str]
) -> np.ndarray:
    """The earliest day of any of the named events, LATEST where there is none: int32 (k,)."""
    days = [people.death_day if name == DEATH else first_records[name].first() for name in names]
    return np.min(days, axis=0)[person] if len(person) else np.zeros(0, dtype=np.int32)


def _ended(
    people: People,
    arms: Arms,
    contrast: Contrast,
    outcome: np.ndarray,
    competing: list[np.ndarray],
    design: FollowUpDesign,
) -> Followed:
    limits = _limits(people, arms, contrast, design)
    origin = _anchor(arms, contrast, design, design.follow_up.start_anchor)
    last = np.min(list(limits.values()), axis=0)
    event = np.zeros(len(arms), dtype=np.int8)
    ending = np.zeros(len(arms), dtype=np.int8)
    for name in reversed(ENDINGS[2:]):
        if name in limits:
            ending[limits[name] == last] = ENDINGS.index(name)
    # Of events on the same day the outcome counts, then the competing events in their order.
    days = [outcome, *competing]
    earliest = np.min(days, axis=0)
    for cause in range(len(days), 0, -1):
        happened = (days[cause - 1] == earliest) & (earliest <= last)
        event[happened] = cause
        ending[happened] = ENDINGS.index(EVENT if cause == 1 else COMPETING)
    stop = np.minimum(last, earliest).astype(np.int64) - origin
    start = np.full(len(arms), design.follow_up.starts_day, dtype=np.int32)
    return Followed(arms, origin, start, stop.astype(np.int32), event, ending)


def _entered_late(
    people: People,
    followed: Followed,
    first_records: Mapping[str, EventDays],
    design: FollowUpDesign,
    labels: Mapping[str, str],
) -> Followed:
    """At risk from the day after the first record of the set by which persons come under follow-up; before it nobody
    could have been seen to have an event (left truncation). A record up to time zero delays nothing."""
    name = design.follow_up.delayed_entry
    assert name is not None
    day = first_event(people, followed.arms.person, first_records, [name])
    found, label = day != LATEST, labels.get(name, name)
    followed, day = _keep(followed, f"a record of {label}", found), day[found]
    start = np.maximum(day.astype(np.int64) - followed.arms.day, followed.start).astype(np.int32)
    in_time = (start < followed.stop) | (start == design.follow_up.starts_day)
    followed = replace(followed, start=start)
    return _keep(followed, f"followed, and without an event, beyond the first record of {label}", in_time)


def _limits(people: People, arms: Arms, contrast: Contrast, design: FollowUpDesign) -> dict[str, np.ndarray]:
    """The last day that counts by each of the limits in force: int32 (k,) each."""
    limits = {"end of observation": _observed_until(people, arms)}
    if design.follow_up.days is not None:
        last = shifted(_anchor(arms, contrast, design, design.follow_up.counts_to), design.follow_up.days)
        # Days after use are an end by use on a clock from time zero; on a clock from there, the same day for everybody.
        by_use = design.follow_up.counts_to == EXPOSURE_END and design.follow_up.clock_days is None
        limits["end of use" if by_use else "end of follow-up"] = last
    censoring = design.censoring
    if censoring.last_day is not None:
        limits["end of the study"] = np.full(len(arms), epoch_day(censoring.last_day), dtype=np.int32)
    if censoring.at_exit:
        limits["left the population"] = arms.leaves
    if censoring.at_stop:
        limits["end of use"] = _use_ends(arms, contrast, design)
    if censoring.at_switch:
        limits["switch"] = _switches(arms, contrast)
    return limits


def _anchor(arms: Arms, contrast: Contrast, design: FollowUpDesign, anchor: RiskAnchor) -> np.ndarray:
    """The day that a limit of time at risk is counted from, never before time zero: int32 (k,)."""
    return np.maximum(_last_supplied(arms, contrast, design)[0], arms.day) if anchor == EXPOSURE_END else arms.day


def _observed_until(people: People, arms: Arms) -> np.ndarray:
    if not len(arms):
        return np.zeros(0, dtype=np.int32)
    return people.observed.end[span_at(people.observed, arms.person, arms.day)]


def _use_ends(arms: Arms, contrast: Contrast, design: FollowUpDesign) -> np.ndarray:
    """The last day of use of the arm's own drug and the days after it that count; without a drug, never."""
    grace, after = design.censoring.grace_days, design.censoring.after_stop_days
    ends, goes_on = _last_supplied(arms, contrast, design)
    return np.where(goes_on, shifted(ends, grace if after is None else after), ends)


def _last_supplied(arms: Arms, contrast: Contrast, design: FollowUpDesign) -> tuple[np.ndarray, np.ndarray]:
    """The last day supplied of the arm's own drug, int32 (k,), and of whom use goes on at time zero, bool (k,).

    Of use that ended before, time zero itself; of no drug, LATEST.
    """
    ends, goes_on = np.full(len(arms), LATEST, dtype=np.int32), np.zeros(len(arms), dtype=bool)
    for arm in (TARGET, REFERENCE):
        drug = contrast.drug_of(arm)
        if drug is None:
            continue
        mine = arms.arm == arm
        until = drug.supplied_until(arms.person[mine], arms.day[mine], design.censoring)
        goes_on[mine] = until != DAY_MIN
        ends[mine] = np.where(until == DAY_MIN, arms.day[mine], until)
    return ends, goes_on


def _switches(arms: Arms, contrast: Contrast) -> np.ndarray:
    """The first day after time zero with a dispensing of the other arm's drug."""
    ends = np.full(len(arms), LATEST, dtype=np.int32)
    for arm in (TARGET, REFERENCE):
        other = contrast.drug_of(REFERENCE if arm == TARGET else TARGET)
        if other is not None:
            mine = arms.arm == arm
            after = shifted(arms.day[mine], 1)
            ends[mine] = first_between(other.days, arms.person[mine], after, np.full(len(after), LATEST))
    return ends


def _at_risk(people: People, followed: Followed, design: FollowUpDesign) -> Followed:
    rules = design.follow_up
    followed = _after_use(followed, rules) if rules.start_anchor == EXPOSURE_END else _after_time_zero(followed, rules)
    if rules.minimum_days:
        observed = _observed_until(people, followed.arms).astype(np.int64) - followed.origin
        enough = (observed >= rules.minimum_days) | (followed.event > 0)
        followed = _keep(followed, f"observed for {rules.minimum_days:,} days, or until an event", enough)
    return followed


def _after_time_zero(followed: Followed, rules: TimeAtRisk) -> Followed:
    after = "time zero" if rules.starts_day == 0 else f"day {rules.starts_day:,}"
    return _keep(followed, f"followed, and without an event, beyond {after}", followed.stop > followed.start)


def _after_use(followed: Followed, rules: TimeAtRisk) -> Followed:
    """Events before time at risk began, and those who were not followed that far, in rows of attrition of their own."""
    begins = "the end of use" if rules.starts_day == 0 else f"day {rules.starts_day:,} after the end of use"
    late = followed.stop > followed.start
    followed = _keep(followed, f"no event between time zero and {begins}", late | (followed.event == 0))
    return _keep(followed, f"followed beyond {begins}", followed.stop > followed.start)


def _keep(followed: Followed, rule: str, wanted: np.ndarray) -> Followed:
    rows = {name: getattr(followed, name)[wanted] for name in ("origin", "start", "stop", "event", "ending")}
    return Followed(followed.arms.keep(rule, wanted), **rows)


def assemble_arms(followed: Followed, exposure: Column, columns: list[tuple[Column, np.ndarray]]) -> AnalysisSet:
    """Rows as an `AnalysisSet`, one a person: `exposure` is 1 in the target arm, followed by the other columns."""
    arms, n = followed.arms, len(followed)
    columns = [(exposure, arms.arm), *columns]
    x = np.empty((n, len(columns)), dtype=np.float64)
    for position, (_, values) in enumerate(columns):
        x[:, position] = values
    return AnalysisSet(
        person=np.arange(n, dtype=np.int64),
        event=followed.event,
        start=followed.start,
        stop=followed.stop,
        weight=np.ones(n),
        x=x,
        columns=tuple(column for column, _ in columns),
        arm=arms.arm,
        attrition=(arms.attrition,),
    )


def with_population(rows: AnalysisSet, population: Attrition) -> AnalysisSet:
    """The rows with the attrition of the population before that of the comparison."""
    return replace(rows, attrition=(population, *rows.attrition))
