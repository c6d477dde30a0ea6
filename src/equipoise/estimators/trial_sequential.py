"""Sequential target trials from a panel: `fit_sequential_trials`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import Fault, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.trial_assembly import Assembly, Naming, Parts, assembled
from equipoise.estimators.trial_columns import ModelTerms, States, states_by_arm, states_by_treatment
from equipoise.estimators.trial_fit import TrialFit, fit_of
from equipoise.estimators.trial_options import (
    COX,
    MODELS,
    POOLED_LOGISTIC,
    check_choices,
    check_count,
    check_weights,
    model_words,
)
from equipoise.estimators.trial_panel import EFFECTS, TOTAL, Panel, PanelRoles, end_of_competing, outcome_of, read_panel
from equipoise.estimators.trial_problem import names_of
from equipoise.estimators.trial_terms import TimeTerms
from equipoise.estimators.trial_weighting import (
    EVERYBODY,
    WeightModel,
    WeightTerms,
    all_or_counts,
    check_truncation,
    positivity_of,
    ratio_of,
    treatment_probabilities,
    truncated,
    uncensored_probabilities,
)
from equipoise.kernels.trial_rows import (
    Trials,
    TrialWeights,
    free_weights,
    no_weights,
    running_rows,
    sequential_trials,
)

AS_ASSIGNED, PER_PROTOCOL, AS_TREATED = "as_assigned", "per_protocol", "as_treated"
ESTIMANDS = (AS_ASSIGNED, PER_PROTOCOL, AS_TREATED)
EXPOSURES = {"current": 0, "dose": 1, "quadratic dose": 2}
DOSES = ("dose", "dose^2")
STARTED, AT_RISK = "started", "at_risk"
RUNNING = 2
LONGEST = 2**31 - 2


@dataclass(frozen=True, slots=True, eq=False)
class SequentialPlan:
    """How sequential trials are made from a panel."""

    panel: Panel
    treatment: str
    estimand: str
    effect: str
    exposure: int
    model: ModelTerms
    weights: WeightTerms
    periods: tuple[float, float]
    horizon: int

    @property
    def persons(self) -> int:
        return self.panel.persons

    @property
    def words(self) -> str:
        return f"Sequential trials, {self.estimand.replace('_', ' ')}, {model_words(self.model.cox)}"

    @property
    def starts(self) -> np.ndarray:
        """Rows at which a trial starts, bool (N,)."""
        own = self.panel
        return own.eligible & own.in_study & (own.period >= self.periods[0]) & (own.period <= self.periods[1])

    def trials(self, end: np.ndarray) -> Trials:
        """The trials, whose rows end before `end` int64 (G,)."""
        own, follows = self.panel, self.estimand == PER_PROTOCOL
        return sequential_trials(own.first, end, self.starts, own.treatment, follows, self.horizon)

    def assemble(self, times: np.ndarray) -> Assembly:
        """Trials of persons who count `times` (G,)."""
        own = self.panel
        y, end = outcome_of(own, self.effect)
        trials = self.trials(end)
        weights, models = self._weights(times)
        weights = truncated(trials, weights, self.weights.truncation)
        others = None
        if self.effect == TOTAL and len(own.competing):
            others = self.trials(end_of_competing(own))
        arms = names_of(self.treatment, own.levels)
        naming = Naming(own.levels, () if self.estimand == AS_TREATED else arms, self._exposures)
        parts = Parts(own, self.model, naming, trials, others, weights, models, y, trials)
        return assembled(parts, self._states, times)

    @property
    def _exposures(self) -> tuple[str, ...]:
        return DOSES[: self.exposure] if self.exposure else names_of(self.treatment, self.panel.levels)

    def positivity(self) -> dict[str, list]:
        return positivity_of(self.panel, self._modelled()[1])

    def _states(self, rows: np.ndarray) -> States:
        arms = names_of(self.treatment, self.panel.levels)
        if self.estimand != AS_TREATED:
            return states_by_arm(self.model, arms, rows)
        return states_by_treatment(self.model, self._exposures, rows, self.panel, self.exposure)

    def _modelled(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows that the weights' models are fitted to, and rows in which a running trial goes on or ends, bool (N,)."""
        own = self.panel
        eligible = own.eligible & own.in_study
        state = running_rows(own.first, own.last + 1, eligible, own.treatment, self.estimand == PER_PROTOCOL)
        at_risk = state == RUNNING
        return (at_risk if self.weights.rows == AT_RISK else state > 0), at_risk

    def _weights(self, times: np.ndarray) -> tuple[TrialWeights, tuple[WeightModel, ...]]:
        own, given = self.panel, self.weights
        if given.treatment_denominator is None and given.censoring_denominator is None:
            return no_weights(len(own.levels))._replace(times=all_or_counts(times)), ()
        (rows, at_risk), counted = self._modelled(), np.repeat(times, np.diff(own.first))
        n_arms, models, later, at_once = len(own.levels), [], np.ones(len(own)), np.ones(len(own))
        if given.treatment_denominator is not None:
            below = treatment_probabilities(own, given.treatment_denominator, rows, at_risk, counted, "denominator")
            above = treatment_probabilities(own, given.treatment_numerator, rows, at_risk, counted, "numerator")
            taken = (np.arange(len(own)), own.treatment)
            later = later * ratio_of(above.values[taken], below.values[taken])
            models += [*above.models, *below.models]
        if given.censoring_denominator is not None:
            below = uncensored_probabilities(own, given.censoring_denominator, rows, counted, "denominator")
            above = uncensored_probabilities(own, given.censoring_numerator, rows, counted, "numerator")
            at_once = ratio_of(above.values[:, 0], below.values[:, 0])
            later = later * at_once
            models += [*above.models, *below.models]
        kinds = np.tile(np.array([1, 0, 0, 0]), (n_arms, 1))
        factor = np.stack([later, at_once])
        return free_weights(factor, kinds, all_or_counts(times)), tuple(models)


def fit_sequential_trials(
    panel: Any,
    *,
    person: Any,
    period: Any,
    treatment: Any,
    eligible: Any,
    outcome: Any,
    censored: Any = None,
    competing: Any = None,
    estimand: str = AS_ASSIGNED,
    competing_effect: str = TOTAL,
    covariates: Sequence[str] | str = (),
    modifiers: Sequence[str] = (),
    model: str = POOLED_LOGISTIC,
    exposure: str = "current",
    trial_terms: TimeTerms = "quadratic",
    follow_up_terms: TimeTerms = "quadratic",
    arm_by_follow_up: bool = False,
    treatment_numerator: Sequence[str] | str | None = None,
    treatment_denominator: Sequence[str] | str | None = None,
    censoring_numerator: Sequence[str] | str | None = None,
    censoring_denominator: Sequence[str] | str | None = None,
    weight_rows: str = STARTED,
    truncate: tuple[float, float] | None = None,
    truncate_over: str = EVERYBODY,
    first_period: int | None = None,
    last_period: int | None = None,
    max_follow_up: int | None = None,
    conf_level: float = 0.95,
) -> TrialFit:
    """A trial at every interval at which a person is eligible, all analysed together by one marginal structural model.

    panel       a pandas, Polars or Arrow frame, or a dict of arrays: one row for each person and interval, without
                gaps within a person. Within an interval treatment is decided first; then a person may be lost, then
                meet the competing event, then the outcome. Rows after the first of these are not used
    person, period, treatment, eligible, outcome, censored, competing   columns. Periods are whole numbers; treatment
                is 0 and 1, whole numbers or names, the first level being the reference; the others are 0 and 1.
                A row that is censored, or has the competing event, says nothing of the outcome
    estimand    "as_assigned": the arm is the treatment in the trial's own first interval, whatever follows;
                "per_protocol": a trial ends before the interval in which treatment changes; "as_treated": treatment
                enters the model as it is in each interval (`exposure`)
    competing_effect  "total": the risk of the outcome in a world with the competing event, from a model of each;
                "direct": the competing event censors; "composite": either event counts
    covariates  names or a formula: values in the row where a trial starts. `modifiers` are those of its terms that
                also enter by arm
    model       "pooled_logistic", or "cox": hazard ratios in time since a trial's start, all trials with one baseline
                hazard, Breslow's ties; its variance has no factor, as in R's coxph, and it gives no risks
    exposure    of the as-treated estimand: "current" treatment; "dose", intervals treated since the trial's start;
                "quadratic dose"
    trial_terms, follow_up_terms  "linear", "quadratic", "cubic", "spline" (restricted cubic), three or more knots,
                "categorical", "none"; of the period in which a trial starts, and of the intervals since then (from 0)
    arm_by_follow_up  whether the effect of an arm may change over follow-up
    treatment_numerator, treatment_denominator, censoring_numerator, censoring_denominator   covariates of pooled
                logistic models, read in each row: of treatment, separately by the treatment before (the reference in a
                person's first row), and of staying in the study, separately by treatment. Weights are products of
                numerator over denominator, of treatment from a trial's second interval on, of staying from the first.
                A numerator is () where only its denominator is given; what it holds should also be adjusted for
    weight_rows  "started": these models are fitted to all rows in which a trial starts or is running, as R's
                TrialEmulation does; "at_risk": only to rows in which one is running. Per protocol, a trial runs up to
                and with the row in which treatment changes
    truncate    percentiles between which weights are held, such as (1, 99); `truncate_over`: "everybody", those of all
                rows, or "strategy", those of each arm by itself
    first_period, last_period  between which trials start; max_follow_up  largest number of intervals in a trial

    Returns a `TrialFit`: log odds ratios of the outcome in an interval with a variance robust to persons
    (HC0, times G / (G - 1)); `risks()`, `bootstrap()`, `weight_summary()`, `positivity()`, `weight_models`. The rows
    of the trials are visited, never written. Terms the data cannot answer are nan with a reason: ONE_ARM_EMPTY,
    SEPARATION, NO_EVENTS and others.

    Raises DesignError for a panel with gaps or repeated rows, events that exclude each other, missing values in
    columns that are used, models that no weight would use; UnsupportedError for words that are not offered.

    Source: Hernán, Alonso, Logan, et al., Epidemiology 2008;19:766; Danaei, Rodríguez, Cantero, et al., Statistical
    Methods in Medical Research 2013;22:70; Young, Stensrud, Tchetgen Tchetgen, Hernán, Statistics in Medicine
    2020;39:1199.

    Example:
        >>> from equipoise import fit_sequential_trials
        >>> panel = {
        ...     "id": [1, 1, 1, 2, 2, 3, 3, 4, 4, 4],
        ...     "month": [0, 1, 2, 0, 1, 0, 1, 0, 1, 2],
        ...     "drug": [0, 0, 1, 0, 0, 1, 1, 1, 1, 0],
        ...     "can_start": [1, 1, 1, 1, 1, 1, 0, 1, 0, 0],
        ...     "died": [0, 0, 1, 0, 1, 0, 1, 0, 0, 0],
        ... }
        >>> fit = fit_sequential_trials(
        ...     panel, person="id", period="month", treatment="drug", eligible="can_start", outcome="died",
        ...     trial_terms="none", follow_up_terms="none",
        ... )
        >>> fit.trials, fit.rows, fit.events
        (7, 14, 6)
        >>> fit.risks([0]).risk.round(4).tolist()  # events over rows: 4 of 8, and 2 of 6
        [[0.5], [0.3333]]
    """
    check_choices(
        {
            "estimand": (estimand, ESTIMANDS),
            "competing_effect": (competing_effect, EFFECTS),
            "exposure": (exposure, tuple(EXPOSURES)),
            "weight_rows": (weight_rows, (STARTED, AT_RISK)),
            "model": (model, MODELS),
        }
    )
    check_weights(estimand == AS_ASSIGNED, censored, treatment_numerator, treatment_denominator, censoring_numerator,
                  censoring_denominator)  # fmt: skip
    roles = PanelRoles(person, period, treatment, outcome, eligible, censored, competing)
    read = read_panel(panel, roles)
    as_treated = estimand == AS_TREATED
    if exposure != "current" and not as_treated:
        raise UnsupportedError(Fault("exposure", repr(exposure), "'current', or the as-treated estimand"))
    if as_treated and modifiers:
        raise UnsupportedError(Fault("modifiers", "beside the as-treated estimand", "arms fixed at a trial's start"))
    plan = SequentialPlan(
        read,
        treatment if isinstance(treatment, str) else "treatment",
        estimand,
        competing_effect,
        EXPOSURES[exposure],
        ModelTerms(covariates, tuple(modifiers), trial_terms, follow_up_terms, bool(arm_by_follow_up), model == COX),
        WeightTerms(
            treatment_numerator if treatment_numerator is not None else (),
            treatment_denominator,
            censoring_numerator if censoring_numerator is not None else (),
            censoring_denominator,
            check_truncation(truncate, truncate_over),
            weight_rows,
        ),
        (-np.inf if first_period is None else first_period, np.inf if last_period is None else last_period),
        LONGEST if max_follow_up is None else check_count("max_follow_up", max_follow_up),
    )
    return fit_of(plan, check_conf_level(conf_level), read.source.frame_kind)
