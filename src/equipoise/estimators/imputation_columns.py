"""From a data frame to the variables of multiple imputation: what is observed, how each enters a regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason
from equipoise.estimators.imputation_models import LINEAR, LOGISTIC_MODEL, MATCHING, POLYTOMOUS
from equipoise.estimators.model_frame import model_frame
from equipoise.estimators.survival_curve_rows import numeric_levels
from equipoise.estimators.table import Table, label, not_finite

MODELS = (LINEAR, MATCHING, LOGISTIC_MODEL, POLYTOMOUS)
OF_LEVELS = (LOGISTIC_MODEL, POLYTOMOUS)


@dataclass(frozen=True, slots=True)
class Variable:
    """A column that can be imputed, n rows.

    model       "linear", "matching", "logistic" or "polytomous"
    missing     boolean (n,)
    value       float64 (n,), numbers, or positions of levels; nan where missing
    levels      how many levels, 0 for a number
    donor       for levels, one row that holds each, int64 (levels,)
    """

    name: str
    model: str
    missing: np.ndarray
    value: np.ndarray
    levels: int
    donor: np.ndarray

    def columns_of(self, value: np.ndarray) -> np.ndarray:
        """The columns the variable adds to other variables' regressions, of variance about 1: (n, q)."""
        if self.levels:
            return (value[:, None] == np.arange(1, self.levels)).astype(np.float64)
        seen = self.value[~self.missing]
        spread = seen.std()
        return ((value - seen.mean()) / (spread if spread > 0.0 else 1.0))[:, None]


def variables(table: Table, names: Sequence[str], models: Mapping[str, str]) -> list[Variable]:
    """Every column to be imputed; faults of all columns together, as a DesignError."""
    absent = [name for name in names if name not in table.frame.columns]
    if absent:
        known = ", ".join(map(str, table.frame.columns))
        raise DesignError(Fault(f"column {label(name)}", "not in the data frame", known) for name in absent)
    unknown = {name: model for name, model in models.items() if name not in names or model not in MODELS}
    if unknown:
        allowed = f"columns that are imputed, each with one of {', '.join(MODELS)}"
        raise DesignError(Fault(f"models {label(name)}", repr(model), allowed) for name, model in unknown.items())
    found = [_variable(table, name, models.get(name)) for name in names]
    faults = [one for one in found if isinstance(one, Fault)]
    if faults:
        raise DesignError(faults)
    return [one for one in found if isinstance(one, Variable)]


def complete_columns(table: Table, names: Sequence[str]) -> np.ndarray:
    """Complete columns as float64 (n, q), centred and of variance 1 where they vary."""
    if not names:
        return np.empty((len(table), 0))
    x = model_frame(table, names).x
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)


def nelson_aalen(time: np.ndarray, event: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    """The cumulative hazard of everybody at each row's own time, float64 (n,); at risk in (start, time].

    Example:
        >>> import numpy as np
        >>> nelson_aalen(np.array([2.0, 1.0, 4.0]), np.array([1, 0, 1]), None)
        array([0.5, 0. , 1.5])
    """
    times, place = np.unique(time, return_inverse=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), times)
    if start is not None:
        at_risk = at_risk - (len(start) - np.searchsorted(np.sort(start), times))
    return np.cumsum(np.bincount(place, event, len(times)) / np.maximum(at_risk, 1))[place]


def _variable(table: Table, name: str, model: str | None) -> Variable | Fault:
    series = table.frame[name]
    is_factor = not series.dtype.is_numeric()
    missing = np.asarray(series.is_null().to_numpy(), np.bool_)
    if series.dtype.is_float():
        missing = np.isnan(table.numbers(name))
    if missing.all():
        return Fault(f"column {label(name)}", f"all {len(missing):,} values are missing", "some observed values")
    seen = Table(table.frame.filter((~missing).tolist())) if missing.any() else table
    infinite = 0 if is_factor else int(np.isinf(seen.numbers(name)).sum())
    if infinite:
        return not_finite(label(name), int(missing.sum()), infinite, len(missing))
    if is_factor:
        seen.require([name])
    levels, code = seen.levels(name)
    if levels is None:
        levels, code = numeric_levels(seen.frame[name].to_numpy())
    model = model or _default(seen, name, len(levels), is_factor)
    fault = _mismatch(name, model, len(levels), is_factor, bool(missing.any()))
    if fault is not None:
        return fault
    value = np.full(len(missing), np.nan)
    if model not in OF_LEVELS:
        value[~missing] = seen.numbers(name)
        return Variable(name, model, missing, value, 0, np.empty(0, np.int64))
    value[~missing] = code
    donor = np.flatnonzero(~missing)[np.unique(code, return_index=True)[1]]
    return Variable(name, model, missing, value, len(levels), donor)


def _default(seen: Table, name: str, levels: int, is_factor: bool) -> str:
    if is_factor or (levels == 2 and set(np.unique(seen.numbers(name))) == {0.0, 1.0}):
        return POLYTOMOUS if levels > 2 else LOGISTIC_MODEL
    return MATCHING


def _mismatch(name: str, model: str, levels: int, is_factor: bool, any_missing: bool) -> Fault | None:
    if levels < 2 and any_missing:
        return Fault(f"column {label(name)}", f"{REASON_TEXT[Reason.CONSTANT]} among observed rows", "some variation")
    if is_factor and model not in OF_LEVELS:
        return Fault(f"models {label(name)}", f"{model!r} for levels", ", ".join(OF_LEVELS))
    if model == LOGISTIC_MODEL and levels > 2:
        return Fault(f"models {label(name)}", f"{model!r} for {levels:,} different values", "two", "'polytomous'")
    return None


def ids_of(table: Table, person: str | None) -> np.ndarray:
    """A number for each row, int64 (n,), the key of its random draws: from `person` where given, else its position.

    Whole numbers are their own; other identifiers are numbered in their order of sorting.
    """
    if person is None:
        return np.arange(len(table))
    ids = table.codes(person)
    series = table.frame[person]
    if not series.dtype.is_integer():
        texts = np.asarray(series.cast(nw.String).to_list())
        ids = np.unique(texts, return_inverse=True)[1].astype(np.int64)
    repeated = len(ids) - len(np.unique(ids))
    if repeated:
        raise DesignError(Fault(f"person {label(person)}", f"{repeated:,} rows of persons seen before", "one row each"))
    return ids
