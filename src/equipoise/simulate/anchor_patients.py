"""Patients of a block and persons without the disease they are compared with, as the anchors' statistics need them."""

from dataclasses import dataclass

import numpy as np

from equipoise.simulate.anchor_frames import (
    CLASSES,
    OF_CLASS,
    Frame,
    between,
    chosen,
    dates,
    first_after,
    history,
)
from equipoise.simulate.block import YEAR, People
from equipoise.simulate.disease import ALS, cumulative_hazard
from equipoise.simulate.kinship import siblings, spouses
from equipoise.simulate.nation import Block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.psychiatry import DIAGNOSES
from equipoise.simulate.streams import stream

CONTROLS = 5
TRIES = 12  # persons of the case's sex and year of birth who are looked at for each control
DEPRESSION = np.array([code in ("F32", "F33") for code in DIAGNOSES] + [False, False])
YEAR_DAYS = 365


def patients(spec: NationSpec, block: Block, multiplier: float) -> Frame:
    """Everybody with ALS, diagnosed or not. `weight` makes an enriched nation count as one that is not.

    A patient without the gene has M times the hazard, and is free of the disease until onset with a probability that
    is exp(-(M - 1)H) of what it would be, H being the cumulative hazard up to then; carriers are M times as many.
    """
    disease, course, people = block.disease, block.course, block.people
    row = np.flatnonzero(disease.kind == ALS)
    person = disease.person[row].astype(np.int64)
    return {
        "row": row,
        "person": person,
        "index": disease.diagnosis[row].astype(np.int64),
        "onset": disease.onset[row].astype(np.int64),
        "death": course.death[0][row].astype(np.int64),
        "ventilation": course.ventilation[0][row].astype(np.int64),
        "leaves": people.leaves[person].astype(np.int64),
        "diagnosed": course.diagnosed[row],
        "registered": course.registered[row],
        "bulbar": disease.bulbar[row].astype(float),
        "slope": disease.slope[row].astype(float),
        "female": people.female[person].astype(float),
        "age": (disease.diagnosis[row] - people.born[person].astype(np.int64)) / YEAR,
        "weight": _weights(spec, block, multiplier)[row],
    }


def _weights(spec: NationSpec, block: Block, multiplier: float) -> np.ndarray:
    """Patients of a nation that is not enriched for each of this one: shape (rows of disease,)."""
    disease, people = block.disease, block.people
    end = people.start.astype(np.int64)
    end[disease.person] = disease.onset
    passed = cumulative_hazard(spec, people, people.start, end)[disease.person]
    carrier = people.carrier[disease.person]
    free = np.where(carrier, 1.0, np.exp((multiplier - 1) * passed))
    return np.where(disease.kind == ALS, free / multiplier, free)


def other_patients(spec: NationSpec, block: Block, multiplier: float, calendar: tuple[int, int]) -> float:
    """Diagnoses of other motor neuron disease in the calendar, in a nation that is not enriched."""
    disease = block.disease
    seen = (disease.kind != ALS) & block.course.diagnosed & _within(disease.diagnosis, calendar)
    return float(_weights(spec, block, multiplier)[seen].sum())


def _within(day: np.ndarray, calendar: tuple[int, int]) -> np.ndarray:
    return np.asarray((day >= calendar[0]) & (day <= calendar[1]))


@dataclass(frozen=True, slots=True)
class _Found:
    """Dates of dispensings by class and of recorded depression, in the whole block."""

    classes: dict[str, np.ndarray]
    depression: np.ndarray

    @classmethod
    def of(cls, block: Block) -> "_Found":
        drugs = {atc: dates(block.dispensings, OF_CLASS[atc]) for atc in CLASSES}
        return cls(drugs, dates(block.conditions, DEPRESSION))


def compared(block: Block, cases: Frame) -> Frame:
    """Cases (`case` 1), up to five controls each of the same sex and year of birth, and their past at the index day.

    Controls never have the disease: in an enriched nation many who are free of it at an index day are about to fall
    ill, and what the disease does to them before it is recognised would count for what happens to others.
    """
    people, index = block.people, cases["index"]
    case, control = _controls(block, cases)
    person = np.concatenate([cases["person"], control])
    day = np.concatenate([index, index[case]])
    end = np.minimum(people.leaves, block.death)[person].astype(np.int64)
    found = _Found.of(block)
    frame: Frame = {
        "set": np.concatenate([np.arange(len(index)), case]) + block.place.first_person,
        "case": np.concatenate([np.ones(len(index)), np.zeros(len(case))]),
    }
    for name, of_kind in {**found.classes, "depression": found.depression}.items():
        frame[f"count {name}"], frame[f"ago {name}"] = history(of_kind, person, day)
    return frame | _new_antidepressants(found.classes["N06A"], person, day, end)


def _new_antidepressants(found: np.ndarray, person: np.ndarray, day: np.ndarray, end: np.ndarray) -> Frame:
    """Use in the last year by persons without it in the three years before; first use in the year after."""
    wait = first_after(found, person, day) - day
    last = np.minimum(end - day, YEAR_DAYS - 1)
    return {
        "washed": between(found, person, day - 4 * YEAR_DAYS, day - YEAR_DAYS) == 0,
        "last year": between(found, person, day - YEAR_DAYS, day) > 0,
        "days after": np.minimum(wait, last) + 1.0,
        "begun after": (wait <= last).astype(float),
    }


def _controls(block: Block, cases: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Position of the case and row of the control of every pair."""
    people = block.people
    free = np.ones(len(people), bool)
    free[block.disease.person] = False
    group = np.floor(people.born / YEAR).astype(np.int64) * 2 + people.female
    draw = stream(block.place.seed, f"anchor controls {block.place.block}")
    pool = np.flatnonzero(free)[draw.permutation(int(free.sum()))]
    pool = pool[np.argsort(group[pool], kind="stable")]
    wanted = group[cases["person"]]
    first, end = (np.searchsorted(group[pool], wanted, side) for side in ("left", "right"))
    size = end - first
    begin = np.floor(draw.random(len(wanted)) * size).astype(np.int64)
    step = np.arange(TRIES)
    tried = pool[np.minimum(first[:, None] + (begin[:, None] + step) % np.maximum(size, 1)[:, None], len(pool) - 1)]
    leaves = np.minimum(people.leaves, block.death)
    day = cases["index"][:, None]
    good = (step < size[:, None]) & (people.start[tried] <= day) & (leaves[tried] >= day)
    good &= np.cumsum(good, axis=1) <= CONTROLS
    case, at = np.nonzero(good)
    return case, tried[case, at]


def relatives(block: Block, cases: Frame) -> Frame:
    """For each case: controls found, full siblings and spouses (past ones too) in observation at the index day."""
    (one, other), _ = siblings(block.people)
    case, _ = _controls(block, cases)
    return {
        "weight": cases["weight"],
        "controls": np.bincount(case, minlength=len(cases["index"])).astype(float),
        "siblings": _present(block.people, cases, one, other),
        "spouses": _present(block.people, cases, *spouses(block.partnerships)),
    }


def _present(people: People, cases: Frame, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How many of the pairs (`one`, `other`) of each case `one` have the other in observation at the index day.

    Death from other causes only: in an enriched nation relatives die of the disease as they hardly do elsewhere.
    """
    position = np.full(len(people), -1)
    position[cases["person"]] = np.arange(len(cases["person"]))
    mine = position[one] >= 0
    case, relative = position[one[mine]], other[mine]
    day = cases["index"][case]
    last = np.minimum(people.leaves, people.dies)[relative]
    here = (people.start[relative] <= day) & (last >= day)
    return np.bincount(case[here], minlength=len(cases["person"])).astype(float)


def in_calendar(cases: Frame, calendar: tuple[int, int]) -> Frame:
    """Diagnosed patients whose diagnosis lies between two days."""
    return chosen(cases, cases["diagnosed"] & _within(cases["index"], calendar))
