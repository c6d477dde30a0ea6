"""Directions in which a log-likelihood rises for ever: separation, found and proved rather than guessed from size.

Purpose    a concave log-likelihood of exponential-family form has no finite maximum exactly where some direction delta
           satisfies v' delta <= 0 for every row v of a cone's constraints and v' delta < 0 for one of them. Here the
           rows of matched sets are differences, control minus case.
Method     the projection of a vector c on the cone { delta : v' delta <= 0 } is c less a non-negative combination of
           rows. With c = - sum of the rows, the projection is zero exactly where no such direction exists. The rows are
           never written down: each step of the non-negative least squares asks for the one that is violated most, so
           the cost is one pass over the data a step and about as many steps as there are columns.
Limit      along delta only the part of each set's likelihood that is tied in delta remains. Maximising that limit gives
           the terms that stay finite, and a term is infinite where it is not determined by the limit.
Paper      Lawson, Hanson: Solving Least Squares Problems (1974), chapter 23; Geyer, Electronic Journal of Statistics
           2009;3:259; Albert, Anderson, Biometrika 1984;71:1.
"""

from collections.abc import Callable

import numpy as np

from equipoise.kernels.jit import compiled

VIOLATION = 1e-9  # of the direction's length: what rounding leaves of a constraint that holds with equality
TIE = 1e-8  # rows nearer than this along a direction of length one are tied
NO_DIRECTION = 1e-7  # a projection shorter than this, of a vector of length one, is rounding
STEPS_PER_COLUMN = 30


def project_on_cone(target: np.ndarray, worst_row: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """The projection of `target` (p,) on { delta : v' delta <= 0 }, or None where it is zero or was not reached.

    `worst_row(delta)` gives the constraint row v of shape (p,) with the largest v' delta, zeros where there is none.

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.recession import project_on_cone
        >>> quadrant = -np.eye(2)  # delta >= 0
        >>> project_on_cone(np.array([1.0, -1.0]), lambda delta: quadrant[np.argmax(quadrant @ delta)])
        array([1., 0.])
    """
    size = float(np.linalg.norm(target))
    if size == 0.0:
        return None
    target = target / size
    rows = np.empty((0, len(target)))
    weight = np.empty(0)
    residual = target
    for _ in range(STEPS_PER_COLUMN * (len(target) + 1)):
        length = float(np.linalg.norm(residual))
        if length <= NO_DIRECTION:
            return None
        row = worst_row(residual)
        if row @ residual <= VIOLATION * length:
            return residual / length
        rows = np.vstack([rows, row / np.linalg.norm(row)])
        rows, weight = _non_negative(rows, np.append(weight, 0.0), target)
        residual = target - weight @ rows
    return None


def _non_negative(rows: np.ndarray, weight: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stay, with positive weights, in the least-squares fit of `target` by a combination of them."""
    while len(rows):
        wanted = np.linalg.lstsq(rows.T, target, rcond=None)[0]
        if (wanted > 0.0).all():
            return rows, wanted
        falls = wanted <= 0.0
        share = np.min(weight[falls] / np.maximum(weight[falls] - wanted[falls], np.finfo(float).tiny))
        weight = weight + share * (wanted - weight)
        stays = (weight > 1e-14 * weight.max()) if weight.max() > 0.0 else np.zeros(len(weight), np.bool_)
        rows, weight = rows[stays], weight[stays]
    return rows, weight


def matched_recession(
    x: np.ndarray, case: np.ndarray, first: np.ndarray, scale: np.ndarray, exact: bool
) -> np.ndarray | None:
    """A direction along which the conditional likelihood of matched sets rises for ever, or None.

    `scale` (p,) divides the columns of x (zero leaves a column out). Exact sets ask that no control lies above a case;
    Breslow's and Efron's approximations ask in addition that the cases of a set are level.
    """
    inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0.0)
    target = mean_gap(x, case, first) * inverse

    def worst_row(delta: np.ndarray) -> np.ndarray:
        high, low = widest_gap(x, case, first, delta * inverse, exact)
        return (x[high] - x[low]) * inverse if high >= 0 else np.zeros(len(scale))

    delta = project_on_cone(target, worst_row)
    return None if delta is None else delta * inverse


def tied_rows(x: np.ndarray, case: np.ndarray, first: np.ndarray, delta: np.ndarray, exact: bool) -> np.ndarray:
    """Rows that remain in the limit along delta, boolean (n,): a set keeps the rows level with its lowest case."""
    return _tied_rows(x, case, first, delta, exact, TIE)


@compiled
def mean_gap(x, case, first):
    """Sum over sets of the cases' mean less the controls' mean."""
    p = x.shape[1]
    gap = np.zeros(p)
    for s in range(first.shape[0] - 1):
        d = 0
        for i in range(first[s], first[s + 1]):
            d += case[i] != 0
        m = first[s + 1] - first[s] - d
        if d > 0 and m > 0:
            for i in range(first[s], first[s + 1]):
                share = 1.0 / d if case[i] else -1.0 / m
                for k in range(p):
                    gap[k] += share * (x[i, k] - x[first[s], k])
    return gap


@compiled
def _along(x, i, reference, delta):
    eta = 0.0
    for k in range(x.shape[1]):
        eta += (x[i, k] - x[reference, k]) * delta[k]
    return eta


@compiled
def _extremes(x, case, a, b, delta, exact):
    """The lowest case of a set along delta and its highest rival: a control, or any row unless `exact`."""
    low, high = -1, -1
    low_eta, high_eta = np.inf, -np.inf
    for i in range(a, b):
        eta = _along(x, i, a, delta)
        if case[i] and eta < low_eta:
            low, low_eta = i, eta
        if (case[i] == 0 or not exact) and eta > high_eta:
            high, high_eta = i, eta
    return low, low_eta, high, high_eta


@compiled
def widest_gap(x, case, first, delta, exact):
    """The pair (rival, case) with the largest difference along delta over all sets; (-1, -1) where no set has both."""
    best_high, best_low, widest = -1, -1, -np.inf
    for s in range(first.shape[0] - 1):
        low, low_eta, high, high_eta = _extremes(x, case, first[s], first[s + 1], delta, exact)
        if low >= 0 and high >= 0 and low != high and high_eta - low_eta > widest:
            best_high, best_low, widest = high, low, high_eta - low_eta
    return best_high, best_low


@compiled
def _tied_rows(x, case, first, delta, exact, tie):
    keep = np.zeros(x.shape[0], np.bool_)
    for s in range(first.shape[0] - 1):
        low, low_eta, high, high_eta = _extremes(x, case, first[s], first[s + 1], delta, exact)
        if low < 0 or high < 0 or (exact and high_eta < low_eta - tie):
            continue  # no case, no control, or settled: the set's likelihood tends to one
        for i in range(first[s], first[s + 1]):
            eta = _along(x, i, first[s], delta)
            if case[i]:
                keep[i] = not exact or eta <= low_eta + tie
            else:
                keep[i] = eta >= low_eta - tie
    return keep
