"""How one column is drawn anew from the others: a posterior draw of a regression's parameters, then the values.

The columns of a regression are centred, and turned to orthogonal directions in which the observed rows vary; directions
in which they do not (constant or collinear columns) carry nothing and are left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason
from equipoise.estimators.imputation_draws import Draws
from equipoise.kernels.glm import LOGISTIC, GlmLikelihood
from equipoise.kernels.newton import maximise

SMALLEST = 1e-10  # of the variance of a direction, beside columns of variance 1 over all rows: below it is rounding
LINEAR, MATCHING, LOGISTIC_MODEL, POLYTOMOUS = "linear", "matching", "logistic", "polytomous"
NONE = np.empty(0)


@dataclass(frozen=True, slots=True)
class Columns:
    """The other columns of one regression: seen (n, q) where the column is observed, unseen (u, q) where it is not."""

    seen: np.ndarray
    unseen: np.ndarray
    ids: np.ndarray  # int64 (u,), persons whose values are drawn


@dataclass(frozen=True, slots=True)
class Directions:
    """x -> (x - centre) @ turn: uncorrelated columns of variance 1 in the rows they were made from."""

    centre: np.ndarray
    turn: np.ndarray

    def of(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((x - self.centre) @ self.turn)


def directions_of(x: np.ndarray) -> Directions:
    """The directions in which rows (n, q) vary; the columns have variances about 1 in a larger set of rows."""
    centre = x.mean(axis=0)
    spread = x - centre
    variance, turn = np.linalg.eigh(spread.T @ spread / len(x))
    keep = variance > SMALLEST * variance.max(initial=1.0)
    return Directions(centre, turn[:, keep] / np.sqrt(variance[keep]))


def draw_linear(columns: Columns, y: np.ndarray, draws: Draws, name: str) -> np.ndarray:
    """Values (u,) from a normal linear regression with its parameters drawn from their posterior (flat prior)."""
    fitted = _linear(columns, y, draws, name)
    return fitted.drawn + fitted.sigma * draws.normal(columns.ids)


def draw_matching(columns: Columns, y: np.ndarray, draws: Draws, name: str, donors: int) -> np.ndarray:
    """Positions (u,) among the observed rows whose values are taken: one of the `donors` nearest predicted means.

    Means of observed rows are those of the estimate, means of others those of the draw (type 1 of van Buuren).
    """
    fitted = _linear(columns, y, draws, name)
    return nearest_donors(fitted.estimated, fitted.drawn, draws.uniform(columns.ids), donors)


def draw_levels(columns: Columns, code: np.ndarray, levels: int, draws: Draws) -> np.ndarray:
    """Levels (u,) by logistic regressions in sequence: the first level, then the second among what is left, …

    Coefficients come from the normal approximation to their posterior; each regression is augmented against separation.
    """
    unseen = len(columns.unseen)
    drawn = np.full(unseen, levels - 1)
    undecided = np.ones(unseen, np.bool_)
    for level in range(levels - 1):
        among = code >= level
        share = _logistic(columns.seen[among], code[among] == level, columns.unseen, draws, level)
        here = undecided & (draws.uniform(columns.ids, level) < share)
        drawn[here] = level
        undecided &= ~here
    return drawn


def nearest_donors(estimated: np.ndarray, wanted: np.ndarray, lot: np.ndarray, donors: int) -> np.ndarray:
    """For each wanted number, the position of one of the nearest `donors` estimated ones; lot in (0, 1) decides.

    Example:
        >>> import numpy as np
        >>> nearest_donors(np.array([5.0, 1.0, 9.0]), np.array([8.0, 0.0]), np.array([0.1, 0.1]), 1)
        array([2, 1])
    """
    order = np.argsort(estimated, kind="stable")
    ordered = estimated[order]
    donors = min(donors, len(order))
    window = np.searchsorted(ordered, wanted)[:, None] + np.arange(-donors, donors)
    outside = (window < 0) | (window >= len(order))
    window = np.clip(window, 0, len(order) - 1)
    distance = np.where(outside, np.inf, np.abs(ordered[window] - wanted[:, None]))
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :donors]
    chosen = np.floor(lot * donors).astype(np.int64)
    rows = np.arange(len(wanted))
    return order[window[rows, nearest[rows, chosen]]]


@dataclass(frozen=True, slots=True)
class _Fitted:
    estimated: np.ndarray  # means of observed rows
    drawn: np.ndarray  # means of the others, with drawn coefficients
    sigma: float  # a draw of the residual standard deviation


def _linear(columns: Columns, y: np.ndarray, draws: Draws, name: str) -> _Fitted:
    turned = directions_of(columns.seen)
    z = turned.of(columns.seen)
    n, r = z.shape
    df = n - r - 1
    if df < 1:
        found = f"{n:,} observed values for a regression with {r + 1:,} coefficients"
        raise DesignError(Fault(f"column '{name}'", found, "more values than coefficients", "fewer predictors"))
    beta = z.T @ (y - y.mean()) / n
    estimated = y.mean() + z @ beta
    sigma = float(np.sqrt(np.sum((y - estimated) ** 2) / draws.chi_squared(df)))
    noise = sigma / np.sqrt(n) * draws.of_parameters(r + 1)
    drawn = y.mean() + noise[0] + turned.of(columns.unseen) @ (beta + noise[1:])
    return _Fitted(estimated, drawn, sigma)


def _logistic(x: np.ndarray, y: np.ndarray, unseen: np.ndarray, draws: Draws, part: int) -> np.ndarray:
    """Probabilities of y = 1 in the unseen rows, with coefficients drawn around the estimate."""
    x, y, weight = _augmented(x, y.astype(np.float64))
    turned = directions_of(x)
    z = turned.of(x)
    likelihood = GlmLikelihood(LOGISTIC, z, y, weight, NONE, np.zeros(z.shape[1]), 0.0)
    maximum = maximise(likelihood.evaluate, np.zeros(1 + z.shape[1]))
    if not maximum.converged:
        raise DesignError(Fault("imputation", REASON_TEXT[Reason.NOT_CONVERGED], remedy="fewer predictors or levels"))
    root = np.linalg.cholesky(maximum.at.information)
    beta = maximum.beta + np.linalg.solve(root.T, draws.of_parameters(len(maximum.beta), part))
    return expit(beta[0] + turned.of(unseen) @ beta[1:])


def _augmented(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of little weight that keep the estimate finite.

    For every column a row one standard deviation above and below the mean with either outcome, 4 q rows that together
    weigh as much as q + 1 observations: White, Daniel, Royston, Comput Stat Data Anal 2010;54:2267.
    """
    n, q = x.shape
    moved = np.diag(x.std(axis=0))
    added = x.mean(axis=0) + np.concatenate([moved, -moved, moved, -moved]) if q else np.empty((2, 0))
    outcome = np.repeat([0.0, 1.0], len(added) // 2)
    weight = np.concatenate([np.ones(n), np.full(len(added), (q + 1) / len(added))])
    return np.concatenate([x, added]), np.concatenate([y, outcome]), weight
