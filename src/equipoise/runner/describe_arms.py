"""The step that describes the arms of a follow-up design: Table 1, how follow-up ended, curves on a fixed grid."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.cohort.covariates import CovariateValues, IndexRows, age_at, characteristic
from equipoise.cohort.people import People
from equipoise.cohort.time import calendar_year, years_between
from equipoise.data.source import Source
from equipoise.design.arms import REFERENCE, TARGET
from equipoise.design.follow_up import ENDINGS, Followed
from equipoise.kernels.spans import span_at
from equipoise.results.follow_up_tables import ARMS
from equipoise.runner.artifact import Artifact
from equipoise.runner.follow_up import covariates_at_time_zero, exposure_begins, followed_persons
from equipoise.runner.follow_up_protocol import FollowUpProtocol, read_follow_up
from equipoise.runner.missing_rows import missing_rows
from equipoise.runner.packing import unpack_analysis_set, unpack_people
from equipoise.runner.risks import curve_of, risks_at
from equipoise.runner.summaries import characteristic_rows

Inputs = Mapping[str, Artifact]
Row = dict[str, Any]
LEAVING = 10  # persons for each interval of a curve: with fewer, most of it would have to be hidden
CODES = {"target": TARGET, "reference": REFERENCE}
ENDED = {
    "event": "n_events",
    "competing event": "n_competing",
    "end of observation": "n_censored_observation",
    "end of follow-up": "n_censored_limit",
    "end of the study": "n_censored_study_end",
    "left the population": "n_censored_exit",
    "end of use": "n_censored_stop",
    "switch": "n_censored_switch",
}


def description(inputs: Inputs, subset: Any, source: Source) -> Artifact:
    """Rows of the tables follow_up, characteristics_by_arm and curves."""
    protocol = read_follow_up(subset)
    people = unpack_people(inputs["people"])
    followed = followed_persons(inputs, protocol, people)
    assembled = unpack_analysis_set(inputs["analysis_set"])
    adjusted_for = covariates_at_time_zero(inputs, protocol, people, followed)
    described = _described(people, followed, adjusted_for)
    made = {
        "follow_up": list(_followed(inputs, protocol, people, followed)),
        "missingness": list(missing_rows({arm: followed.arms.arm == CODES[arm] for arm in ARMS}, adjusted_for)),
        "characteristics_by_arm": list(characteristic_rows(ARMS, followed.arms.arm == TARGET, described)),
        "curves": [] if protocol.varies_in_time else list(curve_rows(assembled, protocol, subset["conf_level"])),
    }
    key = protocol.key(subset["id"])
    return Artifact({}, {name: [key | row for row in rows_made] for name, rows_made in made.items()})


def _followed(inputs: Inputs, protocol: FollowUpProtocol, people: People, followed: Followed) -> Iterator[Row]:
    if protocol.varies_in_time:
        return split_follow_up_rows(followed, exposure_begins(inputs, protocol, people, followed), protocol)
    return follow_up_rows(followed, protocol)


def split_follow_up_rows(followed: Followed, after: np.ndarray, protocol: FollowUpProtocol) -> Iterator[Row]:
    """The same of time with and without exposure; a person whose use begins in follow-up is in both, and has left the
    time without it by a switch. `after` (k,) is the day after which each is exposed."""
    start = followed.start
    changes = np.clip(after, start, followed.stop)
    switches = (after > start) & (after < followed.stop)
    ending = np.where(switches, ENDINGS.index("switch"), followed.ending)
    for arm in ARMS:
        target = arm == "target"
        mine = (after < followed.stop) if target else (after > start)
        ends = (followed.ending if target else ending)[mine]
        days = ((followed.stop - changes) if target else (changes - start))[mine].astype(np.int64)
        n_began = int(switches.sum()) if target else 0
        row = _row_of_arm(arm, protocol, int(mine.sum()), ends, days)
        yield row | {"n_at_time_zero": row["n_persons"] - n_began, "n_began": n_began}


def follow_up_rows(followed: Followed, protocol: FollowUpProtocol) -> Iterator[Row]:
    """Persons, events, time at risk and how follow-up ended, of each arm."""
    for arm in ARMS:
        mine = followed.arms.arm == CODES[arm]
        days = followed.stop[mine].astype(np.int64) - followed.start[mine]
        row = _row_of_arm(arm, protocol, int(mine.sum()), followed.ending[mine], days)
        yield row | {"median_days": float(np.median(followed.stop[mine])) if mine.any() else None}


def _row_of_arm(arm: str, protocol: FollowUpProtocol, n: int, ending: np.ndarray, days: np.ndarray) -> Row:
    """Persons, how their time in the arm ended, and how long it was."""
    ended = np.bincount(ending, minlength=len(ENDINGS))
    row: Row = {"arm": arm, "label": protocol.arm_labels[CODES[arm]], "n_persons": n}
    row |= {ENDED[name]: int(ended[code]) for code, name in enumerate(ENDINGS)}
    years = float(days.sum()) / 365.25
    return row | {
        "person_years": years,
        "rate": 1000 * row["n_events"] / years if years else None,
        "median_days": float(np.median(days)) if n else None,
    }


def _described(people: People, followed: Followed, adjusted_for: list[CovariateValues]) -> Iterator[CovariateValues]:
    """What Table 1 shows: age, sex, calendar year, time observed, then the covariates."""
    rows = IndexRows(followed.arms.person, followed.arms.day)
    names = {covariate.name for covariate in adjusted_for}
    if "age" not in names:
        yield CovariateValues("age", "Age at time zero (years)", age_at(people, rows))
    if "sex" not in names:
        yield characteristic(people, rows, "sex", "sex", "Sex")
    yield CovariateValues("year", "Calendar year of time zero", calendar_year(rows.day).astype(np.float64))
    at = span_at(people.observed, rows.person, rows.day)
    entry = people.observed.start[at] if len(at) else np.zeros(0, dtype=np.int32)
    yield CovariateValues("observed", "Observed before time zero (years)", years_between(entry, rows.day))
    yield from adjusted_for


def curve_rows(rows: AnalysisSet, protocol: FollowUpProtocol, conf_level: float) -> Iterator[Row]:
    """Numbers at risk and the crude risk at the ends of equal intervals, of each arm with persons."""
    assert rows.arm is not None
    last = protocol.design.follow_up.clock_days or (int(rows.stop.max()) if len(rows) else 0)
    for arm in ARMS:
        mine = rows.where(rows.arm == CODES[arm])
        if len(mine):
            yield from _curve(arm, mine, last, bool(protocol.design.outcome.competing), conf_level)


def _curve(arm: str, mine: AnalysisSet, last: int, competing: bool, conf_level: float) -> Iterator[Row]:
    times = interval_ends(last, int((mine.stop < last).sum()))
    (risks,) = risks_at(curve_of(mine, competing, conf_level), times)
    late = len(np.unique(mine.start)) > 1
    after, at_risk = 0 if late else int(mine.start[0]), len(mine)
    for position, (time, risk) in enumerate(zip(times, risks, strict=True), start=1):
        row = interval(mine, after, time, at_risk) | (_entries(mine, after, time) if late else {})
        after, at_risk = time, row["n_remaining"]
        limits = {"risk": risk.estimate, "conf_low": risk.conf_low, "conf_high": risk.conf_high}
        yield {"arm": arm, "position": position, "time_days": time} | row | limits


def _entries(mine: AnalysisSet, after: int, time: int) -> Row:
    """Delayed entry: who is to enter at the beginning of (after, time], enters in it, or later, and who is at risk."""
    awaited, to_enter = mine.start > after, mine.start > time
    return {
        "n_awaited": int(awaited.sum()),
        "n_entered": int((awaited & ~to_enter).sum()),
        "n_to_enter": int(to_enter.sum()),
        "n_at_risk_after": int(((mine.stop > time) & ~to_enter).sum()),
    }


def interval_ends(last: int, n_ended: int) -> list[int]:
    """Ends of up to twelve equal intervals up to day `last`, so few that about ten persons leave in each.

    The number divides twelve, so that every arm shares the times of those with fewer intervals.
    """
    number = next(n for n in (12, 6, 4, 3, 2, 1) if n == 1 or n_ended >= LEAVING * n)
    return sorted({-(-last * k // number) for k in range(1, number + 1)} - {0})


def interval(mine: AnalysisSet, after: int, time: int, at_risk: int) -> Row:
    """Who is at risk at the beginning of (after, time], has an event in it, leaves in it, and remains."""
    ends = (mine.stop > after) & (mine.stop <= time)
    left = int(ends.sum())
    return {
        "n_at_risk": at_risk,
        "n_events": int((mine.event[ends] == 1).sum()),
        "n_competing": int((mine.event[ends] > 1).sum()),
        "n_left": left,
        "n_remaining": at_risk - left,
    }
