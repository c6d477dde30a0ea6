"""`JointFit`: a fitted joint model of a longitudinal outcome and events."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np

from equipoise.errors import REASON_TEXT, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import LOG, Estimate, Fit, Interval, check_conf_level, describe
from equipoise.estimators.joint_effects import effects_of
from equipoise.estimators.joint_estimation import Solution
from equipoise.estimators.joint_prediction import predict_incidence, predict_survival
from equipoise.estimators.linear_mixed_components import Component
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import chi_squared_tail

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value")


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class JointFit(Fit):
    """A fitted joint model: a `Fit` whose terms are on scales of their own.

    measures           the scale of each: "difference in mean outcome", "log hazard ratio", "log hazard", "log shape"
    components         standard deviations and correlations of the random effects, the residual standard deviation last
    associations       positions of the association terms
    random_terms       names of the random effects, q of them
    random_covariance  float64 (q, q), of the random effects
    sigma              residual standard deviation
    n_parameters       all that were estimated, variances included
    quadrature         nodes and points, in words
    labels, covariates  the persons, and a pandas frame with their covariates
    """

    measures: tuple[str, ...]
    components: tuple[Component, ...]
    associations: tuple[int, ...]
    random_terms: tuple[str, ...]
    random_covariance: np.ndarray
    sigma: float
    n_parameters: int
    quadrature: str
    labels: Any = field(repr=False)
    covariates: Any = field(repr=False)
    solution: Solution | None = field(default=None, repr=False)

    def tidy(self, *, exponentiate: bool = False, conf_level: float | None = None, interval: Interval = "wald") -> Any:
        """One row a term: term, estimate, std_error, conf_low, conf_high, p_value, reason, measure.

        Terms of the trajectory, then of each hazard (covariates, associations, baseline), then standard deviations
        ("sd ...") and correlations ("cor ..., ...") with limits from the log and the Fisher-z scale and without
        p-values. With `exponentiate` terms that are logarithms become ratios or hazards, and `measure` says so; the
        others stay as they are.
        """
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        rows = [self._estimate(j, exponentiate, level, interval) for j in range(len(self.terms))]
        rows += [component.estimate(level) for component in self.components]
        columns: dict[str, Any] = {"term": [row.term for row in rows]}
        columns |= {name: np.array([getattr(row, name) for row in rows]) for name in NUMBERS}
        columns["reason"] = [row.reason for row in rows]
        columns["measure"] = [row.measure for row in rows]
        return frame_of(columns, self.frame_kind)

    def estimate(
        self, term: str, *, exponentiate: bool = False, conf_level: float | None = None, interval: Interval = "wald"
    ) -> Estimate:
        """One term: estimate, standard error (of the linear scale in either case), limits and Wald p-value."""
        j = self.index_of(term)
        if exponentiate and not self.measures[j].startswith(LOG):
            raise UnsupportedError(Fault("exponentiate", f"the scale is {self.measures[j]}", "logarithms"))
        return self._estimate(j, exponentiate, conf_level, interval)

    def glance(self) -> Any:
        """One row on the whole model.

        rows (measurements), persons, events, df (parameters), iterations, log_likelihood, log_likelihood_null (two
        separate models: no association), statistic_ and p_value_ of the likelihood-ratio and Wald tests of the
        association, aic, gradient_norm, converged, quadrature.
        """
        tested = sum(self.reasons[j] is None for j in self.associations)
        ratio = 2.0 * (self.log_likelihood - self.log_likelihood_null) if tested else math.nan
        wald = self._wald_statistic()
        counts = {"rows": self.rows, "persons": self.persons, "events": self.events}
        counts |= {"df": self.n_parameters, "iterations": self.convergence.iterations}
        numbers = {
            "log_likelihood": self.log_likelihood,
            "log_likelihood_null": self.log_likelihood_null,
            "statistic_ratio": ratio,
            "p_value_ratio": chi_squared_tail(ratio, tested),
            "statistic_wald": wald,
            "p_value_wald": chi_squared_tail(wald, tested),
            "aic": 2.0 * (self.n_parameters - self.log_likelihood),
            "gradient_norm": self.convergence.gradient_norm,
        }
        ending = {"converged": self.convergence.converged, "quadrature": self.quadrature}
        kinds = dict.fromkeys(counts, nw.Int64()) | dict.fromkeys(numbers, nw.Float64())
        kinds |= {"converged": nw.Boolean(), "quadrature": nw.String()}
        return self._frame({name: [value] for name, value in (counts | numbers | ending).items()}, kinds)

    def random_effects(self) -> Any:
        """Means of the random effects given all data of a person: one row a person, in the order of `survival`."""
        solution = self.solved()
        effects = solution.objective.by_person(solution.theta)[2]
        columns: dict[str, Any] = {"person": self.labels}
        columns |= {term: effects[:, j] for j, term in enumerate(self.random_terms)}
        return frame_of(columns, self.frame_kind)

    def predict_survival(
        self, history: Any, times: Sequence[float], *, since: float | None = None, conf_level: float | None = None
    ) -> Any:
        """The probability that persons are without event at later times, given their measurements and survival so far.

        history  one row a measurement with the columns of `longitudinal` and the covariates of the hazard; one or more
                 persons, of the data or new
        times    later times, on the scale of follow-up
        since    the time until which they are known to be without event; by default their last measurement

        One row a person and time: person, time, estimate, std_error, conf_low, conf_high; nan before `since`. Limits
        stand for what is not known of the parameters (delta method, on the scale log(-log)); what is not known of the
        person's random effects is averaged over, not part of the interval as in R's survfitJM.
        """
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        return predict_survival(self.solved(), history, times, since, level)

    def predict_incidence(
        self,
        history: Any,
        times: Sequence[float],
        *,
        cause: int = 1,
        since: float | None = None,
        conf_level: float | None = None,
    ) -> Any:
        """The probability of an event of one cause until later times, other causes at work; else as for survival."""
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        return predict_incidence(self.solved(), history, times, cause, since, level)

    def effects_of(
        self,
        covariate: str,
        times: Sequence[float],
        *,
        values: tuple[Any, Any] | None = None,
        at: Mapping[str, Any] | None = None,
        exponentiate: bool = False,
        conf_level: float | None = None,
    ) -> Any:
        """Log hazard ratios of a covariate at times: direct, mediated by each feature of the trajectory, and total.

        direct    with the trajectory held where it is: the covariate's own coefficient in the hazard
        mediated  the association times what the covariate does to the feature at that time
        total     their sum

        They compare persons with the same random effects. `values` are the two values compared, by default 1 against 0
        or the second level against the first; `at` are values of other covariates, which matter where these interact
        with it, by default means and first levels. One row an effect and time (and cause, where there are several):
        time, effect, estimate, std_error (of the logarithm in either case), conf_low, conf_high, p_value.
        """
        level = check_conf_level(self.conf_level if conf_level is None else conf_level)
        solution, settings = self.solved(), (exponentiate, level, self.frame_kind)
        return effects_of(solution, self.covariates, covariate, times, values, at or {}, settings)

    def solved(self) -> Solution:
        """The maximum, or an UnsupportedError where the data had no answer."""
        if self.solution is None:
            raise UnsupportedError(Fault("this model", "has no estimates", "a model with estimates"))
        return self.solution

    def __repr__(self) -> str:
        lines = describe(self).split("\n")
        lines[-2] = lines[-2].replace("without effects", "without association")
        lines[-1:-1] = [_component_line(component) for component in self.components]
        return "\n".join([*lines, f"{self.quadrature}"])

    def _estimate(self, j: int, exponentiate: bool, conf_level: float | None, interval: Interval) -> Estimate:
        measure = self.measures[j]
        ratio = exponentiate and measure.startswith(LOG)
        found = Fit._estimate(self, j, False, conf_level, interval)
        value, low, high = found.estimate, found.conf_low, found.conf_high
        if ratio:
            with np.errstate(over="ignore"):
                value, low, high = (float(x) for x in np.exp([value, low, high]))
        reason = self.reasons[j]
        shown = measure.removeprefix(LOG) if ratio else measure
        return Estimate(self.terms[j], shown, value, found.std_error, low, high, found.p_value, reason)

    def _wald_statistic(self) -> float:
        at = np.array([j for j in self.associations if self.reasons[j] is None], np.int64)
        part = self.covariance[np.ix_(at, at)]
        if not len(at) or not np.isfinite(part).all():
            return math.nan
        return float(self.coefficients[at] @ np.linalg.solve(part, self.coefficients[at]))


def _component_line(component: Component) -> str:
    if component.reason is Reason.BOUNDARY or component.reason is None:
        return f"{component.term}: {component.value:.4g}"
    return f"{component.term}: {component.reason}: {REASON_TEXT[component.reason]}"
