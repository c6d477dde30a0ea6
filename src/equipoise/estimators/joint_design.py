"""Columns of a trajectory that can be computed for any person at any time, and their slope in time.

A design is a formula's right-hand side with an implied intercept, over the time of measurement and columns that do not
change within a person. A formula is trusted code. Besides what formulaic offers it can use `natural_spline` and
`b_spline` with stated knots, which go on beyond the last measurement.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import formulaic
import numpy as np
import pandas as pd
from formulaic.errors import DataMismatchWarning, FormulaicError

from equipoise.errors import DesignError, Fault
from equipoise.estimators.table import Table
from equipoise.kernels.joint_baseline import spline_columns

INTERCEPT = "Intercept"
SHOWN = "(Intercept)"
STEP = 1e-5  # of the longest time: errors of the differences below 1e-10 by truncation and 1e-11 by rounding
_TREATMENT = re.compile(r"\[T\.")
_PROBLEMS = (FormulaicError, KeyError, NameError, TypeError, ValueError, SyntaxError)


def natural_spline(time: Any, knots: Sequence[float]) -> pd.DataFrame:
    """A natural cubic spline of time, linear beyond its outer knots: len(knots) - 1 columns, the first is time itself.

    Source: Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, 2nd ed. (2009), section 5.2.1.
    """
    t, k = np.asarray(time, np.float64), _checked_knots(knots, 3)
    width = k[-1] - k[0]

    def cubic(at: float) -> np.ndarray:
        return np.maximum(t - at, 0.0) ** 3 / width**2

    def scaled(j: int) -> np.ndarray:
        return (cubic(k[j]) - cubic(k[-1])) / (k[-1] - k[j]) * width

    columns = [t, *(scaled(j) - scaled(len(k) - 2) for j in range(len(k) - 2))]
    return pd.DataFrame({j + 1: column for j, column in enumerate(columns)})


def b_spline(time: Any, knots: Sequence[float], degree: int = 3) -> pd.DataFrame:
    """B-splines of time, the first left out for the intercept; the first and last knots are the boundary.

    len(knots) + degree - 2 columns. Beyond the boundary the outer polynomials go on.
    """
    k = _checked_knots(knots, 2)
    columns = spline_columns(np.asarray(time, np.float64), k[1:-1], (k[0], k[-1]), degree)
    return pd.DataFrame({j: columns[:, j] for j in range(1, columns.shape[1])})


TRANSFORMS = {"natural_spline": natural_spline, "b_spline": b_spline}


def _checked_knots(knots: Sequence[float], least: int) -> np.ndarray:
    k = np.asarray(knots, np.float64)
    if len(k) < least or not np.isfinite(k).all() or not (np.diff(k) > 0.0).all():
        raise ValueError(f"knots are at least {least} finite numbers that rise")
    return k


@dataclass(frozen=True, slots=True)
class Design:
    """The columns of one right-hand side. `name` is the argument they came from; `variables` the columns it reads."""

    name: str
    spec: formulaic.ModelSpec
    terms: tuple[str, ...]
    variables: tuple[str, ...]

    def columns(self, frame: pd.DataFrame) -> np.ndarray:
        """The columns (n, p) for the rows of a frame that holds the variables."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error", DataMismatchWarning)
                matrix = self.spec.get_model_matrix(frame, context=TRANSFORMS)
        except DataMismatchWarning:
            raise DesignError(Fault(self.name, "levels that the model has not seen", "levels of its data")) from None
        except _PROBLEMS as problem:
            raise _unreadable(self.name, problem) from None
        return _finite(self.name, _dense(matrix, len(frame)))

    def slopes(self, frame: pd.DataFrame, time: str, longest: float) -> np.ndarray:
        """The derivatives of the columns in time, (n, p), by differences of second order."""
        step, at = STEP * longest, frame[time].to_numpy()
        inside = at >= step
        after = self.columns(frame.assign(**{time: at + step}))
        before = self.columns(frame.assign(**{time: np.where(inside, at - step, at)}))
        slope = (after - before) / (2.0 * step)
        if not inside.all():
            far = self.columns(frame[~inside].assign(**{time: at[~inside] + 2.0 * step}))
            slope[~inside] = (4.0 * after[~inside] - 3.0 * before[~inside] - far) / (2.0 * step)
        return slope


def right_hand_side(covariates: Sequence[str] | str | None) -> str:
    """A formula of covariates that are names, or are a formula already."""
    if covariates is None or isinstance(covariates, str):
        return covariates or "1"
    return " + ".join(f"`{name}`" for name in covariates) or "1"


def design(name: str, formula: str, frame: pd.DataFrame) -> tuple[Design, np.ndarray]:
    """A design learnt from rows of a frame, and its columns there."""
    if "~" in formula:
        raise DesignError(Fault(name, "an outcome before ~", "the right-hand side only, such as 'year * drug'"))
    try:
        parsed = formulaic.Formula(formula)
        with np.errstate(all="ignore"):
            matrix = parsed.get_model_matrix(frame, na_action="ignore", output="numpy", context=TRANSFORMS)
    except _PROBLEMS as problem:
        raise _unreadable(name, problem) from None
    spec = matrix.model_spec
    terms = tuple(SHOWN if term == INTERCEPT else _plain(term) for term in spec.column_names)
    return Design(name, spec, terms, _variables(parsed, frame.columns)), _finite(name, _dense(matrix, len(frame)))


def variables_of(name: str, formula: str, table: Table) -> tuple[str, ...]:
    """The columns of the table that a formula reads."""
    try:
        return _variables(formulaic.Formula(formula), table.frame.columns)
    except _PROBLEMS as problem:
        raise _unreadable(name, problem) from None


def covariate_frame(table: Table, names: Sequence[str]) -> pd.DataFrame:
    """The named columns as numbers and categories, checked for what is missing or infinite."""
    table.require(names)
    return pd.DataFrame({name: _column(table, name) for name in names}, index=range(len(table)))


def _column(table: Table, name: str) -> Any:
    levels, code = table.levels(name)
    if levels is not None:
        return pd.Categorical.from_codes(code, levels)
    values = table.numbers(name)
    return values.astype(np.int64) if table.frame[name].dtype.is_integer() else values


def _variables(parsed: formulaic.Formula, known: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(str(name) for name in parsed.required_variables if str(name) in known))


def _plain(term: str) -> str:
    return _TREATMENT.sub("[", term).replace("`", "")


def _dense(matrix: Any, n: int) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(matrix, np.float64).reshape(n, -1))


def _finite(name: str, columns: np.ndarray) -> np.ndarray:
    if np.isfinite(columns).all():
        return columns
    raise DesignError(
        Fault(
            name,
            "not finite at some times between 0 and the end of follow-up",
            "columns that are finite at every time",
            "splines with stated boundaries, or log(1 + time) in the place of log(time)",
        )
    )


def _unreadable(name: str, problem: Exception) -> DesignError:
    return DesignError(Fault(name, type(problem).__name__, "a formula over columns of the data frame", str(problem)))


def references(design: Design) -> dict[str, str]:
    """The reference level of each factor in a design."""
    return {str(factor).strip("`"): str(state.levels[0]) for factor, state in design.spec.factor_contrasts.items()}
