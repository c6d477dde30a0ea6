"""Equipoise's fit_regularised_logistic. Usage: FOLDER one|path SHARE [REPEATS].

one: a single penalty, SHARE of the largest; path: 5-fold cross-validation of 20 penalties down to SHARE of the largest.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from regularised_population import largest, objective, read
from scipy import sparse

from equipoise import fit_regularised_logistic


def fit(x: sparse.csc_array, y: np.ndarray, folds: np.ndarray, work: str, share: float) -> Any:
    if work == "one":
        return fit_regularised_logistic(x, y, penalty=share * largest(x, y))
    return fit_regularised_logistic(x, y, folds=folds, penalties=20, smallest_ratio=share)


def main(folder: str, work: str, share: float, repeats: int) -> None:
    x, y, folds = read(Path(folder))
    began = time.perf_counter()
    fit(x[:1000, :50], y[:1000], folds[:1000], work, share)
    first_fit = time.perf_counter() - began
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = fit(x, y, folds, work, share)
        seconds.append(time.perf_counter() - began)
    reached = objective(x, y, found.coefficients, found.intercept, found.penalty)
    answer = {"objective": reached, "penalty": found.penalty, "nonzero": found.nonzero}
    if found.cross_validation is not None:
        answer["deviance"] = float(found.cross_validation.deviance.min())
    print(json.dumps({"seconds": min(seconds), "first_fit": first_fit} | answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 3)
