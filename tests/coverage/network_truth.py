"""True values of a comparison of users in a network of hospitals: their lives from time zero, lived on both ways.

The users are those whom the network's records show; up to time zero they have lived as they did, and from that day on
all of them take one kind of antidepressant, or all the other. Where nobody stops and nobody is without the drug at time
zero, as in the nations of the simulation study, that is what a comparison of the two kinds of users estimates.
`compute_truth` lets the worlds part when the drug begins, a few weeks before time zero: users who would have died in
these weeks on the other kind make its contrasts a little larger. And the arms that a study compares are those who lived
through these weeks on their own kind, the frailer more often on the one that saves lives: `survivors_shift`.
"""

from collections.abc import Sequence

import numpy as np

from equipoise.simulate.anchor_frames import DAYS, between, dates
from equipoise.simulate.antidepressants import NON_SUPPRESSING, NONE, SUPPRESSING
from equipoise.simulate.block import MONTH, YEAR
from equipoise.simulate.course import Plan, crossing, draw_plan
from equipoise.simulate.course_episodes import RILUZOLE
from equipoise.simulate.estimands import SurvivalEstimand
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation import ALS, draw_block, draw_patients
from equipoise.simulate.network import network_view
from equipoise.simulate.psychiatry import DIAGNOSES
from equipoise.simulate.true_values import Nation
from equipoise.simulate.truth import GROUPS, TrueValue, true_survival
from equipoise.simulate.truth_survival import Patients

LIVES, LOOK_BACK, ADULT = 20, 1095, 18
ON_RILUZOLE = np.arange(len(FORMULARY)) == RILUZOLE
WITH_ALS = np.arange(len(DIAGNOSES) + 2) == ALS


def true_contrasts(nation: Nation, estimands: Sequence[SurvivalEstimand]) -> list[TrueValue]:
    """The contrasts of suppressing against other antidepressants that `estimands` name, with errors over persons."""
    target, reference, _, _ = _everybody(nation)
    whole = len(target) - len(target) % GROUPS
    # Lives of a person stand a multiple of GROUPS apart, so that the jackknife leaves out persons.
    both = [days[:whole].T.ravel() for days in (target, reference)]
    patients = Patients(*both, np.zeros(len(both[0]), np.int64))
    return [true_survival([patients], estimand) for estimand in estimands]


def survivors_shift(nation: Nation, horizon: int = 730) -> dict[str, float]:
    """By how much the two differences of a comparison of survivors miss those of everybody who is there at time zero.

    A user of one kind stands for those of the other, too, as often as the hazard since the drug began lets live on that
    kind who lives on this one.
    """
    target, reference, suppressing, begun = _everybody(nation)
    saved = (1.0 - nation.spec.effects.rem_suppression_on_death) * begun
    weights = np.where(suppressing, 1.0, np.exp(saved)), np.where(suppressing, np.exp(-saved), 1.0)
    outcomes = {
        "risk_difference": (target <= horizon, reference <= horizon),
        "rmst_difference": (np.minimum(target, horizon), np.minimum(reference, horizon)),
    }
    return {
        name: float(
            np.average(one.mean(axis=1), weights=weights[0])
            - np.average(other.mean(axis=1), weights=weights[1])
            - (one.mean() - other.mean())
        )
        for name, (one, other) in outcomes.items()
    }


def _everybody(nation: Nation) -> tuple[np.ndarray, ...]:
    """The columns of `_lives` of all blocks."""
    parts = [_lives(nation, block) for block in range(len(nation.places()))]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def users(nation: Nation, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Persons (rows) with one kind of antidepressant recorded before time zero, when riluzole and ALS are both there.

    Beside them that day, and whether the kind suppresses REM sleep.
    """
    drawn = draw_block(nation.spec, nation.places()[block], nation.multiplier)
    view = network_view(nation.spec, drawn)
    person, drug = _first(dates(view.dispensings, ON_RILUZOLE))
    ill, code = _first(dates(view.conditions, WITH_ALS))
    person, at_drug, at_code = np.intersect1d(person, ill, return_indices=True)
    zero = np.maximum(drug[at_drug], code[at_code])
    one, other = (
        between(dates(view.dispensings, kind), person, zero - LOOK_BACK, zero) > 0
        for kind in (SUPPRESSING, NON_SUPPRESSING)
    )
    last = np.minimum(view.end, view.death)[person]
    adult = (zero - drawn.people.born[person].astype(np.int64)) / YEAR >= ADULT
    kept = (one ^ other) & (last > zero) & adult
    return person[kept], zero[kept], one[kept]


def _first(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Persons with such a date, ascending, and the first of them."""
    person, first = np.unique(found // DAYS, return_index=True)
    return person, found[first] % DAYS


def _lives(nation: Nation, block: int) -> tuple[np.ndarray, ...]:
    """Days from time zero to death on a suppressing drug and on another, (users, lives) each.

    Then whether the user's own drug suppresses, and the hazard without it from the drug's first month to time zero.
    """
    spec, place = nation.spec, nation.places()[block]
    person, zero, suppressing = users(nation, block)
    people, _, disease, episodes = draw_patients(spec, place, nation.multiplier)
    plan = draw_plan(spec, place, people, disease, episodes)
    rows = np.searchsorted(disease.person, person)
    onset, dies = disease.onset[rows].astype(np.int64), people.dies[person].astype(np.int64)
    rules, effect = spec.course.ventilation, spec.effects.rem_suppression_on_death
    found = np.empty((2, len(rows), LIVES))
    for into, times in zip(found, (effect, 1.0), strict=True):
        hazard = plan.hazard[rows] * times
        reached = _reached(hazard, (zero - onset) / MONTH)
        for life in range(LIVES):
            failure = onset + MONTH * crossing(hazard, reached + _exponential(plan, "failure", rows, life))
            ventilated = plan.draws.uniform("ventilated", life + 1)[rows] < rules.invasive_share
            extra = MONTH * rules.invasive_months * _exponential(plan, "after ventilation", rows, life)
            into[:, life] = np.maximum(np.minimum(np.floor(failure + extra * ventilated), dies) - zero, 1)
    months, hazard = (zero - onset) / MONTH, plan.hazard[rows]
    first = np.argmax(plan.natural[rows] != NONE, axis=1).astype(float)
    return *found, suppressing, _reached(hazard, months) - _reached(hazard, first)


def _exponential(plan: Plan, purpose: str, rows: np.ndarray, life: int) -> np.ndarray:
    return plan.draws.exponential(purpose, life + 1)[rows]


def _reached(hazard: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Cumulative hazard after so many months."""
    month = np.minimum(np.floor(months).astype(np.int64), hazard.shape[1] - 1)
    at = np.arange(len(hazard))
    return np.cumsum(hazard, axis=1)[at, month] - (month + 1 - months) * hazard[at, month]
