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
from equipoise.kernels.glm import centre_of
from equipoise.kernels.newton import solve_information
from equipoise.kernels.nuisance_sums import influence_through, moved_by_coefficients
from equipoise.kernels.weighted_gram import weighted_gram


@dataclass(frozen=True, slots=True, eq=False)
class Nuisance:
    """The estimated parameters behind n weights: coefficients of (1, x - c), and the share of the target arm.

    x, centre  float64 (n, k), the propensity model's design matrix with the intercept first, and (k,), 0 for that
    residual   float64 (n,), arm less score
    by_logit   float64 (n,), of each weight by the score's logit
    inverse    float64 (k, k), the coefficients' covariance
    share      float64 (n,), the influence of each person on the share, and
    by_share   float64 (n,), of each weight by the share; both of shape (0,) where the share does not enter
    """

    x: np.ndarray
    centre: np.ndarray
    residual: np.ndarray
    by_logit: np.ndarray
    inverse: np.ndarray
    share: np.ndarray
    by_share: np.ndarray

    def correction(self, scores: np.ndarray) -> np.ndarray:
        """What each person adds to U through the weights of all, (n, q); `scores` (n, q) are u, without weights."""
        moved = moved_by_coefficients(self.x, self.centre, self.by_logit, scores)
        added = influence_through(self.x, self.centre, self.residual, self.inverse @ moved)
        if len(self.share):
            added += np.outer(self.share, self.by_share @ scores)
        return added

    @property
    def influence(self) -> np.ndarray:
        """Of each person on each parameter, float64 (n, k or k + 1); sums of products are their covariance."""
        of_coefficients = ((self.x - self.centre) * self.residual[:, None]) @ self.inverse
        return np.column_stack([of_coefficients, self.share]) if len(self.share) else of_coefficients

    @property
    def gradient(self) -> np.ndarray:
        """Of each weight by each parameter, float64 (n, k or k + 1)."""
        by_coefficients = (self.x - self.centre) * self.by_logit[:, None]
        return np.column_stack([by_coefficients, self.by_share]) if len(self.share) else by_coefficients


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
    x, e = np.ascontiguousarray(rows.model.x), rows.score
    centre = centre_of(x)  # far from singular where a column's mean is large beside its spread
    centre[0] = 0.0
    information = weighted_gram(x, centre[None], np.empty(0, np.int32), e * (1.0 - e))
    inverse = solve_information(information, np.eye(x.shape[1]))
    if inverse is None:
        raise UnsupportedError(Fault("variance 'influence'", "a propensity model with a singular information matrix"))
    share = (rows.arm - rows.arm.mean()) / len(rows) if rule.stabilised else np.empty(0)
    by_share = ruled.by_share if rule.stabilised else share
    return Nuisance(x, centre, rows.arm - e, ruled.by_logit, inverse, share, by_share)


def squared(influence: np.ndarray, cluster: np.ndarray | None = None) -> np.ndarray:
    """The sum over persons, or over clusters (codes from 0), of influence influence', (q, q)."""
    if cluster is None:
        return influence.T @ influence
    sums = np.column_stack([np.bincount(cluster, column) for column in influence.T])
    return sums.T @ sums
