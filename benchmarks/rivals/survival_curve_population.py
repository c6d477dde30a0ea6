"""Follow-up in two arms with two causes of failure, one file of float64 a column. Usage: FOLDER N"""

import json
import sys
import time
from pathlib import Path

import numpy as np

folder, n = Path(sys.argv[1]), int(sys.argv[2])
started = time.perf_counter()
rng = np.random.default_rng(1)
arm = rng.integers(0, 2, n)
x = rng.normal(size=(n, 5))
first = rng.exponential(4000.0 * np.exp(-0.3 * arm - 0.2 * x[:, 0]))
second = rng.exponential(3000.0, n)
censored = rng.uniform(0.0, 3650.0, n)
last = np.minimum(np.minimum(first, second), censored)
cause = np.where(censored <= last, 0, np.where(first <= second, 1, 2))
columns = {"time": last, "day": np.ceil(last), "cause": cause, "died": cause > 0, "arm": arm}
columns |= {f"x{k + 1}": x[:, k] for k in range(5)}
for name, values in columns.items():
    np.ascontiguousarray(values, "<f8").tofile(folder / name)
print(json.dumps({"seconds": time.perf_counter() - started}))
