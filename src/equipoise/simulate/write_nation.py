"""A synthetic nation as a database: blocks drawn side by side, written in their order, and the truth beside them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import numpy as np

from equipoise.errors import DesignError, Fault, OutputError, UnsupportedError
from equipoise.simulate.cdm_reference import reference_tables
from equipoise.simulate.cdm_rows import SCHEMAS
from equipoise.simulate.drawn_nation import (
    CATCHMENT,
    FORMS,
    NETWORK,
    OMOP,
    REGISTER,
    REGISTERS,
    TRUTH,
    VIEWS,
    DrawnNation,
)
from equipoise.simulate.nation_spec import NationSpec
from equipoise.simulate.register_tables import MAKERS, MAPPING, mapping_text
from equipoise.simulate.truth_tables import TRUTHS
from equipoise.simulate.writer import PART, ParquetFolder, said_plainly

MOST_PERSONS = 100_000_000
MOST_SEED = 2**63 - 1
MOST_MULTIPLIER = 1_000.0
DUCKDB = ".duckdb"
PARAMETERS = "nation.json"
DUCKDB_MEMORY = "4GB"
COPY = "copy.duckdb"


def write_nation(
    directory: str | Path,
    spec: NationSpec | None = None,
    *,
    persons: int = 1_000_000,
    seed: int = 7,
    multiplier: float = 1.0,
    views: Collection[str] = ("register",),
    form: str = OMOP,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Simulate a nation of `persons` (ever under observation) and write it as an OMOP CDM 5.4 database with its truth.

    `directory` is a folder, made if need be, for one Parquet file a table and the folder `truth`; files of an earlier
    nation in it are replaced. A name that ends in `.duckdb` makes a DuckDB file with equal rows and the truth in a
    folder `NAME.truth` beside it. `multiplier` enriches the nation with ALS. `workers` threads draw blocks (default:
    all cores); the bytes do not depend on their number. `progress` is told how many blocks are written, and how many
    are expected in all.

    The view `network` adds a database in the folder `network` (or `NAME.network.duckdb`): the same persons, with the
    same identifiers, as a network of hospitals records them, and persons of a further catchment outside the nation,
    until it holds as many patients as the parameter `network.riluzole_treated` says. `network/truth` is theirs.

    The form `registers` writes the same persons as tables like those of national registers instead, into a folder, with
    the mapping file `mapping.toml` by which `connect` reads them.

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
    place = Path(directory)
    _check(persons, seed, multiplier, workers)
    _check_offered(views, form, place.suffix)
    drawn = DrawnNation(spec or NationSpec(), persons, seed, float(multiplier), workers, frozenset(views), form)
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


def _check(persons: int, seed: int, multiplier: float, workers: int) -> None:
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


def _check_offered(views: Collection[str], form: str, suffix: str) -> None:
    offered = [Fault("views", view, " or ".join(VIEWS)) for view in views if view not in VIEWS]
    offered += [Fault("form", form, " or ".join(FORMS))] if form not in FORMS else []
    if form == REGISTERS and NETWORK in views:
        offered.append(
            Fault("views", "network in the form registers", "register", "write the network in the form omop")
        )
    if form == REGISTERS and suffix == DUCKDB:
        offered.append(Fault("form", "registers in a DuckDB file", "a folder", "name a folder"))
    offered += [] if views else [Fault("views", "none", " or ".join(VIEWS))]
    if offered:
        raise UnsupportedError(offered)


def _made(folder: Path) -> None:
    """Make the folder if need be; take away an earlier nation, its labels first.

    Tables without the parameters of a nation beside them are somebody's database, which is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nation = (folder / TRUTH / PARAMETERS).exists()
    tables = {*(f"{table}.parquet" for table in (*SCHEMAS, *MAKERS)), MAPPING} if nation else set()
    hidden = {*(f"{table}.parquet" for table in TRUTHS), PARAMETERS}
    own = {REGISTER: tables, NETWORK: tables, TRUTH: hidden, CATCHMENT: hidden}
    found = [path for inside in own for path in _entries(folder / inside)]
    folders = {folder / inside for inside in own}
    foreign = [
        path
        for inside, names in own.items()
        for path in _entries(folder / inside)
        if path not in folders and path.suffix != PART and path.name not in names
    ]
    if foreign:
        found_there = f"holds other files or folders ({len(foreign)})"
        raise OutputError(Fault(str(folder), found_there, "an empty or a new folder, or one with a nation"))
    for inside in (REGISTER, NETWORK):
        for label in ("cdm_source.parquet", MAPPING):
            (folder / inside / label).unlink(missing_ok=True)
    for path in found:
        if path not in folders:
            path.unlink(missing_ok=True)
    for inside in (TRUTH, NETWORK):
        shutil.rmtree(folder / inside, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []


def _write_folder(folder: Path, nation: DrawnNation, progress: Callable[[int, int], None] | None) -> None:
    """Every folder of the nation; the label of each database is written when everything else is there."""
    open_folders = {name: ParquetFolder(folder / name) for name in nation.folders}
    labels = [ParquetFolder(folder / name) for name in nation.databases]
    try:
        for name in open_folders:
            (folder / name).mkdir(exist_ok=True)
        for name in nation.databases if nation.form == OMOP else ():
            open_folders[name].add(reference_tables(nation.spec))
        with closing(nation.in_order()) as blocks:
            for done, (drawn, expected) in enumerate(blocks, start=1):
                for name, tables in drawn.tables.items():
                    open_folders[name].add(tables)
                if progress:
                    progress(done, expected)
        for name in (TRUTH, CATCHMENT):
            if name in open_folders:
                (folder / name / PARAMETERS).write_text(nation.parameters(name), encoding="utf-8")
        for each in open_folders.values():
            each.finish()
        for last in labels if nation.form == OMOP else ():
            last.add({"cdm_source": nation.label()})
            last.finish()
        if nation.form == REGISTERS:
            (folder / MAPPING).write_text(mapping_text(nation.spec), encoding="utf-8")
    except BaseException:
        for each in (*open_folders.values(), *labels):
            each.abandon()
        with suppress(OSError):
            for name in reversed(nation.folders):
                if name:
                    (folder / name).rmdir()
        raise


def _write_duckdb(path: Path, nation: DrawnNation, progress: Callable[[int, int], None] | None) -> None:
    """The tables of folders beside the file, copied one by one into databases that get their names when complete."""
    files = {folder: path.with_suffix(f".{folder}{DUCKDB}" if folder else DUCKDB) for folder in nation.databases}
    truths = {TRUTH: truth_place(path), CATCHMENT: truth_place(path.with_suffix(f".{NETWORK}{DUCKDB}"))}
    truths = {folder: place for folder, place in truths.items() if folder in nation.folders}
    for place in (*files.values(), *truths.values()):
        if place.exists():
            raise OutputError(Fault(str(place), "is there already", "a new name", "remove it first"))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=path.parent, prefix=".unfinished-"))
    try:
        _write_folder(unfinished, nation, progress)
        for folder in files:
            _copied(unfinished, folder, nation.workers)
        for folder, place in reversed(truths.items()):
            os.replace(unfinished / folder, place)
        for folder, place in files.items():
            os.replace(unfinished / folder / COPY, place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copied(unfinished: Path, folder: str, workers: int) -> None:
    """The Parquet tables of a folder in one DuckDB file beside them."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": workers,
        "memory_limit": DUCKDB_MEMORY,
        "temp_directory": str(unfinished / "temp"),
    }
    with closing(duckdb.connect(str(unfinished / folder / COPY), config=settings)) as database:
        for table in SCHEMAS:
            file = unfinished / folder / f"{table}.parquet"
            if file.exists():
                database.execute(f"create table {table} as select * from read_parquet(?)", [str(file)])
