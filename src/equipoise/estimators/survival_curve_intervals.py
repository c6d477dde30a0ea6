"""Confidence limits of probabilities that stay between 0 and 1, and quantiles read off a curve and its limits."""

from collections.abc import Callable

import numpy as np

from equipoise.errors import Fault, UnsupportedError

TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))  # a curve this close to a probability has reached it
Limits = tuple[np.ndarray, np.ndarray]


def limits(probability: np.ndarray, std_error: np.ndarray, conf_type: str, z: float) -> Limits:
    """Lower and upper limits, symmetric on the scale `conf_type` names; float64 of the shape that came in.

    "log" and "plain" are cut off at 0 and 1. nan where the scale does not reach (log at 0; log-log at 0 and 1; logit
    and arcsin at 0 and, without a standard error, 1) or the standard error is nan.

    Source: Borgan, Liestøl, Scandinavian Journal of Statistics 1990;17:35; Kalbfleisch, Prentice (2002), section 1.4.

    Example:
        >>> import numpy as np
        >>> from equipoise.estimators.survival_curve_intervals import limits
        >>> low, high = limits(np.array([0.5]), np.array([0.1]), "plain", 1.96)
        >>> float(low[0].round(3)), float(high[0].round(3))
        (0.304, 0.696)
    """
    if conf_type not in SCALES:
        raise UnsupportedError(Fault("conf_type", repr(conf_type), ", ".join(SCALES)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low, high = SCALES[conf_type](np.asarray(probability, np.float64), z * np.asarray(std_error, np.float64))
    return low, high


def _plain(p: np.ndarray, half: np.ndarray) -> Limits:
    return np.maximum(p - half, 0.0), np.minimum(p + half, 1.0)


def _log(p: np.ndarray, half: np.ndarray) -> Limits:
    p = np.where(p == 0.0, np.nan, p)
    return p * np.exp(-half / p), np.minimum(p * np.exp(half / p), 1.0)


def _log_log(p: np.ndarray, half: np.ndarray) -> Limits:
    p = np.where((p == 0.0) | (p == 1.0), np.nan, p)
    factor = np.exp(half / (p * -np.log(p)))
    return p**factor, p ** (1.0 / factor)


def _logit(p: np.ndarray, half: np.ndarray) -> Limits:
    p = np.where((p == 0.0) | (p == 1.0), np.nan, p)
    odds, factor = p / (1.0 - p), np.exp(half / (p * (1.0 - p)))
    low, high = odds / factor, odds * factor
    return low / (1.0 + low), np.where(np.isinf(high), 1.0, high / (1.0 + high))


def _arcsin(p: np.ndarray, half: np.ndarray) -> Limits:
    p = np.where((p == 0.0) | (p == 1.0), np.nan, p)
    angle, spread = np.arcsin(np.sqrt(p)), half / (2.0 * np.sqrt(p * (1.0 - p)))
    return np.sin(np.maximum(0.0, angle - spread)) ** 2, np.sin(np.minimum(np.pi / 2.0, angle + spread)) ** 2


SCALES: dict[str, Callable[[np.ndarray, np.ndarray], Limits]] = {
    "log": _log,
    "log-log": _log_log,
    "plain": _plain,
    "logit": _logit,
    "arcsin": _arcsin,
}


def quantile(times: np.ndarray, survival: np.ndarray, probability: float, origin: float) -> float:
    """The time by which a share `probability` has failed: where survival falls to 1 - probability or below.

    Where survival stays exactly at 1 - probability for a while, the middle of that while. nan where it never falls so
    far. `survival` may be a curve of limits, whose nan are passed over; `origin` is when survival was 1.

    Example:
        >>> import numpy as np
        >>> from equipoise.estimators.survival_curve_intervals import quantile
        >>> quantile(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.75, 0.5, 0.25, 0.0]), 0.5, 0.0)
        2.5
    """
    if probability <= TOLERANCE:
        return origin
    known = ~np.isnan(survival)
    times, survival = times[known], survival[known]
    reached = np.flatnonzero(survival < 1.0 - probability + TOLERANCE)
    if not len(reached):
        return float("nan")
    first = reached[0]
    if abs(survival[first] - (1.0 - probability)) > TOLERANCE or probability >= 1.0 - TOLERANCE:
        return float(times[first])
    below = np.flatnonzero(survival < survival[first] - TOLERANCE)
    end = below[0] if len(below) else len(times) - 1
    return float(times[first] + times[end]) / 2.0
