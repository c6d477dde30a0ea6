"""A results folder is written whole or not at all, with the same bytes each time, and reads back as it was."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from equipoise.errors import OutputError, SourceError
from equipoise.results import write as module
from equipoise.results.read import read_results
from equipoise.results.results import Results
from equipoise.results.tables import TABLES, table
from equipoise.results.write import check_destination, csv_text, write

KEY = dict.fromkeys(TABLES["estimates"].keys) | {"analysis": "risk", "comparison": "cases", "term": 'a "b", c'}


@pytest.fixture
def results() -> Results:
    estimates = [
        KEY | {"estimate": 0.1 + 0.2, "conf_high": float("inf"), "n_cases": 12},
        KEY | {"term": "", "n_cases": 3, "reason": "SEPARATION"},
    ]
    return Results.suppressed(
        {"estimates": table("estimates", estimates)}, {"seed": 7}, min_cell_count=5, timings={"seconds": 1.25}
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_reads_back_as_it_was(results: Results, tmp_path: Path) -> None:
    back = read_results(write(results, tmp_path / "deep" / "out"))
    assert dict(back.manifest) == dict(results.manifest)
    assert dict(back.timings) == {"seconds": 1.25}
    assert all(back.tables[name].equals(results.tables[name]) for name in TABLES)


def test_the_same_results_give_the_same_bytes(results: Results, tmp_path: Path) -> None:
    assert contents(write(results, tmp_path / "a")) == contents(write(results, tmp_path / "b"))
    assert set(contents(tmp_path / "a")) == {
        "manifest.json",
        "run.json",
        *(f"tables/{name}.{end}" for name in TABLES for end in ("csv", "parquet")),
    }


def test_csv_keeps_numbers_nulls_and_quotes_apart(results: Results) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(results.tables["estimates"]))))
    assert rows[0]["term"] == 'a "b", c'
    assert float(rows[0]["estimate"]) == 0.1 + 0.2
    assert rows[0]["conf_high"] == "inf"
    assert (rows[1]["n_cases"], rows[1]["n_cases_suppressed"], rows[0]["n_cases_suppressed"]) == ("", "true", "false")
    assert csv_text(results.tables["estimates"]).splitlines()[2].count('""') == 1, "empty text is not null"


def test_earlier_results_are_replaced_and_other_files_stay(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "tables" / "old.csv").write_text("of a version before")
    write(Results({}, {"seed": 8}), tmp_path)
    assert read_results(tmp_path).manifest["seed"] == 8
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "tables" / "old.csv").exists()


def test_a_folder_with_something_else_is_refused(results: Results, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(OutputError, match="something other than results") as caught:
        write(results, tmp_path)
    assert caught.value.exit_code == 11
    assert os.listdir(tmp_path) == ["thesis.docx"]


def test_a_manifest_of_another_program_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "web app"}')
    with pytest.raises(OutputError, match="something other than results"):
        check_destination(tmp_path)


def test_a_file_is_no_folder(results: Results, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    for place in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(OutputError):
            write(results, place)


def test_leavings_of_an_interrupted_write_are_cleared(results: Results, tmp_path: Path) -> None:
    (tmp_path / f"{module.PARTIAL}abc").mkdir()
    (tmp_path / f"{module.PARTIAL}abc" / "manifest.json").write_text("{")
    write(results, tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["manifest.json", "run.json", "tables"]


@pytest.mark.parametrize("fails_at", ["tables", "run.json", "manifest.json"])
def test_a_failure_while_putting_in_place_restores_what_was_there(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    write(results, tmp_path)
    before = contents(tmp_path)
    real = os.replace

    def replace(source: Path, to: Path) -> None:
        if Path(to) == tmp_path / fails_at and Path(source).parent.name.startswith(module.PARTIAL):
            monkeypatch.setattr(module.os, "replace", real)
            raise OSError(28, "No space left on device")
        real(source, to)

    monkeypatch.setattr(module.os, "replace", replace)
    with pytest.raises(OutputError, match="No space left on device"):
        write(Results({}, {"seed": 8}), tmp_path)
    assert contents(tmp_path) == before


FULL_DISK = """
import resource, signal, sys
from equipoise.errors import OutputError
from equipoise.results.results import Results
from equipoise.results.write import write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    write(Results({}, {"text": "x" * 2000}), sys.argv[1])
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are a Unix matter")
def test_no_room_leaves_nothing_and_says_so_once(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "out"
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(place)], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert str(place) in done.stdout
    assert "File too large" in done.stdout
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the super-user may write anywhere")
def test_no_permission_is_one_clear_message(results: Results, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written to"):
        write(results, tmp_path / "out")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no manifest.json in it"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "not a JSON object"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "not written by Equipoise"),
        (lambda folder: (folder / "tables" / "matching.parquet").unlink(), "no such file"),
        (lambda folder: (folder / "tables" / "matching.parquet").write_text("no"), "cannot be read as Parquet"),
        (
            lambda folder: (folder / "tables" / "matching.parquet").write_bytes(
                (folder / "tables" / "sampling.parquet").read_bytes()
            ),
            "columns analysis, comparison, n_cases",
        ),
    ],
)
def test_a_spoilt_folder_is_refused(results: Results, tmp_path: Path, spoil, said: str) -> None:
    spoil(write(results, tmp_path))
    with pytest.raises(SourceError, match=said) as caught:
        read_results(tmp_path)
    assert caught.value.exit_code == 11


def test_a_folder_of_another_format_names_the_remedy(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format_version": 99}))
    with pytest.raises(SourceError, match="format 99"):
        read_results(tmp_path)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        read_results(tmp_path / "nowhere")
