"""How systematic error depends on the true effect: `fit_systematic_error`, from negative and positive controls."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import minimize

from equipoise.bias.controls import column, read_estimates, same_length
from equipoise.bias.null_distribution import EmpiricalNull
from equipoise.errors import REASON_TEXT, Fault, Reason, UnsupportedError
from equipoise.estimators.survival_curve_frames import frame_of

Scale = Literal["linear", "log_linear"]
SCALES = ("linear", "log_linear")
FEWEST = 4  # as many as parameters
LARGEST_LOG_SD = 10.0
NEWTON_STEPS = 30
SETTLED = 1e-12  # of a Newton step, in standard errors
AT_ZERO = 1e-9  # an sd this small, relative to the least standard error, is zero


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SystematicErrorModel:
    """log estimate ~ N(mean_intercept + mean_slope t, sd(t)^2 + se^2) for a true log ratio t.

    sd_scale  "linear": sd(t) = sd_intercept + sd_slope |t|, held at 0 where it would be negative
              "log_linear": sd(t) = exp(sd_intercept + sd_slope t)
    covariance  float64 (4, 4), of the parameters in this order; nan where an sd lies at zero
    reason    BOUNDARY there; NOT_IDENTIFIED, with parameters nan, where controls are fewer than four or have one truth
    """

    mean_intercept: float
    mean_slope: float
    sd_intercept: float
    sd_slope: float
    sd_scale: str
    covariance: np.ndarray
    controls: int
    unusable: int = 0
    log_likelihood: float = math.nan
    reason: Reason | None = None

    @property
    def parameters(self) -> np.ndarray:
        """float64 (4,): mean_intercept, mean_slope, sd_intercept, sd_slope."""
        return np.array([self.mean_intercept, self.mean_slope, self.sd_intercept, self.sd_slope])

    def mean(self, true_log_ratio: np.ndarray) -> np.ndarray:
        """Expected log estimate at a true log ratio, of its shape."""
        return self.mean_intercept + self.mean_slope * true_log_ratio

    def sd(self, true_log_ratio: np.ndarray) -> np.ndarray:
        """Standard deviation of the systematic error at a true log ratio, of its shape."""
        if self.sd_scale == "linear":
            return np.maximum(self.sd_intercept + self.sd_slope * np.abs(true_log_ratio), 0.0)
        return np.exp(np.minimum(self.sd_intercept + self.sd_slope * true_log_ratio, LARGEST_LOG_SD))

    def tidy(self) -> Any:
        """A row a parameter: term, estimate, std_error."""
        terms = ["mean_intercept", "mean_slope", "sd_intercept", "sd_slope"]
        error = np.sqrt(np.diag(self.covariance))
        return frame_of({"term": terms, "estimate": self.parameters, "std_error": error}, "pandas")

    def __repr__(self) -> str:
        head = f"Systematic error model: {self.controls:,} controls"
        if self.unusable:
            head += f"; {self.unusable:,} without a usable estimate left out"
        lines = [head]
        if self.reason is not None:
            lines.append(f"{self.reason}: {REASON_TEXT[self.reason]}")
        sd = f"{self.sd_intercept:.4f} + {self.sd_slope:.4f} "
        lines.append(f"mean of log estimate: {self.mean_intercept:.4f} + {self.mean_slope:.4f} t, t the true log ratio")
        lines.append(f"sd: {sd}|t|" if self.sd_scale == "linear" else f"log sd: {sd}t")
        return "\n".join(lines)


def model_of(null: EmpiricalNull) -> SystematicErrorModel:
    """The model that a null alone gives: error of the same size whatever the true effect (slopes 1 and 0)."""
    return SystematicErrorModel(
        null.mean, 1.0, null.sd, 0.0, "linear", np.full((4, 4), np.nan), null.controls, null.unusable, math.nan
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    """The negative log-likelihood of (a, b, c, d). `basis` is |t| or t, what the sd depends on."""

    y: np.ndarray
    s2: np.ndarray
    t: np.ndarray
    basis: np.ndarray
    linear: bool

    def sd(self, c: float, d: float) -> np.ndarray:
        line = c + d * self.basis
        return line if self.linear else np.exp(np.clip(line, -LARGEST_LOG_SD * 10.0, LARGEST_LOG_SD))

    def best_means(self, variance: np.ndarray) -> np.ndarray:
        x = np.column_stack([np.ones(len(self.t)), self.t])
        return np.linalg.solve(x.T @ (x / variance[:, None]), x.T @ (self.y / variance))

    def value(self, parameters: np.ndarray) -> float:
        a, b, c, d = parameters
        variance = self.s2 + self.sd(c, d) ** 2
        residual = self.y - a - b * self.t
        return 0.5 * float((np.log(2.0 * math.pi * variance) + residual**2 / variance).sum())

    def derivatives(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (4,) and Hessian (4, 4) of the negative log-likelihood."""
        a, b, c, d = parameters
        sd = self.sd(c, d)
        variance = self.s2 + sd**2
        residual = self.y - a - b * self.t
        slope = 2.0 * sd if self.linear else 2.0 * sd**2  # of the variance along the line of the sd
        bend = 2.0 if self.linear else 4.0 * sd**2
        by_mean = -residual / variance
        by_variance = 0.5 * (1.0 / variance - residual**2 / variance**2)
        second = 0.5 * (2.0 * residual**2 / variance**3 - 1.0 / variance**2)
        mean_rows = np.column_stack([np.ones(len(self.t)), self.t])
        sd_rows = np.column_stack([np.ones(len(self.t)), self.basis])
        gradient = np.concatenate([mean_rows.T @ by_mean, sd_rows.T @ (by_variance * slope)])
        across = mean_rows.T @ (sd_rows * (residual / variance**2 * slope)[:, None])
        of_sd = sd_rows.T @ (sd_rows * (second * slope**2 + by_variance * bend)[:, None])
        of_mean = mean_rows.T @ (mean_rows / variance[:, None])
        return gradient, np.block([[of_mean, across], [across.T, of_sd]])


def fit_systematic_error(
    log_estimates: Any, std_errors: Any, true_log_ratios: Any, *, sd_scale: Scale = "linear"
) -> SystematicErrorModel:
    """Systematic error as a function of the true effect, from controls whose true log ratio is known.

    log_estimates, std_errors  of negative and positive controls, (n,). Missing or infinite ones, and those whose truth
                               is missing, are left out and counted
    true_log_ratios            0 for negative controls
    sd_scale    "linear" in |t| (EmpiricalCalibration's default), with an sd of at least 0 at every control, or
                "log_linear" in t (its `legacy = TRUE`)

    Maximum likelihood: the four parameters reduced to two, several starts, then Newton steps. For intervals give the
    model to `calibrate_intervals`. With negative controls alone use `fit_null`.

    Returns a frozen `SystematicErrorModel`, with a reason where the controls cannot tell.

    Raises DesignError as `fit_null`.

    Source: Schuemie, Hripcsak, Ryan, Madigan, Suchard, PNAS 2018;115:2571.

    Example:
        >>> from equipoise import fit_systematic_error
        >>> truth = [0.0, 0.0, 0.0, 0.7, 0.7, 0.7, 1.4, 1.4, 1.4]
        >>> seen = [0.1, 0.3, 0.2, 0.8, 0.9, 0.7, 1.5, 1.7, 1.4]
        >>> model = fit_systematic_error(seen, [0.05] * 9, truth)
        >>> round(model.mean_intercept, 3), round(model.mean_slope, 3)
        (0.186, 0.939)
    """
    if sd_scale not in SCALES:
        raise UnsupportedError(Fault("sd_scale", repr(sd_scale), ", ".join(SCALES)))
    found, truth = read_estimates(log_estimates, std_errors), column("true_log_ratios", true_log_ratios)
    same_length("true_log_ratios", truth, "log_estimates", found.log_estimate)
    usable = found.usable & np.isfinite(truth)
    y, s2, t = found.log_estimate[usable], found.std_error[usable] ** 2, truth[usable]
    unusable = int((~usable).sum())
    linear = sd_scale == "linear"
    basis = np.abs(t) if linear else t
    if len(y) < FEWEST or np.ptp(basis) == 0.0:
        nan = (math.nan,) * 4
        empty = np.full((4, 4), np.nan)
        return SystematicErrorModel(*nan, sd_scale, empty, len(y), unusable, reason=Reason.NOT_IDENTIFIED)
    problem = _Problem(y, s2, t, basis, linear)
    parameters, covariance, at_zero = _polished(problem, _nearly(problem))
    a, b, c, d = map(float, parameters)
    reason = Reason.BOUNDARY if at_zero else None
    return SystematicErrorModel(a, b, c, d, sd_scale, covariance, len(y), unusable, -problem.value(parameters), reason)


def _nearly(problem: _Problem) -> np.ndarray:
    """The best (c, d), as the sd at both ends of the controls' truths, each at least 0; means by least squares."""
    ends = np.array([problem.basis.min(), problem.basis.max()])

    def unpacked(at_ends: np.ndarray) -> np.ndarray:
        d = (at_ends[1] - at_ends[0]) / (ends[1] - ends[0])
        c = at_ends[0] - d * ends[0]
        variance = problem.s2 + problem.sd(c, d) ** 2
        return np.concatenate([problem.best_means(variance), [c, d]])

    spread = max(float(np.std(problem.y - problem.t)), 1e-3)
    starts = [(spread * f, spread * g) for f in (0.1, 1.0) for g in (0.1, 1.0)]
    bounds = [(0.0, None)] * 2 if problem.linear else [(-LARGEST_LOG_SD, LARGEST_LOG_SD)] * 2
    if not problem.linear:
        starts = [(math.log(f), math.log(g)) for f, g in starts]
    objective: Callable[[np.ndarray], float] = lambda at_ends: problem.value(unpacked(at_ends))  # noqa: E731
    found = [minimize(objective, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14}) for start in starts]
    return unpacked(min(found, key=lambda one: float(one.fun)).x)


def _polished(problem: _Problem, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Newton steps to the last digits, unless an sd lies at zero, where the likelihood has no smooth maximum."""
    nothing = np.full((4, 4), np.nan)
    edges = problem.sd(parameters[2], parameters[3])
    least = AT_ZERO if not problem.linear else 1e-6
    if edges.min() < least * math.sqrt(float(problem.s2.min())):
        return parameters, nothing, True
    for _ in range(NEWTON_STEPS):
        gradient, hessian = problem.derivatives(parameters)
        step = np.linalg.solve(hessian, gradient)
        moved = parameters - step
        if problem.value(moved) > problem.value(parameters) + 1e-9:
            break
        parameters = moved
        if np.abs(step @ hessian @ step) < SETTLED**2:
            break
    _, hessian = problem.derivatives(parameters)
    return parameters, np.linalg.inv(hessian), False
