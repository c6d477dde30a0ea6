"""One small enriched nation, made once for all tests that only read it; nobody in it goes abroad for a while."""

from pathlib import Path

import pytest

from equipoise.simulate.nation_spec import parse_nation
from equipoise.simulate.write_nation import write_nation


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation")
    write_nation(folder, parse_nation({"population": {"stays_abroad": 0.0}}), persons=15_000, seed=3, multiplier=60.0)
    return folder
