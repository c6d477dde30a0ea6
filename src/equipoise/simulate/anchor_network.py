"""Patients on riluzole as the network of hospitals records them: the population of the published survival study."""

import numpy as np

from equipoise.simulate.anchor_frames import DAYS, Frame, between, dates
from equipoise.simulate.antidepressants import NON_SUPPRESSING, SUPPRESSING
from equipoise.simulate.block import NEVER, YEAR
from equipoise.simulate.course_episodes import RILUZOLE
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.nation import ALS, Block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.network import network_view
from equipoise.simulate.psychiatry import DIAGNOSES

LOOK_BACK = 1096  # days, three years
ON_RILUZOLE = np.arange(len(FORMULARY)) == RILUZOLE
WITH_ALS = np.arange(len(DIAGNOSES) + 2) == ALS


def network_patients(spec: NationSpec, block: Block) -> Frame:
    """One row a patient with recorded ALS and riluzole; inclusion is the day on which both are there.

    suppressing, other   antidepressants of either kind recorded in the three years up to inclusion
    years, died          follow-up to a recorded death or the end of care
    """
    view = network_view(spec, block)
    first_drug = _first(dates(view.dispensings, ON_RILUZOLE), len(block.people))
    first_code = _first(dates(view.conditions, WITH_ALS), len(block.people))
    inclusion = np.maximum(first_drug, first_code)
    person = np.flatnonzero(inclusion < NEVER)
    day = inclusion[person]
    end = np.minimum(view.end, view.death)[person].astype(np.int64)
    recorded = [dates(view.dispensings, kind) for kind in (SUPPRESSING, NON_SUPPRESSING)]
    suppressing, other = (between(found, person, day - LOOK_BACK, day + 1) > 0 for found in recorded)
    return {
        "suppressing": suppressing,
        "other": other,
        "years": (np.maximum(end - day, 0) + 1) / YEAR,
        "died": (view.death[person] <= end).astype(float),
        "age": (day - block.people.born[person].astype(np.int64)) / YEAR,
        "female": block.people.female[person].astype(float),
    }


def _first(found: np.ndarray, persons: int) -> np.ndarray:
    """First of the dates of everybody; NEVER without any."""
    day = np.full(persons, int(NEVER))
    person, on = np.divmod(found, DAYS)
    np.minimum.at(day, person, on)
    return day
