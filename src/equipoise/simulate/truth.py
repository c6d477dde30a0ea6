"""The true value of an estimand, computed from the counterfactuals of a nation.

The blocks of the nation are drawn again, worlds and all, and the contrast is taken between the same persons in two
worlds; its Monte Carlo error comes from a jackknife over groups of persons. Nothing is read from the database, and no
parameter is copied.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from equipoise.errors import DesignError, Fault
from equipoise.simulate.estimands import SurvivalEstimand
from equipoise.simulate.truth_onset import Onsets, onset_ratio
from equipoise.simulate.truth_survival import Patients

GROUPS = 50
SMALLEST = 50


@dataclass(frozen=True, slots=True)
class TrueValue:
    """A true value with the error of its own simulation.

    value      on the measure's scale, target against reference
    std_error  Monte Carlo standard error, of the log for ratios
    persons    how many persons it rests on
    """

    value: float
    std_error: float
    persons: int


def true_survival(patients: Iterable[Patients], estimand: SurvivalEstimand) -> TrueValue:
    """True contrast of survival, from the patients of the blocks of a nation (`truth_survival.patients_of`)."""
    people = Patients.concatenated(list(patients))
    strata = len(np.unique(people.stratum))
    if estimand.conditional_on and len(people) < SMALLEST * strata:
        # Small strata hold little more than the two lives of one person, which share their chances: biased away from 1.
        found = f"{len(people)} persons in {strata} strata"
        raise DesignError(
            Fault(
                "conditional_on", found, f"at least {SMALLEST} persons a stratum", "a larger nation, fewer covariates"
            )
        )
    return _jackknifed(len(people), estimand.measure.endswith("ratio"), lambda rows: _contrast(people, rows, estimand))


def true_onset(onsets: Iterable[Onsets]) -> TrueValue:
    """True ratio of diagnoses among the exposed, from the blocks of a nation (`truth_onset.onsets_of`)."""
    cases = Onsets.concatenated(list(onsets))
    return _jackknifed(len(cases), True, lambda rows: onset_ratio(cases, rows))


def _jackknifed(persons: int, ratio: bool, value: Callable[[np.ndarray], float]) -> TrueValue:
    """The value over everybody, and its error from leaving out each of `GROUPS` groups in turn."""
    if persons < SMALLEST:
        raise DesignError(
            Fault("true value", f"{persons} persons", f"at least {SMALLEST}", "ask for a larger or an enriched nation")
        )
    rows = np.arange(persons)
    left_out = np.array([value(rows[rows % GROUPS != group]) for group in range(GROUPS)])
    scale = np.log(left_out) if ratio else left_out
    error = np.sqrt((GROUPS - 1) / GROUPS * np.square(scale - scale.mean()).sum())
    return TrueValue(float(value(rows)), float(error), persons)


def _contrast(people: Patients, rows: np.ndarray, estimand: SurvivalEstimand) -> float:
    target, reference = people.target[rows], people.reference[rows]
    horizon = float(estimand.horizon_days)
    if estimand.measure == "hazard_ratio":
        return pooled_hazard_ratio(target, reference, people.stratum[rows], horizon)
    if estimand.measure == "rmst_difference":
        return float(np.minimum(target, horizon).mean() - np.minimum(reference, horizon).mean())
    risks = (target <= horizon).mean(), (reference <= horizon).mean()
    return float(risks[0] / risks[1] if estimand.measure == "risk_ratio" else risks[0] - risks[1])


def pooled_hazard_ratio(target: np.ndarray, reference: np.ndarray, stratum: np.ndarray, horizon: float) -> float:
    """Ratio that solves the partial score (Breslow) of the pooled persons of both worlds, stratified."""
    tables = [_events(target[stratum == s], reference[stratum == s], horizon) for s in np.unique(stratum)]
    deaths, deaths_target, at_risk, at_risk_target = (np.concatenate(part) for part in zip(*tables, strict=True))

    def score(beta: float) -> float:
        weighted = at_risk_target * np.exp(beta)
        return float(deaths_target.sum() - (deaths * weighted / (weighted + at_risk - at_risk_target)).sum())

    return float(np.exp(brentq(score, -15.0, 15.0, xtol=1e-12)))


def _events(target: np.ndarray, reference: np.ndarray, horizon: float) -> tuple[np.ndarray, ...]:
    """At each day with a death up to the horizon: deaths, deaths in the target world, and both numbers at risk."""
    target, reference = np.sort(target), np.sort(reference)
    day = np.unique(np.concatenate([target[target <= horizon], reference[reference <= horizon]]))
    before = [np.searchsorted(times, day, side="left") for times in (target, reference)]
    after = [np.searchsorted(times, day, side="right") for times in (target, reference)]
    deaths_target = after[0] - before[0]
    deaths = deaths_target + after[1] - before[1]
    at_risk_target = len(target) - before[0]
    return deaths, deaths_target, at_risk_target + len(reference) - before[1], at_risk_target
