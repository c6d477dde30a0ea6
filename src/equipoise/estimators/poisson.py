"""Poisson regression of counts and rates: `fit_poisson`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.count_rows import NOTHING, Source, cluster_of, source, spread
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.glm_estimation import GlmInput, GlmOptions, Wording, fit_glm, robust_kind
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.glm_problem import GlmRows
from equipoise.estimators.logistic import read_weights
from equipoise.kernels.glm import POISSON

WORDING = Wording("Poisson regression", "log rate ratio", "of the outcome")


def fit_poisson(
    data: Any,
    *,
    outcome: str | np.ndarray | None = None,
    covariates: Sequence[str] | str | None = None,
    person_time: str | np.ndarray | None = None,
    offset: str | np.ndarray | None = None,
    weights: str | np.ndarray | None = None,
    cluster: str | np.ndarray | None = None,
    robust: bool | str | None = None,
    firth: bool = False,
    overdispersion: bool = False,
    interactions: Sequence[tuple[str, str]] = (),
    conf_level: float = 0.95,
) -> GlmFit:
    """Log rate ratios of numbers of events by maximum likelihood.

    data         as for `fit_logistic`; an AnalysisSet brings its events, its weights and, where it has no offset, the
                 days of follow-up as person-time
    outcome      number of events in the row: 0, 1, 2, …
    covariates   names of columns, or a formula's right-hand side for data frames; () fits the intercept alone
    person_time  time at risk, more than zero; its logarithm enters with coefficient 1, so that exp((Intercept)) is the
                 rate of the reference for one unit of it. Without it and without an offset all rows count alike
    offset       the same as a logarithm
    weights, cluster, robust, firth, interactions   as for `fit_logistic`. With a 0/1 outcome, no person-time and a
                 robust variance the ratios are risk ratios (Zou's modified Poisson regression)
    overdispersion  multiply the variance by Pearson's chi-squared over its degrees of freedom, as quasi-Poisson in R

    Returns a `GlmFit`, as `fit_logistic` does.

    Raises DesignError for columns that are absent or hold missing or infinite values, counts that are negative or not
    whole, person-time that is not positive; UnsupportedError for Firth's correction or overdispersion beside a robust
    variance, or beside each other.

    Source: McCullagh, Nelder: Generalized Linear Models (1989), chapter 6; Zou, Am J Epidemiol 2004;159:702.

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_poisson
        >>> table = pd.DataFrame({"exposed": [1, 0], "deaths": [20, 10], "years": [1000.0, 1500.0]})
        >>> fit = fit_poisson(table, outcome="deaths", person_time="years", covariates=["exposed"])
        >>> fit.tidy(exponentiate=True)["estimate"].round(6).tolist()  # 10 / 1500 a year, and a rate ratio of 3
        [0.006667, 3.0]
    """
    check_conf_level(conf_level)
    rows = source(data)
    cluster = cluster_of(rows, cluster, robust)
    kind = robust_kind(robust, cluster is not None, firth)
    if overdispersion and (kind is not None or firth):
        raise UnsupportedError(Fault("overdispersion", "beside a robust variance or Firth's correction", "one of them"))
    own = rows.analysis_set
    columns = rows.columns(covariates, interactions)
    given = GlmInput(
        POISSON,
        WORDING,
        columns,
        GlmRows(
            columns.x,
            read_counts(rows, outcome),
            read_weights(rows, weights),
            read_exposure(rows, person_time, offset),
        ),
        None if cluster is None else spread(rows.codes(cluster, "cluster")),
        own.n_persons if own is not None else None,
        rows.frame_kind,
    )
    return fit_glm(given, GlmOptions(kind, firth, conf_level, overdispersion))


def read_counts(rows: Source, outcome: str | np.ndarray | None) -> np.ndarray:
    """Numbers of events as float64 (n,); the events of an AnalysisSet are 0 and 1, since other codes are causes."""
    own = rows.analysis_set
    return (
        rows.indicator(own.event, "event") if own is not None and outcome is None else rows.counts(outcome, "outcome")
    )


def read_exposure(rows: Source, person_time: str | np.ndarray | None, offset: str | np.ndarray | None) -> np.ndarray:
    """The logarithm of person-time, or an offset, as float64 (n,); of shape (0,) where there is neither."""
    if person_time is not None and offset is not None:
        raise DesignError(Fault("offset", "given beside person_time", "one of them", "add the logarithms"))
    if person_time is not None:
        return np.log(rows.positive(person_time, "person_time", zero=False))
    if offset is not None:
        return rows.numbers(offset, "offset")
    own = rows.analysis_set
    if own is None:
        return NOTHING
    if own.offset is not None:
        return rows.numbers(own.offset, "AnalysisSet.offset")
    return np.log(rows.positive(np.asarray(own.stop, np.float64) - own.start, "days of follow-up", zero=False))
