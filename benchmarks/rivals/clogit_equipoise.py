"""Equipoise's fit_conditional_logistic. Usage: clogit_equipoise.py FOLDER analysis_set|pandas [REPEATS].

The first fit of the process, which compiles or loads the kernels, is timed apart as `first_fit`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matched_sets import read

from equipoise import AnalysisSet, fit_conditional_logistic
from equipoise.analysis_set import Column


def as_analysis_set(x: np.ndarray, case: np.ndarray, matched_set: np.ndarray) -> AnalysisSet:
    n = len(x)
    return AnalysisSet(
        person=np.arange(n),
        event=case.astype(np.int8),
        start=np.zeros(n, np.int32),
        stop=np.ones(n, np.int32),
        weight=np.ones(n),
        x=x,
        columns=tuple(Column(f"x{k}", "covariate") for k in range(x.shape[1])),
        stratum=matched_set,
    )


def as_frame(x: np.ndarray, case: np.ndarray, matched_set: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({f"x{k}": x[:, k].copy() for k in range(x.shape[1])})
    return frame.assign(case=case, set=matched_set)


def fit(data: Any, p: int) -> Any:
    if isinstance(data, AnalysisSet):
        return fit_conditional_logistic(data)
    names = [f"x{k}" for k in range(p)]
    return fit_conditional_logistic(data, case="case", matched_set="set", covariates=names)


def main(folder: str, kind: str, repeats: int) -> None:
    x, case, matched_set = read(Path(folder))
    make = as_analysis_set if kind == "analysis_set" else as_frame
    rows = int(np.searchsorted(matched_set, 100))
    began = time.perf_counter()
    fit(make(x[:rows], case[:rows], matched_set[:rows]), x.shape[1])
    first_fit = time.perf_counter() - began
    data, p = make(x, case, matched_set), x.shape[1]
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = fit(data, p)
        seconds.append(time.perf_counter() - began)
    answer = {"seconds": min(seconds), "first_fit": first_fit, "coefficients": found.coefficients.tolist()}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3)
