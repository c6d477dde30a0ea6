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
    """The checks that found something, but for those of marriages, which only registers have as rows."""
    rows = without("position", quality)
    return [row for row in rows if row["n_records"] != "0" and row["table"] != "marriages"]


def demo_by_concept() -> eq.Study:
    """The study of the demonstration, which names ALS by its code of ICD-10, with ALS by a concept of OMOP."""
    raw = canonical(demo_study())
    raw["concept_sets"]["als"]["include"] = [{"concept_id": 373182}]
    return parse_study(raw)


@pytest.mark.parametrize("name", ["demo", "als-prognosis", "psychotropics-als"])
def test_both_forms_give_the_same_tables_byte_for_byte(nation: Path, tmp_path: Path, name: str) -> None:
    study = demo_study() if name == "demo" else eq.read_study(STUDIES / f"{name}.toml")
    omop = tables_of(study, nation / "omop", tmp_path / "omop")
    registers = tables_of(study, nation / "registers" / "mapping.toml", tmp_path / "registers")
    assert omop.keys() == registers.keys()
    assert omop["estimates.csv"].count(b"\n") > 10
    for table in omop.keys() - {OWN_ROWS, *OWN_COLUMNS}:
        assert omop[table] == registers[table], table
    for table, column in OWN_COLUMNS.items():
        assert without(column, omop[table]) == without(column, registers[table])
    assert found(omop[OWN_ROWS]) == found(registers[OWN_ROWS])


# Milligrams of one daily dose (WHO); the registers of the nation count daily doses, its OMOP form does not.
DAILY_DOSES = {"N06AB04": 20.0, "N06AB06": 50.0, "N06AX11": 30.0}


def study_of_daily_doses() -> eq.Study:
    """Antidepressants by substance, in defined daily doses."""
    raw = canonical(eq.read_study(STUDIES / "psychotropics-als.toml"))
    sets = {code: {"domain": "drug", "include": [{"vocabulary": "ATC", "code_prefix": code}]} for code in DAILY_DOSES}
    raw["concept_sets"] |= sets
    raw["exposures"]["antidepressants"] |= {"concept_sets": list(sets), "daily_doses": DAILY_DOSES}
    raw["analyses"], raw["sensitivity"], raw["negative_controls"] = raw["analyses"][:1], [], None
    raw["published"], raw["analyses"][0]["adjust_for"], raw["analyses"][0]["subgroups"] = [], [], []
    asked = {"by": "daily_doses", "groups_from": [100.5, 400.5], "windows": [">1 y"]}
    raw["analyses"][0]["design"] |= {
        "exposures": ["antidepressants"],
        "comparisons": ["population"],
        "dose_response": [asked],
        "windows": [">1 y"],
        "within_between": [],
        "lag_scan": None,
        "indication": None,
    }
    return parse_study(raw)


def test_daily_doses_that_are_recorded_are_those_that_follow_from_milligrams(nation: Path, tmp_path: Path) -> None:
    study = study_of_daily_doses()
    omop = tables_of(study, nation / "omop", tmp_path / "omop")
    registers = tables_of(study, nation / "registers" / "mapping.toml", tmp_path / "registers")
    for table in ("dose_groups.csv", "dose_tests.csv", "dose_curves.csv"):
        (words, numbers), (same_words, same_numbers) = (split(made[table]) for made in (omop, registers))
        assert words == same_words
        assert len(numbers) > 10
        assert numbers == pytest.approx(same_numbers, rel=1e-9, abs=1e-12)
    groups = list(csv.DictReader(registers["dose_groups.csv"].decode().splitlines()))
    assert {row["dose_group"] for row in groups} == {
        "none", "less than 100.5", "100.5 to less than 400.5", "400.5 or more"
    }  # fmt: skip


def split(table: bytes) -> tuple[list[str], list[float]]:
    """The cells that are words, and those that are numbers."""
    words, numbers = [], []
    for cell in (cell for row in csv.reader(table.decode().splitlines()) for cell in row):
        try:
            numbers.append(float(cell))
        except ValueError:
            words.append(cell)
    return words, numbers


def test_concepts_of_omop_on_registers_give_one_clear_message(nation: Path, tmp_path: Path) -> None:
    with (
        eq.connect(nation / "registers" / "mapping.toml") as source,
        pytest.raises(SourceError, match=r"concept set 'als'.*registers, which have codes") as raised,
    ):
        eq.run(demo_by_concept(), source, to=tmp_path / "results", store=tmp_path / "store")
    assert len(raised.value.faults) == 1


def test_nothing_is_wrong_with_the_registers(nation: Path) -> None:
    tables = {event.table for event in EVENT_TABLES.values()}
    with eq.connect(nation / "registers" / "mapping.toml") as source:
        found = data_quality(source, tables)
        wrong = {finding.check for finding in found if finding.n_records or finding.n_persons}
        assert wrong == {"marriage without a day of marriage"}  # of who was abroad when it was contracted
        assert {"migrations", "measurement", "marriages"} <= {finding.table for finding in found}


def test_the_example_mapping_is_the_one_that_the_simulation_writes(nation: Path) -> None:
    example = (STUDIES / "mappings" / "swedish-registers.toml").read_bytes()
    assert (nation / "registers" / "mapping.toml").read_bytes() == example
