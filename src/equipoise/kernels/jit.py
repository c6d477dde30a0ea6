"""How kernels are compiled: one decorator, one rule for where machine code is kept.

Purpose    `@compiled` turns a function of arrays and numbers into machine code when it is first called and keeps the
           result on disk, so that later processes load it instead of compiling again.
Place      the folder named by EQUIPOISE_KERNEL_CACHE (or NUMBA_CACHE_DIR); otherwise `__pycache__` beside the kernels;
           otherwise the user's cache folder. Where none can be written, kernels are compiled afresh in every process
           and one warning says so. Importing a kernel never fails because of the cache.
Freshness  the folder's name holds a digest of the kernel's source file, of the kernel files it imports and of the
           compiler's version. numba itself looks only at the file a function stands in, so a kernel that calls a
           changed kernel of another file would otherwise keep its old machine code.
Numbers    no parallel execution, and no reordering of floating-point operations except under `@compiled_sums`, which
           lets the compiler add the terms of a sum in another order (nothing else). Either way the same input gives
           the same bits on the same processor. Division by zero gives inf or nan, as in NumPy.
"""

import hashlib
import os
import pickle
import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

UNREADABLE = (OSError, EOFError, ImportError, AttributeError, pickle.UnpicklingError)  # a cache can fail in these ways
_KERNELS = Path(__file__).parent
_IMPORTED = re.compile(r"^(?:from|import) +equipoise\.kernels\.(\w+)", re.MULTILINE)
_NOT_KEPT = (
    "compiled kernels cannot be kept on disk ({why}), so every process compiles them again, which takes a few seconds; "
    "set EQUIPOISE_KERNEL_CACHE to a folder that can be written"
)


def compiled(kernel: Kernel) -> Kernel:
    """Compile `kernel` at its first call, once for each combination of argument types.

    Example:
        >>> from equipoise.kernels.jit import compiled
        >>> @compiled
        ... def total(values):
        ...     out = 0.0
        ...     for value in values:
        ...         out += value
        ...     return out
    """
    return _compiled(kernel, set())


def compiled_sums(kernel: Kernel) -> Kernel:
    """As `compiled`, for inner products: partial sums may be kept in several registers, about three times as fast.

    The order of addition is chosen at compilation and is as accurate as the written one.
    """
    return _compiled(kernel, {"reassoc", "contract"})


def _compiled(kernel: Kernel, freedoms: set[str]) -> Kernel:
    place = _cache_place(Path(kernel.__code__.co_filename), kernel.__module__)
    if place is None:
        return _compile(kernel, freedoms, keep=False)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(place)
    try:
        return _survive_full_disk(_compile(kernel, freedoms, keep=True))
    except (RuntimeError, OSError) as problem:
        _warn_once(type(problem).__name__)
        return _compile(kernel, freedoms, keep=False)
    finally:
        numba.config.CACHE_DIR = before


def _compile(kernel: Kernel, freedoms: set[str], keep: bool) -> Any:
    return numba.njit(kernel, cache=keep, error_model="numpy", nogil=True, fastmath=freedoms)


def _survive_full_disk(dispatcher: Any) -> Any:
    """Machine code that cannot be written, or read back, costs time and must not cost the answer."""
    store = getattr(dispatcher, "_cache", None)
    for name in ("save_overload", "load_overload"):
        if hasattr(store, name):
            setattr(store, name, _tolerant(getattr(store, name)))
    return dispatcher


def _tolerant(transfer: Callable[..., Any]) -> Callable[..., Any]:
    def attempt(*arguments: Any) -> Any:
        try:
            return transfer(*arguments)
        except UNREADABLE as problem:
            _warn_once(type(problem).__name__)
            return None

    return attempt


@cache
def _cache_place(source: Path, module: str) -> Path | None:
    """The folder for the machine code of one source file, or None where no folder can be written.

    The module's name is part of the folder's, for machine code can only be read back by a module of the same name, and
    a file may run under another one, as with `python -m doctest FILE`.
    """
    try:
        name = f"kernels-{_digest(source)}-{module}"
    except OSError:
        _warn_once("the source file cannot be read")
        return None
    for folder in _candidates():
        if _can_write(folder / name):
            return folder / name
    _warn_once("no folder can be written")
    return None


def _candidates() -> list[Path]:
    named = os.environ.get("EQUIPOISE_KERNEL_CACHE") or numba.config.CACHE_DIR
    if named:
        return [Path(named)]
    return [_KERNELS / "__pycache__", *_user_cache()]


def _user_cache() -> list[Path]:
    try:
        home = Path.home()
    except RuntimeError:  # no home folder, as for some service accounts
        return []
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return [base / "equipoise"]


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _digest(source: Path) -> str:
    """Digest of a kernel file, the kernel files it imports, and the compiler's version."""
    content = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_with_imports(source, set())):
        content.update(path.name.encode() + path.read_bytes())
    return content.hexdigest()[:16]


def _with_imports(source: Path, seen: set[Path]) -> set[Path]:
    if source not in seen:
        seen.add(source)
        for module in _IMPORTED.findall(source.read_text(encoding="utf-8")):
            _with_imports(_KERNELS / f"{module}.py", seen)
    return seen


@cache
def _warn_once(why: str) -> None:
    try:
        warnings.warn(_NOT_KEPT.format(why=why), RuntimeWarning, stacklevel=2)
    except RuntimeWarning:
        # With -W error a warning is an exception; an import must survive it, and stderr still tells the user.
        print(_NOT_KEPT.format(why=why), file=sys.stderr)
