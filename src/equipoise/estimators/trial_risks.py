"""Standardized risks of the arms of emulated trials, with their differences and ratios."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.tails import normal_quantile
from equipoise.estimators.trial_estimation import Estimated, person_covariance
from equipoise.kernels.trial_risk import standardized_risks

MEASURES = ("risk difference", "risk ratio")


@dataclass(frozen=True, slots=True, eq=False)
class TrialRisks:
    """Risks by arm and time since the start of a trial.

    arms        names, A of them, the reference first
    times       int64 (n,): follow-up intervals completed; the risk at time k is that by the end of interval k, from 0
    risk        float64 (A, n), nan where `reason` says why
    survival    float64 (A, n), free of the outcome and of competing events
    covariance  float64 (A, A, n), of the arms' risks at each time
    draws       float64 (B, A, n) of a bootstrap, None where the covariance is the delta method's
    """

    arms: tuple[str, ...]
    times: np.ndarray
    risk: np.ndarray
    survival: np.ndarray
    covariance: np.ndarray
    reason: Reason | None
    variance: str
    conf_level: float
    frame_kind: str
    draws: np.ndarray | None = None

    def tidy(self) -> Any:
        """One row an arm and time: arm, time, risk, std_error, conf_low, conf_high, reason.

        Limits on the scale log(-log(1 - risk)), or percentiles of a bootstrap.
        """
        cells = [(a, t) for a in range(len(self.arms)) for t in range(len(self.times))]
        rows = [self._risk(a, t) for a, t in cells]
        columns = {"arm": [self.arms[a] for a, _ in cells], "time": [int(self.times[t]) for _, t in cells]}
        return self._frame(columns, ("risk", "std_error", "conf_low", "conf_high"), rows)

    def contrasts(self) -> Any:
        """One row an arm against the reference, time and measure: estimate, std_error, conf_low, conf_high, reason.

        The standard error of a ratio is that of its logarithm.
        """
        cells = [
            (a, t, m) for a in range(1, len(self.arms)) for t in range(len(self.times)) for m in range(len(MEASURES))
        ]
        rows = [self._difference(a, t) if m == 0 else self._ratio(a, t) for a, t, m in cells]
        columns = {
            "contrast": [f"{self.arms[a]} against {self.arms[0]}" for a, _, _ in cells],
            "time": [int(self.times[t]) for _, t, _ in cells],
            "measure": [MEASURES[m] for _, _, m in cells],
        }
        return self._frame(columns, ("estimate", "std_error", "conf_low", "conf_high"), rows)

    def _risk(self, a: int, t: int) -> tuple[float, ...]:
        value, error = float(self.risk[a, t]), math.sqrt(max(self.covariance[a, a, t], 0.0))
        if self.draws is not None:
            return value, error, *self._percentiles(self.draws[:, a, t])
        if not 0.0 < value < 1.0:
            return value, error, math.nan, math.nan
        logarithm = math.log1p(-value)
        half = self._z() * error / ((1.0 - value) * abs(logarithm))
        low, high = (-math.expm1(logarithm * math.exp(sign * half)) for sign in (-1.0, 1.0))
        return value, error, low, high

    def _difference(self, a: int, t: int) -> tuple[float, ...]:
        v = self.covariance[:, :, t]
        value = float(self.risk[a, t] - self.risk[0, t])
        error = math.sqrt(max(v[a, a] + v[0, 0] - 2.0 * v[a, 0], 0.0))
        if self.draws is not None:
            return value, error, *self._percentiles(self.draws[:, a, t] - self.draws[:, 0, t])
        return value, error, value - self._z() * error, value + self._z() * error

    def _ratio(self, a: int, t: int) -> tuple[float, ...]:
        one, reference = float(self.risk[a, t]), float(self.risk[0, t])
        if not (one > 0.0 and reference > 0.0):
            return (math.nan,) * 4
        v = self.covariance[:, :, t]
        variance = v[a, a] / one**2 + v[0, 0] / reference**2 - 2.0 * v[a, 0] / (one * reference)
        value, error = one / reference, math.sqrt(max(variance, 0.0))
        if self.draws is not None:
            return value, error, *self._percentiles(self.draws[:, a, t] / self.draws[:, 0, t])
        return value, error, value * math.exp(-self._z() * error), value * math.exp(self._z() * error)

    def _percentiles(self, drawn: np.ndarray) -> tuple[float, float]:
        tail = 50.0 * (1.0 - self.conf_level)
        low, high = np.percentile(drawn, (tail, 100.0 - tail)) if len(drawn) else (math.nan, math.nan)
        return float(low), float(high)

    def _z(self) -> float:
        return normal_quantile(0.5 + self.conf_level / 2.0)

    def _frame(self, columns: dict[str, list], numbers: Sequence[str], rows: list[tuple[float, ...]]) -> Any:
        kinds = {name: nw.Int64() if name == "time" else nw.String() for name in columns}
        whole = columns | {name: [row[k] for row in rows] for k, name in enumerate(numbers)}
        why = None if self.reason is None else str(self.reason)
        whole["reason"] = [why] * len(rows)
        kinds |= dict.fromkeys(numbers, nw.Float64()) | {"reason": nw.String()}
        declared = None if self.frame_kind == "pandas" else kinds
        return nw.from_dict(whole, declared, backend=self.frame_kind).to_native()


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """Over whom risks are standardized: start rows int64 (T,) of trials, how often each counts, and states by arm."""

    arms: tuple[str, ...]
    rows: np.ndarray
    times: np.ndarray
    path: np.ndarray
    frame_kind: str


def read_times(times: Sequence[int] | None, horizon: int) -> np.ndarray:
    """Follow-up times asked for, from 0 to one below the longest follow-up; all where none are named."""
    if times is None:
        return np.arange(horizon)
    values = np.atleast_1d(np.asarray(times))
    whole = values.dtype.kind in "iu" or (values.dtype.kind == "f" and (values == np.floor(values)).all())
    if not whole or values.ndim != 1 or not len(values) or values.min() < 0 or values.max() >= horizon:
        raise DesignError(Fault("times", "not follow-up times of the trials", f"whole numbers from 0 to {horizon - 1}"))
    return np.unique(values.astype(np.int64))


def risks_of(models: list[Estimated], standard: Standard, times: np.ndarray, conf_level: float) -> TrialRisks:
    """Risks from the outcome's model and, where there is one, that of the competing event."""
    shape = (len(standard.arms), len(times))
    reason = next((m.answers for m in models if m.answers is not None and m.answers is not Reason.NO_EVENTS), None)
    reason = reason or models[0].answers
    used = [m for m in models if m.solution is not None]
    words = "delta method around the robust variance, baseline covariates as they are"
    if reason is not None:
        absent = np.full(shape, np.nan)
        covariance = np.full((shape[0], *shape), np.nan)
        return TrialRisks(
            standard.arms, times, absent, absent, covariance, reason, words, conf_level, standard.frame_kind
        )
    hazards = [m.hazard for m in used]
    path = np.ascontiguousarray(standard.path[:, : int(times.max(initial=0)) + 1])
    other = hazards[1] if len(hazards) > 1 else None
    found = standardized_risks(hazards[0], other, standard.rows, standard.times, path, times)
    covariance = np.einsum("atp,pq,btq->abt", found.gradient, person_covariance(used), found.gradient)
    risk, survival = found.risk[:, times], found.survival[:, times]
    level = check_conf_level(conf_level)
    return TrialRisks(standard.arms, times, risk, survival, covariance, None, words, level, standard.frame_kind)
