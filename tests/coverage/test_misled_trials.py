"""Flawed versions of a target trial miss the truth in the direction that is predicted, and only where it is.

Three nations a seed: a drug that saves lives, no drug that does anything, and every arrow that misleads with drugs that
do nothing. Differences of two designs on the same persons are far more certain than either.
"""

import numpy as np
import pytest

from tests.coverage.misled import mean
from tests.coverage.misled_trials import SOUND, Name, of_each, page, true_differences, values
from tests.coverage.places import kept_at
from tests.coverage.simulation import simulate
from tests.coverage.summary import Truth

SEEDS = 24
SURE, ERRORS = 2.5, 3.5  # Monte Carlo errors: by which what is predicted is seen; within which what is not there lies
Found = dict[Name, np.ndarray]


def row(nation: str = "effect", flaw: str = SOUND, measure: str = "risk_difference", **numbers: object) -> dict:
    given = {"exposure": "suppressing", "comparison": "none", "estimate": -0.1, "log_estimate": None, "reason": None}
    return {"nation": nation, "flaw": flaw, "measure": measure} | given | numbers


def test_estimates_are_kept_by_nation_design_and_contrast() -> None:
    seeds = [
        [row(), row(measure="hazard_ratio", estimate=np.e, log_estimate=1.0), row(measure="risk", estimate=0.3)],
        [row(estimate=-0.3), row(flaw="immortal_time", reason="SEPARATION", estimate=None)],
    ]
    found = values(seeds)
    contrast = ("suppressing", "none")
    assert set(found) == {("effect", SOUND, *contrast, name) for name in ("risk_difference", "hazard_ratio")}
    assert found["effect", SOUND, *contrast, "risk_difference"].tolist() == [-0.1, -0.3]
    assert np.isnan(found["effect", SOUND, *contrast, "hazard_ratio"][1])
    table = page(values([seeds[0], seeds[0]]), {"effect": {contrast: Truth(-0.2, 0.0)}})
    assert "| effect | as planned | suppressing against none | +0.1000 | 0.0000 | +1.000 (0.000) |" in table


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return values(simulate(SEEDS, kept_at("misled_trials", tmp_path_factory), workers=2, found=of_each))


def bias(found: Found, nation: str, flaw: str, exposure: str = "suppressing", comparison: str = "none") -> np.ndarray:
    """Risk differences less the true one, by seed."""
    true = true_differences()[nation][exposure, comparison].value
    return found[nation, flaw, exposure, comparison, "risk_difference"] - true


def above(estimates: np.ndarray, least: float = SURE) -> bool:
    """Whether the mean over seeds lies above 0 by so many Monte Carlo errors."""
    middle, error = mean(estimates)
    return middle > least * error


def near(estimates: np.ndarray) -> bool:
    """Whether the mean over seeds is 0 but for Monte Carlo error."""
    middle, error = mean(estimates)
    return abs(middle) < ERRORS * error


@pytest.mark.slow
@pytest.mark.parametrize("nation", ["effect", "no effect"])
def test_without_arrows_the_trial_meets_the_truth(found: Found, nation: str) -> None:
    for pair in (("suppressing", "none"), ("another", "none"), ("suppressing", "another")):
        assert near(bias(found, nation, SOUND, *pair)), pair


@pytest.mark.slow
def test_immortal_time_makes_every_drug_look_protective(found: Found) -> None:
    """Whoever is to start had to live until then; the deaths of the others all belong to those who start nothing."""
    for drug in ("suppressing", "another"):
        for nation in ("effect", "no effect"):
            assert above(-bias(found, nation, "immortal_time", drug), 10)
        assert above(bias(found, "arrows", SOUND, drug) - bias(found, "arrows", "immortal_time", drug), 10)


@pytest.mark.slow
def test_prevalent_users_among_those_who_start_nothing_hide_part_of_an_effect(found: Found) -> None:
    """Who has the drug from before and collects none in the first month is called a person without it."""
    flawed = bias(found, "effect", "prevalent_users")
    assert above(flawed)
    assert above(flawed - bias(found, "effect", SOUND))
    assert near(bias(found, "no effect", "prevalent_users"))


@pytest.mark.slow
def test_covariates_that_say_who_is_alive_a_year_later_take_part_of_an_effect(found: Found) -> None:
    for comparison in ("none", "another"):
        assert above(bias(found, "effect", "covariates_after_time_zero", comparison=comparison))
        assert near(bias(found, "no effect", "covariates_after_time_zero", comparison=comparison))
    late, own = (bias(found, "effect", name, comparison="another") for name in ("covariates_after_time_zero", SOUND))
    assert above(late - own)


@pytest.mark.slow
def test_persons_without_use_let_distress_and_vulnerability_mislead(found: Found) -> None:
    """The drugs are given for distress, which fast disease brings, to the vulnerable, who die sooner."""
    without_use = bias(found, "arrows", SOUND)
    assert above(without_use, 5)
    assert above(without_use - bias(found, "arrows", SOUND, comparison="another"), 5)
