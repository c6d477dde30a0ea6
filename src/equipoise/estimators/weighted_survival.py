"""Survival curves of weighted arms whose variance knows that the weights were estimated."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.adjustment_rows import adjusted_frame, adjusted_set
from equipoise.estimators.average_effect_weighted import ESTIMATED, INFLUENCE, KNOWN, ROBUST
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_intervals import SCALES
from equipoise.estimators.survival_curve_result import SurvivalCurve
from equipoise.estimators.survival_curve_rows import SurvivalRows, read_rows
from equipoise.estimators.survival_curve_variance import CurveVariance, group_rows
from equipoise.estimators.table import Table
from equipoise.estimators.weighting import Weighting, check_weighting
from equipoise.estimators.weighting_influence import Nuisance
from equipoise.kernels.survival_curve import curve_of, tally
from equipoise.kernels.survival_curve_functionals import functionals
from equipoise.kernels.survival_curve_jackknife import Steps, hazard_steps, incidence_steps, jackknife_variance

ARMS = ("reference", "target")
VARIANCES = (INFLUENCE, ROBUST)


@dataclass(frozen=True, slots=True, eq=False)
class WeightedCurveVariance(CurveVariance):
    """How sure weighted curves are: the squared influence of each person on both, through the weights as well."""

    nuisance: Nuisance

    def std_errors(self, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Of survival and of the cumulative hazard at the group's times."""
        curve, n_times = self.curves[group], len(self.rows.grid.times)
        survival = self._errors(group, incidence_steps(curve, curve.failed, n_times))
        return survival, self._errors(group, hazard_steps(curve, n_times))

    def covariance_at(self, time: float) -> np.ndarray:
        """Covariance (2, 2) of the arms' survival just after a time."""
        place = int(self.rows.grid.place_at(time))
        return self._covariance([self._derivatives(g, place) for g in range(len(self.curves))])

    def covariance_of_areas(self, horizon: float, areas: Any) -> np.ndarray:
        """Covariance (2, 2) of the areas under the curves up to the horizon."""
        place = int(self.rows.grid.place_at(horizon))
        return self._covariance([self._area_derivatives(g, areas[g], place) for g in range(len(self.curves))])

    def _covariance(self, derivatives: list[np.ndarray]) -> np.ndarray:
        scores = np.zeros((len(self.rows), len(derivatives)))
        for g, values in enumerate(derivatives):
            scores[self.rows.members(g), g] = values
        influence = scores * self.rows.weight[:, None] + self.nuisance.correction(scores)
        return influence.T @ influence

    def _errors(self, group: int, steps: Steps) -> np.ndarray:
        """The root of the sum of (w d + IF' D)^2 at each time; d a row's derivative, D = sum of d times gradients."""
        at, (gradient, influence) = self.rows.members(group), (self.nuisance.gradient, self.nuisance.influence)
        rows, k = group_rows(self.rows, group), gradient.shape[1]
        moved = functionals(rows, steps, np.hstack([gradient[at], influence[at] * self.rows.weight[at][:, None]]))
        by_gradient, by_influence, spread = moved[:, :k], moved[:, k:], influence.T @ influence
        variance = jackknife_variance(rows, steps) + ((2.0 * by_influence + by_gradient @ spread) * by_gradient).sum(1)
        return np.sqrt(np.maximum(variance, 0.0))[self.curves[group].place]


def fit_weighted_survival_curve(
    weighting: Weighting,
    *,
    time: str | None = None,
    event: str | None = None,
    start: str | None = None,
    variance: str | None = None,
    conf_type: str = "log",
    conf_level: float = 0.95,
) -> SurvivalCurve:
    """The survival curve of each arm, had everybody of the target population been in it (Kaplan-Meier, weighted).

    weighting    what `weigh` returned
    time, event, start  columns, as in `fit_survival_curve`; not for an AnalysisSet, which holds them
    variance     "influence" (the default where the score came as a fit of `fit_logistic`): the infinitesimal jackknife
                 of each person through curve and weights; "robust" (the default else): the score is taken as known
    conf_type    scale of the limits: "log", "log-log", "plain", "logit", "arcsin"

    Returns a `SurvivalCurve` with groups "reference" and "target": survival_at, compare_at, restricted_mean and their
    errors hold for both variances, the dependence of the two curves through the common propensity model included.

    Censoring has to be independent of the outcome within each arm; weights against censoring are not part of this.

    An arm without persons has no curve: nan with ONE_ARM_EMPTY. Raises DesignError as `fit_survival_curve`,
    UnsupportedError as `fit_weighted`.

    Source: Cole, Hernán, Computer Methods and Programs in Biomedicine 2004;75:45; Xie, Liu, Statistics in Medicine
    2005;24:3089.

    Example:
        >>> from equipoise import fit_weighted_survival_curve, weigh
        >>> people = {"drug": [1, 1, 0, 0], "score": [0.5] * 4, "day": [2, 5, 3, 4], "died": [1, 0, 1, 0]}
        >>> made = weigh(people, arm="drug", score="score")
        >>> fit_weighted_survival_curve(made, time="day", event="died").survival_at(3)["estimate"].tolist()
        [0.5, 0.5]
    """
    check_weighting(weighting)
    kind = variance or (INFLUENCE if weighting.knows_its_model else ROBUST)
    allowed = {"variance": (kind, VARIANCES), "conf_type": (conf_type, tuple(SCALES))}
    faults = [Fault(name, repr(v), ", ".join(known)) for name, (v, known) in allowed.items() if v not in known]
    if faults:
        raise UnsupportedError(faults)
    rows = _read(weighting, time, event, start)
    grid = rows.grid
    table = tally(grid.stop, rows.event, len(grid.times), grid.start, rows.weight, rows.group, len(ARMS))
    curves = tuple(curve_of(table, g, False) for g in range(len(ARMS)))
    errors = CurveVariance(rows, curves, False, True)
    if kind == INFLUENCE and weighting.reason is None:
        errors = WeightedCurveVariance(rows, curves, False, True, weighting.nuisance())
    return SurvivalCurve(
        model=f"Weighted survival curve (Kaplan-Meier), {weighting.estimand}",
        groups=ARMS,
        curves=curves,
        std_errors=tuple(errors.std_errors(g) for g in range(len(curves))),
        counts=table,
        errors=errors,
        conf_type=conf_type,
        conf_level=check_conf_level(conf_level),
        variance=ESTIMATED if kind == INFLUENCE else f"infinitesimal jackknife, {KNOWN}",
    )


def _read(weighting: Weighting, time: str | None, event: str | None, start: str | None) -> SurvivalRows:
    """Rows of both arms, in the order of the weighting's."""
    own, everybody = weighting.rows.source.data, np.arange(len(weighting.rows))
    data = adjusted_frame(weighting.rows, everybody, {}) if isinstance(own, Table) else None
    if weighting.rows.source.analysis_set is not None:
        data = adjusted_set(weighting.rows, everybody)
    rows = read_rows(own if data is None else data, time=time, event=event, start=start)
    weight = weighting.weights if weighting.reason is None else np.ones(len(rows))
    return replace(rows, group=weighting.arm.astype(np.int32), labels=ARMS, weight=np.asarray(weight))
