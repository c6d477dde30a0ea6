"""Executable specification of the graded score: which drugs count, once each, and how several become one number."""

from math import inf

import numpy as np
import pytest

from equipoise.design.graded_use import GradedDrug, scores_of
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window
from tests.spec.follow_up import WINDOW, arms_of, design, drug, person

SCALE = {"scored": [{"concept_set": "weak", "score": 1}, {"concept_set": "strong", "score": 3}]}


def score(weak: tuple[int, ...], strong: tuple[int, ...], combine: str = "highest", **elements) -> float:
    """The score of a person in the target arm with these drugs, dispensed so many days after time zero."""
    who = person()
    window = elements.pop("window", WINDOW)
    graded = [GradedDrug(drug("weak", who, weak), 1.0), GradedDrug(drug("strong", who, strong), 3.0)]
    chosen: FollowUpDesign = design(score=SCALE | {"combine": combine}, **elements)
    target = drug("drug", who, [0, -10] if chosen.use == "ongoing" else [-10])
    arms = arms_of(who, target, window=window, **elements)
    used = window if chosen.window is not None else None
    (found,) = scores_of(who, arms, graded, chosen, used, None)
    return float(found)


@pytest.mark.parametrize(
    ("weak", "strong", "highest", "total", "mean"),
    [
        ((), (), 0, 0, 0),
        ((-10,), (), 1, 1, 1),
        ((), (-10,), 3, 3, 3),
        ((-10,), (-20,), 3, 4, 2),
        ((-10, -40, -70), (-20,), 3, 4, 2),  # each drug counts once
        ((-366,), (0,), 0, 0, 0),  # outside the window of a year before time zero
    ],
)
def test_several_drugs_become_one_number(weak, strong, highest: float, total: float, mean: float):
    assert score(weak, strong) == highest
    assert score(weak, strong, "sum") == total
    assert score(weak, strong, "mean") == mean


def test_days_of_the_lag_do_not_count():
    assert score((-120,), (-30,), lag_days=90) == 1


def test_a_window_without_a_beginning_counts_all_that_can_be_seen():
    assert score((-3000,), (), window=Window(days_before=(0, inf))) == 1


def test_with_ongoing_use_the_drugs_in_use_on_entry_count():
    rule = {"use": "ongoing", "censoring": {"supply_days": 30, "grace_days": 0}}
    assert score((-29,), (-30,), **rule) == 1


def test_with_first_use_the_drugs_of_that_day_count():
    who = person()
    target, other = drug("drug", who, [40]), drug("other", who, [])
    chosen = design(score=SCALE | {"combine": "sum"}, time_zero="first_use", comparator="other")
    arms = arms_of(who, target, other, time_zero="first_use")
    graded = [GradedDrug(drug("weak", who, [40, 41]), 1.0), GradedDrug(drug("strong", who, [39]), 3.0)]
    np.testing.assert_array_equal(scores_of(who, arms, graded, chosen, None, None), [1.0])


def test_categories_are_the_scores_themselves_or_begin_where_they_are_told_to():
    assert design(score=SCALE).score.cut_points == (1.0, 3.0)
    assert design(score=SCALE | {"combine": "sum"}).score.cut_points == ()
    assert design(score=SCALE | {"combine": "sum", "categories_from": [1, 4]}).score.cut_points == (1.0, 4.0)
