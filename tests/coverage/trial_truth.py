"""True risks of starting at once, or of starting nothing at once, after a diagnosis of ALS: lives lived both ways."""

import numpy as np

from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.anchor_frames import DAYS, between, dates
from equipoise.simulate.block import MONTH, YEAR
from equipoise.simulate.course import crossing, draw_plan
from equipoise.simulate.nation import Block, draw_block, draw_patients
from equipoise.simulate.psychiatry import DIAGNOSES
from equipoise.simulate.streams import day_number
from equipoise.simulate.true_values import Nation

LIVES, MONTHS = 20, 365
WITH_ALS = np.arange(len(DIAGNOSES) + 2) == len(DIAGNOSES)
STARTS = {"none": None, "another": "N06AX11", "suppressing": "N06AB04"}
FROM, ADULT, WASHOUT, DELAY = np.datetime64("2007-01-01"), 18, 365, 1


def true_risks(nation: Nation) -> dict[str, np.ndarray]:
    """For each strategy whether each person dies within a year, shape (persons, lives): the same chances in each."""
    parts = [_lives(nation, block) for block in range(len(nation.places()))]
    return {name: np.concatenate([part[name] for part in parts]) for name in STARTS}


def newly_diagnosed(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the block's patients who are followed, and their time zero, the day after the first recorded ALS."""
    found = dates(block.conditions, WITH_ALS)
    person, first = np.unique(found // DAYS, return_index=True)
    day = found[first] % DAYS
    taken = dates(block.dispensings, drugs.ANTIDEPRESSANT)
    zero = day + DELAY
    new = between(taken, person, zero - WASHOUT, zero) == 0
    age = (day - block.people.born[person].astype(np.int64)) / YEAR
    here = np.minimum(block.people.leaves, block.death)[person] >= zero
    kept = new & here & (age >= ADULT) & (day >= day_number(FROM.astype(object)))
    rows = np.searchsorted(block.disease.person, person[kept])
    return rows, zero[kept]


def _lives(nation: Nation, number: int) -> dict[str, np.ndarray]:
    spec, place = nation.spec, nation.places()[number]
    rows, zero = newly_diagnosed(draw_block(spec, place, nation.multiplier))
    people, _, disease, episodes = draw_patients(spec, place, nation.multiplier)
    plan = draw_plan(spec, place, people, disease, episodes)
    onset = disease.onset.astype(np.int64)[rows]
    month = ((zero - onset) // MONTH).astype(np.int64)
    effect = np.log(spec.effects.rem_suppression_on_death)

    def hazard(months: np.ndarray) -> np.ndarray:
        suppressed = (months != drugs.NONE) & drugs.SUPPRESSING[months]
        return plan.hazard[rows] * np.exp(effect * suppressed)

    natural = np.cumsum(hazard(plan.natural[rows]), axis=1)
    at = np.arange(len(rows))
    reached = natural[at, month] - (1 - (zero - onset) / MONTH + month) * hazard(plan.natural[rows])[at, month]
    found = {}
    for name, atc in STARTS.items():
        into = hazard(_months(plan, rows, month, atc))
        died = np.empty((len(rows), LIVES), bool)
        for life in range(LIVES):
            months = crossing(into, reached + plan.draws.exponential("failure", life + 1)[rows])
            rules = spec.course.ventilation
            ventilated = plan.draws.uniform("ventilated", life + 1)[rows] < rules.invasive_share
            extra = MONTH * rules.invasive_months * plan.draws.exponential("after ventilation", life + 1)[rows]
            death = np.minimum(np.floor(onset + MONTH * months + extra * ventilated), people.dies[disease.person[rows]])
            died[:, life] = death - zero <= MONTHS
        found[name] = died
    return found


def _months(plan: object, rows: np.ndarray, month: np.ndarray, atc: str | None) -> np.ndarray:
    """Drugs in hand where the strategy decides on the first month after time zero and nature on the others."""
    natural, turns = plan.natural[rows], plan.turns  # type: ignore[attr-defined]
    gives = drugs.NONE if atc is None else drugs.pick({atc: 1.0}, np.zeros(1))[0]
    decided = np.minimum(month + 1, natural.shape[1] - 2)
    begun = natural.copy()
    begun[np.arange(len(rows)), decided] = gives
    mine = drugs.Turns(turns.begins[rows], turns.stops[rows], turns.which[rows])
    return drugs.carried_on(mine, begun, decided + 1)
