"""Confidence limits of one count and one proportion, and of two counts, exact and approximate, each by its name.

Exact limits invert the tails of the Poisson or binomial law and cover with at least the stated probability; mid-p
limits count half of the observed value's probability and cover on average.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, betaincinv, gammainc, gammaincinv, gammaln, xlog1py, xlogy

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.tails import normal_quantile

COUNTS = ("exact", "mid-p", "byar", "score", "log", "wald")
PROPORTIONS = ("clopper-pearson", "wilson")
BISECTIONS = 200
AS_LIKELY = 1.0 + 1e-7  # values this much more likely than the observed one count as equally likely, as in R


def count_interval(events: np.ndarray, conf_level: float, method: str = "exact") -> tuple[np.ndarray, np.ndarray]:
    """Limits of the mean of a Poisson count, (low, high), each of the shape of `events`.

    "exact"  Garwood, Biometrika 1936;28:437       "mid-p"  half of the observed count's probability in either tail
    "byar"   cube-root approximation of the exact ones (Breslow, Day 1987, page 69)
    "score"  roots of (d - m)^2 = z^2 m             "log", "wald"  d exp(±z / sqrt(d)), d ± z sqrt(d)

    The limits of "log" are nan where there are no events. Wald limits can be negative.

    Example:
        >>> import numpy as np
        >>> from equipoise.estimators.exact_intervals import count_interval
        >>> [float(limit[0].round(4)) for limit in count_interval(np.array([7.0]), 0.95)]
        [2.8144, 14.4227]
    """
    if method not in COUNTS:
        raise UnsupportedError(Fault("interval", repr(method), ", ".join(COUNTS)))
    d, tail = np.asarray(events, np.float64), (1.0 - conf_level) / 2.0
    if method == "exact":
        return np.where(d > 0.0, gammaincinv(np.maximum(d, 1.0), tail), 0.0), gammaincinv(d + 1.0, 1.0 - tail)
    if method == "mid-p":
        return _mid_p(d, tail)
    return _approximate(d, normal_quantile(1.0 - tail), method)


def proportion_interval(
    events: np.ndarray, trials: np.ndarray, conf_level: float, method: str = "clopper-pearson"
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of a proportion, (low, high): "clopper-pearson" (exact) or "wilson" (score).

    Source: Clopper, Pearson, Biometrika 1934;26:404; Wilson, JASA 1927;22:209.

    Example:
        >>> import numpy as np
        >>> from equipoise.estimators.exact_intervals import proportion_interval
        >>> [float(limit.round(4)) for limit in proportion_interval(np.array(7.0), np.array(50.0), 0.95)]
        [0.0582, 0.2674]
    """
    if method not in PROPORTIONS:
        raise UnsupportedError(Fault("interval", repr(method), ", ".join(PROPORTIONS)))
    x, n, tail = np.asarray(events, np.float64), np.asarray(trials, np.float64), (1.0 - conf_level) / 2.0
    if method == "clopper-pearson":
        low = np.where(x > 0.0, betaincinv(np.maximum(x, 1.0), n - x + 1.0, tail), 0.0)
        return low, np.where(x < n, betaincinv(x + 1.0, np.maximum(n - x, 1.0), 1.0 - tail), 1.0)
    z = normal_quantile(1.0 - tail)
    middle, half = x + z**2 / 2.0, z * np.sqrt(x * (n - x) / n + z**2 / 4.0)
    return (middle - half) / (n + z**2), (middle + half) / (n + z**2)


def mid_p_proportion(x: int, n: int, conf_level: float) -> tuple[float, float]:
    """Mid-p limits of a proportion."""
    tail = (1.0 - conf_level) / 2.0
    low = 0.0 if x == 0 else _root(lambda p: _mid_p_above(x, n, p) - tail, 0.0, 1.0)
    high = 1.0 if x == n else _root(lambda p: _mid_p_above(x, n, p) - (1.0 - tail), 0.0, 1.0)
    return low, high


def mid_p_value(x: int, n: int, p: float) -> float:
    """Twice the smaller mid-p tail of a binomial count."""
    above = _mid_p_above(x, n, p)
    return min(1.0, 2.0 * min(above, 1.0 - above))


def _mid_p_above(x: int, n: int, p: float) -> float:
    """P(X > x) + P(X = x) / 2."""
    more = float(betainc(x + 1.0, n - x, p)) if x < n else 0.0
    at_least = float(betainc(x, n - x + 1.0, p)) if x > 0 else 1.0
    return 0.5 * (more + at_least)


def binomial_p_value(x: int, n: int, p: float) -> float:
    """The exact two-sided p-value: the probability of all values no likelier than the one observed, as in R."""
    law = _binomial(np.arange(n + 1.0), float(n), p)
    return min(1.0, float(law[law <= law[x] * AS_LIKELY].sum()))


def _binomial(k: np.ndarray, n: float, p: float) -> np.ndarray:
    ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.exp(ways + xlogy(k, p) + xlog1py(n - k, -p))


def _mid_p(d: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Roots of P(X > d) + P(X = d) / 2 = tail and 1 - tail."""
    most = float(np.max(gammaincinv(d + 1.0, 1.0 - tail / 2.0), initial=1.0))

    def limit(count: float, wanted: float) -> float:
        def above(mean: float) -> float:
            more = gammainc(count + 1.0, mean)
            at_least = gammainc(count, mean) if count > 0.0 else 1.0
            return 0.5 * (more + at_least) - wanted

        return 0.0 if above(0.0) >= 0.0 else _root(above, 0.0, most)

    flat = d.ravel()
    low = np.array([limit(count, tail) for count in flat]).reshape(d.shape)
    high = np.array([limit(count, 1.0 - tail) for count in flat]).reshape(d.shape)
    return low, high


def _approximate(d: np.ndarray, z: float, method: str) -> tuple[np.ndarray, np.ndarray]:
    if method == "wald":
        return d - z * np.sqrt(d), d + z * np.sqrt(d)
    if method == "score":
        half = z * np.sqrt(d + z**2 / 4.0)
        return d + z**2 / 2.0 - half, d + z**2 / 2.0 + half
    some = np.maximum(d, 1.0)
    if method == "log":
        factor = np.where(d > 0.0, np.exp(z / np.sqrt(some)), np.nan)
        return d / factor, d * factor
    low = d * (1.0 - 1.0 / (9.0 * some) - z / (3.0 * np.sqrt(some))) ** 3
    more = d + 1.0
    return np.where(d > 0.0, low, 0.0), more * (1.0 - 1.0 / (9.0 * more) + z / (3.0 * np.sqrt(more))) ** 3


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """The root of a rising function between two points, by halving until they are neighbours."""
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
