"""Follow people through the fitted models of a g-formula under a strategy, one interval after another.

Purpose    risk and survival by the end of each interval, the mean over people with weights that add up to one.
Order      within an interval time-varying covariates in their order, treatment, competing event, outcome; or the
           events before treatment, which then follow from treatment in the interval before.
Method     a person's covariates, and treatment where the strategy leaves it open, follow from draws given; events are
           not drawn, for their probabilities are known: S (1 - d) h is added in each interval. What a model takes from
           time zero and from the interval is added up beforehand, so that only what changes is multiplied here.
Rules      those of `trial_clones`.
Extremes   linear predictors of probabilities are held within 700 of zero.
Layout     one row a covariate, one place a person, so that a model's predictors are sums of whole rows.
Cost       people times intervals times models times covariates that vary; a few rows of people as memory.
Paper      Robins, Mathematical Modelling 1986;7:1393; Young, Cain, Robins, et al., Stat Biosci 2011;3:119.
"""

import math
from typing import NamedTuple

import numpy as np

from equipoise.kernels.jit import compiled
from equipoise.kernels.trial_clones import Rules

FARTHEST = 700.0
NOT_CALLED, NATURAL = -1, -1


class Ahead(NamedTuple):
    """Linear predictors of what is drawn: Q = m covariates, then L - 1 steps of treatment.

    clock (Q, K) by interval; base (Q, n) by person; now, before (Q, m) slopes of covariates of this interval and of the
    one before; last (Q, L) by treatment in the interval before.
    """

    clock: np.ndarray
    base: np.ndarray
    now: np.ndarray
    before: np.ndarray
    last: np.ndarray


class Events(NamedTuple):
    """Linear predictors of the outcome, and of the competing event where there is one: E of them.

    clock (E, K); base (E, L, n) by treatment and person; now (E, L, m) slopes of covariates by treatment.
    """

    clock: np.ndarray
    base: np.ndarray
    now: np.ndarray


class Drawn(NamedTuple):
    """How covariates follow from their predictors.

    normal bool (m,), else binary; spread, low, high (m,) of normal ones; held (m, h) values that are never left, nan
    where there are fewer; kept bool (L,), treatments that are never left; draws (K, m + 1, n): uniform numbers,
    standard normal ones for normal covariates; the last is for treatment. Without draws nothing may be left open.
    """

    normal: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    held: np.ndarray
    kept: np.ndarray
    draws: np.ndarray


class People(NamedTuple):
    """At time zero: varying (m, n), treatment before int64 (n,), weight (n,), which adds up to one."""

    varying: np.ndarray
    treated_before: np.ndarray
    weight: np.ndarray


def follow_people(
    people: People, ahead: Ahead, events: Events, drawn: Drawn, rules: Rules | None, strategy: int,
    events_first: bool = False,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Risk and survival (K,) under a strategy; with no rules, of the natural course.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.trial_clones import Rules
        >>> from equipoise.kernels.trial_paths import Ahead, Drawn, Events, People, follow_people
        >>> none, two = np.empty((1, 0)), np.zeros((1, 2))
        >>> people = People(np.empty((0, 1)), np.zeros(1, np.int64), np.ones(1))
        >>> ahead = Ahead(two, np.zeros((1, 1)), none, none, two)
        >>> events = Events(two, np.array([[[0.0], [np.log(3.0)]]]), np.empty((1, 2, 0)))
        >>> drawn = Drawn(*[np.empty(0)] * 4, np.empty((0, 1)), np.zeros(2, np.bool_), np.empty((0, 0, 0)))
        >>> one = np.array([1])
        >>> risk, _ = follow_people(people, ahead, events, drawn, Rules(one, one * 0, one > 0, -one), 0)
        >>> risk.round(6).tolist()  # treated at once: 3/4, then 1/4 * 3/4 more
        [0.75, 0.9375]
    """
    risk, survival = np.zeros(ahead.clock.shape[1]), np.zeros(ahead.clock.shape[1])
    value, grace, sustained, trigger = (
        (NATURAL, 0, False, -1) if rules is None else (column[strategy].item() for column in rules)
    )
    _follow(people, ahead, events, drawn, value, grace, sustained, trigger, events_first, risk, survival)
    return risk, survival


@compiled
def _add_product(slope, values, eta):
    if slope != 0.0:
        for i in range(eta.shape[0]):
            eta[i] += slope * values[i]


@compiled
def _predict(ahead, q, k, now, before, was, eta):
    clock, base, slopes, lagged, last = ahead
    for i in range(eta.shape[0]):
        eta[i] = clock[q, k] + base[q, i] + last[q, was[i]]
    for j in range(now.shape[0]):
        _add_product(slopes[q, j], now[j], eta)
        _add_product(lagged[q, j], before[j], eta)


@compiled
def _to_probabilities(eta):
    for i in range(eta.shape[0]):
        eta[i] = 1.0 / (1.0 + math.exp(-min(max(eta[i], -FARTHEST), FARTHEST)))


@compiled
def _draw_covariates(ahead, drawn, k, now, before, was, eta):
    """The covariates of interval k, one after the other: `now` holds those of the interval before until they are."""
    normal, spread, low, high, held, _, draws = drawn
    for j in range(now.shape[0]):
        _predict(ahead, j, k, now, before, was, eta)
        draw, value = draws[k, j], now[j]
        if normal[j]:
            for i in range(eta.shape[0]):
                value[i] = min(max(eta[i] + spread[j] * draw[i], low[j]), high[j])
        else:
            _to_probabilities(eta)
            for i in range(eta.shape[0]):
                value[i] = 1.0 if draw[i] < eta[i] else 0.0
        for h in range(held.shape[1]):
            for i in range(eta.shape[0]):
                if before[j, i] == held[j, h]:
                    value[i] = before[j, i]


@compiled
def _allow(value, grace, sustained, k, started, due, allowed):
    """What a strategy allows somebody in interval k; `due` is the last interval to start in, once it is called for."""
    if value < 0:
        allowed[:] = True
        return
    allowed[:] = started and not sustained
    if value == 0:
        allowed[:] = not sustained and k > grace
        allowed[0] = True
        return
    if not started:
        allowed[0] = due == NOT_CALLED or k < due
    allowed[value] = started or due != NOT_CALLED


@compiled
def _share_out(above, i, kept, was, share):
    """Probabilities of the treatments from those of being above each, given at least it."""
    left, levels = 1.0, share.shape[0]
    for level in range(levels - 1):
        share[level] = left * (1.0 - above[level, i])
        left *= above[level, i]
    share[levels - 1] = left
    if kept[was]:
        share[:] = 0.0
        share[was] = 1.0


@compiled
def _chosen(allowed, share, draw):
    """The treatment that a draw picks among those allowed; all alike where the model gives them no chance."""
    whole, count = 0.0, 0
    for level in range(share.shape[0]):
        whole += share[level] if allowed[level] else 0.0
        count += allowed[level]
    reached, found = 0.0, 0
    for level in range(share.shape[0]):
        if allowed[level]:
            reached += share[level] / whole if whole > 0.0 else 1.0 / count
            found = level
            if draw < reached:
                break
    return found


@compiled
def _treat(ahead, drawn, rule, k, now, before, was, started, due, above, a):
    """The treatment of everybody in interval k: the only one allowed, or one drawn among several."""
    value, grace, sustained, trigger = rule
    allowed, share = np.empty(above.shape[0] + 1, np.bool_), np.empty(above.shape[0] + 1)
    predicted = False
    for i in range(a.shape[0]):
        if due[i] == NOT_CALLED and (trigger < 0 or now[trigger, i] > 0.0):
            due[i] = k + grace
        _allow(value, grace, sustained, k, started[i], due[i], allowed)
        count = 0
        for level in range(allowed.shape[0]):
            if allowed[level]:
                count, a[i] = count + 1, level
        if count > 1:
            if not predicted:
                for level in range(above.shape[0]):
                    _predict(ahead, now.shape[0] + level, k, now, before, was, above[level])
                    _to_probabilities(above[level])
                predicted = True
            _share_out(above, i, drawn.kept, was[i], share)
            a[i] = _chosen(allowed, share, drawn.draws[k, now.shape[0], i])
        started[i] |= a[i] == value


@compiled
def _hazards(events, e, k, a, now, eta):
    clock, base, slopes = events
    for i in range(eta.shape[0]):
        eta[i] = clock[e, k] + base[e, a[i], i]
    for j in range(now.shape[0]):
        for i in range(eta.shape[0]):
            eta[i] += slopes[e, a[i], j] * now[j, i]
    _to_probabilities(eta)


@compiled
def _follow(people, ahead, events, drawn, value, grace, sustained, trigger, events_first, risk, survival):
    varying, treated_before, weight = people
    n, steps = treated_before.shape[0], events.base.shape[1] - 1
    now, before, was, a = varying.copy(), varying.copy(), treated_before.copy(), treated_before.copy()
    started, due = np.zeros(n, np.bool_), np.full(n, NOT_CALLED)
    total, free, h, d, above = np.zeros(n), np.ones(n), np.empty(n), np.zeros(n), np.empty((steps, n))
    rule = (value, grace, sustained, trigger)
    for k in range(risk.shape[0]):
        if k:
            before[:], was[:] = now, a
            _draw_covariates(ahead, drawn, k, now, before, was, h)
        _treat(ahead, drawn, rule, k, now, before, was, started, due, above, a)
        acts = was if events_first else a
        if events.clock.shape[0] > 1:
            _hazards(events, 1, k, acts, now, d)
        _hazards(events, 0, k, acts, now, h)
        for i in range(n):
            total[i] += free[i] * (1.0 - d[i]) * h[i]
            free[i] *= (1.0 - d[i]) * (1.0 - h[i])
            risk[k] += weight[i] * total[i]
            survival[k] += weight[i] * free[i]
