"""The prognosis half of the shipped study of psychiatric medication and ALS, on both forms of a small nation."""

from pathlib import Path

import duckdb
import pytest

from equipoise.data.connect import connect
from equipoise.errors import DesignError
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.runner.measurement_assembly import assemble_measurements
from equipoise.runner.study import run
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study, read_study
from equipoise.spec.study import Study

FILE = Path(__file__).parents[2] / "studies" / "psychotropics-als.toml"
TARGETS = {"anxiolytics": "N05B", "hypnotics": "N05C", "antidepressants": "N06A"}
REGISTERED, TRACHEOSTOMY, TOTAL, SYMPTOM = 2_000_008_011, 2_000_006_002, 2_000_007_012, 2_000_008_014
NATION = {"persons": 25_000, "seed": 3, "multiplier": 60, "workers": 1}
# Written without any part of the engine: time zero at inclusion, use before it, death or tracheostomy after it.
FOLLOWED = """
with zero as (
  select person_id, min(observation_date) as zero from {observation} where observation_concept_id = {registered}
  group by 1 having min(observation_date) between date '2015-01-01' and date '2023-07-01'
),
lives as (
  select z.*, o.observation_period_end_date as last, least(
    coalesce((select min(death_date) from {death} d where d.person_id = z.person_id), date '2999-01-01'),
    coalesce((select min(procedure_date) from {procedure_occurrence} p where p.person_id = z.person_id
      and procedure_concept_id = {tracheostomy}), date '2999-01-01')) as ended,
    (select count(distinct drug_exposure_start_date) from {drug_exposure} e where e.person_id = z.person_id
      and drug_source_value like '{prefix}%' and drug_exposure_start_date < z.zero
      and drug_exposure_start_date >= greatest(o.observation_period_start_date, date '2005-07-01')) as dispensings
  from zero z join {observation_period} o on o.person_id = z.person_id
    and z.zero between o.observation_period_start_date and o.observation_period_end_date
),
followed as (select *, least(last, ended) as until from lives
  where ended > zero and last > zero and (dispensings = 0 or dispensings >= 2)),
counted as (select dispensings >= 2 as target, count(*) as n, count(*) filter (where ended <= last) as events
  from followed group by 1),
scored as (select dispensings >= 2 as target, count(*) as scores from followed f join {measurement} m
  on m.person_id = f.person_id and measurement_concept_id = {total} and measurement_date between f.zero and f.until
  group by 1)
select target, n, events, scores from counted join scored using (target)
"""


def prognosis() -> Study:
    """The study with its analysis of prognosis alone."""
    study = read_study(FILE)
    main = [item for item in study.analyses if item.id == "prognosis"]
    published = [item for item in study.published if item.analysis == "prognosis"]
    alone = {"analyses": tuple(main), "sensitivity": (), "published": tuple(published), "negative_controls": None}
    return study.model_copy(update=alone)


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation") / "cdm"
    write_nation(folder, **NATION)
    return folder


def carried_out(database: Path, folder: Path, study: Study, min_cell_count: int = 0) -> Results:
    with connect(database) as source:
        return run(study, source, to=folder / "to", store=folder / "store", min_cell_count=min_cell_count)


@pytest.fixture(scope="module")
def results(nation: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return carried_out(nation, tmp_path_factory.mktemp("results"), prognosis())


@pytest.mark.parametrize("exposure", list(TARGETS))
def test_arms_events_and_scores_agree_with_plain_sql(nation: Path, results: Results, exposure: str) -> None:
    tables = ("observation", "observation_period", "death", "procedure_occurrence", "drug_exposure", "measurement")
    query = FOLLOWED.format(
        **{name: f"'{nation / name}.parquet'" for name in tables},
        registered=REGISTERED, tracheostomy=TRACHEOSTOMY, total=TOTAL, prefix=TARGETS[exposure],
    )  # fmt: skip
    with duckdb.connect() as database:
        counted = {target: rest for target, *rest in database.execute(query).fetchall()}
    arms = {row["arm"] == "target": row for row in results.rows("follow_up") if row["exposure"] == exposure}
    for target, (n, events, _) in counted.items():
        assert (arms[target]["n_persons"], arms[target]["n_events"]) == (n, events)
    direct = next(
        row
        for row in results.rows("function")
        if (row["exposure"], row["measure"], row["adjustment"]) == (exposure, "direct_hazard_ratio", "crude")
    )
    assert direct["n_scores"] == sum(scores for _, _, scores in counted.values())
    assert (direct["n_target_events"], direct["n_reference_events"]) == (counted[True][1], counted[False][1])


def test_every_quantity_asked_for_has_a_row_with_a_number_or_a_reason(results: Results) -> None:
    rows = results.rows("function")
    for exposure in TARGETS:
        measures = {row["measure"] for row in rows if row["exposure"] == exposure}
        assert {"slope_difference", "score_difference", "mean_rank_difference", "win_ratio", "association"} <= measures
        assert {"direct_hazard_ratio", "mediated_hazard_ratio", "total_hazard_ratio"} <= measures
        assert {"progression_rate", "progression_rate_difference"} <= measures
    assert all((row["estimate"] is None) == (row["reason"] is not None) for row in rows)
    assert {row["scale"] for row in results.rows("stages")} == {"kings", "mitos"}


def test_function_declines_and_a_lower_score_raises_the_hazard(results: Results) -> None:
    slopes = [row["estimate"] for row in results.rows("function") if row["measure"] == "slope"]
    assert all(-2.0 < slope < -0.3 for slope in slopes)
    lost = [row["estimate"] for row in results.rows("function") if row["measure"] == "progression_rate"]
    assert all(0.4 < points < 2.0 for points in lost)  # the nation's patients lose 0.89 points a month on average
    associations = [row for row in results.rows("function") if row["measure"] == "association"]
    assert all(row["estimate"] < 1.0 for row in associations)


def test_what_hazard_ratios_assume_stands_beside_them(results: Results) -> None:
    ratios = [row for row in results.rows("estimates") if row["measure"] == "hazard_ratio"]
    checks = results.rows("hazard_checks")
    assert len(checks) == len(ratios) == 2 * len(TARGETS)
    assert all(0 <= row["arm_p_value"] <= 1 <= row["e_value_limit"] <= row["e_value"] for row in checks)
    assert {row["outcome"] for row in checks} == {"common"}


def test_the_report_shows_function_and_published_figures_with_their_form(results: Results) -> None:
    page = report_html(results)
    for words in (
        'id="function"',
        "Mean ALSFRS-R over time: Antidepressants",
        "Joint model of the score and the outcome: direct, mediated and total hazard ratios",
        "Function and survival ranked together",
        "Clinical stages",
        "Published figures beside this study",
        "1.72 (1.30 to 2.29)",
        "form unknown",
        "joint model, direct, adjusted",
        "What the hazard ratios assume",
    ):
        assert words in page, words


def test_registers_and_the_common_data_model_give_the_same_function(
    results: Results, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("registers")
    write_nation(folder / "data", form="registers", **NATION)
    other = carried_out(folder / "data" / "mapping.toml", folder, prognosis())
    for name in ("function", "trajectories", "stages", "hazard_checks", "follow_up"):
        assert other.rows(name) == results.rows(name), name


def test_a_closed_gate_seals_function_and_what_comes_of_it(nation: Path, tmp_path: Path) -> None:
    made = carried_out(nation, tmp_path, parse_study(canonical(prognosis()) | {"gate": {}}))
    assert "not_evaluated" in {row["status"] for row in made.rows("diagnostics")}  # equipoise, without a score
    for row in made.rows("function"):
        assert row["reason"] == "SEALED"
        assert {row[name] for name in ("estimate", "conf_low", "n_target", "n_target_events", "n_scores")} == {None}
    assert made.rows("trajectories") == made.rows("hazard_checks") == []
    assert all(row["median_days"] is None for row in made.rows("stages"))
    assert "Not estimated" in report_html(made)


def test_rows_and_scores_come_to_python_too(nation: Path, results: Results) -> None:
    with connect(nation) as source:
        people, scores = assemble_measurements(prognosis(), source, analysis="prognosis", target="antidepressants")
        for wrong in ({"analysis": "risk"}, {"analysis": "prognosis"}, {"analysis": "prognosis", "target": "statins"}):
            with pytest.raises(DesignError):
                assemble_measurements(prognosis(), source, **wrong)
    arms = {row["arm"]: row["n_persons"] for row in results.rows("follow_up") if row["exposure"] == "antidepressants"}
    assert len(people) == sum(arms.values())
    assert int(people.arm.sum()) == arms["target"]
    assert scores.names[0] == "total"
    assert (scores.day <= people.stop[scores.person]).all()
    assert set(scores.marks) == {"onset", "gastrostomy", "ventilation"}


# Time zero on the first symptom, at risk from inclusion in the register, months later.
FROM_SYMPTOM = """
with zero as (
  select person_id, min(observation_date) as zero from {observation} where observation_concept_id = {symptom}
  group by 1 having min(observation_date) between date '2015-01-01' and date '2023-07-01'
),
lives as (
  select z.*, o.observation_period_end_date as last,
    (select min(observation_date) from {observation} r where r.person_id = z.person_id
      and observation_concept_id = {registered}) as registered,
    coalesce((select min(death_date) from {death} d where d.person_id = z.person_id), date '2999-01-01') as ended,
    (select count(distinct drug_exposure_start_date) from {drug_exposure} e where e.person_id = z.person_id
      and drug_source_value like 'N06A%' and drug_exposure_start_date < z.zero
      and drug_exposure_start_date >= greatest(o.observation_period_start_date, date '2005-07-01')) as dispensings
  from zero z join {observation_period} o on o.person_id = z.person_id
    and z.zero between o.observation_period_start_date and o.observation_period_end_date
)
select dispensings >= 2, count(*), count(*) filter (where ended <= last),
  sum(least(last, ended) - greatest(registered, zero)) / 365.25
from lives where ended > zero and least(last, ended) > registered and (dispensings = 0 or dispensings >= 2) group by 1
"""


def test_time_from_the_first_symptom_is_at_risk_from_inclusion_on(
    nation: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = read_study(FILE)
    late = [item for item in study.sensitivity if item.id == "from-symptom"]
    raw = canonical(prognosis().model_copy(update={"sensitivity": tuple(late), "published": ()}))
    raw["analyses"][0]["design"] |= {"target": ["antidepressants"], "outcome": {"any_of": ["death"]}}
    raw["analyses"][0]["design"] |= {"estimator": {"kinds": ["cox"]}, "function": "none"}
    made = carried_out(nation, tmp_path_factory.mktemp("late"), parse_study(raw))
    query = FROM_SYMPTOM.format(
        **{name: f"'{nation / name}.parquet'" for name in ("observation", "observation_period", "death")},
        drug_exposure=f"'{nation / 'drug_exposure'}.parquet'", symptom=SYMPTOM, registered=REGISTERED,
    )  # fmt: skip
    with duckdb.connect() as database:
        counted = database.execute(query).fetchall()
    arms = {row["arm"] == "target": row for row in made.rows("follow_up") if row["analysis"] == "from-symptom"}
    assert len(counted) == 2
    for target, n, events, years in counted:
        assert (arms[target]["n_persons"], arms[target]["n_events"]) == (n, events)
        assert arms[target]["person_years"] == pytest.approx(float(years), rel=1e-12)
    curves = [row for row in made.rows("curves") if row["analysis"] == "from-symptom"]
    assert all(row["n_at_risk_after"] + row["n_to_enter"] == row["n_remaining"] for row in curves)
    assert max(row["n_at_risk_after"] for row in curves) > min(row["n_at_risk"] - row["n_awaited"] for row in curves)
    page = report_html(made)
    assert "delayed entry" in page
    assert ">At risk then<" in page


def test_the_site_of_onset_is_adjusted_for_as_recorded_on_time_zero(
    nation: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = [item for item in read_study(FILE).sensitivity if item.id == "onset-site"]
    raw = canonical(prognosis().model_copy(update={"sensitivity": tuple(site), "published": ()}))
    raw["analyses"][0]["design"] |= {"target": ["antidepressants"], "estimator": {"kinds": ["cox"]}, "function": "none"}
    made = carried_out(nation, tmp_path_factory.mktemp("site"), parse_study(raw))
    arms = [row["n_persons"] for row in made.rows("follow_up") if row["analysis"] == "onset-site"]
    shown = [
        row
        for row in made.rows("characteristics_by_arm")
        if (row["analysis"], row["variable"], row["level"]) == ("onset-site", "Bulbar onset", "yes")
    ]
    share = sum(row["n_target"] + row["n_reference"] for row in shown) / sum(arms)
    assert 0.15 < share < 0.5  # about 30 % of the nation's cases
    adjusted = {
        row["analysis"]: row["estimate"]
        for row in made.rows("estimates")
        if (row["measure"], row["adjustment"]) == ("hazard_ratio", "adjusted")
    }
    assert adjusted["onset-site"] != adjusted["prognosis"]
