"""Propensity-score weights: `weigh`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.errors import REASON_TEXT, DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.adjustment_rows import (
    AdjustmentRows,
    FittedPropensity,
    adjusted_frame,
    adjusted_set,
    read_adjustment_rows,
)
from equipoise.estimators.glm_fit import GlmFit
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.weighting_influence import Nuisance, nuisance_of
from equipoise.estimators.weighting_rule import Limits, RuledWeights, Truncation, WeightRule, weight_rule
from equipoise.kernels.balancing_weights import ATC, ATE, ATM, ATO, ATT

POPULATION = {
    ATE: "everybody",
    ATT: "persons like those of the target arm",
    ATC: "persons like those of the reference arm",
    ATO: "the overlap population, persons who could have been in either arm",
    ATM: "persons whom one-to-one matching would keep",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weighting:
    """Weighted persons, one row each: what `weigh` returns.

    rows   the rows that were weighed, with arm and score
    rule   estimand, stabilisation and truncation
    ruled  weights with their derivatives; zeros where one arm is empty
    """

    rows: AdjustmentRows
    rule: WeightRule
    ruled: RuledWeights

    @property
    def kind(self) -> str:
        return "weighting"

    @property
    def estimand(self) -> str:
        """ "ATE", "ATT", "ATC", "ATO" or "ATM": whom the weighted arms represent."""
        return self.rule.estimand

    @property
    def stabilised(self) -> bool:
        return self.rule.stabilised

    @property
    def reason(self) -> Reason | None:
        """ONE_ARM_EMPTY where there is nobody to compare with, else None."""
        return self.rows.reason

    @property
    def arm(self) -> np.ndarray:
        """bool (n,), True in the target arm."""
        return self.rows.arm

    @property
    def weights(self) -> np.ndarray:
        """float64 (n,), after stabilisation and truncation."""
        return self.ruled.weights

    @property
    def stratum(self) -> None:
        """Weighted persons form no strata."""
        return

    @property
    def truncation(self) -> Truncation:
        """How many weights were truncated, and at what value."""
        return self.ruled.truncation

    @property
    def knows_its_model(self) -> bool:
        """Whether a variance can account for the estimation of the score."""
        return self.rows.model is not None

    def nuisance(self) -> Nuisance:
        """The estimated parameters behind the weights; UnsupportedError where they are not known."""
        return nuisance_of(self.rows, self.rule, self.ruled)

    def effective_sizes(self) -> tuple[float, float]:
        """Kish's effective sample size, (sum of w)^2 / sum of w^2, of the target and the reference arm; 0 if empty."""
        return _effective(self.weights[self.arm]), _effective(self.weights[~self.arm])

    def summary(self) -> Any:
        """One row an arm: arm, persons, sum, mean, smallest and largest weight, effective_size; of the kind of the
        data."""
        sides = (("reference", ~self.arm), ("target", self.arm))
        parts = [self.weights[side] if side.any() else np.array([np.nan]) for _, side in sides]
        columns: dict[str, Any] = {
            "arm": [name for name, _ in sides],
            "persons": np.array([int(side.sum()) for _, side in sides]),
            "sum": np.array([np.nansum(part) for part in parts]),
            "mean": np.array([part.mean() for part in parts]),
            "smallest": np.array([part.min() for part in parts]),
            "largest": np.array([part.max() for part in parts]),
            "effective_size": np.array(self.effective_sizes()[::-1]),
        }
        return frame_of(columns, self.rows.source.frame_kind)

    def analysis_set(
        self,
        *,
        event: str | np.ndarray | None = None,
        stop: str | np.ndarray | None = None,
        start: str | np.ndarray | None = None,
        covariates: Sequence[str] = (),
    ) -> AnalysisSet:
        """The persons as an `AnalysisSet` with their weights and a column "arm".

        An AnalysisSet that was weighed holds its outcomes; for other data `event` and `stop` (whole days) are needed.
        A model of the set takes the weights as known: use `fit_weighted` for one that does not.
        """
        return adjusted_set(
            self.rows,
            np.arange(len(self.rows)),
            weight=self.weights,
            event=event,
            stop=stop,
            start=start,
            covariates=covariates,
        )

    def frame(self, *, weight: str = "weight") -> Any:
        """The data frame that was weighed with the weights as one more column."""
        return adjusted_frame(self.rows, np.arange(len(self.rows)), {weight: np.asarray(self.weights)})

    def __repr__(self) -> str:
        return _describe(self)


def weigh(
    data: Any,
    *,
    arm: str | np.ndarray | None = None,
    score: str | np.ndarray | FittedPropensity | None = None,
    estimand: str = ATE,
    stabilised: bool = False,
    truncate_percentile: Limits = None,
    truncate_at: Limits = None,
) -> Weighting:
    """Weights under which both arms have the covariates of one target population.

    data        a pandas, Polars or Arrow frame, a dict of arrays, an AnalysisSet with two arms, or a matrix; one row a
                person
    arm         1 or true in the target arm; not for an AnalysisSet, which holds it
    score       probability of the target arm: a column, an array, or the fit of a model of the arm. With the fit of
                `fit_logistic` (no weights, offset or Firth's correction), variances account for its estimation
    estimand    "ATE" everybody, "ATT" the target arm, "ATC" the reference arm, "ATO" or "overlap" and "ATM" or
                "matching" persons who could have been in either arm
    stabilised  ATE: multiply by the share of the person's arm, so that the weights of each arm add to about its size
    truncate_percentile  99 lowers larger weights to the 99th percentile, (1, 99) does so at both ends; ATT and ATC:
                of the weights that depend on the score. The percentile is a weight that occurs (R's quantile type 3)
    truncate_at  10 lowers larger weights to 10, (0.1, 10) does so at both ends

    Returns a `Weighting`: weights, summary, effective sizes, truncation, analysis_set, frame; `fit_average_effect`,
    `fit_weighted`, `fit_weighted_survival_curve` and `assess_balance` take it. `fit_average_effect` offers the
    variances "influence" (default where the score came as a fit of `fit_logistic`), "robust" or "HC0" (default else),
    "HC3" and "bootstrap".

    Raises DesignError for absent columns, missing values, arms other than 0 and 1, scores not strictly between 0 and
    1, persons in several rows, weights beyond 1e100, a model of another outcome; UnsupportedError for unknown
    estimands, stabilised weights for other estimands than ATE, and an AnalysisSet that has weights already.

    Source: Rosenbaum, JASA 1987;82:387; Li, Morgan, Zaslavsky, JASA 2018;113:390 (overlap); Li, Greene, International
    Journal of Biostatistics 2013;9:215 (matching weights); Cole, Hernán, American Journal of Epidemiology 2008;168:656.

    Example:
        >>> import pandas as pd
        >>> from equipoise import weigh
        >>> table = pd.DataFrame({"drug": [1, 1, 0, 0], "score": [0.8, 0.5, 0.5, 0.2]})
        >>> weigh(table, arm="drug", score="score", estimand="overlap").weights.round(12).tolist()
        [0.2, 0.5, 0.5, 0.2]
    """
    rule = weight_rule(estimand, stabilised, truncate_percentile, truncate_at)
    rows = read_adjustment_rows(data, arm=arm, score=score)
    check_model_of_arm(rows, score)
    return weighting_of(rows, rule)


def weighting_of(rows: AdjustmentRows, rule: WeightRule) -> Weighting:
    """The weighting of rows that were read; weights are 0 where one arm is empty."""
    if rows.reason is not None:
        nothing = np.zeros(len(rows))
        return Weighting(rows, rule, RuledWeights(nothing, nothing, nothing, Truncation()))
    ruled = rule.apply(rows.logit, rows.arm)
    ruled.weights.setflags(write=False)
    return Weighting(rows, rule, ruled)


def check_weighting(given: Any) -> None:
    """Refuse anything but what `weigh` returns."""
    if not isinstance(given, Weighting):
        raise DesignError(Fault("weighting", f"a {type(given).__name__}", "what weigh returns"))


def check_model_of_arm(rows: AdjustmentRows, score: Any) -> None:
    """Refuse a model of something else than the arm or without estimates, and data that carry weights already."""
    if isinstance(score, GlmFit) and score.means is not None:
        if not np.array_equal(score.means.rows.y == 1.0, rows.arm):
            raise DesignError(Fault("score", "a model of another outcome, or of other rows", "a model of the arm"))
        if not score.convergence.converged:
            raise DesignError(Fault("score", "a model that did not converge", "a model with estimates"))
    own = rows.source.analysis_set
    if own is not None and not (own.weight == 1.0).all():
        raise UnsupportedError(Fault("AnalysisSet.weight", "weights already", "a set in which every row counts once"))


def _effective(weight: np.ndarray) -> float:
    scaled = weight / weight.max(initial=0.0) if weight.any() else weight
    return float(scaled.sum() ** 2 / (scaled @ scaled)) if scaled.any() else 0.0


def _describe(made: Weighting) -> str:
    stabilised = "stabilised " if made.stabilised else ""
    lines = [f"Weighting: {len(made.rows):,} persons, {stabilised}{made.estimand} weights"]
    if made.reason is not None:
        return f"{lines[0]}\n{made.reason}: {REASON_TEXT[made.reason]}"
    lines.append(f"both arms stand for {POPULATION[made.estimand]}")
    lines.append(f"{'arm':<9} {'persons':>9} {'sum':>11} {'largest':>9} {'effective size':>15}")
    sizes = made.effective_sizes()
    for name, side, size in (("target", made.arm, sizes[0]), ("reference", ~made.arm, sizes[1])):
        weight = made.weights[side]
        lines.append(f"{name:<9} {side.sum():>9,} {weight.sum():>11.5g} {weight.max():>9.4g} {size:>15.5g}")
    cut = made.truncation
    if cut.rule == "none":
        lines.append("no truncation")
    else:
        lines.append(
            f"truncated {cut.rule}: {cut.below:,} raised to {cut.low:.4g}, {cut.above:,} lowered to {cut.high:.4g}"
        )
    known = "score estimated by a model that variances account for" if made.knows_its_model else "score taken as known"
    return "\n".join([*lines, known])
