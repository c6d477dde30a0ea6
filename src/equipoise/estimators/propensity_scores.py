"""What propensity scores say before anybody is matched or weighed: `assess_propensity`, `trim`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason
from equipoise.estimators.adjustment_rows import (
    AdjustmentRows,
    FittedPropensity,
    adjusted_frame,
    adjusted_set,
    read_adjustment_rows,
)
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile
from equipoise.estimators.weighting import check_model_of_arm

EQUIPOISE = (0.3, 0.7)
ROUNDING = 1e-12  # a preference score of 0.3 comes out of two logarithms


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PropensityAssessment:
    """How well arms can be told apart by the score, and how much they overlap.

    auc, auc_std_error  probability that a person of the target arm has the higher score than one of the reference arm,
                        ties counting half, and its standard error (DeLong); nan where one arm is empty
    conf_low, conf_high Wald limits of the auc
    equipoise           share of persons whose preference score lies within `bounds`, limits included
    bounds              of the preference score
    preference          float64 (n,), each person's preference score
    """

    rows: AdjustmentRows = field(repr=False)
    auc: float
    auc_std_error: float
    conf_low: float
    conf_high: float
    equipoise: float
    bounds: tuple[float, float]
    preference: np.ndarray = field(repr=False)
    reason: Reason | None = None

    def tidy(self) -> Any:
        """One row: persons, target, auc, std_error, conf_low, conf_high, equipoise, lower, upper, reason."""
        numbers = {
            "auc": self.auc,
            "std_error": self.auc_std_error,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
            "equipoise": self.equipoise,
            "lower": self.bounds[0],
            "upper": self.bounds[1],
        }
        columns: dict[str, Any] = {
            "persons": np.array([len(self.rows)]),
            "target": np.array([int(self.rows.arm.sum())]),
        }
        columns |= {name: np.array([value], np.float64) for name, value in numbers.items()}
        return frame_of(columns | {"reason": [self.reason]}, self.rows.source.frame_kind)

    def __repr__(self) -> str:
        head = f"Propensity score: {len(self.rows):,} persons, {int(self.rows.arm.sum()):,} in the target arm"
        if self.reason is not None:
            return f"{head}\n{self.reason}: {REASON_TEXT[self.reason]}"
        low, high = self.bounds
        return (
            f"{head}\nauc {self.auc:.4f} ({self.conf_low:.4f} to {self.conf_high:.4f})\n"
            f"in equipoise (preference score {low:g} to {high:g}): {100 * self.equipoise:.1f} %"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trimming:
    """Which persons are left: what `trim` returns.

    rows   the rows as they came
    keep   bool (n,)
    rule   in words
    low, high  limits of the score, both within what is kept
    """

    rows: AdjustmentRows
    keep: np.ndarray
    rule: str
    low: float
    high: float

    @property
    def reason(self) -> Reason | None:
        """ONE_ARM_EMPTY where nobody of one arm is left, else None."""
        left = self.rows.arm[self.keep]
        return None if left.any() and not left.all() else Reason.ONE_ARM_EMPTY

    def analysis_set(
        self,
        *,
        event: str | np.ndarray | None = None,
        stop: str | np.ndarray | None = None,
        start: str | np.ndarray | None = None,
        covariates: Sequence[str] = (),
    ) -> AnalysisSet:
        """Those left as an `AnalysisSet` with a column "arm"; `event` and `stop` for data that are none."""
        at = np.flatnonzero(self.keep)
        return adjusted_set(self.rows, at, event=event, stop=stop, start=start, covariates=covariates)

    def frame(self) -> Any:
        """Those left, of the data frame."""
        return adjusted_frame(self.rows, np.flatnonzero(self.keep), {})

    def __repr__(self) -> str:
        lines = [f"Trimming: {int(self.keep.sum()):,} of {len(self.rows):,} persons left, {self.rule}"]
        for name, side in (("target", self.rows.arm), ("reference", ~self.rows.arm)):
            lines.append(f"{name:<9} {int(self.keep[side].sum()):>9,} of {int(side.sum()):,}")
        lines.append(f"scores from {self.low:.4g} to {self.high:.4g}; fit the propensity model anew to those left")
        return "\n".join(lines)


def assess_propensity(
    data: Any,
    *,
    arm: str | np.ndarray | None = None,
    score: str | np.ndarray | FittedPropensity | None = None,
    bounds: tuple[float, float] = EQUIPOISE,
    conf_level: float = 0.95,
) -> PropensityAssessment:
    """The area under the ROC curve of a propensity score, and the share of persons in equipoise.

    data, arm, score  as in `weigh`
    bounds            of the preference score, within which either arm was possible

    With one arm empty, numbers are nan with a reason. Raises DesignError as `weigh`.

    Source: Walker et al., Comparative Effectiveness Research 2013;3:11; DeLong et al., Biometrics 1988;44:837.

    Example:
        >>> import pandas as pd
        >>> from equipoise import assess_propensity
        >>> table = pd.DataFrame({"drug": [1, 1, 0, 0], "score": [0.8, 0.5, 0.5, 0.2]})
        >>> assess_propensity(table, arm="drug", score="score").auc
        0.875
    """
    level, limits = check_conf_level(conf_level), _limits("bounds", bounds)
    rows = read_adjustment_rows(data, arm=arm, score=score)
    check_model_of_arm(rows, score)
    preference = rows.preference
    if rows.reason is not None:
        return PropensityAssessment(rows, *(math.nan,) * 5, limits, preference, rows.reason)
    area, error = area_under_curve(rows.score, rows.arm)
    half = normal_quantile(0.5 + level / 2.0) * error
    inside = _within(preference, limits)
    return PropensityAssessment(rows, area, error, area - half, area + half, float(inside.mean()), limits, preference)


def trim(
    data: Any,
    *,
    arm: str | np.ndarray | None = None,
    score: str | np.ndarray | FittedPropensity | None = None,
    fraction: float | None = None,
    bounds: tuple[float, float] | None = None,
    equipoise: tuple[float, float] | None = None,
) -> Trimming:
    """Leave out persons whose arm was all but decided. Exactly one of the three rules:

    fraction   such as 0.05: scores below this quantile of the target arm, and above the quantile 1 - fraction of the
               reference arm (R's type 7), as in Stürmer et al.
    bounds     of the score, such as (0.1, 0.9)
    equipoise  bounds of the preference score, such as (0.3, 0.7)

    data, arm and score as in `weigh`. Limits are kept. The effect is then one in those left, and the propensity model
    is fitted anew to them.

    Raises DesignError as `weigh`, for none or several rules, and for limits that are none.

    Source: Stürmer et al., American Journal of Epidemiology 2010;172:843; Crump et al., Biometrika 2009;96:187; Walker
    et al., Comparative Effectiveness Research 2013;3:11.

    Example:
        >>> import pandas as pd
        >>> from equipoise import trim
        >>> table = pd.DataFrame({"drug": [1, 1, 0, 0], "score": [0.95, 0.5, 0.5, 0.2]})
        >>> trim(table, arm="drug", score="score", bounds=(0.1, 0.9)).keep.tolist()
        [False, True, True, True]
    """
    given = [
        name
        for name, value in (("fraction", fraction), ("bounds", bounds), ("equipoise", equipoise))
        if value is not None
    ]
    if len(given) != 1:
        raise DesignError(Fault("trim", f"rules: {', '.join(given) or 'none'}", "one of fraction, bounds, equipoise"))
    if fraction is not None and not 0.0 < fraction < 0.5:
        raise DesignError(Fault("fraction", repr(fraction), "a share above 0 and below 0.5"))
    ends = (fraction, 1.0 - fraction) if fraction is not None else bounds if bounds is not None else equipoise
    limits = _limits(given[0], ends)
    rows = read_adjustment_rows(data, arm=arm, score=score)
    check_model_of_arm(rows, score)
    if equipoise is not None:
        return _within_preference(rows, limits)
    words = "by the score"
    if fraction is not None:
        limits, words = _quantiles(rows, fraction), f"{fraction:g} of each arm's far end"
    return Trimming(rows, _within(rows.score, limits), words, *limits)


def _within_preference(rows: AdjustmentRows, limits: tuple[float, float]) -> Trimming:
    keep = _within(rows.preference, limits)
    left = rows.score[keep]
    low, high = (float(left.min()), float(left.max())) if len(left) else (math.nan, math.nan)
    return Trimming(rows, keep, f"preference score {limits[0]:g} to {limits[1]:g}", low, high)


def area_under_curve(score: np.ndarray, arm: np.ndarray) -> tuple[float, float]:
    """The probability that a score of the target arm is higher, ties half, and its standard error by DeLong's method.

    score float64 (n,), arm bool (n,), both arms present; the error is nan where an arm has one person. O(n log n).
    """
    target, reference = np.sort(score[arm]), np.sort(score[~arm])
    above = _share_below(reference, target)
    below = 1.0 - _share_below(target, reference)
    if min(len(target), len(reference)) < 2:
        return float(above.mean()), math.nan
    variance = above.var(ddof=1) / len(target) + below.var(ddof=1) / len(reference)
    return float(above.mean()), math.sqrt(variance)


def _share_below(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The share of ordered scores that lie below each value, ties half."""
    ends = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return ends / (2.0 * len(ordered))


def _within(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Whether values lie between the limits, or on them but for rounding."""
    return (values >= limits[0] - ROUNDING) & (values <= limits[1] + ROUNDING)


def _quantiles(rows: AdjustmentRows, fraction: float) -> tuple[float, float]:
    if rows.reason is not None:
        return (math.nan, math.nan)
    low = np.quantile(rows.score[rows.arm], fraction)
    return float(low), float(np.quantile(rows.score[~rows.arm], 1.0 - fraction))


def _limits(where: str, given: Any) -> tuple[float, float]:
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        raise DesignError(Fault(where, repr(given), "a lower and an upper limit")) from None
    if not 0.0 <= low < high <= 1.0:
        raise DesignError(Fault(where, repr(given), "limits between 0 and 1, the lower one first"))
    return low, high
