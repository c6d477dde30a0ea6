"""Help, version and wrong usage: plain text, quickly, without loading what only the work needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from equipoise import __version__
from equipoise.cli.arguments import parser
from equipoise.cli.main import COMMANDS
from tests.cli.command import COMMAND, STUDY, equipoise

HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "ibis", "duckdb", "scipy", "numba", "jinja2", "rich", "formulaic")
# `equipoise --help` may take 1.5 times as long as `import numpy`; while it imports little, it stays far below that.
MOST_MODULES = 150


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["demo", "--help"], ["plan", "-h"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from equipoise.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & set(HEAVY)
    assert len(done.stderr.split()) < MOST_MODULES


def test_help_names_every_command_and_exit_code() -> None:
    done = equipoise("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for word in (*COMMANDS, "10", "11", "12", "13", "70", "130", "EQUIPOISE_STORE", "NO_COLOR"):
        assert word in done.stdout


def test_each_command_has_help_and_a_module() -> None:
    for name, where in COMMANDS.items():
        done = equipoise(name, "--help")
        assert done.returncode == 0, name
        assert "\x1b" not in done.stdout
        assert where.startswith("equipoise.cli.")
    assert set(parser()._subparsers._group_actions[0].choices) == set(COMMANDS)


def test_version() -> None:
    done = equipoise("--version")
    assert (done.returncode, done.stdout) == (0, f"equipoise {__version__}\n")


WRONG = {
    "no command": [],
    "unknown command": ["runn"],
    "no study": ["run", "--data", "x", "--to", "y"],
    "no data": ["run", "study.toml", "--to", "y"],
    "no place for results": ["run", "study.toml", "--data", "x"],
    "unknown option": ["schema", "--colour"],
    "abbreviated option": ["validate", "study.toml", "--vers"],
    "seed below 0": ["demo", "--to", "x", "--seed", "-1"],
    "seed beyond 63 bits": ["demo", "--to", "x", "--seed", str(2**63)],
    "cell count of 0": ["demo", "--to", "x", "--min-cell-count", "0"],
    "cell count in words": ["demo", "--to", "x", "--min-cell-count", "five"],
    "no threads": ["demo", "--to", "x", "--threads", "0"],
    "memory without unit": ["demo", "--to", "x", "--memory-limit", "4"],
    "no persons": ["simulate", "--to", "x", "--persons", "0"],
    "an unknown view": ["simulate", "--to", "x", "--views", "register,hospital"],
    "an unknown form": ["simulate", "--to", "x", "--form", "csv"],
    "enrichment in words": ["simulate", "--to", "x", "--als-incidence-multiplier", "many"],
    "no enrichment at all": ["simulate", "--to", "x", "--als-incidence-multiplier", "0"],
    "unknown action": ["store", "empty"],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_is_said_and_ends_with_2(name: str, tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, *WRONG[name]], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: equipoise" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_schema_is_json() -> None:
    done = equipoise("schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "Equipoise study"


def test_a_reader_that_goes_away_is_no_failure() -> None:
    for arguments in (["schema"], ["validate", str(STUDY)], ["--help"]):
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == 0


def test_a_terminal_without_unicode_is_no_failure() -> None:
    done = equipoise("validate", STUDY, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_the_console_script_is_the_module() -> None:
    script = Path(sys.executable).with_name("equipoise")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stdout) == (0, f"equipoise {__version__}\n")
