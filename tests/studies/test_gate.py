"""A study with a gate from file to folder: sealed, opened with a reason, shown as a replication."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import equipoise as eq
from equipoise.errors import Fault
from equipoise.report.write import report_html
from equipoise.runner import estimate_arms
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study
from tests.studies.test_follow_up_runs import STUDY

BALANCE_ONLY = {"equipoise": "none", "detectable_ratio": "none", "systematic_error": "none"}
WEIGHTED = {"kind": "weigh"}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate-register")
    write_nation(folder, persons=20_000, seed=3)
    return folder


def run(database: Path, to: Path, gate: dict[str, Any], *, unseal: str | None = None, **top: Any) -> eq.Results:
    raw = deepcopy(STUDY) | {"gate": gate} | top
    raw["analyses"][0]["design"]["adjustment"] = WEIGHTED
    with eq.connect(database) as source:
        return eq.run(parse_study(raw), source, to=to, store=database.parent / "gate-store", unseal=unseal)


def test_what_passes_is_shown_with_its_diagnostics(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "r", BALANCE_ONLY)
    assert {row["value"] for row in results.rows("diagnostics") if row["status"] == "reported"}
    rows = [row for row in results.rows("diagnostics") if row["diagnostic"] == "balance"]
    assert [(row["exposure"], row["status"]) for row in rows] == [
        ("antidepressants", "passed"),
        ("hypnotics", "passed"),
    ]
    assert all(row["reason"] is None for row in results.rows("estimates"))
    largest = {
        name: max(
            abs(row["smd_after"]) for row in results.rows("balance") if row["exposure"] == name and row["position"] > 1
        )
        for name in ("antidepressants", "hypnotics")
    }
    assert {row["exposure"]: row["value"] for row in rows} == largest
    assert results.rows("curves")


def test_without_negative_controls_outcomes_by_arm_are_written_nowhere(database: Path, tmp_path: Path) -> None:
    shown = run(database, tmp_path / "open", {}, unseal="to compare with")
    results = run(database, tmp_path / "sealed", {})
    rows = results.rows("estimates")
    assert {row["reason"] for row in rows} == {"SEALED"}
    assert {row["diagnostic"] for row in results.rows("diagnostics") if row["status"] == "not_evaluated"} == {
        "systematic_error"
    }
    assert {row["estimate"] for row in rows} == {row["n_cases"] for row in rows} == {None}
    assert not results.rows("curves")
    assert {row["n_persons"] for row in results.rows("follow_up")} == {
        row["n_persons"] for row in shown.rows("follow_up")
    }
    hidden = [
        f"{row[name]:.12g}"
        for row in shown.rows("estimates")
        for name in ("estimate", "conf_low", "p_value")
        if row[name]
    ]
    written = "".join(path.read_text() for path in (tmp_path / "sealed").rglob("*") if path.suffix in (".csv", ".json"))
    written += report_html(results)
    assert hidden
    assert not [number for number in hidden if len(number) > 6 and number in written]


def test_a_reason_opens_and_is_carried(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "r", {}, unseal="  the board asked  ")
    assert any(row["estimate"] is not None for row in results.rows("estimates"))
    assert json.loads((tmp_path / "r" / "manifest.json").read_text())["unsealed"] == "the board asked"
    assert "for this reason: the board asked" in report_html(eq.read_results(tmp_path / "r"))
    with pytest.raises(eq.DesignError, match="no words"):
        run(database, tmp_path / "other", {}, unseal=" ")


def test_a_replication_is_shown_under_its_label(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "r", {}, purpose="replication")
    assert any(row["estimate"] is not None for row in results.rows("estimates"))
    page = report_html(results)
    assert "This study is a replication" in page
    assert (
        "expected absolute systematic error not evaluated. Its estimates are shown as those of a replication." in page
    )


def test_outcomes_of_an_analysis_that_failed_before_it_was_judged_are_sealed(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = estimate_arms.estimates

    def estimates(inputs: Any, subset: Any, source: Any) -> Any:
        if subset["target"] == "hypnotics":
            raise eq.UnsupportedError(Fault("ties", "'exact'", "'efron'"))
        return works(inputs, subset, source)

    monkeypatch.setattr(estimate_arms, "estimates", estimates)
    results = run(database, tmp_path / "r", BALANCE_ONLY | {"alpha": 0.04})
    assert {row["exposure"] for row in results.rows("diagnostics")} == {"antidepressants"}
    assert {row["exposure"] for row in results.rows("curves")} == {"antidepressants"}
    events = {(row["exposure"], row["n_events"] is None) for row in results.rows("follow_up")}
    assert events == {("antidepressants", False), ("hypnotics", True)}


def test_a_gate_is_for_designs_with_arms() -> None:
    raw = deepcopy(STUDY) | {"gate": {}}
    design = {"kind": "nested_case_control", "cases": "patients", "exposures": ["hypnotics"]}
    raw["analyses"][0]["design"] = design | {"windows": ["year"]}
    with pytest.raises(eq.SpecError, match="a study with a gate"):
        parse_study(raw)
