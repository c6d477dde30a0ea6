"""Clone, censor, weight: strategies with a grace period compared from a panel by `fit_clone_censor_weight`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.errors import Fault, Reason, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.trial_assembly import Assembly, Naming, Parts, assembled
from equipoise.estimators.trial_columns import ModelTerms, States, states_by_arm
from equipoise.estimators.trial_fit import TrialFit, fit_of
from equipoise.estimators.trial_options import (
    COX,
    EVENTS_FIRST,
    MODELS,
    ORDERS,
    POOLED_LOGISTIC,
    TREATMENT_FIRST,
    check_choices,
    check_count,
    check_weights,
    model_words,
)
from equipoise.estimators.trial_panel import EFFECTS, TOTAL, Panel, PanelRoles, end_of_competing, outcome_of, read_panel
from equipoise.estimators.trial_strategies import Strategies, Strategy, read_strategies
from equipoise.estimators.trial_terms import TimeTerms
from equipoise.estimators.trial_weighting import (
    STRATEGY,
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
from equipoise.kernels.trial_clones import clone_trials
from equipoise.kernels.trial_rows import LONG, Trials, TrialWeights, free_weights, no_weights

PER_PROTOCOL, AS_ASSIGNED = "per_protocol", "as_assigned"
LONGEST = 2**31 - 2
ANYTHING = 0  # row of the factors where every treatment is allowed


@dataclass(frozen=True, slots=True, eq=False)
class ClonePlan:
    """How clones are made from a panel.

    With `events_first`, what a person does in an interval decides from the next one on: a clone counts the interval in
    which it deviates, treatment is modelled among those who are still there at the end of its interval, and its
    probability enters the weights of the next.
    """

    panel: Panel
    strategies: Strategies
    effect: str
    model: ModelTerms
    weights: WeightTerms
    periods: tuple[float, float]
    horizon: int
    events_first: bool = False

    @property
    def persons(self) -> int:
        return self.panel.persons

    @property
    def words(self) -> str:
        return f"Clone, censor, weight, per protocol, {model_words(self.model.cox)}"

    @property
    def starts(self) -> np.ndarray:
        """Rows of time zero, bool (N,)."""
        own = self.panel
        return own.eligible & own.in_study & (own.period >= self.periods[0]) & (own.period <= self.periods[1])

    def clones(self, end: np.ndarray) -> tuple[Trials, np.ndarray]:
        """The clones, whose rows end before `end` int64 (G,), and the rows in which one of them could deviate."""
        own, asked = self.panel, self.strategies
        found = clone_trials(own.first, end, self.starts, own.treatment, asked.triggers, asked.rules, self.horizon)
        return (_to_the_end_of_the_interval(found[0], end, self.horizon), found[1]) if self.events_first else found

    def assemble(self, times: np.ndarray) -> Assembly:
        """Clones of persons who count `times` (G,)."""
        own = self.panel
        y, end = outcome_of(own, self.effect)
        clones, _ = self.clones(end)
        weights, models = self.row_weights(times)
        weights = truncated(clones, weights, self.weights.truncation)
        others = self.clones(end_of_competing(own))[0] if self.effect == TOTAL and len(own.competing) else None
        arms = tuple(f"strategy[{name}]" for name in self.strategies.names[1:])
        naming = Naming(self.strategies.names, arms, arms)
        baseline = Trials(*(column[clones.arm == 0] for column in clones))
        parts = Parts(own, self.model, naming, clones, others, weights, models, y, baseline)
        return assembled(parts, self._states, times)

    def positivity(self) -> dict[str, list]:
        return positivity_of(self.panel, self._deviates())

    def _states(self, rows: np.ndarray) -> States:
        return states_by_arm(self.model, tuple(f"strategy[{name}]" for name in self.strategies.names[1:]), rows)

    def _deviates(self) -> np.ndarray:
        return self.clones(self.panel.last + 1)[1]

    def row_weights(self, times: np.ndarray) -> tuple[TrialWeights, tuple[WeightModel, ...]]:
        """Inverse probabilities of what a strategy allows in a row, and of staying in the study."""
        own, given, n_arms = self.panel, self.weights, len(self.strategies.names)
        if given.treatment_denominator is None and given.censoring_denominator is None:
            return no_weights(n_arms)._replace(times=all_or_counts(times)), ()
        counted, stays, models = np.repeat(times, np.diff(own.first)), np.ones(len(own)), []
        if given.censoring_denominator is not None:
            rows, treated = self._followed(), own.previous if self.events_first else own.treatment
            below = uncensored_probabilities(own, given.censoring_denominator, rows, counted, "denominator", treated)
            kept = np.ones(len(own))
            if given.censoring_numerator is not None:
                above = uncensored_probabilities(own, given.censoring_numerator, rows, counted, "numerator", treated)
                kept, models = above.values[:, 0], [*above.models]
            stays = ratio_of(kept, below.values[:, 0])
            models += below.models
        if given.treatment_denominator is None:
            kinds = np.zeros((n_arms, 4), np.int64)
            return free_weights(stays[None, :], kinds, all_or_counts(times)), tuple(models)
        at_risk = self._deviates() & ~own.left if self.events_first else self._deviates()
        below = treatment_probabilities(own, given.treatment_denominator, at_risk, at_risk, counted, "denominator")
        above = None
        if given.treatment_numerator is not None:
            above = treatment_probabilities(own, given.treatment_numerator, at_risk, at_risk, counted, "numerator")
            models += above.models
        factor, kinds = self._factors(below.values, None if above is None else above.values, stays)
        models += below.models
        return free_weights(factor, kinds, all_or_counts(times)), tuple(models)

    def _followed(self) -> np.ndarray:
        """Rows from the first time zero on, bool (N,)."""
        begun = np.maximum.accumulate(np.where(self.starts, np.arange(len(self.panel)), -1))
        return self.panel.in_study & (begun >= np.repeat(self.panel.first[:-1], np.diff(self.panel.first)))

    def _factors(self, below: np.ndarray, above: np.ndarray | None, stays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A row of factors for each set of treatments that some strategy allows, and which part of a clone takes it."""
        sets: dict[tuple[int, ...], int] = {(): ANYTHING}
        factors, kinds = [stays], np.zeros((len(self.strategies.names), 4), np.int64)
        for arm, value in enumerate(self.strategies.rules.value.tolist()):
            for part, allowed in enumerate(((0,), tuple(sorted({0, value})), (value,))):
                if allowed not in sets:
                    sets[allowed] = len(factors)
                    wanted = np.ones(len(stays)) if above is None else above[:, allowed].sum(axis=1)
                    factors.append(stays * self._counting(ratio_of(wanted, below[:, allowed].sum(axis=1))))
                kinds[arm, part] = sets[allowed]
        return np.stack(factors), kinds

    def _counting(self, ratio: np.ndarray) -> np.ndarray:
        """Ratios float64 (N,) of what is done in a row, in the rows whose weights they enter."""
        if not self.events_first:
            return ratio
        return np.where(self.starts, 1.0, self.panel.lagged(ratio))


def _to_the_end_of_the_interval(clones: Trials, end: np.ndarray, horizon: int) -> Trials:
    """Clones that count the interval in which they deviate, if the person is there, and do what it allows one later."""
    there = np.minimum(end[clones.person] - clones.start, horizon)
    length = np.minimum(clones.length + 1, np.maximum(there, 0)).astype(clones.length.dtype)
    return clones._replace(length=length, cut=np.minimum(clones.cut, LONG - 1) + 1)


def fit_clone_censor_weight(
    panel: Any,
    *,
    person: Any,
    period: Any,
    treatment: Any,
    eligible: Any,
    outcome: Any,
    strategies: Mapping[str, Strategy | str | int],
    grace: int = 0,
    censored: Any = None,
    competing: Any = None,
    estimand: str = PER_PROTOCOL,
    competing_effect: str = TOTAL,
    covariates: Sequence[str] | str = (),
    modifiers: Sequence[str] = (),
    model: str = POOLED_LOGISTIC,
    trial_terms: TimeTerms = "none",
    follow_up_terms: TimeTerms = "quadratic",
    arm_by_follow_up: bool = True,
    treatment_numerator: Sequence[str] | str | None = None,
    treatment_denominator: Sequence[str] | str | None = None,
    censoring_numerator: Sequence[str] | str | None = None,
    censoring_denominator: Sequence[str] | str | None = None,
    truncate: tuple[float, float] | None = None,
    truncate_over: str = STRATEGY,
    first_period: int | None = None,
    last_period: int | None = None,
    max_follow_up: int | None = None,
    order: str = TREATMENT_FIRST,
    conf_level: float = 0.95,
) -> TrialFit:
    """Strategies with a grace period, by copies of every person that are followed while they keep to their strategy.

    At time zero each person is copied once for each strategy. A copy is censored before the interval in which what the
    person does is no longer allowed (`order`); an event before that, also within the grace period and before treatment
    starts, counts for every strategy that is still followed. Weights make up for this censoring.

    panel … competing_effect  as in `fit_sequential_trials`; `eligible` marks time zero, once or more a person; the
                first level of treatment is "no treatment"
    strategies  by name, the reference strategy first: a level of treatment, or a `Strategy` (grace period of its own,
                kept afterwards or not, dependent on a time-varying condition)
    grace       the last interval, counted from 0, in which treatment may start: 0 asks for it in the first interval
    estimand    "per_protocol". Copies do not differ at time zero, so that there is no as-assigned effect:
                "as_assigned" answers with NOT_DEFINED
    treatment_denominator, treatment_numerator  covariates of pooled logistic models of treatment, separately by the
                treatment before, in rows in which some copy could deviate. The weight of a row is the inverse of the
                probability of what the strategy allows there: of starting, in the last interval of the grace period
                only. Without a numerator weights are not stabilised
    truncate    percentiles between which weights are held, such as (1, 99); `truncate_over`: "strategy", those of each
                strategy by itself, or "everybody", those of all copies, which cut the weights of a strategy that few
                keep to
    order       within an interval: "treatment_first", it is decided before anything else happens, and who dies
                untreated in the last interval of the grace period had not started; "events_first", it is decided by
                those who are still there when the interval ends. A copy is then censored after the interval in which
                the person deviates, and a death in any interval of the grace period counts for every strategy. Right
                for intervals cut out of days, in which whoever dies early had less time to start
    censoring_denominator, censoring_numerator, covariates, modifiers, model, trial_terms, follow_up_terms,
    arm_by_follow_up, first_period, last_period, max_follow_up  as in `fit_sequential_trials`

    Returns a `TrialFit`, with the copies of a person in one cluster. A strategy that nobody follows is ONE_ARM_EMPTY.

    Raises DesignError for strategies that are the same, that nobody could follow, or whose grace period is longer than
    any follow-up, and as `fit_sequential_trials`.

    Source: Cain, Robins, Lanoy, et al., International Journal of Biostatistics 2010;6(2):18; Hernán, BMJ 2018;360:k182;
    Maringe, Benitez Majano, Exarchakou, et al., International Journal of Epidemiology 2020;49:1719.

    Example:
        >>> from equipoise import fit_clone_censor_weight
        >>> panel = {
        ...     "id": [1, 1, 2, 2, 3, 3, 4, 5, 5],
        ...     "month": [0, 1, 0, 1, 0, 1, 0, 0, 1],
        ...     "drug": [0, 0, 0, 1, 1, 1, 0, 0, 0],
        ...     "new": [1, 0, 1, 0, 1, 0, 1, 1, 0],
        ...     "died": [0, 0, 0, 0, 0, 1, 1, 0, 1],
        ... }
        >>> fit = fit_clone_censor_weight(
        ...     panel, person="id", period="month", treatment="drug", eligible="new", outcome="died",
        ...     strategies={"never": 0, "start": 1}, grace=1, follow_up_terms="none",
        ... )
        >>> fit.rows, fit.events  # never: 2 + 1 + 0 + 1 + 2 rows; start: 1 + 2 + 2 + 1 + 1 rows
        (13, 4)
    """
    check_choices(
        {
            "estimand": (estimand, (PER_PROTOCOL, AS_ASSIGNED)),
            "competing_effect": (competing_effect, EFFECTS),
            "model": (model, MODELS),
            "order": (order, ORDERS),
        }
    )
    check_weights(False, censored, treatment_numerator, treatment_denominator, censoring_numerator,
                  censoring_denominator)  # fmt: skip
    read = read_panel(panel, PanelRoles(person, period, treatment, outcome, eligible, censored, competing))
    horizon = LONGEST if max_follow_up is None else check_count("max_follow_up", max_follow_up)
    plan = ClonePlan(
        read,
        read_strategies(read, strategies, grace, horizon),
        competing_effect,
        ModelTerms(covariates, tuple(modifiers), trial_terms, follow_up_terms, bool(arm_by_follow_up), model == COX),
        WeightTerms(
            treatment_numerator,
            treatment_denominator,
            censoring_numerator if censoring_numerator is not None else (),
            censoring_denominator,
            check_truncation(truncate, truncate_over),
            "",
        ),
        (-np.inf if first_period is None else first_period, np.inf if last_period is None else last_period),
        horizon,
        order == EVENTS_FIRST,
    )
    if plan.events_first and int(np.count_nonzero(plan.starts)) > len(np.unique(read.person[plan.starts])):
        found = f"order = {EVENTS_FIRST!r} with persons of several time zeros"
        raise UnsupportedError(Fault("eligible", found, "one time zero a person", f"use order = {TREATMENT_FIRST!r}"))
    undefined = Reason.NOT_DEFINED if estimand == AS_ASSIGNED else None
    return fit_of(plan, check_conf_level(conf_level), read.source.frame_kind, undefined)
