"""What an unmeasured confounder of stated strength would do to an estimate: `assess_unmeasured_confounding`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.bias.beliefs import Belief, draws_of, shares
from equipoise.bias.bias_analysis import BiasAnalysis, bias_analysis
from equipoise.bias.controls import column
from equipoise.errors import DesignError, Fault
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.survival_curve_frames import frame_of

DRAWS = 100_000


def confounding_bias(ratio: np.ndarray, target: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The factor by which a binary confounder multiplies a ratio (Bross 1966), float64 of their common shape.

    (p1 (R - 1) + 1) / (p0 (R - 1) + 1), R its ratio with the outcome, p1 and p0 its prevalence in both arms.

    >>> float(confounding_bias(np.float64(3.0), np.float64(0.5), np.float64(0.0)))
    2.0
    """
    return (target * (ratio - 1.0) + 1.0) / (reference * (ratio - 1.0) + 1.0)


def assess_unmeasured_confounding(
    estimate: float,
    conf_low: float | None = None,
    conf_high: float | None = None,
    *,
    confounder_ratio: Sequence[float] | float,
    prevalence_target: Sequence[float] | float,
    prevalence_reference: Sequence[float] | float,
) -> Any:
    """An estimate corrected for a binary confounder, for every combination of its strength and prevalences.

    estimate, conf_low, conf_high  ratios, not logarithms
    confounder_ratio               of the confounder with the outcome
    prevalence_target, prevalence_reference  share of either arm that has it

    Returns a frame with a row a combination: confounder_ratio, prevalence_target, prevalence_reference, bias (the
    factor that is taken out), estimate, conf_low, conf_high. Exact for risk ratios; for odds and hazard ratios where
    the outcome is rare.

    Raises DesignError for ratios that are not positive and shares not from 0 to 1.

    Source: Schneeweiss, Pharmacoepidemiol Drug Saf 2006;15:291; Bross, J Chronic Dis 1966;19:637.

    Example:
        >>> found = assess_unmeasured_confounding(
        ...     1.6, confounder_ratio=[2.0, 4.0], prevalence_target=0.6, prevalence_reference=0.2
        ... )
        >>> found["estimate"].round(3).tolist()
        [1.2, 0.914]
    """
    ratio = _within("confounder_ratio", confounder_ratio, None)
    target = _within("prevalence_target", prevalence_target, 1.0)
    reference = _within("prevalence_reference", prevalence_reference, 1.0)
    for name, value in (("estimate", estimate), ("conf_low", conf_low), ("conf_high", conf_high)):
        if value is not None and not value > 0.0:
            raise DesignError(Fault(name, repr(value), "a ratio above 0"))
    ratio, target, reference = (grid.ravel() for grid in np.meshgrid(ratio, target, reference, indexing="ij"))
    bias = confounding_bias(ratio, target, reference)
    columns = {
        "confounder_ratio": ratio,
        "prevalence_target": target,
        "prevalence_reference": reference,
        "bias": bias,
        "estimate": estimate / bias,
        "conf_low": (np.nan if conf_low is None else conf_low) / bias,
        "conf_high": (np.nan if conf_high is None else conf_high) / bias,
    }
    return frame_of(columns, "pandas")


def simulate_unmeasured_confounding(
    log_estimate: float,
    std_error: float,
    *,
    confounder_ratio: Belief,
    prevalence_target: Belief,
    prevalence_reference: Belief,
    seed: int,
    draws: int = DRAWS,
    conf_level: float = 0.95,
) -> BiasAnalysis:
    """The same with beliefs in place of values: limits over them, and over random error as well.

    Each parameter is a number, a `Beta` or a `Trapezoid`. The same seed gives the same answer. Draws with a prevalence
    not from 0 to 1, or a ratio not above 0, are impossible and counted.

    Source: Fox, MacLehose, Lash: Applying Quantitative Bias Analysis to Epidemiologic Data, 2nd ed. (2021), chapter 8.

    Example:
        >>> from equipoise.bias.beliefs import Trapezoid
        >>> half = Trapezoid(0.4, 0.5, 0.5, 0.6)
        >>> found = simulate_unmeasured_confounding(
        ...     0.5, 0.1, confounder_ratio=2.0, prevalence_target=half, prevalence_reference=half, seed=1
        ... )
        >>> round(found.systematic[0], 2)
        1.65
    """
    level = check_conf_level(conf_level)
    if not std_error > 0.0 or draws < 1:
        raise DesignError(Fault("std_error, draws", "values that are not positive", "values above 0"))
    beliefs = (confounder_ratio, prevalence_target, prevalence_reference)
    ratio, target, reference = (draws_of(one, shares(seed, k, draws)) for k, one in enumerate(beliefs))
    possible = (ratio > 0.0) & (target >= 0.0) & (target <= 1.0) & (reference >= 0.0) & (reference <= 1.0)
    bias = confounding_bias(np.where(possible, ratio, 1.0), target, reference)
    corrected = np.where(possible, log_estimate - np.log(bias), np.nan)
    share = shares(seed, len(beliefs), draws)
    errors = np.full(draws, std_error)
    return bias_analysis("unmeasured confounding", log_estimate, std_error, corrected, errors, share, level)


def _within(name: str, values: Sequence[float] | float, top: float | None) -> np.ndarray:
    array = column(name, values)
    right = (array > 0.0) & np.isfinite(array) if top is None else (array >= 0.0) & (array <= top)
    if not len(array) or not right.all():
        raise DesignError(Fault(name, "none, or values out of range", "ratios above 0" if top is None else "0 to 1"))
    return array
