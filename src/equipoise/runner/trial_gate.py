"""The diagnostics of a target trial, strategy by strategy, held against the gate of the study."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from equipoise.diagnostics.gate import Status
from equipoise.diagnostics.trial_gate import (
    TrialGate,
    TrialMeasures,
    WeightedBalance,
    assess_trial_gate,
    failed_covariates,
    weighted_balance,
)
from equipoise.estimators.trial_clones import ClonePlan
from equipoise.estimators.trial_fit import TrialFit
from equipoise.estimators.trial_keeping import FEWEST, Keeping, keeping_of
from equipoise.runner.trial_methods import TrialData, clones, sequential, why_not
from equipoise.spec.gate import TrialGate as TrialGateRules
from equipoise.spec.target_trial import EVERY
from equipoise.spec.trial_estimation import SEQUENTIAL

Row = dict[str, Any]


def gate_rows(data: TrialData, rules: Mapping[str, Any], conf_level: float) -> Iterator[Row]:
    """Rows of the table diagnostics without the analysis. A strategy that nobody starts is not evaluated."""
    gate = TrialGate(**TrialGateRules.model_validate(rules).model_dump())
    fit = None if why_not(data) is not None else weighted_fit(data, conf_level)
    present = [strategy.name for strategy in data.present]
    for name in data.strategies_asked:
        measures = TrialMeasures()
        if fit is not None and name in present:
            measures = _measures(data, fit, present.index(name))
        yield from _rows(gate, name, measures)


def weighted_fit(data: TrialData, conf_level: float) -> TrialFit:
    """The model with weights whose strategies the gate looks at, whatever other methods the study asks for."""
    if SEQUENTIAL in data.protocol.design.estimation.methods:
        return sequential(data, conf_level)
    return clones(data, conf_level, adjusted=False)


def _measures(data: TrialData, fit: TrialFit, place: int) -> TrialMeasures:
    plan = fit.plan
    if not isinstance(plan, ClonePlan):
        return _of_weights(fit, data.level(data.present[place]))
    kept = keeping_of(plan, place)
    return replace(_of_weights(fit, place), positivity=kept.low, balance=_balance(data, plan, kept))


def _of_weights(fit: TrialFit, arm: int) -> TrialMeasures:
    """Largest weight, and the smallest effective share in an interval that enough are followed in."""
    found = fit.assembly.outcome.found
    rows, weight, squared = found.rows[arm], found.weight[arm], found.weight_squared[arm]
    some = rows > 0.0
    enough = rows >= min(FEWEST, float(rows.max(initial=0.0)))
    share = np.divide(weight**2, squared * rows, out=np.zeros(len(rows)), where=some & (squared > 0.0))
    if not some.any():
        return TrialMeasures()
    return TrialMeasures(
        largest_weight=float(found.largest[arm][some].max()), effective_size=float(share[enough].min())
    )


def _balance(data: TrialData, plan: ClonePlan, kept: Keeping) -> WeightedBalance:
    names = [*data.table.fixed, *data.table.varying]
    x = np.column_stack([plan.panel.sorted(data.columns[name])[kept.start] for name in names]) if names else \
        np.empty((len(kept.start), 0))  # fmt: skip
    return weighted_balance(names, x, kept.weight)


def _rows(gate: TrialGate, strategy: str, measures: TrialMeasures) -> Iterator[Row]:
    for position, verdict in enumerate(assess_trial_gate(gate, measures), start=1):
        row: Row = {
            "comparison": EVERY,
            "exposure": strategy,
            "position": position,
            "diagnostic": verdict.diagnostic,
            "status": str(verdict.status),
            "value": verdict.value,
            "threshold": verdict.threshold,
        }
        if verdict.diagnostic == "balance" and verdict.status is Status.FAILED and measures.balance is not None:
            row["covariates"] = "; ".join(failed_covariates(measures.balance, verdict.threshold, gate.alpha))
        yield row
