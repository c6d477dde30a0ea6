"""With reverse causation and vulnerability to ALS switched off, use of drugs before the diagnosis says nothing."""

import numpy as np
import pytest

from equipoise.simulate.block import YEAR, Place
from equipoise.simulate.disease import ALS
from equipoise.simulate.formulary import CLASS_OF, STUDIED
from equipoise.simulate.nation import Block, draw_block
from equipoise.simulate.nation_spec import parse_nation
from tests.simulate.made_people import day

PERSONS, BLOCKS, ENRICHED = 20_000, 24, 60.0
Z = 4.0  # standard errors; one test in 16,000 would fail by chance


def index_days(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Index day of each person, -1 for those in no set, and who is a case.

    Controls of a case are the two nearest in age among those of the same sex who are no patients, alive, under
    observation and in no other set.
    """
    people, disease = block.people, block.disease
    index, is_case = np.full(PERSONS, -1), np.zeros(PERSONS, bool)
    chosen = (disease.kind == ALS) & block.course.diagnosed
    chosen &= (disease.diagnosis >= day("2015-01-01")) & (disease.diagnosis < day("2023-07-01"))
    cases, days = disease.person[chosen], disease.diagnosis[chosen]
    index[cases], is_case[cases] = days, True
    free = np.ones(PERSONS, bool)
    free[disease.person] = False
    end = np.minimum(people.leaves, block.death)
    for case, on in zip(cases, days, strict=True):
        fits = np.flatnonzero(free & (people.female == people.female[case]) & (people.start <= on) & (end >= on))
        nearest = fits[np.argsort(np.abs(people.born[fits] - people.born[case]), kind="stable")[:2]]
        index[nearest], free[nearest] = on, False
    return index, is_case


def used(block: Block, index: np.ndarray, position: int) -> tuple[np.ndarray, np.ndarray]:
    """Who has used the class before the index day at all, and who on two dates more than a year before."""
    records = block.dispensings
    rows = CLASS_OF[records.what] == position
    person, on = records.person[rows], records.day[rows]
    ever = np.bincount(person[on < index[person]], minlength=PERSONS) > 0
    return ever, np.bincount(person[on < index[person] - YEAR], minlength=PERSONS) >= 2


@pytest.mark.slow
def test_without_a_path_cases_and_controls_have_used_the_same() -> None:
    spec = parse_nation({"switches": {"prodrome": False, "vulnerability_to_als": False}})
    counts = np.zeros((len(STUDIED), 2, 2))  # class, control or case, never or beyond a year
    for number in range(BLOCKS):
        block = draw_block(spec, Place(21, number, number * PERSONS, PERSONS), ENRICHED)
        index, is_case = index_days(block)
        for position in range(len(STUDIED)):
            ever, early = used(block, index, position)
            for case in (0, 1):
                group = (index >= 0) & (is_case == bool(case))
                counts[position, case] += [(group & ~ever).sum(), (group & early).sum()]
    log_odds_ratio = np.log(counts[:, 1, 1] * counts[:, 0, 0] / counts[:, 1, 0] / counts[:, 0, 1])
    error = (1 / counts).sum(axis=(1, 2)) ** 0.5
    assert (error < 0.05).all()
    assert (np.abs(log_odds_ratio) < Z * error).all()
