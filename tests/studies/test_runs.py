"""What every run owes its user: answers on empty data, nothing done twice, the same bytes, resumption."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import equipoise as eq
from equipoise.runner import estimate
from equipoise.spec.read import parse_study
from tests.generative.databases import BASE, random_people, write_database
from tests.generative.test_case_control import STUDY


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("database") / "data"
    rng = np.random.default_rng(5)
    write_database(random_people(rng, 400), folder, rng)
    return folder


def study(**design: Any) -> eq.Study:
    raw = deepcopy(STUDY)
    raw["analyses"][0]["design"] |= design
    return parse_study(raw)


def run(chosen: eq.Study, data: Path, to: Path, **more: Any) -> Any:
    with eq.connect(data) as source:
        return eq.run(chosen, source, to=to, store=to.parent / "store", **more)


def states(folder: Path) -> list[str]:
    return [step["state"] for step in json.loads((folder / "manifest.json").read_text())["steps"]]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "tables").iterdir())}


def emptied(database: Path, to: Path, *tables: str) -> Path:
    """A copy of the database with no rows in the named tables."""
    to.mkdir()
    for path in database.glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.slice(0, 0) if path.stem in tables else table, to / path.name)
    return to


def test_a_second_run_does_no_work_and_writes_the_same_bytes(database: Path, tmp_path: Path) -> None:
    run(study(), database, tmp_path / "first")
    run(study(), database, tmp_path / "second")
    assert set(states(tmp_path / "first")) == {"computed"}
    assert set(states(tmp_path / "second")) == {"cached"}
    assert bytes_of(tmp_path / "first") == bytes_of(tmp_path / "second")


def test_an_empty_store_makes_no_difference_to_the_bytes(database: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(study(), database, tmp_path / "a" / "results")
    run(study(), database, tmp_path / "b" / "results")
    assert bytes_of(tmp_path / "a" / "results") == bytes_of(tmp_path / "b" / "results")


def test_a_change_redoes_only_what_depends_on_it(database: Path, tmp_path: Path) -> None:
    run(study(), database, tmp_path / "first")
    run(study(run_in_days=100), database, tmp_path / "second")
    manifest = json.loads((tmp_path / "second" / "manifest.json").read_text())
    redone = {step["kind"] for step in manifest["steps"] if step["state"] == "computed"}
    assert redone == {"analysis_set", "description", "estimates"}


def test_the_seed_changes_the_controls_and_is_recorded(database: Path, tmp_path: Path) -> None:
    run(study(), database, tmp_path / "first")
    run(study(), database, tmp_path / "second", seed=99)
    assert json.loads((tmp_path / "second" / "manifest.json").read_text())["seed"] == 99
    assert bytes_of(tmp_path / "first")["exposure.csv"] != bytes_of(tmp_path / "second")["exposure.csv"]


def test_an_interrupted_run_resumes(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(estimate, "estimates", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(study(), database, tmp_path / "results")
    assert not (tmp_path / "results").exists(), "nothing half-written"
    run(study(), database, tmp_path / "results")
    assert states(tmp_path / "results")[:-1] == ["cached"] * (len(states(tmp_path / "results")) - 1)
    assert states(tmp_path / "results")[-1] == "computed"


def test_changed_data_are_noticed(database: Path, tmp_path: Path) -> None:
    copy = emptied(database, tmp_path / "data")
    run(study(), copy, tmp_path / "first")
    changed = pq.read_table(copy / "drug_exposure.parquet")
    pq.write_table(changed.slice(10), copy / "drug_exposure.parquet")
    run(study(), copy, tmp_path / "second")
    assert "computed" in states(tmp_path / "second")


def reasons(results: Any) -> set[str | None]:
    return {row["reason"] for row in results.rows("estimates")}


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        (("condition_occurrence",), "NO_CASES"),
        (("person", "observation_period", "death", "condition_occurrence", "drug_exposure"), "NO_CASES"),
        (("drug_exposure",), "ONE_ARM_EMPTY"),
    ],
    ids=["no case", "empty database", "nobody exposed"],
)
def test_empty_data_are_an_answer(database: Path, tmp_path: Path, tables: tuple[str, ...], reason: str) -> None:
    results = run(study(unobservable="keep"), emptied(database, tmp_path / "data", *tables), tmp_path / "results")
    assert reasons(results) == {reason}
    assert len(list((tmp_path / "results" / "tables").iterdir())) == 2 * len(results.tables)
    assert all(row["estimate"] is None for row in results.rows("estimates"))


def test_cases_without_any_control_are_counted_and_leave_the_likelihood(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    people = random_people(rng, 300)
    for person in people:
        person.sex = "female" if person.bleeds else "male"  # the cases find nobody of their own sex
    write_database(people, tmp_path / "data", rng)
    for person in people:
        person.bleeds = person.bleeds[:1]
    results = run(study(birth_year_caliper=0), tmp_path / "data", tmp_path / "results", min_cell_count=1)
    matched = {row["controls_in_set"]: row["n_sets"] for row in results.rows("matching")}
    (drawn,) = results.rows("sampling")
    assert sum(matched.values()) == drawn["n_cases"]
    attrition = [row for row in results.rows("attrition") if row["cohort"] == "cases"]
    assert attrition[-1]["rule"] == "at least one eligible control"
    assert attrition[-1]["n_excluded"] == matched.get(0, 0)


def test_no_person_identifier_is_written_anywhere(database: Path, tmp_path: Path) -> None:
    run(study(), database, tmp_path / "results")
    for path in (tmp_path / "results").rglob("*.*"):
        if path.is_file() and path.suffix != ".parquet":
            assert str(BASE)[:12] not in path.read_text()
    for path in (tmp_path / "results" / "tables").glob("*.parquet"):
        for column in pq.read_table(path).columns:
            if pa.types.is_integer(column.type) and len(column):
                assert max((value for value in column.to_pylist() if value is not None), default=0) < 10**6


def test_counts_below_the_threshold_are_flagged(database: Path, tmp_path: Path) -> None:
    results = run(study(), database, tmp_path / "results", min_cell_count=10)
    for name in results.tables:
        for row in results.rows(name):
            for column, hidden in row.items():
                if column.endswith("_suppressed") and hidden:
                    assert row[column.removesuffix("_suppressed")] is None
                elif column.endswith("_suppressed"):
                    count = row[column.removesuffix("_suppressed")]
                    assert count is None or count == 0 or count >= 10
