"""The diagnostics of one comparison, held against the gate of the study."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from equipoise.analysis_set import AnalysisSet
from equipoise.diagnostics.balance_verdict import judge_balance
from equipoise.diagnostics.gate import Gate, Status, assess_gate
from equipoise.diagnostics.power import assess_power
from equipoise.runner.layers import Propensity
from equipoise.spec.gate import GateRules

Row = dict[str, Any]


def diagnostic_rows(people: AnalysisSet, propensity: Propensity | None, rules: Mapping[str, Any]) -> Iterator[Row]:
    """One row a diagnostic. `people` are the persons that the adjusted estimates rest on."""
    gate = Gate(**GateRules.model_validate(rules).model_dump(exclude={"target_trials"}))
    assert people.arm is not None
    target, reference = (len(np.unique(people.person[people.arm == arm])) for arm in (1, 0))
    events = int((people.event == 1).sum())
    balance = None if propensity is None else propensity.balance
    found = assess_gate(
        gate,
        balance=balance,
        propensity=propensity,
        power=assess_power(target=target, reference=reference, events=events),
    )
    for position, verdict in enumerate(found.verdicts, start=1):
        row: Row = {
            "position": position,
            "diagnostic": verdict.diagnostic,
            "status": str(verdict.status),
            "value": verdict.value,
            "threshold": verdict.threshold,
        }
        if verdict.diagnostic == "power":
            row["n_events"] = events
        if verdict.diagnostic == "balance" and verdict.status is Status.FAILED and balance is not None:
            failed = judge_balance(balance, threshold=verdict.threshold, alpha=gate.alpha).failed
            row["covariates"] = "; ".join(failed)
        yield row
    if propensity is not None:
        yield {
            "position": len(found.verdicts) + 1,
            "diagnostic": "generalizability",
            "status": "reported",
            "value": propensity.generalizability.largest,
        }
