"""The models of a g-formula as linear predictors, and a population followed through them under several strategies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from equipoise.estimators.trial_g_models import NORMAL, Columns, History, Regression
from equipoise.kernels.philox import uniforms
from equipoise.kernels.trial_clones import Rules
from equipoise.kernels.trial_paths import Ahead, Drawn, Events, People, follow_people

STREAM = 0x67666F72  # "gfor": draws of simulated covariates and treatments
MOST_VARIABLES = 2**10  # draws of one interval, by variable
BLOCK = 4_096  # people whose draws are held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """All models: of time-varying covariates in their order, of treatment by level, of the events.

    kept  levels of treatment that nobody who had them in one interval left in the next: they are kept, not modelled
    held  the same of each time-varying covariate: values that are held once they are reached
    events_first  whether the events of an interval follow from treatment in the one before
    """

    columns: Columns
    varying: tuple[Regression, ...]
    treatment: tuple[Regression, ...]
    outcome: Regression
    competing: Regression | None
    kept: tuple[int, ...] = ()
    held: tuple[tuple[float, ...], ...] = ()
    events_first: bool = False

    @property
    def ahead(self) -> tuple[Regression, ...]:
        """Models of what is drawn."""
        return (*self.varying, *self.treatment)

    @property
    def events(self) -> tuple[Regression, ...]:
        return (self.outcome,) if self.competing is None else (self.outcome, self.competing)

    @property
    def all(self) -> tuple[Regression, ...]:
        return (*self.ahead, *self.events)


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """risk and survival (K,), the mean over people with weight."""

    risk: np.ndarray
    survival: np.ndarray


@dataclass(frozen=True, slots=True)
class Case:
    """A strategy, by its place among the rules; the natural course without rules."""

    rules: Rules | None
    strategy: int = 0


def simulate(
    models: Models, people: History, weight: np.ndarray, cases: Sequence[Case], seed: int, drawn: bool
) -> list[Followed]:
    """Risks by the end of each interval in each case.

    Covariates, and treatment where it is left open, are drawn; events are not, for their probabilities are known. The
    draws of one person are the same in every case. `drawn` is false where nothing is.
    """
    share = weight / max(float(weight.sum()), np.finfo(float).tiny)
    horizon = len(models.columns.time)
    risk, survival = np.zeros((2, len(cases), horizon))
    for begin in range(0, len(share), BLOCK):
        at = slice(begin, begin + BLOCK)
        block = People(np.ascontiguousarray(people.varying[at].T), people.treated_before[at], share[at])
        fixed = people.fixed[at]
        given = _ahead(models, fixed), _events(models, fixed), _drawn(models, begin, len(fixed), seed, drawn)
        for place, case in enumerate(cases):
            one, other = follow_people(block, *given, case.rules, case.strategy, models.events_first)
            risk[place] += one
            survival[place] += other
    return [Followed(one, other) for one, other in zip(risk, survival, strict=True)]


def _ahead(models: Models, fixed: np.ndarray) -> Ahead:
    """Coefficients: intercept, interval, fixed, covariates of now, covariates before, treatment before."""
    q, p, m = models.columns.time.shape[1], fixed.shape[1], len(models.varying)
    count, levels = len(models.ahead), len(models.columns.names.levels)
    clock, base = np.empty((count, len(models.columns.time))), np.empty((count, len(fixed)))
    now, before, last = np.zeros((count, m)), np.zeros((count, m)), np.zeros((count, levels))
    for row, model in enumerate(models.ahead):
        b = model.coefficients
        clock[row] = b[0] + models.columns.time @ b[1 : 1 + q]
        base[row] = np.einsum("ij,j->i", fixed, b[1 + q : 1 + q + p])
        seen = min(row, m)  # a covariate knows of those before it, treatment of all
        rest = b[1 + q + p :]
        now[row, :seen] = rest[:seen]
        if row < m:
            before[row] = rest[seen : seen + m]
        last[row, 1:] = rest[len(rest) - (levels - 1) :]
    return Ahead(clock, base, now, before, last)


def _events(models: Models, fixed: np.ndarray) -> Events:
    """Coefficients: intercept, interval, fixed, covariates, treatment, products by modifier and treatment."""
    names, m = models.columns.names, len(models.varying)
    q, p, drugs = models.columns.time.shape[1], fixed.shape[1], len(names.levels) - 1
    known = (*names.fixed, *names.varying)
    count = len(models.events)
    clock = np.empty((count, len(models.columns.time)))
    base, now = np.empty((count, drugs + 1, len(fixed))), np.empty((count, drugs + 1, m))
    for row, model in enumerate(models.events):
        b = model.coefficients
        clock[row] = b[0] + models.columns.time @ b[1 : 1 + q]
        slopes = np.tile(b[1 + q : 1 + q + p + m], (drugs + 1, 1))  # by treatment
        products = b[1 + q + p + m + drugs :].reshape(len(names.modifiers), drugs)
        for name, product in zip(names.modifiers, products, strict=True):
            slopes[1:, known.index(name)] += product
        effect = np.concatenate([[0.0], b[1 + q + p + m : 1 + q + p + m + drugs]])
        base[row] = effect[:, None] + slopes[:, :p] @ fixed.T
        now[row] = slopes[:, p:]
    return Events(clock, base, now)


def _drawn(models: Models, begin: int, n: int, seed: int, drawn: bool) -> Drawn:
    m, levels = len(models.varying), len(models.columns.names.levels)
    held = np.full((m, max((len(values) for values in models.held), default=0)), np.nan)
    for row, values in enumerate(models.held):
        held[row, : len(values)] = values
    spread, low, high = (
        np.array([getattr(model, name) for model in models.varying], np.float64) for name in ("spread", "low", "high")
    )
    return Drawn(
        np.array([model.kind == NORMAL for model in models.varying], np.bool_),
        spread,
        low,
        high,
        held,
        np.isin(np.arange(levels), models.kept),
        _draws(models, begin, n, seed) if drawn else np.empty((0, 0, 0)),
    )


def _draws(models: Models, begin: int, n: int, seed: int) -> np.ndarray:
    """(K, m + 1, n): the same for a person, an interval and a variable, whatever is asked."""
    m, horizon = len(models.varying), len(models.columns.time)
    variables = np.append(np.arange(m), MOST_VARIABLES - 1)  # covariates, then treatment
    number = (np.arange(horizon)[:, None] * MOST_VARIABLES + variables).ravel()
    draws = uniforms(seed, STREAM, np.tile(np.arange(begin, begin + n), len(number)), np.repeat(number, n))
    draws = draws.reshape(horizon, m + 1, n)
    normal = [j for j, model in enumerate(models.varying) if model.kind == NORMAL]
    draws[:, normal] = ndtri(draws[:, normal])
    return draws
