"""Means of an outcome by arm under weights or in strata, with their covariance, for `fit_average_effect`.

The adjusted mean of arm a solves  sum of w_i 1(A_i = a) (y_i - mu_a) = 0  (Hajek's ratio). Variances:

influence  squared influence of each person, the estimation of the propensity model included; the default where the
           score came as a maximum-likelihood fit
robust     (HC0) the same without that part: the score is taken as known. HC3 divides residuals by 1 - w_i / sum of w
bootstrap  persons are drawn with replacement, and the propensity model is fitted anew to each draw
within     strata: the variances of the strata's means, each with n - 1; the default there. The robust ones count the
           differences between strata as well, and are larger
cluster    strata: sums by stratum, as R users of MatchIt are told to; good for matched sets, poor for a few strata

Source: Lunceford, Davidian, Statistics in Medicine 2004;23:2937; Hernán, Robins: Causal Inference: What If (2020),
chapter 12.
"""

import math

import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.average_effect import ArmMeans, EffectOptions
from equipoise.estimators.stratification import Stratification
from equipoise.estimators.weighting import Weighting
from equipoise.estimators.weighting_bootstrap import covariance_of, replicates_of
from equipoise.estimators.weighting_influence import squared

INFLUENCE, ROBUST, HC0, HC3, BOOTSTRAP = "influence", "robust", "HC0", "HC3", "bootstrap"
OF_WEIGHTING = (INFLUENCE, ROBUST, HC0, HC3, BOOTSTRAP)
WITHIN, CLUSTER = "within", "cluster"
OF_STRATIFICATION = (WITHIN, ROBUST, HC0, HC3, CLUSTER)
ONE_PERSON = "no (an arm has one person)"
KNOWN = "score taken as known"
ESTIMATED = "influence-function, propensity model estimated"


def weighted_effect(made: Weighting, y: np.ndarray, options: EffectOptions) -> ArmMeans:
    """The weighted means of the two arms."""
    kind = options.variance or (INFLUENCE if made.knows_its_model else ROBUST)
    _check(kind, OF_WEIGHTING)
    means, influence, residual = _influences(made, y, kind == HC3)
    if _alone(made):
        return ArmMeans(*means, np.full((2, 2), math.nan), ONE_PERSON)
    if kind == BOOTSTRAP:
        drawn = [
            arm_means(y[draw.at], draw.arm, draw.weights)
            for draw in replicates_of(made, options.replicates, options.seed)
            if draw is not None
        ]
        covariance, words = covariance_of(np.array(drawn).reshape(-1, 2), options.replicates)
        return ArmMeans(*means, covariance, words)
    if kind != INFLUENCE:
        return ArmMeans(*means, squared(influence), f"robust ({HC3 if kind == HC3 else HC0}), {KNOWN}")
    totals = _totals(made.arm, made.weights)
    return ArmMeans(*means, squared(influence + made.nuisance().correction(residual) / totals), ESTIMATED)


def stratified_effect(made: Stratification, y: np.ndarray, options: EffectOptions) -> ArmMeans:
    """The means of the two arms under the strata's weights: averages of the strata's means."""
    kind = options.variance or WITHIN
    _check(kind, OF_STRATIFICATION)
    means, influence, _ = _influences(made, y, kind == HC3)
    if _alone(made):
        return ArmMeans(*means, np.full((2, 2), math.nan), ONE_PERSON)
    if kind == WITHIN:
        errors = [_within(made, side, y) for side in (made.arm, ~made.arm)]
        return ArmMeans(*means, np.diag(errors), "within-stratum, strata taken as known")
    if kind == CLUSTER:
        return ArmMeans(*means, _by_stratum(made, influence), "clustered by stratum (HC1)")
    return ArmMeans(*means, squared(influence), f"robust ({HC3 if kind == HC3 else HC0}), strata taken as known")


def _alone(made: Weighting | Stratification) -> bool:
    """Whether an arm has one person, of whom nothing tells how others would differ."""
    used = made.weights > 0.0
    return bool(min(np.count_nonzero(used & made.arm), np.count_nonzero(used & ~made.arm)) < 2)


def _by_stratum(made: Stratification, influence: np.ndarray) -> np.ndarray:
    """With R's `vcovCL` factors for G strata, n persons and two means."""
    used = made.weights > 0.0
    code = np.unique(made.codes[used], return_inverse=True)[1]
    groups, n = int(code.max()) + 1, len(code)
    if groups < 2:
        return np.full((2, 2), math.nan)
    return groups / (groups - 1) * (n - 1) / (n - 2) * squared(influence[used], code)


def _within(made: Stratification, side: np.ndarray, y: np.ndarray) -> float:
    """The variance of one arm's mean: sum over strata of share^2 s^2 / n; nan where a stratum has one person."""
    used = side & (made.weights > 0.0)
    code, y, weight = np.unique(made.codes[used], return_inverse=True)[1], y[used], made.weights[used]
    n = np.bincount(code)
    if (n < 2).any():
        return math.nan
    mean = np.bincount(code, y) / n
    spread = np.bincount(code, (y - mean[code]) ** 2) / (n - 1)
    share = np.bincount(code, weight) / weight.sum()
    return float((share**2 * spread / n).sum())


def arm_means(y: np.ndarray, arm: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """The weighted mean of y in the target and the reference arm."""
    target, reference = (float(weights[side] @ y[side] / weights[side].sum()) for side in (arm, ~arm))
    return target, reference


def _influences(
    made: Weighting | Stratification, y: np.ndarray, leverage: bool
) -> tuple[tuple[float, float], np.ndarray, np.ndarray]:
    """The means, the influence of each person on them with the weights taken as known, and the residuals by arm."""
    arm, weights = made.arm, made.weights
    means = arm_means(y, arm, weights)
    side = np.column_stack([arm, ~arm])
    residual = np.where(side, y[:, None] - np.array(means), 0.0)
    share = np.where(side, weights[:, None], 0.0) / _totals(arm, weights)
    influence = share * residual
    if leverage:
        influence = np.divide(influence, 1.0 - share, out=np.full_like(influence, np.nan), where=share < 1.0)
    return means, influence, residual


def _totals(arm: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.array([weights[arm].sum(), weights[~arm].sum()])


def _check(kind: str, offered: tuple[str, ...]) -> None:
    if kind not in offered:
        raise UnsupportedError(Fault("variance", repr(kind), ", ".join(offered)))
