"""A flawed estimate beside that of the study: matched by what it estimates, and hidden by what hides the other."""

from math import log
from typing import Any

import pytest

import equipoise as eq
from equipoise.errors import Reason
from equipoise.runner.flawed_runs import _beside, _same
from equipoise.spec.contrasts import Contrast
from tests.studies.places import STUDIES

NO_LAG = Contrast(base="main", flaw="no_lag")


def estimate(value: float | None = 2.0, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "analysis": "main", "comparison": "no use", "exposure": "drug", "window": "1 to 5 years", "reading": None,
        "outcome": "death", "adjustment": "adjusted", "measure": "hazard_ratio", "subgroup": "overall",
        "estimate": value, "conf_low": value, "conf_high": value, "reason": reason,
        "time_point_days": None, "n_persons": 100, "n_cases": 40, "n_exposed_cases": 20, "n_exposed_controls": 30,
    } | more  # fmt: skip


def test_the_same_quantity_is_found_under_its_window_without_lag() -> None:
    sound, other = estimate(), estimate(3.0, window="1 to 5 years without lag")
    base = next(one for one in eq.read_study(STUDIES / "als-prognosis.toml").analyses if one.id == "survival")
    assert _same(base, NO_LAG, sound, [estimate(4.0, exposure="other"), other]) is other
    assert _same(base, NO_LAG, sound, [estimate(4.0, comparison="users")]) is None
    non_users = Contrast(base="main", flaw="non_user_comparator")
    assert _same(base, non_users, estimate(comparison="users"), [other]) is other


def test_the_difference_is_that_of_logarithms() -> None:
    row = _beside(NO_LAG, estimate(2.0), estimate(3.0), 5)
    assert (row["estimate"], row["flawed_estimate"], row["flawed_reason"]) == (2.0, 3.0, None)
    assert row["log_difference"] == pytest.approx(log(1.5))


@pytest.mark.parametrize(
    ("sound", "flawed", "reason"),
    [
        (estimate(None, Reason.SEALED), estimate(), Reason.SEALED),
        (estimate(None, Reason.SMALL_CELLS), estimate(), Reason.SMALL_CELLS),
        (estimate(), estimate(n_exposed_cases=4), Reason.SMALL_CELLS),
        (estimate(), estimate(n_cases=24), Reason.SMALL_CELLS),
        (estimate(), estimate(None, Reason.SEPARATION), Reason.SEPARATION),
        (estimate(), None, Reason.NOT_DEFINED),
    ],
)
def test_what_is_hidden_or_absent_has_a_reason(sound: dict, flawed: dict | None, reason: Reason) -> None:
    row = _beside(NO_LAG, sound, flawed, 5)
    assert row["flawed_reason"] == reason
    assert "flawed_estimate" not in row
    assert "log_difference" not in row
