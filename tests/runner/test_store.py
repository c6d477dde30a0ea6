"""The private store: whole artefacts or none, readable by their owner alone."""

import errno
import stat
from pathlib import Path

import numpy as np
import pytest

from equipoise.errors import OutputError
from equipoise.runner.artifact import Artifact
from equipoise.runner.store import Store

SOME = Artifact({"day": np.arange(5, dtype=np.int32)}, {"note": "five days"})


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.digest("k") is None
    assert store.keep("k", SOME) == store.digest("k") == SOME.digest()
    back = store.load("k")
    np.testing.assert_array_equal(back["day"], SOME["day"])
    assert back.values == SOME.values


def test_the_store_is_private(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.keep("k", SOME)
    assert stat.S_IMODE(store.place.stat().st_mode) == 0o700


def test_digests_tell_types_shapes_names_and_values_apart() -> None:
    variants = [
        SOME,
        Artifact({"day": np.arange(5, dtype=np.int64)}, SOME.values),
        Artifact({"days": np.arange(5, dtype=np.int32)}, SOME.values),
        Artifact({"day": np.arange(5, dtype=np.int32).reshape(5, 1)}, SOME.values),
        Artifact({"day": np.arange(5, dtype=np.int32)}, {"note": "six days"}),
        Artifact({"day": np.zeros(0, dtype=np.int32)}),
    ]
    assert len({variant.digest() for variant in variants}) == len(variants)


def test_an_unfinished_artefact_is_no_artefact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.keep("k", SOME)
    assert store.digest("k") is None
    assert store.size() == 0, "nothing is left behind"
    store.keep("k", SOME)
    assert store.digest("k") == SOME.digest()


def test_a_full_disk_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputError, match=r"No space left on device.*equipoise store clear"):
        Store(tmp_path / "store").keep("k", SOME)


def test_clearing_frees_what_the_store_held(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.keep("k", SOME)
    held = store.size()
    assert held > 0
    assert store.clear() == held
    assert store.size() == 0
    assert store.digest("k") is None


def test_a_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be used"):
        Store(tmp_path / "store").keep("k", SOME)
