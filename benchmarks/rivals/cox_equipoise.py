"""Equipoise: `fit_cox`, from a data frame to a table. Usage: FOLDER TASK"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from cox_population import TERMS, columns_of, population, read_population

from equipoise import fit_cox

ARGUMENTS = {"plain": {}, "entry": {"start": "start", "weights": "weight"}, "cluster": {"cluster": "cluster"}}


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = {"time": int, "event": int, "start": int, "cluster": int}
    return frame.astype({name: kind for name, kind in kinds.items() if name in frame.columns})


def fitted(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    return fit_cox(frame, time="time", event="event", covariates=TERMS, **ARGUMENTS[task]).tidy()


def main(folder: Path, task: str) -> None:
    small = pd.DataFrame({name: values for name, values in population(1000).items() if name in columns_of(task)})
    fitted(whole(small), task)  # compiles
    frame = whole(pd.DataFrame(read_population(folder, columns_of(task))))
    begin = time.perf_counter()
    table = fitted(frame, task)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "estimate": table["estimate"][0], "std_error": table["std_error"][0]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
