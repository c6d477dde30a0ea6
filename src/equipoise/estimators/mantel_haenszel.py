"""Mantel-Haenszel summaries of 2 x 2 tables over strata, and exact conditional odds ratios: `fit_mantel_haenszel`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.count_rows import Source, source
from equipoise.estimators.fit import Estimate, check_conf_level
from equipoise.estimators.rate_cells import keys
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import chi_squared_tail, normal_quantile, two_sided_p
from equipoise.kernels.conditional_odds_ratio import conditional_tables

ODDS, RISK, RISK_DIFFERENCE, RATE, RATE_DIFFERENCE = (
    "odds_ratio",
    "risk_ratio",
    "risk_difference",
    "rate_ratio",
    "rate_difference",
)
MEASURES = (ODDS, RISK, RISK_DIFFERENCE, RATE, RATE_DIFFERENCE)
RATES = (RATE, RATE_DIFFERENCE)
EXACT, TAYLOR = "exact", "mantel-haenszel"


@dataclass(frozen=True, slots=True)
class Tables:
    """K strata: exposed and unexposed cases a, c and the exposed's and unexposed's persons or person-time m, n."""

    a: np.ndarray
    c: np.ndarray
    m: np.ndarray
    n: np.ndarray

    def informative(self) -> "Tables":
        """Strata with exposed and unexposed: the others add nothing."""
        keep = (self.m > 0.0) & (self.n > 0.0)
        return Tables(self.a[keep], self.c[keep], self.m[keep], self.n[keep])


@dataclass(frozen=True, slots=True)
class MantelHaenszel:
    """A summary over strata: the estimate, and the test that there is no association in any stratum.

    estimate     on the measure's scale; for ratios the standard error is that of the logarithm
    statistic    Mantel and Haenszel's chi-squared with 1 degree of freedom, nan for the exact method
    p_value      of that test, or the exact one
    strata, informative_strata   strata, and those with exposed and unexposed
    """

    estimate: Estimate
    method: str
    statistic: float
    p_value: float
    strata: int
    informative_strata: int
    frame_kind: str = field(default="pandas", repr=False)

    def tidy(self) -> Any:
        """One row: term, measure, estimate, std_error, conf_low, conf_high, p_value, statistic, reason."""
        row = self.estimate
        numbers = {name: np.array([getattr(row, name)]) for name in ("estimate", "std_error", "conf_low", "conf_high")}
        numbers |= {"p_value": np.array([self.p_value]), "statistic": np.array([self.statistic])}
        words = {"term": [row.term], "measure": [row.measure]}
        return frame_of(words | numbers | {"reason": [row.reason]}, self.frame_kind)


def fit_mantel_haenszel(
    data: Any,
    *,
    outcome: str | np.ndarray,
    exposure: str | np.ndarray,
    strata: str | Sequence[str] | None = None,
    person_time: str | np.ndarray | None = None,
    weights: str | np.ndarray | None = None,
    measure: str = ODDS,
    method: str = TAYLOR,
    continuity: bool = True,
    conf_level: float = 0.95,
) -> MantelHaenszel:
    """The association of a 0/1 exposure with an outcome, summarised over strata.

    data         a pandas, Polars or Arrow frame with names of columns, or a dict of arrays; persons or table cells
    outcome      1 or true for a case; for rates the number of events
    exposure     1 or true for the exposed
    strata       columns whose combinations are the strata; without them one table
    person_time  time at risk, for "rate_ratio" and "rate_difference"
    weights      how many persons the row stands for, whole numbers (not for rates)
    measure      "odds_ratio" (variance of Robins, Breslow, Greenland 1986), "risk_ratio", "risk_difference",
                 "rate_ratio", "rate_difference" (variances of Greenland, Robins 1985)
    method       "mantel-haenszel", or for the odds ratio "exact": conditional maximum likelihood with exact limits,
                 Fisher's test where there is one stratum
    continuity   take 1/2 from the distance in the chi-squared test, as R's `mantelhaen.test` does

    A ratio of 0 or infinity carries the reason SEPARATION; strata without exposed or unexposed add nothing.

    Raises DesignError for columns that are absent or hold missing values and for rates without person-time;
    UnsupportedError for exact measures other than the odds ratio.

    Source: Mantel, Haenszel, JNCI 1959;22:719; Robins, Breslow, Greenland, Biometrics 1986;42:311; Greenland, Robins,
    Biometrics 1985;41:55; Mehta, Patel, Gray, JASA 1985;80:969.

    Example:
        >>> from equipoise import fit_mantel_haenszel
        >>> cells = {"case": [1, 0, 1, 0], "exposed": [1, 1, 0, 0], "persons": [20, 10, 5, 10]}
        >>> fit_mantel_haenszel(cells, outcome="case", exposure="exposed", weights="persons").estimate.estimate
        4.0
    """
    _check(measure, method, person_time, weights)
    check_conf_level(conf_level)
    rows = source(data)
    tables, strata_count = _tables(rows, outcome, exposure, strata, person_time, weights, measure in RATES)
    used = tables.informative()
    if method == EXACT:
        estimate, statistic = _exact(used, conf_level), math.nan
        p_value = estimate.p_value
    else:
        estimate = _summary(used, measure, conf_level)
        statistic = _rate_test(used, continuity) if measure in RATES else _risk_test(used, continuity)
        p_value = chi_squared_tail(statistic, 1)
    return MantelHaenszel(estimate, method, statistic, p_value, strata_count, len(used.m), rows.frame_kind)


def _check(measure: str, method: str, person_time: Any, weights: Any) -> None:
    if measure not in MEASURES:
        raise UnsupportedError(Fault("measure", repr(measure), ", ".join(MEASURES)))
    if method not in (TAYLOR, EXACT) or (method == EXACT and measure != ODDS):
        raise UnsupportedError(Fault("method", f"{method!r} for {measure}", f"{TAYLOR}, or {EXACT} for {ODDS}"))
    if (measure in RATES) != (person_time is not None):
        found = "not given" if person_time is None else f"given for {measure}"
        raise DesignError(Fault("person_time", found, f"given for {', '.join(RATES)} alone"))
    if measure in RATES and weights is not None:
        raise UnsupportedError(Fault("weights", f"given for {measure}", "counts and person-time that are added up"))


def _tables(
    rows: Source, outcome: Any, exposure: Any, strata: Any, person_time: Any, weights: Any, rates: bool
) -> tuple[Tables, int]:
    exposed = rows.indicator(exposure, "exposure") > 0.0
    within = keys(rows, strata)
    k = len(within.labels)
    if rates:
        size, cases = rows.positive(person_time, "person_time", zero=True), rows.counts(outcome, "outcome")
    else:
        size = np.ones(len(rows)) if weights is None else rows.counts(weights, "weights")
        cases = size * rows.indicator(outcome, "outcome")

    def added(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
        return np.bincount(within.code[keep], values[keep], k)

    return Tables(added(cases, exposed), added(cases, ~exposed), added(size, exposed), added(size, ~exposed)), k


def _summary(t: Tables, measure: str, conf_level: float) -> Estimate:
    """The estimate with its interval, symmetric on the logarithm for ratios."""
    cases = t.a.sum() + t.c.sum()
    words = measure.replace("_", " ")
    if not len(t.m) or cases == 0.0:
        return Estimate("exposure", words, *(math.nan,) * 5, Reason.NO_EVENTS if len(t.m) else Reason.ONE_ARM_EMPTY)
    z = normal_quantile(0.5 + conf_level / 2.0)
    if measure in (RISK_DIFFERENCE, RATE_DIFFERENCE):
        value, error = _difference(t, rate=measure == RATE_DIFFERENCE)
        p_value = two_sided_p(value / error) if error > 0.0 else math.nan
        return Estimate("exposure", words, value, error, value - z * error, value + z * error, p_value, None)
    top, bottom, variance = {ODDS: _odds, RISK: _risk, RATE: _rate}[measure](t)
    if top == 0.0 or bottom == 0.0:
        value = math.nan if top == bottom else math.inf if bottom == 0.0 else 0.0
        return Estimate("exposure", words, value, *(math.nan,) * 4, Reason.SEPARATION)
    value, error = top / bottom, math.sqrt(variance)
    p_value = two_sided_p(math.log(value) / error)
    return Estimate(
        "exposure", words, value, error, value * math.exp(-z * error), value * math.exp(z * error), p_value, None
    )


def _odds(t: Tables) -> tuple[float, float, float]:
    b, d, total = t.m - t.a, t.n - t.c, t.m + t.n
    r, s, p, q = t.a * d / total, b * t.c / total, (t.a + d) / total, (b + t.c) / total
    top, bottom = float(r.sum()), float(s.sum())
    if top == 0.0 or bottom == 0.0:
        return top, bottom, math.nan
    cross = float((p * s + q * r).sum()) / (2.0 * top * bottom)
    return top, bottom, float((p * r).sum()) / (2.0 * top**2) + cross + float((q * s).sum()) / (2.0 * bottom**2)


def _risk(t: Tables) -> tuple[float, float, float]:
    total = t.m + t.n
    top, bottom = float((t.a * t.n / total).sum()), float((t.c * t.m / total).sum())
    spread = (t.m * t.n * (t.a + t.c) - t.a * t.c * total) / total**2
    return top, bottom, float(spread.sum()) / (top * bottom) if top * bottom > 0.0 else math.nan


def _rate(t: Tables) -> tuple[float, float, float]:
    total = t.m + t.n
    top, bottom = float((t.a * t.n / total).sum()), float((t.c * t.m / total).sum())
    spread = (t.a + t.c) * t.m * t.n / total**2
    return top, bottom, float(spread.sum()) / (top * bottom) if top * bottom > 0.0 else math.nan


def _difference(t: Tables, rate: bool) -> tuple[float, float]:
    """Weighted by m n / (m + n); the variance is Poisson's for rates and binomial for risks."""
    weight = t.m * t.n / (t.m + t.n)
    first, second = t.a / t.m**2, t.c / t.n**2
    variance = first + second if rate else first * (1.0 - t.a / t.m) + second * (1.0 - t.c / t.n)
    value = float((weight * (t.a / t.m - t.c / t.n)).sum() / weight.sum())
    return value, math.sqrt(float((weight**2 * variance).sum())) / float(weight.sum())


def _risk_test(t: Tables, continuity: bool) -> float:
    """(|sum of a - E a| - 1/2)^2 over the sum of hypergeometric variances."""
    total = t.m + t.n
    cases = t.a + t.c
    many = total > 1.0
    variance = np.divide(
        t.m * t.n * cases * (total - cases), total**2 * (total - 1.0), out=np.zeros(len(total)), where=many
    )
    return _chi_squared(float((t.a - t.m * cases / total).sum()), float(variance.sum()), continuity)


def _rate_test(t: Tables, continuity: bool) -> float:
    """The same with binomial variances, given the number of events."""
    share = t.m / (t.m + t.n)
    cases = t.a + t.c
    return _chi_squared(float((t.a - share * cases).sum()), float((cases * share * (1 - share)).sum()), continuity)


def _chi_squared(distance: float, variance: float, continuity: bool) -> float:
    if variance <= 0.0:
        return math.nan
    away = abs(distance)
    return (away - min(0.5, away)) ** 2 / variance if continuity else away**2 / variance


def _exact(t: Tables, conf_level: float) -> Estimate:
    """The conditional estimate, exact limits and p-value; no standard error belongs to them."""
    tables = conditional_tables(t.a, t.m - t.a, t.c, t.n - t.c)
    if len(tables.support) == 1:
        nothing = Reason.ONE_ARM_EMPTY if not len(t.m) else Reason.NO_EVENTS
        return Estimate("exposure", "odds ratio", *(math.nan,) * 5, nothing)
    value = tables.estimate()
    low, high = tables.interval(conf_level)
    infinite = value in (0.0, math.inf)
    reason = Reason.SEPARATION if infinite else None
    return Estimate("exposure", "odds ratio", value, math.nan, low, high, tables.p_value(), reason)
