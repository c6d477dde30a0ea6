"""The shipped study on the GiBleed database, against counts made by plain SQL."""

import json
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import equipoise as eq
from tests.studies.places import STUDIES, shared_data

# Written without any part of the engine: who bled first when, and who was dispensed what before that day.
COUNTS = """
with bleed as (
  select c.person_id, min(c.condition_start_date) as index_date
  from condition_occurrence c
  join concept_ancestor a on a.descendant_concept_id = c.condition_concept_id and a.ancestor_concept_id = 192671
  group by all
),
cases as (
  select b.person_id, b.index_date
  from bleed b
  join person p using (person_id)
  join observation_period o using (person_id)
  where b.index_date between o.observation_period_start_date and o.observation_period_end_date
),
used as (
  select d.person_id, d.drug_exposure_start_date as day, a.ancestor_concept_id as ingredient
  from drug_exposure d
  join concept_ancestor a on a.descendant_concept_id = d.drug_concept_id
  where a.ancestor_concept_id in (1118084, 1124300)
)
select
  count(distinct c.person_id) as cases,
  count(distinct c.person_id) filter (where u.ingredient = 1118084) as celecoxib,
  count(distinct c.person_id) filter (where u.ingredient = 1124300) as diclofenac,
  count(distinct c.person_id) filter (where u.ingredient is not null) as either
from cases c
left join used u on u.person_id = c.person_id and u.day < c.index_date and u.day >= c.index_date - {days}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gibleed")
    study = eq.read_study(STUDIES / "nsaid-gi-bleed.toml")
    with eq.connect(shared_data("gibleed")) as source:
        eq.run(study, source, to=folder / "results", store=folder / "store")
    return folder / "results"


def plain_counts(days: int) -> dict[str, int]:
    connection = duckdb.connect()
    for path in shared_data("gibleed").glob("*.parquet"):
        connection.execute(f"create view {path.stem} as from '{path}'")
    row = connection.execute(COUNTS.format(days=days)).fetchdf().iloc[0]
    return {name: int(value) for name, value in row.items()}


def rows(folder: Path, table: str, **wanted: str) -> list[dict[str, object]]:
    found = pq.read_table(folder / "tables" / f"{table}.parquet")
    for column, value in wanted.items():
        found = found.filter(pc.equal(found[column], value))
    return found.to_pylist()


@pytest.mark.parametrize(("window", "days"), [("0-90 days", 90), ("ever", 100_000)])
def test_exposed_cases_agree_with_plain_sql(finished: Path, window: str, days: int) -> None:
    plain = plain_counts(days)
    assert plain == {"cases": 479, "celecoxib": 355, "diclofenac": 124, "either": 479}
    for exposure in ("celecoxib", "diclofenac", "either"):
        (row,) = rows(finished, "exposure", exposure=exposure, window=window)
        assert row["n_cases"] == plain["cases"]
        assert row["n_exposed_cases"] == plain[exposure]


def test_complete_separation_has_a_row_without_a_number(finished: Path) -> None:
    for window in ("0-90 days", "ever"):
        for row in rows(finished, "estimates", exposure="either", window=window):
            assert row["reason"] == "SEPARATION"
            assert row["estimate"] is row["conf_low"] is row["std_error"] is None


def test_other_estimates_are_numbers_with_a_direction(finished: Path) -> None:
    for exposure in ("celecoxib", "diclofenac"):
        (row,) = rows(finished, "estimates", exposure=exposure, window="0-90 days", adjustment="crude")
        assert row["reason"] is None
        assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"]
        assert row["target_level"] == "used, 0-90 days"
        assert row["reference_level"] == "not used, 0-90 days"


def test_the_manifest_tells_where_the_numbers_come_from(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["study"]["id"] == "nsaid-gi-bleed"
    assert len(manifest["study_hash"]) == 64
    assert {step["state"] for step in manifest["steps"]} == {"computed"}


def test_observation_of_unknown_persons_is_counted(finished: Path) -> None:
    counted = [row for row in rows(finished, "data_quality") if row["n_persons"] == 2649]
    assert [row["table"] for row in counted] == ["observation_period"]
