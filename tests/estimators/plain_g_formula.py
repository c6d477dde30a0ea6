"""A plain second way through the models of a g-formula: whole designs laid out anew in every interval."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from equipoise.estimators.trial_g_models import BINARY, History
from equipoise.estimators.trial_g_simulation import MOST_VARIABLES, STREAM, Models
from equipoise.kernels.philox import uniforms
from equipoise.kernels.trial_clones import Rules

NOT_CALLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Who has started what the strategy asks for, bool (n,), and the last interval to start in, int64 (n,)."""

    started: np.ndarray
    due: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """risk and survival (K,), the mean over people with weight."""

    risk: np.ndarray
    survival: np.ndarray


def simulate(
    models: Models, people: History, weight: np.ndarray, rules: Rules | None, strategy: int, horizon: int, seed: int
) -> Followed:
    """Risks by the end of each interval under a strategy; with no rules, of the natural course.

    Covariates, and treatment where the strategy leaves it open, are drawn; events are not, for their probabilities are
    known. The draws of one person are the same under every strategy.
    """
    n = len(people.treatment)
    world, free, total = people, np.ones(n), np.zeros(n)
    state = State(np.zeros(n, np.bool_), np.full(n, NOT_CALLED))
    kept = weight / max(float(weight.sum()), np.finfo(float).tiny)
    risk, survival = np.empty(horizon), np.empty(horizon)
    for k in range(horizon):
        if k:
            world = replace(world, before=world.varying, treated_before=world.treatment)
            world = _covariates(models, world, k, seed)
        allowed, state = _allowed(models, world, k, rules, strategy, state)
        treatment = _set_or_drawn(models, world, k, seed, allowed)
        if rules is not None:
            state = replace(state, started=state.started | (treatment == rules.value[strategy]))
        world = replace(world, treatment=treatment)
        at_work = replace(world, treatment=world.treated_before) if models.events_first else world
        x, _ = models.columns.of_event(k, at_work)
        d = models.competing.mean(x) if models.competing is not None else 0.0
        h = models.outcome.mean(x)
        total = total + free * (1.0 - d) * h
        free = free * (1.0 - d) * (1.0 - h)
        risk[k], survival[k] = kept @ total, kept @ free
    return Followed(risk, survival)


def _covariates(models: Models, world: History, k: int, seed: int) -> History:
    """Time-varying covariates of interval k, in their order."""
    varying = world.varying.copy()
    for j, model in enumerate(models.varying):
        world = replace(world, varying=varying)
        x, _ = models.columns.of_varying(j, k, world)
        mean, draw = model.mean(x), _draws(len(x), k, j, seed)
        if model.kind == BINARY:
            varying[:, j] = draw < mean
        else:
            varying[:, j] = np.clip(mean + model.spread * ndtri(draw), model.low, model.high)
        for value in models.held[j]:
            varying[world.before[:, j] == value, j] = value
    return replace(world, varying=varying)


def _draws(n: int, k: int, variable: int, seed: int) -> np.ndarray:
    return uniforms(seed, STREAM, np.arange(n), k * MOST_VARIABLES + variable)


def _allowed(
    models: Models, world: History, k: int, rules: Rules | None, strategy: int, state: State
) -> tuple[np.ndarray, State]:
    """The treatments that a strategy allows each person in interval k, bool (n, L); the same rules as for clones."""
    n, n_levels = len(state.started), len(models.columns.names.levels)
    if rules is None:
        return np.ones((n, n_levels), np.bool_), state
    value, grace, sustained, trigger = (column[strategy].item() for column in rules)
    allowed = np.zeros((n, n_levels), np.bool_)
    if value == 0:
        allowed[:, 0] = True
        allowed[:] |= not sustained and k > grace
        return allowed, state
    called = np.ones(n, np.bool_) if trigger < 0 else world.varying[:, trigger] > 0.0
    due = np.where((state.due == NOT_CALLED) & called, k + grace, state.due)
    allowed[:, 0] = ~state.started & ((due == NOT_CALLED) | (k < due))
    allowed[:, value] = state.started | (due != NOT_CALLED)
    if not sustained:
        allowed[state.started] = True
    return allowed, replace(state, due=due)


def _set_or_drawn(models: Models, world: History, k: int, seed: int, allowed: np.ndarray) -> np.ndarray:
    if (allowed.sum(axis=1) == 1).all():
        return allowed.argmax(axis=1)
    return _drawn(models, world, k, seed, allowed)


def _drawn(models: Models, world: History, k: int, seed: int, allowed: np.ndarray) -> np.ndarray:
    """Treatment drawn from its model among the levels allowed bool (n, L)."""
    x, _ = models.columns.of_treatment(k, world)
    left, p = np.ones(len(x)), np.zeros(allowed.shape)
    for level, model in enumerate(models.treatment):
        above = model.mean(x)
        p[:, level] = left * (1.0 - above)
        left = left * above
    p[:, -1] = left
    for level in models.kept:
        p[world.treated_before == level] = np.arange(allowed.shape[1]) == level
    p = np.where(allowed, p, 0.0)
    whole = p.sum(axis=1, keepdims=True)
    p = np.where(whole > 0.0, p / np.where(whole > 0.0, whole, 1.0), allowed / allowed.sum(axis=1, keepdims=True))
    draw = _draws(len(x), k, MOST_VARIABLES - 1, seed)
    return np.minimum((draw[:, None] >= np.cumsum(p, axis=1)).sum(axis=1), allowed.shape[1] - 1)
