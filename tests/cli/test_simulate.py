"""`equipoise simulate`: a nation on disk, progress on standard error, faults of the nation file named all at once."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, equipoise


def test_a_nation_is_written_with_its_truth(tmp_path: Path) -> None:
    nation = tmp_path / "nation.toml"
    nation.write_text("[effects]\nrem_suppression_on_death = 1.0\n")
    place = tmp_path / "nation"
    done = equipoise(
        "simulate", nation, "--persons", 45_000, "--seed", 3, "--als-incidence-multiplier", "20", "--to", place
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"{place}: 45,000 persons, OMOP CDM 5.4; use it with --data {place}\n"
        f"{place / 'truth'}: what no table of the database holds, every parameter included\n"
    )
    assert done.stderr.splitlines() == [
        "[1/3] computed block 1 of 3", "[2/3] computed block 2 of 3", "[3/3] computed block 3 of 3",
    ]  # fmt: skip
    assert (place / "cdm_source.parquet").exists()
    record = json.loads((place / "truth" / "nation.json").read_text())
    assert record["nation"]["effects"]["rem_suppression_on_death"] == 1.0
    assert (record["seed"], record["persons"], record["als_incidence_multiplier"]) == (3, 45_000, 20.0)


def test_a_duckdb_file(tmp_path: Path) -> None:
    done = equipoise("simulate", "--persons", 500, "--to", tmp_path / "nation.duckdb")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nation.duckdb", "nation.truth"]


def test_every_fault_of_the_nation_file_is_named(tmp_path: Path) -> None:
    nation = tmp_path / "nation.toml"
    nation.write_text("[population]\nregions = 0\ngirlz = 0.5\n[switches]\nprodrome = 'no'\n")
    done = equipoise("simulate", nation, "--to", tmp_path / "nation")
    assert done.returncode == 10
    for place in ("population.regions", "population.girlz", "switches.prodrome"):
        assert place in done.stderr
    assert not (tmp_path / "nation").exists()


@pytest.mark.parametrize("options", [["--form", "registers", "--views", "register,network"]])
def test_what_is_not_offered_is_refused(tmp_path: Path, options: list[str]) -> None:
    done = equipoise("simulate", "--persons", 100, "--to", tmp_path / "nation", *options)
    assert done.returncode == 13
    assert not (tmp_path / "nation").exists()


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = equipoise("simulate", "--persons", 100, "--to", tmp_path)
    assert done.returncode == 11
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interruption_leaves_no_file(tmp_path: Path) -> None:
    place = tmp_path / "nation"
    command = [*COMMAND, "simulate", "--persons", "100000000", "--to", str(place), "--threads", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not list(place.glob("*.part")) and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert "nothing that looks complete is left behind" in said
    assert list(place.iterdir()) == []
