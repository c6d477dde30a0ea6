"""The graded score of the drugs that persons used where use makes the arm: a dose beside the two arms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.cohort.between import count_between
from equipoise.cohort.people import People
from equipoise.design.arms import Arms, Drug, days_of_use
from equipoise.kernels.spans import DAY_MIN
from equipoise.spec.follow_up import FollowUpDesign
from equipoise.spec.windows import Window

SCORE = "score"


@dataclass(frozen=True, slots=True)
class GradedDrug:
    """Drugs of one score with their dispensings."""

    drug: Drug
    score: float


def scores_of(
    people: People,
    arms: Arms,
    drugs: Sequence[GradedDrug],
    design: FollowUpDesign,
    window: Window | None,
    recording_from: int | None,
) -> np.ndarray:
    """The score of every person: float64 (k,), 0 without a drug of the scale.

    Use counts in the window before time zero, or on entry (ongoing use), or on the day of first use. Each drug counts
    once, however often it was dispensed; `design.score.combine` says how several become one number.
    """
    assert design.score is not None
    used = np.zeros((len(drugs), len(arms)), dtype=bool)
    for row, graded in enumerate(drugs):
        used[row] = _uses(people, arms, graded.drug, design, window, recording_from)
    points = used * np.array([graded.score for graded in drugs], dtype=np.float64)[:, None]
    if design.score.combine == "highest":
        return points.max(axis=0, initial=0.0)
    total = points.sum(axis=0)
    return total if design.score.combine == "sum" else total / np.maximum(used.sum(axis=0), 1)


def _uses(
    people: People, arms: Arms, drug: Drug, design: FollowUpDesign, window: Window | None, recording_from: int | None
) -> np.ndarray:
    if design.use == "ongoing":
        return drug.supplied_until(arms.person, arms.day, design.censoring) != DAY_MIN
    if window is None:
        return count_between(drug.days, arms.person, arms.day, arms.day) > 0
    return count_between(drug.days, arms.person, *days_of_use(people, arms, design, window, recording_from)) > 0
