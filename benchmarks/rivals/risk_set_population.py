"""Writes a population for the risk-set benchmark: one raw little-endian file a column, so that R reads it too.

Usage: python risk_set_population.py FOLDER N_PERSONS

Persons stand in random order of their identifiers, are of two sexes and 70 birth years, and are observed from a day in
1995-2014 for 1 month to 16 years; 1 in 100 becomes a case on a day of that time, the day on which observation as a
potential control ends.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

FIRST, LAST = 9131, 16436  # 1995-01-01 to 2015-01-01, in days since 1970-01-01
SHARE_OF_CASES = 0.01
COLUMNS = {"id": "<i8", "sex": "<i4", "birth_year": "<i4", "start": "<i4", "exit": "<i4", "case": "<i4"}


def population(n: int) -> dict[str, np.ndarray]:
    """Columns of n persons. `exit` is the last day as a potential control, for a case the index day itself."""
    random = np.random.default_rng(2024)
    start = random.integers(FIRST, LAST, n)
    length = random.integers(30, 6000, n)
    case = random.random(n) < SHARE_OF_CASES
    length[case] = 1 + length[case] * random.random(np.count_nonzero(case))
    return {
        "id": random.permutation(n).astype(np.int64) + 10**16,
        "sex": random.integers(0, 2, n),
        "birth_year": random.integers(1930, 2000, n),
        "start": start,
        "exit": start + length,
        "case": case,
    }


def read_population(folder: Path) -> dict[str, np.ndarray]:
    return {name: np.fromfile(folder / name, dtype=kind) for name, kind in COLUMNS.items()}


def main(folder: Path, n: int) -> None:
    begin = time.perf_counter()
    for name, values in population(n).items():
        values.astype(COLUMNS[name]).tofile(folder / name)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
