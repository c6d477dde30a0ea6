"""Who keeps to a strategy of clones, how probable that was, and for whom they stand: treatment alone, no effect."""

from dataclasses import dataclass, replace

import numpy as np

from equipoise.estimators.trial_clones import ClonePlan
from equipoise.estimators.trial_panel import TOTAL, outcome_of
from equipoise.estimators.trial_regressions import followed_of, row_factors
from equipoise.estimators.trial_weighting import truncated
from equipoise.kernels.trial_rows import Trials, TrialWeights

FEWEST = 20  # clones in an interval from which on its probabilities are looked at
LOW = 1.0  # percentile


@dataclass(frozen=True, slots=True, eq=False)
class Keeping:
    """One strategy, with P clones.

    low      smallest first percentile, over intervals in which it asks for something of at least 20 clones, of the
             probability of what it asks for; 0 where nobody did it in such an interval, nan without one
    start    int64 (P,), rows of time zero
    weight   float64 (P,), inverse probabilities of having kept to it until every grace period is over, or the event;
             0 of those who did not
    """

    low: float
    start: np.ndarray
    weight: np.ndarray


def keeping_of(plan: ClonePlan, arm: int) -> Keeping:
    """Probabilities are those of the models behind the weights. Weights are not stabilised here, for stabilised ones
    leave covariates at time zero to the model of the outcome; they are held as the plan says."""
    bare = replace(plan.weights, treatment_numerator=None, censoring_numerator=None)
    once = np.ones(plan.persons)
    # What a strategy asks for is looked at in the interval in which it is done, whatever that counts for.
    at_once = replace(plan, weights=replace(bare, censoring_denominator=None), events_first=False)
    treated, _ = at_once.row_weights(once)
    every, _ = replace(plan, weights=bare).row_weights(once)
    start, weight = _standing_for_all(plan, every, arm)
    return Keeping(_lowest(at_once, treated, arm), start, weight)


def _standing_for_all(plan: ClonePlan, weights: TrialWeights, arm: int) -> tuple[np.ndarray, np.ndarray]:
    panel, grace = plan.panel, int(plan.strategies.rules.grace.max()) + int(plan.events_first)
    y, end = outcome_of(panel, plan.effect)
    clones, _ = plan.clones(end)
    nothing = np.empty((len(panel), 0))
    own = followed_of(panel, clones, truncated(clones, weights, plan.weights.truncation), arm, y, nothing)
    last = own.start + own.length - 1
    over = (own.length > 0) & (y[np.maximum(last, 0)] != 0)
    if plan.effect == TOTAL and len(panel.competing):
        every, _ = plan.clones(panel.last + 1)
        there = every.length[every.arm == arm].astype(np.int64) == own.rows  # followed up to the last row of the person
        over |= there & (panel.competing[np.minimum(own.start + own.rows - 1, len(panel) - 1)] != 0)
    if not own.weight.shape[1]:
        return own.start, np.zeros(len(own.start))
    reached = own.weight[np.arange(len(own.start)), np.clip(own.length - 1, 0, grace)]
    kept = own.length >= min(grace + 1, plan.horizon)
    return own.start, np.where(kept | over, np.where(own.length > 0, reached, 1.0), 0.0)


def _lowest(plan: ClonePlan, weights: TrialWeights, arm: int) -> float:
    """See `Keeping.low`."""
    panel = plan.panel
    clones, _ = plan.clones(panel.last + 1)
    mine = np.flatnonzero(clones.arm == arm)
    start, length = clones.start[mine], clones.length[mine].astype(np.int64)
    horizon = int(min(length.max(initial=0) + 1, plan.horizon))
    factor, kind = row_factors(clones, weights, mine, horizon)
    k = np.arange(horizon)
    followed = k < length[:, None]
    deviates = (k == length[:, None]) & (start + length <= panel.last[clones.person[mine]])[:, None]
    own = weights.kinds[arm, _part_of_deviation(plan, clones, mine, arm)]
    at = np.minimum(start[:, None] + k, weights.factor.shape[1] - 1)
    factor = np.where(deviates, weights.factor[own[:, None], at], factor)
    asks = (followed & (kind > 0)) | deviates
    found = [np.nan]
    for interval in k.tolist():
        here = asks[:, interval]
        if np.count_nonzero(here) >= FEWEST:
            done = bool((here & followed[:, interval]).any())
            found.append(float(np.percentile(1.0 / factor[here, interval], LOW)) if done else 0.0)
    return float(np.nanmin(found)) if len(found) > 1 else np.nan


def _part_of_deviation(plan: ClonePlan, clones: Trials, mine: np.ndarray, arm: int) -> np.ndarray:
    """Which part of a clone the row belongs to in which it deviates: see `trial_clones`."""
    rules = plan.strategies.rules
    if rules.value[arm] == 0:
        return np.zeros(len(mine), np.int64)
    called, started = clones.cut[mine, 0].astype(np.int64), clones.cut[mine, 1].astype(np.int64)
    length = clones.length[mine].astype(np.int64)
    late = (started <= length) | (length >= called + rules.grace[arm])
    return np.where(called > length, 0, np.where(late, 2, 1))
