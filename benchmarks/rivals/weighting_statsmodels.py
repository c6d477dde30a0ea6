"""statsmodels' logistic model, with weights and sandwich by numpy. Usage: FOLDER risk"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from weighting_population import TERMS, read_population


def main(folder: Path) -> None:
    columns = read_population(folder)
    begin = time.perf_counter()
    x = sm.add_constant(np.column_stack([columns[term] for term in TERMS]))
    arm, y = columns["arm"], columns["event"]
    fit = sm.Logit(arm, x).fit(disp=0, tol=1e-12)
    e = fit.predict()
    w = np.where(arm == 1.0, 1.0 / e, 1.0 / (1.0 - e))
    slope = np.where(arm == 1.0, -(1.0 - e) / e, e / (1.0 - e))
    of_score = (x * (arm - e)[:, None]) @ fit.cov_params()
    influence, means = [], []
    for side in (arm, 1.0 - arm):
        total = (w * side).sum()
        mean = (w * side) @ y / total
        residual = side * (y - mean)
        influence.append((w * residual + of_score @ (x.T @ (slope * residual))) / total)
        means.append(mean)
    error = float(np.sqrt(((influence[0] - influence[1]) ** 2).sum()))
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "estimate": means[0] - means[1], "std_error": error}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
