"""One row of estimates from the rows of several completed data sets, by Rubin's rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.pooled_quantities import pool_quantities
from equipoise.results.tables import schema_of
from equipoise.runner.missing_values import COMPLETE_CASES, IMPUTED

Row = dict[str, Any]
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value", "log_estimate", "reason")
RATIOS = ("odds_ratio", "hazard_ratio", "subdistribution_hazard_ratio", "rate_ratio", "risk_ratio")


def pooled_rows(imputed: Sequence[Sequence[Row]], parameters: int, conf_level: float) -> list[Row]:
    """The rows of one data set after the other, each list alike, as one list.

    Ratios are pooled as logarithms, risks on the scale of log(-log(1 - risk)), differences as they are. Degrees of
    freedom of complete data are the events (matched sets, where there are any) less `parameters` for ratios of odds,
    hazards and rates, and the persons less one otherwise.
    """
    return [pooled_row(alike, parameters, conf_level) for alike in zip(*imputed, strict=True)]


def pooled_row(alike: Sequence[Row], parameters: int, conf_level: float) -> Row:
    """One row of several that differ in their numbers only; a count that differs between them is null."""
    made = {name: alike[0][name] for name in alike[0] if name not in NUMBERS} | {"missing_data": IMPUTED}
    for column in schema_of("estimates").columns:
        if column.count and any(row.get(column.name) != made.get(column.name) for row in alike):
            made[column.name] = None
    reason = next((row["reason"] for row in alike if row["reason"] is not None), None)
    if reason is not None:
        return made | {"reason": reason}
    return made | _numbers(alike, parameters, conf_level)


def _numbers(alike: Sequence[Row], parameters: int, conf_level: float) -> Row:
    measure, complete = alike[0]["measure"], _complete_df(alike[0], parameters)
    values, errors = _on_scale(alike, measure)
    if not (np.isfinite(values).all() and np.isfinite(errors).all()):
        return {"reason": Reason.BOUNDARY}
    found = pool_quantities(values, errors, df_complete=complete, conf_level=conf_level)
    log = found.estimate if measure in RATIOS else None
    error = found.std_error
    if measure in RATIOS:
        found = found.mapped(math.exp)
    elif measure == "risk":
        error *= (1.0 - _risk(found.estimate)) * math.exp(found.estimate)
        found = replace(found.mapped(_risk), p_value=math.nan)
    return {
        "estimate": found.estimate,
        "conf_low": found.conf_low,
        "conf_high": found.conf_high,
        "p_value": None if math.isnan(found.p_value) else found.p_value,
        "log_estimate": log,
        "std_error": error,
        "degrees_of_freedom": None if math.isinf(found.df) else found.df,
        "fraction_missing": found.fraction_missing,
        "reason": None,
    }


def _on_scale(alike: Sequence[Row], measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and standard errors on the scale on which they are pooled."""
    errors = np.array([row["std_error"] if row["std_error"] is not None else np.nan for row in alike])
    if measure in RATIOS:
        return np.array([row["log_estimate"] for row in alike], dtype=np.float64), errors
    values = np.array([row["estimate"] for row in alike], dtype=np.float64)
    if measure != "risk":
        return values, errors
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = -np.log1p(-values)
        return np.log(hazard), errors / ((1.0 - values) * hazard)


def _risk(scaled: float) -> float:
    return -math.expm1(-math.exp(scaled))


def _complete_df(row: Mapping[str, Any], parameters: int) -> float:
    units = row.get("n_sets") or (row["n_cases"] if row["measure"] in RATIOS else row["n_persons"])
    return math.inf if units is None else float(max(units - parameters, 1))


def averaged(alike: Sequence[Row]) -> Row:
    """Rows of a description that differ between completed data sets: means of numbers; counts that differ are null."""
    made: Row = {}
    for name, value in alike[0].items():
        values = [row[name] for row in alike]
        if all(item == value for item in values):
            made[name] = value
        elif all(isinstance(item, float) for item in values):
            made[name] = float(np.mean(values))
        else:
            made[name] = value if isinstance(value, str) else None
    return made


def as_complete_cases(row: Mapping[str, Any]) -> Row:
    """A row beside the imputed one, under a name of its own."""
    return dict(row) | {"adjustment": f"{row['adjustment']}, {COMPLETE_CASES}", "missing_data": COMPLETE_CASES}


def without_numbers(row: Mapping[str, Any], reason: Reason) -> Row:
    """A row with a reason in place of its numbers, as where nothing can be imputed."""
    return {name: value for name, value in row.items() if name not in NUMBERS} | {
        "reason": reason,
        "missing_data": IMPUTED,
    }
