"""Tail probabilities of the normal and chi-squared laws, without the start-up cost of a statistics library.

Errors are of the order of 1e-15 relative: the normal tail is the complementary error function; the chi-squared tail
with whole degrees of freedom is a finite sum of positive terms (Abramowitz, Stegun 1964, 26.4.4 and 26.4.5).
"""

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def two_sided_p(z: float) -> float:
    """P(|Z| >= |z|) for a standard normal Z.

    Example:
        >>> from equipoise.estimators.tails import two_sided_p
        >>> round(two_sided_p(1.959963984540054), 12)
        0.05
    """
    return math.erfc(abs(z) / math.sqrt(2.0))


def normal_quantile(p: float) -> float:
    """The z with P(Z <= z) = p, for 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def chi_squared_tail(x: float, df: int) -> float:
    """P(X >= x) for chi-squared with `df` (at least 1) degrees of freedom; nan where x is nan or df is 0."""
    if df < 1 or math.isnan(x):
        return math.nan
    if x <= 0.0:
        return 1.0
    half = x / 2.0
    tail, power = (math.erfc(math.sqrt(half)), 0.5) if df % 2 else (math.exp(-half), 1.0)
    while power < df / 2.0:
        tail += math.exp(power * math.log(half) - half - math.lgamma(power + 1.0))
        power += 1.0
    return min(tail, 1.0)
