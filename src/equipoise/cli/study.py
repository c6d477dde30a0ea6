"""The study a command line names: a file, or standard input."""

import sys

from equipoise.spec.read import read_study, study_from_bytes
from equipoise.spec.study import Study


def named_study(name: str) -> Study:
    """The study in the file `name`; `-` is standard input."""
    if name == "-":
        return study_from_bytes(sys.stdin.buffer.read(), "standard input")
    return read_study(name)
