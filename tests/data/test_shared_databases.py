"""Databases that nobody here made, counted a second time in plain SQL."""

import zipfile
from pathlib import Path

import duckdb
import pytest

from equipoise.data.concepts import resolve
from equipoise.data.connect import connect
from equipoise.data.events import extract_events
from equipoise.data.people import extract_people, extract_spans
from equipoise.data.quality import data_quality
from equipoise.data.tables import TABLES
from equipoise.spec.concepts import ConceptSet

SHARED = Path(__file__).parents[3] / "shared" / "data"
GIBLEED = SHARED / "gibleed"
SYNTHEA = SHARED / "synthea27nj"

needs_gibleed = pytest.mark.skipif(not GIBLEED.is_dir(), reason=f"the shared database {GIBLEED} is not here")
needs_synthea = pytest.mark.skipif(not SYNTHEA.is_dir(), reason=f"the shared database {SYNTHEA} is not here")


def concept_set(domain: str, *concept_ids: int) -> ConceptSet:
    items = [{"concept_id": concept_id, "descendants": True} for concept_id in concept_ids]
    return ConceptSet.model_validate({"domain": domain, "include": items})


@needs_gibleed
def test_gibleed_people_and_observation() -> None:
    with connect(GIBLEED) as source:
        people, spans = extract_people(source), extract_spans(source)
        quality = {row.check: (row.n_records, row.n_persons) for row in data_quality(source)}
        description = source.description
    assert people.num_rows == spans.num_rows == 2694
    assert quality["observation of a person not in PERSON"] == (2649, 2649)
    assert (description.name, description.cdm_version) == ("Synthea synthetic health database", "v5.3.1")


@needs_gibleed
def test_gibleed_case_control_counts_agree_with_plain_sql() -> None:
    with connect(GIBLEED) as source:
        cases = extract_events(source, resolve(source, "gi bleed", concept_set("condition", 192671)), first_only=True)
        index = dict(zip(cases["person_id"].to_pylist(), cases["day"].to_pylist(), strict=True))
        exposed = {}
        for name, concepts in {"celecoxib": (1118084,), "diclofenac": (1124300,), "either": (1118084, 1124300)}.items():
            drugs = extract_events(source, resolve(source, name, concept_set("drug", *concepts)), cases["person_id"])
            before = zip(drugs["person_id"].to_pylist(), drugs["day"].to_pylist(), strict=True)
            exposed[name] = len({person for person, day in before if day < index[person]})
    assert len(index) == 479
    assert exposed == {"celecoxib": 355, "diclofenac": 124, "either": 479}
    assert exposed == plain_sql_counts()


def plain_sql_counts() -> dict[str, int]:
    query = f"""
        WITH below AS (
            SELECT ancestor_concept_id::BIGINT AS above, descendant_concept_id AS id
            FROM '{GIBLEED}/concept_ancestor.parquet' UNION
            SELECT concept_id, concept_id FROM '{GIBLEED}/concept.parquet'
        ), cases AS (
            SELECT person_id, min(condition_start_date) AS index_date
            FROM '{GIBLEED}/condition_occurrence.parquet'
            WHERE condition_concept_id IN (SELECT id FROM below WHERE above = 192671) GROUP BY person_id
        )
        SELECT count(DISTINCT d.person_id) FROM cases JOIN '{GIBLEED}/drug_exposure.parquet' d USING (person_id)
        WHERE d.drug_exposure_start_date < index_date
        AND d.drug_concept_id IN (SELECT id FROM below WHERE above IN $which)
    """
    which = {"celecoxib": [1118084], "diclofenac": [1124300], "either": [1118084, 1124300]}
    with duckdb.connect() as connection:
        return {name: connection.execute(query, {"which": ids}).fetchall()[0][0] for name, ids in which.items()}


@needs_gibleed
def test_gibleed_reads_alike_in_every_form(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "gibleed.duckdb")) as connection:
        for path in GIBLEED.glob("*.parquet"):
            connection.execute(f"CREATE TABLE {path.stem} AS FROM '{path}'")
            connection.execute(f"COPY {path.stem} TO '{tmp_path}/{path.stem.upper()}.CSV.gz' (FORMAT csv, HEADER)")
    answers = []
    for place in (GIBLEED, tmp_path / "gibleed.duckdb", tmp_path):
        with connect(place) as source:
            bleeds = extract_events(source, resolve(source, "gi bleed", concept_set("condition", 192671)))
            quality = data_quality(source, {"condition_occurrence"})
            answers.append((extract_people(source), extract_spans(source), bleeds, quality))
    assert answers[0] == answers[1] == answers[2]


@needs_synthea
def test_synthea_in_capitals_with_empty_tables(tmp_path: Path) -> None:
    with zipfile.ZipFile(next(SYNTHEA.glob("*.zip"))) as archive:
        archive.extractall(tmp_path)
    with connect(tmp_path) as source:
        assert extract_people(source).num_rows == 28
        assert extract_spans(source).num_rows == 28
        assert source.to_arrow(source.table("drug_era")).num_rows == 0
        for table in TABLES:
            assert source.table(table).columns == tuple(column.name for column in TABLES[table].columns)
        drugs = resolve(source, "amoxicillin", concept_set("drug", 1713332))
        assert any("concept_ancestor is absent or empty" in warning.text for warning in drugs.warnings)
        quality = {(row.table, row.check): row.n_records for row in data_quality(source, {"drug_exposure"})}
    assert quality["drug_exposure", "event with the same person, concept and day as another"] == 34
