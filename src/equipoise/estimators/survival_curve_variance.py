"""Standard errors of survival curves, and covariances between groups, by Greenwood's formulas or the jackknife."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.estimators.survival_curve_rows import SurvivalRows
from equipoise.kernels.survival_curve import Curve
from equipoise.kernels.survival_curve_jackknife import (
    Rows,
    Steps,
    area_steps,
    derivatives_at,
    hazard_steps,
    incidence_steps,
    jackknife_variance,
)


def group_rows(rows: SurvivalRows, group: int, cause: int | None = None) -> Rows:
    """The rows of one group as the jackknife wants them; failures from any cause count where `cause` is None."""
    at = rows.members(group)
    event = rows.event[at]
    failed = (event > 0).astype(np.uint8)
    cluster = np.empty(0, np.int64) if rows.cluster is None else rows.cluster[at]
    return Rows(
        rows.grid.stop[at],
        rows.grid.start[at] if len(rows.grid.start) else rows.grid.start,
        failed,
        failed if cause is None else (event == cause).astype(np.uint8),
        rows.weight[at] if len(rows.weight) else rows.weight,
        cluster,
    )


def cluster_covariance(rows: SurvivalRows, derivatives: Sequence[np.ndarray]) -> np.ndarray:
    """Covariance (G, G) of G groups' estimates from the derivatives of their rows, summed by cluster.

    Clusters that reach across groups, such as matched pairs, make the groups' estimates dependent.
    """
    weighted = [d * rows.weight[rows.members(g)] if len(rows.weight) else d for g, d in enumerate(derivatives)]
    if rows.cluster is None:
        return np.diag([float(d @ d) for d in weighted])
    size = int(rows.cluster.max(initial=-1)) + 1
    sums = [np.bincount(rows.cluster[rows.members(g)], d, size) for g, d in enumerate(weighted)]
    return np.array([[float(a @ b) for b in sums] for a in sums])


@dataclass(frozen=True, slots=True, eq=False)
class CurveVariance:
    """How sure the curves are: `robust` by the jackknife over clusters of `rows`, else by Greenwood's formulas.

    `exponential` says that survival is exp(-H) instead of the product of Kaplan and Meier.
    """

    rows: SurvivalRows
    curves: tuple[Curve, ...]
    exponential: bool
    robust: bool

    def std_errors(self, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Of survival and of the cumulative hazard at the group's times. nan where survival is 0 (Greenwood)."""
        curve = self.curves[group]
        if self.robust:
            hazard = self._jackknife(group, hazard_steps(curve, self._n_times))
            if self.exponential:
                return curve.survival * hazard, hazard
            return self._jackknife(group, incidence_steps(curve, curve.failed, self._n_times)), hazard
        hazard = np.sqrt(curve.hazard_variance)
        log_error = hazard if self.exponential else np.sqrt(curve.log_variance)
        alive = curve.survival > 0.0
        return np.multiply(curve.survival, log_error, out=np.full(len(alive), np.nan), where=alive), hazard

    def covariance_at(self, time: float) -> np.ndarray:
        """Covariance (G, G) of the groups' survival just after a time."""
        if not self.robust:
            return np.diag([self._greenwood(g, time) for g in range(len(self.curves))])
        place = int(self.rows.grid.place_at(time))
        return cluster_covariance(self.rows, [self._derivatives(g, place) for g in range(len(self.curves))])

    def covariance_of_areas(self, horizon: float, areas: Sequence[np.ndarray]) -> np.ndarray:
        """Covariance (G, G) of the areas under the curves; `areas` (T',) a group lie between its times and the
        horizon, 0 for later times."""
        groups = range(len(self.curves))
        if not self.robust:
            return np.diag([float(areas[g] ** 2 @ self._log_variance_steps(g)) for g in groups])
        place = int(self.rows.grid.place_at(horizon))
        return cluster_covariance(self.rows, [self._area_derivatives(g, areas[g], place) for g in groups])

    @property
    def _n_times(self) -> int:
        return len(self.rows.grid.times)

    def _log_variance_steps(self, group: int) -> np.ndarray:
        curve = self.curves[group]
        return np.diff(curve.hazard_variance, prepend=0.0) if self.exponential else curve.log_variance_steps

    def _jackknife(self, group: int, steps: Steps) -> np.ndarray:
        variance = jackknife_variance(group_rows(self.rows, group), steps)
        return np.sqrt(variance[self.curves[group].place])

    def _greenwood(self, group: int, time: float) -> float:
        curve = self.curves[group]
        j = int(np.searchsorted(curve.place, self.rows.grid.place_at(time), side="right")) - 1
        if j < 0:
            return 0.0
        variance = curve.hazard_variance[j] if self.exponential else curve.log_variance[j]
        return float(curve.survival[j] ** 2 * variance) if curve.survival[j] > 0.0 else math.nan

    def _derivatives(self, group: int, place: int) -> np.ndarray:
        curve, rows = self.curves[group], group_rows(self.rows, group)
        if not self.exponential:
            return -derivatives_at(rows, incidence_steps(curve, curve.failed, self._n_times), place)
        j = int(np.searchsorted(curve.place, place, side="right")) - 1
        survival = curve.survival[j] if j >= 0 else 1.0
        return -survival * derivatives_at(rows, hazard_steps(curve, self._n_times), place)

    def _area_derivatives(self, group: int, area: np.ndarray, place: int) -> np.ndarray:
        curve = self.curves[group]
        steps = area_steps(curve, area, self._n_times, self.exponential)
        return derivatives_at(group_rows(self.rows, group), steps, place)
