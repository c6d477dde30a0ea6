"""The parametric g-formula: `fit_g_formula`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.errors import DesignError, Fault, Reason, UnsupportedError
from equipoise.estimators.fit import check_conf_level
from equipoise.estimators.trial_bootstrap import TrialBootstrap, bootstrap
from equipoise.estimators.trial_g_models import (
    BINARY,
    History,
    Layout,
    Names,
    at_rows,
    columns_for,
    history_of,
    lay_out,
    regress,
)
from equipoise.estimators.trial_g_simulation import Case, Models, simulate
from equipoise.estimators.trial_options import (
    EVENTS_FIRST,
    ORDERS,
    TREATMENT_FIRST,
    check_choices,
    check_count,
    check_penalty,
)
from equipoise.estimators.trial_panel import EFFECTS, TOTAL, Panel, PanelRoles, outcome_of, read_panel
from equipoise.estimators.trial_risks import TrialRisks, read_times
from equipoise.estimators.trial_strategies import Strategies, Strategy, read_strategies
from equipoise.estimators.trial_terms import TimeTerms
from equipoise.kernels.philox import uniforms

STREAM = 0x67706F70  # "gpop": draws of the people who are simulated
NATURAL = "natural course"
NO_VARIANCE = "none: call bootstrap"
LONGEST = 2**31 - 2


@dataclass(frozen=True, slots=True, eq=False)
class GPlan:
    """What the models of a g-formula are fitted to, and how people are simulated."""

    panel: Panel
    strategies: Strategies
    effect: str
    fixed: Any
    varying: Mapping[str, str]
    modifiers: tuple[str, ...]
    follow_up: TimeTerms
    treatment: str
    horizon: int
    simulations: int
    seed: int
    penalty: float = 0.0
    events_first: bool = False

    def history(self) -> tuple[History, Names]:
        """Rows from time zero on, within the horizon."""
        h, terms = history_of(self.panel, self.fixed, self.varying)
        kinds = tuple(self.varying.values())
        names = Names(self.treatment, self.panel.levels, terms, tuple(self.varying), kinds, self.modifiers)
        absent = [m for m in self.modifiers if m not in (*terms, *self.varying)]
        if absent:
            fault = Fault(f"modifier {absent[0]!r}", "not a term of the covariates", ", ".join((*terms, *self.varying)))
            raise DesignError(fault)
        return at_rows(h, h.k < self.horizon), names

    def rows(self) -> "GRows":
        """What the models are fitted to."""
        return GRows(self, *self.history())

    def people(self, h: History, times: np.ndarray) -> tuple[History, np.ndarray]:
        """Whom to simulate, with weights: everybody once where nothing is drawn, else draws with replacement."""
        at = np.flatnonzero(h.k == 0)
        weight = times[h.person[at]]
        if not self.varying and not self.leaves_open:
            return at_rows(h, at), weight
        reached = np.cumsum(weight)
        draw = uniforms(self.seed, STREAM, np.arange(self.simulations)) * (reached[-1] if len(reached) else 0.0)
        chosen = at[np.searchsorted(reached, draw, side="right")] if len(at) else at
        return at_rows(h, chosen), np.ones(len(chosen))

    @property
    def leaves_open(self) -> bool:
        """Whether some strategy leaves treatment open in some interval."""
        rules = self.strategies.rules
        return bool(((rules.grace > 0) & (rules.value > 0)).any() or (~rules.sustained).any())


class GRows:
    """The rows of every model, laid out once: persons who are drawn anew change weights alone."""

    def __init__(self, plan: GPlan, history: History, names: Names):
        self.plan, self.history, self.names = plan, history, names
        self._later = np.flatnonzero(history.k > 0)
        y, end = outcome_of(plan.panel, plan.effect)
        self._outcome = self._at_risk(history.row < end[history.person], y)
        censored = plan.panel.censored
        stays = censored[history.row] == 0 if len(censored) else np.ones(len(history.k), np.bool_)
        has_others = plan.effect == TOTAL and len(plan.panel.competing) > 0
        self._competing = self._at_risk(stays, plan.panel.competing) if has_others else None
        self._layout: Layout | None = None

    def _at_risk(self, among: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows that can hold an event, and whether they do."""
        at = np.flatnonzero(among)
        return at, event[self.history.row[at]].astype(np.float64)

    def _laid_out(self, times: np.ndarray) -> Layout:
        """Columns of every model; made anew only where the functions of the interval depend on the draw."""
        h = self.history
        rows = np.bincount(h.k, times[h.person], minlength=1)
        columns = columns_for(self.names, self.plan.follow_up, len(rows), rows)
        if self._layout is None or not np.array_equal(self._layout.columns.time, columns.time):
            competing = None if self._competing is None else self._competing[0]
            self._layout = lay_out(columns, h, self._later, self._outcome[0], competing, self.plan.events_first)
        return self._layout

    def fit(self, times: np.ndarray) -> Models:
        """All models, of persons who count `times` (G,)."""
        own, h, given = self.plan, self.history, self._laid_out(times)
        weight = times[h.person]
        held, varying = [], []
        for j, (name, kind) in enumerate(own.varying.items()):
            now, before, counted = (column[self._later] for column in (h.varying[:, j], h.before[:, j], weight))
            values = held_values(before, now, counted) if kind == BINARY else ()
            varying.append(regress(name, kind, given.varying[j], now, counted * ~np.isin(before, values), own.penalty))
            held.append(values)
        kept = self._kept(weight)
        free = weight * ~np.isin(h.treated_before, kept)
        if own.events_first:
            free = free * ~own.panel.left[h.row]  # who leaves in an interval decides nothing in it
        levels = own.panel.levels
        treatment = [
            regress(f"{own.treatment} above {levels[level]}", BINARY, given.treatment, (h.treatment > level) * 1.0,
                    free * (h.treatment >= level), own.penalty)
            for level in range(len(levels) - 1)
        ]  # fmt: skip
        at, y = self._outcome
        outcome = regress("outcome", BINARY, given.outcome, y, weight[at], own.penalty)
        competing = None
        if self._competing is not None and given.competing is not None:
            at, y = self._competing
            competing = regress("competing event", BINARY, given.competing, y, weight[at], own.penalty)
        order = given.columns, tuple(varying), tuple(treatment), outcome, competing, kept, tuple(held)
        return Models(*order, own.events_first)

    def _kept(self, weight: np.ndarray) -> tuple[int, ...]:
        """Levels of treatment, beside the reference, that somebody has and nobody leaves: once started, for ever."""
        found = held_values(self.history.treated_before, self.history.treatment, weight)
        return tuple(int(level) for level in found if level > 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class GFormula:
    """A fitted g-formula. `models` holds every regression, in the order in which an interval unfolds."""

    plan: GPlan
    models: Models
    followed: tuple[TrialRisks, TrialRisks]
    conf_level: float

    @property
    def reason(self) -> Reason | None:
        """Why there are no risks under the strategies, None where there are."""
        return self.followed[0].reason

    def risks(self, times: Sequence[int] | None = None) -> TrialRisks:
        """Risks under every strategy by the end of the intervals asked for (from 0), all by default.

        Standard errors and limits are nan: they come from `bootstrap`.
        """
        return _at(self.followed[0], times)

    def natural_course(self, times: Sequence[int] | None = None) -> TrialRisks:
        """Risks with treatment left to its model: near those observed, where the models hold."""
        return _at(self.followed[1], times)

    def bootstrap(
        self, replicates: int, *, times: Sequence[int] | None = None,
        progress: Callable[[int, int], None] | None = None, first: int = 0,
    ) -> TrialBootstrap:  # fmt: skip
        """Persons drawn anew, every model fitted anew; draws follow from the seed of the fit and `first`, the number of
        the first replicate."""
        point, plan = self.risks(times), self.plan

        rows = plan.rows()

        def again(counts: np.ndarray) -> tuple[np.ndarray, TrialRisks]:
            models = rows.fit(counts)
            found = _follow_strategies(plan, models, rows.history, counts, self.conf_level)
            return models.outcome.coefficients, _at(found, times)

        terms = self.models.outcome.terms
        return bootstrap(again, point, terms, plan.panel.persons, replicates, plan.seed, progress, first)


def held_values(before: np.ndarray, now: np.ndarray, weight: np.ndarray) -> tuple[float, ...]:
    """Values that somebody who counts had in the interval before, and that all of them still have."""
    counted = weight > 0.0
    left = set(np.unique(before[counted & (before != now)]).tolist())
    return tuple(float(value) for value in np.unique(before[counted]).tolist() if value not in left)


def _at(whole: TrialRisks, times: Sequence[int] | None) -> TrialRisks:
    at = read_times(times, len(whole.times))
    return replace(
        whole, times=at, risk=whole.risk[:, at], survival=whole.survival[:, at], covariance=whole.covariance[..., at]
    )


def _follow(
    plan: GPlan, models: Models, h: History, times: np.ndarray, conf_level: float
) -> tuple[TrialRisks, TrialRisks]:
    """Risks of the strategies and of the natural course."""
    people, weight = plan.people(h, times)
    natural = simulate(models, people, weight, [Case(None)], plan.seed, True)
    own = _follow_strategies(plan, models, h, times, conf_level)
    return own, _risks((NATURAL,), natural, _reason(models, h, True), conf_level, plan.panel.source.frame_kind)


def _follow_strategies(plan: GPlan, models: Models, h: History, times: np.ndarray, conf_level: float) -> TrialRisks:
    people, weight = plan.people(h, times)
    names, drawn = plan.strategies.names, bool(plan.varying) or plan.leaves_open
    cases = [Case(plan.strategies.rules, place) for place in range(len(names))]
    arms = simulate(models, people, weight, cases, plan.seed, drawn)
    return _risks(names, arms, _reason(models, h, plan.leaves_open), conf_level, plan.panel.source.frame_kind)


def _risks(names: tuple[str, ...], found: list[Any], reason: Reason | None, conf_level: float, kind: str) -> TrialRisks:
    risk, survival = (np.stack([getattr(one, what) for one in found]) for what in ("risk", "survival"))
    if reason is not None:
        risk, survival = np.full_like(risk, np.nan), np.full_like(survival, np.nan)
    covariance = np.full((len(names), *risk.shape), np.nan)
    times = np.arange(risk.shape[1])
    return TrialRisks(names, times, risk, survival, covariance, reason, NO_VARIANCE, conf_level, kind)


def _reason(models: Models, h: History, drawn: bool) -> Reason | None:
    """Why there are no risks, or None; the treatment's models count where treatment is drawn."""
    if not len(h.k) or models.outcome.high == 0.0:
        return Reason.NO_EVENTS
    used = [model for model in models.all if drawn or model not in models.treatment]
    return next((model.reason for model in used if model.reason is not None), None)


def fit_g_formula(
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
    covariates: Sequence[str] | str = (),
    time_varying: Mapping[str, str] | None = None,
    modifiers: Sequence[str] = (),
    follow_up_terms: TimeTerms = "quadratic",
    max_follow_up: int | None = None,
    simulations: int = 10_000,
    seed: int = 0,
    penalty: float = 0.0,
    order: str = TREATMENT_FIRST,
    conf_level: float = 0.95,
) -> GFormula:
    """Risks had everybody followed a strategy, by models of all that happens between time zero and the outcome.

    panel … grace, censored … competing_effect  as in `fit_clone_censor_weight`; time zero is a person's first eligible
                row. A strategy's `when` has to be a binary time-varying covariate
    covariates  values at time zero, in every model
    time_varying  columns in the order in which they change within an interval, before treatment is decided, each
                "binary" (logistic model) or "normal" (linear model, drawn values held within those observed). A model
                has the interval, covariates, time-varying ones of now that stand before it, all of them and treatment
                in the interval before
    modifiers   covariates of either kind whose products with treatment enter the models of the events
    follow_up_terms  as in `fit_sequential_trials`, in all models
    simulations, seed  people drawn (Philox) from those at time zero and followed through the models. Without
                time-varying covariates and open choices nothing is drawn: everybody counts once

    penalty     of logistic models, on squared slopes of standardised columns: a normal prior with this precision, under
                which no model separates; 0 is maximum likelihood
    order       as in `fit_clone_censor_weight`; with "events_first" the models of the events have treatment in the
                interval before, and treatment is modelled among those whom the interval's events leave

    Treatment is modelled as well (covariates now, treatment before; one that nobody ever leaves is kept): a strategy
    that leaves it open, as in a grace period, draws from its model among what it allows, and `natural_course` shows how
    well the models follow the data. A binary covariate that nobody leaves once it is reached is held, too.

    Returns a `GFormula`: `risks()`, `natural_course()`, `models`, `bootstrap()` for standard errors and limits. A model
    that separates or does not converge leaves the risks nan with its reason.

    Raises DesignError and UnsupportedError as `fit_clone_censor_weight`.

    Source: Robins, Mathematical Modelling 1986;7:1393; Young, Cain, Robins, et al., Statistics in Biosciences
    2011;3:119.

    Example:
        >>> from equipoise import fit_g_formula
        >>> people = {"id": list(range(8)), "month": [0] * 8, "drug": [1, 1, 0, 0] * 2, "new": [1] * 8}
        >>> people |= {"died": [1, 0, 0, 0, 1, 1, 1, 0]}
        >>> fit = fit_g_formula(
        ...     people, person="id", period="month", treatment="drug", eligible="new", outcome="died",
        ...     strategies={"never": 0, "always": 1}, follow_up_terms="none",
        ... )
        >>> fit.risks().risk.round(6).tolist()
        [[0.25], [0.75]]
    """
    check_choices({"competing_effect": (competing_effect, EFFECTS), "order": (order, ORDERS)})
    read = read_panel(panel, PanelRoles(person, period, treatment, outcome, eligible, censored, competing))
    horizon = LONGEST if max_follow_up is None else check_count("max_follow_up", max_follow_up)
    varying = dict(time_varying or {})
    plan = GPlan(
        read,
        _on_covariates(read_strategies(read, strategies, grace, horizon), strategies, varying),
        competing_effect,
        covariates,
        varying,
        tuple(modifiers),
        follow_up_terms,
        treatment if isinstance(treatment, str) else "treatment",
        horizon,
        check_count("simulations", simulations),
        seed,
        check_penalty(penalty),
        order == EVENTS_FIRST,
    )
    level, once, rows = check_conf_level(conf_level), np.ones(read.persons), plan.rows()
    models = rows.fit(once)
    return GFormula(plan, models, _follow(plan, models, rows.history, once, level), level)


def _on_covariates(read: Strategies, given: Mapping[str, Any], varying: Mapping[str, str]) -> Strategies:
    """Strategies whose conditions are positions among the time-varying covariates, which can be simulated."""
    wanted = [s.when if isinstance(s, Strategy) else None for s in given.values()]
    known = [name for name, kind in varying.items() if kind == "binary"]
    absent = [name for name in wanted if name is not None and name not in known]
    if absent:
        allowed = ", ".join(known) or "none"
        raise UnsupportedError(Fault(f"when {absent[0]!r}", "no binary time-varying covariate", allowed))
    trigger = np.array([-1 if name is None else list(varying).index(name) for name in wanted], np.int64)
    return replace(read, rules=read.rules._replace(trigger=trigger))
