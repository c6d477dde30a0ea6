"""Negative controls in tables: nulls, what is calibrated by them, the gate, and what a hidden control leaves behind."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from equipoise import EmpiricalNull, calibrate_p_values, fit_null
from equipoise.errors import Reason
from equipoise.results.suppress import suppress
from equipoise.results.tables import TABLES, schema_of, table
from equipoise.runner.calibrate_estimates import calibrated
from equipoise.runner.sealing import sealed
from equipoise.spec.read import parse_study
from tests.studies.test_follow_up_runs import STUDY

KEY = {"analysis": "main", "comparison": "no use", "exposure": "hypnotics"}
DESIGN = {"window": "year", "reading": None, "adjustment": "adjusted", "measure": "hazard_ratio"}


def control(name: str, y: float, error: float, exposed: int = 20) -> dict[str, Any]:
    counts = {"n_cases": 60, "n_exposed_cases": exposed, "n_unexposed_cases": 60 - exposed}
    numbers = {"estimate": np.exp(y), "log_estimate": y, "std_error": error, "p_value": 0.5}
    return KEY | DESIGN | {"kind": "outcome", "control": name, "target_level": "use", "reason": None} | counts | numbers


def tables(controls: list[dict[str, Any]]) -> dict[str, pa.Table]:
    row = dict.fromkeys(schema_of("estimates").keys) | KEY | DESIGN
    row |= {"subgroup": "overall", "subgroup_level": "overall", "estimate": np.exp(0.5), "log_estimate": 0.5}
    row |= {"std_error": 0.1, "n_persons": 500, "n_cases": 90, "n_exposed_cases": 40, "n_exposed_controls": 200}
    judged = KEY | {"position": 1, "diagnostic": "systematic_error", "status": "not_evaluated", "threshold": 0.25}
    rows = {"negative_controls": controls, "estimates": [row], "diagnostics": [judged]}
    return {name: table(name, rows.get(name, [])) for name in TABLES}


def study(**gate: Any) -> Any:
    only = {"balance": "none", "equipoise": "none", "detectable_ratio": "none"}
    return parse_study(STUDY | {"gate": only | gate})


def shown(controls: list[dict[str, Any]], k: int = 5, **gate: Any) -> dict[str, list[dict[str, Any]]]:
    before = tables(controls)
    made = sealed(calibrated(before, suppress(before, k), study(**gate)), "estimation", None)
    return {name: content.to_pylist() for name, content in made.items()}


def forty(bias: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(4)
    return [control(f"c{i}", float(bias + rng.normal(0, 0.12)), 0.12) for i in range(40)]


def test_thirty_controls_without_much_error_open_the_gate() -> None:
    found = shown(forty(0.05))
    (verdict,) = found["diagnostics"]
    assert verdict["status"] == "passed"
    assert verdict["value"] == found["empirical_null"][0]["ease"] < 0.25
    assert found["empirical_null"][0]["n_usable"] == 40
    (row,) = found["estimates"]
    null = fit_null([item["log_estimate"] for item in forty(0.05)], [0.12] * 40)
    assert row["calibrated_p_value"] == pytest.approx(calibrate_p_values(null, [0.5], [0.1])[0], rel=1e-6)
    assert row["calibrated_estimate"] < row["estimate"]


@pytest.mark.parametrize(("controls", "status"), [(forty(0.6), "failed"), (forty(0.0)[:29], "not_evaluated")])
def test_much_error_or_few_controls_seal_and_are_named(controls: list[dict[str, Any]], status: str) -> None:
    found = shown(controls)
    assert [row["status"] for row in found["diagnostics"]] == [status]
    (row,) = found["estimates"]
    assert row["reason"] == Reason.SEALED
    assert row["failed_diagnostics"].startswith("systematic_error")
    assert (row["estimate"], row["calibrated_estimate"], row["calibrated_p_value"]) == (None, None, None)
    assert len(found["negative_controls"]) == len(controls)


def test_a_hidden_control_counts_but_nothing_exact_is_made_of_it() -> None:
    odd = control("odd", 1.4, 0.3, exposed=3)
    found = shown([*forty(0.05), odd])
    assert [row["reason"] for row in found["negative_controls"] if row["estimate"] is None] == ["SMALL_CELLS"]
    null = found["empirical_null"][0]
    whole = fit_null([*(row["log_estimate"] for row in forty(0.05)), 1.4], [*[0.12] * 40, 0.3])
    assert (null["n_controls"], null["n_usable"]) == (41, 41)
    assert (null["mean"], null["sd"]) == (round(whole.mean, 2), round(whole.sd, 2))
    used = EmpiricalNull(null["mean"], null["sd"])
    assert null["ease"] == used.expected_absolute_systematic_error()
    assert found["estimates"][0]["calibrated_p_value"] == calibrate_p_values(used, [0.5], [0.1])[0]
    # What is said of each control that is shown is the same as if the hidden one had not been run.
    without = shown(forty(0.05))["negative_controls"]
    own = [row["calibrated_p_value"] for row in found["negative_controls"] if row["estimate"] is not None]
    assert own == [row["calibrated_p_value"] for row in without]
    assert null["share_significant"] == shown(forty(0.05))["empirical_null"][0]["share_significant"]


def test_a_control_without_an_event_is_not_usable() -> None:
    nothing = control("none", 0.0, 0.1, exposed=0) | {"estimate": None, "log_estimate": None, "std_error": None}
    found = shown([*forty(0.05), nothing | {"p_value": None, "reason": "NO_EVENTS"}])
    assert (found["empirical_null"][0]["n_controls"], found["empirical_null"][0]["n_usable"]) == (41, 40)


def test_without_controls_tables_stay_as_they_are() -> None:
    before = tables([])
    assert calibrated(before, before, study()) == before
