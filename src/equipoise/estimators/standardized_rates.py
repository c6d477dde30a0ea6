"""Rates comparable over strata: `fit_standardized_rates` (direct) and `fit_standardized_ratios` (indirect, SMR)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import gammaincinv

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.exact_intervals import count_interval
from equipoise.estimators.fit import Estimate, check_conf_level
from equipoise.estimators.rate_cells import Keys, RateCells, matched, rate_cells
from equipoise.estimators.rates import find_group, group_frame, positive, shown
from equipoise.estimators.tails import normal_quantile, two_sided_p

DIRECT = ("gamma", "log", "wald")
POOLED = "pooled"


@dataclass(frozen=True, slots=True, eq=False)
class StandardizedRates:
    """Directly standardized rates of G groups, times `per`.

    crude, estimates, std_errors   float64 (G,); a group is nan where a stratum with weight has no person-time
    widest                         the largest w_i / t_i (G,), which the gamma limits need
    """

    groups: Keys
    events: np.ndarray
    person_time: np.ndarray
    estimates: np.ndarray
    std_errors: np.ndarray
    widest: np.ndarray
    per: float
    interval: str
    conf_level: float
    frame_kind: str = field(default="pandas", repr=False)

    @property
    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Limits of the rates, (G,) each, by the method named in `interval`."""
        z = normal_quantile(0.5 + self.conf_level / 2.0)
        if self.interval == "gamma":
            return self._gamma()
        if self.interval == "wald":
            return self.estimates - z * self.std_errors, self.estimates + z * self.std_errors
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.exp(z * self.std_errors / self.estimates)
            return self.estimates / factor, self.estimates * factor

    def tidy(self) -> Any:
        """One row a group: columns, events, person_time, crude, estimate, std_error, conf_low, conf_high, reason."""
        low, high = self.intervals
        crude = np.full(len(self.events), np.nan)
        np.divide(self.events * self.per, self.person_time, out=crude, where=self.person_time > 0.0)
        numbers = {
            "events": self.events,
            "person_time": self.person_time,
            "crude": crude,
            "estimate": self.estimates,
            "std_error": self.std_errors,
            "conf_low": low,
            "conf_high": high,
        }
        return group_frame(self.groups, numbers, self._reasons(), self.frame_kind)

    def ratio(self, target: Any, reference: Any) -> Estimate:
        """The standardized rate of one group over another's, with limits exp(log ratio ± z s).

        s^2 is the sum of the squared relative errors: the groups' events are independent.
        """
        a, b = find_group(self.groups, target), find_group(self.groups, reference)
        term = f"{shown(target)} against {shown(reference)}"
        reason = self._absence(a, b)
        if reason is not None:
            return Estimate(term, "standardized rate ratio", *(math.nan,) * 5, reason)
        value = float(self.estimates[a] / self.estimates[b])
        error = math.hypot(self.std_errors[a] / self.estimates[a], self.std_errors[b] / self.estimates[b])
        factor = math.exp(normal_quantile(0.5 + self.conf_level / 2.0) * error)
        p_value = two_sided_p(math.log(value) / error)
        return Estimate(term, "standardized rate ratio", value, error, value / factor, value * factor, p_value, None)

    def difference(self, target: Any, reference: Any) -> Estimate:
        """The standardized rate of one group less another's, ± z times its standard error."""
        a, b = find_group(self.groups, target), find_group(self.groups, reference)
        value = float(self.estimates[a] - self.estimates[b])
        error = math.hypot(self.std_errors[a], self.std_errors[b])
        half = normal_quantile(0.5 + self.conf_level / 2.0) * error
        p_value = two_sided_p(value / error) if error > 0.0 else math.nan
        reason = Reason.NOT_DEFINED if math.isnan(value) else None
        term = f"{shown(target)} against {shown(reference)}"
        return Estimate(term, "standardized rate difference", value, error, value - half, value + half, p_value, reason)

    def _gamma(self) -> tuple[np.ndarray, np.ndarray]:
        """Fay and Feuer's limits: the rate as a scaled Poisson count; exact for one stratum."""
        tail = (1.0 - self.conf_level) / 2.0
        y, v, w = self.estimates, self.std_errors**2, self.widest
        some = v > 0.0
        shape = np.divide(y**2, v, out=np.ones(len(y)), where=some)
        low = np.where(some, np.divide(v, y, out=np.zeros(len(y)), where=some) * gammaincinv(shape, tail), 0.0)
        more, spread = y + w, v + w**2
        ok = spread > 0.0
        wider = np.divide(more**2, spread, out=np.ones(len(y)), where=ok)
        high = np.divide(spread, more, out=np.zeros(len(y)), where=ok) * gammaincinv(wider, 1.0 - tail)
        undefined = np.isnan(y)
        return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)

    def _absence(self, a: int, b: int) -> Reason | None:
        if math.isnan(self.estimates[a]) or math.isnan(self.estimates[b]):
            return Reason.NOT_DEFINED
        return Reason.NO_EVENTS if not (self.estimates[a] > 0.0 and self.estimates[b] > 0.0) else None

    def _reasons(self) -> list[Reason | None]:
        return [Reason.NOT_DEFINED if math.isnan(value) else None for value in self.estimates]


@dataclass(frozen=True, slots=True, eq=False)
class StandardizedRatios:
    """Observed over expected events of G groups (SMR, SIR)."""

    groups: Keys
    observed: np.ndarray
    expected: np.ndarray
    interval: str
    conf_level: float
    frame_kind: str = field(default="pandas", repr=False)

    def tidy(self) -> Any:
        """One row a group: its columns, observed, expected, estimate, std_error, conf_low, conf_high, reason.

        `std_error` is sqrt(observed) / expected. Expected numbers are taken as known.
        """
        low, high = count_interval(self.observed, self.conf_level, self.interval)
        ratios = {"estimate": self.observed, "std_error": np.sqrt(self.observed), "conf_low": low, "conf_high": high}
        some = self.expected > 0.0
        over = {
            name: np.divide(values, self.expected, out=np.full(len(values), np.nan), where=some)
            for name, values in ratios.items()
        }
        reasons = [None if has_expected else Reason.NOT_DEFINED for has_expected in some]
        numbers = {"observed": self.observed, "expected": self.expected} | over
        return group_frame(self.groups, numbers, reasons, self.frame_kind)


def fit_standardized_rates(
    data: Any,
    *,
    strata: str | Sequence[str],
    events: str | np.ndarray | None = None,
    person_time: str | np.ndarray | None = None,
    by: str | Sequence[str] | None = None,
    standard: Mapping[Any, float] | Any = POOLED,
    weight: str = "weight",
    per: float = 1.0,
    interval: str = "gamma",
    conf_level: float = 0.95,
) -> StandardizedRates:
    """Directly standardized rates: sum w_i d_i / t_i over strata i, weights adding to 1.

    data, events, person_time, by, per   as for `fit_incidence_rates`
    strata    column or columns, such as age group and sex
    standard  the standard population: "pooled" for the person-time of all groups together, a mapping from stratum to
              size (one column of strata), or a frame with the strata's columns and the column `weight`
    interval  "gamma" (Fay, Feuer; exact for one stratum, valid with few events), "log" or "wald"

    A group without person-time in a stratum that has weight cannot be standardized: it is nan with a reason. A
    standard with strata that the data do not have is an error, since leaving them out would change the standard.

    Source: Fay, Feuer, Statistics in Medicine 1997;16:791; Breslow, Day: Statistical Methods in Cancer Research II
    (1987), chapter 2.

    Example:
        >>> from equipoise import fit_standardized_rates
        >>> towns = {"town": ["A", "A", "B", "B"], "age": ["young", "old"] * 2, "deaths": [1, 30, 4, 10],
        ...          "years": [1000, 3000, 4000, 1000]}
        >>> by_age = fit_standardized_rates(towns, events="deaths", person_time="years", by="town", strata="age",
        ...                                 standard={"young": 1, "old": 1}, per=1000)
        >>> by_age.estimates
        array([5.5, 5.5])
    """
    check_conf_level(conf_level)
    if interval not in DIRECT:
        raise UnsupportedError(Fault("interval", repr(interval), ", ".join(DIRECT)))
    cells = rate_cells(data, events, person_time, by, strata)
    share = _shares(cells, standard, weight)
    d, t = cells.events, cells.person_time
    ratio = np.divide(share, t, out=np.where(share > 0.0, np.nan, 0.0) + np.zeros_like(t), where=t > 0.0)
    scale = positive(per)
    return StandardizedRates(
        cells.groups,
        d.sum(axis=1),
        t.sum(axis=1),
        (ratio * d).sum(axis=1) * scale,
        np.sqrt((ratio**2 * d).sum(axis=1)) * scale,
        ratio.max(axis=1) * scale,
        scale,
        interval,
        float(conf_level),
        cells.frame_kind,
    )


def fit_standardized_ratios(
    data: Any,
    *,
    strata: str | Sequence[str],
    reference_rates: Mapping[Any, float] | Any,
    events: str | np.ndarray | None = None,
    person_time: str | np.ndarray | None = None,
    by: str | Sequence[str] | None = None,
    rate: str = "rate",
    interval: str = "exact",
    conf_level: float = 0.95,
) -> StandardizedRatios:
    """Indirectly standardized ratios (SMR, SIR): observed events over those expected at the reference's rates.

    data, events, person_time, by   as for `fit_incidence_rates`
    reference_rates  events per unit of person-time: a mapping from stratum to rate (one column of strata), or a frame
                     with the strata's columns and the column `rate`
    interval         of the observed count: "exact" (Garwood), "mid-p", "byar", "score", "log" or "wald"

    Source: Breslow, Day: Statistical Methods in Cancer Research II (1987), chapter 2.

    Example:
        >>> from equipoise import fit_standardized_ratios
        >>> mine = {"age": ["young", "old"], "deaths": [3, 12], "years": [2000, 1500]}
        >>> ratios = fit_standardized_ratios(mine, events="deaths", person_time="years", strata="age",
        ...                                  reference_rates={"young": 0.001, "old": 0.004})
        >>> float(ratios.tidy()["estimate"].iloc[0])  # 15 observed, 2 + 6 expected
        1.875
    """
    check_conf_level(conf_level)
    count_interval(np.zeros(1), conf_level, interval)
    cells = rate_cells(data, events, person_time, by, strata)
    rates = matched(reference_rates, cells.strata, "reference_rates", rate)
    return StandardizedRatios(
        cells.groups,
        cells.events.sum(axis=1),
        cells.person_time @ rates,
        interval,
        float(conf_level),
        cells.frame_kind,
    )


def _shares(cells: RateCells, standard: Any, weight: str) -> np.ndarray:
    """Weights of the strata (S,), adding to 1."""
    if isinstance(standard, str):
        if standard != POOLED:
            raise UnsupportedError(Fault("standard", repr(standard), f"{POOLED!r}, a mapping or a frame"))
        size = cells.person_time.sum(axis=0)
    else:
        size = matched(standard, cells.strata, "standard", weight)
    if not size.sum() > 0.0:
        raise DesignError(Fault("standard", "weights that add to zero", "at least one above zero"))
    return size / size.sum()
