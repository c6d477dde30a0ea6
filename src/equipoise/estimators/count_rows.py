"""Outcomes, weights, offsets and clusters of a regression, from whatever a user holds to arrays.

Four ways in: an `AnalysisSet`, a data frame, a dict of arrays (read as a data frame) and a matrix with arrays beside
it. A role is named by a column or given as an array of one value a row.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.model_frame import ModelFrame, as_table, model_frame
from equipoise.estimators.table import Table, as_cases, codes_of, label, not_finite

NOTHING = np.empty(0)
USUAL = 4  # powers of two: weights with a mean between 1/16 and 16 are used as they are
KINDS = "an AnalysisSet, a pandas, Polars or Arrow frame, a dict of arrays, or a numeric matrix"


@dataclass(frozen=True, slots=True)
class Source:
    """The data with a way to look a role up: by name in a table or analysis set, or as an array of length n."""

    data: AnalysisSet | Table | np.ndarray

    def __len__(self) -> int:
        return len(self.data)

    @property
    def frame_kind(self) -> str:
        return self.data.kind if isinstance(self.data, Table) else "pandas"

    @property
    def analysis_set(self) -> AnalysisSet | None:
        return self.data if isinstance(self.data, AnalysisSet) else None

    def columns(self, covariates: Any, interactions: Sequence[tuple[str, str]]) -> ModelFrame:
        """The model's columns; an empty list of covariates makes a model of the intercept alone."""
        if covariates is not None and not isinstance(covariates, str) and len(covariates) == 0:
            return ModelFrame(np.empty((len(self), 0)), (), {})
        return model_frame(self.data, covariates, interactions)

    def numbers(self, given: Any, role: str) -> np.ndarray:
        """A role as finite float64 (n,)."""
        if isinstance(given, str) and isinstance(self.data, Table):
            self.data.require([given])
            if not self.data.frame[given].dtype.is_numeric() and str(self.data.frame[given].dtype) != "Boolean":
                raise DesignError(Fault(f"{role} {label(given)}", f"type {self.data.frame[given].dtype}", "numbers"))
            return self.data.numbers(given)
        vector = self._vector(given, role)
        if vector.dtype.kind not in "biuf":
            raise DesignError(Fault(role, f"values of type {vector.dtype}", "numbers"))
        vector = np.ascontiguousarray(vector, np.float64)
        missing, infinite = int(np.isnan(vector).sum()), int(np.isinf(vector).sum())
        if missing or infinite:
            raise DesignError(not_finite(label(role), missing, infinite, len(self)))
        return vector

    def indicator(self, given: Any, role: str) -> np.ndarray:
        """A role of zeros and ones as float64 (n,)."""
        if isinstance(given, str) and isinstance(self.data, Table):
            return self.data.cases(given).astype(np.float64)
        return as_cases(self._vector(given, role), role).astype(np.float64)

    def counts(self, given: Any, role: str) -> np.ndarray:
        """A role of whole numbers, 0 and up, as float64 (n,)."""
        values = self.numbers(given, role)
        wrong = int(np.count_nonzero((values < 0.0) | (values != np.floor(values))))
        if wrong:
            raise DesignError(Fault(role, f"{wrong:,} values that are negative or not whole", "numbers of events"))
        return values

    def positive(self, given: Any, role: str, zero: bool) -> np.ndarray:
        """A role of numbers above zero, or from zero on, as float64 (n,)."""
        values = self.numbers(given, role)
        wrong = int(np.count_nonzero((values < 0.0) if zero else (values <= 0.0)))
        if wrong:
            allowed = "zero or more" if zero else "more than zero"
            raise DesignError(Fault(role, f"{wrong:,} of {len(values):,} values are not {allowed}", allowed))
        return values

    def codes(self, given: Any, role: str) -> np.ndarray:
        """An identifier as int64 codes (n,), equal where the values are equal."""
        if isinstance(given, str) and isinstance(self.data, Table):
            return self.data.codes(given)
        vector = self._vector(given, role)
        return vector.astype(np.int64, copy=False) if vector.dtype.kind in "bi" else codes_of(vector.tolist())

    def _vector(self, given: Any, role: str) -> np.ndarray:
        if isinstance(given, str):
            return self._named(given, role)
        if given is None:
            raise DesignError(Fault(role, "not given", "a column, or an array with one value a row"))
        vector = np.asarray(given)
        if vector.shape != (len(self),):
            raise DesignError(Fault(role, f"shape {vector.shape}", f"shape {(len(self),)}, one value a row"))
        return vector

    def _named(self, name: str, role: str) -> np.ndarray:
        if not isinstance(self.data, AnalysisSet):
            raise DesignError(Fault(role, repr(name), "an array beside a matrix"))
        own = {"person": self.data.person, "stratum": self.data.stratum}
        if own.get(name) is not None:
            return own[name]
        return self.data.column(name)


def source(data: Any) -> Source:
    """The data behind one face; a DesignError where it is of no known kind."""
    if isinstance(data, AnalysisSet):
        return Source(data)
    table = as_table(data)
    if table is not None:
        return Source(table)
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype.kind in "biuf":
        return Source(data)
    raise DesignError(Fault("data", f"a {type(data).__name__}", KINDS))


def cluster_of(rows: Source, cluster: Any, robust: Any) -> Any:
    """The cluster asked for; persons, where an AnalysisSet has weights that are not whole numbers and nothing is asked.

    A stratum that the model would pass over is refused.
    """
    own = rows.analysis_set
    if own is None:
        return cluster
    if own.stratum is not None and not (isinstance(cluster, str) and cluster == "stratum"):
        raise UnsupportedError(
            Fault(
                "AnalysisSet.stratum",
                "strata, which this model does not hold",
                "sets without strata, or cluster='stratum'",
                "use fit_conditional_logistic or fit_conditional_poisson for effects within strata",
            )
        )
    weighted = bool((own.weight != np.floor(own.weight)).any())
    return "person" if cluster is None and robust is None and weighted else cluster


def weight_scale(weight: np.ndarray) -> float:
    """A power of two by which weights of unusual size are divided, 1 for others and where there are none.

    Newton's method ends in units of standard errors; weights that add to 1, say, would end it before its time.
    """
    used = weight[weight > 0.0]
    if not len(used):
        return 1.0
    size = round(math.log2(float(used.mean())))
    return 2.0**size if abs(size) > USUAL else 1.0


def spread(values: np.ndarray) -> np.ndarray:
    """Codes from 0 without large gaps, int64 (n,), equal where the values are equal."""
    if not len(values) or (values.min() >= 0 and values.max() < 4 * len(values)):
        return values.astype(np.int64, copy=False)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
