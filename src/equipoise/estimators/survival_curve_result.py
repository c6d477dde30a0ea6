"""`SurvivalCurve`: estimated survival by group, with everything that is read off it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_contrasts import (
    DIFFERENCE,
    Contrast,
    against_first,
    columns_of,
    level_of,
)
from equipoise.estimators.survival_curve_frames import Columns, frame_of
from equipoise.estimators.survival_curve_intervals import limits, quantile
from equipoise.estimators.survival_curve_rows import SurvivalRows
from equipoise.estimators.survival_curve_variance import CurveVariance
from equipoise.estimators.tails import normal_quantile
from equipoise.kernels.survival_curve import CENSORED, ENTERED, FAILED, Curve, Tally

QUARTILES = (0.25, 0.5, 0.75)
SURVIVAL, RISK = "survival", "risk"
SHOWN_GROUPS = 20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SurvivalCurve:
    """Survival curves, one a group, on the probability scale.

    model        what was estimated, in words
    groups       labels, G of them, such as "sex=1"; "all" without groups
    curves       the estimates at each group's own times (`kernels.survival_curve.Curve`)
    std_errors   of survival and of the cumulative hazard at those times
    counts       rows and weight that fail, are censored or enter, by group and time
    variance     how the standard errors were computed, in words
    """

    model: str
    groups: tuple[str, ...]
    curves: tuple[Curve, ...]
    std_errors: tuple[tuple[np.ndarray, np.ndarray], ...]
    counts: Tally = field(repr=False)
    errors: CurveVariance = field(repr=False)
    conf_type: str
    conf_level: float
    variance: str

    def tidy(self, *, conf_level: float | None = None) -> Any:
        """One row a group and time at which rows of the group fail or are censored.

        group, time, n_risk (just before the time), n_event, n_censor (weighted where there are weights), estimate
        (survival just after the time), std_error, conf_low, conf_high, cumulative_hazard, std_error_hazard.
        """
        z = self.z(conf_level)
        blocks = [self._block(g, z) for g in range(len(self.groups))]
        names = blocks[0].keys()
        columns: dict[str, Any] = {
            "group": [self.groups[g] for g, block in enumerate(blocks) for _ in range(len(block["time"]))]
        }
        return self._frame(columns | {name: np.concatenate([block[name] for block in blocks]) for name in names})

    def glance(self) -> Any:
        """One row on the whole: rows, events, groups, first and last time."""
        times = np.concatenate([self._times(g) for g in range(len(self.groups))])
        ends = (times.min(), times.max()) if len(times) else (math.nan, math.nan)
        whole = {
            "rows": int(self._rows.event.size),
            "events": int(np.count_nonzero(self._rows.event)),
            "groups": len(self.groups),
        }
        columns: dict[str, Any] = {name: np.array([value]) for name, value in whole.items()}
        return self._frame(columns | {"first_time": np.array([ends[0]]), "last_time": np.array([ends[1]])})

    def survival_at(
        self, times: float | Sequence[float], *, extend: bool = False, conf_level: float | None = None
    ) -> Any:
        """Survival just after each time, one row a group and time: estimate, std_error, limits, reason.

        After a group's last time the curve is not known unless it has reached 0: nan with BEYOND_FOLLOW_UP, or with
        `extend` its last value.
        """
        wanted = times_of(times)
        z = self.z(conf_level)
        columns: dict[str, Any] = {
            "group": [label for label in self.groups for _ in wanted],
            "time": np.tile(wanted, len(self.groups)),
            "n_risk": np.concatenate([self._at_risk(g, wanted) for g in range(len(self.groups))]),
        }
        parts = [self._survival(g, wanted, extend) for g in range(len(self.groups))]
        estimate, error = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        low, high = limits(estimate, error, self.conf_type, z)
        unstarted = np.concatenate([part[2] for part in parts])
        columns |= {
            "estimate": estimate,
            "std_error": error,
            "conf_low": np.where(unstarted, 1.0, low),
            "conf_high": np.where(unstarted, 1.0, high),
            "reason": [reason for part in parts for reason in part[3]],
        }
        return self._frame(columns)

    def at_risk(self, times: float | Sequence[float]) -> Any:
        """The table below a plot: n_risk just before each time, n_event and n_censor up to and with it, by group.

        Weighted where there are weights.
        """
        wanted = times_of(times)
        groups = range(len(self.groups))
        columns: dict[str, Any] = {
            "group": [label for label in self.groups for _ in wanted],
            "time": np.tile(wanted, len(self.groups)),
            "n_risk": np.concatenate([self._at_risk(g, wanted) for g in groups]),
            "n_event": np.concatenate([self._until(g, wanted, FAILED) for g in groups]),
            "n_censor": np.concatenate([self._until(g, wanted, CENSORED) for g in groups]),
        }
        return self._frame(columns)

    def quantiles(self, probabilities: float | Sequence[float] = QUARTILES, *, conf_level: float | None = None) -> Any:
        """The times by which given shares have failed, by group, with limits read off the curve's limits.

        0.5 is the median survival time. nan where the curve, or its limit, does not fall so far.
        """
        shares = np.atleast_1d(np.asarray(probabilities, np.float64))
        if not ((shares >= 0.0) & (shares <= 1.0)).all():
            raise DesignError(Fault("probabilities", "a value outside 0 to 1", "shares between 0 and 1"))
        z = self.z(conf_level)
        rows = [(label, share, *self._quantile(g, share, z)) for g, label in enumerate(self.groups) for share in shares]
        numbers = np.array([row[1:] for row in rows], np.float64).reshape(len(rows), 4)
        names = ("probability", "estimate", "conf_low", "conf_high")
        columns: dict[str, Any] = {"group": [row[0] for row in rows]}
        columns |= {name: numbers[:, k] for k, name in enumerate(names)}
        missing = np.isnan(columns["estimate"])
        return self._frame(columns | {"reason": [Reason.BEYOND_FOLLOW_UP if m else None for m in missing]})

    def restricted_mean(self, tau: float, *, conf_level: float | None = None) -> Any:
        """Mean event-free time up to `tau`: the area under each curve, then every group minus the first.

        term, estimate, std_error, conf_low, conf_high, p_value (of a difference), reason. Time is counted from 0, or
        from the earliest time if that is negative. nan with BEYOND_FOLLOW_UP where a curve ends above 0 before `tau`.

        Source: Uno et al., Journal of Clinical Oncology 2014;32:2380.
        """
        z, origin = self.z(conf_level), self._origin
        if not tau > origin:
            raise DesignError(Fault("tau", "not after the origin of time", f"a time beyond {origin:g}"))
        groups = range(len(self.groups))
        parts = [_areas(self._times(g), self.curves[g].survival, origin, tau) for g in groups]
        reasons = [self.known_until(g, tau) for g in groups]
        means = np.array([mean for mean, _ in parts])
        covariance = self.errors.covariance_of_areas(tau, [after for _, after in parts])
        rows = [
            level_of(label, float(means[g]), float(covariance[g, g]), z, reasons[g])
            for g, label in enumerate(self.groups)
        ]
        rows += against_first(self.groups, means, covariance, DIFFERENCE, z, reasons)
        return self._frame(columns_of(rows))

    def compare_at(
        self,
        times: float | Sequence[float],
        *,
        measure: str = DIFFERENCE,
        of: str = SURVIVAL,
        conf_level: float | None = None,
    ) -> Any:
        """Every group against the first at given times: the "difference" or "ratio" of their survival or "risk".

        One row a time and group. With `cluster` the dependence of groups that share clusters is accounted for. A
        ratio's `std_error` is that of its logarithm.
        """
        if of not in (SURVIVAL, RISK):
            raise UnsupportedError(Fault("of", repr(of), f"{SURVIVAL}, {RISK}"))
        z, rows, at = self.z(conf_level), [], []
        for time in times_of(times):
            new = self._contrasts(float(time), measure, of, z)
            rows += new
            at += [time] * len(new)
        columns = columns_of(rows)
        return self._frame({"term": columns.pop("term"), "time": np.array(at, np.float64), **columns})

    def covariance_at(self, time: float) -> np.ndarray:
        """Covariance (G, G) of the groups' survival just after a time; off the diagonal only with `cluster`."""
        return self.errors.covariance_at(time)

    def __repr__(self) -> str:
        return _describe(self)

    @property
    def _rows(self) -> SurvivalRows:
        return self.errors.rows

    @property
    def _origin(self) -> float:
        firsts = [float(times[0]) for g in range(len(self.groups)) if len(times := self._times(g))]
        if len(self._rows.grid.start):
            firsts.append(float(self._rows.grid.times[self._rows.grid.start.min()]))
        return min([0.0, *firsts])

    def _frame(self, columns: Columns) -> Any:
        return frame_of(columns, self._rows.kind)

    def z(self, conf_level: float | None) -> float:
        """The normal quantile of a two-sided level, the fit's own by default."""
        return normal_quantile(0.5 + check_conf_level(self.conf_level if conf_level is None else conf_level) / 2.0)

    def _times(self, group: int) -> np.ndarray:
        return self._rows.grid.times[self.curves[group].place]

    def _block(self, group: int, z: float) -> dict[str, np.ndarray]:
        curve, (error, hazard_error) = self.curves[group], self.std_errors[group]
        low, high = limits(curve.survival, error, self.conf_type, z)
        return {
            "time": self._times(group),
            "n_risk": curve.at_risk,
            "n_event": curve.failed,
            "n_censor": curve.censored,
            "estimate": curve.survival,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "cumulative_hazard": curve.hazard,
            "std_error_hazard": hazard_error,
        }

    def _survival(
        self, group: int, times: np.ndarray, extend: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Reason | None]]:
        """Estimates, standard errors, whether the curve has not begun yet, and reasons, at each time."""
        curve, (error, _) = self.curves[group], self.std_errors[group]
        j = np.searchsorted(curve.place, self._rows.grid.place_at(times), side="right")
        reasons = [None if extend and len(curve.place) else self.known_until(group, float(t)) for t in times]
        known = np.array([reason is None for reason in reasons], np.bool_)
        estimate = np.concatenate([[1.0], curve.survival])[j]
        std_error = np.concatenate([[0.0], error])[j]
        return np.where(known, estimate, np.nan), np.where(known, std_error, np.nan), known & (j == 0), reasons

    def known_until(self, group: int, time: float) -> Reason | None:
        """Why a group's curve is not known at a time, None where it is."""
        curve = self.curves[group]
        if not len(curve.place):
            return Reason.ONE_ARM_EMPTY
        grid = self._rows.grid
        over = time > grid.times[curve.place[-1]] + grid.gap and curve.survival[-1] > 0.0
        return Reason.BEYOND_FOLLOW_UP if over else None

    def _at_risk(self, group: int, times: np.ndarray) -> np.ndarray:
        table = self.counts.weight[group]
        leave = table[:, CENSORED] + table[:, FAILED]
        ahead = np.concatenate([np.cumsum(leave[::-1])[::-1], [0.0]])
        place = self._rows.grid.place_from(times)
        if not self.counts.late:
            return ahead[place]
        later = np.concatenate([np.cumsum(table[::-1, ENTERED])[::-1], [0.0]])
        return np.maximum(ahead[place] - later[place], 0.0)

    def _until(self, group: int, times: np.ndarray, what: int) -> np.ndarray:
        done = np.concatenate([[0.0], np.cumsum(self.counts.weight[group][:, what])])
        return done[self._rows.grid.place_at(times) + 1]

    def _quantile(self, group: int, share: float, z: float) -> tuple[float, float, float]:
        curve, times = self.curves[group], self._times(group)
        low, high = limits(curve.survival, self.std_errors[group][0], self.conf_type, z)
        origin = self._origin if len(times) else math.nan
        return tuple(quantile(times, values, share, origin) for values in (curve.survival, low, high))

    def _contrasts(self, time: float, measure: str, of: str, z: float) -> list[Contrast]:
        groups = range(len(self.groups))
        reasons = [self.known_until(g, time) for g in groups]
        survival = np.array([self._survival(g, np.array([time]), True)[0][0] for g in groups])
        estimates = survival if of == SURVIVAL else 1.0 - survival
        return against_first(self.groups, estimates, self.covariance_at(time), measure, z, reasons)


def times_of(times: float | Sequence[float]) -> np.ndarray:
    """One or more finite times as float64 (m,)."""
    wanted = np.atleast_1d(np.asarray(times, np.float64))
    if wanted.ndim != 1 or not np.isfinite(wanted).all():
        raise DesignError(Fault("times", "a missing or infinite time", "finite times"))
    return wanted


def _areas(times: np.ndarray, survival: np.ndarray, origin: float, tau: float) -> tuple[float, np.ndarray]:
    """The area under a curve from the origin to tau, and what of it lies after each of the curve's times."""
    cut = np.minimum(times, tau)
    pieces = np.diff(np.append(cut, tau)) * survival
    after = np.cumsum(pieces[::-1])[::-1]
    first = cut[0] if len(cut) else tau
    return float(first - origin + (after[0] if len(after) else 0.0)), np.where(times <= tau, after, 0.0)


def _describe(fit: SurvivalCurve) -> str:
    """The curves as text that fits a screen: one line a group with its median."""
    rows, events = len(fit.errors.rows), int(np.count_nonzero(fit.errors.rows.event))
    width = max(len(label) for label in fit.groups)
    lines = [
        f"{fit.model}: {rows:,} rows, {events:,} events",
        "probability of no event; median time by group",
        f"{'group':<{width}}  {'n':>10} {'events':>10} {'median':>10} {'conf_low':>10} {'conf_high':>10}",
    ]
    for g, label in enumerate(fit.groups[:SHOWN_GROUPS]):
        counted = fit.counts.weight[g]
        n, d = counted[:, (CENSORED, FAILED)].sum(), counted[:, FAILED].sum()
        numbers = " ".join(f"{value:>10.6g}" for value in (n, d, *fit._quantile(g, 0.5, fit.z(None))))
        lines.append(f"{label:<{width}}  {numbers}")
    if len(fit.groups) > SHOWN_GROUPS:
        lines.append(f"… and {len(fit.groups) - SHOWN_GROUPS} more groups")
    lines.append(f"variance: {fit.variance}; {100 * fit.conf_level:g} % limits on the {fit.conf_type} scale")
    return "\n".join(lines)
