"""One block of the nation from its people to what its registers hold."""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.kernels.philox import uniforms
from equipoise.simulate.block import NEVER, Course, Disease, Episodes, Partnerships, People, Place, Records
from equipoise.simulate.course import draw_course
from equipoise.simulate.course_episodes import merge as after_diagnosis
from equipoise.simulate.disease import draw_disease
from equipoise.simulate.dispensing import dispense
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.population import draw_people
from equipoise.simulate.prescribing import draw_episodes, in_order, merge
from equipoise.simulate.prodromal_diagnoses import draw_prodromal_diagnoses
from equipoise.simulate.prodrome import draw_prodrome
from equipoise.simulate.psychiatry import DIAGNOSES, draw_psychiatry
from equipoise.simulate.streams import day_number

RECORDING = 0x4E42_0000  # stream of the random numbers that decide whether a visit's diagnosis is recorded
ALS, OTHER_MND = len(DIAGNOSES), len(DIAGNOSES) + 1
"""`Records.what` of conditions goes on behind `DIAGNOSES`."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block, complete. `death` (persons,) is the day of death from any cause in the natural course.

    conditions   every recorded diagnosis: `what` indexes `DIAGNOSES`, then `ALS` and `OTHER_MND`
    dispensings  every recorded dispensing: `what` indexes the formulary, `amount` is packs
    """

    place: Place
    people: People
    partnerships: Partnerships
    disease: Disease
    course: Course
    death: np.ndarray
    conditions: Records
    dispensings: Records


def draw_block(spec: NationSpec, place: Place, multiplier: float = 1.0) -> Block:
    """Draw everything that happens in one block. The same place, spec and multiplier give the same block.

    >>> block = draw_block(NationSpec(), Place(seed=1, block=0, first_person=1, persons=1000))
    >>> len(block.people)
    1000
    """
    people, partnerships, disease, episodes = draw_patients(spec, place, multiplier)
    course = draw_course(spec, place, people, disease, episodes)
    death = people.dies.copy()
    death[disease.person] = np.minimum(death[disease.person], course.death[0])
    diagnoses = [
        draw_psychiatry(spec, place, people),
        draw_prodromal_diagnoses(spec, place, people, disease),
        _disease_diagnoses(spec, place, people, disease, course, death),
    ]
    return Block(
        place,
        people,
        _registered(partnerships, people, death, day_number(spec.population.register_to)),
        disease,
        course,
        death,
        _observed(people, death, diagnoses),
        dispense(spec, place, people, after_diagnosis(episodes, disease, course.cut, course.episodes), death),
    )


def draw_patients(
    spec: NationSpec, place: Place, multiplier: float = 1.0
) -> tuple[People, Partnerships, Disease, Episodes]:
    """The people of one block, who of them falls ill, and every treatment episode that begins before a diagnosis."""
    people, partnerships = draw_people(spec, place, multiplier)
    background = draw_episodes(spec, place, people)
    disease = draw_disease(spec, place, people, background, multiplier)
    people = _patients_stay(people, disease)
    return people, partnerships, disease, in_order(merge([background, draw_prodrome(spec, place, people, disease)]))


def under_observation(people: People, death: np.ndarray, person: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Whether the registers observe each person (row) on a day."""
    end = np.minimum(people.leaves, death)
    abroad = (day >= people.gap_start[person]) & (day <= people.gap_end[person])
    return (day >= people.start[person]) & (day <= end[person]) & ~abroad


def _patients_stay(people: People, disease: Disease) -> People:
    """Nobody is abroad after the first symptom: such a stay does not take place."""
    away = people.gap_end[disease.person] >= disease.onset
    stayed = disease.person[away]
    gap_start, gap_end = people.gap_start.copy(), people.gap_end.copy()
    gap_start[stayed] = gap_end[stayed] = NEVER
    return replace(people, gap_start=gap_start, gap_end=gap_end)


def _registered(partnerships: Partnerships, people: People, death: np.ndarray, to: int) -> Partnerships:
    """Marriages that both partners are seen in; they end with the death of either, if that is before `to`."""
    one, other = partnerships.one, partnerships.other
    end = np.minimum(np.minimum(partnerships.end, death[one]), death[other])
    end = np.where(end <= to, end, NEVER).astype(np.int32)
    last = np.minimum(people.leaves, death)
    seen_from = np.maximum(np.maximum(people.start[one], people.start[other]), partnerships.start)
    kept = seen_from < np.minimum(np.minimum(last[one], last[other]), end)
    return Partnerships(one[kept], other[kept], partnerships.start[kept], end[kept])


def _disease_diagnoses(
    spec: NationSpec, place: Place, people: People, disease: Disease, course: Course, death: np.ndarray
) -> Records:
    """Visits of diagnosed patients at which the disease is recorded, the first on the day of the diagnosis."""
    rules = spec.observation
    rows = np.flatnonzero(course.diagnosed)
    person, diagnosis = disease.person[rows], disease.diagnosis[rows].astype(np.int64)
    last = np.minimum(people.leaves, death)[person]
    count = np.maximum((last - diagnosis) // rules.visit_days + 1, 0)
    visit = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row = np.repeat(np.arange(len(rows)), count)
    chance = uniforms(place.seed, RECORDING, place.first_person + person[row].astype(np.int64), visit)
    kept = (chance < rules.sensitivity) | (not spec.switches.incomplete_diagnoses)
    row, day = row[kept], (diagnosis[row] + visit * rules.visit_days)[kept]
    what = np.where(disease.kind[rows] == 0, ALS, OTHER_MND)[row].astype(np.int16)
    return Records(person[row].astype(np.int32), day.astype(np.int32), what, np.ones(len(row), np.float32))


def _observed(people: People, death: np.ndarray, parts: list[Records]) -> Records:
    """Several sets of records as one, sorted, without those that no register sees."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Records.__slots__}
    order = np.lexsort((columns["what"], columns["day"], columns["person"]))
    order = order[under_observation(people, death, columns["person"][order], columns["day"][order])]
    return Records(**{name: column[order] for name, column in columns.items()})
