"""Cumulative incidence of competing events: `fit_cumulative_incidence`, and Gray's test of equal incidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.cumulative_incidence_result import CumulativeIncidence, GrayTest
from equipoise.estimators.cumulative_incidence_variance import IncidenceVariance
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_comparison import quadratic_form, strata_codes
from equipoise.estimators.survival_curve_intervals import SCALES
from equipoise.estimators.survival_curve_result import SurvivalCurve
from equipoise.estimators.survival_curve_rows import SurvivalRows, read_rows
from equipoise.estimators.survival_curve_variance import CurveVariance
from equipoise.estimators.tails import chi_squared_tail
from equipoise.kernels.cumulative_incidence import incidence_of, tally_causes
from equipoise.kernels.cumulative_incidence_gray import gray_scores
from equipoise.kernels.survival_curve import curve_of, tally


def fit_cumulative_incidence(
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
) -> CumulativeIncidence:
    """The probability of having failed from each cause, where other causes can come first; by group.

    data, time, start, by, weights, cluster, conf_type   as for `fit_survival_curve`
    event        0 for a censored row, 1, 2, … for the cause of failure
    robust       by default, and with weights or `cluster`, the variance is the infinitesimal jackknife, as in R's
                 survival; False gives Aalen's, as in R's cmprsk, for rows without weights

    One minus the Kaplan-Meier curve that censors other causes overstates these probabilities. With a single cause the
    two agree. Groups are compared by `compare_at`, or as whole curves by `compare_cumulative_incidence`.

    Raises as `fit_survival_curve`; UnsupportedError for robust=False with weights or clusters.

    Source: Aalen, Johansen, Scandinavian Journal of Statistics 1978;5:141.

    Example:
        >>> from equipoise import fit_cumulative_incidence
        >>> rows = {"month": [1, 2, 3, 4], "cause": [1, 2, 0, 1]}
        >>> fit_cumulative_incidence(rows, time="month", event="cause").incidence_at(4)["estimate"].tolist()
        [0.75, 0.25]
    """
    if conf_type not in SCALES:
        raise UnsupportedError(Fault("conf_type", repr(conf_type), ", ".join(SCALES)))
    if robust is False and (weights is not None or cluster is not None):
        raise UnsupportedError(Fault("robust", "False with weights or cluster", "the default"))
    rows = read_rows(data, time=time, event=event, start=start, by=by, weights=weights, cluster=cluster, causes=True)
    if robust is False and len(rows.weight):
        raise UnsupportedError(Fault("robust", "False with the set's weights", "the default"))
    robust = robust is not False
    level = check_conf_level(conf_level)
    grid, groups, causes = rows.grid, range(len(rows.labels)), max(1, int(rows.event.max(initial=0)))
    size = len(grid.times)
    table = tally(grid.stop, rows.event, size, grid.start, rows.weight, rows.group, len(groups))
    by_cause = tally_causes(grid.stop, rows.event, size, rows.weight, rows.group, len(groups), causes)
    curves = tuple(curve_of(table, g) for g in groups)
    incidences = tuple(
        tuple(incidence_of(curves[g], by_cause[g, k][curves[g].place]) for k in range(causes)) for g in groups
    )
    free = CurveVariance(rows, curves, False, robust)
    errors = IncidenceVariance(rows, curves, incidences, robust)
    variance = _variance_in_words(rows, robust)
    return CumulativeIncidence(
        event_free=SurvivalCurve(
            model="Survival free of any event (kaplan-meier)",
            groups=rows.labels,
            curves=curves,
            std_errors=tuple(free.std_errors(g) for g in groups),
            counts=table,
            errors=free,
            conf_type=conf_type,
            conf_level=level,
            variance=variance if robust else "Greenwood",
        ),
        incidences=incidences,
        std_errors=tuple(tuple(errors.std_errors(g, k + 1) for k in range(causes)) for g in groups),
        errors=errors,
        variance=variance,
    )


def compare_cumulative_incidence(
    data: Any,
    *,
    time: str | None = None,
    event: str | None = None,
    by: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Gray's test, for every cause, that groups have the same cumulative incidence; stratified by `strata`.

    data, time, event, by   as for `fit_cumulative_incidence`; everybody is at risk from the start, without weights
    rho          a time counts (1 - F)^rho, F being the pooled incidence just before: 0 weighs all times alike

    Raises as `fit_cumulative_incidence`; UnsupportedError for an AnalysisSet with late entry or weights.

    Source: Gray, Annals of Statistics 1988;16:1141.

    Example:
        >>> from equipoise import compare_cumulative_incidence
        >>> rows = {"month": [1, 2, 3, 4, 5, 6], "cause": [1, 2, 1, 0, 2, 1], "arm": [0, 0, 0, 1, 1, 1]}
        >>> compare_cumulative_incidence(rows, time="month", event="cause", by="arm").tidy()["df"].tolist()
        [1, 1]
    """
    if not np.isfinite(rho):
        raise DesignError(Fault("rho", repr(rho), "a finite number"))
    rows = read_rows(data, time=time, event=event, by=by, causes=True)
    if len(rows.weight) or len(rows.grid.start):
        kind = "weights" if len(rows.weight) else "late entry"
        raise UnsupportedError(
            Fault("Gray's test", kind, "rows without weights, at risk from the start", "compare_at, or fit_fine_gray")
        )
    return gray_test(rows, strata_codes(data, strata), rho)


def gray_test(rows: SurvivalRows, stratum: np.ndarray, rho: float) -> GrayTest:
    """The test on rows that have been read; `stratum` int64 codes, or of shape (0,)."""
    n_groups, causes = len(rows.labels), max(1, int(rows.event.max(initial=0)))
    group = rows.group if len(rows.group) else np.zeros(len(rows), np.int32)
    parts = [slice(None)]
    if len(stratum):
        order = np.argsort(stratum, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1)
    statistics, degrees, reasons = [], [], []
    for cause in range(1, causes + 1):
        scores = [
            gray_scores(rows.grid.stop[at], rows.event[at], group[at], n_groups, cause, float(rho)) for at in parts
        ]
        statistic, df = quadratic_form(sum(s.score for s in scores), sum(s.covariance for s in scores))
        statistics.append(statistic)
        degrees.append(df)
        reasons.append(_reason(rows, cause, df))
    return GrayTest(
        groups=rows.labels,
        statistic=np.array(statistics),
        df=np.array(degrees),
        p_value=np.array([chi_squared_tail(x, df) for x, df in zip(statistics, degrees, strict=True)]),
        reasons=tuple(reasons),
        stratified=len(stratum) > 0,
        rho=float(rho),
        frame_kind=rows.kind,
    )


def _reason(rows: SurvivalRows, cause: int, df: int) -> Reason | None:
    if not (rows.event == cause).any():
        return Reason.NO_EVENTS
    if len(rows.labels) < 2:
        return Reason.ONE_ARM_EMPTY
    return None if df else Reason.NO_INFORMATIVE_SETS


def _variance_in_words(rows: SurvivalRows, robust: bool) -> str:
    if not robust:
        return "Aalen's"
    return "infinitesimal jackknife, " + ("by row" if rows.cluster is None else "by cluster")
