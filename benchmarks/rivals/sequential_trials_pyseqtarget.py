"""pySEQTarget: expansion and outcome model of the same formula; its variance is not robust. Usage: FOLDER TASK"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

import polars as pl
from pySEQTarget import SEQopts, SEQuential
from sequential_trials_population import read_population


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    frame = pl.DataFrame(read_population(folder))
    options = SEQopts(glm_package=os.environ.get("PYSEQTARGET_GLM", "statsmodels"), ncores=1)
    begin = time.perf_counter()
    model = SEQuential(
        frame, id_col="id", time_col="month", eligible_col="eligible", treatment_col="drug", outcome_col="died",
        time_varying_cols=["severity"], fixed_cols=["sex"], method="ITT", parameters=options,
    )  # fmt: skip
    model.expand()
    model.fit()
    seconds = time.perf_counter() - begin
    fit = model.outcome_model[0]["outcome"]
    estimates = dict(zip(fit.params.index, fit.params, strict=True))
    drug = next(value for name, value in estimates.items() if name.startswith("drug_bas"))
    print(json.dumps({"seconds": seconds, "rows": len(model.DT), "estimate": float(drug)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
