"""Estimates with standard errors as they come, and which of them can be used."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """log_estimate, std_error float64 (n,) as given, and which are usable: finite, bool (n,)."""

    log_estimate: np.ndarray
    std_error: np.ndarray
    usable: np.ndarray

    @property
    def unusable(self) -> int:
        return int((~self.usable).sum())


def read_estimates(log_estimates: Any, std_errors: Any) -> Estimates:
    """Two columns of the same length. An estimate or error that is missing or infinite is unusable, not an error.

    Raises DesignError for other shapes, text, and standard errors that are not positive, with their count.
    """
    log_estimate, std_error = column("log_estimates", log_estimates), column("std_errors", std_errors)
    same_length("std_errors", std_error, "log_estimates", log_estimate)
    wrong = int((std_error <= 0.0).sum())
    if wrong:
        raise DesignError(Fault("std_errors", f"{wrong:,} that are not positive", "positive standard errors"))
    return Estimates(log_estimate, std_error, np.isfinite(log_estimate) & np.isfinite(std_error))


def column(name: str, values: Any) -> np.ndarray:
    """Numbers as float64 (n,); one number counts as a column of length 1. None is nan."""
    try:
        array = np.atleast_1d(np.asarray(values, np.float64))
    except (TypeError, ValueError):
        raise DesignError(Fault(name, "values that are not numbers", "numbers")) from None
    if array.ndim != 1:
        raise DesignError(Fault(name, f"{array.ndim} dimensions", "one column"))
    return array


def same_length(name: str, values: np.ndarray, other: str, others: np.ndarray) -> None:
    """Raises DesignError where two columns differ in length."""
    if len(values) != len(others):
        raise DesignError(Fault(name, f"{len(values):,} values", f"{len(others):,}, as in {other}"))
