"""Runs one rival in one process of its own and reports its time, its peak memory and its answer.

The child does its set-up untimed, times the work itself and prints one JSON object as its last line of output, with at
least `seconds`. So neither start-up nor the making of data is counted, while peak memory is that of the whole process.

This module imports nothing heavy on purpose: on Linux a child's recorded peak starts at the size of its parent.
"""

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GIB = 1024**3
LIMIT_SECONDS = 600.0
LIMIT_GIB = 16.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one process took. `seconds` is the work timed inside it, nan where it did not finish; `failure` says why."""

    seconds: float
    peak_mib: float
    output: dict[str, Any]
    failure: str = ""


def measure(
    command: list[str], limit_seconds: float = LIMIT_SECONDS, limit_gib: float | None = LIMIT_GIB
) -> Measurement:
    """Run `command` to its end or to a limit of time (s) or address space (GiB; None for no limit)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=_limited(limit_gib))
        status, usage, overdue = _wait(child.pid, limit_seconds)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        answer = _last_object(out.read().decode(errors="replace"))
        failure = _failure(overdue, child.returncode, answer, err.read().decode(errors="replace"))
    seconds = float(answer.get("seconds", "nan")) if not failure else float("nan")
    return Measurement(seconds, usage.ru_maxrss / 1024, answer, failure)


def best_of(repeats: int, command: list[str], **limits: Any) -> Measurement:
    """The fastest of several runs: other work on the machine only ever adds time."""
    runs = [measure(command, **limits) for _ in range(repeats)]
    done = [run for run in runs if not run.failure]
    return min(done, key=lambda run: run.seconds) if done else runs[0]


def _limited(limit_gib: float | None) -> Callable[[], None] | None:
    if limit_gib is None:
        return None
    size = int(limit_gib * GIB)
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _wait(pid: int, limit_seconds: float) -> tuple[int, resource.struct_rusage, bool]:
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage, False
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return status, usage, True


def _last_object(text: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line.startswith("{")]
    try:
        return json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}


def _failure(overdue: bool, code: int, answer: dict[str, Any], errors: str) -> str:
    if overdue:
        return "out of time"
    if code == 0 and "seconds" in answer:
        return ""
    lines = [line for line in errors.splitlines() if line.strip()]
    return f"exit {code}: {lines[-1][:200]}" if lines else f"exit {code}"
