"""Treatment after the diagnosis as episodes: antidepressants of the natural course, riluzole, other drugs."""

import numpy as np
from scipy.special import expit, logit, ndtri

from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.block import MONTH, NEVER, Disease, Episodes
from equipoise.simulate.course_draws import Draws
from equipoise.simulate.formulary import FORMULARY, members
from equipoise.simulate.illness import Illness
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.spec_course import CourseSection, Distress

AFTER_DIAGNOSIS = 2
RILUZOLE = next(i for i, drug in enumerate(FORMULARY) if drug.atc == "N07XX02")
OTHERS = (members("N05B"), members("N05C"))
PACK_DAYS = np.array([drug.pack_days for drug in FORMULARY])

Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # row, drug, start, stop


def draw_course_episodes(
    spec: NationSpec,
    disease: Disease,
    age: np.ndarray,
    illness: Illness,
    natural: np.ndarray,
    diagnosed: np.ndarray,
    last: np.ndarray,
    draws: Draws,
) -> Episodes:
    """Episodes of diagnosed patients from the diagnosis to `last`, sorted by person and start; `age` at onset."""
    parts = [
        _antidepressants(disease, illness, natural),
        _riluzole(spec.course, disease, age, illness, draws),
        *(_others(spec.course.distress, disease, illness, group, draws) for group in range(len(OTHERS))),
    ]
    row, drug, start, stop = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = diagnosed[row] & (start <= last[row])
    row, drug, start, stop = row[kept], drug[kept], start[kept], stop[kept]
    order = np.lexsort((drug, start, row))
    row, drug, start, stop = row[order], drug[order], start[order], stop[order]
    count = np.maximum(np.rint((stop - start + 1) / PACK_DAYS[drug]), 1)
    return Episodes(
        disease.person[row],
        drug.astype(np.int16),
        start.astype(np.int32),
        stop.astype(np.int32),
        count.astype(np.int32),
        np.full(len(row), AFTER_DIAGNOSIS, np.int8),
    )


def merge(background: Episodes, disease: Disease, cut: np.ndarray, course: Episodes) -> Episodes:
    """All episodes of the natural course: background antidepressants end the day before `cut`, the course takes over.

    `cut` has one day for each row of `disease`, NEVER where nothing is cut.
    """
    last = max(background.person.max(initial=-1), disease.person.max(initial=-1))
    day = np.full(int(last) + 1, int(NEVER))
    day[disease.person] = cut
    limit = np.where(drugs.ANTIDEPRESSANT[background.drug], day[background.person], int(NEVER))
    kept = background.start < limit
    whole = background.stop.astype(np.int64) - background.start + 1
    stop = np.minimum(background.stop, limit - 1)
    left = (stop - background.start + 1) / np.maximum(whole, 1)
    count = np.maximum(np.ceil(background.dispensings * left), 1)
    columns = [
        (background.person, course.person, np.int32),
        (background.drug, course.drug, np.int16),
        (background.start, course.start, np.int32),
        (stop, course.stop, np.int32),
        (count, course.dispensings, np.int32),
        (background.reason, course.reason, np.int8),
    ]
    person, drug, start, stop, count, reason = (
        np.concatenate([first[kept].astype(kind), second.astype(kind)]) for first, second, kind in columns
    )
    order = np.lexsort((drug, start, person))
    return Episodes(person[order], drug[order], start[order], stop[order], count[order], reason[order])


def _antidepressants(disease: Disease, illness: Illness, natural: np.ndarray) -> Part:
    """Runs of months on one drug, from the diagnosis on."""
    known = np.where(illness.since_diagnosis() >= 0, natural, drugs.NONE)
    edge = np.full((len(disease), 1), drugs.NONE)
    changes = np.diff(np.hstack([edge, known, edge]), axis=1) != 0
    row, month = np.nonzero(changes)
    begins = np.flatnonzero(np.append(row[:-1] == row[1:], False))
    first, after = month[begins], month[begins + 1]
    row = row[begins]
    drug = known[row, np.minimum(first, illness.months - 1)]
    on = drug != drugs.NONE
    return row[on], drug[on], *_days(disease, row[on], first[on], after[on])


def _riluzole(spec: CourseSection, disease: Disease, age: np.ndarray, illness: Illness, draws: Draws) -> Part:
    rules = spec.care
    odds = logit(rules.riluzole_share) + rules.riluzole_age * (age - 65.0)
    odds = odds + rules.riluzole_slope * (disease.slope - spec.death.mean_slope)
    takes = (draws.uniform("riluzole") < expit(odds)) & (disease.kind == 0)
    delay = rules.riluzole_delay * np.exp(ndtri(draws.uniform("riluzole day")))
    months = draws.exponential("riluzole stop") / max(rules.riluzole_stopping, 1e-9)
    row = np.flatnonzero(takes & (illness.diagnosis < illness.months))
    start = disease.diagnosis[row] + np.floor(np.minimum(delay[row], 1_000.0)).astype(np.int64)
    stop = start + np.maximum(np.minimum(months[row], illness.months) * MONTH, PACK_DAYS[RILUZOLE]).astype(np.int64)
    return row, np.full(len(row), RILUZOLE), start, stop


def _others(rules: Distress, disease: Disease, illness: Illness, group: int, draws: Draws) -> Part:
    """Short treatments with an anxiolytic (group 0) or a hypnotic (group 1) begun in months after the diagnosis."""
    u = draws.months("other begin", 2 * illness.months)[:, group :: len(OTHERS)]
    row, month = np.nonzero((illness.since_diagnosis() >= 0) & (u < rules.other_rate))
    kind, length = draws.uniform("other kind", group), draws.exponential("other length", group)
    members = OTHERS[group]
    drug = members[np.minimum((kind[row] * len(members)).astype(np.int64), len(members) - 1)]
    start, _ = _days(disease, row, month, month + 1)
    packs = 1 + np.floor(length[row] * (rules.other_dispensings - 1))
    return row, drug, start, start + (packs * PACK_DAYS[drug]).astype(np.int64) - 1


def _days(disease: Disease, row: np.ndarray, first: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of months `first` to `after` - 1 after onset, none before the diagnosis."""
    onset = disease.onset[row].astype(np.int64)
    start = np.maximum(onset + np.floor(MONTH * first), disease.diagnosis[row]).astype(np.int64)
    return start, np.maximum(onset + np.floor(MONTH * after) - 1, start).astype(np.int64)
