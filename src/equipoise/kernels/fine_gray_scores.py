"""What single rows contribute to the model of Fine and Gray: score residuals, and what estimating G adds to them.

Purpose    the sandwich variance I^-1 (sum of z z') I^-1, with z summed over rows, over clusters, or over the pieces of
           rows between which weights change.
Method     eta_i = integral of w_i (x_i - m(t)) dM_i(t), with dM_i = dN_i - w_i e^eta dL and L the cumulative baseline
           subdistribution hazard; under Efron as in `cox_scores`.
           psi_i is what row i moves the score by through G, by which the weights of those who failed from another
           cause fall: the censoring martingale of row i, dM^c_i(u) = [censored at u] - [at risk at u] c / m, times
           q(u) / m(u), with q(u) the sum over rows j that failed from another cause at X_j < u, and over times t >= u,
           of their w_j e^eta (x_j - m(t)) dL(t).
           Pieces: G(t-) falls at some places. The times between two of them form an interval; a row that failed from
           another cause has one piece up to the end of the interval of its failure and one for every later interval.
           The squares of later pieces are g^2 (a^2 P2 - a (P1 b' + b P1') + P0 b b') with P0, P1, P2 the sums of
           (e^eta / G(X-))^2 (1, x, x x') over earlier failures, and a, b the interval's sums of dL and m dL.
Order      rows in the order of the likelihood's `sets`; censoring by place on the time grid.
Cost       O(n p), O(places p) and, with pieces, O((n + T) p^2), a group of rows that share a censoring distribution.
Paper      Fine, Gray, JASA 1999;94:496, section 3; Zhou et al., Biometrics 2011;67:661 (several such groups);
           Lin, Wei, JASA 1989;84:1074.
"""

from dataclasses import replace

import numpy as np

from equipoise.kernels.fine_gray import FineGrayLikelihood, StepTerms, Tails, sums_by
from equipoise.kernels.fine_gray_censoring import Censoring
from equipoise.kernels.jit import compiled


def score_residuals(likelihood: FineGrayLikelihood, steps: StepTerms) -> np.ndarray:
    """eta of every sorted row times its weight: float64 (n, p). Their sum is the score."""
    exposure = likelihood.exposure(steps, _one_and(steps.mean))
    centred = likelihood.x - likelihood.centre
    out = -steps.risk[:, None] * (centred * exposure[:, :1] - exposure[:, 1:])
    at = np.flatnonzero(likelihood.event)
    failures, n_times = likelihood.failures, likelihood.sets.n_groups
    per_time = np.bincount(failures.time, minlength=n_times)[:, None]
    mean = sums_by(failures.time, steps.mean, n_times) / per_time
    out[at] += likelihood.weight[at, None] * (centred[at] - mean[likelihood.sets.last[at]])
    return out


def censoring_residuals(
    likelihood: FineGrayLikelihood,
    steps: StepTerms,
    censored: Censoring,
    stop: np.ndarray,
    is_censored: np.ndarray,
    group: np.ndarray,
    time_place: np.ndarray,
) -> np.ndarray:
    """psi of every sorted row: float64 (n, p), for rows that do not enter late.

    stop         int32 (n,), place of each row's time; `is_censored` bool (n,); `group` int32 (n,)
    time_place   int64 (T,), places of the times with failures from the cause
    """
    n_places = censored.observed.shape[1]
    hazard = _hazard_moments(likelihood, steps)
    centred, tails = likelihood.x - likelihood.centre, likelihood.tails
    out = np.zeros_like(centred)
    for b in range(len(censored.observed)):
        mine = tails.row[tails.group == b]
        risk = (steps.risk[mine] * tails.factor[tails.group == b])[:, None]
        failed = sums_by(stop[mine], risk * _one_and(centred[mine]), n_places)
        before = np.cumsum(failed, axis=0) - failed
        ahead = sums_by(time_place, hazard * tails.observed[b][:, None], n_places)
        ahead = np.cumsum(ahead[::-1], axis=0)[::-1]
        q = before[:, 1:] * ahead[:, :1] - before[:, :1] * ahead[:, 1:]
        at_risk = censored.at_risk[b][:, None]
        jump = np.divide(q, at_risk, out=np.zeros_like(q), where=at_risk > 0.0)
        drift = np.cumsum(jump * censored.hazard[b][:, None], axis=0)
        rows = group == b
        out[rows] = jump[stop[rows]] * is_censored[rows, None] - drift[stop[rows]]
    return out


def squared_pieces(
    likelihood: FineGrayLikelihood, steps: StepTerms, censored: Censoring, stop: np.ndarray, time_place: np.ndarray
) -> np.ndarray:
    """The sum of squared score residuals of the pieces of rows between which their weights change: float64 (p, p)."""
    interval = np.cumsum(censored.falls, axis=1) - censored.falls  # falls before each place
    by_time = interval[:, time_place]
    tails = likelihood.tails
    later = _next_interval(tails, by_time, interval[tails.group, stop[tails.row]])
    first = score_residuals(replace(likelihood, tails=replace(tails, until=later)), steps)
    out = first.T @ first
    hazard, bounds = _hazard_moments(likelihood, steps), likelihood.sets.bounds
    centred = likelihood.x - likelihood.centre
    for b in range(len(by_time)):
        mine = np.flatnonzero((tails.group == b) & (later < len(time_place)))
        mine = mine[np.argsort(later[mine], kind="stable")]
        row = tails.row[mine]
        size = (steps.risk[row] * tails.factor[mine]) ** 2
        _add_pieces(centred[row], size, later[mine], by_time[b], tails.observed[b], hazard, bounds, out)
    return out


def _next_interval(tails: Tails, by_time: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The first time after each tail row's failure that lies in a later interval, `until` where there is none."""
    later = tails.after.copy()
    n_times = by_time.shape[1]
    for b, interval in enumerate(by_time):
        begins = np.flatnonzero(np.diff(interval, prepend=-1))
        mine = np.flatnonzero((tails.group == b) & (tails.after < n_times))
        same = mine[interval[tails.after[mine]] == own[mine]]
        later[same] = np.append(begins, n_times)[np.searchsorted(begins, tails.after[same], side="right")]
    return np.minimum(later, tails.until)


def _hazard_moments(likelihood: FineGrayLikelihood, steps: StepTerms) -> np.ndarray:
    """By time, the increments of L and of the integral of m dL: float64 (T, p + 1)."""
    hazard = (likelihood.failures.weight / steps.denominator)[:, None]
    return sums_by(likelihood.failures.time, hazard * _one_and(steps.mean), likelihood.sets.n_groups)


def _one_and(values: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(values)), values])


@compiled
def _add_pieces(x, size, later, interval, observed, hazard, bounds, out):
    """Rows in order of `later`, the time from which they have pieces."""
    p = x.shape[1]
    p0, p1, p2 = 0.0, np.zeros(p), np.zeros((p, p))
    a, b, j = 0.0, np.zeros(p), 0
    for s in range(bounds.shape[0] - 1):
        p0 = 0.0
        p1[:] = 0.0
        p2[:] = 0.0
        g = bounds[s]
        while g < bounds[s + 1]:
            while j < len(later) and later[j] <= g:
                p0 += size[j]
                for k in range(p):
                    p1[k] += size[j] * x[j, k]
                    for m in range(p):
                        p2[k, m] += size[j] * x[j, k] * x[j, m]
                j += 1
            weight, here = observed[g], interval[g]
            a = 0.0
            b[:] = 0.0
            while g < bounds[s + 1] and interval[g] == here:
                a += hazard[g, 0]
                for k in range(p):
                    b[k] += hazard[g, k + 1]
                g += 1
            for k in range(p):
                for m in range(p):
                    square = a * a * p2[k, m] - a * (p1[k] * b[m] + b[k] * p1[m]) + p0 * b[k] * b[m]
                    out[k, m] += weight * weight * square
