"""lifelines' Kaplan-Meier curve and log-rank test. Usage: FOLDER TASK"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

folder, task = Path(sys.argv[1]), sys.argv[2]


def read(name: str) -> np.ndarray:
    return np.fromfile(folder / name, "<f8")


died, arm = read("died"), read("arm") == 1
times = read("time" if task == "km-times" else "day")
started = time.perf_counter()
if task == "log-rank":
    answer = logrank_test(times[arm], times[~arm], died[arm], died[~arm]).test_statistic
else:
    answer = KaplanMeierFitter().fit(times, died).predict(1000)
print(json.dumps({"seconds": time.perf_counter() - started, "answer": float(answer)}))
