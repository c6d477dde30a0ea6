"""Logistic regression: `fit_logistic`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.estimators.count_rows import NOTHING, Source, cluster_of, source, spread
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.glm_estimation import GlmInput, GlmOptions, Wording, fit_glm, robust_kind
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.glm_problem import GlmRows
from equipoise.kernels.glm import LOGISTIC

WORDING = Wording("Logistic regression", "log odds ratio", "of the outcome")


def fit_logistic(
    data: Any,
    *,
    outcome: str | np.ndarray | None = None,
    covariates: Sequence[str] | str | None = None,
    weights: str | np.ndarray | None = None,
    offset: str | np.ndarray | None = None,
    cluster: str | np.ndarray | None = None,
    robust: bool | str | None = None,
    firth: bool = False,
    interactions: Sequence[tuple[str, str]] = (),
    conf_level: float = 0.95,
) -> GlmFit:
    """Log odds ratios by maximum likelihood.

    data        a pandas, Polars or Arrow frame with names of columns; a dict of arrays; an AnalysisSet (its events,
                weights and offset enter the model); or a matrix (n, p) with arrays of length n
    outcome     1 or true where the outcome occurred
    covariates  names of columns, or for data frames a formula's right-hand side (trusted code); strings, categories
                and Booleans are compared with their first level. () fits the intercept alone
    weights     zero or more; zero leaves a row out. A weight of 2 is two rows; other weights need a robust variance
    offset      added to the linear predictor with coefficient 1
    cluster     persons or families whose rows are dependent; gives the cluster-robust variance
    robust      "HC0" (True), "HC1", "HC2", "HC3": the sandwiches of R's `sandwich::vcovHC`. With clusters "HC0" (True)
                and "HC1", times G / (G - 1) as in `sandwich::vcovCL`, and "CR0" without a factor, as in geepack.
                By default robust where a cluster is named, and by person for an AnalysisSet with weights that are not
                whole numbers; else model-based as in R's glm
    firth       maximise the likelihood times Jeffreys' prior: finite under separation, with less bias in small samples.
                Use `interval="profile"` for its penalised-likelihood intervals
    interactions  pairs of covariates whose products enter the model

    Returns a `GlmFit`, terms "(Intercept)" first: tidy, glance, residuals, fitted_values, profile intervals (where the
    variance is model-based). A term that is infinite by separation, constant or a combination of others is nan with a
    reason, and the others are estimated all the same, as is the intercept where it is finite.

    Raises DesignError for columns that are absent or hold missing or infinite values, for outcomes other than 0 and 1
    and negative weights; UnsupportedError for Firth's correction beside a robust variance, and for an AnalysisSet with
    strata unless they are the cluster.

    Source: McCullagh, Nelder: Generalized Linear Models (1989), chapter 4; Firth, Biometrika 1993;80:27.

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_logistic
        >>> table = pd.DataFrame({"exposed": [1, 1, 0, 0], "died": [1, 0, 1, 0], "persons": [20, 10, 5, 10]})
        >>> fit = fit_logistic(table, outcome="died", covariates=["exposed"], weights="persons")
        >>> fit.tidy(exponentiate=True)["estimate"].round(6).tolist()  # odds 5 / 10, odds ratio (20 * 10) / (10 * 5)
        [0.5, 4.0]
    """
    check_conf_level(conf_level)
    rows = source(data)
    cluster = cluster_of(rows, cluster, robust)
    kind = robust_kind(robust, cluster is not None, firth)
    own = rows.analysis_set
    columns = rows.columns(covariates, interactions)
    given = GlmInput(
        LOGISTIC,
        WORDING,
        columns,
        GlmRows(
            columns.x,
            rows.indicator(own.event if own is not None and outcome is None else outcome, "outcome"),
            read_weights(rows, weights),
            read_offset(rows, offset),
        ),
        None if cluster is None else spread(rows.codes(cluster, "cluster")),
        own.n_persons if own is not None else None,
        rows.frame_kind,
    )
    return fit_glm(given, GlmOptions(kind, firth, conf_level))


def read_weights(rows: Source, weights: str | np.ndarray | None) -> np.ndarray:
    """Weights of zero or more as float64 (n,), of shape (0,) where every row counts once."""
    if weights is None and rows.analysis_set is not None and not (rows.analysis_set.weight == 1.0).all():
        weights = rows.analysis_set.weight
    return NOTHING if weights is None else rows.positive(weights, "weights", zero=True)


def read_offset(rows: Source, offset: str | np.ndarray | None) -> np.ndarray:
    """The offset as float64 (n,), of shape (0,) where there is none."""
    if offset is None and rows.analysis_set is not None:
        offset = rows.analysis_set.offset
    return NOTHING if offset is None else rows.numbers(offset, "offset")
