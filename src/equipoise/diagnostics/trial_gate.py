"""The gate of a target trial: what each strategy must pass before outcomes are compared between strategies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.diagnostics.balance_verdict import significantly_beyond
from equipoise.diagnostics.gate import NAMED, Status, Verdict, held_against


@dataclass(frozen=True, slots=True)
class TrialGate:
    """Thresholds, set before the data are seen. A threshold of None takes a diagnostic out of the gate.

    positivity      smallest probability of what a strategy asks for, 1st percentile
    largest_weight  largest weight
    effective_size  smallest effective number of those who keep to a strategy, as a share of their number
    balance         largest |standardized difference| between those who kept to it, weighted, and all at time zero
    alpha           family-wise, of exceeding it significantly
    """

    positivity: float | None = 0.01
    largest_weight: float | None = 20.0
    effective_size: float | None = 0.2
    balance: float | None = 0.1
    alpha: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class WeightedBalance:
    """Covariates at time zero of those who kept to a strategy, weighted, against all: names, differences in standard
    deviations of all and their standard errors, float64 (p,)."""

    names: tuple[str, ...]
    difference: np.ndarray
    std_error: np.ndarray


@dataclass(frozen=True, slots=True)
class TrialMeasures:
    """What a strategy shows; nan, or None for balance, where it was not looked at."""

    positivity: float = math.nan
    largest_weight: float = math.nan
    effective_size: float = math.nan
    balance: WeightedBalance | None = None


def weighted_balance(names: Sequence[str], x: np.ndarray, weight: np.ndarray) -> WeightedBalance:
    """Rows x float64 (n, p) with weights (n,), of which only some count, against all rows with weight one.

    A column that does not vary has no difference; without any weight differences are nan. Standard errors are those
    under balance, with the spread of all rows: few who count and none of whom has what is rare would else show none.

    Example:
        >>> import numpy as np
        >>> from equipoise.diagnostics.trial_gate import weighted_balance
        >>> x = np.array([[0.0], [0.0], [1.0], [1.0]])
        >>> weighted_balance(["ill"], x, np.array([2.0, 0.0, 0.0, 2.0])).difference.tolist()
        [0.0]
        >>> weighted_balance(["ill"], x, np.array([0.0, 0.0, 2.0, 2.0])).difference.tolist()
        [1.0]
    """
    everybody, spread = x.mean(axis=0), x.std(axis=0)
    total = float(weight.sum())
    if total <= 0.0:
        nothing = np.full(x.shape[1], np.nan)
        return WeightedBalance(tuple(names), nothing, nothing)
    mean = weight @ x / total
    varies = spread > 0.0
    error = np.where(varies, np.sqrt(weight @ weight) / total, 0.0)
    return WeightedBalance(tuple(names), (mean - everybody) / np.where(varies, spread, 1.0), error)


def assess_trial_gate(gate: TrialGate, measures: TrialMeasures) -> tuple[Verdict, ...]:
    """One verdict a diagnostic, in their order. What has no number was not evaluated, which is not passed.

    Source: Cole & Hernán, American Journal of Epidemiology 2008;168:656 (weights); Petersen, Porter, Gruber, et al.,
    Statistical Methods in Medical Research 2012;21:31 (positivity); Jackson, Epidemiology 2016;27:870 (balance).

    Example:
        >>> from equipoise.diagnostics.trial_gate import TrialGate, TrialMeasures, assess_trial_gate
        >>> gate = TrialGate(balance=None, effective_size=None)
        >>> [str(v.status) for v in assess_trial_gate(gate, TrialMeasures(positivity=0.002, largest_weight=9.0))]
        ['failed', 'passed']
    """
    found = []
    if (least := gate.positivity) is not None:
        value = measures.positivity
        said = f"probability of what the strategy asks for, first percentile {value:.3g}"
        found.append(held_against("positivity", value, least, value >= least, said, "at least"))
    if (most := gate.largest_weight) is not None:
        value = measures.largest_weight
        found.append(
            held_against("largest_weight", value, most, value <= most, f"largest weight {value:.3g}", "at most")
        )
    if (least := gate.effective_size) is not None:
        value = measures.effective_size
        said = f"effective number {100 * value:.0f} % of those who keep to the strategy"
        found.append(held_against("effective_size", value, least, value >= least, said, "at least"))
    if gate.balance is not None:
        found.append(_of_balance(measures.balance, gate.balance, gate.alpha))
    return tuple(found)


def failed_covariates(balance: WeightedBalance, threshold: float, alpha: float) -> list[str]:
    """Names of covariates beyond the threshold significantly."""
    beyond = significantly_beyond(np.abs(balance.difference), balance.std_error, threshold, alpha)
    return [name for name, out in zip(balance.names, beyond, strict=True) if out]


def _of_balance(balance: WeightedBalance | None, threshold: float, alpha: float) -> Verdict:
    if balance is None or not balance.names or np.isnan(balance.difference).any():
        return Verdict("balance", Status.NOT_EVALUATED, math.nan, threshold, "balance was not assessed")
    largest = float(np.abs(balance.difference).max())
    failed = failed_covariates(balance, threshold, alpha)
    said = f"largest |standardized difference| {largest:.3f}"
    if not failed:
        return Verdict("balance", Status.PASSED, largest, threshold, said)
    named = ", ".join(failed[:NAMED]) + (", …" if len(failed) > NAMED else "")
    sentence = f"{len(failed):,} of {len(balance.names):,} covariates beyond {threshold:g} significantly ({named})"
    return Verdict("balance", Status.FAILED, largest, threshold, f"{sentence}; {said}")
