"""Antidepressants from the first symptom on: what a patient takes in each month of the natural course.

Before the diagnosis these are the background and prodromal episodes; from it on, distress and severity decide who
begins, which drug, and who stops. Nothing here depends on when the patient dies, so that the same months stand in
every world and death only cuts them off.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from equipoise.simulate.block import MONTH, Disease, Episodes
from equipoise.simulate.course_draws import Draws
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.illness import Illness
from equipoise.simulate.spec_course import CourseSection

NONE = np.int16(-1)
ANTIDEPRESSANT = np.array([drug.atc.startswith("N06A") for drug in FORMULARY])
SUPPRESSING = np.array([drug.atc.startswith("N06A") and drug.rem_suppressing is True for drug in FORMULARY])
NON_SUPPRESSING = np.array([drug.atc.startswith("N06A") and drug.rem_suppressing is False for drug in FORMULARY])

# Shares of the drugs begun after the diagnosis, by what calls for them.
FOR_WEIGHT = {"N06AX11": 0.85, "N06AX12": 0.05, "N06AX03": 0.06, "N06AX22": 0.04}
FOR_DISTRESS = {"N06AB04": 0.25, "N06AB06": 0.35, "N06AB10": 0.25, "N06AX16": 0.10, "N06AX21": 0.05}
FOR_SALIVA = {"N06AA09": 1.0}


@dataclass(frozen=True, slots=True)
class Person:
    """What of a patient decides on drugs, shape (n,): slope beyond its mean, vulnerability (0 where switched off)."""

    steepness: np.ndarray
    vulnerability: np.ndarray


@dataclass(frozen=True, slots=True)
class Turns:
    """What decides on treatment in each month from the diagnosis on, whoever is on what: shape (n, months).

    begins, stops   whether somebody without an antidepressant begins one, whether somebody with one stops it
    which           position in the formulary of the drug that would be begun
    """

    begins: np.ndarray
    stops: np.ndarray
    which: np.ndarray


def carried_on(turns: Turns, months: np.ndarray, since: np.ndarray) -> np.ndarray:
    """`months` (n, months) of drugs in hand, from month `since` (n,) on replaced by what the turns make of them."""
    made, current = months.copy(), np.full(len(months), NONE)
    for month in range(months.shape[1]):
        on = current != NONE
        after = np.where(on & turns.stops[:, month], NONE, current)
        after = np.where(~on & turns.begins[:, month], turns.which[:, month], after)
        current = np.where(since <= month, after, months[:, month]).astype(np.int16)
        made[:, month] = current
    return made


def taken(
    spec: CourseSection,
    disease: Disease,
    illness: Illness,
    episodes: Episodes,
    person: Person,
    draws: Draws,
    severity_decides: bool = True,
) -> tuple[Turns, np.ndarray]:
    """What decides month by month, and the drug taken: its position in the formulary, or `NONE`, int16 (n, months).

    `severity_decides` false is the switch of the arrows from distress and severity: everybody begins, chooses and
    stops as a patient of mean slope and full function does.
    """
    months = _before(disease, illness, episodes)
    lost = illness.lost / 10.0 if severity_decides else np.zeros_like(illness.lost)
    begins, stops = _chances(spec, illness, lost, person, severity_decides)
    which = _choice(spec, illness, person, draws, severity_decides)
    begin, stop = draws.months("begin", illness.months), draws.months("stop", illness.months)
    turns = Turns(begin < begins, stop < stops, which)
    return turns, carried_on(turns, months, illness.diagnosis)


def _before(disease: Disease, illness: Illness, episodes: Episodes) -> np.ndarray:
    """What background and prodromal episodes put in hand in the middle of each month; the later begun wins."""
    months = np.full(illness.lost.shape, NONE)
    row = np.searchsorted(disease.person, episodes.person)
    row = np.minimum(row, max(len(disease) - 1, 0))
    ill = ANTIDEPRESSANT[episodes.drug] & (disease.person[row] == episodes.person) if len(disease) else []
    for at in np.flatnonzero(ill):
        onset = int(disease.onset[row[at]])
        first = max(int(np.ceil((int(episodes.start[at]) - onset) / MONTH - 0.5)), 0)
        last = int(np.floor((int(episodes.stop[at]) - onset) / MONTH - 0.5))
        months[row[at], first : max(last + 1, 0)] = episodes.drug[at]  # nothing of what ended before onset
    return months


def _chances(
    spec: CourseSection, illness: Illness, lost: np.ndarray, person: Person, severity_decides: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Chances to begin and to stop in each month: shape (n, months)."""
    rules = spec.distress
    steep = rules.slope * person.steepness * severity_decides
    odds = logit(rules.rate) + steep + rules.vulnerability * person.vulnerability
    since = illness.since_diagnosis()
    news = np.where((since >= 0) & (since < 6), rules.first_months, 1.0)
    begins = np.minimum(expit(odds[:, None] + rules.lost_function * lost) * news, 1.0)
    return begins, expit(logit(rules.stopping) + rules.stopping_lost_function * lost)


def _choice(spec: CourseSection, illness: Illness, person: Person, draws: Draws, severity_decides: bool) -> np.ndarray:
    """The drug a patient would begin in each month: shape (n, months)."""
    rules = spec.choice
    need = rules.weight_loss * illness.weight_loss + rules.slope * person.steepness[:, None]
    saliva = expit(rules.amitriptyline + rules.sialorrhoea * illness.sialorrhoea * severity_decides)
    other = expit(rules.non_suppressing + need * severity_decides)
    u = draws.months("which", illness.months)
    drug = pick(FOR_WEIGHT, u / other)
    rest = (u - other) / (1.0 - other)
    drug = np.where(u < other, drug, pick(FOR_SALIVA, rest / saliva))
    return np.where((u < other) | (rest < saliva), drug, pick(FOR_DISTRESS, (rest - saliva) / (1.0 - saliva))).astype(
        np.int16
    )


def pick(shares: dict[str, float], u: np.ndarray) -> np.ndarray:
    """Positions in the formulary drawn by `shares` from uniform numbers; numbers outside (0, 1) give any of them."""
    positions = np.array([next(i for i, drug in enumerate(FORMULARY) if drug.atc == atc) for atc in shares], np.int16)
    bounds = np.cumsum(list(shares.values()))[:-1]
    return positions[np.searchsorted(bounds, u)]
