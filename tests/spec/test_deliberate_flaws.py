"""Deliberate flaws, tiny tables in and tiny tables out: who is called a user, and when covariates are read."""

import numpy as np
import pytest

from equipoise.cohort.covariates import IndexRows
from equipoise.design.arms import Contrast
from equipoise.design.deliberate_flaws import ever_users, late_rows
from tests.spec.follow_up import WINDOW, design, drug, person, population


def arm(target: tuple[int, ...], other: tuple[int, ...] | None = None, **elements) -> int | None:
    """Flawed arm of a person with drugs on these days from time zero; None where the person is left out."""
    who = person()
    second = None if other is None else drug("other", who, other)
    named = {"comparator": "other"} if second is not None else {}
    chosen = design(follow_up={"days": 730}, **elements, **named)
    found = ever_users(who, population(), Contrast(drug("drug", who, target), second), chosen, WINDOW, None, "x")
    return int(found.arm[0]) if len(found) else None


@pytest.mark.parametrize(("day", "expected"), [(-366, 0), (-365, 1), (0, 1), (5, 1), (730, 1), (731, 0)])
def test_use_after_time_zero_makes_a_user_from_time_zero_on(day: int, expected: int):
    assert arm((day,)) == expected


def test_of_two_drugs_ever_used_one_alone_makes_an_arm():
    assert arm((5,), ()) == 1
    assert arm((), (5,)) == 0
    assert arm((5,), (9,)) is None
    assert arm((), ()) is None


def test_the_washout_is_that_of_the_sound_design():
    assert arm((-400, 5), new_users={"washout_days": 100}) is None
    assert arm((5,), new_users={"washout_days": 100}) == 1


def test_covariates_are_read_a_year_late():
    rows = late_rows(IndexRows(np.array([3]), np.array([1000], dtype=np.int32)))
    assert (rows.person.tolist(), rows.day.tolist()) == ([3], [1365])
