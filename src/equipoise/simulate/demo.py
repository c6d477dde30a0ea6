"""What `equipoise demo` runs: a study of psychotropic drugs and ALS, and the simulated database it asks."""

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from equipoise.simulate.register import write_simulated_database
from equipoise.spec.read import read_study
from equipoise.spec.study import Study

DEMO_PERSONS = 60_000
DEMO_SEED = 7


def demo_study() -> Study:
    """The study, read from the file that comes with the package.

    >>> demo_study().id
    'psychotropic-drugs-and-als'
    """
    with as_file(files("equipoise.simulate") / "demo-study.toml") as path:
        return read_study(path)


def demo_database(directory: str | Path, seed: int = DEMO_SEED, progress: Callable[[str], None] | None = None) -> None:
    """Write the database of the demonstration into a folder: see `write_simulated_database`, also for errors."""
    write_simulated_database(directory, persons=DEMO_PERSONS, seed=seed, progress=progress)
