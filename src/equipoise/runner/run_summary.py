"""What became of every analysis of a run, one row each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from equipoise.errors import Reason
from equipoise.results.tables import table
from equipoise.runner.failures import Failure
from equipoise.runner.step import Step
from equipoise.runner.tabulate import ESTIMATES
from equipoise.spec.study import Analysis

Row = dict[str, Any]


def failed_throughout(steps: Mapping[str, tuple[Step, ...]], failures: Mapping[str, Failure]) -> Failure | None:
    """The failure that leaves nothing to show, if there is one.

    That of a step of no analysis, such as the checks of the data; else the first one, if no analysis could estimate
    anything.
    """
    of_analyses = {step.name for own in steps.values() for step in own}
    if shared := [failure for name, failure in failures.items() if name not in of_analyses]:
        return shared[0]
    if not failures or any(_state(own, failures) != "failed" for own in steps.values()):
        return None
    return next(iter(failures.values()))


def run_summary(
    analyses: Iterable[Analysis],
    steps: Mapping[str, tuple[Step, ...]],
    failures: Mapping[str, Failure],
    estimates: pa.Table,
    flawed: Mapping[str, Failure],
) -> pa.Table:
    """The table `run_summary`, of what was written in the end; `flawed` holds failures of flawed runs by analysis."""
    counted: dict[str, Counter[str]] = {}
    for row in estimates.select(["analysis", "reason"]).to_pylist():
        counted.setdefault(row["analysis"], Counter())[row["reason"] or "given"] += 1
    rows = []
    for position, analysis in enumerate(analyses, start=1):
        own = steps[analysis.id]
        found = counted.get(analysis.id, Counter())
        rows.append(
            {
                "position": position,
                "analysis": analysis.id,
                "label": analysis.label,
                "design": analysis.design.kind,
                "state": _state(own, failures, analysis.id in flawed),
                "n_estimates": found.total(),
                "n_given": found["given"],
                "n_sealed": found[Reason.SEALED.value],
                **_failure(own, failures, flawed.get(analysis.id)),
            }
        )
    return table("run_summary", rows)


def _state(steps: Iterable[Step], failures: Mapping[str, Failure], flawed: bool = False) -> str:
    if all(step.name not in failures for step in steps):
        return "incomplete" if flawed else "completed"
    estimated = any(step.kind in ESTIMATES and step.name not in failures for step in steps)
    return "incomplete" if estimated else "failed"


def _failure(steps: Iterable[Step], failures: Mapping[str, Failure], flawed: Failure | None) -> Row:
    found = next((failures[step.name] for step in steps if step.name in failures), flawed)
    return {} if found is None else {"step": found.step, "error": found.kind, "says": found.says}
