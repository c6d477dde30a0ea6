"""Several tasks on rows of several sizes, every program that can do them, one table of times and ratios.

The rows of a size are made once. A program gets the folder and the task as its last arguments. It is not asked for a
larger size once it failed, or where even time in proportion to size would be twice the limit.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness import LIMIT_GIB, LIMIT_SECONDS, Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
OURS = "Equipoise"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a benchmark file compares.

    population  script in `rivals` that writes the rows: FOLDER N
    commands    from a task to the command of every program that can do it, ours first
    answer      heading of the last column, and how a program's output is written there
    columns     from a task to the number of columns of eight bytes that it must read
    """

    population: str
    tasks: Sequence[str]
    sizes: Sequence[int]
    commands: Callable[[str], dict[str, tuple[str, ...]]]
    answer: tuple[str, Callable[[dict[str, Any]], str]]
    columns: Callable[[str], int]


def main(comparison: Comparison, description: str | None) -> None:
    """Read the command line, run, and print the table as it grows."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=comparison.tasks, choices=comparison.tasks)
    parser.add_argument("--sizes", type=int, nargs="+", default=comparison.sizes, metavar="N")
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    options = parser.parse_args()
    print(f"One core reads {_bandwidth() / 1e9:.0f} GB/s; `memory` is how long reading the columns once would take")
    print(f"| task | rows | program | time | to {OURS} | peak memory | memory | {comparison.answer[0]} |")
    print("|---|---|---|---|---|---|---|---|")
    _run(comparison, list(options.tasks), sorted(options.sizes), options.limit_seconds)


def _run(comparison: Comparison, tasks: list[str], sizes: list[int], limit_seconds: float) -> None:
    past: dict[tuple[str, str], dict[int, Measurement]] = {}
    limits = {"limit_seconds": limit_seconds, "limit_gib": LIMIT_GIB}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = measure([sys.executable, str(RIVALS / comparison.population), folder, str(n)])
            if made.failure:
                raise SystemExit(f"the rows could not be made: {made.failure}")
            for task in tasks:
                for name, command in comparison.commands(task).items():
                    before = past.setdefault((task, name), {})
                    if _may_end(before, n, limit_seconds):
                        before[n] = best_of(3 if name == OURS else 1, [*command, folder, task], **limits)
                        took, ours = before[n], past[(task, OURS)].get(n)
                        least = 8.0 * n * comparison.columns(task) / _bandwidth()
                        words = _words(took, ours, least, comparison.answer[1])
                        print(f"| {task} | {n:,} | {name} | {words} |", flush=True)


def _may_end(past: dict[int, Measurement], n: int, limit_seconds: float) -> bool:
    """Whether a program is worth asking, from what it took for fewer rows."""
    return not any(taken.failure or taken.seconds * n / size > 2 * limit_seconds for size, taken in past.items())


@cache
def _bandwidth() -> float:
    """Bytes a second."""
    return float(measure([sys.executable, str(RIVALS / "memory_bandwidth.py")]).output["bytes_a_second"])


def _words(now: Measurement, ours: Measurement | None, least: float, answer: Callable[[dict[str, Any]], str]) -> str:
    if now.failure:
        return f"{now.failure} |  | {now.peak_mib:,.0f} MiB |  | "
    ratio = "" if not ours or ours.failure else f"{now.seconds / ours.seconds:,.1f} x"
    share = f"{100 * least / now.seconds:.1f} %"
    return f"{now.seconds:.3f} s | {ratio} | {now.peak_mib:,.0f} MiB | {share} | {answer(now.output)}"
