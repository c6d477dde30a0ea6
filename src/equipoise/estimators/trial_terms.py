"""Functions of time as model columns: polynomials, restricted cubic splines, one term a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.errors import DesignError, Fault

POLYNOMIALS = {"linear": 1, "quadratic": 2, "cubic": 3}
KNOTS = (0.05, 0.35, 0.65, 0.95)  # Harrell's places of four knots
NAMED = (*POLYNOMIALS, "spline", "categorical", "none")
TimeTerms = str | Sequence[float] | None


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """Columns float64 (times, q) of consecutive times that begin with `begin`, and their terms.

    rule  how a column follows from a time: a power, knots, or categories; kept so that other times can be laid out
    """

    table: np.ndarray
    terms: tuple[str, ...]


def time_columns(name: str, terms: TimeTerms, times: np.ndarray, rows: np.ndarray) -> TimeColumns:
    """Columns of the times float64 (n,), of which `rows` (n,) says how many rows are at each.

    terms  "linear", "quadratic", "cubic"; "spline": a restricted cubic spline with knots at the 5, 35, 65 and 95 %
           points of the rows; a sequence of three or more knots; "categorical": an indicator for every time with rows
           but the first; "none" or None

    Source of the splines: Harrell: Regression Modeling Strategies (2015), section 2.4.5.

    Example:
        >>> import numpy as np
        >>> from equipoise.estimators.trial_terms import time_columns
        >>> time_columns("month", "quadratic", np.array([0.0, 1.0, 2.0]), np.ones(3)).table.tolist()
        [[0.0, 0.0], [1.0, 1.0], [2.0, 4.0]]
    """
    if terms is None or terms == "none":
        return TimeColumns(np.empty((len(times), 0)), ())
    if isinstance(terms, str):
        if terms in POLYNOMIALS:
            degree = POLYNOMIALS[terms]
            names = (name, *(f"{name}^{d}" for d in range(2, degree + 1)))
            return TimeColumns(times[:, None] ** np.arange(1, degree + 1), names)
        if terms == "categorical":
            return _categorical(name, times, rows)
        if terms == "spline":
            return _spline(name, times, _places(times, rows))
        raise DesignError(Fault(f"terms of {name}", repr(terms), f"{', '.join(NAMED)}, or knots"))
    return _spline(name, times, _given(name, terms))


def _categorical(name: str, times: np.ndarray, rows: np.ndarray) -> TimeColumns:
    levels = times[rows > 0.0][1:]
    return TimeColumns((times[:, None] == levels).astype(np.float64), tuple(f"{name}[{level:g}]" for level in levels))


def _places(times: np.ndarray, rows: np.ndarray) -> np.ndarray:
    reached = np.cumsum(rows) / max(rows.sum(), 1.0)
    knots = np.unique(times[np.minimum(np.searchsorted(reached, KNOTS), len(times) - 1)])
    return knots if len(knots) > 2 else np.unique(times)[: 3 if len(times) > 2 else 0]


def _given(name: str, knots: Sequence[float]) -> np.ndarray:
    values = np.asarray(knots, np.float64)
    if values.ndim != 1 or len(values) < 3 or not np.isfinite(values).all() or (np.diff(values) <= 0.0).any():
        raise DesignError(
            Fault(f"knots of {name}", f"{len(values)} values", "three or more, each above the one before")
        )
    return values


def _spline(name: str, times: np.ndarray, knots: np.ndarray) -> TimeColumns:
    """t, and for each knot but the last two a cubic that is a straight line beyond the outer knots."""
    columns = [times]
    if len(knots) > 2:
        last, before = knots[-1], knots[-2]
        scale = (last - knots[0]) ** 2
        for knot in knots[:-2]:
            a, b, c = (np.maximum(times - at, 0.0) ** 3 for at in (knot, before, last))
            columns.append((a - b * (last - knot) / (last - before) + c * (before - knot) / (last - before)) / scale)
    names = (name, *(f"{name}_s{k}" for k in range(1, len(columns))))
    return TimeColumns(np.column_stack(columns), names)
