"""The shipped study of psychiatric medication and ALS, from file to report, on a small enriched nation."""

from pathlib import Path

import duckdb
import pytest

from equipoise.data.connect import connect
from equipoise.errors import DesignError
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.runner.study import assemble, run
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import read_study

STUDY = Path(__file__).parents[2] / "studies" / "psychotropics-als.toml"
REGISTERED, FULL_SIBLINGS = 2_000_008_011, (2_000_009_002, 2_000_009_003)


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation") / "cdm"
    write_nation(folder, persons=40_000, seed=3, multiplier=40, workers=1)
    return folder


@pytest.fixture(scope="module")
def results(nation: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("results")
    with connect(nation) as source:
        return run(read_study(STUDY), source, to=folder / "to", store=folder / "store", min_cell_count=0)


def test_one_comparison_is_assembled_from_python(nation: Path, results: Results) -> None:
    study = read_study(STUDY)
    with connect(nation) as source:
        siblings = assemble(study, source, analysis="risk", comparison="siblings")
        with pytest.raises(DesignError, match="comparison of analysis 'risk'"):
            assemble(study, source, analysis="risk", comparison="twins")
    assert len(siblings) - int(siblings.event.sum()) == sampling(results)["siblings"]["n_controls"]
    assert "by design | birth year" in siblings.names


def sampling(results: Results) -> dict[str, dict]:
    return {row["comparison"]: row for row in results.rows("sampling") if row["analysis"] == "risk"}


def test_every_comparison_has_rows_in_every_table(results: Results) -> None:
    for name in ("sampling", "matching", "characteristics", "exposure", "estimates", "discordance", "lag_scan"):
        rows = [row for row in results.rows(name) if row["analysis"] == "risk"]
        assert {row["comparison"] for row in rows} == {"population", "siblings", "spouses"}, name
    across = {(row["comparison"], row["across"]) for row in results.rows("heterogeneity")}
    assert {("every", "comparison"), ("siblings", "sex"), ("population", "age")} <= across


def test_cases_and_siblings_agree_with_plain_sql(nation: Path, results: Results) -> None:
    table = lambda name: f"'{nation / name}.parquet'"  # noqa: E731
    cases = f"""
        select person_id as case_id, min(observation_date) as day from {table("observation")}
        where observation_concept_id = {REGISTERED} group by 1
        having min(observation_date) between date '2015-01-01' and date '2023-07-01'
    """
    ill = f"""
        select person_id, min(day) as day from (
            select person_id, condition_start_date as day from {table("condition_occurrence")}
            where condition_source_value like 'G12.2%'
            union all select person_id, observation_date from {table("observation")}
            where observation_concept_id = {REGISTERED}) group by 1
    """
    siblings = f"""
        select distinct c.case_id, l.fact_id_1 as sibling from ({cases}) c
        join {table("fact_relationship")} l
          on l.fact_id_2 = c.case_id and l.relationship_concept_id in ({", ".join(map(str, FULL_SIBLINGS))})
        join {table("observation_period")} o
          on o.person_id = l.fact_id_1
         and c.day between o.observation_period_start_date and o.observation_period_end_date
        left join ({ill}) i on i.person_id = l.fact_id_1
        left join {table("death")} d on d.person_id = l.fact_id_1
        where (i.day is null or i.day > c.day) and (d.death_date is null or d.death_date > c.day)
    """
    with duckdb.connect() as database:
        n_cases = database.execute(f"select count(*) from ({cases})").fetchone()[0]
        n_siblings, n_with = database.execute(f"select count(*), count(distinct case_id) from ({siblings})").fetchone()
    found = sampling(results)
    assert n_siblings > 20
    assert found["population"]["n_cases"] == found["siblings"]["n_cases"] == n_cases
    assert (found["siblings"]["n_controls"], found["siblings"]["n_cases_matched"]) == (n_siblings, n_with)
    assert found["spouses"]["n_controls"] == found["spouses"]["n_cases_matched"] > 10


def test_links_of_the_nation_are_sound(results: Results) -> None:
    checked = [row for row in results.rows("data_quality") if row["table"] == "fact_relationship"]
    assert len(checked) > 10
    sound = [row for row in checked if row["check"].startswith(("link to", "person", "parent", "siblings who"))]
    assert sum(row["n_records"] for row in sound if "several partners" not in row["check"]) == 0


def test_prodrome_shows_in_the_last_year_and_fades_over_lags(results: Results) -> None:
    scan = {
        row["lag_days"]: row["estimate"]
        for row in results.rows("lag_scan")
        if (row["analysis"], row["comparison"], row["exposure"]) == ("risk", "population", "antidepressants")
        and row["population"] == "observable"
    }
    assert scan[0] > scan[365] > 0
    wanted = ("risk", "population", "overall", "0-1 y")
    names = ("analysis", "comparison", "subgroup", "window")
    began = [row for row in results.rows("estimates") if tuple(row[name] for name in names) == wanted]
    assert all(row["estimate"] > 2 for row in began if row["estimate"] is not None)
    assert any(row["estimate"] is not None for row in began)


def test_the_report_shows_comparisons_published_figures_and_lags(results: Results) -> None:
    page = report_html(results)
    for words in (
        "Odds ratios by comparison, side by side",
        "Published figures beside this study",
        "12.4",
        "firm: seen in two or more independent places",
        "p for interaction",
        "Odds ratio by lag: Antidepressants",
        "Initiation before the index date: Antidepressants",
        "Antidepressants, &gt;1 y: odds ratio by dispensings",
        "Odds ratios by kind of controls",
        "Within and between families: families of siblings",
        "By indication (psychiatric diagnosis): siblings",
        "Siblings as controls",
        "Sets that tell of an exposure",
    ):
        assert words in page, words


def test_unrelated_drugs_show_the_systematic_error_of_the_design(results: Results) -> None:
    rows = results.rows("negative_controls")
    assert {row["comparison"] for row in rows} == {"population", "siblings", "spouses"}
    assert len({row["control"] for row in rows}) == 6
    assert {row["kind"] for row in rows} == {"exposure"}
    windows = {"0-1 y", "1-5 y", ">5 y", ">1 y"}
    nulls = {
        (row["window"], row["exposure"]): row
        for row in results.rows("empirical_null")
        if row["comparison"] == "population" and row["adjustment"] == "crude" and row["window"] in windows
    }
    assert len(nulls) == 12
    assert {row["n_controls"] for row in nulls.values()} == {6}
    for row in results.rows("estimates"):
        if row["comparison"] == "population" and row["window"] in windows and row["estimate"] is not None:
            overall = row["subgroup"] == "overall" and row["analysis"] == "risk"
            assert (row["calibrated_p_value"] is not None) == overall
