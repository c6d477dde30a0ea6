"""`CumulativeIncidence` and `GrayTest`: what is read off cumulative incidences of competing events."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason
from equipoise.estimators.cumulative_incidence_variance import IncidenceVariance
from equipoise.estimators.survival_curve_contrasts import DIFFERENCE, Contrast, against_first, columns_of
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.survival_curve_intervals import limits
from equipoise.estimators.survival_curve_result import SHOWN_GROUPS, SurvivalCurve, times_of
from equipoise.kernels.cumulative_incidence import Incidence


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CumulativeIncidence:
    """Cumulative incidence by group and cause, on the probability scale.

    event_free   survival free of any event, as a `SurvivalCurve`: with the incidences of all causes it adds up to 1
    incidences   by group and cause, at the times of `event_free.curves`
    std_errors   by group and cause, float64 (T',)
    """

    event_free: SurvivalCurve
    incidences: tuple[tuple[Incidence, ...], ...]
    std_errors: tuple[tuple[np.ndarray, ...], ...]
    errors: IncidenceVariance = field(repr=False)
    variance: str

    @property
    def groups(self) -> tuple[str, ...]:
        return self.event_free.groups

    @property
    def causes(self) -> tuple[int, ...]:
        """1 to the largest cause in the data."""
        return tuple(range(1, len(self.incidences[0]) + 1))

    def tidy(self, *, conf_level: float | None = None) -> Any:
        """One row a group, cause and time at which rows of the group fail or are censored.

        group, cause, time, n_risk, n_event (of the cause), n_censor, estimate (incidence just after the time),
        std_error, conf_low, conf_high, cumulative_hazard (of the cause).
        """
        z = self.event_free.z(conf_level)
        cells = [(g, k) for g in range(len(self.groups)) for k in self.causes]
        blocks = [self._block(g, k, z) for g, k in cells]
        sizes = [len(block["time"]) for block in blocks]
        columns: dict[str, Any] = {
            "group": [self.groups[g] for (g, _), size in zip(cells, sizes, strict=True) for _ in range(size)],
            "cause": np.repeat(np.array([k for _, k in cells]), sizes),
        }
        return self._frame(columns | {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]})

    def glance(self) -> Any:
        """One row on the whole: rows, groups, events by cause as events_1, events_2, …"""
        event = self.errors.rows.event
        columns: dict[str, Any] = {"rows": np.array([len(event)]), "groups": np.array([len(self.groups)])}
        return self._frame(columns | {f"events_{k}": np.array([np.count_nonzero(event == k)]) for k in self.causes})

    def incidence_at(
        self, times: float | Sequence[float], *, extend: bool = False, conf_level: float | None = None
    ) -> Any:
        """Incidence just after each time, one row a group, cause and time: estimate, std_error, limits, reason.

        After a group's last time it is not known unless everybody has failed: nan with BEYOND_FOLLOW_UP, or with
        `extend` the last value.
        """
        z, wanted = self.event_free.z(conf_level), times_of(times)
        cells = [(g, k) for g in range(len(self.groups)) for k in self.causes]
        parts = [self._at(g, k, wanted, extend) for g, k in cells]
        estimate, error = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        low, high = limits(estimate, error, self.event_free.conf_type, z)
        columns: dict[str, Any] = {
            "group": [self.groups[g] for g, _ in cells for _ in wanted],
            "cause": np.repeat(np.array([k for _, k in cells]), len(wanted)),
            "time": np.tile(wanted, len(cells)),
            "estimate": estimate,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "reason": [reason for part in parts for reason in part[2]],
        }
        return self._frame(columns)

    def at_risk(self, times: float | Sequence[float]) -> Any:
        """The table below a plot: at risk just before each time, failed of any cause and censored until then."""
        return self.event_free.at_risk(times)

    def compare_at(
        self,
        times: float | Sequence[float],
        *,
        measure: str = DIFFERENCE,
        conf_level: float | None = None,
    ) -> Any:
        """Every group against the first at given times: "difference" or "ratio" of the incidence of each cause.

        One row a cause, time and group. With `cluster` the dependence of groups that share clusters is accounted for.
        A ratio's `std_error` is that of its logarithm.
        """
        z, rows, at = self.event_free.z(conf_level), [], []
        for cause in self.causes:
            for time in times_of(times):
                new = self._contrasts(float(time), cause, measure, z)
                rows += new
                at += [(cause, time)] * len(new)
        columns = columns_of(rows)
        where: dict[str, Any] = {
            "term": columns.pop("term"),
            "cause": np.array([cause for cause, _ in at], np.int64),
            "time": np.array([time for _, time in at], np.float64),
        }
        return self._frame(where | columns)

    def covariance_at(self, time: float, cause: int) -> np.ndarray:
        """Covariance (G, G) of the groups' incidence of a cause; off the diagonal only with `cluster`."""
        if cause not in self.causes:
            raise DesignError(Fault("cause", repr(cause), ", ".join(map(str, self.causes))))
        return self.errors.covariance_at(time, cause)

    def __repr__(self) -> str:
        return _describe(self)

    def _frame(self, columns: dict[str, Any]) -> Any:
        return frame_of(columns, self.errors.rows.kind)

    def _block(self, group: int, cause: int, z: float) -> dict[str, np.ndarray]:
        curve, one = self.event_free.curves[group], self.incidences[group][cause - 1]
        error = self.std_errors[group][cause - 1]
        low, high = limits(one.incidence, error, self.event_free.conf_type, z)
        return {
            "time": self.errors.rows.grid.times[curve.place],
            "n_risk": curve.at_risk,
            "n_event": one.failed,
            "n_censor": curve.censored,
            "estimate": one.incidence,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "cumulative_hazard": one.hazard,
        }

    def _at(
        self, group: int, cause: int, times: np.ndarray, extend: bool
    ) -> tuple[np.ndarray, np.ndarray, list[Reason | None]]:
        curve, one = self.event_free.curves[group], self.incidences[group][cause - 1]
        j = np.searchsorted(curve.place, self.errors.rows.grid.place_at(times), side="right")
        known_until = self.event_free.known_until
        reasons = [None if extend and len(curve.place) else known_until(group, float(t)) for t in times]
        known = np.array([reason is None for reason in reasons], np.bool_)
        values = (one.incidence, self.std_errors[group][cause - 1])
        estimate, error = (np.where(known, np.concatenate([[0.0], v])[j], np.nan) for v in values)
        return estimate, error, reasons

    def _contrasts(self, time: float, cause: int, measure: str, z: float) -> list[Contrast]:
        groups = range(len(self.groups))
        reasons = [self.event_free.known_until(g, time) for g in groups]
        estimates = np.array([self._at(g, cause, np.array([time]), True)[0][0] for g in groups])
        covariance = self.errors.covariance_at(time, cause)
        return against_first(self.groups, estimates, covariance, measure, z, reasons)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GrayTest:
    """Gray's test of equal cumulative incidence, one a cause (from 1): arrays (K,), nan where a reason stands."""

    groups: tuple[str, ...]
    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray
    reasons: tuple[Reason | None, ...]
    stratified: bool
    rho: float
    frame_kind: str

    def tidy(self) -> Any:
        """One row a cause: cause, statistic, df, p_value, reason."""
        columns: dict[str, Any] = {
            "cause": np.arange(1, len(self.statistic) + 1),
            "statistic": self.statistic,
            "df": self.df,
            "p_value": self.p_value,
            "reason": list(self.reasons),
        }
        return frame_of(columns, self.frame_kind)

    def __repr__(self) -> str:
        kind = ", stratified" if self.stratified else ""
        lines = [f"Gray's test{kind} (rho {self.rho:g}) of {len(self.groups)} groups: {', '.join(self.groups)}"]
        for k, reason in enumerate(self.reasons):
            answer = f"chi-squared {self.statistic[k]:.6g} on {self.df[k]} df, p = {self.p_value[k]:.3g}"
            lines.append(f"cause {k + 1}: {answer if reason is None else f'{reason}: {REASON_TEXT[reason]}'}")
        return "\n".join(lines)


def _describe(fit: CumulativeIncidence) -> str:
    """One line a group: rows, and by cause the events and the incidence at the group's last time."""
    width = max(5, *(len(label) for label in fit.groups))
    head = " ".join(f"{f'events {k}':>10} {f'incidence {k}':>12}" for k in fit.causes)
    lines = [
        f"Cumulative incidence (Aalen-Johansen) of {len(fit.causes)} causes: {len(fit.errors.rows):,} rows",
        "probability of having failed from each cause by the group's last time",
        f"{'group':<{width}} {head}",
    ]
    for g, label in enumerate(fit.groups[:SHOWN_GROUPS]):
        cells = []
        for one in fit.incidences[g]:
            last = one.incidence[-1] if len(one.incidence) else math.nan
            cells.append(f"{one.failed.sum():>10.6g} {last:>12.6g}")
        lines.append(f"{label:<{width}} {' '.join(cells)}")
    if len(fit.groups) > SHOWN_GROUPS:
        lines.append(f"… and {len(fit.groups) - SHOWN_GROUPS} more groups")
    free = fit.event_free
    lines.append(f"variance: {fit.variance}; {100 * free.conf_level:g} % limits on the {free.conf_type} scale")
    return "\n".join(lines)
