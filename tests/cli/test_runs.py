"""`run`, `plan`, `report`, `store` and `demo` as a user sees them."""

import json
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, GIBLEED, equipoise
from tests.cli.command import STUDY as NSAID
from tests.cli.small_database import FIRST_ID, N_PERSONS, STUDY, write_database

OUTPUT = {"manifest.json", "run.json", "tables", "report.html"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `study.toml`, a database in `data`, and the results of a run in `results`."""
    place = tmp_path_factory.mktemp("runs")
    (place / "study.toml").write_text(STUDY)
    write_database(place / "data")
    done = run(place, place / "results")
    assert done.returncode == 0, done.stderr
    (place / "first.out").write_text(done.stdout)
    (place / "first.err").write_text(done.stderr)
    return place


def run(place: Path, to: Path, *more: object, study: str = "study.toml") -> subprocess.CompletedProcess[str]:
    data = place / "data"
    return equipoise("run", place / study, "--data", data, "--to", to, *more, store=place / "store")


def content(folder: Path) -> dict[str, bytes]:
    """The bytes that must be the same for the same inputs."""
    files = [*sorted((folder / "tables").iterdir()), folder / "report.html"]
    return {file.name: file.read_bytes() for file in files}


def no_person_in(text: str) -> bool:
    return not any(FIRST_ID <= int(number) < FIRST_ID + N_PERSONS for number in re.findall(r"\d{16,}", text))


def test_a_run_ends_with_a_summary(place: Path) -> None:
    out = (place / "first.out").read_text()
    assert f"report: {place / 'results' / 'report.html'}\nestimates: 1 of 1\n" in out
    assert re.search(r"main \(odds ratio, crude\)\nexposure +window +reading +estimate +95% interval\n", out)
    assert re.search(r"\ndrug +one year +any_use +\d+\.\d\d +\d+\.\d\d to \d+\.\d\d\n", out)


def test_progress_is_told_line_by_line(place: Path) -> None:
    lines = (place / "first.err").read_text().splitlines()
    steps = [line for line in lines if line.startswith("[")]
    assert all(re.fullmatch(r"\[ *\d+/\d+\] (computed|cached  ) .+", line) for line in steps)
    assert steps[-1].startswith(f"[{len(steps)}/{len(steps)}]")
    assert "\x1b" not in "".join(lines)


def test_the_folder_holds_results_and_no_person(place: Path) -> None:
    assert {path.name for path in (place / "results").iterdir()} == OUTPUT
    for path in (place / "results").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".csv", ".html"):
            assert no_person_in(path.read_text()), path
    assert no_person_in((place / "first.out").read_text() + (place / "first.err").read_text())


def test_a_second_run_does_no_work_and_gives_the_same_bytes(place: Path, tmp_path: Path) -> None:
    done = run(place, tmp_path / "again")
    assert done.returncode == 0
    assert "computed" not in done.stderr
    assert content(tmp_path / "again") == content(place / "results")


def test_seed_and_threshold_are_recorded(place: Path, tmp_path: Path) -> None:
    assert run(place, tmp_path / "other", "--seed", "5", "--min-cell-count", "1").returncode == 0
    manifest = json.loads((tmp_path / "other" / "manifest.json").read_text())
    assert (manifest["seed"], manifest["min_cell_count"], manifest["study"]["seed"]) == (5, 1, 3)
    assert "true" not in (tmp_path / "other" / "tables" / "estimates.csv").read_text().lower()


def test_a_run_replaces_the_results_of_an_earlier_one(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "results", tmp_path / "results")
    (tmp_path / "results" / "report.html").write_text("old")
    assert run(place, tmp_path / "results").returncode == 0
    assert content(tmp_path / "results") == content(place / "results")


def test_the_report_is_written_anew(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "results", tmp_path / "results")
    (tmp_path / "results" / "report.html").unlink()
    done = equipoise("report", tmp_path / "results")
    assert (done.returncode, done.stdout) == (0, f"report: {tmp_path / 'results' / 'report.html'}\n")
    assert content(tmp_path / "results") == content(place / "results")


@pytest.mark.parametrize("name", ["none", "empty", "data"])
def test_a_report_needs_results(name: str, place: Path, tmp_path: Path) -> None:
    folder = place / "data" if name == "data" else tmp_path / name
    if name == "empty":
        folder.mkdir()
    done = equipoise("report", folder)
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr.startswith("error:\n")
    assert not (folder / "report.html").exists()


def test_a_plan_does_nothing_and_knows_what_is_there(place: Path, tmp_path: Path) -> None:
    command = ("plan", place / "study.toml", "--data", place / "data")
    fresh = equipoise(*command, "--sql", store=tmp_path / "store")
    assert fresh.returncode == 0, fresh.stderr
    assert re.search(r"^people +240  to do", fresh.stdout, flags=re.MULTILINE)
    assert "SELECT" in fresh.stdout
    assert not (tmp_path / "store").exists()
    kept = equipoise(*command, store=place / "store")
    assert "to do" not in kept.stdout
    assert "SELECT" not in kept.stdout
    assert "to do" in equipoise(*command, "--seed", "99", store=place / "store").stdout


def test_the_store_tells_its_place_and_size_and_is_cleared(place: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert equipoise("store", "where", store=store).stdout == f"{store}\n"
    assert equipoise("store", "size", "--store", store).stdout == "0 bytes\n"
    assert equipoise("store", "clear", "--store", store).stdout == f"freed 0 bytes in {store}\n"
    shutil.copytree(place / "store", store)
    assert re.fullmatch(r"\d+\.\d kB\n|\d+\.\d MB\n", equipoise("store", "size", "--store", store).stdout)
    assert equipoise("store", "clear", store=store).returncode == 0
    assert equipoise("store", "size", store=store).stdout == "0 bytes\n"


ANSWERS = {
    "no cases": (f"concept_id = {100}", "concept_id = 101", "NO_CASES"),
    "nobody exposed": (f"concept_id = {200}", "concept_id = 201", "ONE_ARM_EMPTY"),
    "no controls": ("birth_year_caliper = 5", 'birth_year_caliper = 0\nfree_of = ["anything"]', "NO_CONTROLS"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_the_data_cannot_answer_is_an_answer(name: str, place: Path, tmp_path: Path) -> None:
    before, after, reason = ANSWERS[name]
    text = STUDY.replace(before, after)
    if name == "no controls":
        everyone = 'anything = { domain = "condition", include = [{ concept_id = 300 }] }\n'
        text = text.replace("[concept_sets]\n", f"[concept_sets]\n{everyone}")
        shutil.copytree(place / "data", tmp_path / "data")
        with (tmp_path / "data" / "condition_occurrence.csv").open("a") as file:
            for i in range(N_PERSONS):
                file.write(f"{10_000 + i},{FIRST_ID + i},300,2001-01-01,32817\n")
        (tmp_path / "study.toml").write_text(text)
        done = run(tmp_path, tmp_path / "results")
    else:
        (place / "other.toml").write_text(text)
        done = run(place, tmp_path / "results", study="other.toml")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning:") == 1
    assert reason in done.stderr
    assert reason in (tmp_path / "results" / "tables" / "estimates.csv").read_text()
    assert {path.name for path in (tmp_path / "results" / "tables").iterdir()} == {
        path.name for path in (place / "results" / "tables").iterdir()
    }


def broken(place: Path, tmp_path: Path, name: str, text: str | None) -> Path:
    """The database with one file replaced, or removed."""
    shutil.copytree(place / "data", tmp_path / "data")
    path = tmp_path / "data" / name
    path.unlink() if text is None else path.write_text(text)
    return tmp_path / "data"


BAD_DATA = {
    "a missing table": ("person.csv", None, "person"),
    "a missing column": ("person.csv", "person_id,gender_concept_id\n1,2\n", "year_of_birth"),
    "words for identifiers": (
        "observation_period.csv",
        "observation_period_id,person_id,observation_period_start_date,observation_period_end_date\n"
        "1,Jane Doe,2000-01-01,2001-01-01\n",
        "observation_period",
    ),
    "bytes that are no table": ("drug_exposure.csv", "\x00\x01\x02", "drug_exposure"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_a_database_that_cannot_be_used(name: str, place: Path, tmp_path: Path) -> None:
    file, text, named = BAD_DATA[name]
    data = broken(place, tmp_path, file, text)
    to = tmp_path / "results"
    done = equipoise("run", place / "study.toml", "--data", data, "--to", to, store=tmp_path / "store")
    assert (done.returncode, done.stdout) == (11, "")
    assert "error:" in done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert "Jane" not in done.stderr
    assert not to.exists()


@pytest.mark.parametrize(
    "data", ["nowhere", "nowhere.duckdb", "postgres://me:hunter2@localhost:1/db", "oracle://me:hunter2@host/db"]
)
def test_data_that_are_none(data: str, place: Path, tmp_path: Path) -> None:
    where = data if "://" in data else place / data
    done = equipoise("run", place / "study.toml", "--data", where, "--to", tmp_path / "r", store=tmp_path / "store")
    assert (done.returncode, done.stdout) == (11, "")
    assert "error:" in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "r").exists()


def test_a_study_file_is_no_mapping_file(place: Path, tmp_path: Path) -> None:
    study = place / "study.toml"
    done = equipoise("run", study, "--data", study, "--to", tmp_path / "r", store=tmp_path / "store")
    assert (done.returncode, done.stdout) == (10, "")
    assert "mapping_version" in done.stderr
    assert not (tmp_path / "r").exists()


def test_faults_of_the_study_come_before_the_data(place: Path, tmp_path: Path) -> None:
    (place / "faulty.toml").write_text(
        STUDY.replace('entry = { concept_set = "outcome" }', "entry = { concept_set = 1 }")
    )
    done = equipoise("run", place / "faulty.toml", "--data", "nowhere", "--to", tmp_path / "r")
    assert done.returncode == 10
    assert "cohorts.cases.entry.concept_set" in done.stderr
    assert not (tmp_path / "r").exists()


def test_an_unknown_concept_set_is_a_fault_of_the_study(place: Path, tmp_path: Path) -> None:
    (place / "unknown.toml").write_text(STUDY.replace('concept_sets = ["drug"]', 'concept_sets = ["drugg"]'))
    done = run(place, tmp_path / "r", study="unknown.toml")
    assert done.returncode == 10
    assert "unknown concept set 'drugg'" in done.stderr
    assert "did you mean 'drug'?" in done.stderr


def test_a_place_that_cannot_take_results(place: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    for to in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "full"):
        done = run(place, to)
        assert (done.returncode, done.stdout) == (11, "")
        assert str(to) in done.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def limited(place: Path, to: Path, store: Path) -> subprocess.CompletedProcess[str]:
    """A run whose files cannot grow beyond 2,000 bytes: what a full disk looks like to a program."""
    return subprocess.run(
        [*COMMAND, "run", place / "study.toml", "--data", place / "data", "--to", to, "--store", store],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )


def test_a_full_disk_leaves_nothing_half_written(place: Path, tmp_path: Path) -> None:
    done = limited(place, tmp_path / "results", place / "store")
    assert (done.returncode, done.stdout) == (11, "")
    assert "error:" in done.stderr
    assert not (tmp_path / "results").exists()
    earlier = content(place / "results")
    assert limited(place, place / "results", place / "store").returncode == 11
    assert content(place / "results") == earlier
    assert {path.name for path in (place / "results").iterdir()} == OUTPUT


def test_a_full_store_is_said(place: Path, tmp_path: Path) -> None:
    done = limited(place, tmp_path / "results", tmp_path / "store")
    assert done.returncode == 11
    assert "store" in done.stderr
    assert not (tmp_path / "results").exists()


def test_an_interrupted_run_leaves_no_results_and_resumes(place: Path, tmp_path: Path) -> None:
    arguments = [
        "run",
        place / "study.toml",
        "--data",
        place / "data",
        "--to",
        tmp_path / "r",
        "--store",
        tmp_path / "s",
    ]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = next(line for line in process.stderr if "computed" in line)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert "interrupted" in said
    assert not (tmp_path / "r").exists()
    done = equipoise(*arguments)
    assert done.returncode == 0
    assert first.replace("computed", "cached  ") in done.stderr
    assert content(tmp_path / "r") == content(place / "results")


@pytest.mark.skipif(not GIBLEED.is_dir(), reason=f"needs the database {GIBLEED}")
def test_the_shipped_study_on_a_real_database(tmp_path: Path) -> None:
    done = equipoise("run", NSAID, "--data", GIBLEED, "--to", tmp_path / "r", store=tmp_path / "s")
    assert done.returncode == 0, done.stderr
    assert "SEPARATION" in done.stdout
    assert "SEPARATION, the exposure separates cases from controls completely" in done.stderr


def test_the_demonstration_keeps_its_database_out_of_the_results(tmp_path: Path) -> None:
    first = equipoise("demo", "--to", tmp_path / "one", store=tmp_path / "s")
    assert first.returncode == 0, first.stderr
    assert {path.name for path in (tmp_path / "one").iterdir()} == OUTPUT
    again = equipoise("demo", "--to", tmp_path / "two", store=tmp_path / "s")
    assert "simulating" in first.stderr
    assert "simulating" not in again.stderr
    assert "computed" not in again.stderr
    assert content(tmp_path / "one") == content(tmp_path / "two")
