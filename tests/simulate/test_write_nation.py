"""Writing a nation: the same bytes whoever draws it, equal rows in DuckDB, nothing half-written, plain refusals."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from equipoise.errors import DesignError, OutputError, UnsupportedError
from equipoise.simulate import drawn_nation as module
from equipoise.simulate.block import STRATEGIES
from equipoise.simulate.cdm_rows import SCHEMAS
from equipoise.simulate.cdm_vocabulary import SPOUSE
from equipoise.simulate.nation_spec import NationSpec, parse_nation
from equipoise.simulate.write_nation import write_nation
from tests.simulate.nation_database import ask


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks from few persons."""
    monkeypatch.setattr(module, "BLOCK_PERSONS", 1_500)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def written(folder: Path, **options: Any) -> dict[str, str]:
    write_nation(folder, **{"persons": 7_000, "seed": 5, "multiplier": 30.0, **options})
    return digests(folder)


@pytest.mark.usefixtures("small_blocks")
def test_the_same_bytes_for_one_worker_and_for_three(tmp_path: Path) -> None:
    one, three = (written(tmp_path / str(workers), workers=workers) for workers in (1, 3))
    assert one == three
    assert set(one) == {f"{table}.parquet" for table in SCHEMAS} | {
        "truth/latent.parquet", "truth/disease.parquet", "truth/counterfactuals.parquet", "truth/nation.json",
    }  # fmt: skip
    assert written(tmp_path / "other", seed=6)["person.parquet"] != one["person.parquet"]


@pytest.mark.usefixtures("small_blocks")
def test_a_file_of_duckdb_has_equal_rows(tmp_path: Path) -> None:
    folder, file = tmp_path / "nation", tmp_path / "nation.duckdb"
    hidden = written(folder)
    written(file)
    with duckdb.connect(str(file), read_only=True) as database:
        for table in SCHEMAS:
            parquet = f"select * from '{folder}/{table}.parquet'"
            own = f"select * from {table}"
            for one, other in ((parquet, own), (own, parquet)):
                differ = f"select count(*) from ({one} except all {other})"
                assert database.execute(differ).fetchone() == (0,), table
            types = [database.execute(f"describe {each}").fetchall() for each in (parquet, own)]
            assert types[0] == types[1]
    truth = digests(tmp_path / "nation.truth")
    assert truth == {name.removeprefix("truth/"): each for name, each in hidden.items() if name.startswith("truth/")}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nation", "nation.duckdb", "nation.truth"]


@pytest.mark.usefixtures("small_blocks")
def test_enrichment_changes_no_row_of_persons_free_of_the_disease(tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    written(few, multiplier=1.0)
    written(many, multiplier=60.0)
    ill = " union ".join(f"select person_id from '{folder}/truth/disease.parquet'" for folder in (few, many))
    ((before, after),) = ask(
        many, f"select (select count(*) from '{few}/truth/disease.parquet'), count(*) from ({ill})"
    )
    assert before < 40 < 150 < after
    spouses = " union ".join(
        f"""select fact_id_1 from '{folder}/fact_relationship.parquet'
        where relationship_concept_id = {SPOUSE} and fact_id_2 in ({ill})"""
        for folder in (few, many)
    )
    for table in ("person", *(name for name in SCHEMAS if "person_id" in SCHEMAS[name].names)):
        numbered = (f"{table}_id", "drug_exposure_id", "visit_occurrence_id", "condition_occurrence_id")
        columns = ", ".join(name for name in SCHEMAS[table].names if name not in numbered or name == "person_id")
        chosen = f"select {columns} from '{{}}/{table}.parquet' where person_id not in ({ill} union {spouses})"
        for one, other in ((few, many), (many, few)):
            difference = f"select count(*) from ({chosen.format(one)} except all {chosen.format(other)})"
            assert ask(many, difference) == [(0,)], table


@pytest.mark.usefixtures("small_blocks")
def test_the_truth_holds_every_parameter_and_every_world(tmp_path: Path) -> None:
    written(tmp_path)
    record = json.loads((tmp_path / "truth" / "nation.json").read_text())
    assert (record["seed"], record["persons"], record["als_incidence_multiplier"]) == (5, 7_000, 30.0)
    assert parse_nation(record["nation"]) == NationSpec()
    assert ask(tmp_path, "select count(*), min(person_id), max(person_id) from @truth/latent") == [(7_000, 1, 7_000)]
    rows = ask(tmp_path, "select strategy, count(*), count(distinct person_id) from @truth/counterfactuals group by 1")
    (patients,) = ask(tmp_path, "select count(*) from @truth/disease")[0]
    assert patients > 30
    assert {strategy: (n, persons) for strategy, n, persons in rows} == dict.fromkeys(STRATEGIES, (patients, patients))
    assert ask(tmp_path, "select count(*) from @truth/counterfactuals where death < onset") == [(0,)]


def test_a_nation_replaces_an_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "nation"
    written(folder, persons=300)
    assert written(folder, persons=200) == written(tmp_path / "again", persons=200)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        written(folder, persons=100)
    assert (folder / "cdm_source.parquet").exists()
    (folder / "notes.txt").unlink()
    (folder / "truth" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        written(folder, persons=100)
    file = tmp_path / "there.duckdb"
    file.write_text("mine")
    with pytest.raises(OutputError, match="there already"):
        written(file, persons=100)


def test_a_real_database_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "person.parquet").write_bytes(b"persons who exist")
    with pytest.raises(OutputError, match="other files"):
        written(tmp_path, persons=100)
    assert (tmp_path / "person.parquet").read_bytes() == b"persons who exist"


def test_an_interrupted_nation_leaves_nothing_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_PERSONS", 100)
    monkeypatch.setattr("equipoise.simulate.writer.GROUP_ROWS", 100)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    for place in (tmp_path / "nation", tmp_path / "nation.duckdb"):
        with pytest.raises(KeyboardInterrupt):
            written(place, persons=1_000, progress=stop)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("small_blocks")
def test_progress_counts_the_blocks(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    written(tmp_path, progress=lambda done, of: heard.append((done, of)))
    assert heard == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize("persons", [1, 3])
def test_very_few_persons_make_a_database_too(tmp_path: Path, persons: int) -> None:
    assert {f"{table}.parquet" for table in SCHEMAS} <= set(written(tmp_path, persons=persons))


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"persons": 0}, "persons"),
        ({"persons": 1.5}, "persons"),
        ({"seed": -1}, "seed"),
        ({"multiplier": 0.0}, "multiplier"),
        ({"multiplier": float("nan")}, "multiplier"),
        ({"workers": 0}, "workers"),
    ],
)
def test_arguments_that_cannot_be_used(tmp_path: Path, options: dict[str, Any], place: str) -> None:
    with pytest.raises(DesignError) as caught:
        written(tmp_path, **options)
    assert [fault.where for fault in caught.value.faults] == [place]


@pytest.mark.parametrize(
    "options",
    [
        {"views": ("register", "clinic")},
        {"form": "paper"},
        {"form": "registers", "views": ("register", "network")},
        {"views": ()},
    ],
)
def test_what_is_not_offered_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        written(tmp_path, **options)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        written(tmp_path / "file" / "nation", persons=10)
