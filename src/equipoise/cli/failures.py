"""From exceptions to messages and exit codes. No message holds a value of a person."""

import errno
import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from equipoise.cli.output import tell, warn
from equipoise.errors import EquipoiseError, Fault, OutputError
from equipoise.runner.failures import origin

INTERNAL, INTERRUPTED = 70, 130
RESUMES = "a run that is started again resumes where it stopped"
STOPS = (signal.SIGINT, signal.SIGTERM)
PLACE_TROUBLE = {
    errno.ENOSPC,
    errno.EFBIG,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


class _Interrupt:
    """Remembers Ctrl-C, because libraries turn the exception it raises into others."""

    seen = False

    def __call__(self, number: int, frame: FrameType | None) -> NoReturn:
        self.seen = True
        raise KeyboardInterrupt


def guarded(work: Callable[[], int], resumes: bool = True) -> int:
    """Do `work`; say what went wrong, if something did, and return the exit code.

    `resumes` is whether the same command, given again, goes on where it was interrupted.
    """
    with _listening() as interrupt:
        try:
            return work()
        except (Exception, KeyboardInterrupt) as error:
            if interrupt.seen or isinstance(error, KeyboardInterrupt):
                tell("interrupted; " + (RESUMES if resumes else "nothing that looks complete is left behind"))
                return INTERRUPTED
            return _failed(error)


@contextmanager
def _listening() -> Iterator[_Interrupt]:
    """Ctrl-C is remembered and warnings are one line each, for as long as a command runs."""
    interrupt, show = _Interrupt(), warnings.showwarning
    main_thread = threading.current_thread() is threading.main_thread()
    # SIGTERM is what batch systems and containers send: the same clean end as Ctrl-C.
    before = {kind: signal.signal(kind, interrupt) for kind in STOPS} if main_thread else {}
    warnings.showwarning = _one_line_warning
    try:
        yield interrupt
    finally:
        warnings.showwarning = show
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _failed(error: BaseException) -> int:
    if isinstance(error, OSError) and error.errno in PLACE_TROUBLE:
        error = OutputError(_place_fault(error))
    if isinstance(error, EquipoiseError) and error.exit_code != INTERNAL:
        tell(message(error))
        return error.exit_code
    if isinstance(error, MemoryError):
        tell("error: out of memory; --memory-limit and --threads bound what the database engine takes")
        return INTERNAL
    _internal(error)
    return INTERNAL


def message(error: EquipoiseError) -> str:
    """Every fault of an error, one below the other."""
    n = len(error.faults)
    head = "error:" if n == 1 else f"error: {n} faults"
    return "\n".join([head, *(_lines(fault) for fault in error.faults)])


def _lines(fault: Fault) -> str:
    parts = (("found", fault.found), ("allowed", fault.allowed), ("to do", fault.remedy))
    return "\n".join([f"  {fault.where}", *(f"    {name:8} {text}" for name, text in parts if text)])


def _place_fault(error: OSError) -> Fault:
    where = str(error.filename) if error.filename else "a file of this run"
    return Fault(where, (error.strerror or "cannot be used").lower(), "a place that can be read and written")


def _internal(error: BaseException) -> None:
    """One line. The text of an unforeseen exception may quote data, so only its kind and place are shown."""
    frame = origin(error)
    at = f" at {_short(frame.filename)}:{frame.lineno}" if frame else ""
    kind = type(error).__name__
    tell(f"internal error: {kind}{at}; this is a defect of Equipoise: please report this line and the command")
    if os.environ.get("EQUIPOISE_DEBUG") == "1":
        tell(_trace(error))


def _trace(error: BaseException) -> str:
    """Where each exception of the chain came from, innermost last, without its text."""
    lines = []
    cause = error.__cause__ or error.__context__
    if cause is not None:
        lines += [_trace(cause), "which led to"]
    lines += [_frame(frame) for frame in traceback.extract_tb(error.__traceback__)]
    return "\n".join([*lines, f"  {type(error).__module__}.{type(error).__qualname__}"])


def _frame(frame: traceback.FrameSummary) -> str:
    return f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line or ''}"


def _short(filename: str) -> str:
    """A path of a module without the machine's part."""
    parts = Path(filename).parts
    for root in ("site-packages", "src"):
        if root in parts:
            return "/".join(parts[parts.index(root) + 1 :])
    return Path(filename).name


def _one_line_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Warnings that are meant for the user; those that libraries address to programmers are left out."""
    if category is UserWarning:
        warn(str(message))
