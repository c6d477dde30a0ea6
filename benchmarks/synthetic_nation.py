"""How long a synthetic nation takes, how much memory, and how both grow with its size. There is no rival.

Run: python benchmarks/synthetic_nation.py [--sizes PERSONS …] [--workers N]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from harness import measure

WRITER = Path(__file__).parent / "rivals" / "synthetic_nation_equipoise.py"
SIZES = (100_000, 1_000_000, 10_000_000)


def run(sizes: list[int], workers: int) -> None:
    print(f"{'persons':>12} {'seconds':>9} {'persons/s':>10} {'peak MiB':>9} {'dispensings':>12} {'GiB on disk':>12}")
    for persons in sizes:
        with tempfile.TemporaryDirectory() as folder:
            found = measure([sys.executable, str(WRITER), f"{folder}/nation", str(persons), str(workers)], 7200.0)
        if found.failure:
            print(f"{persons:12,} {found.failure}")
            return
        speed, disk = persons / found.seconds, found.output["bytes"] / 2**30
        rows = found.output["dispensings"]
        print(f"{persons:12,} {found.seconds:9.1f} {speed:10,.0f} {found.peak_mib:9,.0f} {rows:12,} {disk:12.2f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    run(given.sizes, given.workers)
