"""Target trials beside their flawed versions, on a database made by hand in which no drug does anything.

Severity makes starting a drug and death more likely; the sound trial adjusts for it, and every true ratio is 1.
"""

import tomllib
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import equipoise as eq
from equipoise.errors import Reason
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.spec.read import parse_study
from tests.runner.test_target_trials import ENTRY, STUDY, SUSTAINED, database, write

FLAWS = ("immortal_time", "covariates_after_time_zero")
CLONES = {"methods": ["clone_censor_weight"], "bootstrap": 0}
SEQUENTIAL = {
    "time_zero": "every_interval", "last_start": 2, "follow_up": 6, "treatment": "supply", "contrast": "as_assigned",
    "strategies": SUSTAINED, "new_users": {"washout_days": 60},
    "estimation": {"methods": ["sequential_trials"], "bootstrap": 0, "time_points": [6], "trial_terms": "linear"},
}  # fmt: skip


def slowly(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The database with drugs started over eleven months in place of three: starters have to live longer to start."""
    drugs, ends = tables["drug_exposure"], tables["observation_period"]["observation_period_end_date"].to_numpy()
    starts = ENTRY + 4 * (drugs["drug_exposure_start_date"].to_numpy() - ENTRY)
    kept = pa.array(starts <= ends[drugs["person_id"].to_numpy() - 1])
    at = drugs.schema.get_field_index("drug_exposure_start_date")
    return tables | {"drug_exposure": drugs.set_column(at, "drug_exposure_start_date", pa.array(starts)).filter(kept)}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with eq.connect(str(write(slowly(database()), tmp_path_factory.mktemp("data") / "db"))) as opened:
        yield opened


def run(
    source: Any,
    to: Path,
    flaws: tuple[str, ...] = FLAWS,
    estimation: Any = CLONES,
    min_cell_count: int = 0,
    **more: Any,
) -> Results:
    raw = tomllib.loads(STUDY) | {"contrasts": [{"base": "main", "flaw": flaw} for flaw in flaws]}
    design = raw["analyses"][0]["design"] | more
    raw["analyses"][0]["design"] = design | {"estimation": design["estimation"] | estimation}
    return eq.run(parse_study(raw), source, to=to, store=to.parent / "store", min_cell_count=min_cell_count)


@pytest.fixture(scope="module")
def results(source: Any, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(source, tmp_path_factory.mktemp("results") / "r")


def of(results: Results, flaw: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of one flaw by strategy and the one it is compared with."""
    rows = [row for row in results.rows("flawed_estimates") if row["flaw"] == flaw]
    return {(row["exposure"], row["comparison"]): row for row in rows}


def sound(results: Results, method: str = "clone, censor, weight") -> dict[Any, float]:
    """Risk ratios by the end of follow-up."""
    return {
        (row["exposure"], row["comparison"]): row["estimate"]
        for row in results.rows("estimates")
        if (row["measure"], row["adjustment"], row["time_point_days"]) == ("risk_ratio", method, 365)
    }


def test_each_flawed_ratio_stands_beside_that_of_the_trial(results: Results) -> None:
    own = sound(results)
    for flaw in FLAWS:
        rows = of(results, flaw)
        assert set(rows) == set(own)
        for pair, row in rows.items():
            assert row["estimate"] == own[pair]
            assert row["log_difference"] == pytest.approx(log(row["flawed_estimate"]) - log(own[pair]))


def test_who_starts_later_cannot_die_before_and_the_drugs_look_protective(results: Results) -> None:
    rows = of(results, "immortal_time")
    for drug in ("a", "b"):
        assert rows[drug, "none"]["flawed_conf_high"] < 1
        assert rows[drug, "none"]["log_difference"] < -0.1


def test_severity_read_a_year_late_is_not_seen_and_the_drugs_look_harmful(results: Results) -> None:
    """Its records lie nine days before the entry, so that a look-back from a year after it does not find them."""
    rows = of(results, "covariates_after_time_zero")
    assert all(rows[drug, "none"]["log_difference"] > 0.02 for drug in ("a", "b"))


def test_a_trial_of_two_drugs_is_given_persons_without_use(source: Any, results: Results, tmp_path: Path) -> None:
    drugs = [{"name": name, "start": name, "within": 3} for name in ("a", "b")]
    found = run(source, tmp_path / "r", ("non_user_comparator",), strategies=drugs)
    row = of(found, "non_user_comparator")["b", "a"]
    assert row["estimate"] == pytest.approx(sound(found)["b", "a"])
    assert row["flawed_estimate"] == pytest.approx(sound(results)["b", "none"], rel=1e-9)


@pytest.mark.parametrize("method", ["g_formula", "doubly_robust"])
def test_without_weights_the_last_method_is_compared(source: Any, tmp_path: Path, method: str) -> None:
    estimation = {"methods": [method], "bootstrap": 0}
    found = run(source, tmp_path / "r", ("immortal_time",), estimation)
    rows, own = of(found, "immortal_time"), sound(found, method.replace("_", "-").replace("y-", "y "))
    assert {row["measure"] for row in rows.values()} == {"risk_ratio"}
    assert {pair: row["estimate"] for pair, row in rows.items()} == own
    assert all(rows[drug, "none"]["log_difference"] < -0.1 for drug in ("a", "b"))
    assert "the risk ratios would have been" in report_html(found)


@pytest.mark.parametrize("contrast", ["as_assigned", "per_protocol"])
def test_sequential_trials_of_who_is_to_be_treated(source: Any, tmp_path: Path, contrast: str) -> None:
    estimation = SEQUENTIAL["estimation"]
    changes = {key: value for key, value in SEQUENTIAL.items() if key != "estimation"} | {"contrast": contrast}
    found = run(source, tmp_path / "r", ("immortal_time",), estimation, **changes)
    rows = of(found, "immortal_time")
    assert {row["adjustment"] for row in rows.values()} == {"sequential trials"}
    assert all(row["log_difference"] < 0 for pair, row in rows.items() if pair[1] == "none")


def test_flawed_ratios_that_rest_on_few_are_withheld(source: Any, tmp_path: Path) -> None:
    found = run(source, tmp_path / "r", ("immortal_time",), min_cell_count=300)
    rows = of(found, "immortal_time").values()
    assert {row["flawed_reason"] for row in rows} == {Reason.SMALL_CELLS}
    assert all(row["flawed_estimate"] is None for row in rows)


def test_a_flawed_run_that_fails_is_named_in_the_summary(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(rows: Any) -> None:
        raise ValueError("for the test")

    monkeypatch.setattr("equipoise.runner.trial_panels.treated_too_early", fails)
    found = run(source, tmp_path / "r", ("immortal_time",))
    (row,) = found.rows("run_summary")
    assert (row["state"], row["n_given"]) == ("incomplete", row["n_estimates"])
    assert (row["step"], row["error"]) == ("immortal_time, a flawed run: panel of main", "ValueError")
    assert {row["flawed_reason"] for row in found.rows("flawed_estimates")} == {Reason.NOT_DEFINED}
