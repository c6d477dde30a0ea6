"""Numbers of any kind, one from each completed data set, as one number: `pool_quantities`, by Rubin's rules."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from equipoise.errors import DesignError, Fault
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.pooling import degrees_of_freedom, fraction_missing
from equipoise.estimators.tails import normal_quantile, two_sided_p


@dataclass(frozen=True, slots=True)
class PooledQuantity:
    """One number pooled over imputations, with limits and p-value of Student's t.

    df                  degrees of freedom of Barnard and Rubin; infinite where the data sets agree
    fraction_missing    share of the information that is missing
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    df: float
    fraction_missing: float

    def mapped(self, function: Callable[[float], float]) -> "PooledQuantity":
        """Estimate and limits on another scale, by an increasing function; error and p-value stay as they are."""
        low, high = function(self.conf_low), function(self.conf_high)
        return replace(self, estimate=function(self.estimate), conf_low=low, conf_high=high)


def pool_quantities(
    estimates: Sequence[float] | np.ndarray,
    std_errors: Sequence[float] | np.ndarray,
    *,
    df_complete: float = math.inf,
    conf_level: float = 0.95,
) -> PooledQuantity:
    """Rubin's rules for one quantity of any kind: a log ratio of matched persons, a difference of risks.

    estimates, std_errors   float64 (m,), one of each completed data set, two at least, on a scale on which the estimate
                            is about normal
    df_complete             degrees of freedom if nothing were missing

    T = U + (1 + 1/m) B, U the mean of the squared errors and B the variance of the estimates; p-value against zero.

    Raises DesignError for fewer than two, unequal numbers, values that are not finite, and negative errors.

    Source: Rubin, Multiple Imputation for Nonresponse in Surveys (1987), chapter 3; Barnard, Rubin, Biometrika
    1999;86:948.

    Example:
        >>> from equipoise import pool_quantities
        >>> pooled = pool_quantities([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
        >>> pooled.estimate, round(pooled.std_error**2, 6)  # U = 1, B = 1: 1 + 4/3
        (2.0, 2.333333)
    """
    values, errors = np.asarray(estimates, np.float64), np.asarray(std_errors, np.float64)
    level = check_conf_level(conf_level)
    if values.shape != errors.shape or values.ndim != 1 or len(values) < 2:
        found = f"shapes {values.shape} and {errors.shape}"
        raise DesignError(Fault("estimates, std_errors", found, "one number of each imputation, two at least"))
    if not (np.isfinite(values).all() and np.isfinite(errors).all() and (errors >= 0.0).all()):
        raise DesignError(Fault("estimates, std_errors", "missing, infinite or negative values", "finite numbers"))
    m, within = len(values), float((errors**2).mean())
    mean = float(values[0] + (values - values[0]).mean())  # exact where all are equal
    between = float(((values - mean) ** 2).sum() / (m - 1))
    error = math.sqrt(within + (1.0 + 1.0 / m) * between)
    ratio = np.array([(1.0 + 1.0 / m) * between / within if within > 0.0 else (math.inf if between else 0.0)])
    share = np.where(np.isinf(ratio), 1.0, ratio / (1.0 + np.where(np.isinf(ratio), 0.0, ratio)))
    df = degrees_of_freedom(share, m, df_complete)
    t, freedom = (mean / error if error > 0.0 else math.nan), float(df[0])
    if math.isinf(freedom):
        half, p_value = normal_quantile(0.5 + level / 2.0) * error, two_sided_p(t) if error > 0.0 else math.nan
    else:
        half, p_value = float(stdtrit(freedom, 0.5 + level / 2.0)) * error, 2.0 * float(stdtr(freedom, -abs(t)))
    missing = 1.0 if math.isinf(ratio[0]) else float(fraction_missing(ratio, df)[0])
    return PooledQuantity(mean, error, mean - half, mean + half, p_value, freedom, missing)
