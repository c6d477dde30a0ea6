"""A whole block: every arrow can be taken out alone, and nothing above it moves."""

from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from equipoise.simulate.block import NEVER, Place
from equipoise.simulate.nation import ALS, Block, draw_block, under_observation
from equipoise.simulate.nation_spec import parse_nation
from equipoise.simulate.psychiatry import DIAGNOSES
from equipoise.simulate.switches import Switches

PLACE = Place(9, 0, 1, 8_000)
MULTIPLIER = 40.0
SELECTIVE = {"course": {"care": {"registry_survival": 1.0}}}  # an arrow that is there, but weightless, by default

# Which parts of a block a switch changes. Whatever is not named stays the same to the last bit.
CHANGES: dict[str, set[str]] = {
    "familial_vulnerability": {"people", "disease", "course", "death", "conditions", "dispensings", "partnerships"},
    "vulnerability_to_diagnoses": {"conditions"},
    "vulnerability_to_prescribing": {"course", "death", "dispensings", "conditions", "partnerships"},
    "vulnerability_to_als": {"people", "disease", "course", "death", "conditions", "dispensings", "partnerships"},
    "vulnerability_to_mortality": {"course", "death", "conditions", "dispensings", "partnerships"},
    "genetic_liability": {"people", "disease", "course", "death", "conditions", "dispensings", "partnerships"},
    "prodrome": {"course", "death", "conditions", "dispensings", "partnerships"},
    "severity_to_prescribing": {"course", "death", "conditions", "dispensings", "partnerships"},
    "distress_to_prescribing": {"course", "death", "conditions", "dispensings", "partnerships"},
    "incomplete_diagnoses": {"conditions"},
    "registry_selection": {"course"},
}
MUST_CHANGE = {
    "familial_vulnerability": "people",
    "vulnerability_to_diagnoses": "conditions",
    "vulnerability_to_prescribing": "dispensings",
    "vulnerability_to_als": "disease",
    "vulnerability_to_mortality": "death",
    "genetic_liability": "disease",
    "prodrome": "dispensings",
    "severity_to_prescribing": "dispensings",
    "distress_to_prescribing": "dispensings",
    "incomplete_diagnoses": "conditions",
    "registry_selection": "course",
}
ELSEWHERE = {"incomplete_capture"}  # the network's arrow: no part of a block


@cache
def block(switched_off: str = "") -> Block:
    switches = {switched_off: False} if switched_off else {}
    return draw_block(parse_nation(SELECTIVE | {"switches": switches}), PLACE, MULTIPLIER)


def same(one: Any, other: Any) -> bool:
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return bool(np.array_equal(one, other))


def test_every_switch_is_tested() -> None:
    assert set(CHANGES) | ELSEWHERE == set(Switches.model_fields)


@pytest.mark.parametrize("switch", CHANGES)
def test_a_switch_takes_out_its_arrow_alone(switch: str) -> None:
    parts = {field.name for field in fields(Block)}
    changed = {part for part in parts if not same(getattr(block(), part), getattr(block(switch), part))}
    assert MUST_CHANGE[switch] in changed
    assert changed <= CHANGES[switch]


@pytest.mark.parametrize("switch", ["incomplete_capture"])
def test_arrows_of_the_network_leave_the_register_alone(switch: str) -> None:
    assert all(same(getattr(block(), field.name), getattr(block(switch), field.name)) for field in fields(Block))


def test_the_causal_effect_moves_deaths_and_no_onset() -> None:
    changed = draw_block(parse_nation(SELECTIVE | {"effects": {"rem_suppression_on_death": 0.3}}), PLACE, MULTIPLIER)
    assert same(changed.disease, block().disease)
    assert (changed.course.death[2] >= block().course.death[2]).all()
    assert (changed.course.death[2] > block().course.death[2]).any()
    never = [drawn.course.death[1] for drawn in (block(), changed)]  # treatment before the diagnosis counts here, too
    assert (never[1] >= never[0]).all()
    assert 0.5 < (never[1] == never[0]).mean() < 1


def test_patients_die_no_later_than_of_other_causes_and_do_not_go_abroad() -> None:
    drawn = block()
    person = drawn.disease.person
    assert (drawn.death <= drawn.people.dies).all()
    assert (drawn.death >= drawn.people.start).all()
    free = np.setdiff1d(np.arange(len(drawn.people)), person)
    assert (drawn.death[free] == drawn.people.dies[free]).all()
    assert (drawn.death[person] < drawn.people.dies[person]).mean() > 0.5
    gap = drawn.people.gap_end[person]
    assert ((gap == NEVER) | (gap < drawn.disease.onset)).all()


def test_the_disease_is_recorded_from_the_diagnosis_on() -> None:
    drawn = block("incomplete_diagnoses")
    disease, course = drawn.disease, drawn.course
    coded = drawn.conditions.what >= len(DIAGNOSES)
    first = np.full(len(drawn.people), NEVER)
    np.minimum.at(first, drawn.conditions.person[coded], drawn.conditions.day[coded])
    diagnosed = disease.person[course.diagnosed]
    assert len(diagnosed) > 100
    assert (first[diagnosed] == disease.diagnosis[course.diagnosed]).all()
    assert set(drawn.conditions.person[coded]) == set(diagnosed)
    als = np.unique(drawn.conditions.person[drawn.conditions.what == ALS])
    assert set(als) == set(disease.person[course.diagnosed & (disease.kind == 0)])


def test_every_record_is_under_observation() -> None:
    drawn = block()
    for records in (drawn.conditions, drawn.dispensings):
        assert under_observation(drawn.people, drawn.death, records.person, records.day).all()


def test_marriages_end_with_the_death_of_a_patient() -> None:
    drawn = block()
    couples = drawn.partnerships
    last = np.minimum(drawn.death[couples.one], drawn.death[couples.other])
    assert ((couples.end <= last) | (couples.end == NEVER)).all()
    assert (couples.start < couples.end).all()
    register_to = int(np.datetime64("2023-12-31").astype(int))
    assert (last[couples.end == NEVER] > register_to).all()
