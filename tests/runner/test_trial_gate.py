"""A target trial in a study with a gate: what passes is shown, what does not is sealed, strategy by strategy."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import equipoise as eq
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.spec.read import parse_study
from tests.runner.test_target_trials import STUDY, SUSTAINED, database, write

ASKED = ["positivity", "largest_weight", "effective_size", "balance"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with eq.connect(str(write(database(), tmp_path_factory.mktemp("data") / "db"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "store"


def run(
    source: Any, to: Path, store: Path, gate: dict[str, Any], /, design: dict[str, Any] | None = None, **how: Any
) -> Results:
    raw = tomllib.loads(STUDY) | {"gate": {"systematic_error": "none", "target_trials": gate}}
    own = raw["analyses"][0]["design"]
    own["estimation"] |= {"methods": ["clone_censor_weight"], "bootstrap": 0}
    own["estimation"] |= (design or {}).pop("estimation", {})
    own |= design or {}
    return eq.run(parse_study(raw), source, to=to, store=store, min_cell_count=0, **how)


def test_every_strategy_is_judged_and_what_passes_is_shown(source: Any, store: Path, tmp_path: Path) -> None:
    found = run(source, tmp_path / "r", store, {})
    rows = found.rows("diagnostics")
    assert [(row["exposure"], row["diagnostic"]) for row in rows] == [(s, d) for s in ("none", "a", "b") for d in ASKED]
    assert {row["status"] for row in rows} == {"passed"}
    assert {row["comparison"] for row in rows} == {"every strategy"}
    assert all(row["reason"] is None for row in found.rows("estimates"))
    largest = {row["exposure"]: row["value"] for row in rows if row["diagnostic"] == "largest_weight"}
    for name, value in largest.items():
        shown = [row["weight_maximum"] for row in found.rows("trial_follow_up") if row["strategy"] == name]
        assert max(shown) <= value + 1e-12
    page = report_html(found)
    assert "Probability of what the strategy asks for, first percentile" in page
    assert "sealed" not in page.partition("<section")[2].partition("Methods")[0]


def test_without_weights_balance_fails_and_both_sides_of_every_contrast_are_sealed(
    source: Any, store: Path, tmp_path: Path
) -> None:
    """Held between the 49th and 51st percentile all weights are alike, and more of the severe start drug A."""
    shown = run(
        source, tmp_path / "open", store, {}, {"estimation": {"weights": {"truncate": [49, 51]}}}, unseal="to look"
    )
    found = run(source, tmp_path / "closed", store, {}, {"estimation": {"weights": {"truncate": [49, 51]}}})
    failed = {row["exposure"]: row["covariates"] for row in found.rows("diagnostics") if row["status"] == "failed"}
    assert "a" in failed
    assert set(failed.values()) == {"severe[yes]"}
    for row in found.rows("estimates"):
        closed = bool({row["exposure"], row["comparison"]} & set(failed))
        assert (row["reason"] == "SEALED") is closed
        assert (row["estimate"] is None) is closed
    contrast = next(row for row in found.rows("estimates") if (row["exposure"], row["comparison"]) == ("b", "a"))
    assert contrast["failed_diagnostics"] == "b: balance; a: balance"
    assert not set(failed) & {row["strategy"] for row in found.rows("trial_curves")}
    for row in found.rows("trial_strategies"):
        assert (row["n_events"] is None) is (row["strategy"] in failed)
        assert row["n_trials"] is not None
    for row in found.rows("trial_follow_up"):
        assert (row["n_events"] is None) is (row["strategy"] in failed)
    hidden = [
        f"{row[name]:.12g}" for row in shown.rows("estimates") if row["exposure"] in failed
        for name in ("estimate", "conf_low") if row[name]
    ]  # fmt: skip
    written = "".join(p.read_text() for p in (tmp_path / "closed").rglob("*") if p.suffix in (".csv", ".json"))
    page = report_html(found)
    assert hidden
    assert not [number for number in hidden if number in written + page]
    assert "largest standardized difference failed. Its estimates and outcomes by arm are sealed." in page
    assert "for this reason: to look" in report_html(shown)


def test_thresholds_of_the_study_decide(source: Any, store: Path, tmp_path: Path) -> None:
    strict = {"positivity": 0.9, "largest_weight": 1.01, "effective_size": 1.0, "balance": "none"}
    found = run(source, tmp_path / "r", store, strict, {"estimation": {"weights": {"stabilised": False}}})
    status = {(row["exposure"], row["diagnostic"]): row["status"] for row in found.rows("diagnostics")}
    assert {name for _, name in status} == set(ASKED) - {"balance"}
    assert status["a", "positivity"] == status["a", "largest_weight"] == status["a", "effective_size"] == "failed"
    assert {row["reason"] for row in found.rows("estimates")} == {"SEALED"}


def test_a_strategy_that_nobody_starts_is_not_evaluated(source: Any, store: Path, tmp_path: Path) -> None:
    raw = tomllib.loads(STUDY) | {"gate": {"systematic_error": "none"}}
    raw["concept_sets"]["b"]["include"] = [{"code_prefix": "NOBODY"}]
    raw["analyses"][0]["design"]["estimation"] |= {"methods": ["clone_censor_weight"], "bootstrap": 0}
    found = eq.run(parse_study(raw), source, to=tmp_path / "r", store=store, min_cell_count=0)
    status = {(row["exposure"], row["status"]) for row in found.rows("diagnostics")}
    assert status == {("none", "passed"), ("a", "passed"), ("b", "not_evaluated")}
    open_rows = [row for row in found.rows("estimates") if "b" not in (row["exposure"], row["comparison"])]
    assert all(row["reason"] is None for row in open_rows)
    assert "not evaluated" in report_html(found)


def test_sequential_trials_are_judged_by_their_weights(source: Any, store: Path, tmp_path: Path) -> None:
    design = {
        "time_zero": "every_interval", "last_start": 2, "follow_up": 6, "treatment": "supply",
        "strategies": SUSTAINED, "new_users": {"washout_days": 60},
        "estimation": {"methods": ["sequential_trials"], "time_points": [6], "trial_terms": "linear"},
    }  # fmt: skip
    found = run(source, tmp_path / "r", store, {"positivity": "none", "balance": "none", "largest_weight": 1e6}, design)
    rows = found.rows("diagnostics")
    assert [(row["exposure"], row["diagnostic"]) for row in rows] == [
        (name, asked) for name in ("none", "a", "b") for asked in ("largest_weight", "effective_size")
    ]
    assert all(np.isfinite(row["value"]) and row["value"] > 0.0 for row in rows)
