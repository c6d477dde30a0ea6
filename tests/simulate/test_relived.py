"""Lives lived on under other treatment: equal to nature where nothing is exchanged, and to the worlds of the truth."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from equipoise.simulate import antidepressants as drugs
from equipoise.simulate.block import MONTH
from equipoise.simulate.estimands import SurvivalEstimand
from equipoise.simulate.formulary import FORMULARY, members
from equipoise.simulate.nation import draw_block, draw_patients
from equipoise.simulate.nation_spec import parse_nation
from equipoise.simulate.places import data_of_view, truth_beside
from equipoise.simulate.relived import NO_DRUGS, Followed, Treatments, Truth, of_one_kind
from equipoise.simulate.true_values import Nation, compute_truth

STRONG = Nation(parse_nation({"effects": {"rem_suppression_on_death": 0.5}}), 40_000, 5, 60.0)
MIXED = drugs.NON_SUPPRESSING.copy()
MIXED[np.flatnonzero(drugs.SUPPRESSING)[:1]] = True
ANY = Treatments(drugs.ANTIDEPRESSANT, NO_DRUGS)


def diagnosed(nation: Nation, horizon_days: int = 730) -> Followed:
    """Everybody with ALS, from the diagnosis on."""
    person, day = [], []
    for place in nation.places():
        block = draw_block(nation.spec, place, nation.multiplier)
        rows = np.flatnonzero(block.course.diagnosed & (block.disease.kind == 0))
        person.append(block.disease.person[rows].astype(np.int64) + place.first_person)
        day.append(block.disease.diagnosis[rows].astype(np.int64))
    return Followed(np.concatenate(person), np.concatenate(day), horizon_days)


@pytest.fixture(scope="module")
def patients() -> Followed:
    return diagnosed(STRONG)


def test_nothing_exchanged_is_the_natural_course(patients: Followed) -> None:
    truth = Truth([STRONG])
    block = truth._block((0, 0))
    rows = np.flatnonzero(np.isin(block.person_id, patients.person_id))
    day = block.diagnosis[rows]
    later = np.zeros(len(rows), bool)
    months = block._months(rows, day, ANY, True, later)
    np.testing.assert_array_equal(months, block.plan.natural[rows])
    without = block._months(rows, day, ANY, False, later)
    assert (without != block.plan.natural[rows]).any()


def test_treatment_that_begins_on_the_day_of_the_diagnosis_comes_after_it_unless_first_use_is_time_zero(
    patients: Followed,
) -> None:
    """Its dispensing lies in no window before time zero, and persons without use begin as often on that day."""
    block = Truth([STRONG])._block((0, 0))
    rows = np.flatnonzero(np.isin(block.person_id, patients.person_id))
    day = block.diagnosis[rows]
    begun = block._begun_on(rows, day)
    month = ((day - block.onset[rows]) // MONTH).astype(int)
    assert 0 < begun.sum() < 0.05 * len(rows)
    assert (block.plan.turns.begins[rows, month] | ~begun).all()
    without = block._months(rows[begun], day[begun], ANY, False, begun[begun])
    natural = block.plan.natural[rows[begun]]
    next_month = np.minimum(month[begun] + 1, natural.shape[1] - 1)
    at = np.arange(begun.sum())
    np.testing.assert_array_equal(without[at, next_month], natural[at, next_month])
    truth = Truth([STRONG])
    after, counted = (
        truth.log_hazard_ratio(patients, ANY),
        truth.log_hazard_ratio(replace(patients, zero_counts=True), ANY),
    )
    assert after.value is not None
    assert counted.value is not None
    assert counted.value < after.value < 0


def test_a_drug_without_effect_has_the_true_value_one(patients: Followed) -> None:
    anxiolytics = NO_DRUGS.copy()
    anxiolytics[members("N05B")] = True
    assert Truth([STRONG]).log_hazard_ratio(patients, Treatments(anxiolytics, NO_DRUGS)).value == 0.0
    none = Nation(parse_nation({"effects": {"rem_suppression_on_death": 1.0}}), 40_000, 5, 60.0)
    assert Truth([none]).log_hazard_ratio(diagnosed(none), ANY).value == 0.0


def test_lasting_use_is_the_contrast_of_the_worlds_that_last(patients: Followed) -> None:
    lasting = Treatments(drugs.SUPPRESSING, drugs.NON_SUPPRESSING, nobody_stops=True, nobody_switches=True)
    found = Truth([STRONG]).log_hazard_ratio(patients, lasting)
    worlds = SurvivalEstimand(
        target="suppressing_at_diagnosis", reference="non_suppressing_at_diagnosis", measure="hazard_ratio"
    )
    expected = compute_truth(STRONG, worlds)
    assert found.value is not None
    assert found.error is not None
    assert abs(found.value - log(expected.value)) < 4 * np.hypot(found.error, expected.std_error)
    assert log(0.5) < found.value < log(0.75)


def test_use_that_may_stop_does_less_than_lasting_use(patients: Followed) -> None:
    natural = Truth([STRONG]).log_hazard_ratio(patients, Treatments(drugs.SUPPRESSING, drugs.NON_SUPPRESSING))
    assert natural.value is not None
    assert log(0.9) < natural.value < 0.0


def test_what_has_no_true_value_says_why(patients: Followed) -> None:
    truth = Truth([STRONG])
    early = Followed(patients.person_id, patients.day - 30, 730)
    assert "before the diagnosis" in truth.log_hazard_ratio(early, ANY).why_not
    nobody = Followed(np.array([10**9]), np.array([17_000]), 730)
    assert "no motor neuron disease" in truth.log_hazard_ratio(nobody, ANY).why_not
    mixed = Treatments(drugs.SUPPRESSING & ~MIXED, MIXED)
    assert not of_one_kind(mixed.reference)
    assert "which to give" in truth.log_hazard_ratio(patients, mixed).why_not
    lasting = Treatments(drugs.ANTIDEPRESSANT, NO_DRUGS, nobody_stops=True)
    assert "lasting use" in truth.log_hazard_ratio(patients, lasting).why_not


def test_of_drugs_of_several_kinds_users_can_be_thought_of_with_the_other_drug(patients: Followed) -> None:
    """Nobody has to be given one of the several: users of any are held against themselves on another drug."""
    found = Truth([STRONG]).log_hazard_ratio(patients, Treatments(drugs.ANTIDEPRESSANT, drugs.NON_SUPPRESSING))
    assert found.value is not None
    assert found.value < 0


def test_parts_of_a_nation_are_found_beside_the_data(tmp_path) -> None:
    (tmp_path / "network").mkdir()
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "nation.json").write_text("{}")
    network = data_of_view(tmp_path, "network")
    assert network == str(tmp_path / "network")
    assert data_of_view(tmp_path, "register") == str(tmp_path)
    assert truth_beside(str(tmp_path), network) == [tmp_path / "truth"]
    assert truth_beside("postgres://server/nation") == []
    assert len(FORMULARY) == len(NO_DRUGS)


def test_treatment_that_ended_before_the_first_symptom_is_in_nobodys_hand_after_it() -> None:
    place = STRONG.places()[0]
    _, _, disease, episodes = draw_patients(STRONG.spec, place, STRONG.multiplier)
    block = Truth([STRONG])._block((0, 0))
    mine = drugs.ANTIDEPRESSANT[episodes.drug] & np.isin(episodes.person, disease.person)
    row = np.searchsorted(disease.person, episodes.person[mine])
    ended = episodes.stop[mine] < block.onset[row]
    former = np.setdiff1d(row[ended], row[~ended])
    assert len(former) > 20
    known = block.plan.illness.diagnosis[former]
    before = np.arange(block.plan.natural.shape[1]) < known[:, None]
    assert (block.plan.natural[former] == drugs.NONE)[before].all()
