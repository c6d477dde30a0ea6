"""The private store of intermediates: person-level, outside the results folder, shared by all runs.

An artefact is a folder named by the key of its step. It is written under a temporary name and renamed when complete,
so that an interrupted run leaves nothing that could be taken for finished work.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from equipoise.errors import Fault, OutputError
from equipoise.runner.artifact import Artifact

MARKER = ".equipoise-store"


def default_place() -> Path:
    """`$EQUIPOISE_STORE`, else the user's cache folder."""
    named = os.environ.get("EQUIPOISE_STORE")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(cache) / "equipoise"


class Shelf(Protocol):
    """Where artefacts are kept by key."""

    def digest(self, key: str) -> str | None: ...
    def load(self, key: str) -> Artifact: ...
    def keep(self, key: str, artifact: Artifact) -> str: ...


class MemoryShelf:
    """Artefacts for the length of a process; nothing touches the disk."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Artifact]] = {}

    def digest(self, key: str) -> str | None:
        return self._kept[key][0] if key in self._kept else None

    def load(self, key: str) -> Artifact:
        return self._kept[key][1]

    def keep(self, key: str, artifact: Artifact) -> str:
        self._kept[key] = (artifact.digest(), artifact)
        return self._kept[key][0]


class Store:
    """Artefacts on disk, mode 0700, by default in the user's cache folder.

    >>> import tempfile
    >>> store = Store(tempfile.mkdtemp())
    >>> store.size()
    0
    """

    def __init__(self, place: str | Path | None = None):
        self.place = Path(place) if place is not None else default_place()
        # Key, digest and names of arrays of artefacts that were read back and found whole.
        self._sound: set[tuple[str, str | None, tuple[str, ...]]] = set()

    def digest(self, key: str) -> str | None:
        """The content digest of the artefact under `key`, or None where there is none."""
        try:
            return (self._folder(key) / "digest").read_text() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._trouble(error) from None

    def load(self, key: str) -> Artifact:
        """The artefact under `key`, arrays mapped from disk.

        One that is not what was kept, or is gone, is removed and an `OutputError`: the next run makes it anew. That it
        is whole is checked when it is first loaded: hashing the people of a nation takes longer than many a step.
        """
        folder, kept = self._folder(key), self.digest(key)
        try:
            arrays = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
            found = Artifact(arrays, json.loads((folder / "values.json").read_text()))
            seen = (key, kept, tuple(arrays))
            if seen in self._sound or found.digest() == kept:
                self._sound.add(seen)
                return found
        except (OSError, ValueError):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        fault = Fault(f"store {self.place}", "an artefact is damaged or was removed", remedy="start the run again")
        raise OutputError(fault)

    def keep(self, key: str, artifact: Artifact) -> str:
        """Write an artefact under `key`; returns its digest. `OutputError` where the store cannot be written."""
        digest = artifact.digest()
        with self._writing():
            self.prepare()
            unfinished = Path(tempfile.mkdtemp(dir=self._objects, prefix="unfinished-"))
            try:
                for name, array in artifact.arrays.items():
                    np.save(unfinished / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
                (unfinished / "values.json").write_text(json.dumps(artifact.values, sort_keys=True))
                (unfinished / "digest").write_text(digest)
                self._put(unfinished, self._folder(key))
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return digest

    def clear(self) -> int:
        """Remove every artefact; returns how many bytes were freed. Refuses a folder that is not a store."""
        if not self.place.exists():
            return 0
        freed = self.size()
        with self._writing():
            self.prepare()
            if self._objects.exists():
                shutil.rmtree(self._objects)
        return freed

    def size(self) -> int:
        """Bytes held by artefacts."""
        return sum(path.stat().st_size for path in self._objects.rglob("*") if path.is_file())

    @property
    def _objects(self) -> Path:
        return self.place / "artefacts"

    def _folder(self, key: str) -> Path:
        return self._objects / key

    def prepare(self) -> None:
        """Make the store, or recognise it. A folder that holds anything else is refused with `OutputError`."""
        with self._writing():
            if not self.place.exists():
                self.place.mkdir(parents=True, mode=0o700)
            marker = self.place / MARKER
            if not marker.exists() and any(self.place.iterdir()):
                found = "a folder that holds something other than a store"
                raise OutputError(Fault(f"store {self.place}", found, "a new or empty folder, or a store"))
            marker.touch(mode=0o600)
            self._objects.mkdir(exist_ok=True, mode=0o700)

    @staticmethod
    def _put(unfinished: Path, folder: Path) -> None:
        if (folder / "digest").exists():
            return  # another run finished the same step first
        shutil.rmtree(folder, ignore_errors=True)
        try:
            unfinished.rename(folder)
        except OSError:
            if not (folder / "digest").exists():
                raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._trouble(error) from None

    def _trouble(self, error: OSError) -> OutputError:
        return OutputError(
            Fault(
                f"store {self.place}",
                f"cannot be used: {error.strerror or type(error).__name__}",
                "a folder of yours with room for the intermediates of a run",
                "free some space, run `equipoise store clear`, or name another place with --store",
            )
        )
