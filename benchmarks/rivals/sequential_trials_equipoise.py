"""Equipoise: from a data frame to the table of estimates. Usage: FOLDER TASK"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from sequential_trials_population import COVARIATES, ROLES, population, read_population

from equipoise import fit_clone_censor_weight, fit_sequential_trials
from equipoise.estimators.trial_fit import TrialFit

WEIGHTED = {"treatment_denominator": COVARIATES, "truncate": (1, 99)}


def fitted(frame: pd.DataFrame, task: str) -> TrialFit:
    if task == "clones":
        first = (frame["month"] == 0).astype(int)
        strategies = {"never": 0, "start": 1}
        return fit_clone_censor_weight(
            frame.assign(eligible=first), **ROLES, strategies=strategies, grace=6, covariates=COVARIATES, **WEIGHTED
        )
    weights = WEIGHTED if task == "per_protocol" else {}
    return fit_sequential_trials(frame, **ROLES, estimand=task, covariates=COVARIATES, **weights)


def main(folder: Path, task: str) -> None:
    fitted(pd.DataFrame(population(100_000)).astype({"id": int, "month": int, "drug": int}), task).tidy()  # compiles
    frame = pd.DataFrame(read_population(folder, small=True), copy=False)
    begin = time.perf_counter()
    fit = fitted(frame, task)
    fit.tidy()
    seconds = time.perf_counter() - begin
    name = "strategy[start]" if task == "clones" else "drug"
    row = fit.estimate(name)
    print(json.dumps({"seconds": seconds, "rows": fit.rows, "estimate": row.estimate, "std_error": row.std_error}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
