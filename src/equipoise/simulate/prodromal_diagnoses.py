"""Reverse causation: depression that motor neuron disease brings about before it is recognised."""

import numpy as np

from equipoise.kernels.philox import uniforms
from equipoise.simulate.block import YEAR, Disease, People, Place, Records
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.prodrome import poisson
from equipoise.simulate.psychiatry import DIAGNOSES

STREAM = 0x4D45_0000  # far from those of treatment
HOW_MANY, WHEN, VISITS, FIRST_VISIT = range(4)
PER_EPISODE = 64  # numbers an episode can use; no episode has that many visits
DEPRESSION = DIAGNOSES.index("F32")


def draw_prodromal_diagnoses(spec: NationSpec, place: Place, people: People, disease: Disease) -> Records:
    """Recorded visits with depression that the disease brings about, unsorted, whether or not the person is observed.

    Their number is Poisson, the time from the first visit of an episode to the diagnosis of the disease exponential.
    Each number is keyed by the person.

    >>> from equipoise.simulate.population import draw_people
    >>> place = Place(seed=7, block=0, first_person=1, persons=500)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> row, kind, slope = np.array([3]), np.zeros(1, np.int8), np.ones(1)
    >>> case = Disease(row, kind, row + 15_000, row + 15_000, row + 15_400, kind.astype(bool), slope)
    >>> bool((draw_prodromal_diagnoses(NationSpec(), place, people, case).day < case.diagnosis[0]).all())
    True
    """
    rules = spec.disease.prodrome.depression
    ids = place.first_person + disease.person.astype(np.int64)
    mean = np.full(len(disease), rules.episodes * spec.switches.prodrome)
    count = poisson(mean, uniforms(place.seed, STREAM, ids, HOW_MANY))
    row, number = _repeated(count)

    def drawn(episode: np.ndarray, what: np.ndarray | int) -> np.ndarray:
        return uniforms(place.seed, STREAM, ids[row[episode]], PER_EPISODE * (number[episode] + 1) + what)

    every = np.arange(len(row))
    before = -np.log(drawn(every, WHEN)) * YEAR * rules.years
    first = np.floor(np.maximum(disease.diagnosis[row] - 1 - before, people.born[disease.person[row]]))
    visits = 1 + poisson(np.full(len(row), spec.psychiatry.visits - 1), drawn(every, VISITS))
    episode, visit = _repeated(np.minimum(visits, (PER_EPISODE - FIRST_VISIT) // 2))
    gap = np.where(visit > 0, -np.log(drawn(episode, FIRST_VISIT + 2 * visit)) * spec.psychiatry.visit_days, 0.0)
    elapsed = np.cumsum(gap)
    since = elapsed - elapsed[np.flatnonzero(visit == 0)][episode] if len(episode) else elapsed
    day = np.floor(first[episode] + since)
    recorded = drawn(episode, FIRST_VISIT + 2 * visit + 1) < spec.psychiatry.sensitivity
    recorded |= not spec.switches.incomplete_diagnoses
    kept = recorded & (day < disease.diagnosis[row[episode]])
    return Records(
        disease.person[row[episode]][kept].astype(np.int32),
        day[kept].astype(np.int32),
        np.full(kept.sum(), DEPRESSION, np.int16),
        np.ones(kept.sum(), np.float32),
    )


def _repeated(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each position as often as `count` says, and which repetition it is."""
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
