"""Risks of the outcome over time in the arms of a follow-up design, and their contrasts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import Reason
from equipoise.estimators.cumulative_incidence import fit_cumulative_incidence
from equipoise.estimators.cumulative_incidence_result import CumulativeIncidence
from equipoise.estimators.survival_curve import fit_survival_curve
from equipoise.estimators.survival_curve_result import SurvivalCurve

Curve = SurvivalCurve | CumulativeIncidence


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number with its limits; only a reason where there is none. A ratio's `std_error` is of its logarithm."""

    estimate: float | None = None
    std_error: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    p_value: float | None = None
    reason: Reason | None = None


def outcome_only(rows: AnalysisSet) -> AnalysisSet:
    """The rows with the outcome as the only event: competing events end follow-up like censoring."""
    return replace(rows, event=(rows.event == 1).astype(np.int8))


def curve_of(rows: AnalysisSet, competing: bool, conf_level: float, cluster: str | None = None) -> Curve:
    """The curves of the arms that have persons, in the order of their codes.

    Kaplan and Meier's survival, or with `competing` events Aalen and Johansen's cumulative incidence.
    """
    if competing:
        return fit_cumulative_incidence(rows, by="arm", cluster=cluster, conf_level=conf_level)
    return fit_survival_curve(outcome_only(rows), by="arm", cluster=cluster, conf_level=conf_level)


def risks_at(curve: Curve, times: Sequence[int]) -> list[list[Quantity]]:
    """The risk at each time in each arm of the curve: one less survival, or the cumulative incidence."""
    if isinstance(curve, CumulativeIncidence):
        frame = curve.incidence_at(times)
        found = [_quantity(row) for row in _rows(frame[frame["cause"] == 1])]
    else:
        found = [_complement(_quantity(row)) for row in _rows(curve.survival_at(times))]
    return [found[start : start + len(times)] for start in range(0, len(found), len(times))]


def risk_contrasts(curve: Curve, times: Sequence[int], measure: str) -> list[Quantity]:
    """Risk in the target arm less that in the reference arm (`difference`), or divided by it (`ratio`), by time."""
    if isinstance(curve, CumulativeIncidence):
        frame = curve.compare_at(times, measure=measure)
        return [_quantity(row) for row in _rows(frame[frame["cause"] == 1])]
    return [_quantity(row) for row in _rows(curve.compare_at(times, measure=measure, of="risk"))]


def restricted_means(curve: SurvivalCurve, time: int) -> list[Quantity]:
    """Mean time without the outcome up to `time`: reference arm, target arm, target less reference."""
    return [_quantity(row) for row in _rows(curve.restricted_mean(float(time)))]


def _rows(frame: Any) -> list[dict[str, Any]]:
    return frame.to_dict("records")


def _quantity(row: dict[str, Any]) -> Quantity:
    reason = row.get("reason")
    if isinstance(reason, str):
        return Quantity(reason=Reason(reason))
    named = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
    estimate, std_error, conf_low, conf_high, p_value = (_number(row.get(name)) for name in named)
    return Quantity(estimate, std_error, conf_low, conf_high, p_value)


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _complement(survival: Quantity) -> Quantity:
    """One less a probability: the limits change places."""

    def less(value: float | None) -> float | None:
        return None if value is None else 1.0 - value

    low, high = less(survival.conf_high), less(survival.conf_low)
    return replace(survival, estimate=less(survival.estimate), conf_low=low, conf_high=high)
