"""lifelines' CoxPHFitter. Usage: FOLDER TASK"""

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from cox_population import columns_of, read_population
from lifelines import CoxPHFitter

ARGUMENTS = {
    "plain": {},
    "entry": {"entry_col": "start", "weights_col": "weight", "robust": True},
    "cluster": {"cluster_col": "cluster"},
}


def main(folder: Path, task: str) -> None:
    warnings.simplefilter("ignore")
    frame = pd.DataFrame(read_population(folder, columns_of(task)))
    begin = time.perf_counter()
    table = CoxPHFitter().fit(frame, "time", "event", **ARGUMENTS[task]).summary
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "estimate": table["coef"].iloc[0], "std_error": table["se(coef)"].iloc[0]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
