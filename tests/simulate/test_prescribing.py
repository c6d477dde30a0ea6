"""Background treatment: what is drawn has the parameters it was drawn with."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from equipoise.errors import SpecError
from equipoise.simulate.block import YEAR, Episodes, People, Place
from equipoise.simulate.formulary import CLASS_OF, FORMULARY, PRESCRIBED
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.prescribing import draw_episodes, initiation_rate, merge, take
from equipoise.simulate.spec_prescribing import CLASS_FIELDS, ClassUse, PrescribingSection, Refills
from tests.simulate.made_people import END, adults, day

PLACE = Place(seed=7, block=0, first_person=0, persons=0)
Z = 4.0  # standard errors; one test in 16,000 would fail by chance
ONCE = {"single": 1.0, "chronic": 0.0, "vulnerability": 0.0, "tendency": 0.0}


def nation(switches: dict[str, bool] | None = None, **classes: dict[str, Any]) -> NationSpec:
    return parse_nation({"prescribing": classes, "switches": switches or {}})


def of_class(episodes: Episodes, atc: str) -> Episodes:
    return take(episodes, CLASS_OF[episodes.drug] == PRESCRIBED.index(atc))


def expected_begun(spec: NationSpec, atc: str, people: People) -> float:
    """Episodes begun when all last for no time: the rate summed month by month, person by person."""
    total = 0.0
    month = YEAR / 12
    for middle in np.arange(day("2000-01-01") + month / 2, END, month):
        age = (middle - people.born) / YEAR
        year = np.full(len(people), 1970 + middle / YEAR)
        total += initiation_rate(spec.prescribing.of_class(atc), people.female, age, year).sum() / 12
    return total


@pytest.mark.parametrize("atc", ["N05B", "N06A", "A02BC", "H03AA"])
def test_the_number_of_episodes_matches_the_rate(atc: str) -> None:
    # Few enough that an episode of a month or two hardly ever stands in the way of another.
    spec = nation(**{CLASS_FIELDS[atc]: {**ONCE, "rate": 4.0}})
    people = adults(30_000)
    begun = len(of_class(draw_episodes(spec, PLACE, people), atc))
    expected = expected_begun(spec, atc, people)
    blocked = 0.004  # at most this share begins while treated
    assert expected * (1 - blocked) - Z * expected**0.5 < begun < expected + Z * expected**0.5


def test_rates_depend_on_sex_age_and_year_as_stated() -> None:
    use = ClassUse(rate=10.0, women=2.0, by_age=((0.0, 0.0), (50.0, 1.0)), by_year=((2000.0, 1.0), (2020.0, 3.0)))
    rate = initiation_rate(
        use, np.array([False, True, False, False]), np.array([50, 60, 25, 90]), np.array([2000.0] * 4)
    )
    np.testing.assert_allclose(rate, [0.010, 0.020, 0.005, 0.010])
    assert initiation_rate(use, np.array([False]), np.array([50]), np.array([2010.0]))[0] == pytest.approx(0.020)


def test_vulnerability_loads_on_prescribing_with_its_parameter() -> None:
    # Where a rate is proportional to exp(b v) and v is standard normal, the mean of v over episodes is b.
    people = adults(60_000)
    for loading in (0.0, 0.5, 1.0):
        spec = nation(antidepressants={**ONCE, "vulnerability": loading, "rate": 2.0})
        v = people.vulnerability[of_class(draw_episodes(spec, PLACE, people), "N06A").person]
        clustering = 1.5  # several episodes of one person count as fewer
        assert abs(v.mean() - loading) < Z * clustering / len(v) ** 0.5


def test_the_mean_rate_does_not_depend_on_how_unequal_persons_are() -> None:
    people = adults(60_000)
    spec = nation(antidepressants={**ONCE, "vulnerability": 0.6, "tendency": 0.8, "rate": 3.0})
    begun = len(of_class(draw_episodes(spec, PLACE, people), "N06A"))
    expected = expected_begun(spec, "N06A", people)
    rate = expected / len(people)
    spread = (expected * (1 + rate * (np.exp(0.6**2 + 0.8**2) - 1))) ** 0.5
    assert abs(begun / expected - 1) < Z * spread / expected + 0.02  # two per cent may be blocked


def test_episodes_of_a_class_never_overlap_and_are_sorted() -> None:
    people = adults(20_000)
    episodes = draw_episodes(NationSpec(), PLACE, people)
    order = np.lexsort((episodes.drug, episodes.start, episodes.person))
    assert (order == np.arange(len(episodes))).all()
    assert (episodes.stop >= episodes.start).all()
    assert (episodes.dispensings >= 1).all()
    assert (episodes.reason == 0).all()
    for atc in PRESCRIBED:
        mine = of_class(episodes, atc)
        same = mine.person[1:] == mine.person[:-1]
        assert len(mine) > 100
        assert (mine.start[1:][same] > mine.stop[:-1][same]).all()


def test_nobody_is_treated_before_birth_or_begins_after_life() -> None:
    people = adults(5_000, youngest=-20.0, oldest=100.0)
    people.dies[:2_000] = day("2010-01-01")
    keeps = {"switching": 0.0}
    spec = nation(anxiolytics=keeps, hypnotics=keeps, antidepressants=keeps)
    episodes = draw_episodes(spec, PLACE, people)
    who = episodes.person
    assert (episodes.start >= np.maximum(people.born[who], day("2000-01-01"))).all()
    assert (episodes.start <= np.minimum(people.dies, people.leaves)[who]).all()


def test_lengths_have_their_shares_means_and_medians() -> None:
    shape = {"single": 0.3, "chronic": 0.25, "short_dispensings": 4.0, "chronic_years": 6.0, "chronic_spread": 0.5}
    spec = nation(anxiolytics={**shape, "vulnerability": 0.0, "tendency": 0.0, "switching": 0.0, "rate": 3.0})
    mine = of_class(draw_episodes(spec, PLACE, adults(60_000)), "N05B")
    n, years = len(mine), (mine.stop - mine.start + 1) / YEAR
    several = mine.dispensings >= 2
    assert abs((~several).mean() - 0.3) < Z * (0.21 / n) ** 0.5 + 0.003  # long treatment blocks a few
    long = years > 2.6  # short ones hardly ever last so long, long ones hardly ever less
    assert abs(long.mean() - 0.25 * 0.953) < Z * (0.19 / n) ** 0.5 + 0.003
    assert abs(np.log(np.median(years[years > 1.9]) / 6.0)) < 0.06
    short = several & (years < 1.9)
    assert abs(mine.dispensings[short].mean() - 5.0) < 0.15


def test_switching_splits_the_stated_share_and_loses_no_dispensing() -> None:
    people = adults(30_000)
    plain = of_class(draw_episodes(nation(hypnotics={"switching": 0.0}), PLACE, people), "N05C")
    split = of_class(draw_episodes(nation(hypnotics={"switching": 0.5}), PLACE, people), "N05C")
    assert split.dispensings.sum() == plain.dispensings.sum()
    extra = len(split) - len(plain)
    several = (plain.dispensings >= 2).sum()
    weights = np.bincount(plain.drug) / len(plain)
    assert extra / several == pytest.approx(0.5 * (1 - (weights**2).sum()), abs=0.04)
    contiguous = np.isin(split.start[1:], split.stop[:-1] + 1)
    assert contiguous.sum() >= extra


def test_without_its_arrow_vulnerability_changes_no_other_class() -> None:
    people = adults(20_000)
    on = draw_episodes(NationSpec(), PLACE, people)
    off = draw_episodes(nation({"vulnerability_to_prescribing": False}), PLACE, people)
    for atc in ("A02BC", "C08CA", "C09AA", "J01CE", "R06AX", "H03AA"):
        same = of_class(on, atc), of_class(off, atc)
        for name in ("person", "drug", "start", "stop", "dispensings"):
            assert getattr(same[0], name).tobytes() == getattr(same[1], name).tobytes()
    loaded = people.vulnerability[of_class(on, "N05B").person].mean()
    unloaded = people.vulnerability[of_class(off, "N05B").person].mean()
    assert loaded > 0.3
    assert abs(unloaded) < 0.08


def test_the_switch_equals_a_loading_of_zero() -> None:
    people = adults(4_000)
    off = draw_episodes(nation({"vulnerability_to_prescribing": False}), PLACE, people)
    none = {"vulnerability": 0.0}
    zero = draw_episodes(nation(anxiolytics=none, hypnotics=none, antidepressants=none), PLACE, people)
    assert off.start.tobytes() == zero.start.tobytes()
    assert off.person.tobytes() == zero.person.tobytes()


def test_classes_and_blocks_are_drawn_apart() -> None:
    people = adults(4_000)
    usual = of_class(draw_episodes(NationSpec(), PLACE, people), "N06A")
    without = of_class(draw_episodes(nation(anxiolytics={"rate": 0.0}), PLACE, people), "N06A")
    assert usual.start.tobytes() == without.start.tobytes()
    other = draw_episodes(NationSpec(), Place(7, 1, 4_000, 4_000), people)
    assert of_class(other, "N06A").start.tobytes() != usual.start.tobytes()


def test_episodes_join_and_split_again() -> None:
    episodes = draw_episodes(NationSpec(), PLACE, adults(500))
    halves = [take(episodes, np.arange(len(episodes)) % 2 == part) for part in (0, 1)]
    assert len(merge(halves)) == len(episodes)
    assert sorted(merge(halves).start) == sorted(episodes.start)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"by_age": ((20.0, 1.0), (20.0, 2.0))}, "ascend"),
        ({"by_year": ((2000.0, -1.0),)}, "below 0"),
        ({"single": 0.7, "chronic": 0.5}, "exceed 1"),
    ],
)
def test_curves_and_shares_that_cannot_be_are_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        ClassUse(**fields)


@pytest.mark.parametrize("of_class", sorted(CLASS_FIELDS.values()))
def test_every_class_keeps_the_limits_of_its_parameters(of_class: str) -> None:
    with pytest.raises(SpecError) as faults:
        nation(**{of_class: {"rate": -1.0, "women": 0.0, "short_dispensings": 0.5, "strength": 1}})
    assert len(faults.value.faults) == 4


def test_refills_are_missed_or_doubled_but_not_both() -> None:
    with pytest.raises(ValidationError, match="exceed 1"):
        Refills(missed=0.6, double=0.6)


def test_a_class_that_nobody_takes_has_no_episode() -> None:
    nobody = nation(
        anxiolytics={"rate": 0.0}, hypnotics={"by_age": [[0.0, 0.0]]}, antidepressants={"by_year": [[2000.0, 0.0]]}
    )
    episodes = draw_episodes(nobody, PLACE, adults(2_000))
    assert not np.isin(CLASS_OF[episodes.drug], [PRESCRIBED.index(atc) for atc in ("N05B", "N05C", "N06A")]).any()


def test_recording_cannot_begin_before_treatment() -> None:
    early = NationSpec().prescribing.treated_from.replace(year=1999)
    with pytest.raises(ValidationError, match="recorded_from"):
        PrescribingSection(recorded_from=early)


def test_every_class_of_the_specification_is_drawn_and_every_parameter_has_unit_and_source() -> None:
    assert tuple(CLASS_FIELDS) == PRESCRIBED
    for atc in PRESCRIBED:
        for field in type(NationSpec().prescribing.of_class(atc)).model_fields.values():
            assert field.description
            assert isinstance(field.json_schema_extra, dict)
            assert field.json_schema_extra["unit"]
            assert field.json_schema_extra["source"]
    assert {drug.atc[:4] for drug in FORMULARY} >= {"N05B", "N05C", "N06A"}
