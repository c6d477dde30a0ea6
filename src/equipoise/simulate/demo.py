"""What `equipoise demo` runs: a study of psychotropic drugs and ALS, and the simulated database it asks."""

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.simulate.mechanism import TRUTH
from equipoise.simulate.register import check_arguments, describe, write_simulated_database
from equipoise.simulate.tables import SCHEMAS
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
    """Write the database of the demo into a folder, or leave it alone where it is already there, complete.

    Leaving it alone keeps its modification times, by which a second run knows that nothing has changed. `progress` is
    told the name of each table before it is written. Errors are those of `write_simulated_database`.
    """
    check_arguments(DEMO_PERSONS, seed)
    if not _is_there(Path(directory), describe(DEMO_PERSONS, seed, TRUTH)):
        write_simulated_database(directory, persons=DEMO_PERSONS, seed=seed, progress=progress)


def _is_there(directory: Path, description: str) -> bool:
    if not all((directory / f"{table}.parquet").is_file() for table in SCHEMAS):
        return False
    try:
        source = pq.read_table(directory / "cdm_source.parquet", columns=["source_description"])
    except (OSError, pa.ArrowException):
        return False
    return source.column(0).to_pylist() == [description]
