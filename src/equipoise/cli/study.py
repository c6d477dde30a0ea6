"""The study a command line names: a file, or standard input."""

import sys
from pathlib import Path

from equipoise.knowledge.study_file import read_study, with_knowledge
from equipoise.spec.read import study_from_bytes
from equipoise.spec.study import Study


def named_study(name: str) -> Study:
    """The study in the file `name`; `-` is standard input."""
    if name == "-":
        return with_knowledge(study_from_bytes(sys.stdin.buffer.read(), "standard input"), Path())
    return read_study(name)
