"""Whether an odds ratio differs between subgroups, or between comparisons."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.stats import chi2

from equipoise.errors import Reason

Row = dict[str, Any]
OVERALL = "overall"
SAME = (
    "analysis", "comparison", "exposure", "window", "reading", "term", "outcome", "measure", "time_point_days",
    "adjustment", "target_level",
)  # fmt: skip
TESTED = ("odds_ratio", "hazard_ratio", "subdistribution_hazard_ratio", "rate_ratio", "risk_difference", "risk_ratio",
          "rmst_difference")  # fmt: skip


def heterogeneity_rows(estimates: Iterable[Row]) -> list[Row]:
    """One row for each ratio or difference that was repeated by the levels of a subgroup.

    Cochran's Q: levels hold different sets, so their estimates are independent; Q is the weighted sum of squared
    distances from their weighted mean, chi-squared with one degree of freedom less than there are levels. Source:
    Cochran, Biometrics 1954;10:101.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in estimates:
        if row["subgroup"] != OVERALL and row["measure"] in TESTED:
            groups.setdefault((*(row[name] for name in SAME), row["subgroup"]), []).append(row)
    return [
        dict(zip(SAME, key, strict=False)) | {"across": key[-1]} | cochran_q(levels) for key, levels in groups.items()
    ]


def cochran_q(levels: Sequence[Row]) -> Row:
    """The test over the levels that have an estimate.

    >>> level = lambda log, error: {"log_estimate": log, "std_error": error, "reason": None}
    >>> cochran_q([level(0.0, 1.0), level(2.0, 1.0)])["statistic"]
    2.0
    """
    known = [row for row in levels if row["reason"] is None and row.get("std_error")]
    if len(known) < 2:
        return {"n_levels": len(known), "reason": Reason.NOT_DEFINED}
    log = np.array([row["estimate"] if row.get("log_estimate") is None else row["log_estimate"] for row in known])
    error = np.array([row["std_error"] for row in known])
    weight = error**-2.0
    statistic = float((weight * (log - np.average(log, weights=weight)) ** 2).sum())
    return tested(statistic, len(known))


def tested(statistic: float, n_levels: int) -> Row:
    """A chi-squared statistic with its degrees of freedom and p-value."""
    freedom = n_levels - 1
    p_value = float(chi2.sf(statistic, freedom))
    return {
        "n_levels": n_levels,
        "statistic": statistic,
        "degrees_of_freedom": freedom,
        "p_value": p_value,
        "reason": None,
    }
