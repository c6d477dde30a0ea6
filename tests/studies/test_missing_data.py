"""Studies with missing covariates, from file to tables: complete cases, imputation, subgroups, rates, draws."""

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import equipoise as eq
from equipoise.errors import Reason
from equipoise.report.write import report_html
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed
from tests.studies.test_follow_up_runs import STUDY as FOLLOW_UP

LEVELS = ("primary", "secondary", "tertiary")
EDUCATION = {
    "name": "education",
    "kind": "category",
    "levels": [{"name": name, "concept_set": name} for name in LEVELS],
    "window": {"years_before": [0, 40]},
}
IMPUTED = {"method": "multiple_imputation", "imputations": 4, "iterations": 3}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation")
    write_nation(folder, persons=20_000, seed=3)
    return folder


def follow_up(*changes: tuple[str, Any]) -> dict[str, Any]:
    raw = deepcopy(FOLLOW_UP)
    for code, name in enumerate(LEVELS):
        item = {"vocabulary": "Simulated", "code": f"O-800{code}"}
        raw["concept_sets"][name] = {"domain": "observation", "include": [item]}
    raw["covariates"].append(EDUCATION)
    raw["analyses"][0]["adjust_for"] = ["age", "education"]
    raw["analyses"][0]["design"]["target"] = ["antidepressants"]
    raw["analyses"][0]["design"]["estimator"] = {"kinds": ["cox", "survival"]}
    for path, value in changes:
        changed(raw, path, value)
    return raw


def run(database: Path, folder: Path, raw: dict[str, Any], min_cell_count: int = 0) -> eq.Results:
    with eq.connect(database) as source:
        store = database.parent / "missing-store"
        return eq.run(parse_study(raw), source, to=folder, store=store, min_cell_count=min_cell_count)


def rows(results: eq.Results, measure: str, **like: Any) -> list[dict[str, Any]]:
    like = {"subgroup": "overall"} | like
    found = [row for row in results.rows("estimates") if row["measure"] == measure]
    return [row for row in found if all(row[name] == value for name, value in like.items())]


def test_complete_cases_are_those_that_the_table_of_missing_covariates_counts(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "out", follow_up())
    table = results.rows("missingness")
    assert [(row["group"], row["covariate"]) for row in table] == [
        (group, name) for group in ("target", "reference") for name in ("age", "education", "any of these")
    ]
    crude, adjusted = rows(results, "hazard_ratio")
    assert (crude["missing_data"], adjusted["missing_data"]) == (None, "complete cases")
    some = [row for row in table if row["covariate"] == "any of these"]
    assert sum(row["n_persons"] for row in some) == crude["n_persons"]
    assert sum(row["n_complete"] for row in some) == adjusted["n_persons"] < crude["n_persons"]
    shown = [row for row in results.rows("characteristics_by_arm") if row["level"] == "missing"]
    assert [row["n_target"] for row in shown] == [row["n_missing"] for row in table if row["covariate"] == "education"][
        :1
    ]


def test_imputed_estimates_rest_on_everybody_with_complete_cases_beside(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "out", follow_up(("analyses/0/missing", IMPUTED)))
    crude, beside, adjusted = rows(results, "hazard_ratio")
    assert [row["adjustment"] for row in (crude, beside, adjusted)] == ["crude", "adjusted, complete cases", "adjusted"]
    assert [row["missing_data"] for row in (adjusted, beside)] == ["multiple imputation", "complete cases"]
    assert crude["n_persons"] == adjusted["n_persons"] > beside["n_persons"]
    assert 0 < adjusted["fraction_missing"] < 1
    assert adjusted["degrees_of_freedom"] < adjusted["n_cases"]
    assert abs(adjusted["log_estimate"] - beside["log_estimate"]) < 3 * beside["std_error"]
    again = run(database, tmp_path / "again", follow_up(("analyses/0/missing", IMPUTED)))
    assert rows(again, "hazard_ratio") == rows(results, "hazard_ratio")


def test_scores_are_estimated_within_each_completed_data_set(database: Path, tmp_path: Path) -> None:
    raw = follow_up(
        ("analyses/0/missing", IMPUTED), ("analyses/0/design/adjustment", {"kind": "weigh", "estimand": "overlap"})
    )
    results = run(database, tmp_path / "out", raw)
    _, beside, weighted = rows(results, "hazard_ratio")
    assert (weighted["adjustment"], beside["adjustment"]) == ("weighted", "weighted, complete cases")
    assert weighted["n_persons"] > beside["n_persons"]
    for row in rows(results, "risk", adjustment="weighted"):
        assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"] < 1
    (difference,) = rows(results, "risk_difference", adjustment="weighted")
    target, reference = (row["estimate"] for row in rows(results, "risk", adjustment="weighted"))
    assert difference["estimate"] == pytest.approx(target - reference, abs=2e-3)  # pooled on different scales
    (row,) = results.rows("adjustment")
    assert row["n_target_left_out"] == row["n_reference_left_out"] == 0


def test_matched_sets_lose_persons_without_a_covariate_and_imputed_ones_do_not(database: Path, tmp_path: Path) -> None:
    raw = follow_up()
    raw["cohorts"]["deaths"] = {"entry": {"concept_set": "diagnosis"}, "prior_observation_days": 365}
    design = {
        "kind": "nested_case_control",
        "cases": "deaths",
        "exposures": ["hypnotics"],
        "windows": ["year"],
        "readings": ["any_use"],
        "controls_per_case": 2,
    }
    raw["analyses"] = [
        {"id": "alone", "adjust_for": ["education"], "design": design},
        {"id": "filled", "adjust_for": ["education"], "design": design, "missing": IMPUTED},
    ]
    results = run(database, tmp_path / "out", raw)
    crude, adjusted = rows(results, "odds_ratio", analysis="alone")
    assert adjusted["n_persons"] < crude["n_persons"]
    assert adjusted["missing_data"] == "complete cases"
    whole, beside, filled = rows(results, "odds_ratio", analysis="filled")
    assert filled["n_persons"] == whole["n_persons"] == crude["n_persons"]
    assert {name: beside[name] for name in ("log_estimate", "n_persons")} == {
        name: adjusted[name] for name in ("log_estimate", "n_persons")
    }
    assert filled["std_error"] < beside["std_error"]


def test_a_covariate_that_nobody_has_is_a_reason(database: Path, tmp_path: Path) -> None:
    raw = follow_up(("analyses/0/missing", IMPUTED))
    raw["covariates"][-1] = EDUCATION | {"window": {"days_before": [0, 1]}}
    results = run(database, tmp_path / "out", raw)
    _, beside, adjusted = rows(results, "hazard_ratio")
    assert adjusted["reason"] == Reason.NOT_IDENTIFIED
    assert beside["reason"] is not None
    assert adjusted["estimate"] is None


def test_subgroups_of_a_follow_up_design_are_tested_against_one_another(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "out", follow_up(("analyses/0/subgroups", ["sex"])))
    whole, *levels = (
        row for row in results.rows("estimates") if row["measure"] == "hazard_ratio" and row["adjustment"] == "crude"
    )
    assert [row["subgroup_level"] for row in levels] == ["female", "male"]
    assert sum(row["n_persons"] for row in levels) == whole["n_persons"]
    test = next(
        row for row in results.rows("heterogeneity") if (row["measure"], row["adjustment"]) == ("hazard_ratio", "crude")
    )
    logs, errors = (np.array([row[name] for row in levels]) for name in ("log_estimate", "std_error"))
    wald = (logs[0] - logs[1]) ** 2 / (errors**2).sum()  # of two levels, Cochran's Q is the square of the difference
    assert test["statistic"] == pytest.approx(wald, rel=1e-9)
    assert (test["degrees_of_freedom"], test["across"]) == (1, "sex")


def test_subgroups_have_scores_of_their_own(database: Path, tmp_path: Path) -> None:
    raw = follow_up(
        ("analyses/0/subgroups", ["sex"]),
        ("analyses/0/adjust_for", ["age", "sex"]),
        ("analyses/0/design/adjustment", {"kind": "match"}),
    )
    results = run(database, tmp_path / "out", raw)
    matched = [
        row for row in results.rows("estimates") if row["adjustment"] == "matched" and row["measure"] == "hazard_ratio"
    ]
    assert [row["subgroup_level"] for row in matched] == ["overall", "female", "male"]
    for row in matched:
        assert row["reason"] is None
        assert row["n_exposed_cases"] + row["n_exposed_controls"] == row["n_persons"] / 2


def test_rates_and_odds_by_arm(database: Path, tmp_path: Path) -> None:
    raw = follow_up(("analyses/0/design/estimator", {"kinds": ["poisson", "logistic"]}))
    results = run(database, tmp_path / "out", raw)
    arms = {row["arm"]: row for row in results.rows("follow_up")}
    target, reference = rows(results, "rate")
    for row, arm in ((target, "target"), (reference, "reference")):
        assert row["estimate"] == pytest.approx(arms[arm]["rate"], rel=1e-12)
        assert row["conf_low"] < row["estimate"] < row["conf_high"]
    ratio, _ = rows(results, "rate_ratio")
    assert ratio["estimate"] == pytest.approx(arms["target"]["rate"] / arms["reference"]["rate"], rel=1e-9)
    odds, _ = rows(results, "odds_ratio")
    (a, n), (b, m) = ((arms[arm]["n_events"], arms[arm]["n_persons"]) for arm in ("target", "reference"))
    assert odds["estimate"] == pytest.approx(a / (n - a) / (b / (m - b)), rel=1e-9)
    assert odds["std_error"] == pytest.approx((1 / a + 1 / (n - a) + 1 / b + 1 / (m - b)) ** 0.5, rel=1e-6)


def test_the_likelihood_profile_has_its_maximum_and_its_limits_where_the_estimate_has(
    database: Path, tmp_path: Path
) -> None:
    estimator = {"kinds": ["cox"], "likelihood_profile": {"points": 401, "lowest": 0.2, "highest": 5}}
    raw = follow_up(("analyses/0/design/estimator", estimator), ("analyses/0/interval", "profile"))
    results = run(database, tmp_path / "out", raw)
    for adjustment, found in (
        ("crude", rows(results, "hazard_ratio")[0]),
        ("adjusted", rows(results, "hazard_ratio")[1]),
    ):
        profile = [row for row in results.rows("likelihood_profiles") if row["adjustment"] == adjustment]
        x, y = (np.array([row[name] for row in profile]) for name in ("log_ratio", "log_likelihood"))
        assert len(x) == 401
        assert y.max() <= 0
        assert x[y.argmax()] == pytest.approx(found["log_estimate"], abs=x[1] - x[0])
        inside = x[y >= -1.920729410347062]  # half the 0.95 quantile of chi-squared
        assert inside[0] == pytest.approx(np.log(found["conf_low"]), abs=x[1] - x[0])
        assert inside[-1] == pytest.approx(np.log(found["conf_high"]), abs=x[1] - x[0])


def test_drawn_limits_are_near_those_of_the_estimator(database: Path, tmp_path: Path) -> None:
    kinds = ["survival", "rmst"]
    plain, drawn = (
        run(
            database,
            tmp_path / str(len(more)),
            follow_up(
                ("analyses/0/adjust_for", ["age"]),
                ("analyses/0/design/adjustment", {"kind": "weigh", "estimand": "overlap"}),
                ("analyses/0/design/estimator", {"kinds": kinds, "time_points_days": [1825], **more}),
            ),
        )
        for more in ({}, {"bootstrap": {"replicates": 100}})
    )
    for measure in ("risk_difference", "rmst_difference"):
        for one, other in zip(rows(plain, measure), rows(drawn, measure), strict=True):
            assert other["estimate"] == one["estimate"]
            assert other["std_error"] == pytest.approx(one["std_error"], rel=0.3)  # 100 draws: 7 % a standard deviation
            assert other["model"].endswith("; limits of 100 bootstrap draws")
            assert other["conf_low"] < other["estimate"] < other["conf_high"]


def test_an_exposure_that_begins_during_follow_up_is_split_and_counted(database: Path, tmp_path: Path) -> None:
    raw = follow_up(
        ("analyses/0/design/timing", "time_varying"),
        ("analyses/0/design/estimator", {"kinds": ["cox", "poisson"]}),
        ("analyses/0/cluster", "person"),
    )
    results = run(database, tmp_path / "out", raw)
    target, reference = results.rows("follow_up")
    assert target["label"] == "use of antidepressants, from its beginning on"
    assert target["n_began"] == reference["n_censored_switch"] > 0
    crude, adjusted = rows(results, "hazard_ratio")
    assert target["n_at_time_zero"] + reference["n_at_time_zero"] == crude["n_persons"]
    assert target["n_events"] + reference["n_events"] == crude["n_cases"]
    assert crude["n_exposed_cases"] == target["n_events"]
    fixed = run(database, tmp_path / "fixed", follow_up())
    whole = sum(row["person_years"] for row in fixed.rows("follow_up"))
    assert target["person_years"] + reference["person_years"] == pytest.approx(whole, rel=1e-12)
    ratio, _ = rows(results, "rate_ratio")
    assert ratio["estimate"] == pytest.approx(target["rate"] / reference["rate"], rel=1e-9)
    assert not results.rows("curves")
    assert adjusted["missing_data"] == "complete cases"


def test_small_counts_stay_hidden_where_persons_change_arms_or_lack_a_covariate(database: Path, tmp_path: Path) -> None:
    raw = follow_up(
        ("analyses/0/design/timing", "time_varying"), ("analyses/0/design/estimator", {"kinds": ["cox", "poisson"]})
    )
    results = run(database, tmp_path / "out", raw, min_cell_count=20)
    for name in ("follow_up", "missingness", "estimates", "characteristics_by_arm"):
        for row in results.rows(name):
            counts = [value for key, value in row.items() if key.startswith("n_") and not key.endswith("_suppressed")]
            assert not [value for value in counts if value is not None and 0 < value < 20], name


def test_the_report_says_what_is_missing_and_compares_subgroups(database: Path, tmp_path: Path) -> None:
    raw = follow_up(
        ("analyses/0/missing", IMPUTED),
        ("analyses/0/subgroups", ["sex"]),
        ("analyses/0/design/estimator", {"kinds": ["cox", "poisson"]}),
    )
    page = report_html(run(database, tmp_path / "out", raw))
    for text in (
        "Missing covariates, n (%)",
        "imputed 4 times by chained equations (3 rounds)",
        "Adjusted, complete cases",
        "Hazard ratio by sex",
        "p for interaction",
        "Rate per 1,000 person-years: use of antidepressants, year",
        "tested by Cochran&#39;s Q",
    ):
        assert text in page, text


@pytest.fixture(scope="module")
def measured(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same nation in which half of the persons were weighed once, in 2012."""
    folder = tmp_path_factory.mktemp("measured")
    for path in database.glob("*.parquet"):
        (folder / path.name).write_bytes(path.read_bytes())
    persons = pq.read_table(folder / "person.parquet")["person_id"].to_numpy()
    random = np.random.default_rng(11)
    chosen = persons[random.random(len(persons)) < 0.5]
    weight = random.normal(80, 12, len(chosen))
    weight[:50] = 8000.0  # entered in grams
    old = pq.read_table(folder / "measurement.parquet").schema
    columns = {
        "measurement_id": pa.array(np.arange(len(chosen)), old.field("measurement_id").type),
        "person_id": pa.array(chosen, old.field("person_id").type),
        "measurement_concept_id": pa.array(np.full(len(chosen), 3_025_315), old.field("measurement_concept_id").type),
        "measurement_date": pa.array([date(2012, 6, 1)] * len(chosen), old.field("measurement_date").type),
        "value_as_number": pa.array(weight, old.field("value_as_number").type),
    }
    rest = {f.name: pa.nulls(len(chosen), f.type) for f in old if f.name not in columns}
    pq.write_table(pa.table(columns | rest).select(old.names), folder / "measurement.parquet")
    return folder


def test_a_measured_value_is_a_covariate_within_its_window_and_range(measured: Path, tmp_path: Path) -> None:
    raw = follow_up(("analyses/0/adjust_for", ["age", "weight"]))
    raw["concept_sets"]["weights"] = {"domain": "measurement", "include": [{"concept_id": 3_025_315}]}
    window, plausible = {"years_before": [0, 10]}, [20, 300]
    raw["covariates"].append(
        {"name": "weight", "kind": "measurement", "concept_set": "weights", "window": window, "unit": "kg"}
        | {"plausible": plausible}
    )
    results = run(measured, tmp_path / "out", raw)
    (found,) = {
        row["n_missing"] for row in results.rows("missingness") if (row["group"], row["position"]) == ("target", 2)
    }
    with eq.connect(measured) as source:
        people = eq.assemble(parse_study(raw), source, analysis="main")
    weight = people.column("weight")
    assert found == int(np.isnan(weight[people.arm == 1]).sum())
    assert 0.3 < np.isnan(weight).mean() < 0.95
    assert np.nanmax(weight) < 300
    shown = [row for row in results.rows("characteristics_by_arm") if row["variable"] == "weight (kg)"]
    assert [row["n_target_missing"] for row in shown] == [found, found]
    _, adjusted = rows(results, "hazard_ratio")
    assert adjusted["n_persons"] == int((~np.isnan(weight)).sum())
