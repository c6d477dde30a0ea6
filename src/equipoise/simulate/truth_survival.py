"""The patients of a block whose survival in two worlds an estimand of survival compares."""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.block import NEVER, STRATEGIES, YEAR, Course, Disease, People, Records
from equipoise.simulate.course_episodes import RILUZOLE
from equipoise.simulate.estimands import SurvivalEstimand, Users
from equipoise.simulate.streams import day_number

FIFTHS = {"age": (59.0, 65.5, 71.0, 76.5), "slope": (0.42, 0.72, 1.0, 1.32), "vulnerability": (-0.8, -0.2, 0.3, 0.9)}
"""Fixed bounds, near the fifths of the default nation, so that a stratum means the same in every block."""


@dataclass(frozen=True, slots=True)
class Patients:
    """target, reference: days from time zero to the outcome in each world (0 if before it); stratum: conditional on."""

    target: np.ndarray
    reference: np.ndarray
    stratum: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    @classmethod
    def concatenated(cls, parts: "list[Patients]") -> "Patients":
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def patients_of(
    people: People, disease: Disease, course: Course, dispensings: Records, estimand: SurvivalEstimand
) -> Patients:
    """The patients of one block. `dispensings` are those of the natural world, sorted by person and day."""
    riluzole = _first_riluzole(disease, dispensings)
    zero = disease.diagnosis.astype(np.int64) if estimand.time_zero == "diagnosis" else riluzole
    last = np.minimum(course.death[0], people.leaves[disease.person])
    chosen = course.diagnosed & (disease.kind == 0) & (zero >= disease.diagnosis) & (zero <= last)
    if estimand.registered:
        chosen &= course.registered
    if estimand.calendar:
        chosen &= (zero >= day_number(estimand.calendar[0])) & (zero <= day_number(estimand.calendar[1]))
    if estimand.users:
        chosen &= _uses(estimand.users, disease, dispensings, zero)
    ends = {name: _outcome(course, name, estimand) for name in (estimand.target, estimand.reference)}
    days = {name: np.maximum(end - zero, 0)[chosen].astype(float) for name, end in ends.items()}
    return Patients(days[estimand.target], days[estimand.reference], _strata(people, disease, estimand)[chosen])


def _outcome(course: Course, world: str, estimand: SurvivalEstimand) -> np.ndarray:
    row = STRATEGIES.index(world)
    death = course.death[row].astype(np.int64)
    return death if estimand.outcome == "death" else np.minimum(death, course.ventilation[row])


def _first_riluzole(disease: Disease, dispensings: Records) -> np.ndarray:
    """Day of the first dispensing of riluzole, shape (patients,); far in the future where there is none."""
    mine = np.flatnonzero(dispensings.what == RILUZOLE)
    first = np.full(len(disease), int(NEVER))
    row = np.searchsorted(disease.person, dispensings.person[mine])
    np.minimum.at(first, row, dispensings.day[mine])
    return first


def _uses(users: Users, disease: Disease, dispensings: Records, zero: np.ndarray) -> np.ndarray:
    """Whether each patient is a user of the kind asked for, in the look-back up to time zero."""
    counts = {
        kind: _dates(disease, dispensings, flags, zero, users.days) >= users.dispensings
        for kind, flags in (
            ("any", drugs.ANTIDEPRESSANT),
            ("suppressing", drugs.SUPPRESSING),
            ("non_suppressing", drugs.NON_SUPPRESSING),
        )
    }
    if users.drugs == "any":
        return counts["any"]
    other = "non_suppressing" if users.drugs == "suppressing" else "suppressing"
    return counts[users.drugs] & ~counts[other] if users.exclude_both else counts[users.drugs]


def _dates(disease: Disease, dispensings: Records, flags: np.ndarray, zero: np.ndarray, days: int) -> np.ndarray:
    """Distinct dates of dispensing of the flagged drugs in the `days` days up to time zero: shape (patients,)."""
    row = np.searchsorted(disease.person, dispensings.person)
    row = np.minimum(row, max(len(disease) - 1, 0))
    mine = flags[dispensings.what] & (disease.person[row] == dispensings.person)
    row, day = row[mine], dispensings.day[mine].astype(np.int64)
    inside = (day <= zero[row]) & (day > zero[row] - days)
    row, day = row[inside], day[inside]
    new = np.append(True, (row[1:] != row[:-1]) | (day[1:] != day[:-1]))[: len(row)]
    return np.bincount(row[new], minlength=len(disease))


def _strata(people: People, disease: Disease, estimand: SurvivalEstimand) -> np.ndarray:
    values = {
        "age": (disease.diagnosis - people.born[disease.person].astype(np.int64)) / YEAR,
        "slope": disease.slope,
        "vulnerability": people.vulnerability[disease.person],
    }
    codes = {name: np.searchsorted(FIFTHS[name], value) for name, value in values.items()}
    codes |= {"sex": people.female[disease.person].astype(int), "onset_site": disease.bulbar.astype(int)}
    stratum = np.zeros(len(disease), np.int64)
    for name in estimand.conditional_on:
        stratum = stratum * 5 + codes[name]
    return stratum
