"""Writes persons for the weighting benchmark: one raw little-endian file of doubles a column, so that R reads it too.

Usage: python weighting_population.py FOLDER N_PERSONS
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

P = 10
TERMS = tuple(f"x{k + 1}" for k in range(P))
COLUMNS = ("arm", "time", "event", *TERMS)


def population(n: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2025)
    x = random.normal(size=(n, P))
    x[:, ::2] = x[:, ::2] > 0.8
    arm = random.random(n) < 1.0 / (1.0 + np.exp(-x @ np.linspace(-0.3, 0.4, P)))
    failed = np.ceil(random.exponential(3000.0, n) * np.exp(-x @ np.linspace(-0.2, 0.4, P) - 0.3 * arm))
    columns = {"arm": arm, "time": np.minimum(failed, 365.0), "event": failed <= 365.0}
    return columns | {term: x[:, k] for k, term in enumerate(TERMS)}


def read_population(folder: Path) -> dict[str, np.ndarray]:
    return {name: np.fromfile(folder / name, dtype="<f8") for name in COLUMNS}


def main(folder: Path, n: int) -> None:
    begin = time.perf_counter()
    for name, values in population(n).items():
        values.astype("<f8").tofile(folder / name)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
