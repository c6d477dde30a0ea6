"""The course of the disease: hand-worked months, worlds that share their chances, and what switches take away."""

from dataclasses import replace

import numpy as np
import pytest

from equipoise.simulate import antidepressants
from equipoise.simulate.block import MONTH, NEVER, STRATEGIES, Disease, Episodes, People, Place
from equipoise.simulate.course import crossing, draw_course
from equipoise.simulate.course_episodes import merge
from equipoise.simulate.formulary import FORMULARY
from equipoise.simulate.function_items import items_of
from equipoise.simulate.nation_spec import NationSpec

N = 1500
NOBODY = Episodes(*(np.zeros(0, np.int64) for _ in range(6)))
DRUG = {drug.atc: position for position, drug in enumerate(FORMULARY)}


def patients(n: int = N) -> tuple[People, Disease]:
    draw = np.random.default_rng(11)
    onset = draw.integers(14_000, 18_000, n).astype(np.int32)
    born = (onset - 365.25 * draw.normal(66, 10, n)).astype(np.int32)
    nothing = np.zeros(n, np.int64)
    people = People(*([nothing] * 16))
    people = replace(
        people,
        born=born,
        start=nothing + 11_323,
        leaves=nothing + 60_000,
        dies=(onset + 365.25 * draw.exponential(25.0, n)).astype(np.int32),
        vulnerability=draw.normal(0, 1, n),
    )
    slope = np.clip(draw.normal(0.9, 0.45, n), 0.05, None)
    diagnosis = (onset + draw.integers(100, 500, n)).astype(np.int32)
    return people, Disease(np.arange(n), nothing, onset, onset, diagnosis, draw.random(n) < 0.3, slope)


def course(spec: NationSpec | None = None, episodes: Episodes = NOBODY, first_person: int = 1):
    people, disease = patients()
    return draw_course(spec or NationSpec(), Place(7, 0, first_person, N), people, disease, episodes)


def world(name: str) -> int:
    return STRATEGIES.index(name)


def with_effect(hazard_ratio: float) -> NationSpec:
    return NationSpec.model_validate({"effects": {"rem_suppression_on_death": hazard_ratio}})


def test_failure_comes_when_the_cumulative_hazard_reaches_the_threshold():
    hazard = np.array([[0.1, 0.2, 0.4], [0.1, 0.2, 0.4], [0.1, 0.2, 0.4]])
    assert crossing(hazard, np.array([0.05, 0.5, 1.0])).tolist() == pytest.approx([0.5, 2.5, np.inf])


def test_items_sum_to_their_total_and_stay_within_their_limits():
    total = np.repeat(np.arange(49), 40)
    taste = np.random.default_rng(1).random((len(total), 4))
    items = items_of(total, taste, np.arange(len(total)) % 3 == 0)
    assert np.array_equal(items.sum(axis=1), total)
    assert items.min() >= 0
    assert items.max() <= 4


def test_a_bulbar_patient_loses_speech_first():
    taste = np.full((2, 4), 0.5)
    bulbar, spinal = items_of(np.array([40, 40]), taste, np.array([True, False]))
    assert bulbar[:3].sum() < spinal[:3].sum()


def test_without_an_effect_every_world_ends_alike():
    ends = course(with_effect(1.0))
    assert all(np.array_equal(ends.death[0], death) for death in ends.death)
    assert all(np.array_equal(ends.ventilation[0], day) for day in ends.ventilation)


def test_a_protective_effect_never_shortens_a_life_and_the_worlds_are_ordered():
    ends = course(with_effect(0.6))
    for better, worse in (
        ("suppressing_at_diagnosis", "natural"),
        ("natural", "never_antidepressant"),
        ("every_antidepressant_suppressing", "natural"),
        ("natural", "every_antidepressant_non_suppressing"),
    ):
        later = ends.death[world(better)] - ends.death[world(worse)].astype(np.int64)
        assert later.min() >= 0, (better, worse)
        assert (later > 0).any(), (better, worse)
    assert np.array_equal(ends.death[world("never_antidepressant")], ends.death[world("non_suppressing_at_diagnosis")])


def test_the_effect_is_the_hazard_ratio_while_exposed():
    """With a constant unit hazard and exposure throughout, survival under the effect is survival to the power of it."""
    flat = dict.fromkeys(("lost_function", "slope", "age", "bulbar", "lost_capacity", "niv", "vulnerability"), 0.0)
    spec = NationSpec.model_validate(
        {
            "effects": {"rem_suppression_on_death": 0.5},
            "course": {"death": {"baseline": -3.0, **flat}, "ventilation": {"invasive_share": 0.0}},
        }
    )
    people, disease = patients()
    people = replace(people, dies=np.full(N, 90_000))
    disease = replace(disease, diagnosis=disease.onset)
    ends = draw_course(spec, Place(7, 0, 1, N), people, disease, NOBODY)
    months = (ends.death - disease.onset) / MONTH
    treated, untreated = months[world("suppressing_at_diagnosis")], months[world("never_antidepressant")]
    inside = treated < 290
    assert np.allclose(treated[inside], 2 * untreated[inside], atol=0.1)  # days are whole


def test_a_background_antidepressant_counts_before_the_diagnosis_and_is_cut_at_it():
    _, disease = patients()
    start = (disease.onset - 50).astype(np.int32)
    episodes = Episodes(
        disease.person,
        np.full(N, DRUG["N06AB06"], np.int16),
        start,
        start + 5_000,
        np.full(N, 50, np.int32),
        np.zeros(N, np.int8),
    )
    ends = course(with_effect(0.5), episodes)
    assert (ends.death[0] > course(with_effect(0.5)).death[0]).mean() > 0.5
    merged = merge(episodes, disease, ends.cut, ends.episodes)
    background = merged.reason == 0
    assert np.array_equal(
        merged.stop[background][ends.diagnosed], np.minimum(start + 5_000, disease.diagnosis - 1)[ends.diagnosed]
    )
    taken_up = ends.episodes.start == disease.diagnosis[ends.episodes.person]
    same = taken_up & (ends.episodes.drug == DRUG["N06AB06"])
    assert same.sum() > 0.9 * ends.diagnosed.sum()  # the course continues what is in hand


def test_nothing_is_recorded_outside_the_illness():
    people, disease = patients()
    ends = course()
    last = np.minimum(ends.death[0], people.leaves)
    for records in (ends.visits, ends.procedures):
        assert (records.day >= disease.diagnosis[records.person]).all()
        assert (records.day <= last[records.person]).all()
        assert ends.diagnosed[records.person].all()
    assert ends.registered[ends.visits.person].all()
    assert (ends.episodes.start >= disease.diagnosis[ends.episodes.person]).all()
    assert (ends.episodes.stop >= ends.episodes.start).all()
    assert (ends.ventilation[0][ends.ventilation[0] != NEVER] < ends.death[0][ends.ventilation[0] != NEVER]).all()


def test_draws_belong_to_the_person_and_not_to_the_row():
    people, disease = patients()
    half = Disease(*(getattr(disease, name)[::2] for name in Disease.__slots__))
    whole = draw_course(NationSpec(), Place(7, 0, 1, N), people, disease, NOBODY)
    part = draw_course(NationSpec(), Place(7, 0, 1, N), people, half, NOBODY)
    assert np.array_equal(whole.death[:, ::2], part.death)
    assert np.array_equal(whole.registered[::2], part.registered)


def test_distress_switched_off_takes_severity_out_of_prescribing():
    spec = NationSpec.model_validate({"switches": {"distress_to_prescribing": False}})
    people, disease = patients()

    def steepness_of_users(given: NationSpec) -> float:
        ends = draw_course(given, Place(7, 0, 1, N), people, disease, NOBODY)
        drugs = ends.episodes
        early = antidepressants.NON_SUPPRESSING[drugs.drug]
        early &= drugs.start < disease.diagnosis[drugs.person] + 365
        users = np.unique(drugs.person[early])
        return disease.slope[users].mean() - disease.slope[ends.diagnosed].mean()

    assert steepness_of_users(NationSpec()) > 0.05
    assert abs(steepness_of_users(spec)) < 0.15


def test_vulnerability_switched_off_no_longer_kills():
    spec = NationSpec.model_validate(
        {"switches": {"vulnerability_to_mortality": False}, "effects": {"rem_suppression_on_death": 1.0}}
    )
    people, disease = patients()
    on = course(with_effect(1.0))
    off = course(spec)

    def association(ends) -> float:
        survival = np.log(ends.death[0] - disease.onset.astype(float) + 1)
        return float(np.corrcoef(survival, people.vulnerability)[0, 1])

    assert association(on) < -0.1
    assert abs(association(off)) < 3 / np.sqrt(N)


def test_nobody_ill_is_an_empty_course():
    people, disease = patients()
    none = Disease(*(getattr(disease, name)[:0] for name in Disease.__slots__))
    ends = draw_course(NationSpec(), Place(7, 0, 1, N), people, none, NOBODY)
    assert ends.death.shape == (len(STRATEGIES), 0)
    assert len(ends.visits) == len(ends.episodes) == len(ends.procedures) == 0
