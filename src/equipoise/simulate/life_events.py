"""Rows of the observation table: education, income, marriages, the quality register, the site of onset."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from equipoise.simulate.block import NEVER, YEAR
from equipoise.simulate.cdm_rows import cdm_rows, coded_text
from equipoise.simulate.cdm_vocabulary import (
    DIVORCED,
    EDUCATION,
    FIRST_SYMPTOM,
    INCOME,
    MARRIED,
    OBSERVATIONS,
    ONSET_SITE,
    REGISTERED,
    REGISTRY,
    WIDOWED,
    observation_id,
)
from equipoise.simulate.nation import Block
from equipoise.simulate.views import View

EDUCATED_AT, EARNING_AT = 25, 30  # ages at which education and income are recorded; on the first day of those older
Days = tuple[np.ndarray, np.ndarray, np.ndarray]  # person, day, position in OBSERVATIONS


def life_events(view: View, ids: Callable[[View, int], np.ndarray]) -> pa.Table:
    """Rows of a view, sorted by person and day; `ids` gives identifiers to a number of rows."""
    block = view.block
    person, day, what = (np.concatenate(column) for column in zip(*_known(view), strict=True))
    seen = view.sees(person, day)
    person, day, what = person[seen], day[seen], what[seen]
    order = np.lexsort((what, day, person))
    person, day, what = person[order], day[order], what[order]
    values = {
        "observation_id": ids(view, len(order)),
        "person_id": person.astype(np.int64) + block.place.first_person,
        "observation_concept_id": np.array([observation_id(i) for i in range(len(OBSERVATIONS))])[what],
        "observation_date": day.astype(np.int32),
        "observation_type_concept_id": REGISTRY,
        "observation_source_value": coded_text(what, list(OBSERVATIONS)),
        "observation_source_concept_id": 0,
    }
    return cdm_rows("observation", len(order), values)


def _known(view: View) -> list[Days]:
    block = view.block
    if not view.civil:
        return [onset_sites(block, view.sited)]
    return [
        attained(block, block.people.education, EDUCATION, EDUCATED_AT),
        attained(block, block.people.income, INCOME, EARNING_AT),
        *_partnerships(block),
        *quality_register(block),
    ]


def attained(block: Block, level: np.ndarray, first: int, age: int) -> Days:
    """A level recorded once, at an age or on the first day of observation."""
    people = block.people
    day = np.maximum(people.start, people.born + int(age * YEAR))
    return np.arange(len(people)), day, first + level.astype(np.int64)


def _partnerships(block: Block) -> list[Days]:
    """Marriage on its day, or on the first day of observation of those married before; divorce; loss of the spouse."""
    couples, people, found = block.partnerships, block.people, []
    ended = couples.end < NEVER
    for person, spouse in ((couples.one, couples.other), (couples.other, couples.one)):
        married = np.maximum(couples.start, people.start[person])
        kept = married < couples.end
        found.append((person[kept], married[kept], np.full(kept.sum(), MARRIED)))
        lives_on = ended & (couples.end < block.death[person])
        widowed = couples.end == block.death[spouse]
        for what, happens in ((WIDOWED, lives_on & widowed), (DIVORCED, lives_on & ~widowed)):
            found.append((person[happens], couples.end[happens], np.full(happens.sum(), what)))
    return found


def quality_register(block: Block) -> list[Days]:
    """Inclusion in the quality register, and the site of onset, on the day of the diagnosis; the first symptom."""
    row = np.flatnonzero(block.course.registered)
    person, day = block.disease.person[row], block.disease.diagnosis[row]
    onset = (person, block.disease.onset[row], np.full(len(row), FIRST_SYMPTOM))
    return [(person, day, np.full(len(row), REGISTERED)), onset_sites(block, row), onset]


def onset_sites(block: Block, row: np.ndarray) -> Days:
    """The site of onset of rows of the disease, on the day of the diagnosis."""
    site = ONSET_SITE + block.disease.bulbar[row].astype(np.int64)
    return block.disease.person[row], block.disease.diagnosis[row], site
