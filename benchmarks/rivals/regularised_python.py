"""scikit-learn, skglm or glum at one penalty. Usage: FOLDER liblinear|saga|skglm|glum SHARE [TOLERANCE].

The first fit, on few rows, compiles and is not counted.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
from regularised_population import largest, objective, read
from scipy import sparse

Answer = tuple[np.ndarray, float]


def scikit_learn(x: sparse.csc_array, y: np.ndarray, penalty: float, solver: str, tolerance: float) -> Answer:
    model = import_module("sklearn.linear_model").LogisticRegression(
        l1_ratio=1.0, C=1.0 / (penalty * len(y)), solver=solver, tol=tolerance, max_iter=1000,
        intercept_scaling=100.0,  # liblinear penalises the intercept: this makes the penalty small
    )  # fmt: skip
    model.fit(sparse.csr_matrix(x), y)
    return model.coef_[0], float(model.intercept_[0])


def skglm(x: sparse.csc_array, y: np.ndarray, penalty: float, _: str, tolerance: float) -> Answer:
    model = import_module("skglm").SparseLogisticRegression(alpha=penalty, tol=tolerance)
    model.fit(sparse.csc_matrix(x), y)
    return model.coef_[0], float(np.ravel(model.intercept_)[0])


def glum(x: sparse.csc_array, y: np.ndarray, penalty: float, _: str, tolerance: float) -> Answer:
    model = import_module("glum").GeneralizedLinearRegressor(
        family="binomial", alpha=penalty, l1_ratio=1.0, gradient_tol=tolerance
    )
    model.fit(sparse.csc_matrix(x), y.astype(float))
    return model.coef_, float(model.intercept_)


RIVALS: dict[str, Callable[..., Answer]] = {
    "liblinear": scikit_learn, "saga": scikit_learn, "skglm": skglm, "glum": glum
}  # fmt: skip


def main(folder: str, rival: str, share: float, tolerance: float) -> None:
    warnings.simplefilter("ignore")
    x, y, _ = read(Path(folder))
    penalty = share * largest(x, y)
    RIVALS[rival](x[:500, :20], y[:500], 0.01, rival, tolerance)
    began = time.perf_counter()
    coefficients, intercept = RIVALS[rival](x, y, penalty, rival, tolerance)
    seconds = time.perf_counter() - began
    reached = objective(x, y, coefficients, intercept, penalty)
    answer = {"objective": reached, "penalty": penalty, "nonzero": int(np.count_nonzero(coefficients))}
    print(json.dumps({"seconds": seconds} | answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else 1e-4)
