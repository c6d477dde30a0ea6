"""Writes a simulated population as raw binary columns. Usage: matching_population.py FOLDER PERSONS SEED.

A quarter of the persons is treated; the propensity score has an SD of about 0.17.
"""

import sys
from pathlib import Path

import numpy as np


def write(folder: Path, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = 1.0 / (1.0 + np.exp(1.4 - rng.normal(size=n)))
    (folder / "score").write_bytes(score.tobytes())
    (folder / "arm").write_bytes((rng.random(n) < score).astype(np.float64).tobytes())


def read(folder: Path) -> dict[str, np.ndarray]:
    arm = np.frombuffer((folder / "arm").read_bytes())
    return {"arm": arm.astype(np.int8), "score": np.frombuffer((folder / "score").read_bytes())}


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
