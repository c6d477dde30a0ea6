"""Matched sets of a nested case-control design: each case with controls from its risk set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.analysis_set import Attrition
from equipoise.cohort.eligibility import alive_days, both, days_free_of, only, persons_in, rule_days
from equipoise.cohort.membership import Cohort
from equipoise.cohort.people import EventDays, People
from equipoise.kernels.risk_sets import sample_risk_sets
from equipoise.kernels.spans import Spans, span_at
from equipoise.spec.cohorts import CohortDefinition


@dataclass(frozen=True, slots=True)
class Sampling:
    """How controls are drawn. Calipers are inclusive; None means no caliper."""

    controls_per_case: int
    match_exact: tuple[str, ...]
    birth_year_caliper: int | None
    time_in_cohort_caliper_days: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class MatchedSets:
    """Sets in order of the case's identifier; within a set the case comes first.

    Of rows: matched_set int64 (r,) 0..s-1, person int64 (r,) codes, is_case bool (r,), index_day int32 (r,).
    Of sets: risk_set_size int64 (s,), eligible persons; n_controls int64 (s,), those drawn.
    """

    matched_set: np.ndarray
    person: np.ndarray
    is_case: np.ndarray
    index_day: np.ndarray
    risk_set_size: np.ndarray
    n_controls: np.ndarray

    @property
    def inclusion_probability(self) -> np.ndarray:
        """Probability that an eligible person was drawn into the set: float64 (s,), 0 for an empty risk set."""
        return np.divide(
            self.n_controls, self.risk_set_size, out=np.zeros(len(self.n_controls)), where=self.risk_set_size > 0
        )


@dataclass(frozen=True, slots=True)
class ControlDays:
    """Days on which each person may serve as a control, and what each rule left of the persons."""

    days: Spans
    attrition: Attrition


def control_days(
    people: People,
    cohort: CohortDefinition,
    records: Mapping[str, EventDays],
    labels: Mapping[str, str],
    free_of: tuple[str, ...] = (),
    within: Cohort | None = None,
) -> ControlDays:
    """Days on which a person is alive, observed, free of the outcome and meets the cohort's rules, as spans.

    A person stays in the attrition as long as some day is left. The day of the outcome, of a record of a set in
    `free_of`, and of death is no longer eligible; the first and the last day of observation are.
    """
    attrition = Attrition("persons who may serve as controls").then("persons in the database", len(people))
    born = people.birth_known
    days = only(born)
    attrition = attrition.then("date of birth known", int(born.sum()))
    steps = [
        (rule.rule.replace("on the day", "on some day"), rule.days)
        for rule in rule_days(people, cohort, records, labels)
    ]
    if within is not None:
        steps.append((f"member of the cohort {within.attrition.cohort}", within.spans(len(people))))
    steps.append(("alive", alive_days(people)))
    for name in (cohort.entry.concept_set, *free_of):
        steps.append((f"free of {labels[name]}", days_free_of(records[name])))
    for text, allowed in steps:
        days = both(days, allowed)
        attrition = attrition.then(text, persons_in(days))
    return ControlDays(days, attrition)


def draw_matched_sets(
    people: People, cases: Cohort, eligible: Spans, time_base: Spans, sampling: Sampling
) -> MatchedSets:
    """Incidence-density sampling on each case's index date.

    `time_base` are the spans whose first day starts a person's time in the cohort: membership of the cohort the study
    is nested in, else observation.
    """
    order = np.argsort(people.person_id[cases.person], kind="stable")
    case_person, index_day = cases.person[order], cases.entry[order]
    drawn = sample_risk_sets(
        people.person_id,
        exact_key(people, sampling.match_exact),
        people.birth_year,
        eligible,
        case_person=case_person,
        index_day=index_day,
        controls_per_case=sampling.controls_per_case,
        seed=sampling.seed,
        birth_year_caliper=sampling.birth_year_caliper,
        time_in_cohort_caliper=sampling.time_in_cohort_caliper_days,
        entry_day=_starts(time_base, eligible.person, eligible.start),
        case_entry_day=_starts(time_base, case_person, index_day),
    )
    return _rows(case_person, index_day, drawn.offsets, drawn.controls, drawn.size)


def exact_key(people: People, variables: tuple[str, ...]) -> np.ndarray:
    """One int64 code (n,) a combination of the variables that sets are matched on exactly; 0 for all without any."""
    key = np.zeros(len(people), dtype=np.int64)
    for name in variables:
        factor = people.characteristics[name]
        key = key * max(len(factor.levels), 1) + factor.codes
    return key


def _starts(base: Spans, person: np.ndarray, day: np.ndarray) -> np.ndarray:
    """First day of the span of `base` that holds each day: int32 (k,). Every day must lie in one."""
    if not len(person):
        return np.zeros(0, dtype=np.int32)
    return base.start[span_at(base, person, day)]


def _rows(
    case_person: np.ndarray, index_day: np.ndarray, offsets: np.ndarray, controls: np.ndarray, size: np.ndarray
) -> MatchedSets:
    n_controls = np.diff(offsets)
    n_sets = len(case_person)
    matched_set = np.repeat(np.arange(n_sets), n_controls + 1)
    first = offsets[:-1] + np.arange(n_sets)
    is_case = np.zeros(len(matched_set), dtype=bool)
    is_case[first] = True
    person = np.empty(len(matched_set), dtype=np.int64)
    person[is_case] = case_person
    person[~is_case] = controls
    return MatchedSets(matched_set, person, is_case, index_day[matched_set], size, n_controls)
