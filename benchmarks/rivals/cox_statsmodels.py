"""statsmodels' PHReg, which has no weights. Usage: FOLDER plain"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from cox_population import TERMS, columns_of, read_population
from statsmodels.duration.hazard_regression import PHReg


def main(folder: Path) -> None:
    columns = read_population(folder, columns_of("plain"))
    x = np.column_stack([columns[term] for term in TERMS])
    begin = time.perf_counter()
    fit = PHReg(columns["time"], x, status=columns["event"], ties="efron").fit()
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "estimate": float(fit.params[0]), "std_error": float(fit.bse[0])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
