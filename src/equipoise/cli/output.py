"""The two streams: answers go to standard output, everything about the run to standard error."""

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO


def prepare_streams() -> None:
    """Characters that a terminal cannot show are escaped, never a reason to stop."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def say(text: str = "") -> None:
    """One or more lines of the answer."""
    _write(sys.stdout, text)


def tell(text: str = "") -> None:
    """One or more lines about the run."""
    _write(sys.stderr, text)


def warn(text: str) -> None:
    tell(f"warning: {text}")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Columns in plain text, two spaces apart; the columns named by `right` are aligned to the right.

    >>> print(table(("step", "rows"), [("people", "10"), ("cases", "7")], right=[1]))
    step    rows
    people    10
    cases      7
    """
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    to_the_right = set(right)

    def cell(text: str, i: int) -> str:
        return text.rjust(widths[i]) if i in to_the_right else text.ljust(widths[i])

    return "\n".join("  ".join(cell(text, i) for i, text in enumerate(line)).rstrip() for line in lines)


def _write(stream: TextIO, text: str) -> None:
    """Write a line and flush. A reader that has gone away is no failure: what was asked for has been done."""
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
    try:
        stream.write(shown + "\n")
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Send what else is written, also by the interpreter at its end, nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
