"""Dispensings: what the register of prescribed drugs holds about the treatment episodes."""

import numpy as np

from equipoise.kernels.dispensing import dispensed
from equipoise.simulate.block import Episodes, People, Place, Records
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.streams import day_number


def dispense(spec: NationSpec, place: Place, people: People, episodes: Episodes, last_day: np.ndarray) -> Records:
    """Dispensings of `episodes` while recorded: `what` is the drug's position in the formulary, `amount` packs.

    `last_day` (persons,) is the last day on which anything can be recorded, death from any cause included. Nothing is
    recorded before `recorded_from`, before observation starts, after it ends, or in a gap. Sorted by person, day, drug.

    >>> from equipoise.simulate.population import draw_people
    >>> from equipoise.simulate.prescribing import draw_episodes
    >>> place = Place(seed=7, block=0, first_person=1, persons=500)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> records = dispense(NationSpec(), place, people, draw_episodes(NationSpec(), place, people), people.dies)
    >>> bool((records.day <= people.dies[records.person]).all())
    True
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
