"""The examples in the docstrings of the data floor run and give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import equipoise

FOLDER = Path(equipoise.__file__).parent / "data"
MODULES = [path.stem for path in sorted(FOLDER.glob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = import_module(f"equipoise.data.{name}")
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0
