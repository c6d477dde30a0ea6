"""Doubly robust risks of treatment strategies: `fit_doubly_robust`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.trial_clones import LONGEST, ClonePlan
from equipoise.estimators.trial_columns import ModelTerms
from equipoise.estimators.trial_g_models import first_start
from equipoise.estimators.trial_options import EVENTS_FIRST, ORDERS, TREATMENT_FIRST, check_choices, check_count
from equipoise.estimators.trial_panel import (
    COMPOSITE,
    TOTAL,
    Panel,
    PanelRoles,
    end_of_competing,
    outcome_of,
    read_panel,
)
from equipoise.estimators.trial_regressions import Followed, followed_of, regressed_back
from equipoise.estimators.trial_risks import TrialRisks, read_times
from equipoise.estimators.trial_strategies import Strategy, read_strategies
from equipoise.estimators.trial_weighting import STRATEGY, WeightModel, WeightTerms, check_truncation, truncated

OFFERED = (TOTAL, COMPOSITE)
VARIANCE = "influence function, robust to persons"


@dataclass(frozen=True, slots=True, eq=False)
class DoublyRobust:
    """Doubly robust risks. `weight_models` are those of treatment and loss, which hold for all strategies."""

    followed: TrialRisks
    weight_models: tuple[WeightModel, ...]
    persons: int

    @property
    def reason(self) -> Reason | None:
        """Why there are no risks, None where there are."""
        return self.followed.reason

    def risks(self, times: Sequence[int] | None = None) -> TrialRisks:
        """Risks under every strategy by the end of the intervals asked for, of those fitted; all by default.

        nan where fewer than five persons had the event after the strategy asked for something.
        """
        whole = self.followed
        if times is None:
            return whole
        wanted = np.unique(np.asarray(times))
        at = np.flatnonzero(np.isin(whole.times, wanted))
        if len(at) < len(wanted):
            known = ", ".join(str(time) for time in whole.times.tolist())
            raise DesignError(Fault("times", "not all among those that were fitted", known))
        return replace(
            whole, times=whole.times[at], risk=whole.risk[:, at], survival=whole.survival[:, at],
            covariance=whole.covariance[:, :, at],
        )  # fmt: skip


def fit_doubly_robust(
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
    competing_effect: str = TOTAL,
    covariates: Sequence[str] = (),
    time_varying: Sequence[str] = (),
    treatment_terms: Sequence[str] = (),
    treatment_covariates: Sequence[str] | None = None,
    truncate: tuple[float, float] | None = None,
    truncate_over: str = STRATEGY,
    times: Sequence[int] | None = None,
    max_follow_up: int | None = None,
    order: str = TREATMENT_FIRST,
    conf_level: float = 0.95,
) -> DoublyRobust:
    """Risks had everybody followed a strategy, right if the models of treatment and loss, or of the outcome, are.

    For each strategy and time the outcome is regressed back, interval by interval, on what is known at the beginning of
    the interval, among those who keep to the strategy and are not lost in it; the regressions carry the inverse
    probabilities of having done so up to then as weights, and their intercepts are not penalised, so that the weighted
    residuals add up to zero. The mean prediction at time zero is then the augmented inverse-probability-weighted
    estimate. In a grace period, treatment follows those who keep to the strategy, as with clones.

    panel … grace, censored, competing  as in `fit_clone_censor_weight`; time zero is a person's first eligible row. A
                person whose rows end before the longest follow-up needs an event or a loss in the last of them
    competing_effect  "total" or "composite"
    covariates  values at time zero; `time_varying`  columns read in every row. Both are in all models of the outcome
    treatment_covariates  columns of the models of treatment and loss, read in every row; all covariates where left out
    treatment_terms  further columns of these models, such as functions of the interval
    truncate, truncate_over, order  as in `fit_clone_censor_weight`
    times       intervals, from 0, by whose ends risks are given; all where none are named. One time costs as many
                regressions as it has intervals before it

    Returns a `DoublyRobust`, whose `risks()` have standard errors by the influence function: right where both kinds of
    models are, and usually a little wide where the models of the outcome are not.

    Raises DesignError and UnsupportedError as `fit_clone_censor_weight`.

    Source: Bang & Robins, Biometrics 2005;61:962; Robins, Sued, Lei-Gomez, Rotnitzky, Statistical Science 2007;22:544;
    van der Laan & Gruber, International Journal of Biostatistics 2012;8(1):9.

    Example:
        >>> from equipoise import fit_doubly_robust
        >>> people = {"id": list(range(40)), "month": [0] * 40, "drug": [1, 1, 0, 0] * 10, "new": [1] * 40}
        >>> people |= {"died": [1, 0, 0, 0, 1, 1, 1, 0] * 5}
        >>> fit = fit_doubly_robust(
        ...     people, person="id", period="month", treatment="drug", eligible="new", outcome="died",
        ...     strategies={"never": 0, "always": 1},
        ... )
        >>> fit.risks().risk.round(6).tolist()
        [[0.25], [0.75]]
    """
    check_choices({"competing_effect": (competing_effect, OFFERED), "order": (order, ORDERS)})
    read = read_panel(panel, PanelRoles(person, period, treatment, outcome, eligible, censored, competing))
    horizon = LONGEST if max_follow_up is None else check_count("max_follow_up", max_follow_up)
    read = replace(read, eligible=np.arange(len(read)) == np.repeat(first_start(read), np.diff(read.first)))
    horizon = min(horizon, int((np.repeat(read.first[1:], np.diff(read.first)) - np.arange(len(read))).max()))
    _refuse_open_ends(read, horizon)
    for name, given in (("covariates", covariates), ("time_varying", time_varying),
                        ("treatment_covariates", treatment_covariates)):  # fmt: skip
        if isinstance(given, str):
            raise DesignError(Fault(name, "one text", "a list of names of columns"))
    known = [*covariates, *time_varying] if treatment_covariates is None else treatment_covariates
    below = [*treatment_terms, *known]
    plan = ClonePlan(
        read,
        read_strategies(read, strategies, grace, horizon),
        competing_effect,
        ModelTerms((), (), "none", "none", False),
        WeightTerms(
            None, below, None, below if len(read.censored) else None, check_truncation(truncate, truncate_over), ""
        ),
        (-np.inf, np.inf),
        horizon,
        order == EVENTS_FIRST,
    )  # fmt: skip
    wanted = read_times(times, horizon)
    x = np.hstack([_at_start(read, covariates), read.columns(tuple(time_varying))[0]])
    return _fitted(plan, x, wanted, check_conf_level(conf_level))


def _at_start(panel: Panel, covariates: Any) -> np.ndarray:
    """Values at each person's time zero in all rows from then on, float64 (N, p)."""
    x, _ = panel.columns(covariates)
    start = np.minimum(first_start(panel), len(panel) - 1)
    return x[np.repeat(start, np.diff(panel.first))]


def _refuse_open_ends(panel: Panel, horizon: int) -> None:
    """Persons whose rows end before the horizon without an event or loss: what became of them is not known."""
    start = first_start(panel)
    rows = panel.first[1:] - start
    left = panel.outcome[panel.last] != 0
    for flag in (panel.censored, panel.competing):
        left = left | (flag[panel.last] != 0) if len(flag) else left
    open_ends = int(np.count_nonzero((start < len(panel)) & ~left & (rows < horizon)))
    if open_ends:
        found = f"{open_ends:,} persons whose rows end before {horizon:,} intervals without an event"
        remedy = "mark the interval in which they are lost as censored, or shorten max_follow_up"
        raise DesignError(Fault("panel", found, "an event or a loss in the last row", remedy))


def _fitted(plan: ClonePlan, x: np.ndarray, times: np.ndarray, conf_level: float) -> DoublyRobust:
    panel, names = plan.panel, plan.strategies.names
    y, end = outcome_of(panel, plan.effect)
    if plan.effect == TOTAL:
        end = end_of_competing(panel)
    clones, _ = plan.clones(end)
    weights, models = plan.row_weights(np.ones(plan.persons))
    weights = truncated(clones, weights, plan.weights.truncation)
    risk, influence = np.full((len(names), len(times)), np.nan), []
    for arm in range(len(names)):
        own = followed_of(panel, clones, weights, arm, y, x, _waits(plan, arm), plan.events_first)
        value, moved = _of_arm(own, times)
        risk[arm] = value
        influence.append(moved)
    moves = np.stack(influence)  # (A, persons, times)
    n = max(moves.shape[1], 1)
    covariance = np.einsum("apt,bpt->abt", moves, moves) / n**2
    nothing = Reason.NO_EVENTS if not (y[plan.panel.in_study] != 0).any() else None
    if nothing is not None:
        risk, covariance = np.full_like(risk, np.nan), np.full_like(covariance, np.nan)
    survival = 1.0 - risk if plan.effect == COMPOSITE or not len(panel.competing) else np.full_like(risk, np.nan)
    risks = TrialRisks(names, times, risk, survival, covariance, nothing, VARIANCE, conf_level, panel.source.frame_kind)
    return DoublyRobust(risks, models, moves.shape[1])


def _waits(plan: ClonePlan, arm: int) -> int:
    """Intervals in which a strategy asks for nothing yet: those of grace of one that starts something."""
    rules, late = plan.strategies.rules, int(plan.events_first)
    return late + (int(rules.grace[arm]) if rules.value[arm] > 0 else 0)


def _of_arm(own: Followed, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Risks (T,) and influences (persons, T) of one strategy; nan where too few are followed that long."""
    risk, moved = np.full(len(times), np.nan), np.full((len(own.start), len(times)), np.nan)
    for at, time in enumerate(times.tolist()):
        answer = regressed_back(own, time)
        if answer is not None:
            risk[at], moved[:, at] = answer
    return risk, moved
