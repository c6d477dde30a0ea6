"""The survival study of REM suppression on the network view of a small nation, beside a count in plain SQL."""

import tomllib
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pytest

import equipoise as eq
from equipoise.knowledge.rem_sleep import rem_facts, rem_groups
from equipoise.report.write import report_html
from equipoise.results.results import Results
from equipoise.simulate.nation_spec import parse_nation
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import parse_study

SUBGROUPS = ("by-respiratory-weakness", "by-hypoventilation", "by-onset-site")
BREATHING = ("ventilation", "vital-capacity", "hypoventilation", *SUBGROUPS)
STUDY = Path(__file__).parents[2] / "studies" / "rem-suppression-als.toml"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation")
    spec = parse_nation({"network": {"riluzole_treated": 1_200, "prescribed_in_network": 0.9}})
    write_nation(folder, spec, persons=20_000, seed=9, views=("network",))
    return folder / "network"


@pytest.fixture(scope="module")
def results(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    place = tmp_path_factory.mktemp("results")
    with closing(eq.connect(network)) as source:
        return eq.run(eq.read_study(STUDY), source, to=place / "out", store=place / "store", min_cell_count=1)


def test_groups_from_the_knowledge_are_the_persons_of_written_out_lists(network: Path, tmp_path: Path) -> None:
    raw = tomllib.loads(STUDY.read_text(encoding="utf-8"))
    for concept_set in raw["concept_sets"].values():
        for item in concept_set["include"]:
            if "knowledge" in item:
                drugs = getattr(rem_groups(rem_facts(), item["set"]), item["group"])
                concept_set["include"] = [
                    {"vocabulary": "ATC", "code": drug.atc, "descendants": True} for drug in drugs
                ]
    listed, named = parse_study(raw), eq.read_study(STUDY)
    with closing(eq.connect(network)) as source:
        for analysis in ("overlap-weights", "strict", "conflicts-suppress", "conflicts-do-not"):
            one, other = (eq.assemble(study, source, analysis=analysis, store=tmp_path) for study in (listed, named))
            for part in ("person", "arm", "stop", "event", "x"):
                np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
            assert len(one) > 100


def test_controls_are_enough_and_none_is_what_antidepressants_are_known_to_bring_about() -> None:
    """Fractures and angle-closure glaucoma stand in the labels; dry eyes and straining come with tricyclics."""
    study = eq.read_study(STUDY)
    assert study.negative_controls is not None
    named = study.negative_controls.outcomes
    codes = [item.code_prefix or "" for name in named for item in study.concept_sets[name].include]
    assert len(named) == len(codes) >= 30 + 5, "thirty usable ones pass the gate, and some will have no event"
    assert not [code for code in codes if code[:3] in {"H04", "H40", "K59", "K64"} or code.startswith("S")]


def _zero(network: Path) -> str:
    """The day on which riluzole and ALS have both been recorded, in SQL."""
    drugs, conditions = (
        f"read_parquet('{network}/{name}.parquet')" for name in ("drug_exposure", "condition_occurrence")
    )
    return f"""
        select person_id, greatest(treated, ill) as zero
        from (select person_id, min(drug_exposure_start_date) as treated from {drugs}
              where drug_source_value = 'N07XX02' group by 1)
        join (select person_id, min(condition_start_date) as ill from {conditions}
              where condition_concept_id = 373182 group by 1) using (person_id)"""


def plain_arms(network: Path) -> tuple[int, int]:
    """Followed persons on one kind of antidepressant, 1,095 days before time zero: suppressing, not suppressing."""
    groups = rem_groups(rem_facts())
    kinds = {"s": groups.suppressing, "n": groups.non_suppressing}
    lists = {kind: ", ".join(f"'{drug.atc}'" for drug in drugs) for kind, drugs in kinds.items()}
    seen = f"read_parquet('{network}/observation_period.parquet')"
    drugs = f"read_parquet('{network}/drug_exposure.parquet')"
    counts = " ".join(
        f", count(*) filter (where drug_source_value in ({codes}) and drug_exposure_start_date < zero "
        f"and drug_exposure_start_date >= zero - 1095) as {kind}"
        for kind, codes in lists.items()
    )
    query = f"""
        with zero as ({_zero(network)}),
             used as (select person_id{counts} from {drugs} as drugs join zero using (person_id)
                      join {seen} as seen using (person_id)
                      where observation_period_end_date > zero group by 1)
        select count(*) filter (where s > 0 and n = 0), count(*) filter (where n > 0 and s = 0) from used"""
    return duckdb.connect().execute(query).fetchall()[0]


def test_the_arms_are_those_of_plain_sql(network: Path, results: Results) -> None:
    rows = results.rows("follow_up")
    arms = {row["arm"]: row["n_persons"] for row in rows if row["analysis"] == "overlap-weights"}
    suppressing, other = plain_arms(network)
    assert arms == {"target": suppressing, "reference": other}
    assert suppressing > other > 10


def test_every_analysis_answers_with_target_against_reference(results: Results) -> None:
    rows = [row for row in results.rows("estimates") if row["measure"] == "hazard_ratio"]
    assert {row["analysis"] for row in rows} == {
        "published-settings", "overlap-weights", "rem-score", *BREATHING,
        "strict", "conflicts-suppress", "conflicts-do-not",
    }  # fmt: skip
    for row in rows:
        assert row["reason"] is None or row["analysis"] in BREATHING
        assert "that suppress" in row["target_level"].lower() or "REM-suppressing" in row["target_level"]
        assert "does not suppress" in row["reference_level"]


def test_matching_finds_a_partner_for_nearly_all_of_the_smaller_arm(network: Path, results: Results) -> None:
    matched = [
        row
        for row in results.rows("estimates")
        if row["analysis"] == "published-settings" and row["adjustment"] == "matched"
    ]
    assert matched
    _, other = plain_arms(network)
    assert max(row["n_persons"] for row in matched) > 1.8 * other


def test_the_score_as_dose_counts_everybody_once(results: Results) -> None:
    rows = [row for row in results.rows("score_response") if row["adjustment"] == "adjusted"]
    assert [row["level"] for row in rows] == ["one point more", "0", "2", "3"]
    (arms,) = {row["n_persons"] for row in results.rows("estimates") if row["analysis"] == "rem-score"}
    assert rows[0]["n_persons"] == arms == sum(row["n_persons"] for row in rows[1:])
    assert rows[0]["reason"] is None
    assert rows[0]["conf_low"] < rows[0]["estimate"] < rows[0]["conf_high"]


def plain_starts(network: Path) -> dict[str, int]:
    """First days of ventilation, of vital capacity below 50 % and of hypoventilation within two years of time zero."""
    names = ("procedure_occurrence", "measurement", "condition_occurrence")
    tables = {name: f"read_parquet('{network}/{name}.parquet')" for name in names}
    events = {
        "ventilation": f"select person_id, procedure_date as day from {tables['procedure_occurrence']} "
        "where procedure_concept_id = 2000006000",
        "vital-capacity": f"select person_id, measurement_date as day from {tables['measurement']} "
        "where measurement_concept_id = 2000007013 and value_as_number < 50",
        "hypoventilation": f"select person_id, measurement_date as day from {tables['measurement']} "
        "where measurement_concept_id = 2000007010 and value_as_number < 4 union all "
        f"select person_id, condition_start_date from {tables['condition_occurrence']} "
        "where condition_source_value in ('G47.36', 'J96.10')",
    }
    zero = _zero(network)
    return {
        name: duckdb.connect().execute(
            f"select count(*) from (select person_id, min(day) as day from ({query}) group by 1) join ({zero}) "
            "using (person_id) where day > zero and day <= zero + 730"
        ).fetchall()[0][0]
        for name, query in events.items()
    }  # fmt: skip


def test_breathing_is_an_outcome_where_it_was_recorded(network: Path, results: Results) -> None:
    whole = plain_starts(network)
    for name, n in whole.items():
        rows = [row for row in results.rows("follow_up") if row["analysis"] == name]
        assert 0 < sum(row["n_events"] for row in rows) < n, "the users of either kind are some of the patients"


@pytest.mark.parametrize("analysis", SUBGROUPS)
def test_the_effect_is_repeated_in_subgroups(results: Results, analysis: str) -> None:
    rows = [row for row in results.rows("estimates") if row["analysis"] == analysis]
    ratios = {row["subgroup_level"]: row["n_persons"] for row in rows
              if row["measure"] == "hazard_ratio" and row["adjustment"] == "crude"}  # fmt: skip
    assert set(ratios) == {"overall", "no", "yes"}
    assert ratios["no"] + ratios["yes"] == ratios["overall"]
    assert any(row["analysis"] == analysis for row in results.rows("heterogeneity"))


def plain_before(network: Path) -> dict[str, int]:
    """Patients of either kind of antidepressant with each record of severity up to time zero, in SQL."""
    groups = rem_groups(rem_facts())
    suppressing, other = (
        ", ".join(f"'{drug.atc}'" for drug in drugs) for drugs in (groups.suppressing, groups.non_suppressing)
    )
    names = ("drug_exposure", "observation_period", "condition_occurrence", "procedure_occurrence", "observation")
    drugs, seen, conditions, procedures, noted = (f"read_parquet('{network}/{name}.parquet')" for name in names)
    records = {
        "hypoventilation": f"select person_id from {conditions} join zero using (person_id) where "
        "condition_source_value in ('G47.36', 'J96.10') and condition_start_date < zero",
        "ventilation": f"select person_id from {procedures} join zero using (person_id) where "
        "procedure_concept_id = 2000006000 and procedure_date < zero",
        "gastrostomy": f"select person_id from {procedures} join zero using (person_id) where "
        "procedure_concept_id = 2000006001 and procedure_date < zero",
        "spinal onset": f"select person_id from {noted} join zero using (person_id) where "
        "observation_concept_id = 2000008012 and observation_date <= zero",
        "bulbar onset": f"select person_id from {noted} join zero using (person_id) where "
        "observation_concept_id = 2000008013 and observation_date <= zero",
    }
    who = f"""
        with zero as ({_zero(network)}),
             followed as (select person_id from {drugs} as drugs join zero using (person_id)
                join {seen} as seen using (person_id) where observation_period_end_date > zero
                and drug_exposure_start_date < zero and drug_exposure_start_date >= zero - 1095 group by 1
                having (count(*) filter (where drug_source_value in ({suppressing})) > 0)
                <> (count(*) filter (where drug_source_value in ({other})) > 0))"""
    return {
        name: duckdb.connect()
        .execute(f"{who} select count(*) from followed where person_id in ({query})")
        .fetchall()[0][0]
        for name, query in records.items()
    }


def test_severity_is_adjusted_for_as_plain_sql_counts_it(network: Path, tmp_path: Path) -> None:
    with closing(eq.connect(network)) as source:
        people = eq.assemble(eq.read_study(STUDY), source, analysis="overlap-weights", store=tmp_path)
    counted = {column.tag("covariate"): int(people.x[:, at].sum()) for at, column in enumerate(people.columns)}
    expected = plain_before(network)
    assert min(expected.values()) > 5
    assert {name: n for name, n in counted.items() if name in expected} == expected


def test_published_figures_and_the_swapped_reference_are_in_the_report(results: Results) -> None:
    page = report_html(results)
    assert "printed as 1.23 (0.98 to 1.55), reference against target" in page
    assert "48.13\u202f%" in page
    assert "the hazard ratio of 1.21 and survival of 47.18\u202f% against 41.06\u202f%" in page
    assert "The reference was swapped." in page
    assert "The settings are assumed" in page
