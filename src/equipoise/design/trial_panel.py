"""The panel of a target trial: persons of a population become rows by interval, from time zero until they leave.

Interval k, from 0, ends `interval_end(interval, k + 1)` days after time zero and begins on the day after the one before
ended; interval 0 begins on time zero itself. Treatment of an interval follows from dispensings up to its last day,
events and loss from the days in it, covariates and eligibility from records before its first day. The interval that
holds the first day no longer observed is marked as lost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.between import count_between, first_between
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.latest import NOWHERE, latest_between
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import EventDays, People
from equipoise.cohort.time import LATEST, epoch_day, shifted
from equipoise.design.arms import Drug
from equipoise.design.follow_up import first_event
from equipoise.design.nested_case_control import observable_from
from equipoise.kernels.spans import contains, span_at
from equipoise.spec.target_trial import EligibilityRule, TargetTrial, interval_end

Met = Callable[[np.ndarray, np.ndarray], np.ndarray]  # persons int64 (r,), days int32 (r,) -> bool (r,)


@dataclass(frozen=True, slots=True)
class TrialPanel:
    """N rows by person and interval, in order of both.

    person    int64 (N,), codes of `People`
    period    int64 (N,), intervals since time zero of the person's first possible trial
    begin, end  int32 (N,), first and last day
    treatment int64 (N,), 0 none, 1 and on the exposures of the design in their order
    eligible  bool (N,), whether a trial starts here
    outcome, censored, competing  uint8 (N,), at most one of them in a row, which is then the person's last
    """

    person: np.ndarray
    period: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    treatment: np.ndarray
    eligible: np.ndarray
    outcome: np.ndarray
    censored: np.ndarray
    competing: np.ndarray
    attrition: Attrition

    def __len__(self) -> int:
        return len(self.person)

    @property
    def rows(self) -> IndexRows:
        """Persons at the beginnings of their intervals, where covariates are read."""
        return IndexRows(self.person, self.begin)

    @property
    def starts(self) -> np.ndarray:
        """Position of each person's first row, int64 (persons,)."""
        return np.flatnonzero(np.diff(self.person, prepend=-1))


@dataclass(frozen=True, slots=True)
class TrialRecords:
    """What a panel is made from: drugs in the order of the design's exposures, first records of events, and records
    that decide eligibility, by concept set."""

    drugs: Sequence[Drug]
    first: Mapping[str, EventDays]
    eligibility: Mapping[str, EventDays]


@dataclass(frozen=True, slots=True)
class _Zero:
    """Persons at time zero of their first possible trial, once each."""

    person: np.ndarray
    day: np.ndarray
    attrition: Attrition

    def keep(self, rule: str, wanted: np.ndarray) -> "_Zero":
        return _Zero(self.person[wanted], self.day[wanted], self.attrition.then(rule, int(wanted.sum())))


def trial_panel(
    people: People,
    population: Cohort,
    records: TrialRecords,
    design: TargetTrial,
    labels: Mapping[str, str],
    recording_from: int | None,
    name: str,
) -> TrialPanel:
    """Everyone in a target trial, interval by interval; `name` heads the attrition."""
    zero = _at_risk(people, _time_zero(people, population, design, name), records, design, labels)
    rules = list(_rules(people, records, design, recording_from))
    if design.time_zero == "entry":
        for rule, met in rules:
            zero = zero.keep(rule, met(zero.person, zero.day))
    rows = _rows(people, zero, records, design)
    rows = replace(rows, treatment=treatment_of(rows, zero, records.drugs, design))
    if design.time_zero == "entry":
        return replace(rows, eligible=rows.period == 0)
    return _eligible_rows(people, rows, rules, design.last_start or 0)


def _time_zero(people: People, population: Cohort, design: TargetTrial, name: str) -> _Zero:
    first = np.flatnonzero(np.diff(population.person, prepend=-1))
    person, entry, leaves = (values[first] for values in (population.person, population.entry, population.exit))
    zero = _Zero(person, entry, Attrition(name).then("members of the population", len(person)))
    if not design.delay_days:
        return zero
    stays = shifted(entry, design.delay_days) <= leaves
    zero = zero.keep(f"still a member {design.delay_days:,} days after entry", stays)
    return replace(zero, day=shifted(zero.day, design.delay_days))


def _at_risk(
    people: People, zero: _Zero, records: TrialRecords, design: TargetTrial, labels: Mapping[str, str]
) -> _Zero:
    """Persons without an event up to time zero who are observed beyond it."""
    for names in (design.outcome.any_of, *([name] for name in design.outcome.competing)):
        happened = first_event(people, zero.person, records.first, names)
        words = " or ".join(labels.get(name, name) for name in names)
        zero = zero.keep(f"no {words} up to time zero", happened > zero.day)
    return zero.keep("observed beyond time zero", _last_day(people, zero, design) > zero.day)


def _last_day(people: People, zero: _Zero, design: TargetTrial) -> np.ndarray:
    """The last day on which each person is observed and in the study, int32 (k,)."""
    if not len(zero.person):
        return np.zeros(0, dtype=np.int32)
    last = people.observed.end[span_at(people.observed, zero.person, zero.day)]
    return last if design.last_day is None else np.minimum(last, np.int32(epoch_day(design.last_day)))


def ends_of(design: TargetTrial) -> np.ndarray:
    """Last day of each interval of a panel, from time zero of the first possible trial: int64 (K,)."""
    number = design.follow_up + (design.last_start or 0)
    return np.array([interval_end(design.interval, k) for k in range(1, number + 1)], dtype=np.int64)


def _rows(people: People, zero: _Zero, records: TrialRecords, design: TargetTrial) -> TrialPanel:
    """The rows of everyone with what ends them; treatment and eligibility are still to come."""
    ends = ends_of(design)
    last = _last_day(people, zero, design)
    outcome = first_event(people, zero.person, records.first, design.outcome.any_of)
    competing = first_event(people, zero.person, records.first, design.outcome.competing) if design.outcome.competing \
        else np.full(len(zero.person), LATEST, dtype=np.int32)  # fmt: skip
    happened = np.minimum(outcome, competing)
    seen = happened <= last
    leaves = np.where(seen, happened, last.astype(np.int64) + 1) - zero.day
    within = leaves <= ends[-1]
    length = np.minimum(np.searchsorted(ends, leaves) + 1, len(ends))
    row = np.repeat(np.arange(len(length)), length)
    period = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    final = np.zeros(len(row), dtype=bool)
    final[np.cumsum(length) - 1] = within
    begins = np.concatenate([[0], ends[:-1] + 1])
    # Of events on the same day the outcome counts.
    flags = {"outcome": seen & (outcome <= competing), "competing": seen & (competing < outcome), "censored": ~seen}
    day = zero.day.astype(np.int64)[row]
    return TrialPanel(
        zero.person[row],
        period,
        (day + begins[period]).astype(np.int32),
        (day + ends[period]).astype(np.int32),
        np.zeros(len(row), dtype=np.int64),
        np.zeros(len(row), dtype=bool),
        **{name: (final & flag[row]).astype(np.uint8) for name, flag in flags.items()},
        attrition=zero.attrition,
    )


def treatment_of(rows: TrialPanel, zero: _Zero, drugs: Sequence[Drug], design: TargetTrial) -> np.ndarray:
    """The treatment of every row, int64 (N,): 0 none, 1 and on the drugs. Of drugs on one day the first named counts.

    By initiation: the drug first dispensed from time zero on, from its interval to the end. By supply: the drug
    dispensed last, if in the interval, or if its supply and grace days reach the interval's first day; where events
    come first, if they reach its last.
    """
    found = [_started(rows, zero, drug) if design.treatment == "initiation" else _supplied(rows, drug, design)
             for drug in drugs]  # fmt: skip
    days = np.stack([day for day, _ in found])
    chosen = days.argmin(axis=0) if design.treatment == "initiation" else days.argmax(axis=0)
    covers = np.stack([covered for _, covered in found])
    return np.where(covers[chosen, np.arange(len(rows))], chosen + 1, 0)


def _started(rows: TrialPanel, zero: _Zero, drug: Drug) -> tuple[np.ndarray, np.ndarray]:
    """Day of the first dispensing from time zero on, and whether it lies in the row's interval or before it."""
    first = first_between(drug.days, zero.person, zero.day, np.full(len(zero.person), LATEST))
    day = first[np.searchsorted(zero.person, rows.person)]
    return day.astype(np.int64), day <= rows.end


def _supplied(rows: TrialPanel, drug: Drug, design: TargetTrial) -> tuple[np.ndarray, np.ndarray]:
    """Day of the last dispensing up to the interval's end, and whether it reaches the interval."""
    at = latest_between(drug.days, rows.person, np.full(len(rows), np.iinfo(np.int32).min), rows.end)
    if not len(drug.dispensings.day):
        return np.full(len(rows), -(2**40)), np.zeros(len(rows), dtype=bool)
    day = drug.dispensings.day[at].astype(np.int64)
    until = day + drug.dispensings.days_supplied(design.supply.supply_days)[at] + design.supply.grace_days
    known = at != NOWHERE
    reaches = until >= rows.end if design.events_first else (day >= rows.begin) | (until >= rows.begin)
    return np.where(known, day, -(2**40)), known & reaches


def _rules(
    people: People, records: TrialRecords, design: TargetTrial, recording_from: int | None
) -> Iterator[tuple[str, Met]]:
    """Rules of eligibility at time zero in words, each with a function of persons and days that says who meets it."""
    if design.new_users is not None:
        washout = design.new_users.washout_days

        def observed(who: np.ndarray, when: np.ndarray) -> np.ndarray:
            return observable_from(people, IndexRows(who, when), recording_from) <= shifted(when, -washout)

        def clean(who: np.ndarray, when: np.ndarray) -> np.ndarray:
            before = (shifted(when, -washout), shifted(when, -1))
            counts = [count_between(drug.days, who, *before) for drug in records.drugs]
            return np.sum(counts, axis=0) == 0

        yield f"{washout:,} days of observation before time zero", observed
        yield f"no dispensing of a drug that is compared in these {washout:,} days", clean
    for rule in design.eligibility:
        yield rule.name, _meets(rule, records.eligibility[rule.concept_set])


def _meets(rule: EligibilityRule, records: EventDays) -> Met:
    def met(who: np.ndarray, when: np.ndarray) -> np.ndarray:
        n_days = count_between(records, who, shifted(when, rule.days[0]), shifted(when, rule.days[1]))
        enough = n_days >= rule.at_least if rule.at_least is not None else np.ones(len(who), dtype=bool)
        return enough & (n_days <= rule.at_most) if rule.at_most is not None else enough

    return met


def _eligible_rows(people: People, rows: TrialPanel, rules: Sequence[tuple[str, Met]], last_start: int) -> TrialPanel:
    """A trial in every interval in which all rules are met; persons who are never eligible leave."""
    at = np.flatnonzero((rows.period <= last_start) & contains(people.observed, rows.person, rows.begin))
    attrition = rows.attrition
    for rule, met in rules:
        at = at[met(rows.person[at], rows.begin[at])]
        attrition = attrition.then(f"in some interval: {rule}", len(np.unique(rows.person[at])))
    eligible = np.zeros(len(rows), dtype=bool)
    eligible[at] = True
    stays = np.isin(rows.person, rows.person[at])
    parts = ("person", "period", "begin", "end", "treatment", "outcome", "censored", "competing")
    kept = {name: getattr(rows, name)[stays] for name in parts}
    return TrialPanel(**kept, eligible=eligible[stays], attrition=attrition)
