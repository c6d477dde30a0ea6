"""Covariates at scale: from a database to a sparse matrix, then propensity scores and balance; each in a process.

Run: python benchmarks/covariates_at_scale.py [--persons N] [--concepts P] [--nonzeros Z]

Prints seconds of the covariates beside hand-written SQL, and of scores and balance; goal: under a minute together for
100,000 persons and 10,000 covariates.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from harness import best_of, measure

RIVALS, SEED = Path(__file__).parent / "rivals", 20260101


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("persons", 100_000), ("concepts", 10_000), ("nonzeros", 8_000_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    shape = [str(value) for value in (given.persons, given.concepts, given.nonzeros)]
    with tempfile.TemporaryDirectory() as folder:
        made = measure([sys.executable, str(RIVALS / "covariates_population.py"), folder, *shape, str(SEED)])
        if "Error" in made.failure:
            sys.exit(made.failure)
        for name in ("equipoise", "sql"):
            now = best_of(1, [sys.executable, str(RIVALS / f"covariates_{name}.py"), folder])
            took = now.failure[:200] or ", ".join(f"{key} {value:,.4g}" for key, value in now.output.items())
            print(f"| {name} | {took} | {now.peak_mib:,.0f} MiB |")


if __name__ == "__main__":
    main()
