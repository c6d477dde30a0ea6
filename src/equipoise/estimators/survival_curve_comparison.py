"""Tests of equal survival between groups: `compare_survival_curves`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.survival_curve_rows import SurvivalRows, read_rows, survival_table
from equipoise.estimators.tails import chi_squared_tail
from equipoise.kernels.survival_curve_rank_test import rank_sums

INDEPENDENT = 1e-10  # scaled eigenvalue from which a direction of the covariance counts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CurveComparison:
    """A test that the hazards of G groups are equal.

    observed, expected  weighted events by group, float64 (G,); `covariance` (G, G) is that of their difference
    statistic           chi-squared with `df` degrees of freedom under equality; nan where `reason` says why
    """

    test: str
    groups: tuple[str, ...]
    n: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    covariance: np.ndarray
    statistic: float
    df: int
    p_value: float
    reason: Reason | None
    frame_kind: str

    def tidy(self) -> Any:
        """One row a group: group, n (rows), observed and expected events (weighted as the test weights times)."""
        columns = {"group": self.groups, "n": self.n, "observed": self.observed, "expected": self.expected}
        return frame_of(columns, self.frame_kind)

    def glance(self) -> Any:
        """One row: statistic, df, p_value, reason."""
        columns: dict[str, Any] = {
            "statistic": np.array([self.statistic]),
            "df": np.array([self.df]),
            "p_value": np.array([self.p_value]),
            "reason": [self.reason],
        }
        return frame_of(columns, self.frame_kind)

    def __repr__(self) -> str:
        width = max(5, *(len(label) for label in self.groups))
        lines = [self.test, f"{'group':<{width}}  {'n':>10} {'observed':>12} {'expected':>12}"]
        for g, label in enumerate(self.groups):
            lines.append(f"{label:<{width}}  {self.n[g]:>10,} {self.observed[g]:>12.6g} {self.expected[g]:>12.6g}")
        if self.reason is not None:
            return "\n".join([*lines, f"{self.reason}: {REASON_TEXT[self.reason]}"])
        lines.append(f"chi-squared {self.statistic:.6g} on {self.df} degrees of freedom, p = {self.p_value:.3g}")
        return "\n".join(lines)


def compare_survival_curves(
    data: Any,
    *,
    time: str | None = None,
    event: str | None = None,
    by: str | Sequence[str],
    start: str | None = None,
    strata: str | Sequence[str] | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> CurveComparison:
    """The log-rank test, or with `rho` and `gamma` the tests of Fleming and Harrington; stratified by `strata`.

    data, time, event, start   as for `fit_survival_curve`; rows have no weights
    by          the groups to compare
    strata      groups are compared within combinations of these; differences are added up
    rho, gamma  a time counts S^rho (1 - S)^gamma, S being pooled survival just before: 0, 0 is the log-rank test,
                rho = 1 Peto and Peto's (early differences), gamma = 1 looks at late differences. Choose beforehand.

    Without events, or with a single group, the statistic is nan with a reason. Groups that are never at risk when an
    event happens do not count in the degrees of freedom.

    Raises as `fit_survival_curve`; UnsupportedError for an AnalysisSet with weights, DesignError for negative powers.

    Source: Harrington, Fleming, Biometrika 1982;69:553.

    Example:
        >>> from equipoise import compare_survival_curves
        >>> rows = {"day": [6, 7, 9, 10], "died": [1, 1, 1, 1], "arm": [0, 1, 0, 1]}
        >>> round(compare_survival_curves(rows, time="day", event="died", by="arm").p_value, 4)
        0.4328
    """
    for name, power in (("rho", rho), ("gamma", gamma)):
        if not power >= 0.0 or math.isinf(power):
            raise DesignError(Fault(name, repr(power), "0 or more"))
    rows = read_rows(data, time=time, event=event, start=start, by=by)
    if len(rows.weight):
        raise UnsupportedError(Fault("weights", "other than 1", "unweighted rows", "fit_cox with a robust variance"))
    stratum = strata_codes(data, strata)
    n_groups = len(rows.labels)
    sums = rank_sums(
        rows.grid.stop, rows.grid.start, rows.event, rows.group, stratum, n_groups, float(rho), float(gamma)
    )
    statistic, df = quadratic_form(sums.observed - sums.expected, sums.covariance)
    return CurveComparison(
        test=_test_in_words(rho, gamma, strata),
        groups=rows.labels,
        n=np.bincount(rows.group, minlength=n_groups),
        observed=sums.observed,
        expected=sums.expected,
        covariance=sums.covariance,
        statistic=statistic,
        df=df,
        p_value=chi_squared_tail(statistic, df),
        reason=_reason(rows, df),
        frame_kind=rows.kind,
    )


def strata_codes(data: Any, strata: str | Sequence[str] | None) -> np.ndarray:
    """One int64 code from 0 a row for the combinations of the columns; of shape (0,) without strata."""
    names = [] if strata is None else [strata] if isinstance(strata, str) else list(strata)
    if not names:
        return np.empty(0, np.int64)
    if isinstance(data, AnalysisSet):
        if names != ["stratum"] or data.stratum is None:
            raise DesignError(Fault("strata", repr(names), "'stratum' for an AnalysisSet that has one"))
        parts = [data.stratum]
    else:
        table = survival_table(data)
        table.require(names)
        parts = [table.codes(name) for name in names]
    code = np.zeros(len(parts[0]), np.int64)
    for part in parts:
        levels, at = np.unique(part, return_inverse=True)
        code = np.unique(code * len(levels) + at, return_inverse=True)[1]
    return code


def quadratic_form(difference: np.ndarray, covariance: np.ndarray) -> tuple[float, int]:
    """x' V^- x and the rank of V, for V (G, G) whose rows add up to 0; nan and 0 where V is zero."""
    scale = np.sqrt(covariance.diagonal().clip(0.0))
    at = np.flatnonzero(scale > 0.0)[1:]  # one group follows from the others
    if not len(at):
        return math.nan, 0
    values, vectors = np.linalg.eigh(covariance[np.ix_(at, at)] / np.outer(scale[at], scale[at]))
    kept = values > INDEPENDENT
    parts = vectors[:, kept].T @ (difference[at] / scale[at])
    return float(parts**2 @ (1.0 / values[kept])), int(np.count_nonzero(kept))


def _reason(rows: SurvivalRows, df: int) -> Reason | None:
    if not rows.event.any():
        return Reason.NO_EVENTS
    if len(rows.labels) < 2:
        return Reason.ONE_ARM_EMPTY
    return None if df else Reason.NO_INFORMATIVE_SETS


def _test_in_words(rho: float, gamma: float, strata: Any) -> str:
    name = "Log-rank test" if rho == gamma == 0.0 else f"Fleming-Harrington test (rho {rho:g}, gamma {gamma:g})"
    return name if strata is None else f"{name}, stratified"
