"""A synthetic nation as a database: blocks drawn side by side, written in their order, and the truth beside them."""

import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from equipoise import __version__
from equipoise.errors import DesignError, Fault, OutputError, UnsupportedError
from equipoise.simulate.block import Place
from equipoise.simulate.cdm import cdm_tables
from equipoise.simulate.cdm_reference import label, reference_tables
from equipoise.simulate.cdm_rows import SCHEMAS
from equipoise.simulate.nation import draw_block
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.truth_tables import TRUTHS, truth_tables
from equipoise.simulate.views import register_view
from equipoise.simulate.writer import PART, ParquetFolder, said_plainly

BLOCK_PERSONS = 20_000
MOST_PERSONS = 100_000_000
MOST_SEED = 2**63 - 1
MOST_MULTIPLIER = 1_000.0
REGISTER, TRUTH, DUCKDB = "", "truth", ".duckdb"
PARAMETERS = "nation.json"
DUCKDB_MEMORY = "4GB"
AHEAD = 2  # blocks that may be finished before their turn to be written

Drawn = dict[str, dict[str, pa.Table]]  # rows of tables, by the folder they belong to inside that of the nation


def write_nation(
    directory: str | Path,
    spec: NationSpec | None = None,
    *,
    persons: int = 1_000_000,
    seed: int = 7,
    multiplier: float = 1.0,
    views: Collection[str] = ("register",),
    form: str = "omop",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Simulate a nation of `persons` (ever under observation) and write it as an OMOP CDM 5.4 database with its truth.

    `directory` is a folder, made if need be, for one Parquet file a table and the folder `truth`; files of an earlier
    nation in it are replaced. A name that ends in `.duckdb` makes a DuckDB file with equal rows and the truth in a
    folder `NAME.truth` beside it. `multiplier` enriches the nation with ALS. `workers` threads draw blocks (default:
    all cores); the bytes do not depend on their number. `progress` is told how many blocks of how many are written.

    The same arguments give the same bytes of Parquet on one platform with the same versions of NumPy and PyArrow.
    Memory does not grow with the number of persons, time grows in proportion. What is interrupted leaves no table.

    Raises `DesignError` for arguments that cannot be used, `UnsupportedError` for views and forms that are not
    offered, `OutputError` for a place that cannot be written or holds other files.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_nation(folder, persons=100, seed=1)
    ...     (Path(folder) / "person.parquet").exists()
    True
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    _check(persons, seed, multiplier, views, form, workers)
    place, nation = Path(directory), spec or NationSpec()
    drawn = _Nation(nation, persons, seed, float(multiplier), workers)
    with said_plainly(place):
        if place.suffix == DUCKDB:
            _write_duckdb(place, drawn, progress)
        else:
            _made(place)
            _write_folder(place, drawn, progress)


def truth_place(directory: str | Path) -> Path:
    """The folder of the truth of a nation written to `directory`.

    >>> truth_place("nation.duckdb").as_posix(), truth_place("nation").as_posix()
    ('nation.truth', 'nation/truth')
    """
    place = Path(directory)
    return place.with_suffix(".truth") if place.suffix == DUCKDB else place / TRUTH


class _Nation:
    """What is drawn."""

    databases = (REGISTER,)  # folders with a database each

    def __init__(self, spec: NationSpec, persons: int, seed: int, multiplier: float, workers: int):
        self.spec, self.persons, self.seed = spec, persons, seed
        self.multiplier, self.workers = multiplier, workers
        self.blocks = -(-persons // BLOCK_PERSONS)

    def block(self, number: int) -> Drawn:
        first = number * BLOCK_PERSONS
        place = Place(self.seed, number, first + 1, min(BLOCK_PERSONS, self.persons - first))
        block = draw_block(self.spec, place, self.multiplier)
        return {REGISTER: cdm_tables(register_view(block)), TRUTH: truth_tables(block)}

    def in_order(self) -> Generator[Drawn, None, None]:
        """Blocks in their order, drawn side by side, few of them ahead of the one that is waited for."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="nation")
        waiting: deque[Future[Drawn]] = deque()
        try:
            for number in range(self.blocks):
                waiting.append(pool.submit(self.block, number))
                if len(waiting) >= self.workers + AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def label(self) -> pa.Table:
        return label(self.persons, self.seed, self.multiplier)

    def parameters(self) -> str:
        values: dict[str, Any] = {
            "equipoise": __version__,
            "seed": self.seed,
            "persons": self.persons,
            "als_incidence_multiplier": self.multiplier,
            "nation": self.spec.model_dump(mode="json"),
        }
        return json.dumps(values, indent=2) + "\n"


def _check(persons: int, seed: int, multiplier: float, views: Collection[str], form: str, workers: int) -> None:
    limits = {
        "persons": (persons, 1, MOST_PERSONS),
        "seed": (seed, 0, MOST_SEED),
        "workers": (workers, 1, 1024),
    }
    faults = [
        Fault(name, repr(value), f"a whole number from {least} to {most}")
        for name, (value, least, most) in limits.items()
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most
    ]
    if not isinstance(multiplier, int | float) or not 0 < multiplier <= MOST_MULTIPLIER:
        faults.append(Fault("multiplier", repr(multiplier), f"a number above 0 and at most {MOST_MULTIPLIER:g}"))
    if faults:
        raise DesignError(faults)
    offered = [Fault("views", view, "register") for view in views if view != "register"]
    offered += [Fault("form", form, "omop")] if form != "omop" else []
    offered += [] if views else [Fault("views", "none", "register")]
    if offered:
        raise UnsupportedError(offered)


def _made(folder: Path) -> None:
    """Make the folder if need be; take away an earlier nation, its label first.

    Tables without the parameters of a nation beside them are somebody's database, which is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = _entries(folder)
    tables = [path for path in found if path.name in {f"{table}.parquet" for table in SCHEMAS}]
    foreign = [path for path in found if path not in tables and path.suffix != PART and path.name != TRUTH]
    if (folder / TRUTH).is_dir():
        hidden = {*(f"{table}.parquet" for table in TRUTHS), PARAMETERS}
        foreign += [path for path in _entries(folder / TRUTH) if path.name not in hidden and path.suffix != PART]
    if tables and not (folder / TRUTH / PARAMETERS).exists():
        foreign += tables
    if foreign:
        found_there = f"holds other files or folders ({len(foreign)})"
        raise OutputError(Fault(str(folder), found_there, "an empty or a new folder, or one with a nation"))
    (folder / "cdm_source.parquet").unlink(missing_ok=True)
    for path in found:
        if path.name != TRUTH:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder / TRUTH, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _write_folder(folder: Path, nation: _Nation, progress: Callable[[int, int], None] | None) -> None:
    """Every folder of the nation; the label of each database is written when everything else is there."""
    open_folders = {name: ParquetFolder(folder / name) for name in (TRUTH, *nation.databases)}
    labels = [ParquetFolder(folder / name) for name in nation.databases]
    try:
        for name in open_folders:
            (folder / name).mkdir(exist_ok=True)
        for name in nation.databases:
            open_folders[name].add(reference_tables(nation.spec))
        with closing(nation.in_order()) as blocks:
            for done, drawn in enumerate(blocks, start=1):
                for name, tables in drawn.items():
                    open_folders[name].add(tables)
                if progress:
                    progress(done, nation.blocks)
        (folder / TRUTH / PARAMETERS).write_text(nation.parameters(), encoding="utf-8")
        for each in open_folders.values():
            each.finish()
        for last in labels:
            last.add({"cdm_source": nation.label()})
            last.finish()
    except BaseException:
        for each in (*open_folders.values(), *labels):
            each.abandon()
        with suppress(OSError):
            (folder / TRUTH).rmdir()
        raise


def _write_duckdb(path: Path, nation: _Nation, progress: Callable[[int, int], None] | None) -> None:
    """The tables of a folder beside the file, copied one by one into a database that gets its name when complete."""
    truth = truth_place(path)
    if path.exists() or truth.exists():
        raise OutputError(Fault(str(path), "is there already, or its truth is", "a new name", "remove it first"))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=path.parent, prefix=".unfinished-"))
    try:
        _write_folder(unfinished, nation, progress)
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": nation.workers,
            "memory_limit": DUCKDB_MEMORY,
            "temp_directory": str(unfinished / "temp"),
        }
        with closing(duckdb.connect(str(unfinished / "nation.duckdb"), config=settings)) as database:
            for table in SCHEMAS:
                file = str(unfinished / f"{table}.parquet")
                database.execute(f"create table {table} as select * from read_parquet(?)", [file])
        os.replace(unfinished / TRUTH, truth)
        os.replace(unfinished / "nation.duckdb", path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
