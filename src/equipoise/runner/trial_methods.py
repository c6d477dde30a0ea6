"""The methods of a target trial on its panel: which estimator, with which covariates, weights and strategies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import Reason
from equipoise.estimators.trial_bootstrap import TrialBootstrap
from equipoise.estimators.trial_clones import fit_clone_censor_weight
from equipoise.estimators.trial_doubly_robust import DoublyRobust, fit_doubly_robust
from equipoise.estimators.trial_fit import TrialFit
from equipoise.estimators.trial_g_formula import GFormula, fit_g_formula
from equipoise.estimators.trial_options import EVENTS_FIRST, TREATMENT_FIRST
from equipoise.estimators.trial_sequential import fit_sequential_trials
from equipoise.estimators.trial_strategies import Strategy
from equipoise.estimators.trial_terms import time_columns
from equipoise.runner.artifact import Artifact
from equipoise.runner.trial_panels import PanelTable, condition, unpack_panel
from equipoise.runner.trial_protocol import TrialProtocol
from equipoise.spec.target_trial import TargetTrial, TreatmentStrategy
from equipoise.spec.trial_estimation import CLONES, DOUBLY_ROBUST, G_FORMULA, SEQUENTIAL

ROLES: dict[str, Any] = {
    "person": "person", "period": "period", "treatment": "treatment", "eligible": "eligible", "outcome": "outcome",
}  # fmt: skip
WORDS = {
    SEQUENTIAL: "sequential trials",
    CLONES: "clone, censor, weight",
    G_FORMULA: "g-formula",
    DOUBLY_ROBUST: "doubly robust",
}
CRUDE = "crude"
PENALTY = 1.0  # of the g-formula's models: a prior of one, so that rare levels do not separate
PARTS = 12  # of follow-up, at whose ends the doubly robust method gives risks
Fitted = TrialFit | GFormula | DoublyRobust


@dataclass(frozen=True, slots=True)
class TrialData:
    """A panel with the protocol it was made by. `columns` also hold functions of the interval, named in `time`."""

    protocol: TrialProtocol
    table: PanelTable
    columns: Mapping[str, np.ndarray]
    time: tuple[str, ...]

    @property
    def present(self) -> list[TreatmentStrategy]:
        """Strategies that somebody follows to the end of their grace; none where nobody is ever without treatment."""
        seen = set(np.unique(self.columns["treatment"]).tolist())
        if 0 not in seen:
            return []
        return [s for s in self.protocol.design.strategies if self.level(s) in seen and self._begun(s)]

    def _begun(self, strategy: TreatmentStrategy) -> bool:
        """Whether somebody does what a strategy asks for by the end of its grace period."""
        if strategy.when is not None or self.protocol.design.time_zero != "entry":
            return True  # the period is not that of the person's first row
        within = 1 if strategy.start is None else strategy.within
        early = self.columns["period"] < within
        return bool((self.columns["treatment"][early] == self.level(strategy)).any())

    def level(self, strategy: TreatmentStrategy) -> int:
        exposures = self.protocol.design.exposures
        return 0 if strategy.start is None else 1 + exposures.index(strategy.start)

    @property
    def strategies_asked(self) -> list[str]:
        return [strategy.name for strategy in self.protocol.design.strategies]

    @property
    def strategies(self) -> dict[str, Strategy]:
        """As the estimators take them; the last interval to start in is counted from 0."""
        return {
            s.name: Strategy(
                self.level(s),
                grace=s.within - 1,
                sustained=s.sustained,
                when=None if s.when is None else condition(s.when),
            )
            for s in self.present
        }

    @property
    def flags(self) -> dict[str, Any]:
        """Columns of loss and of competing events, where there are any."""
        return {name: name for name in ("censored", "competing") if self.columns[name].any()}


def trial_data(made: Artifact, protocol: TrialProtocol) -> TrialData:
    """The data of the panel's artefact."""
    keep = [condition(s.when) for s in protocol.design.strategies if s.when is not None]
    table = unpack_panel(made, keep)
    period = table.columns["period"]
    times = np.arange(int(period.max(initial=0)) + 1, dtype=np.float64)
    rows = np.bincount(period, minlength=len(times)).astype(np.float64)
    made_of = time_columns("interval", protocol.design.estimation.follow_up_terms, times, rows)
    columns = dict(table.columns) | {
        term: made_of.table[period, j] for j, term in enumerate(made_of.terms) if len(times) > 1
    }
    return TrialData(protocol, table, columns, made_of.terms if len(times) > 1 else ())


def fit_method(data: TrialData, method: str, seed: int, conf_level: float) -> Fitted | Reason:
    """The estimator of a method with everything the study asks for, or why there is none."""
    if absent := why_not(data):
        return absent
    if method == SEQUENTIAL:
        return sequential(data, conf_level)
    if method == CLONES:
        return clones(data, conf_level)
    design, table = data.protocol.design, data.table
    shared: dict[str, Any] = ROLES | data.flags | {
        "strategies": data.strategies, "competing_effect": design.competing_effect, "max_follow_up": design.follow_up,
        "conf_level": conf_level, "covariates": list(table.fixed), "order": _order(data),
    }  # fmt: skip
    estimation = design.estimation
    if method == G_FORMULA:
        return fit_g_formula(
            data.columns, **shared, time_varying=dict(table.varying), follow_up_terms=estimation.follow_up_terms,
            simulations=estimation.simulations, seed=seed, penalty=PENALTY,
        )  # fmt: skip
    weights = estimation.weights
    return fit_doubly_robust(
        data.columns, **shared, time_varying=list(table.varying), treatment_terms=list(data.time),
        truncate=weights.truncate, truncate_over=weights.truncate_over, times=_grid(design),
    )  # fmt: skip


def _grid(design: TargetTrial) -> list[int]:
    """Up to twelve equal parts of follow-up and the time points, from 0: each costs regressions of its own."""
    parts = {-(-design.follow_up * k // PARTS) for k in range(1, PARTS + 1)} - {0}
    return sorted(k - 1 for k in parts | set(design.time_points))


def why_not(data: TrialData) -> Reason | None:
    """Why no method can answer, or None."""
    if not len(data.table) or len(data.present) < 2:
        return Reason.ONE_ARM_EMPTY
    if max(strategy.within for strategy in data.present) > int(np.bincount(data.columns["person"]).max()):
        return Reason.BEYOND_FOLLOW_UP  # nobody is observed to the end of a grace period
    if data.protocol.design.contrast == "as_assigned" and SEQUENTIAL not in data.protocol.design.estimation.methods:
        return Reason.NOT_DEFINED
    return None


def clones(
    data: TrialData, conf_level: float, *, weighted: bool = True, adjusted: bool = True, cox: bool = False
) -> TrialFit:
    """Clone, censor, weight; without weights and covariates the crude curves of those who keep to each strategy."""
    design = data.protocol.design
    estimand = "as_assigned" if design.contrast == "as_assigned" else "per_protocol"
    return fit_clone_censor_weight(
        data.columns, **ROLES, **data.flags, strategies=data.strategies, estimand=estimand,
        **_model(data, conf_level, adjusted, cox), **_weights(data, weighted, cox), arm_by_follow_up=not cox,
        trial_terms=_trial_terms(data), order=_order(data),
    )  # fmt: skip


def _order(data: TrialData) -> str:
    return EVENTS_FIRST if data.protocol.design.events_first else TREATMENT_FIRST


def followed(data: TrialData, conf_level: float) -> np.ndarray:
    """How many copies keep to each strategy in each interval, as they are: float64 (A, K)."""
    return clones(data, conf_level, weighted=False, adjusted=False).assembly.outcome.found.rows


def sequential(
    data: TrialData, conf_level: float, *, weighted: bool = True, adjusted: bool = True, cox: bool = False
) -> TrialFit:
    """Sequential trials, the arms being the treatments."""
    design = data.protocol.design
    weights = _weights(data, weighted)
    if design.contrast == "as_assigned":
        weights = {key: value for key, value in weights.items() if not key.startswith("treatment")}
    return fit_sequential_trials(
        data.columns, **ROLES, **data.flags, estimand=design.contrast, **_model(data, conf_level, adjusted, cox),
        **weights, arm_by_follow_up=not cox, trial_terms=_trial_terms(data),
    )  # fmt: skip


def _model(data: TrialData, conf_level: float, adjusted: bool, cox: bool) -> dict[str, Any]:
    design = data.protocol.design
    fixed = list(data.table.fixed)
    # A trial that can start in every interval is also adjusted for what varies, as it is when the trial starts.
    covariates = fixed if design.time_zero == "entry" else [*fixed, *data.table.varying]
    return {
        "covariates": covariates if adjusted else (),
        "competing_effect": "direct" if cox and design.competing_effect == "total" else design.competing_effect,
        "model": "cox" if cox else "pooled_logistic",
        "follow_up_terms": design.estimation.follow_up_terms,
        "max_follow_up": design.follow_up,
        "conf_level": conf_level,
    }


def _trial_terms(data: TrialData) -> str:
    design = data.protocol.design
    return "none" if design.time_zero == "entry" else design.estimation.trial_terms


def _weights(data: TrialData, weighted: bool, cox: bool = False) -> dict[str, Any]:
    if not weighted:
        return {}
    design = data.protocol.design
    asked = design.estimation.weights
    # In a Cox model of copies the arms must keep their size over time: stabilised weights would leave the grace period,
    # in which the copies do not differ, most of the say.
    alike = cox and (design.events_first or any(s.within > 1 for s in design.strategies))
    fixed, varying = list(data.table.fixed), list(data.table.varying)
    below = [*data.time, *fixed, *varying]
    above: Sequence[str] | None = [*data.time, *fixed] if asked.stabilised and not alike else None
    made: dict[str, Any] = {
        "treatment_denominator": below,
        "treatment_numerator": above,
        "truncate": None if alike else asked.truncate,
        "truncate_over": asked.truncate_over,
    }
    if asked.loss and "censored" in data.flags:
        made |= {"censoring_denominator": below, "censoring_numerator": above}
    return made


def bootstrap_of(fit: TrialFit | GFormula, times: Sequence[int], first: int, last: int, seed: int) -> TrialBootstrap:
    """Replicates `first` to `last` of a fit's bootstrap, the same numbers whatever the batch."""
    if isinstance(fit, TrialFit):
        return fit.bootstrap(last - first, seed=seed, times=times, first=first)
    return fit.bootstrap(last - first, times=times, first=first)
