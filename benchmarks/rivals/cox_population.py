"""Writes rows for the Cox benchmark: one raw little-endian file of doubles a column, so that R reads it too.

Usage: python cox_population.py FOLDER N_ROWS

Ten columns, half of them 0 or 1; whole days of follow-up up to ten years, about two rows in five with the event; entry
within the first half of the follow-up; weights from 0.5 to 2; three rows a cluster.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

P = 10
LAST_DAY = 3650
TERMS = tuple(f"x{k + 1}" for k in range(P))
COLUMNS = ("time", "start", "event", "weight", "cluster", *TERMS)


def population(n: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2024)
    x = random.normal(size=(n, P))
    x[:, ::2] = x[:, ::2] > 0.8
    failed = np.ceil(random.exponential(3000.0, n) * np.exp(-x @ np.linspace(-0.3, 0.3, P)))
    censored = random.integers(1, LAST_DAY, n)
    time_ = np.minimum(failed, censored)
    columns = {
        "time": time_,
        "start": np.floor(time_ * random.random(n) / 2.0),
        "event": failed <= censored,
        "weight": random.uniform(0.5, 2.0, n),
        "cluster": random.integers(0, max(n // 3, 1), n),
    }
    return columns | {term: x[:, k] for k, term in enumerate(TERMS)}


def read_population(folder: Path, names: tuple[str, ...] = COLUMNS) -> dict[str, np.ndarray]:
    return {name: np.fromfile(folder / name, dtype="<f8") for name in names}


def columns_of(task: str) -> tuple[str, ...]:
    """The columns that a task uses."""
    more = {"plain": (), "entry": ("start", "weight"), "cluster": ("cluster",)}[task]
    return ("time", "event", *more, *TERMS)


def main(folder: Path, n: int) -> None:
    begin = time.perf_counter()
    for name, values in population(n).items():
        values.astype("<f8").tofile(folder / name)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
