"""The answer of a probabilistic bias analysis: the estimate as it was, corrected, and with random error as well."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from equipoise.errors import REASON_TEXT, Reason
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BiasAnalysis:
    """Ratios with limits: (estimate, low, high) each.

    conventional  the estimate as it was, with random error alone
    systematic    median and limits over the bias parameters, no random error
    total         both
    draws         of the parameters that could have made the data; `impossible` is how many could not
    reason        NOT_IDENTIFIED where no draw could
    """

    conventional: tuple[float, float, float]
    systematic: tuple[float, float, float]
    total: tuple[float, float, float]
    draws: int
    impossible: int
    bias: str
    conf_level: float
    reason: Reason | None = None

    def tidy(self) -> Any:
        """A row each for conventional, systematic and total error: error, estimate, conf_low, conf_high."""
        rows = (self.conventional, self.systematic, self.total)
        columns: dict[str, Any] = {"error": ["conventional", "systematic", "total"]}
        for k, name in enumerate(("estimate", "conf_low", "conf_high")):
            columns[name] = np.array([row[k] for row in rows])
        return frame_of(columns, "pandas")

    def __repr__(self) -> str:
        lines = [f"Bias analysis: {self.bias}; {self.draws:,} draws, {self.impossible:,} more were impossible"]
        if self.reason is not None:
            lines.append(f"{self.reason}: {REASON_TEXT[self.reason]}")
        for name in ("conventional", "systematic", "total"):
            estimate, low, high = getattr(self, name)
            lines.append(f"{name:<13} {estimate:>8.3f} ({low:.3f} to {high:.3f})")
        return "\n".join(lines)


def bias_analysis(
    bias: str,
    log_estimate: float,
    std_error: float,
    corrected: np.ndarray,
    errors: np.ndarray,
    share: np.ndarray,
    conf_level: float,
) -> BiasAnalysis:
    """Summaries of draws.

    corrected  float64 (n,), log ratio at each draw of the parameters, nan where they could not have made the data
    errors     float64 (n,), its random standard error there
    share      float64 (n,), uniform numbers for the random error
    """
    z = normal_quantile(0.5 + conf_level / 2.0)
    conventional = _ratios(log_estimate, log_estimate - z * std_error, log_estimate + z * std_error)
    known = np.isfinite(corrected)
    draws, impossible = int(known.sum()), int((~known).sum())
    if not draws:
        nothing = (math.nan,) * 3
        return BiasAnalysis(conventional, nothing, nothing, 0, impossible, bias, conf_level, Reason.NOT_IDENTIFIED)
    tails = (0.5, 0.5 - conf_level / 2.0, 0.5 + conf_level / 2.0)
    both = corrected[known] + errors[known] * ndtri(share[known])
    systematic, total = (_ratios(*np.quantile(values, tails)) for values in (corrected[known], both))
    return BiasAnalysis(conventional, systematic, total, draws, impossible, bias, conf_level)


def _ratios(estimate: float, low: float, high: float) -> tuple[float, float, float]:
    return (math.exp(estimate), math.exp(low), math.exp(high))
