"""Weights that balance two arms in a target population, with their derivatives by the logit of the propensity score.

Purpose    with e the probability of the target arm and h(e) the tilting function that turns everybody into the target
           population, a person weighs h(e) / e in the target arm and h(e) / (1 - e) in the reference arm:
           ATE h = 1, ATT h = e, ATC h = 1 - e, ATO (overlap) h = e (1 - e), ATM (matching) h = min(e, 1 - e).
Method     written in the odds o = e / (1 - e), whose logarithm is the model's linear predictor, so that de = e (1 - e)
           d logit; every derivative is then a product of e, 1 - e, o and 1 / o.
Kink       matching weights have no derivative at e = 1/2; on either side of it they have one.
Cost       two exponentials a person.
Paper      Li, Morgan, Zaslavsky, JASA 2018;113:390; Li, Greene, International Journal of Biostatistics 2013;9:215.
"""

import numpy as np

ATE, ATT, ATC, ATO, ATM = "ATE", "ATT", "ATC", "ATO", "ATM"
ESTIMANDS = (ATE, ATT, ATC, ATO, ATM)


def balancing_weights(estimand: str, logit: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of each person and its derivative by the logit, both float64 (n,).

    logit  float64 (n,), log(e / (1 - e))
    arm    bool (n,), True in the target arm

    Example:
        >>> import numpy as np
        >>> from equipoise.kernels.balancing_weights import balancing_weights
        >>> balancing_weights("ATE", np.log([0.25, 4.0]), np.array([True, False]))[0]  # e = 1/5 and 4/5
        array([5., 5.])
    """
    against = np.where(arm, -logit, logit)  # log odds of the other arm
    odds = np.exp(against)
    other = 1.0 / (1.0 + np.exp(-against))  # probability of the other arm
    sign = np.where(arm, -1.0, 1.0)  # of d against / d logit
    weight, slope = _WEIGHTS[estimand](odds, other, arm)
    return weight, sign * slope


def _whole(odds: np.ndarray, other: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 1.0 + odds, odds


def _target(odds: np.ndarray, other: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.where(arm, 1.0, odds), np.where(arm, 0.0, odds)


def _reference(odds: np.ndarray, other: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.where(arm, odds, 1.0), np.where(arm, odds, 0.0)


def _overlap(odds: np.ndarray, other: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return other, other * (1.0 - other)


def _matching(odds: np.ndarray, other: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(odds, 1.0), np.where(odds < 1.0, odds, 0.0)


_WEIGHTS = {ATE: _whole, ATT: _target, ATC: _reference, ATO: _overlap, ATM: _matching}
