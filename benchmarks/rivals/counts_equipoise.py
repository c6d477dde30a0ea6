"""Equipoise's fit_logistic, fit_poisson and fit_conditional_poisson. Usage: FOLDER MODEL plain|clustered [REPEATS].

The first fit of the process, which compiles or loads the kernels, is timed apart as `first_fit`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from count_population import read

from equipoise import fit_conditional_poisson, fit_logistic, fit_poisson


def fit(model: str, x: np.ndarray, columns: dict[str, np.ndarray], clustered: bool) -> Any:
    cluster = columns["person"] if clustered else None
    if model == "logistic":
        return fit_logistic(x, outcome=columns["y"], cluster=cluster)
    if model == "poisson":
        return fit_poisson(x, outcome=columns["y"], person_time=columns["days"], cluster=cluster)
    return fit_conditional_poisson(
        x, outcome=columns["y"], person=columns["person"], person_time=columns["days"], cluster=cluster
    )


def main(folder: str, model: str, clustered: bool, repeats: int) -> None:
    x, columns = read(Path(folder))
    began = time.perf_counter()
    fit(model, x[:1200], {name: values[:1200] for name, values in columns.items()}, clustered)
    first_fit = time.perf_counter() - began
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = fit(model, x, columns, clustered)
        seconds.append(time.perf_counter() - began)
    answer = {"coefficients": found.coefficients.tolist(), "std_errors": found.std_errors.tolist()}
    print(json.dumps({"seconds": min(seconds), "first_fit": first_fit} | answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "clustered", int(sys.argv[4]) if len(sys.argv) > 4 else 3)
