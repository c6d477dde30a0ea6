"""Dispensings: what the register of prescribed drugs holds about the treatment episodes."""

from typing import Protocol

import numpy as np

from equipoise.kernels.dispensing import dispensed
from equipoise.simulate.block import Episodes, People, Place, Records
from equipoise.simulate.spec_prescribing import PrescribingSection
from equipoise.simulate.streams import day_number


class Spec(Protocol):
    """What of the nation's specification dispensings depend on."""

    @property
    def prescribing(self) -> PrescribingSection: ...


def dispense(spec: Spec, place: Place, people: People, episodes: Episodes, last_day: np.ndarray) -> Records:
    """Dispensings of `episodes` while recorded: `what` is the drug's position in the formulary, `amount` packs.

    `last_day` (persons,) is the last day on which anything can be recorded, death from any cause included. Nothing is
    recorded before `recorded_from`, before observation starts, after it ends, or in a gap. Sorted by person, day, drug.
    """
    refills = spec.prescribing.refills
    first = np.maximum(people.start, day_number(spec.prescribing.recorded_from))
    last = np.minimum(np.minimum(people.leaves, people.dies), last_day)
    rows = dispensed(
        np.uint64(place.seed),
        place.first_person,
        (episodes.person, episodes.start, episodes.stop, episodes.drug, episodes.dispensings),
        (first, last, people.gap_start, people.gap_end),
        (refills.spread, refills.missed, refills.double),
    )
    return Records(*rows)
