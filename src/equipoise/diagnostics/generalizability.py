"""How far those who are left resemble those whom the study is about: `assess_generalizability`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.diagnostics.balance_assessment import USUAL
from equipoise.diagnostics.balance_columns import BalanceColumns, balance_columns, columns_beside
from equipoise.estimators.adjustment_rows import Adjustment
from equipoise.estimators.survival_curve_frames import frame_of

WHOM = {"target": "the target arm", "reference": "the reference arm", "pooled": "both arms"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Generalizability:
    """Means of p covariates before and after adjustment in those the estimand is about, float64 (p,).

    smd  (mean_after - mean_before) / sd before; nan where a covariate does not vary or nobody is left
    whom "target", "reference" or "pooled": whose means they are
    persons_before, persons_after  of them; after adjustment those with a weight
    """

    names: tuple[str, ...]
    mean_before: np.ndarray
    mean_after: np.ndarray
    smd: np.ndarray
    whom: str
    persons_before: int
    persons_after: int
    frame_kind: str

    @property
    def largest(self) -> float:
        """The largest |smd|; nan where there is none."""
        size = np.abs(self.smd)
        return float(np.nanmax(size)) if np.isfinite(size).any() else math.nan

    def tidy(self) -> Any:
        """A row a covariate: term, mean_before, mean_after, smd."""
        columns: dict[str, Any] = {
            "term": list(self.names),
            "mean_before": self.mean_before,
            "mean_after": self.mean_after,
            "smd": self.smd,
        }
        return frame_of(columns, self.frame_kind)

    def __repr__(self) -> str:
        head = f"Generalizability: {self.persons_after:,} of {self.persons_before:,} persons of {WHOM[self.whom]} left"
        lines = [head, f"largest standardized difference from before {self.largest:.3f}"]
        order = np.argsort(-np.nan_to_num(np.abs(self.smd)), kind="stable")[:10]
        width = max((len(self.names[j]) for j in order), default=0)
        lines += [
            f"{self.names[j]:<{width}} {self.mean_before[j]:>10.4g} {self.mean_after[j]:>10.4g} {self.smd[j]:>8.3f}"
            for j in order
        ]
        return "\n".join(lines)


def assess_generalizability(
    adjusted: Adjustment, *, covariates: Sequence[str] | np.ndarray | Any = None, names: Sequence[str] | None = None
) -> Generalizability:
    """Covariates of those whom the estimate is about, before adjustment and after: matched or trimmed people differ.

    adjusted            from `match`, `weigh` or `stratify`
    covariates, names   as for `assess_balance`

    The target arm for ATT, the reference arm for ATC, else both arms with their weights.

    Raises DesignError as `assess_balance`.

    Source: OHDSI's CohortMethod (`getGeneralizabilityTable`).

    Example:
        >>> import pandas as pd
        >>> from equipoise import assess_generalizability, match
        >>> table = pd.DataFrame({"drug": [1, 1, 1, 0, 0], "score": [0.6, 0.5, 0.9, 0.6, 0.5], "age": [6, 5, 10, 7, 4]})
        >>> found = assess_generalizability(match(table, arm="drug", score="score", caliper=0.1), covariates=["age"])
        >>> found.mean_before.tolist(), found.mean_after.tolist()
        ([7.0], [5.5])
    """
    rows = adjusted.rows
    columns = balance_columns(rows.source, covariates, names)
    return _compared(columns, adjusted, adjusted.arm, adjusted.weights)


def compare_with_everybody(
    adjusted: Adjustment, *, covariates: Any, names: Sequence[str], kept: np.ndarray, arm: np.ndarray
) -> Generalizability:
    """As `assess_generalizability`, with those whom trimming left out before the adjustment among those before.

    covariates  of everybody, (n, p), dense or sparse
    kept        bool (n,), the rows that were adjusted, in their order
    arm         bool (n,), True in the target arm
    """
    columns = columns_beside(covariates, names)
    weights = np.zeros(len(kept))
    weights[kept] = adjusted.weights
    return _compared(columns, adjusted, arm, weights)


def _compared(columns: BalanceColumns, adjusted: Adjustment, arm: np.ndarray, weights: np.ndarray) -> Generalizability:
    whom = USUAL.get(adjusted.estimand, "pooled")
    member = {"target": arm, "reference": ~arm, "pooled": np.ones(len(arm), bool)}[whom]
    before = np.where(member, 1.0, 0.0)
    after = np.where(member, weights, 0.0)
    nothing = np.full(len(columns.names), np.nan)
    mean_before = columns.means(before) if member.any() else nothing
    mean_after = columns.means(after) if (after > 0.0).any() else nothing
    variance = columns.variances(before, mean_before) if member.any() else nothing
    with np.errstate(divide="ignore", invalid="ignore"):
        smd = np.where(variance > 0.0, (mean_after - mean_before) / np.sqrt(variance), np.nan)
    persons = int(member.sum()), int((after > 0.0).sum())
    kind = adjusted.rows.source.frame_kind
    return Generalizability(columns.names, mean_before, mean_after, smd, whom, *persons, kind)
