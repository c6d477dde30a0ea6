"""The rows of a regularised logistic regression: a sparse or dense matrix, treatment and weights, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.count_rows import NOTHING, Source, source, weight_scale
from equipoise.estimators.model_frame import LARGEST, model_frame
from equipoise.estimators.table import Table, label, not_finite, out_of_range

LARGEST_INDEX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RegularisedRows:
    """x as CSC without stored zeros; y float64 (n,) of 0 and 1; weight float64 (n,), or (0,) where rows count once.

    Weights of unusual size are divided by `weight_unit`, a power of two, on which the solution does not depend.
    `unit` int64 (n,) are the persons who must stay together in a fold, or of shape (0,) where each row is its own.
    """

    x: sparse.csc_array
    terms: tuple[str, ...]
    y: np.ndarray
    weight: np.ndarray
    unit: np.ndarray
    frame_kind: str
    weight_unit: float

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def total(self) -> float:
        """The sum of weights as they were given."""
        return self.weight_unit * float(self.weight.sum()) if len(self.weight) else float(self.n)

    @property
    def full_weight(self) -> np.ndarray:
        return self.weight if len(self.weight) else np.ones(self.n)

    def index_of(self, name: str) -> int:
        if name not in self.terms:
            raise DesignError(Fault(f"term {name!r}", "not among the covariates", "names of covariates"))
        return self.terms.index(name)


def rows_of(x: Any, y: Any, covariates: Sequence[str] | str | None, weights: Any) -> RegularisedRows:
    """Rows from an AnalysisSet (y: its arms), a frame or dict of columns, or a sparse or dense matrix beside y."""
    if sparse.issparse(x):
        terms = _terms(covariates, x.shape[1])
        beside = source(np.empty((x.shape[0], 0)))
        return _weighted(beside, weights, _columns(x, terms), terms, beside.indicator(y, "y"), NOTHING)
    rows = source(x)
    own = rows.analysis_set
    _refuse_strata_and_offset(own)
    matrix, terms = _matrix(rows, covariates)
    if own is not None and y is None:
        y = own.arm
        if y is None:
            raise DesignError(Fault("AnalysisSet.arm", "absent", "arms 0 and 1", "give y"))
    unit = own.person.astype(np.int64) if own is not None and own.n_persons < len(own) else NOTHING
    return _weighted(rows, weights, _columns(matrix, terms), terms, rows.indicator(y, "y"), unit)


def _refuse_strata_and_offset(own: AnalysisSet | None) -> None:
    for name in ("stratum", "offset"):
        if own is not None and getattr(own, name) is not None:
            fault = Fault(f"AnalysisSet.{name}", "given, which this model does not hold", f"sets without {name}")
            raise UnsupportedError(fault)


def _weighted(
    rows: Source, weights: Any, x: sparse.csc_array, terms: tuple[str, ...], y: np.ndarray, unit: np.ndarray
) -> RegularisedRows:
    weight = _weights(rows, weights)
    size = weight_scale(weight)
    return RegularisedRows(x, terms, y, weight / size, unit, rows.frame_kind, size)


def _matrix(rows: Source, covariates: Any) -> tuple[Any, tuple[str, ...]]:
    own = rows.analysis_set
    if own is not None:
        chosen = own if covariates is None else own.select(_names(covariates))
        return chosen.x, chosen.names
    if isinstance(rows.data, Table):
        frame = model_frame(rows.data, covariates)
        return frame.x, frame.terms
    return rows.data, _terms(covariates, rows.data.shape[1])


def _names(covariates: Sequence[str] | str) -> list[str]:
    if isinstance(covariates, str):
        raise DesignError(Fault("covariates", "a formula", "a list of names; formulas are for data frames"))
    return list(covariates)


def _terms(covariates: Any, p: int) -> tuple[str, ...]:
    names = tuple(f"x{k + 1}" for k in range(p)) if covariates is None else tuple(_names(covariates))
    if len(names) != p:
        raise DesignError(Fault("covariates", f"{len(names)} names for {p} columns", "one name a column"))
    if len(set(names)) < p:
        raise DesignError(Fault("covariates", "two columns with the same name", "each name once"))
    return names


def _columns(x: Any, terms: tuple[str, ...]) -> sparse.csc_array:
    """x as CSC, rows ascending, each once, without stored zeros; the caller's matrix is not changed."""
    matrix = sparse.csc_array(x)
    if matrix.data.dtype.kind not in "biuf":
        raise DesignError(Fault("x", f"values of type {matrix.data.dtype}", "numbers"))
    if matrix.shape[0] > LARGEST_INDEX:
        raise DesignError(Fault("x", f"{matrix.shape[0]:,} rows", f"up to {LARGEST_INDEX:,} rows"))
    clean = matrix.has_canonical_format and bool(matrix.data.all())
    if not clean:
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    if matrix.nnz and not (matrix.data.max() <= LARGEST and matrix.data.min() >= -LARGEST):
        raise DesignError(_not_usable(matrix, terms))
    return matrix


def _not_usable(x: sparse.csc_array, terms: tuple[str, ...]) -> list[Fault]:
    faults = []
    for j in range(x.shape[1]):
        values = x.data[x.indptr[j] : x.indptr[j + 1]]
        missing, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        if missing or infinite:
            faults.append(not_finite(label(terms[j]), missing, infinite, x.shape[0]))
        elif len(values) and np.abs(values).max() > LARGEST:
            faults.append(out_of_range(label(terms[j]), "values larger than 1e100"))
    return faults


def _weights(rows: Source, weights: Any) -> np.ndarray:
    own: AnalysisSet | None = rows.analysis_set
    if weights is None and own is not None and not (own.weight == 1.0).all():
        weights = own.weight
    return NOTHING if weights is None else rows.positive(weights, "weights", zero=True)


def factors_of(given: Any, rows: RegularisedRows) -> np.ndarray:
    """The penalty factor of each column, float64 (p,): all 1, an array, or a mapping from names (others 1)."""
    factors = np.ones(len(rows.terms))
    if given is None:
        return factors
    if isinstance(given, Mapping):
        for name, factor in given.items():
            factors[rows.index_of(name)] = factor
    else:
        factors = np.asarray(given, np.float64)
    if factors.shape != (len(rows.terms),) or not np.isfinite(factors).all() or (factors < 0.0).any():
        found = f"shape {factors.shape}" if factors.shape != (len(rows.terms),) else "negative or missing numbers"
        raise DesignError(Fault("penalty_factor", found, f"{len(rows.terms)} finite numbers of zero or more"))
    return factors
