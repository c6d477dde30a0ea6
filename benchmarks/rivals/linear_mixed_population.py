"""Ten measurements a person with an intercept and a slope of their own, one file of float64 a column.

Usage: FOLDER PERSONS
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

MEASUREMENTS, COLUMNS = 10, 4

folder, persons = Path(sys.argv[1]), int(sys.argv[2])
started = time.perf_counter()
rng = np.random.default_rng(1)
n = persons * MEASUREMENTS
person = np.repeat(np.arange(persons), MEASUREMENTS)
years = rng.uniform(0.0, 5.0, n)
x = rng.normal(size=(n, COLUMNS))
own = rng.normal(size=(persons, 2)) * [1.0, 0.5]
y = 1.0 + 0.3 * years + 0.1 * x.sum(axis=1) + own[person, 0] + own[person, 1] * years + rng.normal(size=n)
columns = {"person": person, "years": years, "y": y} | {f"x{k + 1}": x[:, k] for k in range(COLUMNS)}
for name, values in columns.items():
    np.ascontiguousarray(values, "<f8").tofile(folder / name)
print(json.dumps({"seconds": time.perf_counter() - started}))
