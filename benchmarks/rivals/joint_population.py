"""Writes the two tables of the joint model benchmark as CSV. Usage: python joint_population.py FOLDER N_PERSONS

Yearly measurements of a line from time 0 until an event or censoring within ten years, about three a person; a
covariate that moves trajectory and hazard; an association of 0.5 with the current value.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd


def population(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(2025)
    x, b = draw.integers(0, 2, n).astype(float), draw.normal(size=(n, 2))
    level, rise = 1.0 + 0.3 * x + 0.8 * b[:, 0], 0.2 - 0.1 * x + 0.25 * b[:, 1]
    start, growth = 0.08 * np.exp(0.4 * x + 0.5 * level), 0.5 * rise
    inside = 1.0 + growth * draw.exponential(size=n) / start
    with np.errstate(invalid="ignore"):
        event = np.where(inside > 0.0, np.log(inside) / growth, np.inf)
    censored = draw.uniform(1.0, 10.0, n)
    end = np.minimum(event, censored)
    count = np.floor(end).astype(int) + 1
    person = np.repeat(np.arange(n), count)
    t = (np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)).astype(float)
    y = level[person] + rise[person] * t + 0.4 * draw.normal(size=len(person))
    measured = pd.DataFrame({"id": person, "t": t, "y": y, "x": x[person]})
    return measured, pd.DataFrame({"id": np.arange(n), "end": end, "died": (event <= censored).astype(int), "x": x})


if __name__ == "__main__":
    started = time.perf_counter()
    measured, lives = population(int(sys.argv[2]))
    measured.to_csv(Path(sys.argv[1]) / "measured.csv", index=False)
    lives.to_csv(Path(sys.argv[1]) / "lives.csv", index=False)
    print(json.dumps({"seconds": time.perf_counter() - started}))
