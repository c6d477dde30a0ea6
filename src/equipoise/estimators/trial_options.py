"""Options of emulated trials that are checked before anything is read."""

from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, UnsupportedError

POOLED_LOGISTIC, COX = "pooled_logistic", "cox"
MODELS = (POOLED_LOGISTIC, COX)
TREATMENT_FIRST, EVENTS_FIRST = "treatment_first", "events_first"
ORDERS = (TREATMENT_FIRST, EVENTS_FIRST)


def model_words(cox: bool) -> str:
    """The model in words."""
    return "Cox regression" if cox else "pooled logistic regression"


def check_choices(given: dict[str, tuple[Any, tuple[str, ...]]]) -> None:
    """Refuse words that are not offered, all at once."""
    faults = [
        Fault(name, repr(value), ", ".join(known)) for name, (value, known) in given.items() if value not in known
    ]
    if faults:
        raise UnsupportedError(faults)


def check_count(name: str, value: Any) -> int:
    """A whole number of intervals, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise DesignError(Fault(name, repr(value), "a whole number of intervals, 1 or more"))
    return int(value)


def check_penalty(value: Any) -> float:
    """A number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0.0 <= value < np.inf:
        raise DesignError(Fault("penalty", repr(value), "a number, 0 or more"))
    return float(value)


def check_weights(as_assigned: bool, censored: Any, n: Any, d: Any, censoring_n: Any, censoring_d: Any) -> None:
    """Refuse models that nothing would use."""
    faults = []
    if as_assigned and (n is not None or d is not None):
        faults.append(Fault("treatment_denominator", "beside the as-assigned estimand", "per_protocol, as_treated",
                            "adjust for what decides the start in covariates"))  # fmt: skip
    if n is not None and d is None:
        faults.append(Fault("treatment_numerator", "without a denominator", "treatment_denominator"))
    if censored is None and (censoring_n is not None or censoring_d is not None):
        faults.append(Fault("censoring_denominator", "without a censored column", "censored"))
    if censoring_n is not None and censoring_d is None:
        faults.append(Fault("censoring_numerator", "without a denominator", "censoring_denominator"))
    if faults:
        raise DesignError(faults)
