"""The shipped active-comparator study on the GiBleed database, against R's answers and counts by plain SQL."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

import equipoise as eq
from tests.studies.places import STUDIES, shared_data

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "cases" / "16_gibleed.json"

# Written without any part of the engine: first dispensing, 183 days observed, no bleed up to then, 180 days.
COUNTS = """
with used as (
  select d.person_id, d.drug_exposure_start_date as day, a.ancestor_concept_id = 1118084 as target
  from drug_exposure d join concept_ancestor a on a.descendant_concept_id = d.drug_concept_id
  where a.ancestor_concept_id in (1118084, 1124300)
),
first as (select person_id, min(day) as zero from used group by all),
arms as (
  select f.person_id, f.zero, bool_or(u.target) as target
  from first f join used u on u.person_id = f.person_id and u.day = f.zero
  group by all having count(distinct u.target) = 1
),
bleed as (
  select c.person_id, min(c.condition_start_date) as day from condition_occurrence c
  join concept_ancestor a on a.descendant_concept_id = c.condition_concept_id and a.ancestor_concept_id = 192671
  group by all
),
followed as (
  select a.target, b.day as bled, a.zero,
    least(o.observation_period_end_date - a.zero, 180) as last, b.day - a.zero as event
  from arms a join person p using (person_id) join observation_period o using (person_id)
  left join bleed b using (person_id)
  where a.zero between o.observation_period_start_date + 183 and o.observation_period_end_date
)
select target, count(*) as n, count(*) filter (where event <= last) as events,
  sum(least(last, coalesce(event, last))) as days
from followed where coalesce(event, 1) > 0 and last > 0 group by all
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> eq.Results:
    folder = tmp_path_factory.mktemp("gibleed")
    study = eq.read_study(STUDIES / "celecoxib-diclofenac.toml")
    with eq.connect(shared_data("gibleed")) as source:
        return eq.run(study, source, to=folder / "results", store=folder / "store", min_cell_count=0)


def expected(case: str) -> dict[str, Any]:
    if not REFERENCE.exists():
        pytest.skip(f"no reference answers at {REFERENCE}")
    cases = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
    return next(item["result"] for item in cases if item["id"] == case)


def arms(finished: eq.Results) -> dict[str, dict[str, Any]]:
    return {row["arm"]: row for row in finished.rows("follow_up") if row["analysis"] == "bleeding"}


def test_persons_events_and_days_are_those_of_the_reference(finished: eq.Results) -> None:
    counts = expected("gib_cohort_counts")
    for arm, code in (("target", "1"), ("reference", "0")):
        row = arms(finished)[arm]
        assert (row["n_persons"], row["n_events"]) == (counts["n"][code], counts["events"][code])
        assert row["person_years"] == pytest.approx(counts["person_days"][code] / 365.25, rel=1e-12)


def test_persons_events_and_days_agree_with_plain_sql(finished: eq.Results) -> None:
    connection = duckdb.connect()
    for path in shared_data("gibleed").glob("*.parquet"):
        connection.execute(f"create view {path.stem} as from '{path}'")
    for target, n, events, days in connection.execute(COUNTS).fetchall():
        row = arms(finished)["target" if target else "reference"]
        assert (row["n_persons"], row["n_events"]) == (n, events)
        assert row["person_years"] == pytest.approx(days / 365.25, rel=1e-12)


def test_the_crude_hazard_ratio_is_that_of_r(finished: eq.Results) -> None:
    r = expected("gib_cox_crude")
    wanted = ("bleeding", "hazard_ratio", "crude")
    rows = finished.rows("estimates")
    row = next(item for item in rows if (item["analysis"], item["measure"], item["adjustment"]) == wanted)
    assert row["log_estimate"] == pytest.approx(r["coef"]["target"], rel=1e-8)
    assert row["std_error"] == pytest.approx(r["se"]["target"], rel=1e-8)
    assert (row["target_level"], row["reference_level"]) == ("new use of Celecoxib", "new use of Diclofenac")


def test_adjustment_moves_the_ratio_towards_one(finished: eq.Results) -> None:
    rows = [row for row in finished.rows("estimates") if row["analysis"] == "bleeding"]
    ratio = {row["adjustment"]: row["estimate"] for row in rows if row["measure"] == "hazard_ratio"}
    assert ratio["crude"] == pytest.approx(1.3466, abs=1e-4)
    assert abs(ratio["adjusted"] - 1) < abs(ratio["crude"] - 1)


def test_as_treated_follow_up_is_shorter(finished: eq.Results) -> None:
    rows = {row["arm"]: row for row in finished.rows("follow_up") if row["analysis"] == "as-treated"}
    for arm, whole in arms(finished).items():
        assert rows[arm]["person_years"] < whole["person_years"]
        assert rows[arm]["n_censored_stop"] > 0
