"""What one block of a nation contributes to the statistics that are compared with published anchors."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from equipoise.simulate.anchor_frames import Frame, chosen, stacked
from equipoise.simulate.anchor_network import network_patients
from equipoise.simulate.anchor_patients import compared, in_calendar, other_patients, patients, relatives
from equipoise.simulate.anchor_population import person_years, recurrence, use_of_drugs
from equipoise.simulate.block import NEVER, Place
from equipoise.simulate.care import PROCEDURES
from equipoise.simulate.nation import Block, draw_block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.streams import day_number

CALENDAR = day_number(date(2015, 1, 1)), day_number(date(2023, 6, 30))
"""Days of diagnosis of the published case-control study."""
NIV = PROCEDURES.index("non-invasive ventilation")


@dataclass(frozen=True, slots=True)
class Sample:
    """Frames of columns by name, and sums. Blocks are added up by `joined`.

    onsets     everybody with ALS whose first symptom comes in the years of the registers' middle, diagnosed or not
    cases      registered patients diagnosed in the study's calendar
    sets       these and their controls, with what they had been dispensed by the index day
    relatives  for each of these, how many controls, full siblings and spouses they have
    network    patients on riluzole in the network view
    ventilated spinal patients who begin NIV: survival from then with its effect and without, in years
    sums       totals, by name
    """

    onsets: Frame
    cases: Frame
    sets: Frame
    relatives: Frame
    network: Frame
    ventilated: Frame
    sums: dict[str, float]


def draw_sample(spec: NationSpec, place: Place, multiplier: float) -> Sample:
    """Draw a block and keep of it what the anchors need.

    >>> sample = draw_sample(NationSpec(), Place(seed=1, block=0, first_person=1, persons=2_000), 60.0)
    >>> len(sample.sets["case"]) >= len(sample.cases["index"])
    True
    """
    block = draw_block(spec, place, multiplier)
    everybody = patients(spec, block, multiplier)
    diagnosed = in_calendar(everybody, CALENDAR)
    cases = chosen(diagnosed, diagnosed["registered"])
    sums = use_of_drugs(block) | person_years(block.people, CALENDAR) | recurrence(spec, block.people)
    sums |= {
        "persons": float(len(block.people)),
        "als": float(diagnosed["weight"].sum()),
        "als men": float(diagnosed["weight"][diagnosed["female"] == 0].sum()),
        "other": other_patients(spec, block, multiplier, CALENDAR),
    }
    sums |= _by_age(diagnosed)
    first, last = CALENDAR
    settled = (everybody["onset"] >= first - 730) & (everybody["onset"] <= last - 1095)
    return Sample(
        onsets=chosen(everybody, settled),
        cases=cases,
        sets=compared(block, cases),
        relatives=relatives(block, cases),
        network=network_patients(spec, block),
        ventilated=_ventilated(spec, block, multiplier, everybody),
        sums=sums,
    )


def _by_age(diagnosed: Frame) -> dict[str, float]:
    band = np.minimum(np.floor(diagnosed["age"] / 5), 22).astype(np.int64)
    weight = np.bincount(band, weights=diagnosed["weight"], minlength=23)
    return {f"als at {5 * k}": float(total) for k, total in enumerate(weight)}


def _ventilated(spec: NationSpec, block: Block, multiplier: float, everybody: Frame) -> Frame:
    """The same patients where NIV does nothing: everything up to its first day is the same. Every eighth block."""
    empty = {"with": np.zeros(0), "without": np.zeros(0)}
    if block.place.block % 8:
        return empty
    death = spec.course.death.model_copy(update={"niv": 0.0})
    idle = spec.model_copy(update={"course": spec.course.model_copy(update={"death": death})})
    other = draw_block(idle, block.place, multiplier)
    begun = np.full(len(block.people), int(NEVER))
    niv = block.course.procedures.what == NIV
    begun[block.course.procedures.person[niv]] = block.course.procedures.day[niv]
    row, person = everybody["row"], everybody["person"]
    kept = (begun[person] < NEVER) & (everybody["bulbar"] == 0)
    since = begun[person][kept]
    return {
        name: (one.course.death[0][row][kept] - since) / 365.25 for name, one in (("with", block), ("without", other))
    }


def joined(samples: list[Sample]) -> Sample:
    """The samples of several blocks as one."""
    frames = {
        name: stacked([getattr(sample, name) for sample in samples])
        for name in ("onsets", "cases", "sets", "relatives", "network", "ventilated")
    }
    sums = {name: sum(sample.sums[name] for sample in samples) for name in samples[0].sums}
    return Sample(**frames, sums=sums)
