"""In networks of hospitals every way of making two groups of users alike is unbiased, and its intervals cover."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import equipoise as eq
from equipoise.simulate.nation_spec import parse_nation
from equipoise.simulate.true_values import Nation, compute_truth, read_nation_truth_at
from tests.coverage.network_truth import survivors_shift, true_contrasts, users
from tests.coverage.networks import (
    FIRST,
    MEASURES,
    NETWORK,
    of_network,
    smaller_arm,
    table,
    true_values,
    unconfounded_network,
)
from tests.coverage.places import kept_at
from tests.coverage.simulation import simulate
from tests.coverage.summary import Coverage, Truth, of_users, summarised

NETWORKS, LEAST_IN_AN_ARM = 200, 100
ERRORS = 3.5  # Monte Carlo standard errors within which a simulated figure lies
WAYS = ("crude", "matched", "stratified", "weighted")
SMALL = Nation(unconfounded_network(), 6_000, 5, 400.0)


def test_the_truth_follows_the_persons_whom_the_study_compares(tmp_path: Path) -> None:
    spec = unconfounded_network()
    eq.write_nation(tmp_path / "nation", spec, persons=1, seed=11, views=("network",), workers=1)
    with closing(eq.connect(tmp_path / "nation" / "network")) as source:
        compared = eq.assemble(eq.read_study(NETWORK), source, analysis=FIRST, store=tmp_path / "store")
    catchment = read_nation_truth_at(tmp_path / "nation" / "network" / "truth")
    suppressing = np.concatenate([users(catchment, block)[2] for block in range(len(catchment.places()))])
    assert len(compared) == len(suppressing) > 2 * LEAST_IN_AN_ARM
    assert compared.arm is not None
    assert int(compared.arm.sum()) == int(suppressing.sum())


def test_a_drug_without_effect_changes_no_life() -> None:
    raw = unconfounded_network().model_dump(mode="json") | {"effects": {"rem_suppression_on_death": 1.0}}
    without = Nation(parse_nation(raw), SMALL.persons, SMALL.seed, SMALL.multiplier)
    found = true_contrasts(without, [of_users(measure) for measure in MEASURES])
    assert [one.value for one in found] == pytest.approx([1.0, 0.0, 1.0, 0.0], abs=1e-9)
    assert list(survivors_shift(without).values()) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_survivors_of_the_weeks_before_time_zero_make_the_drug_look_a_little_less_good() -> None:
    shift = survivors_shift(SMALL)
    assert 0 < shift["risk_difference"] < 0.015
    assert -6 < shift["rmst_difference"] < 0


def test_lives_from_time_zero_and_worlds_that_part_a_little_earlier_have_much_the_same_contrasts() -> None:
    for measure in ("hazard_ratio", "risk_difference"):
        (lived,) = true_contrasts(SMALL, [of_users(measure)])
        world = compute_truth(SMALL, of_users(measure))
        scale = np.log if measure == "hazard_ratio" else float
        assert scale(lived.value) < 0
        difference = abs(scale(lived.value) - scale(world.value))
        assert difference < 0.02 + 3 * np.hypot(lived.std_error, world.std_error)


def test_the_table_says_what_is_what() -> None:
    truth = Truth(-0.3, 0.0)
    key = ("overlap", "not_suppressing", "suppressing", "3 years before", "weighted", "hazard_ratio")
    one = Coverage(key, np.array([-0.5, -0.3, -0.1]), np.full(3, 0.1), np.array([False, True, False]), truth)
    other = Coverage((*key[:-2], "crude", "rmst_difference"), one.estimates, one.errors, one.inside, truth)
    _, _, first, second = table([one, other]).splitlines()
    assert first.startswith("| nothing | RMST difference | 3 | -0.3 ")
    assert second == "| overlap weights | log hazard ratio | 3 | -0.300 | +0.000 / 0.115 | 2.00 | 33.3 | 2.00 |"


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, object]]]:
    return simulate(NETWORKS, kept_at("networks", tmp_path_factory), workers=2, found=of_network)


@pytest.fixture(scope="module")
def covered(networks: list[list[dict[str, object]]]) -> list[Coverage]:
    return summarised(networks, true_values())


@pytest.mark.slow
def test_every_network_holds_patients_enough(networks: list[list[dict[str, object]]]) -> None:
    assert min(map(smaller_arm, networks)) >= LEAST_IN_AN_ARM


@pytest.mark.slow
def test_every_adjustment_is_unbiased_and_its_intervals_cover(covered: list[Coverage]) -> None:
    made = {(one.key[0], one.key[-1]) for one in covered if one.key[-2] != "crude"}
    assert len(made) == 7 * len(MEASURES)
    assert {one.key[-2] for one in covered} == set(WAYS)
    for one in covered:
        # Of a race with few persons, trimming can leave those of one arm: a score of those left then has no estimate.
        least = 0.8 if one.key[0] == "trimmed" else 1.0
        assert len(one.estimates) >= least * NETWORKS, one.key
        assert abs(one.bias) < ERRORS * one.bias_error, one.key
        assert abs(one.coverage - 0.95) < ERRORS * one.coverage_error, one.key
        assert one.largest < one.bound + 0.5, one.key
