"""Equipoise: propensity model, weights, effect. Usage: FOLDER TASK"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from weighting_population import TERMS, population, read_population

from equipoise import fit_average_effect, fit_cox, fit_logistic, fit_weighted, weigh


def fitted(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    score = fit_logistic(frame, outcome="arm", covariates=list(TERMS))
    made = weigh(frame, arm="arm", score=score, stabilised=task == "cox")
    if task == "risk":
        return fit_average_effect(made, outcome="event").tidy()
    return fit_weighted(made, fit_cox, time="time", event="event", covariates=["arm"]).tidy()


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"arm": int, "time": int, "event": int})


def main(folder: Path, task: str) -> None:
    fitted(whole(pd.DataFrame(population(1000))), task)  # compiles
    frame = whole(pd.DataFrame(read_population(folder)))
    begin = time.perf_counter()
    table = fitted(frame, task)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "estimate": table["estimate"][0], "std_error": table["std_error"][0]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
