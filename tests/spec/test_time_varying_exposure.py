"""Executable specification of use that begins after time zero: nobody is exposed before becoming a user."""

from typing import Any

import numpy as np
import pytest

from equipoise.analysis_set import AnalysisSet, Column
from equipoise.design.arms import Arms
from equipoise.design.follow_up import assemble_arms
from equipoise.design.time_varying import NEVER, at_first_risk, exposed_after, split
from equipoise.spec.windows import Window
from tests.spec.follow_up import ZERO, arms_of, design, drug, followed_of, person
from tests.spec.tables import day

VARYING: dict[str, Any] = {"timing": "time_varying", "estimator": {"kinds": ("cox",)}}
YEAR = Window(days_before=(0, 365))


def begins(days: list[int], k: int = 1, recording_from: str | None = None, **elements: Any) -> int | None:
    """The day after which the one person is exposed, dispensed the drug so many days after time zero."""
    who, given = person(), drug("drug", person(), days, k)
    arms: Arms = arms_of(who, given, **VARYING, **elements)
    begin = None if recording_from is None else day(recording_from)
    (after,) = exposed_after(who, arms, given, design(**VARYING, **elements), YEAR, begin)
    return None if after == NEVER else int(after)


@pytest.mark.parametrize(
    ("rule", "days", "k", "expected"),
    [
        ("exposed after the day use begins", [40], 1, 40),
        ("use at time zero counts from then on", [0], 1, 0),
        ("use in the window before counts from the beginning", [-100], 1, -100),
        ("use before the window does not count", [-400], 1, None),
        ("the first dispensing decides", [90, 40], 1, 40),
        ("or the one that makes a user", [40, 90, 120], 2, 90),
        ("two on one day are one", [40, 40, 90], 2, 90),
        ("one before time zero and one after it", [-100, 60], 2, 60),
        ("too few dispensings are no use", [40], 2, None),
        ("none is none", [], 1, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_exposure_begins(rule: str, days: list[int], k: int, expected: int | None) -> None:
    assert begins(days, k) == expected


def test_a_lag_delays_exposure() -> None:
    assert begins([40], lag_days=30) == 70


def test_use_before_drugs_were_recorded_cannot_be_seen() -> None:
    assert begins([-100, 50], recording_from="2010-05-01") == 50


def rows(*persons: tuple[int, int, int], start: int = 0) -> AnalysisSet:
    """One row a person from (last day, event, day after which exposed); age is a column."""
    stop, event, _ = (np.array(column) for column in zip(*persons, strict=True))
    n = len(persons)
    given = AnalysisSet(
        person=np.arange(n),
        event=event.astype(np.int8),
        start=np.full(n, start, dtype=np.int32),
        stop=stop.astype(np.int32),
        weight=np.ones(n),
        x=np.column_stack([np.zeros(n), 60.0 + np.arange(n)]),
        columns=(Column("use", "exposure"), Column("age", "covariate")),
        arm=np.zeros(n, dtype=np.int8),
    )
    return split(given, np.array([item[2] for item in persons], dtype=np.int32))


def shown(made: AnalysisSet) -> list[tuple[int, int, int, int, int, float]]:
    columns = (made.person, made.start, made.stop, made.event, made.arm, made.column("age"))
    assert (made.column("use") == made.arm).all()
    return [tuple(item) for item in np.column_stack(columns).tolist()]


def test_follow_up_is_split_where_exposure_begins() -> None:
    assert shown(rows((9, 1, 3))) == [(0, 0, 3, 0, 0, 60), (0, 3, 9, 1, 1, 60)]


def test_an_event_on_the_day_use_begins_is_without_exposure() -> None:
    assert shown(rows((9, 1, 9))) == [(0, 0, 9, 1, 0, 60)]
    assert shown(rows((9, 1, 8))) == [(0, 0, 8, 0, 0, 60), (0, 8, 9, 1, 1, 60)]


def test_users_from_the_beginning_and_never_users_have_one_row() -> None:
    assert shown(rows((9, 0, -50), (7, 1, NEVER), (5, 1, 0))) == [
        (0, 0, 9, 0, 1, 60),
        (1, 0, 7, 1, 0, 61),
        (2, 0, 5, 1, 1, 62),
    ]


def test_follow_up_that_starts_late_is_split_after_its_start() -> None:
    assert shown(rows((90, 1, 20), (90, 0, 40), start=30)) == [
        (0, 30, 90, 1, 1, 60),
        (1, 30, 40, 0, 0, 61),
        (1, 40, 90, 0, 1, 61),
    ]


def test_no_time_is_lost_or_counted_twice() -> None:
    random = np.random.default_rng(7)
    given = [(int(stop), int(event), int(after)) for stop, event, after in zip(
        random.integers(1, 60, 200), random.integers(0, 2, 200), random.integers(-20, 80, 200), strict=True
    )]  # fmt: skip
    made = rows(*given)
    assert (made.stop > made.start).all()
    assert np.bincount(made.person, made.stop - made.start).tolist() == [item[0] for item in given]
    assert np.bincount(made.person, made.event).tolist() == [item[1] for item in given]


def test_the_arm_at_time_zero_is_that_of_the_first_day_at_risk() -> None:
    for days, expected in (([-10], 1), ([0], 1), ([1], 0), ([], 0)):
        found = followed_of(person(), target=days, **VARYING)
        given = drug("drug", person(), days)
        after = exposed_after(person(), found.arms, given, design(**VARYING), YEAR, None)
        assert at_first_risk(found, after).arms.arm.tolist() == [expected], ZERO
        assert len(assemble_arms(found, Column("use", "exposure"), [])) == 1
