"""Average effects after matching, weighting or stratification: `fit_average_effect`.

Each kind of adjustment has its own variance, computed by the module that `METHODS` names; this module reads the
outcome, asks that module, and puts the answer into a `Fit` of one term.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import narwhals as nw
import numpy as np

from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.adjustment_rows import ARM, Adjustment
from equipoise.estimators.fit import Convergence, Fit, check_conf_level

Measure = Literal["difference", "ratio", "odds_ratio"]
SCALES = {
    "difference": "difference of means",
    "ratio": "log ratio of means",
    "odds_ratio": "log odds ratio",
}
METHODS = {  # where the variance of each kind of adjustment is computed, by a function of (adjustment, y, options)
    "matching": ("equipoise.estimators.average_effect_matched", "matched_effect"),
    "weighting": ("equipoise.estimators.average_effect_weighted", "weighted_effect"),
    "stratification": ("equipoise.estimators.average_effect_weighted", "stratified_effect"),
}


@dataclass(frozen=True, slots=True)
class EffectOptions:
    """What was asked for: the measure, the variance by name (None for the default), its settings."""

    measure: Measure
    variance: str | None
    neighbours: int
    replicates: int
    seed: int


@dataclass(frozen=True, slots=True)
class ArmMeans:
    """Adjusted means of the outcome in the target and the reference arm, and their covariance matrix (2, 2)."""

    target: float
    reference: float
    covariance: np.ndarray
    variance: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class AverageEffect(Fit):
    """An average effect as a `Fit` of one term, "arm": the target arm against the reference arm.

    estimand         "ATT", "ATC", "ATE", "ATO" or "ATM"
    adjustment       "matching", "weighting" or "stratification"
    mean_target, mean_reference     the adjusted means the effect compares
    """

    estimand: str
    adjustment: str
    mean_target: float
    mean_reference: float

    def glance(self) -> Any:
        """One row: rows, estimand, adjustment, mean_target, mean_reference, variance."""
        names = ("rows", "estimand", "adjustment", "mean_target", "mean_reference", "variance")
        return nw.from_dict({name: [getattr(self, name)] for name in names}, backend=self.frame_kind).to_native()

    def __repr__(self) -> str:
        lines = [f"{self.model}: {self.rows:,} rows", f"{self.measure} {self.direction}"]
        if self.reasons[0] is not None:
            lines.append(f"{ARM}  {self.reasons[0]}: {REASON_TEXT[self.reasons[0]]}")
        else:
            row = self.estimate(ARM)
            lines.append(f"{'term':<4}  {'estimate':>10} {'std_error':>10} {'conf_low':>10} {'conf_high':>10}")
            numbers = (row.estimate, row.std_error, row.conf_low, row.conf_high)
            lines.append(f"{ARM:<4}  " + " ".join(f"{value:>10.4g}" for value in numbers))
        lines.append(f"adjusted means {self.mean_target:.6g} (target) and {self.mean_reference:.6g} (reference)")
        lines.append(f"variance {self.variance}; {100 * self.conf_level:g} % Wald intervals")
        return "\n".join(lines)


def fit_average_effect(
    adjustment: Adjustment,
    *,
    outcome: str | np.ndarray | None = None,
    measure: Measure = "difference",
    variance: str | None = None,
    neighbours: int = 1,
    replicates: int = 1000,
    seed: int = 1,
    conf_level: float = 0.95,
) -> AverageEffect:
    """The average effect of the target arm against the reference arm, in the persons the adjustment stands for.

    adjustment  what `match`, `weigh` or `stratify` returned; its estimand is that of the effect
    outcome     a column of the data that were adjusted, or an array with one value for each of their rows; by default
                whether an event occurred, for an AnalysisSet
    measure     "difference" of means (a risk difference for an outcome of 0 and 1); "ratio" of means and "odds_ratio",
                both as logarithms
    variance    None for the adjustment's own. Matching without replacement: "cluster", clustered by matched set. With
                replacement: "abadie-imbens-2016", for an estimated score, where the score came as a fitted logistic
                model, everybody who sought partners has them all and there are no exact strata; else
                "abadie-imbens" (2006), for a known score. Weighting and stratification: see `weigh` and `stratify`
    neighbours  for Abadie and Imbens, the number of nearest persons of the same arm that estimate the variance of the
                outcome around each person
    replicates, seed    for a bootstrap, where one is offered

    Returns an `AverageEffect`: a `Fit` with the term "arm". Where one arm is empty, nobody was matched, or a mean has
    no logarithm, the term is nan with a `Reason`.

    Raises UnsupportedError for a variance that is not valid for the adjustment: a bootstrap of persons is not, after
    matching (Abadie, Imbens, Econometrica 2008;76:1537).

    Example:
        >>> import pandas as pd
        >>> from equipoise import fit_average_effect, match
        >>> table = pd.DataFrame(
        ...     {"drug": [1, 1, 0, 0, 0], "score": [0.6, 0.4, 0.61, 0.41, 0.2], "died": [1, 0, 0, 0, 1]}
        ... )
        >>> fit_average_effect(match(table, arm="drug", score="score"), outcome="died").tidy()["estimate"].tolist()
        [0.5]
    """
    check_conf_level(conf_level)
    if measure not in SCALES:
        raise UnsupportedError(Fault("measure", repr(measure), ", ".join(SCALES)))
    if getattr(adjustment, "kind", None) not in METHODS:
        raise DesignError(
            Fault("adjustment", f"a {type(adjustment).__name__}", "what match, weigh or stratify returns")
        )
    y = _outcome(adjustment, outcome, measure)
    options = EffectOptions(measure, variance, neighbours, replicates, seed)
    if adjustment.reason is not None:
        means = ArmMeans(math.nan, math.nan, np.full((2, 2), math.nan), "no", adjustment.reason)
    else:
        means = _method(adjustment.kind)(adjustment, y, options)
    return _as_fit(adjustment, means, options, y, conf_level)


def contrast(means: ArmMeans, measure: Measure) -> tuple[float, np.ndarray, Reason | None]:
    """The effect on its linear scale, its gradient in (target, reference), and why there is none."""
    one, two = means.target, means.reference
    if measure == "difference":
        return one - two, np.array([1.0, -1.0]), means.reason
    slopes = [_log_slope(mean, measure == "odds_ratio") for mean in (one, two)]
    if means.reason is None and any(slope is None for slope in slopes):
        return math.nan, np.full(2, math.nan), _why_none(means, measure)
    if means.reason is not None:
        return math.nan, np.full(2, math.nan), means.reason
    (value_1, slope_1), (value_2, slope_2) = slopes
    return value_1 - value_2, np.array([slope_1, -slope_2]), None


def _log_slope(mean: float, odds: bool) -> tuple[float, float] | None:
    if not mean > 0.0 or (odds and not mean < 1.0):
        return None
    return (math.log(mean / (1.0 - mean)), 1.0 / (mean * (1.0 - mean))) if odds else (math.log(mean), 1.0 / mean)


def _why_none(means: ArmMeans, measure: Measure) -> Reason:
    if means.target == 0.0 and means.reference == 0.0:
        return Reason.NO_EVENTS
    ends = (0.0, 1.0) if measure == "odds_ratio" else (0.0,)
    return Reason.SEPARATION if means.target in ends or means.reference in ends else Reason.NOT_DEFINED


def _method(kind: str) -> Callable[[Any, np.ndarray, EffectOptions], ArmMeans]:
    module, name = METHODS[kind]
    return getattr(import_module(module), name)


def _outcome(adjustment: Adjustment, outcome: str | np.ndarray | None, measure: Measure) -> np.ndarray:
    rows = adjustment.rows.source
    own = rows.analysis_set
    if own is not None and outcome is None:
        return (own.event > 0).astype(np.float64)
    y = rows.numbers(outcome, "outcome")
    if measure == "odds_ratio":
        return rows.indicator(y, "outcome")
    return y


def _as_fit(
    adjustment: Adjustment, means: ArmMeans, options: EffectOptions, y: np.ndarray, conf_level: float
) -> AverageEffect:
    value, gradient, reason = contrast(means, options.measure)
    spread = float(gradient @ means.covariance @ gradient) if reason is None else math.nan
    used = adjustment.weights > 0.0
    return AverageEffect(
        model=f"Average effect after {adjustment.kind}, {adjustment.estimand}",
        measure=SCALES[options.measure],
        direction="of the outcome, target arm against reference arm",
        terms=(ARM,),
        coefficients=np.array([value if reason is None else math.nan]),
        covariance=np.array([[spread]]),
        reasons=(reason,),
        log_likelihood=math.nan,
        log_likelihood_null=math.nan,
        rank=int(reason is None),
        rows=int(used.sum()),
        events=int(np.count_nonzero(y[used])),
        convergence=Convergence(True, 0, 0.0),
        conf_level=conf_level,
        variance=means.variance,
        frame_kind=adjustment.rows.source.frame_kind,
        estimand=adjustment.estimand,
        adjustment=adjustment.kind,
        mean_target=means.target,
        mean_reference=means.reference,
    )
