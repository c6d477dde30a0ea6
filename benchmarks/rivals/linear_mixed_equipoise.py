"""Equipoise's fit_linear_mixed. Usage: FOLDER reml|ml"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from equipoise import fit_linear_mixed

folder, method = Path(sys.argv[1]), sys.argv[2]
FIXED = ["years", "x1", "x2", "x3", "x4"]
rows = pd.DataFrame({name: np.fromfile(folder / name, "<f8") for name in ["person", "y", *FIXED]})
rows["person"] = rows["person"].astype(int)
MODEL = {"outcome": "y", "person": "person", "fixed": FIXED, "random": ["years"], "method": method}
started = time.perf_counter()
fit_linear_mixed(rows[:1000], **MODEL)
first_fit = time.perf_counter() - started
started = time.perf_counter()
fit = fit_linear_mixed(rows, **MODEL)
seconds = time.perf_counter() - started
answer = {"answer": fit.log_likelihood, "coefficients": fit.coefficients.tolist()}
print(json.dumps({"seconds": seconds, "first_fit": first_fit} | answer))
