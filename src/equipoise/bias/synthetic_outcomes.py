"""Positive controls of a known effect: outcomes added to those of a negative control, `inject_outcomes`."""

import math
import numbers
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np

from equipoise.bias.controls import column, same_length
from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.cox import fit_cox
from equipoise.kernels.philox import uniforms

FEWEST_OUTCOMES = 25  # of the exposed, below which nothing is injected (as in the authors' software)
FEWEST_FOR_COVARIATES = 100  # below which the hazard is taken to be the same whatever the covariates
OUTCOMES_A_PIECE = 5
MOST_PIECES = 20
DRAWS = 100
PRECISION = 0.01  # of the ratio that was injected, relative
MOST_LOG_HAZARD = 5.0
STREAM = 0x5359_0000


@dataclass(frozen=True, slots=True, eq=False)
class InjectedOutcomes:
    """Follow-up with outcomes added.

    stop, event   int64 (n,): as given, or up to the day of an added outcome, 1
    added         how many outcomes were added
    ratio         the hazard ratio that the added outcomes make in the exposed, against their own before
    by_covariates whether the hazard follows covariates
    reason        TOO_FEW_EVENTS where the exposed have too few outcomes to know their hazard; nothing was added then
    """

    stop: np.ndarray
    event: np.ndarray
    added: int
    ratio: float
    by_covariates: bool
    reason: Reason | None = None


def inject_outcomes(
    start: Any,
    stop: Any,
    event: Any,
    exposed: Any,
    effect: float,
    *,
    covariates: Any = None,
    seed: int = 1,
    draws_for: str = "",
) -> InjectedOutcomes:
    """Make a positive control of a negative one: outcomes are added in the exposed, `effect` times their hazard.

    start, stop   (n,) whole days; a person is at risk over (start, stop]
    event         (n,) 1 the outcome, 0 censored, other codes competing events
    exposed       (n,) booleans, or 0 and 1
    effect        the hazard ratio to inject, above 1
    covariates    (n, p) numbers, missing ones nan: with 100 outcomes and more in the exposed their hazard follows these
                  (Cox), so that added outcomes are confounded by them as the others are
    seed, draws_for  what the draws are keyed by, beside the place of the row

    The hazard of the exposed is piecewise constant over pieces of five outcomes or more. A person's added outcome is
    drawn at effect - 1 times that hazard, and the first outcome of the two counts: with the hazard h of the negative
    control, whatever its systematic error, that of the positive one is effect times h. Of up to a hundred draws the
    first is kept whose ratio is within one per cent of the effect, else the nearest.

    Returns a frozen `InjectedOutcomes`. Raises DesignError for columns of other lengths, numbers that are missing or
    not whole, follow-up that does not end after it starts, and effects of 1 or less or without end.

    Source: Schuemie, Hripcsak, Ryan, Madigan, Suchard, Stat Med 2016;35:3883 and PNAS 2018;115:2571.

    Example:
        >>> import numpy as np
        >>> draw = np.random.default_rng(1)
        >>> times = np.ceil(draw.exponential(1000.0, 2000))
        >>> stop, exposed = np.minimum(times, 365), np.arange(2000) % 2
        >>> made = inject_outcomes(np.zeros(2000), stop, times <= 365, exposed, 2.0)
        >>> abs(made.ratio / 2.0 - 1) < 0.01, bool((made.stop <= stop).all())
        (True, True)
    """
    begin, end, code, treated = _read(start, stop, event, exposed)
    if not isinstance(effect, numbers.Real) or not 1.0 < float(effect) < math.inf:
        found = f"{float(effect):g}" if isinstance(effect, numbers.Real) else f"a {type(effect).__name__}"
        raise DesignError(Fault("effect", found, "a hazard ratio above 1"))
    x = None if covariates is None else _numbers(covariates, len(begin))
    row = np.flatnonzero(treated > 0)
    new_stop, new_event = end.astype(np.int64), code.astype(np.int64)
    outcomes = int((code[row] == 1).sum())
    if outcomes < FEWEST_OUTCOMES:
        return InjectedOutcomes(new_stop, new_event, 0, math.nan, False, Reason.TOO_FEW_EVENTS)
    had = code[row] == 1
    log_hazard = None
    if x is not None and outcomes >= FEWEST_FOR_COVARIATES:
        log_hazard = _log_hazard(begin[row], end[row], had, x[row])
    relative = np.ones(len(row)) if log_hazard is None else np.exp(log_hazard)
    hazard = _Hazard.of(begin[row], end[row], had, relative)
    days, ratio = _nearest(hazard, had, effect, row, seed, f"{draws_for} {effect:g}")
    happens = days <= end[row]
    new_stop[row[happens]], new_event[row[happens]] = days[happens], 1
    return InjectedOutcomes(new_stop, new_event, int(happens.sum()), ratio, log_hazard is not None)


def _read(start: Any, stop: Any, event: Any, exposed: Any) -> list[np.ndarray]:
    """The four columns as float64 (n,) that hold whole numbers; nobody's follow-up ends before it has begun."""
    given = {"start": start, "stop": stop, "event": event, "exposed": exposed}
    made = {name: column(name, values) for name, values in given.items()}
    for name, values in made.items():
        same_length(name, values, "start", made["start"])
        wrong = int((~np.isfinite(values) | (values != np.round(values))).sum())
        if wrong:
            raise DesignError(Fault(name, f"{wrong:,} values that are missing, infinite or not whole", "whole numbers"))
    wrong = int(((made["exposed"] != 0.0) & (made["exposed"] != 1.0)).sum())
    if wrong:
        raise DesignError(Fault("exposed", f"{wrong:,} values other than 0 and 1", "0 and 1"))
    wrong = int((made["stop"] <= made["start"]).sum())
    if wrong:
        raise DesignError(Fault("stop", f"{wrong:,} rows that end where they start or before", "days after start"))
    return list(made.values())


def _numbers(covariates: Any, n: int) -> np.ndarray:
    """Covariates as float64 (n, p); one column may come as (n,)."""
    try:
        x = np.asarray(covariates, np.float64)
    except (TypeError, ValueError):
        raise DesignError(Fault("covariates", "values that are not numbers", "numbers")) from None
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or len(x) != n:
        raise DesignError(Fault("covariates", f"an array of shape {x.shape}", f"{n:,} rows of numbers"))
    return x


def _log_hazard(start: np.ndarray, stop: np.ndarray, event: np.ndarray, x: np.ndarray) -> np.ndarray | None:
    """Log hazard of each of the exposed relative to their mean, (k,); None without covariates (k, p) that tell it."""
    x = x[:, np.isfinite(x).any(axis=0)]
    x = np.where(np.isfinite(x), x, np.nanmean(np.where(np.isfinite(x), x, np.nan), axis=0))
    x = x[:, np.ptp(x, axis=0) > 0.0]
    if not x.shape[1]:
        return None
    named = {f"x{at}": x[:, at] for at in range(x.shape[1])}
    data = {"start": start, "stop": stop, "event": event.astype(float)} | named
    fit = fit_cox(data, time="stop", event="event", start="start", covariates=list(named), robust=False, ridge=1.0)
    beta = np.asarray(fit.tidy()["estimate"], np.float64)
    if not np.isfinite(beta).all():
        return None
    found = (x - x.mean(axis=0)) @ beta
    return np.clip(found, -MOST_LOG_HAZARD, MOST_LOG_HAZARD)


@dataclass(frozen=True, slots=True)
class _Hazard:
    """Cumulative hazard of k exposed: `relative` (k,) times the line through (`cuts`, `total`)."""

    start: np.ndarray
    stop: np.ndarray
    relative: np.ndarray
    cuts: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, start: np.ndarray, stop: np.ndarray, event: np.ndarray, relative: np.ndarray) -> "_Hazard":
        """Outcomes over person-time weighted by the relative hazard, piece by piece."""
        days = stop[event]
        pieces = min(max(len(days) // OUTCOMES_A_PIECE, 1), MOST_PIECES)
        inner = np.quantile(days, np.arange(1, pieces) / pieces, method="higher")
        cuts = np.unique(np.concatenate([[start.min()], inner, [stop.max()]]))
        passed = [relative @ np.clip(np.minimum(stop, b) - np.maximum(start, a), 0, None) for a, b in _pairs(cuts)]
        count = [((days > a) & (days <= b)).sum() for a, b in _pairs(cuts)]
        length = np.diff(cuts)
        rate = np.array(count) / np.maximum(np.array(passed), 1e-300)
        return cls(start, stop, relative, cuts, np.concatenate([[0.0], np.cumsum(rate * length)]))

    def at(self, day: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(day, self.cuts, self.total))

    def added(self, threshold: np.ndarray) -> np.ndarray:
        """The day on which each one's hazard passes a threshold, beyond every stop where it does not: (k,)."""
        wanted = self.at(self.start) + threshold / self.relative
        # Where the line is flat the first day on it is meant; interpolation over rising points alone finds it.
        rising = np.concatenate([[True], np.diff(self.total) > 0.0])
        day = np.ceil(np.interp(wanted, self.total[rising], self.cuts[rising]))
        return np.where(wanted < self.at(self.stop), np.clip(day, self.start + 1, self.stop), np.inf)

    def ratio(self, days: np.ndarray, had: np.ndarray) -> float:
        """The outcomes with those added, against those that the hazard expects up to the new ends."""
        happens = days <= self.stop
        expected = self.relative @ (self.at(np.minimum(days, self.stop)) - self.at(self.start))
        return float((happens | had).sum() / expected)


def _nearest(
    hazard: _Hazard, had: np.ndarray, effect: float, row: np.ndarray, seed: int, draws_for: str
) -> tuple[np.ndarray, float]:
    """Days of added outcomes, infinite where none is added, and the ratio that they make."""
    stream, best = STREAM + (crc32(draws_for.encode()) & 0xFFFF), (np.zeros(0), math.inf)
    for draw in range(DRAWS):
        days = hazard.added(-np.log(uniforms(seed, stream, row, draw)) / (effect - 1.0))
        ratio = hazard.ratio(days, had)
        if abs(ratio - effect) < abs(best[1] - effect):
            best = days, ratio
        if abs(ratio / effect - 1.0) < PRECISION:
            break
    return best


def _pairs(cuts: np.ndarray) -> Any:
    return pairwise(cuts)
