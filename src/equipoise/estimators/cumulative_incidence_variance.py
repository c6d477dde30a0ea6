"""Standard errors of cumulative incidence, and covariances between groups, by Aalen's formula or the jackknife."""

from dataclasses import dataclass

import numpy as np

from equipoise.estimators.survival_curve_rows import SurvivalRows
from equipoise.estimators.survival_curve_variance import cluster_covariance, group_rows
from equipoise.kernels.cumulative_incidence import Incidence, aalen_variance
from equipoise.kernels.survival_curve import Curve
from equipoise.kernels.survival_curve_jackknife import Steps, derivatives_at, incidence_steps, jackknife_variance


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceVariance:
    """How sure the incidences are: `robust` by the jackknife over clusters of `rows`, else by Aalen's formula."""

    rows: SurvivalRows
    curves: tuple[Curve, ...]
    incidences: tuple[tuple[Incidence, ...], ...]
    robust: bool

    def std_errors(self, group: int, cause: int) -> np.ndarray:
        """Of the incidence of a cause (from 1) at the group's times, float64 (T',)."""
        curve = self.curves[group]
        if not self.robust:
            return np.sqrt(aalen_variance(curve, self.incidences[group][cause - 1]))
        variance = jackknife_variance(group_rows(self.rows, group, cause), self._steps(group, cause))
        return np.sqrt(variance[curve.place])

    def covariance_at(self, time: float, cause: int) -> np.ndarray:
        """Covariance (G, G) of the groups' incidence of a cause just after a time."""
        groups, place = range(len(self.curves)), int(self.rows.grid.place_at(time))
        if not self.robust:
            return np.diag([self._variance_at(g, cause, place) for g in groups])
        derivatives = [derivatives_at(group_rows(self.rows, g, cause), self._steps(g, cause), place) for g in groups]
        return cluster_covariance(self.rows, derivatives)

    def _steps(self, group: int, cause: int) -> Steps:
        failed = self.incidences[group][cause - 1].failed
        return incidence_steps(self.curves[group], failed, len(self.rows.grid.times))

    def _variance_at(self, group: int, cause: int, place: int) -> float:
        j = int(np.searchsorted(self.curves[group].place, place, side="right")) - 1
        return float(self.std_errors(group, cause)[j] ** 2) if j >= 0 else 0.0
