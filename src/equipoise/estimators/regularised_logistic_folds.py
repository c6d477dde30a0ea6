"""Folds of a cross-validation, and what it says about each penalty."""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DesignError, Fault
from equipoise.estimators.regularised_logistic_rows import RegularisedRows
from equipoise.kernels.philox import uniforms

STREAM = 0x666F6C64  # "fold"
MINIMUM, ONE_STANDARD_ERROR = "minimum", "one-standard-error"
SELECTIONS = (MINIMUM, ONE_STANDARD_ERROR)


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Out-of-fold deviance a row at each penalty, float64 (k,), with the standard error of its mean over folds.

    fold int64 (n,): the fold in which each row was left out. `minimum` and `one_standard_error` are positions: least
    deviance, and the largest penalty whose deviance is within one standard error of it.
    """

    penalties: np.ndarray
    deviance: np.ndarray
    std_error: np.ndarray
    fold: np.ndarray
    folds: int
    minimum: int
    one_standard_error: int

    def chosen(self, selection: str) -> int:
        return self.minimum if selection == MINIMUM else self.one_standard_error


def assign_folds(rows: RegularisedRows, folds: int, stratified: bool, seed: int) -> np.ndarray:
    """Folds 0, …, folds - 1 of nearly equal size, int64 (n,); `stratified` deals treated and untreated separately.

    Rows of one person stay together. A draw depends on the seed and the number of the row (or person) alone.

    Example:
        >>> import numpy as np
        >>> from equipoise.estimators.regularised_logistic_folds import assign_folds
        >>> from equipoise.estimators.regularised_logistic_rows import rows_of
        >>> rows = rows_of(np.ones((9, 1)), np.array([1, 1, 1, 0, 0, 0, 0, 0, 0]), None, None)
        >>> fold = assign_folds(rows, 3, True, 1)
        >>> np.bincount(fold).tolist(), sorted(fold[:3].tolist())
        ([3, 3, 3], [0, 1, 2])
    """
    ids = rows.unit if len(rows.unit) else np.arange(rows.n)
    persons, person = np.unique(ids, return_inverse=True)
    case = np.zeros(len(persons), np.bool_)
    case[person[rows.y > 0.5]] = True
    order = np.argsort(uniforms(seed, STREAM, persons), kind="stable")
    if stratified:
        order = order[np.argsort(~case[order], kind="stable")]
    fold = np.empty(len(persons), np.int64)
    fold[order] = np.arange(len(persons)) % folds
    return fold[person]


def check_folds(rows: RegularisedRows, fold: np.ndarray) -> int:
    """The number of folds, or a DesignError where a fold is empty or leaves too little to the others."""
    if fold.shape != (rows.n,) or fold.dtype.kind not in "iu":
        raise DesignError(Fault("folds", f"an array of shape {fold.shape}", f"{rows.n} whole numbers from 0"))
    folds = int(fold.max()) + 1
    weight = rows.full_weight
    here = np.bincount(fold, weight, folds) if fold.min() >= 0 else np.zeros(1)
    cases = np.bincount(fold, weight * rows.y, folds) if fold.min() >= 0 else np.zeros(1)
    others, remaining = cases.sum() - cases, here.sum() - here
    if folds < 2 or (here <= 0.0).any():
        raise DesignError(Fault("folds", "a fold without rows, or fewer than two folds", "at least two filled folds"))
    if (others <= 0.0).any() or (others >= remaining).any():
        raise DesignError(
            Fault(
                "folds",
                "a fold without which all rows have the same treatment",
                "treated and untreated rows outside each fold",
                "give a penalty, take fewer folds, or stratify them",
            )
        )
    return folds


def summarise(rows: RegularisedRows, penalties: np.ndarray, held_out: np.ndarray, fold: np.ndarray) -> CrossValidation:
    """Mean deviances over folds from held-out log-likelihoods (k, folds), weighted by the folds' weights."""
    folds = held_out.shape[1]
    size = np.bincount(fold, rows.full_weight, folds)
    deviances = -2.0 * held_out / size
    share = size / size.sum()
    mean = deviances @ share
    error = (
        np.sqrt((deviances - mean[:, None]) ** 2 @ share / (folds - 1)) if folds > 1 else np.full(len(mean), math.nan)
    )
    best = int(mean.argmin())
    within = int(np.flatnonzero(mean <= mean[best] + error[best])[0])
    return CrossValidation(penalties, mean, error, fold, folds, best, within)
