"""Settings for every test: generated examples are the same in each run and may take as long as compiling a kernel."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("equipoise", deadline=None, derandomize=True)
settings.load_profile("equipoise")

TOGETHER = "tests/reference/"  # these tests record what they compare, and the last one looks at the record


class ByModule(LoadScopeScheduling):
    """Tests of one module run in one process, with its fixtures; so do all reference tests."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """The schedule of several processes."""
    return ByModule(config, log)
