"""What the estimation of weights adds to the influence of each person: `Nuisance`.

The weights w_i(g) depend on parameters g (the propensity model's coefficients; for stabilised weights also the share
of the target arm), whose estimates have influence IF_i. An estimating function U(theta, w) = 0 then gives

    influence_i = bread (w_i u_i + G' IF_i),    G = sum over j of (d w_j / d g) u_j',    u_j = d U / d w_j,

and the covariance of theta is the sum of influence_i influence_i'. Ignoring the second part is what a robust variance
does that takes the score as known.

Source: Newey, McFadden, Handbook of Econometrics 1994;4:2176 (two-step estimators); Lunceford, Davidian, Statistics in
Medicine 2004;23:2937.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.adjustment_rows import AdjustmentRows
from equipoise.estimators.weighting_rule import RuledWeights, WeightRule
from equipoise.kernels.newton import solve_information


@dataclass(frozen=True, slots=True, eq=False)
class Nuisance:
    """The k estimated parameters behind n weights.

    influence  float64 (n, k): of each person on each parameter; their sums of squares are the parameters' covariance
    gradient   float64 (n, k): of each weight by each parameter
    """

    influence: np.ndarray
    gradient: np.ndarray

    def correction(self, scores: np.ndarray) -> np.ndarray:
        """What each person adds to U through the weights of all, (n, q); `scores` (n, q) are u, without weights."""
        return self.influence @ (self.gradient.T @ scores)


def nuisance_of(rows: AdjustmentRows, rule: WeightRule, ruled: RuledWeights) -> Nuisance:
    """The parameters behind the weights; UnsupportedError where they cannot be accounted for."""
    if rows.model is None:
        raise UnsupportedError(
            Fault(
                "variance 'influence'",
                "scores without the model behind them, or a penalised or weighted model",
                "scores given as the fit of fit_logistic, without weights, offset or penalty",
                "fit the propensity model with fit_logistic; or take variance='robust', which regards the score as "
                "known",
            )
        )
    if rule.has_kink(rows.logit):
        raise UnsupportedError(
            Fault(
                "variance 'influence'",
                "matching weights of persons whose score is one half, which have no derivative",
                "estimand ATO, or variance 'bootstrap'",
            )
        )
    z = _standardised(rows.model.x)
    e = rows.score
    information = z.T @ (z * (e * (1.0 - e))[:, None])
    inverse = solve_information(information, np.eye(z.shape[1]))
    if inverse is None:
        raise UnsupportedError(Fault("variance 'influence'", "a propensity model with a singular information matrix"))
    influence = (z * (rows.arm - e)[:, None]) @ inverse
    gradient = z * ruled.by_logit[:, None]
    if not rule.stabilised:
        return Nuisance(influence, gradient)
    share = rows.arm.mean()
    return Nuisance(
        np.column_stack([influence, (rows.arm - share) / len(rows)]), np.column_stack([gradient, ruled.by_share])
    )


def squared(influence: np.ndarray, cluster: np.ndarray | None = None) -> np.ndarray:
    """The sum over persons, or over clusters (codes from 0), of influence influence', (q, q)."""
    if cluster is None:
        return influence.T @ influence
    sums = np.column_stack([np.bincount(cluster, column) for column in influence.T])
    return sums.T @ sums


def _standardised(x: np.ndarray) -> np.ndarray:
    """The same column space as x, whose first column is the intercept, in a basis that is far from singular."""
    z = x.copy()
    if z.shape[1] > 1:
        z[:, 1:] -= z[:, 1:].mean(axis=0)
        size = np.sqrt((z[:, 1:] ** 2).mean(axis=0))
        z[:, 1:] /= np.where(size > 0.0, size, 1.0)
    return z
