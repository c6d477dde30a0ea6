"""Pre-set thresholds that decide whether an estimate may be seen: `Gate`, `assess_gate`.

Everything here is known before an outcome is compared between arms: balance, overlap, the number of events in both arms
together, and what the same design finds for negative controls.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from equipoise.diagnostics.balance_assessment import Balance
from equipoise.diagnostics.balance_verdict import BalanceJudgement, judge_balance
from equipoise.diagnostics.generalizability import Generalizability
from equipoise.diagnostics.power import Power
from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.survival_curve_frames import frame_of

NAMED = 3  # covariates named in a sentence


class Status(StrEnum):
    """What became of a diagnostic. One that was not evaluated has not passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EVALUATED = "not_evaluated"


class Overlap(Protocol):
    """The overlap of propensity scores, as `assess_propensity` finds it."""

    @property
    def equipoise(self) -> float:
        """Share of persons in equipoise."""


class SystematicError(Protocol):
    """An empirical null, as `fit_null` makes it."""

    @property
    def controls(self) -> int:
        """How many usable negative controls it rests on."""

    def expected_absolute_systematic_error(self) -> float:
        """On the log scale."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Thresholds, set before the data are seen. A threshold of None takes a diagnostic out of the gate.

    balance            largest |standardized difference| after adjustment
    alpha              family-wise, of exceeding it significantly over the declared balance set
    equipoise          smallest share of persons in equipoise
    detectable_ratio   largest minimal detectable ratio
    systematic_error   largest expected absolute systematic error, log scale
    negative_controls  fewest usable ones that it may rest on
    """

    balance: float | None = 0.1
    alpha: float = 0.05
    equipoise: float | None = 0.2
    detectable_ratio: float | None = 10.0
    systematic_error: float | None = 0.25
    negative_controls: int = 30

    def __post_init__(self) -> None:
        faults = [
            Fault(f"Gate.{name}", repr(value), "a number of at least 0, or None")
            for name in ("balance", "equipoise", "detectable_ratio", "systematic_error")
            if (value := getattr(self, name)) is not None and not value >= 0.0
        ]
        if not 0.0 < self.alpha < 1.0:
            faults.append(Fault("Gate.alpha", repr(self.alpha), "a number between 0 and 1"))
        if self.negative_controls < 1:
            faults.append(Fault("Gate.negative_controls", repr(self.negative_controls), "at least 1"))
        if faults:
            raise DesignError(faults)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One diagnostic: its status, the number (nan where there is none), the threshold, and what happened, in words."""

    diagnostic: str
    status: Status
    value: float
    threshold: float
    sentence: str


@dataclass(frozen=True, slots=True, repr=False)
class GateAssessment:
    """The verdicts of a gate, in order. `generalizability` is reported and decides nothing; nan where unknown."""

    gate: Gate
    verdicts: tuple[Verdict, ...]
    generalizability: float = math.nan

    @property
    def open(self) -> bool:
        """Whether every diagnostic of the gate passed, so that estimates may be seen."""
        return all(verdict.status is Status.PASSED for verdict in self.verdicts)

    @property
    def reason(self) -> Reason | None:
        """SEALED where the gate is closed."""
        return None if self.open else Reason.SEALED

    @property
    def closed_by(self) -> tuple[str, ...]:
        """Diagnostics that did not pass, the failed ones first."""
        order = (Status.FAILED, Status.NOT_EVALUATED)
        return tuple(verdict.diagnostic for status in order for verdict in self.verdicts if verdict.status is status)

    def verdict(self, diagnostic: str) -> Verdict:
        """The verdict of one diagnostic; a DesignError for one that the gate does not hold."""
        for verdict in self.verdicts:
            if verdict.diagnostic == diagnostic:
                return verdict
        raise DesignError(Fault("diagnostic", repr(diagnostic), ", ".join(v.diagnostic for v in self.verdicts)))

    def tidy(self) -> Any:
        """A row a diagnostic: diagnostic, status, value, threshold, sentence."""
        columns: dict[str, Any] = {
            "diagnostic": [verdict.diagnostic for verdict in self.verdicts],
            "status": [verdict.status for verdict in self.verdicts],
            "value": np.array([verdict.value for verdict in self.verdicts], np.float64),
            "threshold": np.array([verdict.threshold for verdict in self.verdicts], np.float64),
            "sentence": [verdict.sentence for verdict in self.verdicts],
        }
        return frame_of(columns, "pandas")

    def __repr__(self) -> str:
        head = "Gate open: every diagnostic passed" if self.open else f"Gate closed by {', '.join(self.closed_by)}"
        lines = [head] + [f"{verdict.status:<13} {verdict.sentence}" for verdict in self.verdicts]
        if not math.isnan(self.generalizability):
            lines.append(
                f"{'reported':<13} largest difference from those before adjustment {self.generalizability:.3f}"
            )
        return "\n".join(lines)


def assess_gate(
    gate: Gate | None = None,
    *,
    balance: Balance | None = None,
    declared: Sequence[str] | None = None,
    propensity: Overlap | None = None,
    power: Power | None = None,
    null: SystematicError | None = None,
    generalizability: Generalizability | None = None,
) -> GateAssessment:
    """Whether an estimate may be seen, from diagnostics that do not know it.

    gate              thresholds; those of `Gate()` by default
    balance           from `assess_balance`, after adjustment; `declared` names the balance set (`judge_balance`)
    propensity        from `assess_propensity`
    power             from `assess_power`
    null              from `fit_null`, of negative controls run through the same design
    generalizability  from `assess_generalizability`; reported only

    A diagnostic of the gate that is not given, or has no number, is not evaluated, which is not passed: the gate stays
    closed. A diagnostic that a study does without is taken out beforehand: `Gate(systematic_error=None)`.

    Raises DesignError for declared names that the balance does not hold.

    Source: Schuemie et al., "Objective diagnostics" of OHDSI's comparative-cohort studies (LEGEND).

    Example:
        >>> from equipoise import Gate, assess_gate, assess_power
        >>> power = assess_power(target=500, reference=500, events=100)
        >>> gate = Gate(balance=None, equipoise=None, systematic_error=None)
        >>> assess_gate(gate, power=power).open
        True
        >>> assess_gate(power=power).closed_by
        ('balance', 'equipoise', 'systematic_error')
    """
    gate = gate or Gate()
    verdicts = []
    if gate.balance is not None:
        judged = None
        if balance is not None:
            judged = judge_balance(balance, declared=declared, threshold=gate.balance, alpha=gate.alpha)
        verdicts.append(_of_balance(judged, gate.balance))
    if gate.equipoise is not None:
        share = math.nan if propensity is None else propensity.equipoise
        said = f"share of persons in equipoise {100 * share:.1f} %"
        verdicts.append(held_against("equipoise", share, gate.equipoise, share >= gate.equipoise, said, "at least"))
    if gate.detectable_ratio is not None:
        ratio = math.nan if power is None else power.minimal_detectable_ratio
        said = f"minimal detectable ratio {ratio:.3g}"
        verdicts.append(
            held_against("power", ratio, gate.detectable_ratio, ratio <= gate.detectable_ratio, said, "at most")
        )
    if gate.systematic_error is not None:
        verdicts.append(_of_controls(null, gate.systematic_error, gate.negative_controls))
    return GateAssessment(gate, tuple(verdicts), math.nan if generalizability is None else generalizability.largest)


def held_against(diagnostic: str, value: float, threshold: float, passed: bool, said: str, bound: str) -> Verdict:
    """The verdict on a number, nan where there is none; `said` is the number in words, `bound` at least or at most."""
    if math.isnan(value):
        return _not_evaluated(diagnostic, threshold, f"{diagnostic} has no number")
    status = Status.PASSED if passed else Status.FAILED
    return Verdict(diagnostic, status, value, threshold, f"{said}; {bound} {threshold:g} is asked for")


def _not_evaluated(diagnostic: str, threshold: float, sentence: str, value: float = math.nan) -> Verdict:
    return Verdict(diagnostic, Status.NOT_EVALUATED, value, threshold, sentence)


def _of_balance(judged: BalanceJudgement | None, threshold: float) -> Verdict:
    if judged is None or not judged.names:
        return _not_evaluated("balance", threshold, "balance was not assessed")
    largest = f"largest |standardized difference| {judged.largest:.3f}"
    if judged.failed:
        named = ", ".join(judged.failed[:NAMED]) + (", …" if len(judged.failed) > NAMED else "")
        sentence = f"{len(judged.failed):,} of {len(judged.names):,} covariates beyond {threshold:g} significantly"
        return Verdict("balance", Status.FAILED, judged.largest, threshold, f"{sentence} ({named}); {largest}")
    if judged.unjudged:
        said = f"{len(judged.unjudged):,} of {len(judged.names):,} covariates have no difference that could be judged"
        return _not_evaluated("balance", threshold, said, judged.largest)
    by_chance = f"; {judged.beyond:,} beyond {threshold:g}, none significantly" if judged.beyond else ""
    return Verdict("balance", Status.PASSED, judged.largest, threshold, f"{largest}{by_chance}")


def _of_controls(null: SystematicError | None, threshold: float, fewest: int) -> Verdict:
    controls = 0 if null is None else null.controls
    value = math.nan if null is None else null.expected_absolute_systematic_error()
    if controls < fewest:
        said = f"{controls:,} usable negative controls; at least {fewest:,} are needed"
        return _not_evaluated("systematic_error", threshold, said, value)
    said = f"expected absolute systematic error {value:.3f} from {controls:,} negative controls"
    return held_against("systematic_error", value, threshold, value <= threshold, said, "at most")
