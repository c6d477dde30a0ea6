"""Emulated trials as a likelihood that can be maximised: columns with names, centred, and how to come back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equipoise.estimators.glm_fit import INTERCEPT
from equipoise.kernels.newton import Evaluation
from equipoise.kernels.trial_likelihood import TrialLikelihood
from equipoise.kernels.trial_recession import limit_along, trial_recession
from equipoise.kernels.trial_rows import PADDING, FollowUp, TrialDesign, Trials, TrialWeights, no_limit, rows_by_state


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns of a marginal structural model before centring.

    covariates  float64 (N, p) of panel rows with `names`; read at a trial's start
    period      int64 (N,), position in `trial_table` float64 (periods, q) with `trial_names`
    arm_names   of the arms beside the reference; empty where arms are no columns of trials
    exposure_names  of all terms that tell treatments apart, by trial or by state
    modified    positions of the covariates that also enter by arm
    phi         float64 (q, M) by state with `phi_names`; base, levels, cumulative as in `FollowUp`
    """

    covariates: np.ndarray
    names: tuple[str, ...]
    period: np.ndarray
    trial_table: np.ndarray
    trial_names: tuple[str, ...]
    arm_names: tuple[str, ...]
    exposure_names: tuple[str, ...]
    modified: tuple[int, ...]
    phi: np.ndarray
    phi_names: tuple[str, ...]
    base: np.ndarray
    levels: np.ndarray
    cumulative: bool
    horizon: int

    @property
    def terms(self) -> tuple[str, ...]:
        products = tuple(f"{self.names[m]}:{arm}" for m in self.modified for arm in self.arm_names)
        return (INTERCEPT, *self.arm_names, *self.trial_names, *self.names, *products, *self.phi_names)


@dataclass(frozen=True, slots=True, eq=False)
class TrialProblem:
    """A likelihood of trials as `maximum_likelihood.solve` asks for it; `events`: information on the intercept."""

    likelihood: TrialLikelihood
    events: float
    centre: np.ndarray

    def evaluate(self, beta: np.ndarray) -> Evaluation:
        return self.likelihood.evaluate(beta)

    def recession(self, scale: np.ndarray) -> np.ndarray | None:
        return trial_recession(self.likelihood, scale)

    def limit(self, direction: np.ndarray) -> "TrialProblem":
        return replace(self, likelihood=limit_along(self.likelihood, direction))


def trial_problem(
    columns: Columns, trials: Trials, weights: TrialWeights, y: np.ndarray, events: tuple[float, float]
) -> TrialProblem:
    """The problem of trials whose rows, weighted, hold `events` = (events, rows), both above zero and not equal."""
    with_event, total = events
    design, z_centre = _design(columns, trials, weights.times)
    phi, phi_centre = _follow_up(columns, trials)
    width = 1 + len(z_centre)
    shift = math.log(with_event / (total - with_event))
    likelihood = TrialLikelihood(trials, weights, design, phi, y, shift, no_limit(width, phi.phi.shape[1]))
    information = with_event * (1.0 - with_event / total)
    return TrialProblem(likelihood, information, np.concatenate([z_centre, phi_centre]))


def sizes(columns: Columns, trials: Trials) -> np.ndarray:
    """The magnitude of each column, (P,), one for those that are all zero."""
    at = trials.start[:: max(1, len(trials.start) // 1000)]
    largest = [np.abs(columns.covariates[at]).max(axis=0, initial=0.0)]
    trial = np.abs(columns.trial_table).max(axis=0, initial=0.0)
    products = np.repeat(largest[0][list(columns.modified)], len(columns.arm_names))
    phi = np.abs(columns.phi).max(axis=1, initial=0.0)
    whole = np.concatenate([np.ones(1 + len(columns.arm_names)), trial, *largest, products, phi])
    return np.where(whole > 0.0, whole, 1.0)


def _design(columns: Columns, trials: Trials, times: np.ndarray) -> tuple[TrialDesign, np.ndarray]:
    """Columns of trials less their means over the rows of the trials."""
    rows = trials.length * (times[trials.person] if len(times) else 1.0)
    total = max(float(rows.sum()), 1.0)
    n_arms = len(columns.arm_names)
    per_row = np.bincount(trials.start, rows, len(columns.period))
    arms = np.bincount(trials.arm, rows, n_arms + 1)[1 : n_arms + 1] / total
    trial = np.bincount(columns.period, per_row, len(columns.trial_table)) @ columns.trial_table / total
    covariates = np.einsum("i,ij->j", per_row, columns.covariates) / total  # without the threads of BLAS
    products = [
        (rows * (trials.arm == a + 1)) @ columns.covariates[trials.start, m] / total
        for m in columns.modified
        for a in range(n_arms)
    ]
    modified, at = np.array(columns.modified, np.int64), np.array(products, np.float64)
    design = TrialDesign(
        columns.covariates, covariates, columns.period, columns.trial_table - trial, arms, modified, at
    )
    return design, np.concatenate([arms, trial, covariates, at])


def _follow_up(columns: Columns, trials: Trials) -> tuple[FollowUp, np.ndarray]:
    """Columns of states less their means over the rows."""
    given = FollowUp(columns.phi, columns.base, columns.levels, columns.cumulative, columns.horizon)
    rows = rows_by_state(trials, given)
    centre = columns.phi @ rows / max(float(rows.sum()), 1.0)
    padding = np.zeros((len(centre), PADDING))
    return given._replace(phi=np.ascontiguousarray(np.hstack([columns.phi - centre[:, None], padding]))), centre


def names_of(treatment: str, levels: Sequence[str]) -> tuple[str, ...]:
    """Names of the levels beside the reference: the treatment's own where it is 0 and 1."""
    return (treatment,) if tuple(levels) == ("0", "1") else tuple(f"{treatment}[{level}]" for level in levels[1:])
