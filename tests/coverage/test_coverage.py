"""In nations without confounding, estimates are unbiased and intervals cover the truth as often as they say.

The simulations are slow; how their figures are worked out is held against numbers made by hand.
"""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from tests.coverage.nations import MULTIPLIER, Rows, unconfounded
from tests.coverage.places import kept_at
from tests.coverage.simulation import TRUTH_PERSONS, of_trial, simulate
from tests.coverage.summary import LEVEL, Coverage, Truth, page, summarised, truths

NATIONS = 200
ERRORS = 3.5  # Monte Carlo standard errors within which a simulated figure lies


def row(estimate: float, error: float, **changes: object) -> dict[str, object]:
    """A row of estimates as `nations.estimates` keeps it."""
    made: dict[str, object] = {
        "analysis": "a", "comparison": "b", "exposure": "c", "window": None, "adjustment": "crude",
        "measure": "odds_ratio", "estimate": np.exp(estimate), "log_estimate": estimate, "std_error": error,
        "conf_low": np.exp(estimate - 1.96 * error), "conf_high": np.exp(estimate + 1.96 * error), "reason": None,
    }  # fmt: skip
    return made | changes


def test_bias_coverage_and_bound_of_three_nations() -> None:
    nations: list[Rows] = [[row(0.1, 0.1)], [row(-0.1, 0.1)], [row(0.3, 0.1)], [row(0.0, 0.1, reason="NO_CASES")]]
    (found,) = summarised(nations, {("odds_ratio",): Truth(0.0, 0.0)})
    assert found.key == ("a", "b", "c", "", "crude", "odds_ratio")
    assert found.bias == pytest.approx(0.1)
    assert found.bias_error == pytest.approx(0.2 / 3**0.5)
    assert found.coverage == pytest.approx(2 / 3)
    assert (found.largest, found.farthest) == (pytest.approx(3.0), pytest.approx(3.0))
    assert found.bound == pytest.approx(2.394, abs=1e-3)  # the normal deviate of 0.025 / 3
    assert found.spread_ratio == pytest.approx(2.0)
    assert "66.7" in page([found], 3)


def test_finished_nations_are_read_and_missing_ones_made(tmp_path: Path) -> None:
    asked: list[int] = []

    def found(seed: int) -> Rows:
        asked.append(seed)
        return [row(float(seed), 0.1)]

    first = simulate(2, tmp_path / "kept", found=found)
    (tmp_path / "kept" / "3.part").write_text("[", encoding="utf-8")  # as an interruption leaves it
    second = simulate(3, tmp_path / "kept", found=found)
    assert asked == [1, 2, 3]
    assert second[:2] == first
    assert [rows[0]["log_estimate"] for rows in second] == [1.0, 2.0, 3.0]


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> list[Coverage]:
    found = simulate(NATIONS, kept_at("nations", tmp_path_factory), workers=2)
    return summarised(found, truths(unconfounded(), MULTIPLIER, TRUTH_PERSONS))


def covered_by_trials(effect: float, place: Path) -> list[Coverage]:
    found = simulate(NATIONS, place, workers=2, found=partial(of_trial, effect))
    return summarised(found, truths(unconfounded(effect), MULTIPLIER, TRUTH_PERSONS))


def adjusted(one: Coverage) -> bool:
    """Whether an estimator takes account of what differs between those it compares."""
    analysis, comparison, *_, adjustment, _ = one.key
    return adjustment != "crude" if comparison != "population" else analysis == "risk"


def check(summary: list[Coverage]) -> Counter[str]:
    """No bias beyond Monte Carlo error, coverage as promised, no estimate far out; how many estimators by measure."""
    kept = [one for one in summary if adjusted(one) and len(one.estimates) == NATIONS]
    bound = norm.isf((1 - LEVEL) / 2 / (len(kept) * NATIONS))  # Bonferroni's, over all intervals
    for one in kept:
        assert abs(one.bias) < ERRORS * one.bias_error, one.key
        assert one.coverage > LEVEL - ERRORS * one.coverage_error, one.key
        assert (one.farthest if one.key[-1].startswith("risk") else one.largest) < bound, one.key
    return Counter(one.key[-1] for one in kept)


@pytest.mark.slow
def test_without_confounding_estimates_are_unbiased_and_intervals_cover(covered: list[Coverage]) -> None:
    assert check(covered).total() >= 34


@pytest.mark.slow
def test_a_trial_of_drugs_of_which_one_saves_lives(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = covered_by_trials(0.6, kept_at("trial-with-effect", tmp_path_factory))
    assert check(found) == {"risk": 6, "risk_difference": 6}
    saved = [one.truth.value for one in found if one.key[1:3] == ("none", "suppressing")]
    assert max(saved) < -0.03


@pytest.mark.slow
def test_where_no_drug_does_anything_the_trial_finds_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = covered_by_trials(1.0, kept_at("trial-without-effect", tmp_path_factory))
    assert check(found) == {"risk": 6, "risk_difference": 6, "risk_ratio": 6, "hazard_ratio": 3}
    assert all(one.truth.value == 0.0 for one in found if one.key[-1] != "risk")
