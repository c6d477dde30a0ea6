"""Propensity-score matching 1:1 within 0.2 SD beside MatchIt, each in a process of its own.

Run: python benchmarks/matching.py [PERSONS …]     (default 10,000, 100,000 and 1,000,000)

Prints seconds, peak memory, how many times longer than Equipoise, and whether pairs are the same ones. MatchIt 4.5.1 to
4.5.3 cut distances to whole numbers where they were built with the integer `abs`: such a MatchIt agrees with the
convention "matchit-4.5.1", a later one with "nearest". MatchIt is left out above 100,000 persons.
"""

import math
import shutil
import sys
import tempfile
from pathlib import Path

from harness import Measurement, best_of, measure

RIVALS = Path(__file__).parent / "rivals"
SIZES = (10_000, 100_000, 1_000_000)
LARGEST_FOR_R, SEED = 100_000, 20260101
OURS = "equipoise, largest first"


def commands(folder: str, persons: int) -> dict[str, list[str]]:
    ours = [sys.executable, str(RIVALS / "matching_equipoise.py"), folder]
    found = {
        OURS: [*ours, "largest", "nearest"],
        "equipoise, closest first": [*ours, "closest", "nearest"],
        "equipoise, as 4.5.1": [*ours, "largest", "matchit-4.5.1"],
    }
    rscript = shutil.which("Rscript")
    if rscript and persons <= LARGEST_FOR_R:
        found["MatchIt"] = [rscript, str(RIVALS / "matching_matchit.R"), folder]
    return found


def run_size(persons: int) -> dict[str, Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        measure([sys.executable, str(RIVALS / "matching_population.py"), folder, str(persons), str(SEED)])
        return {name: best_of(1, command) for name, command in commands(folder, persons).items()}


def report(persons: int, results: dict[str, Measurement]) -> None:
    print(f"\n{persons:,} persons")
    print(f"{'':26} {'seconds':>9} {'peak MiB':>9} {'times ours':>11} {'pairs':>9}  same pairs as")
    for name, found in results.items():
        if found.failure:
            print(f"{name:26} {found.failure}")
            continue
        same = [other for other, theirs in results.items() if other != name and agree(found, theirs)]
        ratio = found.seconds / results[OURS].seconds
        print(
            f"{name:26} {found.seconds:9.4f} {found.peak_mib:9,.0f} {ratio:11.1f} {found.output['pairs']:9,}  "
            f"{'; '.join(same) or '-'}"
        )
    first = results[OURS].output.get("first_fit", math.nan)
    print(f"first matching of a process, kernels loaded from disk or compiled: {first:.2f} s")


def agree(one: Measurement, other: Measurement) -> bool:
    """Whether numbers and digests (the sum of products of both rows) of pairs are equal."""
    keys = ("pairs", "digest")
    return not other.failure and all(one.output[key] == other.output[key] for key in keys)


if __name__ == "__main__":
    for size in [int(text.replace(",", "")) for text in sys.argv[1:]] or list(SIZES):
        report(size, run_size(size))
