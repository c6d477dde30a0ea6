"""Incidence rates per person-time: `fit_incidence_rates`, crude and by group, with ratios and differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.exact_intervals import (
    binomial_p_value,
    count_interval,
    mid_p_proportion,
    mid_p_value,
    proportion_interval,
)
from equipoise.estimators.fit import Estimate, check_conf_level
from equipoise.estimators.rate_cells import Keys, Label, rate_cells
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.tails import normal_quantile, two_sided_p

RATIOS = ("exact", "mid-p", "log")
DIFFERENCES = ("wald", "mover")


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceRates:
    """Rates of groups: events (G,) over person-time (G,), times `per`.

    `interval` names how the limits were computed (see `count_interval`).
    """

    groups: Keys
    events: np.ndarray
    person_time: np.ndarray
    per: float
    interval: str
    conf_level: float
    frame_kind: str = field(default="pandas", repr=False)

    @property
    def estimates(self) -> np.ndarray:
        """Events per `per` units of person-time, (G,); nan without person-time."""
        return _over(self.events, self.person_time) * self.per

    @property
    def std_errors(self) -> np.ndarray:
        """sqrt(events) over person-time, times `per`, (G,)."""
        return _over(np.sqrt(self.events), self.person_time) * self.per

    @property
    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Limits of the rates, (G,) each."""
        low, high = count_interval(self.events, self.conf_level, self.interval)
        return _over(low, self.person_time) * self.per, _over(high, self.person_time) * self.per

    def tidy(self) -> Any:
        """One row a group: its columns, events, person_time, estimate, std_error, conf_low, conf_high, reason."""
        low, high = self.intervals
        numbers = {
            "events": self.events,
            "person_time": self.person_time,
            "estimate": self.estimates,
            "std_error": self.std_errors,
            "conf_low": low,
            "conf_high": high,
        }
        reasons = [None if t > 0.0 else Reason.NOT_DEFINED for t in self.person_time]
        return group_frame(self.groups, numbers, reasons, self.frame_kind)

    def ratio(
        self, target: Any, reference: Any, *, interval: str = "exact", conf_level: float | None = None
    ) -> Estimate:
        """The rate of one group over that of another.

        interval  "exact": Clopper-Pearson limits of the share of events, given their sum, with the exact two-sided
                  p-value, as R's `poisson.test`; "mid-p"; "log": exp(log ratio ± z sqrt(1 / d1 + 1 / d0))

        `std_error` is that of the logarithm. A ratio of 0 or infinity carries the reason SEPARATION beside its limits.
        """
        if interval not in RATIOS:
            raise UnsupportedError(Fault("interval", repr(interval), ", ".join(RATIOS)))
        (d1, t1), (d0, t0) = self._cell(target), self._cell(reference)
        level = self.conf_level if conf_level is None else check_conf_level(conf_level)
        term = f"{shown(target)} against {shown(reference)}"
        nothing = Reason.NOT_DEFINED if not (t1 > 0.0 and t0 > 0.0) else Reason.NO_EVENTS if d1 + d0 == 0.0 else None
        if nothing is not None:
            return Estimate(term, "rate ratio", *(math.nan,) * 5, nothing)
        value = math.inf if d0 == 0.0 else (d1 / t1) / (d0 / t0)
        finite = d1 > 0.0 and d0 > 0.0
        error = math.sqrt(1.0 / d1 + 1.0 / d0) if finite else math.nan
        low, high, p_value = _ratio_limits(d1, t1, d0, t0, value, error, level, interval)
        return Estimate(term, "rate ratio", value, error, low, high, p_value, None if finite else Reason.SEPARATION)

    def difference(
        self, target: Any, reference: Any, *, interval: str = "wald", conf_level: float | None = None
    ) -> Estimate:
        """The rate of one group less that of another, per `per` units.

        interval  "wald": ± z sqrt(d1 / t1^2 + d0 / t0^2); "mover": from the limits of the two rates (Donner, Zou,
                  Statistical Methods in Medical Research 2012;21:347)
        """
        if interval not in DIFFERENCES:
            raise UnsupportedError(Fault("interval", repr(interval), ", ".join(DIFFERENCES)))
        (d1, t1), (d0, t0) = self._cell(target), self._cell(reference)
        level = self.conf_level if conf_level is None else check_conf_level(conf_level)
        term = f"{shown(target)} against {shown(reference)}"
        if not (t1 > 0.0 and t0 > 0.0):
            return Estimate(term, "rate difference", *(math.nan,) * 5, Reason.NOT_DEFINED)
        value = d1 / t1 - d0 / t0
        error = math.sqrt(d1 / t1**2 + d0 / t0**2)
        p_value = two_sided_p(value / error) if error > 0.0 else math.nan
        half = normal_quantile(0.5 + level / 2.0) * error
        below, above = half, half
        if interval == "mover":
            low, high = count_interval(np.array([d1, d0]), level, self.interval)
            below = math.hypot((d1 - low[0]) / t1, (high[1] - d0) / t0)
            above = math.hypot((high[0] - d1) / t1, (d0 - low[1]) / t0)
        scaled = (x * self.per for x in (value, error, value - below, value + above))
        return Estimate(term, "rate difference", *scaled, p_value, None if d1 + d0 else Reason.NO_EVENTS)

    def __repr__(self) -> str:
        limits = f"{100 * self.conf_level:g} % {self.interval} intervals"
        head = f"Incidence rates per {self.per:g} units of person-time, {limits}"
        low, high = self.intervals
        rows = [
            f"  {shown(name)}: {d:,.0f} events in {t:,.6g}: {rate:.4g} ({a:.4g} to {b:.4g})"
            for name, d, t, rate, a, b in zip(
                self.groups.labels, self.events, self.person_time, self.estimates, low, high, strict=True
            )
        ]
        more = [f"  … and {len(rows) - 40} more groups"] if len(rows) > 40 else []
        return "\n".join([head, *rows[:40], *more])

    def _cell(self, group: Any) -> tuple[float, float]:
        k = find_group(self.groups, group)
        return float(self.events[k]), float(self.person_time[k])


def fit_incidence_rates(
    data: Any,
    *,
    events: str | np.ndarray | None = None,
    person_time: str | np.ndarray | None = None,
    by: str | Sequence[str] | None = None,
    per: float = 1.0,
    interval: str = "exact",
    conf_level: float = 0.95,
) -> IncidenceRates:
    """Incidence rates: events over person-time, crude or by group.

    data         a pandas, Polars or Arrow frame with names of columns, a dict of arrays, or an AnalysisSet (its events
                 of any cause, and its days of follow-up); rows of persons, intervals or tables are added up
    events       number of events in the row
    person_time  time at risk in the row, zero or more
    by           one column or several; without it one rate for all
    per          units of person-time to which rates refer, such as 1000
    interval     "exact" (Garwood), "mid-p", "byar", "score", "log" or "wald"

    Returns `IncidenceRates`: `tidy()`, `ratio(target, reference)` and `difference(target, reference)`. A group without
    events has rate 0 with exact limits; one without person-time has none.

    Raises DesignError for columns that are absent or hold missing values, counts that are negative or not whole, and
    negative person-time.

    Source: Rothman, Greenland, Lash: Modern Epidemiology, 3rd ed. (2008), chapter 14.

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_incidence_rates
        >>> nurses = pd.DataFrame({"hormones": ["yes", "no"], "cases": [30, 60], "years": [54308.7, 51477.5]})
        >>> rates = fit_incidence_rates(nurses, events="cases", person_time="years", by="hormones", per=100_000)
        >>> round(rates.ratio("yes", "no").estimate, 3)
        0.474
    """
    check_conf_level(conf_level)
    count_interval(np.zeros(1), conf_level, interval)
    cells = rate_cells(data, events, person_time, by, None)
    return IncidenceRates(
        cells.groups,
        cells.events[:, 0],
        cells.person_time[:, 0],
        positive(per),
        interval,
        float(conf_level),
        cells.frame_kind,
    )


def group_frame(groups: Keys, numbers: dict[str, np.ndarray], reasons: list[Reason | None], kind: str) -> Any:
    """A frame with the groups' columns, numbers of one a group, and reasons."""
    names = groups.names or ("group",)
    levels = zip(*groups.labels, strict=True)
    columns: dict[str, Any] = {name: _level_column(list(level)) for name, level in zip(names, levels, strict=True)}
    return frame_of(columns | numbers | {"reason": reasons}, kind)


def _level_column(levels: list[Any]) -> Any:
    """Numbers as an array, anything else as text."""
    numeric = all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels)
    return np.array(levels) if numeric else levels


def _ratio_limits(
    d1: float, t1: float, d0: float, t0: float, value: float, error: float, level: float, interval: str
) -> tuple[float, float, float]:
    if interval == "log":
        if math.isnan(error):
            return math.nan, math.nan, math.nan
        factor = math.exp(normal_quantile(0.5 + level / 2.0) * error)
        return value / factor, value * factor, two_sided_p(math.log(value) / error)
    x, n, share = int(d1), int(d1 + d0), t1 / (t1 + t0)
    if interval == "exact":
        low, high = (float(limit) for limit in proportion_interval(np.array(d1), np.array(d1 + d0), level))
        p_value = binomial_p_value(x, n, share)
    else:
        low, high = mid_p_proportion(x, n, level)
        p_value = mid_p_value(x, n, share)
    return _odds(low) * t0 / t1, _odds(high) * t0 / t1, p_value


def _odds(share: float) -> float:
    return math.inf if share >= 1.0 else share / (1.0 - share)


def _over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(len(bottom), np.nan), where=bottom > 0.0)


def find_group(groups: Keys, wanted: Any) -> int:
    """Position of a group, named by its level or by a tuple of levels where there are several columns."""
    labels = wanted if isinstance(wanted, tuple) else (wanted,)
    if labels not in groups.labels:
        raise DesignError(Fault("group", shown(labels), "; ".join(map(shown, groups.labels[:20]))))
    return groups.labels.index(labels)


def positive(per: float) -> float:
    """The person-time to which rates refer, checked."""
    if isinstance(per, bool) or not isinstance(per, int | float) or not 0.0 < per < math.inf:
        raise DesignError(Fault("per", repr(per), "a number above zero, such as 1000"))
    return float(per)


def shown(group: Any) -> str:
    """A group's levels as text."""
    labels: Label = group if isinstance(group, tuple) else (group,)
    return ", ".join(map(str, labels))
