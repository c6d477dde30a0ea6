"""The true value of a comparison of given patients: their lives, lived on from time zero under either treatment.

Patients are those whom a study follows, from the day on which it begins to follow them. Up to that day everybody's life
is the natural one. From the month after it, a patient has in hand the drugs of the arm that is asked for, in place of
those of the other arm, and treatment goes on from there as it naturally would. Every patient is lived many times, with
chances of failure that are drawn anew but are the same under both treatments. Nothing of it is ever written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import log

import numpy as np

from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.block import MONTH, NEVER
from equipoise.simulate.course import Plan, crossing, draw_course, draw_plan
from equipoise.simulate.drawn_nation import BLOCK_PERSONS
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation import draw_patients
from equipoise.simulate.true_values import Nation
from equipoise.simulate.truth import pooled_hazard_ratio

LIVES = 20
NO_DRUGS = np.zeros(len(FORMULARY), bool)


@dataclass(frozen=True, slots=True)
class Treatments:
    """What two arms take. target, reference: booleans (formulary,); a reference without drugs is no use of the target.

    nobody_stops     drugs of the arm are in hand throughout (a study that censors at the end of use)
    nobody_switches  the drugs of the other arm are never begun (a study that censors switches)
    """

    target: np.ndarray
    reference: np.ndarray
    nobody_stops: bool = False
    nobody_switches: bool = False


@dataclass(frozen=True, slots=True)
class Followed:
    """Who is followed: identifiers ascending (k,), day of time zero (k,), the last day that counts, the outcome.

    zero_counts  a drug first dispensed on time zero is use, as where first use is time zero; else it comes after it
    """

    person_id: np.ndarray
    day: np.ndarray
    horizon_days: int
    with_ventilation: bool = False
    zero_counts: bool = False


@dataclass(frozen=True, slots=True)
class LogRatio:
    """A true log hazard ratio, with the Monte Carlo error of its lives; or in words why there is none."""

    value: float | None
    error: float | None = None
    why_not: str = ""


class Truth:
    """The patients of one or more nations, whose blocks are drawn when somebody in them is first asked for."""

    def __init__(self, nations: Sequence[Nation]):
        self._nations = tuple(nations)
        self._blocks: dict[tuple[int, int], _Patients] = {}

    def log_hazard_ratio(self, followed: Followed, treatments: Treatments) -> LogRatio:
        """The marginal log hazard ratio, target against reference, over the patients' follow-up."""
        if why_not := _undefined(treatments):
            return LogRatio(None, why_not=why_not)
        parts = list(self._patients(followed.person_id))
        known = sum(len(rows) for _, rows, _ in parts)
        if known < len(followed.person_id):
            return LogRatio(None, why_not="some of its persons have no motor neuron disease that the truth knows of")
        lives = [part.lives(rows, _part(followed, at), treatments) for part, rows, at in parts]
        if said := [life for life in lives if isinstance(life, str)]:
            return LogRatio(None, why_not=said[0])
        target, reference = (np.concatenate([life[arm] for life in lives]) for arm in (0, 1))
        return _log_ratio(target, reference, float(followed.horizon_days))

    def _patients(self, person_id: np.ndarray):
        """Blocks with the rows of their patients, and where these stand among the persons asked for."""
        places = [self._place(int(person)) for person in person_id]
        asked = [(place, at) for at, place in enumerate(places) if place is not None]
        for place, members in groupby(asked, key=lambda item: item[0]):
            at = np.array([position for _, position in members])
            block = self._block(place)
            row = np.searchsorted(block.person_id, person_id[at])
            row = np.minimum(row, len(block.person_id) - 1)
            here = block.person_id[row] == person_id[at] if len(block.person_id) else np.zeros(len(at), bool)
            yield block, row[here], at[here]

    def _place(self, person: int) -> tuple[int, int] | None:
        for i, nation in enumerate(self._nations):
            if nation.first_person <= person < nation.first_person + nation.persons:
                return i, (person - nation.first_person) // BLOCK_PERSONS
        return None

    def _block(self, place: tuple[int, int]) -> "_Patients":
        if place not in self._blocks:
            self._blocks[place] = _Patients.of(self._nations[place[0]], place[1])
        return self._blocks[place]


def _part(followed: Followed, at: np.ndarray) -> Followed:
    return replace(followed, person_id=followed.person_id[at], day=followed.day[at])


def _undefined(treatments: Treatments) -> str:
    """Why patients of one arm cannot be given the drugs of the other."""
    for arm, name in ((treatments.target, "target"), (treatments.reference, "reference")):
        if treatments.nobody_stops and arm.any() and not of_one_kind(arm):
            return f"lasting use of the drugs of the {name} arm: which of them to give is not said"
    return ""


def of_one_kind(arm: np.ndarray) -> bool:
    """Whether one antidepressant can stand for all drugs of an arm: all suppress REM sleep, or none does."""
    return bool(arm.any() and drugs.ANTIDEPRESSANT[arm].all() and len(set(drugs.SUPPRESSING[arm])) == 1)


def _log_ratio(target: np.ndarray, reference: np.ndarray, horizon: float) -> LogRatio:
    """Of lives in both worlds, shape (patients, lives); the error is that of a jackknife over lives."""
    if (target == reference).all():
        return LogRatio(0.0, 0.0)
    if not (target <= horizon).any() or not (reference <= horizon).any():
        return LogRatio(None, why_not="no outcome within follow-up in the lives that the truth can live")

    def ratio(kept: np.ndarray) -> float:
        one, other = target[:, kept].ravel(), reference[:, kept].ravel()
        return log(pooled_hazard_ratio(one, other, np.zeros(len(one), np.int64), horizon))

    every = np.arange(LIVES)
    left_out = np.array([ratio(every[every % 5 != group]) for group in range(5)])
    error = np.sqrt(4 / 5 * np.square(left_out - left_out.mean()).sum())
    return LogRatio(ratio(every), float(error))


@dataclass(frozen=True, slots=True)
class _Patients:
    """Patients with a diagnosis in one block of a nation, sorted by identifier, and what decides on their lives."""

    nation: Nation
    plan: Plan
    person_id: np.ndarray
    onset: np.ndarray
    diagnosis: np.ndarray
    dies: np.ndarray
    ventilated: np.ndarray  # first day of invasive ventilation in the natural course
    suppression: float  # log hazard ratio of REM suppression

    @classmethod
    def of(cls, nation: Nation, block: int) -> "_Patients":
        spec, place = nation.spec, nation.places()[block]
        people, _, disease, episodes = draw_patients(spec, place, nation.multiplier)
        plan = draw_plan(spec, place, people, disease, episodes)
        course = draw_course(spec, place, people, disease, episodes)
        return cls(
            nation,
            plan,
            place.first_person + disease.person.astype(np.int64),
            disease.onset.astype(np.int64),
            np.where(course.diagnosed, disease.diagnosis, NEVER).astype(np.int64),
            people.dies[disease.person].astype(np.int64),
            course.ventilation[0].astype(np.int64),
            float(np.log(spec.effects.rem_suppression_on_death)),
        )

    def lives(self, rows: np.ndarray, followed: Followed, treatments: Treatments) -> tuple[np.ndarray, ...] | str:
        """Days from time zero to the outcome in the target's and in the reference's world, (k, lives) each.

        In words, why there are no such lives.
        """
        if (followed.day < self.diagnosis[rows]).any():
            return "time zero lies before the diagnosis of some of its persons"
        later = np.zeros(len(rows), bool)
        if not (followed.zero_counts or treatments.nobody_switches):
            later = self._begun_on(rows, followed.day)
        if self._needs_a_choice(rows[~later], followed.day[~later], treatments):
            return "an arm holds drugs that suppress REM sleep and others: which to give to the other arm is not said"
        worlds = [self._months(rows, followed.day, treatments, arm, later) for arm in (True, False)]
        made = [np.empty((len(rows), LIVES)), np.empty((len(rows), LIVES))]
        natural = self._total(rows, self.plan.natural[rows])
        at_zero = _reached(natural, (followed.day - self.onset[rows]) / MONTH)
        for into, months in zip(made, worlds, strict=True):
            hazard = self._hazard(rows, months)
            for life in range(LIVES):
                into[:, life] = self._ends(rows, followed, hazard, at_zero, life + 1)
        return tuple(made)

    def _needs_a_choice(self, rows: np.ndarray, day: np.ndarray, treatments: Treatments) -> bool:
        """Whether somebody has a drug in hand that has to be exchanged for one of several kinds."""
        natural = self.plan.natural[rows]
        before = np.minimum(((day - self.onset[rows]) // MONTH).astype(np.int64), natural.shape[1] - 1)
        taken = natural[np.arange(len(rows)), np.maximum(before, 0)]
        for arm, other in ((treatments.target, treatments.reference), (treatments.reference, treatments.target)):
            exchanged = (taken != drugs.NONE) & other[taken] & ~arm[taken]
            several = len(set(drugs.SUPPRESSING[arm & drugs.ANTIDEPRESSANT])) > 1
            if several and exchanged.any():
                return True
        return False

    def _begun_on(self, rows: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whether a treatment begins on the very day, bool (k,). A month's treatment begins on its first day, that of
        the month of the diagnosis on the diagnosis."""
        at, natural = np.arange(len(rows)), self.plan.natural[rows]
        month = np.minimum(((day - self.onset[rows]) // MONTH).astype(np.int64), natural.shape[1] - 1)
        before = np.where(month > 0, natural[at, np.maximum(month - 1, 0)], drugs.NONE)
        start = np.maximum(self.onset[rows] + np.floor(MONTH * month), self.diagnosis[rows])
        return (natural[at, month] != drugs.NONE) & (before == drugs.NONE) & (start == day)

    def _months(
        self, rows: np.ndarray, day: np.ndarray, treatments: Treatments, in_target: bool, later: np.ndarray
    ) -> np.ndarray:
        """The drug in hand in each month of one world: int16 (k, months).

        Where `later`, bool (k,), what is in hand in the month of time zero began after it, as it would in any world.
        """
        natural = self.plan.natural[rows]
        parts = np.minimum(((day - self.onset[rows]) // MONTH).astype(np.int64) + 1, natural.shape[1])
        either = treatments.target | treatments.reference
        arm, other = (
            (treatments.target, treatments.reference) if in_target else (treatments.reference, treatments.target)
        )
        own = np.flatnonzero(arm & drugs.ANTIDEPRESSANT)
        gives = np.int16(own[0]) if len(own) else drugs.NONE

        def exchanged(taken: np.ndarray) -> np.ndarray:
            moved = (taken != drugs.NONE) & either[taken] & ~arm[taken]
            return np.where(moved, gives, taken).astype(np.int16)

        begun = natural.copy()
        before = np.maximum(parts - 1, 0)
        in_hand = natural[np.arange(len(rows)), before]
        begun[np.arange(len(rows)), before] = np.where(later, in_hand, exchanged(in_hand))
        if treatments.nobody_stops and len(own):
            begun[np.arange(len(rows)), before] = gives
        turns = self._turns(rows, treatments, other if treatments.nobody_switches else NO_DRUGS, bool(len(own)))
        months = drugs.carried_on(turns, begun, parts)
        months[np.arange(len(rows)), before] = natural[np.arange(len(rows)), before]
        return months

    def _turns(self, rows: np.ndarray, treatments: Treatments, barred: np.ndarray, has_drugs: bool) -> drugs.Turns:
        turns = self.plan.turns
        which = turns.which[rows]
        stops = turns.stops[rows] & ~(treatments.nobody_stops and has_drugs)
        return drugs.Turns(turns.begins[rows] & ~barred[which], stops, which)

    def _hazard(self, rows: np.ndarray, months: np.ndarray) -> np.ndarray:
        suppressed = (months != drugs.NONE) & drugs.SUPPRESSING[months]
        return self.plan.hazard[rows] * np.exp(self.suppression * suppressed)

    def _total(self, rows: np.ndarray, months: np.ndarray) -> np.ndarray:
        return np.cumsum(self._hazard(rows, months), axis=1)

    def _ends(
        self, rows: np.ndarray, followed: Followed, hazard: np.ndarray, at_zero: np.ndarray, life: int
    ) -> np.ndarray:
        """Days from time zero to the outcome of one life: at least 1, since everybody is followed from then on."""
        rules, draws = self.nation.spec.course.ventilation, self.plan.draws
        failed = self.ventilated[rows] <= followed.day
        failure = self.onset[rows] + MONTH * crossing(hazard, at_zero + draws.exponential("failure", life)[rows])
        ventilated = draws.uniform("ventilated", life)[rows] < rules.invasive_share
        extra = MONTH * rules.invasive_months * draws.exponential("after ventilation", life)[rows]
        death = np.where(failed, followed.day + extra, failure + extra * ventilated)
        death = np.minimum(np.floor(death), self.dies[rows])
        if followed.with_ventilation:
            death = np.where(ventilated & ~failed, np.minimum(np.floor(failure), death), death)
        return np.maximum(death - followed.day, 1.0)


def _reached(total: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Cumulative hazard after so many months (k,), which need not be whole."""
    last = total.shape[1] - 1
    month = np.clip(np.floor(months).astype(np.int64), 0, last)
    rows = np.arange(len(total))
    before = np.where(month > 0, total[rows, np.maximum(month - 1, 0)], 0.0)
    return before + np.minimum(months - month, 1.0) * (total[rows, month] - before)
