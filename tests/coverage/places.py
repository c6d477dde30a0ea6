"""Where simulated nations are kept while tests use them."""

import os
from pathlib import Path

import pytest

KEPT = "EQUIPOISE_COVERAGE"


def kept_at(name: str, temporary: pytest.TempPathFactory) -> Path:
    """A folder in the one that the environment variable names, whose finished nations are read, or a temporary one."""
    place = os.environ.get(KEPT)
    return Path(place) / name if place else temporary.mktemp(name)
