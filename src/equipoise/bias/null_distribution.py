"""The distribution of systematic error in estimates whose true value is known to be null: `fit_null`."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from equipoise.bias.controls import read_estimates
from equipoise.bias.magnitude import expected_absolute_error
from equipoise.bias.null_posterior import Posterior, posterior_of
from equipoise.bias.null_profile import region_of
from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.kernels.random_effects import maximum

Method = Literal["likelihood", "posterior"]
METHODS = ("likelihood", "posterior")
FEWEST_FOR_POSTERIOR = 2
NAN_LIMITS = (math.nan, math.nan)
SAID = {
    "likelihood": "maximum likelihood, profile limits",
    "posterior": "posterior medians, credible limits",
    "given": "mean and sd as given",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EmpiricalNull:
    """Systematic error on the log scale, as negative controls show it: normal with `mean` and `sd`.

    mean, sd              nan without a usable control
    mean_limits, sd_limits  at `conf_level`
    controls, unusable    how many estimates it rests on, and how many were missing or infinite
    log_likelihood        at (mean, sd)
    method                "likelihood", "posterior", or "given"
    reason                NOT_IDENTIFIED where the controls are too few: none, or one for the sd's limits
    """

    mean: float
    sd: float
    mean_limits: tuple[float, float] = NAN_LIMITS
    sd_limits: tuple[float, float] = NAN_LIMITS
    controls: int = 0
    unusable: int = 0
    log_likelihood: float = math.nan
    conf_level: float = 0.95
    method: str = "given"
    reason: Reason | None = None
    log_estimate: np.ndarray = field(default_factory=lambda: np.empty(0))
    std_error: np.ndarray = field(default_factory=lambda: np.empty(0))
    posterior: Posterior | None = None

    def __post_init__(self) -> None:
        if self.sd < 0.0 or math.isinf(self.mean) or math.isinf(self.sd):
            raise DesignError(Fault("null distribution", "an sd below zero, or infinite values", "sd of at least 0"))

    def expected_absolute_systematic_error(self) -> float:
        """The mean of |error| over the distribution, on the log scale: 0 for none, 0.22 for a factor of 1.25.

        Of a posterior, its median.
        """
        if self.posterior is not None:
            return float(self.posterior.quantiles(self._errors(self.posterior), (0.5,))[0])
        return float(expected_absolute_error(np.float64(self.mean), np.float64(self.sd)))

    def expected_absolute_systematic_error_limits(self, conf_level: float | None = None) -> tuple[float, float]:
        """Its interval: from the likelihood of (mean, sd), or of the posterior; nan for a null that was given."""
        level = self.conf_level if conf_level is None else check_conf_level(conf_level)
        if self.posterior is not None:
            low, high = self.posterior.quantiles(self._errors(self.posterior), _tails(level))
            return (float(low), float(high))
        if not len(self.log_estimate):
            return NAN_LIMITS
        return region_of(self.log_estimate, self.std_error**2, level).expected_absolute_error()

    def tidy(self) -> Any:
        """One row each for mean, sd and expected absolute systematic error: term, estimate, conf_low, conf_high."""
        limits = (self.mean_limits, self.sd_limits, self.expected_absolute_systematic_error_limits())
        columns = {
            "term": ["mean", "sd", "expected_absolute_systematic_error"],
            "estimate": np.array([self.mean, self.sd, self.expected_absolute_systematic_error()]),
            "conf_low": np.array([low for low, _ in limits]),
            "conf_high": np.array([high for _, high in limits]),
        }
        return frame_of(columns, "pandas")

    def __repr__(self) -> str:
        head = f"Empirical null distribution: {self.controls:,} negative controls, {SAID[self.method]}"
        if self.unusable:
            head += f"; {self.unusable:,} without a usable estimate left out"
        if math.isnan(self.mean):
            return f"{head}\n{self.reason}: {REASON_TEXT[Reason.NOT_IDENTIFIED]}"
        low, high = self.expected_absolute_systematic_error_limits()
        return "\n".join(
            [
                head,
                f"systematic error of log estimates; limits at {100 * self.conf_level:g} %",
                f"mean {self.mean:>8.4f} ({self.mean_limits[0]:.4f} to {self.mean_limits[1]:.4f})",
                f"sd   {self.sd:>8.4f} ({self.sd_limits[0]:.4f} to {self.sd_limits[1]:.4f})",
                f"EASE {self.expected_absolute_systematic_error():>8.4f} ({low:.4f} to {high:.4f})",
            ]
        )

    @staticmethod
    def _errors(posterior: Posterior) -> np.ndarray:
        return expected_absolute_error(posterior.mean, posterior.sd)


def fit_null(
    log_estimates: Any, std_errors: Any, *, method: Method = "likelihood", conf_level: float = 0.95
) -> EmpiricalNull:
    """The distribution of systematic error, from estimates of effects that are known to be null.

    log_estimates, std_errors  of the negative controls, on the log scale, (n,). Those that are missing or infinite are
                               left out and counted (`unusable`)
    method      "likelihood" maximises that of y ~ N(mean, se^2 + sd^2), with profile limits; "posterior" takes the
                medians of the posterior under a flat prior for the mean and Gamma(1e-4, 1e-4) for 1 / sd^2, by
                quadrature, with credible limits (the model of EmpiricalCalibration's `fitMcmcNull`, without draws)

    The maximum is the global one; an `sd` of 0 is an answer: the controls differ no more than by chance.

    Returns a frozen `EmpiricalNull`. Without a usable control (two for a posterior) its numbers are nan, with a reason.

    Raises DesignError for columns of unequal length, text, or standard errors that are not positive, with their count.

    Source: Schuemie, Ryan, DuMouchel, Suchard, Madigan, Stat Med 2014;33:209.

    Example:
        >>> from equipoise import fit_null
        >>> null = fit_null([0.1, 0.3, 0.2, -0.1, 0.6], [0.1, 0.2, 0.1, 0.1, 0.1])
        >>> round(null.mean, 3), round(null.sd, 3), round(null.expected_absolute_systematic_error(), 3)
        (0.214, 0.216, 0.251)
    """
    level = check_conf_level(conf_level)
    if method not in METHODS:
        raise UnsupportedError(Fault("method", repr(method), ", ".join(METHODS)))
    found = read_estimates(log_estimates, std_errors)
    y, error = found.log_estimate[found.usable], found.std_error[found.usable]
    if len(y) < (FEWEST_FOR_POSTERIOR if method == "posterior" else 1):
        nan = math.nan
        limits = (NAN_LIMITS, NAN_LIMITS)
        return EmpiricalNull(nan, nan, *limits, len(y), found.unusable, nan, level, method, Reason.NOT_IDENTIFIED)
    make = _by_posterior if method == "posterior" else _by_likelihood
    return make(y, error, found.unusable, level)


def _by_likelihood(y: np.ndarray, error: np.ndarray, unusable: int, level: float) -> EmpiricalNull:
    best, region = maximum(y, error**2), region_of(y, error**2, level)
    return EmpiricalNull(
        float(best.mean[0]),
        float(best.tau[0]),
        region.mean(),
        region.sd,
        len(y),
        unusable,
        float(best.log_likelihood[0]),
        level,
        "likelihood",
        Reason.NOT_IDENTIFIED if len(y) < FEWEST_FOR_POSTERIOR else None,
        y,
        error,
    )


def _by_posterior(y: np.ndarray, error: np.ndarray, unusable: int, level: float) -> EmpiricalNull:
    posterior = posterior_of(y, error**2)
    low, high = _tails(level)
    means, sds = (posterior.quantiles(values, (low, 0.5, high)) for values in (posterior.mean, posterior.sd))
    mean, sd = float(means[1]), float(sds[1])
    variance = error**2 + sd**2
    value = -0.5 * float((np.log(2.0 * math.pi * variance) + (y - mean) ** 2 / variance).sum())
    return EmpiricalNull(
        mean,
        sd,
        (float(means[0]), float(means[2])),
        (float(sds[0]), float(sds[2])),
        len(y),
        unusable,
        value,
        level,
        "posterior",
        None,
        y,
        error,
        posterior,
    )


def _tails(level: float) -> tuple[float, float]:
    return (0.5 - level / 2.0, 0.5 + level / 2.0)
