"""The target trial of REM-suppressing antidepressants after a diagnosis of ALS, on both views of a small nation."""

import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

import equipoise as eq
from equipoise.errors import SpecError
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.simulate.nation_spec import parse_nation
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study

STUDY = Path(__file__).parents[2] / "studies" / "rem-target-trial.toml"
METHODS = ("crude", "clone, censor, weight", "g-formula", "doubly robust")
# Written without any part of the engine: first diagnoses of adults from 2007 on, observed for a year and a day after.
PEOPLE = """
with first as (
    select c.person_id, min(condition_start_date)::date as day from condition c
    where condition_source_value like 'G12.2%' and condition_concept_id = 373182 group by 1
)
select f.person_id, f.day + 1 as zero, o.observation_period_end_date::date as ends, d.death_date::date as died
from first f
join person p using (person_id)
join period o on o.person_id = f.person_id
    and f.day between o.observation_period_start_date and o.observation_period_end_date
left join death d on d.person_id = f.person_id
where f.day >= date '2007-01-01'
    and f.day >= make_date(p.year_of_birth, p.month_of_birth, p.day_of_birth) + interval 18 year
    and f.day + 1 < least(o.observation_period_end_date, coalesce(d.death_date, o.observation_period_end_date))
    and greatest(o.observation_period_start_date, date '2005-07-01') <= f.day + 1 - 365
"""


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation") / "here"
    spec = parse_nation({"network": {"riluzole_treated": 300}})
    write_nation(folder, spec, persons=20_000, seed=11, multiplier=150.0, views=("register", "network"))
    return folder


def quick(**estimation: Any) -> eq.Study:
    raw = tomllib.loads(STUDY.read_text(encoding="utf-8"))
    raw["analyses"][0]["design"]["estimation"] |= {"bootstrap": 0, "simulations": 500} | estimation
    whole = eq.read_study(STUDY)
    return parse_study(raw | {"concept_sets": {n: s.model_dump(by_alias=True) for n, s in whole.concept_sets.items()}})


@pytest.fixture(scope="module")
def results(nation: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    place = tmp_path_factory.mktemp("results")
    with closing(eq.connect(nation)) as source:
        return eq.run(quick(), source, to=place / "out", store=place / "store", min_cell_count=0)


def plain(nation: Path, sql: str) -> list[tuple]:
    with duckdb.connect() as database:
        for view, table in (("condition", "condition_occurrence"), ("person", "person"), ("death", "death"),
                            ("period", "observation_period"), ("drug", "drug_exposure")):  # fmt: skip
            database.execute(f"create view {view} as select * from '{nation / f'{table}.parquet'}'")
        return database.execute(sql).fetchall()


def test_persons_and_starters_are_those_of_plain_sql(nation: Path, results: Results) -> None:
    sql = f"""
    with people as ({PEOPLE}),
    clean as (
        select * from people p where not exists (
            select 1 from drug d where d.person_id = p.person_id and drug_source_value in (select code from codes)
            and d.drug_exposure_start_date::date between p.zero - 365 and p.zero - 1)
    )
    select count(*), sum(case when died <= zero + 730 then 1 else 0 end) from clean
    """
    study = eq.read_study(STUDY)
    codes = [
        item.code for name in ("rem_suppressing", "rem_not_suppressing")
        for item in study.concept_sets[name].include or () if item.code
    ]  # fmt: skip
    listed = ", ".join(f"('{code}')" for code in codes)
    (row,) = plain(
        nation, f"with codes(code) as (values {listed}) " + sql.replace("with people", ", people", 1).strip()
    )
    strategies = {row["strategy"]: row for row in results.rows("trial_strategies")}
    assert {row["n_trials"] for row in strategies.values()} == {row[0]}
    assert row[0] > 200
    assert 0 < strategies["none"]["n_events"] <= row[1]


def test_risks_of_every_method_on_the_registers(results: Results) -> None:
    risks = {
        (row["adjustment"], row["exposure"], row["time_point_days"]): row
        for row in results.rows("estimates") if row["measure"] == "risk"
    }  # fmt: skip
    assert {key[0] for key in risks} == set(METHODS)
    assert {key[2] for key in risks} == {365, 730}
    none = [risks[method, "none", 730]["estimate"] for method in METHODS]
    assert max(none) - min(none) < 0.05
    assert 0.2 < none[0] < 0.7
    page = report_html(results)
    assert "start a REM-suppressing antidepressant within three months" in page
    assert "Agreement of methods" in page


def test_failed_diagnostics_stand_beside_estimates_that_are_not_sealed(results: Results) -> None:
    rows = [row for row in results.rows("diagnostics") if row["analysis"] == "per-protocol"]
    assert {row["exposure"] for row in rows} == {"none", "another", "suppressing"}
    status = {(row["exposure"], row["diagnostic"]): row["status"] for row in rows}
    assert {status["none", name] for name in ("positivity", "largest_weight", "effective_size", "balance")} == {
        "passed"
    }
    assert status["another", "positivity"] == status["suppressing", "positivity"] == "failed"
    assert "SEALED" not in {row["reason"] for row in results.rows("estimates")}
    page = report_html(results)
    assert "This study is a comparison of designs" in page
    assert "probability of what the strategy asks for, first percentile failed" in page


def test_the_network_view(nation: Path, tmp_path: Path) -> None:
    study = quick(methods=["clone_censor_weight"], follow_up_terms="linear")
    with closing(eq.connect(nation / "network")) as source:
        found = eq.run(study, source, to=tmp_path / "out", store=tmp_path / "store", min_cell_count=0)
    risk = [row for row in found.rows("estimates") if row["measure"] == "risk" and row["exposure"] == "none"]
    assert all(row["reason"] is None for row in risk)


def test_measurements_after_death_are_counted_and_left_out(nation: Path, results: Results) -> None:
    checks = {row["check"] for row in results.rows("data_quality") if row["table"] == "measurement"}
    assert any("death" in check for check in checks)
    assert any("birth" in check for check in checks)


def test_one_question_is_answered_by_the_trial_and_by_a_follow_up_analysis(results: Results) -> None:
    rows = results.rows("triangulation")
    designs = [(row["analysis"], row["design"]) for row in rows]
    assert designs == [("per-protocol", "target_trial"), ("active-comparator", "follow_up")]
    own = {
        (row["analysis"], row["exposure"], row["comparison"], row["adjustment"], row["measure"]): row
        for row in results.rows("estimates")
    }  # fmt: skip
    for row in rows:
        key = tuple(row[name] for name in ("analysis", "exposure", "comparison", "adjustment", "measure"))
        assert (row["exposure"], row["measure"]) == ("suppressing", "hazard_ratio")
        assert (row["estimate"], row["reason"]) == (own[key]["estimate"], own[key]["reason"])
    assert rows[0]["adjustment"] == "clone, censor, weight"
    assert all(row["estimate"] is not None for row in rows)
    page = report_html(results)
    assert "The question through several designs" in page
    assert "2 of 2 answers have an estimate" in page
    own = [row for row in results.rows("flawed_estimates") if row["analysis"] == "active-comparator"]
    assert [row["flaw"] for row in own] == ["prevalent_users", "covariates_after_time_zero"]
    assert all(row["log_difference"] is not None for row in own)


def test_the_trial_stands_beside_its_flawed_versions(results: Results) -> None:
    rows = [row for row in results.rows("flawed_estimates") if row["analysis"] == "per-protocol"]
    pairs = [("another", "none"), ("suppressing", "none"), ("suppressing", "another")]
    flaws = ("immortal_time", "prevalent_users", "covariates_after_time_zero")
    assert [(row["flaw"], (row["exposure"], row["comparison"])) for row in rows] == [
        (flaw, pair) for flaw in flaws for pair in pairs
    ]
    assert {(row["measure"], row["time_point_days"]) for row in rows} == {("risk_ratio", 730)}
    ratios = [
        row for row in results.rows("estimates")
        if (row["measure"], row["adjustment"], row["time_point_days"]) == ("risk_ratio", "clone, censor, weight", 730)
    ]  # fmt: skip
    sound = {(row["exposure"], row["comparison"]): row["estimate"] for row in ratios}
    for row in rows:
        assert row["estimate"] == sound[row["exposure"], row["comparison"]]
        if (row["exposure"], row["comparison"]) == ("suppressing", "none"):  # too few start another to be seen so long
            assert row["flawed_estimate"] not in (None, row["estimate"])
    immortal = next(row for row in rows if (row["flaw"], row["exposure"]) == ("immortal_time", "suppressing"))
    assert immortal["log_difference"] < -0.1
    page = report_html(results)
    ratios = f"{immortal['flawed_estimate']:.2f} instead of {immortal['estimate']:.2f}"
    assert "If users are those who ever use the drug, later use included, the risk ratio would have been" in page
    assert ratios in page
    assert "times as large; suppressing against none)" in page


def test_a_strategy_that_the_trial_does_not_have_answers_nothing() -> None:
    raw = tomllib.loads(STUDY.read_text(encoding="utf-8"))
    raw["triangulation"]["answers"][0]["comparison"] = "placebo"
    with pytest.raises(SpecError, match="'placebo' is not part of analysis 'per-protocol'"):
        parse_study(raw)
