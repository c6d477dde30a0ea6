"""P-values and intervals that count systematic error: `calibrate_p_values`, `calibrate_intervals`."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr

from equipoise.bias.controls import Estimates, read_estimates
from equipoise.bias.null_distribution import EmpiricalNull
from equipoise.bias.systematic_error import SystematicErrorModel, model_of
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile

Alternative = Literal["two_sided", "greater", "less"]
ALTERNATIVES = ("two_sided", "greater", "less")
DOUBLINGS = 60
HALVINGS = 200


def calibrate_p_values(
    null: EmpiricalNull, log_estimates: Any, std_errors: Any, *, alternative: Alternative = "two_sided"
) -> np.ndarray:
    """The probability of an estimate as far from the null, if its error were random and systematic, but nothing else.

    null           from `fit_null`; or `EmpiricalNull(mean, sd)`
    log_estimates, std_errors  of the effects in question, (n,)
    alternative    "greater" for effects above the null (EmpiricalCalibration's `upper`), "less", or both

    z = (log estimate - mean) / sqrt(sd^2 + std_error^2) is referred to the normal law. Of a posterior null the median
    over the posterior; `p_value_limits` gives its credible limits.

    Returns float64 (n,); nan where the estimate is missing or infinite, or the null has no numbers. Raises DesignError
    as `fit_null`.

    Source: Schuemie, Ryan, DuMouchel, Suchard, Madigan, Stat Med 2014;33:209.

    Example:
        >>> from equipoise import calibrate_p_values, fit_null
        >>> null = fit_null([0.1, 0.3, 0.2, -0.1, 0.6], [0.1, 0.2, 0.1, 0.1, 0.1])
        >>> calibrate_p_values(null, [0.5], [0.1]).round(3)  # without calibration: 0.0000006
        array([0.23])
    """
    _check_alternative(alternative)
    estimates = read_estimates(log_estimates, std_errors)
    if null.posterior is not None:
        return _over_posterior(null, estimates, alternative, (0.5,))[:, 0]
    return _p_values(null.mean, null.sd, estimates, alternative)


def p_value_limits(
    null: EmpiricalNull,
    log_estimates: Any,
    std_errors: Any,
    *,
    alternative: Alternative = "two_sided",
    conf_level: float = 0.95,
) -> tuple[np.ndarray, np.ndarray]:
    """Credible limits of calibrated p-values, each float64 (n,), of a null fitted with `method="posterior"`.

    Raises UnsupportedError for another null, which has no posterior; else as `calibrate_p_values`.
    """
    _check_alternative(alternative)
    level = check_conf_level(conf_level)
    if null.posterior is None:
        raise UnsupportedError(
            Fault("null", f"method {null.method!r}", "'posterior'", 'fit_null(…, method="posterior")')
        )
    shares = (0.5 - level / 2.0, 0.5 + level / 2.0)
    found = _over_posterior(null, read_estimates(log_estimates, std_errors), alternative, shares)
    return found[:, 0], found[:, 1]


def traditional_p_values(log_estimates: Any, std_errors: Any, *, alternative: Alternative = "two_sided") -> np.ndarray:
    """P-values that count random error alone, float64 (n,), to be shown beside calibrated ones."""
    _check_alternative(alternative)
    return _p_values(0.0, 0.0, read_estimates(log_estimates, std_errors), alternative)


def _check_alternative(alternative: str) -> None:
    if alternative not in ALTERNATIVES:
        raise UnsupportedError(Fault("alternative", repr(alternative), ", ".join(ALTERNATIVES)))


def _p_values(mean: Any, sd: Any, estimates: Estimates, alternative: str) -> np.ndarray:
    y = np.where(estimates.usable, estimates.log_estimate, np.nan)
    return _tail((y - mean) / np.sqrt(sd**2 + estimates.std_error**2), alternative)


def _tail(z: np.ndarray, alternative: str) -> np.ndarray:
    if alternative == "two_sided":
        return 2.0 * ndtr(-np.abs(z))
    return ndtr(-z) if alternative == "greater" else ndtr(z)


def _over_posterior(
    null: EmpiricalNull, estimates: Estimates, alternative: str, shares: tuple[float, ...]
) -> np.ndarray:
    posterior = null.posterior
    assert posterior is not None
    out = np.full((len(estimates.usable), len(shares)), np.nan)
    for i in np.flatnonzero(estimates.usable):
        spread = np.sqrt(posterior.sd**2 + estimates.std_error[i] ** 2)
        p = _tail((estimates.log_estimate[i] - posterior.mean) / spread, alternative)
        out[i] = posterior.quantiles(p, shares)
    return out


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibratedIntervals:
    """log_estimate, std_error, conf_low, conf_high float64 (n,), on the log scale; a missing estimate gives nan.

    std_error  the length of the interval over twice the normal quantile: the interval need not be symmetric
    A limit is infinite where no true effect explains the estimate on that side.
    """

    log_estimate: np.ndarray
    std_error: np.ndarray
    conf_low: np.ndarray
    conf_high: np.ndarray
    conf_level: float

    def tidy(self, exponentiate: bool = False) -> Any:
        """A row an estimate: estimate, std_error (of its logarithm), conf_low, conf_high."""
        change = np.exp if exponentiate else np.array
        columns = {
            "estimate": change(self.log_estimate),
            "std_error": self.std_error,
            "conf_low": change(self.conf_low),
            "conf_high": change(self.conf_high),
        }
        return frame_of(columns, "pandas")

    def __repr__(self) -> str:
        table = self.tidy(exponentiate=True).round(4).to_string(max_rows=20)
        return f"Calibrated ratios with {100 * self.conf_level:g} % intervals\n{table}"


def calibrate_intervals(
    model: SystematicErrorModel | EmpiricalNull, log_estimates: Any, std_errors: Any, *, conf_level: float = 0.95
) -> CalibratedIntervals:
    """Estimates corrected for the mean of systematic error, with intervals that count its spread.

    model          from `fit_systematic_error`; or from `fit_null`, which takes the error of any effect to be that of
                   the negative controls (EmpiricalCalibration's `convertNullToErrorModel`)
    log_estimates, std_errors  (n,)

    With a model, the limits are the true log ratios t at which the estimate lies z standard deviations from what is
    expected: (mean(t) - y) / sqrt(sd(t)^2 + std_error^2) = -z and z, found by bisection from the corrected estimate,
    where mean(t) = y.

    Raises DesignError as `fit_null`, and for a model whose mean does not rise with the true effect.

    Source: Schuemie, Hripcsak, Ryan, Madigan, Suchard, PNAS 2018;115:2571.

    Example:
        >>> from equipoise import calibrate_intervals, fit_null
        >>> null = fit_null([0.1, 0.3, 0.2, -0.1, 0.6], [0.1, 0.2, 0.1, 0.1, 0.1])
        >>> found = calibrate_intervals(null, [0.5], [0.1])
        >>> found.conf_low.round(3), found.conf_high.round(3)
        (array([-0.181]), array([0.753]))
    """
    level = check_conf_level(conf_level)
    used = model_of(model) if isinstance(model, EmpiricalNull) else model
    if used.mean_slope <= 0.0:
        raise DesignError(Fault("model", "a mean that does not rise with the true effect", "a slope above 0"))
    estimates = read_estimates(log_estimates, std_errors)
    y = np.where(estimates.usable, estimates.log_estimate, np.nan)
    centre = (y - used.mean_intercept) / used.mean_slope
    z = normal_quantile(0.5 + level / 2.0)
    low, high = (_limit(used, y, estimates.std_error, centre, side * z) for side in (-1.0, 1.0))
    return CalibratedIntervals(centre, (high - low) / (2.0 * z), low, high, level)


def _limit(
    model: SystematicErrorModel, y: np.ndarray, std_error: np.ndarray, centre: np.ndarray, z: float
) -> np.ndarray:
    """The t beyond `centre`, on the side of z, where the estimate first lies |z| deviations away; else infinite."""

    def deviations(t: np.ndarray) -> np.ndarray:
        return np.abs(model.mean(t) - y) / np.sqrt(model.sd(t) ** 2 + std_error**2)

    step = math.copysign(1.0, z) * np.sqrt(std_error**2 + model.sd(centre) ** 2) / model.mean_slope
    inside, outside = centre.copy(), centre + step
    for _ in range(DOUBLINGS):
        within = deviations(outside) < abs(z)
        if not within.any():
            break
        inside = np.where(within, outside, inside)
        step = np.where(within, 2.0 * step, step)
        outside = np.where(within, outside + step, outside)
    found = deviations(outside) >= abs(z)
    for _ in range(HALVINGS):
        middle = 0.5 * (inside + outside)
        if ((middle == inside) | (middle == outside) | ~found).all():
            break
        within = deviations(middle) < abs(z)
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    return np.where(np.isnan(centre), np.nan, np.where(found, 0.5 * (inside + outside), math.copysign(math.inf, z)))
