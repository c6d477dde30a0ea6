"""From what a user holds to the clean arrays an estimator wants.

Three ways in: an `AnalysisSet` with names of its columns; a data frame (pandas, Polars, Arrow) with column names or a
right-hand-side formula; a matrix with names. One way out: `ModelFrame`, a contiguous float64 matrix with named terms.
Only what the model uses is looked at, and missing or infinite values there are refused with counts by column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import narwhals as nw
import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault
from equipoise.estimators.table import Table, label, not_finite, out_of_range

FORMULA_MODULE = "equipoise.estimators.formula"  # loaded when a formula is given: it brings pandas with it
BLOCK = 4_096  # rows copied or checked at a time: they stay in the cache, and a check needs no second large array

LARGEST = 1e100  # squares, and sums of them, then stay far from the largest number
SIZE_ROWS = 64  # rows looked at for the magnitude of a column


@dataclass(frozen=True, slots=True)
class ModelFrame:
    """The columns of a model: x float64 (n, p), C-contiguous and finite; p terms; reference level by factor."""

    x: np.ndarray
    terms: tuple[str, ...]
    references: Mapping[str, str]

    @property
    def direction(self) -> str:
        """What a positive coefficient compares with what."""
        if not self.references:
            return "for each term, one unit more (1 against 0)"
        against = ", ".join(f"{factor}: {level}" for factor, level in self.references.items())
        return f"for a level, against the reference ({against}); for a number, one unit more"


@dataclass(frozen=True, slots=True)
class Part:
    """The columns one covariate makes: one for a number, one a level beside the reference for a factor."""

    terms: tuple[str, ...]
    x: np.ndarray
    reference: str | None = None


def model_frame(
    data: AnalysisSet | Table | np.ndarray,
    covariates: Sequence[str] | str | None,
    interactions: Sequence[tuple[str, str]] = (),
) -> ModelFrame:
    """The model's columns. Faults of one kind are reported together, as a DesignError."""
    if isinstance(data, Table):
        if isinstance(covariates, str):
            return _from_formula(data, covariates, interactions)
        return _from_columns(data, _named(covariates), interactions)
    if isinstance(covariates, str):
        raise DesignError(Fault("covariates", "a formula", "a list of names; formulas are for data frames"))
    if isinstance(data, AnalysisSet):
        return _from_analysis_set(data, data.names if covariates is None else _named(covariates), interactions)
    names = [f"x{k + 1}" for k in range(data.shape[1])] if covariates is None else _named(covariates)
    if len(names) != data.shape[1]:
        raise DesignError(Fault("covariates", f"{len(names)} names for {data.shape[1]} columns", "one name a column"))
    return _matrix(np.asarray(data, np.float64), tuple(names), interactions)


def _named(covariates: Sequence[str] | None) -> list[str]:
    names = list(covariates or ())
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise DesignError(Fault("covariates", "none given", "at least one"))
    if repeated:
        raise DesignError(Fault("covariates", f"given more than once: {', '.join(repeated)}", "each name once"))
    return names


def _from_analysis_set(data: AnalysisSet, names: Sequence[str], interactions: Sequence[tuple[str, str]]) -> ModelFrame:
    names = _named(names)
    at = [data.index_of(name) for name in names]
    x = data.x if at == list(range(data.x.shape[1])) else data.x[:, at]
    return _matrix(x.toarray() if hasattr(x, "toarray") else x, tuple(names), interactions)


def _matrix(x: np.ndarray, names: tuple[str, ...], interactions: Sequence[tuple[str, str]]) -> ModelFrame:
    x = np.ascontiguousarray(x, np.float64)
    _refuse_not_finite(x, names)
    if not interactions:
        return ModelFrame(x, names, {})
    return _assembled({name: Part((name,), x[:, k : k + 1]) for k, name in enumerate(names)}, interactions)


def _from_columns(table: Table, names: Sequence[str], interactions: Sequence[tuple[str, str]]) -> ModelFrame:
    if not interactions and all(table.is_float(name) for name in names):
        x = _interleaved([table.numbers(name) for name in names])
        if x is not None:
            return ModelFrame(x, tuple(map(str, names)), {})
    table.require(names)
    return _assembled({name: _part(table, name) for name in names}, interactions)


def _interleaved(columns: list[np.ndarray]) -> np.ndarray | None:
    """Float columns side by side, or None where a value is not finite; by blocks, so that each stays in the cache."""
    x = np.empty((len(columns[0]), len(columns)))
    for i in range(0, len(x), BLOCK):
        block = x[i : i + BLOCK]
        for k, column in enumerate(columns):
            block[:, k] = column[i : i + BLOCK]
        if not _usable(block):
            return None
    return x


def _part(table: Table, name: str) -> Part:
    levels, code = table.levels(name)
    if levels is None:
        return Part((str(name),), table.numbers(name)[:, None])
    if len(levels) < 2:  # a factor without contrast stays visible as a term that does not vary
        return Part((str(name),), np.zeros((len(code), 1)), "".join(levels))
    indicators = (code[:, None] == np.arange(1, len(levels))).astype(np.float64)
    return Part(tuple(f"{name}[{level}]" for level in levels[1:]), indicators, levels[0])


def _assembled(parts: dict[str, Part], interactions: Sequence[tuple[str, str]]) -> ModelFrame:
    parts = parts | {f"{a}:{b}": _product(parts, a, b) for a, b in interactions}
    x = np.hstack([part.x for part in parts.values()])
    terms = tuple(term for part in parts.values() for term in part.terms)
    _refuse_not_finite(x, terms)
    return ModelFrame(x, terms, {name: part.reference for name, part in parts.items() if part.reference is not None})


def _product(parts: dict[str, Part], a: str, b: str) -> Part:
    for name in (a, b):
        if name not in parts:
            fault = Fault(f"interaction {a}:{b}", f"{name!r} is not a covariate", ", ".join(parts))
            raise DesignError(fault)
    left, right = parts[a], parts[b]
    terms = tuple(f"{s}:{t}" for t in right.terms for s in left.terms)
    return Part(terms, (right.x[:, :, None] * left.x[:, None, :]).reshape(len(left.x), -1))


def _from_formula(table: Table, formula: str, interactions: Sequence[tuple[str, str]]) -> ModelFrame:
    if interactions:
        raise DesignError(Fault("interactions", "given beside a formula", "interactions inside the formula, as a:b"))
    x, terms, references = import_module(FORMULA_MODULE).formula_columns(table, formula)
    _refuse_not_finite(x, terms)
    return ModelFrame(x, terms, references)


def _refuse_not_finite(x: np.ndarray, names: Sequence[str]) -> None:
    blocks = (x[i : i + BLOCK] for i in range(0, len(x), BLOCK))
    if all(map(_usable, blocks)):
        return
    missing, infinite = np.isnan(x).sum(axis=0), np.isinf(x).sum(axis=0)
    bad = np.flatnonzero(missing + infinite)
    if len(bad):
        raise DesignError(not_finite(label(names[j]), int(missing[j]), int(infinite[j]), len(x)) for j in bad)
    large = np.flatnonzero(np.abs(x).max(axis=0) > LARGEST)
    raise DesignError(out_of_range(label(names[j]), "values larger than 1e100") for j in large)


def magnitudes(x: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The magnitude of each column, (p,), seen on some rows; columns too small to be squared are refused."""
    size = np.abs(x[:: max(1, len(x) // SIZE_ROWS)]).max(axis=0)
    for j in np.flatnonzero(size < 1.0 / LARGEST):
        size[j] = np.abs(x[:, j]).max()
        if 0.0 < size[j] < 1.0 / LARGEST:
            raise DesignError(out_of_range(label(names[j]), "values smaller than 1e-100 only"))
    return size


def _usable(block: np.ndarray) -> bool:
    """Whether all values are finite and can be squared and added up; false for nan."""
    return not block.size or bool(np.abs(block).max() <= LARGEST)


def as_table(data: object) -> Table | None:
    """A data frame, or a mapping of names to arrays of one length, as a table; None for anything else."""
    if isinstance(data, Mapping):
        return _from_mapping(data)
    try:
        return Table(nw.from_native(data, eager_only=True))
    except TypeError:
        return None


def _from_mapping(columns: Mapping[str, object]) -> Table:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        found = ", ".join(f"{label(name)} {values.shape}" for name, values in arrays.items())
        raise DesignError(Fault("data", found or "no arrays", "one-dimensional arrays of equal length"))
    return Table(nw.from_dict(arrays, backend="pandas"))
