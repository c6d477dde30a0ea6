"""The Cox partial likelihood as the textbooks write it: one risk set after another, in plain NumPy."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass
class Rows:
    """Rows of a small data set; `start` of minus infinity means from the beginning on."""

    x: np.ndarray
    start: np.ndarray
    time: np.ndarray
    event: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray
    offset: np.ndarray


def random_rows(seed: int, n: int = 40, p: int = 3, *, entry: bool = True, strata: int = 2, grid: int = 9) -> Rows:
    """Rows with many ties: times are whole numbers up to `grid`."""
    rng = np.random.default_rng(seed)
    time = rng.integers(1, grid + 1, n)
    start = rng.integers(-1, grid, n)
    start = np.where(start < time, start, time - 1).astype(float) if entry else np.full(n, -np.inf)
    return Rows(
        rng.normal(size=(n, p)) + 5.0,
        start,
        time.astype(float),
        rng.random(n) < 0.6,
        rng.integers(0, strata, n),
        rng.integers(1, 8, n) / 2.0,
        rng.normal(size=n) / 3.0,
    )


def risk_sets_of(rows: Rows):
    """For every event time of every stratum: positions at risk, and positions with the event."""
    for s in np.unique(rows.stratum):
        inside = rows.stratum == s
        for t in np.unique(rows.time[inside & rows.event]):
            at_risk = np.flatnonzero(inside & (rows.start < t) & (rows.time >= t))
            yield at_risk, np.flatnonzero(inside & rows.event & (rows.time == t))


def evaluate(rows: Rows, beta: np.ndarray, ties: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, score and information at beta."""
    p = rows.x.shape[1]
    total, score, information = 0.0, np.zeros(p), np.zeros((p, p))
    eta = rows.x @ beta + rows.offset
    for at_risk, events in risk_sets_of(rows):
        if ties == "exact":
            part = _exact(rows.x, eta, at_risk, len(events))
            total += eta[events].sum() - part[0]
            score += rows.x[events].sum(axis=0) - part[1]
            information += part[2]
            continue
        weight = rows.weight[events]
        total += weight @ eta[events]
        score += weight @ rows.x[events]
        for k in range(len(events)):
            share = np.ones(len(at_risk))
            if ties == "efron":
                share[np.isin(at_risk, events)] -= k / len(events)
            risk = rows.weight[at_risk] * np.exp(eta[at_risk]) * share
            mean = risk @ rows.x[at_risk] / risk.sum()
            centred = rows.x[at_risk] - mean
            total -= weight.mean() * np.log(risk.sum())
            score -= weight.mean() * mean
            information += weight.mean() * (centred.T * risk) @ centred / risk.sum()
    return total, score, information


def _exact(x, eta, at_risk, d):
    """Log of the sum over all subsets of d rows, with mean and covariance of the subset's sum of x."""
    subsets = [list(chosen) for chosen in combinations(at_risk, d)]
    logs = np.array([eta[chosen].sum() for chosen in subsets])
    sums = np.array([x[chosen].sum(axis=0) for chosen in subsets])
    weight = np.exp(logs - logs.max())
    mean = weight @ sums / weight.sum()
    covariance = ((sums - mean).T * weight) @ (sums - mean) / weight.sum()
    return logs.max() + np.log(weight.sum()), mean, covariance


def row_contributions(rows: Rows, beta: np.ndarray, ties: str) -> tuple[np.ndarray, np.ndarray]:
    """Martingale and score residuals, unweighted, by their definition as sums over event times."""
    n, p = rows.x.shape
    martingale, score = rows.event.astype(float), np.zeros((n, p))
    eta = rows.x @ beta + rows.offset
    for at_risk, events in risk_sets_of(rows):
        tied = np.isin(at_risk, events)
        for k in range(len(events)):
            share = 1.0 - (k / len(events)) * tied if ties == "efron" else np.ones(len(at_risk))
            risk = rows.weight[at_risk] * np.exp(eta[at_risk]) * share
            mean = risk @ rows.x[at_risk] / risk.sum()
            expected = np.exp(eta[at_risk]) * share * rows.weight[events].mean() / risk.sum()
            martingale[at_risk] -= expected
            score[at_risk] -= expected[:, None] * (rows.x[at_risk] - mean)
            score[events] += (rows.x[events] - mean) / len(events)
    return martingale, score


def concordance(rows: Rows, eta: np.ndarray) -> tuple[float, float]:
    """Harrell's c by looking at every pair, and its infinitesimal-jackknife standard error."""
    counts = np.zeros((len(eta), 3))
    for at_risk, events in risk_sets_of(rows):
        for i in events:
            for j in np.setdiff1d(at_risk, events):
                kind = 0 if eta[i] > eta[j] else 1 if eta[i] < eta[j] else 2
                counts[i, kind] += rows.weight[j]
                counts[j, kind] += rows.weight[i]
    concordant, discordant, tied = rows.weight @ counts / 2.0
    total = concordant + discordant + tied
    somers_d = (concordant - discordant) / total
    influence = rows.weight * (counts[:, 0] - counts[:, 1] - somers_d * counts.sum(axis=1)) / total
    return (somers_d + 1.0) / 2.0, np.sqrt((influence**2).sum()) / 2.0
