"""A follow-up study from file to report on a synthetic nation, with its counts made again by plain SQL."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pytest

import equipoise as eq
from equipoise.report.write import report_html
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study
from tests.spec_model.examples import changed

DESIGN = "analyses/0/design"
STUDY: dict[str, Any] = {
    "spec_version": 1,
    "id": "depression",
    "title": "Antidepressants and death after a psychiatric diagnosis",
    "question": {"text": "Do users die earlier?"},
    "concept_sets": {
        "diagnosis": {"domain": "condition", "include": [{"code_prefix": "F32"}, {"code_prefix": "F41"}]},
        "antidepressants": {"domain": "drug", "include": [{"code_prefix": "N06A"}]},
        "hypnotics": {"domain": "drug", "include": [{"code_prefix": "N05C"}]},
    },
    "cohorts": {"patients": {"entry": {"concept_set": "diagnosis"}, "prior_observation_days": 365}},
    "exposures": {
        "antidepressants": {"concept_sets": ["antidepressants"], "min_dispensings": 2},
        "hypnotics": {"concept_sets": ["hypnotics"]},
    },
    "windows": {"year": {"days_before": [0, 365]}},
    "covariates": [{"name": "age", "kind": "age"}, {"name": "sex", "kind": "sex"}],
    "analyses": [
        {
            "id": "main",
            "adjust_for": ["age", "sex"],
            "design": {
                "kind": "follow_up",
                "population": "patients",
                "window": "year",
                "target": ["antidepressants", "hypnotics"],
                "outcome": {"any_of": ["death"]},
                "follow_up": {"days": 1825},
                "estimator": {"kinds": ["cox", "survival", "rmst", "logrank"], "time_points_days": [1825]},
            },
        }
    ],
}
# Written without any part of the engine: first diagnosis observed for a year, use in the year before, five years.
COUNTS = """
with first as (
  select person_id, min(condition_start_date) as zero from condition_occurrence
  where condition_source_value like 'F32%' or condition_source_value like 'F41%' group by all
),
entered as (
  select f.person_id, f.zero, least(o.observation_period_end_date - f.zero, 1825) as last,
    (select min(death_date) from death d where d.person_id = f.person_id) - f.zero as died,
    (select count(distinct drug_exposure_start_date) from drug_exposure d where d.person_id = f.person_id
      and d.drug_source_value like '{prefix}%'
      and d.drug_exposure_start_date between f.zero - 365 and f.zero - 1) as dispensings
  from first f join observation_period o using (person_id)
  where f.zero between o.observation_period_start_date + 365 and o.observation_period_end_date
)
select dispensings >= {least} as target, count(*) as n, count(*) filter (where died <= last) as events,
  sum(least(last, coalesce(died, last))) as days
from entered where coalesce(died, 1) > 0 and last > 0 group by all
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("register")
    write_nation(folder, persons=20_000, seed=3)
    return folder


def run(database: Path, folder: Path, *changes: tuple[str, Any], min_cell_count: int = 0) -> eq.Results:
    raw = deepcopy(STUDY)
    for path, value in changes:
        changed(raw, path, value)
    with eq.connect(database) as source:
        store = database.parent / "follow-up-store"
        return eq.run(parse_study(raw), source, to=folder, store=store, min_cell_count=min_cell_count)


@pytest.mark.parametrize(("target", "prefix", "least"), [("antidepressants", "N06A", 2), ("hypnotics", "N05C", 1)])
def test_arms_events_and_days_agree_with_plain_sql(
    database: Path, tmp_path: Path, target: str, prefix: str, least: int
) -> None:
    results = run(database, tmp_path / "out")
    connection = duckdb.connect()
    for path in database.glob("*.parquet"):
        connection.execute(f"create view {path.stem} as from '{path}'")
    rows = {row["arm"]: row for row in results.rows("follow_up") if row["exposure"] == target}
    counted = connection.execute(COUNTS.format(prefix=prefix, least=least)).fetchall()
    assert len(counted) == 2
    for is_target, n, events, days in counted:
        row = rows["target" if is_target else "reference"]
        assert (row["n_persons"], row["n_events"]) == (n, events)
        assert row["person_years"] == pytest.approx(days / 365.25, rel=1e-12)


def test_time_at_risk_from_the_end_of_use(database: Path, tmp_path: Path) -> None:
    """Users of one drug against users of another, at risk when use has ended; everybody is accounted for."""
    changes = [
        (f"{DESIGN}/window", None),
        (f"{DESIGN}/time_zero", "first_use"),
        (f"{DESIGN}/target", ["antidepressants"]),
        (f"{DESIGN}/comparator", "hypnotics"),
        ("exposures/antidepressants/min_dispensings", 1),
        ("windows", {}),
    ]
    after = (f"{DESIGN}/follow_up", {"start_anchor": "end_of_exposure", "days": 1825})
    on = (f"{DESIGN}/follow_up", {"end_anchor": "end_of_exposure", "days": 0})
    late, early = (run(database, tmp_path / str(at), *changes, time) for at, time in enumerate((after, on)))
    rules = {row["rule"]: row for row in late.rows("attrition")}
    dropped = {rule: row["n_excluded"] for rule, row in rules.items() if "end of use" in rule}
    died_on = sum(row["n_events"] for row in early.rows("follow_up"))
    assert dropped["no event between time zero and the end of use"] == died_on > 0
    arms = late.rows("follow_up")
    before = rules["no event between time zero and the end of use"]["n_in"]
    assert sum(row["n_persons"] for row in arms) == before - sum(dropped.values())
    assert {row["n_censored_stop"] for row in early.rows("follow_up")} != {0}
    assert {row["n_censored_stop"] for row in arms} == {0}, "five years after use end follow-up, and no use"
    page = report_html(late)
    assert "Persons were followed from day 1 after the end of use up to day 1,825" in page
    assert "days from the end of use" in page
    assert "days from time zero" not in page


def test_every_table_tells_of_the_same_persons(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "out")
    for target in ("antidepressants", "hypnotics"):
        arms = [row for row in results.rows("follow_up") if row["exposure"] == target]
        n, events = (sum(row[name] for row in arms) for name in ("n_persons", "n_events"))
        estimates = [row for row in results.rows("estimates") if row["exposure"] == target]
        assert {(row["n_persons"], row["n_cases"]) for row in estimates} == {(n, events)}
        assert {row["adjustment"] for row in estimates if row["measure"] == "hazard_ratio"} == {"crude", "adjusted"}
        for row in arms:
            curve = [c for c in results.rows("curves") if (c["exposure"], c["arm"]) == (target, row["arm"])]
            assert curve[0]["n_at_risk"] == row["n_persons"]
            assert sum(c["n_events"] for c in curve) == row["n_events"]
            assert (curve[-1]["time_days"], curve[-1]["n_remaining"]) == (1825, 0)
            risk = next(
                e["estimate"]
                for e in estimates
                if e["measure"] == "risk" and e["target_level"] == row["label"] and e["time_point_days"] == 1825
            )
            assert curve[-1]["risk"] == pytest.approx(risk, abs=1e-12)


def test_small_counts_are_hidden_in_every_table(database: Path, tmp_path: Path) -> None:
    results = run(database, tmp_path / "out", min_cell_count=5)
    for name in ("follow_up", "characteristics_by_arm", "curves", "estimates"):
        for row in results.rows(name):
            counts = [value for key, value in row.items() if key.startswith("n_") and not key.endswith("_suppressed")]
            assert not [value for value in counts if value is not None and 0 < value < 5], name


def test_the_report_has_the_sections_of_a_follow_up(database: Path, tmp_path: Path) -> None:
    page = report_html(run(database, tmp_path / "out"))
    for text in ('id="follow-up"', "Follow-up by arm", "Followed beyond", "time zero", "Risks and their contrasts"):
        assert text in page
    assert 'id="matching"' not in page
    assert "against the reference arm" in page


def test_the_same_rows_serve_another_estimator(database: Path, tmp_path: Path) -> None:
    run(database, tmp_path / "one")
    again = run(database, tmp_path / "two", (f"{DESIGN}/estimator", {"kinds": ["cox"], "ties": "breslow"}))
    states = {step["name"]: step["state"] for step in again.manifest["steps"]}
    assert states["analysis set of main: antidepressants"] == "cached"
    assert states["estimates of main: antidepressants"] == "computed"


def test_what_the_data_cannot_answer_is_a_reason(database: Path, tmp_path: Path) -> None:
    nobody = run(database, tmp_path / "nobody", ("cohorts/patients/age", {"min": 140}))
    assert {row["reason"] for row in nobody.rows("estimates")} == {"ONE_ARM_EMPTY"}
    unused = run(database, tmp_path / "unused", ("exposures/hypnotics/min_dispensings", 900))
    rows = [row for row in unused.rows("estimates") if row["exposure"] == "hypnotics"]
    assert {row["reason"] for row in rows} == {"ONE_ARM_EMPTY"}
    assert report_html(nobody)
    assert report_html(unused)


def test_one_comparison_is_assembled_by_its_target(database: Path) -> None:
    study = parse_study(deepcopy(STUDY))
    with eq.connect(database) as source:
        people = eq.assemble(study, source, analysis="main", target="hypnotics")
        assert people.columns[0].tag("exposure") == "hypnotics"
        assert eq.fit_cox(people).reasons == (None, None, None)
        with pytest.raises(eq.DesignError, match="antidepressants, hypnotics"):
            eq.assemble(study, source, analysis="main")


def test_a_record_that_two_sets_of_an_exposure_name_is_not_counted_twice(database: Path, tmp_path: Path) -> None:
    """Added up, a dispensing of thirty days would last sixty."""
    sets = [
        ("concept_sets/ssri", {"domain": "drug", "include": [{"code_prefix": "N06AB"}]}),
        ("exposures/antidepressants/concept_sets", ["antidepressants", "ssri"]),
    ]
    with pytest.raises(eq.DesignError, match="'antidepressants' and 'ssri' name the same records"):
        run(database, tmp_path / "twice", *sets)
    with eq.connect(database) as source:
        study = deepcopy(STUDY)
        for place, value in sets:
            study = changed(study, place, value)
        with pytest.raises(eq.DesignError, match="'antidepressants' and 'ssri' name the same records"):
            eq.check_data(parse_study(study), source)
        assert (
            eq.check_data(parse_study(changed(study, "exposures/antidepressants/concept_sets", ["ssri"])), source) == ()
        )
    apart = {"domain": "drug", "include": [{"code_prefix": "N06A"}], "exclude": [{"code_prefix": "N06AB"}]}
    whole, parts = (
        run(database, tmp_path / name, *changes).rows("follow_up")
        for name, changes in (("whole", ()), ("parts", (*sets, ("concept_sets/antidepressants", apart))))
    )
    assert [row["n_persons"] for row in parts] == [row["n_persons"] for row in whole]
