"""One simulated database, small enough to be made once for all tests that only read it."""

from pathlib import Path

import pytest

from equipoise.simulate.register import write_simulated_database

PERSONS = 12_000


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_simulated_database(folder, persons=PERSONS, seed=3)
    return folder
