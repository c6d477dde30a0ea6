"""What `equipoise demo` runs: a study of psychotropic drugs and ALS, and the small enriched nation it asks."""

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from equipoise.simulate.write_nation import write_nation
from equipoise.spec.read import read_study
from equipoise.spec.study import Study

DEMO_PERSONS = 120_000
DEMO_SEED = 7
DEMO_MULTIPLIER = 40.0  # so that a small nation holds well over 1,000 cases of ALS


def demo_study() -> Study:
    """The study, read from the file that comes with the package.

    >>> demo_study().id
    'psychotropic-drugs-and-als'
    """
    with as_file(files("equipoise.simulate") / "demo-study.toml") as path:
        return read_study(path)


def demo_database(
    directory: str | Path, seed: int = DEMO_SEED, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the nation of the demonstration into a folder: see `write_nation`, also for errors."""
    write_nation(directory, persons=DEMO_PERSONS, seed=seed, multiplier=DEMO_MULTIPLIER, progress=progress)
