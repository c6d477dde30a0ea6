"""Exposure or outcome recorded with error: `simulate_misclassification`, bias analysis of a 2 x 2 table."""

import math
from typing import Literal

import numpy as np

from equipoise.bias.beliefs import Belief, correlated_shares, draws_of, shares
from equipoise.bias.bias_analysis import BiasAnalysis, bias_analysis
from equipoise.errors import DesignError, Fault, UnsupportedError
from equipoise.estimators.fit import check_conf_level

DRAWS = 100_000
KINDS = ("exposure", "outcome")
RATIOS = ("odds_ratio", "risk_ratio")


def simulate_misclassification(
    cells: tuple[tuple[int, int], tuple[int, int]],
    *,
    of: Literal["exposure", "outcome"],
    sensitivity: Belief,
    specificity: Belief,
    other_sensitivity: Belief | None = None,
    other_specificity: Belief | None = None,
    correlation: float = 0.8,
    measure: Literal["odds_ratio", "risk_ratio"] = "odds_ratio",
    seed: int,
    draws: int = DRAWS,
    conf_level: float = 0.95,
) -> BiasAnalysis:
    """A ratio corrected for exposure, or outcome, that was recorded with error.

    cells        ((exposed with outcome, exposed without), (unexposed with, unexposed without)), as recorded
    of           what was recorded with error. Exposure is corrected among those with and without the outcome, the
                 outcome among exposed and unexposed
    sensitivity, specificity  of the record: numbers, `Beta` or `Trapezoid`
    other_sensitivity, other_specificity  in the other group, where they differ (differential error): of the exposure in
                 those without the outcome, of the outcome in the unexposed. Left out, error is the same in both
    correlation  of the normal scores of both groups' draws, with differential error
    measure      "risk_ratio" only where the rows are a cohort

    With recorded share q of a group, the true one is (q - (1 - specificity)) / (sensitivity + specificity - 1). Draws
    that give a share outside (0, 1) cannot have made the data; they are left out and counted. The random error is that
    of the corrected ratio by the delta method, given the draw. The same seed gives the same answer.

    Raises DesignError for cells that are not whole numbers above 0; UnsupportedError for the risk ratio with error of
    the exposure, whose groups are not those of the risks.

    Source: Fox, Lash, Greenland, Int J Epidemiol 2005;34:1370; Greenland, Stat Med 1988;7:745.

    Example:
        >>> found = simulate_misclassification(
        ...     ((45, 257), (94, 945)), of="exposure", sensitivity=0.85, specificity=0.95, seed=1, draws=10
        ... )
        >>> round(found.conventional[0], 3), round(found.systematic[0], 3)
        (1.76, 2.02)
    """
    level = check_conf_level(conf_level)
    table = _checked(cells, of, measure, correlation, draws)
    first, second = (table[:, 0], table[:, 1]) if of == "exposure" else (table[0], table[1])
    corrections = [
        _corrected(group, *pair)
        for group, pair in zip(
            (first, second),
            _errors(sensitivity, specificity, other_sensitivity, other_specificity, correlation, seed, draws),
            strict=True,
        )
    ]
    one, other = corrections
    log_ratio = _link(one[0], measure) - _link(other[0], measure)
    variance = sum(_variance(share, noise, measure) for share, noise in corrections)
    observed = [group[0] / group.sum() for group in (first, second)]
    conventional = _link(np.array(observed[0]), measure) - _link(np.array(observed[1]), measure)
    plain = sum(
        _variance(np.array(q), q * (1.0 - q) / group.sum(), measure)
        for q, group in zip(observed, (first, second), strict=True)
    )
    share = shares(seed, 4, draws)
    said = f"misclassified {of}"
    return bias_analysis(said, float(conventional), math.sqrt(float(plain)), log_ratio, np.sqrt(variance), share, level)


def _checked(cells: object, of: str, measure: str, correlation: float, draws: int) -> np.ndarray:
    if of not in KINDS:
        raise UnsupportedError(Fault("of", repr(of), ", ".join(KINDS)))
    if measure not in RATIOS or (measure == "risk_ratio" and of == "exposure"):
        raise UnsupportedError(
            Fault("measure", f"{measure!r} of misclassified {of}", "odds_ratio; risk_ratio of outcomes")
        )
    table = np.asarray(cells, np.float64)
    if table.shape != (2, 2) or not ((table > 0.0) & (table == np.floor(table))).all():
        raise DesignError(Fault("cells", "not four numbers of persons", "two rows of two whole numbers above 0"))
    if not -1.0 <= correlation <= 1.0 or draws < 1:
        raise DesignError(Fault("correlation, draws", "out of range", "-1 to 1, and at least 1"))
    return table


def _errors(
    sensitivity: Belief,
    specificity: Belief,
    other_sensitivity: Belief | None,
    other_specificity: Belief | None,
    correlation: float,
    seed: int,
    draws: int,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Sensitivity and specificity in both groups, each float64 (draws,)."""
    pairs = []
    for k, (belief, other) in enumerate(((sensitivity, other_sensitivity), (specificity, other_specificity))):
        share = shares(seed, k, draws)
        moved = share if other is None else correlated_shares(share, shares(seed, 2 + k, draws), correlation)
        pairs.append((draws_of(belief, share), draws_of(belief if other is None else other, moved)))
    (first_sens, second_sens), (first_spec, second_spec) = pairs
    return (first_sens, first_spec), (second_sens, second_spec)


def _corrected(group: np.ndarray, sensitivity: np.ndarray, specificity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The true share of a group and its variance, nan where the errors cannot have made what was recorded."""
    q, youden = group[0] / group.sum(), sensitivity + specificity - 1.0
    within = (sensitivity > 0.0) & (sensitivity <= 1.0) & (specificity > 0.0) & (specificity <= 1.0) & (youden > 0.0)
    true = np.where(within, (q - (1.0 - specificity)) / np.where(within, youden, 1.0), np.nan)
    true = np.where((true > 0.0) & (true < 1.0), true, np.nan)
    return true, q * (1.0 - q) / group.sum() / np.where(within, youden, 1.0) ** 2


def _link(share: np.ndarray, measure: str) -> np.ndarray:
    return np.log(share) if measure == "risk_ratio" else np.log(share) - np.log1p(-share)


def _variance(share: np.ndarray, noise: np.ndarray | float, measure: str) -> np.ndarray:
    slope = 1.0 / share if measure == "risk_ratio" else 1.0 / (share * (1.0 - share))
    return slope**2 * noise
