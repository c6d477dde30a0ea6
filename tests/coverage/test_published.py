"""The published survival study in expectation: its settings give its picture, better ones move towards the truth."""

import numpy as np
import pytest

from equipoise.simulate.nation_spec import NationSpec
from tests.coverage.places import kept_at
from tests.coverage.published import (
    ASKED,
    FEWER,
    MORE,
    TREATED,
    Name,
    by_quantity,
    confounded,
    of_both,
    study,
    true_log_ratio,
    unconfounded,
)
from tests.coverage.simulation import simulate

SEEDS = 20
POINTS = 0.02  # two points of two-year survival
SURE, ERRORS = 2.0, 3.5  # Monte Carlo errors: by which what is predicted is seen; within which equal things lie
SURVIVAL = {"crude": (0.4718, 0.4106), "matched": (0.4813, 0.4106)}
INTERVAL = {"crude": (1 / 1.433, 1 / 1.022), "matched": (1 / 1.547, 1 / 0.981)}
RATIO = "log hazard ratio"
Found = dict[Name, np.ndarray]


def test_the_study_file_is_asked_with_one_more_adjustment() -> None:
    asked = study()
    assert [one.id for one in asked.analyses] == list(ASKED)
    (severity,) = asked.sensitivity
    assert set(MORE) < set(severity.change["adjust_for"])
    assert asked.analyses[0].adjust_for == ("age", "race", "sex")


def test_the_confounded_nation_is_the_default_one_as_far_as_treatment_and_death_go() -> None:
    default, made = (spec.model_dump(mode="json") for spec in (NationSpec(), confounded(TREATED)))
    differing = {
        (part, name)
        for part in default
        for name in default[part]
        if default[part][name] != made[part][name] and name not in ("riluzole_treated", "in_care")
    }
    assert {part for part, _ in differing} == {"prescribing", "course"}
    assert ("prescribing", "antidepressants") not in differing
    assert {name for part, name in differing if part == "course"} == {"care"}


def test_quantities_of_two_networks() -> None:
    ratio = {"measure": "hazard_ratio", "term": "a", "log_estimate": -0.2, "estimate": 0.8}
    risk = {"measure": "risk", "log_estimate": None, "estimate": 0.6}
    key = {"arrows": True, "analysis": "a", "adjustment": "crude"}
    first = [
        key | ratio,
        key | risk | {"term": "risk: antidepressant that does not suppress REM sleep"},
        key | risk | {"term": "risk: REM-suppressing antidepressant", "estimate": 0.5},
    ]
    found = by_quantity([first, [key | ratio | {"log_estimate": None}]])
    assert found["arrows", "a", "crude", RATIO][0] == -0.2
    assert np.isnan(found["arrows", "a", "crude", RATIO][1])
    assert found["arrows", "a", "crude", "survival, other"][0] == pytest.approx(0.4)
    assert found["arrows", "a", "crude", "survival, suppressing"][0] == pytest.approx(0.5)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return by_quantity(simulate(SEEDS, kept_at("published", tmp_path_factory), workers=2, found=of_default))


def of_default(seed: int) -> list[dict[str, object]]:
    """Both networks of a seed, the default one at its full size."""
    return of_both(TREATED, FEWER, seed)


def mean(values: np.ndarray) -> tuple[float, float]:
    kept = values[~np.isnan(values)]
    return float(kept.mean()), float(kept.std(ddof=1) / len(kept) ** 0.5)


@pytest.mark.slow
def test_published_settings_give_the_published_picture(found: Found) -> None:
    for adjustment, published in SURVIVAL.items():
        for arm, expected in zip(("suppressing", "other"), published, strict=True):
            survival, error = mean(found["arrows", "published-settings", adjustment, f"survival, {arm}"])
            assert abs(survival - expected) < POINTS + SURE * error, (adjustment, arm)
        ratio, _ = mean(found["arrows", "published-settings", adjustment, RATIO])
        assert np.log(INTERVAL[adjustment][0]) < ratio < np.log(INTERVAL[adjustment][1]), adjustment


@pytest.mark.slow
def test_adjustment_for_severity_moves_to_the_truth(found: Found) -> None:
    truth = true_log_ratio(confounded(TREATED))
    assert truth.value is not None
    severity = found["arrows", "severity", "weighted", RATIO]
    for adjustment in SURVIVAL:
        published = found["arrows", "published-settings", adjustment, RATIO]
        shift, error = mean(severity - published)
        assert shift > SURE * error, adjustment
        assert mean(published)[0] < truth.value
        assert abs(mean(severity)[0] - truth.value) < abs(mean(published)[0] - truth.value)
    middle, error = mean(severity)
    assert abs(middle - truth.value) < ERRORS * np.hypot(error, truth.error)


@pytest.mark.slow
def test_what_hospitals_record_of_severity_does_not_move_away_from_the_truth(found: Found) -> None:
    """Onset site, breathing, ventilation and gastrostomy hold little of it; function is measured in few."""
    crude = found["arrows", "published-settings", "crude", RATIO]
    shift, error = mean(found["arrows", "overlap-weights", "weighted", RATIO] - crude)
    assert shift > -SURE * error


@pytest.mark.slow
def test_without_confounding_every_setting_equals_the_truth(found: Found) -> None:
    truth = true_log_ratio(unconfounded(FEWER))
    assert truth.value is not None
    assert truth.error is not None
    made = (("published-settings", "matched"), ("overlap-weights", "weighted"), ("severity", "weighted"))
    for analysis, adjustment in made:
        ratio, error = mean(found["none", analysis, adjustment, RATIO])
        assert abs(ratio - truth.value) < ERRORS * np.hypot(error, truth.error), analysis
