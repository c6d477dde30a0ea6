"""The examples in the docstrings of this part run and give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import equipoise

FOLDER = Path(equipoise.__file__).parent / "bias"
MODULES = [path.stem for path in sorted(FOLDER.glob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(import_module(f"equipoise.bias.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
