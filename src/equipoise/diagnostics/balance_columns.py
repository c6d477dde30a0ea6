"""The covariates whose balance is assessed, as columns: weighted means, variances and distributions by arm.

A factor of three or more levels has a column for each of them, one of two levels a column for the second, so that no
level goes unseen. Sparse columns stay sparse: their sums need only what is not zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault
from equipoise.estimators.count_rows import Source
from equipoise.estimators.table import Table, label, not_finite


@dataclass(frozen=True, slots=True, eq=False)
class BalanceColumns:
    """x float64 (n, p), dense or CSC; names of the p columns; which of them hold 0 and 1 only, bool (p,)."""

    x: Any
    names: tuple[str, ...]
    binary: np.ndarray

    def means(self, weight: np.ndarray) -> np.ndarray:
        """Weighted means, float64 (p,)."""
        return np.asarray(weight @ self.x).ravel() / weight.sum()

    def variances(self, weight: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Weighted variances, float64 (p,): of a 0/1 column m (1 - m); of others W / (W^2 - sum w^2) sum w (x - m)^2.

        The latter is the usual n - 1 where all weights are equal.
        """
        total = weight.sum()
        if self.binary.all():
            return mean * (1.0 - mean)
        if sp.issparse(self.x):
            squares = sp.csc_array((self.x.data**2, self.x.indices, self.x.indptr), shape=self.x.shape)
            squared = np.asarray(weight @ squares).ravel()
            about = np.maximum(squared - total * mean**2, 0.0)
        else:
            about = np.zeros(len(mean))
            for rows in np.array_split(np.arange(len(weight)), max(1, len(weight) // 4096)):
                about += weight[rows] @ (self.x[rows] - mean) ** 2
        left = total**2 - (weight**2).sum()
        spread = about * (total / left) if left > 1e-12 * total**2 else np.full(len(mean), np.nan)
        return np.where(self.binary, mean * (1.0 - mean), spread)

    def largest_gaps(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """Kolmogorov-Smirnov distances between two weightings of the rows, float64 (p,)."""
        share = one / one.sum() - two / two.sum()
        out = np.empty(len(self.names))
        for j in range(len(out)):
            values = self.x[:, [j]].toarray().ravel() if sp.issparse(self.x) else self.x[:, j]
            order = np.argsort(values, kind="stable")
            ended = np.append(values[order][1:] != values[order][:-1], True)
            out[j] = np.abs(np.cumsum(share[order])[ended]).max()
        return out


def balance_columns(rows: Source, covariates: Any, names: Sequence[str] | None) -> BalanceColumns:
    """Columns named in the data, or a matrix (n, p), dense or sparse, with names beside it.

    Raises DesignError for columns that are absent, missing or infinite values with counts, and names that do not fit.
    """
    if sp.issparse(covariates) or (isinstance(covariates, np.ndarray) and covariates.ndim == 2):
        x, found = covariates, [f"x{j + 1}" for j in range(covariates.shape[1])] if names is None else list(names)
    elif isinstance(rows.data, Table):
        x, found = _from_table(rows.data, _listed(covariates))
    elif isinstance(rows.data, AnalysisSet):
        place = {name: j for j, name in enumerate(rows.data.names)}
        found = [name for name in place if name != "arm"] if covariates is None else _listed(covariates)
        at = [place[name] if name in place else rows.data.index_of(name) for name in found]
        x = rows.data.x if at == list(range(rows.data.x.shape[1])) else rows.data.x[:, at]
    else:
        x = rows.data
        found = [f"x{j + 1}" for j in range(x.shape[1])] if names is None else list(names)
    if x.shape != (len(rows), len(found)):
        raise DesignError(Fault("covariates", f"shape {x.shape}", f"{len(rows):,} rows, {len(found)} columns"))
    return columns_beside(x, found)


def columns_beside(x: Any, found: Sequence[str]) -> BalanceColumns:
    """A matrix (n, p), dense or sparse, with p names. Raises DesignError for missing or infinite values with counts."""
    x = sp.csc_array(x, dtype=np.float64) if sp.issparse(x) else np.asarray(x, np.float64)
    _refuse_not_finite(x, found)
    return BalanceColumns(x, tuple(map(str, found)), _is_binary(x))


def _listed(covariates: Any) -> list[str]:
    names = [covariates] if isinstance(covariates, str) else list(covariates or ())
    if not names or not all(isinstance(name, str) for name in names):
        raise DesignError(Fault("covariates", "none given", "names of columns, or a matrix"))
    return names


def _from_table(table: Table, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    table.require(names)
    columns, found = [], []
    for name in names:
        levels, code = table.levels(name)
        if levels is None:
            columns.append(table.numbers(name))
            found.append(name)
            continue
        for k in range(len(levels)) if len(levels) != 2 else (1,):
            columns.append((code == k).astype(np.float64))
            found.append(f"{name}[{levels[k]}]")
    return np.column_stack(columns), found


def _refuse_not_finite(x: Any, names: Sequence[str]) -> None:
    stored = x.data if sp.issparse(x) else x
    if np.isfinite(stored).all():
        return
    faults = []
    for j, name in enumerate(names):
        column = x[:, [j]].data if sp.issparse(x) else x[:, j]
        missing, infinite = int(np.isnan(column).sum()), int(np.isinf(column).sum())
        if missing or infinite:
            faults.append(not_finite(label(name), missing, infinite, x.shape[0]))
    raise DesignError(faults)


def _is_binary(x: Any) -> np.ndarray:
    if not sp.issparse(x):
        return ((x == 0.0) | (x == 1.0)).all(axis=0)
    other = (x.data != 0.0) & (x.data != 1.0)
    column = np.repeat(np.arange(x.shape[1]), np.diff(x.indptr))
    return np.bincount(column[other], minlength=x.shape[1]) == 0
