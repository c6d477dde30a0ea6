"""Which covariates are out of balance beyond doubt: `judge_balance`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from equipoise.diagnostics.balance_assessment import SCORE, Balance
from equipoise.errors import DesignError, Fault, Reason

ROUNDING = 1e-9  # of weighted means of a constant


@dataclass(frozen=True, slots=True, eq=False)
class BalanceJudgement:
    """A declared set of covariates held against a threshold.

    names      of the set; p_value float64 (p,): of |difference| <= threshold, nan where it cannot be judged
    failed     names of those beyond the threshold, significantly over the whole set
    unjudged   names of those without a difference
    largest    largest |difference|, judged or not, with its covariate `worst`; nan where there is none
    beyond     how many exceed the threshold, by chance or not
    """

    names: tuple[str, ...]
    p_value: np.ndarray
    failed: tuple[str, ...]
    unjudged: tuple[str, ...]
    largest: float
    worst: str | None
    beyond: int
    threshold: float
    alpha: float

    @property
    def judged(self) -> int:
        """Covariates with a p-value."""
        return len(self.names) - len(self.unjudged)


def judge_balance(
    balance: Balance, *, declared: Sequence[str] | None = None, threshold: float = 0.1, alpha: float = 0.05
) -> BalanceJudgement:
    """Covariates whose standardized difference exceeds a threshold, and does so significantly.

    balance    from `assess_balance`; differences after adjustment, or before where there was none
    declared   names of the balance set, of a factor its name or its columns; by default every covariate, without the
               propensity score, which is none
    threshold  of |standardized difference|
    alpha      probability that any covariate fails though none differs by more than the threshold (Holm's method over
               the set). A covariate that exceeds it only as chance would does not fail: with thousands of covariates
               and few persons some always do

    The p-value of a difference d with standard error e is that of |d| at the edge of the null,
    Phi((threshold - |d|) / e) + Phi(-(threshold + |d|) / e). A covariate that is constant in the arms that make the
    unit, but not equal in both, counts as an infinite difference; one that is equal in both as none.

    Raises DesignError for names that the balance does not hold.

    Source: OHDSI's CohortMethod; Holm, Scand J Stat 1979;6:65.

    Example:
        >>> import pandas as pd
        >>> from equipoise import assess_balance, judge_balance
        >>> table = pd.DataFrame({"drug": [1, 0] * 500, "old": [1, 0] * 450 + [1, 1] * 50, "male": [1, 1, 0, 0] * 250})
        >>> judge_balance(assess_balance(table, arm="drug", covariates=["old", "male"])).failed
        ('old',)
    """
    at = _declared(balance, declared)
    arms = balance.before if balance.after is None else balance.after
    names = tuple(balance.names[j] for j in at)
    size, error = np.abs(arms.smd[at]), arms.std_error[at]
    constant = np.array([balance.reasons[j] is Reason.CONSTANT for j in at], bool)
    one, other = arms.mean_target[at], arms.mean_reference[at]
    same = np.abs(one - other) <= ROUNDING * np.maximum(1.0, np.abs(one))
    size = np.where(constant, np.where(same, 0.0, math.inf), size)
    error = np.where(constant, 0.0, error)
    p_value = _p_values(size, error, threshold)
    failed = significantly_beyond(size, error, threshold, alpha)
    known = ~np.isnan(size)
    worst = int(np.argmax(np.where(known, size, -1.0))) if known.any() else None
    return BalanceJudgement(
        names,
        p_value,
        tuple(np.array(names, object)[failed].tolist()),
        tuple(np.array(names, object)[np.isnan(p_value)].tolist()),
        math.nan if worst is None else float(size[worst]),
        None if worst is None else names[worst],
        int((size > threshold).sum()),
        threshold,
        alpha,
    )


def significantly_beyond(size: np.ndarray, error: np.ndarray, threshold: float, alpha: float) -> np.ndarray:
    """Which |differences| float64 (n,) with standard errors (n,) exceed a threshold beyond chance, bool (n,).

    Example:
        >>> import numpy as np
        >>> from equipoise.diagnostics.balance_verdict import significantly_beyond
        >>> significantly_beyond(np.array([0.05, 0.2, 0.2]), np.array([0.01, 0.01, 0.2]), 0.1, 0.05).tolist()
        [False, True, False]
    """
    return (size > threshold) & _holm(_p_values(size, error, threshold), alpha)


def _declared(balance: Balance, declared: Sequence[str] | None) -> np.ndarray:
    if declared is None:
        first = 1 if balance.names and balance.names[0] in SCORE.values() and len(balance.names) > 1 else 0
        return np.arange(first, len(balance.names))
    place: dict[str, list[int]] = {}
    for j, name in enumerate(balance.names):
        for key in {name, name.split("[")[0]}:
            place.setdefault(key, []).append(j)
    unknown = [name for name in declared if name not in place]
    if unknown:
        raise DesignError(Fault("declared", f"no covariate {name!r}", "covariates of the balance") for name in unknown)
    return np.array(sorted({j for name in declared for j in place[name]}), np.int64)


def _p_values(size: np.ndarray, error: np.ndarray, threshold: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ndtr((threshold - size) / error) + ndtr(-(threshold + size) / error)
    exact = error == 0.0
    return np.where(exact, np.where(np.isnan(size), np.nan, (size <= threshold).astype(np.float64)), p)


def _holm(p_value: np.ndarray, alpha: float) -> np.ndarray:
    """Which hypotheses Holm's method rejects; those without a p-value are no members of the family."""
    rejected = np.zeros(len(p_value), bool)
    order = np.argsort(p_value, kind="stable")  # nan last
    family = int((~np.isnan(p_value)).sum())
    for rank, j in enumerate(order[:family]):
        if p_value[j] > alpha / (family - rank):
            break
        rejected[j] = True
    return rejected
