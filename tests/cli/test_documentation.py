"""The page about the command line names every command and option; the README's commands are the ones that are run."""

import re
import shutil
import subprocess
from argparse import ArgumentParser, _SubParsersAction
from pathlib import Path

import pytest

from equipoise.cli.arguments import EXIT_CODES, parser
from equipoise.design.readings import BESIDE_WINDOWS
from equipoise.results.tables import MEASURES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def commands() -> dict[str, ArgumentParser]:
    found = [action for action in parser()._actions if isinstance(action, _SubParsersAction)]
    return dict(found[0].choices)


def test_the_page_names_every_command_and_option() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    table = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| `--")}
    for name, command in commands().items():
        assert f"`equipoise {name}" in page
        for action in command._actions:
            options = [option for option in action.option_strings if option not in ("-h", "--help")]
            for option in options:
                (line,) = (line for key, line in table.items() if key.strip("`").split()[0] == option)
                assert name in line.split("|")[2], f"{option} of {name}"
    for code in re.findall(r"^  (\d+)", EXIT_CODES, flags=re.MULTILINE):
        assert f"| {code} |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_first_screen_has_two_commands() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", first, flags=re.DOTALL)
    assert [block.count("\n") for block in blocks] == [1, 1]
    assert all(block.startswith("pip install -c requirements.lock ") for block in blocks)
    assert "equipoise demo --to" in blocks[0]
    assert blocks[1].endswith("&& pytest\n")


def test_the_lock_file_holds_versions_and_nothing_else() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pin = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.+]*( ; .+)?")
    assert lines
    for line in lines:
        assert pin.fullmatch(line), line
        assert "/" not in line


def test_the_lock_file_covers_what_the_project_needs() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = set(re.findall(r'"([a-z][a-z0-9-]*)(?:\[[a-z]+\])?>=', project)) - {"hatchling"}
    locked = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    assert needed <= locked


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("script", [".ci/run", "check"])
def test_scripts_are_executable_and_parse(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", path], check=True)


def test_the_glossary_has_each_noun_once_and_in_order() -> None:
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    entries = re.findall(r"^\*\*(.+?)\.\*\* \S", text, flags=re.MULTILINE)
    nouns = [noun.lower() for entry in entries for noun in entry.split(", ")]
    assert len(entries) == text.count("**") // 2
    assert len(set(nouns)) == len(nouns)
    heads = [entry.split(", ")[0].lower() for entry in entries]
    assert heads == sorted(heads)


def test_the_glossary_has_the_measures_readings_and_reasons_of_the_code() -> None:
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").lower().replace("\n", " ")
    for name in (*MEASURES.values(), *BESIDE_WINDOWS, "any use", "initiation"):
        assert name in text
