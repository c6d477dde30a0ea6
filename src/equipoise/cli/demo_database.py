"""The database of the demonstration: simulated once, kept beside the intermediates, never among the results."""

import shutil
import tempfile
from pathlib import Path

from equipoise.cli.output import tell
from equipoise.runner.code_hash import code_hash
from equipoise.runner.store import Store
from equipoise.simulate.demo import demo_database


def demo_place(store: Store) -> Path:
    """The folder that holds demonstration databases."""
    return store.place / "demo"


def kept_demo(store: Store) -> Path:
    """The folder of the demonstration database, made if this version of Equipoise has not made it before."""
    store.prepare()
    folder = demo_place(store) / code_hash("equipoise.simulate.demo")[:16]
    if not folder.exists():
        tell("simulating a small database for the demonstration")
        _make(folder)
    return folder


def _make(folder: Path) -> None:
    """Make the database under another name and rename it when complete."""
    folder.parent.mkdir(exist_ok=True, mode=0o700)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unfinished-"))
    try:
        demo_database(unfinished)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.exists():  # else another run made it first
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_demo(store: Store) -> None:
    """Remove every demonstration database of a store."""
    if demo_place(store).exists():
        store.prepare()
        shutil.rmtree(demo_place(store))
