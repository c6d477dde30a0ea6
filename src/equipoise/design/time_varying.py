"""Use that begins after time zero: a person's follow-up is split at the day on which exposure begins.

Whoever becomes a user on day d is exposed over (d + lag, stop], and not before: nobody is counted as exposed for time
that had to be survived to become a user. An event on the day use begins is an event without exposure.
"""

from dataclasses import replace

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.people import People, person_day_key
from equipoise.cohort.time import EARLIEST, LATEST, shifted
from equipoise.design.arms import Arms, Drug
from equipoise.design.follow_up import Followed
from equipoise.design.nested_case_control import observable_from
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window

NEVER = np.iinfo(np.int32).max


def exposed_after(
    people: People, arms: Arms, drug: Drug, design: FollowUpDesign, window: Window, recording_from: int | None
) -> np.ndarray:
    """The day after which each person is exposed, in days from time zero, NEVER without use: int32 (k,).

    It is the day of the dispensing that makes a user, and `lag_days` more: the first, or the `min_dispensings`-th
    distinct day with one, counted from the first day of the window that can be seen.
    """
    visible = observable_from(people, IndexRows(arms.person, arms.day), recording_from)
    begin = np.full(len(arms), EARLIEST) if window.first_day is None else shifted(arms.day, window.first_day)
    dispensed = drug.days
    key = person_day_key(dispensed.person, dispensed.days)
    at = np.searchsorted(key, person_day_key(arms.person, np.maximum(begin, visible))) + drug.min_dispensings - 1
    found = at < dispensed.offsets[arms.person + 1]
    day = np.full(len(arms), np.int64(LATEST))
    day[found] = dispensed.days[at[found]]
    after = day - arms.day + design.lag_days
    return np.where(found, np.minimum(after, NEVER), NEVER).astype(np.int32)


def at_first_risk(followed: Followed, after: np.ndarray) -> Followed:
    """Everybody in the arm of the first day at risk."""
    arm = (after <= followed.start).astype(np.int8)
    return replace(followed, arms=replace(followed.arms, arm=arm))


def split(rows: AnalysisSet, after: np.ndarray) -> AnalysisSet:
    """Rows of one person each, split at the day after which the person is exposed: (start, after] and (after, stop].

    rows    one row a person, n of them, whose first column is the exposure
    after   int32 (n,), days from time zero

    The event stands in the last row of a person; column and arm say whether the row is exposed.
    """
    n = len(rows)
    twice = (after > rows.start) & (after < rows.stop)
    at = np.repeat(np.arange(n), 1 + twice)
    second = np.zeros(len(at), dtype=bool)
    second[1:] = at[1:] == at[:-1]
    first_of_two = twice[at] & ~second
    exposed = second | (after <= rows.start)[at]
    x = np.array(rows.x, dtype=np.float64)[at]
    x[:, 0] = exposed
    assert rows.arm is not None
    return replace(
        rows,
        person=rows.person[at],
        event=np.where(first_of_two, 0, rows.event[at]).astype(np.int8),
        start=np.where(second, after[at], rows.start[at]).astype(np.int32),
        stop=np.where(first_of_two, after[at], rows.stop[at]).astype(np.int32),
        weight=rows.weight[at],
        x=x,
        arm=exposed.astype(np.int8),
    )
