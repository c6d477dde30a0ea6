"""The examples in the docstrings of this part run and give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import equipoise

FOLDER = Path(equipoise.__file__).parent / "diagnostics"
MODULES = [path.stem for path in sorted(FOLDER.glob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore::equipoise.MatchingWarning")  # few persons, far apart
def test_examples(name: str) -> None:
    found = doctest.testmod(import_module(f"equipoise.diagnostics.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
