"""Progress: a bar on terminals, lines elsewhere."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from equipoise.cli.carry_out import progress
from equipoise.cli.live import LiveProgress
from equipoise.cli.progress import PlainProgress
from equipoise.runner.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Standard error as a terminal; set in the test itself, because pytest sets its own between phases."""
    before, sys.stderr = sys.stderr, Terminal()
    try:
        yield sys.stderr
    finally:
        sys.stderr = before


def walk(shown: Progress) -> None:
    shown.start(2)
    for name, state in (("people [bold]", "cached"), ("cases", "computed")):
        shown.begin(name)
        shown.step(name, state)
    shown.finish()


COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    with terminal() as screen:
        shown = progress()
        walk(shown)
    assert isinstance(shown, LiveProgress)
    text = screen.getvalue()
    assert "2/2" in text
    assert COLOUR.search(text)
    assert text.endswith("\x1b[2K")  # the last thing written clears the line


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal() as screen:
        walk(LiveProgress())
    assert not COLOUR.search(screen.getvalue())
    assert "2/2" in screen.getvalue()


def test_names_are_not_markup() -> None:
    with terminal() as screen:
        shown = LiveProgress()
        shown.start(1)
        shown.begin("people [bold]")
        shown.finish()
    assert "people [bold]" in screen.getvalue()


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with terminal():
        assert isinstance(progress(), PlainProgress)


def test_what_is_no_terminal_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    shown = progress()
    assert isinstance(shown, PlainProgress)
    walk(shown)
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err == "[1/2] cached   people [bold]\n[2/2] computed cases\n"
