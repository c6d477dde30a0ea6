"""Rows of the table missingness: how many persons of each group lack each covariate."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.cohort.covariates import CovariateValues
from equipoise.results.missing_tables import ANY
from equipoise.runner.summaries import percent

Row = dict[str, Any]


def missing_rows(groups: Mapping[str, np.ndarray], covariates: Sequence[CovariateValues]) -> Iterator[Row]:
    """One row a covariate and group (bool (r,) by name), then any of them; that alone where nothing is missing."""
    if not covariates:
        return
    absent = {covariate.label: covariate.missing for covariate in covariates}
    lacking = np.any(list(absent.values()), axis=0)
    named = (absent if lacking.any() else {}) | {ANY: lacking}
    for group, rows in groups.items():
        for position, (label, missing) in enumerate(named.items(), start=1):
            n, n_missing = int(rows.sum()), int((rows & missing).sum())
            yield {
                "group": group,
                "position": position,
                "covariate": label,
                "n_persons": n,
                "n_missing": n_missing,
                "n_complete": n - n_missing,
                "percent_missing": percent(n_missing, n),
            }
