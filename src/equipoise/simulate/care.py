"""What care records of a patient: visits with ALSFRS-R and vital capacity, procedures, the quality register."""

import numpy as np
from scipy.special import expit, logit

from equipoise.simulate.block import MONTH, NEVER, YEAR, Disease, Records
from equipoise.simulate.course_draws import Draws
from equipoise.simulate.function_items import ITEMS, items_of
from equipoise.simulate.illness import FULL, NO_MONTH, Illness
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_course import Care, CourseSection

PROCEDURES = ("non-invasive ventilation", "gastrostomy", "tracheostomy with invasive ventilation")
MEASUREMENTS = (*ITEMS, "ALSFRS-R total", "vital capacity, % of predicted")


def registered(spec: NationSpec, disease: Disease, death: np.ndarray, draws: Draws) -> np.ndarray:
    """Whether the quality register would take each patient: true ALS, diagnosed since it began, by chance and survival.

    `registry_survival` moves the log odds by the doublings of survival after the diagnosis beyond 1.5 years, a median.
    """
    rules = spec.course.care
    year = 1970 + disease.diagnosis / YEAR
    doublings = np.log2(np.maximum(death - disease.diagnosis.astype(np.int64), 1) / YEAR / 1.5)
    selection = rules.registry_survival * doublings * spec.switches.registry_selection
    chance = expit(logit(rules.registry_inclusion) + selection)
    return (disease.kind == 0) & (year >= rules.registry_from) & (draws.uniform("registry") < chance)


def draw_procedures(
    disease: Disease, illness: Illness, diagnosed: np.ndarray, ventilation: np.ndarray, last: np.ndarray
) -> Records:
    """First day of ventilation and gastrostomy of diagnosed patients, up to `last`."""
    days = np.stack(
        [day_in_month(disease, illness.niv), day_in_month(disease, illness.gastrostomy), ventilation.astype(np.int64)]
    )
    happens = diagnosed & (days <= last) & (days >= disease.diagnosis)
    what, row = np.nonzero(happens)
    return sorted_records(disease.person[row], days[what, row], what, np.ones(len(row)))


def draw_visits(spec: CourseSection, disease: Disease, illness: Illness, last: np.ndarray, draws: Draws) -> Records:
    """Visits from the diagnosis to `last` or dropout: twelve items, their total and vital capacity at each."""
    rules = spec.care
    most = int(np.max(np.append(last - disease.diagnosis.astype(np.int64), 0)) // rules.visit_days) + 1
    parts = []
    comes = np.ones(len(disease), bool)
    for visit in range(most):
        due = disease.diagnosis + visit * rules.visit_days + rules.visit_spread * draws.normal("visit day", visit)
        day = np.floor(np.maximum(due, disease.diagnosis)).astype(np.int64)
        month = np.clip((day - disease.onset) / MONTH, 0, illness.months - 1).astype(np.int64)
        lost = illness.lost[np.arange(len(disease)), month]
        comes &= draws.uniform("dropout", visit) >= _dropout(rules, lost) * (visit > 0)
        seen = np.flatnonzero(comes & (day <= last))
        parts.append(_measured(rules, disease, illness, seen, day, month, draws, visit))
    return sorted_records(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _dropout(rules: Care, lost: np.ndarray) -> np.ndarray:
    return expit(logit(np.clip(rules.dropout, 1e-9, 1 - 1e-9)) + rules.dropout_lost_function * lost / 10.0)


def _measured(
    rules: Care,
    disease: Disease,
    illness: Illness,
    seen: np.ndarray,
    day: np.ndarray,
    month: np.ndarray,
    draws: Draws,
    visit: int,
) -> tuple[np.ndarray, ...]:
    """Person, day, what and amount of everything measured at one visit of the patients `seen`."""
    true = FULL - illness.lost[seen, month[seen]]
    error = rules.score_error * draws.normal("visit score", visit)[seen]
    total = np.clip(np.rint(true + error), 0, FULL).astype(np.int64)
    first = np.stack([draws.uniform("loss", part)[seen] for part in range(4)], axis=1)
    items = items_of(total, first, disease.bulbar[seen])
    breath = illness.capacity[seen, month[seen]] + 4.0 * draws.normal("capacity score", visit)[seen]
    values = np.column_stack([items, total, np.clip(np.rint(breath), 5, 140)])
    width = values.shape[1]
    return (
        np.repeat(disease.person[seen], width),
        np.repeat(day[seen], width),
        np.tile(np.arange(width), len(seen)),
        values.ravel(),
    )


def day_in_month(disease: Disease, month: np.ndarray) -> np.ndarray:
    """The middle of a month after onset, not before the diagnosis; NEVER where the month never comes."""
    day = np.floor(disease.onset + MONTH * (month.astype(float) + 0.5)).astype(np.int64)
    return np.where(month == NO_MONTH, NEVER, np.maximum(day, disease.diagnosis))


def sorted_records(person: np.ndarray, day: np.ndarray, what: np.ndarray, amount: np.ndarray) -> Records:
    order = np.lexsort((what, day, person))
    return Records(
        person[order].astype(np.int32),
        day[order].astype(np.int32),
        what[order].astype(np.int16),
        amount[order].astype(np.float32),
    )
