"""Writes a panel whose sequential trials have about N rows: one raw little-endian file of doubles a column.

Usage: python sequential_trials_population.py FOLDER N_ROWS

Up to 60 months a person, everybody eligible in every month until the outcome, so that a person stands for about 1,500
rows of trials; a severity that moves in time raises both treatment and outcome.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

MONTHS, ROWS_A_PERSON = 60, 1540
COLUMNS = ("id", "month", "drug", "eligible", "died", "sex", "severity")
SMALL = dict.fromkeys(COLUMNS, "int8") | {"id": "int32", "severity": "float64"}
ROLES = {"person": "id", "period": "month", "treatment": "drug", "eligible": "eligible", "outcome": "died"}
COVARIATES = ["sex", "severity"]


def population(n: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2024)
    persons = max(n // ROWS_A_PERSON, 20)
    severity, sex = random.normal(size=persons), random.integers(0, 2, persons)
    drug, alive, made = np.zeros(persons, np.int64), np.ones(persons, np.bool_), []
    for month in range(MONTHS):
        severity = 0.8 * severity + 0.6 * random.normal(size=persons)
        drug = random.random(persons) < np.where(drug == 1, 0.95, 0.04 * np.exp(0.3 * severity))
        died = random.random(persons) < 1.0 / (1.0 + np.exp(5.5 - 0.5 * severity + 0.4 * drug - 0.2 * sex))
        at = np.flatnonzero(alive)
        made.append(
            np.column_stack([at, np.full(len(at), month), drug[at], np.ones(len(at)), died[at], sex[at], severity[at]])
        )
        alive &= ~died
    rows = np.vstack(made)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return dict(zip(COLUMNS, rows.T, strict=True))


def read_population(folder: Path, small: bool = False) -> dict[str, np.ndarray]:
    """The columns, whole numbers in eight bytes or in as few as they need."""
    kinds = SMALL if small else dict.fromkeys(COLUMNS, "int64") | {"severity": "float64"}
    return {name: np.fromfile(folder / name, dtype="<f8").astype(kinds[name]) for name in COLUMNS}


def main(folder: Path, n: int) -> None:
    begin = time.perf_counter()
    for name, values in population(n).items():
        values.astype("<f8").tofile(folder / name)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
