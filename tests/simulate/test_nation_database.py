"""The written nation is a valid OMOP CDM 5.4, read without a fault by the readers of a foreign database."""

import csv
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from equipoise.data.connect import connect
from equipoise.data.quality import data_quality
from equipoise.data.relationships import KINDS, extract_links
from equipoise.data.tables import EVENT_TABLES
from equipoise.simulate.cdm_rows import SCHEMAS
from equipoise.spec.concepts import ConceptItem
from equipoise.spec.relatives import Relationships
from tests.simulate.nation_database import PERSONS, ask, made

FIELDS = Path(__file__).parents[3] / "shared" / "data" / "omop-cdm-5.4" / "OMOP_CDMv5.4_Field_Level.csv"
PARQUET_TYPES = {"integer": "int64", "float": "double", "date": "date32[day]", "datetime": "timestamp[us]"}
MARRIED = (ConceptItem(vocabulary="Simulated", code="O-8008"),)
PARTED = tuple(ConceptItem(vocabulary="Simulated", code=code) for code in ("O-8009", "O-8010"))
DATED = {
    "condition_occurrence": "condition_start_date",
    "visit_occurrence": "visit_start_date",
    "drug_exposure": "drug_exposure_start_date",
    "procedure_occurrence": "procedure_date",
    "measurement": "measurement_date",
    "observation": "observation_date",
}

# One question a row, each answered by a number of rows that must be 0.
WRONG = {
    "a person without an observation period": "from @person p anti join @observation_period o using (person_id)",
    "a period that ends before it starts": """
        from @observation_period where observation_period_end_date < observation_period_start_date""",
    "periods that overlap or touch": """
        from @observation_period a join @observation_period b using (person_id)
        where a.observation_period_id < b.observation_period_id
        and b.observation_period_start_date <= a.observation_period_end_date + 1""",
    "observed outside the registers": """
        from @observation_period
        where observation_period_start_date < '2001-01-01' or observation_period_end_date > '2023-12-31'""",
    "observed before birth": """
        from @person join @observation_period using (person_id)
        where observation_period_start_date < make_date(year_of_birth, month_of_birth, day_of_birth)""",
    "death is not the last day of observation": """
        from @death join (select person_id, max(observation_period_end_date) as last
        from @observation_period group by person_id) using (person_id) where death_date <> last""",
    "a dispensing that ends before it starts, or outside observation": """
        from @drug_exposure d anti join @observation_period o on d.person_id = o.person_id
        and drug_exposure_start_date >= observation_period_start_date
        and drug_exposure_end_date between drug_exposure_start_date and observation_period_end_date""",
    "a dispensing before recording began": "from @drug_exposure where drug_exposure_start_date < '2005-07-01'",
    "the same drug twice on one day": """
        from @drug_exposure group by person_id, drug_concept_id, drug_exposure_start_date having count(*) > 1""",
    "the same diagnosis twice on one day": """
        from @condition_occurrence group by person_id, condition_concept_id, condition_start_date
        having count(*) > 1""",
    "two visits of a person on a day": """
        from @visit_occurrence group by person_id, visit_start_date having count(*) > 1""",
    "a diagnosis on another day than its visit": """
        from @condition_occurrence c join @visit_occurrence v using (visit_occurrence_id)
        where c.person_id <> v.person_id or condition_start_date <> visit_start_date""",
    "a source value that is not the code of its source concept": """
        from @drug_exposure join @concept on concept_id = drug_source_concept_id
        where concept_code <> drug_source_value or vocabulary_id <> 'ATC'""",
    "a diagnosis code that is not the code of its source concept": """
        from @condition_occurrence join @concept on concept_id = condition_source_concept_id
        where concept_code <> condition_source_value or vocabulary_id <> 'ICD10'""",
    "a product that does not descend from its ATC code": """
        from @drug_exposure anti join @concept_ancestor
        on ancestor_concept_id = drug_source_concept_id and descendant_concept_id = drug_concept_id""",
    "a product without a strength": "from @drug_exposure anti join @drug_strength using (drug_concept_id)",
    "two concepts with one code": """
        from @concept group by vocabulary_id, concept_code having count(*) > 1""",
    "an ALSFRS-R total that is not the sum of its items": """
        from (select
        sum(value_as_number) filter (concept_name not like '%total' and concept_name like 'ALSFRS-R%') as items,
        max(value_as_number) filter (concept_name like '%total') as total
        from @measurement join @concept on concept_id = measurement_concept_id group by person_id, measurement_date)
        where items <> total or total not between 0 and 48""",
    "a relationship without its reverse": """
        from @fact_relationship a anti join @fact_relationship b
        on a.fact_id_1 = b.fact_id_2 and a.fact_id_2 = b.fact_id_1""",
    "a relationship there twice": """
        from @fact_relationship group by fact_id_1, fact_id_2, relationship_concept_id having count(*) > 1""",
    "a person who is related to itself or to nobody": """
        from @fact_relationship anti join @person p on fact_id_2 = p.person_id and fact_id_1 <> fact_id_2""",
    "full and half siblings at once": """
        from @fact_relationship a join @fact_relationship b
        on a.fact_id_1 = b.fact_id_1 and a.fact_id_2 = b.fact_id_2
        where a.relationship_concept_id in (2000009002, 2000009003)
        and b.relationship_concept_id in (2000009004, 2000009005)""",
    "a sister or mother who is a man": """
        from @fact_relationship join @concept on concept_id = relationship_concept_id
        join @person on person_id = fact_id_1
        where gender_concept_id = 8507 and (concept_name ilike '%sister' or concept_name = 'Mother')
        or gender_concept_id = 8532 and (concept_name ilike '%brother' or concept_name = 'Father')""",
    "two mothers": """
        from @fact_relationship where relationship_concept_id = 4248584 group by fact_id_2 having count(*) > 1""",
    "a diagnosis before onset, or another disease than ALS in the quality register": """
        from @truth/disease where diagnosed and (diagnosis < onset or not als and registered)""",
}  # fmt: skip


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("nation"))


def cdm_fields() -> dict[str, dict[str, dict[str, str]]]:
    """Rows of the CDM's own field-level definitions, by table and field, names in lower case."""
    if not FIELDS.exists():
        pytest.skip(f"the field-level definitions of OMOP CDM 5.4 are not at {FIELDS}")
    found: dict[str, dict[str, dict[str, str]]] = {}
    with FIELDS.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["cdmTableName"].lower(), {})[row["cdmFieldName"].lower()] = row
    return found


@pytest.mark.parametrize("table", SCHEMAS)
def test_columns_and_types_are_those_of_the_cdm(nation: Path, table: str) -> None:
    fields = cdm_fields()[table]
    written = pq.read_schema(nation / f"{table}.parquet")
    assert written.names == list(fields)
    for name, row in fields.items():
        kind = row["cdmDatatype"].lower().strip()
        assert str(written.field(name).type) == PARQUET_TYPES.get(kind, "string"), name


@pytest.mark.parametrize("table", SCHEMAS)
def test_required_columns_are_filled_and_keys_are_unique(nation: Path, table: str) -> None:
    values = pq.read_table(nation / f"{table}.parquet")
    assert len(values) > 0
    for name, row in cdm_fields()[table].items():
        if row["isRequired"] == "Yes":
            assert values.column(name).null_count == 0, name
        if row["isPrimaryKey"] == "Yes":
            assert len(values.column(name).unique()) == len(values), name


@pytest.mark.parametrize("table", SCHEMAS)
def test_references_lead_to_rows_that_exist(nation: Path, table: str) -> None:
    for name, row in cdm_fields()[table].items():
        target, key = row["fkTableName"].lower(), row["fkFieldName"].lower()
        if row["isForeignKey"] != "Yes":
            continue
        values = pq.read_table(nation / f"{table}.parquet", columns=[name]).column(0)
        if target not in SCHEMAS:
            assert values.null_count == len(values), f"{name} refers to {target}, which is not written"
            continue
        known = set(pq.read_table(nation / f"{target}.parquet", columns=[key]).column(0).to_pylist())
        assert set(values.unique().to_pylist()) - {None} <= known, name


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_is_wrong_with_the_records(nation: Path, wrong: str) -> None:
    assert ask(nation, f"select count(*) from (select 1 {WRONG[wrong]})") == [(0,)]


@pytest.mark.parametrize("table", DATED)
def test_every_record_lies_in_an_observation_period(nation: Path, table: str) -> None:
    outside = f"""
        select count(*) from @{table} e anti join @observation_period o on e.person_id = o.person_id
        and e.{DATED[table]} between observation_period_start_date and observation_period_end_date"""
    assert ask(nation, outside)[0][0] == 0


def test_our_own_data_quality_table_is_all_zero(nation: Path) -> None:
    tables = {event.table for event in EVENT_TABLES.values()}
    with closing(connect(nation)) as source:
        findings = data_quality(source, tables)
    assert len(findings) > 20
    assert [finding for finding in findings if finding.n_records] == []


def test_the_reader_of_families_finds_each_kind_of_relative(nation: Path) -> None:
    with closing(connect(nation)) as source:
        recorded = extract_links(source, Relationships(partnership_begins=MARRIED, partnership_ends=PARTED))
    counts = dict.fromkeys(KINDS, 0)
    for kind in recorded.links["kind"].to_pylist():
        counts[KINDS[kind]] += 1
    assert sum(counts.values()) == ask(nation, "select count(*) from @fact_relationship")[0][0]
    assert counts["full_sibling"] > 2 * counts["half_sibling"] > 0
    assert counts["child"] == counts["mother"] + counts["father"]
    assert len(recorded.begins) > len(recorded.ends) > 100
    assert counts["spouse"] >= len(recorded.begins) - len(recorded.ends)


def test_stays_abroad_part_observation_in_two(nation: Path) -> None:
    ((persons, twice, most),) = ask(
        nation,
        """select count(*), count(*) filter (n = 2), max(n) from
        (select person_id, count(*) as n from @observation_period group by person_id)""",
    )
    assert persons == PERSONS
    assert most == 2
    assert 0.01 < twice / persons < 0.04


def test_patients_are_diagnosed_treated_measured_and_die(nation: Path) -> None:
    ((diagnosed, registered),) = ask(
        nation, "select count(*) filter (diagnosed), count(*) filter (registered) from @truth/disease"
    )
    ((coded,),) = ask(
        nation, "select count(distinct person_id) from @condition_occurrence where condition_source_value = 'G12.2'"
    )
    assert 0.97 * diagnosed < coded <= diagnosed
    ((measured,),) = ask(nation, "select count(distinct person_id) from @measurement")
    assert 0.9 * registered <= measured <= registered
    ((riluzole,),) = ask(
        nation, "select count(distinct person_id) from @drug_exposure where drug_source_value = 'N07XX02'"
    )
    assert 0.3 * diagnosed < riluzole < diagnosed
    ((wrong,),) = ask(
        nation,
        """select count(*) from @truth/counterfactuals c join @death d using (person_id)
        where strategy = 'natural' and c.death <> d.death_date""",
    )
    assert wrong == 0


def test_education_and_income_are_recorded_once(nation: Path) -> None:
    rows = ask(
        nation,
        """select split_part(observation_source_value, ':', 1) as kind, count(*), count(distinct person_id)
        from @observation where observation_source_value like '%: %' group by kind order by kind""",
    )
    assert [kind for kind, _, _ in rows] == ["Disposable income", "Highest education"]
    assert all(records == persons for _, records, persons in rows)
    assert min(records for _, records, _ in rows) > 0.5 * PERSONS
