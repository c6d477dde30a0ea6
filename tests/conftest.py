"""Settings for every test: generated examples are the same in each run and may take as long as compiling a kernel."""

import pytest
from hypothesis import settings

settings.register_profile("equipoise", deadline=None, derandomize=True)
settings.load_profile("equipoise")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a module share a process and its fixtures; all reference tests do: they record what they compare."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group("reference" if folder == "reference" else str(item.path)))
