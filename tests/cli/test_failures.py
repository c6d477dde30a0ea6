"""What goes wrong has its exit code and one clear message, without values of persons."""

import errno
import signal
import subprocess
import threading
import time
import warnings

import numpy as np
import pytest

from equipoise.cli.failures import guarded
from equipoise.cli.output import table, tell, warn
from equipoise.cli.store import amount
from equipoise.errors import (
    DesignError,
    EquipoiseError,
    Fault,
    OutputError,
    SourceError,
    SpecError,
    UnsupportedError,
)
from tests.cli.command import COMMAND

SECRET = "person 4711 of 12 May 1950"


def outcome(capsys: pytest.CaptureFixture[str], error: BaseException) -> tuple[int, str]:
    def work() -> int:
        raise error

    code = guarded(work)
    streams = capsys.readouterr()
    assert streams.out == ""
    return code, streams.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [(SpecError, 10), (SourceError, 11), (OutputError, 11), (DesignError, 12), (UnsupportedError, 13)],
)
def test_each_kind_of_error_has_its_code(
    kind: type[EquipoiseError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [Fault("here", "this", "that", "do so"), Fault("there", "other")]
    assert outcome(capsys, kind(faults)) == (
        code,
        "error: 2 faults\n"
        "  here\n    found    this\n    allowed  that\n    to do    do so\n"
        "  there\n    found    other\n",
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_trouble_with_a_place_is_no_defect(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = outcome(capsys, OSError(number, "No space left on device", "/results"))
    assert code == 11
    assert "/results" in said
    assert "no space left on device" in said


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), FileNotFoundError(2, SECRET)])
def test_a_defect_is_one_line_that_quotes_no_data(
    error: Exception, debug: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_DEBUG", debug)
    error.__cause__ = RuntimeError(SECRET)
    code, said = outcome(capsys, error)
    assert code == 70
    assert said.startswith(f"internal error: {type(error).__name__} at ")
    assert "4711" not in said
    assert (said.count("\n") == 1) == (debug == "")
    assert ("builtins.RuntimeError" in said) == (debug == "1")


def test_a_defect_is_placed_in_the_package_and_not_in_a_library(capsys: pytest.CaptureFixture[str]) -> None:
    code = guarded(lambda: int(np.linalg.inv(np.zeros((1, 1)))[0, 0]))
    assert code == 70
    assert capsys.readouterr().err.startswith("internal error: LinAlgError at equipoise/cli/failures.py:")


def test_a_result_table_that_breaks_its_declaration_is_a_defect(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = outcome(capsys, EquipoiseError(Fault("table", SECRET)))
    assert code == 70
    assert "4711" not in said


def test_too_little_memory_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = outcome(capsys, MemoryError(SECRET))
    assert code == 70
    assert said.startswith("error: out of memory")


def test_ctrl_c_is_130_also_when_a_library_hides_it(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("query cancelled") from None
        return 0

    before = signal.getsignal(signal.SIGINT)
    assert guarded(work) == 130
    assert capsys.readouterr().err.startswith("interrupted")
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_the_process_with_130() -> None:
    process = subprocess.Popen(
        [*COMMAND, "validate", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(3)  # long enough for it to be waiting for the study
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert said.startswith("interrupted")
    assert said.count("\n") == 1


def test_commands_work_outside_the_main_thread() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(guarded(lambda: 0)))
    thread.start()
    thread.join()
    assert codes == [0]


def test_warnings_for_users_are_one_line_and_others_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("machine code cannot be kept", UserWarning, stacklevel=1)
            warnings.warn("old interface", DeprecationWarning, stacklevel=1)
            warnings.warn("overflow", RuntimeWarning, stacklevel=1)
        return 0

    show = warnings.showwarning
    assert guarded(work) == 0
    assert capsys.readouterr().err == "warning: machine code cannot be kept\n"
    assert warnings.showwarning is show


def test_control_characters_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tell("a\x1b[31mb\nc\r")
    warn("d\x07")
    assert capsys.readouterr().err == "a\ufffd[31mb\nc\ufffd\nwarning: d\ufffd\n"


def test_tables_in_plain_text() -> None:
    assert table(("a", "n"), [], right=[1]) == "a  n"
    assert table(("a", "n"), [("xyz", "1"), ("", "10")], right=[1]) == "a     n\nxyz   1\n     10"


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (10**15, "1000.0 TB")]
)
def test_amounts_of_bytes(n_bytes: int, text: str) -> None:
    assert amount(n_bytes) == text
