"""Motor neuron disease up to the diagnosis: hazards, worlds, switches, and what the disease is like."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from equipoise.simulate.block import MONTH, NEVER, YEAR, Disease, Episodes, People, Place
from equipoise.simulate.disease import (
    ALS,
    OTHER,
    cumulative_hazard,
    draw_disease,
    draw_onsets,
    hazard_of,
    hazard_ratios,
    planned_diagnosis,
)
from equipoise.simulate.formulary import members
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.prescribing import draw_episodes
from equipoise.simulate.streams import stream
from tests.simulate.made_people import END, adults, day, made_people

PLACE = Place(seed=5, block=2, first_person=40_000, persons=0)
ENRICHED = 40.0
Z = 4.0  # standard errors; one test in 16,000 would fail by chance


def nation(
    effects: dict[str, float] | None = None, switches: dict[str, bool] | None = None, **disease: dict[str, Any]
) -> NationSpec:
    changed = {"class_on_als_onset": effects} if effects else {}
    return parse_nation({"effects": changed, "switches": switches or {}, "disease": disease})


def no_episodes() -> Episodes:
    whole = np.zeros(0, np.int32)
    return Episodes(whole, np.zeros(0, np.int16), whole, whole, whole, np.zeros(0, np.int8))


def exposure(person: np.ndarray, start: np.ndarray, stop: np.ndarray, atc: str = "N06A") -> Episodes:
    n = len(person)
    drug = np.full(n, members(atc)[0], np.int16)
    days = (values.astype(np.int32) for values in (start, stop))
    begin, end = days
    return Episodes(person.astype(np.int32), drug, begin, end, np.ones(n, np.int32), np.zeros(n, np.int8))


def same(one: Disease, other: Disease) -> bool:
    return all(getattr(one, f.name).tobytes() == getattr(other, f.name).tobytes() for f in fields(Disease))


def test_cases_are_as_many_as_the_hazard_says() -> None:
    people = adults(60_000, carriers=0.002)
    spec = nation()
    cases = draw_disease(spec, PLACE, people, no_episodes(), ENRICHED)
    of_als = -np.expm1(-cumulative_hazard(spec, people, people.start, people.leaves, ENRICHED))
    variance = (of_als * (1 - of_als)).sum()
    # Whoever gets the other disease first cannot get ALS; that is rare.
    assert abs((cases.kind == ALS).sum() - of_als.sum()) < Z * variance**0.5 + 0.005 * of_als.sum()
    other = cumulative_hazard(spec, replace(people, carrier=np.zeros(60_000, bool)), people.start, people.leaves)
    share = spec.disease.incidence.als_share
    of_other = (other * (1 - share) / share).sum()
    assert abs((cases.kind == OTHER).sum() - of_other) < Z * of_other**0.5 + 0.06 * of_other


def test_the_hazard_is_a_bell_curve_by_age_and_sex() -> None:
    peak = {"peak": 20.0, "peak_age": 70.0, "spread": 10.0, "women": 0.5, "als_share": 0.8, "vulnerability": 0.0}
    spec = nation(incidence=peak)
    at = np.array([70.0, 60.0, 80.0, 70.0])
    born = np.round(day("2010-01-01") - YEAR * at)
    people = made_people(born, np.array([False, False, False, True]), np.ones(4))
    hazard = hazard_of(spec, people, day("2010-01-01"))
    np.testing.assert_allclose(hazard, 0.8 * 20e-5 * np.exp([0, -0.5, -0.5, 0]) * [1, 1, 1, 0.5], rtol=1e-4)


def test_the_cumulative_hazard_is_the_sum_of_the_hazard() -> None:
    people, spec = adults(50, carriers=0.1), nation()
    days = np.arange(day("2001-01-01"), day("2020-01-01"))
    summed = sum(hazard_of(spec, people, int(one)) for one in days) / YEAR
    whole = cumulative_hazard(spec, people, days[0], days[-1] + 1)
    np.testing.assert_allclose(summed, whole, rtol=1e-3)
    assert (cumulative_hazard(spec, people, days[-1], days[0]) == 0).all()


def test_onset_is_where_the_cumulative_hazard_reaches_the_persons_number() -> None:
    people, spec = adults(20_000, carriers=0.002), nation()
    onsets = draw_onsets(spec, PLACE, people, no_episodes(), ENRICHED)
    needed = stream(PLACE.seed, f"onset {PLACE.block}").exponential(1.0, (2, 20_000))[0]
    got = np.flatnonzero(np.isfinite(onsets.als))
    before = cumulative_hazard(spec, people, people.start, np.where(np.isfinite(onsets.als), onsets.als, 0), ENRICHED)
    after = cumulative_hazard(
        spec, people, people.start, np.where(np.isfinite(onsets.als), onsets.als + 1, 1), ENRICHED
    )
    assert len(got) > 2_000
    assert (before[got] <= needed[got] + 1e-9).all()
    assert (needed[got] <= after[got] + 1e-9).all()


def test_vulnerability_tilts_the_hazard_and_leaves_its_mean() -> None:
    people = adults(400_000)
    ratios = hazard_ratios(nation(incidence={"vulnerability": 0.5, "als_share": 1.0}), people)
    assert ratios.als.mean() == pytest.approx(1.0, abs=Z * 0.53 / 400_000**0.5)
    assert np.average(people.vulnerability, weights=ratios.als) == pytest.approx(0.5, abs=0.01)


def test_each_switch_takes_out_its_arrow_alone() -> None:
    people, nobody = adults(30_000, carriers=0.01), no_episodes()
    usual = draw_onsets(nation(), PLACE, people, nobody, ENRICHED)
    no_gene = draw_onsets(nation(switches={"genetic_liability": False}), PLACE, people, nobody, ENRICHED)
    plain = ~people.carrier
    assert usual.als[plain].tobytes() == no_gene.als[plain].tobytes()
    assert usual.other.tobytes() == no_gene.other.tobytes()
    assert (no_gene.als[people.carrier] >= usual.als[people.carrier]).all()
    assert np.isfinite(usual.als[people.carrier]).mean() > 5 * np.isfinite(no_gene.als[people.carrier]).mean()

    flat = draw_onsets(nation(switches={"vulnerability_to_als": False}), PLACE, people, nobody, ENRICHED)
    zero = draw_onsets(nation(incidence={"vulnerability": 0.0}), PLACE, people, nobody, ENRICHED)
    assert flat.als.tobytes() == zero.als.tobytes()
    case = np.isfinite(flat.als) & (flat.als <= END) & plain
    assert abs(people.vulnerability[case].mean()) < Z / case.sum() ** 0.5


def test_enrichment_multiplies_als_in_those_without_the_gene_and_changes_nothing_else() -> None:
    people, nobody = adults(60_000, carriers=0.005), no_episodes()
    low, high = (draw_onsets(nation(), PLACE, people, nobody, times) for times in (5.0, 25.0))
    assert low.als[people.carrier].tobytes() == high.als[people.carrier].tobytes()
    assert low.other.tobytes() == high.other.tobytes()
    count = [((onsets.als <= END) & ~people.carrier).sum() for onsets in (low, high)]
    expected = [
        -np.expm1(-cumulative_hazard(nation(), people, people.start, people.leaves, times))[~people.carrier].sum()
        for times in (5.0, 25.0)
    ]
    assert abs(count[1] - expected[1]) < Z * expected[1] ** 0.5
    assert count[1] / count[0] == pytest.approx(expected[1] / expected[0], rel=Z / count[0] ** 0.5)
    few, many = (draw_disease(nation(), PLACE, people, nobody, times) for times in (5.0, 25.0))
    both = np.isin(few.person, many.person) & (few.kind == ALS)
    position = np.searchsorted(many.person, few.person[both])
    assert np.isin(few.person, many.person).all()
    assert (many.slope[position] == few.slope[both]).all()  # the same person has the same disease, only earlier
    assert (many.onset[position] <= few.onset[both]).all()


def test_without_effects_the_untreated_world_is_the_world() -> None:
    people = adults(20_000, carriers=0.001)
    cases = draw_disease(nation(), PLACE, people, draw_episodes(NationSpec(), PLACE, people), ENRICHED)
    assert (cases.onset_untreated == cases.onset).all()
    assert same(cases, draw_disease(nation(), PLACE, people, no_episodes(), ENRICHED))


def test_an_effect_of_two_doubles_the_hazard_of_the_exposed_and_of_nobody_else() -> None:
    n = 60_000
    people = adults(n, youngest=40.0, oldest=80.0)
    exposed = np.arange(n) % 2 == 0
    row = np.flatnonzero(exposed)
    taken = exposure(row, np.full(len(row), day("2001-01-01")), np.full(len(row), END))
    spec = nation(effects={"N06A": 2.0})
    onsets = draw_onsets(spec, PLACE, people, taken, ENRICHED)
    assert onsets.als[~exposed].tobytes() == onsets.als_untreated[~exposed].tobytes()
    hazard = cumulative_hazard(spec, people, people.start, np.minimum(onsets.als, END), ENRICHED)
    # Observed cases over untreated hazard passed: the hazard ratio, for a martingale its own control.
    ratio = {is_exposed: (onsets.als <= END)[exposed == is_exposed].sum() / hazard[exposed == is_exposed].sum()
             for is_exposed in (False, True)}  # fmt: skip
    cases = (onsets.als <= END)[exposed].sum()
    assert cases > 2_000
    assert ratio[True] == pytest.approx(2.0, rel=Z / cases**0.5)
    assert ratio[False] == pytest.approx(1.0, rel=Z / (onsets.als <= END)[~exposed].sum() ** 0.5)


def test_exposure_acts_while_it_lasts_and_not_after() -> None:
    n = 40_000
    people = adults(n, youngest=40.0, oldest=80.0)
    start, stop = np.full(n, day("2006-01-01")), np.full(n, day("2010-12-31"))
    onsets = draw_onsets(nation(effects={"N06A": 3.0}), PLACE, people, exposure(np.arange(n), start, stop), ENRICHED)
    early = onsets.als < day("2006-01-01")
    assert onsets.als[early].tobytes() == onsets.als_untreated[early].tobytes()
    assert (onsets.als <= onsets.als_untreated).all()
    rates = []
    for first, last in (("2001-01-01", "2005-12-31"), ("2006-01-01", "2010-12-31"), ("2011-01-01", "2015-12-31")):
        free = onsets.als >= day(first)
        until = np.minimum(onsets.als, day(last) + 1)
        passed = cumulative_hazard(nation(), people, np.full(n, day(first)), until, ENRICHED)[free].sum()
        cases = (free & (onsets.als <= day(last))).sum()
        rates.append(cases / passed)
        assert cases > 300
    assert rates == pytest.approx([1.0, 3.0, 1.0], rel=0.15)


def test_exposed_onset_equals_a_sum_day_by_day() -> None:
    people = adults(16, youngest=55.0, oldest=75.0)
    spec = parse_nation({"effects": {"class_on_als_onset": {"N05B": 0.4, "N05C": 1.0, "N06A": 2.5}}})
    often = {"rate": 400.0}
    episodes = draw_episodes(
        parse_nation({"prescribing": {"antidepressants": often, "anxiolytics": often}}), PLACE, people
    )
    onsets = draw_onsets(spec, PLACE, people, episodes, 2_000.0)
    needed = stream(PLACE.seed, f"onset {PLACE.block}").exponential(1.0, (2, 16))[0]
    assert (onsets.als != onsets.als_untreated).mean() > 0.5
    compared = 0
    for row in range(16):
        passed, entry = 0.0, int(people.start[row])
        one = People(*(getattr(people, f.name)[row : row + 1] for f in fields(People)))
        hazard = hazard_of(spec, one, np.arange(entry, END + 1), 2_000.0) / YEAR
        on = entry
        mine = episodes.person == row
        while on <= END and passed < needed[row]:
            taken = episodes.drug[mine & (episodes.start <= on) & (on <= episodes.stop)]
            ratio = (2.5 if np.isin(taken, members("N06A")).any() else 1.0) * (
                0.4 if np.isin(taken, members("N05B")).any() else 1.0
            )
            passed += ratio * hazard[on - entry]
            on += 1
        if passed >= needed[row]:
            assert abs(onsets.als[row] - (on - 1)) <= 1
            compared += 1
    assert compared > 5


def test_a_protective_effect_is_kept_for_those_it_keeps_free() -> None:
    n = 20_000
    people = adults(n, youngest=50.0)
    taken = exposure(np.arange(n), np.full(n, day("2001-01-01")), np.full(n, END))
    onsets = draw_onsets(nation(effects={"N06A": 0.5}), PLACE, people, taken, ENRICHED)
    saved = (onsets.als_untreated <= END) & (onsets.als > END)
    assert saved.sum() > 100


def test_harmed_persons_would_have_stayed_free() -> None:
    n = 20_000
    people = adults(n, youngest=50.0)
    taken = exposure(np.arange(n), np.full(n, day("2001-01-01")), np.full(n, END))
    cases = draw_disease(nation(effects={"N06A": 2.0}), PLACE, people, taken, ENRICHED)
    free = cases.onset_untreated == NEVER
    assert 0.2 < free.mean() < 0.8
    assert (cases.onset_untreated[~free] >= cases.onset[~free]).all()


@pytest.mark.parametrize(
    ("incidence", "kinds"), [({"peak": 0.0}, set()), ({"als_share": 1.0}, {ALS}), ({"als_share": 0.0}, {OTHER})]
)
def test_a_disease_nobody_gets_is_nobodys(incidence: dict[str, float], kinds: set[int]) -> None:
    spec = nation(effects={"N06A": 2.0}, incidence=incidence)
    people = adults(50_000)
    episodes = draw_episodes(spec, PLACE, people)
    assert set(draw_disease(spec, PLACE, people, episodes, ENRICHED).kind) == kinds


def test_nobody_falls_ill_before_observation_after_it_or_after_death() -> None:
    people = adults(20_000)
    people.dies[:5_000] = day("2008-01-01")
    people.leaves[5_000:10_000] = day("2006-06-30")
    cases = draw_disease(nation(), PLACE, people, no_episodes(), 100.0)
    row = cases.person
    assert (np.diff(row) > 0).all()
    assert (cases.onset >= people.start[row]).all()
    assert (cases.onset < people.dies[row]).all()
    assert (cases.onset <= people.leaves[row]).all()
    assert (cases.diagnosis > cases.onset).all()


@pytest.fixture(scope="module")
def many() -> tuple[People, Disease]:
    people = adults(150_000, youngest=35.0)
    return people, draw_disease(nation(), PLACE, people, no_episodes(), 60.0)


def test_slopes_are_those_of_population_registers(many: tuple[People, Disease]) -> None:
    slope = many[1].slope[many[1].kind == ALS]
    assert len(slope) > 10_000
    assert slope.mean() == pytest.approx(0.89, abs=0.02)
    low, high = np.quantile(slope, [0.025, 0.975])
    assert low == pytest.approx(0.04, abs=0.06)
    assert high == pytest.approx(1.96, abs=0.06)
    assert (slope > 0).all()
    assert many[1].slope[many[1].kind == OTHER].mean() == pytest.approx(0.445, abs=0.1)


def test_the_delay_has_its_median_and_is_shorter_in_faster_disease(many: tuple[People, Disease]) -> None:
    onset, cases = NationSpec().disease.onset, many[1]
    years = (cases.diagnosis - cases.onset) / YEAR
    assert np.median(years) == pytest.approx(onset.delay, abs=0.06)
    slow = cases.slope < 0.6  # so slow that `latest` hardly ever decides
    fit = np.polyfit(cases.slope[slow], np.log(years[slow]), 1)
    assert fit[0] == pytest.approx(onset.delay_slope, abs=0.12)


def test_nobody_loses_more_than_the_latest_points_before_the_diagnosis(many: tuple[People, Disease]) -> None:
    cases = many[1]
    months = (cases.diagnosis - cases.onset) / MONTH
    assert (cases.slope * (months - 1 / 30) < NationSpec().disease.onset.latest).all()


def test_the_diagnosis_can_be_planned_for_any_onset(many: tuple[People, Disease]) -> None:
    people, cases = many
    onset, kind = np.full(len(people), np.inf), np.zeros(len(people), np.int8)
    onset[cases.person], kind[cases.person] = cases.onset, cases.kind
    planned = planned_diagnosis(nation(), PLACE, onset, kind)
    assert (planned[cases.person] == cases.diagnosis).all()
    assert np.isfinite(planned).sum() == len(cases)
    later = planned_diagnosis(nation(), PLACE, onset + 10, kind)
    assert (later[cases.person] == planned[cases.person] + 10).all()


def test_bulbar_onset_is_within_its_range_and_rises_with_age_and_in_women(many: tuple[People, Disease]) -> None:
    people, cases = many
    female, age = people.female[cases.person], (cases.onset - people.born[cases.person]) / YEAR
    assert 0.25 < cases.bulbar.mean() < 0.34
    assert cases.bulbar[female].mean() > cases.bulbar[~female].mean() + 0.03
    assert cases.bulbar[age > 72].mean() > cases.bulbar[age < 60].mean() + 0.05


def test_the_arrays_have_the_types_of_the_interface(many: tuple[People, Disease]) -> None:
    types = {f.name: getattr(many[1], f.name).dtype for f in fields(Disease)}
    assert types == {
        "person": np.int32, "kind": np.int8, "onset": np.int32, "onset_untreated": np.int32,
        "diagnosis": np.int32, "bulbar": np.bool_, "slope": np.float64,
    }  # fmt: skip
