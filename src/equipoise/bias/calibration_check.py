"""What calibration does to the controls themselves, and the data of its plot: `assess_calibration`,
`calibration_effect`."""

from typing import Any

import numpy as np

from equipoise.bias.calibration import calibrate_intervals, calibrate_p_values, traditional_p_values
from equipoise.bias.controls import column, read_estimates, same_length
from equipoise.bias.null_distribution import EmpiricalNull, fit_null
from equipoise.bias.systematic_error import fit_systematic_error
from equipoise.errors import DesignError, Fault
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile

FEWEST = 3


def assess_calibration(
    log_estimates: Any, std_errors: Any, *, true_log_ratios: Any = None, conf_level: float = 0.95
) -> Any:
    """Each control calibrated by all the others (leave one out): what calibration would do to an estimate like these.

    log_estimates, std_errors  of the controls, (n,); missing or infinite ones have nan
    true_log_ratios            of the controls; without them all are negative (0), and the others make a null; with
                               them, a systematic error model

    Returns a frame with a row a control, in their order: true_log_ratio, p_value and calibrated_p_value (of no effect),
    conf_low, conf_high, calibrated_estimate, calibrated_low, calibrated_high (log scale), covered, calibrated_covered:
    1 where the interval holds the truth. A share of p-values below 0.05 near 0.05, and of covered truths near the
    level, says that calibration works.

    Raises DesignError as `fit_null`, and for fewer than three usable controls.

    Source: Schuemie et al., PNAS 2018;115:2571.

    Example:
        >>> from equipoise import assess_calibration
        >>> table = assess_calibration([0.1, 0.3, 0.2, -0.1, 0.6], [0.1, 0.2, 0.1, 0.1, 0.1])
        >>> table["calibrated_p_value"].round(2).tolist()
        [0.57, 0.75, 0.94, 0.04, 0.0]
    """
    level = check_conf_level(conf_level)
    found = read_estimates(log_estimates, std_errors)
    n = len(found.usable)
    truth = np.zeros(n) if true_log_ratios is None else column("true_log_ratios", true_log_ratios)
    same_length("true_log_ratios", truth, "log_estimates", found.log_estimate)
    usable = found.usable & np.isfinite(truth)
    if usable.sum() < FEWEST:
        raise DesignError(Fault("controls", f"{int(usable.sum())} that are usable", f"at least {FEWEST}"))
    out = np.full((n, 4), np.nan)
    for i in np.flatnonzero(usable):
        others = usable.copy()
        others[i] = False
        y, s = found.log_estimate[others], found.std_error[others]
        null = fit_null(y[truth[others] == 0.0], s[truth[others] == 0.0])
        model = null if true_log_ratios is None else fit_systematic_error(y, s, truth[others])
        one = found.log_estimate[i : i + 1], found.std_error[i : i + 1]
        interval = calibrate_intervals(model, *one, conf_level=level)
        p = calibrate_p_values(null, *one)
        out[i] = p[0], interval.log_estimate[0], interval.conf_low[0], interval.conf_high[0]
    z = normal_quantile(0.5 + level / 2.0)
    y = np.where(usable, found.log_estimate, np.nan)
    low, high = y - z * found.std_error, y + z * found.std_error
    p_value = np.where(usable, traditional_p_values(found.log_estimate, found.std_error), np.nan)
    columns = {
        "true_log_ratio": truth,
        "p_value": p_value,
        "calibrated_p_value": out[:, 0],
        "conf_low": low,
        "conf_high": high,
        "calibrated_estimate": out[:, 1],
        "calibrated_low": out[:, 2],
        "calibrated_high": out[:, 3],
        "covered": _holds(low, high, truth),
        "calibrated_covered": _holds(out[:, 2], out[:, 3], truth),
    }
    return frame_of(columns, "pandas")


def _holds(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> np.ndarray:
    known = ~np.isnan(low)
    return np.where(known, ((low <= truth) & (truth <= high)).astype(np.float64), np.nan)


def calibration_effect(
    null: EmpiricalNull, *, significance: float = 0.05, log_estimates: Any = (-2.3, 2.3), points: int = 201
) -> Any:
    """The lines of a calibration effect plot: the standard errors below which an estimate is significant.

    significance   of two-sided p-values
    log_estimates  the ends of the axis
    points         how many places on it

    Returns a frame log_estimate, std_error (traditional), calibrated_std_error, which is 0 where no standard error is
    small enough. Source: Schuemie et al., Stat Med 2014;33:209, figure 3.

    Example:
        >>> from equipoise.bias.null_distribution import EmpiricalNull
        >>> calibration_effect(EmpiricalNull(0.0, 0.0), points=3)["calibrated_std_error"].round(3).tolist()
        [1.173, 0.0, 1.173]
    """
    level = check_conf_level(1.0 - significance)
    z = normal_quantile(0.5 + level / 2.0)
    ends = column("log_estimates", log_estimates)
    if len(ends) != 2 or not np.isfinite(ends).all() or points < 2:
        raise DesignError(Fault("log_estimates", "no axis", "two finite ends and at least two points"))
    x = np.linspace(ends[0], ends[1], points)
    squared = ((x - null.mean) / z) ** 2 - null.sd**2
    calibrated = np.sqrt(np.maximum(squared, 0.0))
    return frame_of({"log_estimate": x, "std_error": np.abs(x) / z, "calibrated_std_error": calibrated}, "pandas")
