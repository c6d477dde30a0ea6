"""Reverse causation: treatment that motor neuron disease brings about before it is recognised."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from equipoise.kernels.philox import uniforms
from equipoise.simulate.antidepressants import FOR_DISTRESS, FOR_WEIGHT, pick
from equipoise.simulate.block import YEAR, Disease, Episodes, People, Place
from equipoise.simulate.formulary import STUDIED
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.prescribing import in_order, lengthen, merge

PRODROME = 1
MOST = 200  # episodes of a class one person can have; no mean within the limits of the specification comes near it
FIRST_STREAM = 0x4D44_0000  # a stream for each class, far from those of sampling and of the course
HOW_MANY, WHEN, DRUG, LENGTH, SHORT, LONG, KIND = range(7)
ANTIDEPRESSANTS = "N06A"


def draw_prodrome(spec: NationSpec, place: Place, people: People, disease: Disease) -> Episodes:
    """Episodes that the disease begins before its diagnosis, sorted by person and start; `reason` is 1.

    Their number is Poisson, with a mean that rises with the slope and with vulnerability; the time from their start to
    the diagnosis is exponential. Each number is keyed by the person, so that one class or one case does not shift
    another.

    >>> from equipoise.simulate.population import draw_people
    >>> place = Place(seed=7, block=0, first_person=1, persons=500)
    >>> people, _ = draw_people(NationSpec(), place)
    >>> row, kind, slope = np.array([3]), np.zeros(1, np.int8), np.ones(1)
    >>> case = Disease(row, kind, row + 15_000, row + 15_000, row + 15_400, kind.astype(bool), slope)
    >>> bool((draw_prodrome(NationSpec(), place, people, case).start < case.diagnosis[0]).all())
    True
    """
    return in_order(merge([_class_prodrome(spec, place, people, disease, atc) for atc in STUDIED]))


def _class_prodrome(spec: NationSpec, place: Place, people: People, disease: Disease, atc: str) -> Episodes:
    section, stream = spec.disease.prodrome, FIRST_STREAM + STUDIED.index(atc)
    faster = section.slope if spec.switches.severity_to_prescribing else 0.0
    loading = section.of_class(atc).vulnerability if spec.switches.vulnerability_to_prescribing else 0.0
    vulnerable = loading * people.vulnerability[disease.person] - loading**2 / 2
    mean = section.of_class(atc).episodes * np.exp(
        faster * (disease.slope - spec.disease.onset.slope_mean) + vulnerable
    )
    ids = place.first_person + disease.person.astype(np.int64)
    count = poisson(mean if spec.switches.prodrome else 0.0 * mean, uniforms(place.seed, stream, ids, HOW_MANY))
    row = np.repeat(np.arange(len(disease)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    uniform = np.array(
        [uniforms(place.seed, stream, ids[row], 16 * (number + 1) + what) for what in range(WHEN, LONG + 1)]
    )
    before = -np.log(uniform[0]) * YEAR * section.of_class(atc).years
    start = np.floor(np.maximum(disease.diagnosis[row] - 1 - before, people.born[disease.person[row]]))
    single = section.of_class(atc).single
    use = spec.prescribing.of_class(atc)
    use = use.model_copy(update={"single": single, "chronic": min(use.chronic, 1 - single)})
    begun = lengthen(use, spec.prescribing.refills, atc, disease.person[row], start, uniform[1:], PRODROME)
    if atc != ANTIDEPRESSANTS:
        return begun
    chance = uniforms(place.seed, stream, ids[row], 16 * (number + 1) + KIND)
    return replace(begun, drug=_antidepressant(spec, disease.slope[row], uniform[1], chance))


def _antidepressant(spec: NationSpec, slope: np.ndarray, which: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The antidepressant of each prodromal episode: faster disease calls for those that do not suppress REM sleep."""
    rules = spec.disease.prodrome.antidepressants
    faster = rules.non_suppressing_slope if spec.switches.severity_to_prescribing else 0.0
    other = chance < expit(rules.non_suppressing + faster * (slope - spec.disease.onset.slope_mean))
    return np.where(other, pick(FOR_WEIGHT, which), pick(FOR_DISTRESS, which)).astype(np.int16)


def poisson(mean: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Poisson numbers by inversion, at most `MOST`."""
    count = np.zeros(len(mean), dtype=np.int64)
    chance = np.exp(-mean)
    reached = chance.copy()
    for k in range(1, MOST + 1):
        more = uniform > reached
        if not more.any():
            break
        count += more
        chance = chance * mean / k
        reached += chance
    return count
