"""Concordance of a Cox model's linear predictor with the times, with its standard error."""

import math
from dataclasses import dataclass

import numpy as np

from equipoise.estimators.cox_rows import CoxRows
from equipoise.kernels.cox_concordance import pair_weights
from equipoise.kernels.cox_risk_sets import risk_sets

EQUAL = 1e-12  # relative difference of linear predictors that rounding can make


@dataclass(frozen=True, slots=True)
class Concordance:
    """Harrell's c: the share of comparable pairs in which the row with the earlier event has the higher score.

    Pairs with equal scores count half. `std_error` is the infinitesimal jackknife's, by cluster where the fit has
    clusters; `concordant`, `discordant` and `tied` are weights of pairs. nan where no pair is comparable.
    """

    estimate: float
    std_error: float
    concordant: float
    discordant: float
    tied: float


def concordance(rows: CoxRows, score: np.ndarray) -> Concordance:
    """Compare `score` (n,), higher for earlier events, with the times, within strata."""
    event = (rows.event > 0) & rows.used
    stratum = rows.stratum.astype(np.int64) if len(rows.stratum) else np.zeros(len(rows), np.int64)
    start = rows.grid.start if len(rows.grid.start) else None
    sets = risk_sets(rows.grid.stop, start, event, stratum, len(rows.grid.times), 1)
    place = np.arange(len(rows)) if sets.order is None else sets.order
    weight = np.where(sets.at_risk, rows.all_weights[place], 0.0)
    rank, n_ranks = _ranks(score[place], stratum[place])
    pairs = pair_weights(sets, rank, n_ranks, weight, event[place].astype(np.uint8))
    concordant, discordant, tied = (weight @ pairs) / 2.0
    total = concordant + discordant + tied
    if total == 0.0:
        return Concordance(math.nan, math.nan, 0.0, 0.0, 0.0)
    somers_d = (concordant - discordant) / total
    influence = weight * (pairs[:, 0] - pairs[:, 1] - somers_d * pairs.sum(axis=1)) / total
    if rows.cluster is not None:
        influence = np.bincount(rows.cluster[place], weights=influence)
    error = math.sqrt(float(influence @ influence)) / 2.0
    return Concordance((somers_d + 1.0) / 2.0, error, float(concordant), float(discordant), float(tied))


def _ranks(score: np.ndarray, stratum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks from 0 within strata, the same for equal scores: int64 (n,); and their number by stratum."""
    order = np.lexsort((score, stratum))
    ordered, of = score[order], stratum[order]
    width = EQUAL * max(1.0, float(np.abs(score).max()))
    begins = np.concatenate([[True], np.diff(of) != 0])
    new = begins | np.concatenate([[True], np.diff(ordered) > width])
    dense = np.cumsum(new) - 1
    base = dense[begins]
    n_ranks = np.zeros(int(stratum.max()) + 1, np.int64)
    n_ranks[of[begins]] = np.diff(np.append(base, dense[-1] + 1))
    rank = np.empty(len(score), np.int64)
    rank[order] = dense - np.repeat(base, np.diff(np.append(np.flatnonzero(begins), len(score))))
    return rank, n_ranks
