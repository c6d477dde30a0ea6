"""Survival curves of Kaplan and Meier: `fit_survival_curve`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_intervals import SCALES
from equipoise.estimators.survival_curve_result import SurvivalCurve
from equipoise.estimators.survival_curve_rows import SurvivalRows, read_rows
from equipoise.estimators.survival_curve_variance import CurveVariance
from equipoise.kernels.survival_curve import curve_of, tally

KAPLAN_MEIER, EXPONENTIAL = "kaplan-meier", "exponential"
NELSON_AALEN, FLEMING_HARRINGTON = "nelson-aalen", "fleming-harrington"


def fit_survival_curve(
    data: Any,
    *,
    time: str | None = None,
    event: str | None = None,
    start: str | None = None,
    by: str | Sequence[str] | None = None,
    weights: str | None = None,
    robust: bool | None = None,
    cluster: str | None = None,
    conf_type: str = "log",
    conf_level: float = 0.95,
    estimator: str = KAPLAN_MEIER,
    cumulative_hazard: str = NELSON_AALEN,
) -> SurvivalCurve:
    """The probability of staying free of an event, by group, from rows (start, time] with an event or not.

    data         a pandas, Polars or Arrow frame or a mapping of names to arrays, with the columns named below; or an
                 AnalysisSet, whose start, stop, event and weight are used (`by` can be "arm" or one of its columns)
    time, event  when follow-up ends, in any unit; 1 or true for an event then, 0 or false for censoring
    start        when follow-up begins, for rows that enter late or persons split into intervals; at risk after it
    by           one or more columns whose combinations make the groups
    weights      not negative; rows of weight 0 are left out
    robust       variance by the infinitesimal jackknife instead of Greenwood's formula: by default with `cluster`,
                 and where weights are not whole numbers
    cluster      whatever tells persons (or matched pairs) apart whose rows are dependent; every row by default
    conf_type    scale of the limits: "log", "log-log", "plain", "logit", "arcsin"
    estimator    "kaplan-meier", or "exponential" for exp(-H) with the cumulative hazard H
    cumulative_hazard  "nelson-aalen", or "fleming-harrington", which takes tied events one after the other

    Raises DesignError for absent columns, missing or infinite values, other events, negative weights, intervals
    without time; UnsupportedError for a cluster with robust=False and for robust "fleming-harrington".

    Source: Kaplan, Meier, JASA 1958;53:457. Times that differ by rounding (1.5e-8) are ties, as in R's survival.

    Example:
        >>> from equipoise import fit_survival_curve
        >>> curve = fit_survival_curve({"day": [6, 6, 7, 10], "died": [1, 0, 1, 1]}, time="day", event="died")
        >>> curve.survival_at([6, 7])["estimate"].tolist()
        [0.75, 0.375]
    """
    _check_options(conf_type, estimator, cumulative_hazard, cluster, robust)
    rows = read_rows(data, time=time, event=event, start=start, by=by, weights=weights, cluster=cluster)
    if robust is None:
        robust = rows.cluster is not None or not (np.floor(rows.weight) == rows.weight).all()
    if robust and cumulative_hazard == FLEMING_HARRINGTON:
        raise UnsupportedError(Fault("cumulative_hazard", "fleming-harrington with robust variance", NELSON_AALEN))
    grid = rows.grid
    table = tally(grid.stop, rows.event, len(grid.times), grid.start, rows.weight, rows.group, len(rows.labels))
    curves = tuple(curve_of(table, g, cumulative_hazard == FLEMING_HARRINGTON) for g in range(len(rows.labels)))
    exponential = estimator == EXPONENTIAL
    if exponential:
        curves = tuple(replace(curve, survival=np.exp(-curve.hazard)) for curve in curves)
    errors = CurveVariance(rows, curves, exponential, robust)
    return SurvivalCurve(
        model=f"Survival curve ({estimator}, {cumulative_hazard} cumulative hazard)",
        groups=rows.labels,
        curves=curves,
        std_errors=tuple(errors.std_errors(g) for g in range(len(curves))),
        counts=table,
        errors=errors,
        conf_type=conf_type,
        conf_level=check_conf_level(conf_level),
        variance=_variance_in_words(rows, robust),
    )


def _check_options(
    conf_type: str, estimator: str, cumulative_hazard: str, cluster: str | None, robust: bool | None
) -> None:
    allowed = {
        "conf_type": (conf_type, tuple(SCALES)),
        "estimator": (estimator, (KAPLAN_MEIER, EXPONENTIAL)),
        "cumulative_hazard": (cumulative_hazard, (NELSON_AALEN, FLEMING_HARRINGTON)),
    }
    faults = [Fault(name, repr(v), ", ".join(known)) for name, (v, known) in allowed.items() if v not in known]
    if cluster is not None and robust is False:
        faults.append(Fault("cluster", "given with robust=False", "robust=True", "leave one of them out"))
    if faults:
        raise UnsupportedError(faults)


def _variance_in_words(rows: SurvivalRows, robust: bool) -> str:
    if not robust:
        return "Greenwood"
    return "infinitesimal jackknife, " + ("by row" if rows.cluster is None else "by cluster")
