"""statsmodels' MixedLM. Usage: FOLDER reml|ml"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from statsmodels.regression.mixed_linear_model import MixedLM

folder, method = Path(sys.argv[1]), sys.argv[2]


def column(name: str) -> np.ndarray:
    return np.fromfile(folder / name, "<f8")


y = column("y")
x = np.column_stack([np.ones(len(y)), *(column(name) for name in ("years", "x1", "x2", "x3", "x4"))])
person = column("person").astype(int)
started = time.perf_counter()
fit = MixedLM(y, x, person, exog_re=x[:, :2]).fit(reml=method == "reml")
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "answer": float(fit.llf), "coefficients": list(map(float, fit.fe_params))}))
