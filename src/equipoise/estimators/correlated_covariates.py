"""Covariates that are nearly the treatment, or nearly one another: `find_correlated_covariates`."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse

from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.regularised_logistic_rows import RegularisedRows, rows_of
from equipoise.kernels.coordinate_descent_scores import column_moments, correlated_pairs, covariances_with

TREATMENT = "(treatment)"
MOST_PAIRS = 100_000


def find_correlated_covariates(
    x: Any,
    y: Any = None,
    *,
    threshold: float = 0.5,
    covariates: Sequence[str] | str | None = None,
    between: bool = False,
) -> Any:
    """Covariates whose |correlation| with the treatment, or with each other, is above `threshold`.

    A covariate that nearly determines the treatment makes propensity scores of 0 and 1; it is most often a part of the
    treatment's own definition, to be left out. CohortMethod refuses to fit above 0.5.

    x, y, covariates    as for `fit_regularised_logistic`
    threshold           from 0 to 1
    between             also compare covariates with one another: all pairs, at the cost of sum of (nonzeros of a
                        row)^2 / 2 steps, with no matrix of pairs in memory

    Returns a frame term, other, correlation, largest first; `other` is "(treatment)" or a covariate. Covariates that
    do not vary correlate with nothing. Rows count once; weights are not used.

    Raises DesignError as `fit_regularised_logistic`; UnsupportedError for more than 100,000 pairs.

    Source: the check in OHDSI's CohortMethod (`createPs`, errorOnHighCorrelation).

    Example:
        >>> import numpy as np
        >>> from equipoise import find_correlated_covariates
        >>> x = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
        >>> find_correlated_covariates(x, np.array([1, 1, 0, 0]), covariates=["same", "other"])["term"].tolist()
        ['same']
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0.0 <= threshold <= 1.0:
        raise DesignError(Fault("threshold", repr(threshold), "a number from 0 to 1"))
    rows = rows_of(x, y, covariates, None)
    found = _correlations(rows)
    at = np.flatnonzero(np.abs(found) > threshold)
    terms, others = [rows.terms[j] for j in at], [TREATMENT] * len(at)
    values = found[at].tolist()
    if between:
        first, second, more = _pairs(rows, float(threshold))
        terms += [rows.terms[j] for j in first]
        others += [rows.terms[k] for k in second]
        values += more.tolist()
    order = sorted(range(len(values)), key=lambda i: -abs(values[i]))
    columns = {
        "term": [terms[i] for i in order],
        "other": [others[i] for i in order],
        "correlation": [values[i] for i in order],
    }
    kinds = {"term": nw.String(), "other": nw.String(), "correlation": nw.Float64()}
    return nw.from_dict(columns, kinds, backend=rows.frame_kind).to_native()


def correlations_with(rows: RegularisedRows, threshold: float) -> tuple[str, ...]:
    """Names of the covariates whose |correlation| with y is above `threshold`, largest first."""
    found = np.abs(_correlations(rows))
    at = np.flatnonzero(found > threshold)
    return tuple(rows.terms[j] for j in at[np.argsort(-found[at], kind="stable")])


def _correlations(rows: RegularisedRows) -> np.ndarray:
    """With y, float64 (p,); 0 for what does not vary."""
    start, indices, values, mean, deviation = _moments(rows)
    covariance = np.empty(len(mean))
    covariances_with(rows.n, start, indices, values, rows.y, mean, covariance)
    spread = deviation * rows.y.std()
    return np.divide(covariance, spread, out=np.zeros(len(mean)), where=spread > 0.0)


def _moments(rows: RegularisedRows) -> tuple[np.ndarray, ...]:
    p = len(rows.terms)
    mean, variance = np.empty(p), np.empty(p)
    start, values = rows.x.indptr.astype(np.int64), rows.x.data.astype(np.float64, copy=False)
    indices = rows.x.indices.astype(np.int32, copy=False)
    column_moments(rows.n, start, indices, values, np.empty(0), mean, variance)
    return start, indices, values, mean, np.sqrt(variance)


def _pairs(rows: RegularisedRows, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start, indices, values, mean, deviation = _moments(rows)
    by_row = sparse.csr_array(rows.x)
    first, second, found, count = correlated_pairs(
        rows.n, by_row.indptr.astype(np.int64), by_row.indices.astype(np.int32), by_row.data.astype(np.float64), start,
        indices, values, mean, deviation, threshold, MOST_PAIRS,
    )  # fmt: skip
    if count > MOST_PAIRS:
        raise UnsupportedError(Fault("threshold", f"{count:,} pairs above it", f"{MOST_PAIRS:,}", "a higher threshold"))
    return first, second, found
