"""What one source of data holds of a block: the registers all of it, others a part."""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.block import NEVER, Records
from equipoise.simulate.nation import Block
from equipoise.simulate.problems import nobody_listed


@dataclass(frozen=True, slots=True)
class View:
    """The persons of a block as a source of data records them. Arrays have a place for every person of the block.

    persons             rows of the persons the source knows, ascending
    start, end          first and last day of observation; end before start for persons it does not know
    gap_start, gap_end  a time inside that it does not observe, or NEVER
    death               recorded day of death, or NEVER
    conditions, dispensings, visits, procedures   what it records, as in `Block` and `Course`
    problems            entries of problem lists, as `problems.PROBLEMS` counts them; the registers keep none
    sited               rows of `Disease` whose site of onset is noted on the day of the diagnosis, outside the register
    civil               whether it knows education, income, marriages, relatives and the quality register
    """

    block: Block
    persons: np.ndarray
    start: np.ndarray
    end: np.ndarray
    gap_start: np.ndarray
    gap_end: np.ndarray
    death: np.ndarray
    conditions: Records
    dispensings: Records
    visits: Records
    procedures: Records
    problems: Records
    sited: np.ndarray
    civil: bool

    def sees(self, person: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whether each person (row) is observed on a day."""
        away = (day >= self.gap_start[person]) & (day <= self.gap_end[person])
        return (day >= self.start[person]) & (day <= self.end[person]) & ~away


def register_view(block: Block) -> View:
    """Everything the nation's registers hold."""
    people, course = block.people, block.course
    return View(
        block,
        persons=np.arange(len(people)),
        start=people.start,
        end=np.minimum(people.leaves, block.death),
        gap_start=people.gap_start,
        gap_end=people.gap_end,
        death=np.where(block.death <= people.leaves, block.death, NEVER),
        conditions=block.conditions,
        dispensings=block.dispensings,
        visits=course.visits,
        procedures=course.procedures,
        problems=nobody_listed(),
        sited=np.zeros(0, np.intp),
        civil=True,
    )
