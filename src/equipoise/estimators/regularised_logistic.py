"""Regularised logistic regression on sparse data, for propensity scores: `fit_regularised_logistic`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.correlated_covariates import correlations_with
from equipoise.estimators.logistic import fit_logistic
from equipoise.estimators.regularised_logistic_fit import RegularisedLogisticFit, probabilities
from equipoise.estimators.regularised_logistic_folds import (
    MINIMUM,
    SELECTIONS,
    CrossValidation,
    assign_folds,
    check_folds,
    summarise,
)
from equipoise.estimators.regularised_logistic_path import (
    Grid,
    Path,
    PenaltyShape,
    path_with_folds,
    solve_at,
    units_of,
)
from equipoise.estimators.regularised_logistic_rows import RegularisedRows, factors_of, rows_of
from equipoise.kernels.coordinate_descent import violations
from equipoise.kernels.coordinate_descent_columns import columns_of
from equipoise.kernels.coordinate_descent_scores import area_under_curve

MOST_FREE = 500  # columns without penalty: they are checked, and fitted, by a dense method
HELD = (Reason.CONSTANT, Reason.COLLINEAR)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, checked."""

    penalty: float | None
    mixing: float
    grid: Grid
    folds: int | np.ndarray
    stratified: bool
    seed: int
    selection: str


def fit_regularised_logistic(
    x: Any,
    y: Any = None,
    *,
    covariates: Sequence[str] | str | None = None,
    weights: Any = None,
    penalty: float | None = None,
    prior_variance: float | None = None,
    mixing: float = 1.0,
    penalty_factor: Mapping[str, float] | Sequence[float] | None = None,
    penalties: int | Sequence[float] = 50,
    smallest_ratio: float = 1e-3,
    folds: int | Sequence[int] | np.ndarray = 10,
    stratified: bool = True,
    selection: str = MINIMUM,
    seed: int = 1,
    standardize: bool | str = False,
    correlation_bound: float | None = None,
) -> RegularisedLogisticFit:
    """Log odds ratios under a lasso (L1), ridge (L2) or mixed penalty, and the propensity scores they give.

    Minimises  - l(b_0, b) / W + penalty * sum_j f_j (mixing |b_j| + (1 - mixing) b_j^2 / 2),  W the sum of weights,
    as glmnet does. The intercept b_0 is never penalised.

    x               a scipy sparse matrix (CSC is used as it is; others are converted) or a dense one, (n, p); a data
                    frame or dict of arrays; an AnalysisSet
    y               0/1, (n,), or the name of a column; for an AnalysisSet its arms unless given
    covariates      names: of the columns of a matrix, or of those to take from a frame or AnalysisSet (for frames also
                    a formula, which is trusted code)
    weights         zero or more; zero leaves a row out of the fit but not out of the propensity scores
    penalty         one penalty: no path and no cross-validation. 0 maximises the likelihood
    prior_variance  instead of `penalty`, the variance of Cyclops's prior: Laplace with mixing 1, where
                    penalty = sqrt(2 / variance) / W, or normal with mixing 0, where penalty = 1 / (variance W)
    mixing          1 lasso, 0 ridge, between them the elastic net
    penalty_factor  f_j, (p,), or a mapping from names (others 1); 0 for covariates that must be in the model
    penalties       number of penalties on the path, equally spaced logarithms from the largest, or the penalties
    smallest_ratio  the last penalty of the path over the first
    folds           number of folds, at least 2; or the fold of each row, whole numbers from 0
    stratified      deal treated and untreated rows to folds separately
    selection       "minimum" of the out-of-fold deviance, or "one-standard-error": the largest penalty within one
                    standard error of it
    seed            of the folds, 0 to 2^64 - 1
    standardize     False: penalise coefficients as they are; True: those of columns divided by their standard
                    deviation (glmnet's default); "numeric": only columns that are not 0/1
    correlation_bound  name the covariates whose |correlation| with y is larger, as CohortMethod does above 0.5

    Raises DesignError for absent columns, missing or infinite values (counts by column), y other than 0 and 1, negative
    weights and options out of range; UnsupportedError for a prior variance with mixed penalties, an AnalysisSet with
    strata or an offset, and more than 500 covariates without penalty. y of one kind only, separation by covariates
    without penalty and a search that does not end are a `reason` of the fit.

    Source: Tibshirani, J Royal Stat Soc B 1996;58:267; Friedman, Hastie, Tibshirani, J Stat Software 2010;33(1);
    Suchard et al., ACM Trans Model Comput Simul 2013;23:10 (Cyclops).

    Example:
        >>> import numpy as np
        >>> from equipoise import fit_regularised_logistic
        >>> x, y = np.array([[1], [1], [1], [1], [0], [0], [0], [0]]), np.array([1, 1, 1, 0, 1, 0, 0, 0])
        >>> fit = fit_regularised_logistic(x, y, penalty=0.05)  # 3 of 4 against 1 of 4 treated, pulled together
        >>> fit.propensity_scores[[0, 7]].round(6).tolist()
        [0.65, 0.35]
    """
    options = _options(penalty, mixing, penalties, smallest_ratio, folds, stratified, seed, selection, standardize)
    rows = rows_of(x, y, covariates, weights)
    options = _with_prior(options, prior_variance, rows)
    factors = factors_of(penalty_factor, rows)
    named = None if correlation_bound is None else correlations_with(rows, _bound(correlation_bound))
    if _one_class(rows):
        return _absent(rows, options, Reason.ONE_ARM_EMPTY, {}, named)
    columns = columns_of(rows.n, rows.x.indptr, rows.x.indices, rows.x.data, rows.weight)
    held, separated = _without_penalty(rows, factors, options)
    if separated:
        return _absent(rows, options, Reason.SEPARATION, separated, named)
    held |= {rows.terms[j]: Reason.CONSTANT for j in np.flatnonzero(~columns.varies)}
    varies = columns.varies & ~np.isin(rows.terms, list(held)) if held else columns.varies
    shape = PenaltyShape(replace(columns, varies=varies), options.mixing, factors, units_of(rows, standardize))
    return _fitted(rows, shape, options, held, named)


def _fitted(
    rows: RegularisedRows, shape: PenaltyShape, options: Options, held: dict[str, Reason], named: Any
) -> RegularisedLogisticFit:
    path, folds, near, penalty = _walked(rows, shape, options)
    problem, state, progress, null, largest = solve_at(rows, shape, penalty, near)
    if not progress.converged:
        return _absent(rows, options, Reason.NOT_CONVERGED, held, named)
    slopes, intercept = shape.columns.coefficients(state.beta[:, 0], state.intercept[0])
    scores = probabilities(state.eta)
    everywhere = np.flatnonzero(shape.columns.varies)
    missed = violations(state, shape.at(penalty), problem.total, everywhere)[:, 0]
    # on the scale of x: a score of z is a score of x divided by the scale
    missed = missed * np.abs(shape.columns.scale[everywhere])
    return RegularisedLogisticFit(
        terms=rows.terms,
        coefficients=slopes + 0.0,
        intercept=float(intercept),
        reasons=held,
        reason=None,
        propensity_scores=scores,
        penalty=penalty,
        largest_penalty=largest,
        mixing=options.mixing,
        selection=options.selection if folds else "given",
        path=path,
        cross_validation=folds,
        log_likelihood=rows.weight_unit * float(state.log_likelihood[0]),
        log_likelihood_null=rows.weight_unit * null,
        rows=rows.n,
        events=int(rows.y.sum()),
        violation=float(missed.max(initial=0.0) / problem.total[0]),
        converged=True,
        iterations=progress.steps,
        sweeps=progress.sweeps,
        auc=area_under_curve(scores, rows.y, rows.full_weight),
        correlated=named,
        frame_kind=rows.frame_kind,
    )


def _walked(
    rows: RegularisedRows, shape: PenaltyShape, options: Options
) -> tuple[Path | None, CrossValidation | None, tuple[np.ndarray, float] | None, float]:
    """Path, cross-validation, a solution near the one to report, and its penalty."""
    if options.penalty is not None:
        return None, None, None, options.penalty
    fold = options.folds
    if isinstance(fold, int):
        fold = assign_folds(rows, fold, options.stratified, options.seed)
    count = check_folds(rows, fold)
    path, held_out = path_with_folds(rows, shape, options.grid, fold, count)
    found = summarise(rows, path.penalties, held_out, fold)
    at = found.chosen(options.selection)
    near = path.coefficients[:, [at]].toarray()[:, 0], float(path.intercepts[at])
    return path, found, near, float(path.penalties[at])


def _without_penalty(
    rows: RegularisedRows, factors: np.ndarray, options: Options
) -> tuple[dict[str, Reason], dict[str, Reason]]:
    """Of the covariates without penalty: those held at zero, and those that make the fit infinite, with reasons."""
    free = np.arange(len(factors)) if options.penalty == 0.0 else np.flatnonzero(factors == 0.0)
    if not len(free):
        return {}, {}
    if len(free) > MOST_FREE:
        fault = Fault("covariates without penalty", f"{len(free):,} of them", f"at most {MOST_FREE}", "penalise them")
        raise UnsupportedError(fault)
    names = [rows.terms[j] for j in free]
    weights = rows.weight if len(rows.weight) else None
    fit = fit_logistic(rows.x[:, free].toarray(), outcome=rows.y, covariates=names, weights=weights)
    why = dict(zip(fit.terms, fit.reasons, strict=True))
    held = {name: reason for name in names if (reason := why[name]) in HELD}
    return held, {name: reason for name in names if (reason := why[name]) is not None and reason not in HELD}


def _one_class(rows: RegularisedRows) -> bool:
    counted = rows.y if not len(rows.weight) else rows.y[rows.weight > 0.0]
    return not len(counted) or bool((counted == counted[0]).all())


def _absent(
    rows: RegularisedRows, options: Options, reason: Reason, terms: dict[str, Reason], named: Any
) -> RegularisedLogisticFit:
    return RegularisedLogisticFit(
        terms=rows.terms,
        coefficients=np.full(len(rows.terms), math.nan),
        intercept=math.nan,
        reasons=terms,
        reason=reason,
        propensity_scores=np.full(rows.n, math.nan),
        penalty=math.nan if options.penalty is None else options.penalty,
        largest_penalty=math.nan,
        mixing=options.mixing,
        selection="given" if options.penalty is not None else options.selection,
        path=None,
        cross_validation=None,
        log_likelihood=math.nan,
        log_likelihood_null=math.nan,
        rows=rows.n,
        events=int(rows.y.sum()),
        violation=math.nan,
        converged=False,
        iterations=0,
        sweeps=0,
        auc=math.nan,
        correlated=named,
        frame_kind=rows.frame_kind,
    )


def _options(
    penalty: Any, mixing: Any, penalties: Any, ratio: Any, folds: Any, stratified: bool, seed: int, selection: str,
    standardize: Any,
) -> Options:  # fmt: skip
    faults = []
    if penalty is not None and not _number(penalty, 0.0, math.inf):
        faults.append(Fault("penalty", repr(penalty), "a number of zero or more"))
    if not _number(mixing, 0.0, 1.0):
        faults.append(Fault("mixing", repr(mixing), "a number from 0 (ridge) to 1 (lasso)"))
    if not (_number(ratio, 0.0, 1.0) and 0.0 < ratio < 1.0):
        faults.append(Fault("smallest_ratio", repr(ratio), "a number between 0 and 1"))
    if selection not in SELECTIONS:
        faults.append(Fault("selection", repr(selection), ", ".join(SELECTIONS)))
    if standardize not in (True, False, "numeric"):
        faults.append(Fault("standardize", repr(standardize), "True, False, 'numeric'"))
    given = None if isinstance(penalties, int | np.integer) else np.asarray(penalties, np.float64)
    if isinstance(penalties, bool) or (given is None and penalties < 2) or not _is_path(given):
        faults.append(Fault("penalties", "not a path", "a number of at least 2, or distinct penalties above zero"))
    folds = int(folds) if isinstance(folds, np.integer) else folds
    if isinstance(folds, bool | str | float) or (isinstance(folds, int) and folds < 2):
        faults.append(Fault("folds", repr(folds), "a number of at least 2, or an array with the fold of each row"))
    if faults:
        raise DesignError(faults)
    grid = Grid(given, 0 if given is not None else int(penalties), float(ratio))
    one = None if penalty is None else float(penalty)
    assigned = folds if isinstance(folds, int) else np.asarray(folds)
    return Options(one, float(mixing), grid, assigned, stratified, seed, selection)


def _number(value: Any, low: float, high: float) -> bool:
    plain = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
    return plain and math.isfinite(value) and low <= value <= high


def _is_path(given: np.ndarray | None) -> bool:
    if given is None:
        return True
    distinct = given.ndim == 1 and len(given) > 0 and len(np.unique(given)) == len(given)
    return distinct and bool((given > 0.0).all() and np.isfinite(given).all())


def _bound(value: Any) -> float:
    if not _number(value, 0.0, 1.0):
        raise DesignError(Fault("correlation_bound", repr(value), "a number from 0 to 1"))
    return float(value)


def _with_prior(options: Options, variance: float | None, rows: RegularisedRows) -> Options:
    """The penalty that a prior variance stands for."""
    if variance is None:
        return options
    if options.penalty is not None:
        raise DesignError(Fault("prior_variance", "given beside a penalty", "one of them"))
    if not _number(variance, 0.0, math.inf) or variance <= 0.0:
        raise DesignError(Fault("prior_variance", repr(variance), "a number above zero"))
    if options.mixing not in (0.0, 1.0):
        raise UnsupportedError(Fault("prior_variance", f"with mixing {options.mixing:g}", "mixing 1 or 0"))
    size = math.sqrt(2.0 / variance) if options.mixing == 1.0 else 1.0 / variance
    return replace(options, penalty=size / rows.total)
