"""Equipoise's joint models. Usage: FOLDER BASELINE"""

import json
import sys
import time
from pathlib import Path

import pandas as pd

import equipoise as eq

folder, baseline = Path(sys.argv[1]), sys.argv[2]
measured, lives = pd.read_csv(folder / "measured.csv"), pd.read_csv(folder / "lives.csv")
names = {"person": "id", "outcome": "y", "measured_at": "t", "time": "end", "event": "died", "covariates": ["x"]}


def work(measured: pd.DataFrame, lives: pd.DataFrame) -> eq.Fit:
    return eq.fit_joint(measured, lives, **names, fixed="t * x", random="t", baseline=baseline)


work(measured[measured["id"] < 200], lives.head(200))  # compiled
started = time.perf_counter()
fit = work(measured, lives)
took = time.perf_counter() - started
value = fit.estimate("association: value")
print(
    json.dumps(
        {
            "seconds": took,
            "log_likelihood": fit.log_likelihood,
            "association": value.estimate,
            "std_error": value.std_error,
        }
    )
)
