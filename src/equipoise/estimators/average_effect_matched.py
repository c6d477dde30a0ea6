"""Variances of average effects after matching.

Without replacement sets are independent given their propensity scores: the variance is clustered by set. With
replacement a person stands in several sets, and Abadie and Imbens' variance counts how often; where the propensity
score was estimated, their later correction accounts for it. No bootstrap of persons is offered: it is not valid here.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.adjustment_rows import PropensityModel
from equipoise.estimators.average_effect import ArmMeans, EffectOptions
from equipoise.estimators.matching_result import Matching
from equipoise.kernels.nearest_neighbour import matching_problem, nearest_pairs

CLUSTER, KNOWN, ESTIMATED = "cluster", "abadie-imbens", "abadie-imbens-2016"
NAMES = {
    CLUSTER: "clustered by matched set",
    KNOWN: "Abadie-Imbens (2006), for a known score",
    ESTIMATED: "Abadie-Imbens (2016), for an estimated score",
}
FEWEST_FOR_COVARIANCE = 2  # persons from whom a covariance can be taken


@dataclass(frozen=True, slots=True)
class _Matched:
    """What the variances are made of, in the index arm and the pool instead of target and reference.

    y         outcome of every row
    sought    rows of index persons with partners
    fill      mean outcome of each one's partners
    weight    number of index persons that each row stands for as a partner, and `squares` the sum of squared shares
    """

    y: np.ndarray
    sought: np.ndarray
    fill: np.ndarray
    weight: np.ndarray
    squares: np.ndarray

    @property
    def gaps(self) -> np.ndarray:
        """Outcomes and fills less their means, float64 (number of index persons, 2)."""
        both = np.column_stack([self.y[self.sought], self.fill])
        return both - both.mean(axis=0)


def matched_effect(matching: Matching, y: np.ndarray, options: EffectOptions) -> ArmMeans:
    """Means of both arms in the persons with partners, and their covariance. `y` float64 (n,).

    Source: for pairs Austin, Small, Stat Med 2014;33:4306; with replacement Abadie, Imbens, Econometrica 2006;74:235,
    and for an estimated propensity score 2016;84:781.
    """
    method = _method(matching, options)
    found = _read(matching, y)
    if method == CLUSTER:
        covariance, reason = _clustered(matching, y), None
    else:
        covariance, reason = _abadie_imbens(matching, found, options.neighbours)
        if method == ESTIMATED and reason is None:
            covariance = covariance + _correction(matching, found, options.neighbours)
    index, pool = float(y[found.sought].mean()), float(found.fill.mean())
    if covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1] < 0.0 or len(found.sought) < 2:
        reason = Reason.NOT_DEFINED
    if matching.estimand == "ATT":
        return ArmMeans(index, pool, covariance, NAMES[method], reason)
    return ArmMeans(pool, index, covariance[::-1, ::-1], NAMES[method], reason)


def _method(matching: Matching, options: EffectOptions) -> str:
    """The variance asked for, or the best that holds for this matching."""
    asked = options.variance
    if asked is not None and asked not in NAMES:
        remedy = "resampling persons does not give the variance of a matched estimate" if "boot" in asked else ""
        raise UnsupportedError(Fault("variance", f"{asked!r} after matching", ", ".join(NAMES), remedy))
    if not matching.replace:
        if asked not in (None, CLUSTER):
            raise UnsupportedError(Fault("variance", f"{asked!r} without replacement", CLUSTER))
        return CLUSTER
    if asked == CLUSTER:
        found = "'cluster' with replacement, where a person is in several sets"
        raise UnsupportedError(Fault("variance", found, f"{KNOWN}, {ESTIMATED}"))
    why_not = _why_not_corrected(matching)
    if asked == ESTIMATED and why_not:
        raise UnsupportedError(Fault("variance", f"{asked!r} {why_not}", KNOWN))
    return asked or (KNOWN if why_not else ESTIMATED)


def _why_not_corrected(matching: Matching) -> str:
    """Why the correction for an estimated score does not hold, "" where it does."""
    if matching.rows.model is None:
        return "without a fitted logistic model as score"
    if matching.rows.exact_names:
        return "with exact strata beside the score"
    sought = matching.index
    return "" if (matching.partners[sought] == matching.ratio).all() else "where some have too few partners"


def _read(matching: Matching, y: np.ndarray) -> _Matched:
    index, partner = matching.pairs.T
    partners = matching.partners
    shares = 1.0 / partners[index]
    n = len(y)
    sought = np.flatnonzero(partners > 0)
    return _Matched(
        y,
        sought,
        np.bincount(index, weights=shares * y[partner], minlength=n)[sought],
        np.bincount(partner, weights=shares, minlength=n),
        np.bincount(partner, weights=shares**2, minlength=n),
    )


def _clustered(matching: Matching, y: np.ndarray) -> np.ndarray:
    """Covariance (2, 2) of the weighted means of index arm and pool, by set, as R's sandwich::vcovCL (HC1)."""
    sets, weight = matching.sets, matching.weights
    used = sets >= 0
    groups = int(sets.max()) + 1
    influence = []
    for arm in (matching.index, ~matching.index):
        share = np.where(arm & used, weight, 0.0)
        share /= share.sum()
        gap = share * (y - share @ y)
        influence.append(np.bincount(sets[used], weights=gap[used], minlength=groups))
    u = np.column_stack(influence)
    n = int(used.sum())
    if groups < 2:
        return np.full((2, 2), math.nan)
    return u.T @ u * (groups / (groups - 1)) * ((n - 1) / (n - 2))


def _abadie_imbens(matching: Matching, found: _Matched, neighbours: int) -> tuple[np.ndarray, Reason | None]:
    """Covariance (2, 2) for a known score, and why there is none.

    1/N^2 [ sum of (Y_i - m_1, F_i - m_0)^2  +  (0, sum of (K_j^2 - K'_j) s_j^2) ], with F_i the mean of i's partners,
    K_j and K'_j the sums of shares and of squared shares of partner j, s_j^2 the variance of the outcome around j.
    """
    gaps = found.gaps
    squares = gaps.T @ gaps
    again = found.weight**2 - found.squares
    rows = np.flatnonzero(again > 0.0)
    if len(rows):
        pool = np.flatnonzero(~matching.index)
        if len(pool) <= neighbours:
            return np.full((2, 2), math.nan), Reason.NOT_DEFINED
        near = _nearest_others(_line(matching), rows, pool, neighbours)
        spread = neighbours / (neighbours + 1) * (found.y[rows] - found.y[near].mean(axis=1)) ** 2
        squares[1, 1] += float(again[rows] @ spread)
    return squares / len(gaps) ** 2, None


def _line(matching: Matching) -> np.ndarray:
    """What was matched on, strata far apart, so that those nearest are of the own stratum while there are any."""
    rows = matching.rows
    value = {"ps": rows.score, "logit": rows.logit, "preference": rows.preference}[matching.caliper.scale]
    return value + rows.exact * (4.0 * (value.max() - value.min()) + 1.0)


def _nearest_others(line: np.ndarray, rows: np.ndarray, pool: np.ndarray, k: int) -> np.ndarray:
    """The k persons of the pool nearest to each of the rows, themselves excepted: int64 (len(rows), k)."""
    problem = matching_problem(np.concatenate([line[rows], line[pool]]), np.arange(len(rows) + len(pool)) < len(rows))
    wanted = min(k + 1, len(pool))
    sequence = np.argsort(problem.index)
    partner = nearest_pairs(problem, sequence, math.inf, wanted)[1]
    near = pool[partner.reshape(len(rows), wanted) - len(rows)]
    own = near == rows[:, None]
    own[~own.any(axis=1), -1] = True  # where the row itself is not among them, the farthest goes
    return near[:, :k] if wanted == k else near[~own].reshape(len(rows), wanted - 1)


def _correction(matching: Matching, found: _Matched, neighbours: int) -> np.ndarray:
    """What estimating the score adds to the covariance (2, 2): d'Vd - c'Vc, V the covariance of its coefficients.

    In the notation of Abadie and Imbens (2016), theorem 2, with the index arm as the treated: p the probability of the
    index arm, f = p(1 - p), m(w) the mean outcome of arm w given p.
    c_1 = 1/N_1 sum f {x (m(1) - m_1) + cov(x, Y(1) | p)}
    c_0 = 1/N_1 sum f {x (m(0) - m_0) - p / (1 - p) cov(x, Y(0) | p)}
    d_w = 1/N_1 sum f x (Y(w) - m_w), the outcome of the other arm taken from the nearest person in x.
    """
    model = matching.rows.model
    assert model is not None
    index = matching.index
    p = matching.rows.score if matching.estimand == "ATT" else 1.0 - matching.rows.score
    f = p * (1.0 - p)
    covariance = np.linalg.inv(model.x.T @ (model.x * f[:, None]))
    means = (float(found.y[found.sought].mean()), float(found.fill.mean()))
    size = max(neighbours, FEWEST_FOR_COVARIANCE)
    other = _other_arm(model, index, found.y)
    c, d = [], []
    for side, arm, factor in ((0, index, np.ones(len(p))), (1, ~index, -p / (1.0 - p))):
        level, joint = _given_score(matching, found.y, arm, size)
        c.append((f * (level - means[side])) @ model.x + (f * factor) @ joint)
        d.append((f * (np.where(arm, found.y, other) - means[side])) @ model.x)
    c, d = np.array(c) / index.sum(), np.array(d) / index.sum()
    return d @ covariance @ d.T - c @ covariance @ c.T


def _given_score(matching: Matching, y: np.ndarray, arm: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean outcome of an arm near each row's score (n,), and the covariance of x and outcome there (n, k)."""
    pool = np.flatnonzero(arm)
    size = min(size, len(pool) - 1)
    rows = np.arange(len(y))
    near = _nearest_others(_line(matching), rows, pool, size)
    gap = y[near] - y[near].mean(axis=1)[:, None]
    x = matching.rows.model.x
    joint = sum(gap[:, j, None] * x[near[:, j]] for j in range(size)) / (size - 1)
    return y[near].mean(axis=1), joint


def _other_arm(model: PropensityModel, index: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The outcome of the person of the other arm who is nearest in the covariates, by Mahalanobis distance: (n,)."""
    z = model.x[:, 1:]
    out = np.full(len(y), y.mean())
    if not z.shape[1]:
        for arm in (index, ~index):
            out[~arm] = y[arm].mean()
        return out
    scale, turn = np.linalg.eigh(np.atleast_2d(np.cov(z, rowvar=False)))
    z = (z - z.mean(axis=0)) @ (turn / np.sqrt(np.maximum(scale, scale.max() * 1e-12)))
    for arm in (index, ~index):
        at = np.flatnonzero(arm)
        out[~arm] = y[at[cKDTree(z[at]).query(z[~arm])[1]]]
    return out
