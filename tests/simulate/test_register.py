"""Writing a simulated database: the same bytes for the same seed, and clear errors."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from equipoise.errors import DesignError, OutputError
from equipoise.lint.study import lint_study
from equipoise.simulate import demo
from equipoise.simulate.mechanism import TRUTH
from equipoise.simulate.register import write_simulated_database
from equipoise.simulate.tables import SCHEMAS


def digests(folder: Path) -> dict[str, str]:
    return {path.stem: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def written(folder: Path, **arguments: object) -> dict[str, str]:
    write_simulated_database(folder, **{"persons": 500, "seed": 1} | arguments)
    return digests(folder)


def test_the_same_seed_gives_the_same_bytes_of_every_table(tmp_path: Path) -> None:
    first = written(tmp_path / "a")
    assert set(first) == set(SCHEMAS)
    assert written(tmp_path / "b") == first


def test_another_seed_gives_other_persons_and_records(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a"), written(tmp_path / "b", seed=2)
    changed = {table for table in first if first[table] != second[table]}
    records = {"person", "observation_period", "death", "condition_occurrence", "visit_occurrence", "drug_exposure"}
    assert changed == records | {"cdm_source"}


def test_prescribing_changes_nothing_but_dispensings(tmp_path: Path) -> None:
    classes = tuple(replace(drug_class, rate=2 * drug_class.rate) for drug_class in TRUTH.drug_classes)
    first, second = written(tmp_path / "a"), written(tmp_path / "b", truth=replace(TRUTH, drug_classes=classes))
    assert {table for table in first if first[table] != second[table]} == {"drug_exposure"}


def test_a_database_is_replaced_by_the_next_one_also_after_an_interruption(tmp_path: Path) -> None:
    first = written(tmp_path)
    (tmp_path / "drug_exposure.part").write_bytes(b"half")
    (tmp_path / "cdm_source.parquet").unlink()
    assert written(tmp_path) == first


def test_progress_hears_of_tables(tmp_path: Path) -> None:
    heard: list[str] = []
    written(tmp_path, progress=heard.append)
    assert {"person", "condition_occurrence", "drug_exposure"} <= set(heard) <= set(SCHEMAS)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"persons": 0}, ["persons"]),
        ({"persons": 2.5}, ["persons"]),
        ({"persons": 10_000_001}, ["persons"]),
        ({"seed": -1}, ["seed"]),
        ({"seed": True}, ["seed"]),
        ({"persons": 0, "seed": 2**63}, ["persons", "seed"]),
    ],
)
def test_arguments_that_cannot_be_used_are_named_and_nothing_is_written(
    tmp_path: Path, arguments: dict[str, object], named: list[str]
) -> None:
    with pytest.raises(DesignError) as raised:
        written(tmp_path / "new", **arguments)
    assert [fault.where for fault in raised.value.faults] == named
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_file_in_place_of_the_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        written(tmp_path / "taken")


def test_a_table_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "person.part").mkdir()
    with pytest.raises(OutputError, match=r"person\.parquet"):
        written(tmp_path)


def test_very_few_persons_make_a_database_too(tmp_path: Path) -> None:
    assert set(written(tmp_path, persons=1)) == set(SCHEMAS)


def test_the_study_of_the_demonstration_is_valid_and_without_design_flaws() -> None:
    study = demo.demo_study()
    assert list(study.exposures) == ["anxiolytics", "hypnotics", "antidepressants", "proton_pump_inhibitors"]
    assert {exposure.min_dispensings for exposure in study.exposures.values()} == {2}
    assert study.data_needs.drug_recording_from is not None
    assert study.data_needs.drug_recording_from.isoformat() == "2005-07-01"
    assert lint_study(study) == []


def test_the_database_of_the_demonstration_has_its_size_and_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "DEMO_PERSONS", 300)
    demo.demo_database(tmp_path / "demo", seed=4)
    assert digests(tmp_path / "demo") == written(tmp_path / "same", persons=300, seed=4)
