"""Equipoise: covariates from a database, propensity scores, balance. Usage: covariates_equipoise.py FOLDER

Prints one JSON object with seconds of the covariates and, beside them, of the score (lasso, 5-fold
cross-validation of 20 penalties) and of balance before and after weighting.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from covariates_population import INDEX_DAY

from equipoise import assess_balance, connect, fit_regularised_logistic, weigh
from equipoise.cohort.covariates import IndexRows
from equipoise.cohort.covariates_at_scale import RecordedCovariates, covariates_at_scale
from equipoise.runner.extraction import people
from equipoise.runner.packing import unpack_people
from equipoise.spec.windows import Window

YEAR = Window(days_before=(0, 365))
SHARE = 0.05  # of the largest penalty: where the path of 20 ends


def main() -> None:
    folder = Path(sys.argv[1])
    arm = np.fromfile(folder / "y.i4", np.int32)
    with connect(str(folder)) as source:
        persons = unpack_people(people({}, None, source))
        rows = IndexRows(np.arange(len(persons)), np.full(len(persons), INDEX_DAY, np.int32))
        asked = [RecordedCovariates("condition", windows=(YEAR,))]
        covariates_at_scale(source, persons, IndexRows(rows.person[:10], rows.day[:10]), recorded=asked, at_least=0)
        begun = time.perf_counter()
        made = covariates_at_scale(source, persons, rows, recorded=asked, at_least=20)
        covariates = time.perf_counter() - begun
    begun = time.perf_counter()
    fit = fit_regularised_logistic(made.x, arm, folds=5, penalties=20, smallest_ratio=SHARE)
    score = time.perf_counter() - begun
    begun = time.perf_counter()
    weighted = weigh({"arm": arm}, arm="arm", score=fit.propensity_scores, estimand="ATO")
    balance = assess_balance(weighted, covariates=made.x, names=made.names)
    seconds = {"covariates": covariates, "score": score, "balance": time.perf_counter() - begun}
    shape = {"columns": made.x.shape[1], "nonzeros": int(made.x.nnz), "largest": balance.largest}
    print(json.dumps({"seconds": covariates} | seconds | shape))


if __name__ == "__main__":
    main()
