"""The course of the disease in every world: from the first symptom to ventilation and death.

For each patient the hazard of respiratory failure in each month follows from function, slope, age, site, vital
capacity, ventilation, vulnerability and, in months with a REM-suppressing antidepressant, the effect that the spec
states. Failure comes when the cumulative hazard passes one unit-exponential number of that patient, the same in every
world.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.block import MONTH, NEVER, STRATEGIES, YEAR, Course, Disease, Episodes, People, Place
from equipoise.simulate.breathing import draw_breathing
from equipoise.simulate.care import draw_procedures, draw_visits, registered
from equipoise.simulate.course_draws import Draws
from equipoise.simulate.course_episodes import draw_course_episodes
from equipoise.simulate.illness import Illness, draw_illness
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_course import CourseSection

ALS = 0
USUAL_LOSS = 11.0  # points of ALSFRS-R, at which `baseline` holds: about the mean at diagnosis


@dataclass(frozen=True, slots=True)
class Plan:
    """What the course of n patients follows from in every world.

    natural   drug in hand in each month of the natural course, as `antidepressants.taken` gives it
    hazard    of respiratory failure a month without REM suppression, shape (n, months)
    """

    draws: Draws
    illness: Illness
    turns: drugs.Turns
    natural: np.ndarray
    hazard: np.ndarray


def draw_plan(spec: NationSpec, place: Place, people: People, disease: Disease, episodes: Episodes) -> Plan:
    """The plan of every row of `disease`; `episodes` as in `draw_course`."""
    draws = Draws(place.seed, place.first_person + disease.person.astype(np.int64))
    illness = draw_illness(spec.course, disease, draws)
    person, severity = _person(spec, people, disease), spec.switches.distress_to_prescribing
    turns, natural = drugs.taken(spec.course, disease, illness, episodes, person, draws, severity)
    return Plan(draws, illness, turns, natural, _hazard(spec, people, disease, illness))


def draw_course(spec: NationSpec, place: Place, people: People, disease: Disease, episodes: Episodes) -> Course:
    """The course of every row of `disease`. `episodes` are the background and prodromal ones, sorted by person."""
    plan = draw_plan(spec, place, people, disease, episodes)
    draws, illness, natural, hazard = plan.draws, plan.illness, plan.natural, plan.hazard
    effect = np.log(spec.effects.rem_suppression_on_death)
    worlds = [
        _ends(spec.course, people, disease, hazard * np.exp(effect * suppressed), draws)
        for suppressed in _suppressed(natural, illness)
    ]
    death, ventilation = (np.stack(part) for part in zip(*worlds, strict=True))
    last = np.minimum(death[0], people.leaves[disease.person])
    diagnosed = (disease.diagnosis <= last) & (disease.diagnosis >= people.start[disease.person])
    in_register = diagnosed & registered(spec, disease, death[0], draws)
    return Course(
        death=death,
        ventilation=ventilation,
        diagnosed=diagnosed,
        registered=in_register,
        cut=np.where(diagnosed, disease.diagnosis, NEVER).astype(np.int32),
        episodes=draw_course_episodes(spec, disease, _age(people, disease), illness, natural, diagnosed, last, draws),
        visits=draw_visits(spec.course, disease, illness, np.where(in_register, last, -NEVER), draws),
        procedures=draw_procedures(disease, illness, diagnosed, ventilation[0], last),
        breathing=draw_breathing(spec.problems.breathing, disease, illness, diagnosed, last, draws),
    )


def _person(spec: NationSpec, people: People, disease: Disease) -> drugs.Person:
    vulnerability = people.vulnerability[disease.person] * spec.switches.vulnerability_to_prescribing
    return drugs.Person(disease.slope - spec.course.death.mean_slope, vulnerability)


def _age(people: People, disease: Disease) -> np.ndarray:
    """Age at onset, years."""
    return np.asarray((disease.onset.astype(np.int64) - people.born[disease.person]) / YEAR)


def _hazard(spec: NationSpec, people: People, disease: Disease, illness: Illness) -> np.ndarray:
    """Hazard of respiratory failure a month without antidepressants: shape (n, months)."""
    rules = spec.course.death
    age = _age(people, disease)
    frailty = rules.vulnerability * spec.switches.vulnerability_to_mortality * people.vulnerability[disease.person]
    fixed = rules.baseline + rules.slope * (disease.slope - rules.mean_slope) + rules.age * (age - 65.0)
    fixed = fixed + rules.bulbar * disease.bulbar + frailty
    ventilated = np.arange(illness.months) >= illness.niv[:, None]
    capacity = rules.lost_capacity * (100.0 - illness.capacity) / 10.0 * ~ventilated
    support = rules.niv * (ventilated & ~disease.bulbar[:, None])
    function = rules.lost_function * np.log2((1.0 + illness.lost) / (1.0 + USUAL_LOSS))
    log_hazard = fixed[:, None] + function + capacity + support
    return np.exp(np.minimum(log_hazard, 1.0))


def _suppressed(natural: np.ndarray, illness: Illness) -> list[np.ndarray]:
    """Whether REM sleep is suppressed in each month, in the order of `STRATEGIES`."""
    taken = natural != drugs.NONE
    now = taken & drugs.SUPPRESSING[natural]
    known = illness.since_diagnosis() >= 0
    worlds = {
        "natural": now,
        "never_antidepressant": now & ~known,
        "suppressing_at_diagnosis": now | known,
        "non_suppressing_at_diagnosis": now & ~known,
        "every_antidepressant_suppressing": taken,
        "every_antidepressant_non_suppressing": np.zeros_like(now),
    }
    return [worlds[name] for name in STRATEGIES]


def _ends(
    spec: CourseSection, people: People, disease: Disease, hazard: np.ndarray, draws: Draws
) -> tuple[np.ndarray, np.ndarray]:
    """Days of death and of invasive ventilation in one world."""
    rules = spec.ventilation
    failure = disease.onset + MONTH * crossing(hazard, draws.exponential("failure"))
    ventilated = draws.uniform("ventilated") < rules.invasive_share
    extra = MONTH * rules.invasive_months * draws.exponential("after ventilation") * ventilated
    death = np.minimum(np.floor(failure + extra), people.dies[disease.person])
    invasive = np.where(ventilated & (np.floor(failure) < death), np.floor(failure), NEVER)
    return death.astype(np.int32), invasive.astype(np.int32)


def crossing(hazard: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Months after which the cumulative hazard reaches each threshold; infinite where it never does."""
    total = np.cumsum(hazard, axis=1)
    month = (total < threshold[:, None]).sum(axis=1)
    beyond = month == hazard.shape[1]
    at = np.minimum(month, hazard.shape[1] - 1)
    rows = np.arange(len(hazard))
    before = total[rows, at] - hazard[rows, at]
    return np.where(beyond, np.inf, at + (threshold - before) / hazard[rows, at])
