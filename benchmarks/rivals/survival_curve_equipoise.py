"""Equipoise's curves and tests. Usage: FOLDER TASK"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import equipoise as eq

folder, task = Path(sys.argv[1]), sys.argv[2]


def read(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: np.fromfile(folder / name, "<f8") for name in names})


def kaplan_meier(rows: pd.DataFrame, column: str) -> float:
    curve = eq.fit_survival_curve(rows, time=column, event="died")
    return float(curve.survival_at(1000)["estimate"].iloc[0])


def gray(rows: pd.DataFrame) -> float:
    eq.fit_cumulative_incidence(rows, time="day", event="cause", by="arm")
    return float(eq.compare_cumulative_incidence(rows, time="day", event="cause", by="arm").statistic[0])


COLUMNS = [f"x{k}" for k in range(1, 6)]
TASKS = {
    "km-days": (["day", "died"], lambda rows: kaplan_meier(rows, "day")),
    "km-times": (["time", "died"], lambda rows: kaplan_meier(rows, "time")),
    "log-rank": (
        ["day", "died", "arm"],
        lambda rows: eq.compare_survival_curves(rows, time="day", event="died", by="arm").statistic,
    ),
    "gray": (["day", "cause", "arm"], gray),
    "fine-gray": (
        ["day", "cause", *COLUMNS],
        lambda rows: eq.fit_fine_gray(rows, time="day", event="cause", covariates=COLUMNS).coefficients[0],
    ),
}
names, work = TASKS[task]
rows = read(names)
work(rows[:1000])  # compiled
started = time.perf_counter()
answer = work(rows)
print(json.dumps({"seconds": time.perf_counter() - started, "answer": float(answer)}))
