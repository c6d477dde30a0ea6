"""Strata of the propensity score: `stratify`."""

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
from equipoise.estimators.survival_curve_frames import frame_of
from equipoise.estimators.weighting import check_model_of_arm
from equipoise.kernels.balancing_weights import ATC, ATE, ATT

ALL, TARGET, COMPARATOR = "all", "target", "comparator"
BASES = (ALL, TARGET, COMPARATOR)
LOWER, UPPER = "lower", "upper"
SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stratification:
    """Persons in strata of the propensity score: what `stratify` returns.

    rows      the rows that were stratified
    estimand  "ATE", "ATT" or "ATC": whom the strata's weights represent
    cut_on    whose quantiles the boundaries are: "all", "target" or "comparator"
    boundaries  inner boundaries of the score, one tuple an exact stratum, in the order of its code
    codes     int64 (n,), stratum of each row from 0, strata without one of the arms included
    weights   float64 (n,), marginal-mean weights, 0 in strata without one of the arms
    """

    rows: AdjustmentRows
    estimand: str
    cut_on: str
    boundaries: tuple[tuple[float, ...], ...]
    codes: np.ndarray
    weights: np.ndarray

    @property
    def kind(self) -> str:
        return "stratification"

    @property
    def arm(self) -> np.ndarray:
        """bool (n,), True in the target arm."""
        return self.rows.arm

    @property
    def stratum(self) -> np.ndarray:
        """int64 (n,), the stratum of each row, -1 where the stratum lacks one of the arms."""
        return np.where(self.weights > 0.0, self.codes, -1)

    @property
    def reason(self) -> Reason | None:
        """ONE_ARM_EMPTY where no stratum holds both arms, else None."""
        return None if (self.weights > 0.0).any() else Reason.ONE_ARM_EMPTY

    @property
    def left_out(self) -> int:
        """Persons in strata that lack one of the arms."""
        return int(np.count_nonzero(self.weights == 0.0))

    def counts(self) -> Any:
        """One row a stratum: stratum, reference, target (persons), lowest and highest score; of the kind of the data.

        The strata of exact strata follow one another.
        """
        present, code = np.unique(self.codes, return_inverse=True)
        low, high = np.full(len(present), np.inf), np.full(len(present), -np.inf)
        np.minimum.at(low, code, self.rows.score)
        np.maximum.at(high, code, self.rows.score)
        columns = {
            "stratum": present,
            "reference": np.bincount(code[~self.arm], minlength=len(present)),
            "target": np.bincount(code[self.arm], minlength=len(present)),
            "lowest_score": low,
            "highest_score": high,
        }
        return frame_of(columns, self.rows.source.frame_kind)

    def analysis_set(
        self,
        *,
        event: str | np.ndarray | None = None,
        stop: str | np.ndarray | None = None,
        start: str | np.ndarray | None = None,
        covariates: Sequence[str] = (),
        weighted: bool = False,
    ) -> AnalysisSet:
        """The persons of strata with both arms as an `AnalysisSet` with their strata and a column "arm".

        weighted  multiply by the strata's weights and leave the strata out, for a marginal effect, instead

        An AnalysisSet that was stratified holds its outcomes; for other data `event` and `stop` (whole days) are
        needed.
        """
        made = adjusted_set(
            self.rows,
            np.flatnonzero(self.weights > 0.0),
            weight=self.weights if weighted else None,
            stratum=None if weighted else self.codes,
            event=event,
            stop=stop,
            start=start,
            covariates=covariates,
        )
        return made

    def frame(self, *, stratum: str = "stratum", weight: str = "weight") -> Any:
        """The persons of strata with both arms, of the data frame, with stratum and weight as columns."""
        at = np.flatnonzero(self.weights > 0.0)
        return adjusted_frame(self.rows, at, {stratum: self.codes[at], weight: self.weights[at]})

    def __repr__(self) -> str:
        return _describe(self)


def stratify(
    data: Any,
    *,
    arm: str | np.ndarray | None = None,
    score: str | np.ndarray | FittedPropensity | None = None,
    strata: int = 5,
    cut_on: str = ALL,
    exact: str | Sequence[str | np.ndarray] = (),
    estimand: str = ATE,
    boundary_in: str = LOWER,
) -> Stratification:
    """Strata of about equal size by quantiles of the propensity score.

    data, arm, score  as in `weigh`
    strata    how many, within each combination of `exact`
    cut_on    whose quantiles (R's type 7) are the boundaries: "all", "target" or "comparator" for the reference arm
    exact     columns, or arrays, within whose combinations the strata are made
    estimand  whom the marginal-mean weights stand for: n_s, n_1s, n_0s persons of a stratum, those of the target and of
              the reference arm, are represented by each arm of the stratum for "ATE", "ATT" and "ATC"
    boundary_in  whether a score on a boundary belongs to the "lower" stratum, as in CohortMethod, or the "upper" one

    `fit_average_effect` offers the variances "within" (the default: of the strata's means), "robust" or "HC0", "HC3"
    and "cluster" (by stratum); all take the strata as known.

    Strata that lack one of the arms are left out, and counted: their persons have weight 0. Weights of each arm add to
    the persons of the arm that are left.

    MatchIt's subclasses for the ATT are `cut_on="target", estimand="ATT", boundary_in="upper"`; where a subclass lacks
    an arm MatchIt moves persons into it, which this function does not.

    Raises DesignError as `weigh`, and for a number of strata that is not a whole number of 1 or more; UnsupportedError
    for unknown names, and where quantiles coincide so that there are fewer strata than asked for.

    Source: Rosenbaum, Rubin, JASA 1984;79:516; Hong, Journal of Educational and Behavioral Statistics 2010;35:499.

    Example:
        >>> import pandas as pd
        >>> from equipoise import stratify
        >>> table = pd.DataFrame({"drug": [0, 1, 0, 1, 1, 1], "score": [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]})
        >>> stratify(table, arm="drug", score="score", strata=2).stratum.tolist()
        [0, 0, 0, -1, -1, -1]
    """
    _check(strata, cut_on, estimand, boundary_in)
    rows = read_adjustment_rows(data, arm=arm, score=score, exact=exact)
    check_model_of_arm(rows, score)
    codes, boundaries = np.zeros(len(rows), np.int64), []
    base = {ALL: np.ones(len(rows), np.bool_), TARGET: rows.arm, COMPARATOR: ~rows.arm}[cut_on]
    for block in range(int(rows.exact.max(initial=-1)) + 1):
        inside = rows.exact == block
        cuts = _cuts(rows.score[inside & base], strata) if rows.reason is None else np.empty(0)
        place = np.searchsorted(cuts, rows.score[inside], "left" if boundary_in == LOWER else "right")
        codes[inside] = block * strata + place
        boundaries.append(tuple(map(float, cuts)))
    weights = stratum_weights(codes, rows.arm, estimand)
    for values in (codes, weights):
        values.setflags(write=False)
    return Stratification(rows, estimand, cut_on, tuple(boundaries), codes, weights)


def stratum_weights(codes: np.ndarray, arm: np.ndarray, estimand: str) -> np.ndarray:
    """Marginal-mean weights float64 (n,) of strata with codes (n,) from 0, 0 where a stratum lacks an arm.

    Scaled so that those of each arm add to the persons of the arm in strata with both arms.
    """
    size = int(codes.max(initial=-1)) + 1
    target, reference = (np.bincount(codes[side], minlength=size).astype(np.float64) for side in (arm, ~arm))
    both = (target > 0.0) & (reference > 0.0)
    stands_for = {ATE: target + reference, ATT: target, ATC: reference}[estimand]
    weights = np.zeros(len(codes))
    for side, own in ((arm, target), (~arm, reference)):
        each = np.divide(stands_for, own, out=np.zeros(size), where=both)
        total = float(stands_for[both].sum())
        weights[side] = each[codes[side]] * (float(own[both].sum()) / total if total > 0.0 else 0.0)
    return weights


def _cuts(score: np.ndarray, strata: int) -> np.ndarray:
    if strata == 1 or not len(score):
        return np.empty(0)
    cuts = np.quantile(score, np.arange(1, strata) / strata)
    if len(np.unique(cuts)) < len(cuts):
        raise UnsupportedError(
            Fault(
                "strata",
                f"{strata} strata, of which some are empty since quantiles of the score coincide",
                "as many strata as the scores can tell apart",
                "ask for fewer strata",
            )
        )
    return cuts


def _check(strata: int, cut_on: str, estimand: str, boundary_in: str) -> None:
    if isinstance(strata, bool) or not isinstance(strata, int | np.integer) or strata < 1:
        raise DesignError(Fault("strata", repr(strata), "a whole number, 1 or more"))
    allowed = {
        "cut_on": (cut_on, BASES),
        "estimand": (estimand, (ATE, ATT, ATC)),
        "boundary_in": (boundary_in, (LOWER, UPPER)),
    }
    faults = [
        Fault(name, repr(value), ", ".join(known)) for name, (value, known) in allowed.items() if value not in known
    ]
    if faults:
        raise UnsupportedError(faults)


def _describe(made: Stratification) -> str:
    size = int(made.codes.max(initial=-1)) + 1
    target, reference = (np.bincount(made.codes[side], minlength=size) for side in (made.arm, ~made.arm))
    used = np.flatnonzero(target + reference)
    lines = [
        f"Stratification: {len(made.rows):,} persons, {len(used):,} strata, {made.estimand} weights",
        f"cut at quantiles of the score of {made.cut_on}",
    ]
    if made.reason is not None:
        return "\n".join([*lines, f"{made.reason}: {REASON_TEXT[made.reason]}"])
    lines.append(f"{'stratum':<8} {'target':>9} {'reference':>10}")
    lines += [f"{s:<8} {target[s]:>9,} {reference[s]:>10,}" for s in used[:SHOWN]]
    if len(used) > SHOWN:
        lines.append(f"… and {len(used) - SHOWN:,} more strata")
    lines.append(f"{made.left_out:,} persons left out, in strata that lack one of the arms")
    return "\n".join(lines)
