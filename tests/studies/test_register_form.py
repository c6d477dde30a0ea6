"""The same people as an OMOP database and as registers behind a mapping file: the same study gives the same bytes."""

import csv
from pathlib import Path

import pytest

import equipoise as eq
from equipoise.data.quality import data_quality
from equipoise.data.tables import EVENT_TABLES
from equipoise.errors import SourceError
from equipoise.simulate.demo import demo_study
from equipoise.simulate.write_nation import write_nation
from equipoise.spec.canonical import canonical
from equipoise.spec.read import parse_study
from tests.studies.places import STUDIES

PERSONS, SEED, MULTIPLIER = 12_000, 11, 60.0
# Registers have checks of their own beside those of the floor, and as many concepts as they have codes.
OWN_ROWS, OWN_COLUMNS = "data_quality.csv", {"concept_sets.csv": "n_concepts"}


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation")
    for form in ("omop", "registers"):
        write_nation(folder / form, persons=PERSONS, seed=SEED, multiplier=MULTIPLIER, form=form)
    return folder


def tables_of(study: eq.Study, data: Path, to: Path) -> dict[str, bytes]:
    with eq.connect(data) as source:
        eq.run(study, source, to=to, store=to.parent / f"{to.name} store", min_cell_count=1)
    return {path.name: path.read_bytes() for path in sorted((to / "tables").glob("*.csv"))}


def without(column: str, table: bytes) -> list[dict[str, str]]:
    rows = list(csv.DictReader(table.decode().splitlines()))
    return [{name: cell for name, cell in row.items() if name != column} for row in rows]


def found(quality: bytes) -> list[dict[str, str]]:
    """The checks that found something."""
    return [row for row in without("position", quality) if row["n_records"] != "0"]


def demo_by_codes() -> eq.Study:
    """The study of the demonstration, which names ALS by a concept of OMOP, with ALS by its code of ICD-10."""
    raw = canonical(demo_study())
    raw["concept_sets"]["als"]["include"] = [{"vocabulary": "ICD10", "code": "G12.2"}]
    return parse_study(raw)


@pytest.mark.parametrize("name", ["demo", "als-prognosis", "psychotropics-als"])
def test_both_forms_give_the_same_tables_byte_for_byte(nation: Path, tmp_path: Path, name: str) -> None:
    study = demo_by_codes() if name == "demo" else eq.read_study(STUDIES / f"{name}.toml")
    omop = tables_of(study, nation / "omop", tmp_path / "omop")
    registers = tables_of(study, nation / "registers" / "mapping.toml", tmp_path / "registers")
    assert omop.keys() == registers.keys()
    assert omop["estimates.csv"].count(b"\n") > 10
    for table in omop.keys() - {OWN_ROWS, *OWN_COLUMNS}:
        assert omop[table] == registers[table], table
    for table, column in OWN_COLUMNS.items():
        assert without(column, omop[table]) == without(column, registers[table])
    assert found(omop[OWN_ROWS]) == found(registers[OWN_ROWS])


def test_concepts_of_omop_on_registers_give_one_clear_message(nation: Path, tmp_path: Path) -> None:
    with (
        eq.connect(nation / "registers" / "mapping.toml") as source,
        pytest.raises(SourceError, match=r"concept set 'als'.*registers, which have codes") as raised,
    ):
        eq.run(demo_study(), source, to=tmp_path / "results", store=tmp_path / "store")
    assert len(raised.value.faults) == 1


def test_nothing_is_wrong_with_the_registers(nation: Path) -> None:
    tables = {event.table for event in EVENT_TABLES.values()}
    with eq.connect(nation / "registers" / "mapping.toml") as source:
        found = data_quality(source, tables)
        assert [finding for finding in found if finding.n_records or finding.n_persons] == []
        assert {"migrations", "measurement", "marriages"} <= {finding.table for finding in found}


def test_the_example_mapping_is_the_one_that_the_simulation_writes(nation: Path) -> None:
    example = (STUDIES / "mappings" / "swedish-registers.toml").read_bytes()
    assert (nation / "registers" / "mapping.toml").read_bytes() == example
