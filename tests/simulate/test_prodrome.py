"""Reverse causation: episodes that the disease begins before its diagnosis."""

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from equipoise.simulate.antidepressants import NON_SUPPRESSING, SUPPRESSING
from equipoise.simulate.block import YEAR, Disease, Episodes, People, Place
from equipoise.simulate.formulary import CLASS_OF, PRESCRIBED, STUDIED
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.prescribing import take
from equipoise.simulate.prodromal_diagnoses import draw_prodromal_diagnoses
from equipoise.simulate.prodrome import MOST, draw_prodrome
from tests.simulate.made_people import adults, day

PLACE = Place(seed=5, block=0, first_person=0, persons=0)
N = 40_000
Z = 4.0  # standard errors; one test in 16,000 would fail by chance


def nation(switches: dict[str, bool] | None = None, **prodrome: Any) -> NationSpec:
    return parse_nation({"switches": switches or {}, "disease": {"prodrome": prodrome}})


@pytest.fixture(scope="module")
def patients() -> tuple[People, Disease]:
    """Everybody is a case, diagnosed in 2015, half of them with a slope one point above the mean."""
    diagnosis = np.full(N, day("2015-06-01"), np.int32)
    slope = np.where(np.arange(N) % 2 == 0, 0.89, 1.89)
    person, none = np.arange(N, dtype=np.int32), np.zeros(N, np.int8)
    onset = (diagnosis - 300).astype(np.int32)
    return adults(N), Disease(person, none, onset, onset, diagnosis, none.astype(bool), slope)


def of_class(episodes: Episodes, atc: str) -> Episodes:
    return take(episodes, CLASS_OF[episodes.drug] == PRESCRIBED.index(atc))


@pytest.mark.parametrize("atc", STUDIED)
def test_there_are_as_many_extra_episodes_as_stated_and_more_in_faster_disease(
    patients: tuple[People, Disease], atc: str
) -> None:
    even = {"vulnerability": 0.0}
    spec = nation(slope=0.6, anxiolytics=even, hypnotics=even, antidepressants=even)
    person = of_class(draw_prodrome(spec, PLACE, *patients), atc).person
    mean = spec.disease.prodrome.of_class(atc).episodes
    for remainder, expected in ((0, mean), (1, mean * np.exp(0.6))):
        count = (person % 2 == remainder).sum() / (N / 2)
        assert abs(count - expected) < Z * (expected / (N / 2)) ** 0.5


@pytest.mark.parametrize("atc", STUDIED)
def test_the_time_to_the_diagnosis_is_exponential(patients: tuple[People, Disease], atc: str) -> None:
    spec = NationSpec()
    episodes = of_class(draw_prodrome(spec, PLACE, *patients), atc)
    years = (day("2015-06-01") - episodes.start) / YEAR
    mean = spec.disease.prodrome.of_class(atc).years
    assert years.min() > 0
    assert abs(years.mean() - mean) < Z * mean / len(years) ** 0.5 + 0.003
    assert abs((years > 1).mean() - np.exp(-1 / mean)) < Z * 0.5 / len(years) ** 0.5
    assert (episodes.reason == 1).all()


def test_one_dispensing_only_is_as_frequent_as_stated(patients: tuple[People, Disease]) -> None:
    spec = nation(hypnotics={"episodes": 0.5, "years": 0.5, "single": 0.35})
    count = of_class(draw_prodrome(spec, PLACE, *patients), "N05C").dispensings
    assert abs((count == 1).mean() - 0.35) < Z * 0.48 / len(count) ** 0.5


def test_without_the_prodrome_there_is_no_episode(patients: tuple[People, Disease]) -> None:
    none = draw_prodrome(nation({"prodrome": False}), PLACE, *patients)
    assert len(none) == 0
    assert none.start.dtype == np.int32


def test_without_severity_slopes_do_not_matter_and_cases_of_mean_slope_stay_as_they_were(
    patients: tuple[People, Disease],
) -> None:
    on = draw_prodrome(NationSpec(), PLACE, *patients)
    off = draw_prodrome(nation({"severity_to_prescribing": False}), PLACE, *patients)
    mean = [take(episodes, episodes.person % 2 == 0) for episodes in (on, off)]
    for name in ("person", "drug", "start", "stop", "dispensings"):
        assert getattr(mean[0], name).tobytes() == getattr(mean[1], name).tobytes()
    fast, slow = (off.person % 2 == 1).sum(), (off.person % 2 == 0).sum()
    assert abs(fast - slow) < Z * (fast + slow) ** 0.5
    assert (on.person % 2 == 1).sum() > 1.4 * fast


def test_a_case_and_a_class_do_not_shift_another(patients: tuple[People, Disease]) -> None:
    people, disease = patients
    some = Disease(*(getattr(disease, name)[::3] for name in Disease.__dataclass_fields__))
    whole, part = (draw_prodrome(NationSpec(), PLACE, people, cases) for cases in (disease, some))
    kept = take(whole, whole.person % 3 == 0)
    assert kept.start.tobytes() == part.start.tobytes()
    assert kept.drug.tobytes() == part.drug.tobytes()
    more = draw_prodrome(nation(anxiolytics={"episodes": 0.5}), PLACE, people, disease)
    assert of_class(more, "N05C").start.tobytes() == of_class(whole, "N05C").start.tobytes()
    # A higher mean adds episodes to those that were there.
    assert np.isin(of_class(whole, "N05B").start, of_class(more, "N05B").start).all()


def test_vulnerable_patients_have_more_of_them_and_a_switch_takes_that_away(patients: tuple[People, Disease]) -> None:
    people, disease = patients
    v = people.vulnerability

    def slope_of(switches: dict[str, bool]) -> float:
        spec = nation(switches, antidepressants={"vulnerability": 0.9}, slope=0.0)
        number = np.bincount(of_class(draw_prodrome(spec, PLACE, people, disease), "N06A").person, minlength=N)
        return float(np.log(number[v > 1].mean() / number[v < -1].mean()))

    # Means of exp(0.9 v) above 1 and below -1, of a standard normal v.
    expected = np.log((1 - ndtr(1 - 0.9)) / ndtr(-1 - 0.9))
    assert slope_of({}) == pytest.approx(expected, abs=0.25)
    assert slope_of({"vulnerability_to_prescribing": False}) == pytest.approx(0.0, abs=0.15)


def test_faster_disease_calls_for_drugs_that_do_not_suppress_rem_sleep(patients: tuple[People, Disease]) -> None:
    even = {"vulnerability": 0.0, "episodes": 0.5}
    for switches, odds_ratio in (({}, np.exp(2.0)), ({"severity_to_prescribing": False}, 1.0)):
        episodes = of_class(draw_prodrome(nation(switches, antidepressants=even), PLACE, *patients), "N06A")
        fast, other = episodes.person % 2 == 1, NON_SUPPRESSING[episodes.drug]
        assert np.array_equal(other, ~SUPPRESSING[episodes.drug])
        odds = [other[rows].mean() / (1 - other[rows].mean()) for rows in (fast, ~fast)]
        assert np.log(odds[0] / odds[1]) == pytest.approx(np.log(odds_ratio), abs=0.2)


def test_depression_comes_before_the_diagnosis_as_often_as_stated(patients: tuple[People, Disease]) -> None:
    spec = nation(depression={"episodes": 0.1, "years": 2.0})
    complete = spec.model_copy(update={"switches": spec.switches.model_copy(update={"incomplete_diagnoses": False})})
    found = draw_prodromal_diagnoses(complete, PLACE, *patients)
    assert (found.day < day("2015-06-01")).all()
    assert np.unique(found.person).size / N == pytest.approx(1 - np.exp(-0.1), abs=Z * 0.3 / N**0.5)
    first = np.full(N, 2**31)
    np.minimum.at(first, found.person, found.day)
    years = (day("2015-06-01") - first[first < 2**31]) / YEAR
    assert years.mean() == pytest.approx(2.0, abs=0.2)
    none = nation({"prodrome": False}, depression={"episodes": 0.1})
    assert len(draw_prodromal_diagnoses(none, PLACE, *patients)) == 0


def test_numbers_of_episodes_are_poisson(patients: tuple[People, Disease]) -> None:
    spec = nation(antidepressants={"episodes": 0.5, "vulnerability": 0.0}, slope=0.0)
    person = of_class(draw_prodrome(spec, PLACE, *patients), "N06A").person
    number = np.bincount(np.bincount(person, minlength=N), minlength=MOST + 1) / N
    expected = np.exp(-0.5) * np.array([1, 0.5, 0.5**2 / 2, 0.5**3 / 6])
    np.testing.assert_allclose(number[:4], expected, atol=Z * 0.5 / N**0.5)


def test_naming_one_number_of_a_class_leaves_the_others_of_that_class() -> None:
    changed = nation(anxiolytics={"years": 0.9}).disease.prodrome.anxiolytics
    assert changed == NationSpec().disease.prodrome.anxiolytics.model_copy(update={"years": 0.9})


def test_a_nation_without_cases_has_no_prodrome() -> None:
    nobody = np.zeros(0, np.int32)
    none = Disease(nobody, nobody.astype(np.int8), nobody, nobody, nobody, nobody.astype(bool), np.zeros(0))
    assert len(draw_prodrome(NationSpec(), PLACE, adults(5), none)) == 0
