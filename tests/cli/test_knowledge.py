"""`equipoise knowledge`: topics, sets, formats, and facts of a user's own."""

import csv
import io
import tomllib
from pathlib import Path

import pytest

from tests.cli.command import equipoise


def rows(*arguments: object) -> list[dict[str, str]]:
    done = equipoise("knowledge", "rem-sleep", "--format", "csv", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_without_a_topic_all_are_listed() -> None:
    done = equipoise("knowledge")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["topic", "rem-sleep", "charlson"]


def test_the_table_has_every_drug_and_every_citation() -> None:
    done = equipoise("knowledge", "rem-sleep")
    assert done.returncode == 0
    assert "N06AX21  duloxetine       72625    suppressing" in done.stdout
    assert "  wilson        Wilson S, Argyropoulos S. Antidepressants and sleep. Drugs 2005;65:927-947\n" in done.stdout
    assert "  duloxetine: REM sleep from 94.8 to 51.5 min (-46 %), latency from 58 to 194 min.\n" in done.stdout


def test_sets_move_contested_drugs() -> None:
    def group(of: str, ingredient: str) -> str:
        return next(row["group"] for row in rows("--set", of) if row["ingredient"] == ingredient)

    assert group("default", "bupropion") == "non_suppressing"
    assert group("strict", "bupropion") == "neither"
    assert group("liberal_suppressing", "trazodone") == "suppressing"
    assert group("liberal_non_suppressing", "trazodone") == "non_suppressing"


def test_csv_writes_citations_out() -> None:
    found = {row["ingredient"]: row for row in rows()}
    assert len(found) == 30
    assert found["mirtazapine"]["citations"] == (
        "Winokur A, et al. Mirtazapine and sleep, 2000; Schittecatte M, et al. Mirtazapine and sleep, 2002"
    )
    assert found["clomipramine"]["score"] == "3"


def test_the_file_of_facts_is_a_start_for_ones_own(tmp_path: Path) -> None:
    done = equipoise("knowledge", "rem-sleep", "--format", "toml")
    path = tmp_path / "own.toml"
    path.write_text(done.stdout, encoding="utf-8")
    assert len(tomllib.loads(done.stdout)["drugs"]) == 30
    assert rows("--file", path) == rows()
    path.write_text(done.stdout.replace('effect = "none"', 'effect = "nothing"'), encoding="utf-8")
    done = equipoise("knowledge", "rem-sleep", "--file", path)
    assert done.returncode == 10
    assert done.stderr.startswith("error: 6 faults\n")
    assert f"{path}, drugs" in done.stderr


def test_charlson_is_a_topic_without_sets() -> None:
    done = equipoise("knowledge", "charlson", "--format", "csv")
    assert done.stdout.splitlines()[:2] == [
        "comorbidity,weight,codes,not_beside",
        "myocardial infarction,1,I21 I22 I252,",
    ]
    assert "Quan" in equipoise("knowledge", "charlson").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("charlson", "--set", "strict"), 10, "equipoise knowledge rem-sleep --set"),
        (("--file", "x.toml"), 10, "without a topic"),
        (("rem-sleep", "--file", "nowhere.toml"), 10, "No such file"),
        (("dreams",), 2, "invalid choice"),
        (("rem-sleep", "--set", "mine"), 2, "invalid choice"),
    ],
)
def test_what_is_not_there_is_said(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = equipoise("knowledge", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
